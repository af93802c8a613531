// SPDX-License-Identifier: GPL-2.0-or-later
// What a destination of a tenant leads to, in the 10 octets that a table entry has room for.
#ifndef GATEHOUSE_HW_CORE_OVERLAY_TARGET_HH_
#define GATEHOUSE_HW_CORE_OVERLAY_TARGET_HH_

#include <cstdint>

#include "hw/core/base/address.hh"

namespace gatehouse::overlay {

// An index into tables that the caller owns: nowhere, a next hop of the underlay, a vnic of the
// policy, or "the vnic of this card that has Target::mac".
class Way {
 public:
  constexpr Way() = default;
  static constexpr Way next_hop(uint32_t index) { return Way(index); }
  static constexpr Way vnic(uint32_t index) { return Way(kLocal | index); }
  static constexpr Way vnic_by_mac() { return Way(kByMac); }
  // As stored in a table entry; any value is valid.
  static constexpr Way from_raw(uint32_t raw) { return Way(raw); }
  constexpr uint32_t raw() const { return raw_; }

  constexpr bool is_none() const { return raw_ == kNone; }
  constexpr bool is_next_hop() const { return (raw_ & kLocal) == 0; }
  constexpr bool is_vnic() const { return (raw_ & kLocal) != 0 && raw_ < kByMac; }
  constexpr bool is_vnic_by_mac() const { return raw_ == kByMac; }
  constexpr uint32_t index() const { return raw_ & ~kLocal; }  // is_next_hop() or is_vnic()
  constexpr bool operator==(const Way&) const = default;

 private:
  static constexpr uint32_t kLocal = 0x80000000, kByMac = 0xfffffffe, kNone = 0xffffffff;
  explicit constexpr Way(uint32_t raw) : raw_(raw) {}
  uint32_t raw_ = kNone;
};

struct Target {
  Way way;
  MacAddress mac;  // inner destination; zero: the vnic's own (is_vnic())
  bool operator==(const Target&) const = default;
};

// A question: which tenant (index), which address (octets in network order, inside a frame that
// outlives the question).
struct Key {
  const uint8_t* ip = nullptr;
  uint16_t tenant = 0;
  bool v6 = false;
};

}  // namespace gatehouse::overlay

#endif  // GATEHOUSE_HW_CORE_OVERLAY_TARGET_HH_
