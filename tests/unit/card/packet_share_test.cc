// SPDX-License-Identifier: GPL-2.0-or-later
// How much of the packet buffer one holder keeps.
#include <gtest/gtest.h>

#include "hw/core/base/packet.hh"

namespace gatehouse {
namespace {

// 16 of each size, 4 in reserve.
constexpr PacketPool::Limits kLimits{.small_count = 16, .large_count = 16};

uint32_t fill(PacketPool& pool, PacketShare& share, uint32_t octets) {
  uint32_t count = 0;
  for (; share.has_room(octets); ++count) share.keep(*pool.take(octets));
  return count;
}

TEST(PacketShare, EachKeepsNoMoreThanItLeaves) {
  PacketPool pool(kLimits);
  PacketShare first(pool), second(pool), third(pool), fourth(pool);
  EXPECT_EQ(fill(pool, first, 60), 6u);
  EXPECT_EQ(fill(pool, second, 60), 3u);
  EXPECT_EQ(fill(pool, third, 60), 2u);
  EXPECT_EQ(fill(pool, fourth, 60), 1u);
  EXPECT_EQ(pool.in_use(), 12u);
  EXPECT_FALSE(pool.scarce(60)) << "a quarter stays free";
}

TEST(PacketShare, SizesAreCountedApart) {
  PacketPool pool(kLimits);
  PacketShare share(pool);
  EXPECT_EQ(fill(pool, share, 60), 6u);
  EXPECT_EQ(fill(pool, share, 9000), 6u);
  EXPECT_FALSE(share.has_room(UINT32_MAX)) << "there is none so large";
}

TEST(PacketShare, WhatIsReleasedMakesRoom) {
  PacketPool pool(kLimits);
  PacketShare first(pool), second(pool);
  Packet* packet = pool.take(60);
  first.keep(*packet);
  fill(pool, first, 60);
  fill(pool, second, 60);
  EXPECT_FALSE(second.has_room(60));
  first.release(*packet);
  EXPECT_TRUE(second.has_room(60));
  pool.give(packet);
  EXPECT_TRUE(second.has_room(60));
}

TEST(PacketShare, WhatMovesIsNobodys) {
  PacketPool pool(kLimits);
  PacketShare share(pool);
  std::vector<Packet*> moving;
  for (int i = 0; i < 6; ++i) moving.push_back(pool.take(60));
  EXPECT_EQ(fill(pool, share, 60), 6u) << "as if they were free";
  for (int i = 0; i < 4; ++i) moving.push_back(pool.take(60));
  PacketShare other(pool);
  EXPECT_FALSE(other.has_room(60)) << "what moves has the rest, and the reserve";
  for (Packet* packet : moving) pool.give(packet);
  EXPECT_TRUE(other.has_room(60));
}

TEST(PacketShare, WhoGoesKeepsNothing) {
  PacketPool pool(kLimits);
  {
    PacketShare gone(pool);
    gone.keep(*pool.take(60));
  }
  PacketShare share(pool);
  EXPECT_EQ(fill(pool, share, 60), 6u);
}

}  // namespace
}  // namespace gatehouse
