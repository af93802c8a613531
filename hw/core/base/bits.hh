// SPDX-License-Identifier: GPL-2.0-or-later
// A field of any number of bits, ready to be read and written: the eight octets that end with it,
// shifted and masked. They may begin up to eight octets in front of the header that the field
// belongs to: whoever uses this has at least an Ethernet header there.
#ifndef GATEHOUSE_HW_CORE_BASE_BITS_HH_
#define GATEHOUSE_HW_CORE_BASE_BITS_HH_

#include <cstdint>

#include "hw/core/base/bytes.hh"

namespace gatehouse {

class Bits {
 public:
  // No field: reads as 0, by eight octets in front of the header, since nobody says how many there
  // are in it.
  constexpr Bits() = default;
  // `octet` and `bit` (0 = most significant) of the header, at which it begins. The field lies
  // within eight octets. No bits: no field, wherever it begins.
  constexpr Bits(uint32_t octet, uint32_t bit, uint32_t bits) {
    if (bits == 0) return;
    const uint32_t end = octet * 8 + bit + bits;
    const uint32_t end_octet = (end + 7) / 8;
    at_ = static_cast<int16_t>(end_octet) - 8;
    shift_ = static_cast<uint8_t>(end_octet * 8 - end);
    mask_ = UINT64_MAX >> (64 - bits);
  }

  constexpr explicit operator bool() const { return mask_ != 0; }
  uint64_t read(const uint8_t* header) const {
    return load_be<uint64_t>(header + at_) >> shift_ & mask_;
  }
  // What does not fit is cut off.
  void write(uint8_t* header, uint64_t value) const {
    const uint64_t rest = load_be<uint64_t>(header + at_) & ~(mask_ << shift_);
    store_be<uint64_t>(header + at_, rest | (value & mask_) << shift_);
  }

 private:
  uint64_t mask_ = 0;
  int16_t at_ = -8;
  uint8_t shift_ = 0;
};

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_BITS_HH_
