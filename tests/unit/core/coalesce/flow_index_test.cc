// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/coalesce/flow_index.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace gatehouse::coalesce {
namespace {

// With one hash the user says which flow is meant: here by its deadline.
uint32_t find(const FlowIndex& index, uint32_t hash, int64_t deadline) {
  return index.find(hash, [&](const Flow& flow) { return flow.deadline == deadline; });
}

TEST(FlowIndex, FlowsOfOneHashAreToldApart) {
  FlowIndex index(16);
  for (int64_t deadline = 1; deadline <= 3; ++deadline) {
    ASSERT_EQ(index.in_the_way(5), kNone);
    index[index.insert(5, 0)].deadline = deadline;
  }
  const uint32_t second = find(index, 5, 2);
  ASSERT_NE(second, kNone);
  EXPECT_EQ(find(index, 5, 4), kNone);
  EXPECT_EQ(find(index, 6, 2), kNone);
  index.remove(second);
  EXPECT_EQ(find(index, 5, 2), kNone);
  EXPECT_NE(find(index, 5, 1), kNone);
  EXPECT_NE(find(index, 5, 3), kNone);
}

TEST(FlowIndex, TheOldestOfAFullBucketIsInTheWay) {
  FlowIndex index(64);
  index.insert(1, 0);  // older, but elsewhere
  const uint32_t oldest = index.insert(0, 0);
  for (int i = 1; i < 8; ++i) {
    EXPECT_EQ(index.in_the_way(0), kNone);
    index.insert(0, 0);
  }
  EXPECT_EQ(index.in_the_way(0), oldest);
  EXPECT_EQ(index.in_the_way(2), kNone);
  index.remove(oldest);
  EXPECT_EQ(index.in_the_way(0), kNone);
}

// Another one's going would leave the bucket as full as it was.
TEST(FlowIndex, AFullBucketGivesUpItsOwnThoughTheOldestOfAllIsElsewhere) {
  FlowIndex index(9);
  const uint32_t elsewhere = index.insert(0, 0);
  const uint32_t oldest = index.insert(1, 0);
  for (int i = 1; i < 8; ++i) index.insert(1, 0);
  EXPECT_EQ(index.in_the_way(2), elsewhere);
  ASSERT_EQ(index.in_the_way(1), oldest);
  index.remove(oldest);
  ASSERT_EQ(index.in_the_way(1), kNone);
  index.insert(1, 0);
  EXPECT_EQ(index.size(), 9u);
  EXPECT_EQ(index.oldest(), elsewhere);
}

// Against a plain list: age, pairs of hosts, room.
TEST(FlowIndex, KeepsAgeAndPairsThroughRandomChanges) {
  struct Known {
    uint32_t number, pair, bucket;
  };
  constexpr uint32_t kBuckets = 16, kWays = 8;
  std::mt19937 random(1);
  FlowIndex index(32);
  std::vector<Known> known;  // the oldest first
  for (int step = 0; step < 20'000; ++step) {
    const auto hash = static_cast<uint32_t>(random());
    const uint32_t in_the_way = index.in_the_way(hash);
    const uint32_t bucket = hash % kBuckets;
    const auto shares = [&](const Known& each) { return each.bucket == bucket; };
    const bool full = std::count_if(known.begin(), known.end(), shares) == kWays;
    if (full) {
      EXPECT_EQ(in_the_way, std::find_if(known.begin(), known.end(), shares)->number);
    } else {
      EXPECT_EQ(in_the_way, known.size() == 32 ? known[0].number : kNone);
    }
    if (in_the_way == kNone && random() % 2 == 0) {
      const uint32_t pair = random() % 5;
      known.push_back({index.insert(hash, pair), pair, bucket});
    } else if (!known.empty()) {
      const auto gone = known.begin() + static_cast<long>(random() % known.size());
      index.remove(gone->number);
      known.erase(gone);
    }
    ASSERT_EQ(index.size(), known.size());
    uint32_t number = index.oldest();
    for (const Known& each : known) {
      ASSERT_EQ(number, each.number);
      number = index.newer(number);
    }
    ASSERT_EQ(number, kNone);
    for (uint32_t pair = 0; pair < 5; ++pair) {
      const uint32_t one = index.between(pair);
      const auto is_one = [&](const Known& each) { return each.number == one; };
      const auto is_pair = [&](const Known& each) { return each.pair == pair; };
      const auto found = std::find_if(known.begin(), known.end(), is_one);
      ASSERT_EQ(found != known.end(), std::any_of(known.begin(), known.end(), is_pair));
      if (found != known.end()) {
        ASSERT_EQ(found->pair, pair);
      }
    }
  }
}

}  // namespace
}  // namespace gatehouse::coalesce
