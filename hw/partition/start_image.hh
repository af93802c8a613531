// SPDX-License-Identifier: GPL-2.0-or-later
// What lies in private RAM below the firmware: page tables, descriptors and stacks, so that a core
// starts in 64-bit mode with no code of the model's.
#ifndef GATEHOUSE_HW_PARTITION_START_IMAGE_HH_
#define GATEHOUSE_HW_PARTITION_START_IMAGE_HH_

#include <cstdint>
#include <span>
#include <vector>

#include "hw/spec/partition.hh"

namespace gatehouse::partition {

// Addresses in the cores' memory.
inline constexpr uint64_t kPageTable = kRamBase + 0x1000;
inline constexpr uint64_t kDescriptors = kRamBase + 0x4000;
inline constexpr uint16_t kCodeSelector = 8, kDataSelector = 16;
inline constexpr uint16_t kDescriptorsLimit = 3 * 8 - 1;
inline constexpr uint64_t kStacks = kRamBase + 0x1'0000;

constexpr uint64_t stack_top(unsigned core) { return kStacks + (core + 1) * kStackOctets; }
static_assert(stack_top(kMaxCores - 1) <= kRamBase + kFirmwareOffset);

// To be put at kPageTable: all of the first TiB mapped to itself, for supervisor, writable; then
// the descriptors.
std::vector<uint8_t> start_image();

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_START_IMAGE_HH_
