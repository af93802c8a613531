// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/overlay/prefix_table.hh"

#include <bit>
#include <cassert>

#include "hw/core/base/bytes.hh"

namespace gatehouse::overlay {
namespace {

struct Bits {
  uint64_t high, low;  // as in the frame
};

// The first `length` bits of 4 or 16 octets.
Bits masked(const uint8_t* octets, bool v6, unsigned length) {
  const auto mask = [](unsigned bits) {  // 0-64
    return bits == 0 ? 0 : ~uint64_t{0} << (64 - bits);
  };
  uint64_t high = 0, low = 0;
  if (v6) {
    high = load_be<uint64_t>(octets);
    low = load_be<uint64_t>(octets + 8);
  } else {
    high = uint64_t{load_be<uint32_t>(octets)} << 32;
  }
  high &= mask(length < 64 ? length : 64);
  low &= mask(length > 64 ? length - 64 : 0);
  return {high, low};
}

}  // namespace

void PrefixTable::reserve(size_t prefixes, size_t tenants) {
  entries_.assign(std::bit_ceil(prefixes * 2 + 2), {});
  lengths_.assign(tenants, {});
  size_ = 0;
}

size_t PrefixTable::slot(const Entry& wanted) const {
  uint64_t hash = (wanted.high ^ std::rotl(wanted.low, 29)) * 0x9e3779b97f4a7c15;
  hash ^= hash >> 32;
  hash += uint64_t{wanted.tenant} << 16 | uint64_t{wanted.length} << 8 | wanted.v6;
  hash *= 0xc4ceb9fe1a85ec53;
  hash ^= hash >> 32;
  // Ends: the table is at most half full.
  for (size_t at = hash;; ++at) {
    const Entry& entry = entries_[at & (entries_.size() - 1)];
    if (Way::from_raw(entry.way).is_none() ||
        (entry.high == wanted.high && entry.low == wanted.low && entry.tenant == wanted.tenant &&
         entry.length == wanted.length && entry.v6 == wanted.v6)) {
      return at & (entries_.size() - 1);
    }
  }
}

bool PrefixTable::insert(uint16_t tenant, const IpPrefix& prefix, const Target& target) {
  assert(!target.way.is_none() && tenant < lengths_.size());
  const bool v6 = prefix.address.is_v6();
  const Bits bits = masked(prefix.address.octets.data(), v6, prefix.length);
  Entry wanted{bits.high, bits.low, tenant, prefix.length, v6, target.mac, target.way.raw()};
  Entry& entry = entries_[slot(wanted)];
  if (!Way::from_raw(entry.way).is_none()) return false;
  entry = wanted;
  Lengths& lengths = lengths_[tenant];
  (v6 ? lengths.v6[prefix.length / 64] : lengths.v4) |= uint64_t{1} << (prefix.length % 64);
  ++size_;
  return true;
}

Target PrefixTable::find_length(const Key& key, unsigned length) const {
  const Bits bits = masked(key.ip, key.v6, length);
  const Entry& entry = entries_[slot(
      {bits.high, bits.low, key.tenant, static_cast<uint8_t>(length), key.v6, {}, 0})];
  return {Way::from_raw(entry.way), entry.mac};
}

Target PrefixTable::find(const Key& key, unsigned shortest) const {
  if (key.tenant >= lengths_.size()) return {};
  const Lengths& lengths = lengths_[key.tenant];
  for (unsigned word = key.v6 ? 3 : 1; word-- > 0;) {
    for (uint64_t set = key.v6 ? lengths.v6[word] : lengths.v4; set != 0;) {
      const unsigned bit = 63 - static_cast<unsigned>(std::countl_zero(set));
      set &= ~(uint64_t{1} << bit);
      if (word * 64 + bit < shortest) return {};
      const Target target = find_length(key, word * 64 + bit);
      if (!target.way.is_none()) return target;
    }
  }
  return {};
}

}  // namespace gatehouse::overlay
