// SPDX-License-Identifier: GPL-2.0-or-later
// Loads and stores at any alignment. `be`: network byte order. `le`: the order of PCI devices and
// of saved state.
#ifndef GATEHOUSE_HW_CORE_BASE_BYTES_HH_
#define GATEHOUSE_HW_CORE_BASE_BYTES_HH_

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gatehouse {

template <std::unsigned_integral T>
constexpr T byte_swap(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

template <std::unsigned_integral T>
inline T load_le(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::little ? value : byte_swap(value);
}
template <std::unsigned_integral T>
inline T load_be(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::big ? value : byte_swap(value);
}
template <std::unsigned_integral T>
inline void store_le(void* to, T value) {
  if constexpr (std::endian::native != std::endian::little) value = byte_swap(value);
  std::memcpy(to, &value, sizeof value);
}
template <std::unsigned_integral T>
inline void store_be(void* to, T value) {
  if constexpr (std::endian::native != std::endian::big) value = byte_swap(value);
  std::memcpy(to, &value, sizeof value);
}

// Without a call, and with one branch.
template <size_t kOctets>
inline bool same_octets(const uint8_t* one, const uint8_t* other) {
  static_assert(kOctets % 4 == 0);
  uint64_t different = 0;
  for (size_t at = 0; at + 8 <= kOctets; at += 8)
    different |= load_le<uint64_t>(one + at) ^ load_le<uint64_t>(other + at);
  if constexpr (kOctets % 8 != 0)
    different |= load_le<uint32_t>(one + kOctets - 4) ^ load_le<uint32_t>(other + kOctets - 4);
  return different == 0;
}

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_BYTES_HH_
