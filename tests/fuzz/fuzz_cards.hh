// SPDX-License-Identifier: GPL-2.0-or-later
// A card that has everything, and what its peers send it.
#ifndef GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_
#define GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_

#include "hw/core/policy/policy.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {

// GRE and NVGRE can't be on one card: one kind has the one, the other the other.
inline constexpr unsigned kCardKinds = 2;
inline constexpr unsigned kCardVnics = 7;  // the last one is in the first one's tenant

// `version` 0 or 1: with other rules, meters, and neighbours.
const policy::Policy& card(unsigned kind, unsigned version);
// The same as text.
std::string card_text(unsigned kind, unsigned version);

// Each of the guests' frames in each tunnel, and the underlay's own.
const std::vector<Bytes>& wire_frames(unsigned kind);

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_
