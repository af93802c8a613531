// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/datagram.hh"

#include <cstring>

#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"

namespace gatehouse::firewall {
namespace {

using Ipv4 = Ipv4Header<const uint8_t>;
using Ipv6 = Ipv6Header<const uint8_t>;
using Extension = Ipv6Extension<const uint8_t>;
using Ipv6Part = Ipv6Fragment<const uint8_t>;

constexpr unsigned kMaxExtensions = 8;   // as many as parse follows
constexpr uint32_t kQuotedOctets = 8;    // of L4 (RFC 792)
constexpr uint32_t kSequenceOffset = 4;  // in a TCP header

bool is_extension(IpProtocol next) {
  return next == IpProtocol::kHopByHop || next == IpProtocol::kRouting ||
         next == IpProtocol::kFragment || next == IpProtocol::kDestination ||
         next == IpProtocol::kAuth;
}

bool is_icmp_error(uint8_t type) {
  switch (static_cast<IcmpType>(type)) {
    case IcmpType::kUnreachable:
    case IcmpType::kSourceQuench:
    case IcmpType::kTimeExceeded:
    case IcmpType::kParameterProblem:
      return true;
    default:
      return false;
  }
}

// `octets` of IPv4 from `at` on.
bool quoted_ipv4(const uint8_t* at, uint32_t octets, FlowEnds& ends) {
  if (octets < Ipv4::kLength) return false;
  const Ipv4 ip(at);
  const uint32_t header = ip.header_length();
  if (ip.version() != 4 || header < Ipv4::kLength || ip.fragment_offset() != 0 ||
      octets < header + kQuotedOctets) {
    return false;
  }
  const auto protocol = static_cast<IpProtocol>(ip.protocol());
  const bool has_l4 =
      protocol == IpProtocol::kTcp || protocol == IpProtocol::kUdp || protocol == IpProtocol::kIcmp;
  ends = {ip.source_octets(), ip.destination_octets(), has_l4 ? at + header : nullptr, false,
          ip.protocol()};
  return true;
}

bool quoted_ipv6(const uint8_t* at, uint32_t octets, FlowEnds& ends) {
  if (octets < Ipv6::kLength) return false;
  const Ipv6 ip(at);
  if (ip.version() != 6) return false;
  uint32_t header = Ipv6::kLength;
  auto next = static_cast<IpProtocol>(ip.next_header());
  for (unsigned count = 0; is_extension(next); ++count) {
    if (count == kMaxExtensions || octets < header + Extension::kLength) return false;
    const bool part = next == IpProtocol::kFragment, auth = next == IpProtocol::kAuth;
    if (part && Ipv6Part(at + header).offset() != 0) return false;
    const Extension extension(at + header);
    next = static_cast<IpProtocol>(extension.next_header());
    header += part ? Ipv6Part::kLength : auth ? extension.auth_octets() : extension.octets();
  }
  if (octets < header + kQuotedOctets) return false;
  const bool has_l4 =
      next == IpProtocol::kTcp || next == IpProtocol::kUdp || next == IpProtocol::kIcmpv6;
  ends = {ip.source_octets(), ip.destination_octets(), has_l4 ? at + header : nullptr, true,
          static_cast<uint8_t>(next)};
  return true;
}

// Where extension headers that begin at `at` end, or a fragment header begins.
uint32_t behind_extensions(const uint8_t* frame, uint32_t at, IpProtocol next, uint32_t end) {
  while (is_extension(next) && next != IpProtocol::kFragment && at + Extension::kLength <= end) {
    const Extension extension(frame + at);
    at += next == IpProtocol::kAuth ? extension.auth_octets() : extension.octets();
    next = static_cast<IpProtocol>(extension.next_header());
  }
  return at;
}

}  // namespace

Kind kind_of_others(const uint8_t* frame, const Layers& layers) {
  if (layers.nd_type != 0 || (layers.l3 != L3::kIpv4 && layers.l3 != L3::kIpv6)) {
    return Kind::kExempt;
  }
  const uint8_t type = layers.l4_offset != 0 ? frame[layers.l4_offset] : 0;
  switch (layers.l4) {
    case L4::kIcmp:
      if (is_icmp_error(type)) return Kind::kError;
      return type == static_cast<uint8_t>(IcmpType::kEchoRequest) ||
                     type == static_cast<uint8_t>(IcmpType::kEchoReply)
                 ? Kind::kEcho
                 : Kind::kOtherIcmp;
    case L4::kIcmpv6:
      if (type < static_cast<uint8_t>(Icmpv6Type::kFirstInformational)) return Kind::kError;
      return type == static_cast<uint8_t>(Icmpv6Type::kEchoRequest) ||
                     type == static_cast<uint8_t>(Icmpv6Type::kEchoReply)
                 ? Kind::kEcho
                 : Kind::kOtherIcmp;
    default:
      return Kind::kOther;
  }
}

bool is_echo_answer(const uint8_t* frame, const Layers& layers) {
  const uint8_t type = frame[layers.l4_offset];
  return layers.l4 == L4::kIcmp ? type == static_cast<uint8_t>(IcmpType::kEchoReply)
                                : type == static_cast<uint8_t>(Icmpv6Type::kEchoReply);
}

Fragment fragment_of(const uint8_t* frame, const Layers& layers) {
  const uint8_t* l3 = frame + layers.l2_length;
  Fragment fragment;
  uint32_t begin = 0;  // of the fragments' part in the frame
  if (layers.l3 == L3::kIpv4) {
    const Ipv4 ip(l3);
    fragment.identification = ip.identification();
    fragment.offset = ip.fragment_offset();
    begin = layers.l2_length + ip.header_length();
  } else {
    // Parse has walked here: the chain is whole, and there is such a header.
    const uint32_t at =
        behind_extensions(frame, layers.l2_length + Ipv6::kLength,
                          static_cast<IpProtocol>(Ipv6(l3).next_header()), layers.l3_end);
    if (at + Ipv6Part::kLength > layers.l3_end) return fragment;
    const Ipv6Part part(frame + at);
    fragment.identification = part.identification();
    fragment.offset = part.offset();
    begin = at + Ipv6Part::kLength;
    // "No next header" has no offset, but the chain to it was judged as well.
    if (fragment.offset == 0 && layers.l4_offset == 0) {
      fragment.headers =
          behind_extensions(frame, begin, static_cast<IpProtocol>(part.next_header()),
                            layers.l3_end) -
          begin;
    }
  }
  const uint32_t headers = layers.payload_offset != 0 ? layers.payload_offset : layers.l4_offset;
  if (headers > begin) fragment.headers = headers - begin;
  return fragment;
}

FlowKey fragment_key(const uint8_t* frame, const Layers& layers, const Fragment& fragment,
                     FlowDirection direction, uint16_t owner) {
  FlowEnds ends = flow_ends(frame, layers);
  ends.l4 = nullptr;
  // RFC 8200 section 4.5: what the fragment headers of a datagram announce may differ.
  if (ends.v6) ends.protocol = static_cast<uint8_t>(IpProtocol::kFragment);
  FlowKey key = flow_key(ends, direction, owner);
  key.local_port = static_cast<uint16_t>(fragment.identification >> 16);
  key.remote_port = static_cast<uint16_t>(fragment.identification);
  key.remote_asks = direction == FlowDirection::kIn;
  return key;
}

bool quotation_of(const uint8_t* frame, const Layers& layers, Quotation& quotation) {
  const bool v6 = layers.l3 == L3::kIpv6;
  const uint8_t* at = frame + layers.payload_offset;
  const uint32_t octets = layers.l3_end - layers.payload_offset;
  FlowEnds& ends = quotation.ends;
  if (!(v6 ? quoted_ipv6(at, octets, ends) : quoted_ipv4(at, octets, ends))) return false;
  if (std::memcmp(ends.source, flow_ends(frame, layers).destination, v6 ? 16 : 4) != 0) {
    return false;
  }
  quotation.tcp = static_cast<IpProtocol>(ends.protocol) == IpProtocol::kTcp;
  if (quotation.tcp) quotation.sequence = load_be<uint32_t>(ends.l4 + kSequenceOffset);
  return true;
}

}  // namespace gatehouse::firewall
