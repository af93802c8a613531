// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/stateless/coding.hh"

#include <cassert>

#include "hw/core/stateless/gf256.hh"

namespace gatehouse::stateless {
namespace {

uint8_t second_half(std::span<const uint8_t> information, size_t i) {
  const size_t at = piece_octets(static_cast<uint32_t>(information.size())) + i;
  return at < information.size() ? information[at] : 0;
}

uint8_t octet_of_piece(std::span<const uint8_t> information, uint8_t x, size_t i) {
  return information[i] ^ gf256::multiply(second_half(information, i), x);
}

}  // namespace

void encode(std::span<const uint8_t> information, uint8_t x, uint8_t* piece) {
  const uint32_t octets = piece_octets(static_cast<uint32_t>(information.size()));
  for (uint32_t i = 0; i < octets; ++i) piece[i] = octet_of_piece(information, x, i);
}

void decode(uint8_t x, const uint8_t* piece, uint8_t other_x, const uint8_t* other_piece,
            std::span<uint8_t> information) {
  assert(x != other_x);
  const uint32_t octets = piece_octets(static_cast<uint32_t>(information.size()));
  for (uint32_t i = 0; i < octets; ++i) {
    const uint8_t difference = piece[i] ^ other_piece[i];
    const uint8_t b = gf256::divide(difference, x ^ other_x);
    information[i] = piece[i] ^ gf256::multiply(b, x);
    if (octets + i < information.size()) information[octets + i] = b;
  }
}

bool agrees(std::span<const uint8_t> information, uint8_t x, const uint8_t* piece) {
  const uint32_t octets = piece_octets(static_cast<uint32_t>(information.size()));
  for (uint32_t i = 0; i < octets; ++i) {
    if (piece[i] != octet_of_piece(information, x, i)) return false;
  }
  return true;
}

}  // namespace gatehouse::stateless
