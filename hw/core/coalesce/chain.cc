// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/coalesce/chain.hh"

#include <algorithm>
#include <cstring>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/ecn.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::coalesce {
namespace {

using checksum::add;
using Tcp = TcpHeader<const uint8_t>;
using Ipv4 = Ipv4Header<const uint8_t>;
using Ipv6 = Ipv6Header<const uint8_t>;

constexpr uint8_t kLastFlags = Tcp::kPsh | Tcp::kFin;
// A checksum that ones' complement has twice: what the card computes is the other one.
constexpr uint16_t kOtherZero = 0xffff;

const uint8_t* l3_of(const Packet& packet) { return packet.data + packet.layers.l2_length; }
Tcp tcp_of(const Packet& packet) { return Tcp(packet.data + packet.layers.l4_offset); }
uint32_t payload_of(const Packet& packet) {
  return packet.layers.l3_end - packet.layers.payload_offset;
}

uint16_t pseudo_sum(const uint8_t* l3, const Layers& layers, uint32_t length) {
  if (layers.l3 == L3::kIpv6) {
    const Ipv6 ip(l3);
    return checksum::pseudo_v6(ip.source_octets(), ip.destination_octets(), layers.ip_protocol,
                               length);
  }
  const Ipv4 ip(l3);
  return checksum::pseudo_v4(ip.source_octets(), ip.destination_octets(), layers.ip_protocol,
                             static_cast<uint16_t>(length));
}

}  // namespace

bool is_congestion_marked(const Packet& packet) {
  if (packet.layers.l3 == L3::kIpv6) return (Ipv6(l3_of(packet)).traffic_class() & kCe) == kCe;
  return packet.layers.l3 == L3::kIpv4 && (Ipv4(l3_of(packet)).tos() & kCe) == kCe;
}

bool is_segment(const Packet& packet) {
  const Layers& layers = packet.layers;
  const Tcp tcp = tcp_of(packet);
  const bool flags = (tcp.flags() & ~(kLastFlags | Tcp::kEce)) == Tcp::kAck;
  const bool plain =
      layers.l3 != L3::kIpv4 || (Ipv4(l3_of(packet)).fragment() & ~Ipv4::kDontFragment) == 0;
  return flags && plain && !is_congestion_marked(packet) && packet.wire_mss == 0 &&
         !packet.offload.tso && !layers.ip_options && !layers.source_route &&
         layers.l3_end == packet.length && layers.payload_offset < layers.l3_end &&
         (packet.data[0] & 1) == 0;
}

bool is_sound(Packet& packet, uint16_t& payload_sum) {
  const Layers& layers = packet.layers;
  const Tcp tcp = tcp_of(packet);
  const uint32_t header = tcp.header_length();
  const uint32_t payload = payload_of(packet);
  const uint16_t rest =
      add(checksum::sum(tcp.at(), header), pseudo_sum(l3_of(packet), layers, header + payload));
  if (packet.l4_checksum_checked) {
    payload_sum = checksum::subtract(0xffff, rest);
  } else {
    payload_sum = checksum::sum(packet.data + layers.payload_offset, payload);
    packet.l4_checksum_checked = true;
    packet.l4_checksum_good = add(rest, payload_sum) == 0xffff;
  }
  if (!packet.l4_checksum_good || tcp.checksum() == kOtherZero) return false;
  return layers.l3 != L3::kIpv4 || Ipv4(l3_of(packet)).checksum() != kOtherZero;
}

void Chain::begin(Packet& packet, const Origin& origin, uint16_t payload_sum) {
  head_ = &packet;
  origin_ = origin;
  segments_ = 1;
  payload_ = payload_of(packet);
  mss_ = static_cast<uint16_t>(payload_);
  next_sequence_ = tcp_of(packet).sequence() + payload_;
  payload_sum_ = payload_sum;
  last_flags_ = 0;
  ids_ = Ids::kUnknown;
}

bool Chain::has_room(uint32_t octets, const Limits& limits) const {
  const uint32_t frame = this->octets() + octets;
  return segments_ < limits.segments && frame - head_->layers.l2_length <= limits.datagram &&
         (origin_.largest == 0 || frame <= origin_.largest);
}

Cause Chain::obstacle(const Packet& packet, const Origin& origin, const Limits& limits) const {
  const Tcp tcp = tcp_of(packet);
  if (tcp.sequence() != next_sequence_) return Cause::sequence;
  if (origin != origin_ || packet.port != head_->port ||
      std::memcmp(packet.data - origin.opaque, head_->data - origin.opaque, origin.opaque) != 0) {
    return Cause::outer;
  }
  if (!headers_agree(packet) || payload_of(packet) > mss_) return Cause::header;
  Ids ids = ids_;
  if (packet.layers.l3 == L3::kIpv4 && !id_follows(packet, ids)) return Cause::header;
  return has_room(payload_of(packet), limits) ? Cause::none : Cause::full;
}

// Addresses and ports agree: it is the same flow.
bool Chain::headers_agree(const Packet& packet) const {
  const Layers& layers = packet.layers;
  const Layers& first = head_->layers;
  if (layers.l2_length != first.l2_length || layers.payload_offset != first.payload_offset ||
      std::memcmp(packet.data, head_->data, layers.l2_length) != 0) {
    return false;
  }
  if (layers.l3 == L3::kIpv4) {
    const Ipv4 one(l3_of(*head_)), other(l3_of(packet));
    if (one.tos() != other.tos() || one.ttl() != other.ttl() || one.fragment() != other.fragment())
      return false;
  } else {
    const Ipv6 one(l3_of(*head_)), other(l3_of(packet));
    if (one.version_class_flow() != other.version_class_flow() ||
        one.hop_limit() != other.hop_limit()) {
      return false;
    }
  }
  const Tcp one = tcp_of(*head_), other = tcp_of(packet);
  const auto lasting = static_cast<uint8_t>(~kLastFlags);
  return (one.flags() & lasting) == (other.flags() & lasting) &&
         one.acknowledgement() == other.acknowledgement() &&
         one.data_offset() == other.data_offset() && one.window() == other.window() &&
         one.urgent() == other.urgent() &&
         std::memcmp(one.at() + Tcp::kLength, other.at() + Tcp::kLength,
                     one.header_length() - Tcp::kLength) == 0;
}

// Identifications count up, or stay what they are where RFC 6864 gives them no meaning (DF set, no
// fragment). The second segment shows which of the two.
bool Chain::id_follows(const Packet& packet, Ids& ids) const {
  const Ipv4 one(l3_of(*head_)), other(l3_of(packet));
  const auto distance = static_cast<uint16_t>(other.identification() - one.identification());
  if (ids != Ids::kSame && distance == segments_) {
    ids = Ids::kRunning;
    return true;
  }
  if (ids != Ids::kRunning && distance == 0 && one.dont_fragment()) {
    ids = Ids::kSame;
    return true;
  }
  return false;
}

Cause Chain::append(const Packet& packet, uint16_t payload_sum, const Limits& limits) {
  const uint32_t octets = payload_of(packet);
  if (packet.layers.l3 == L3::kIpv4) static_cast<void>(id_follows(packet, ids_));
  payload_sum_ = checksum::add_at(payload_sum_, payload_sum, payload_);
  payload_ += octets;
  next_sequence_ += octets;
  ++segments_;
  last_flags_ = tcp_of(packet).flags() & kLastFlags;
  if (octets < mss_ || last_flags_ != 0) return Cause::ended;
  return has_room(mss_, limits) ? Cause::none : Cause::full;
}

void Chain::write_headers(Packet& to) const {
  const uint32_t headers = head_->layers.payload_offset;
  std::memcpy(to.data, head_->data, headers);
  to.length = octets();
  to.port = head_->port;
  to.cookie = head_->cookie;
  to.layers = head_->layers;
  to.layers.l3_end = to.length;
  to.layers.tcp_flags |= last_flags_;
  to.l4_checksum_checked = to.l4_checksum_good = true;
  to.offload = {.tso = true,
                .tcp = true,
                .ipv4 = to.layers.l3 == L3::kIpv4,
                .same_id = ids_ == Ids::kSame,
                .mss = mss_,
                .header_length = static_cast<uint16_t>(headers),
                .payload_length = payload_};

  uint8_t* l3 = to.data + to.layers.l2_length;
  const uint32_t datagram = to.length - to.layers.l2_length;
  if (to.layers.l3 == L3::kIpv4) {
    const Ipv4Header ip(l3);
    const uint16_t before = ip.total_length();
    ip.set_total_length(static_cast<uint16_t>(datagram));
    ip.set_checksum(checksum::update(ip.checksum(), before, ip.total_length()));
  } else {
    Ipv6Header(l3).set_payload_length(static_cast<uint16_t>(datagram - Ipv6::kLength));
  }
  const TcpHeader tcp(to.data + to.layers.l4_offset);
  const uint32_t header = tcp.header_length();
  tcp.set_flags(tcp.flags() | last_flags_);
  tcp.set_checksum(0);
  const uint16_t own =
      add(checksum::sum(tcp.at(), header), pseudo_sum(l3, to.layers, header + payload_));
  tcp.set_checksum(checksum::finish(add(own, payload_sum_)));
}

}  // namespace gatehouse::coalesce
