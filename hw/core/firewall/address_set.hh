// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses and prefixes of both families as ranges that do not overlap: a question is a
// binary search.
#ifndef GATEHOUSE_HW_CORE_FIREWALL_ADDRESS_SET_HH_
#define GATEHOUSE_HW_CORE_FIREWALL_ADDRESS_SET_HH_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hw/core/base/address.hh"

namespace gatehouse::firewall {

class AddressSet {
 public:
  void add(const IpPrefix& prefix);
  // After the last add(), before the first contains().
  void finish();

  // `octets`: 4 or 16, in network order.
  bool contains(const uint8_t* octets, bool v6) const;
  size_t ranges() const { return v4_.size() + v6_.size(); }

 private:
  struct Wide {
    uint64_t high = 0, low = 0;
    auto operator<=>(const Wide&) const = default;
  };
  template <class T>
  struct Range {
    T first, last;  // both inclusive
  };
  static Wide load(const uint8_t* octets);

  std::vector<Range<uint32_t>> v4_;
  std::vector<Range<Wide>> v6_;
};

}  // namespace gatehouse::firewall

#endif  // GATEHOUSE_HW_CORE_FIREWALL_ADDRESS_SET_HH_
