// SPDX-License-Identifier: GPL-2.0-or-later
// A partition's firmware file: what is accepted lies in the file and in private RAM.
#include "hw/partition/elf.hh"

#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/partition/elf_file.hh"

namespace gatehouse::fuzz {
namespace {

using namespace partition;  // NOLINT

const std::vector<Bytes>& files() {
  static const std::vector<Bytes> kFiles = [] {
    const Bytes code = {0xf4, 0xeb, 0xfd};
    ElfFile file;
    file.row(ElfFile::kLinkedTo, 0x1800)
        .row(ElfFile::kLinkedTo + 0x2000, 0x100, ElfFile::kRead | ElfFile::kWrite);
    file.data(code).data(code);
    return std::vector<Bytes>{firmware_of(code), file.octets()};
  }();
  return kFiles;
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  const uint64_t ram = kMinRam << input.below(8);
  const Bytes file = take_frame(input, files());
  const gatehouse::Result<Firmware> read = read_firmware(file, ram);
  if (!read.ok()) {
    require(!read.status().message().empty(), "a refusal says why");
    return;
  }
  const Firmware& firmware = read.value();
  const uint64_t least = kRamBase + kFirmwareOffset, most = kRamBase + ram;
  require(firmware.end % kPage == 0 && firmware.end <= most, "it ends on a page in RAM");
  bool entered = false;
  for (size_t i = 0; i < firmware.segments.size(); ++i) {
    const partition::Segment& one = firmware.segments[i];
    require(one.octets > 0 && one.data.size() <= one.octets, "no more data than room");
    require(one.address >= least && one.address < most && one.octets <= most - one.address,
            "a segment lies in RAM");
    require(one.address + one.octets <= firmware.end, "and in front of the end");
    if (!one.data.empty())
      require(one.data.data() >= file.data() &&
                  one.data.data() + one.data.size() <= file.data() + file.size(),
              "its data lies in the file");
    entered |= firmware.entry >= one.address && firmware.entry - one.address < one.octets;
    for (size_t j = 0; j < i; ++j) {
      const partition::Segment& other = firmware.segments[j];
      require(
          one.address + one.octets <= other.address || other.address + other.octets <= one.address,
          "segments do not overlap");
    }
  }
  require(entered, "the entry is in one");
}

}  // namespace gatehouse::fuzz
