// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/throttle.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hw/core/base/archive.hh"
#include "tests/unit/partition/rig.hh"

namespace gatehouse::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class ThrottleTest : public ::testing::Test {
 protected:
  FakeInterrupts interrupts_;
  Throttle throttle_{interrupts_};
};

TEST_F(ThrottleTest, TheFirstComesAtOnceWheneverItIs) {
  for (const int64_t now : {int64_t{0}, int64_t{5}, int64_t{1} << 62}) {
    throttle_.reset();
    interrupts_.raised.clear();
    throttle_.raise(1, 40, UINT32_MAX, now);
    EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(1, 40))) << now;
    EXPECT_EQ(throttle_.next_deadline(), Throttle::kNever);
  }
}

TEST_F(ThrottleTest, TheNextWaitsUntilItIsFarEnoughFromTheLast) {
  throttle_.raise(0, 40, 100, 1000);
  throttle_.raise(0, 40, 100, 1099);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 40)));
  EXPECT_EQ(throttle_.next_deadline(), 1100);
  throttle_.tick(1099);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 40)));
  throttle_.tick(1100);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 40), Pair(0, 40)));
  EXPECT_EQ(throttle_.next_deadline(), Throttle::kNever);
  throttle_.tick(5000);
  EXPECT_EQ(interrupts_.raised.size(), 2u);
  throttle_.raise(0, 40, 100, 5000);
  EXPECT_EQ(interrupts_.raised.size(), 3u);
}

TEST_F(ThrottleTest, WhatComesWhileOneWaitsGoesWithIt) {
  throttle_.raise(0, 40, 100, 1000);
  interrupts_.raised.clear();
  throttle_.raise(0, 41, 100, 1010);
  throttle_.raise(0, 41, 100, 1020);
  throttle_.raise(0, 254, 100, 1020);
  EXPECT_THAT(interrupts_.raised, IsEmpty());
  throttle_.tick(1100);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 41), Pair(0, 254)));
}

TEST_F(ThrottleTest, OneThatMayComeAtOnceTakesTheOthersWithIt) {
  throttle_.raise(0, 40, 0, 1000);
  throttle_.raise(0, 40, 100, 1010);
  throttle_.raise(0, 32, 0, 1020);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 40), Pair(0, 32), Pair(0, 40)));
  EXPECT_EQ(throttle_.next_deadline(), Throttle::kNever);
}

TEST_F(ThrottleTest, CoresDoNotWaitForOneAnother) {
  throttle_.raise(0, 40, 100, 1000);
  throttle_.raise(1, 40, 100, 1010);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 40), Pair(1, 40)));
  throttle_.raise(1, 40, 100, 1020);
  throttle_.raise(0, 40, 100, 1030);
  EXPECT_EQ(throttle_.next_deadline(), 1100);
  throttle_.tick(1105);
  EXPECT_EQ(throttle_.next_deadline(), 1110);
  EXPECT_EQ(interrupts_.raised.back(), std::pair(0u, 40u));
}

TEST_F(ThrottleTest, AClockThatWentBackDelaysNothing) {
  throttle_.raise(0, 40, 100, 1'000'000);
  throttle_.raise(0, 41, 100, 1'000'050);
  interrupts_.raised.clear();
  throttle_.raise(0, 40, 100, 1000);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 40), Pair(0, 41)));
  throttle_.raise(0, 40, 100, 1010);
  EXPECT_EQ(throttle_.next_deadline(), 1100);
}

TEST_F(ThrottleTest, WhatWaitsIsSaved) {
  throttle_.raise(1, 40, 100, 1000);
  throttle_.raise(1, 41, 100, 1010);
  Archive saved;
  throttle_.archive(saved, 1020);
  FakeInterrupts others;
  Throttle loaded{others};
  Archive from(saved.bytes());
  loaded.archive(from, 1020);
  ASSERT_TRUE(from.ok() && from.at_end());
  EXPECT_EQ(loaded.next_deadline(), 1100);
  loaded.tick(1100);
  EXPECT_THAT(others.raised, ElementsAre(Pair(1, 41)));
  loaded.raise(1, 42, 100, 1150);
  EXPECT_EQ(loaded.next_deadline(), 1200);
}

TEST_F(ThrottleTest, TimesThatCannotBeAreNotWaitedFor) {
  constexpr int64_t kFarAway = int64_t{1} << 62;
  throttle_.raise(0, 40, 0, kFarAway);
  throttle_.raise(0, 41, 1, kFarAway);
  Archive saved;
  throttle_.archive(saved, kFarAway);
  Throttle loaded{interrupts_};
  Archive from(saved.bytes());
  loaded.archive(from, 1000);
  EXPECT_EQ(loaded.next_deadline(), 1000 + int64_t{UINT32_MAX});
  loaded.tick(loaded.next_deadline());
  EXPECT_EQ(interrupts_.raised.back(), std::pair(0u, 41u));
}

}  // namespace
}  // namespace gatehouse::partition
