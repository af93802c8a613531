// SPDX-License-Identifier: GPL-2.0-or-later
// Segments that lie, and bounds.
#include <algorithm>
#include <random>

#include "hw/core/base/archive.hh"
#include "tests/unit/core/stateless/rig.hh"

namespace gatehouse::stateless {
namespace {

TEST(Hostile, ASegmentThatFitsNoFrameIsRefused) {
  const auto streamed = stream(test::pattern(72), test::pattern(4000), 1000);
  const auto coded = redundant(super_frame(5001), 1000);
  const auto with = [](Piece piece, auto&& change) {
    change(piece);
    return piece;
  };
  const struct {
    const char* why;
    Piece piece;
    bool redundant;
  } rows[] = {
      {"empty", with(streamed[0], [](Piece& p) { p.octets.clear(); }), false},
      {"behind the end", with(streamed[4], [](Piece& p) { ++p.place.offset; }), false},
      {"total too small", with(streamed[1], [](Piece& p) { p.place.total = 1999; }), false},
      {"total zero", with(streamed[0], [](Piece& p) { p.place.total = 0; }), false},
      {"cut in its header", with(coded[0], [](Piece& p) { p.octets.resize(3); }), true},
      {"cut in its piece", with(coded[0], [](Piece& p) { p.octets.resize(33); }), true},
      {"no payload", with(coded[0], [](Piece& p) { p.octets.resize(34); }), true},
      {"no mark", with(coded[0], [](Piece& p) { p.octets[0] = 0x10; }), true},
      {"number behind the last", with(coded[0], [](Piece& p) { p.octets[1] = 6; }), true},
      {"another number", with(coded[1], [](Piece& p) { p.octets[1] = 2; }), true},
      {"one segment", with(coded[0], [](Piece& p) { p.octets[2] = 1; }), true},
      {"no segment", with(coded[0], [](Piece& p) { p.octets[2] = 0; }), true},
      {"too many segments", with(coded[0], [](Piece& p) { p.octets[2] = 7; }), true},
      {"too few segments", with(coded[0], [](Piece& p) { p.octets[2] = 5; }), true},
      {"no headers in it", with(coded[0], [](Piece& p) { p.octets[3] = 58; }), true},
      {"shorter than the others", with(coded[1], [](Piece& p) { p.octets.resize(900); }), true},
      {"offset between", with(coded[1], [](Piece& p) { ++p.place.offset; }), true},
      {"last too early", with(coded[5], [](Piece& p) { p.place.offset -= 5; }), true},
      {"total of nothing", with(coded[0], [](Piece& p) { p.place.total = 6 * 34; }), true},
  };
  for (const auto& row : rows) {
    Rig rig;
    EXPECT_EQ(rig.add(row.piece, row.redundant), DropReason::segment_malformed) << row.why;
    EXPECT_EQ(rig.reassembler.frames(), 0u);
  }
}

TEST(Hostile, ASegmentThatContradictsTheOthersIsRefusedAndTheFrameGoesOn) {
  const Super super = super_frame(5001);
  const auto pieces = redundant(super, 1000), other = redundant(super, 999);
  Rig rig;
  ASSERT_EQ(rig.add(pieces[0], true), DropReason::none);
  EXPECT_EQ(rig.add(other[1], true), DropReason::segment_mismatch);
  EXPECT_EQ(rig.add(pieces[1], false), DropReason::segment_mismatch);
  ASSERT_EQ(rig.add(pieces[1], true), DropReason::none);
  Piece forged = pieces[2];
  forged.octets[20] ^= 1;
  EXPECT_EQ(rig.add(forged, true), DropReason::segment_mismatch);
  for (size_t i = 2; i < 6; ++i) ASSERT_EQ(rig.add(pieces[i], true), DropReason::none);
  ASSERT_EQ(rig.kept.outs.size(), 1u);
  EXPECT_EQ(rig.kept.outs[0].frame, super.frame);
}

TEST(Hostile, PiecesThatGiveNoHeaderEndTheFrame) {
  const Super super = super_frame(5001);
  const Layers& layers = super.layers;
  const struct {
    size_t at;
    uint8_t value;
  } rows[] = {{14, 0x46},  // IHL
              {14, 0x55},  // version
              {23, 17},    // protocol
              {46, 0x60},  // TCP data offset
              {46, 0x40}};
  for (const auto& row : rows) {
    Super bad = super;
    bad.frame[row.at] = row.value;
    bad.layers = layers;
    const auto pieces = redundant(bad, 1000);
    Rig rig;
    ASSERT_EQ(rig.add(pieces[0], true), DropReason::none);
    EXPECT_EQ(rig.add(pieces[1], true), DropReason::segment_malformed) << row.at;
    ASSERT_EQ(rig.kept.losses.size(), 1u);
    EXPECT_EQ(rig.kept.losses[0].loss.cause, Loss::Cause::kUnsound);
    EXPECT_EQ(rig.reassembler.frames(), 0u);
    EXPECT_TRUE(rig.kept.outs.empty());
  }
  // Offsets of the headers that point out of them.
  for (const auto& [l3, l4] : {std::pair{0, 34}, {14, 255}, {34, 14}, {14, 35}, {14, 20}}) {
    Super bad = super;
    bad.layers.l2_length = uint16_t(l3);
    bad.layers.l4_offset = uint16_t(l4);
    const auto pieces = redundant(bad, 1000);
    Rig rig;
    ASSERT_EQ(rig.add(pieces[0], true), DropReason::none);
    EXPECT_EQ(rig.add(pieces[1], true), DropReason::segment_malformed) << l3 << " " << l4;
  }
}

TEST(Hostile, AnOverlapEndsTheFrame) {
  const auto pieces = stream(test::pattern(72), test::pattern(4000), 1000);
  for (const int shift : {-1, 1}) {
    Rig rig;
    ASSERT_EQ(rig.add(pieces[1], false), DropReason::none);
    Piece overlapping = pieces[1];
    overlapping.place.offset = uint16_t(overlapping.place.offset + shift);
    EXPECT_EQ(rig.add(overlapping, false), DropReason::segment_overlap);
    ASSERT_EQ(rig.kept.losses.size(), 1u);
    EXPECT_EQ(rig.kept.losses[0].loss.cause, Loss::Cause::kOverlap);
    EXPECT_EQ(rig.reassembler.frames(), 0u);
  }
}

TEST(Hostile, OnlySoManyGapsAreKept) {
  Rig rig;
  for (uint32_t i = 0; i < Ranges::kMost; ++i) {
    ASSERT_EQ(rig.add({{5000, uint16_t(i * 2), 1}, {1}}, false), DropReason::none);
  }
  EXPECT_EQ(rig.add({{5000, uint16_t(Ranges::kMost * 2), 1}, {1}}, false),
            DropReason::segment_mismatch);
  // What closes a gap is taken.
  EXPECT_EQ(rig.add({{5000, 1, 1}, {1}}, false), DropReason::none);
}

TEST(Bounds, APeerThatHasItsPlacesGivesUpItsOldest) {
  Rig rig({.frames = 8, .frames_of_peer = 3});
  const auto first_of = [](uint32_t id) {
    return stream(test::pattern(72), test::pattern(4000), 1000, id)[0];
  };
  ASSERT_EQ(rig.add(first_of(100), false, 0, 2), DropReason::none);
  for (uint32_t id = 1; id <= 20; ++id) ASSERT_EQ(rig.add(first_of(id), false), DropReason::none);
  EXPECT_EQ(rig.reassembler.frames(), 4u);
  ASSERT_EQ(rig.kept.losses.size(), 17u);
  for (uint32_t id = 1; id <= 17; ++id) {
    EXPECT_EQ(rig.kept.losses[id - 1].loss.key, key_of(id));
    EXPECT_EQ(rig.kept.losses[id - 1].loss.cause, Loss::Cause::kEvicted);
  }
}

TEST(Bounds, TheOldestOfAllGoesWhenTheTableIsFull) {
  Rig rig({.frames = 4, .frames_of_peer = 3});
  for (uint8_t peer = 1; peer <= 6; ++peer) {
    const auto pieces = stream(test::pattern(72), test::pattern(4000), 1000, peer);
    ASSERT_EQ(rig.add(pieces[0], false, 0, peer), DropReason::none);
  }
  EXPECT_EQ(rig.reassembler.frames(), 4u);
  ASSERT_EQ(rig.kept.losses.size(), 2u);
  EXPECT_EQ(rig.kept.losses[0].loss.key, key_of(1, 1));
  EXPECT_EQ(rig.kept.losses[1].loss.key, key_of(2, 2));
}

TEST(Bounds, OctetsAndPacketBuffersAreCounted) {
  Rig rig({.octets = 100'000});
  for (uint32_t id = 1; id <= 5; ++id) {
    ASSERT_EQ(rig.add({{30'000, 0, id}, Bytes(1000)}, false), DropReason::none);
    EXPECT_LE(rig.reassembler.octets(), 100'000u);
  }
  EXPECT_EQ(rig.reassembler.frames(), 3u);

  Rig small({}, {.small_count = 8, .large_count = 4});
  for (uint32_t id = 1; id <= 9; ++id) {
    ASSERT_EQ(small.add({{30'000, 0, id}, Bytes(1000)}, false), DropReason::none);
  }
  EXPECT_EQ(small.reassembler.frames(), 4u);  // taking the last one is not scarce yet
  Rig none({}, {.small_count = 8, .large_count = 0});
  EXPECT_EQ(none.add({{30'000, 0, 1}, Bytes(1000)}, false), DropReason::no_packet_buffer);
}

TEST(Bounds, APartThatFindsNoBufferIsMissing) {
  const auto pieces = redundant(super_frame(50'000), 1000);
  Rig rig({}, {.small_count = 3, .large_count = 1});
  for (const size_t n : {0u, 1u, 2u, 10u}) ASSERT_EQ(rig.add(pieces[n], true), DropReason::none);
  std::vector<Packet*> taken;
  while (Packet* packet = rig.pool.take(100)) taken.push_back(packet);
  rig.reassembler.tick(Limits{}.time_ns);
  EXPECT_TRUE(rig.kept.outs.empty());
  ASSERT_EQ(rig.kept.losses.size(), 1u);
  EXPECT_EQ(rig.kept.losses[0].missing, (std::vector<Range>{{0, 50'000}}));
  for (Packet* packet : taken) rig.pool.give(packet);
}

// Whatever octets: nothing is read outside, no buffer is lost, and nothing is kept beyond bounds.
TEST(Hostile, MutatedSegmentsAreTakenOrRefused) {
  std::mt19937 random(4);
  const auto coded = redundant(super_frame(5001), 1000);
  const auto streamed = stream(test::pattern(72), test::pattern(4000), 1000);
  Rig rig({.frames = 8}, {.small_count = 32, .large_count = 8});
  unsigned refused = 0;
  for (int64_t i = 0; i < 60'000; ++i) {
    const bool is_coded = random() % 2 != 0;
    const auto& from = is_coded ? coded : streamed;
    Piece piece = from[random() % from.size()];
    piece.place.id = uint32_t(i / 256 * 16 + random() % 16);
    for (unsigned n = random() % 3; n != 0; --n)
      piece.octets[random() % std::min<size_t>(40, piece.octets.size())] = uint8_t(random());
    if (random() % 4 == 0) piece.octets.resize(random() % piece.octets.size());
    if (random() % 4 == 0) piece.place.total = uint16_t(random());
    if (random() % 4 == 0) piece.place.offset = uint16_t(random());
    refused += rig.add(piece, is_coded, i) != DropReason::none;
    if (random() % 100 == 0) rig.reassembler.tick(i);
    ASSERT_LE(rig.reassembler.frames(), 8u);
    rig.kept.losses.clear();
  }
  EXPECT_GT(refused, 10'000u);
  EXPECT_GT(rig.kept.outs.size(), 100u);
}

// Three frames in the making: two redundant ones, one of which has a single segment, and a stream.
void fill(Rig& rig) {
  const Super super = super_frame(9001, true);
  const auto coded = redundant(super, 1000, 7), lone = redundant(super, 1000, 8);
  const auto streamed = stream(test::pattern(72), test::pattern(9000), 1000, 9);
  for (const size_t n : {1u, 2u, 9u, 5u}) {
    EXPECT_EQ(rig.add(coded[n], true, 100), DropReason::none);
    EXPECT_EQ(rig.add(streamed[n], false, 200, 1, n == 2 ? 3 : 2), DropReason::none);
  }
  EXPECT_EQ(rig.add(lone[4], true, 300), DropReason::none);
}

TEST(Saved, WhatIsHeldGoesOnAsIfNothingHadBeen) {
  Rig rig, other;
  const Super super = super_frame(9001, true);
  const auto coded = redundant(super, 1000, 7), lone = redundant(super, 1000, 8);
  const auto streamed = stream(test::pattern(72), test::pattern(9000), 1000, 9);
  fill(rig);
  Archive save;
  rig.reassembler.archive(save);
  EXPECT_EQ(rig.reassembler.frames(), 3u);
  EXPECT_EQ(other.add(streamed[0], false), DropReason::none);  // is forgotten
  Archive load(save.bytes());
  other.reassembler.archive(load);
  ASSERT_TRUE(load.ok()) << load.error();
  EXPECT_TRUE(load.at_end());
  EXPECT_EQ(other.reassembler.frames(), 3u);
  EXPECT_EQ(other.reassembler.octets(), rig.reassembler.octets());
  EXPECT_EQ(other.reassembler.next_deadline(), rig.reassembler.next_deadline());
  for (Rig* each : {&rig, &other}) {
    for (const size_t n : {0u, 3u, 4u, 6u, 7u, 8u}) {
      EXPECT_EQ(each->add(streamed[n], false, 400, 1, 2), DropReason::none);
      if (n != 6) {
        EXPECT_EQ(each->add(coded[n], true, 400), DropReason::none);
      }
    }
    EXPECT_EQ(each->add(lone[7], true, 400), DropReason::none);
    each->reassembler.tick(INT64_MAX);
    ASSERT_EQ(each->kept.outs.size(), 5u);  // the stream; two parts; two parts
    EXPECT_EQ(each->kept.outs[0].frame, test::concat({test::pattern(72), test::pattern(9000)}));
    EXPECT_EQ(each->kept.outs[0].delivery.ecn, 3);
    ASSERT_EQ(each->kept.losses.size(), 2u);
    EXPECT_EQ(each->kept.losses[0].missing, (std::vector<Range>{{6000, 7000}}));
  }
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(rig.kept.outs[i].frame, other.kept.outs[i].frame);
    EXPECT_EQ(rig.kept.outs[i].delivery.key, other.kept.outs[i].delivery.key);
  }
}

// Any octet changed, any length: loaded or refused, and nothing goes on meanwhile.
TEST(Saved, HostileStateIsRefused) {
  Rig rig;
  fill(rig);
  Archive save;
  rig.reassembler.archive(save);
  const Bytes good = save.bytes();
  unsigned refused = 0;
  for (size_t at = 0; at < good.size(); at += at < 300 ? 1 : 97) {
    for (const uint8_t value : {0x00, 0x7f, 0xff}) {
      Bytes bad = good;
      bad[at] = value;
      Rig other({}, {.small_count = 16, .large_count = 8});
      Archive load(bad);
      other.reassembler.archive(load);
      refused += !load.ok();
      EXPECT_TRUE(other.kept.outs.empty());
      EXPECT_TRUE(other.kept.losses.empty());
    }
    Rig other({}, {.small_count = 16, .large_count = 8});
    Archive load(std::span<const uint8_t>(good).first(at));
    other.reassembler.archive(load);
    EXPECT_FALSE(load.ok());
    EXPECT_EQ(other.reassembler.frames(), 0u);
  }
  EXPECT_GT(refused, 100u);
}

// Loading must not write to guests.
TEST(Saved, AFrameThatWouldBeWholeIsRefused) {
  Rig rig, other;
  EXPECT_EQ(rig.add(stream(test::pattern(72), test::pattern(4000), 1000)[0], false),
            DropReason::none);
  Archive save;
  rig.reassembler.archive(save);
  constexpr size_t kTotal = 8 + 4 + 2 * 17 + 3 * 2 + 4;  // section, count, key
  const Bytes good = save.bytes();
  ASSERT_EQ(good[kTotal] | good[kTotal + 1] << 8, 4072);
  const Bytes bad = test::patch(good, kTotal, {1000 & 0xff, 1000 >> 8});
  Archive load(bad);
  other.reassembler.archive(load);
  EXPECT_FALSE(load.ok());
  EXPECT_TRUE(other.kept.outs.empty());
  EXPECT_EQ(other.reassembler.frames(), 0u);
}

TEST(Saved, StateThatHasNoRoomIsRefused) {
  Rig rig, other({.frames = 2});
  fill(rig);
  Archive save;
  rig.reassembler.archive(save);
  Archive load(save.bytes());
  other.reassembler.archive(load);
  EXPECT_FALSE(load.ok());
  EXPECT_EQ(other.reassembler.frames(), 0u);
}

}  // namespace
}  // namespace gatehouse::stateless
