// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/stateless/information.hh"

#include <cstring>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::stateless {
namespace {

constexpr auto kTcpProtocol = static_cast<uint8_t>(IpProtocol::kTcp);

}  // namespace

bool Information::set(uint32_t vni, const uint8_t* head, const Layers& layers) {
  const uint32_t headers = layers.payload_offset;
  if (headers > kMaxHeaders) return false;
  octets_[0] = static_cast<uint8_t>(vni >> 16);
  octets_[1] = static_cast<uint8_t>(vni >> 8);
  octets_[2] = static_cast<uint8_t>(vni);
  octets_[3] = static_cast<uint8_t>(layers.l2_length);
  octets_[4] = static_cast<uint8_t>(layers.l4_offset);
  std::memcpy(&octets_[kPrefix], head, headers);
  length_ = kPrefix + headers;
  return true;
}

bool Information::set(uint32_t octets, uint8_t x, const uint8_t* piece, uint8_t other_x,
                      const uint8_t* other_piece) {
  if (octets < kPrefix || octets > kMax) return false;
  length_ = octets;
  decode(x, piece, other_x, other_piece, {octets_.data(), length_});
  return is_sound();
}

// What write_part() relies on; the rest is parse's business.
bool Information::is_sound() const {
  const std::span<const uint8_t> head = headers();
  const uint32_t l3 = octets_[3], l4 = octets_[4];
  if (l3 < EthernetHeader<uint8_t>::kLength || l4 < l3 ||
      head.size() < l4 + TcpHeader<uint8_t>::kLength) {
    return false;
  }
  const TcpHeader tcp(head.data() + l4);
  if (tcp.header_length() != head.size() - l4) return false;
  if (l4 - l3 >= Ipv6Header<uint8_t>::kLength && head[l3] >> 4 == 6) return true;
  if (l4 - l3 < Ipv4Header<uint8_t>::kLength) return false;
  const Ipv4Header ip(head.data() + l3);
  return ip.version() == 4 && ip.header_length() == l4 - l3 && ip.protocol() == kTcpProtocol;
}

uint32_t Information::sequence() const { return TcpHeader(headers().data() + l4()).sequence(); }

void Information::write_part(uint8_t* head, uint32_t first, uint32_t payload, uint32_t mss,
                             bool last) const {
  const std::span<const uint8_t> whole = headers();
  const uint32_t l3 = octets_[3], l4 = octets_[4];
  const auto l4_length = static_cast<uint32_t>(whole.size() - l4 + payload);
  std::memcpy(head, whole.data(), whole.size());
  const TcpHeader tcp(head + l4);
  tcp.set_sequence(tcp.sequence() + first * mss);
  uint8_t flags = tcp.flags();
  if (first != 0) flags &= static_cast<uint8_t>(~tcp.kCwr);  // RFC 3168 section 6.1.2
  if (!last) flags &= static_cast<uint8_t>(~(tcp.kFin | tcp.kPsh));
  tcp.set_flags(flags);
  uint16_t pseudo;
  if (head[l3] >> 4 == 6) {
    const Ipv6Header ip(head + l3);
    ip.set_payload_length(static_cast<uint16_t>(l4 - l3 - ip.kLength + l4_length));
    pseudo =
        checksum::pseudo_v6(ip.source_octets(), ip.destination_octets(), kTcpProtocol, l4_length);
  } else {
    const Ipv4Header ip(head + l3);
    ip.set_total_length(static_cast<uint16_t>(l4 - l3 + l4_length));
    ip.set_identification(static_cast<uint16_t>(ip.identification() + first));
    ip.set_checksum(0);
    ip.set_checksum(checksum::finish(checksum::sum(ip.at(), l4 - l3)));
    pseudo = checksum::pseudo_v4(ip.source_octets(), ip.destination_octets(), kTcpProtocol,
                                 static_cast<uint16_t>(l4_length));
  }
  tcp.set_checksum(pseudo);
}

}  // namespace gatehouse::stateless
