// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/archive.hh"

#include <gtest/gtest.h>

#include <random>

namespace gatehouse {
namespace {

enum class Colour : uint8_t { kRed, kGreen };

struct Sample {
  uint32_t number = 0;
  int64_t negative = 0;
  bool flag = false;
  Colour colour = Colour::kRed;
  std::array<uint16_t, 3> list{};
  std::vector<uint8_t> octets;

  bool operator==(const Sample&) const = default;
  void archive(Archive& archive) {
    archive.section("sample", 2);
    archive(number);
    archive(negative);
    archive(flag);
    archive(colour);
    archive(list);
    archive(octets, 16);
  }
};

const Sample kSample{0x12345678, -5, true, Colour::kGreen, {1, 2, 65535}, {9, 8, 7}};

std::vector<uint8_t> saved() {
  Archive archive;
  Sample sample = kSample;
  sample.archive(archive);
  return archive.bytes();
}

TEST(Archive, LoadsWhatItSaved) {
  const std::vector<uint8_t> bytes = saved();
  Archive archive(bytes);
  Sample sample;
  sample.archive(archive);
  EXPECT_TRUE(archive.ok()) << archive.error();
  EXPECT_TRUE(archive.at_end());
  EXPECT_EQ(sample, kSample);
}

TEST(Archive, IntegersAreLittleEndian) {
  Archive archive;
  uint32_t number = 0x01020304;
  archive(number);
  EXPECT_EQ(archive.bytes(), (std::vector<uint8_t>{4, 3, 2, 1}));
}

TEST(Archive, EveryCutIsNoticed) {
  const std::vector<uint8_t> bytes = saved();
  for (size_t length = 0; length < bytes.size(); ++length) {
    Archive archive(std::span<const uint8_t>(bytes).first(length));
    Sample sample;
    sample.archive(archive);
    EXPECT_FALSE(archive.ok()) << length;
  }
}

TEST(Archive, RefusesAnotherSectionAndANewerVersion) {
  const std::vector<uint8_t> bytes = saved();
  Archive other(bytes);
  other.section("another", 2);
  EXPECT_FALSE(other.ok());
  EXPECT_NE(other.error().find("'another'"), std::string::npos);
  Archive older(bytes);
  older.section("sample", 1);
  EXPECT_FALSE(older.ok());
  Archive newer(bytes);
  EXPECT_EQ(newer.section("sample", 3), 2u);
  EXPECT_TRUE(newer.ok());
}

TEST(Archive, RefusesAByteStringBeyondItsLimit) {
  Archive save;
  std::vector<uint8_t> octets(17, 1);
  save(octets, 100);
  Archive load(save.bytes());
  std::vector<uint8_t> loaded;
  load(loaded, 16);
  EXPECT_FALSE(load.ok());
  EXPECT_TRUE(loaded.empty());
}

TEST(Archive, HostileBytesNeverReadBeyondTheEnd) {
  std::mt19937 random(3);
  std::vector<uint8_t> bytes = saved();
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> mutated = bytes;
    for (int i = 0; i < 3; ++i) mutated[random() % mutated.size()] = static_cast<uint8_t>(random());
    mutated.resize(random() % (mutated.size() + 1));
    Archive archive(mutated);
    Sample sample;
    sample.archive(archive);
    if (archive.ok()) {
      EXPECT_LE(sample.octets.size(), 16u);
    }
  }
}

}  // namespace
}  // namespace gatehouse
