// SPDX-License-Identifier: GPL-2.0-or-later
// What the compiler calls for copies, fills and comparisons (x86/memory.cc gives them their C
// names), with as few instructions for each octet as SSE2 allows.
#ifndef GATEHOUSE_FIRMWARE_HAL_MEMORY_HH_
#define GATEHOUSE_FIRMWARE_HAL_MEMORY_HH_

#include <cstddef>
#include <cstdint>

namespace gatehouse::hal {
namespace internal {

using Vector [[gnu::may_alias, gnu::aligned(1), gnu::vector_size(16)]] = uint8_t;
using Half [[gnu::may_alias, gnu::aligned(1)]] = uint64_t;
using Quarter [[gnu::may_alias, gnu::aligned(1)]] = uint32_t;
using Eighth [[gnu::may_alias, gnu::aligned(1)]] = uint16_t;

template <class Word>
inline Word& at(void* base, size_t offset) {
  return *reinterpret_cast<Word*>(static_cast<uint8_t*>(base) + offset);
}
template <class Word>
inline const Word& at(const void* base, size_t offset) {
  return *reinterpret_cast<const Word*>(static_cast<const uint8_t*>(base) + offset);
}

// Two words that overlap in the middle move any count from sizeof(Word) to twice as much. Both are
// loaded before one is stored, so that source and destination may overlap.
template <class Word>
inline void move_pair(void* to, const void* from, size_t octets) {
  const Word first = at<Word>(from, 0), last = at<Word>(from, octets - sizeof(Word));
  at<Word>(to, 0) = first;
  at<Word>(to, octets - sizeof(Word)) = last;
}
inline void move_few(void* to, const void* from, size_t octets) {
  if (octets >= 16) return move_pair<Vector>(to, from, octets);
  if (octets >= 8) return move_pair<Half>(to, from, octets);
  if (octets >= 4) return move_pair<Quarter>(to, from, octets);
  if (octets >= 2) return move_pair<Eighth>(to, from, octets);
  if (octets == 1) at<uint8_t>(to, 0) = at<uint8_t>(from, 0);
}

}  // namespace internal

// The areas may overlap.
inline void move(void* to, const void* from, size_t octets) {
  using internal::at, internal::Vector;
  if (octets <= 32) return internal::move_few(to, from, octets);
  if (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from) >= octets) {
    const Vector last = at<Vector>(from, octets - 16);
    size_t i = 0;
    for (; i + 32 < octets; i += 32) {
      const Vector a = at<Vector>(from, i), b = at<Vector>(from, i + 16);
      at<Vector>(to, i) = a;
      at<Vector>(to, i + 16) = b;
    }
    if (i + 16 < octets) at<Vector>(to, i) = at<Vector>(from, i);
    at<Vector>(to, octets - 16) = last;
  } else {
    const Vector first = at<Vector>(from, 0);
    size_t i = octets;
    for (; i > 16; i -= 16) at<Vector>(to, i - 16) = at<Vector>(from, i - 16);
    at<Vector>(to, 0) = first;
  }
}

inline void fill(void* to, uint8_t value, size_t octets) {
  using internal::at, internal::Vector;
  const Vector many = Vector{} + value;
  if (octets < 16) {
    for (size_t i = 0; i < octets; ++i) at<uint8_t>(to, i) = value;
    return;
  }
  for (size_t i = 0; i + 16 < octets; i += 16) at<Vector>(to, i) = many;
  at<Vector>(to, octets - 16) = many;
}

// Like memcmp: below, at or above 0.
inline int compare(const void* a, const void* b, size_t octets) {
  using internal::at, internal::Half;
  size_t i = 0;
  while (i + 8 <= octets && at<Half>(a, i) == at<Half>(b, i)) i += 8;
  for (; i < octets; ++i) {
    const int difference = at<uint8_t>(a, i) - at<uint8_t>(b, i);
    if (difference != 0) return difference;
  }
  return 0;
}

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_MEMORY_HH_
