// SPDX-License-Identifier: GPL-2.0-or-later
// The redundant code: information becomes pieces of half its length, any two of which give it back.
// Piece x is a + b*x over GF(256), octet by octet, where a and b are the information's halves (b
// filled up with a zero octet): a Reed-Solomon code with two data words, so that as many pieces as
// there are values of x can be made.
#ifndef GATEHOUSE_HW_CORE_STATELESS_CODING_HH_
#define GATEHOUSE_HW_CORE_STATELESS_CODING_HH_

#include <cstdint>
#include <span>

namespace gatehouse::stateless {

// Octets of a piece of so many octets of information.
constexpr uint32_t piece_octets(uint32_t information) { return (information + 1) / 2; }

// Writes piece_octets() octets.
void encode(std::span<const uint8_t> information, uint8_t x, uint8_t* piece);

// The information from two pieces; x and other_x differ.
void decode(uint8_t x, const uint8_t* piece, uint8_t other_x, const uint8_t* other_piece,
            std::span<uint8_t> information);

// Whether a piece is of the information.
bool agrees(std::span<const uint8_t> information, uint8_t x, const uint8_t* piece);

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_CODING_HH_
