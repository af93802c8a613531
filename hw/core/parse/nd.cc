// SPDX-License-Identifier: GPL-2.0-or-later
// Validation of Neighbor Discovery messages (RFC 4861 sections 6.1.1, 6.1.2, 7.1.1, 7.1.2, 8.1 and
// RFC 6980).
#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/parse/walk.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;
using Ipv6 = Ipv6Header<const uint8_t>;
using Message = NeighborMessage<const uint8_t>;

constexpr uint8_t kHopLimit = 255;  // nobody forwarded it

// No option of length zero; a link-layer address option is one of Ethernet. `has_source`: a source
// link-layer option is there.
bool options_right(const Walk& walk, bool* has_source) {
  NdOptions options = nd_options(walk.frame, walk.layers);
  *has_source = false;
  while (const auto option = options.next()) {
    const bool link_layer =
        option->type == NdOptions::kSourceLinkLayer || option->type == NdOptions::kTargetLinkLayer;
    if (link_layer && !option->is_mac()) return false;
    if (option->type == NdOptions::kSourceLinkLayer) *has_source = true;
  }
  return !options.bad();
}

bool solicitation_right(const Ipv6& ip, const Message& message, bool has_source) {
  if (is_multicast(message.target())) return false;
  if (!is_unspecified(ip.source())) return true;
  // Duplicate address detection.
  return !has_source && ip.destination() == solicited_node(message.target());
}

bool advertisement_right(const Ipv6& ip, const Message& message) {
  if (is_multicast(message.target())) return false;
  return !(is_multicast(ip.destination()) && message.solicited());
}

bool redirect_right(const Ipv6& ip, const Message& message) {
  if (!is_link_local_v6(ip.source()) || is_multicast(message.redirected())) return false;
  return is_link_local_v6(message.target()) || message.target() == message.redirected();
}

}  // namespace

DropReason check_nd(const Walk& walk, bool fragment_header) {
  const Layers& layers = walk.layers;
  const Ipv6 ip(walk.frame + layers.l2_length);
  const Message message(walk.frame + layers.l4_offset);
  const uint32_t octets = layers.l3_end - layers.l4_offset;
  // RFC 4291 section 2.7: no source is a group. An answer would be sent to it.
  if (is_multicast(ip.source())) return DropReason::bad_nd;
  if (fragment_header || walk.rules.super_frame || ip.hop_limit() != kHopLimit ||
      octets < NdOptions::fixed_length(layers.nd_type) || message.code() != 0) {
    return DropReason::bad_nd;
  }
  bool has_source = false;
  if (!options_right(walk, &has_source)) return DropReason::bad_nd;
  if (verify_l4_checksum(walk.frame, layers) != ChecksumState::kGood) return DropReason::bad_nd;

  bool right = false;
  switch (static_cast<Icmpv6Type>(layers.nd_type)) {
    case Icmpv6Type::kRouterSolicitation:
      right = !(is_unspecified(ip.source()) && has_source);
      break;
    case Icmpv6Type::kRouterAdvertisement:
      right = is_link_local_v6(ip.source());
      break;
    case Icmpv6Type::kNeighborSolicitation:
      right = solicitation_right(ip, message, has_source);
      break;
    case Icmpv6Type::kNeighborAdvertisement:
      right = advertisement_right(ip, message);
      break;
    case Icmpv6Type::kNdRedirect:
      right = redirect_right(ip, message);
      break;
    default:
      break;
  }
  return right ? DropReason::none : DropReason::bad_nd;
}

}  // namespace gatehouse::parse
