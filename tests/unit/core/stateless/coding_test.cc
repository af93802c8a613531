// SPDX-License-Identifier: GPL-2.0-or-later
// The code, against a field multiplication of the test's own.
#include "hw/core/stateless/coding.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/core/stateless/gf256.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::stateless {
namespace {

using test::Bytes;

// Schoolbook: shift, add, reduce by 0x11d.
uint8_t product(unsigned a, unsigned b) {
  unsigned result = 0;
  for (; b != 0; b >>= 1) {
    if ((b & 1) != 0) result ^= a;
    a = a << 1 ^ ((a & 0x80) != 0 ? 0x11d : 0);
  }
  return static_cast<uint8_t>(result);
}

TEST(Gf256, MultipliesAndDividesAsTheFieldDoes) {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      const uint8_t both = gf256::multiply(uint8_t(a), uint8_t(b));
      ASSERT_EQ(both, product(a, b));
      if (b != 0) {
        ASSERT_EQ(gf256::divide(both, uint8_t(b)), a);
      }
    }
  }
}

TEST(Coding, APieceIsHalfAndTheFirstIsTheFirstHalf) {
  const Bytes information = test::pattern(24);
  Bytes piece(12);
  encode(information, 0, piece.data());
  EXPECT_EQ(piece, Bytes(information.begin(), information.begin() + 12));
  encode(information, 3, piece.data());
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(piece[i], information[i] ^ product(information[12 + i], 3));
  }
}

// All pairs of all pieces, for an even and an odd length.
TEST(Coding, AnyTwoPiecesGiveTheInformation) {
  for (const uint32_t octets : {24u, 59u}) {
    const Bytes information = test::pattern(octets);
    std::vector<Bytes> pieces(256, Bytes(piece_octets(octets)));
    for (unsigned x = 0; x < 256; ++x) encode(information, uint8_t(x), pieces[x].data());
    Bytes found(octets);
    for (unsigned x = 0; x < 256; ++x) {
      for (unsigned y = 0; y < 256; ++y) {
        if (x == y) continue;
        std::fill(found.begin(), found.end(), 0xee);
        decode(uint8_t(x), pieces[x].data(), uint8_t(y), pieces[y].data(), found);
        ASSERT_EQ(found, information) << x << " " << y;
      }
    }
  }
}

TEST(Coding, AThirdPieceTellsWhetherItAgrees) {
  const Bytes information = test::pattern(59);
  Bytes piece(30);
  encode(information, 77, piece.data());
  EXPECT_TRUE(agrees(information, 77, piece.data()));
  EXPECT_FALSE(agrees(information, 78, piece.data()));
  for (size_t i = 0; i < piece.size(); ++i) {
    Bytes other = piece;
    other[i] ^= 1;
    EXPECT_FALSE(agrees(information, 77, other.data()));
  }
}

}  // namespace
}  // namespace gatehouse::stateless
