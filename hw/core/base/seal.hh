// SPDX-License-Identifier: GPL-2.0-or-later
// A keyed checksum over octets, by which two sides that share a key see whether octets are those
// that the other saw, although somebody who does not know the key can change them. A CRC would not
// do: who knows octets and their CRC makes others that have the same. Here the octets, seven at a
// time, and their number are the coefficients of a polynomial over the integers modulo 2^61 - 1,
// and the seal is its value at the key (Carter and Wegman's idea). Octets of whatever choice have
// the seal of others under at most n / 7 + 2 of the 2^61 keys. Nobody without the key may see
// seals. Four coefficients at a time are independent multiplications: cheap in a translated core,
// too.
#ifndef GATEHOUSE_HW_CORE_BASE_SEAL_HH_
#define GATEHOUSE_HW_CORE_BASE_SEAL_HH_

#include <cstddef>
#include <cstdint>
#include <span>

#include "hw/core/base/bytes.hh"

namespace gatehouse {

class SealKey {
 public:
  static constexpr uint64_t kPrime = (uint64_t{1} << 61) - 1;

  static constexpr bool valid(uint64_t key) { return key != 0 && key < kPrime; }

  constexpr SealKey() = default;
  // valid(key).
  constexpr explicit SealKey(uint64_t key)
      : one_(key),
        two_(settle(Wide{key} * key)),
        three_(settle(Wide{two_} * key)),
        four_(settle(Wide{two_} * two_)) {}

  // Below kPrime. Each octet is read once.
  uint64_t seal(std::span<const uint8_t> octets) const {
    const uint8_t* at = octets.data();
    size_t left = octets.size();
    uint64_t sum = reduce(Wide{left + 1} * one_);
    for (; left >= 4 * kStep + 1; left -= 4 * kStep, at += 4 * kStep) {
      sum = reduce(Wide{sum + word(at)} * four_ + Wide{word(at + kStep)} * three_ +
                   Wide{word(at + 2 * kStep)} * two_ + Wide{word(at + 3 * kStep)} * one_);
    }
    for (; left > kStep; left -= kStep, at += kStep) sum = reduce(Wide{sum + word(at)} * one_);
    if (left != 0) {
      uint64_t last = 0;
      for (size_t i = 0; i != left; ++i) last |= uint64_t{at[i]} << (8 * i);
      sum = reduce(Wide{sum + last} * one_);
    }
    return settle(sum);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr size_t kStep = 7;

  // Octets at .. at + 6; at + 7 exists.
  static uint64_t word(const uint8_t* at) {
    return load_le<uint64_t>(at) & ((uint64_t{1} << 8 * kStep) - 1);
  }
  // Modulo kPrime, below kPrime + 8. wide < 2^124.
  static constexpr uint64_t reduce(Wide wide) {
    const uint64_t sum = (static_cast<uint64_t>(wide) & kPrime) + static_cast<uint64_t>(wide >> 61);
    return (sum & kPrime) + (sum >> 61);
  }
  static constexpr uint64_t settle(Wide wide) {
    const uint64_t sum = reduce(wide);
    return sum >= kPrime ? sum - kPrime : sum;
  }

  uint64_t one_ = 0, two_ = 0, three_ = 0, four_ = 0;  // powers of the key
};

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_SEAL_HH_
