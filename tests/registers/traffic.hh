// SPDX-License-Identifier: GPL-2.0-or-later
// Frames that Machine::default_policy() lets pass, both ways.
#ifndef GATEHOUSE_TESTS_REGISTERS_TRAFFIC_HH_
#define GATEHOUSE_TESTS_REGISTERS_TRAFFIC_HH_

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/unit/core/frames.hh"

namespace gatehouse::registers {

inline constexpr size_t kOuter = 14 + 20 + 8 + 8;  // Ethernet, IPv4, UDP, VXLAN

// From the vnic, and to it: UDP with so many octets of payload.
test::Bytes datagram(uint32_t payload = 100);
test::Bytes reply(uint32_t payload = 100);
// As the underlay's other host sends it: kOuter octets more.
test::Bytes encapsulated(const test::Bytes& inner, const std::string& vni = "00138900");

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_TRAFFIC_HH_
