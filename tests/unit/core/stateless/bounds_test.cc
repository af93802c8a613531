// SPDX-License-Identifier: GPL-2.0-or-later
// Who gives a place up, and who does not: nobody for another's sake, and nobody in vain.
#include "hw/core/base/archive.hh"
#include "tests/unit/core/stateless/rig.hh"

namespace gatehouse::stateless {
namespace {

// The first octet of a frame of so many.
DropReason begin(Rig& rig, uint16_t total, uint32_t id, uint8_t peer = 1, uint16_t uplink = 0) {
  const uint8_t octet = 1;
  Key key = key_of(id, peer);
  key.uplink = uplink;
  return rig.reassembler.add({key, {total, 0, id}, false, 0, {&octet, 1}}, 0);
}

// Others have taken all but so many buffers of the size.
class Others {
 public:
  Others(PacketPool& pool, uint32_t octets, uint32_t left) : pool_(pool) {
    while (Packet* packet = pool.take(octets)) taken_.push_back(packet);
    give(left);
  }
  ~Others() { give(taken_.size()); }
  void give(size_t count) {
    for (; count != 0; --count, taken_.pop_back()) pool_.give(taken_.back());
  }

 private:
  PacketPool& pool_;
  std::vector<Packet*> taken_;
};

constexpr PacketPool::Limits kPool{.small_count = 16, .large_count = 16};
constexpr uint16_t kSmall = 1500, kLarge = 65'535;

TEST(Bounds, BuffersOfAnotherSizeAreNotGivenUpInVain) {
  Rig rig({}, kPool);
  ASSERT_EQ(begin(rig, kSmall, 1), DropReason::none);
  Others others(rig.pool, kLarge, 0);
  EXPECT_EQ(begin(rig, kLarge, 2, 2), DropReason::no_packet_buffer);
  EXPECT_EQ(rig.reassembler.frames(), 1u);
  EXPECT_TRUE(rig.kept.losses.empty());
}

// Nor those of the size, if they would not be enough.
TEST(Bounds, NothingIsGivenUpThatDoesNotHelp) {
  Rig rig({.frames_of_peer = 2}, kPool);
  ASSERT_EQ(begin(rig, kLarge, 1), DropReason::none);
  ASSERT_EQ(begin(rig, kSmall, 2), DropReason::none);
  Others others(rig.pool, kLarge, 0);
  for (const uint8_t peer : {1, 2}) {
    EXPECT_EQ(begin(rig, kLarge, 3, peer), DropReason::no_packet_buffer);
    EXPECT_EQ(rig.reassembler.frames(), 2u);
  }
  others.give(1);  // one more and an eighth is free
  EXPECT_EQ(begin(rig, kLarge, 3, 2), DropReason::none);
  ASSERT_EQ(rig.kept.losses.size(), 1u);
  EXPECT_EQ(rig.kept.losses[0].loss.key, key_of(1));
  EXPECT_EQ(rig.reassembler.frames(), 2u);
}

// Its own limits bound it already: what waits for guests stops first.
TEST(Bounds, FramesArePutTogetherWhereOthersMayNotWaitAnyMore) {
  Rig rig({}, kPool);
  Others others(rig.pool, kLarge, 3);
  ASSERT_TRUE(rig.pool.scarce(kLarge));
  const auto pieces = stream(test::pattern(72), test::pattern(60'000), 1000);
  for (const Piece& piece : pieces) ASSERT_EQ(rig.add(piece, false), DropReason::none);
  EXPECT_EQ(rig.kept.outs.size(), 1u);
}

TEST(Bounds, UplinksDoNotMultiplyAPeersPlaces) {
  Rig rig({.frames = 8, .frames_of_peer = 3});
  for (uint32_t id = 1; id <= 10; ++id) {
    ASSERT_EQ(begin(rig, kSmall, id, 1, uint16_t(id % 2)), DropReason::none);
    EXPECT_LE(rig.reassembler.frames(), 3u);
  }
  EXPECT_EQ(rig.kept.losses.size(), 7u);
  EXPECT_EQ(rig.kept.losses[0].loss.key.id, 1u);
}

// Of a card that gave a peer places for each uplink.
TEST(Bounds, WhatAPeerHeldIsHeldAgain) {
  Rig rig({.frames_of_peer = 8}), other({.frames_of_peer = 4});
  for (uint32_t id = 1; id <= 8; ++id) {
    ASSERT_EQ(begin(rig, kSmall, id, 1, uint16_t(id % 2)), DropReason::none);
  }
  Archive save;
  rig.reassembler.archive(save);
  Archive load(save.bytes());
  other.reassembler.archive(load);
  EXPECT_TRUE(load.ok()) << load.error();
  EXPECT_EQ(other.reassembler.frames(), 8u);
}

TEST(Bounds, WhoHoldsMostGivesUpItsOldestWhenTheTableIsFull) {
  Rig rig({.frames = 4, .frames_of_peer = 3});
  ASSERT_EQ(begin(rig, kSmall, 1, 9), DropReason::none);
  for (uint32_t id = 2; id <= 4; ++id) ASSERT_EQ(begin(rig, kSmall, id), DropReason::none);
  ASSERT_EQ(begin(rig, kSmall, 5, 2), DropReason::none);
  ASSERT_EQ(begin(rig, kSmall, 6, 3), DropReason::none);
  ASSERT_EQ(rig.kept.losses.size(), 2u);
  EXPECT_EQ(rig.kept.losses[0].loss.key, key_of(2));
  EXPECT_EQ(rig.kept.losses[1].loss.key, key_of(3));
  ASSERT_EQ(begin(rig, kSmall, 7, 4), DropReason::none);  // each has one
  EXPECT_EQ(rig.kept.losses[2].loss.key, key_of(1, 9));
}

TEST(Bounds, WhoHoldsMostOctetsGivesUpWhenThereAreTooMany) {
  Rig rig({.octets = 100'000});
  for (uint32_t id = 1; id <= 10; ++id) ASSERT_EQ(begin(rig, 100, id), DropReason::none);
  ASSERT_EQ(begin(rig, 60'000, 11, 2), DropReason::none);
  ASSERT_EQ(begin(rig, 50'000, 12, 3), DropReason::none);
  ASSERT_EQ(rig.kept.losses.size(), 1u);
  EXPECT_EQ(rig.kept.losses[0].loss.key, key_of(11, 2));
  Rig tiny({.octets = 1000});
  ASSERT_EQ(begin(tiny, 100, 1), DropReason::none);
  EXPECT_EQ(begin(tiny, 1001, 2), DropReason::no_packet_buffer);
  EXPECT_EQ(tiny.reassembler.frames(), 1u) << "it has no room at all";
}

// A peer must not make many small frames of one.
TEST(Bounds, ARedundantFrameHasALeastMss) {
  const Super super = super_frame(5001);
  Rig rig;
  for (const Piece& piece : redundant(super, kLeastMss - 1)) {
    EXPECT_EQ(rig.add(piece, true), DropReason::segment_malformed);
  }
  EXPECT_EQ(rig.reassembler.frames(), 0u);
  for (const Piece& piece : redundant(super, kLeastMss)) {
    EXPECT_EQ(rig.add(piece, true), DropReason::none);
  }
  EXPECT_EQ(rig.kept.outs.size(), 1u);
}

// Each segment of its own, one after the other: a frame that lost its place takes no other's.
TEST(Bounds, MoreInterleavedFramesThanPlacesCostOnlyThoseThatHaveNone) {
  const auto kept_of = [](uint32_t frames, auto&& peer) {
    Rig rig;
    for (size_t segment = 0; segment < 3; ++segment) {
      for (uint32_t id = 1; id <= frames; ++id) {
        const auto pieces = stream(test::pattern(72), test::pattern(1500), 600, id);
        EXPECT_EQ(pieces.size(), 3u);
        rig.add(pieces[segment], false, 0, peer(id));
      }
    }
    EXPECT_EQ(rig.kept.outs.size() + rig.kept.losses.size(), frames);
    EXPECT_EQ(rig.reassembler.frames(), 0u);
    return rig.kept.outs.size();
  };
  EXPECT_EQ(kept_of(65, [](uint32_t id) { return uint8_t(id); }), 64u);
  EXPECT_EQ(kept_of(200, [](uint32_t id) { return uint8_t(id); }), 64u);
  EXPECT_EQ(kept_of(33, [](uint32_t) { return uint8_t{1}; }), 32u);
}

// As on a link on which a segment takes milliseconds.
TEST(GivenUp, AFrameThatComesSlowlyIsWaitedFor) {
  const int64_t time = Limits{}.time_ns;
  const auto pieces = stream(test::pattern(72), test::pattern(60'000), 600);
  ASSERT_GT(pieces.size(), size_t{Limits::kLongest});
  Rig rig;
  int64_t now = 0;
  for (size_t i = 0; i < 20; ++i, now += time - 1) {
    rig.reassembler.tick(now);
    ASSERT_EQ(rig.add(pieces[i], false, now), DropReason::none);
    EXPECT_EQ(rig.reassembler.next_deadline(), now + time);
  }
  rig.add(pieces[3], false, now);  // nothing new
  EXPECT_EQ(rig.reassembler.next_deadline(), now + 1);
  Archive saved;
  rig.reassembler.archive(saved);
  Archive from(saved.bytes());
  rig.reassembler.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
  EXPECT_EQ(rig.reassembler.next_deadline(), now + 1);
  rig.reassembler.tick(now);
  for (size_t i = 20; i < pieces.size(); ++i) {
    ASSERT_EQ(rig.add(pieces[i], false, now), DropReason::none);
  }
  EXPECT_EQ(rig.kept.outs.size(), 1u);
}

TEST(GivenUp, AFrameIsNotWaitedForForEver) {
  const int64_t time = Limits{}.time_ns;
  const auto pieces = stream(test::pattern(72), test::pattern(60'000), 600);
  Rig rig;
  int64_t now = 0;
  for (size_t i = 0; rig.kept.losses.empty() && i < pieces.size(); ++i, now += time - 1) {
    rig.reassembler.tick(now);
    rig.add(pieces[i], false, now);
  }
  ASSERT_EQ(rig.kept.losses.size(), 1u);
  EXPECT_LE(now, (Limits::kLongest + 2) * time);
}

TEST(GivenUp, AFrameIsLostOnce) {
  const auto pieces = stream(test::pattern(72), test::pattern(1500), 600);
  ASSERT_EQ(pieces.size(), 3u);
  const int64_t time = Limits{}.time_ns;
  Rig rig;
  ASSERT_EQ(rig.add(pieces[0], false), DropReason::none);
  ASSERT_EQ(rig.add(pieces[1], false), DropReason::none);
  rig.reassembler.tick(time);
  EXPECT_EQ(rig.add(pieces[2], false, time + 1), DropReason::segment_duplicate);
  EXPECT_EQ(rig.reassembler.frames(), 0u);
  rig.reassembler.tick(2 * time + 1'000'000);
  EXPECT_EQ(rig.kept.losses.size(), 1u);
  // The number is used again.
  for (const Piece& piece : pieces) {
    EXPECT_EQ(rig.add(piece, false, 2 * time), DropReason::none);
  }
  EXPECT_EQ(rig.kept.outs.size(), 1u);
}

// As RFC 5722 has it for fragments: also those that have not come yet.
TEST(GivenUp, AFrameThatAnOverlapEndedBeginsNoOther) {
  const auto pieces = stream(test::pattern(72), test::pattern(4000), 1000);
  Rig rig;
  ASSERT_EQ(rig.add(pieces[1], false), DropReason::none);
  Piece overlapping = pieces[1];
  ++overlapping.place.offset;
  ASSERT_EQ(rig.add(overlapping, false), DropReason::segment_overlap);
  for (const Piece& piece : pieces) {
    EXPECT_EQ(rig.add(piece, false), DropReason::segment_duplicate);
  }
  EXPECT_EQ(rig.kept.losses.size(), 1u);
  EXPECT_TRUE(rig.kept.outs.empty());
}

// Before a policy is loaded; a reset forgets.
TEST(GivenUp, WhatWasAskedForIsRememberedUntilItWouldHaveExpired) {
  const auto pieces = stream(test::pattern(72), test::pattern(1500), 600);
  Rig rig;
  ASSERT_EQ(rig.add(pieces[0], false), DropReason::none);
  rig.reassembler.flush();
  EXPECT_EQ(rig.add(pieces[1], false, Limits{}.time_ns - 1), DropReason::segment_duplicate);
  EXPECT_EQ(rig.add(pieces[1], false, Limits{}.time_ns), DropReason::none);
  rig.reassembler.flush();
  rig.reassembler.forget();
  EXPECT_EQ(rig.add(pieces[0], false, Limits{}.time_ns), DropReason::none);
}

// Neither by many frames of another peer, nor by its own that are never whole.
TEST(Finished, AFloodDoesNotMakeWholeFramesForgotten) {
  const auto whole = stream(test::pattern(72), test::pattern(1000), 600, 1);
  Rig rig;
  for (const Piece& piece : whole) ASSERT_EQ(rig.add(piece, false), DropReason::none);
  for (uint32_t id = 2; id < 1000; ++id) {
    ASSERT_EQ(begin(rig, kSmall, id), DropReason::none);
    const auto pieces = stream(test::pattern(72), test::pattern(1000), 600, id);
    for (const Piece& piece : pieces) ASSERT_EQ(rig.add(piece, false, 0, 2), DropReason::none);
  }
  for (const Piece& piece : whole) {
    EXPECT_EQ(rig.add(piece, false), DropReason::segment_duplicate);
  }
  EXPECT_EQ(rig.kept.outs.size(), 999u);
}

TEST(Finished, ASegmentThatComesAgainIsADuplicate) {
  const auto streamed = stream(test::pattern(72), test::pattern(4000), 1000, 1);
  const auto coded = redundant(super_frame(5001), 1000, 2);
  const int64_t time = Limits{}.time_ns;
  Rig rig;
  for (const Piece& piece : streamed) ASSERT_EQ(rig.add(piece, false, 100), DropReason::none);
  for (const Piece& piece : coded) ASSERT_EQ(rig.add(piece, true, 200), DropReason::none);
  EXPECT_EQ(rig.add(streamed[2], false, 99 + time), DropReason::segment_duplicate);
  EXPECT_EQ(rig.add(coded[2], true, 199 + time), DropReason::segment_duplicate);
  EXPECT_EQ(rig.add(coded[3], true, 300), DropReason::segment_duplicate);
  EXPECT_EQ(rig.reassembler.frames(), 0u);
  EXPECT_EQ(rig.reassembler.next_deadline(), INT64_MAX);
  // Of another peer, with a number that is used again, or by a clock that has gone back.
  EXPECT_EQ(rig.add(streamed[2], false, 300, 2), DropReason::none);
  EXPECT_EQ(rig.add(streamed[2], false, 100 + time), DropReason::none);
  EXPECT_EQ(rig.add(coded[2], true, 199), DropReason::none);
  EXPECT_EQ(rig.kept.outs.size(), 2u);
}

TEST(Finished, OnlySoManyAreRemembered) {
  Rig rig;
  const auto whole = [&](uint32_t id) {
    const auto pieces = stream(test::pattern(72), test::pattern(1000), 600, id);
    const DropReason reason = rig.add(pieces[0], false);
    if (reason == DropReason::none) {
      EXPECT_EQ(rig.add(pieces[1], false), DropReason::none);
    }
    return reason;
  };
  for (uint32_t id = 0; id <= Reassembler::kRemembered; ++id) {
    ASSERT_EQ(whole(id), DropReason::none);
  }
  EXPECT_EQ(whole(1), DropReason::segment_duplicate);
  EXPECT_EQ(whole(0), DropReason::none);
  rig.reassembler.forget();
  EXPECT_EQ(whole(2), DropReason::none) << "reset";
}

}  // namespace
}  // namespace gatehouse::stateless
