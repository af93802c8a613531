// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/elf.hh"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "hw/core/base/bytes.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::partition {
namespace {

// ELF-64 Object File Format, version 1.5: what is used of it. Field offsets.
constexpr size_t kHeaderOctets = 64;
constexpr uint8_t kIdentification[] = {0x7f, 'E', 'L', 'F', 2 /*64 bit*/, 1 /*little-endian*/, 1};
constexpr size_t kType = 16, kMachine = 18, kEntry = 24, kTableOffset = 32, kRowOctets = 54,
                 kRows = 56;
constexpr uint16_t kExecutable = 2, kSharedObject = 3, kX86_64 = 62;
constexpr size_t kProgramHeaderOctets = 56;
constexpr size_t kKind = 0, kFlags = 4, kOffset = 8, kAddress = 16, kFileOctets = 32,
                 kMemoryOctets = 40;
constexpr uint32_t kLoad = 1, kDynamic = 2, kInterpreter = 3;
constexpr uint32_t kMayExecute = 1;
constexpr unsigned kMaxProgramHeaders = 64;

constexpr uint64_t kFirst = kRamBase + kFirmwareOffset;

uint16_t half(std::span<const uint8_t> at, size_t offset) {
  return load_le<uint16_t>(at.data() + offset);
}
uint32_t word(std::span<const uint8_t> at, size_t offset) {
  return load_le<uint32_t>(at.data() + offset);
}
uint64_t xword(std::span<const uint8_t> at, size_t offset) {
  return load_le<uint64_t>(at.data() + offset);
}

std::string hex(uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

// Is [start, start + octets) inside of [first, end)?
bool inside(uint64_t start, uint64_t octets, uint64_t first, uint64_t end) {
  return start >= first && start <= end && octets <= end - start;
}

Status check_header(std::span<const uint8_t> file) {
  if (file.size() < kHeaderOctets ||
      std::memcmp(file.data(), kIdentification, sizeof kIdentification) != 0)
    return Status::error("not an ELF file of 64 bits, little-endian");
  if (half(file, kMachine) != kX86_64) return Status::error("not for x86-64");
  if (half(file, kType) == kSharedObject)
    return Status::error("position-independent; link it with -static -no-pie");
  if (half(file, kType) != kExecutable) return Status::error("not an executable; link it");
  if (half(file, kRowOctets) != kProgramHeaderOctets)
    return Status::error("its program headers are not 56 octets long");
  const unsigned rows = half(file, kRows);
  if (rows == 0 || rows > kMaxProgramHeaders)
    return Status::error("it has " + std::to_string(rows) + " program headers; 1 to " +
                         std::to_string(kMaxProgramHeaders) + " can be loaded");
  if (!inside(xword(file, kTableOffset), rows * kProgramHeaderOctets, 0, file.size()))
    return Status::error("its program headers are not in the file; it is cut off");
  return {};
}

Status check_segment(std::span<const uint8_t> row, std::span<const uint8_t> file, uint64_t end) {
  const uint64_t address = xword(row, kAddress), octets = xword(row, kMemoryOctets);
  if (xword(row, kFileOctets) > octets)
    return Status::error("the segment at " + hex(address) +
                         " has more octets in the file than in memory");
  if (!inside(xword(row, kOffset), xword(row, kFileOctets), 0, file.size()))
    return Status::error("the segment at " + hex(address) + " is not in the file; it is cut off");
  if (!inside(address, octets, kFirst, end))
    return Status::error("the segment at " + hex(address) + " of " + hex(octets) +
                         " octets is not in firmware's memory, " + hex(kFirst) + " to " + hex(end) +
                         "; link it to " + hex(kFirst) + " or give the partition more memory=");
  return {};
}

}  // namespace

gatehouse::Result<Firmware> read_firmware(std::span<const uint8_t> file, uint64_t ram_octets) {
  if (Status status = check_header(file); !status.ok()) return status;
  const uint64_t end = kRamBase + ram_octets;
  Firmware firmware{xword(file, kEntry), 0, {}};
  bool entry_found = false;
  for (unsigned i = 0; i < half(file, kRows); ++i) {
    const std::span<const uint8_t> row =
        file.subspan(xword(file, kTableOffset) + i * kProgramHeaderOctets, kProgramHeaderOctets);
    const uint32_t kind = word(row, kKind);
    if (kind == kDynamic || kind == kInterpreter)
      return Status::error("dynamically linked; link it with -static -no-pie");
    if (kind != kLoad || xword(row, kMemoryOctets) == 0) continue;
    if (Status status = check_segment(row, file, end); !status.ok()) return status;
    const Segment segment{xword(row, kAddress), xword(row, kMemoryOctets),
                          file.subspan(xword(row, kOffset), xword(row, kFileOctets))};
    for (const Segment& other : firmware.segments) {
      if (segment.address < other.address + other.octets &&
          other.address < segment.address + segment.octets)
        return Status::error("two segments overlap at " +
                             hex(std::max(segment.address, other.address)));
    }
    if ((word(row, kFlags) & kMayExecute) && firmware.entry >= segment.address &&
        firmware.entry - segment.address < segment.octets)
      entry_found = true;
    firmware.end = std::max(firmware.end, segment.address + segment.octets);
    firmware.segments.push_back(segment);
  }
  if (firmware.segments.empty()) return Status::error("it has nothing to load");
  if (!entry_found)
    return Status::error("its entry " + hex(firmware.entry) + " is in no executable segment");
  firmware.end = (firmware.end + kPage - 1) & ~(kPage - 1);
  return firmware;
}

}  // namespace gatehouse::partition
