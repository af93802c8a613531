// SPDX-License-Identifier: GPL-2.0-or-later
// TCP-shaped segments are what a NIC's plain TSO makes (US 9,602,636; draft-davie-stt-08 section
// 3.1): the kernel's, which knows no tunnel here, cuts one large TCP frame, whose payload is all
// that the card put into its segments, and makes the card's segments of it, octet for octet. The
// other card puts them together again.
#include <gtest/gtest.h>

#include <tuple>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "tests/peers/gso_bed.hh"
#include "tests/unit/core/pipeline/segments.hh"

namespace gatehouse::peers {
namespace {

using test::Bytes;

constexpr uint16_t kMss = 1300;    // of the inner connection
constexpr size_t kTcpHeader = 20;  // of a TCP-shaped segment: it has no options

size_t tcp_offset(bool v6) { return v6 ? 54 : 34; }
Bytes payload_of(const Bytes& segment, bool v6) {
  return Bytes(segment.begin() + static_cast<ptrdiff_t>(tcp_offset(v6) + kTcpHeader),
               segment.end());
}

// The one frame of which these are the segments.
Bytes uncut(const std::vector<Bytes>& segments, bool v6) {
  const Bytes& first = segments.at(0);
  Bytes frame(first.begin(), first.begin() + static_cast<ptrdiff_t>(tcp_offset(v6) + kTcpHeader));
  for (const Bytes& segment : segments) frame = test::concat({frame, payload_of(segment, v6)});
  const size_t behind_ip = frame.size() - tcp_offset(v6);
  if (v6) {
    Ipv6Header(frame.data() + 14).set_payload_length(static_cast<uint16_t>(behind_ip));
  } else {
    const Ipv4Header ip(frame.data() + 14);
    ip.set_total_length(static_cast<uint16_t>(behind_ip + 20));
    ip.set_checksum(0);
    ip.set_checksum(checksum::finish(checksum::sum(ip.at(), 20)));
  }
  return frame;
}

std::vector<Bytes> cut_by_kernel(const std::vector<Bytes>& segments, bool v6) {
  GsoBed bed;
  bed.silence();
  bed.net.sh(
      "ip link add br0 type bridge forward_delay 0; sysctl -qw net.ipv6.conf.br0.disable_ipv6=1; "
      "ip link set in0 master br0; ip link set out0 master br0; ip link set br0 up");
  const Cut cut{.gso = v6 ? Gso::kTcp6 : Gso::kTcp4,
                .l4 = static_cast<uint16_t>(tcp_offset(v6)),
                .payload = static_cast<uint16_t>(tcp_offset(v6) + kTcpHeader),
                .mss = static_cast<uint16_t>(payload_of(segments.at(0), v6).size())};
  return bed.pass(for_tap(cut, uncut(segments, v6)), segments.size(), [](const Bytes& frame) {
    return std::equal(frame.begin() + 6, frame.begin() + 12,
                      parse_mac(test::kMacA)->octets.begin());
  });
}

class KernelTso : public testing::TestWithParam<std::tuple<const char*, bool, bool>> {};

TEST_P(KernelTso, CutsWhatTheCardCuts) {
  if (std::string why; !lab::Netns::available(&why)) GTEST_SKIP() << "skipped: " << why;
  const auto [format, outer_v6, inner_v6] = GetParam();
  const test::Shape shape{.kind = format, .v6 = outer_v6};
  for (const uint32_t octets : {60'000u, 20'001u, 2u * kMss}) {
    SCOPED_TRACE(octets);
    const test::Data data{.v6 = inner_v6, .octets = octets};
    test::World a(card_a(shape)), b(card_b(shape));
    data.send(a, kMss);
    const std::vector<Bytes> card = test::sent(a);
    ASSERT_GE(card.size(), 2u);
    const std::vector<Bytes> kernel = cut_by_kernel(card, outer_v6);
    ASSERT_EQ(kernel.size(), card.size());
    for (size_t i = 0; i < card.size(); ++i) {
      ASSERT_EQ(test::to_hex(kernel[i]), test::to_hex(card[i])) << "segment " << i;
    }
    test::receive(b, kernel);
    EXPECT_EQ(b.count()["uplink0.rx_reassembled"], 1u);
    EXPECT_EQ(test::received(b), test::as_if_cut(data, kMss));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, KernelTso,
                         testing::Combine(testing::Values("stt", "stt-redundant"), testing::Bool(),
                                          testing::Bool()),
                         [](const auto& row) {
                           return test::test_name(std::get<0>(row.param)) +
                                  (std::get<1>(row.param) ? "OverIpv6" : "OverIpv4") +
                                  (std::get<2>(row.param) ? "Ipv6" : "Ipv4");
                         });

}  // namespace
}  // namespace gatehouse::peers
