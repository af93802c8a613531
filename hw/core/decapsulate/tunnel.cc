// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/decapsulate/tunnel.hh"

#include <algorithm>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"

namespace gatehouse::decapsulate {
namespace {

using spec::DropReason;

constexpr uint32_t kTunnelLength = 8;     // VXLAN, and Geneve without options
constexpr uint8_t kVxlanVni = 0x08;       // I flag; all other bits are ignored (RFC 7348 section 5)
constexpr uint8_t kGeneveControl = 0x80;  // O flag: not for a tenant (RFC 8926 section 3.4)
constexpr uint8_t kOptionCritical = 0x80;
constexpr uint32_t kOptionHeader = 4;

uint32_t option_kind(const uint8_t* option) {
  return uint32_t{load_be<uint16_t>(option)} << 8 | option[2];
}
uint32_t option_length(const uint8_t* option) { return kOptionHeader + (option[3] & 0x1f) * 4u; }

DropReason check_options(const uint8_t* options, uint32_t length, const Port& port) {
  for (uint32_t at = 0; at < length;) {
    // `length` is a multiple of 4, so an option's header is there.
    const uint8_t* option = options + at;
    if (option_length(option) > length - at) return DropReason::bad_geneve;
    at += option_length(option);
    if ((option[2] & kOptionCritical) == 0) continue;
    const auto& known = port.known_options;
    if (std::find(known.begin(), known.end(), option_kind(option)) == known.end()) {
      return DropReason::critical_option;
    }
  }
  return DropReason::none;
}

DropReason open_geneve(const uint8_t* header, uint32_t room, const Port& port, uint32_t& length) {
  if (room < kTunnelLength) return DropReason::bad_geneve;
  const uint32_t options = (header[0] & 0x3f) * 4u;
  length = kTunnelLength + options;
  const bool ethernet =
      load_be<uint16_t>(header + 2) == static_cast<uint16_t>(EtherType::kTransparentEthernet);
  const bool version_0 = header[0] >> 6 == 0;
  if (!version_0 || !ethernet || (header[1] & kGeneveControl) != 0 || room < length) {
    return DropReason::bad_geneve;
  }
  return options == 0 ? DropReason::none : check_options(header + kTunnelLength, options, port);
}

// Zero says "none": always right over IPv4, over IPv6 only where it was agreed on. A super-frame
// that the wire has not cut has no checksum yet: the wire made it and vouches for it.
bool checksum_good(const Packet& packet, const Port& port) {
  const UdpHeader udp(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
  if (udp.checksum() == 0) return packet.layers.l3 == L3::kIpv4 || port.zero_checksum_ipv6;
  return packet.wire_mss != 0 ||
         verify_l4_checksum(packet.data, packet.layers) == ChecksumState::kGood;
}

}  // namespace

std::vector<uint32_t> option_kinds(const std::vector<uint8_t>& options) {
  std::vector<uint32_t> kinds;
  for (size_t at = 0; at + kOptionHeader <= options.size(); at += option_length(&options[at])) {
    kinds.push_back(option_kind(&options[at]));
  }
  return kinds;
}

DropReason open(const Packet& packet, const Port& port, Tunnel& tunnel) {
  if (!checksum_good(packet, port)) return DropReason::bad_outer_checksum;
  const Layers& layers = packet.layers;
  const uint8_t* header = packet.data + layers.payload_offset;
  // What the IP datagram has behind the UDP one is not covered by its checksum and no part of it.
  const UdpHeader udp(static_cast<const uint8_t*>(packet.data + layers.l4_offset));
  const uint32_t room = udp.length() - udp.kLength;
  uint32_t length = kTunnelLength;
  if (port.kind == policy::FormatKind::kGeneve) {
    const DropReason reason = open_geneve(header, room, port, length);
    if (reason != DropReason::none) return reason;
  } else if (room < kTunnelLength || (header[0] & kVxlanVni) == 0) {
    return DropReason::bad_vxlan;
  }
  tunnel.vni = load_be<uint32_t>(header + 4) >> 8;
  tunnel.inner_offset = layers.payload_offset + length;
  tunnel.inner_length = room - length;
  const uint8_t* ip = packet.data + layers.l2_length;
  tunnel.outer_ecn = (layers.l3 == L3::kIpv4 ? ip[1] : ip[1] >> 4) & 3;
  return DropReason::none;
}

DropReason join_ecn(Packet& packet, uint8_t outer_ecn) {
  constexpr uint8_t kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3;
  const L3 l3 = packet.layers.l3;
  if (outer_ecn == kNotEct || (l3 != L3::kIpv4 && l3 != L3::kIpv6)) return DropReason::none;
  uint8_t* ip = packet.data + packet.layers.l2_length;
  const unsigned shift = l3 == L3::kIpv4 ? 0 : 4;
  const uint8_t inner = ip[1] >> shift & 3;
  if (inner == kNotEct) return outer_ecn == kCe ? DropReason::ecn_invalid : DropReason::none;
  const bool changes = outer_ecn == kCe ? inner != kCe : outer_ecn == kEct1 && inner == kEct0;
  if (!changes) return DropReason::none;
  const uint16_t before = load_be<uint16_t>(ip);
  ip[1] =
      static_cast<uint8_t>((ip[1] & ~(3u << shift)) | static_cast<unsigned>(outer_ecn) << shift);
  if (l3 == L3::kIpv4) {
    const Ipv4Header header(ip);
    header.set_checksum(checksum::update(header.checksum(), before, load_be<uint16_t>(ip)));
  }
  return DropReason::none;
}

}  // namespace gatehouse::decapsulate
