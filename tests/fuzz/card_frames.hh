// SPDX-License-Identifier: GPL-2.0-or-later
// What the guests of a card of fuzz_cards.hh send, and what comes from its wire.
#ifndef GATEHOUSE_TESTS_FUZZ_CARD_FRAMES_HH_
#define GATEHOUSE_TESTS_FUZZ_CARD_FRAMES_HH_

#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {

// One of guest_frames(), as vnic `vnic` sends it: to the far guest, or to its neighbour on the
// card.
Bytes take_vnic_frame(Input& input, unsigned vnic);

// In the tunnels of all tenants what the far guest sends, and the underlay's own. What is in a
// tunnel begins at `inner`; 0: nothing, or a part.
struct WireFrame {
  Bytes frame;
  uint16_t inner = 0;
  bool ethernet = true;  // there
};
const std::vector<WireFrame>& wire_frames(unsigned kind);
// One of them, changed: outside, or the frame inside, which then has a right tunnel around it.
Bytes take_wire_frame(Input& input, unsigned kind);
// Some of them as one after the other, most of them as they are.
std::vector<Bytes> take_wire_run(Input& input, unsigned kind);

// Few of those that are handed in.
void change_some(Bytes& frame, Input& input);

// Up to 64 of one, which differ in their source ports. `wire`: from there.
std::vector<Bytes> take_flood(Input& input, unsigned kind, unsigned vnic, bool wire);

// A TCP connection from SYN to FIN or RST between a vnic and the far guest, in turns.
struct Turn {
  bool from_vnic;
  std::vector<Bytes> frames;  // one, or what it is on the wire
};
inline constexpr unsigned kConversations = 8;  // IPv4, IPv6; begun by either; ended by either
const std::vector<Turn>& conversation(unsigned kind, unsigned vnic, unsigned which);

}  // namespace gatehouse::fuzz

#endif  // GATEHOUSE_TESTS_FUZZ_CARD_FRAMES_HH_
