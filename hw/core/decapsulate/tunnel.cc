// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/decapsulate/tunnel.hh"

#include <algorithm>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/ecn.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"

namespace gatehouse::decapsulate {
namespace {

using spec::DropReason;

// What stands behind the outer headers.
struct Opaque {
  uint32_t end = 0;     // end_of()
  uint32_t offset = 0;  // octets from the frame's start
  uint32_t room = 0;    // octets
};

Opaque opaque_of(const Packet& packet) {
  const Layers& layers = packet.layers;
  const uint8_t* l4 = packet.data + layers.l4_offset;
  if (layers.l4 == L4::kUdp) [[likely]] {
    // What the IP datagram has behind the UDP one is not covered by its checksum and no part of it.
    const UdpHeader udp(l4);
    return {end_of(layers.ip_protocol, udp.destination_port()), layers.payload_offset,
            uint32_t{udp.length()} - udp.kLength};
  }
  if (layers.l4 == L4::kTcp) {
    return {end_of(layers.ip_protocol, TcpHeader(l4).destination_port()), layers.payload_offset,
            layers.l3_end - layers.payload_offset};
  }
  return {end_of(layers.ip_protocol, 0), layers.l4_offset, layers.l3_end - layers.l4_offset};
}

// UDP's zero says "none": always right over IPv4, over IPv6 only where it was agreed on. A
// super-frame that the wire has not cut has no checksum yet: the wire made it and vouches for it.
bool checksum_good(const Packet& packet, const Plan& plan) {
  const Layers& layers = packet.layers;
  if (layers.l4 == L4::kUdp) {
    const UdpHeader udp(static_cast<const uint8_t*>(packet.data + layers.l4_offset));
    if (udp.checksum() == 0) return layers.l3 == L3::kIpv4 || plan.zero_checksum_ipv6();
    if (packet.wire_mss != 0) return true;
  } else if (layers.l4 != L4::kTcp) {
    return true;
  }
  return verify_l4_checksum(packet.data, layers) == ChecksumState::kGood;
}

uint8_t ecn_of(const Packet& packet) {
  const uint8_t* ip = packet.data + packet.layers.l2_length;
  return (packet.layers.l3 == L3::kIpv4 ? ip[1] : ip[1] >> 4) & 3;
}

// davie-stt section 3.2: the sequence number holds the length of the whole and the offset in it.
// Redundant segments are several even where they were merged into the whole.
bool is_part(const Packet& packet, std::span<const Plan> plans, const Opaque& opaque) {
  if (packet.layers.l4 != L4::kTcp) [[likely]]
    return false;
  const TcpHeader tcp(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
  if (tcp.sequence() != opaque.room << 16) return true;
  return packet.merged != 0 && redundant_plan(tcp.destination_port(), plans) != plans.size();
}

DropReason take_part(const Packet& packet, std::span<const Plan> plans, const Opaque& opaque,
                     Part& part) {
  const auto plan = std::find_if(plans.begin(), plans.end(),
                                 [&](const Plan& one) { return one.end() == opaque.end; });
  if (plan == plans.end()) return DropReason::not_a_tunnel;
  if (!checksum_good(packet, *plan)) return DropReason::bad_outer_checksum;
  const TcpHeader tcp(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
  part = {.sequence = tcp.sequence(),
          .acknowledgement = tcp.acknowledgement(),
          .source_port = tcp.source_port(),
          .destination_port = tcp.destination_port(),
          .redundant = plan->is_redundant(),
          .outer_ecn = ecn_of(packet),
          .octets = {packet.data + opaque.offset, opaque.room},
          .merged = plan->is_redundant() ? packet.merged : uint16_t{0}};
  return DropReason::outer_fragment;
}

// `header`: a tunnel header that the plan recognises, `offset` octets from the packet's start.
DropReason open(const uint8_t* header, uint32_t offset, uint32_t room, const Plan& plan,
                Tunnel& tunnel) {
  Plan::Found found;
  const DropReason reason = plan.open(header, room, found);
  if (reason != DropReason::none) return reason;
  tunnel.vni = found.vni;
  tunnel.inner_offset = offset + found.inner;
  tunnel.inner_length = found.end - found.inner;
  tunnel.carries_ip = plan.carries_ip();
  tunnel.header_length = found.inner;
  return DropReason::none;
}

DropReason open(const Packet& packet, const Plan& plan, const Opaque& opaque, Tunnel& tunnel) {
  if (!checksum_good(packet, plan)) return DropReason::bad_outer_checksum;
  tunnel.outer_ecn = ecn_of(packet);
  return open(packet.data + opaque.offset, opaque.offset, opaque.room, plan, tunnel);
}

}  // namespace

DropReason open(const Packet& packet, std::span<const Plan> plans, Tunnel& tunnel, Part& part) {
  const Opaque opaque = opaque_of(packet);
  if (is_part(packet, plans, opaque)) return take_part(packet, plans, opaque, part);
  bool ends_here = false;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i].end() != opaque.end) continue;
    ends_here = true;
    if (!plans[i].recognises(packet.data + opaque.offset, opaque.room)) continue;
    tunnel.plan = static_cast<uint32_t>(i);
    return open(packet, plans[i], opaque, tunnel);
  }
  return ends_here ? DropReason::bad_tunnel : DropReason::not_a_tunnel;
}

DropReason open_stream(std::span<const uint8_t> stream, uint16_t port, std::span<const Plan> plans,
                       Tunnel& tunnel) {
  const auto room = static_cast<uint32_t>(stream.size());
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i].end() != end_of(policy::Format::kTcp, port)) continue;
    if (!plans[i].recognises(stream.data(), room)) continue;
    tunnel.plan = static_cast<uint32_t>(i);
    return open(stream.data(), 0, room, plans[i], tunnel);
  }
  return DropReason::bad_tunnel;
}

size_t redundant_plan(uint16_t port, std::span<const Plan> plans) {
  size_t i = 0;
  while (i < plans.size() &&
         (plans[i].end() != end_of(policy::Format::kTcp, port) || !plans[i].is_redundant()))
    ++i;
  return i;
}

DropReason join_ecn(Packet& packet, uint8_t outer_ecn) {
  const L3 l3 = packet.layers.l3;
  if (outer_ecn == kNotEct || (l3 != L3::kIpv4 && l3 != L3::kIpv6)) return DropReason::none;
  uint8_t* ip = packet.data + packet.layers.l2_length;
  const unsigned shift = l3 == L3::kIpv4 ? 0 : 4;
  const uint8_t inner = ip[1] >> shift & 3;
  if (inner == kNotEct) return outer_ecn == kCe ? DropReason::ecn_invalid : DropReason::none;
  const bool changes = outer_ecn == kCe ? inner != kCe : outer_ecn == kEct1 && inner == kEct0;
  if (!changes) return DropReason::none;
  const uint16_t before = load_be<uint16_t>(ip);
  ip[1] =
      static_cast<uint8_t>((ip[1] & ~(3u << shift)) | static_cast<unsigned>(outer_ecn) << shift);
  if (l3 == L3::kIpv4) {
    const Ipv4Header header(ip);
    header.set_checksum(checksum::update(header.checksum(), before, load_be<uint16_t>(ip)));
  }
  return DropReason::none;
}

}  // namespace gatehouse::decapsulate
