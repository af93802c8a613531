// SPDX-License-Identifier: GPL-2.0-or-later
// Loads and stores at any alignment. `be`: network byte order. `le`: the order of PCI devices and
// of saved state.
#ifndef GATEHOUSE_HW_CORE_BASE_BYTES_HH_
#define GATEHOUSE_HW_CORE_BASE_BYTES_HH_

#include <bit>
#include <concepts>
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

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_BYTES_HH_
