// SPDX-License-Identifier: GPL-2.0-or-later
// Formats that carry IP datagrams: the Ethernet header is left out on the way and made anew from
// the mapping where it ends.
#include <gtest/gtest.h>

#include "hw/core/policy/format_rules.hh"
#include "hw/core/policy/reader.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

using policy::Format;
using policy::shipped_format;

// Between a0 and b0 alone.
policy::Policy with(policy::Policy policy, const Format& format) {
  policy.formats = {format};
  policy.tenants[0].format = format.name;
  return only_red(std::move(policy));
}

struct Pair {
  explicit Pair(const Format& format, const Shape& shape = {})
      : a(with(card_a(shape), format)), b(with(card_b(shape), format)) {}
  // What a0's frame is on the wire, which b has taken.
  Bytes pass(const Bytes& frame, const Offload& offload = {}) {
    a.sink.clear();
    b.sink.clear();
    a.from_vnic(0, frame, offload);
    for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
    return a.sink.sent.empty() ? Bytes{} : a.sink.sent[0].frame;
  }
  World a, b;
};

const Bytes kV4 = Frame().ethernet().ipv4({.tos = 0xb9}).udp().payload(40).build();
const Bytes kV6 = Frame().ethernet().ipv6().tcp().payload(40).build();

TEST(InnerIp, GreCarriesBothVersionsWithoutEthernet) {
  for (const bool outer_v6 : {false, true}) {
    Pair pair(*shipped_format("gre-ip"), {.v6 = outer_v6});
    for (const Bytes& frame : {kV4, kV6}) {
      const Bytes outer = pair.pass(frame);
      const size_t gre = outer_v6 ? 54 : 34;
      ASSERT_EQ(outer.size(), gre + 8 + frame.size() - 14);
      EXPECT_EQ(to_hex(Bytes(outer.begin() + ptrdiff_t(gre), outer.begin() + ptrdiff_t(gre) + 8)),
                frame == kV4 ? to_hex(from_hex("20000800 00000064"))
                             : to_hex(from_hex("200086dd 00000064")));
      ASSERT_EQ(pair.b.sink.received.size(), 1u);
      EXPECT_EQ(to_hex(pair.b.sink.received[0].frame), to_hex(frame)) << "MACs and all";
    }
  }
}

TEST(InnerIp, PaddingStaysBehind) {
  Pair pair(*shipped_format("gre-ip"));
  const Bytes frame = Frame().ethernet().ipv4().udp().payload(3).build();
  pair.pass(concat({frame, Bytes(15)}));
  ASSERT_EQ(pair.b.sink.received.size(), 1u);
  EXPECT_EQ(to_hex(pair.b.sink.received[0].frame), to_hex(frame));
}

TEST(InnerIp, SuperFramesAreCut) {
  const Bytes frame = Frame()
                          .ethernet()
                          .ipv4({.dont_fragment = true, .total_length = 0, .checksum = 0})
                          .tcp({.checksum = 0})
                          .payload(5000)
                          .build();
  const Offload tso = tcp_tso(true, 1200, 5000);
  Pair ip(*shipped_format("gre-ip")), ethernet(*shipped_format("gre"));
  ip.a.sink.wire_cuts = true;
  ip.pass(frame, tso);
  ethernet.pass(frame, tso);
  ASSERT_EQ(ip.a.sink.sent.size(), 5u);
  ASSERT_EQ(ip.b.sink.received.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(ip.a.sink.sent[i].frame.size() + 14, ethernet.a.sink.sent[i].frame.size());
    EXPECT_EQ(to_hex(ip.b.sink.received[i].frame), to_hex(ethernet.b.sink.received[i].frame));
  }
}

// Of one's own, TCP-shaped: what STT's fields say counts from the datagram, which is all there is.
TEST(InnerIp, ASuperFrameInSegmentsSaysWhereItsHeaderIs) {
  Format format = *shipped_format("stt");
  format.inner = policy::Inside::kIp;
  ASSERT_FALSE(policy::check_format(format));
  Pair ip(format), ethernet(*shipped_format("stt"));
  for (const bool v6 : {false, true}) {
    const Bytes frame = v6 ? Frame().ethernet().ipv6().tcp().payload(5000).build()
                           : Frame().ethernet().ipv4().tcp().payload(5000).build();
    const Offload tso = tcp_tso(!v6, 1200, 5000);
    constexpr size_t kL4Offset = 14 + 20 + 20 + 2;
    EXPECT_EQ(ethernet.pass(frame, tso).at(kL4Offset), v6 ? 54 : 34);
    EXPECT_EQ(ip.pass(frame, tso).at(kL4Offset), v6 ? 40 : 20);
    ASSERT_EQ(ip.b.sink.received.size(), 5u);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(to_hex(ip.b.sink.received[i].frame), to_hex(ethernet.b.sink.received[i].frame));
    }
  }
}

// Where the tunnel header has been written over the Ethernet header.
TEST(InnerIp, WhatDoesNotWaitIsCapturedAsItCame) {
  Format format = *shipped_format("stt");
  format.inner = policy::Inside::kIp;
  World a(with(card_a({.ask = true}), format));
  a.pipeline.tap(pipeline::TapPoint::kDrops, true);
  Bytes frame;
  for (uint8_t i = 0; i < 2; ++i) {
    frame = Frame()
                .ethernet()
                .ipv4({.id = i, .dont_fragment = true})
                .udp()
                .payload(pattern(16'050, i))
                .build();
    a.from_vnic(0, frame);
  }
  EXPECT_EQ(a.count()["drop.neighbour_queue_full"], 1u);
  ASSERT_EQ(a.sink.taps.size(), 1u);
  EXPECT_EQ(to_hex(a.sink.taps[0].frame), to_hex(frame));
}

// Of whose checksum the sender made as much as a NIC wants that cuts it.
TEST(InnerIp, AStreamForAGroupHasItsChecksum) {
  Format format = *shipped_format("stt");
  format.inner = policy::Inside::kIp;
  Pair pair(format, {.broadcast = true});
  const Bytes frame = Frame()
                          .ethernet({.destination = "01:00:5e:01:01:01"})
                          .ipv4({.destination = "239.1.1.1", .dont_fragment = true})
                          .tcp()
                          .payload(5000)
                          .build();
  pair.a.from_vnic(0, frame, tcp_tso(true, 1200, 5000));
  pair.b.sink.largest = 16380;
  for (const SentFrame& sent : pair.a.sink.sent) pair.b.from_wire(sent.frame);
  ASSERT_EQ(pair.b.sink.received.size(), 1u);
  EXPECT_TRUE(checksums_right(pair.b.sink.received[0].frame));
  EXPECT_TRUE(pair.b.sink.received[0].checked && pair.b.sink.received[0].good);
}

TEST(InnerIp, NoHeaderAtAllIsIpInIp) {
  Pair pair(*shipped_format("ipip"));
  const Bytes outer = pair.pass(kV4);
  ASSERT_EQ(outer.size(), 20 + kV4.size());
  EXPECT_EQ(outer[23], 4);
  ASSERT_EQ(pair.b.sink.received.size(), 1u);
  EXPECT_EQ(to_hex(pair.b.sink.received[0].frame), to_hex(kV4));
  EXPECT_TRUE(pair.pass(kV6).empty()) << "its peer would not know it";
  EXPECT_EQ(pair.a.count()["drop.not_in_format"], 1u);
}

// Segments times vnics would be more than one frame's work.
TEST(InnerIp, ASuperFrameForAGroupIsNotCutForEach) {
  Format format{.name = "f", .protocol = Format::kUdp, .port = 4755};
  format.inner = policy::Inside::kIp;
  ASSERT_FALSE(policy::check_format(format));
  Pair pair(format, {.mtu = 9000, .broadcast = true});
  const Bytes frame = Frame()
                          .ethernet({.destination = "01:00:5e:01:01:01"})
                          .ipv4({.destination = "239.1.1.1"})
                          .tcp()
                          .payload(3000)
                          .build();
  pair.pass(frame);
  ASSERT_EQ(pair.b.sink.received.size(), 1u);
  pair.b.sink.clear();
  pair.b.from_wire(pair.a.sink.sent[0].frame, 0, 1000);
  ASSERT_EQ(pair.b.sink.received.size(), 1u);
  EXPECT_EQ(to_hex(pair.b.sink.received[0].frame), to_hex(frame));
}

// Nothing stands in front of the datagram that would have to agree.
TEST(InnerIp, WithoutAHeaderSegmentsAreMergedToo) {
  policy::Policy merging = with(card_b(), *shipped_format("ipip"));
  merging.vnics[0].coalesce = true;
  World a(with(card_a(), *shipped_format("ipip"))), b(merging);
  b.sink.largest = 16380;
  const Bytes frame =
      Frame().ethernet().ipv4({.dont_fragment = true}).tcp({.flags = 0x18}).payload(5000).build();
  a.from_vnic(0, frame, tcp_tso(true, 1200, 5000));
  ASSERT_EQ(a.sink.sent.size(), 5u);
  for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
  ASSERT_EQ(b.sink.received.size(), 1u);
  EXPECT_EQ(to_hex(b.sink.received[0].frame), to_hex(frame));
}

TEST(InnerIp, WhatHasNoPlaceInADatagramIsDropped) {
  Pair pair(*shipped_format("gre-ip"));
  pair.pass(Frame().ethernet().vlan(0x6000).ipv4().udp().payload(20).build());
  EXPECT_EQ(pair.a.count()["drop.not_in_format"], 1u);
}

// EtherType and version must agree; what the wire says beyond that is held against the mapping.
TEST(InnerIp, IsRefusedWhereItContradictsItself) {
  Pair pair(*shipped_format("gre-ip"));
  const Bytes outer = pair.pass(kV4);
  World b(with(card_b(), *shipped_format("gre-ip")));
  b.from_wire(patch(outer, 36, {0x86, 0xdd}));
  b.from_wire(patch(outer, 36, {0x65, 0x58}));
  b.from_wire(patch(outer, 42, {0x65}));
  b.from_wire(patch(outer, 42, {0x55}));
  Bytes empty(outer.begin(), outer.begin() + 42);
  empty = patch(empty, 16, {0, 28});
  const unsigned gone = static_cast<unsigned>(kV4.size() - 14);
  const unsigned sum = unsigned(outer[24] << 8 | outer[25]) + gone;
  empty = patch(empty, 24, {uint8_t((sum + (sum >> 16)) >> 8), uint8_t(sum + (sum >> 16))});
  b.from_wire(empty);
  EXPECT_EQ(b.count()["drop.bad_tunnel"], 5u);
  EXPECT_TRUE(b.sink.received.empty());
}

// Class E is no group (RFC 1112 section 4): nobody's, it is not for everybody.
TEST(InnerIp, AReservedAddressIsNoBroadcast) {
  policy::Policy from = with(card_a(), *shipped_format("gre-ip"));
  from.mappings.push_back({"red",
                           *parse_prefix("240.0.0.0/4"),
                           *parse_mac("52:54:00:00:00:99"),
                           *parse_ip("192.0.2.2"),
                           {}});
  World a(from), b(with(card_b(), *shipped_format("gre-ip")));
  a.from_vnic(0, Frame().ethernet().ipv4({.destination = "240.0.0.1"}).udp().build());
  ASSERT_EQ(a.sink.sent.size(), 1u);
  b.from_wire(a.sink.sent[0].frame);
  EXPECT_TRUE(b.sink.received.empty());
  EXPECT_EQ(b.sink.drops, (std::vector<Dropped>{{false, 0, spec::DropReason::no_vnic}}));
}

TEST(InnerIp, NobodysAddressesReachNobody) {
  Pair pair(*shipped_format("gre-ip"));
  const Format gre = *shipped_format("gre-ip");
  // A card whose vnic may say anything.
  policy::Policy loose = with(card_a(), gre);
  loose.vnics[0].anti_spoof = false;
  World a(loose), b(with(card_b(), gre));
  a.from_vnic(0, Frame().ethernet().ipv4({.source = "10.0.0.77"}).udp().payload(9).build());
  ASSERT_EQ(a.sink.sent.size(), 1u);
  b.from_wire(a.sink.sent[0].frame);
  EXPECT_EQ(b.count()["drop.remote_spoof"], 1u);
  const Bytes outer = pair.pass(kV4);
  policy::Policy elsewhere = with(card_b(), gre);
  elsewhere.vnics[0].addresses = {prefix("10.0.0.9")};
  World c(elsewhere);
  c.from_wire(outer);
  EXPECT_EQ(c.count()["drop.no_vnic"], 1u);
  EXPECT_TRUE(b.sink.received.empty() && c.sink.received.empty());
}

// Who has no mapping has no MAC address that a guest could know; the card's own is not for guests.
TEST(InnerIp, TheUnderlaysAddressesAreNotForGuests) {
  const Shape shape{.kind = "gre-ip", .broadcast = true};
  for (const auto& [source, mac] : {std::pair{"fe80::5054:ff:fe00:77", "52:54:00:00:00:77"},
                                    {"fe80::77", "fe:ff:ff:ff:ff:ff"}}) {
    World a(only_red(card_a(shape))), b(only_red(card_b(shape)));
    a.from_vnic(0, Frame()
                       .ethernet({.destination = "33:33:00:00:00:fb"})
                       .ipv6({.source = "fe80::1", .destination = "ff02::fb"})
                       .udp()
                       .build());
    ASSERT_EQ(a.sink.sent.size(), 1u);
    Bytes frame = a.sink.sent[0].frame;
    const size_t ip = frame.size() - 48;  // IPv6 and UDP
    const IpAddress from = *parse_ip(source);
    std::copy_n(from.octets.begin(), 16, frame.begin() + static_cast<ptrdiff_t>(ip + 8));
    b.from_wire(frame);
    ASSERT_EQ(b.sink.received.size(), 1u);
    EXPECT_EQ(to_string(MacAddress::from(&b.sink.received[0].frame[6])), mac);
  }
}

TEST(InnerIp, APolicyMayDescribeNoHeaderAtAll) {
  const auto formats = [](const std::string& inner) {
    return policy::read_policy(
        "{\"formats\": [{\"name\": \"f\", \"port\": 4755, \"inner\": \"" + inner + "\"}]}", "test");
  };
  EXPECT_TRUE(formats("ipv4").ok()) << formats("ipv4").status().message();
  EXPECT_FALSE(formats("ethernet").ok());
}

TEST(InnerIp, APolicyThatSaysEthernetIsNotOverruledByItsKind) {
  const auto inner = [](const std::string& rest) {
    const auto read =
        policy::read_policy("{\"formats\": [{\"name\": \"f\", " + rest + "}]}", "test");
    if (!read.ok()) return read.status().message();
    for (const Format& format : read.value().formats) {
      if (format.name == "f") return std::to_string(static_cast<int>(format.inner));
    }
    return std::string();
  };
  const auto is = [](policy::Inside inside) { return std::to_string(static_cast<int>(inside)); };
  EXPECT_EQ(inner(R"("kind": "gre-ip")"), is(policy::Inside::kIp));
  EXPECT_EQ(inner(R"("kind": "gre-ip", "inner": "ipv6")"), is(policy::Inside::kIpv6));
  EXPECT_EQ(inner(R"("kind": "gre")"), is(policy::Inside::kEthernet));
  EXPECT_NE(inner(R"("kind": "gre-ip", "inner": "ethernet")").find("ether_type"),
            std::string::npos);
  EXPECT_NE(inner(R"("kind": "ipip", "inner": "ethernet")").find("header"), std::string::npos);
}

TEST(InnerIp, DescriptionsThatContradictThemselvesAreRefused) {
  const auto complaint = [](auto change) {
    Format format = *shipped_format("gre-ip");
    change(format);
    const auto finding = policy::check_format(format);
    return std::string(finding ? finding->member : "");
  };
  EXPECT_EQ(complaint([](Format&) {}), "");
  EXPECT_EQ(complaint([](Format& f) { f.inner = policy::Inside::kEthernet; }), "ether_type");
  EXPECT_EQ(complaint([](Format& f) { f.ether_type.bits = 8; }), "ether_type");
  EXPECT_EQ(complaint([](Format& f) { f.ether_type.octet = 1; }), "ether_type");
  EXPECT_EQ(complaint([](Format& f) { f.ether_type.octet = 7; }), "ether_type");
  Format ipip = *shipped_format("ipip");
  EXPECT_FALSE(policy::check_format(ipip));
  ipip.inner = policy::Inside::kEthernet;
  ASSERT_TRUE(policy::check_format(ipip));
  EXPECT_STREQ(policy::check_format(ipip)->member, "header");
}

}  // namespace
}  // namespace gatehouse::test
