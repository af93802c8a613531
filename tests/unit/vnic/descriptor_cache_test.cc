// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/descriptor_cache.hh"

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

constexpr uint64_t kRing = 0x10000;
constexpr uint32_t kLength = 256, kCapacity = 128;
using Cache = DescriptorCache<kCapacity>;

class DescriptorCacheTest : public testing::Test {
 protected:
  // Each descriptor holds its number.
  DescriptorCacheTest() {
    for (uint32_t i = 0; i < kLength; ++i) memory_.ram[kRing + i * kRingUnit] = tag(i);
  }
  static uint8_t tag(uint32_t unit) { return static_cast<uint8_t>(unit); }
  DescriptorRing ring(uint32_t head, uint32_t tail) {
    return {.base = kRing, .length = kLength, .head = head, .tail = tail};
  }
  void expect_units(uint32_t count, uint32_t head) {
    ASSERT_EQ(cache_.units(), count);
    for (uint32_t i = 0; i < count; ++i) EXPECT_EQ(cache_.at(i)[0], tag((head + i) % kLength)) << i;
  }

  Memory memory_;
  Cache cache_;
};

TEST_F(DescriptorCacheTest, ReadsAheadOnce) {
  EXPECT_TRUE(cache_.fetch(ring(10, 200), memory_, 1));
  expect_units(Cache::kFetchUnits, 10);
  EXPECT_TRUE(cache_.fetch(ring(10, 200), memory_, 20));
  EXPECT_EQ(memory_.reads, 1u);
  cache_.pop(20, 30);
  EXPECT_TRUE(cache_.fetch(ring(30, 200), memory_, 44));
  EXPECT_EQ(memory_.reads, 1u) << "what is left of the first read";
  expect_units(44, 30);
  EXPECT_TRUE(cache_.fetch(ring(30, 200), memory_, 45));
  EXPECT_EQ(memory_.reads, 2u);
  expect_units(44 + Cache::kFetchUnits, 30);
}

TEST_F(DescriptorCacheTest, HasNoMoreThanTheHardwareOwns) {
  EXPECT_TRUE(cache_.fetch(ring(3, 3), memory_, 1));
  expect_units(0, 3);
  EXPECT_TRUE(cache_.fetch(ring(3, 8), memory_, 64));
  expect_units(5, 3);
  EXPECT_TRUE(cache_.fetch(ring(3, 3 + 200), memory_, kCapacity));
  expect_units(kCapacity, 3);
}

TEST_F(DescriptorCacheTest, GoesRoundTheRingsEnd) {
  EXPECT_TRUE(cache_.fetch(ring(kLength - 4, 20), memory_, 24));
  EXPECT_EQ(memory_.reads, 2u);
  expect_units(24, kLength - 4);
}

TEST_F(DescriptorCacheTest, AnEmptiedCacheIsFilledFromItsStart) {
  for (uint32_t head = 0; head < kLength; head += 32) {
    const uint32_t tail = (head + 32) % kLength;
    EXPECT_TRUE(cache_.fetch(ring(head, tail), memory_, 32));
    expect_units(32, head);
    cache_.pop(32, tail);
  }
}

TEST_F(DescriptorCacheTest, AnotherRingOrHeadIsReadAnew) {
  EXPECT_TRUE(cache_.fetch(ring(0, 100), memory_, 1));
  EXPECT_TRUE(cache_.fetch(ring(5, 100), memory_, 1));
  expect_units(Cache::kFetchUnits, 5);
  DescriptorRing moved = ring(5, 100);
  moved.base += kRingUnit;
  EXPECT_TRUE(cache_.fetch(moved, memory_, 1));
  EXPECT_EQ(cache_.at(0)[0], tag(6));
  cache_.forget();
  EXPECT_EQ(cache_.units(), 0u);
  EXPECT_TRUE(cache_.fetch(moved, memory_, 1));
  EXPECT_EQ(memory_.reads, 4u);
}

TEST_F(DescriptorCacheTest, ATailThatTakesDescriptorsBackEmptiesIt) {
  EXPECT_TRUE(cache_.fetch(ring(0, 100), memory_, 1));
  cache_.trim(Cache::kFetchUnits);
  EXPECT_EQ(cache_.units(), Cache::kFetchUnits);
  cache_.trim(10);
  EXPECT_EQ(cache_.units(), 0u);
  EXPECT_TRUE(cache_.fetch(ring(0, 100), memory_, 1));
  EXPECT_TRUE(cache_.fetch(ring(0, 10), memory_, 1));
  expect_units(10, 0);
}

TEST_F(DescriptorCacheTest, SaysWhenTheRingCannotBeRead) {
  DescriptorRing nowhere = ring(0, 8);
  nowhere.base = kMmio;
  EXPECT_FALSE(cache_.fetch(nowhere, memory_, 1));
  EXPECT_EQ(cache_.units(), 0u);
  // The second piece alone.
  DescriptorRing across = ring(kLength - 2, 4);
  across.base = Memory::kRam - (kLength * kRingUnit);
  EXPECT_TRUE(cache_.fetch(across, memory_, 1));
  memory_.bus_master = false;
  EXPECT_FALSE(cache_.fetch(across, memory_, 6));
  memory_.bus_master = true;
  EXPECT_TRUE(cache_.fetch(across, memory_, 6));
  EXPECT_EQ(cache_.units(), 6u);
}

}  // namespace
}  // namespace gatehouse::vnic::rig
