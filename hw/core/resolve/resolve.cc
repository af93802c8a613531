// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/resolve/resolve.hh"

#include <algorithm>
#include <cstring>

#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/base/l4_checksum.hh"

namespace gatehouse::resolve {
namespace {

// RFC 4861 section 7.1.2: a smaller one shows that a router passed the message on.
constexpr uint8_t kNdHopLimit = 255;
const uint8_t kAllNodes[16] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

Question classify_arp(const Packet& packet) {
  using Arp = ArpHeader<const uint8_t>;
  const Arp arp(packet.data + packet.layers.l2_length);
  const bool asks = arp.operation() == Arp::kRequest;
  const bool gratuitous = std::memcmp(arp.sender_ip_octets(), arp.target_ip_octets(), 4) == 0;
  if (!asks || gratuitous) return {Kind::kClaim, {}};
  const bool probe = is_unspecified(arp.sender_ip());
  return {probe ? Kind::kArpProbe : Kind::kArpRequest, arp.target_ip()};
}

Question classify_nd(const Packet& packet) {
  switch (static_cast<Icmpv6Type>(packet.layers.nd_type)) {
    case Icmpv6Type::kNeighborSolicitation: {
      const NeighborMessage message(
          static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
      const Ipv6Header ip(static_cast<const uint8_t*>(packet.data + packet.layers.l2_length));
      const bool probe = is_unspecified(ip.source());
      return {probe ? Kind::kDadProbe : Kind::kSolicitation, message.target()};
    }
    case Icmpv6Type::kRouterSolicitation:
      return {Kind::kRouterSolicitation, {}};
    case Icmpv6Type::kRouterAdvertisement:
      return {Kind::kRouterAdvertisement, {}};
    default:
      return {Kind::kClaim, {}};
  }
}

void answer_ethernet(Packet& packet, const MacAddress& to, const MacAddress& from) {
  const EthernetHeader ethernet(packet.data);
  ethernet.set_destination(to);
  ethernet.set_source(from);
}

// RFC 826: the answer goes to who asked, in the same packet with the roles swapped.
void answer_arp(Packet& packet, const MacAddress& mac) {
  const ArpHeader arp(packet.data + packet.layers.l2_length);
  const MacAddress asker = arp.sender_mac();
  const IpAddress asker_ip = arp.sender_ip(), target = arp.target_ip();
  arp.set_operation(ArpHeader<uint8_t>::kReply);
  arp.set_sender_mac(mac);
  arp.set_sender_ip(target);
  arp.set_target_mac(asker);
  arp.set_target_ip(asker_ip);
  answer_ethernet(packet, asker, mac);
  // Whatever stood behind the question but Ethernet's own padding does not go back.
  packet.length = std::min(packet.length, std::max(packet.layers.l3_end, kMinFrame));
}

// RFC 4861 section 7.2.4. A probe for a taken address is answered to all nodes, unsolicited (RFC
// 4862 section 5.4.3).
bool answer_nd(Packet& packet, const Question& question, const Owner& owner) {
  const MacAddress& mac = owner.mac;
  Layers& layers = packet.layers;
  const uint32_t message_length =
      NdOptions::fixed_length(static_cast<uint8_t>(Icmpv6Type::kNeighborAdvertisement)) +
      NdOptions::kLinkLayerOctets;
  const uint32_t end = layers.l4_offset + message_length;
  if (end > packet.length && end - packet.length > packet.tailroom()) return false;

  const bool probe = question.kind == Kind::kDadProbe;
  const Ipv6Header ip(packet.data + layers.l2_length);
  const IpAddress asker = ip.source();
  // The MAC that sent the frame, not the option: spoof has seen that both are one.
  answer_ethernet(
      packet, probe ? multicast_mac(IpAddress::v6(kAllNodes)) : MacAddress::from(packet.data + 6),
      mac);
  ip.set_payload_length(static_cast<uint16_t>(end - layers.l2_length - ip.kLength));
  ip.set_hop_limit(kNdHopLimit);
  ip.set_destination(probe ? IpAddress::v6(kAllNodes) : asker);
  ip.set_source(question.target);

  const NeighborMessage message(packet.data + layers.l4_offset);
  message.set_type(static_cast<uint8_t>(Icmpv6Type::kNeighborAdvertisement));
  message.set_code(0);
  using Message = NeighborMessage<uint8_t>;
  message.set_flags(Message::kOverrideFlag | (probe ? 0 : Message::kSolicitedFlag) |
                    (owner.router ? Message::kRouterFlag : 0));
  message.set_target(question.target);
  uint8_t* option = message.at() + Message::kLength;
  option[0] = NdOptions::kTargetLinkLayer;
  option[1] = NdOptions::kLinkLayerOctets / 8;
  std::memcpy(option + 2, mac.octets.data(), 6);

  packet.length = end;
  layers.l3_end = end;
  layers.nd_type = static_cast<uint8_t>(Icmpv6Type::kNeighborAdvertisement);
  complete_checksums(packet);
  return true;
}

}  // namespace

Question classify(const Packet& packet) {
  if (packet.layers.l3 == L3::kArp) return classify_arp(packet);
  if (packet.layers.nd_type != 0) return classify_nd(packet);
  return {};
}

bool answer(Packet& packet, const Question& question, const Owner& owner) {
  switch (question.kind) {
    case Kind::kArpRequest:
    case Kind::kArpProbe:
      answer_arp(packet, owner.mac);
      return true;
    case Kind::kSolicitation:
    case Kind::kDadProbe:
      // An ND message behind extension headers would need them rebuilt; nobody sends such.
      if (packet.layers.ip_options) return false;
      return answer_nd(packet, question, owner);
    default:
      return false;
  }
}

}  // namespace gatehouse::resolve
