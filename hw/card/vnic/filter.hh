// SPDX-License-Identifier: GPL-2.0-or-later
// Receive filters (data sheet 7.1.1): which frames are for this function. Pure: all state is passed
// in.
#ifndef GATEHOUSE_HW_CARD_VNIC_FILTER_HH_
#define GATEHOUSE_HW_CARD_VNIC_FILTER_HH_

#include <cstdint>

namespace gatehouse::vnic {

inline constexpr uint32_t kExactFilters = 16;     // RAL/RAH pairs
inline constexpr uint32_t kMulticastWords = 128;  // MTA
inline constexpr uint32_t kVlanWords = 128;       // VFTA

enum class FilterVerdict : uint8_t {
  kReject,
  kExact,    // one of RAL/RAH, broadcast, or promiscuous
  kInexact,  // MTA only: descriptor bit PIF
};

// Views of the registers; nothing is copied.
struct FilterTables {
  uint32_t rctl = 0;
  const uint32_t* addresses = nullptr;  // RAL0, RAH0, RAL1, RAH1 ...: 2 * kExactFilters words
  const uint32_t* multicast = nullptr;  // kMulticastWords
  const uint32_t* vlan = nullptr;       // kVlanWords
};

// Bit of the multicast table that a destination selects; `offset` is RCTL.MO (0-3).
uint32_t multicast_hash(const uint8_t* destination, uint32_t offset);

// `header` has at least 14 octets. Is the destination (or, for RAH.ASEL = source, the source) one
// of RAL/RAH?
bool matches_exact(const FilterTables& tables, const uint8_t* header);

FilterVerdict filter_address(const FilterTables& tables, const uint8_t* header);

// For frames whose tag has the type in VET; `tci` in host order. False: discard.
bool filter_vlan(const FilterTables& tables, uint16_t tci);

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_FILTER_HH_
