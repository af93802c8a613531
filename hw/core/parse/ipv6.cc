// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/base/ipv6_options.hh"
#include "hw/core/parse/flow_hash.hh"
#include "hw/core/parse/walk.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;
using Ipv6 = Ipv6Header<const uint8_t>;
using Extension = Ipv6Extension<const uint8_t>;
using Fragment = Ipv6Fragment<const uint8_t>;

// Where the chain of extension headers stands.
struct Chain {
  uint32_t at;   // octets from the start of the frame
  uint8_t next;  // what stands there
  bool fragment_header = false;
  uint8_t fragment_next = 0;  // what the fragment header announces: the same in all fragments
};

bool is_extension(uint8_t next) {
  switch (static_cast<IpProtocol>(next)) {
    case IpProtocol::kHopByHop:
    case IpProtocol::kRouting:
    case IpProtocol::kFragment:
    case IpProtocol::kAuth:
    case IpProtocol::kDestination:
      return true;
    default:
      return false;
  }
}

DropReason take_fragment(const Walk& walk, Chain& chain) {
  Layers& layers = walk.layers;
  // A second one would be a fragment of a fragment, which no reassembly makes.
  if (chain.fragment_header) return DropReason::bad_ipv6_extension;
  const Fragment fragment(walk.frame + chain.at);
  chain.fragment_header = true;
  chain.next = chain.fragment_next = fragment.next_header();
  chain.at += Fragment::kLength;
  layers.fragment = fragment.offset() != 0 || fragment.more_fragments();
  layers.first_fragment = layers.fragment && fragment.offset() == 0;
  if (!layers.fragment) return DropReason::none;  // RFC 6946: atomic
  return check_fragment(fragment.offset(), layers.l3_end - chain.at, fragment.more_fragments(), 0);
}

// One header of the chain, which has been seen to be an extension header.
DropReason take_extension(const Walk& walk, Chain& chain) {
  if (walk.layers.l3_end - chain.at < Extension::kLength) return DropReason::bad_ipv6_extension;
  const auto kind = static_cast<IpProtocol>(chain.next);
  if (kind == IpProtocol::kFragment) return take_fragment(walk, chain);
  const Extension extension(walk.frame + chain.at);
  const uint32_t octets = kind == IpProtocol::kAuth ? extension.auth_octets() : extension.octets();
  if (octets > walk.layers.l3_end - chain.at) return DropReason::bad_ipv6_extension;
  if (kind == IpProtocol::kRouting && extension.segments_left() != 0) {
    walk.layers.source_route = true;
  }
  // RFC 6275 section 11.3.1: what is above sees the home address, and sums with it.
  constexpr uint32_t kHead = 2;
  if (kind == IpProtocol::kDestination &&
      home_address(walk.frame + chain.at + kHead, octets - kHead) != nullptr) {
    walk.layers.source_route = walk.layers.home_address = true;
  }
  chain.next = extension.next_header();
  chain.at += octets;
  return DropReason::none;
}

// RFC 8200 section 4.1 lets headers come in any order, but hop-by-hop options only first.
DropReason walk_extensions(const Walk& walk, Chain& chain) {
  for (unsigned count = 0; is_extension(chain.next); ++count) {
    const bool late = chain.next == static_cast<uint8_t>(IpProtocol::kHopByHop) && count > 0;
    if (late || count == kMaxExtensions) return DropReason::bad_ipv6_extension;
    walk.layers.ip_options = true;
    const DropReason reason = take_extension(walk, chain);
    if (reason != DropReason::none) return reason;
    // What follows in a later fragment is the middle of something.
    if (walk.layers.fragment && !walk.layers.first_fragment) break;
  }
  return DropReason::none;
}

}  // namespace

DropReason parse_ipv6(const Walk& walk) {
  Layers& layers = walk.layers;
  layers.l3 = L3::kIpv6;
  const uint32_t room = walk.length - layers.l2_length;
  if (room < Ipv6::kLength) return DropReason::bad_ipv6_header;
  const Ipv6 ip(walk.frame + layers.l2_length);
  const uint32_t payload = walk.rules.super_frame ? room - Ipv6::kLength : ip.payload_length();
  if (ip.version() != 6 || payload > room - Ipv6::kLength) return DropReason::bad_ipv6_header;
  layers.l3_end = layers.l2_length + Ipv6::kLength + payload;

  Chain chain{layers.l2_length + Ipv6::kLength, ip.next_header()};
  DropReason reason = walk_extensions(walk, chain);
  layers.ip_protocol = chain.next;
  if (reason != DropReason::none) return reason;

  const bool has_l4 = (!layers.fragment || layers.first_fragment) &&
                      chain.next != static_cast<uint8_t>(IpProtocol::kNoNext);
  if (has_l4) {
    layers.l4_offset = static_cast<uint16_t>(chain.at);
    reason = parse_l4(walk);
    if (reason == DropReason::none && layers.l4 == L4::kIcmpv6 &&
        is_nd_type(walk.frame[layers.l4_offset])) {
      layers.nd_type = walk.frame[layers.l4_offset];
      reason = check_nd(walk, chain.fragment_header);
    }
    if (reason != DropReason::none) return reason;
  }
  const uint8_t protocol = layers.fragment ? chain.fragment_next : chain.next;
  layers.flow_hash = flow_hash_v6(ip.source_octets(), hash_ports(walk), protocol);
  return DropReason::none;
}

}  // namespace gatehouse::parse
