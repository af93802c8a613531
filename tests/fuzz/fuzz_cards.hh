// SPDX-License-Identifier: GPL-2.0-or-later
// A card that has everything, and what its peers send it.
#ifndef GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_
#define GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_

#include "hw/core/policy/policy.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {

// Not all formats can be on one card (GRE and NVGRE, for one): together the kinds have all that are
// shipped.
inline constexpr unsigned kCardKinds = 3;
inline constexpr unsigned kCardVnics = 7;  // the last one is in the first one's tenant

// `version` 0 or 1: with other rules, meters, and neighbours.
const policy::Policy& card(unsigned kind, unsigned version);
// The same as text.
std::string card_text(unsigned kind, unsigned version);

// Each of the guests' frames in each tunnel, and the underlay's own. What is in a tunnel begins at
// `inner`; 0: nothing, or a part.
struct WireFrame {
  Bytes frame;
  uint16_t inner = 0;
  bool ethernet = true;  // there
};
const std::vector<WireFrame>& wire_frames(unsigned kind);
// One of them, changed: outside, or the frame inside, which then has a right tunnel around it.
Bytes take_wire_frame(Input& input, unsigned kind);

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_FUZZ_CARDS_HH_
