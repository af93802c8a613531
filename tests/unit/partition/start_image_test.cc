// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/start_image.hh"

#include <gtest/gtest.h>

#include "hw/core/base/bytes.hh"

namespace gatehouse::partition {
namespace {

// What a processor makes of the tables: 1 GiB pages alone.
uint64_t walk(const std::vector<uint8_t>& image, uint64_t address) {
  const auto entry = [&](uint64_t table, uint64_t index) {
    const uint64_t at = table + index * 8 - kPageTable;
    return at + 8 <= image.size() ? load_le<uint64_t>(image.data() + at) : 0;
  };
  const uint64_t top = entry(kPageTable, address >> 39);
  if (!(top & 1)) return ~uint64_t{0};
  const uint64_t page = entry(top & ~uint64_t{0xfff}, (address >> 30) & 511);
  EXPECT_EQ(page & 0x83, 0x83u);
  return (page & ~((uint64_t{1} << 30) - 1)) | (address & ((uint64_t{1} << 30) - 1));
}

TEST(StartImage, MapsTheFirstTebibyteToItself) {
  const std::vector<uint8_t> image = start_image();
  for (const uint64_t address :
       {uint64_t{0}, uint64_t{0xfee0'0000}, kPrivateBase - 1, kRamBase + kFirmwareOffset, kMmioBase,
        kBarWindowBase, kDeviceViewBase + (kMaxUnits - 1) * kDeviceView, (uint64_t{1} << 40) - 1})
    EXPECT_EQ(walk(image, address), address);
  EXPECT_EQ(walk(image, uint64_t{1} << 40), ~uint64_t{0});
}

TEST(StartImage, LeavesRoomForStacks) {
  EXPECT_LE(kPageTable + start_image().size(), kStacks);
  for (unsigned core = 0; core < kMaxCores; ++core) EXPECT_EQ(stack_top(core) % 16, 0u);
}

}  // namespace
}  // namespace gatehouse::partition
