// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/archive.hh"
#include "tests/unit/core/coalesce/coalescing.hh"

namespace gatehouse::coalesce {
namespace {

using test::Frame;

Bytes segment(uint16_t port, uint32_t index) {
  return Frame()
      .ethernet()
      .ipv4({.id = static_cast<uint16_t>(index)})
      .tcp({.source = port, .sequence = index * 500})
      .payload(test::pattern(500, index))
      .build();
}

const Limits kHeld{.hold_ns = 100};
constexpr PacketPool::Limits kSmallPool{.small_count = 64, .large_count = 4};
const Bytes kOpaque = test::pattern(16);

void fill(Rig& rig, uint32_t from, uint32_t to) {
  for (uint32_t i = from; i < to; ++i) {
    for (uint16_t port = 1; port <= 3; ++port) {
      rig.add(segment(port, i), {.owner = port, .flow = 7, .outer = 8}, kOpaque, 1000 + port);
    }
  }
}

TEST(CoalesceSaved, WhatIsHeldGoesOnAsIfNothingHadBeen) {
  Rig rig(kHeld), other(kHeld);
  fill(rig, 0, 4);
  Archive save;
  rig.coalescer.archive(save);
  EXPECT_EQ(rig.coalescer.held_frames(), 12u);  // saving lets nothing go
  EXPECT_EQ(rig.kept.outs.size(), 0u);

  fill(other, 0, 1);  // is forgotten
  Archive load(save.bytes());
  other.coalescer.archive(load);
  ASSERT_TRUE(load.ok()) << load.error();
  EXPECT_TRUE(load.at_end());
  EXPECT_EQ(other.coalescer.held_frames(), 12u);
  EXPECT_EQ(other.coalescer.next_deadline(), rig.coalescer.next_deadline());
  for (Rig* each : {&rig, &other}) {
    fill(*each, 4, 6);
    each->coalescer.tick(5000);
    EXPECT_EQ(each->kept.outs.size(), 3u);
  }
  EXPECT_EQ(rig.pieces(), other.pieces());
  ASSERT_EQ(other.kept.outs.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rig.kept.outs[i].frame, other.kept.outs[i].frame);
    EXPECT_EQ(rig.kept.outs[i].origin, other.kept.outs[i].origin);
  }
}

TEST(CoalesceSaved, FewerPlacesWhereItIsLoadedLoseNothing) {
  Rig rig(kHeld), other({.flows = 1, .frames = 2});
  fill(rig, 0, 4);
  Archive save;
  rig.coalescer.archive(save);
  Archive load(save.bytes());
  other.coalescer.archive(load);
  ASSERT_TRUE(load.ok()) << load.error();
  other.coalescer.end_batch();
  EXPECT_EQ(other.pieces().size(), 12u);
}

// Any octet changed, any length: loaded or refused, nothing else, and no buffer is lost.
TEST(CoalesceSaved, HostileStateIsRefused) {
  Rig rig(kHeld);
  fill(rig, 0, 2);
  Archive save;
  rig.coalescer.archive(save);
  const Bytes good = save.bytes();
  unsigned refused = 0;
  for (size_t at = 0; at < good.size(); at += at < 150 ? 1 : 37) {
    for (const uint8_t value : {0x00, 0x7f, 0xff}) {
      Bytes bad = good;
      bad[at] = value;
      Rig other(kHeld, kSmallPool);
      Archive load(bad);
      other.coalescer.archive(load);
      refused += !load.ok();
      other.coalescer.tick(1);
    }
    Rig other(kHeld, kSmallPool);
    Archive load(std::span<const uint8_t>(good).first(at));
    other.coalescer.archive(load);
    EXPECT_FALSE(load.ok());
  }
  EXPECT_GT(refused, 20u);
}

// Nor is anything of it held, to be delivered later.
TEST(CoalesceSaved, OfARefusedStateNothingIsHeld) {
  Rig rig(kHeld);
  fill(rig, 0, 2);
  Archive save;
  rig.coalescer.archive(save);
  Rig other(kHeld);
  Archive load(std::span<const uint8_t>(save.bytes()).first(save.bytes().size() - 1));
  other.coalescer.archive(load);
  ASSERT_FALSE(load.ok());
  EXPECT_EQ(other.coalescer.held_frames(), 0u);
  EXPECT_EQ(other.coalescer.next_deadline(), INT64_MAX);
  EXPECT_EQ(other.pool.in_use(), 0u);
  EXPECT_TRUE(other.kept.outs.empty());
}

TEST(CoalesceSaved, OwnersThatDoNotExistAreRefused) {
  Rig rig(kHeld), other(kHeld);
  rig.add(segment(1, 0), {.owner = Kept::kOwners});
  Archive save;
  rig.coalescer.archive(save);
  Archive load(save.bytes());
  other.coalescer.archive(load);
  EXPECT_FALSE(load.ok());
}

TEST(CoalesceSaved, StateThatDoesNotFitThePoolIsRefused) {
  Rig rig(kHeld), other(kHeld, {.small_count = 1, .large_count = 1});
  fill(rig, 0, 4);
  Archive save;
  rig.coalescer.archive(save);
  Archive load(save.bytes());
  other.coalescer.archive(load);
  other.coalescer.flush();
  EXPECT_EQ(other.pool.in_use(), 0u);
}

}  // namespace
}  // namespace gatehouse::coalesce
