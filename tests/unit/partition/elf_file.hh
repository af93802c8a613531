// SPDX-License-Identifier: GPL-2.0-or-later
// Makes firmware files for tests: a small executable around given code, each field of which a test
// can spoil afterwards.
#ifndef GATEHOUSE_TESTS_UNIT_PARTITION_ELF_FILE_HH_
#define GATEHOUSE_TESTS_UNIT_PARTITION_ELF_FILE_HH_

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "hw/core/base/bytes.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::partition {

class ElfFile {
 public:
  static constexpr uint64_t kLinkedTo = kRamBase + kFirmwareOffset;
  static constexpr size_t kTable = 64, kRow = 56;
  static constexpr uint32_t kExecute = 1, kWrite = 2, kRead = 4;

  ElfFile() : octets_(kTable) {
    const uint8_t identification[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    std::memcpy(octets_.data(), identification, sizeof identification);
    put<uint16_t>(16, 2);   // ET_EXEC
    put<uint16_t>(18, 62);  // EM_X86_64
    put<uint32_t>(20, 1);
    put<uint64_t>(24, kLinkedTo);
    put<uint64_t>(32, kTable);
    put<uint16_t>(52, kTable);
    put<uint16_t>(54, kRow);
  }

  // Its data comes behind all rows: add rows first, then call data() for each in the same order.
  ElfFile& row(uint64_t address, uint64_t octets, uint32_t flags = kRead | kExecute,
               uint32_t kind = 1) {
    const size_t at = octets_.size();
    octets_.resize(at + kRow);
    put<uint32_t>(at, kind);
    put<uint32_t>(at + 4, flags);
    put<uint64_t>(at + 16, address);
    put<uint64_t>(at + 24, address);
    put<uint64_t>(at + 40, octets);
    put<uint16_t>(56, static_cast<uint16_t>(++rows_));
    return *this;
  }
  ElfFile& data(std::span<const uint8_t> octets) {
    const size_t at = kTable + filled_++ * kRow;
    put<uint64_t>(at + 8, octets_.size());
    put<uint64_t>(at + 32, octets.size());
    octets_.insert(octets_.end(), octets.begin(), octets.end());
    return *this;
  }
  template <class T>
  ElfFile& put(size_t offset, T value) {
    store_le<T>(octets_.data() + offset, value);
    return *this;
  }
  // Of row r's field at this offset.
  static constexpr size_t field(size_t r, size_t offset) { return kTable + r * kRow + offset; }

  std::vector<uint8_t>& octets() { return octets_; }

 private:
  std::vector<uint8_t> octets_;
  size_t rows_ = 0, filled_ = 0;
};

// One segment, which starts with the code.
inline std::vector<uint8_t> firmware_of(std::span<const uint8_t> code) {
  return ElfFile()
      .row(ElfFile::kLinkedTo, code.size(), ElfFile::kRead | ElfFile::kWrite | ElfFile::kExecute)
      .data(code)
      .octets();
}

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_TESTS_UNIT_PARTITION_ELF_FILE_HH_
