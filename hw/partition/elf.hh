// SPDX-License-Identifier: GPL-2.0-or-later
// A firmware file: an ELF64 executable for x86-64, checked as a whole before anything of it is
// used. The file is hostile: what read_firmware() returns lies inside of the file and inside of the
// private RAM.
#ifndef GATEHOUSE_HW_PARTITION_ELF_HH_
#define GATEHOUSE_HW_PARTITION_ELF_HH_

#include <cstdint>
#include <span>
#include <vector>

#include "hw/core/base/status.hh"

namespace gatehouse::partition {

struct Segment {
  uint64_t address;               // in the cores' memory
  uint64_t octets;                // in memory; what the file does not give is 0
  std::span<const uint8_t> data;  // at most `octets`, in the file
};

struct Firmware {
  uint64_t entry;
  uint64_t end;  // behind the last segment, on a page boundary
  std::vector<Segment> segments;
};

// Segments lie in [kRamBase + kFirmwareOffset, kRamBase + ram_octets) and do not overlap; the entry
// is in an executable one. The message says what is wrong and, where a linker's option mends it,
// which. `file` lives as long as what is returned.
gatehouse::Result<Firmware> read_firmware(std::span<const uint8_t> file, uint64_t ram_octets);

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_ELF_HH_
