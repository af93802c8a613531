// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/address_set.hh"

#include <algorithm>

#include "hw/core/base/bytes.hh"

namespace gatehouse::firewall {
namespace {

// The last address of a prefix of `length` bits; `bits`: of T.
template <class T>
constexpr T fill(T first, unsigned length, unsigned bits) {
  return length >= bits ? first : first | (static_cast<T>(~T{0}) >> length);
}

template <class Range>
void merge(std::vector<Range>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  size_t kept = 0;
  for (const Range& range : ranges) {
    // Those that only touch may stay apart: no question falls between them.
    if (kept != 0 && range.first <= ranges[kept - 1].last) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.erase(ranges.begin() + static_cast<ptrdiff_t>(kept), ranges.end());
}

template <class Range, class T>
bool holds(const std::vector<Range>& ranges, const T& value) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), value,
                       [](const T& wanted, const Range& range) { return wanted < range.first; });
  return behind != ranges.begin() && !(std::prev(behind)->last < value);
}

}  // namespace

AddressSet::Wide AddressSet::load(const uint8_t* octets) {
  return {load_be<uint64_t>(octets), load_be<uint64_t>(octets + 8)};
}

void AddressSet::add(const IpPrefix& prefix) {
  const uint8_t* octets = prefix.address.octets.data();
  if (prefix.address.is_v4()) {
    const uint32_t first = load_be<uint32_t>(octets);
    v4_.push_back({first, fill(first, prefix.length, 32)});
  } else {
    const Wide first = load(octets);
    const unsigned length = prefix.length;
    v6_.push_back({first,
                   {fill(first.high, std::min(length, 64u), 64),
                    length <= 64 ? ~uint64_t{0} : fill(first.low, length - 64, 64)}});
  }
}

void AddressSet::finish() {
  merge(v4_);
  merge(v6_);
}

bool AddressSet::contains(const uint8_t* octets, bool v6) const {
  return v6 ? holds(v6_, load(octets)) : holds(v4_, load_be<uint32_t>(octets));
}

}  // namespace gatehouse::firewall
