// SPDX-License-Identifier: GPL-2.0-or-later
// ARP and Neighbor Discovery frames of the card itself, written into a buffer that the caller owns.
#ifndef GATEHOUSE_HW_CORE_UNDERLAY_FRAMES_HH_
#define GATEHOUSE_HW_CORE_UNDERLAY_FRAMES_HH_

#include <cstdint>

#include "hw/core/base/address.hh"

namespace gatehouse::underlay {

// Ethernet + VLAN tag + IPv6 + Neighbor Discovery message with one option.
inline constexpr uint32_t kMaxNeighbourFrame = 96;

struct Parties {
  MacAddress own_mac;
  uint16_t vlan = 0;     // 0 = untagged
  IpAddress own_ip;      // of the family of the other's
  IpAddress other_ip;    // asked for, or the asker's; unspecified when the asker had none
  MacAddress other_mac;  // destination of the frame; zero in a question: ask everybody
};

// Answers the frame's length; `to` has kMaxNeighbourFrame octets. ARP frames are padded to 60
// octets: not every netdev does it.
uint32_t write_question(const Parties& parties, uint8_t* to);
uint32_t write_answer(const Parties& parties, uint8_t* to);

}  // namespace gatehouse::underlay

#endif  // GATEHOUSE_HW_CORE_UNDERLAY_FRAMES_HH_
