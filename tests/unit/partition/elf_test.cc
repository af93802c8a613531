// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/elf.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/partition/elf_file.hh"

namespace gatehouse::partition {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kRam = kMinRam;
constexpr uint64_t kAt = ElfFile::kLinkedTo;
const std::vector<uint8_t> kCode = {0xf4, 0xeb, 0xfd};  // hlt; jmp

ElfFile two_segments() {
  ElfFile file;
  file.row(kAt, 0x1800).row(kAt + 0x2000, 0x100, ElfFile::kRead | ElfFile::kWrite);
  file.data(kCode).data(kCode);
  return file;
}

TEST(ReadFirmware, FindsSegmentsEntryAndEnd) {
  ElfFile file = two_segments();
  const auto firmware = read_firmware(file.octets(), kRam);
  ASSERT_TRUE(firmware.ok()) << firmware.status().message();
  EXPECT_EQ(firmware.value().entry, kAt);
  EXPECT_EQ(firmware.value().end, kAt + 0x3000);
  ASSERT_EQ(firmware.value().segments.size(), 2u);
  const Segment& first = firmware.value().segments[0];
  EXPECT_EQ(first.address, kAt);
  EXPECT_EQ(first.octets, 0x1800u);
  EXPECT_TRUE(std::equal(first.data.begin(), first.data.end(), kCode.begin(), kCode.end()));
}

TEST(ReadFirmware, TakesOneThatFillsTheMemory) {
  ElfFile file;
  file.row(kAt, kRam - kFirmwareOffset).data(kCode);
  EXPECT_TRUE(read_firmware(file.octets(), kRam).ok());
  file.put<uint64_t>(ElfFile::field(0, 40), kRam - kFirmwareOffset + 1);
  EXPECT_FALSE(read_firmware(file.octets(), kRam).ok());
}

struct Spoilt {
  const char* what;
  void (*spoil)(ElfFile& file);
  const char* reason;
};

const Spoilt kSpoilt[] = {
    {"empty", [](ElfFile& f) { f.octets().clear(); }, "not an ELF file"},
    {"half a header", [](ElfFile& f) { f.octets().resize(63); }, "not an ELF file"},
    {"a script", [](ElfFile& f) { f.put<uint16_t>(0, 0x2123); }, "not an ELF file"},
    {"32 bits", [](ElfFile& f) { f.put<uint8_t>(4, 1); }, "64 bits"},
    {"big-endian", [](ElfFile& f) { f.put<uint8_t>(5, 2); }, "little-endian"},
    {"another machine", [](ElfFile& f) { f.put<uint16_t>(18, 183); }, "not for x86-64"},
    {"position-independent", [](ElfFile& f) { f.put<uint16_t>(16, 3); }, "-no-pie"},
    {"an object file", [](ElfFile& f) { f.put<uint16_t>(16, 1); }, "link it"},
    {"rows of another length", [](ElfFile& f) { f.put<uint16_t>(54, 32); }, "56 octets"},
    {"no rows", [](ElfFile& f) { f.put<uint16_t>(56, 0); }, "0 program headers"},
    {"too many rows", [](ElfFile& f) { f.put<uint16_t>(56, 65); }, "65 program headers"},
    {"rows behind the file", [](ElfFile& f) { f.put<uint64_t>(32, 1 << 20); }, "cut off"},
    {"rows at the end of the address space", [](ElfFile& f) { f.put<uint64_t>(32, ~0ull - 20); },
     "cut off"},
    {"more in the file than in memory",
     [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 40), 2); }, "more octets in the file"},
    {"data behind the file", [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 8), 1 << 20); },
     "cut off"},
    {"data's offset wraps", [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 8), ~0ull - 1); },
     "cut off"},
    {"the file ends in its data", [](ElfFile& f) { f.octets().resize(f.octets().size() - 1); },
     "cut off"},
    {"in the guest's memory", [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 16), 0x10'0000); },
     "link it to"},
    {"over the page tables", [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 16), kRamBase); },
     "link it to"},
    {"behind the memory",
     [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 16), kRamBase + kRam); }, "memory="},
    {"larger than the memory", [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 40), kRam); },
     "memory="},
    {"its end wraps", [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(0, 40), ~0ull); }, "memory="},
    {"overlapping segments",
     [](ElfFile& f) { f.put<uint64_t>(ElfFile::field(1, 16), kAt + 0x17ff); }, "overlap"},
    {"an interpreter", [](ElfFile& f) { f.put<uint32_t>(ElfFile::field(1, 0), 3); },
     "dynamically linked"},
    {"a dynamic section", [](ElfFile& f) { f.put<uint32_t>(ElfFile::field(1, 0), 2); },
     "dynamically linked"},
    {"entry nowhere", [](ElfFile& f) { f.put<uint64_t>(24, 0); }, "entry"},
    {"entry in data", [](ElfFile& f) { f.put<uint64_t>(24, kAt + 0x2000); }, "entry"},
    {"entry behind its segment", [](ElfFile& f) { f.put<uint64_t>(24, kAt + 0x1800); }, "entry"},
    {"nothing to load",
     [](ElfFile& f) {
       f.put<uint32_t>(ElfFile::field(0, 0), 4).put<uint32_t>(ElfFile::field(1, 0), 4);
     },
     "nothing to load"},
};

TEST(ReadFirmware, RefusesWhatIsSpoiltAndSaysWhy) {
  for (const Spoilt& row : kSpoilt) {
    ElfFile file = two_segments();
    row.spoil(file);
    const auto firmware = read_firmware(file.octets(), kRam);
    ASSERT_FALSE(firmware.ok()) << row.what;
    EXPECT_THAT(firmware.status().message(), HasSubstr(row.reason)) << row.what;
  }
}

// Whatever a file says, what is returned lies in the file and in the memory.
TEST(ReadFirmware, NeverPointsOutside) {
  std::mt19937_64 random(1);
  const uint64_t words[] = {0,     1,          56,    64, kAt, kRamBase, kRamBase + kRam,
                            ~0ull, 1ull << 63, 0x1000};
  unsigned taken = 0;
  for (unsigned round = 0; round < 200'000; ++round) {
    ElfFile file = two_segments();
    std::vector<uint8_t>& octets = file.octets();
    for (unsigned change = random() % 3 + 1; change > 0; --change) {
      const size_t at = 16 + random() % (octets.size() - 24);
      if (random() % 2) {
        octets[at] = static_cast<uint8_t>(random());
      } else {
        file.put<uint64_t>(at & ~size_t{7}, words[random() % std::size(words)]);
      }
    }
    if (random() % 8 == 0) octets.resize(random() % octets.size());
    const std::vector<uint8_t> exact(octets.begin(), octets.end());
    const auto firmware = read_firmware(exact, kRam);
    if (!firmware.ok()) continue;
    ++taken;
    for (const Segment& segment : firmware.value().segments) {
      ASSERT_GE(segment.address, kRamBase + kFirmwareOffset);
      ASSERT_LE(segment.address + segment.octets, kRamBase + kRam);
      ASSERT_LE(segment.data.size(), segment.octets);
      if (segment.data.empty()) continue;
      ASSERT_GE(segment.data.data(), exact.data());
      ASSERT_LE(segment.data.data() + segment.data.size(), exact.data() + exact.size());
    }
    ASSERT_LE(firmware.value().end, kRamBase + kRam);
  }
  EXPECT_GT(taken, 100u);
}

}  // namespace
}  // namespace gatehouse::partition
