// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/underlay/frames.hh"

#include <algorithm>
#include <cstring>

#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/base/l4_checksum.hh"

namespace gatehouse::underlay {
namespace {

constexpr uint8_t kNdHopLimit = 255;  // RFC 4861 section 7.1
const uint8_t kAllNodes[16] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

// Answers the length of the Ethernet header.
uint32_t write_ethernet(const Parties& parties, const MacAddress& to, EtherType type, uint8_t* at) {
  const EthernetHeader ethernet(at);
  ethernet.set_destination(to);
  ethernet.set_source(parties.own_mac);
  ethernet.set_ether_type(static_cast<uint16_t>(type));
  if (parties.vlan == 0) return ethernet.kLength;
  ethernet.set_ether_type(static_cast<uint16_t>(EtherType::kVlan));
  const VlanTag tag(at + ethernet.kLength);
  tag.set_tci(parties.vlan);
  tag.set_ether_type(static_cast<uint16_t>(type));
  return ethernet.kLength + tag.kLength;
}

uint32_t write_arp(const Parties& parties, uint16_t operation, uint8_t* to) {
  const bool ask_all = parties.other_mac.is_zero();
  const uint32_t l2 =
      write_ethernet(parties, ask_all ? kBroadcastMac : parties.other_mac, EtherType::kArp, to);
  const ArpHeader arp(to + l2);
  arp.set_hardware_type(arp.kEthernet);
  arp.set_protocol_type(static_cast<uint16_t>(EtherType::kIpv4));
  arp.set_hardware_length(6);
  arp.set_protocol_length(4);
  arp.set_operation(operation);
  arp.set_sender_mac(parties.own_mac);
  arp.set_sender_ip(parties.own_ip);
  arp.set_target_mac(parties.other_mac);
  arp.set_target_ip(parties.other_ip);
  return std::max(l2 + arp.kLength, kMinFrame);
}

struct NdMessage {
  Icmpv6Type type;
  uint32_t flags;
  IpAddress destination, target;
  MacAddress to;
  uint8_t option;
};

uint32_t write_nd(const Parties& parties, const NdMessage& what, uint8_t* to) {
  const uint32_t l2 = write_ethernet(parties, what.to, EtherType::kIpv6, to);
  const Ipv6Header ip(to + l2);
  const NeighborMessage message(ip.at() + ip.kLength);
  const uint32_t length = message.kLength + NdOptions::kLinkLayerOctets;
  ip.set_version_class_flow(0x60000000);
  ip.set_payload_length(static_cast<uint16_t>(length));
  ip.set_next_header(static_cast<uint8_t>(IpProtocol::kIcmpv6));
  ip.set_hop_limit(kNdHopLimit);
  ip.set_source(parties.own_ip);
  ip.set_destination(what.destination);
  message.set_type(static_cast<uint8_t>(what.type));
  message.set_flags(what.flags);
  message.set_target(what.target);
  uint8_t* option = message.at() + message.kLength;
  option[0] = what.option;
  option[1] = NdOptions::kLinkLayerOctets / 8;
  std::memcpy(option + 2, parties.own_mac.octets.data(), 6);

  Layers layers;
  layers.l2_length = static_cast<uint16_t>(l2);
  layers.l4_offset = static_cast<uint16_t>(l2 + ip.kLength);
  layers.payload_offset = static_cast<uint16_t>(layers.l4_offset + IcmpHeader<uint8_t>::kLength);
  layers.l3 = L3::kIpv6;
  layers.l4 = L4::kIcmpv6;
  layers.ip_protocol = static_cast<uint8_t>(IpProtocol::kIcmpv6);
  layers.l3_end = layers.l4_offset + length;
  complete_checksums(to, layers);
  return layers.l3_end;
}

}  // namespace

uint32_t write_question(const Parties& parties, uint8_t* to) {
  std::memset(to, 0, kMaxNeighbourFrame);
  if (parties.other_ip.is_v4()) return write_arp(parties, ArpHeader<uint8_t>::kRequest, to);
  NdMessage what{
      Icmpv6Type::kNeighborSolicitation, 0, parties.other_ip, parties.other_ip, parties.other_mac,
      NdOptions::kSourceLinkLayer};
  if (parties.other_mac.is_zero()) {
    what.destination = solicited_node(parties.other_ip);
    what.to = multicast_mac(what.destination);
  }
  return write_nd(parties, what, to);
}

uint32_t write_answer(const Parties& parties, uint8_t* to) {
  std::memset(to, 0, kMaxNeighbourFrame);
  if (parties.own_ip.is_v4()) return write_arp(parties, ArpHeader<uint8_t>::kReply, to);
  using Message = NeighborMessage<uint8_t>;
  NdMessage what{Icmpv6Type::kNeighborAdvertisement,
                 Message::kOverrideFlag | Message::kSolicitedFlag,
                 parties.other_ip,
                 parties.own_ip,
                 parties.other_mac,
                 NdOptions::kTargetLinkLayer};
  if (is_unspecified(parties.other_ip)) {  // duplicate address detection: all shall hear it
    what.flags = Message::kOverrideFlag;
    what.destination = IpAddress::v6(kAllNodes);
    what.to = multicast_mac(what.destination);
  }
  return write_nd(parties, what, to);
}

}  // namespace gatehouse::underlay
