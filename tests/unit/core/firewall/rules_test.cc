// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/rules.hh"

#include <gtest/gtest.h>

#include <random>

#include "hw/core/base/address.hh"
#include "hw/core/firewall/address_set.hh"

namespace gatehouse::test {
namespace {

using firewall::AddressSet;
using firewall::Question;
using firewall::RuleSet;
constexpr auto kOut = FlowDirection::kOut, kIn = FlowDirection::kIn;
constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1;

IpPrefix prefix(const std::string& text) { return *parse_prefix(text); }

TEST(AddressSet, HoldsWhatAPrefixHolds) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<IpPrefix> prefixes;
    AddressSet set;
    const auto draw = [&](bool v6) {
      IpAddress ip;
      ip.family = v6 ? IpAddress::Family::kIpv6 : IpAddress::Family::kIpv4;
      // Few values, so that prefixes nest and addresses hit, and both halves of IPv6 matter.
      for (size_t i = 0; i < (v6 ? 16u : 4u); ++i) ip.octets[i] = random() % 4 == 0 ? 0xff : 0;
      return ip;
    };
    for (unsigned i = random() % 6; i > 0; --i) {
      const bool v6 = random() % 2;
      IpPrefix made{draw(v6), uint8_t(random() % (v6 ? 129 : 33))};
      for (unsigned bit = made.length; bit < 128; ++bit)
        made.address.octets[bit / 8] &= uint8_t(~(0x80 >> bit % 8));
      prefixes.push_back(made);
      set.add(made);
    }
    set.finish();
    for (int question = 0; question < 200; ++question) {
      const IpAddress ip = draw(question % 2);
      bool expected = false;
      for (const IpPrefix& one : prefixes) expected |= one.contains(ip);
      ASSERT_EQ(set.contains(ip.octets.data(), ip.is_v6()), expected) << to_string(ip);
    }
  }
}

struct Asked {
  FlowDirection direction;
  uint8_t protocol;
  const char* local;
  const char* remote;
  uint16_t asking, asked;
  uint8_t icmp_type = 0;
};

firewall::Verdict judge(const RuleSet& rules, const Asked& asked) {
  const IpAddress local = *parse_ip(asked.local), remote = *parse_ip(asked.remote);
  Question question;
  question.direction = asked.direction;
  question.local = local.octets.data();
  question.remote = remote.octets.data();
  question.v6 = local.is_v6();
  question.protocol = asked.protocol;
  question.icmp_type = asked.icmp_type;
  question.asked_port = asked.asked;
  question.asking_port = asked.asking;
  return rules.judge(question);
}

TEST(Rules, RefuseInwardAndAllowOutwardWithoutAny) {
  EXPECT_FALSE(judge({}, {kIn, kTcp, "10.0.0.1", "10.0.0.2", 1, 80}).allow);
  EXPECT_TRUE(judge({}, {kOut, kTcp, "10.0.0.1", "10.0.0.2", 1, 80}).allow);
}

TEST(Rules, TheFirstThatMatchesDecides) {
  policy::Firewall firewall;
  firewall.rules = {
      {.allow = false, .log = true, .protocol = kTcp, .remote = {prefix("10.9.0.0/16")}},
      {.protocol = kTcp, .ports = {{80, 80}, {8000, 8079}}, .groups = {"friends"}},
      {.protocol = kUdp, .ports = {{53, 53}}, .source_ports = {{1024, 65535}}},
      {.protocol = kIcmp, .icmp_types = {8, 200}},
      {.protocol = kTcp,
       .ports = {{22, 22}},
       .local = {prefix("10.0.0.1/32"), prefix("fd00::/64")}},
      {.inward = false, .allow = false, .protocol = kTcp, .ports = {{25, 25}}},
      {.groups = {"nobody"}},
  };
  const RuleSet rules(firewall, [](const std::string& group) {
    return group == "friends" ? std::vector{prefix("10.0.0.0/8"), prefix("fd01::/16")}
                              : std::vector<IpPrefix>{};
  });
  EXPECT_EQ(rules.size(), 7u);
  const struct {
    const char* description;
    Asked asked;
    bool allow, log;
  } rows[] = {
      {"denied prefix before the group", {kIn, kTcp, "10.0.0.1", "10.9.0.1", 9, 80}, false, true},
      {"member of the group", {kIn, kTcp, "10.0.0.1", "10.8.0.1", 9, 80}, true, false},
      {"range, first", {kIn, kTcp, "10.0.0.1", "10.8.0.1", 9, 8000}, true, false},
      {"range, last", {kIn, kTcp, "10.0.0.1", "10.8.0.1", 9, 8079}, true, false},
      {"behind the range", {kIn, kTcp, "10.0.0.1", "10.8.0.1", 9, 8080}, false, false},
      {"no member", {kIn, kTcp, "10.0.0.1", "11.8.0.1", 9, 80}, false, false},
      {"IPv6 member", {kIn, kTcp, "fd00::1", "fd01::1", 9, 80}, true, false},
      {"the denied prefix is IPv4", {kIn, kTcp, "fd00::1", "0a09::1", 9, 80}, false, false},
      {"another protocol", {kIn, kUdp, "10.0.0.1", "10.8.0.1", 9, 80}, false, false},
      {"source port", {kIn, kUdp, "10.0.0.1", "10.8.0.1", 1024, 53}, true, false},
      {"wrong source port", {kIn, kUdp, "10.0.0.1", "10.8.0.1", 1023, 53}, false, false},
      {"ICMP type", {kIn, kIcmp, "10.0.0.1", "10.8.0.1", 0, 0, 8}, true, false},
      {"ICMP type above 63", {kIn, kIcmp, "10.0.0.1", "10.8.0.1", 0, 0, 200}, true, false},
      {"another ICMP type", {kIn, kIcmp, "10.0.0.1", "10.8.0.1", 0, 0, 13}, false, false},
      {"local address", {kIn, kTcp, "10.0.0.1", "11.8.0.1", 9, 22}, true, false},
      {"another local address", {kIn, kTcp, "10.0.0.2", "11.8.0.1", 9, 22}, false, false},
      {"local IPv6", {kIn, kTcp, "fd00::77", "2001:db8::1", 9, 22}, true, false},
      {"outward refused", {kOut, kTcp, "10.0.0.1", "10.8.0.1", 9, 25}, false, false},
      {"outward otherwise", {kOut, kTcp, "10.0.0.1", "10.9.0.1", 9, 80}, true, false},
  };
  for (const auto& row : rows) {
    const firewall::Verdict verdict = judge(rules, row.asked);
    EXPECT_EQ(verdict.allow, row.allow) << row.description;
    EXPECT_EQ(verdict.log, row.log) << row.description;
  }
}

}  // namespace
}  // namespace gatehouse::test
