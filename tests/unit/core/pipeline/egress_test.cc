// SPDX-License-Identifier: GPL-2.0-or-later
// Frames from a vnic: what leaves, and every counter that moved. A row's counts are complete: what
// is not named did not move.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

using spec::DropReason;

enum class End : uint8_t { kWire, kVnic1, kBack, kDropped };

struct Row {
  const char* description;
  Bytes frame;
  End end;
  const char* reason;  // of the drop; null: none
};

const Bytes kOwnOption = nd_link_option(1, "52:54:00:00:00:01");

Frame nd(const std::string& source, const std::string& destination = "ff02::1:ff00:2") {
  return Frame()
      .ethernet({.destination = "33:33:ff:00:00:02"})
      .ipv6({.source = source, .destination = destination, .hop_limit = 255});
}
Frame ipv4_to(const char* destination, const char* mac = "52:54:00:00:00:02") {
  return Frame().ethernet({.destination = mac}).ipv4({.destination = destination});
}
Frame ipv6_to(const char* destination) {
  return Frame().ethernet().ipv6({.destination = destination});
}

std::vector<Row> rows() {
  return {
      {"UDP to a mapped address", ipv4_to("10.0.0.2").udp().payload(9).build(), End::kWire,
       nullptr},
      {"the MAC does not matter", ipv4_to("10.0.0.2", "00:00:00:00:00:00").udp().payload(9).build(),
       End::kWire, nullptr},
      {"IPv6 to a mapped address", ipv6_to("fd00::2").udp().payload(9).build(), End::kWire,
       nullptr},
      {"to a mapped prefix", ipv4_to("10.1.77.2").udp().build(), End::kWire, nullptr},
      {"to a mapped IPv6 prefix", ipv6_to("fd01::77").udp().build(), End::kWire, nullptr},
      {"to a vnic of this card", ipv4_to("10.0.0.3").udp().build(), End::kVnic1, nullptr},
      {"to a vnic of this card, IPv6", ipv6_to("fd00::3").udp().build(), End::kVnic1, nullptr},
      {"to a vnic's link-local address",
       Frame()
           .ethernet()
           .ipv6({.source = "fe80::5054:ff:fe00:1", .destination = "fe80::5054:ff:fe00:3"})
           .udp()
           .build(),
       End::kVnic1, nullptr},
      {"with a link-local source of another vnic",
       Frame()
           .ethernet()
           .ipv6({.source = "fe80::5054:ff:fe00:3", .destination = "fe80::5054:ff:fe00:3"})
           .udp()
           .build(),
       End::kDropped, "spoofed_ipv6"},
      {"router solicitation from another vnic's link-local address",
       nd("fe80::5054:ff:fe00:3", "ff02::2").icmp({.type = 133}).build(), End::kDropped,
       "spoofed_ipv6"},
      {"to nobody, IPv6, in a broadcast frame",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff"})
           .ipv6({.destination = "fd00::77"})
           .udp()
           .build(),
       End::kDropped, "no_mapping"},
      {"to itself", ipv4_to("10.0.0.1").udp().build(), End::kDropped, "no_mapping"},
      {"to its own link-local address",
       Frame()
           .ethernet()
           .ipv6({.source = "fe80::1", .destination = "fe80::5054:ff:fe00:1"})
           .udp()
           .build(),
       End::kDropped, "no_mapping"},
      {"to nobody", ipv4_to("10.0.0.77").udp().build(), End::kDropped, "no_mapping"},
      {"to nobody, IPv6", ipv6_to("fd00::77").udp().build(), End::kDropped, "no_mapping"},
      {"broadcast", ipv4_to("255.255.255.255", "ff:ff:ff:ff:ff:ff").udp().build(), End::kDropped,
       "no_broadcast_peer"},
      {"subnet broadcast", ipv4_to("10.0.0.255", "ff:ff:ff:ff:ff:ff").udp().build(), End::kDropped,
       "no_broadcast_peer"},
      {"multicast", ipv4_to("239.1.1.1", "01:00:5e:01:01:01").udp().build(), End::kDropped,
       "no_broadcast_peer"},
      {"IGMP",
       Frame().ethernet().ipv4({.destination = "224.0.0.22", .protocol = 2}).payload(16).build(),
       End::kDropped, "link_local"},
      {"MLD",
       Frame()
           .ethernet()
           .ipv6({.source = "fe80::1", .destination = "ff02::16", .hop_limit = 1})
           .extension(0, {5, 2, 0, 0, 1, 0})
           .icmp({.type = 143})
           .payload(20)
           .build(),
       End::kDropped, "link_local"},
      {"LLDP", Frame().ethernet({.type = 0x88cc}).payload(46).build(), End::kDropped,
       "protocol_not_allowed"},
      {"another's source", Frame().ethernet().ipv4({.source = "10.0.0.3"}).udp().build(),
       End::kDropped, "spoofed_ipv4"},
      {"cut off", cut(ipv4_to("10.0.0.2").udp().build(), 30), End::kDropped, "bad_ipv4_header"},
      {"no frame", Bytes(13), End::kDropped, "truncated_ethernet"},

      {"ARP for a remote address", Frame().ethernet().arp().build(), End::kBack, nullptr},
      {"ARP for a vnic of this card", Frame().ethernet().arp({.target_ip = "10.0.0.3"}).build(),
       End::kBack, nullptr},
      {"ARP for an address in a mapped prefix",
       Frame().ethernet().arp({.target_ip = "10.1.0.9"}).build(), End::kBack, nullptr},
      {"ARP for nobody", Frame().ethernet().arp({.target_ip = "10.0.0.77"}).build(), End::kDropped,
       "unknown_arp_target"},
      {"ARP for the own address",
       Frame().ethernet().arp({.sender_ip = "0.0.0.0", .target_ip = "10.0.0.1"}).build(),
       End::kDropped, "not_forwarded"},
      {"gratuitous ARP", Frame().ethernet().arp({.target_ip = "10.0.0.1"}).build(), End::kDropped,
       "not_forwarded"},
      {"ARP probe for a taken address", Frame().ethernet().arp({.sender_ip = "0.0.0.0"}).build(),
       End::kBack, nullptr},
      {"ARP probe in a mapped prefix: nobody is known to have it",
       Frame().ethernet().arp({.sender_ip = "0.0.0.0", .target_ip = "10.1.0.9"}).build(),
       End::kDropped, "unknown_arp_target"},
      {"ARP reply", Frame().ethernet().arp({.operation = 2}).build(), End::kDropped,
       "not_forwarded"},
      {"solicitation for a remote address",
       nd("fd00::1").neighbor_solicitation("fd00::2", kOwnOption).build(), End::kBack, nullptr},
      {"solicitation for a vnic of this card",
       nd("fd00::1").neighbor_solicitation("fd00::3", kOwnOption).build(), End::kBack, nullptr},
      {"solicitation for a vnic's link-local address",
       nd("fe80::1").neighbor_solicitation("fe80::5054:ff:fe00:3", kOwnOption).build(), End::kBack,
       nullptr},
      {"solicitation for nobody",
       nd("fd00::1").neighbor_solicitation("fd00::77", kOwnOption).build(), End::kDropped,
       "unknown_nd_target"},
      {"duplicate address detection of the own address",
       nd("::", "ff02::1:ff00:1").neighbor_solicitation("fd00::1").build(), End::kDropped,
       "not_forwarded"},
      {"duplicate address detection of a link-local address",
       nd("::", "ff02::1:ff00:77").neighbor_solicitation("fe80::77").build(), End::kDropped,
       "not_forwarded"},
      {"duplicate address detection of the own link-local address",
       nd("::", "ff02::1:ff00:1").neighbor_solicitation("fe80::5054:ff:fe00:1").build(),
       End::kDropped, "not_forwarded"},
      {"duplicate address detection of another's address",
       nd("::").neighbor_solicitation("fd00::2").build(), End::kBack, nullptr},
      {"advertisement",
       nd("fd00::1", "ff02::1")
           .neighbor_advertisement("fd00::1", 0x20000000, nd_link_option(2, "52:54:00:00:00:01"))
           .build(),
       End::kDropped, "not_forwarded"},
      {"router solicitation", nd("fe80::1", "ff02::2").icmp({.type = 133}).build(), End::kDropped,
       "no_broadcast_peer"},
      {"router advertisement",
       nd("fe80::1", "ff02::1").icmp({.type = 134}).payload(Bytes(8)).build(), End::kDropped,
       "not_forwarded"},
  };
}

TEST(Egress, EachFrameHasOneEndAndMovesItsCountersOnly) {
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.description);
    World a(card_a());
    a.from_vnic(0, row.frame);
    Counts expected{{"vnic0.tx_frames", 1}, {"vnic0.tx_bytes", row.frame.size()}};
    std::vector<Dropped> drops;
    switch (row.end) {
      case End::kWire:
        expected["vnic0.tx_encapsulated"] = 1;
        expected["uplink0.tx_frames"] = 1;
        expected["uplink0.tx_bytes"] = row.frame.size() + 50;
        break;
      case End::kVnic1:
        expected["vnic0.tx_local"] = 1;
        break;
      case End::kBack:
        expected["vnic0.answers"] = 1;
        expected["drop.answered"] = 1;
        expected["vnic0.drop.answered"] = 1;
        break;
      case End::kDropped:
        expected["vnic0.tx_drops"] = 1;
        expected[std::string("drop.") + row.reason] = 1;
        expected[std::string("vnic0.drop.") + row.reason] = 1;
        break;
    }
    EXPECT_EQ(a.count(), expected);
    EXPECT_EQ(a.sink.sent.size(), row.end == End::kWire ? 1u : 0u);
    ASSERT_EQ(a.sink.received.size(), row.end == End::kVnic1 || row.end == End::kBack ? 1u : 0u);
    if (!a.sink.received.empty()) {
      EXPECT_EQ(a.sink.received[0].vnic, row.end == End::kBack ? 0u : 1u);
      std::string why;
      EXPECT_TRUE(checksums_right(a.sink.received[0].frame, &why)) << why;
    }
    ASSERT_EQ(a.sink.drops.size(), row.end == End::kDropped ? 1u : 0u);
    if (row.end == End::kDropped) {
      EXPECT_STREQ(spec::drop_row(a.sink.drops[0].reason)->name, row.reason);
    }
    EXPECT_TRUE(a.sink.taps.empty());
    EXPECT_EQ(a.pool.in_use(), 0u);
  }
}

TEST(Egress, ADefaultRouteCarriesFramesButHasNoAddresses) {
  policy::Policy policy = card_a();
  for (const char* all : {"0.0.0.0/0", "::/0"}) {
    policy.mappings.push_back(
        {"red", prefix(all), *parse_mac("52:54:00:00:00:fe"), *parse_ip("192.0.2.2"), {}});
  }
  World a(policy);
  a.from_vnic(0, ipv4_to("203.0.113.7").udp().build());
  a.from_vnic(0, ipv6_to("2001:db8::7").udp().build());
  EXPECT_EQ(a.sink.sent.size(), 2u);
  a.from_vnic(0, Frame().ethernet().arp({.target_ip = "10.0.0.77"}).build());
  a.from_vnic(0, nd("fd00::1").neighbor_solicitation("fd00::2", kOwnOption).build());
  EXPECT_EQ(a.count()["drop.unknown_arp_target"], 1u);
  EXPECT_EQ(a.sink.received.size(), 1u) << "the host mapping is answered for";
  a.from_vnic(
      0, Frame().ethernet().ipv6({.source = "fe80::1", .destination = "fe80::99"}).udp().build());
  EXPECT_EQ(a.count()["drop.no_mapping"], 1u) << "link-local stays on the link";
}

// A subnet's broadcast address is nobody's behind a default route, and all machines' still.
TEST(Egress, ADefaultRouteTakesNoBroadcasts) {
  for (const bool broadcast : {false, true}) {
    policy::Policy policy = card_a({.broadcast = broadcast});
    policy.mappings.push_back(
        {"red", prefix("0.0.0.0/0"), *parse_mac("52:54:00:00:00:fe"), *parse_ip("192.0.2.2"), {}});
    World a(policy);
    const Bytes frame = ipv4_to("10.0.0.255", "ff:ff:ff:ff:ff:ff").udp().build();
    a.from_vnic(0, frame);
    ASSERT_EQ(a.sink.sent.size(), broadcast ? 1u : 0u);
    if (broadcast) {
      const Bytes& sent = a.sink.sent[0].frame;
      EXPECT_EQ(to_hex(Bytes(sent.begin() + 50, sent.end())), to_hex(frame));
    } else {
      EXPECT_EQ(a.count().at("drop.no_broadcast_peer"), 1u);
    }
    // To one machine it goes as ever, and a mapping that names the address has it.
    a.sink.clear();
    a.from_vnic(0, ipv4_to("10.0.0.254").udp().build());
    a.from_vnic(0, ipv4_to("10.1.255.255", "ff:ff:ff:ff:ff:ff").udp().build());
    ASSERT_EQ(a.sink.sent.size(), 2u);
    EXPECT_EQ(to_string(MacAddress::from(&a.sink.sent[1].frame[50])), "52:54:00:00:00:99");
  }
}

TEST(Egress, RewritesTheInnerDestination) {
  World a(card_a());
  const struct {
    const char *destination, *mac;
  } kRemote[] = {{"10.0.0.2", "52:54:00:00:00:02"}, {"10.1.2.3", "52:54:00:00:00:99"}};
  for (const auto& row : kRemote) {
    a.sink.clear();
    a.from_vnic(0, ipv4_to(row.destination, "02:02:02:02:02:02").udp().payload(5).build());
    const Bytes& sent = a.sink.sent.at(0).frame;
    EXPECT_EQ(to_hex(Bytes(sent.begin() + 50, sent.end())),
              to_hex(ipv4_to(row.destination, row.mac).udp().payload(5).build()));
    EXPECT_EQ(
        to_hex(cut(sent, 14)),
        to_hex(cut(Frame().ethernet({.destination = kMacB, .source = kMacA}).ipv4().build(), 14)));
  }
  a.from_vnic(0, ipv4_to("10.0.0.3", "02:02:02:02:02:02").udp().payload(5).build());
  EXPECT_EQ(to_hex(a.sink.received.at(0).frame),
            to_hex(ipv4_to("10.0.0.3", "52:54:00:00:00:03").udp().payload(5).build()));
}

TEST(Egress, SendsManyToTheBroadcastPeer) {
  World a(card_a({.broadcast = true}));
  const struct {
    const char* description;
    Bytes frame;
    const char* mac;
  } kRows[] = {
      {"broadcast", ipv4_to("255.255.255.255", "ff:ff:ff:ff:ff:ff").udp().build(),
       "ff:ff:ff:ff:ff:ff"},
      {"subnet broadcast", ipv4_to("10.0.0.255", "ff:ff:ff:ff:ff:ff").udp().build(),
       "ff:ff:ff:ff:ff:ff"},
      {"multicast to a lying MAC", ipv4_to("239.1.1.1").udp().build(), "01:00:5e:01:01:01"},
      {"DHCPv6",
       Frame()
           .ethernet()
           .ipv6({.source = "fe80::1", .destination = "ff02::1:2"})
           .udp({.source = 546, .destination = 547})
           .build(),
       "33:33:00:01:00:02"},
      {"router solicitation", nd("fe80::1", "ff02::2").icmp({.type = 133}).build(),
       "33:33:00:00:00:02"},
  };
  for (const auto& row : kRows) {
    a.sink.clear();
    a.from_vnic(0, row.frame);
    ASSERT_EQ(a.sink.sent.size(), 1u) << row.description;
    const Bytes inner(a.sink.sent[0].frame.begin() + 50, a.sink.sent[0].frame.end());
    const auto mac = parse_mac(row.mac)->octets;
    EXPECT_EQ(to_hex(inner), to_hex(patch(row.frame, 0, Bytes(mac.begin(), mac.end()))))
        << row.description;
  }
}

TEST(Egress, AVlanReachesOnlyVnicsThatMayHaveIt) {
  policy::Policy policy = card_a();
  policy.vnics[0].vlans = {50, 51};
  policy.vnics[1].vlans = {50};
  World a(policy);
  const auto frame = [](uint16_t vid) {
    return Frame().ethernet().vlan(vid).ipv4({.destination = "10.0.0.3"}).udp().build();
  };
  a.from_vnic(0, frame(50));
  a.from_vnic(0, frame(51));
  ASSERT_EQ(a.sink.received.size(), 1u);
  EXPECT_EQ(a.sink.received[0].vnic, 1u);
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 2},
                               {"vnic0.tx_bytes", 2 * frame(50).size()},
                               {"vnic0.tx_local", 1},
                               {"vnic0.tx_drops", 1},
                               {"drop.vlan_not_allowed", 1},
                               {"vnic0.drop.vlan_not_allowed", 1}}));
}

// Several vnics may send from one network: each still asks for the others' addresses in it.
TEST(Egress, AnswersForAnothersAddressInTheOwnPrefix) {
  policy::Policy policy = card_a();
  policy.vnics[0].addresses = {prefix("10.0.0.0/24"), prefix("fd00::/64")};
  policy.mappings.push_back(
      {"red", prefix("10.0.0.0/16"), *parse_mac("52:54:00:00:00:99"), *parse_ip("192.0.2.2"), {}});
  World a(policy);
  a.from_vnic(0, Frame().ethernet().arp({.target_ip = "10.0.0.2"}).build());  // of the other card
  a.from_vnic(0, Frame().ethernet().arp({.target_ip = "10.0.0.3"}).build());  // of a1
  a.from_vnic(0, nd("fd00::1").neighbor_solicitation("fd00::3", kOwnOption).build());
  EXPECT_EQ(a.sink.received.size(), 3u);
  EXPECT_EQ(a.count()["vnic0.answers"], 3u);
  // What is nobody else's is its own, whatever wider prefix leads elsewhere.
  a.from_vnic(0, Frame().ethernet().arp({.target_ip = "10.0.0.77"}).build());
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, DropReason::not_forwarded}}));
}

// The longest one wins here, too.
TEST(Egress, AnswersForAMappedPartOfTheOwnNetwork) {
  policy::Policy policy = card_a();
  policy.vnics[0].addresses = {prefix("10.0.0.1"), prefix("10.0.0.0/24"), prefix("0.0.0.0/0"),
                               prefix("fd00::1"), prefix("fd00::/64")};
  const MacAddress mac = *parse_mac("52:54:00:00:00:99");
  for (const char* destination : {"10.0.0.64/26", "10.7.0.0/16", "fd00::5:0/112"})
    policy.mappings.push_back({"red", prefix(destination), mac, *parse_ip("192.0.2.2"), {}});
  World a(policy);
  for (const char* target : {"10.0.0.77", "10.7.1.1"})
    a.from_vnic(0, Frame().ethernet().arp({.target_ip = target}).build());
  a.from_vnic(0, nd("fd00::1").neighbor_solicitation("fd00::5:9", kOwnOption).build());
  EXPECT_TRUE(a.sink.drops.empty());
  ASSERT_EQ(a.sink.received.size(), 3u);
  for (const VnicFrame& answer : a.sink.received)
    EXPECT_EQ(MacAddress::from(answer.frame.data() + 6), mac);
  // Beside the part, and asked whether anybody has the address.
  a.from_vnic(0, Frame().ethernet().arp({.target_ip = "10.0.0.130"}).build());
  a.from_vnic(0,
              Frame().ethernet().arp({.sender_ip = "0.0.0.0", .target_ip = "10.0.0.77"}).build());
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, DropReason::not_forwarded},
                                                {true, 0, DropReason::not_forwarded}}));
}

// The policy may give link-local addresses away, to vnics and behind peers.
TEST(Egress, ALinkLocalAddressOfThePolicyIsItsOwnersAlone) {
  policy::Policy policy = card_a({.broadcast = true});
  policy.vnics[1].addresses.push_back(prefix("fe80::53"));
  policy.mappings.push_back(
      {"red", prefix("fe80::1"), *parse_mac("52:54:00:00:00:99"), *parse_ip("192.0.2.2"), {}});
  World a(policy);
  const auto from = [](const char* source) {
    return Frame()
        .ethernet({.destination = "33:33:00:00:00:fb"})
        .ipv6({.source = source, .destination = "ff02::fb"})
        .udp()
        .build();
  };
  a.from_vnic(0, from("fe80::53"));
  a.from_vnic(0, from("fe80::1"));
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, DropReason::spoofed_ipv6},
                                                {true, 0, DropReason::spoofed_ipv6}}));
  EXPECT_TRUE(a.sink.sent.empty());
  a.from_vnic(0, from("fe80::7"));
  a.from_vnic(1, [&] {
    Bytes frame = from("fe80::53");
    frame[11] = 3;  // its MAC
    return frame;
  }());
  EXPECT_EQ(a.sink.sent.size(), 2u);
  EXPECT_EQ(a.sink.drops.size(), 2u);
}

TEST(Egress, AVlanIsAnsweredForVnicsThatMayHaveIt) {
  policy::Policy policy = card_a();
  policy.vnics[0].vlans = {7, 8};
  policy.vnics[1].vlans = {7};
  World a(policy);
  for (const uint16_t vlan : {7, 8})
    a.from_vnic(0, Frame().ethernet().vlan(vlan).arp({.target_ip = "10.0.0.3"}).build());
  EXPECT_EQ(a.sink.received.size(), 1u);
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, DropReason::vlan_not_allowed}}));
}

// A host that hears of its router without the flag gives up the route (RFC 4861 section 7.2.5).
TEST(Egress, SaysThatARouterIsOne) {
  policy::Policy policy = card_a({.broadcast = true});
  policy.uplinks[0].neighbours.push_back({*parse_ip("192.0.2.3"), *parse_mac(kMacB)});
  policy.mappings.push_back(
      {"red", prefix("fd00::9"), *parse_mac("52:54:00:00:00:09"), *parse_ip("192.0.2.3"), {}});
  World a(policy);
  // Routers are behind the broadcast peer; nobody else's advertisements are let in.
  const std::pair<const char*, uint8_t> kRows[] = {
      {"fd00::2", 0xe0}, {"fd00::9", 0x60}, {"fd00::3", 0x60}};
  for (const auto& [target, flags] : kRows) {
    a.sink.clear();
    a.from_vnic(0, nd("fd00::1").neighbor_solicitation(target, kOwnOption).build());
    ASSERT_EQ(a.sink.received.size(), 1u) << target;
    EXPECT_EQ(a.sink.received[0].frame[14 + 40 + 4], flags) << target;
  }
}

TEST(Egress, AVnicWithoutPolicySendsNothing) {
  World a(card_a());
  ASSERT_TRUE(a.pipeline.attach_vnic(9, "stranger", *parse_mac("52:54:00:00:00:01")).ok());
  a.from_vnic(9, ipv4_to("10.0.0.2").udp().build());
  a.from_vnic(9, Frame().ethernet().arp().build());
  EXPECT_EQ(a.count(), (Counts{{"vnic9.tx_frames", 2},
                               {"vnic9.tx_bytes", 84},
                               {"vnic9.tx_drops", 2},
                               {"drop.vnic_without_policy", 2},
                               {"vnic9.drop.vnic_without_policy", 2}}));
}

TEST(Egress, AnUplinkThatIsDownTakesNothing) {
  World a(card_a());
  a.pipeline.set_uplink_present(0, false);
  const Bytes frame = ipv4_to("10.0.0.2").udp().build();
  a.from_vnic(0, frame);
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", frame.size()},
                               {"vnic0.tx_encapsulated", 1},
                               {"vnic0.tx_drops", 1},
                               {"drop.uplink_down", 1},
                               {"vnic0.drop.uplink_down", 1}}));
}

TEST(Egress, AnswersOnlySoOften) {
  World a(card_a());
  for (int i = 0; i < 1000; ++i) a.from_vnic(0, Frame().ethernet().arp().build());
  EXPECT_EQ(a.sink.received.size(), 256u);
  EXPECT_EQ(a.count()["drop.answer_limit"], 744u);
  a.from_vnic(1, Frame()
                     .ethernet({.source = "52:54:00:00:00:03"})
                     .arp({.sender_mac = "52:54:00:00:00:03", .sender_ip = "10.0.0.3"})
                     .build());
  EXPECT_EQ(a.sink.received.size(), 257u) << "each vnic has its own limit";
  a.now += 1'000'000'000;
  a.from_vnic(0, Frame().ethernet().arp().build());
  EXPECT_EQ(a.sink.received.size(), 258u);
}

TEST(Egress, KeepsTheOrderOfABatch) {
  World a(card_a());
  std::vector<Packet*> batch;
  for (uint32_t i = 0; i < 200; ++i) {
    // Every fourth to another place: local, nobody, remote, remote.
    const char* const destinations[] = {"10.0.0.3", "10.0.0.77", "10.0.0.2", "10.1.0.1"};
    batch.push_back(
        packet_of(a.pool, ipv4_to(destinations[i % 4]).udp().payload(pattern(10, i)).build()));
  }
  a.pipeline.from_vnic(0, batch, a.now);
  ASSERT_EQ(a.sink.sent.size(), 100u);
  ASSERT_EQ(a.sink.received.size(), 50u);
  for (uint32_t i = 0, sent = 0, local = 0; i < 200; ++i) {
    if (i % 4 == 1) continue;
    const Bytes& frame = i % 4 == 0 ? a.sink.received[local++].frame : a.sink.sent[sent++].frame;
    EXPECT_EQ(to_hex(Bytes(frame.end() - 10, frame.end())), to_hex(pattern(10, i))) << i;
  }
  EXPECT_EQ(a.count()["drop.no_mapping"], 50u);
  EXPECT_EQ(a.pool.in_use(), 0u);
}

TEST(Egress, WaitsForTheNeighbour) {
  World a(card_a({.ask = true}));
  const Bytes frame = ipv4_to("10.0.0.2").udp().payload(20).build();
  for (int i = 0; i < 20; ++i) a.from_vnic(0, frame);
  ASSERT_EQ(a.sink.sent.size(), 1u) << "the question";
  EXPECT_EQ(a.pipeline.next_tick(), a.now + 1'000'000'000);
  EXPECT_EQ(a.pool.in_use(), 16u);
  EXPECT_EQ(a.count()["vnic0.drop.neighbour_queue_full"], 4u);
  a.from_wire(Frame()
                  .ethernet({.destination = kMacA, .source = kMacB})
                  .arp({.operation = 2,
                        .sender_mac = kMacB,
                        .sender_ip = "192.0.2.2",
                        .target_mac = kMacA,
                        .target_ip = "192.0.2.1"})
                  .build());
  ASSERT_EQ(a.sink.sent.size(), 17u);
  World b(card_b());
  b.from_wire(a.sink.sent[16].frame);
  ASSERT_EQ(b.sink.received.size(), 1u);
  EXPECT_EQ(to_hex(b.sink.received[0].frame), to_hex(frame));
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 20},
                               {"vnic0.tx_bytes", 20 * frame.size()},
                               {"vnic0.tx_encapsulated", 20},
                               {"vnic0.tx_drops", 4},
                               {"drop.neighbour_queue_full", 4},
                               {"vnic0.drop.neighbour_queue_full", 4},
                               {"uplink0.tx_frames", 17},
                               {"uplink0.tx_bytes", 60 + 16 * (frame.size() + 50)},
                               {"uplink0.neighbour_requests", 1},
                               {"uplink0.rx_frames", 1},
                               {"uplink0.rx_bytes", 42},
                               {"uplink0.rx_neighbour", 1}}));
  EXPECT_EQ(a.pipeline.next_tick(), INT64_MAX);
  EXPECT_EQ(a.pool.in_use(), 0u);
}

TEST(Egress, GivesUpOnASilentNeighbour) {
  World a(card_a({.v6 = true, .ask = true}));
  a.from_vnic(0, ipv4_to("10.0.0.2").udp().payload(20).build());
  int64_t next = a.pipeline.next_tick();
  for (int i = 0; i < 3; ++i) next = a.pipeline.tick(next);
  EXPECT_EQ(next, INT64_MAX);
  EXPECT_EQ(a.sink.sent.size(), 3u);
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, DropReason::neighbour_unresolved}}));
  EXPECT_EQ(a.count()["vnic0.tx_drops"], 1u);
  EXPECT_EQ(a.pool.in_use(), 0u);
}

TEST(Egress, UnderTwoMetersTheWorseColourHoldsAndRedTakesOfNeither) {
  policy::Policy policy = card_a();
  const auto meter = [](const char* name, uint32_t committed, uint32_t peak, uint8_t mark) {
    return policy::Meter{.name = name,
                         .committed_rate = 8,
                         .committed_burst = committed,
                         .peak_rate = 8,
                         .peak_burst = peak,
                         .yellow_dscp = mark};
  };
  policy.meters = {meter("vnic", 1000, 2000, 12), meter("tenant", 500, 4000, 14)};
  policy.vnics[0].meter = "vnic";
  policy.tenants[0].meter = "tenant";
  World a(policy);
  const auto send = [&](unsigned vnic) {
    const std::string own = vnic == 0 ? "1" : "3";
    a.from_vnic(vnic, Frame()
                          .ethernet({.source = "52:54:00:00:00:0" + own})
                          .ipv4({.source = "10.0.0." + own, .destination = "10.0.0.2"})
                          .udp()
                          .payload(500 - 28)
                          .build());
  };
  for (int i = 0; i < 5; ++i) send(0);
  for (int i = 0; i < 5; ++i) send(1);
  // The tenant's committed burst is over first, then the vnic's peak; what was red then is still
  // there for the tenant's other vnic.
  EXPECT_EQ(a.count().at("vnic0.meter_green"), 1u);
  EXPECT_EQ(a.count().at("vnic0.meter_yellow"), 3u);
  EXPECT_EQ(a.count().at("vnic0.drop.meter_red"), 1u);
  EXPECT_FALSE(a.count().contains("vnic1.meter_green"));
  EXPECT_EQ(a.count().at("vnic1.meter_yellow"), 4u);
  EXPECT_EQ(a.count().at("vnic1.drop.meter_red"), 1u);
  ASSERT_EQ(a.sink.sent.size(), 8u);
  for (size_t i = 0; i < 8; ++i)
    EXPECT_EQ(a.sink.sent[i].frame[15] >> 2, i == 0 ? 0 : i < 4 ? 12 : 14) << i;
}

// Else two guests talk past their meters.
TEST(Egress, WhatStandsBehindADatagramIsMetered) {
  policy::Policy policy = card_a();
  policy.meters = {{.name = "m",
                    .committed_rate = 8,
                    .committed_burst = 2000,
                    .peak_rate = 8,
                    .peak_burst = 2000}};
  policy.vnics[0].meter = "m";
  const Bytes least = ipv4_to("10.0.0.2").udp().build();
  ASSERT_EQ(least.size(), 42u);
  const struct {
    uint32_t behind;
    size_t sent;
  } rows[] = {{0, 2000 / 28}, {18, 2000 / 28}, {19, 2000 / 47}, {1400, 1}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.behind);
    World a(policy);
    for (int i = 0; i < 100; ++i) a.from_vnic(0, concat({least, Bytes(row.behind)}));
    EXPECT_EQ(a.sink.sent.size(), row.sent);
    EXPECT_EQ(a.count().at("vnic0.drop.meter_red"), 100 - row.sent);
  }
}

TEST(Egress, WhatWaitedForAVnicThatWentIsNotTheNextOnes) {
  World a(card_a({.ask = true}));
  a.from_vnic(0, ipv4_to("10.0.0.2").udp().payload(20).build());
  EXPECT_EQ(a.pool.in_use(), 1u);
  a.pipeline.detach_vnic(0);
  EXPECT_EQ(a.pool.in_use(), 0u);
  ASSERT_TRUE(a.pipeline.attach_vnic(0, "next", *parse_mac("52:54:00:00:00:07")).ok());
  int64_t next = a.pipeline.next_tick();
  for (int i = 0; i < 3; ++i) next = a.pipeline.tick(next);
  EXPECT_EQ(a.count()["drop.neighbour_unresolved"], 1u);
  EXPECT_EQ(a.count().count("vnic0.tx_drops"), 0u);
}

}  // namespace
}  // namespace gatehouse::test
