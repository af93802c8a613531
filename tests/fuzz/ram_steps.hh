// SPDX-License-Identifier: GPL-2.0-or-later
// What the targets of a partition's units share.
#ifndef GATEHOUSE_TESTS_FUZZ_RAM_STEPS_HH_
#define GATEHOUSE_TESTS_FUZZ_RAM_STEPS_HH_

#include <memory>

#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/partition/rig.hh"

namespace gatehouse::fuzz {

// An address in private RAM mostly, else anything.
inline uint64_t take_address(Input& input) {
  if (input.below(8) == 0) return input.take<uint64_t>();
  return partition::kRamBase + uint64_t{input.take<uint16_t>()} * (input.flag() ? 8 : 16);
}

// What firmware's cores write.
inline void poke(Input& input, partition::FakeRam& ram) {
  const uint64_t at = partition::kRamBase + 0x1000 + input.below(0xc000) / 4 * 4;
  ram.put(at, input.take<uint32_t>());
}

// The unit's device comes or goes.
template <class Unit, class Device>
void plug(Unit& unit, Device& device, bool in) {
  if (in == device.plugged) return;
  if (!in) unit.unplugged();
  device.plugged = in;
  if (in) unit.plugged();
}

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_RAM_STEPS_HH_
