// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/spoof/spoof.hh"

#include <algorithm>

#include "hw/core/base/headers.hh"

namespace gatehouse::spoof {

using spec::DropReason;
using Bootp = BootpHeader<const uint8_t>;

namespace {

// Servers look at the destination port only.
bool is_for_dhcp_server(const Packet& packet) {
  const UdpHeader udp(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
  return packet.layers.l4 == L4::kUdp && udp.destination_port() == Bootp::kServerPort;
}

}  // namespace

Rules::Rules(const policy::Vnic& vnic, const MacAddress& mac)
    : mac_(mac), anti_spoof_(vnic.anti_spoof), vlans_(vnic.vlans) {
  for (const IpPrefix& prefix : vnic.addresses) {
    const uint8_t* octets = prefix.address.octets.data();
    if (prefix.is_host() && prefix.address.is_v4() && v4_count_ < kFast) {
      std::memcpy(&v4_[v4_count_++], octets, 4);
    } else if (prefix.is_host() && prefix.address.is_v6() && v6_count_ < kFast) {
      std::memcpy(&v6_[v6_count_++], octets, 16);
    } else {
      others_.push_back(prefix);
    }
  }
}

bool Rules::owns_v4(const uint8_t* octets) const {
  uint32_t ip;
  std::memcpy(&ip, octets, sizeof ip);
  for (size_t i = 0; i < v4_count_; ++i) {
    if (v4_[i] == ip) return true;
  }
  if (others_.empty()) return false;
  const IpAddress address = IpAddress::v4(octets);
  return std::any_of(others_.begin(), others_.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

bool Rules::owns_v6(const uint8_t* octets) const {
  V6Bits ip;
  std::memcpy(&ip, octets, sizeof ip);
  for (size_t i = 0; i < v6_count_; ++i) {
    if (v6_[i].high == ip.high && v6_[i].low == ip.low) return true;
  }
  if (load_be<uint64_t>(octets) == 0xfe80000000000000) return true;
  if (others_.empty()) return false;
  const IpAddress address = IpAddress::v6(octets);
  return std::any_of(others_.begin(), others_.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

std::optional<unsigned> Rules::own_prefix(const IpAddress& ip) const {
  const unsigned all = ip.is_v4() ? 32 : 128;
  const uint8_t* octets = ip.octets.data();
  const auto same = [&](const auto& address) {
    return std::memcmp(&address, octets, sizeof address) == 0;
  };
  if (ip.is_v4() ? std::any_of(v4_.begin(), v4_.begin() + v4_count_, same)
                 : std::any_of(v6_.begin(), v6_.begin() + v6_count_, same))
    return all;
  std::optional<unsigned> longest;
  for (const IpPrefix& prefix : others_) {
    if (prefix.contains(ip)) longest = std::max<unsigned>(longest.value_or(0), prefix.length);
  }
  return longest;
}

bool Rules::vlan_allowed(uint16_t vid) const {
  return vid == 0 || std::find(vlans_.begin(), vlans_.end(), vid) != vlans_.end();
}

// A priority tag (VID 0) is no VLAN, but must not hide one behind it. Behind an allowed tag the
// guest may put its own.
DropReason Rules::check_vlan(const Layers& layers) const {
  const uint16_t vid = layers.vlan_tci & 0x0fff;
  if (layers.vlan_tags > 1 && vid == 0) return DropReason::vlan_not_allowed;
  return vlan_allowed(vid) ? DropReason::none : DropReason::vlan_not_allowed;
}

DropReason Rules::check(const Packet& packet) const {
  const Layers& layers = packet.layers;
  if (layers.vlan_tags != 0) {
    const DropReason reason = check_vlan(layers);
    if (reason != DropReason::none) return reason;
  }
  // The vnic's own PAUSE frames (IEEE 802.3 annex 31B) end at its link partner, the card; no lie of
  // the guest's.
  if (layers.ether_type == static_cast<uint16_t>(EtherType::kPause)) return DropReason::link_local;
  if (layers.l3 == L3::kNone || layers.l3 == L3::kOther) return DropReason::protocol_not_allowed;
  if (!anti_spoof_) return DropReason::none;
  if (std::memcmp(packet.data + 6, mac_.octets.data(), 6) != 0) return DropReason::spoofed_mac;
  switch (layers.l3) {
    case L3::kIpv4:
      return check_ipv4(packet);
    case L3::kIpv6:
      return check_ipv6(packet);
    default:
      return check_arp(packet);
  }
}

DropReason Rules::check_ipv4(const Packet& packet) const {
  const Ipv4Header ip(static_cast<const uint8_t*>(packet.data + packet.layers.l2_length));
  if (is_for_dhcp_server(packet)) {
    const UdpHeader udp(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
    const bool client = udp.source_port() == Bootp::kClientPort;
    const DropReason reason = check_dhcp(packet, client);
    if (reason != DropReason::none) return reason;
    // A client that has no address yet (RFC 2131 section 4.1).
    if (client && load_be<uint32_t>(ip.source_octets()) == 0) return DropReason::none;
  }
  return owns_v4(ip.source_octets()) ? DropReason::none : DropReason::spoofed_ipv4;
}

// What can't be seen (a fragment's rest, a super-frame's further segments) is not believed.
DropReason Rules::check_dhcp(const Packet& packet, bool client) const {
  const Layers& layers = packet.layers;
  if (layers.fragment || packet.offload.tso ||
      layers.l3_end - layers.payload_offset < Bootp::kLength) {
    return DropReason::spoofed_dhcp;
  }
  const Bootp bootp(packet.data + layers.payload_offset);
  // A server's reply to a relay (RFC 2131 section 4.1): servers don't read it.
  if (!client && bootp.operation() == Bootp::kReply) return DropReason::none;
  // ciaddr: whose lease is renewed or given up. giaddr: to whom the server answers; a relay's.
  const uint8_t* client_ip = bootp.client_ip_octets();
  const bool own = bootp.operation() == Bootp::kRequest &&
                   bootp.hardware_type() == ArpHeader<const uint8_t>::kEthernet &&
                   bootp.hardware_length() == 6 && bootp.client_mac() == mac_ &&
                   (load_be<uint32_t>(client_ip) == 0 || owns_v4(client_ip)) &&
                   load_be<uint32_t>(bootp.relay_ip_octets()) == 0;
  return own ? DropReason::none : DropReason::spoofed_dhcp;
}

DropReason Rules::check_arp(const Packet& packet) const {
  const ArpHeader arp(static_cast<const uint8_t*>(packet.data + packet.layers.l2_length));
  if (arp.sender_mac() != mac_) return DropReason::spoofed_arp;
  // 0.0.0.0: a probe, which claims nothing yet (RFC 5227 section 2.1.1). A reply always claims.
  const bool probe = load_be<uint32_t>(arp.sender_ip_octets()) == 0 &&
                     arp.operation() == ArpHeader<const uint8_t>::kRequest;
  return probe || owns_v4(arp.sender_ip_octets()) ? DropReason::none : DropReason::spoofed_arp;
}

size_t check(const Rules& rules, std::span<Packet* const> batch, std::span<const bool> repeats) {
  size_t good = 0;
  DropReason reason = DropReason::none;
  for (size_t i = 0; i < batch.size(); ++i) {
    Packet& packet = *batch[i];
    if (!repeats[i] || is_for_dhcp_server(packet)) reason = rules.check(packet);
    packet.reason = reason;
    good += reason == DropReason::none;
  }
  return good;
}

}  // namespace gatehouse::spoof
