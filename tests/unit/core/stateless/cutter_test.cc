// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/core/stateless/rig.hh"

namespace gatehouse::stateless {
namespace {

TEST(Cutter, AStreamIsCutWhereItIsFull) {
  for (const uint32_t head_octets : {0u, 72u, 3000u}) {
    const Bytes head = test::pattern(head_octets, 7), body = test::pattern(10'000);
    const auto pieces = stream(head, body, 1460, 0x12345678);
    const uint32_t total = head_octets + 10'000;
    ASSERT_EQ(pieces.size(), (total + 1459) / 1460);
    Bytes whole;
    for (const Piece& piece : pieces) {
      EXPECT_EQ(piece.place, (Place{uint16_t(total), uint16_t(whole.size()), 0x12345678}));
      EXPECT_TRUE(piece.octets.size() == 1460 || &piece == &pieces.back());
      whole.insert(whole.end(), piece.octets.begin(), piece.octets.end());
    }
    EXPECT_EQ(whole, test::concat({head, body}));
  }
}

TEST(Cutter, PlaceIsSequenceAndAcknowledgement) {
  const Place place{0xffff, 0x1234, 0xdeadbeef};
  EXPECT_EQ(place.sequence(), 0xffff1234u);
  EXPECT_EQ(place.acknowledgement(), 0xdeadbeefu);
  EXPECT_EQ(Place::of(0xffff1234, 0xdeadbeef), place);
}

// What a NIC with TSO is given: one stream, equal steps, a piece at each boundary, the payload in
// between as it was.
TEST(Cutter, RedundantSegmentsHaveAPieceEachAndThePayloadUnchanged) {
  const Super super = super_frame(5001);
  const auto pieces = redundant(super, 1000);
  ASSERT_EQ(pieces.size(), 6u);
  constexpr uint32_t kHead = 4 + 30;  // of 59 octets of information
  Bytes payload;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Bytes& octets = pieces[i].octets;
    EXPECT_EQ(pieces[i].place.offset, i * (1000 + kHead));
    EXPECT_EQ(pieces[i].place.total, 5001 + 6 * kHead);
    EXPECT_EQ(octets.size(), kHead + (i == 5 ? 1 : 1000));
    EXPECT_EQ(Bytes(octets.begin(), octets.begin() + 4), (Bytes{0x11, uint8_t(i), 6, 59}));
    payload.insert(payload.end(), octets.begin() + kHead, octets.end());
  }
  EXPECT_EQ(payload, super.payload_octets());
}

TEST(Cutter, WhatDoesNotFitIsRefused) {
  const Super super = super_frame(60'000);
  Information information;
  ASSERT_TRUE(information.set(kVni, super.frame.data(), super.layers));
  const auto begin = [&](uint32_t payload, uint32_t mss) {
    Cutter cutter;
    const Slice body{super.frame.data() + super.layers.payload_offset, payload};
    return cutter.begin_redundant(information, body, mss, 1);
  };
  EXPECT_FALSE(begin(1000, 1000));  // one segment has nobody to help it
  EXPECT_TRUE(begin(1001, 1000));
  EXPECT_TRUE(begin(255 * 100, 100));
  EXPECT_FALSE(begin(255 * 100 + 1, 100));
  for (const uint32_t mss : {100u, 536u, 1000u, 1448u, 8960u}) {
    const uint32_t most = Cutter::most_redundant(59, mss);
    EXPECT_TRUE(begin(most, mss)) << mss;
    EXPECT_FALSE(begin(most + mss, mss)) << mss;
  }
  const Bytes body = test::pattern(65'535 - 72);
  Cutter cutter;
  EXPECT_TRUE(cutter.begin_stream({body.data(), 72}, {body.data(), 65'535 - 72}, 1460, 1));
  EXPECT_FALSE(cutter.begin_stream({body.data(), 73}, {body.data(), 65'535 - 72}, 1460, 1));

  Layers layers = super.layers;
  layers.payload_offset = Information::kMaxHeaders;
  EXPECT_TRUE(information.set(kVni, super.frame.data(), layers));
  ++layers.payload_offset;
  EXPECT_FALSE(information.set(kVni, super.frame.data(), layers));
}

}  // namespace
}  // namespace gatehouse::stateless
