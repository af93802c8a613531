// SPDX-License-Identifier: GPL-2.0-or-later
// Frames from the wire: to whom they are delivered, and every counter that moved.
#include <gtest/gtest.h>

#include "hw/core/underlay/neighbours.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

using spec::DropReason;

// Card a's wire, as card b (192.0.2.2) would speak on it.
struct Outside {
  std::string to_mac = kMacA, from_mac = kMacB;
  std::string to = "192.0.2.1", from = "192.0.2.2";
  uint32_t vni = 100;
  uint16_t port = 6081;
  uint8_t tos = 0;
  bool more_fragments = false;
};
Bytes tunnel(const Bytes& inner, const Outside& outside = {}) {
  const Bytes header = {
      0, 0, 0x65, 0x58, uint8_t(outside.vni >> 16), uint8_t(outside.vni >> 8), uint8_t(outside.vni),
      0};
  return Frame()
      .ethernet({.destination = outside.to_mac, .source = outside.from_mac})
      .ipv4({.source = outside.from,
             .destination = outside.to,
             .tos = outside.tos,
             .more_fragments = outside.more_fragments})
      .udp({.source = 50000, .destination = outside.port, .checksum = 0})
      .payload(concat({header, inner}))
      .build();
}

Frame from_peer(const std::string& mac = "52:54:00:00:00:01") {
  return Frame().ethernet({.destination = mac, .source = "52:54:00:00:00:02"});
}
const Bytes kInner =
    from_peer().ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"}).udp().payload(20).build();
const Bytes kPeerOption = nd_link_option(1, "52:54:00:00:00:02");
Frame nd(const std::string& source, const std::string& destination = "ff02::1:ff00:1") {
  return from_peer("33:33:ff:00:00:01")
      .ipv6({.source = source, .destination = destination, .hop_limit = 255});
}

struct Row {
  const char* description;
  Bytes frame;
  const char* reason;  // of the drop on the wire's side; null: delivered to vnic 0
};

std::vector<Row> rows() {
  return {
      {"UDP", tunnel(kInner), nullptr},
      {"IPv6",
       tunnel(from_peer()
                  .ipv6({.source = "fd00::2", .destination = "fd00::1"})
                  .tcp()
                  .payload(7)
                  .build()),
       nullptr},
      {"from the mapped prefix",
       tunnel(from_peer().ipv4({.source = "10.1.9.9", .destination = "10.0.0.1"}).udp().build()),
       nullptr},
      {"link-local",
       tunnel(from_peer().ipv6({.source = "fe80::2", .destination = "fe80::1"}).udp().build()),
       nullptr},
      {"wrong inner checksum: for the guest to see",
       tunnel(from_peer()
                  .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                  .udp({.checksum = 0x4242})
                  .build()),
       nullptr},
      {"priority tag inside",
       tunnel(from_peer()
                  .vlan(0xe000)
                  .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                  .udp()
                  .build()),
       nullptr},

      {"outer frame for another", tunnel(kInner, {.to_mac = "02:00:00:00:00:0c"}), "not_for_card"},
      {"outer frame to all", tunnel(kInner, {.to_mac = "ff:ff:ff:ff:ff:ff"}), "not_for_card"},
      {"outer datagram for another", tunnel(kInner, {.to = "192.0.2.9"}), "not_for_card"},
      {"from the card itself", tunnel(kInner, {.from = "192.0.2.1"}), "outer_loop"},
      {"tagged",
       Frame()
           .ethernet({.destination = kMacA})
           .vlan(9)
           .ipv4({.destination = "192.0.2.1"})
           .udp()
           .build(),
       "not_for_card"},
      {"another port", tunnel(kInner, {.port = 6082}), "not_a_tunnel"},
      {"TCP",
       Frame()
           .ethernet({.destination = kMacA})
           .ipv4({.source = "192.0.2.2", .destination = "192.0.2.1"})
           .tcp()
           .build(),
       "not_a_tunnel"},
      {"ping",
       Frame()
           .ethernet({.destination = kMacA})
           .ipv4({.source = "192.0.2.2", .destination = "192.0.2.1"})
           .icmp()
           .build(),
       "not_a_tunnel"},
      {"LLDP", Frame().ethernet({.destination = kMacA, .type = 0x88cc}).payload(46).build(),
       "not_a_tunnel"},
      {"outer fragment", tunnel(concat({kInner, Bytes(2)}), {.more_fragments = true}),
       "outer_fragment"},
      {"outer header broken", patch(tunnel(kInner), 14, {0x44}), "bad_ipv4_header"},
      {"outer header's checksum wrong", patch(tunnel(kInner), 24, {0x00, 0x01}),
       "bad_ipv4_checksum"},
      {"cut off", cut(tunnel(kInner), 60), "bad_ipv4_header"},
      {"VNI of nobody", tunnel(kInner, {.vni = 101}), "unknown_vni"},
      {"peer of nobody", tunnel(kInner, {.from = "192.0.2.3"}), "unknown_peer"},
      {"CE outside, not-ECT inside", tunnel(kInner, {.tos = 3}), "ecn_invalid"},
      {"no inner frame", tunnel({}), "truncated_ethernet"},
      {"inner frame broken", tunnel(cut(kInner, 40)), "bad_ipv4_header"},
      {"LLDP inside",
       tunnel(Frame()
                  .ethernet({.destination = "52:54:00:00:00:01",
                             .source = "52:54:00:00:00:02",
                             .type = 0x88cc})
                  .payload(46)
                  .build()),
       "not_forwarded"},
      {"source of nobody",
       tunnel(from_peer().ipv4({.source = "10.0.0.77", .destination = "10.0.0.1"}).udp().build()),
       "remote_spoof"},
      {"source of a vnic of this card",
       tunnel(from_peer().ipv4({.source = "10.0.0.3", .destination = "10.0.0.1"}).udp().build()),
       "remote_spoof"},
      {"another's home address",
       tunnel(from_peer()
                  .ipv6({.source = "fd00::2", .destination = "fd00::1"})
                  .extension(60, from_hex("0102 0000 c910 fd000000 00000000 00000000 00000003"))
                  .udp()
                  .build()),
       "remote_spoof"},
      {"link-local source of a vnic of this card",
       tunnel(from_peer("33:33:00:00:00:01")
                  .ipv6({.source = "fe80::5054:ff:fe00:3", .destination = "ff02::1"})
                  .udp()
                  .build()),
       "remote_spoof"},
      {"ARP in a VLAN that the vnic does not have",
       tunnel(from_peer()
                  .vlan(300)
                  .arp({.sender_mac = "52:54:00:00:00:02",
                        .sender_ip = "10.0.0.2",
                        .target_ip = "10.0.0.1"})
                  .build()),
       "vlan_not_allowed"},
      {"source MAC of a vnic of this card",
       tunnel(Frame()
                  .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:03"})
                  .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                  .udp()
                  .build()),
       "remote_spoof"},
      {"group MAC as source",
       tunnel(Frame()
                  .ethernet({.destination = "52:54:00:00:00:01", .source = "53:54:00:00:00:02"})
                  .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                  .udp()
                  .build()),
       "remote_spoof"},
      {"link-local to a global address",
       tunnel(from_peer().ipv6({.source = "fe80::2", .destination = "fd00::1"}).udp().build()),
       "remote_spoof"},
      {"0.0.0.0",
       tunnel(from_peer().ipv4({.source = "0.0.0.0", .destination = "10.0.0.1"}).udp().build()),
       "remote_spoof"},
      {"to a MAC of nobody",
       tunnel(from_peer("52:54:00:00:00:55")
                  .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                  .udp()
                  .build()),
       "no_vnic"},
      {"ARP for nobody",
       tunnel(from_peer("ff:ff:ff:ff:ff:ff")
                  .arp({.sender_mac = "52:54:00:00:00:02",
                        .sender_ip = "10.0.0.2",
                        .target_ip = "10.0.0.55"})
                  .build()),
       "unknown_arp_target"},
      {"ARP from another's address",
       tunnel(from_peer("ff:ff:ff:ff:ff:ff")
                  .arp({.sender_mac = "52:54:00:00:00:02",
                        .sender_ip = "10.0.0.3",
                        .target_ip = "10.0.0.1"})
                  .build()),
       "remote_spoof"},
      {"ARP reply",
       tunnel(from_peer()
                  .arp({.operation = 2,
                        .sender_mac = "52:54:00:00:00:02",
                        .sender_ip = "10.0.0.2",
                        .target_ip = "10.0.0.1"})
                  .build()),
       "not_forwarded"},
      {"solicitation for nobody",
       tunnel(nd("fd00::2").neighbor_solicitation("fd00::55", kPeerOption).build()),
       "unknown_nd_target"},
      {"advertisement",
       tunnel(nd("fd00::2", "ff02::1")
                  .neighbor_advertisement("fd00::2", 0x20000000,
                                          nd_link_option(2, "52:54:00:00:00:02"))
                  .build()),
       "not_forwarded"},
      {"router advertisement, not from the broadcast peer",
       tunnel(nd("fe80::2", "ff02::1").icmp({.type = 134}).payload(Bytes(8)).build()),
       "not_forwarded"},
      {"router solicitation", tunnel(nd("fe80::2", "ff02::2").icmp({.type = 133}).build()),
       "not_forwarded"},
      {"ARP for another on the underlay",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kMacB})
           .arp({.sender_mac = kMacB, .sender_ip = "192.0.2.2", .target_ip = "192.0.2.9"})
           .build(),
       "not_for_card"},
  };
}

TEST(Ingress, EachFrameHasOneEndAndMovesItsCountersOnly) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.description);
    World a(card_a());
    a.from_wire(row.frame);
    Counts expected{{"uplink0.rx_frames", 1}, {"uplink0.rx_bytes", row.frame.size()}};
    if (row.reason == nullptr) {
      expected["uplink0.rx_decapsulated"] = 1;
    } else {
      expected["uplink0.rx_drops"] = 1;
      expected[std::string("drop.") + row.reason] = 1;
    }
    EXPECT_EQ(a.count(), expected);
    EXPECT_TRUE(a.sink.sent.empty());
    ASSERT_EQ(a.sink.received.size(), row.reason == nullptr ? 1u : 0u);
    ASSERT_EQ(a.sink.drops.size(), row.reason == nullptr ? 0u : 1u);
    if (row.reason == nullptr) {
      const VnicFrame& got = a.sink.received[0];
      EXPECT_EQ(got.vnic, 0u);
      EXPECT_EQ(to_hex(got.frame), to_hex(Bytes(row.frame.begin() + 50, row.frame.end())));
      EXPECT_TRUE(got.checked);
      EXPECT_EQ(got.good, checksums_right(got.frame));
    } else {
      EXPECT_FALSE(a.sink.drops[0].from_vnic);
      EXPECT_STREQ(spec::drop_row(a.sink.drops[0].reason)->name, row.reason);
    }
    EXPECT_EQ(a.pool.in_use(), 0u);
  }
}

TEST(Ingress, AnswersPeersThatAskForAVnic) {
  const Bytes arp =
      from_peer("ff:ff:ff:ff:ff:ff")
          .arp(
              {.sender_mac = "52:54:00:00:00:02", .sender_ip = "10.0.0.2", .target_ip = "10.0.0.1"})
          .build();
  const Bytes solicitation = nd("fd00::2").neighbor_solicitation("fd00::1", kPeerOption).build();
  const Bytes link_local =
      nd("fe80::2").neighbor_solicitation("fe80::5054:ff:fe00:1", kPeerOption).build();
  const auto advertised = [](const char* target, const char* to) {
    return Frame()
        .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
        .ipv6({.source = target, .destination = to, .hop_limit = 255})
        .neighbor_advertisement(target, 0x60000000, nd_link_option(2, "52:54:00:00:00:01"))
        .build();
  };
  const struct {
    Bytes question, answer;
  } kRows[] = {
      {arp, Frame()
                .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
                .arp({.operation = 2,
                      .sender_mac = "52:54:00:00:00:01",
                      .sender_ip = "10.0.0.1",
                      .target_mac = "52:54:00:00:00:02",
                      .target_ip = "10.0.0.2"})
                .build()},
      {solicitation, advertised("fd00::1", "fd00::2")},
      {link_local, advertised("fe80::5054:ff:fe00:1", "fe80::2")},
  };
  for (const auto& row : kRows) {
    World a(card_a());
    a.from_wire(tunnel(row.question));
    ASSERT_EQ(a.sink.sent.size(), 1u);
    const Bytes& sent = a.sink.sent[0].frame;
    std::string why;
    EXPECT_TRUE(checksums_right(sent, &why)) << why;
    EXPECT_EQ(to_hex(cut(sent, 12)), to_hex(from_hex("02000000000b 02000000000a")));
    EXPECT_EQ(to_hex(Bytes(sent.begin() + 50, sent.end())), to_hex(row.answer));
    EXPECT_EQ(a.count(), (Counts{{"uplink0.rx_frames", 1},
                                 {"uplink0.rx_bytes", row.question.size() + 50},
                                 {"uplink0.rx_decapsulated", 1},
                                 {"uplink0.tx_frames", 1},
                                 {"uplink0.tx_bytes", sent.size()},
                                 {"vnic0.answers", 1},
                                 {"drop.answered", 1},
                                 {"vnic0.drop.answered", 1}}));
    EXPECT_EQ(a.pool.in_use(), 0u);
  }
}

// One peer may be the way to several VNIs.
// What the vnic never sent is not lost for it, and takes none of its places.
TEST(Ingress, AnAnswerThatWaitsIsTheCardsOwn) {
  const Bytes arp =
      from_peer()
          .arp(
              {.sender_mac = "52:54:00:00:00:02", .sender_ip = "10.0.0.2", .target_ip = "10.0.0.1"})
          .build();
  World a(card_a({.ask = true}));
  for (unsigned i = 0; i < underlay::kWaitPerNeighbour + 1; ++i) a.from_wire(tunnel(arp));
  EXPECT_EQ(a.pool.in_use(), underlay::kWaitPerNeighbour);
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{false, 0, DropReason::neighbour_queue_full}}));
  a.sink.clear();
  for (unsigned i = 0; i < underlay::kTries; ++i) {
    a.now += underlay::kRetry;
    a.pipeline.tick(a.now);
  }
  EXPECT_EQ(a.pool.in_use(), 0u);
  EXPECT_EQ(a.sink.drops, std::vector<Dropped>(underlay::kWaitPerNeighbour,
                                               {false, 0, DropReason::neighbour_unresolved}));
  Counts count = a.count();
  EXPECT_EQ(count["uplink0.tx_drops"], underlay::kWaitPerNeighbour + 1);
  EXPECT_EQ(count["vnic0.answers"], underlay::kWaitPerNeighbour + 1);
  EXPECT_EQ(count.count("vnic0.tx_drops"), 0u);
  EXPECT_EQ(count.count("vnic0.drop.neighbour_unresolved"), 0u);
}

TEST(Ingress, AnswersPeersUnderTheirVni) {
  policy::Policy policy = card_a();
  policy::Mapping other = policy.mappings.at(0);
  other.destination = prefix("10.0.0.50");
  other.vni = 777;
  policy.mappings.insert(policy.mappings.begin(), other);
  World a(policy);
  a.from_wire(tunnel(
      from_peer("ff:ff:ff:ff:ff:ff")
          .arp(
              {.sender_mac = "52:54:00:00:00:02", .sender_ip = "10.0.0.2", .target_ip = "10.0.0.1"})
          .build()));
  ASSERT_EQ(a.sink.sent.size(), 1u);
  const Bytes& answer = a.sink.sent[0].frame;
  EXPECT_EQ(Bytes(answer.begin() + 46, answer.begin() + 49), (Bytes{0, 0, 100})) << "Geneve's VNI";
}

// The unspecified address is nobody's, though a default route has it.
TEST(Ingress, AnswersProbesToWhoProbes) {
  policy::Policy policy = card_a();
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    policy::Mapping route = policy.mappings.at(0);
    route.destination = prefix(all);
    route.peer = *parse_ip("192.0.2.9");
    policy.mappings.push_back(route);
  }
  policy.uplinks[0].neighbours.push_back({*parse_ip("192.0.2.9"), *parse_mac("02:00:00:00:00:09")});
  const Bytes probes[] = {
      from_peer("ff:ff:ff:ff:ff:ff")
          .arp({.sender_mac = "52:54:00:00:00:02", .sender_ip = "0.0.0.0", .target_ip = "10.0.0.1"})
          .build(),
      nd("::", "ff02::1:ff00:1").neighbor_solicitation("fd00::1").build()};
  for (const Bytes& probe : probes) {
    World a(policy);
    a.from_wire(tunnel(probe));
    ASSERT_EQ(a.sink.sent.size(), 1u);
    const Bytes& answer = a.sink.sent[0].frame;
    EXPECT_EQ(Bytes(answer.begin() + 30, answer.begin() + 34), (Bytes{192, 0, 2, 2}));
  }
}

TEST(Ingress, PeersThatAskALotLeaveTheVnicItsAnswers) {
  World a(card_a());
  const Bytes question = tunnel(
      from_peer("ff:ff:ff:ff:ff:ff")
          .arp(
              {.sender_mac = "52:54:00:00:00:02", .sender_ip = "10.0.0.2", .target_ip = "10.0.0.1"})
          .build());
  for (int i = 0; i < 300; ++i) a.from_wire(question);
  EXPECT_EQ(a.sink.sent.size(), 256u);
  EXPECT_EQ(a.count()["drop.answer_limit"], 44u);
  a.from_vnic(0, Frame().ethernet().arp().build());
  EXPECT_EQ(a.sink.received.size(), 1u);
}

TEST(Ingress, AnswersForItsUnderlayAddress) {
  World a(card_a());
  a.from_wire(Frame()
                  .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kMacB})
                  .arp({.sender_mac = kMacB, .sender_ip = "192.0.2.2", .target_ip = "192.0.2.1"})
                  .build());
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(a.count(), (Counts{{"uplink0.rx_frames", 1},
                               {"uplink0.rx_bytes", 42},
                               {"uplink0.rx_neighbour", 1},
                               {"uplink0.tx_frames", 1},
                               {"uplink0.tx_bytes", 60},
                               {"uplink0.neighbour_answers", 1}}));
}

TEST(Ingress, GivesBroadcastToTheTenantsVnicsOnly) {
  World a(card_a());
  const Bytes inner = from_peer("ff:ff:ff:ff:ff:ff")
                          .ipv4({.source = "10.0.0.2", .destination = "255.255.255.255"})
                          .udp()
                          .payload(9)
                          .build();
  a.from_wire(tunnel(inner));
  ASSERT_EQ(a.sink.received.size(), 2u);
  EXPECT_EQ(a.sink.received[0].vnic, 0u);
  EXPECT_EQ(a.sink.received[1].vnic, 1u);
  EXPECT_EQ(a.sink.received[1].frame, inner);
  a.sink.clear();
  a.from_wire(tunnel(inner, {.vni = 200}));
  ASSERT_EQ(a.sink.received.size(), 1u);
  EXPECT_EQ(a.sink.received[0].vnic, 2u);
}

TEST(Ingress, TakesRouterAdvertisementsFromTheBroadcastPeer) {
  World a(card_a({.broadcast = true}));
  a.from_wire(tunnel(nd("fe80::2", "ff02::1").icmp({.type = 134}).payload(Bytes(8)).build()));
  EXPECT_EQ(a.sink.received.size(), 2u);
}

TEST(Ingress, LetsAVnicBeTheDhcpServer) {
  World a(card_a());
  a.from_wire(tunnel(from_peer("ff:ff:ff:ff:ff:ff")
                         .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
                         .udp({.source = 68, .destination = 67})
                         .payload(Bytes(240))
                         .build()));
  EXPECT_EQ(a.sink.received.size(), 2u);
}

TEST(Ingress, ADefaultRouteDoesNotMakeEverySourceGood) {
  policy::Policy policy = card_a();
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    policy.mappings.push_back(
        {"red", prefix(all), *parse_mac("52:54:00:00:00:fe"), *parse_ip("192.0.2.2"), {}});
  }
  World a(policy);
  a.from_wire(
      tunnel(from_peer().ipv4({.source = "203.0.113.7", .destination = "10.0.0.1"}).udp().build()));
  EXPECT_EQ(a.sink.received.size(), 1u);
  const Bytes bad[] = {
      from_peer().ipv4({.source = "0.0.0.0", .destination = "10.0.0.1"}).udp().build(),
      from_peer().ipv4({.source = "10.0.0.3", .destination = "10.0.0.1"}).udp().build(),
      from_peer().ipv6({.source = "::", .destination = "fd00::1"}).udp().build(),
      from_peer().ipv6({.source = "fe80::9", .destination = "fd00::1"}).udp().build(),
  };
  for (const Bytes& inner : bad) a.from_wire(tunnel(inner));
  EXPECT_EQ(a.sink.received.size(), 1u);
  EXPECT_EQ(a.count()["drop.remote_spoof"], std::size(bad));
}

TEST(Ingress, JoinsCongestionMarks) {
  World a(card_a());
  a.from_wire(tunnel(from_peer()
                         .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1", .tos = 2})
                         .udp()
                         .payload(8)
                         .build(),
                     {.tos = 3}));
  ASSERT_EQ(a.sink.received.size(), 1u);
  EXPECT_EQ(to_hex(a.sink.received[0].frame),
            to_hex(from_peer()
                       .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1", .tos = 3})
                       .udp()
                       .payload(8)
                       .build()));
}

TEST(Ingress, ATagThatTheVnicMayNotHaveIsDroppedForIt) {
  policy::Policy policy = card_a();
  policy.vnics[0].vlans = {50};
  World a(policy);
  const auto inner = [](uint16_t vid) {
    return from_peer()
        .vlan(vid)
        .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
        .udp()
        .build();
  };
  a.from_wire(tunnel(inner(50)));
  EXPECT_EQ(a.sink.received.size(), 1u);
  a.from_wire(tunnel(inner(51)));
  EXPECT_EQ(a.sink.received.size(), 1u);
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, DropReason::vlan_not_allowed}}));
  const size_t octets = 2 * (inner(50).size() + 50);
  EXPECT_EQ(a.count(), (Counts{{"uplink0.rx_frames", 2},
                               {"uplink0.rx_bytes", octets},
                               {"uplink0.rx_decapsulated", 2},
                               {"drop.vlan_not_allowed", 1},
                               {"vnic0.drop.vlan_not_allowed", 1},
                               {"vnic0.rx_drops", 1}}));
}

TEST(Ingress, APriorityTagHidesNoOther) {
  World a(card_a());
  a.from_wire(tunnel(from_peer()
                         .vlan(0xe000)
                         .vlan(51)
                         .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                         .udp()
                         .build()));
  EXPECT_TRUE(a.sink.received.empty());
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, DropReason::vlan_not_allowed}}));
}

TEST(Ingress, AnUplinkWithoutPolicyTakesNothing) {
  World a(card_a());
  a.from_wire(tunnel(kInner), 1);
  EXPECT_EQ(a.count(), (Counts{{"uplink1.rx_frames", 1},
                               {"uplink1.rx_bytes", kInner.size() + 50},
                               {"uplink1.rx_drops", 1},
                               {"drop.not_for_card", 1}}));
}

TEST(Ingress, WithoutAnyPolicyNothingPasses) {
  PacketPool pool({.small_count = 8, .large_count = 1});
  Recorder sink;
  pipeline::Pipeline pipeline(pool, sink);
  for (const Bytes& frame : {tunnel(kInner), Frame().ethernet().arp().build()}) {
    Packet* packet = packet_of(pool, frame);
    pipeline.from_uplink(0, {&packet, 1}, 0);
    packet = packet_of(pool, frame);
    pipeline.from_vnic(0, {&packet, 1}, 0);
  }
  EXPECT_EQ(pipeline.drops()[static_cast<size_t>(DropReason::not_for_card)], 2u);
  EXPECT_EQ(pipeline.drops()[static_cast<size_t>(DropReason::vnic_without_policy)], 2u);
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Ingress, HandsFramesOfOneShapeOverTogether) {
  World a(card_a());
  std::vector<Packet*> batch;
  const auto add = [&](uint16_t port, uint32_t octets, uint16_t checksum_of) {
    const Bytes inner =
        from_peer()
            .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
            .udp({.source = port,
                  .checksum = checksum_of == 0 ? std::nullopt : std::optional(checksum_of)})
            .payload(octets)
            .build();
    batch.push_back(packet_of(a.pool, tunnel(inner)));
  };
  for (int i = 0; i < 10; ++i) add(1000, 100, 0);
  add(1000, 99, 0);  // another length
  add(2000, 99, 0);  // another flow
  add(2000, 99, 0);
  add(2000, 99, 0x99);  // wrong checksum
  a.pipeline.from_uplink(0, batch, a.now);
  EXPECT_EQ(a.sink.received.size(), 14u);
  EXPECT_EQ(a.sink.vnic_runs, 4u);
  EXPECT_TRUE(a.sink.received[12].good);
  EXPECT_FALSE(a.sink.received[13].good);
}

TEST(Ingress, HandlesManyAtOnceInOrder) {
  World a(card_a());
  std::vector<Packet*> batch;
  for (uint32_t i = 0; i < 300; ++i) {
    batch.push_back(
        packet_of(a.pool, tunnel(from_peer()
                                     .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                                     .udp()
                                     .payload(pattern(20, i))
                                     .build())));
  }
  a.pipeline.from_uplink(0, batch, a.now);
  ASSERT_EQ(a.sink.received.size(), 300u);
  for (uint32_t i = 0; i < 300; ++i) {
    EXPECT_EQ(Bytes(a.sink.received[i].frame.end() - 20, a.sink.received[i].frame.end()),
              pattern(20, i));
  }
  EXPECT_EQ(a.pool.in_use(), 0u);
}

}  // namespace
}  // namespace gatehouse::test
