// SPDX-License-Identifier: GPL-2.0-or-later
// What a frame from the wire must be before its inner frame is looked at: a whole datagram to a
// tunnel's end, with a good checksum and a header that one of the formats describes.
#ifndef GATEHOUSE_HW_CORE_DECAPSULATE_TUNNEL_HH_
#define GATEHOUSE_HW_CORE_DECAPSULATE_TUNNEL_HH_

#include <cstdint>
#include <span>

#include "hw/core/base/packet.hh"
#include "hw/core/decapsulate/plan.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::decapsulate {

struct Tunnel {
  uint32_t plan = 0;  // index of the format that it is of
  uint64_t vni = 0;
  uint32_t inner_offset = 0;  // octets from the outer frame's start
  uint32_t inner_length = 0;
  bool carries_ip = false;     // the inner frame has no Ethernet header
  uint32_t header_length = 0;  // of the tunnel header, in front of the inner frame
  uint8_t outer_ecn = 0;       // RFC 3168: 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE
};

// `packet`: parsed, IPv4 or IPv6, not a fragment. `plans`: no two of them take one frame.
//   not_a_tunnel, bad_outer_checksum, outer_fragment, bad_tunnel, bad_options, critical_option
spec::DropReason open(const Packet& packet, std::span<const Plan> plans, Tunnel& tunnel);

// RFC 6040 section 4.2: joins the outer ECN field into the inner one, checksum included. `packet`
// is the inner frame, parsed.
//   ecn_invalid
spec::DropReason join_ecn(Packet& packet, uint8_t outer_ecn);

}  // namespace gatehouse::decapsulate

#endif  // GATEHOUSE_HW_CORE_DECAPSULATE_TUNNEL_HH_
