// SPDX-License-Identifier: GPL-2.0-or-later
// ARP and Neighbor Discovery of the overlay: questions of a vnic, and of a peer about a vnic's
// address.
#include <algorithm>

#include "hw/core/base/icmp.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using resolve::Kind;
using spec::DropReason;
using spec::UplinkCounter;

namespace {

DropReason unknown(const IpAddress& target) {
  return target.is_v4() ? DropReason::unknown_arp_target : DropReason::unknown_nd_target;
}

}  // namespace

MacAddress eui64_mac(const IpAddress& ip) {
  const auto& o = ip.octets;
  const bool link_local_64 = is_link_local_v6(ip) && o[1] == 0x80 &&
                             std::all_of(&o[2], &o[8], [](uint8_t octet) { return octet == 0; });
  if (!link_local_64 || o[11] != 0xff || o[12] != 0xfe) return {};
  return {{static_cast<uint8_t>(o[8] ^ 2), o[9], o[10], o[13], o[14], o[15]}};
}

overlay::Target Pipeline::Impl::who_has(uint16_t tenant, const IpAddress& ip,
                                        unsigned shortest) const {
  const overlay::Target target = tables->overlay.find(tenant, ip, shortest);
  if (!target.way.is_none()) return target;
  const MacAddress mac = eui64_mac(ip);
  if (mac.is_zero() || by_mac.find(tenant, mac.octets.data()) == deliver::VnicTable::kNone)
    return {};
  return {overlay::Way::vnic_by_mac(), mac};
}

// Null: nobody, or a vnic that is not attached. *vnic: who, when it is one of this card.
const MacAddress* Pipeline::Impl::mac_of(const overlay::Target& target, uint16_t tenant,
                                         unsigned* vnic) const {
  *vnic = deliver::VnicTable::kNone;
  if (target.way.is_none()) return nullptr;
  if (target.way.is_next_hop()) return &target.mac;
  *vnic = target.way.is_vnic() ? vnic_of_row[target.way.index()]
                               : by_mac.find(tenant, target.mac.octets.data());
  return *vnic == deliver::VnicTable::kNone ? nullptr : &vnics[*vnic].rules.mac();
}

// Routers are where the tenant's broadcasts go: nobody else's Router Advertisements are let in.
bool Pipeline::Impl::is_router(const overlay::Target& target, uint16_t tenant) const {
  const Tenant& owner = tables->tenants[tenant];
  return target.way.is_next_hop() && owner.has_broadcast_peer &&
         tables->next_hops[target.way.index()].peer == owner.broadcast_peer;
}

// spoof lets all link-local sources pass, since they reach no further than the link; of some it is
// known that they are others'.
bool Pipeline::Impl::speaks_as_another(unsigned port, const Packet& packet) const {
  const Vnic& vnic = vnics[port];
  if (packet.layers.l3 != L3::kIpv6 || !vnic.rules.anti_spoof()) return false;
  const IpAddress source =
      Ipv6Header(static_cast<const uint8_t*>(packet.data + packet.layers.l2_length)).source();
  if (!is_link_local_v6(source)) [[likely]]
    return false;
  const overlay::Target owner = who_has(vnic.tenant, source, overlay::Tables::kHostsOnly);
  unsigned who = deliver::VnicTable::kNone;
  mac_of(owner, vnic.tenant, &who);
  return !owner.way.is_none() && who != port;
}

void Pipeline::Impl::ask(unsigned port, Packet& packet) {
  Vnic& vnic = vnics[port];
  const resolve::Question question = resolve::classify(packet);
  if (question.kind == Kind::kRouterSolicitation) return forward_many(port, packet);
  if (question.kind == Kind::kClaim || question.kind == Kind::kRouterAdvertisement) {
    return drop(port, packet, DropReason::not_forwarded);
  }
  const IpAddress& ip = question.target;
  const bool link_local = is_link_local_v6(ip);
  // Every link-local address passes for the vnic's own with spoof; here only the mapping can tell.
  const std::optional<unsigned> prefix = link_local ? std::nullopt : vnic.rules.own_prefix(ip);
  const bool own = prefix.has_value();
  const bool probe = question.kind == Kind::kArpProbe || question.kind == Kind::kDadProbe;
  // Of its own networks others may have parts.
  const unsigned shortest = probe ? overlay::Tables::kHostsOnly
                            : own ? *prefix + 1
                                  : kNoDefaultRoute;
  const overlay::Target target = who_has(vnic.tenant, ip, shortest);
  unsigned who = deliver::VnicTable::kNone;
  const MacAddress* mac = mac_of(target, vnic.tenant, &who);
  if (who == port || (mac == nullptr && (own || (probe && link_local)))) {
    return drop(port, packet, DropReason::not_forwarded);
  }
  if (mac == nullptr) return drop(port, packet, unknown(ip));
  if (who != deliver::VnicTable::kNone && !vnics[who].rules.takes_tags(packet.layers))
    return drop(port, packet, DropReason::vlan_not_allowed);
  if (!vnic.answers.take(now)) return drop(port, packet, DropReason::answer_limit);
  const resolve::Owner owner{*mac, is_router(target, vnic.tenant)};
  if (!resolve::answer(packet, question, owner)) return drop(port, packet, unknown(ip));
  answered(port);
  const OutFrame frame{{packet.data, packet.length}, {}};
  const bool nd = packet.layers.nd_type != 0;
  to_vnic(port, {&frame, 1}, packet.layers, nd, nd);
}

void Pipeline::Impl::asked_by_peer(unsigned uplink, Packet& packet,
                                   const resolve::Question& question, uint16_t tenant,
                                   const NextHop& peer) {
  const overlay::Target target = who_has(tenant, question.target, overlay::Tables::kHostsOnly);
  unsigned who = deliver::VnicTable::kNone;
  const MacAddress* mac = mac_of(target, tenant, &who);
  if (mac == nullptr || who == deliver::VnicTable::kNone) {
    return drop_wire(uplink, packet, unknown(question.target));
  }
  if (!vnics[who].rules.takes_tags(packet.layers)) {
    return drop_wire(uplink, packet, DropReason::vlan_not_allowed);
  }
  if (!vnics[who].peer_answers.take(now)) {
    return drop_wire(uplink, packet, DropReason::answer_limit);
  }
  if (!resolve::answer(packet, question, {*mac})) {
    return drop_wire(uplink, packet, unknown(question.target));
  }
  ++uplinks[uplink][UplinkCounter::rx_decapsulated];
  answered(who);
  const OutFrame frame{{packet.data, packet.length}, {}};
  tap(TapPoint::kInner, TapDirection::kFromGuest, who, frame);
  const uint8_t traffic_class =
      encapsulate::traffic_class(packet.data + packet.layers.l2_length, packet.layers.l3);
  send(kOwnPort, peer,
       {packet.data,
        packet.length,
        {},
        {traffic_class, packet.layers.flow_hash, packet.layers.l3 == L3::kIpv6}});
}

}  // namespace gatehouse::pipeline
