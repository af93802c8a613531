// SPDX-License-Identifier: GPL-2.0-or-later
// A lock among the cores of a partition, for moments. Interrupts only leave notes
// (hal/x86/interrupts.hh), so none can wait for a lock that its own core holds.
#ifndef GATEHOUSE_FIRMWARE_HAL_SPIN_LOCK_HH_
#define GATEHOUSE_FIRMWARE_HAL_SPIN_LOCK_HH_

#include <atomic>
#include <cstdint>

namespace gatehouse::hal {

class SpinLock {
 public:
  constexpr SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() {
    while (!try_lock()) __builtin_ia32_pause();
  }
  bool try_lock() {
    return taken_.load(std::memory_order_relaxed) == 0 &&
           taken_.exchange(1, std::memory_order_acquire) == 0;
  }
  void unlock() { taken_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint32_t> taken_{0};
};

class [[nodiscard]] SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) : lock_(lock) { lock_.lock(); }
  ~SpinGuard() { lock_.unlock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  SpinLock& lock_;
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_SPIN_LOCK_HH_
