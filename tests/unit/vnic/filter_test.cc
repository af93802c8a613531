// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/filter.hh"

#include <gtest/gtest.h>

#include "hw/card/vnic/fcs.hh"
#include "hw/card/vnic/statistics.hh"
#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register names

struct Tables {
  uint32_t addresses[2 * kExactFilters] = {};
  uint32_t multicast[kMulticastWords] = {};
  uint32_t vlan[kVlanWords] = {};

  void exact(unsigned entry, std::array<uint8_t, 6> mac, uint32_t flags = RAH_AV) {
    addresses[2 * entry] = static_cast<uint32_t>(mac[0] | mac[1] << 8 | mac[2] << 16) |
                           static_cast<uint32_t>(mac[3]) << 24;
    addresses[2 * entry + 1] = static_cast<uint32_t>(mac[4] | mac[5] << 8) | flags;
  }
  FilterTables view(uint32_t rctl) const { return {rctl, addresses, multicast, vlan}; }
};

constexpr std::array<uint8_t, 6> kBroadcast = {255, 255, 255, 255, 255, 255};
constexpr std::array<uint8_t, 6> kGroup = {0x01, 0x00, 0x5e, 0x12, 0x34, 0x56};
constexpr std::array<uint8_t, 6> kStranger = {0x52, 0x54, 0x00, 0x99, 0x99, 0x99};

struct AddressCase {
  const char* name;
  uint32_t rctl;
  std::array<uint8_t, 6> destination;
  FilterVerdict verdict;
};
const AddressCase kAddresses[] = {
    {"own address", 0, rig::kOwnMac, FilterVerdict::kExact},
    {"last entry", 0, {2, 3, 4, 5, 6, 7}, FilterVerdict::kExact},
    {"entry without AV", 0, {2, 9, 9, 9, 9, 9}, FilterVerdict::kReject},
    {"stranger", 0, kStranger, FilterVerdict::kReject},
    {"stranger, promiscuous", RCTL_UPE, kStranger, FilterVerdict::kExact},
    {"stranger, promiscuous for groups only", RCTL_MPE, kStranger, FilterVerdict::kReject},
    {"broadcast not wanted", RCTL_UPE | RCTL_MPE, kBroadcast, FilterVerdict::kReject},
    {"broadcast", RCTL_BAM, kBroadcast, FilterVerdict::kExact},
    {"group not listed", RCTL_BAM | RCTL_UPE, {0x01, 0, 0x5e, 1, 1, 1}, FilterVerdict::kReject},
    {"group, all wanted", RCTL_MPE, {0x01, 0, 0x5e, 1, 1, 1}, FilterVerdict::kExact},
    {"group listed", 0, kGroup, FilterVerdict::kInexact},
    {"group in RAL/RAH", 0, {0x33, 0x33, 0, 0, 0, 1}, FilterVerdict::kExact},
};

TEST(Filter, DecidesByDestination) {
  Tables tables;
  tables.exact(0, rig::kOwnMac);
  tables.exact(1, {0x33, 0x33, 0, 0, 0, 1});
  tables.exact(2, {2, 9, 9, 9, 9, 9}, 0);
  tables.exact(15, {2, 3, 4, 5, 6, 7});
  const uint32_t hash = multicast_hash(kGroup.data(), 0);
  tables.multicast[hash / 32] = 1u << (hash % 32);
  for (const AddressCase& test : kAddresses) {
    SCOPED_TRACE(test.name);
    const rig::Bytes frame = rig::ethernet(test.destination, 0x0800, 46);
    EXPECT_EQ(filter_address(tables.view(test.rctl), frame.data()), test.verdict);
  }
}

TEST(Filter, ComparesTheSourceWhenTheEntrySaysSo) {
  Tables tables;
  tables.exact(0, rig::kPeerMac, RAH_AV | 1u << 16);
  const rig::Bytes frame = rig::ethernet(kStranger, 0x0800, 46);  // from kPeerMac
  EXPECT_TRUE(matches_exact(tables.view(0), frame.data()));
  tables.exact(0, rig::kPeerMac, RAH_AV);
  EXPECT_FALSE(matches_exact(tables.view(0), frame.data()));
  tables.exact(0, kStranger, RAH_AV | 2u << 16);  // reserved: matches nothing
  EXPECT_FALSE(matches_exact(tables.view(0), frame.data()));
}

// RCTL.MO = 0 ... 3: bits 47:36, 46:35, 45:34, 43:32 of an address whose last octets are 9a:bc.
TEST(Filter, HashesMulticastByOffset) {
  const uint8_t address[6] = {0x13, 0x34, 0x56, 0x78, 0x9a, 0xbc};
  const uint32_t expected[4] = {0xbc9, 0x793, 0xf26, 0xc9a};
  for (uint32_t offset = 0; offset < 4; ++offset) {
    EXPECT_EQ(multicast_hash(address, offset), expected[offset]);
  }
}

struct VlanCase {
  const char* name;
  uint32_t rctl;
  uint16_t tci;
  bool passes;
};
const VlanCase kVlans[] = {
    {"filter off", 0, 7, true},
    {"listed", RCTL_VFE, 100, true},
    {"listed, with priority", RCTL_VFE, 0xe000 | 100, true},
    {"not listed", RCTL_VFE, 101, false},
    {"last", RCTL_VFE, 4095, true},
    {"CFI set, 0 wanted", RCTL_VFE | RCTL_CFIEN, 0x1000 | 100, false},
    {"CFI set, 1 wanted", RCTL_VFE | RCTL_CFIEN | RCTL_CFI, 0x1000 | 100, true},
    {"CFI clear, 1 wanted", RCTL_VFE | RCTL_CFIEN | RCTL_CFI, 100, false},
};

TEST(Filter, DecidesByVlan) {
  Tables tables;
  tables.vlan[100 / 32] = 1u << (100 % 32);
  tables.vlan[127] = 1u << 31;
  for (const VlanCase& test : kVlans) {
    SCOPED_TRACE(test.name);
    EXPECT_EQ(filter_vlan(tables.view(test.rctl), test.tci), test.passes);
  }
}

TEST(Fcs, IsTheEthernetCrc) {
  const uint8_t digits[] = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(fcs(digits), 0xcbf43926u);  // CRC-32's check value
  EXPECT_EQ(fcs({}), 0u);
  // A frame with its FCS behind it leaves the residue, at any length.
  for (uint32_t payload = 0; payload < 40; ++payload) {
    rig::Bytes frame = rig::ethernet(rig::kOwnMac, 0x0800, payload);
    const uint32_t sum = fcs(frame);
    for (int i = 0; i < 4; ++i) frame.push_back(static_cast<uint8_t>(sum >> (8 * i)));
    EXPECT_EQ(fcs(frame), 0x2144df1cu);
  }
}

}  // namespace
}  // namespace gatehouse::vnic
