// SPDX-License-Identifier: GPL-2.0-or-later
// Property tests: random loss, order and duplication of random frames. What arrives is delivered
// octet for octet, what is missing is named, nothing else happens.
#include <algorithm>
#include <random>

#include "hw/core/segment/segment.hh"
#include "tests/unit/core/stateless/rig.hh"

namespace gatehouse::stateless {
namespace {

const Bytes kTimestamps = test::from_hex("0101080a 00000001 00000002");
constexpr int64_t kLate = Limits{}.time_ns;

// The segments that the guest would have sent itself: by segment, which tests/peers holds against
// the kernel's GSO.
std::vector<Bytes> cut_of(const Bytes& frame, uint16_t mss) {
  PacketPool pool({.small_count = 1, .large_count = 1});
  Packet* packet = test::packet_of(pool, frame);
  EXPECT_EQ(parse::parse(*packet), DropReason::none);
  const Layers& layers = packet->layers;
  packet->offload = {.tso = true,
                     .tcp = true,
                     .ipv4 = layers.l3 == L3::kIpv4,
                     .mss = mss,
                     .header_length = layers.payload_offset,
                     .payload_length = packet->length - layers.payload_offset};
  segment::Segmenter segmenter;
  segment::HeaderArena arena(segment::kArenaOctets);
  std::vector<segment::Segment> segments(segment::kRun);
  std::vector<Bytes> frames;
  EXPECT_EQ(segmenter.begin(*packet, kLargestDatagram), DropReason::none);
  while (!segmenter.done()) {
    arena.reset(0);
    const uint32_t count = segmenter.next(arena, segments);
    for (uint32_t i = 0; i < count; ++i) frames.push_back(test::bytes_of(segments[i].frame()));
  }
  pool.give(packet);
  return frames;
}

struct Case {
  Super super;
  uint32_t mss;
  std::vector<Piece> pieces;
};
Case random_case(std::mt19937& random) {
  const bool v6 = random() % 2 != 0;
  const uint32_t mss = kLeastMss + random() % 2000;
  const uint32_t most = Cutter::most_redundant(150, mss);
  const auto payload = mss + 1 + static_cast<uint32_t>(random() % std::max(1u, most - mss));
  const Bytes options = random() % 2 != 0 ? kTimestamps : Bytes{};
  Case one{super_frame(payload, v6, options, uint8_t(0x10 | (random() & 0x89)), uint32_t(random())),
           mss,
           {}};
  one.pieces = redundant(one.super, mss, uint32_t(random()));
  return one;
}

TEST(RedundantFrames, AreWholeInAnyOrderWithAnyDuplicates) {
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) {
    SCOPED_TRACE(i);
    Case one = random_case(random);
    Rig rig;
    std::vector<Piece> sent = one.pieces;
    for (const Piece& piece : one.pieces)
      if (random() % 3 == 0) sent.push_back(piece);
    std::shuffle(sent.begin(), sent.end(), random);
    unsigned taken = 0, duplicates = 0;
    for (const Piece& piece : sent) {
      const DropReason reason = rig.add(piece, true);
      taken += reason == DropReason::none;
      duplicates += reason == DropReason::segment_duplicate;
      ASSERT_TRUE(reason == DropReason::none || reason == DropReason::segment_duplicate);
    }
    EXPECT_EQ(taken, one.pieces.size());
    EXPECT_EQ(duplicates, sent.size() - one.pieces.size());
    ASSERT_EQ(rig.kept.outs.size(), 1u);
    EXPECT_EQ(test::to_hex(rig.kept.outs[0].frame), test::to_hex(one.super.frame));
    EXPECT_EQ(rig.kept.outs[0].mss, one.mss);
    EXPECT_EQ(rig.kept.outs[0].delivery.vni, kVni);
    EXPECT_TRUE(rig.kept.outs[0].delivery.whole);
    EXPECT_EQ(rig.kept.outs[0].delivery.l3, one.super.layers.l2_length);
    EXPECT_EQ(rig.kept.outs[0].delivery.l4, one.super.layers.l4_offset);
    EXPECT_EQ(rig.kept.outs[0].delivery.payload, one.super.layers.payload_offset);
    EXPECT_EQ(rig.reassembler.frames(), 0u);
    EXPECT_TRUE(rig.kept.losses.empty());
  }
}

// A frame that began later between the same two ends is whole: what an older one lacks is lost, and
// what came of it goes first, for a TCP that would ask for all of it else.
TEST(RedundantFrames, ANewerOneThatIsWholeLetsOlderOnesGo) {
  Rig rig;
  const Super super = super_frame(5000);
  const auto add = [&](uint32_t id, size_t hole, uint8_t peer = 1) {
    const std::vector<Piece> pieces = redundant(super, 1000, id);
    ASSERT_EQ(pieces.size(), 5u);
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (i == hole) continue;
      ASSERT_EQ(rig.add(pieces[i], true, 0, peer), DropReason::none);
    }
  };
  constexpr size_t kNowhere = 99;
  add(1, 2);
  add(2, 0);
  add(3, 4, 2);                                                              // of another peer
  ASSERT_EQ(rig.add(redundant(super, 1000, 4)[1], true), DropReason::none);  // says nothing yet
  EXPECT_TRUE(rig.kept.outs.empty());
  add(5, kNowhere);
  ASSERT_EQ(rig.kept.losses.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rig.kept.losses[i].loss.key, key_of(static_cast<uint32_t>(i + 1)));
    EXPECT_EQ(rig.kept.losses[i].loss.cause, Loss::Cause::kOvertaken);
  }
  EXPECT_EQ(rig.kept.losses[0].missing, (std::vector<Range>{{2000, 3000}}));
  EXPECT_EQ(rig.kept.losses[1].missing, (std::vector<Range>{{0, 1000}}));
  ASSERT_EQ(rig.kept.outs.size(), 4u);
  for (size_t i = 0; i < 3; ++i) EXPECT_FALSE(rig.kept.outs[i].delivery.whole) << i;
  EXPECT_TRUE(rig.kept.outs[3].delivery.whole) << "last";
  EXPECT_EQ(rig.reassembler.frames(), 2u) << "the other peer's, and the one that says nothing";
  // What comes of them late is refused.
  EXPECT_EQ(rig.add(redundant(super, 1000, 1)[2], true), DropReason::segment_duplicate);
  // An older one lets no newer one go.
  add(6, 1);
  add(7, 2);
  ASSERT_EQ(rig.add(redundant(super, 1000, 6)[1], true), DropReason::none);
  EXPECT_TRUE(rig.kept.outs.back().delivery.whole);
  EXPECT_EQ(rig.kept.losses.size(), 2u);
}

// Whatever was lost: the delivered parts, cut, are the very frames that the guest would have sent
// itself, those that were not lost, and the gaps are exactly the rest.
TEST(RedundantFrames, LoseWhatWasLostAndNothingElse) {
  std::mt19937 random(2);
  unsigned partial = 0;
  for (int i = 0; i < 120; ++i) {
    SCOPED_TRACE(i);
    const Case one = random_case(random);
    const std::vector<Bytes> frames = cut_of(one.super.frame, uint16_t(one.mss));
    ASSERT_EQ(frames.size(), one.pieces.size());
    const unsigned loss = 1 + random() % 99;
    std::vector<size_t> order;
    std::vector<bool> lost(frames.size());
    for (size_t n = 0; n < frames.size(); ++n) {
      lost[n] = random() % 100 < loss;
      if (!lost[n]) order.push_back(n);
    }
    if (order.size() == frames.size()) continue;
    std::shuffle(order.begin(), order.end(), random);
    Rig rig;
    for (const size_t n : order) ASSERT_EQ(rig.add(one.pieces[n], true), DropReason::none);
    EXPECT_TRUE(rig.kept.outs.empty());
    rig.reassembler.tick(kLate - 1);
    EXPECT_TRUE(rig.kept.outs.empty());
    rig.reassembler.tick(kLate);
    if (order.empty()) continue;
    ASSERT_EQ(rig.kept.losses.size(), 1u);
    const Kept::Lost& report = rig.kept.losses[0];
    EXPECT_EQ(report.loss.cause, Loss::Cause::kExpired);
    EXPECT_EQ(report.loss.parts, rig.kept.outs.size());
    EXPECT_EQ(report.loss.total, one.super.payload());
    EXPECT_EQ(report.loss.header_known, order.size() >= 2);
    if (order.size() < 2) {
      EXPECT_TRUE(rig.kept.outs.empty());
      EXPECT_EQ(report.missing, (std::vector<Range>{{0, one.super.payload()}}));
      continue;
    }
    ++partial;
    EXPECT_EQ(report.loss.vni, kVni);
    EXPECT_EQ(report.loss.sequence, 1000u);
    std::vector<Bytes> delivered, expected;
    for (const Kept::Out& out : rig.kept.outs) {
      EXPECT_FALSE(out.delivery.whole);
      const auto parts = cut_of(out.frame, out.mss);
      delivered.insert(delivered.end(), parts.begin(), parts.end());
    }
    std::vector<bool> named(one.super.payload());
    for (const Range& range : report.missing) {
      ASSERT_LT(range.begin, range.end);
      ASSERT_LE(range.end, named.size());
      for (uint32_t at = range.begin; at < range.end; ++at) named[at] = true;
    }
    for (size_t n = 0; n < frames.size(); ++n) {
      if (!lost[n]) expected.push_back(frames[n]);
      for (size_t at = n * one.mss; at < std::min<size_t>((n + 1) * one.mss, named.size()); ++at) {
        ASSERT_EQ(named[at], lost[n]) << at;
      }
    }
    ASSERT_EQ(delivered.size(), expected.size());
    for (size_t n = 0; n < expected.size(); ++n) {
      ASSERT_EQ(test::to_hex(delivered[n]), test::to_hex(expected[n]));
    }
  }
  EXPECT_GT(partial, 70u);
}

// Any two: all pairs of a frame of 64 KiB.
TEST(RedundantFrames, AnyTwoSegmentsGiveTheHeader) {
  const Super super = super_frame(Cutter::most_redundant(71, 1448), false, kTimestamps);
  const auto pieces = redundant(super, 1448);
  ASSERT_EQ(pieces.size(), 44u);
  Rig rig;
  for (size_t one = 0; one < pieces.size(); ++one) {
    for (size_t other = one + 1; other < pieces.size(); ++other) {
      rig.kept.outs.clear(), rig.kept.losses.clear();
      ASSERT_EQ(rig.add(pieces[other], true), DropReason::none);
      ASSERT_EQ(rig.add(pieces[one], true), DropReason::none);
      rig.reassembler.tick(kLate);
      ASSERT_EQ(rig.kept.outs.size(), other == one + 1 ? 1u : 2u);
      ASSERT_EQ(rig.kept.losses.size(), 1u);
      EXPECT_TRUE(rig.kept.losses[0].loss.header_known);
      const Bytes& frame = rig.kept.outs[0].frame;
      // All that is the same in every segment is the guest's.
      EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + 16, super.frame.begin()));
      EXPECT_TRUE(std::equal(frame.begin() + 26, frame.begin() + 38, super.frame.begin() + 26));
      EXPECT_TRUE(std::equal(frame.begin() + 54, frame.begin() + 66, super.frame.begin() + 54));
      const auto sequence = TcpHeader<const uint8_t>(frame.data() + 34).sequence();
      EXPECT_EQ(sequence, 1000 + one * 1448);
    }
  }
}

TEST(Streams, AreWholeInAnyOrderHoweverTheyAreCut) {
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const auto octets = 2 + static_cast<uint32_t>(random() % 20'000);
    const Bytes whole = test::pattern(octets, uint32_t(random()));
    // Any cuts, not only those of one sender.
    std::vector<Piece> pieces;
    for (uint32_t at = 0; at < octets;) {
      const uint32_t step = std::min(octets - at, 200 + static_cast<uint32_t>(random() % 2000));
      const auto from = whole.begin() + at;
      pieces.push_back({{uint16_t(octets), uint16_t(at), 9}, Bytes(from, from + step)});
      at += step;
    }
    if (pieces.size() == 1) continue;
    std::shuffle(pieces.begin(), pieces.end(), random);
    Rig rig;
    for (const Piece& piece : pieces) {
      EXPECT_TRUE(rig.kept.outs.empty());
      ASSERT_EQ(rig.add(piece, false), DropReason::none);
      if (rig.kept.outs.empty()) {
        EXPECT_EQ(rig.add(piece, false), DropReason::segment_duplicate);
      }
    }
    ASSERT_EQ(rig.kept.outs.size(), 1u);
    EXPECT_EQ(rig.kept.outs[0].frame, whole);
    EXPECT_FALSE(rig.kept.outs[0].delivery.redundant);
  }
}

TEST(Streams, ThatAreNotWholeAreGivenUpAndTheGapsNamed) {
  const auto pieces = stream(test::pattern(72), test::pattern(9928), 1000);
  Rig rig;
  for (const size_t n : {1u, 2u, 4u, 8u}) EXPECT_EQ(rig.add(pieces[n], false), DropReason::none);
  EXPECT_EQ(rig.reassembler.next_deadline(), kLate);
  rig.reassembler.tick(kLate);
  EXPECT_TRUE(rig.kept.outs.empty());
  ASSERT_EQ(rig.kept.losses.size(), 1u);
  EXPECT_EQ(rig.kept.losses[0].missing,
            (std::vector<Range>{{0, 1000}, {3000, 4000}, {5000, 8000}, {9000, 10'000}}));
  EXPECT_EQ(rig.reassembler.next_deadline(), INT64_MAX);
}

TEST(Streams, CongestionThatOneSegmentSawIsTheFrames) {
  const auto pieces = stream(test::pattern(72), test::pattern(2928), 1000);
  for (const uint8_t second : {uint8_t{2}, uint8_t{3}}) {
    Rig rig;
    EXPECT_EQ(rig.add(pieces[0], false, 0, 1, 2), DropReason::none);
    EXPECT_EQ(rig.add(pieces[1], false, 0, 1, second), DropReason::none);
    EXPECT_EQ(rig.add(pieces[2], false, 0, 1, 2), DropReason::none);
    ASSERT_EQ(rig.kept.outs.size(), 1u);
    EXPECT_EQ(rig.kept.outs[0].delivery.ecn, second);
  }
}

}  // namespace
}  // namespace gatehouse::stateless
