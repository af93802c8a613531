// SPDX-License-Identifier: GPL-2.0-or-later
// Frames that the card keeps for longer than one call.
#ifndef GATEHOUSE_HW_CARD_FRAMES_HH_
#define GATEHOUSE_HW_CARD_FRAMES_HH_

#include "hw/core/base/archive.hh"
#include "hw/core/base/packet.hh"

namespace gatehouse::card {

// The frame as a packet of the pool; null when the pool is empty.
Packet* copy_frame(PacketPool& pool, const OutFrame& frame);

// Octets and port of a packet; loading takes it from the pool. Null, and a bad archive, when that
// can't be.
void archive_frame(Archive& archive, PacketPool& pool, Packet*& packet);

}  // namespace gatehouse::card

#endif  // GATEHOUSE_HW_CARD_FRAMES_HH_
