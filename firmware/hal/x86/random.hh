// SPDX-License-Identifier: GPL-2.0-or-later
// Random numbers that the guest can't know. In a simulation that is to repeat exactly, QEMU's
// -seed makes them repeat, too.
#ifndef GATEHOUSE_FIRMWARE_HAL_X86_RANDOM_HH_
#define GATEHOUSE_FIRMWARE_HAL_X86_RANDOM_HH_

#include <cpuid.h>

#include <cstdint>
#include <optional>

namespace gatehouse::hal {

// Nothing: the CPU has none to give.
inline std::optional<uint64_t> random() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_RDRND) == 0) return std::nullopt;
  for (unsigned attempt = 0; attempt < 64; ++attempt) {
    uint64_t value;
    bool given;
    asm volatile("rdrand %0" : "=r"(value), "=@ccc"(given));
    if (given) return value;
  }
  return std::nullopt;
}

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_X86_RANDOM_HH_
