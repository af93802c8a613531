// SPDX-License-Identifier: GPL-2.0-or-later
// What the policy reader accepts, and that nothing makes it fall over.
#include "hw/core/policy/reader.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "hw/core/policy/references.hh"
#include "hw/core/policy/schema.hh"
#include "hw/core/policy/shipped_formats.hh"

namespace gatehouse::policy {
namespace {

constexpr char kEverything[] = R"({
  "$schema": "policy.schema.json",
  "formats": [
    {"name": "marked", "kind": "geneve", "port": 6082, "udp_checksum": true, "zero_checksum_ipv6": true,
     "options": "0104 8001 0a0b0c0d", "ttl": 32, "dscp": 46},
    {"name": "plain", "kind": "vxlan"},
    {"name": "described", "protocol": 47, "header": "0001 beef 00000000 0000 0000", "id": ["1:01/0f", "2:beef"],
     "tenant": "4:24", "flow": "7.4:4", "checksum": "8:16", "length": "0.4:4*4+12", "total_length": "10:16+2",
     "option_length": "1:8*4+4", "option_kind": "0:8", "option_critical": "2.7:1", "any_critical": "1.0:1",
     "options": "0700 0100", "entropy": "none"}
  ],
  "uplinks": [
    {"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24", "fd01::1/64"], "gateway": "10.1.0.254",
     "gateway6": "fe80::1", "mtu": 9000, "vlan": 7, "neighbours": [{"address": "10.1.0.2", "mac": "02:00:00:00:00:02"}]}
  ],
  "tenants": [
    {"name": "red", "vni": 5001, "format": "marked", "broadcast_peer": "10.1.0.9", "mtu": 1400},
    {"name": "blue", "vni": 16777215, "meter": "plain"}
  ],
  "vnics": [
    {"name": "vnic0", "tenant": "red", "mac": "52:54:00:00:00:01", "addresses": ["192.168.0.1", "fd00::/64"],
     "anti_spoof": false, "vlans": [1, 4094], "groups": ["admins"], "firewall": "web", "meter": "gold",
     "mirror": "watch"},
    {"name": "vnic1", "tenant": "blue", "comment": "nothing but what it must have"}
  ],
  "mappings": [
    {"tenant": "red", "destination": "0.0.0.0/0", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2", "vni": 0},
    {"tenant": "blue", "destination": "fd00::2", "mac": "52:54:00:00:00:03", "peer": "fd01::2"}
  ],
  "groups": [{"name": "admins", "addresses": ["10.9.0.0/24", "fd09::1"]}, {"name": "nobody"}],
  "firewalls": [
    {"name": "web", "connections": 5000, "half_open": 500, "rules": [
      {"direction": "in", "protocol": "tcp", "ports": ["80", "8000-8079"], "groups": ["admins"]},
      {"direction": "out", "action": "deny", "log": true, "protocol": "icmpv6", "icmp_types": [128, 0],
       "remote": ["fd00::/8"], "local": ["fd00::1"]},
      {"direction": "in", "protocol_number": 47}, {"direction": "in", "protocol": "udp", "source_ports": ["53"]}]},
    {"name": "shut"}
  ],
  "meters": [
    {"name": "gold", "committed_rate": 1000, "committed_burst": 2000, "peak_rate": 3000, "peak_burst": 4000,
     "colour_aware": true, "yellow_dscp": 12},
    {"name": "plain", "committed_rate": 1, "committed_burst": 1, "peak_rate": 1, "peak_burst": 1}
  ],
  "mirrors": [{"name": "watch", "tenant": "red", "peer": "10.1.0.9", "vni": 77}],
  "connections": 100000
})";

IpAddress ip(const char* text) { return *parse_ip(text); }
MacAddress mac(const char* text) { return *parse_mac(text); }

Policy must_read(std::string_view text) {
  Result<Policy> result = read_policy(text, "policy.json");
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? std::move(result.value()) : Policy();
}

TEST(Reader, ReadsFormats) {
  const Policy policy = must_read(kEverything);
  ASSERT_EQ(policy.formats.size(), 5u);  // the two built-in ones stand first
  EXPECT_EQ(policy.formats[0].name, "vxlan");
  EXPECT_EQ(policy.formats[0].header, shipped_format("vxlan")->header);
  EXPECT_EQ(policy.formats[0].port, 4789);
  EXPECT_EQ(policy.formats[1].name, "geneve");
  EXPECT_EQ(policy.formats[1].header, shipped_format("geneve")->header);
  EXPECT_EQ(policy.formats[1].port, 6081);
  const Format& marked = policy.formats[2];
  EXPECT_EQ(marked.name, "marked");
  EXPECT_EQ(marked.header, shipped_format("geneve")->header);
  EXPECT_EQ(marked.port, 6082);
  EXPECT_TRUE(marked.udp_checksum);
  EXPECT_TRUE(marked.zero_checksum_ipv6);
  EXPECT_EQ(marked.options, (std::vector<uint8_t>{1, 4, 0x80, 1, 10, 11, 12, 13}));
  EXPECT_EQ(marked.ttl, 32);
  EXPECT_EQ(marked.dscp, 46);
  const Format& plain = policy.formats[3];
  EXPECT_EQ(plain.header, shipped_format("vxlan")->header);
  EXPECT_EQ(plain.port, 4789);
  EXPECT_EQ(plain.ttl, 64);
  EXPECT_FALSE(plain.udp_checksum || plain.zero_checksum_ipv6 || plain.dscp);
}

TEST(Reader, ReadsDescriptionsOfFormats) {
  const Policy policy = must_read(kEverything);
  const Format& format = policy.formats.back();
  EXPECT_EQ(format.protocol, 47);
  EXPECT_EQ(format.port, 0);
  EXPECT_EQ(format.header.size(), 12u);
  EXPECT_EQ(format.id, (std::vector<Match>{{1, {0x01}, {0x0f}}, {2, {0xbe, 0xef}, {0xff, 0xff}}}));
  EXPECT_EQ(format.tenant, (Field{4, 0, 24}));
  EXPECT_EQ(format.flow, (Field{7, 4, 4}));
  EXPECT_EQ(format.checksum, (Field{8, 0, 16}));
  EXPECT_EQ(format.length, (LengthRule{{0, 4, 4}, 4, 12}));
  EXPECT_EQ(format.total_length, (LengthRule{{10, 0, 16}, 1, 2}));
  EXPECT_EQ(format.option_length, (LengthRule{{1, 0, 8}, 4, 4}));
  EXPECT_EQ(format.option_kind, (Field{0, 0, 8}));
  EXPECT_EQ(format.option_critical, (Field{2, 7, 1}));
  EXPECT_EQ(format.any_critical, (Field{1, 0, 1}));
  EXPECT_EQ(format.options, (std::vector<uint8_t>{7, 0, 1, 0}));
  EXPECT_EQ(format.entropy, Entropy::kNone);
}

TEST(Reader, RulesAndGroupsMayNameWhatIsNoMachine) {
  const Policy policy = must_read(R"({
    "groups": [{"name": "many", "addresses": ["224.0.0.0/4", "ff00::/8", "255.255.255.255"]}],
    "firewalls": [{"name": "f", "rules": [
      {"direction": "in", "local": ["224.0.0.251", "ff02::fb"], "remote": ["0.0.0.0", "::"]}]}]})");
  ASSERT_EQ(policy.groups.size(), 1u);
  EXPECT_EQ(policy.groups[0].addresses,
            (std::vector<IpPrefix>{
                {ip("224.0.0.0"), 4}, {ip("ff00::"), 8}, {ip("255.255.255.255"), 32}}));
  const Rule& rule = policy.firewalls.at(0).rules.at(0);
  EXPECT_EQ(rule.local, (std::vector<IpPrefix>{{ip("224.0.0.251"), 32}, {ip("ff02::fb"), 128}}));
  EXPECT_EQ(rule.remote, (std::vector<IpPrefix>{{ip("0.0.0.0"), 32}, {ip("::"), 128}}));
}

TEST(Reader, ReadsFirewalls) {
  const Policy policy = must_read(kEverything);
  EXPECT_EQ(policy.connections, 100'000u);
  EXPECT_EQ(policy.vnics[0].groups, std::vector<std::string>{"admins"});
  EXPECT_EQ(policy.vnics[0].firewall, "web");
  EXPECT_EQ(policy.vnics[1].firewall, "");
  ASSERT_EQ(policy.groups.size(), 2u);
  EXPECT_EQ(policy.groups[0].name, "admins");
  ASSERT_EQ(policy.groups[0].addresses.size(), 2u);
  EXPECT_EQ(policy.groups[0].addresses[0].length, 24);
  EXPECT_TRUE(policy.groups[1].addresses.empty());
  ASSERT_EQ(policy.firewalls.size(), 2u);
  const Firewall& web = policy.firewalls[0];
  EXPECT_EQ(web.connections, 5000u);
  EXPECT_EQ(web.half_open, 500u);
  ASSERT_EQ(web.rules.size(), 4u);
  EXPECT_TRUE(web.rules[0].inward && web.rules[0].allow && !web.rules[0].log);
  EXPECT_EQ(web.rules[0].protocol, 6);
  ASSERT_EQ(web.rules[0].ports.size(), 2u);
  EXPECT_EQ(web.rules[0].ports[0].first, 80);
  EXPECT_EQ(web.rules[0].ports[0].last, 80);
  EXPECT_EQ(web.rules[0].ports[1].first, 8000);
  EXPECT_EQ(web.rules[0].ports[1].last, 8079);
  EXPECT_EQ(web.rules[0].groups, std::vector<std::string>{"admins"});
  EXPECT_TRUE(!web.rules[1].inward && !web.rules[1].allow && web.rules[1].log);
  EXPECT_EQ(web.rules[1].protocol, 58);
  EXPECT_EQ(web.rules[1].icmp_types, (std::vector<uint8_t>{128, 0}));
  EXPECT_EQ(web.rules[1].remote.at(0).length, 8);
  EXPECT_TRUE(web.rules[1].local.at(0).is_host());
  EXPECT_EQ(web.rules[2].protocol, 47);
  EXPECT_EQ(web.rules[3].protocol, 17);
  EXPECT_EQ(web.rules[3].source_ports.at(0).last, 53);
  EXPECT_EQ(policy.firewalls[1].connections, 65536u);
  EXPECT_EQ(policy.firewalls[1].half_open, 1024u);
  EXPECT_TRUE(policy.firewalls[1].rules.empty());
}

TEST(Reader, ReadsMeters) {
  const Policy policy = must_read(kEverything);
  EXPECT_EQ(policy.vnics[0].meter, "gold");
  EXPECT_EQ(policy.tenants[0].meter, "");
  EXPECT_EQ(policy.tenants[1].meter, "plain");
  ASSERT_EQ(policy.meters.size(), 2u);
  const Meter& gold = policy.meters[0];
  EXPECT_EQ(gold.committed_rate, 1000u);
  EXPECT_EQ(gold.committed_burst, 2000u);
  EXPECT_EQ(gold.peak_rate, 3000u);
  EXPECT_EQ(gold.peak_burst, 4000u);
  EXPECT_TRUE(gold.colour_aware);
  EXPECT_EQ(gold.yellow_dscp, 12);
  EXPECT_FALSE(policy.meters[1].colour_aware || policy.meters[1].yellow_dscp);
}

TEST(Reader, ReadsMirrors) {
  const Policy policy = must_read(kEverything);
  EXPECT_EQ(policy.vnics[0].mirror, "watch");
  EXPECT_EQ(policy.vnics[1].mirror, "");
  ASSERT_EQ(policy.mirrors.size(), 1u);
  EXPECT_EQ(policy.mirrors[0].name, "watch");
  EXPECT_EQ(policy.mirrors[0].tenant, "red");
  EXPECT_EQ(policy.mirrors[0].peer, ip("10.1.0.9"));
  EXPECT_EQ(policy.mirrors[0].vni, 77u);
}

TEST(Reader, ReadsUplinks) {
  const Policy policy = must_read(kEverything);
  ASSERT_EQ(policy.uplinks.size(), 1u);
  const Uplink& uplink = policy.uplinks[0];
  EXPECT_EQ(uplink.name, "uplink0");
  EXPECT_EQ(uplink.mac, mac("02:00:00:00:00:01"));
  ASSERT_EQ(uplink.addresses.size(), 2u);
  EXPECT_EQ(uplink.addresses[0].address, ip("10.1.0.1"));  // host bits stay
  EXPECT_EQ(uplink.addresses[0].length, 24);
  EXPECT_EQ(uplink.addresses[1].address, ip("fd01::1"));
  EXPECT_EQ(uplink.addresses[1].length, 64);
  EXPECT_EQ(uplink.gateway_v4, ip("10.1.0.254"));
  EXPECT_EQ(uplink.gateway_v6, ip("fe80::1"));
  EXPECT_EQ(uplink.mtu, 9000);
  EXPECT_EQ(uplink.vlan, 7);
  ASSERT_EQ(uplink.neighbours.size(), 1u);
  EXPECT_EQ(uplink.neighbours[0].address, ip("10.1.0.2"));
  EXPECT_EQ(uplink.neighbours[0].mac, mac("02:00:00:00:00:02"));
}

TEST(Reader, ReadsTenantsVnicsAndMappings) {
  const Policy policy = must_read(kEverything);
  ASSERT_EQ(policy.tenants.size(), 2u);
  EXPECT_EQ(policy.tenants[0].name, "red");
  EXPECT_EQ(policy.tenants[0].vni, 5001u);
  EXPECT_EQ(policy.tenants[0].format, "marked");
  EXPECT_EQ(policy.tenants[0].broadcast_peer, ip("10.1.0.9"));
  EXPECT_EQ(policy.tenants[0].mtu, 1400);
  EXPECT_EQ(policy.tenants[1].vni, 0xffffffu);
  EXPECT_EQ(policy.tenants[1].format, "geneve");
  EXPECT_FALSE(policy.tenants[1].broadcast_peer);
  EXPECT_EQ(policy.tenants[1].mtu, 0);
  ASSERT_EQ(policy.vnics.size(), 2u);
  EXPECT_EQ(policy.vnics[0].name, "vnic0");
  EXPECT_EQ(policy.vnics[0].tenant, "red");
  EXPECT_EQ(policy.vnics[0].mac, mac("52:54:00:00:00:01"));
  ASSERT_EQ(policy.vnics[0].addresses.size(), 2u);
  EXPECT_EQ(policy.vnics[0].addresses[0], (IpPrefix{ip("192.168.0.1"), 32}));
  EXPECT_EQ(policy.vnics[0].addresses[1], (IpPrefix{ip("fd00::"), 64}));
  EXPECT_FALSE(policy.vnics[0].anti_spoof);
  EXPECT_EQ(policy.vnics[0].vlans, (std::vector<uint16_t>{1, 4094}));
  EXPECT_FALSE(policy.vnics[1].mac);
  EXPECT_TRUE(policy.vnics[1].anti_spoof);
  EXPECT_TRUE(policy.vnics[1].addresses.empty() && policy.vnics[1].vlans.empty());
  ASSERT_EQ(policy.mappings.size(), 2u);
  EXPECT_EQ(policy.mappings[0].destination, (IpPrefix{ip("0.0.0.0"), 0}));
  EXPECT_EQ(policy.mappings[0].mac, mac("52:54:00:00:00:02"));
  EXPECT_EQ(policy.mappings[0].peer, ip("10.1.0.2"));
  EXPECT_EQ(policy.mappings[0].vni, 0u);
  EXPECT_EQ(policy.mappings[1].destination, (IpPrefix{ip("fd00::2"), 128}));
  EXPECT_FALSE(policy.mappings[1].vni);
}

TEST(Reader, AcceptsAnEmptyPolicyAndAByteOrderMark) {
  EXPECT_EQ(must_read("{}").formats.size(), 2u);
  EXPECT_EQ(must_read("\xef\xbb\xbf{}").formats.size(), 2u);
}

TEST(Reader, CountsColumnsBehindAByteOrderMarkAndOverCarriageReturns) {
  EXPECT_EQ(read_policy("\xef\xbb\xbf{\"x\": 1}", "p").status().message().substr(0, 6), "p:1:2:");
  EXPECT_EQ(read_policy("{\r\n \"x\": 1}", "p").status().message().substr(0, 6), "p:2:2:");
}

TEST(Reader, LetsTenantsShareAddressesAndVnicsShareNetworks) {
  must_read(
      R"({"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24"]}],
    "tenants": [{"name": "red", "vni": 1}, {"name": "blue", "vni": 2}],
    "vnics": [{"name": "a", "tenant": "red", "addresses": ["10.0.0.1", "10.8.0.0/16"], "mac": "52:54:00:00:00:01"},
              {"name": "b", "tenant": "blue", "addresses": ["10.0.0.1"], "mac": "52:54:00:00:00:01"},
              {"name": "c", "tenant": "red", "addresses": ["10.8.0.0/16"]}],
    "mappings": [{"tenant": "red", "destination": "10.0.0.2", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2"},
                 {"tenant": "blue", "destination": "10.0.0.2", "mac": "52:54:00:00:00:02", "peer": "10.1.0.3"},
                 {"tenant": "red", "destination": "10.0.0.0/24", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2"},
                 {"tenant": "red", "destination": "10.0.0.0/25", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2"}]})");
}

// The schema tells a default as JSON text; writing it out must change nothing.
TEST(Reader, DefaultsAreWhatTheSchemaSays) {
  const std::string uplink =
      R"({"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24"])";
  const std::string format = R"({"name": "f", "kind": "geneve")";
  const std::string tenant = R"({"name": "red", "vni": 1)";
  const std::string vnic = R"({"name": "v", "tenant": "red")";
  const std::string mapping =
      R"({"tenant": "red", "destination": "10.0.0.0/8", "mac": "52:54:00:00:00:01", "peer": "10.1.0.2")";
  const std::string meter =
      R"({"name": "m", "committed_rate": 1, "committed_burst": 1, "peak_rate": 1, "peak_burst": 1)";
  const auto with = [&](Object object, const std::string& extra) {
    const auto extra_of = [&](Object o) { return o == object ? extra : std::string(); };
    return "{\"formats\": [" + format + extra_of(Object::kFormat) + "}], \"uplinks\": [" + uplink +
           extra_of(Object::kUplink) + "}], \"tenants\": [" + tenant + extra_of(Object::kTenant) +
           "}], \"vnics\": [" + vnic + extra_of(Object::kVnic) + "}], \"mappings\": [" + mapping +
           extra_of(Object::kMapping) + "}], \"groups\": [{\"name\": \"g\"" +
           extra_of(Object::kGroup) + "}], \"firewalls\": [{\"name\": \"w\"" +
           extra_of(Object::kFirewall) + "}, {\"name\": \"r\", \"rules\": [{\"direction\": \"in\"" +
           extra_of(Object::kRule) + "}]}], \"meters\": [" + meter + extra_of(Object::kMeter) +
           "}]}";
  };
  const auto print = [](const Policy& p) {
    const Format& f = p.formats.back();
    const Uplink& u = p.uplinks[0];
    const Tenant& t = p.tenants[0];
    const Vnic& v = p.vnics[0];
    std::string text = std::to_string(f.udp_checksum) + std::to_string(f.zero_checksum_ipv6) + "," +
                       std::to_string(f.ttl) + "," + std::to_string(f.options.size()) + "," +
                       std::to_string(f.port);
    text += "," + std::to_string(u.mtu) + "," + std::to_string(u.vlan) + "," +
            std::to_string(u.neighbours.size());
    text += "," + t.format + "," + std::to_string(t.mtu) + "," + std::to_string(v.anti_spoof);
    text += "," + std::to_string(v.addresses.size()) + "," + std::to_string(v.vlans.size());
    const Firewall& w = p.firewalls[0];
    const Rule& r = p.firewalls[1].rules[0];
    text += "," + std::to_string(v.groups.size()) + std::to_string(p.groups[0].addresses.size());
    text += "," + std::to_string(w.connections) + "," + std::to_string(w.half_open) + "," +
            std::to_string(w.rules.size());
    text += "," + std::to_string(r.allow) + std::to_string(r.log);
    text += "," + std::to_string(v.coalesce);
    return text + "," + std::to_string(p.meters[0].colour_aware);
  };
  const std::string bare = print(must_read(with(Object::kCount, "")));
  EXPECT_EQ(bare, "00,64,0,6081,1500,0,0,geneve,0,1,0,0,00,65536,1024,0,10,0,0");
  unsigned compared = 0;
  for (unsigned object = 1; object < static_cast<unsigned>(Object::kCount); ++object) {
    for (const Member& member : members(static_cast<Object>(object))) {
      if (member.required || member.fallback[0] == '(') continue;
      SCOPED_TRACE(member.name);
      const std::string extra = std::string(", \"") + member.name + "\": " + member.fallback;
      EXPECT_EQ(print(must_read(with(static_cast<Object>(object), extra))), bare);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 21u);
}

TEST(Schema, RowsAreWhole) {
  for (unsigned object = 0; object < static_cast<unsigned>(Object::kCount); ++object) {
    const std::span<const Member> rows = members(static_cast<Object>(object));
    ASSERT_FALSE(rows.empty());
    ASSERT_LE(rows.size(), 64u);  // the reader keeps one bit for each
    for (const Member& member : rows) {
      SCOPED_TRACE(member.name);
      EXPECT_NE(member.store, nullptr);
      EXPECT_NE(std::string(member.text), "");
      EXPECT_EQ(member.required, std::string(member.fallback).empty());
      EXPECT_EQ(member.type == Type::kObject, member.child != Object::kCount);
      EXPECT_EQ(member.type == Type::kInteger, member.maximum != 0);
      EXPECT_EQ(member.type == Type::kKeyword, !keywords(member).empty());
    }
  }
}

TEST(Reader, RefusesWhatIsLargerThanItsLimit) {
  EXPECT_EQ(read_policy("{}        ", "p", {.octets = 9}).status().message(),
            "p: larger than the 0 MiB that a policy may have; join mappings into prefixes");
  EXPECT_TRUE(read_policy("{}       ", "p", {.octets = 9}).ok());
}

TEST(Reader, CutOffAnywhereIsAnErrorWithAPlace) {
  const std::string text = kEverything;
  for (size_t length = 0; length < text.size(); ++length) {
    const Result<Policy> result = read_policy(std::string_view(text).substr(0, length), "p");
    ASSERT_FALSE(result.ok()) << length;
    ASSERT_EQ(result.status().message().find("p:"), 0u);
    ASSERT_NE(result.status().message().find(": "), std::string::npos);
  }
}

TEST(Reader, SurvivesEveryOctetReplaced) {
  for (const char replacement : {'\0', '"', '\\', '{', '[', ']', '}', ',', '9', '\xff', '-'}) {
    std::string text = kEverything;
    for (char& octet : text) {
      const char kept = octet;
      octet = replacement;
      const Result<Policy> result = read_policy(text, "p");
      if (!result.ok()) {
        ASSERT_EQ(result.status().message().find("p:"), 0u);
        ASSERT_EQ(result.status().message().find('\n'), std::string::npos);
      }
      octet = kept;
    }
  }
}

TEST(Reader, DeepNestingEndsAtTheFirstListThatTheSchemaDoesNotHave) {
  const std::string text = "{\"vnics\": " + std::string(1000000, '[');
  EXPECT_EQ(read_policy(text, "p").status().message(),
            "p:1:12: vnics[0]: a list is not an object; write members between { and }");
}

TEST(Reader, FindsADuplicateAmongManyMappings) {
  constexpr unsigned kCount = 20000;
  std::string text =
      R"({"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24"]}],
"tenants": [{"name": "red", "vni": 1}], "mappings": [)";
  for (unsigned i = 0; i <= kCount; ++i) {
    const unsigned n = i == kCount ? 777 : i;
    char row[160];
    std::snprintf(row, sizeof row,
                  "%s\n{\"tenant\": \"red\", \"destination\": \"10.2.%u.%u\", \"mac\": "
                  "\"52:54:00:00:00:02\", \"peer\": \"10.1.0.2\"}",
                  i ? "," : "", n / 256, n % 256);
    text += row;
  }
  EXPECT_EQ(read_policy(text + "]}", "p").status().message(),
            "p:20003:34: mappings[20000].destination: 10.2.3.9/32 is already taken by "
            "mappings[777]; remove one of the two");
}

TEST(Reader, ListsThatEachFrameIsComparedWithAreShort) {
  const auto list = [](size_t count, const auto& element) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += (i ? ",\n" : "") + element(std::to_string(i));
    return text;
  };
  const auto format = [](const std::string& n) {
    return R"({"name": "f)" + n + R"(", "kind": "geneve"})";
  };
  const auto address = [](const std::string& n) { return "\"10.1.0." + n + "/24\""; };
  const auto with_formats = [&](size_t count) {
    return read_policy("{\"formats\": [\n" + list(count, format) + "]}", "p").status().message();
  };
  const auto with_addresses = [&](size_t count) {
    return read_policy(R"({"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01",
                           "addresses": [)"
                       "\n" +
                           list(count, address) + "]}]}",
                       "p")
        .status()
        .message();
  };
  EXPECT_EQ(with_formats(256), "");
  EXPECT_EQ(with_formats(257),
            "p:258:1: formats[256]: there are more formats than the card takes; write at most 256");
  EXPECT_EQ(with_addresses(64), "");
  EXPECT_EQ(with_addresses(65),
            "p:67:1: uplinks[0].addresses[64]: there are more addresses than the card takes; write "
            "at most 64");
}

TEST(Reader, LooksForADuplicateAmongManyNeighboursInNoTime) {
  std::string text = R"({"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01",
      "addresses": ["10.1.0.1/8"], "neighbours": [)";
  for (int i = 0; i < 200'000; ++i) {
    text += R"({"address": "10.)" + std::to_string(2 + i / 65536) + "." +
            std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) +
            R"(", "mac": "02:00:00:00:00:02"},)";
  }
  text +=
      "\n"
      R"({"address": "10.2.0.7", "mac": "02:00:00:00:00:02"}]}]})";
  EXPECT_EQ(read_policy(text, "p").status().message(),
            "p:3:13: uplinks[0].neighbours[200000].address: 10.2.0.7 is already taken by "
            "uplinks[0].neighbours[7]; remove one");
}

class ReaderFile : public ::testing::Test {
 protected:
  ReaderFile()
      : path_(::testing::TempDir() + "gatehouse-policy-" + std::to_string(getpid()) + ".json") {}
  ~ReaderFile() override { std::remove(path_.c_str()); }
  const std::string path_;
};

TEST_F(ReaderFile, IsReadWhole) {
  std::ofstream(path_) << kEverything;
  const Result<Policy> result = read_policy_file(path_);
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result.value().mappings.size(), 2u);
}

TEST_F(ReaderFile, ThatIsMissingOrNoFileIsAnError) {
  EXPECT_EQ(read_policy_file(path_).status().message(),
            path_ + ": can't open the policy: No such file or directory");
  EXPECT_EQ(read_policy_file("/").status().message(), "/: not a regular file; name a JSON file");
}

TEST_F(ReaderFile, ThatIsTooLargeIsNotRead) {
  std::ofstream(path_) << "{}";
  ASSERT_EQ(truncate(path_.c_str(), off_t{300} << 20), 0);  // sparse
  EXPECT_EQ(
      read_policy_file(path_).status().message(),
      path_ + ": larger than the 256 MiB that a policy may have; join mappings into prefixes");
}

// Loading a policy must not hold the guests up.
// The page of the policy says what check_references() holds.
TEST(Reader, TheSchemaTellsHowManyThereMayBe) {
  const auto text = [](Object object, std::string_view name) {
    for (const Member& member : members(object)) {
      if (member.name == name) return std::string(member.text);
    }
    return std::string("no such member");
  };
  const struct {
    Object object;
    const char* name;
    size_t most;
  } rows[] = {{Object::kPolicy, "groups", kMaxGroups},
              {Object::kGroup, "addresses", kMaxGroupAddresses},
              {Object::kRule, "groups", kMaxRuleGroups}};
  for (const auto& row : rows) {
    const std::string tells = "t most " + std::to_string(row.most);
    EXPECT_NE(text(row.object, row.name).find(tells), std::string::npos) << row.name;
  }
}

TEST(Reader, GroupsAndTheirAddressesAreCounted) {
  const auto finding = [](const Policy& policy) {
    const std::optional<Finding> found = check_references(policy);
    return found ? to_string(found->path) + ": " + found->problem : std::string();
  };
  const auto named = [](size_t count) {
    Policy policy;
    for (size_t i = 0; i < count; ++i) policy.groups.push_back({"g" + std::to_string(i), {}});
    return policy;
  };
  EXPECT_EQ(finding(named(kMaxGroups)), "");
  EXPECT_EQ(finding(named(kMaxGroups + 1)),
            "groups[262144]: there are more groups than the card takes; write at most 262144");

  Policy policy = named(3);
  policy.groups[0].addresses.resize(kMaxGroupAddresses - 10);
  policy.groups[2].addresses.resize(10);
  EXPECT_EQ(finding(policy), "");
  policy.groups[2].addresses.resize(11);
  EXPECT_EQ(finding(policy),
            "groups[2].addresses[10]: all groups together have more addresses than the card takes; "
            "write at most 1048576, joined into prefixes");
  policy.groups[2].addresses.clear();
  policy.tenants = {{.name = "red", .format = "geneve"}};
  policy.vnics = {{.name = "a", .tenant = "red", .groups = {"g0", "g1"}}};
  policy.vnics[0].addresses.assign(5, {IpAddress{}, 0});
  EXPECT_EQ(finding(policy), "");
  policy.vnics[0].addresses.assign(6, {IpAddress{}, 0});
  EXPECT_EQ(finding(policy),
            "vnics[0].groups: all groups together have more addresses than the card takes; write "
            "at most 1048576, each of a vnic's for each of its");

  policy = named(1);
  policy.firewalls = {{.name = "f", .rules = {{.groups = std::vector<std::string>(32, "g0")}}}};
  EXPECT_EQ(finding(policy), "");
  policy.firewalls[0].rules[0].groups.emplace_back("g0");
  EXPECT_EQ(finding(policy),
            "firewalls[0].rules[0].groups[32]: each group costs time for each new connection; "
            "write at most 32");
}

// A tenant's vnics share the rules of a firewall, as their groups' members are its own.
TEST(Reader, RulesAreCountedOnceForEachTenant) {
  Policy policy;
  policy.firewalls = {{.name = "f", .rules = std::vector<Rule>(1024, Rule{})}};
  for (Rule& rule : policy.firewalls[0].rules) {
    rule.remote.resize(15);
  }
  constexpr size_t kMost = kMaxAllRules / (1024 * 16);
  for (uint32_t i = 0; i < kMost + 1; ++i) {
    const std::string name = "t" + std::to_string(i);
    policy.tenants.push_back({.name = name, .vni = i, .format = "geneve"});
    for (const char* vnic : {"a", "b"}) {
      policy.vnics.push_back({.name = vnic + name, .tenant = name, .firewall = "f"});
    }
  }
  const std::optional<Finding> found = check_references(policy);
  ASSERT_TRUE(found);
  EXPECT_EQ(to_string(found->path) + ": " + found->problem,
            "vnics[128].firewall: the rules of all vnics, once for each tenant, are more than the "
            "card takes with all ports, types, addresses and groups in them; write at most "
            "1048576");
  policy.vnics.resize(2 * kMost);
  EXPECT_FALSE(check_references(policy));
}

// A guess is a comparison with each.
TEST(Reader, AmongManyNamesNoneIsGuessed) {
  for (const size_t count : {4096, 4097}) {
    Policy policy;
    for (size_t i = 0; i < count; ++i) policy.groups.push_back({"g" + std::to_string(i), {}});
    policy.firewalls = {{.name = "f", .rules = {{.groups = {"g00"}}}}};
    const std::optional<Finding> found = check_references(policy);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->problem.find("did you mean") != std::string::npos, count == 4096);
  }
}

}  // namespace
}  // namespace gatehouse::policy
