// SPDX-License-Identifier: GPL-2.0-or-later
// Policies come and go, vnics come and go: all or nothing, with a sentence that names the object.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>

#include "hw/core/pipeline/tables.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

using testing::HasSubstr;

struct Row {
  const char* description;
  std::function<void(policy::Policy&)> change;
  const char* message;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {"format twice", [](auto& p) { p.formats.push_back(p.formats[0]); },
       "formats[1] (f): the name is there twice"},
      {"port 0", [](auto& p) { p.formats[0].port = 0; }, "formats[0] (f): port: "},
      {"half an option", [](auto& p) { p.formats[0].options = {1, 2, 3, 4, 5, 6, 7, 8}; },
       "formats[0] (f): options"},
      {"too many options", [](auto& p) { p.formats[0].options = Bytes(256); },
       "formats[0] (f): options"},
      {"a port of both kinds",
       [](auto& p) {
         p.formats.push_back(*policy::shipped_format("vxlan"));
         p.formats[1].port = 6081;
       },
       "formats[1] (vxlan): port: port 6081 belongs to \"f\" too"},
      {"a field outside the header", [](auto& p) { p.formats[0].tenant.octet = 6; },
       "formats[0] (f): tenant: 6:24 ends behind"},
      {"uplink of another name", [](auto& p) { p.uplinks[0].name = "uplink2"; },
       "uplinks[0] (uplink2)"},
      {"uplink twice", [](auto& p) { p.uplinks.push_back(p.uplinks[0]); },
       "uplinks[1] (uplink0): the name is there twice"},
      {"address on both uplinks",
       [](auto& p) { p.uplinks.push_back(p.uplinks[0]), p.uplinks[1].name = "uplink1"; },
       "address 192.0.2.1 is there twice"},
      {"no uplink MAC", [](auto& p) { p.uplinks[0].mac = {}; }, "uplinks[0] (uplink0): mac"},
      {"VLAN 4095", [](auto& p) { p.uplinks[0].vlan = 4095; }, "uplinks[0] (uplink0): vlan"},
      {"neighbour with a group MAC", [](auto& p) { p.uplinks[0].neighbours[0].mac = {{1}}; },
       "neighbour 192.0.2.2"},
      {"uplink that is too small for IPv6 inside", [](auto& p) { p.uplinks[0].mtu = 1300; },
       "uplink0's mtu of 1300 leaves 1250 octets, and IPv6 needs 1280; write at least 1330"},
      {"uplink that is too small for IPv6 in a VLAN",
       [](auto& p) { p.uplinks[0].mtu = 1337, p.vnics[0].vlans = {7}; },
       "uplink0's mtu of 1337 leaves 1279 octets behind two VLAN tags, and IPv6 needs 1280; write "
       "at least 1338"},
      {"uplink that is too small", [](auto& p) { p.uplinks[0].mtu = 125; },
       "uplink0's mtu of 125 leaves no room"},
      {"tenant twice", [](auto& p) { p.tenants.push_back(p.tenants[0]); },
       "tenants[2] (red): the name is there twice"},
      {"tenant without format", [](auto& p) { p.tenants[1].format = "x"; },
       "tenants[1] (blue): no format is named 'x'"},
      {"VNI too large", [](auto& p) { p.tenants[1].vni = 1 << 24; },
       "tenants[1] (blue): vni must fit 24 bits"},
      {"VNI of another tenant", [](auto& p) { p.tenants[1].vni = 100; }, "vni 100 is tenant red's"},
      {"tenant's MTU too small", [](auto& p) { p.tenants[0].mtu = 67; },
       "tenants[0] (red): mtu must be at least 68"},
      {"broadcast peer out of reach",
       [](auto& p) { p.tenants[0].broadcast_peer = parse_ip("203.0.113.1"); },
       "tenants[0] (red): no route to underlay peer 203.0.113.1"},
      {"broadcast peer is the card",
       [](auto& p) { p.tenants[0].broadcast_peer = parse_ip("192.0.2.1"); },
       "broadcast_peer is the card's own"},
      {"vnic twice", [](auto& p) { p.vnics.push_back(p.vnics[0]); },
       "vnics[3] (a0): the name is there twice"},
      {"vnic of no tenant", [](auto& p) { p.vnics[1].tenant = "green"; },
       "vnics[1] (a1): no tenant is named 'green'"},
      {"two vnics with one address", [](auto& p) { p.vnics[1].addresses = p.vnics[0].addresses; },
       "vnics[1] (a1): address 10.0.0.1 is another vnic's of tenant red"},
      {"vnic with a group MAC", [](auto& p) { p.vnics[0].mac = MacAddress{{1}}; },
       "vnics[0] (a0): mac"},
      {"a vnic with a mapping's MAC",
       [](auto& p) { p.vnics[0].mac = *parse_mac("52:54:00:00:00:02"); },
       "vnic a0: MAC address 52:54:00:00:00:02 is in a mapping of tenant red; give one of them "
       "another mac"},
      {"two vnics with one MAC", [](auto& p) { p.vnics[1].mac = p.vnics[0].mac; },
       "is vnic a0's of tenant red"},
      {"mapping of no tenant", [](auto& p) { p.mappings[0].tenant = "green"; },
       "mappings[0] (green 10.0.0.2/32): no tenant is named 'green'"},
      {"mapping to nowhere", [](auto& p) { p.mappings[0].peer = *parse_ip("203.0.113.1"); },
       "mappings[0] (red 10.0.0.2/32): no route to underlay peer 203.0.113.1"},
      {"mapping to another family", [](auto& p) { p.mappings[0].peer = *parse_ip("2001:db9::1"); },
       "no route to underlay peer 2001:db9::1"},
      {"mapping twice", [](auto& p) { p.mappings.push_back(p.mappings[0]); },
       "the destination is mapped twice"},
      {"mapped prefix twice", [](auto& p) { p.mappings.push_back(p.mappings[4]); },
       "the destination is mapped twice"},
      {"mapping of a vnic's address",
       [](auto& p) { p.mappings[0].destination = prefix("10.0.0.3"); },
       "a vnic of this card has the address"},
      {"mapping with a group MAC", [](auto& p) { p.mappings[0].mac = {{1}}; },
       "mac must be a unicast address"},
      {"mapping with a VNI too large", [](auto& p) { p.mappings[0].vni = 1 << 24; },
       "vni must fit 24 bits"},
      {"mapping of nothing", [](auto& p) { p.mappings[0].destination = {}; },
       "the destination is no address"},
  };
  return kRows;
}

TEST(Load, NamesWhatIsWrongAndChangesNothing) {
  for (const Row& row : rows()) {
    World a(card_a());
    policy::Policy policy = card_a();
    row.change(policy);
    const Status status = a.pipeline.load(policy);
    ASSERT_FALSE(status.ok()) << row.description;
    EXPECT_THAT(status.message(), HasSubstr(row.message)) << row.description;
    a.from_vnic(0, Frame().ethernet().ipv4().udp().build());
    EXPECT_EQ(a.sink.sent.size(), 1u) << row.description;
  }
}

TEST(Load, TakesAListThatIsTheSameForAllCards) {
  policy::Policy policy = card_a();
  // The card's own vnic as the other cards see it, and another address of vnic a1.
  policy.mappings.push_back(
      {"red", prefix("10.0.0.1"), *parse_mac("52:54:00:00:00:01"), *parse_ip("192.0.2.1"), {}});
  policy.mappings.push_back(
      {"red", prefix("10.7.0.0/16"), *parse_mac("52:54:00:00:00:03"), *parse_ip("192.0.2.1"), {}});
  World a(policy);
  a.from_vnic(0, Frame().ethernet().ipv4({.destination = "10.7.1.1"}).udp().build());
  ASSERT_EQ(a.sink.received.size(), 1u);
  EXPECT_EQ(a.sink.received[0].vnic, 1u);
  policy.mappings.push_back(
      {"red", prefix("10.8.0.0/16"), *parse_mac("52:54:00:00:00:77"), *parse_ip("192.0.2.1"), {}});
  ASSERT_TRUE(a.pipeline.load(policy).ok());
  a.from_vnic(0, Frame().ethernet().ipv4({.destination = "10.8.1.1"}).udp().build());
  EXPECT_EQ(a.count()["drop.no_vnic"], 1u);
}

TEST(Load, SendsWithTheMappingsOwnVni) {
  policy::Policy policy = card_a();
  policy.mappings[0].vni = 0xabcdef;
  World a(policy);
  a.from_vnic(0, Frame().ethernet().ipv4().udp().build());
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(Bytes(a.sink.sent[0].frame.begin() + 46, a.sink.sent[0].frame.begin() + 50),
            (Bytes{0xab, 0xcd, 0xef, 0}));
}

TEST(Load, PrefersThePolicysMac) {
  policy::Policy policy = card_a();
  policy.vnics[0].mac.reset();
  World a(policy);  // attaches with 02:00:01:00:00:00 there
  ASSERT_FALSE(policy.vnics[0].mac);
  a.pipeline.detach_vnic(0);
  ASSERT_TRUE(a.pipeline.attach_vnic(0, "a0", *parse_mac("52:54:00:00:00:aa")).ok());
  a.from_vnic(0, Frame().ethernet({.source = "52:54:00:00:00:aa"}).ipv4().udp().build());
  EXPECT_EQ(a.sink.sent.size(), 1u) << "the device's, as the policy names none";
  ASSERT_TRUE(a.pipeline.load(card_a()).ok());
  a.from_vnic(0, Frame().ethernet({.source = "52:54:00:00:00:aa"}).ipv4().udp().build());
  EXPECT_EQ(a.count()["drop.spoofed_mac"], 1u);
  a.from_vnic(0, Frame().ethernet().ipv4().udp().build());
  EXPECT_EQ(a.sink.sent.size(), 2u);
}

TEST(Load, VnicsAndPoliciesMeetInAnyOrder) {
  PacketPool pool({.small_count = 8, .large_count = 1});
  Recorder sink;
  pipeline::Pipeline pipeline(pool, sink);
  pipeline.set_uplink_present(0, true);
  const MacAddress mac = *parse_mac("52:54:00:00:00:01");
  ASSERT_TRUE(pipeline.attach_vnic(5, "a0", mac).ok());
  const auto send = [&] {
    Packet* packet = packet_of(pool, Frame().ethernet().ipv4().udp().build(), 5);
    pipeline.from_vnic(5, {&packet, 1}, 0);
  };
  send();
  EXPECT_EQ(sink.sent.size(), 0u);
  EXPECT_EQ(pipeline.overlay_mtu(5), 0u);
  ASSERT_TRUE(pipeline.load(card_a()).ok());
  send();
  EXPECT_EQ(sink.sent.size(), 1u);
  EXPECT_EQ(pipeline.overlay_mtu(5), 1450u);
  EXPECT_FALSE(pipeline.attach_vnic(5, "b", mac).ok()) << "the place is taken";
  EXPECT_FALSE(pipeline.attach_vnic(6, "a0", mac).ok()) << "the name is taken";
  EXPECT_FALSE(pipeline.attach_vnic(256, "b", mac).ok());
  pipeline.detach_vnic(5);
  send();
  EXPECT_EQ(sink.sent.size(), 1u);
  ASSERT_TRUE(pipeline.attach_vnic(5, "a0", mac).ok());
  send();
  EXPECT_EQ(sink.sent.size(), 2u);
  EXPECT_EQ(pipeline.sizes().host_mappings, 10u);
  EXPECT_EQ(pipeline.sizes().prefix_mappings, 2u);
}

TEST(Load, AVnicThatIsNotAttachedIsNobody) {
  World a(card_a());
  a.pipeline.detach_vnic(1);
  a.from_vnic(0, Frame().ethernet().ipv4({.destination = "10.0.0.3"}).udp().build());
  a.from_vnic(0, Frame().ethernet().arp({.target_ip = "10.0.0.3"}).build());
  EXPECT_EQ(a.count()["drop.no_vnic"], 1u);
  EXPECT_EQ(a.count()["drop.unknown_arp_target"], 1u);
  EXPECT_TRUE(a.sink.received.empty());
}

TEST(Load, KeepsFramesThatWaitForANeighbour) {
  World a(card_a({.ask = true}));
  a.from_vnic(0, Frame().ethernet().ipv4().udp().build());
  policy::Policy policy = card_a({.ask = true});
  policy.mappings.pop_back();
  ASSERT_TRUE(a.pipeline.load(policy).ok());
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, 1u);
  policy.mappings.clear();
  ASSERT_TRUE(a.pipeline.load(policy).ok());
  EXPECT_EQ(a.sink.drops,
            (std::vector<Dropped>{{true, 0, spec::DropReason::neighbour_unresolved}}));
  EXPECT_EQ(a.pool.in_use(), 0u);
}

// They have their outer headers, by which they would reach somebody else.
TEST(Load, GivesUpFramesThatWaitWithHeadersOfBefore) {
  struct Row {
    const char* what;
    void (*change)(policy::Policy&);
    bool stays;
  };
  const Row rows[] = {
      {"nothing", [](auto&) {}, true},
      {"another tenant more",
       [](auto& p) {
         p.tenants.insert(p.tenants.begin(), p.tenants[0]);
         p.tenants[0].name = "first", p.tenants[0].vni = 77;
       },
       true},
      {"the VNI", [](auto& p) { p.tenants[0].vni = 777; }, false},
      {"the vnic's tenant",
       [](auto& p) {
         p.vnics[0].tenant = "blue";
         p.vnics[0].addresses = {prefix("10.0.0.77")};
         p.vnics[0].mac = parse_mac("52:54:00:00:00:77");
       },
       false},
      {"the vnic goes", [](auto& p) { p.vnics.erase(p.vnics.begin()); }, false},
      {"the format", [](auto& p) { p.formats[0].port = 9999; }, false},
      {"the uplink's MAC", [](auto& p) { p.uplinks[0].mac.octets[5] ^= 0x40; }, false},
      {"the uplink's VLAN", [](auto& p) { p.uplinks[0].vlan = 9; }, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    World a(card_a({.ask = true}));
    a.from_vnic(0, Frame().ethernet().ipv4().udp().build());
    ASSERT_EQ(a.pipeline.sizes().waiting_frames, 1u);
    policy::Policy policy = card_a({.ask = true});
    row.change(policy);
    const Status status = a.pipeline.load(policy);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(a.pipeline.sizes().waiting_frames, row.stays ? 1u : 0u);
    const Dropped lost{true, 0, spec::DropReason::neighbour_unresolved};
    EXPECT_EQ(a.sink.drops, row.stays ? std::vector<Dropped>{} : std::vector<Dropped>{lost});
    EXPECT_EQ(a.pool.in_use(), row.stays ? 1u : 0u);
  }
}

TEST(Load, AMirrorsChangeLosesNothingThatWaits) {
  policy::Policy policy = card_a({.ask = true});
  policy.mirrors = {{"watch", "red", *parse_ip("192.0.2.9"), 0x777777}};
  policy.vnics[0].mirror = "watch";
  World a(policy);
  a.from_vnic(0, Frame().ethernet().ipv4().udp().build());
  ASSERT_EQ(a.pipeline.sizes().waiting_frames, 1u) << "its copy does not wait";
  policy.mirrors[0].vni = 1;
  ASSERT_TRUE(a.pipeline.load(policy).ok());
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, 1u);
  policy.mirrors.clear();
  policy.vnics[0].mirror.clear();
  ASSERT_TRUE(a.pipeline.load(policy).ok());
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, 1u);
}

#ifndef __SANITIZE_ADDRESS__  // it takes more memory than any limit lets it
// The system may have less memory than a policy asks for, and other guests go on.
TEST(LoadDeathTest, ConnectionsThatFindNoMemoryAreRefused) {
  const auto load = [] {
    World b(card_b());
    const rlimit limit{rlim_t{2} << 30, rlim_t{2} << 30};
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(1);
    policy::Policy policy = card_b();
    policy.connections = 1u << 26;
    policy.firewalls.push_back({.name = "web"});
    policy.vnics[0].firewall = "web";
    const Status status = b.pipeline.load(policy);
    if (status.message() != "connections: no memory for 67108864 of them; write fewer")
      std::exit(2);
    b.from_vnic(0,
                Frame()
                    .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
                    .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                    .udp()
                    .build());
    policy.connections = 1000;
    std::exit(b.sink.sent.size() == 1 && b.pipeline.load(policy).ok() ? 0 : 3);
  };
  EXPECT_EXIT(load(), testing::ExitedWithCode(0), "");
}
#endif

TEST(Load, UsesTheSecondUplinkWhereItLeads) {
  policy::Policy policy = card_a();
  policy::Uplink second;
  second.name = "uplink1";
  second.mac = *parse_mac("02:00:00:00:01:0a");
  second.addresses = {{*parse_ip("198.51.100.1"), 24}};
  second.gateway_v4 = parse_ip("198.51.100.254");
  second.neighbours = {{*parse_ip("198.51.100.254"), *parse_mac("02:00:00:00:01:fe")}};
  second.mtu = 9000;
  policy.uplinks.push_back(second);
  policy.mappings.push_back({"red",
                             prefix("10.5.0.0/16"),
                             *parse_mac("52:54:00:00:00:05"),
                             *parse_ip("203.0.113.9"),
                             {}});
  World a(policy);
  a.from_vnic(0, Frame()
                     .ethernet()
                     .ipv4({.destination = "10.5.0.1", .dont_fragment = true})
                     .udp()
                     .payload(8000)
                     .build());
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(a.sink.sent[0].uplink, 1u);
  EXPECT_EQ(to_hex(cut(a.sink.sent[0].frame, 12)), to_hex(from_hex("0200000001fe 02000000010a")));
  EXPECT_EQ(Bytes(a.sink.sent[0].frame.begin() + 26, a.sink.sent[0].frame.begin() + 34),
            (Bytes{198, 51, 100, 1, 203, 0, 113, 9}));
}

// All guests wait meanwhile. Were one compared with each other this test would not end.
TEST(Load, ManyGroupsAreFoundByTheirNames) {
  constexpr size_t kGroups = 200'000;
  policy::Policy policy = card_a();
  for (size_t i = 0; i < kGroups; ++i) policy.groups.push_back({"g" + std::to_string(i), {}});
  policy.groups.back().addresses = {prefix("10.0.0.2")};
  policy::Firewall firewall{.name = "f"};
  for (size_t i = 0; i < firewall::RuleSet::kMaxRules; ++i) {
    firewall.rules.push_back({.groups = {policy.groups[kGroups - 1 - i].name}});
  }
  policy.firewalls = {firewall};
  policy.vnics[0].firewall = "f";
  for (const policy::Group& group : policy.groups) policy.vnics[1].groups.push_back(group.name);
  World a(policy);
  policy.groups.push_back(policy.groups[7]);
  EXPECT_EQ(a.pipeline.load(policy).message(), "groups[200000] (g7): the name is there twice");
  policy.groups.resize(policy::kMaxGroups + 1);
  EXPECT_EQ(a.pipeline.load(policy).message(), "groups: more than 262144");
}

TEST(Load, RulesShareTheMembersOfAGroup) {
  policy::Policy policy = card_a();
  policy::Group group{"many", {}};
  for (uint32_t i = 0; i < 100'000; ++i) {
    const uint8_t octets[] = {11, uint8_t(i >> 16), uint8_t(i >> 8), uint8_t(i)};
    group.addresses.push_back({IpAddress::v4(octets), 32});
  }
  policy.groups = {group};
  policy::Firewall firewall{.name = "f"};
  firewall.rules.assign(firewall::RuleSet::kMaxRules, {.groups = {"many"}});
  policy.firewalls = {firewall};
  for (const size_t vnic : {0, 1, 2}) policy.vnics[vnic].firewall = "f";  // red, red, blue
  const auto sets = [&] {
    const auto built = pipeline::build(policy);
    EXPECT_TRUE(built.ok()) << built.status().message();
    std::vector<size_t> counts;
    for (const pipeline::Watch& watch : built.value()->watches) {
      counts.push_back(watch.rules.group_sets());
    }
    return counts;
  };
  EXPECT_EQ(sets(), (std::vector<size_t>{1, 1}));
  policy.vnics[1].groups = {"many"};
  EXPECT_EQ(sets(), (std::vector<size_t>{2, 1})) << "a member of tenant red";
  policy.firewalls[0].rules = {{.groups = std::vector<std::string>(33, "many")}};
  EXPECT_EQ(pipeline::build(policy).status().message(),
            "firewalls[0] (f): rules[0]: more than 32 groups");
}

}  // namespace
}  // namespace gatehouse::test
