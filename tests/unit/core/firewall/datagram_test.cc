// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/datagram.hh"

#include <gtest/gtest.h>

#include <random>

#include "hw/core/base/checksum.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using firewall::Kind;
constexpr auto kOut = FlowDirection::kOut, kIn = FlowDirection::kIn;

Layers parsed(const Bytes& frame) {
  Layers layers;
  EXPECT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none) << to_hex(frame);
  return layers;
}

FlowKey key_of(const Bytes& frame, FlowDirection direction) {
  return flow_key(flow_ends(frame.data(), parsed(frame)), direction, 3);
}

TEST(FlowKey, IsTheSameForBothDirections) {
  const Bytes out = Frame().ethernet().ipv4().tcp({.source = 1000, .destination = 80}).build();
  const Bytes in = Frame()
                       .ethernet()
                       .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                       .tcp({.source = 80, .destination = 1000})
                       .build();
  EXPECT_EQ(key_of(out, kOut), key_of(in, kIn));
  EXPECT_FALSE(key_of(out, kOut) == key_of(in, kOut));
  EXPECT_FALSE(
      key_of(out, kOut) ==
      key_of(Frame().ethernet().ipv4().udp({.source = 1000, .destination = 80}).build(), kOut));
  FlowKey other = key_of(out, kOut);
  other.owner = 4;
  EXPECT_FALSE(other == key_of(out, kOut));
}

// Every bit of the headers turned: what remains "the same flow" has the same key and stations, and
// what has not is not called the same.
TEST(FlowKey, SameFlowIsNeverSaidOfAnother) {
  const Frame ethernet = Frame().ethernet();
  const Bytes frames[] = {
      Frame(ethernet).ipv4().udp().payload(20).build(), Frame(ethernet).ipv4().tcp().build(),
      Frame(ethernet).ipv6().udp().payload(20).build(), Frame(ethernet).ipv6().tcp().build()};
  unsigned same = 0, others = 0;
  for (const Bytes& frame : frames) {
    const Layers layers = parsed(frame);
    EXPECT_TRUE(same_flow(frame.data(), layers, frame.data(), layers));
    for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
      Bytes turned = frame;
      turned[bit / 8] ^= uint8_t(1u << bit % 8);
      if (layers.l3 == L3::kIpv4) {
        const Ipv4Header ip(turned.data() + 14);
        ip.set_checksum(0);
        ip.set_checksum(checksum::finish(checksum::sum(ip.at(), ip.kLength)));
      }
      Layers found;
      if (parse::parse(turned, {}, found) != spec::DropReason::none) continue;
      const bool stations = std::equal(frame.begin(), frame.begin() + 12, turned.begin());
      const bool alike = stations && found.l3 == layers.l3 && found.l4 == layers.l4 &&
                         found.fragment == layers.fragment &&
                         key_of(turned, kOut) == key_of(frame, kOut);
      EXPECT_EQ(same_flow(turned.data(), found, frame.data(), layers), alike) << bit;
      EXPECT_EQ(same_flow(frame.data(), layers, turned.data(), found), alike) << bit;
      ++(alike ? same : others);
    }
  }
  EXPECT_GT(same, 400u);  // TOS, identification, TTL, sequence, flags, payload
  EXPECT_GT(others, 700u);
}

TEST(FlowKey, SameFlowIsOnlySaidOfPlainFrames) {
  const Frame v4 = Frame().ethernet().ipv4(), v6 = Frame().ethernet().ipv6();
  for (const Bytes& frame :
       {Frame().ethernet().vlan(5).ipv4().udp().build(),
        Frame().ethernet().ipv4({.options = {1, 1, 1, 0}}).udp().build(),
        Frame().ethernet().ipv4({.more_fragments = true}).udp().payload(16).build(),
        Frame(v6).extension(0).udp().build(), Frame(v4).icmp().payload(8).build(),
        Frame().ethernet().arp().build(), Frame(v4).payload(20).build()}) {
    const Layers layers = parsed(frame);
    EXPECT_FALSE(same_flow(frame.data(), layers, frame.data(), layers)) << to_hex(frame);
  }
}

// The key of a frame with ports is made as words: its members must stand where they belong.
TEST(FlowKey, MadeAsWordsHasItsMembers) {
  const FlowKey v4 = key_of(Frame()
                                .ethernet()
                                .ipv4({.source = "10.0.0.1", .destination = "10.0.0.2"})
                                .tcp({.source = 1000, .destination = 80})
                                .build(),
                            kIn);
  FlowKey expected;
  expected.local = {10, 0, 0, 2};
  expected.remote = {10, 0, 0, 1};
  expected.local_port = 80;
  expected.remote_port = 1000;
  expected.owner = 3;
  expected.protocol = 6;
  EXPECT_EQ(v4, expected);
  const FlowKey v6 = key_of(Frame()
                                .ethernet()
                                .ipv6({.source = "fd00::1", .destination = "fd00:2::3"})
                                .udp({.source = 0xfedc, .destination = 53})
                                .build(),
                            kOut);
  expected.local = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  expected.remote = {0xfd, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3};
  expected.local_port = 0xfedc;
  expected.remote_port = 53;
  expected.protocol = 17;
  expected.v6 = true;
  EXPECT_EQ(v6, expected);
}

TEST(FlowKey, EchoIsKnownByWhoAsks) {
  const auto echo = [](bool v6, bool ask, uint16_t id, bool back) {
    const uint8_t type = v6 ? (ask ? 128 : 129) : (ask ? 8 : 0);
    const char* one = v6 ? "fd00::1" : "10.0.0.1";
    const char* two = v6 ? "fd00::2" : "10.0.0.2";
    Frame frame;
    frame.ethernet();
    if (v6) {
      frame.ipv6({.source = back ? two : one, .destination = back ? one : two});
    } else {
      frame.ipv4({.source = back ? two : one, .destination = back ? one : two});
    }
    return frame.icmp({.type = type, .rest = uint32_t(id) << 16 | 1}).build();
  };
  for (const bool v6 : {false, true}) {
    EXPECT_EQ(key_of(echo(v6, true, 7, false), kOut), key_of(echo(v6, false, 7, true), kIn));
    EXPECT_EQ(key_of(echo(v6, true, 0, true), kIn), key_of(echo(v6, false, 0, false), kOut));
    EXPECT_FALSE(key_of(echo(v6, true, 7, false), kOut) == key_of(echo(v6, true, 7, true), kIn))
        << "both ask";
    EXPECT_FALSE(key_of(echo(v6, true, 0, false), kOut) == key_of(echo(v6, true, 0, true), kIn));
    EXPECT_FALSE(key_of(echo(v6, true, 7, false), kOut) == key_of(echo(v6, false, 8, true), kIn));
  }
}

TEST(FlowKey, DhcpIsOneConversation) {
  const Bytes ask = Frame()
                        .ethernet()
                        .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
                        .udp({.source = 68, .destination = 67})
                        .build();
  const Bytes answer = Frame()
                           .ethernet()
                           .ipv4({.source = "10.0.0.254", .destination = "10.0.0.1"})
                           .udp({.source = 67, .destination = 68})
                           .build();
  EXPECT_EQ(key_of(ask, kOut), key_of(answer, kIn));
  const Bytes ask6 = Frame()
                         .ethernet()
                         .ipv6({.source = "fe80::1", .destination = "ff02::1:2"})
                         .udp({.source = 546, .destination = 547})
                         .build();
  const Bytes answer6 = Frame()
                            .ethernet()
                            .ipv6({.source = "fe80::9", .destination = "fe80::1"})
                            .udp({.source = 547, .destination = 546})
                            .build();
  EXPECT_EQ(key_of(ask6, kOut), key_of(answer6, kIn));
  // For a server its clients stay apart.
  EXPECT_FALSE(key_of(ask, kIn) == key_of(Frame()
                                              .ethernet()
                                              .ipv4({.source = "10.0.0.7"})
                                              .udp({.source = 68, .destination = 67})
                                              .build(),
                                          kIn));
}

TEST(Kinds, AreTold) {
  const struct {
    Bytes frame;
    Kind kind;
  } rows[] = {
      {Frame().ethernet().ipv4().tcp().build(), Kind::kTcp},
      {Frame().ethernet().ipv6().extension(60).udp().build(), Kind::kUdp},
      {Frame().ethernet().ipv4().icmp({.type = 8}).build(), Kind::kEcho},
      {Frame().ethernet().ipv4().icmp({.type = 0}).build(), Kind::kEcho},
      {Frame().ethernet().ipv6().icmp({.type = 129}).build(), Kind::kEcho},
      {Frame().ethernet().ipv4().icmp({.type = 3}).build(), Kind::kError},
      {Frame().ethernet().ipv4().icmp({.type = 11}).build(), Kind::kError},
      {Frame().ethernet().ipv4().icmp({.type = 5}).build(), Kind::kOtherIcmp},
      {Frame().ethernet().ipv4().icmp({.type = 13}).build(), Kind::kOtherIcmp},
      {Frame().ethernet().ipv6().icmp({.type = 2}).build(), Kind::kError},
      {Frame().ethernet().ipv6().icmp({.type = 127}).build(), Kind::kError},
      {Frame().ethernet().ipv6().icmp({.type = 130}).build(), Kind::kOtherIcmp},
      {Frame().ethernet().ipv4({.protocol = 47}).payload(30).build(), Kind::kOther},
      {Frame().ethernet().ipv6({.next_header = 1}).payload(30).build(), Kind::kOther},
      {Frame().ethernet().arp().build(), Kind::kExempt},
      {Frame().ethernet().payload(40).build(), Kind::kExempt},
      {Frame().ethernet().ipv6({.hop_limit = 255}).neighbor_solicitation("fd00::2").build(),
       Kind::kExempt},
  };
  for (const auto& row : rows)
    EXPECT_EQ(firewall::kind_of(row.frame.data(), parsed(row.frame)), row.kind)
        << to_hex(row.frame);
}

TEST(Fragments, TellWhichDatagramTheyAreOf) {
  const auto fragment = [](const Bytes& frame) {
    return firewall::fragment_of(frame.data(), parsed(frame));
  };
  const auto key = [&](const Bytes& frame, FlowDirection direction) {
    return firewall::fragment_key(frame.data(), parsed(frame), fragment(frame), direction, 3);
  };
  const auto v4 = [](uint32_t offset, uint16_t id) {
    Frame frame;
    frame.ethernet().ipv4(
        {.id = id, .more_fragments = offset < 64, .fragment_offset = offset, .protocol = 17});
    return offset == 0 ? frame.udp({.length = 200}).payload(56).build() : frame.payload(64).build();
  };
  EXPECT_EQ(fragment(v4(0, 9)).headers, 8u);
  EXPECT_EQ(fragment(v4(64, 9)).offset, 64u);
  EXPECT_EQ(fragment(v4(64, 9)).headers, 0u);
  EXPECT_EQ(key(v4(0, 9), kIn), key(v4(64, 9), kIn));
  EXPECT_FALSE(key(v4(0, 9), kIn) == key(v4(64, 8), kIn));
  EXPECT_FALSE(key(v4(0, 9), kIn) == key(v4(0, 9), kOut));
  const auto v6 = [](uint32_t offset, uint32_t id) {
    Frame frame;
    frame.ethernet().ipv6().extension(0).fragment(offset, offset < 64, id);
    return offset == 0 ? frame.extension(60).tcp({.options = {1, 1, 1, 1}}).payload(32).build()
                       : frame.payload(64).build();
  };
  EXPECT_EQ(fragment(v6(0, 0x12345678)).headers, 32u);
  EXPECT_EQ(fragment(v6(0, 0x12345678)).identification, 0x12345678u);
  EXPECT_EQ(fragment(v6(64, 0x12345678)).offset, 64u);
  EXPECT_EQ(key(v6(0, 0x12345678), kIn), key(v6(64, 0x12345678), kIn))
      << "their next headers differ";
  EXPECT_FALSE(key(v6(0, 1), kIn) == key(v6(64, 0x10001), kIn));
}

// The chain to "no next header" was judged, too: a later fragment does not write over it.
TEST(Fragments, OfAChainThatEndsInNothingTheWholeChainIsHeaders) {
  constexpr size_t kLast = 14 + 40 + 8 + 8;
  Frame frame;
  frame.ethernet().ipv6().fragment(0, true, 7).extension(60).extension(60).payload(8);
  const Bytes first = patch(frame.build(), kLast, {59});
  const firewall::Fragment fragment = firewall::fragment_of(first.data(), parsed(first));
  EXPECT_EQ(fragment.offset, 0u);
  EXPECT_EQ(fragment.headers, 16u);
  Frame later;
  later.ethernet().ipv6().fragment(8, false, 7).payload(48);
  const Bytes second = later.build();
  EXPECT_EQ(firewall::fragment_of(second.data(), parsed(second)).offset, 8u);
}

// What a host of `family` sends about a datagram that 10.0.0.1 (fd00::1) sent.
Bytes error_about(const Bytes& sent, bool v6, size_t octets = 1000) {
  const Bytes quoted(sent.begin() + 14, sent.begin() + long(std::min(sent.size(), 14 + octets)));
  Frame frame;
  frame.ethernet();
  if (v6) {
    frame.ipv6({.source = "fd00::9", .destination = "fd00::1"}).icmp({.type = 1});
  } else {
    frame.ipv4({.source = "10.0.0.9", .destination = "10.0.0.1"}).icmp({.type = 3});
  }
  return frame.payload(quoted).build();
}

TEST(Quotations, LeadToTheConnection) {
  for (const bool v6 : {false, true}) {
    const auto ip = [&](Frame& frame) -> Frame& {
      return v6 ? frame.ethernet().ipv6() : frame.ethernet().ipv4();
    };
    Frame tcp, udp, echo, extended, authentic;
    const Bytes sent[] = {
        ip(tcp).tcp({.sequence = 77}).build(), ip(udp).udp().build(),
        ip(echo).icmp({.type = uint8_t(v6 ? 128 : 8), .rest = 0x00050001}).build(),
        v6 ? ip(extended).extension(0).extension(60).udp().build() : ip(extended).udp().build(),
        // Its length is counted in other words than those of the other headers.
        v6 ? ip(authentic).extension(51, Bytes(14)).udp().build() : ip(authentic).udp().build()};
    for (const Bytes& frame : sent) {
      firewall::Quotation quotation;
      const Bytes whole = error_about(frame, v6);
      ASSERT_TRUE(firewall::quotation_of(whole.data(), parsed(whole), quotation));
      EXPECT_EQ(flow_key(quotation.ends, kOut, 3), key_of(frame, kOut));
      EXPECT_EQ(quotation.tcp, &frame == &sent[0]);
      EXPECT_EQ(quotation.sequence, quotation.tcp ? 77u : 0u);
    }
    Frame other;
    const Bytes not_own = (v6 ? other.ethernet().ipv6({.source = "fd00::7"})
                              : other.ethernet().ipv4({.source = "10.0.0.7"}))
                              .udp()
                              .build();
    const Bytes error = error_about(not_own, v6);
    firewall::Quotation quotation;
    EXPECT_FALSE(firewall::quotation_of(error.data(), parsed(error), quotation))
        << "sent by somebody else";
  }
  const Bytes later =
      Frame().ethernet().ipv4({.fragment_offset = 64, .protocol = 17}).payload(64).build();
  firewall::Quotation quotation;
  const Bytes error = error_about(later, false);
  EXPECT_FALSE(firewall::quotation_of(error.data(), parsed(error), quotation)) << "no ports";
}

TEST(Quotations, ReadNothingOutside) {
  std::mt19937 random(2);
  const Bytes udp = Frame().ethernet().ipv4().udp().payload(20).build();
  const Bytes tcp6 = Frame().ethernet().ipv6().extension(0).fragment(0, false).tcp().build();
  for (int round = 0; round < 20'000; ++round) {
    const bool v6 = round % 2;
    Bytes quoted = v6 ? tcp6 : udp;
    for (int i = 0; i < 3; ++i) quoted[14 + random() % (quoted.size() - 14)] = uint8_t(random());
    const Bytes built = error_about(quoted, v6, random() % 100);
    // Of exactly its size, so that a sanitizer sees what lies behind.
    const std::vector<uint8_t> frame(built.begin(), built.end());
    Layers layers;
    ASSERT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none);
    firewall::Quotation quotation;
    if (!firewall::quotation_of(frame.data(), layers, quotation)) continue;
    static_cast<void>(flow_key(quotation.ends, kOut, 0));
    if (quotation.ends.l4 != nullptr) {
      ASSERT_LE(quotation.ends.l4 + 8, frame.data() + layers.l3_end);
    }
  }
}

}  // namespace
}  // namespace gatehouse::test
