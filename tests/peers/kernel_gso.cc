// SPDX-License-Identifier: GPL-2.0-or-later
// A super-frame, TCP's or UDP's, cut by the kernel and by the card: the same octets on the wire.
// Behind the kernel's own vxlan device, but for what each side chooses for itself (UDP source port,
// IPv4 identification); and behind the headers of the card's first segment, of any format, in all.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "hw/core/base/bytes.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/peers/gso_bed.hh"
#include "tests/peers/kernel_encap.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::peers {
namespace {

using test::Bytes;
using test::Frame;

struct Case {
  const char* format;
  bool outer_v6, inner_v6, udp_checksum;
  uint32_t payload;
  uint16_t mss;
  bool inner_udp = false;
  bool dont_fragment = true;
};

// CWR, ACK, PSH and FIN, and a time stamp: all that differs between first, middle and last.
Bytes super_frame(const Case& row) {
  Frame frame = Frame().ethernet();
  row.inner_v6 ? frame.ipv6({.traffic_class = 0xba, .flow_label = 0x12345})
               : frame.ipv4({.tos = 0xba, .id = 0xfffe, .dont_fragment = row.dont_fragment});
  if (row.inner_udp) return frame.udp().payload(row.payload).build();
  return frame
      .tcp(
          {.sequence = 0xfffffc00, .flags = 0x99, .options = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}})
      .payload(row.payload)
      .build();
}

bool is_udp(const Case& row) {
  return policy::shipped_format(row.format)->protocol == policy::Format::kUdp;
}
bool has_ethernet(const Case& row) {
  return policy::shipped_format(row.format)->inner == policy::Inside::kEthernet;
}
Carrier carrier_of(const Case& row) {
  if (is_udp(row)) return Carrier::kUdp;
  return policy::shipped_format(row.format)->header.empty() ? Carrier::kIp : Carrier::kGre;
}
// Octets of the inner L4 header, and of all in front of the inner payload.
uint16_t l4_length(const Case& row) { return row.inner_udp ? 8 : 32; }
uint16_t header_length(const Case& row) {
  return static_cast<uint16_t>((row.inner_v6 ? 54 : 34) + l4_length(row));
}

Cut cut_of(const Case& row) {
  const Gso gso = row.inner_udp ? Gso::kUdp : row.inner_v6 ? Gso::kTcp6 : Gso::kTcp4;
  return {.gso = gso,
          .cwr = !row.inner_udp,
          .l4 = static_cast<uint16_t>(header_length(row) - l4_length(row)),
          .payload = header_length(row),
          .mss = row.mss};
}

bool is_vxlan(const Bytes& frame, bool v6) {
  const size_t udp = v6 ? 54 : 34;
  return frame.size() > udp + 50 && load_be<uint16_t>(&frame[12]) == (v6 ? 0x86dd : 0x0800) &&
         frame[v6 ? 20 : 23] == 17 && load_be<uint16_t>(&frame[udp + 2]) == 4789 &&
         Bytes(frame.begin() + ptrdiff_t(udp) + 22, frame.begin() + ptrdiff_t(udp) + 28) ==
             test::from_hex("525400000001");
}

size_t segments_of(const Case& row) { return (row.payload + row.mss - 1) / row.mss; }

std::vector<Bytes> cut_by_vxlan(const Case& row) {
  GsoBed bed;
  const std::string ends = row.outer_v6 ? "local 2001:db8::1 remote 2001:db8::2 "
                                        : "local 192.0.2.1 remote 192.0.2.2 df set ";
  bed.net.sh(std::string("ip link set out0 address ") + test::kMacA +
             "; ip addr add 192.0.2.1/24 dev out0; ip addr add 2001:db8::1/64 dev out0 nodad; "
             "ip neigh replace 192.0.2.2 lladdr " +
             test::kMacB +
             " dev out0 nud permanent; "
             "ip neigh replace 2001:db8::2 lladdr " +
             test::kMacB +
             " dev out0 nud permanent; "
             "ip link add tun0 type vxlan id 100 " +
             ends + "dstport 4789 ttl 64 tos inherit " +
             (row.udp_checksum ? "udpcsum; "
              : row.outer_v6   ? "udp6zerocsumtx; "
                               : "noudpcsum; ") +
             "ip link add br0 type bridge forward_delay 0; "
             "sysctl -qw net.ipv6.conf.br0.disable_ipv6=1 net.ipv6.conf.in0.disable_ipv6=1 "
             "net.ipv6.conf.tun0.disable_ipv6=1; "
             "ip link set in0 master br0; ip link set tun0 master br0; "
             "ip link set tun0 mtu 1500 up; ip link set br0 up");
  return bed.pass(for_tap(cut_of(row), super_frame(row)), segments_of(row),
                  [&](const Bytes& frame) { return is_vxlan(frame, row.outer_v6); });
}

// Sent by the card, or in its name.
bool is_cards(const Bytes& frame) {
  return Bytes(frame.begin() + 6, frame.begin() + 12) == test::from_hex("02000000000a");
}

std::vector<Bytes> cut_behind(const Case& row, const Bytes& first_segment) {
  GsoBed bed;
  bed.silence();
  lab::WorkDir work("gso");
  // The inner Ethernet header is one of those in front, where there is one.
  const auto headers =
      static_cast<ptrdiff_t>(first_segment.size()) + 14 - header_length(row) - row.mss;
  encapsulate_in_kernel(bed.net, work, "in0", "out0",
                        {.headers = Bytes(first_segment.begin(), first_segment.begin() + headers),
                         .outer_v6 = row.outer_v6,
                         .carrier = carrier_of(row),
                         .ethernet_inside = has_ethernet(row)});
  return bed.pass(for_tap(cut_of(row), super_frame(row)), segments_of(row), is_cards);
}

std::vector<Bytes> cut_by_card(const Case& row) {
  const bool options = std::string(row.format) == "geneve";  // what a tunnel header ends with
  test::World a(test::only_red(
      test::card_a({.kind = row.format,
                    .v6 = row.outer_v6,
                    .udp_checksum = row.udp_checksum && !row.outer_v6,
                    .zero_checksum_ipv6 = row.outer_v6 && !row.udp_checksum && is_udp(row),
                    .options = options ? Bytes{1, 2, 3, 1, 5, 6, 7, 8} : Bytes{},
                    .mtu = 1700})));
  a.from_vnic(0, super_frame(row),
              {.tso = true,
               .tcp = !row.inner_udp,
               .ipv4 = !row.inner_v6,
               .mss = row.mss,
               .header_length = header_length(row),
               .payload_length = row.payload});
  std::vector<Bytes> frames;
  for (const test::SentFrame& sent : a.sink.sent) frames.push_back(sent.frame);
  return frames;
}

// Source port and identification are each side's own, and with them two checksums, which are
// looked at before.
Bytes comparable(Bytes frame, bool v6, uint16_t* identification) {
  const size_t udp = v6 ? 54 : 34;
  std::string why;
  if (!v6 || load_be<uint16_t>(&frame[udp + 6]) != 0) {
    EXPECT_TRUE(test::checksums_right(frame, &why)) << why;
  }
  if (!v6) {
    *identification = load_be<uint16_t>(&frame[18]);
    frame = test::patch(test::patch(frame, 18, {0, 0}), 24, {0, 0});
  }
  frame = test::patch(frame, udp, {0, 0});
  if (load_be<uint16_t>(&frame[udp + 6]) != 0) frame = test::patch(frame, udp + 6, {0xff, 0xff});
  return frame;
}

struct Sizes {
  uint32_t payload;
  uint16_t mss;
  bool inner_udp, dont_fragment;
};
constexpr Sizes kSizes[] = {{64000, 1400, false, true}, {4201, 1400, false, false},
                            {2800, 1400, false, true},  {20000, 536, false, false},
                            {64000, 1400, true, true},  {4201, 1400, true, false},
                            {2800, 1400, true, true},   {20000, 536, true, false}};

class KernelGso : public testing::TestWithParam<std::tuple<bool, bool, bool>> {};

TEST_P(KernelGso, CutsAsTheCardDoes) {
  if (std::string why; !lab::Netns::available(&why)) GTEST_SKIP() << "skipped: " << why;
  if (!lab::kernel_has_link_type("vxlan")) GTEST_SKIP() << "skipped: needs the kernel's vxlan";
  const auto [outer_v6, inner_v6, udp_checksum] = GetParam();
  for (const auto& [payload, mss, inner_udp, dont_fragment] : kSizes) {
    SCOPED_TRACE((inner_udp ? "UDP " : "TCP ") + std::to_string(payload));
    const Case row{"vxlan", outer_v6, inner_v6,  udp_checksum,
                   payload, mss,      inner_udp, dont_fragment};
    const std::vector<Bytes> kernel = cut_by_vxlan(row), card = cut_by_card(row);
    ASSERT_EQ(kernel.size(), card.size());
    uint16_t kernel_first = 0, card_first = 0;
    for (size_t i = 0; i < card.size(); ++i) {
      uint16_t kernel_id = 0, card_id = 0;
      ASSERT_EQ(test::to_hex(comparable(card[i], outer_v6, &card_id)),
                test::to_hex(comparable(kernel[i], outer_v6, &kernel_id)))
          << "segment " << i;
      if (i == 0) kernel_first = kernel_id, card_first = card_id;
      EXPECT_EQ(uint16_t(card_id - card_first), uint16_t(kernel_id - kernel_first)) << i;
      const size_t port = outer_v6 ? 54 : 34;
      EXPECT_TRUE(std::equal(card[i].begin() + ptrdiff_t(port),
                             card[i].begin() + ptrdiff_t(port) + 2,
                             card[0].begin() + ptrdiff_t(port)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Vxlan, KernelGso,
                         testing::Combine(testing::Bool(), testing::Bool(), testing::Bool()),
                         [](const auto& row) {
                           return std::string(std::get<0>(row.param) ? "OverIpv6" : "OverIpv4") +
                                  (std::get<1>(row.param) ? "Ipv6" : "Ipv4") +
                                  (std::get<2>(row.param) ? "Sum" : "NoSum");
                         });

class KernelGsoOf : public testing::TestWithParam<std::tuple<const char*, bool, bool>> {};

TEST_P(KernelGsoOf, AFormatCutsAsTheCardDoes) {
  if (std::string why; !lab::Netns::available(&why)) GTEST_SKIP() << "skipped: " << why;
  const auto [format, outer_v6, inner_v6] = GetParam();
  for (const auto& [payload, mss, inner_udp, dont_fragment] : kSizes) {
    SCOPED_TRACE((inner_udp ? "UDP " : "TCP ") + std::to_string(payload));
    const Case row{format, outer_v6, inner_v6, false, payload, mss, inner_udp, dont_fragment};
    const std::vector<Bytes> card = cut_by_card(row);
    ASSERT_FALSE(card.empty());
    const std::vector<Bytes> kernel = cut_behind(row, card[0]);
    ASSERT_EQ(kernel.size(), card.size());
    for (size_t i = 0; i < card.size(); ++i) {
      ASSERT_EQ(test::to_hex(card[i]), test::to_hex(kernel[i])) << "segment " << i;
    }
  }
}

std::string name_of(const testing::TestParamInfo<KernelGsoOf::ParamType>& row) {
  return test::test_name(std::get<0>(row.param)) +
         (std::get<1>(row.param) ? "OverIpv6" : "OverIpv4") +
         (std::get<2>(row.param) ? "Ipv6" : "Ipv4");
}

INSTANTIATE_TEST_SUITE_P(Formats, KernelGsoOf,
                         testing::Combine(testing::Values("gre", "nvgre", "geneve", "slot",
                                                          "gre-udp", "gue", "gre-ip"),
                                          testing::Bool(), testing::Bool()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(OfIpv4, KernelGsoOf,
                         testing::Combine(testing::Values("ipip"), testing::Bool(),
                                          testing::Values(false)),
                         name_of);

}  // namespace
}  // namespace gatehouse::peers
