// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/uplink/super_datagram.hh"

#include <cstring>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::uplink {
namespace {

constexpr uint8_t kUdp = static_cast<uint8_t>(IpProtocol::kUdp);
// More segments than this the kernel does not take from one datagram (UDP_MAX_SEGMENTS was 64 for
// long).
constexpr size_t kMaxFrames = 64;

// The outer headers of a frame that the card made: they lie in its first piece.
struct Outer {
  const uint8_t* at = nullptr;
  uint32_t ip_offset = 0;
  uint32_t udp_offset = 0;
  uint32_t header_length = 0;
  bool ipv4 = false;
  bool udp = false;
};

Outer find_outer(const OutFrame& frame) {
  Outer outer;
  const Slice& first = frame.head.length ? frame.head : frame.body;
  if (first.length < SuperDatagram::kMaxHeader) return outer;
  outer.at = first.data;
  outer.ip_offset = EthernetHeader<const uint8_t>::kLength;
  uint16_t type = EthernetHeader(first.data).ether_type();
  if (is_vlan_type(type)) {
    type = VlanTag(first.data + outer.ip_offset).ether_type();
    outer.ip_offset += VlanTag<const uint8_t>::kLength;
  }
  const uint8_t* ip = first.data + outer.ip_offset;
  if (type == static_cast<uint16_t>(EtherType::kIpv4)) {
    const Ipv4Header header(ip);
    outer.ipv4 = true;
    outer.udp_offset = outer.ip_offset + header.kLength;
    outer.udp = header.version_ihl() == 0x45 && header.protocol() == kUdp &&
                header.fragment_offset() == 0 && !header.more_fragments();
  } else if (type == static_cast<uint16_t>(EtherType::kIpv6)) {
    const Ipv6Header header(ip);
    outer.udp_offset = outer.ip_offset + header.kLength;
    outer.udp = header.next_header() == kUdp;
  }
  outer.header_length = outer.udp_offset + UdpHeader<const uint8_t>::kLength;
  return outer;
}

// A copy of the outer headers without what differs from datagram to datagram.
void normalize(const Outer& outer, uint8_t* header) {
  std::memcpy(header, outer.at, outer.header_length);
  uint8_t* ip = header + outer.ip_offset;
  if (outer.ipv4) {
    const Ipv4Header view(ip);
    view.set_total_length(0);
    view.set_identification(0);
    view.set_checksum(0);
  } else {
    Ipv6Header(ip).set_payload_length(0);
  }
  const UdpHeader udp(header + outer.udp_offset);
  udp.set_length(0);
  udp.set_checksum(0);
}

void complete(const Outer& first, SuperDatagram& whole, uint32_t payload) {
  const auto udp_length = static_cast<uint16_t>(UdpHeader<uint8_t>::kLength + payload);
  uint8_t* ip = whole.header + first.ip_offset;
  const UdpHeader udp(whole.header + first.udp_offset);
  udp.set_length(udp_length);
  if (first.ipv4) {
    const Ipv4Header view(ip);
    view.set_total_length(static_cast<uint16_t>(view.kLength + udp_length));
    view.set_identification(Ipv4Header(first.at + first.ip_offset).identification());
    view.set_checksum(checksum::finish(checksum::sum(ip, view.kLength)));
    udp.set_checksum(
        checksum::pseudo_v4(view.source_octets(), view.destination_octets(), kUdp, udp_length));
  } else {
    const Ipv6Header view(ip);
    view.set_payload_length(udp_length);
    udp.set_checksum(
        checksum::pseudo_v6(view.source_octets(), view.destination_octets(), kUdp, udp_length));
  }
}

}  // namespace

SuperDatagram join(std::span<const OutFrame> frames) {
  SuperDatagram whole;
  whole.frames = frames.empty() ? 0 : 1;
  if (frames.size() < 2) return whole;
  const Outer first = find_outer(frames[0]);
  if (!first.udp) return whole;
  whole.ipv4 = first.ipv4;
  whole.header_length = first.header_length;
  whole.udp_offset = first.udp_offset;
  whole.segment_octets = frames[0].length() - first.header_length;
  normalize(first, whole.header);

  const uint32_t room = kLargestDatagram - UdpHeader<uint8_t>::kLength -
                        (first.ipv4 ? Ipv4Header<uint8_t>::kLength : 0);
  uint32_t payload = whole.segment_octets;
  while (whole.frames < frames.size() && whole.frames < kMaxFrames) {
    const OutFrame& frame = frames[whole.frames];
    const Outer outer = find_outer(frame);
    if (!outer.udp || outer.header_length != first.header_length) break;
    const uint32_t octets = frame.length() - outer.header_length;
    if (octets > whole.segment_octets || payload + octets > room) break;
    uint8_t header[SuperDatagram::kMaxHeader];
    normalize(outer, header);
    if (std::memcmp(header, whole.header, first.header_length) != 0) break;
    payload += octets;
    ++whole.frames;
    if (octets < whole.segment_octets) break;  // the shorter one is the last
  }
  if (whole.frames > 1) complete(first, whole, payload);
  return whole;
}

}  // namespace gatehouse::uplink
