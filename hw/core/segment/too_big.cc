// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/segment/too_big.hh"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"

namespace gatehouse::segment {
namespace {

using Ethernet = EthernetHeader<const uint8_t>;
using Ipv4 = Ipv4Header<const uint8_t>;
using Ipv6 = Ipv6Header<const uint8_t>;
using Icmp = IcmpHeader<uint8_t>;

constexpr uint32_t kMaxIcmpDatagram = 576;     // RFC 1812 section 4.3.2.3
constexpr uint32_t kMaxIcmpv6Datagram = 1280;  // RFC 4443 section 2.4 c
constexpr uint8_t kTtl = 64;
constexpr uint8_t kInternetworkControl = 0xc0;  // precedence 6, RFC 1812 section 4.3.2.5

// RFC 1122 section 3.2.2: not one host's address as a source, or as a destination.
bool names_one_host(const IpAddress& ip) {
  if (is_multicast(ip) || is_unspecified(ip)) return false;
  // 0.0.0.0/8, 127.0.0.0/8, 240.0.0.0/4 and the limited broadcast address in it.
  return ip.is_v6() || (ip.octets[0] != 0 && ip.octets[0] != 127 && ip.octets[0] < 240);
}

bool is_icmp_error(const Packet& packet) {
  const L4 l4 = packet.layers.l4;
  if (l4 != L4::kIcmp && l4 != L4::kIcmpv6) return false;
  const uint8_t type = packet.data[packet.layers.l4_offset + Icmp::type_at];
  if (l4 == L4::kIcmpv6) {
    return type < static_cast<uint8_t>(Icmpv6Type::kFirstInformational) ||
           type == static_cast<uint8_t>(Icmpv6Type::kNdRedirect);
  }
  switch (static_cast<IcmpType>(type)) {
    case IcmpType::kUnreachable:
    case IcmpType::kSourceQuench:
    case IcmpType::kRedirect:
    case IcmpType::kTimeExceeded:
    case IcmpType::kParameterProblem:
      return true;
    default:
      return false;
  }
}

bool may_answer(const Packet& packet, const IpAddress& source) {
  const Layers& layers = packet.layers;
  const uint8_t* l3 = packet.data + layers.l2_length;
  if (Ethernet(packet.data).destination().is_multicast()) return false;
  if (layers.fragment && !layers.first_fragment) return false;
  if (layers.l3 == L3::kIpv4) {
    if (!source.is_v4() || !names_one_host(Ipv4(l3).source())) return false;
    if (!names_one_host(Ipv4(l3).destination())) return false;
  } else if (layers.l3 == L3::kIpv6) {
    if (!source.is_v6() || !names_one_host(Ipv6(l3).source())) return false;
    if (!names_one_host(Ipv6(l3).destination())) return false;
  } else {
    return false;
  }
  return !is_icmp_error(packet);
}

// A super-frame's IP length is whatever the driver left there: the quote has that of the segment
// that did not fit.
void mend_quote(const Packet& packet, uint8_t* quote) {
  if (!packet.offload.tso) return;
  const Layers& layers = packet.layers;
  const uint32_t payload = packet.length - layers.payload_offset;
  const uint32_t datagram =
      layers.payload_offset - layers.l2_length + std::min<uint32_t>(packet.offload.mss, payload);
  if (layers.l3 == L3::kIpv6) {
    Ipv6Header(quote).set_payload_length(static_cast<uint16_t>(datagram - Ipv6::kLength));
    return;
  }
  const Ipv4Header ip(quote);
  ip.set_total_length(static_cast<uint16_t>(std::min(datagram, kLargestDatagram)));
  ip.set_checksum(0);
  ip.set_checksum(checksum::finish(checksum::sum(quote, ip.header_length())));
}

// The ICMP message at `icmp`, its checksum still without a pseudo header's part. Answers its
// octets.
uint32_t write_message(const Packet& offending, uint32_t room, uint8_t* icmp) {
  const Layers& layers = offending.layers;
  const uint32_t quoted = std::min(layers.l3_end - layers.l2_length, room - Icmp::kLength);
  std::memset(icmp, 0, Icmp::kLength);
  std::memcpy(icmp + Icmp::kLength, offending.data + layers.l2_length, quoted);
  mend_quote(offending, icmp + Icmp::kLength);
  return Icmp::kLength + quoted;
}

uint32_t write_v4(const Packet& offending, uint32_t mtu, const IpAddress& source, uint8_t* l3) {
  const Ipv4Header ip(l3);
  uint8_t* message = l3 + ip.kLength;
  const uint32_t octets = write_message(offending, kMaxIcmpDatagram - ip.kLength, message);
  const Icmp icmp(message);
  icmp.set_type(static_cast<uint8_t>(IcmpType::kUnreachable));
  icmp.set_code(kIcmpFragmentationNeeded);
  icmp.set_next_hop_mtu(static_cast<uint16_t>(std::min(mtu, kLargestDatagram)));
  icmp.set_checksum(checksum::finish(checksum::sum(message, octets)));

  std::memset(l3, 0, ip.kLength);
  ip.set_version_ihl(0x45);
  ip.set_tos(kInternetworkControl);
  ip.set_total_length(static_cast<uint16_t>(ip.kLength + octets));
  ip.set_fragment(ip.kDontFragment);
  ip.set_ttl(kTtl);
  ip.set_protocol(static_cast<uint8_t>(IpProtocol::kIcmp));
  ip.set_source(source);
  ip.set_destination(Ipv4(offending.data + offending.layers.l2_length).source());
  ip.set_checksum(checksum::finish(checksum::sum(l3, ip.kLength)));
  return ip.kLength + octets;
}

uint32_t write_v6(const Packet& offending, uint32_t mtu, const IpAddress& source, uint8_t* l3) {
  const Ipv6Header ip(l3);
  uint8_t* message = l3 + ip.kLength;
  const uint32_t octets = write_message(offending, kMaxIcmpv6Datagram - ip.kLength, message);
  const auto protocol = static_cast<uint8_t>(IpProtocol::kIcmpv6);
  std::memset(l3, 0, ip.kLength);
  ip.set_version_class_flow(6u << 28);
  ip.set_payload_length(static_cast<uint16_t>(octets));
  ip.set_next_header(protocol);
  ip.set_hop_limit(kTtl);
  ip.set_source(source);
  ip.set_destination(Ipv6(offending.data + offending.layers.l2_length).source());

  const Icmp icmp(message);
  icmp.set_type(static_cast<uint8_t>(Icmpv6Type::kPacketTooBig));
  icmp.set_rest(mtu);
  const uint16_t pseudo =
      checksum::pseudo_v6(ip.source_octets(), ip.destination_octets(), protocol, octets);
  icmp.set_checksum(checksum::finish(checksum::add(checksum::sum(message, octets), pseudo)));
  return ip.kLength + octets;
}

}  // namespace

bool make_too_big(const Packet& offending, uint32_t mtu, const MacAddress& source_mac,
                  const IpAddress& source, Packet& answer) {
  answer.length = 0;
  if (!may_answer(offending, source)) return false;
  assert(answer.tailroom() >= kTooBigOctets);
  const uint32_t l2 = offending.layers.l2_length;
  std::memcpy(answer.data, offending.data, l2);  // with its tags
  const EthernetHeader ethernet(answer.data);
  ethernet.set_destination(Ethernet(offending.data).source());
  ethernet.set_source(source_mac);
  uint8_t* l3 = answer.data + l2;
  const uint32_t datagram = offending.layers.l3 == L3::kIpv4 ? write_v4(offending, mtu, source, l3)
                                                             : write_v6(offending, mtu, source, l3);
  answer.length = l2 + datagram;
  return true;
}

}  // namespace gatehouse::segment
