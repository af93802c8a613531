// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/underlay/interface.hh"

#include <gtest/gtest.h>

namespace gatehouse::test {
namespace {

using underlay::Interface;

IpAddress ip(const std::string& text) { return parse_ip(text).value(); }

Interface interface(uint16_t vlan = 0) {
  Interface interface;
  interface.present = true;
  interface.mac = *parse_mac("02:00:00:00:00:0a");
  interface.vlan = vlan;
  interface.mtu = 1500;
  interface.addresses = {{ip("192.0.2.1"), 24}, {ip("2001:db8::1"), 64}};
  return interface;
}

TEST(Route, TakesTheLinkBeforeTheGateway) {
  Interface first = interface(), second = interface();
  second.addresses = {{ip("198.51.100.1"), 24}, {ip("192.0.2.129"), 25}};
  second.gateway_v4 = ip("198.51.100.254");
  first.gateway_v6 = ip("2001:db8::fe");
  const Interface interfaces[] = {first, second};
  const struct {
    const char* peer;
    int uplink;
    const char *next, *source;
  } rows[] = {
      {"192.0.2.9", 0, "192.0.2.9", "192.0.2.1"},
      {"192.0.2.200", 1, "192.0.2.200", "192.0.2.129"},
      {"198.51.100.7", 1, "198.51.100.7", "198.51.100.1"},
      {"203.0.113.1", 1, "198.51.100.254", "198.51.100.1"},
      {"2001:db8::5", 0, "2001:db8::5", "2001:db8::1"},
      {"2001:db8:1::5", 0, "2001:db8::fe", "2001:db8::1"},
  };
  for (const auto& row : rows) {
    const auto route = underlay::route(interfaces, ip(row.peer));
    ASSERT_TRUE(route) << row.peer;
    EXPECT_EQ(route->uplink, unsigned(row.uplink)) << row.peer;
    EXPECT_EQ(to_string(route->next), row.next) << row.peer;
    EXPECT_EQ(to_string(route->source), row.source) << row.peer;
  }
  EXPECT_FALSE(underlay::route(std::span(interfaces, 1), ip("203.0.113.1")));
  EXPECT_FALSE(underlay::route(std::span(interfaces + 1, 1), ip("2001:db8::5")));
}

TEST(Interface, TakesItsOwnTagsOnly) {
  const struct {
    uint16_t vlan;
    uint8_t tags;
    uint16_t tci;
    bool taken;
  } rows[] = {
      {0, 0, 0, true},  {0, 1, 0xe000, true}, {0, 1, 5, false}, {0, 2, 0, false},
      {5, 0, 0, false}, {5, 1, 0xe005, true}, {5, 1, 6, false}, {5, 2, 5, false},
  };
  for (const auto& row : rows) {
    Layers layers;
    layers.vlan_tags = row.tags;
    layers.vlan_tci = row.tci;
    EXPECT_EQ(interface(row.vlan).takes_tags(layers), row.taken)
        << row.vlan << ' ' << int(row.tags) << ' ' << row.tci;
  }
}

}  // namespace
}  // namespace gatehouse::test
