// SPDX-License-Identifier: GPL-2.0-or-later
// Loopback (RCTL.LBM, PHY): what is transmitted is received, segmented as it would be on the wire.
#ifndef GATEHOUSE_HW_CARD_VNIC_TRANSMIT_LOOPBACK_HH_
#define GATEHOUSE_HW_CARD_VNIC_TRANSMIT_LOOPBACK_HH_

#include <array>

#include "hw/card/vnic/ports.hh"
#include "hw/core/segment/segment.hh"

namespace gatehouse::vnic {

class ReceiveEngine;

// Memory for the headers of a run of segments.
struct LoopbackSegments {
  LoopbackSegments() : arena(segment::kArenaOctets) {}
  void deliver(Packet& packet, ReceiveEngine& receiver, CardPort& card);

  segment::HeaderArena arena;
  std::array<segment::Segment, segment::kRun> segments;
  std::array<Delivery, segment::kRun> deliveries;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_TRANSMIT_LOOPBACK_HH_
