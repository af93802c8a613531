// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/encapsulate/outer.hh"

#include <cassert>
#include <cstring>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::encapsulate {
namespace {

constexpr uint32_t kTunnelLength = 8;        // VXLAN, and Geneve without options
constexpr uint8_t kVxlanVni = 0x08;          // I flag, RFC 7348 section 5
constexpr uint8_t kGeneveCritical = 0x40;    // C flag, RFC 8926 section 3.4
constexpr uint8_t kOptionCritical = 0x80;    // in an option's type, section 3.5
constexpr uint8_t kOptionLengthMask = 0x1f;  // in units of 4 octets
constexpr uint8_t kEcnMask = 0x03;           // RFC 3168 section 5

bool has_critical_option(const std::vector<uint8_t>& options) {
  for (size_t at = 0; at + 4 <= options.size();) {
    if ((options[at + 2] & kOptionCritical) != 0) return true;
    at += 4 + (options[at + 3] & kOptionLengthMask) * 4u;
  }
  return false;
}

void write_tunnel(uint8_t* to, const policy::Format& format, uint32_t vni) {
  if (format.kind == policy::FormatKind::kVxlan) {
    to[0] = kVxlanVni;
  } else {
    to[0] = static_cast<uint8_t>(format.options.size() / 4);  // version 0
    to[1] = has_critical_option(format.options) ? kGeneveCritical : 0;
    store_be<uint16_t>(to + 2, static_cast<uint16_t>(EtherType::kTransparentEthernet));
  }
  store_be<uint32_t>(to + 4, vni << 8);
}

}  // namespace

uint32_t mtu_overhead(bool v6, const policy::Format& format) {
  const uint32_t ip = v6 ? Ipv6Header<uint8_t>::kLength : Ipv4Header<uint8_t>::kLength;
  const bool geneve = format.kind == policy::FormatKind::kGeneve;
  return ip + UdpHeader<uint8_t>::kLength + kTunnelLength +
         (geneve ? static_cast<uint32_t>(format.options.size()) : 0);
}

Outer::Outer(const Ends& ends, const policy::Format& format) {
  v6_ = ends.peer.is_v6();
  const bool geneve = format.kind == policy::FormatKind::kGeneve;
  if (geneve) {
    options_ = format.options.data();
    options_length_ = static_cast<uint16_t>(format.options.size());
  }
  const uint32_t tag = ends.vlan != 0 ? VlanTag<uint8_t>::kLength : 0;
  l2_length_ = static_cast<uint8_t>(EthernetHeader<uint8_t>::kLength + tag);
  length_ = static_cast<uint8_t>(l2_length_ + mtu_overhead(v6_, format) - options_length_);
  udp_checksum_ = v6_ ? !format.zero_checksum_ipv6 : format.udp_checksum;
  dscp_ = static_cast<uint8_t>(format.dscp.value_or(0) << 2);
  dscp_mask_ = format.dscp ? kEcnMask : 0xff;

  uint8_t* at = template_ + kTemplate - length_;
  const EthernetHeader ethernet(at);
  ethernet.set_source(ends.source_mac);
  at += EthernetHeader<uint8_t>::kLength;
  const auto type = static_cast<uint16_t>(v6_ ? EtherType::kIpv6 : EtherType::kIpv4);
  ethernet.set_ether_type(tag != 0 ? static_cast<uint16_t>(EtherType::kVlan) : type);
  if (tag != 0) {
    const VlanTag vlan(at);
    vlan.set_tci(ends.vlan);
    vlan.set_ether_type(type);
    at += tag;
  }

  constexpr auto kUdp = static_cast<uint8_t>(IpProtocol::kUdp);
  if (v6_) {
    const Ipv6Header ip(at);
    ip.set_version_class_flow(0x60000000);
    ip.set_next_header(kUdp);
    ip.set_hop_limit(format.ttl);
    ip.set_source(ends.source);
    ip.set_destination(ends.peer);
    udp_sum_ = checksum::pseudo_v6(ip.source_octets(), ip.destination_octets(), kUdp, 0);
    at += ip.kLength;
  } else {
    const Ipv4Header ip(at);
    ip.set_version_ihl(0x45);
    ip.set_fragment(ip.kDontFragment);
    ip.set_ttl(format.ttl);
    ip.set_protocol(kUdp);
    ip.set_source(ends.source);
    ip.set_destination(ends.peer);
    ip_sum_ = checksum::sum(at, ip.kLength);
    udp_sum_ = checksum::pseudo_v4(ip.source_octets(), ip.destination_octets(), kUdp, 0);
    at += ip.kLength;
  }
  UdpHeader(at).set_destination_port(format.port);
  write_tunnel(at + UdpHeader<uint8_t>::kLength, format, ends.vni);
}

uint32_t Outer::udp_offset() const { return length_ - kTunnelLength - UdpHeader<uint8_t>::kLength; }

uint8_t* Outer::push(uint8_t* inner, uint32_t length, Inner about, uint16_t identification) const {
  uint8_t* end = inner - options_length_;
  if (options_length_ != 0) std::memcpy(end, options_, options_length_);
  std::memcpy(end - kTemplate, template_, kTemplate);

  uint8_t* start = end - length_;
  uint8_t* ip = start + l2_length_;
  uint8_t* udp = start + udp_offset();
  const auto udp_length = static_cast<uint16_t>(inner + length - udp);
  // RFC 6040 section 4.1, normal mode: ECN is copied. DSCP by the format (RFC 2983).
  const auto tos = static_cast<uint8_t>(dscp_ | (about.traffic_class & dscp_mask_));
  if (v6_) {
    const Ipv6Header header(ip);
    header.set_version_class_flow(0x60000000u | uint32_t{tos} << 20);
    header.set_payload_length(udp_length);
  } else {
    const Ipv4Header header(ip);
    const auto total = static_cast<uint16_t>(udp_length + header.kLength);
    header.set_tos(tos);
    header.set_total_length(total);
    header.set_identification(identification);
    header.set_checksum(
        checksum::finish(checksum::fold(uint64_t{ip_sum_} + tos + total + identification)));
  }
  const UdpHeader header(udp);
  // RFC 7348 section 5, RFC 8926 section 3.3: entropy in the dynamic range of RFC 6335.
  header.set_source_port(static_cast<uint16_t>(0xc000 | (about.hash ^ about.hash >> 16) >> 2));
  header.set_length(udp_length);
  return start;
}

void Outer::complete_checksum(uint8_t* head, uint32_t head_length, const Slice& body) const {
  uint8_t* udp = head + udp_offset();
  const auto in_head = static_cast<uint32_t>(head + head_length - udp);
  const UdpHeader header(udp);
  header.set_checksum(0);
  uint16_t sum = checksum::add(udp_sum_, header.length());
  sum = checksum::add(sum, checksum::sum(udp, in_head));
  sum = checksum::add_at(sum, checksum::sum(body.data, body.length), in_head);
  header.set_checksum(checksum::finish_udp(sum));
}

void Outer::begin_checksum(uint8_t* head) const {
  const UdpHeader header(head + udp_offset());
  header.set_checksum(checksum::add(udp_sum_, header.length()));
}

}  // namespace gatehouse::encapsulate
