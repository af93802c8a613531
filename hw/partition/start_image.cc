// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/start_image.hh"

#include "hw/core/base/bytes.hh"

namespace gatehouse::partition {
namespace {

// Intel SDM volume 3, 4.5: page-table entries. Accessed and dirty are set, so that the processor
// has nothing to write.
constexpr uint64_t kPresent = 1, kWritable = 2, kAccessed = 0x20, kDirty = 0x40, kLargePage = 0x80;
constexpr uint64_t kGib = uint64_t{1} << 30;
constexpr unsigned kEntries = 512;
constexpr unsigned kTerabyteTables = 2;  // each maps 512 GiB

// Flat segments of 64-bit mode, SDM volume 3, 3.4.5.
constexpr uint64_t kCode = 0x00af'9b00'0000'ffff, kData = 0x00cf'9300'0000'ffff;

}  // namespace

std::vector<uint8_t> start_image() {
  std::vector<uint8_t> image(kDescriptors + kDescriptorsLimit + 1 - kPageTable);
  const auto put = [&](uint64_t address, uint64_t value) {
    store_le<uint64_t>(image.data() + (address - kPageTable), value);
  };
  for (unsigned table = 0; table < kTerabyteTables; ++table) {
    const uint64_t at = kPageTable + (1 + table) * kPage;
    put(kPageTable + table * 8, at | kPresent | kWritable | kAccessed);
    for (unsigned i = 0; i < kEntries; ++i)
      put(at + i * 8, (uint64_t{table} * kEntries + i) * kGib | kPresent | kWritable | kAccessed |
                          kDirty | kLargePage);
  }
  put(kDescriptors + kCodeSelector, kCode);
  put(kDescriptors + kDataSelector, kData);
  return image;
}

}  // namespace gatehouse::partition
