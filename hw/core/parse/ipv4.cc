// SPDX-License-Identifier: GPL-2.0-or-later
// IPv4 and what both IP versions share.
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/parse/flow_hash.hh"
#include "hw/core/parse/walk.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;
using Ipv4 = Ipv4Header<const uint8_t>;
using Tcp = TcpHeader<const uint8_t>;
using Udp = UdpHeader<const uint8_t>;
using Icmp = IcmpHeader<const uint8_t>;

// RFC 791 section 3.1: the list of options ends inside the header, each with a length that covers
// its own two octets.
bool options_well_formed(const uint8_t* options, uint32_t octets) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1;
  for (uint32_t at = 0; at < octets && options[at] != kEnd;) {
    if (options[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= octets || options[at + 1] < 2 || options[at + 1] > octets - at) return false;
    at += options[at + 1];
  }
  return true;
}

bool header_checksum_right(const Ipv4& ip, uint32_t header_octets) {
  if (header_octets == Ipv4::kLength) return plain_header_right(ip.at());
  return checksum::sum(ip.at(), header_octets) == 0xffff;
}

DropReason parse_udp(const Walk& walk) {
  Layers& layers = walk.layers;
  const uint32_t rest = layers.l3_end - layers.l4_offset;
  layers.l4 = L4::kUdp;
  if (rest < Udp::kLength) return DropReason::truncated_l4;
  const uint32_t claimed = Udp(walk.frame + layers.l4_offset).length();
  const bool too_long = claimed > rest && !layers.fragment;
  if (!walk.rules.super_frame && (claimed < Udp::kLength || too_long)) {
    return DropReason::truncated_l4;
  }
  layers.payload_offset = static_cast<uint16_t>(layers.l4_offset + Udp::kLength);
  return DropReason::none;
}

DropReason parse_tcp(const Walk& walk) {
  Layers& layers = walk.layers;
  const uint32_t rest = layers.l3_end - layers.l4_offset;
  layers.l4 = L4::kTcp;
  if (rest < Tcp::kLength) return DropReason::truncated_l4;
  const Tcp tcp(walk.frame + layers.l4_offset);
  const uint32_t octets = tcp.header_length();
  if (octets < Tcp::kLength || octets > rest) return DropReason::truncated_l4;
  layers.tcp_flags = tcp.flags();
  layers.payload_offset = static_cast<uint16_t>(layers.l4_offset + octets);
  return DropReason::none;
}

DropReason parse_icmp(const Walk& walk, L4 l4) {
  Layers& layers = walk.layers;
  layers.l4 = l4;
  if (layers.l3_end - layers.l4_offset < Icmp::kLength) return DropReason::truncated_l4;
  layers.payload_offset = static_cast<uint16_t>(layers.l4_offset + Icmp::kLength);
  return DropReason::none;
}

}  // namespace

DropReason parse_l4(const Walk& walk) {
  Layers& layers = walk.layers;
  switch (static_cast<IpProtocol>(layers.ip_protocol)) {
    case IpProtocol::kTcp:
      return parse_tcp(walk);
    case IpProtocol::kUdp:
      return parse_udp(walk);
    case IpProtocol::kIcmp:
      if (layers.l3 == L3::kIpv4) return parse_icmp(walk, L4::kIcmp);
      break;
    case IpProtocol::kIcmpv6:
      if (layers.l3 == L3::kIpv6) return parse_icmp(walk, L4::kIcmpv6);
      break;
    default:
      break;
  }
  layers.l4 = L4::kOther;
  return DropReason::none;
}

uint32_t hash_ports(const Walk& walk) {
  const Layers& layers = walk.layers;
  if (layers.fragment || (layers.l4 != L4::kTcp && layers.l4 != L4::kUdp)) return 0;
  return load_le<uint32_t>(walk.frame + layers.l4_offset);
}

DropReason check_fragment(uint32_t offset, uint32_t octets, bool more, uint32_t header_octets) {
  if (octets == 0 || (more && octets % 8 != 0) ||
      header_octets + offset + octets > kLargestDatagram) {
    return DropReason::bad_fragment;
  }
  return DropReason::none;
}

DropReason parse_ipv4(const Walk& walk) {
  Layers& layers = walk.layers;
  layers.l3 = L3::kIpv4;
  const uint32_t room = walk.length - layers.l2_length;
  if (room < Ipv4::kLength) return DropReason::bad_ipv4_header;
  const Ipv4 ip(walk.frame + layers.l2_length);
  const uint32_t header = ip.header_length();
  const uint32_t total = walk.rules.super_frame ? room : ip.total_length();
  if (ip.version() != 4 || header < Ipv4::kLength || total < header || total > room) {
    return DropReason::bad_ipv4_header;
  }
  if (header > Ipv4::kLength) {
    layers.ip_options = true;
    if (!options_well_formed(ip.at() + Ipv4::kLength, header - Ipv4::kLength)) {
      return DropReason::bad_ipv4_header;
    }
  }
  if (walk.rules.ipv4_checksum && !walk.rules.super_frame && !header_checksum_right(ip, header)) {
    return DropReason::bad_ipv4_checksum;
  }
  layers.l3_end = layers.l2_length + total;
  layers.ip_protocol = ip.protocol();

  const bool more = ip.more_fragments();
  const uint32_t offset = ip.fragment_offset();
  if (more || offset != 0) {
    layers.fragment = true;
    layers.first_fragment = offset == 0;
    DropReason reason = check_fragment(offset, total - header, more, header);
    // A second fragment that begins inside the TCP header would overwrite checked flags (RFC 3128).
    const bool hides_flags = ip.protocol() == static_cast<uint8_t>(IpProtocol::kTcp) && offset == 8;
    if (reason == DropReason::none && hides_flags) reason = DropReason::bad_fragment;
    if (reason != DropReason::none) return reason;
  }
  if (!layers.fragment || layers.first_fragment) {
    layers.l4_offset = static_cast<uint16_t>(layers.l2_length + header);
    const DropReason reason = parse_l4(walk);
    if (reason != DropReason::none) return reason;
  }
  layers.flow_hash = flow_hash_v4(ip.source_octets(), hash_ports(walk), layers.ip_protocol);
  return DropReason::none;
}

}  // namespace gatehouse::parse
