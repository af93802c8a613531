// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/segment/too_big.hh"

#include <tuple>

#include "tests/unit/core/segment/cutting.hh"

namespace gatehouse::segment {
namespace {

using test::Bytes;
using test::Frame;

const MacAddress kGateway = *parse_mac("02:00:00:00:00:fe");
const IpAddress kGatewayV4 = *parse_ip("10.0.0.254");
const IpAddress kGatewayV6 = *parse_ip("fd00::fe");

// Empty: refused.
Bytes answer_to(const Bytes& frame, uint32_t mtu, uint16_t mss = 0) {
  PacketPool pool({.small_count = 2, .large_count = 2});
  const Packet* packet = parsed(pool, frame, mss);
  Packet* answer = pool.take(kTooBigOctets);
  const IpAddress& source = packet->layers.l3 == L3::kIpv6 ? kGatewayV6 : kGatewayV4;
  const bool made = make_too_big(*packet, mtu, kGateway, source, *answer);
  EXPECT_EQ(made, answer->length != 0);
  EXPECT_EQ(test::bytes_of(*packet), frame);
  return test::bytes_of(*answer);
}

TEST(TooBig, FragmentationNeededIsWholeAndQuotesTheSender) {
  const Bytes frame = Frame().ethernet().ipv4({.dont_fragment = true}).udp().payload(1472).build();
  const Bytes quote(frame.begin() + 14, frame.begin() + 14 + 548);
  EXPECT_EQ(answer_to(frame, 1450),
            Frame()
                .ethernet({.destination = "52:54:00:00:00:01", .source = "02:00:00:00:00:fe"})
                .ipv4({.source = "10.0.0.254",
                       .destination = "10.0.0.1",
                       .tos = 0xc0,
                       .id = 0,
                       .dont_fragment = true})
                .icmp({.type = 3, .code = 4, .rest = 1450})
                .payload(quote)
                .build());
}

TEST(TooBig, PacketTooBigIsWholeAndQuotesTheSender) {
  const Bytes frame = Frame().ethernet().vlan(5).ipv6().tcp().payload(1440).build();
  const Bytes quote(frame.begin() + 18, frame.begin() + 18 + 1280 - 48);
  EXPECT_EQ(answer_to(frame, 1430),
            Frame()
                .ethernet({.destination = "52:54:00:00:00:01", .source = "02:00:00:00:00:fe"})
                .vlan(5)
                .ipv6({.source = "fd00::fe", .destination = "fd00::1"})
                .icmp({.type = 2, .rest = 1430})
                .payload(quote)
                .build());
}

TEST(TooBig, AShortDatagramIsQuotedWithoutItsPadding) {
  const Bytes frame = Frame().ethernet().ipv4().udp().payload(100).append(Bytes(40, 7)).build();
  const Bytes answer = answer_to(frame, 68);
  const Layers layers = layers_of(answer);
  EXPECT_EQ(payload_of(answer, layers), Bytes(frame.begin() + 14, frame.begin() + 14 + 128));
}

TEST(TooBig, EveryAnswerParsesWithRightChecksums) {
  for (const uint32_t octets : {1u, 51u, 1000u, 1451u}) {
    for (const Bytes& frame : {Frame().ethernet().ipv4().udp().payload(octets).build(),
                               Frame().ethernet().ipv6().tcp().payload(octets).build(),
                               Frame()
                                   .ethernet()
                                   .vlan(1)
                                   .vlan(2)
                                   .ipv4({.options = Bytes(40, 1)})
                                   .tcp()
                                   .payload(octets)
                                   .build()}) {
      const Bytes answer = answer_to(frame, 1280);
      ASSERT_FALSE(answer.empty());
      std::string why;
      EXPECT_TRUE(test::checksums_right(answer, &why)) << why;
      layers_of(answer);
      EXPECT_LE(answer.size(), kTooBigOctets);
    }
  }
}

// The driver left the lengths zero: the quote says what the segment that did not fit would have
// said.
TEST(TooBig, TheQuoteOfASuperFrameHasASegmentsLength) {
  const Bytes v4 = Frame()
                       .ethernet()
                       .ipv4({.dont_fragment = true, .total_length = 0, .checksum = 0})
                       .tcp()
                       .payload(20000)
                       .build();
  const Bytes answer4 = answer_to(v4, 1400, 1460);
  ASSERT_FALSE(answer4.empty());
  const Ipv4Header quoted(answer4.data() + 14 + 20 + 8);
  EXPECT_EQ(quoted.total_length(), 1500);
  EXPECT_EQ(test::naive_sum(std::span(answer4).subspan(42, 20)), 0xffff);
  EXPECT_TRUE(test::checksums_right(answer4));

  const Bytes v6 = Frame().ethernet().ipv6({.payload_length = 0}).tcp().payload(20000).build();
  const Bytes answer6 = answer_to(v6, 1400, 1440);
  EXPECT_EQ(Ipv6Header(answer6.data() + 14 + 40 + 8).payload_length(), 1460);
  EXPECT_TRUE(test::checksums_right(answer6));
}

TEST(TooBig, NeverAnswersWhatMustNotBeAnswered) {
  const auto v4 = [](const test::Ipv4& ip) {
    return Frame().ethernet().ipv4(ip).udp().payload(64).build();
  };
  const auto v6 = [](const test::Ipv6& ip) {
    return Frame().ethernet().ipv6(ip).udp().payload(64).build();
  };
  const auto icmp4 = [](uint8_t type) {
    return Frame().ethernet().ipv4().icmp({.type = type}).payload(64).build();
  };
  const auto icmp6 = [](uint8_t type) {
    return Frame().ethernet().ipv6().icmp({.type = type}).payload(64).build();
  };
  const Bytes redirect =
      Frame()
          .ethernet()
          .ipv6({.source = "fe80::1", .hop_limit = 255})
          .icmp({.type = 137})
          .payload(
              test::from_hex("fe800000000000000000000000000009 fd010000000000000000000000000005"))
          .build();
  const std::tuple<const char*, Bytes, bool> rows[] = {
      {"v4", v4({}), true},
      {"v6", v6({}), true},
      {"ping", icmp4(8), true},
      {"pong", icmp4(0), true},
      {"v6 ping", icmp6(128), true},
      {"first fragment", v4({.more_fragments = true}), true},
      {"first v6 fragment", Frame().ethernet().ipv6().fragment(0, true).udp().payload(64).build(),
       true},
      {"arp", Frame().ethernet().arp().build(), false},
      {"another EtherType", Frame().ethernet().payload(64).build(), false},
      {"unreachable", icmp4(3), false},
      {"source quench", icmp4(4), false},
      {"redirect", icmp4(5), false},
      {"time exceeded", icmp4(11), false},
      {"parameter problem", icmp4(12), false},
      {"v6 unreachable", icmp6(1), false},
      {"v6 too big", icmp6(2), false},
      {"v6 unknown error", icmp6(127), false},
      {"v6 redirect", redirect, false},
      {"later fragment", v4({.fragment_offset = 8}), false},
      {"later v6 fragment", Frame().ethernet().ipv6().fragment(64, false).udp().payload(64).build(),
       false},
      {"from nobody", v4({.source = "0.0.0.0"}), false},
      {"from this net's", v4({.source = "0.1.2.3"}), false},
      {"from loopback", v4({.source = "127.0.0.1"}), false},
      {"from a group", v4({.source = "224.0.0.1"}), false},
      {"from broadcast", v4({.source = "255.255.255.255"}), false},
      {"to a group", v4({.destination = "239.1.1.1"}), false},
      {"to broadcast", v4({.destination = "255.255.255.255"}), false},
      {"v6 from nobody", v6({.source = "::"}), false},
      {"v6 from a group", v6({.source = "ff02::1"}), false},
      {"v6 to a group", v6({.destination = "ff02::1"}), false},
      {"to a broadcast MAC",
       Frame().ethernet({.destination = "ff:ff:ff:ff:ff:ff"}).ipv4().udp().payload(64).build(),
       false},
      {"to a group's MAC",
       Frame().ethernet({.destination = "33:33:00:00:00:01"}).ipv6().udp().payload(64).build(),
       false},
  };
  for (const auto& [what, frame, answered] : rows) {
    EXPECT_EQ(!answer_to(frame, 1400).empty(), answered) << what;
  }
}

TEST(TooBig, TheSourceMustBeOfTheSendersFamily) {
  PacketPool pool({.small_count = 2, .large_count = 1});
  const Packet* packet = parsed(pool, Frame().ethernet().ipv4().udp().payload(64).build());
  Packet* answer = pool.take(kTooBigOctets);
  EXPECT_FALSE(make_too_big(*packet, 1400, kGateway, kGatewayV6, *answer));
  EXPECT_FALSE(make_too_big(*packet, 1400, kGateway, IpAddress{}, *answer));
  EXPECT_TRUE(make_too_big(*packet, 1400, kGateway, kGatewayV4, *answer));
}

}  // namespace
}  // namespace gatehouse::segment
