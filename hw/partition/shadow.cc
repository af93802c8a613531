// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/shadow.hh"

#include "hw/core/base/bytes.hh"

namespace gatehouse::partition {
namespace {

template <class T>
uint64_t load_word(const void* from) {
  T value;
  __atomic_load(static_cast<const T*>(from), &value, __ATOMIC_ACQUIRE);
  return load_le<T>(&value);
}

template <class T>
void store_word(void* to, uint64_t from) {
  T value;
  store_le<T>(&value, static_cast<T>(from));
  __atomic_store(static_cast<T*>(to), &value, __ATOMIC_RELEASE);
}

// Bits that cannot be written stay as firmware has them, even if it changes them meanwhile.
void store_register(void* to, uint64_t from, const RedirectRule& rule) {
  auto* word = static_cast<uint32_t*>(to);
  uint32_t value, writable, was, now;
  store_le<uint32_t>(&value, static_cast<uint32_t>(from));
  __atomic_load(&rule.writable, &writable, __ATOMIC_RELAXED);
  __atomic_load(word, &was, __ATOMIC_RELAXED);
  do {
    now = (was & ~writable) | (value & writable);
  } while (!__atomic_compare_exchange(word, &was, &now, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

}  // namespace

uint64_t Shadow::load(uint64_t place, unsigned octets) const {
  const uint8_t* from = octets_ + place;
  switch (octets) {
    case 1:
      return load_word<uint8_t>(from);
    case 2:
      return load_word<uint16_t>(from);
    case 4:
      return load_word<uint32_t>(from);
    default:
      return load_word<uint32_t>(from) | load_word<uint32_t>(from + 4) << 32;
  }
}

void Shadow::store(uint64_t place, uint64_t value, unsigned octets) const {
  uint8_t* to = octets_ + place;
  for (unsigned word = 0; word < octets / 4; ++word) {
    if (rules_) {
      store_register(to + 4 * word, value >> (32 * word), rules_[place / 4 + word]);
    } else {
      store_word<uint32_t>(to + 4 * word, value >> (32 * word));
    }
  }
  if (rules_) return;
  if (octets == 2) store_word<uint16_t>(to, value);
  if (octets == 1) store_word<uint8_t>(to, value);
}

void Shadow::reset(uint32_t length) const {
  if (!rules_) return;
  for (uint32_t word = 0; word < length / 4; ++word)
    store_word<uint32_t>(octets_ + 4 * word, load_word<uint32_t>(&rules_[word].reset));
}

}  // namespace gatehouse::partition
