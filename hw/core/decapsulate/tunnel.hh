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

// A TCP-shaped segment that is not the whole of its frame (draft-davie-stt-08 section 3.2).
struct Part {
  uint32_t sequence = 0, acknowledgement = 0;
  uint16_t source_port = 0, destination_port = 0;
  bool redundant = false;
  uint8_t outer_ecn = 0;
  Slice octets;  // behind the TCP-shaped header
  // Redundant: of so many octets of each of several segments that were merged on the way, as TCP's
  // are, the last one maybe of fewer. 0: it is one.
  uint16_t merged = 0;
};

// `packet`: parsed, IPv4 or IPv6, not a fragment. `plans`: no two of them take one frame.
//   not_a_tunnel, bad_outer_checksum, bad_tunnel, bad_options, critical_option
//   outer_fragment: a segment of a larger frame. `part` is filled in, and nothing behind the
//   TCP-shaped header has been looked at.
spec::DropReason open(const Packet& packet, std::span<const Plan> plans, Tunnel& tunnel,
                      Part& part);

// `stream`: what all segments of a stream to this port make, in order; its tunnel header first.
//   bad_tunnel, bad_options, critical_option, bad_outer_checksum
spec::DropReason open_stream(std::span<const uint8_t> stream, uint16_t port,
                             std::span<const Plan> plans, Tunnel& tunnel);
// The index of the plan whose redundant frames come to this port; plans.size(): none.
size_t redundant_plan(uint16_t port, std::span<const Plan> plans);

// RFC 6040 section 4.2: joins the outer ECN field into the inner one, checksum included. `packet`
// is the inner frame, parsed.
//   ecn_invalid
spec::DropReason join_ecn(Packet& packet, uint8_t outer_ecn);

}  // namespace gatehouse::decapsulate

#endif  // GATEHOUSE_HW_CORE_DECAPSULATE_TUNNEL_HH_
