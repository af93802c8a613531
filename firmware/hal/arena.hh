// SPDX-License-Identifier: GPL-2.0-or-later
// Memory that is taken once, at the start, and never given back: rings and tables whose size an
// argument decides.
#ifndef GATEHOUSE_FIRMWARE_HAL_ARENA_HH_
#define GATEHOUSE_FIRMWARE_HAL_ARENA_HH_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace gatehouse::hal {

class Arena {
 public:
  // [begin, end)
  constexpr Arena(uint64_t begin, uint64_t end) : next_(begin), end_(end < begin ? begin : end) {}

  // Null when there is not as much. alignment: a power of two. The octets are what they were: 0,
  // unless someone wrote them before.
  void* take(uint64_t octets, uint64_t alignment) {
    const uint64_t pad = (0 - next_) & (alignment - 1);
    if (pad > left() || octets > left() - pad) return nullptr;
    const uint64_t at = next_ + pad;
    next_ = at + octets;
    return reinterpret_cast<void*>(at);
  }
  template <class T>
  T* take_array(uint64_t count, uint64_t alignment = alignof(T)) {
    static_assert(std::is_trivially_copyable_v<T>);
    uint64_t octets;
    if (__builtin_mul_overflow(count, sizeof(T), &octets)) return nullptr;
    return static_cast<T*>(take(octets, alignment));
  }
  uint64_t left() const { return end_ - next_; }

 private:
  uint64_t next_;
  uint64_t end_;
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_ARENA_HH_
