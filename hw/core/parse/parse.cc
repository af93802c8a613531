// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/parse/parse.hh"

#include "hw/core/base/flow_key.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/parse/flow_hash.hh"
#include "hw/core/parse/walk.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;

// How far ahead a batch's frames are fetched into the cache: about one memory latency of parsing.
constexpr size_t kPrefetchAhead = 4;

// Follows the tags; layers.l2_length and ether_type are then those behind them.
DropReason parse_tags(const Walk& walk) {
  Layers& layers = walk.layers;
  while (is_vlan_type(layers.ether_type)) {
    if (layers.vlan_tags == kMaxVlanTags) return DropReason::truncated_vlan;
    using Tag = VlanTag<const uint8_t>;
    if (walk.length < layers.l2_length + Tag::kLength) return DropReason::truncated_vlan;
    const Tag tag(walk.frame + layers.l2_length);
    if (layers.vlan_tags == 0) layers.vlan_tci = tag.tci();
    ++layers.vlan_tags;
    layers.l2_length = static_cast<uint16_t>(layers.l2_length + Tag::kLength);
    layers.ether_type = tag.ether_type();
  }
  return DropReason::none;
}

DropReason parse_arp(const Walk& walk) {
  using Arp = ArpHeader<const uint8_t>;
  Layers& layers = walk.layers;
  layers.l3 = L3::kArp;
  if (walk.length < layers.l2_length + Arp::kLength) return DropReason::bad_arp;
  const Arp arp(walk.frame + layers.l2_length);
  if (arp.hardware_type() != Arp::kEthernet ||
      arp.protocol_type() != static_cast<uint16_t>(EtherType::kIpv4) ||
      arp.hardware_length() != 6 || arp.protocol_length() != 4) {
    return DropReason::bad_arp;
  }
  layers.l3_end = layers.l2_length + Arp::kLength;
  return DropReason::none;
}

// Most frames: no tag, an IPv4 header without options that is no fragment, TCP or UDP, nothing
// wrong, no super-frame. False: the general walk decides, which finds the same for these (a test
// compares the two). All is kept in registers and stored once.
//
// `before`: the packet before it, if that was such a frame too; then `repeats` says whether it is
// of the same flow (same_flow()).
inline bool parse_common(const uint8_t* frame, size_t length, Rules rules, Layers& layers,
                         const Packet* before, bool& repeats) {
  using Ipv4 = Ipv4Header<const uint8_t>;
  using Tcp = TcpHeader<const uint8_t>;
  using Udp = UdpHeader<const uint8_t>;
  using Ethernet = EthernetHeader<const uint8_t>;
  constexpr uint32_t kL3 = Ethernet::kLength;
  constexpr uint32_t kL4 = kL3 + Ipv4::kLength;
  // EtherType, version and header length in one word.
  constexpr uint32_t kTypeAndVersion = static_cast<uint32_t>(EtherType::kIpv4) << 8 | 0x45;
  if (length < kL4 + Udp::kLength || rules.super_frame) return false;
  const Ipv4 ip(frame + kL3);
  if (load_be<uint32_t>(frame + Ethernet::ether_type_at) >> 8 != kTypeAndVersion ||
      (ip.fragment() & (ip.kMoreFragments | ip.kOffsetMask)) != 0) {
    return false;
  }
  const uint32_t total = ip.total_length();
  if (total > length - kL3 || total < Ipv4::kLength + Udp::kLength) return false;
  if (rules.ipv4_checksum && !plain_header_right(ip.at())) return false;

  const uint32_t rest = total - Ipv4::kLength;
  const uint8_t protocol = ip.protocol();
  uint32_t header = Udp::kLength;
  uint8_t tcp_flags = 0;
  if (protocol == static_cast<uint8_t>(IpProtocol::kTcp)) {
    if (rest < Tcp::kLength) return false;
    const Tcp tcp(frame + kL4);
    header = tcp.header_length();
    if (header < Tcp::kLength || header > rest) return false;
    tcp_flags = tcp.flags();
  } else if (protocol == static_cast<uint8_t>(IpProtocol::kUdp)) {
    const uint32_t claimed = Udp(frame + kL4).length();
    if (claimed < Udp::kLength || claimed > rest) return false;
  } else {
    return false;
  }
  Layers found;
  found.l2_length = kL3;
  found.l4_offset = kL4;
  found.payload_offset = static_cast<uint16_t>(kL4 + header);
  found.ether_type = static_cast<uint16_t>(EtherType::kIpv4);
  found.l3 = L3::kIpv4;
  found.l4 = protocol == static_cast<uint8_t>(IpProtocol::kTcp) ? L4::kTcp : L4::kUdp;
  found.ip_protocol = protocol;
  found.tcp_flags = tcp_flags;
  found.l3_end = kL3 + total;
  const bool same_ends = before != nullptr && before->layers.ip_protocol == protocol &&
                         same_ends_v4(ip.at(), before->data + kL3);
  repeats = same_ends && same_stations(frame, before->data);
  found.flow_hash =
      same_ends ? before->layers.flow_hash
                : flow_hash_v4(ip.source_octets(), load_le<uint32_t>(frame + kL4), protocol);
  layers = found;
  return true;
}

}  // namespace

namespace {

DropReason parse_any(std::span<const uint8_t> frame, Rules rules, Layers& layers) {
  using Ethernet = EthernetHeader<const uint8_t>;
  layers = Layers{};
  layers.l3_end = static_cast<uint32_t>(frame.size());
  if (frame.size() < Ethernet::kLength) return DropReason::truncated_ethernet;

  const Walk walk{frame.data(), static_cast<uint32_t>(frame.size()), rules, layers};
  layers.l2_length = Ethernet::kLength;
  layers.ether_type = Ethernet(frame.data()).ether_type();
  if (is_vlan_type(layers.ether_type)) {
    const DropReason reason = parse_tags(walk);
    if (reason != DropReason::none) return reason;
  }
  switch (static_cast<EtherType>(layers.ether_type)) {
    case EtherType::kIpv4:
      return parse_ipv4(walk);
    case EtherType::kIpv6:
      return parse_ipv6(walk);
    case EtherType::kArp:
      return parse_arp(walk);
    default:
      layers.l3 = L3::kOther;
      return DropReason::none;
  }
}

}  // namespace

DropReason parse(std::span<const uint8_t> frame, Rules rules, Layers& layers) {
  bool repeats;
  if (parse_common(frame.data(), frame.size(), rules, layers, nullptr, repeats))
    return DropReason::none;
  return parse_any(frame, rules, layers);
}

DropReason parse(Packet& packet, Rules rules) {
  rules.super_frame = packet.offload.tso;
  packet.reason = parse(packet.bytes(), rules, packet.layers);
  return packet.reason;
}

namespace {

// Marks: bool& operator()(size_t), for what `repeats` says of each packet.
template <class Marks>
uint32_t parse_batch(std::span<Packet* const> batch, Rules rules, const Marks& marks) {
  uint32_t good = 0;
  const Packet* common = nullptr;  // the one before, if it was
  for (size_t i = 0; i < batch.size(); ++i) {
    if (i + kPrefetchAhead < batch.size()) {
      __builtin_prefetch(batch[i + kPrefetchAhead]->data);
    }
    Packet& packet = *batch[i];
    rules.super_frame = packet.offload.tso;
    const bool is_common =
        parse_common(packet.data, packet.length, rules, packet.layers, common, marks(i));
    packet.reason = is_common ? DropReason::none : parse_any(packet.bytes(), rules, packet.layers);
    good += packet.reason == DropReason::none ? 1 : 0;
    if (!is_common || common == nullptr) [[unlikely]] {
      const bool both =
          i != 0 && packet.reason == DropReason::none && batch[i - 1]->reason == DropReason::none;
      marks(i) =
          both && same_flow(packet.data, packet.layers, batch[i - 1]->data, batch[i - 1]->layers);
    }
    common = is_common ? &packet : nullptr;
  }
  return good;
}

}  // namespace

uint32_t parse(std::span<Packet* const> batch, Rules rules) {
  bool nobody_asks;
  return parse_batch(batch, rules, [&](size_t) -> bool& { return nobody_asks; });
}

uint32_t parse(std::span<Packet* const> batch, std::span<bool> repeats, Rules rules) {
  return parse_batch(batch, rules, [&](size_t i) -> bool& { return repeats[i]; });
}

}  // namespace gatehouse::parse
