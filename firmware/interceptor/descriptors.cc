// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/descriptors.hh"

namespace gatehouse::interceptor {

using namespace i82574;  // NOLINT: descriptor fields

namespace {

// Each frame with a context comes here.
uint32_t refuse_one_by_one(uint8_t* real, uint32_t units) {
  constexpr uint64_t kExtension = uint64_t{TX_CMD_DEXT} << desc::TX_COMMAND.low;
  constexpr uint64_t kType = kExtension | desc::CONTEXT_DTYP.mask();
  static_assert(desc::CONTEXT_DTYP.word == kTransmitWord &&
                static_cast<uint64_t>(TxType::kContext) == 0);
  uint32_t refused = 0;
  auto* word = reinterpret_cast<Word*>(real);
  for (const Word* const end = word + units * 2; word != end; word += 2) {
    if (!is_private(word[0]) || (word[1] & kType) == kExtension) continue;
    word[0] = kAbortAddress;
    ++refused;
  }
  return refused;
}

}  // namespace

uint32_t refuse_transmit(uint8_t* real, uint32_t units) {
  uint32_t refused = 0;
  for (; units >= 4; units -= 4, real += 4 * kRingUnit) {
    const auto* at = reinterpret_cast<const Word*>(real);
    if (is_private(at[0] | at[2] | at[4] | at[6])) refused += refuse_one_by_one(real, 4);
  }
  return refused + refuse_one_by_one(real, units);
}

uint32_t refuse_receive(uint8_t* real, uint32_t units) {
  uint32_t refused = 0;
  for (; units != 0; --units, real += kRingUnit) {
    if (!is_private(get<desc::ADDRESS>(real))) continue;
    put<desc::ADDRESS>(real, kAbortAddress);
    ++refused;
  }
  return refused;
}

uint32_t refuse_split(uint8_t* real, uint32_t units, bool knows_none) {
  uint32_t refused = 0;
  for (uint32_t word = 0; word < units * 2; ++word) {
    Word& address = reinterpret_cast<Word*>(real)[word];
    if (!is_private(address) || (address == kSplitNoBuffer && knows_none)) continue;
    refused += address != kSplitNoBuffer;
    address = kAbortAddress;
  }
  return refused;
}

}  // namespace gatehouse::interceptor
