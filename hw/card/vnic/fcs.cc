// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/fcs.hh"

#include <array>

#include "hw/core/base/bytes.hh"

namespace gatehouse::vnic {
namespace {

constexpr uint32_t kPolynomial = 0xedb88320;
constexpr unsigned kSlices = 8;

using Table = std::array<uint32_t, 256>;

// Table k: what an octet k places before the end contributes.
constexpr std::array<Table, kSlices> make_tables() {
  std::array<Table, kSlices> tables{};
  for (uint32_t octet = 0; octet < 256; ++octet) {
    uint32_t crc = octet;
    for (unsigned bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][octet] = crc;
  }
  for (unsigned slice = 1; slice < kSlices; ++slice) {
    for (uint32_t octet = 0; octet < 256; ++octet) {
      const uint32_t before = tables[slice - 1][octet];
      tables[slice][octet] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr std::array<Table, kSlices> kTables = make_tables();

}  // namespace

uint32_t fcs(std::span<const uint8_t> frame) {
  uint32_t crc = ~uint32_t{0};
  const uint8_t* at = frame.data();
  size_t left = frame.size();
  for (; left >= kSlices; left -= kSlices, at += kSlices) {
    const uint64_t word = load_le<uint64_t>(at) ^ crc;
    crc = 0;
    for (unsigned i = 0; i < kSlices; ++i) crc ^= kTables[kSlices - 1 - i][word >> (8 * i) & 0xff];
  }
  for (; left != 0; --left) crc = crc >> 8 ^ kTables[0][(crc ^ *at++) & 0xff];
  return ~crc;
}

}  // namespace gatehouse::vnic
