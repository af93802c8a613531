// SPDX-License-Identifier: GPL-2.0-or-later
// What units save and load.
#ifndef GATEHOUSE_TESTS_FUZZ_SAVED_STATE_HH_
#define GATEHOUSE_TESTS_FUZZ_SAVED_STATE_HH_

#include "hw/core/base/archive.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {

template <class Unit>
Bytes saved_by(Unit& unit) {
  Archive saved;
  unit.archive(saved);
  return saved.bytes();
}

// What it has saved itself.
template <class Unit>
void load(Unit& unit, const Bytes& state) {
  Archive from{std::span<const uint8_t>(state)};
  unit.archive(from);
  require(from.ok(), from.error().c_str());
  require(from.at_end(), "all of the saved state is read");
}

// The same with a few lies in it, as the input says: then it may refuse. Answers whether there were
// any.
template <class Unit>
bool load_spoiled(Unit& unit, Bytes state, Input& input) {
  const unsigned changes = input.below(6);
  if (changes == 0) {
    load(unit, state);
    return false;
  }
  for (unsigned i = 0; i < changes && !state.empty(); ++i) {
    const uint32_t at = input.below(static_cast<uint32_t>(state.size()));
    if (input.below(16) == 0) state.resize(at);
    if (at < state.size()) state[at] = input.take();
  }
  Archive from{std::span<const uint8_t>(state)};
  unit.archive(from);
  return true;
}

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_SAVED_STATE_HH_
