// SPDX-License-Identifier: GPL-2.0-or-later
// Mappings of prefixes: the longest one that holds the address wins. One hash over (tenant, length,
// prefix) and, per tenant, the set of lengths that occur: a question asks once per such length,
// longest first. Built once, then only read.
#ifndef GATEHOUSE_HW_CORE_OVERLAY_PREFIX_TABLE_HH_
#define GATEHOUSE_HW_CORE_OVERLAY_PREFIX_TABLE_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hw/core/overlay/target.hh"

namespace gatehouse::overlay {

class PrefixTable {
 public:
  void reserve(size_t prefixes, size_t tenants);
  // False: the prefix is there already.
  bool insert(uint16_t tenant, const IpPrefix& prefix, const Target& target);
  // Prefixes shorter than `shortest` bits are passed over.
  Target find(const Key& key, unsigned shortest = 0) const;
  size_t size() const { return size_; }

 private:
  struct Entry {
    uint64_t high = 0, low = 0;  // as in the frame, masked
    uint16_t tenant = 0;
    uint8_t length = 0;
    bool v6 = false;
    MacAddress mac;
    uint32_t way = Way().raw();  // none: the entry is free
  };
  // Bit n of the set: a prefix of n bits exists.
  struct Lengths {
    uint64_t v4 = 0;
    std::array<uint64_t, 3> v6{};
  };
  // Where the entry is, or the free one where it would be.
  size_t slot(const Entry& wanted) const;
  Target find_length(const Key& key, unsigned length) const;

  std::vector<Entry> entries_ = std::vector<Entry>(2);
  std::vector<Lengths> lengths_;
  size_t size_ = 0;
};

}  // namespace gatehouse::overlay

#endif  // GATEHOUSE_HW_CORE_OVERLAY_PREFIX_TABLE_HH_
