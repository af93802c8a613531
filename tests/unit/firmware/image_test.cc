// SPDX-License-Identifier: GPL-2.0-or-later
// Looks into every firmware image that was built: what the partition's loader demands, and what
// firmware promises: no heap, no exceptions, nothing that someone would have to run or resolve
// first. FIRMWARE_IMAGES: their paths.
#include <elf.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "hw/partition/elf.hh"
#include "hw/spec/partition.hh"

namespace gatehouse {
namespace {

constexpr const char* kImages[] = {FIRMWARE_IMAGES};

class Image {
 public:
  explicit Image(const char* path) {
    std::ifstream file(path, std::ios::binary);
    octets_.assign(std::istreambuf_iterator<char>(file), {});
  }
  const std::vector<uint8_t>& octets() const { return octets_; }
  Elf64_Ehdr header() const { return at<Elf64_Ehdr>(0); }
  std::vector<Elf64_Phdr> segments() const {
    return table<Elf64_Phdr>(header().e_phoff, header().e_phnum);
  }
  std::vector<Elf64_Shdr> sections() const {
    return table<Elf64_Shdr>(header().e_shoff, header().e_shnum);
  }
  std::string section_name(const Elf64_Shdr& section) const {
    return text(sections().at(header().e_shstrndx).sh_offset + section.sh_name);
  }
  struct Symbol {
    std::string name;
    bool defined;
  };
  std::vector<Symbol> symbols() const {
    std::vector<Symbol> found;
    const std::vector<Elf64_Shdr> all = sections();
    for (const Elf64_Shdr& section : all) {
      if (section.sh_type != SHT_SYMTAB) continue;
      const uint64_t strings = all.at(section.sh_link).sh_offset;
      for (const auto& row :
           table<Elf64_Sym>(section.sh_offset, section.sh_size / sizeof(Elf64_Sym))) {
        if (row.st_name != 0)
          found.push_back({text(strings + row.st_name), row.st_shndx != SHN_UNDEF});
      }
    }
    return found;
  }

 private:
  template <class T>
  T at(uint64_t offset) const {
    T value{};
    if (offset + sizeof value <= octets_.size())
      std::memcpy(&value, octets_.data() + offset, sizeof value);
    return value;
  }
  template <class T>
  std::vector<T> table(uint64_t offset, uint64_t rows) const {
    std::vector<T> found;
    for (uint64_t i = 0; i < rows; ++i) found.push_back(at<T>(offset + i * sizeof(T)));
    return found;
  }
  std::string text(uint64_t offset) const {
    std::string found;
    while (offset < octets_.size() && octets_[offset] != 0)
      found += static_cast<char>(octets_[offset++]);
    return found;
  }
  std::vector<uint8_t> octets_;
};

class FirmwareImage : public testing::TestWithParam<const char*> {
 protected:
  Image image{GetParam()};
};

TEST_P(FirmwareImage, IsLoadedIntoTheSmallestPartition) {
  const Result<partition::Firmware> firmware =
      partition::read_firmware(image.octets(), partition::kMinRam);
  ASSERT_TRUE(firmware.ok()) << firmware.status().message();
  EXPECT_EQ(image.header().e_type, ET_EXEC);
}

TEST_P(FirmwareImage, LiesBehindTheModelsTables) {
  for (const Elf64_Phdr& segment : image.segments()) {
    EXPECT_EQ(segment.p_type, static_cast<uint32_t>(PT_LOAD));
    EXPECT_GE(segment.p_vaddr, partition::kRamBase + partition::kFirmwareOffset);
    EXPECT_LE(segment.p_vaddr + segment.p_memsz, partition::kRamBase + partition::kMinRam);
  }
}

TEST_P(FirmwareImage, HasNoSegmentThatIsWritableAndExecutable) {
  for (const Elf64_Phdr& segment : image.segments())
    EXPECT_NE(segment.p_flags & (PF_W | PF_X), static_cast<uint32_t>(PF_W | PF_X))
        << std::hex << segment.p_vaddr;
}

TEST_P(FirmwareImage, LeavesNothingToResolve) {
  ASSERT_FALSE(image.symbols().empty());
  for (const Image::Symbol& symbol : image.symbols()) EXPECT_TRUE(symbol.defined) << symbol.name;
  for (const Elf64_Shdr& section : image.sections()) {
    EXPECT_NE(section.sh_type, static_cast<uint32_t>(SHT_RELA)) << image.section_name(section);
    EXPECT_NE(section.sh_type, static_cast<uint32_t>(SHT_DYNAMIC)) << image.section_name(section);
  }
}

TEST_P(FirmwareImage, HasNoHeapAndNoExceptions) {
  const std::regex forbidden(
      "malloc|calloc|realloc|free|abort|_Zn[wa].*|_Zd[la].*|__cxa_.*|_Unwind_.*|__gxx_.*|_ZSt.*"
      "throw.*"
      "|__stack_chk_.*|__tls_.*");
  for (const Image::Symbol& symbol : image.symbols())
    EXPECT_FALSE(std::regex_match(symbol.name, forbidden)) << symbol.name;
}

TEST_P(FirmwareImage, HasNothingToRunBeforeItsMain) {
  const std::regex forbidden(
      "\\.(preinit_array|init_array|fini_array|ctors|dtors|init|fini|eh_frame|tdata|tbss|interp)");
  for (const Elf64_Shdr& section : image.sections()) {
    if (section.sh_size == 0) continue;
    EXPECT_FALSE(std::regex_match(image.section_name(section), forbidden))
        << image.section_name(section);
  }
}

INSTANTIATE_TEST_SUITE_P(All, FirmwareImage, testing::ValuesIn(kImages), [](const auto& image) {
  std::string name(image.param);
  name = name.substr(name.rfind('/') + 1);
  return name.substr(0, name.find('.'));
});

}  // namespace
}  // namespace gatehouse
