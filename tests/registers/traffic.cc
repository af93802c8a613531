// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/registers/traffic.hh"

namespace gatehouse::registers {

using test::Bytes;
using test::Frame;

Bytes datagram(uint32_t payload) {
  return Frame()
      .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
      .ipv4({.source = "192.168.0.1", .destination = "192.168.0.2"})
      .udp()
      .payload(payload)
      .build();
}

Bytes reply(uint32_t payload) {
  return Frame()
      .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
      .ipv4({.source = "192.168.0.2", .destination = "192.168.0.1"})
      .udp()
      .payload(payload)
      .build();
}

Bytes encapsulated(const Bytes& inner, const std::string& vni) {
  return Frame()
      .ethernet({.destination = "02:00:00:00:00:01", .source = "02:00:00:00:00:02"})
      .ipv4({.source = "10.1.0.2", .destination = "10.1.0.1"})
      .udp({.destination = 4789, .checksum = 0})
      .payload(test::concat({test::from_hex("08000000" + vni), inner}))
      .build();
}

}  // namespace gatehouse::registers
