// SPDX-License-Identifier: GPL-2.0-or-later
// Where a frame came from and what it came in, as far as the frames of one super-frame must agree.
#ifndef GATEHOUSE_HW_CORE_COALESCE_ORIGIN_HH_
#define GATEHOUSE_HW_CORE_COALESCE_ORIGIN_HH_

#include <cstdint>

#include "hw/core/base/packet.hh"

namespace gatehouse::coalesce {

// Octets of a tunnel header with its options: more than any format describes.
inline constexpr uint32_t kMaxOpaque = 320;
static_assert(kMaxOpaque <= kHeadroom, "a held frame that is loaded has them in its headroom");

// owner, flow and the inner 5-tuple name a flow; frames of different flows may overtake one
// another. What else differs ends a super-frame. Numbers are the caller's.
struct Origin {
  uint16_t owner = 0;     // tenant or vnic
  uint16_t envelope = 0;  // format
  uint32_t peer = 0;      // who sent it
  uint64_t flow = 0;      // flow field or outer source port, as the format says (Envelope::names)
  uint64_t outer = 0;     // what must be equal in the outer headers (Envelope)
  // Octets of the largest frame to make of it, without FCS; 0: as large as an IP datagram may be.
  uint32_t largest = 0;
  // Octets of the tunnel header: they still stand in front of Packet::data. At most kMaxOpaque.
  uint32_t opaque = 0;

  bool operator==(const Origin&) const = default;
};

}  // namespace gatehouse::coalesce

#endif  // GATEHOUSE_HW_CORE_COALESCE_ORIGIN_HH_
