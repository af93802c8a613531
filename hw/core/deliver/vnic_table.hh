// SPDX-License-Identifier: GPL-2.0-or-later
// Which vnic of this card a frame of a tenant goes to: by inner destination MAC, or all of the
// tenant's. Rebuilt when a vnic comes or goes.
#ifndef GATEHOUSE_HW_CORE_DELIVER_VNIC_TABLE_HH_
#define GATEHOUSE_HW_CORE_DELIVER_VNIC_TABLE_HH_

#include <array>
#include <cstdint>
#include <span>

#include "hw/core/base/address.hh"

namespace gatehouse::deliver {

class VnicTable {
 public:
  static constexpr unsigned kMaxVnics = 256;
  static constexpr unsigned kNone = 0xffff;

  void clear() { *this = VnicTable(); }
  // False: the tenant has the MAC already, or the table is full.
  bool insert(uint16_t tenant, const MacAddress& mac, uint16_t vnic);

  unsigned find(uint16_t tenant, const uint8_t* mac) const;
  // The tenant's vnics in the order of insertion: calls `each(vnic)`.
  template <class Each>
  void each(uint16_t tenant, Each&& each) const {
    for (unsigned i = 0; i < count_; ++i) {
      if (members_[i].tenant == tenant) each(members_[i].vnic);
    }
  }
  unsigned size() const { return count_; }

 private:
  struct Member {
    uint64_t key = 0;
    uint16_t tenant = 0;
    uint16_t vnic = kNone;
  };
  static constexpr unsigned kSlots = 2 * kMaxVnics;
  static uint64_t key(uint16_t tenant, const uint8_t* mac);
  static unsigned start(uint64_t key) { return key * 0x9e3779b97f4a7c15 >> 55; }
  static_assert(kSlots == 1u << (64 - 55));

  std::array<Member, kSlots> slots_{};
  std::array<Member, kMaxVnics> members_{};
  unsigned count_ = 0;
};

}  // namespace gatehouse::deliver

#endif  // GATEHOUSE_HW_CORE_DELIVER_VNIC_TABLE_HH_
