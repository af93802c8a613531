// SPDX-License-Identifier: GPL-2.0-or-later
// What the compiler calls for copies, fills and comparisons (x86/memory.cc gives them their C
// names), with as few instructions for each octet as SSE2 allows.
#ifndef GATEHOUSE_FIRMWARE_HAL_MEMORY_HH_
#define GATEHOUSE_FIRMWARE_HAL_MEMORY_HH_

#include <cstddef>
#include <cstdint>

namespace gatehouse::hal {
namespace internal {

using Vector [[gnu::vector_size(16)]] = uint8_t;

// A word at any address, of memory of any type.
template <class Word>
struct [[gnu::packed, gnu::may_alias]] Loose {
  Word word;
};
template <class Word>
inline Word load(const void* base, size_t offset) {
  return reinterpret_cast<const Loose<Word>*>(static_cast<const uint8_t*>(base) + offset)->word;
}
template <class Word>
inline void store(void* base, size_t offset, Word word) {
  reinterpret_cast<Loose<Word>*>(static_cast<uint8_t*>(base) + offset)->word = word;
}

// Two words that overlap in the middle move any count from sizeof(Word) to twice as much. Both are
// loaded before one is stored, so that source and destination may overlap.
template <class Word>
inline void move_pair(void* to, const void* from, size_t octets) {
  const Word first = load<Word>(from, 0), last = load<Word>(from, octets - sizeof(Word));
  store<Word>(to, 0, first);
  store<Word>(to, octets - sizeof(Word), last);
}
inline void move_few(void* to, const void* from, size_t octets) {
  if (octets >= 16) return move_pair<Vector>(to, from, octets);
  if (octets >= 8) return move_pair<uint64_t>(to, from, octets);
  if (octets >= 4) return move_pair<uint32_t>(to, from, octets);
  if (octets >= 2) return move_pair<uint16_t>(to, from, octets);
  if (octets == 1) store<uint8_t>(to, 0, load<uint8_t>(from, 0));
}

}  // namespace internal

// The areas may overlap.
inline void move(void* to, const void* from, size_t octets) {
  using internal::load, internal::store, internal::Vector;
  if (octets <= 32) return internal::move_few(to, from, octets);
  if (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from) >= octets) {
    const Vector last = load<Vector>(from, octets - 16);
    size_t i = 0;
    for (; i + 32 < octets; i += 32) {
      const Vector a = load<Vector>(from, i), b = load<Vector>(from, i + 16);
      store<Vector>(to, i, a);
      store<Vector>(to, i + 16, b);
    }
    if (i + 16 < octets) store<Vector>(to, i, load<Vector>(from, i));
    store<Vector>(to, octets - 16, last);
  } else {
    const Vector first = load<Vector>(from, 0);
    size_t i = octets;
    for (; i > 16; i -= 16) store<Vector>(to, i - 16, load<Vector>(from, i - 16));
    store<Vector>(to, 0, first);
  }
}

inline void fill(void* to, uint8_t value, size_t octets) {
  using internal::load, internal::store, internal::Vector;
  const Vector many = Vector{} + value;
  if (octets < 16) {
    for (size_t i = 0; i < octets; ++i) store<uint8_t>(to, i, value);
    return;
  }
  for (size_t i = 0; i + 16 < octets; i += 16) store<Vector>(to, i, many);
  store<Vector>(to, octets - 16, many);
}

// Like memcmp: below, at or above 0.
inline int compare(const void* a, const void* b, size_t octets) {
  using internal::load;
  size_t i = 0;
  while (i + 8 <= octets && load<uint64_t>(a, i) == load<uint64_t>(b, i)) i += 8;
  for (; i < octets; ++i) {
    const int difference = load<uint8_t>(a, i) - load<uint8_t>(b, i);
    if (difference != 0) return difference;
  }
  return 0;
}

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_MEMORY_HH_
