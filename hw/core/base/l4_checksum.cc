// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/l4_checksum.hh"

#include <algorithm>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"

namespace gatehouse {
namespace {

// Octets that the L4 checksum covers: UDP says so itself, for others it is the rest of the
// datagram.
uint32_t l4_length(const uint8_t* frame, const Layers& layers) {
  const uint32_t rest = layers.l3_end - layers.l4_offset;
  if (layers.l4 != L4::kUdp) return rest;
  return std::min<uint32_t>(UdpHeader(frame + layers.l4_offset).length(), rest);
}

uint16_t pseudo_sum(const uint8_t* frame, const Layers& layers, uint32_t length) {
  const uint8_t* l3 = frame + layers.l2_length;
  if (layers.l3 == L3::kIpv6) {
    const Ipv6Header ip(l3);
    return checksum::pseudo_v6(ip.source_octets(), ip.destination_octets(), layers.ip_protocol,
                               length);
  }
  if (layers.l4 == L4::kIcmp) return 0;  // RFC 792 has no pseudo header
  const Ipv4Header ip(l3);
  return checksum::pseudo_v4(ip.source_octets(), ip.destination_octets(), layers.ip_protocol,
                             static_cast<uint16_t>(length));
}

bool has_l4_checksum(const Layers& layers) {
  return !layers.fragment && !layers.source_route && layers.payload_offset != 0;
}

uint32_t checksum_at(L4 l4) {
  switch (l4) {
    case L4::kTcp:
      return TcpHeader<uint8_t>::checksum_at;
    case L4::kUdp:
      return UdpHeader<uint8_t>::checksum_at;
    default:
      return IcmpHeader<uint8_t>::checksum_at;
  }
}

}  // namespace

ChecksumState verify_l4_checksum(const uint8_t* frame, const Layers& layers) {
  if (!has_l4_checksum(layers)) return ChecksumState::kNone;
  const uint8_t* l4 = frame + layers.l4_offset;
  if (layers.l4 == L4::kUdp && UdpHeader(l4).checksum() == 0) {
    return layers.l3 == L3::kIpv6 ? ChecksumState::kBad : ChecksumState::kNone;
  }
  const uint32_t length = l4_length(frame, layers);
  const uint16_t whole =
      checksum::add(checksum::sum(l4, length), pseudo_sum(frame, layers, length));
  return whole == 0xffff ? ChecksumState::kGood : ChecksumState::kBad;
}

ChecksumState verify_l4_checksum(Packet& packet) {
  const ChecksumState state = verify_l4_checksum(packet.data, packet.layers);
  packet.l4_checksum_checked = state != ChecksumState::kNone;
  packet.l4_checksum_good = state == ChecksumState::kGood;
  return state;
}

void complete_checksums(uint8_t* frame, const Layers& layers) {
  if (layers.l3 == L3::kIpv4) {
    const Ipv4Header ip(frame + layers.l2_length);
    ip.set_checksum(0);
    ip.set_checksum(checksum::finish(checksum::sum(ip.at(), ip.header_length())));
  }
  if (!has_l4_checksum(layers)) return;
  uint8_t* l4 = frame + layers.l4_offset;
  uint8_t* field = l4 + checksum_at(layers.l4);
  store_be<uint16_t>(field, 0);
  const uint32_t length = l4_length(frame, layers);
  const uint16_t whole =
      checksum::add(checksum::sum(l4, length), pseudo_sum(frame, layers, length));
  store_be<uint16_t>(field,
                     layers.l4 == L4::kUdp ? checksum::finish_udp(whole) : checksum::finish(whole));
}

void complete_checksums(Packet& packet) {
  complete_checksums(packet.data, packet.layers);
  packet.l4_checksum_checked = packet.l4_checksum_good = has_l4_checksum(packet.layers);
}

}  // namespace gatehouse
