// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/overlay/overlay.hh"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

#include "hw/core/overlay/destination.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using overlay::Destination;
using overlay::Target;
using overlay::Way;

MacAddress mac_of(uint32_t n) {
  return {{2, 0, uint8_t(n >> 24), uint8_t(n >> 16), uint8_t(n >> 8), uint8_t(n)}};
}
IpAddress v4_of(uint32_t n) {
  const uint8_t octets[4] = {uint8_t(n >> 24), uint8_t(n >> 16), uint8_t(n >> 8), uint8_t(n)};
  return IpAddress::v4(octets);
}
IpAddress ip(const char* text) { return parse_ip(text).value(); }
IpPrefix prefix(const char* text) { return parse_prefix(text).value(); }
Target hop(uint32_t index) { return {Way::next_hop(index), mac_of(index)}; }

TEST(Way, KeepsItsKindsApart) {
  EXPECT_TRUE(Way().is_none());
  EXPECT_FALSE(Way().is_next_hop() || Way().is_vnic() || Way().is_vnic_by_mac());
  const Way next = Way::next_hop(7), vnic = Way::vnic(7), by_mac = Way::vnic_by_mac();
  EXPECT_TRUE(next.is_next_hop() && !next.is_vnic() && !next.is_vnic_by_mac() && !next.is_none());
  EXPECT_TRUE(vnic.is_vnic() && !vnic.is_next_hop() && !vnic.is_vnic_by_mac() && !vnic.is_none());
  EXPECT_TRUE(by_mac.is_vnic_by_mac() && !by_mac.is_next_hop() && !by_mac.is_vnic() &&
              !by_mac.is_none());
  EXPECT_EQ(next.index(), 7u);
  EXPECT_EQ(vnic.index(), 7u);
}

TEST(HostTable, FindsWhatAMapFinds) {
  std::mt19937 random(7);
  overlay::HostTable table;
  table.reserve(20'000, 20'000);
  std::map<std::pair<uint16_t, IpAddress>, Target> expected;
  for (int i = 0; i < 20'000; ++i) {
    const auto tenant = static_cast<uint16_t>(random() % 5);
    // Dense, so that tenants share addresses and entries collide.
    const IpAddress v4 = v4_of(0x0a000000 + random() % 8000);
    IpAddress v6 = ip("fd00::");
    v6.octets[3] = uint8_t(random() % 16);
    v6.octets[15] = uint8_t(random());
    for (const IpAddress& address : {v4, v6}) {
      const bool fresh = expected.emplace(std::pair(tenant, address), hop(uint32_t(i))).second;
      EXPECT_EQ(table.insert(tenant, address, hop(uint32_t(i))), fresh);
    }
  }
  EXPECT_EQ(table.size(), expected.size());
  for (uint16_t tenant = 0; tenant < 6; ++tenant) {
    for (uint32_t n = 0; n < 8200; ++n) {
      const auto at = expected.find({tenant, v4_of(0x0a000000 + n)});
      EXPECT_EQ(table.find(tenant, v4_of(0x0a000000 + n)),
                at == expected.end() ? Target{} : at->second);
    }
  }
  std::vector<overlay::Key> keys;
  std::vector<Target> wanted;
  for (const auto& [key, target] : expected) {
    keys.push_back({key.second.octets.data(), key.first, key.second.is_v6()});
    wanted.push_back(target);
  }
  std::vector<Target> found(keys.size());
  table.find(keys, found);
  EXPECT_EQ(found, wanted);
  // In bursts, beside others that differ in the tenant or in the last octet alone.
  const std::vector<overlay::Key> all = keys;
  const std::vector<Target> of_all = wanted;
  keys.clear();
  wanted.clear();
  for (int i = 0; i < 20'000; ++i) {
    size_t at = random() % all.size();
    if (i % 4 != 0) at = random() % 2 ? size_t(i / 16 % all.size()) : (i / 16 + 1) % all.size();
    overlay::Key key = all[at];
    Target target = of_all[at];
    if (random() % 8 == 0) key.tenant = 6, target = {};
    for (unsigned times = 1 + random() % 3; times != 0; --times) {
      keys.push_back(key);
      wanted.push_back(target);
    }
  }
  found.assign(keys.size(), {});
  table.find(keys, found);
  EXPECT_EQ(found, wanted);
}

TEST(HostTable, AnEmptyOneKnowsNobody) {
  overlay::HostTable table;
  EXPECT_TRUE(table.find(0, ip("0.0.0.0")).way.is_none());
  EXPECT_TRUE(table.find(0, ip("::")).way.is_none());
  table.reserve(0, 0);
  EXPECT_TRUE(table.find(0, ip("10.0.0.1")).way.is_none());
}

TEST(HostTable, IsFilledToItsReserve) {
  for (size_t count : {1u, 2u, 3u, 4u, 63u, 64u, 65u}) {
    overlay::HostTable table;
    table.reserve(count, count);
    for (uint32_t i = 0; i < count; ++i) ASSERT_TRUE(table.insert(0, v4_of(i << 24), hop(i)));
    for (uint32_t i = 0; i < count; ++i) EXPECT_EQ(table.find(0, v4_of(i << 24)), hop(i));
    EXPECT_TRUE(table.find(0, v4_of(0xffffffff)).way.is_none());
  }
}

TEST(PrefixTable, TakesTheLongestPrefix) {
  overlay::PrefixTable table;
  table.reserve(16, 2);
  const char* const prefixes[] = {
      "0.0.0.0/0",           "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.128/25",
      "10.1.2.254/31",       "::/0",       "fd00::/8",    "fd00::/64",   "fd00::/65",
      "fd00::8000:0:0:0/66", "fd00::/127"};
  for (uint32_t i = 0; i < std::size(prefixes); ++i)
    EXPECT_TRUE(table.insert(1, prefix(prefixes[i]), hop(i)));
  EXPECT_FALSE(table.insert(1, prefix("10.1.0.0/16"), hop(99)));
  const struct {
    const char* address;
    const char* matched;  // null: nothing
  } rows[] = {
      {"192.0.2.1", "0.0.0.0/0"},        {"10.2.3.4", "10.0.0.0/8"},
      {"10.1.3.4", "10.1.0.0/16"},       {"10.1.2.3", "10.1.2.0/24"},
      {"10.1.2.200", "10.1.2.128/25"},   {"10.1.2.255", "10.1.2.254/31"},
      {"2001:db8::1", "::/0"},           {"fd01::", "fd00::/8"},
      {"fd00::c000:0:0:1", "fd00::/64"}, {"fd00::9000:0:0:1", "fd00::8000:0:0:0/66"},
      {"fd00::7000:0:0:1", "fd00::/65"}, {"fd00::1", "fd00::/127"},
  };
  for (const auto& row : rows) {
    const IpAddress address = ip(row.address);
    const Target target = table.find({address.octets.data(), 1, address.is_v6()});
    ASSERT_TRUE(target.way.is_next_hop()) << row.address;
    EXPECT_STREQ(prefixes[target.way.index()], row.matched) << row.address;
    EXPECT_TRUE(table.find({address.octets.data(), 0, address.is_v6()}).way.is_none())
        << "another tenant: " << row.address;
    EXPECT_TRUE(table.find({address.octets.data(), 9, address.is_v6()}).way.is_none())
        << "no such tenant";
  }
  const IpAddress far = ip("192.0.2.1");
  EXPECT_TRUE(table.find({far.octets.data(), 1, false}, 1).way.is_none())
      << "the default route is passed over";
}

TEST(PrefixTable, FindsWhatASearchOverAllFinds) {
  std::mt19937 random(3);
  overlay::PrefixTable table;
  std::vector<std::pair<IpPrefix, Target>> all;
  table.reserve(500, 1);
  for (uint32_t i = 0; i < 500; ++i) {
    const auto length = static_cast<uint8_t>(random() % 32);
    const uint32_t bits =
        (0x0a000000 | (random() & 0x00f0f0f0)) & (length == 0 ? 0 : ~0u << (32 - length));
    if (table.insert(0, {v4_of(bits), length}, hop(i)))
      all.push_back({{v4_of(bits), length}, hop(i)});
  }
  EXPECT_EQ(table.size(), all.size());
  for (int i = 0; i < 5000; ++i) {
    const IpAddress address = v4_of(0x0a000000 | (random() & 0x00ffffff));
    Target best;
    int longest = -1;
    for (const auto& [candidate, target] : all) {
      if (candidate.contains(address) && candidate.length > longest)
        best = target, longest = candidate.length;
    }
    EXPECT_EQ(table.find({address.octets.data(), 0, false}), best) << to_string(address);
  }
}

TEST(Overlay, PrefersHostsAndKeepsLinkLocalOffDefaultRoutes) {
  overlay::Tables tables;
  tables.reserve(4, 4, 4, 1);
  EXPECT_TRUE(tables.insert(0, prefix("::/0"), hop(1)));
  EXPECT_TRUE(tables.insert(0, prefix("0.0.0.0/0"), hop(2)));
  EXPECT_TRUE(tables.insert(0, {ip("10.0.0.1"), 32}, hop(3)));
  EXPECT_TRUE(tables.insert(0, {ip("fe80::1"), 128}, hop(4)));
  EXPECT_EQ(tables.find(0, ip("10.0.0.1")), hop(3));
  EXPECT_EQ(tables.find(0, ip("10.0.0.2")), hop(2));
  EXPECT_EQ(tables.find(0, ip("2001:db8::1")), hop(1));
  EXPECT_EQ(tables.find(0, ip("fe80::1")), hop(4));
  EXPECT_TRUE(tables.find(0, ip("fe80::2")).way.is_none());
  EXPECT_TRUE(tables.find(0, ip("10.0.0.2"), overlay::Tables::kHostsOnly).way.is_none());

  const IpAddress addresses[] = {ip("fe80::2"), ip("10.0.0.1"), ip("10.9.0.0"), ip("fd00::5")};
  std::vector<overlay::Key> keys;
  for (const IpAddress& address : addresses)
    keys.push_back({address.octets.data(), 0, address.is_v6()});
  std::vector<Target> found(4);
  tables.find(keys, found);
  EXPECT_EQ(found, (std::vector<Target>{{}, hop(3), hop(2), hop(1)}));
}

TEST(Destination, SortsFrames) {
  const struct {
    const char* description;
    Bytes frame;
    Destination kind;
  } rows[] = {
      {"unicast", Frame().ethernet().ipv4().udp().build(), Destination::kUnicast},
      {"IPv6 unicast", Frame().ethernet().ipv6().udp().build(), Destination::kUnicast},
      {"limited broadcast",
       Frame().ethernet().ipv4({.destination = "255.255.255.255"}).udp().build(),
       Destination::kMany},
      {"multicast", Frame().ethernet().ipv4({.destination = "239.1.2.3"}).udp().build(),
       Destination::kMany},
      {"mDNS", Frame().ethernet().ipv4({.destination = "224.0.0.251"}).udp().build(),
       Destination::kMany},
      {"unicast IP in a broadcast frame",
       Frame()
           .ethernet({.destination = "ff:ff:ff:ff:ff:ff"})
           .ipv4({.destination = "10.0.0.255"})
           .udp()
           .build(),
       Destination::kUnicast},
      {"IGMP",
       Frame().ethernet().ipv4({.destination = "224.0.0.22", .protocol = 2}).payload(16).build(),
       Destination::kLink},
      {"reserved group address",
       Frame().ethernet({.destination = "01:80:c2:00:00:0e"}).ipv4().udp().build(),
       Destination::kLink},
      {"beside the reserved ones",
       Frame().ethernet({.destination = "01:80:c2:00:00:10"}).ipv4().udp().build(),
       Destination::kUnicast},
      {"no IP", Frame().ethernet({.type = 0x88cc}).payload(46).build(), Destination::kLink},
      {"IPv6 multicast", Frame().ethernet().ipv6({.destination = "ff02::1:2"}).udp().build(),
       Destination::kMany},
      {"MLD report",
       Frame()
           .ethernet()
           .ipv6({.destination = "ff02::16", .hop_limit = 1})
           .extension(0, {5, 2, 0, 0, 1, 0})
           .icmp({.type = 143})
           .payload(20)
           .build(),
       Destination::kLink},
      {"MLD query",
       Frame()
           .ethernet()
           .ipv6({.destination = "ff02::1", .hop_limit = 1})
           .icmp({.type = 130})
           .payload(20)
           .build(),
       Destination::kLink},
  };
  for (const auto& row : rows) {
    Layers layers;
    ASSERT_EQ(parse::parse(row.frame, {}, layers), spec::DropReason::none) << row.description;
    EXPECT_EQ(overlay::classify(row.frame.data(), layers), row.kind) << row.description;
  }
}

TEST(Destination, GivesGroupsTheirMac) {
  EXPECT_EQ(to_string(overlay::group_mac(ip("255.255.255.255").octets.data(), false)),
            "ff:ff:ff:ff:ff:ff");
  EXPECT_EQ(to_string(overlay::group_mac(ip("10.0.0.255").octets.data(), false)),
            "ff:ff:ff:ff:ff:ff");
  EXPECT_EQ(to_string(overlay::group_mac(ip("239.129.2.3").octets.data(), false)),
            "01:00:5e:01:02:03");
  EXPECT_EQ(to_string(overlay::group_mac(ip("ff02::1:ff00:2").octets.data(), true)),
            "33:33:ff:00:00:02");
}

}  // namespace
}  // namespace gatehouse::test
