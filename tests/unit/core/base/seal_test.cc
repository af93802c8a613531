// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/seal.hh"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace gatehouse {
namespace {

__extension__ using Wide = unsigned __int128;

// The polynomial, one coefficient at a time.
uint64_t plain(uint64_t key, const std::vector<uint8_t>& octets) {
  const auto times = [&](uint64_t value) {
    return static_cast<uint64_t>(Wide{value} * key % SealKey::kPrime);
  };
  uint64_t sum = times(octets.size() + 1);
  for (size_t at = 0; at < octets.size(); at += 7) {
    uint64_t word = 0;
    for (size_t i = 0; i < 7 && at + i < octets.size(); ++i)
      word |= uint64_t{octets[at + i]} << (8 * i);
    sum = times((sum + word) % SealKey::kPrime);
  }
  return sum;
}

TEST(Seal, IsThePolynomialAtTheKey) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> keys = {1, 2, SealKey::kPrime - 1, SealKey::kPrime - 2};
  while (keys.size() < 8) keys.push_back(random() % (SealKey::kPrime - 1) + 1);
  for (size_t length = 0; length < 130; ++length) {
    std::vector<uint8_t> octets(length), ones(length, 0xff);
    for (uint8_t& octet : octets) octet = static_cast<uint8_t>(random());
    for (const uint64_t key : keys) {
      EXPECT_EQ(SealKey(key).seal(octets), plain(key, octets)) << length;
      EXPECT_EQ(SealKey(key).seal(ones), plain(key, ones)) << length;
    }
  }
  const std::vector<uint8_t> large(256 * 1024 + 3, 0xff);
  for (const uint64_t key : keys) EXPECT_EQ(SealKey(key).seal(large), plain(key, large));
}

TEST(Seal, TellsAnyChangeOfAnOctetAndOfTheLength) {
  const SealKey key(0x0123'4567'89ab'cdef);
  std::vector<uint8_t> octets(200, 0);
  std::set<uint64_t> seals;
  for (size_t length = 0; length <= octets.size(); ++length)
    EXPECT_TRUE(seals.insert(key.seal(std::span(octets).first(length))).second) << length;
  for (uint8_t& octet : octets) {
    for (unsigned value = 1; value < 256; value *= 2) {
      octet = static_cast<uint8_t>(value);
      EXPECT_TRUE(seals.insert(key.seal(octets)).second);
    }
    octet = 0;
  }
}

TEST(Seal, OfTheSameOctetsDependsOnTheKey) {
  const std::vector<uint8_t> octets(64, 7);
  EXPECT_NE(SealKey(5).seal(octets), SealKey(6).seal(octets));
  EXPECT_FALSE(SealKey::valid(0));
  EXPECT_TRUE(SealKey::valid(SealKey::kPrime - 1));
  EXPECT_FALSE(SealKey::valid(SealKey::kPrime));
}

}  // namespace
}  // namespace gatehouse
