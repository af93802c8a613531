// SPDX-License-Identifier: GPL-2.0-or-later
// A card that has everything.
#ifndef GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_
#define GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_

#include <string>

#include "hw/core/policy/policy.hh"

namespace gatehouse::fuzz {

// Not all formats can be on one card (GRE and NVGRE, for one): together the kinds have all that are
// shipped.
inline constexpr unsigned kCardKinds = 3;
inline constexpr unsigned kCardVnics = 7;  // the last one is in the first one's tenant

// `version` 0 or 1: with other rules, meters, and neighbours.
const policy::Policy& card(unsigned kind, unsigned version);
// The same as text.
std::string card_text(unsigned kind, unsigned version);

// What is at the other end of its tunnels.
policy::Policy peer_card(unsigned kind);

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_
