// SPDX-License-Identifier: GPL-2.0-or-later
// How much is held, and for how long.
#include "tests/unit/core/coalesce/coalescing.hh"

namespace gatehouse::coalesce {
namespace {

using test::Frame;

Bytes segment(uint16_t port, uint32_t index, uint32_t mss = 1000, bool v6 = false) {
  Frame frame;
  frame.ethernet();
  if (v6) {
    frame.ipv6();
  } else {
    frame.ipv4({.id = static_cast<uint16_t>(index), .dont_fragment = true});
  }
  return frame.tcp({.source = port, .sequence = index * mss})
      .payload(test::pattern(mss, index))
      .build();
}

TEST(CoalesceLimits, SuperFramesAreAsLargeAsADatagramMayBe) {
  for (const bool v6 : {false, true}) {
    Rig rig({.chain = {.segments = kMaxSegments}});
    std::vector<Bytes> frames;
    for (uint32_t i = 0; i < 200; ++i) {
      frames.push_back(segment(1, i, 1448, v6));
      rig.add(frames.back());
    }
    rig.coalescer.end_batch();
    EXPECT_EQ(rig.pieces(), frames);
    ASSERT_EQ(rig.kept.outs.size(), 5u);  // 45 times 1448
    EXPECT_EQ(rig.kept.outs[0].pieces.size(), 45u);
    EXPECT_LE(rig.kept.outs[0].frame.size(), 65535u + 14);
    EXPECT_EQ(rig.coalescer.counters()[Cause::full], 4u);
  }
}

TEST(CoalesceLimits, ALargestDatagramIsFilledToTheLastOctet) {
  for (const uint32_t mss : {13'099u, 13'100u}) {  // five times it and headers: 65535, 65540
    Rig rig({}, {.small_count = 4, .large_count = 16});
    for (uint32_t i = 0; i < 5; ++i) rig.add(segment(1, i, mss));
    rig.coalescer.end_batch();
    EXPECT_EQ(rig.coalescer.counters()[Cause::full], 1u);
    EXPECT_EQ(rig.pieces().size(), 5u);
    EXPECT_EQ(rig.kept.outs[0].frame.size(), mss == 13'099 ? 14u + 65535 : 14u + 40 + 4 * mss);
  }
}

TEST(CoalesceLimits, SegmentsAndTheReceiversRoomAreCounted) {
  struct {
    Limits limits;
    uint32_t largest;
    size_t first;
  } const rows[] = {{{.chain = {.segments = 3}}, 0, 3},
                    {{.chain = {.segments = 0}}, 0, 1},
                    {{.chain = {.datagram = 4040}}, 0, 4},
                    {{.chain = {.datagram = 4039}}, 0, 3},
                    {{}, 5054, 5},
                    {{}, 5053, 4},
                    {{}, 1, 1}};
  for (const auto& row : rows) {
    Rig rig(row.limits);
    for (uint32_t i = 0; i < 8; ++i) rig.add(segment(1, i), {.largest = row.largest});
    rig.coalescer.end_batch();
    EXPECT_EQ(rig.kept.outs[0].pieces.size(), row.first);
    EXPECT_EQ(rig.pieces().size(), 8u);
  }
}

TEST(CoalesceLimits, TheOldestFlowGoesWhenThereAreTooMany) {
  Rig rig({.flows = 4});
  for (uint16_t port = 1; port <= 4; ++port) rig.add(segment(port, 0));
  rig.add(segment(1, 1));
  EXPECT_EQ(rig.kept.outs.size(), 0u);
  rig.add(segment(5, 0));
  ASSERT_EQ(rig.kept.outs.size(), 1u);
  EXPECT_EQ(rig.pieces(), (std::vector<Bytes>{segment(1, 0), segment(1, 1)}));
  EXPECT_EQ(rig.coalescer.held_flows(), 4u);
  EXPECT_EQ(rig.coalescer.counters()[Cause::evicted], 1u);
}

TEST(CoalesceLimits, TheOldestFlowGoesWhenTooManyFramesAreHeld) {
  Rig rig({.frames = 6});
  for (uint32_t i = 0; i < 3; ++i) {
    rig.add(segment(1, i));
    rig.add(segment(2, i));
  }
  EXPECT_EQ(rig.coalescer.held_frames(), 6u);
  rig.add(segment(2, 3));
  EXPECT_EQ(rig.coalescer.held_frames(), 4u);
  ASSERT_EQ(rig.kept.outs.size(), 1u);
  EXPECT_EQ(rig.kept.outs[0].pieces.size(), 3u);
}

// Ten thousand flows through a table of a hundred: each frame comes out, none is out of order.
TEST(CoalesceLimits, ManyFlowsWithFewPlaces) {
  Rig rig({.flows = 100});
  size_t frames = 0;
  for (uint32_t i = 0; i < 2; ++i) {
    for (uint16_t port = 1; port <= 10'000; ++port, ++frames) {
      rig.add(segment(port, i, 10));
      ASSERT_LE(rig.coalescer.held_flows(), 100u);
    }
  }
  rig.coalescer.end_batch();
  EXPECT_EQ(rig.pieces().size(), frames);
}

TEST(CoalesceLimits, ScarceBuffersAreNotHeld) {
  Rig rig({}, {.small_count = 16, .large_count = 2});
  for (uint32_t i = 0; i < 40; ++i) {
    rig.add(segment(1, i));
    EXPECT_LE(rig.pool.in_use(), 13u);
  }
  EXPECT_GT(rig.coalescer.counters()[Cause::evicted], 0u);
  rig.coalescer.end_batch();
  EXPECT_EQ(rig.pieces().size(), 40u);
}

// Of eight large buffers a quarter stays free for frames that move.
constexpr PacketPool::Limits kFewLarge{.small_count = 64, .large_count = 8};

// With its outer headers a frame may need a large buffer though without them it would not.
TEST(CoalesceLimits, TheBufferThatAFrameHasCounts) {
  Rig rig({}, kFewLarge);
  for (uint16_t port = 1; port <= 8; ++port) {
    Packet* packet = rig.pool.take(1950);
    const Bytes inner = segment(port, 0, 1846);
    ASSERT_EQ(inner.size(), 1900u);
    packet->length = 1950;
    std::memcpy(packet->data + 50, inner.data(), inner.size());
    packet->pull(50);
    ASSERT_EQ(parse::parse(*packet), spec::DropReason::none);
    rig.coalescer.add(*packet, {}, 0);
    EXPECT_GE(rig.pool.spare(kMaxSuperFrame, PacketPool::kWaiting), 0);
  }
  EXPECT_EQ(rig.coalescer.held_frames(), 6u);
  EXPECT_EQ(rig.coalescer.counters()[Cause::evicted], 2u);
}

TEST(CoalesceLimits, WhereLargeBuffersAreShortAFlowGoesThatHasOne) {
  Rig rig({}, kFewLarge);
  for (uint16_t port = 1; port <= 8; ++port) rig.add(segment(port, 0));
  for (uint16_t port = 11; port <= 18; ++port) {
    rig.add(segment(port, 0, 3000));
    EXPECT_GE(rig.pool.spare(kMaxSuperFrame, PacketPool::kWaiting), 0);
  }
  EXPECT_EQ(rig.coalescer.held_frames(), 14u);
  EXPECT_EQ(rig.pieces(), (std::vector<Bytes>{segment(11, 0, 3000), segment(12, 0, 3000)}));
}

// Others have the rest: what is held stays, and the frame goes on, behind those of its flow.
TEST(CoalesceLimits, WhereNoFlowHasABufferOfTheSizeTheFrameIsNotHeld) {
  Rig rig({}, kFewLarge);
  std::vector<Packet*> taken;
  for (int i = 0; i < 6; ++i) taken.push_back(rig.pool.take(kMaxSuperFrame));
  rig.add(segment(1, 0, 1000));
  rig.add(segment(2, 0, 1000));
  const Bytes next = Frame()
                         .ethernet()
                         .ipv4({.id = 1, .dont_fragment = true})
                         .tcp({.source = 2, .sequence = 1000})
                         .payload(3000)
                         .build();
  rig.add(next);
  EXPECT_EQ(rig.pieces(), (std::vector<Bytes>{segment(2, 0, 1000), next}));
  EXPECT_EQ(rig.coalescer.held_frames(), 1u);
  for (Packet* packet : taken) rig.pool.give(packet);
}

// No room for the super-frame: the frames go on one by one.
TEST(CoalesceLimits, WithoutALargeBufferFramesPassAsTheyCame) {
  Rig rig({}, {.small_count = 64, .large_count = 1});
  Packet* taken = rig.pool.take(kMaxSuperFrame);
  std::vector<Bytes> frames;
  for (uint32_t i = 0; i < 8; ++i) {
    frames.push_back(segment(1, i));
    rig.add(frames.back());
  }
  rig.coalescer.end_batch();
  EXPECT_EQ(rig.kept.outs.size(), 8u);
  EXPECT_EQ(rig.pieces(), frames);
  EXPECT_EQ(rig.coalescer.counters().no_buffer, 8u);
  EXPECT_EQ(rig.coalescer.counters().unmerged, 8u);
  EXPECT_EQ(rig.coalescer.counters().super_frames, 0u);
  rig.pool.give(taken);
}

TEST(CoalesceLimits, FramesAreHeldForSoLongAndNoLonger) {
  Rig rig({.hold_ns = 50});
  EXPECT_EQ(rig.coalescer.next_deadline(), INT64_MAX);
  rig.add(segment(1, 0), {}, {}, 100);
  rig.add(segment(2, 0), {}, {}, 120);
  rig.add(segment(1, 1), {}, {}, 140);  // does not make the first one wait for longer
  rig.coalescer.end_batch();
  EXPECT_EQ(rig.coalescer.next_deadline(), 150);
  rig.coalescer.tick(149);
  EXPECT_EQ(rig.kept.outs.size(), 0u);
  rig.coalescer.tick(150);
  ASSERT_EQ(rig.kept.outs.size(), 1u);
  EXPECT_EQ(rig.kept.outs[0].pieces.size(), 2u);
  EXPECT_EQ(rig.coalescer.next_deadline(), 170);
  rig.coalescer.tick(1000);
  EXPECT_EQ(rig.kept.outs.size(), 2u);
  EXPECT_EQ(rig.coalescer.counters()[Cause::expired], 2u);
}

TEST(CoalesceLimits, AClockThatWentBackHoldsNobody) {
  Rig rig({.hold_ns = 50});
  rig.add(segment(1, 0), {}, {}, 1'000'000);
  rig.coalescer.tick(10);
  EXPECT_EQ(rig.kept.outs.size(), 1u);
}

TEST(CoalesceLimits, ForgettingGivesAllBack) {
  Rig rig;
  for (uint32_t i = 0; i < 8; ++i) rig.add(segment(1, i));
  rig.coalescer.forget();
  EXPECT_EQ(rig.pool.in_use(), 0u);
  EXPECT_EQ(rig.kept.outs.size(), 0u);
  EXPECT_EQ(rig.coalescer.held_flows(), 0u);
}

}  // namespace
}  // namespace gatehouse::coalesce
