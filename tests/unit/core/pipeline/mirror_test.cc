// SPDX-License-Identifier: GPL-2.0-or-later
// Mirror sessions: copies of what a vnic sends and is given, to an underlay peer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

policy::Policy mirrored(const Shape& shape = {}) {
  policy::Policy policy = card_a(shape);
  policy.mirrors = {{"watch", "red", *parse_ip("192.0.2.9"), 0x777777}};
  policy.uplinks[0].neighbours.push_back({*parse_ip("192.0.2.9"), *parse_mac("02:00:00:00:00:09")});
  policy.vnics[0].mirror = "watch";
  return policy;
}

// Behind outer headers of Geneve over IPv4.
Bytes inner_of(const Bytes& frame) { return {frame.begin() + 50, frame.end()}; }
bool to_mirror(const Bytes& frame) { return frame[5] == 9; }
Bytes udp(const std::string& destination = "10.0.0.2", uint32_t payload = 20) {
  return Frame()
      .ethernet({.destination = "52:54:00:00:00:77"})
      .ipv4({.destination = destination})
      .udp()
      .payload(payload)
      .build();
}

TEST(Mirror, ThereMayBeMoreSessionsThanTenants) {
  policy::Policy policy = mirrored();
  const policy::Mirror one = policy.mirrors[0];
  for (uint32_t i = 1; i <= 0x10000; ++i) {
    policy.mirrors.push_back(one);
    policy.mirrors.back().name = "watch" + std::to_string(i);
    policy.mirrors.back().vni = i;
  }
  policy.vnics[0].mirror = "watch65536";
  World a(policy);
  a.from_vnic(0, udp());
  ASSERT_EQ(a.sink.sent.size(), 2u);
  EXPECT_TRUE(to_mirror(a.sink.sent[0].frame));
  EXPECT_EQ(load_be<uint32_t>(&a.sink.sent[0].frame[46]) >> 8, 0x10000u) << "the session's VNI";
}

TEST(Mirror, CopiesWhatTheGuestSendsAndIsGiven) {
  World a(mirrored()), b(card_b());
  a.from_vnic(0, udp());
  ASSERT_EQ(a.sink.sent.size(), 2u);
  EXPECT_TRUE(to_mirror(a.sink.sent[0].frame));
  EXPECT_EQ(inner_of(a.sink.sent[0].frame), udp()) << "as the guest sent it";
  EXPECT_EQ(a.sink.sent[0].frame[46], 0x77) << "the session's VNI";
  EXPECT_FALSE(to_mirror(a.sink.sent[1].frame));
  b.from_wire(a.sink.sent[1].frame);
  b.from_vnic(0, Frame()
                     .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
                     .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                     .udp()
                     .build());
  a.sink.clear();
  a.from_wire(b.sink.sent.at(0).frame);
  ASSERT_EQ(a.sink.received.size(), 1u);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_TRUE(to_mirror(a.sink.sent[0].frame));
  EXPECT_EQ(inner_of(a.sink.sent[0].frame), a.sink.received[0].frame);
  EXPECT_EQ(a.count().at("vnic0.mirrored"), 2u);
  // Dropped ones too, those between vnics, and answers of the card itself.
  a.sink.clear();
  a.from_vnic(0, udp("10.0.0.99"));
  a.from_vnic(0, udp("10.0.0.3"));
  a.from_vnic(0, Frame().ethernet().arp().build());
  EXPECT_EQ(a.sink.sent.size(), 4u);
  EXPECT_EQ(a.sink.received.size(), 2u);
  // Others are not copied.
  a.sink.clear();
  a.from_vnic(2, Frame().ethernet().ipv4().udp().build());
  EXPECT_EQ(a.sink.sent.size(), 1u);
}

// Who looks at copies sees every octet of a stream.
TEST(Mirror, CopiesASuperFrameAsItsSegments) {
  World a(mirrored());
  const Bytes frame = Frame().ethernet().ipv4({.dont_fragment = true}).tcp().payload(3000).build();
  const auto offload = [](uint16_t mss) {
    return Offload{.tso = true,
                   .tcp = true,
                   .ipv4 = true,
                   .mss = mss,
                   .header_length = 54,
                   .payload_length = 3000};
  };
  for (const uint16_t mss : {1000, 9000}) {  // a smaller one, where the underlay asks for it
    SCOPED_TRACE(mss);
    a.sink.clear();
    a.from_vnic(0, frame, offload(mss));
    ASSERT_EQ(a.sink.sent.size(), 6u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(to_mirror(a.sink.sent[i].frame));
      EXPECT_FALSE(to_mirror(a.sink.sent[i + 3].frame));
      EXPECT_EQ(inner_of(a.sink.sent[i].frame), inner_of(a.sink.sent[i + 3].frame));
      EXPECT_TRUE(checksums_right(a.sink.sent[i].frame));
    }
  }
  EXPECT_EQ(a.count().at("vnic0.mirrored"), 2u);
  // A context that lies is no frame's: what there is of it is shown.
  a.sink.clear();
  Offload lie = offload(1000);
  lie.header_length = 50;
  a.from_vnic(0, frame, lie);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(a.sink.sent[0].frame.size(), 1514u);
  EXPECT_EQ(inner_of(a.sink.sent[0].frame), cut(frame, 1464));
  EXPECT_EQ(a.count().at("vnic0.drop.bad_tso_context"), 1u);
}

TEST(Mirror, CutsWhatIsTooLong) {
  World a(mirrored());
  // Two vnics of one card may exchange what the underlay does not take.
  const Bytes datagram = udp("10.0.0.3", 3000);
  a.from_vnic(0, datagram);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(inner_of(a.sink.sent[0].frame), cut(datagram, 1464));
  ASSERT_EQ(a.sink.received.size(), 1u);
  // TCP is cut to segments.
  a.sink.clear();
  const Bytes stream = Frame()
                           .ethernet({.destination = "52:54:00:00:00:77"})
                           .ipv4({.destination = "10.0.0.3"})
                           .tcp()
                           .payload(3000)
                           .build();
  a.from_vnic(0, stream);
  ASSERT_EQ(a.sink.sent.size(), 3u);
  Bytes payload;
  for (const SentFrame& sent : a.sink.sent) {
    EXPECT_TRUE(checksums_right(sent.frame));
    payload.insert(payload.end(), sent.frame.begin() + 50 + 54, sent.frame.end());
  }
  EXPECT_EQ(payload, Bytes(stream.begin() + 54, stream.end()));
}

// What the underlay takes is copied whole: the tenant's MTU is for what goes to its peers.
TEST(Mirror, IsNotCutToTheTenantsMtu) {
  policy::Policy policy = mirrored();
  policy.tenants[0].mtu = 1000;
  World a(policy);
  const Bytes datagram = udp("10.0.0.3", 1300);
  a.from_vnic(0, datagram);
  ASSERT_GE(a.sink.sent.size(), 1u);
  EXPECT_EQ(inner_of(a.sink.sent[0].frame), datagram);
  a.sink.clear();
  const Bytes stream = Frame()
                           .ethernet({.destination = "52:54:00:00:00:77"})
                           .ipv4({.destination = "10.0.0.3", .dont_fragment = true})
                           .tcp()
                           .payload(1300)
                           .build();
  a.from_vnic(0, stream);
  ASSERT_EQ(a.sink.sent.size(), 2u) << "refused, and seen; the word to the guest, too";
  EXPECT_EQ(inner_of(a.sink.sent[0].frame), stream);
}

// Else a guest shows who looks at copies a stream that its receiver never sees.
TEST(Mirror, WhatStandsBehindADatagramIsNoPartOfTheStream) {
  World a(mirrored());
  const auto tcp = [](uint32_t payload) {
    return Frame()
        .ethernet({.destination = "52:54:00:00:00:77"})
        .ipv4({.destination = "10.0.0.3"})
        .tcp()
        .payload(payload)
        .build();
  };
  a.from_vnic(0, concat({tcp(20), Bytes(3000)}));
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(inner_of(a.sink.sent[0].frame), cut(concat({tcp(20), Bytes(3000)}), 1464));
  a.sink.clear();
  a.from_vnic(0, concat({tcp(2000), Bytes(3000)}));
  ASSERT_EQ(a.sink.sent.size(), 2u);
  EXPECT_EQ(a.sink.sent[0].frame.size() + a.sink.sent[1].frame.size(), 2 * (50u + 54) + 2000);
}

// A receiver may spread flows by the outer headers.
TEST(Mirror, CopiesOfOneFlowHaveOneSourcePort) {
  World a(mirrored());
  std::set<Bytes> ports;
  for (uint16_t source = 1; source <= 20; ++source) {
    a.sink.clear();
    for (int i = 0; i < 2; ++i) {
      a.from_vnic(0, Frame()
                         .ethernet({.destination = "52:54:00:00:00:77"})
                         .ipv4({.destination = "10.0.0.2"})
                         .udp({.source = source})
                         .build());
    }
    ASSERT_EQ(a.sink.sent.size(), 4u);
    const auto port = [&](size_t i) {
      const Bytes& frame = a.sink.sent[i].frame;
      return Bytes(frame.begin() + 34, frame.begin() + 36);
    };
    EXPECT_EQ(port(0), port(1));
    ports.insert(port(0));
  }
  EXPECT_GT(ports.size(), 10u);
}

TEST(Mirror, LosesCopiesAndNothingElse) {
  policy::Policy policy = mirrored();
  policy.uplinks[0].neighbours.pop_back();
  World a(policy);
  a.from_vnic(0, udp());
  a.from_vnic(0, udp());
  EXPECT_EQ(a.count().at("vnic0.mirror_lost"), 2u);
  EXPECT_EQ(a.count().at("vnic0.tx_encapsulated"), 2u);
  EXPECT_FALSE(a.count().contains("vnic0.tx_drops"));
  EXPECT_EQ(a.sink.sent.size(), 3u) << "an ARP request for the session's peer";
  a.pipeline.set_uplink_present(0, false);
  a.from_vnic(0, udp());
  EXPECT_EQ(a.count().at("vnic0.mirror_lost"), 3u);
  EXPECT_EQ(a.pool.in_use(), 0u);
}

TEST(Mirror, ItsPeerIsNoPeerOfTheTenant) {
  World a(mirrored());
  const Bytes inner =
      Frame()
          .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
          .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
          .udp()
          .build();
  for (const uint8_t vni : {uint8_t(100), uint8_t(0x77)}) {
    a.from_wire(Frame()
                    .ethernet({.destination = kMacA, .source = "02:00:00:00:00:09"})
                    .ipv4({.source = "192.0.2.9", .destination = "192.0.2.1"})
                    .udp({.destination = 6081, .checksum = 0})
                    .payload(concat({Bytes{0, 0, 0x65, 0x58, 0, 0, vni, 0}, inner}))
                    .build());
  }
  EXPECT_EQ(a.count().at("drop.unknown_peer"), 1u);
  EXPECT_EQ(a.count().at("drop.unknown_vni"), 1u);
}

TEST(Mirror, PoliciesThatDoNotFitAreRefused) {
  World world(card_a());
  const auto refused = [&](const char* message, auto change) {
    policy::Policy policy = mirrored();
    change(policy);
    EXPECT_THAT(world.pipeline.load(policy).message(), testing::HasSubstr(message));
  };
  refused("vnics[1] (a1): no mirror is named 'x'", [](auto& p) { p.vnics[1].mirror = "x"; });
  refused("mirrors[0] (watch): no tenant is named 'x'", [](auto& p) { p.mirrors[0].tenant = "x"; });
  refused("mirrors[1] (watch): the name is there twice",
          [](auto& p) { p.mirrors.push_back(p.mirrors[0]); });
  refused("mirrors[0] (watch): peer is the card's own",
          [](auto& p) { p.mirrors[0].peer = *parse_ip("192.0.2.1"); });
  refused("mirrors[0] (watch): no route",
          [](auto& p) { p.mirrors[0].peer = *parse_ip("203.0.113.1"); });
  refused("mirrors[0] (watch): vni", [](auto& p) { p.mirrors[0].vni = 1 << 24; });
}

}  // namespace
}  // namespace gatehouse::test
