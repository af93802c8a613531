// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/deliver/vnic_table.hh"

#include <gtest/gtest.h>

#include <vector>

namespace gatehouse::test {
namespace {

using deliver::VnicTable;

MacAddress mac_of(unsigned n) { return {{2, 0, 0, 0, uint8_t(n >> 8), uint8_t(n)}}; }

std::vector<unsigned> members(const VnicTable& table, uint16_t tenant) {
  std::vector<unsigned> all;
  table.each(tenant, [&](unsigned vnic) { all.push_back(vnic); });
  return all;
}

TEST(VnicTable, FindsByTenantAndMac) {
  VnicTable table;
  EXPECT_TRUE(table.insert(1, mac_of(5), 50));
  EXPECT_TRUE(table.insert(2, mac_of(5), 60)) << "tenants may share MAC addresses";
  EXPECT_TRUE(table.insert(1, mac_of(6), 51));
  EXPECT_FALSE(table.insert(1, mac_of(5), 70));
  EXPECT_EQ(table.find(1, mac_of(5).octets.data()), 50u);
  EXPECT_EQ(table.find(2, mac_of(5).octets.data()), 60u);
  EXPECT_EQ(table.find(3, mac_of(5).octets.data()), VnicTable::kNone);
  EXPECT_EQ(table.find(1, mac_of(7).octets.data()), VnicTable::kNone);
  EXPECT_EQ(members(table, 1), (std::vector<unsigned>{50, 51}));
  EXPECT_EQ(members(table, 2), (std::vector<unsigned>{60}));
  EXPECT_EQ(members(table, 3), (std::vector<unsigned>{}));
  table.clear();
  EXPECT_EQ(table.find(1, mac_of(5).octets.data()), VnicTable::kNone);
  EXPECT_EQ(table.size(), 0u);
}

TEST(VnicTable, HoldsAsManyAsItSaysAndNoMore) {
  VnicTable table;
  for (uint16_t i = 0; i < VnicTable::kMaxVnics; ++i)
    ASSERT_TRUE(table.insert(uint16_t(i % 3), mac_of(i), i));
  EXPECT_FALSE(table.insert(0, mac_of(9999), 1));
  for (uint16_t i = 0; i < VnicTable::kMaxVnics; ++i) {
    EXPECT_EQ(table.find(uint16_t(i % 3), mac_of(i).octets.data()), i);
    EXPECT_EQ(table.find(uint16_t((i + 1) % 3), mac_of(i).octets.data()), VnicTable::kNone);
  }
}

}  // namespace
}  // namespace gatehouse::test
