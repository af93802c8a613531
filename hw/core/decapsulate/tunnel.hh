// SPDX-License-Identifier: GPL-2.0-or-later
// What a frame from the wire must be before its inner frame is looked at: a whole UDP datagram to a
// tunnel's port, with a good checksum and a well-formed VXLAN or Geneve header.
#ifndef GATEHOUSE_HW_CORE_DECAPSULATE_TUNNEL_HH_
#define GATEHOUSE_HW_CORE_DECAPSULATE_TUNNEL_HH_

#include <cstdint>
#include <vector>

#include "hw/core/base/address.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/policy/policy.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::decapsulate {

// One UDP port that tunnels end on. Formats that share a port share this.
struct Port {
  uint16_t number = 0;
  policy::FormatKind kind = policy::FormatKind::kGeneve;
  bool zero_checksum_ipv6 = false;  // accept UDP over IPv6 without checksum (RFC 6935)
  // Geneve options (class << 8 | type) that are not refused when they are critical: those that the
  // card sends itself.
  std::vector<uint32_t> known_options;
};

struct Tunnel {
  uint32_t vni = 0;
  uint32_t inner_offset = 0;  // octets from the outer frame's start
  uint32_t inner_length = 0;
  uint8_t outer_ecn = 0;  // RFC 3168: 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE
};

// Classes and types in `options`, well-formed TLVs (RFC 8926 section 3.5), in the form of
// Port::known_options.
std::vector<uint32_t> option_kinds(const std::vector<uint8_t>& options);

// `packet`: parsed, not a fragment, UDP to port.number.
//   bad_outer_checksum, bad_vxlan, bad_geneve, critical_option
spec::DropReason open(const Packet& packet, const Port& port, Tunnel& tunnel);

// RFC 6040 section 4.2: joins the outer ECN field into the inner one, checksum included. `packet`
// is the inner frame, parsed.
//   ecn_invalid
spec::DropReason join_ecn(Packet& packet, uint8_t outer_ecn);

}  // namespace gatehouse::decapsulate

#endif  // GATEHOUSE_HW_CORE_DECAPSULATE_TUNNEL_HH_
