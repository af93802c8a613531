// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/spoof/spoof.hh"

namespace gatehouse::spoof {
namespace {

using spec::DropReason;

// fe80::/10 or ff02::/16 (also with flags, RFC 4291 section 2.7).
bool is_link_scope(const uint8_t* ip) {
  return (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) || (ip[0] == 0xff && (ip[1] & 0x0f) == 2);
}
bool is_link_local(const uint8_t* ip) { return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80; }
bool is_unspecified(const uint8_t* ip) {
  return (load_be<uint64_t>(ip) | load_be<uint64_t>(ip + 8)) == 0;
}

// What a node sends before it has an address (RFC 4862 section 5.4.2, RFC 3590): duplicate address
// detection's solicitation, a Router Solicitation, and reports of the groups it joins.
bool may_be_unspecified(const Packet& packet) {
  if (packet.layers.l4 != L4::kIcmpv6) return false;
  const auto type = static_cast<Icmpv6Type>(
      IcmpHeader(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset)).type());
  return type == Icmpv6Type::kNeighborSolicitation || type == Icmpv6Type::kRouterSolicitation ||
         type == Icmpv6Type::kMldReport || type == Icmpv6Type::kMldDone ||
         type == Icmpv6Type::kMldv2Report;
}

}  // namespace

DropReason Rules::check_ipv6(const Packet& packet) const {
  const Ipv6Header ip(static_cast<const uint8_t*>(packet.data + packet.layers.l2_length));
  const uint8_t* source = ip.source_octets();
  // RFC 6275 section 9.3.1: what is above takes the packet for the home address's. No vnic is a
  // mobile node away from home.
  if (packet.layers.home_address) return DropReason::spoofed_ipv6;
  const bool unspecified = is_unspecified(source);
  if (unspecified ? !may_be_unspecified(packet) : !owns_v6(source)) return DropReason::spoofed_ipv6;
  // owns_v6 lets any fe80::/64 through: it is bound to this vnic only because it never leaves the
  // link. Solicitations and advertisements end on the card anyway; Linux probes global neighbours
  // from its link-local address.
  const auto nd = static_cast<Icmpv6Type>(packet.layers.nd_type);
  const bool ends_here =
      nd == Icmpv6Type::kNeighborSolicitation || nd == Icmpv6Type::kNeighborAdvertisement;
  if ((unspecified || (is_link_local(source) && !ends_here)) &&
      !is_link_scope(ip.destination_octets())) {
    return DropReason::spoofed_ipv6;
  }
  return packet.layers.nd_type == 0 ? DropReason::none : check_nd(packet, unspecified);
}

DropReason Rules::check_nd(const Packet& packet, bool source_unspecified) const {
  const uint8_t* message = packet.data + packet.layers.l4_offset;
  if (static_cast<Icmpv6Type>(packet.layers.nd_type) == Icmpv6Type::kNeighborAdvertisement &&
      (source_unspecified || !owns_v6(NeighborMessage(message).target_octets()))) {
    return DropReason::spoofed_nd;
  }
  NdOptions options = nd_options(packet.data, packet.layers);
  while (const auto option = options.next()) {
    if (option->type != NdOptions::kSourceLinkLayer &&
        option->type != NdOptions::kTargetLinkLayer) {
      continue;
    }
    // Of another length it would be for another kind of link: not a claim that a neighbour on
    // Ethernet could check.
    if (!option->is_mac() || option->mac() != mac_) return DropReason::spoofed_nd;
  }
  return options.bad() ? DropReason::spoofed_nd : DropReason::none;
}

}  // namespace gatehouse::spoof
