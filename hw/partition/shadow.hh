// SPDX-License-Identifier: GPL-2.0-or-later
// What a guest reads in place of a device's registers: private RAM, which firmware's cores access
// at the same time, hence whole words of up to 4 octets. With rules its words are registers of 32
// bits (RedirectRule), which firmware may change as well.
#ifndef GATEHOUSE_HW_PARTITION_SHADOW_HH_
#define GATEHOUSE_HW_PARTITION_SHADOW_HH_

#include <cstdint>

#include "hw/spec/partition.hh"

namespace gatehouse::partition {

class Shadow {
 public:
  Shadow() = default;
  // `octets` is at a multiple of 8; `rules` null: none. Both live longer than this.
  Shadow(uint8_t* octets, const RedirectRule* rules) : octets_(octets), rules_(rules) {}

  // octets 1, 2, 4 or 8, place a multiple of it and inside.
  uint64_t load(uint64_t place, unsigned octets) const;
  // With rules, less than a word stores nothing.
  void store(uint64_t place, uint64_t value, unsigned octets) const;
  bool has_rules() const { return rules_ != nullptr; }
  // With rules: `length` octets get their reset values.
  void reset(uint32_t length) const;

 private:
  uint8_t* octets_ = nullptr;
  const RedirectRule* rules_ = nullptr;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_SHADOW_HH_
