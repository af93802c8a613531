// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/filter.hh"

#include "hw/card/vnic/statistics.hh"
#include "hw/core/base/bytes.hh"
#include "hw/spec/i82574_registers.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register names

constexpr unsigned kSource = 6;        // octet of the source address
constexpr uint32_t kSelectSource = 1;  // RAH.ASEL; 0 = destination, others reserved
constexpr uint16_t kCfi = 1u << 12;
constexpr uint16_t kVlanId = 0x0fff;

// An address as RAL/RAH hold it: first octet in bits 7:0.
uint64_t as_register(const uint8_t* address) {
  return load_le<uint32_t>(address) | uint64_t{load_le<uint16_t>(address + 4)} << 32;
}

}  // namespace

uint32_t multicast_hash(const uint8_t* destination, uint32_t offset) {
  // RCTL.MO: bits 47:36, 46:35, 45:34 or 43:32 of the address, counted from its first octet's
  // lowest bit.
  constexpr unsigned kShift[4] = {36, 35, 34, 32};
  return static_cast<uint32_t>(as_register(destination) >> kShift[offset & 3]) & 0xfff;
}

bool matches_exact(const FilterTables& tables, const uint8_t* header) {
  const uint64_t destination = as_register(header);
  const uint64_t source = as_register(header + kSource);
  for (uint32_t i = 0; i < kExactFilters; ++i) {
    const uint32_t high = tables.addresses[2 * i + 1];
    if ((high & RAH_AV) == 0) continue;
    const uint64_t address = tables.addresses[2 * i] | uint64_t{high & RAH_RAH} << 32;
    const uint32_t select = field_get(high, RAH_ASEL);
    if (select > kSelectSource) continue;
    if (address == (select == kSelectSource ? source : destination)) return true;
  }
  return false;
}

FilterVerdict filter_address(const FilterTables& tables, const uint8_t* header) {
  switch (cast_of(header)) {
    case Cast::kUnicast:
      if ((tables.rctl & RCTL_UPE) != 0) return FilterVerdict::kExact;
      break;
    case Cast::kBroadcast:
      if ((tables.rctl & RCTL_BAM) != 0) return FilterVerdict::kExact;
      break;
    case Cast::kMulticast:
      if ((tables.rctl & RCTL_MPE) != 0) return FilterVerdict::kExact;
      break;
  }
  if (matches_exact(tables, header)) return FilterVerdict::kExact;
  if (cast_of(header) == Cast::kUnicast) return FilterVerdict::kReject;
  const uint32_t hash = multicast_hash(header, field_get(tables.rctl, RCTL_MO));
  const bool listed = (tables.multicast[hash / 32] >> (hash % 32) & 1) != 0;
  return listed ? FilterVerdict::kInexact : FilterVerdict::kReject;
}

bool filter_vlan(const FilterTables& tables, uint16_t tci) {
  if ((tables.rctl & RCTL_VFE) == 0) return true;
  if ((tables.rctl & RCTL_CFIEN) != 0 && ((tci & kCfi) != 0) != ((tables.rctl & RCTL_CFI) != 0)) {
    return false;
  }
  const uint32_t id = tci & kVlanId;
  return (tables.vlan[id / 32] >> (id % 32) & 1) != 0;
}

}  // namespace gatehouse::vnic
