// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/packet.hh"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace gatehouse {
namespace {

const PacketPool::Limits kTwoOfEach{
    .small_count = 2, .small_octets = 2304, .large_count = 2, .large_octets = kHeadroom + 9018};

TEST(PacketPool, GivesTheSmallestClassThatHasRoom) {
  PacketPool pool(kTwoOfEach);
  const Packet* small = pool.take(2304 - kHeadroom);
  const Packet* large = pool.take(2304 - kHeadroom + 1);
  ASSERT_TRUE(small && large);
  EXPECT_EQ(small->capacity, 2304u);
  EXPECT_EQ(large->capacity, kHeadroom + 9018);
  EXPECT_EQ(small->headroom(), kHeadroom);
  EXPECT_EQ(small->tailroom(), 2304u - kHeadroom);
  EXPECT_EQ(pool.take(9019), nullptr);
  EXPECT_EQ(pool.take(UINT32_MAX), nullptr);
  EXPECT_EQ(pool.in_use(), 2u);
}

TEST(PacketPool, SmallFramesUseLargeBuffersWhenTheSmallOnesAreGone) {
  PacketPool pool(kTwoOfEach);
  for (int i = 0; i < 4; ++i) EXPECT_NE(pool.take(60), nullptr);
  EXPECT_EQ(pool.take(60), nullptr);
  EXPECT_EQ(pool.in_use(), 4u);
}

TEST(PacketPool, LargeFramesNeverTakeASmallBuffer) {
  PacketPool pool(kTwoOfEach);
  EXPECT_NE(pool.take(9018), nullptr);
  EXPECT_NE(pool.take(9018), nullptr);
  EXPECT_EQ(pool.take(9018), nullptr);
  EXPECT_NE(pool.take(60), nullptr);
}

TEST(PacketPool, IsScarceBelowAQuarterOfItsSize) {
  PacketPool pool({.small_count = 8, .small_octets = 2304, .large_count = 4});
  for (int i = 0; i < 6; ++i) pool.take(60);
  EXPECT_FALSE(pool.scarce(60)) << "two of eight are free";
  pool.take(60);
  EXPECT_TRUE(pool.scarce(60));
  EXPECT_FALSE(pool.scarce(9000)) << "of another size";
  for (int i = 0; i < 4; ++i) pool.take(9000);
  EXPECT_TRUE(pool.scarce(9000));
  EXPECT_TRUE(pool.scarce(UINT32_MAX));
}

TEST(PacketPool, KeepsLessInReserveForFramesThatBecomeWhole) {
  PacketPool pool({.small_count = 16, .small_octets = 2304, .large_count = 2});
  for (int i = 0; i < 13; ++i) pool.take(60);
  EXPECT_EQ(pool.spare(60, PacketPool::kWaiting), -1) << "one has to come back";
  EXPECT_EQ(pool.spare(60, PacketPool::kAssembled), 1);
  EXPECT_FALSE(pool.scarce(60, PacketPool::kAssembled));
  EXPECT_EQ(pool.spare(9000, PacketPool::kAssembled), 1) << "of few one";
  EXPECT_EQ(pool.spare(UINT32_MAX, PacketPool::kAssembled), -INT32_MAX);
  EXPECT_EQ(pool.class_of(60), pool.take(60)->pool_class);
  EXPECT_EQ(pool.class_of(9000), pool.take(9000)->pool_class);
  EXPECT_EQ(pool.class_of(UINT32_MAX), PacketPool::kClasses);
}

TEST(PacketPool, TheLastGivenIsTheNextTaken) {
  PacketPool pool;
  Packet* first = pool.take(60);
  Packet* second = pool.take(60);
  pool.give(first);
  pool.give(second);
  EXPECT_EQ(pool.take(60), second);
  EXPECT_EQ(pool.take(60), first);
}

TEST(PacketPool, ATakenPacketRemembersNothing) {
  PacketPool pool(kTwoOfEach);
  Packet* packet = pool.take(60);
  uint8_t* const buffer = packet->buffer;
  packet->push(20);
  packet->port = 7;
  packet->reason = spec::DropReason::spoofed_mac;
  packet->l4_checksum_good = packet->l4_checksum_checked = true;
  packet->offload = {true, true, true, true, true, true, 1448, 54, 60000, 14, 24, 33, 34, 50, 1};
  packet->layers.l2_length = 18;
  packet->layers.flow_hash = 5;
  packet->layers.fragment = true;
  packet->cookie = 99;
  pool.give(packet);
  ASSERT_EQ(pool.take(60), packet);
  EXPECT_EQ(packet->data, buffer + kHeadroom);
  EXPECT_EQ(packet->buffer, buffer);
  EXPECT_EQ(packet->length, 0u);
  EXPECT_EQ(packet->port, 0);
  EXPECT_EQ(packet->reason, spec::DropReason::none);
  EXPECT_FALSE(packet->l4_checksum_good);
  EXPECT_FALSE(packet->l4_checksum_checked);
  EXPECT_FALSE(packet->offload.tso);
  EXPECT_EQ(packet->offload.mss, 0);
  EXPECT_EQ(packet->offload.payload_length, 0u);
  EXPECT_EQ(packet->offload.tucse, 0);
  EXPECT_EQ(packet->layers.l2_length, 0);
  EXPECT_EQ(packet->layers.flow_hash, 0u);
  EXPECT_FALSE(packet->layers.fragment);
  EXPECT_EQ(packet->cookie, 0u);
}

TEST(PacketPool, BuffersDoNotOverlap) {
  PacketPool pool(kTwoOfEach);
  std::vector<Packet*> all;
  for (int i = 0; i < 4; ++i) {
    Packet* packet = pool.take(60);
    std::memset(packet->buffer, i, packet->capacity);
    all.push_back(packet);
  }
  for (int i = 0; i < 4; ++i) {
    for (uint32_t at = 0; at < all[i]->capacity; ++at) ASSERT_EQ(all[i]->buffer[at], i);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(all[i]->buffer) % 64, 0u);
  }
}

TEST(Packet, PushAndPullMoveTheStart) {
  PacketPool pool;
  Packet* packet = pool.take(100);
  packet->length = 100;
  uint8_t* const start = packet->data;
  EXPECT_EQ(packet->push(14), start - 14);
  EXPECT_EQ(packet->length, 114u);
  EXPECT_EQ(packet->headroom(), kHeadroom - 14);
  packet->pull(34);
  EXPECT_EQ(packet->data, start + 20);
  EXPECT_EQ(packet->length, 80u);
  EXPECT_EQ(packet->bytes().data(), packet->data);
}

TEST(PacketPool, TheDefaultHoldsSuperFrames) {
  PacketPool pool;
  Packet* packet = pool.take(kMaxSuperFrame);
  ASSERT_NE(packet, nullptr);
  EXPECT_GE(packet->tailroom(), kMaxSuperFrame);
  pool.give(packet);
  EXPECT_EQ(pool.in_use(), 0u);
}

}  // namespace
}  // namespace gatehouse
