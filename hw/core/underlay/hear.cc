// SPDX-License-Identifier: GPL-2.0-or-later
// What the wire says about neighbours, and answers for the card's own addresses.
#include <algorithm>

#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/underlay/frames.hh"
#include "hw/core/underlay/neighbours.hh"

namespace gatehouse::underlay {
namespace {

bool is_host(const MacAddress& mac) { return !mac.is_multicast() && !mac.is_zero(); }

// The link-layer address option of that type, else the frame's source: RFC 4861 section 7.2.4 lets
// unicast messages omit it.
MacAddress link_layer_address(const Packet& packet, uint8_t option_type) {
  NdOptions options = nd_options(packet.data, packet.layers);
  while (const auto option = options.next()) {
    if (option->type == option_type && option->is_mac()) return option->mac();
  }
  return MacAddress::from(packet.data + 6);
}

}  // namespace

Heard Neighbours::hear(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox) {
  if (packet.layers.l3 == L3::kArp) return hear_arp(uplink, packet, now_ns, outbox);
  return hear_nd(uplink, packet, now_ns, outbox);
}

Heard Neighbours::claimed(unsigned uplink, const IpAddress& ip, const MacAddress& mac, bool for_us,
                          bool may_replace, int64_t now_ns, Outbox& outbox) {
  const uint32_t index = find(uplink, ip);
  if (index == kFree || !is_host(mac)) return Heard::kNothing;
  const State state = entries_[index].state;
  const bool asked = state == State::kAsking || state == State::kProbing;
  if (asked && for_us) {
    if (state == State::kProbing && !may_replace && fast_[index].mac != mac) return Heard::kNoted;
    resolved(index, mac, now_ns, outbox);
    return Heard::kNoted;
  }
  // The one who is asked may be gone: everybody is asked, once.
  if (state == State::kProbing && !entries_[index].to_all && may_replace &&
      fast_[index].mac != mac) {
    entries_[index].to_all = true;
    ask(index, outbox);
    return Heard::kNoted;
  }
  if (state == State::kReachable && fast_[index].mac != mac) {
    // RFC 1122 section 2.3.2.1: one question a second, or two stations that both answer for the
    // address would be asked without end. The doubt is looked into when the second is over.
    if (now_ns < entries_[index].deadline_ns) {
      fast_[index].until_ns = std::min(fast_[index].until_ns, entries_[index].deadline_ns);
      entries_[index].doubted = true;
      return Heard::kNoted;
    }
    start(index, State::kProbing, /*to_all=*/true, now_ns, outbox);
    return Heard::kNoted;
  }
  return for_us ? Heard::kNoted : Heard::kNothing;
}

Heard Neighbours::hear_arp(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox) {
  using Arp = ArpHeader<const uint8_t>;
  const Arp arp(packet.data + packet.layers.l2_length);
  const Interface& interface = interfaces_[uplink];
  const IpAddress sender = arp.sender_ip(), target = arp.target_ip();
  const MacAddress mac = arp.sender_mac();
  // Somebody else with the card's own address: it is not given up, and he is not answered.
  if (interface.owns(sender) || !is_host(mac)) return Heard::kNothing;
  const bool for_us = interface.owns(target);
  const Heard heard = claimed(uplink, sender, mac, for_us, true, now_ns, outbox);
  if (!for_us || arp.operation() != Arp::kRequest) return heard;
  uint8_t frame[kMaxNeighbourFrame];
  const uint32_t length = write_answer({interface.mac, interface.vlan, target, sender, mac}, frame);
  outbox.send(uplink, {frame, length}, /*question=*/false);
  return Heard::kAnswered;
}

Heard Neighbours::hear_nd(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox) {
  switch (static_cast<Icmpv6Type>(packet.layers.nd_type)) {
    case Icmpv6Type::kNeighborSolicitation:
      return hear_solicitation(uplink, packet, now_ns, outbox);
    case Icmpv6Type::kNeighborAdvertisement:
      return hear_advertisement(uplink, packet, now_ns, outbox);
    default:
      return Heard::kNothing;
  }
}

Heard Neighbours::hear_solicitation(unsigned uplink, const Packet& packet, int64_t now_ns,
                                    Outbox& outbox) {
  const Ipv6Header ip(static_cast<const uint8_t*>(packet.data + packet.layers.l2_length));
  const NeighborMessage message(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
  const Interface& interface = interfaces_[uplink];
  const IpAddress sender = ip.source(), target = message.target();
  if (!interface.owns(target) || interface.owns(sender)) return Heard::kNothing;
  const MacAddress mac = link_layer_address(packet, NdOptions::kSourceLinkLayer);
  if (!is_host(mac)) return Heard::kNothing;
  if (!is_unspecified(sender)) claimed(uplink, sender, mac, true, true, now_ns, outbox);
  uint8_t frame[kMaxNeighbourFrame];
  const uint32_t length = write_answer({interface.mac, interface.vlan, target, sender, mac}, frame);
  outbox.send(uplink, {frame, length}, /*question=*/false);
  return Heard::kAnswered;
}

Heard Neighbours::hear_advertisement(unsigned uplink, const Packet& packet, int64_t now_ns,
                                     Outbox& outbox) {
  const Ipv6Header ip(static_cast<const uint8_t*>(packet.data + packet.layers.l2_length));
  const NeighborMessage message(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
  if (interfaces_[uplink].owns(message.target())) return Heard::kNothing;
  const bool for_us = message.solicited() && interfaces_[uplink].owns(ip.destination());
  const MacAddress mac = link_layer_address(packet, NdOptions::kTargetLinkLayer);
  return claimed(uplink, message.target(), mac, for_us, message.override_flag(), now_ns, outbox);
}

}  // namespace gatehouse::underlay
