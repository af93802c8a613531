// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/gso_bed.hh"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::peers {

using test::Bytes;

Bytes for_tap(const Cut& cut, Bytes frame) {
  constexpr uint8_t kNeedsChecksum = 1, kCwr = 0x80;  // of virtio_net_hdr
  const bool udp = cut.gso == Gso::kUdp;
  const auto length = static_cast<uint32_t>(frame.size() - cut.l4);
  const uint8_t protocol = udp ? 17 : 6;
  const uint8_t* ip = frame.data() + 14;
  const uint16_t sum =
      ip[0] >> 4 == 6
          ? checksum::pseudo_v6(Ipv6Header(ip).source_octets(), Ipv6Header(ip).destination_octets(),
                                protocol, length)
          : checksum::pseudo_v4(Ipv4Header(ip).source_octets(), Ipv4Header(ip).destination_octets(),
                                protocol, static_cast<uint16_t>(length));
  const uint16_t checksum_at = udp ? 6 : 16;
  store_be(&frame[size_t{cut.l4} + checksum_at], sum);
  Bytes header(10);
  header[0] = kNeedsChecksum;
  header[1] = static_cast<uint8_t>(static_cast<uint8_t>(cut.gso) | (cut.cwr ? kCwr : 0));
  store_le(&header[2], cut.payload);
  store_le(&header[4], cut.mss);
  store_le(&header[6], cut.l4);
  store_le(&header[8], checksum_at);
  return test::concat({header, frame});
}

void GsoBed::silence() {
  net.sh("sysctl -qw net.ipv6.conf.out0.disable_ipv6=1 net.ipv6.conf.in0.disable_ipv6=1");
}

std::vector<Bytes> GsoBed::pass(const Bytes& super_frame, size_t frames,
                                const std::function<bool(const Bytes&)>& is_ours) {
  EXPECT_EQ(write(in, super_frame.data(), super_frame.size()),
            static_cast<ssize_t>(super_frame.size()));
  std::vector<Bytes> passed;
  pollfd ready{out, POLLIN, 0};
  while (passed.size() < frames && poll(&ready, 1, 5000) == 1) {
    Bytes one(65536);
    const ssize_t octets = read(out, one.data(), one.size());
    if (octets <= 0) continue;
    one.resize(static_cast<size_t>(octets));
    if (is_ours(one)) passed.push_back(one);
  }
  return passed;
}

}  // namespace gatehouse::peers
