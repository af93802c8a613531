// SPDX-License-Identifier: GPL-2.0-or-later
// The field of 256 elements with the polynomial x^8 + x^4 + x^3 + x^2 + 1, in which 2 generates all
// others: the one of RAID 6 and of most Reed-Solomon codes. Addition is exclusive or.
#ifndef GATEHOUSE_HW_CORE_STATELESS_GF256_HH_
#define GATEHOUSE_HW_CORE_STATELESS_GF256_HH_

#include <array>
#include <cstdint>

namespace gatehouse::stateless::gf256 {

struct Tables {
  std::array<uint8_t, 510> power{};  // of 2; twice around, so that a sum of logarithms is an index
  std::array<uint8_t, 256> logarithm{};
};

constexpr Tables make_tables() {
  Tables tables;
  unsigned value = 1;
  for (unsigned i = 0; i < 255; ++i) {
    tables.power[i] = tables.power[i + 255] = static_cast<uint8_t>(value);
    tables.logarithm[value] = static_cast<uint8_t>(i);
    value <<= 1;
    if (value > 255) value ^= 0x11d;
  }
  return tables;
}
inline constexpr Tables kTables = make_tables();

constexpr uint8_t multiply(uint8_t a, uint8_t b) {
  if (a == 0 || b == 0) return 0;
  return kTables.power[kTables.logarithm[a] + kTables.logarithm[b]];
}

// b is not 0.
constexpr uint8_t divide(uint8_t a, uint8_t b) {
  if (a == 0) return 0;
  return kTables.power[kTables.logarithm[a] + 255u - kTables.logarithm[b]];
}

}  // namespace gatehouse::stateless::gf256

#endif  // GATEHOUSE_HW_CORE_STATELESS_GF256_HH_
