// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/boundary.hh"

#include <gtest/gtest.h>

#include <vector>

#include "hw/core/base/archive.hh"

namespace gatehouse::partition {
namespace {

constexpr int64_t kSecond = Boundary::kPeriodNs;

struct Told {
  Attempt attempt;
  uint64_t count;
};

class BoundaryTest : public ::testing::Test {
 protected:
  std::vector<Told> run(int64_t now) {
    std::vector<Told> told;
    boundary_.run(now, [&](const Attempt& attempt, uint64_t count) {
      told.push_back({attempt, count});
    });
    return told;
  }
  static Attempt cpu(uint32_t id, uint64_t address = 0x1000, bool write = false) {
    return {Who::kCpu, id, address, write, 4};
  }

  Boundary boundary_;
};

TEST_F(BoundaryTest, TellsTheFirstAttemptAtOnceAndThenOnceASecond) {
  EXPECT_EQ(boundary_.next_ns(), std::numeric_limits<int64_t>::max());
  EXPECT_TRUE(boundary_.count(cpu(1, 0x1234, true), 100));
  EXPECT_EQ(boundary_.next_ns(), 100);
  std::vector<Told> told = run(100);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].attempt.address, 0x1234u);
  EXPECT_TRUE(told[0].attempt.write);
  EXPECT_EQ(told[0].count, 1u);

  EXPECT_TRUE(boundary_.count(cpu(1, 0x2000), 200));
  EXPECT_FALSE(boundary_.count(cpu(1, 0x3000), 300));
  EXPECT_EQ(boundary_.next_ns(), 100 + kSecond);
  EXPECT_TRUE(run(100 + kSecond - 1).empty());
  told = run(100 + kSecond);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].attempt.address, 0x2000u);
  EXPECT_EQ(told[0].count, 2u);
  EXPECT_EQ(boundary_.next_ns(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(boundary_.counters(Who::kCpu).reads, 2u);
  EXPECT_EQ(boundary_.counters(Who::kCpu).writes, 1u);
}

TEST_F(BoundaryTest, KeepsSourcesApart) {
  boundary_.count(cpu(0), 0);
  boundary_.count(cpu(1), 0);
  boundary_.count({Who::kSmm, 0, 0x1000, false, 4}, 0);
  boundary_.count({Who::kDevice, 0, 0x1000, false, 4}, 0);
  EXPECT_EQ(run(0).size(), 4u);
  EXPECT_EQ(boundary_.counters(Who::kCpu).reads, 2u);
  EXPECT_EQ(boundary_.counters(Who::kSmm).reads, 1u);
  EXPECT_EQ(boundary_.counters(Who::kDevice).reads, 1u);
  EXPECT_EQ(boundary_.counters(Who::kOther).reads, 0u);
}

TEST_F(BoundaryTest, IsBoundedHoweverManySourcesThereAre) {
  for (uint32_t id = 0; id < 1000; ++id) boundary_.count(cpu(id), 0);
  std::vector<Told> told = run(0);
  EXPECT_EQ(told.size(), Boundary::kSources + 1);
  uint64_t sum = 0;
  for (const Told& one : told) sum += one.count;
  EXPECT_EQ(sum, 1000u);
  // In the same second there is no room for another; later there is.
  boundary_.count(cpu(5000), 10);
  EXPECT_TRUE(run(10).empty());
  boundary_.count(cpu(6000), kSecond);
  told = run(kSecond);
  EXPECT_EQ(told.size(), 2u);
}

TEST_F(BoundaryTest, SavesItsCounters) {
  boundary_.count(cpu(0), 0);
  boundary_.count(cpu(0, 0x1000, true), 0);
  Archive saved;
  boundary_.archive(saved);
  Boundary other;
  other.count(cpu(7), 5);
  Archive loaded{std::span<const uint8_t>(saved.bytes())};
  other.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_TRUE(loaded.at_end());
  EXPECT_EQ(other.counters(Who::kCpu).reads, 1u);
  EXPECT_EQ(other.counters(Who::kCpu).writes, 1u);
  EXPECT_EQ(other.next_ns(), std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace gatehouse::partition
