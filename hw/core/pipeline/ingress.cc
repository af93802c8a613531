// SPDX-License-Identifier: GPL-2.0-or-later
// From the wire: parse -> underlay -> decapsulate -> parse -> deliver -> flow, firewall ->
// coalesce. All checks before a vnic is known end in drop_wire.
#include <algorithm>
#include <cstring>
#include <utility>

#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/decapsulate/tunnel.hh"
#include "hw/core/overlay/destination.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using resolve::Kind;
using spec::DropReason;
using spec::UplinkCounter;

namespace {

// open_tunnel()'s answer for a TCP-shaped segment that is kept: no reason, and no inner frame yet.
constexpr DropReason kTaken = DropReason::kCount;

// Of IPv4 or IPv6, or ARP's sender: 4 or 16 octets in the frame.
const uint8_t* source_octets(const Packet& packet) {
  const uint8_t* l3 = packet.data + packet.layers.l2_length;
  switch (packet.layers.l3) {
    case L3::kIpv6:
      return Ipv6Header(l3).source_octets();
    case L3::kArp:
      return ArpHeader(l3).sender_ip_octets();
    default:
      return Ipv4Header(l3).source_octets();
  }
}
IpAddress source_ip(const Packet& packet) {
  const uint8_t* octets = source_octets(packet);
  return packet.layers.l3 == L3::kIpv6 ? IpAddress::v6(octets) : IpAddress::v4(octets);
}
IpAddress destination_ip(const Packet& packet) {
  const uint8_t* ip = packet.data + packet.layers.l2_length;
  return packet.layers.l3 == L3::kIpv6 ? Ipv6Header(ip).destination()
                                       : Ipv4Header(ip).destination();
}

bool is_link_scope(const IpAddress& ip) {
  return is_link_local_v6(ip) || (ip.octets[0] == 0xff && (ip.octets[1] & 0x0f) == 2);
}

// A client without an address asks a server that is a vnic of this card.
bool is_dhcp_request(const Packet& packet) {
  if (packet.layers.l4 != L4::kUdp || packet.layers.l3 != L3::kIpv4) return false;
  const UdpHeader udp(static_cast<const uint8_t*>(packet.data + packet.layers.l4_offset));
  return udp.source_port() == BootpHeader<uint8_t>::kClientPort &&
         udp.destination_port() == BootpHeader<uint8_t>::kServerPort;
}

// An Ethernet header without addresses in front of a datagram, over its tunnel's headers; the last
// `kept` octets of these stand in front of it then.
void begin_ethernet(Packet& packet, uint32_t kept) {
  uint8_t* header = packet.data - kept;
  std::memmove(header - EthernetHeader<uint8_t>::kLength, header, kept);
  const bool v6 = packet.data[0] >> 4 == 6;
  packet.push(EthernetHeader<uint8_t>::kLength);
  const EthernetHeader ethernet(packet.data);
  ethernet.set_destination({});
  ethernet.set_source({});
  ethernet.set_ether_type(static_cast<uint16_t>(v6 ? EtherType::kIpv6 : EtherType::kIpv4));
}

}  // namespace

// What the wire did not cut becomes what a guest's super-frame is. Nothing but TCP for one station
// is let in so: segments times vnics would be more than one frame's work. A frame that is none
// keeps its length, and ends where such a length does.
void Pipeline::Impl::claim_super_frame(Packet& packet) {
  const Layers& layers = packet.layers;
  if (packet.wire_mss == 0 || layers.l4 != L4::kTcp || layers.payload_offset == 0 ||
      layers.fragment || (packet.data[0] & 1) != 0) {
    return;
  }
  packet.length = std::min(packet.length, layers.l3_end);
  packet.offload = {.tso = true,
                    .tcp = true,
                    .ipv4 = layers.l3 == L3::kIpv4,
                    // Small segments that a kernel has merged may be cut larger: it is a stream.
                    .mss = std::max(packet.wire_mss, kLeastMss),
                    .header_length = layers.payload_offset,
                    .payload_length = packet.length - layers.payload_offset};
}

void Pipeline::Impl::ingress(unsigned uplink, std::span<Packet* const> batch) {
  walked(spec::Stage::parse, uplink, batch.size());
  parse::parse(batch);
  work_uplink_ = uplink;
  // Whoever calls tick() believes the deadlines, which may be a saved state's.
  if (reassembler_) [[unlikely]]
    reassembler_->tick(now);
  if (coalescer_) coalescer_->tick(now);
  for (Packet* packet : batch) {
    const size_t next = work_count_;
    if (!take_off(uplink, *packet, tenants_[next], peers_[next], origins_[next])) continue;
    to_work(uplink, *packet);
  }
  inner_frames(uplink);
  if (coalescer_) coalescer_->end_batch();
  end_batch();
}

// An inner frame whose tenant, peer and origin stand at work_count_ already. There is room: of a
// batch there are no more, and a frame that was put together finds nothing there.
void Pipeline::Impl::to_work(unsigned uplink, Packet& packet) {
  const Layers& layers = packet.layers;
  if (layers.l3 == L3::kNone || layers.l3 == L3::kOther) {
    return drop_wire(uplink, packet, DropReason::not_forwarded);
  }
  work_[work_count_] = &packet;
  keys_[work_count_] = {source_octets(packet), tenants_[work_count_], layers.l3 == L3::kIpv6};
  ++work_count_;
}

// Those in work_.
void Pipeline::Impl::inner_frames(unsigned uplink) {
  const size_t count = std::exchange(work_count_, 0);
  if (count == 0) return;
  // The mapping is asked about sources: for all of them at once, as memory is slow.
  tables->overlay.find({keys_.data(), count}, targets_);
  for (size_t i = 0; i < count; ++i) {
    if (targets_[i].way.is_next_hop()) {
      __builtin_prefetch(&tables->next_hops[targets_[i].way.index()].peer);
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if (!peers_[i]->outer.carries_ip()) [[likely]]
      continue;
    finish_ethernet(*work_[i], tenants_[i], targets_[i]);
  }
  const bool guarded = guard.active();
  if (guarded) {
    guard.begin_batch(now);
    prefetch_in(count);
  }
  for (size_t i = 0; i < count; ++i) {
    ticket_ = guarded ? &tickets_[i] : nullptr;
    origin_ = coalescer_ && origins_[i].opaque != kTooLong ? &origins_[i] : nullptr;
    inner_frame(uplink, *work_[i], tenants_[i], *peers_[i], targets_[i]);
  }
}

// false: the frame has ended, or was the card's own business. Else it is the inner frame now.
bool Pipeline::Impl::take_off(unsigned uplink, Packet& packet, uint16_t& tenant,
                              const NextHop*& peer, coalesce::Origin& origin) {
  DropReason reason = packet.reason;  // parse's
  if (reason == DropReason::none) reason = for_card(uplink, packet);
  const bool neighbour = packet.layers.l3 == L3::kArp || packet.layers.nd_type != 0;
  if (reason == DropReason::none && neighbour) {
    walked(spec::Stage::underlay, uplink, 1);
    if (tables->neighbours.hear(uplink, packet, now, *this) != underlay::Heard::kNothing) {
      ++uplinks[uplink][UplinkCounter::rx_neighbour];
      return false;
    }
    reason = DropReason::not_for_card;
  }
  if (reason == DropReason::none) {
    walked(spec::Stage::decapsulate, uplink, 1);
    reason = open_tunnel(uplink, packet, tenant, peer, origin);
  }
  if (reason == DropReason::none) return true;
  if (reason != kTaken) drop_wire(uplink, packet, reason);
  return false;
}

// By Ethernet address and tag. Group addresses are let in for ARP and ND only.
DropReason Pipeline::Impl::for_card(unsigned uplink, const Packet& packet) const {
  const underlay::Interface& interface = tables->interfaces[uplink];
  if (!interface.present || !interface.takes_tags(packet.layers)) return DropReason::not_for_card;
  const bool neighbour = packet.layers.l3 == L3::kArp || packet.layers.nd_type != 0;
  const MacAddress to = MacAddress::from(packet.data);
  if (to != interface.mac && !(neighbour && to.is_multicast())) return DropReason::not_for_card;
  const bool ip = packet.layers.l3 == L3::kIpv4 || packet.layers.l3 == L3::kIpv6;
  return ip || neighbour ? DropReason::none : DropReason::not_a_tunnel;
}

// Takes the outer headers off; the inner frame is parsed. A TCP-shaped segment of a larger frame is
// kept.
DropReason Pipeline::Impl::open_tunnel(unsigned uplink, Packet& packet, uint16_t& tenant,
                                       const NextHop*& peer, coalesce::Origin& origin) {
  const underlay::Interface& interface = tables->interfaces[uplink];
  const Layers& layers = packet.layers;
  const IpAddress to = destination_ip(packet);
  if (!interface.owns(to)) return DropReason::not_for_card;
  const IpAddress from = source_ip(packet);
  if (interface.owns(from)) return DropReason::outer_loop;
  if (layers.fragment) return DropReason::outer_fragment;
  if (layers.source_route) return DropReason::not_for_card;
  decapsulate::Tunnel tunnel;
  decapsulate::Part part;
  DropReason reason = decapsulate::open(packet, tables->receptions, tunnel, part);
  if (reason == DropReason::outer_fragment) {
    reason = take_part(uplink, from, to, part);
    return reason == DropReason::none ? kTaken : reason;
  }
  if (reason != DropReason::none) return reason;
  tenant = tables->tenant_of(tunnel.plan, tunnel.vni);
  if (tenant == kNoTenant) return DropReason::unknown_vni;
  const overlay::Target known = tables->peers.find(tenant, from);
  if (known.way.is_none()) return DropReason::unknown_peer;
  peer = &tables->next_hops[known.way.index()];

  const bool shaped = layers.l4 == L4::kTcp;
  uint32_t kept = 0;
  if (coalescer_) {
    origin.envelope = static_cast<uint16_t>(tunnel.plan);
    origin.peer = known.way.index();
    const bool read = tables->envelopes[tunnel.plan].read(packet, tunnel.inner_offset,
                                                          tunnel.header_length, origin);
    if (read) kept = origin.opaque;
    if (!read) origin.opaque = kTooLong;
  }
  if (shaped) [[unlikely]]
    return begin_shaped(packet, tunnel, kept);
  return begin_inner(packet, tunnel, kept);
}

// The inner frame is all that is left. `kept`: octets of the tunnel header that stand in front of
// it then.
DropReason Pipeline::Impl::begin_inner(Packet& packet, const decapsulate::Tunnel& tunnel,
                                       uint32_t kept) {
  packet.pull(tunnel.inner_offset);
  packet.length = tunnel.inner_length;
  if (tunnel.carries_ip) begin_ethernet(packet, kept);
  packet.offload = {};
  const DropReason inner = parse::parse(packet);
  claim_super_frame(packet);
  return inner != DropReason::none ? inner : decapsulate::join_ecn(packet, tunnel.outer_ecn);
}

// The mapping is the same in both directions: who is reached by a peer may come from that peer
// only. `source`: where the mapping leads for the frame's source address.
bool Pipeline::Impl::source_is_peers(const Packet& packet, uint16_t tenant, const NextHop& peer,
                                     const overlay::Target& source) const {
  const uint8_t* mac = packet.data + 6;
  if (packet.layers.home_address) return false;  // spoof_ipv6.cc says why
  if ((mac[0] & 1) != 0 || by_mac.find(tenant, mac) != deliver::VnicTable::kNone) return false;
  const bool nd = packet.layers.nd_type != 0;
  // ARP's and ND's probes, and DHCP: nobody's address, though a default route has it.
  if (source_octets(packet)[0] == 0 && is_unspecified(source_ip(packet))) {
    return packet.layers.l3 == L3::kArp || nd || is_dhcp_request(packet);
  }
  if (source.way.is_next_hop()) [[likely]] {
    return tables->next_hops[source.way.index()].peer == peer.peer;
  }
  const IpAddress ip = source_ip(packet);
  // Link-local addresses are in no mapping as a rule. They reach no further than this link.
  return source.way.is_none() && is_link_local_v6(ip) &&
         (nd || is_link_scope(destination_ip(packet))) &&
         who_has(tenant, ip, overlay::Tables::kHostsOnly).way.is_none();
}

// Of a sender without a mapping. The underlay's addresses are not for guests.
MacAddress unmapped_mac(const Packet& packet) {
  constexpr MacAddress kNobodys{{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}};  // locally administered
  if (packet.layers.l3 != L3::kIpv6) return kNobodys;
  const uint8_t* l3 = packet.data + packet.layers.l2_length;
  const MacAddress mac = eui64_mac(Ipv6Header(l3).source());
  return mac.is_zero() || mac.is_multicast() ? kNobodys : mac;
}

// A datagram without Ethernet header gets the one that its frame would have, had the mapping's
// stations been asked for it: `source` is where that leads for the datagram's sender.
void Pipeline::Impl::finish_ethernet(Packet& packet, uint16_t tenant,
                                     const overlay::Target& source) const {
  const EthernetHeader ethernet(packet.data);
  const uint8_t* ip = overlay::destination_ip(packet.data, packet.layers);
  const bool v6 = packet.layers.l3 == L3::kIpv6;
  ethernet.set_source(source.way.is_next_hop() ? source.mac : unmapped_mac(packet));
  unsigned vnic = deliver::VnicTable::kNone;
  const overlay::Target target = who_has(tenant, v6 ? IpAddress::v6(ip) : IpAddress::v4(ip), 0);
  const MacAddress* mac = mac_of(target, tenant, &vnic);
  const bool group = overlay::is_many(ip, v6);
  if (group && packet.offload.tso) {  // claim_super_frame() knew no address
    packet.offload = {};
    complete_checksums(packet);
  }
  // Nobody has the zero address.
  ethernet.set_destination(group            ? overlay::group_mac(ip, v6)
                           : mac != nullptr ? *mac
                                            : MacAddress{});
}

void Pipeline::Impl::inner_frame(unsigned uplink, Packet& packet, uint16_t tenant,
                                 const NextHop& peer, const overlay::Target& source) {
  if (!source_is_peers(packet, tenant, peer, source)) {
    return drop_wire(uplink, packet, DropReason::remote_spoof);
  }
  const resolve::Question question = resolve::classify(packet);
  switch (question.kind) {
    case Kind::kNone:
      return deliver(uplink, packet, tenant);
    case Kind::kRouterAdvertisement: {
      // Routers are where the tenant's broadcasts go.
      const Tenant& owner = tables->tenants[tenant];
      if (owner.has_broadcast_peer && owner.broadcast_peer == peer.peer) {
        return deliver(uplink, packet, tenant);
      }
      return drop_wire(uplink, packet, DropReason::not_forwarded);
    }
    case Kind::kRouterSolicitation:
    case Kind::kClaim:
      return drop_wire(uplink, packet, DropReason::not_forwarded);
    default: {
      // The asker's own mapping says which of the peer's VNIs an answer wants.
      // A probe has none; where a default route has its address, that says nothing.
      const bool probe = question.kind == Kind::kArpProbe || question.kind == Kind::kDadProbe;
      const bool known = !probe && source.way.is_next_hop();
      const NextHop& back = known ? tables->next_hops[source.way.index()] : peer;
      return asked_by_peer(uplink, packet, question, tenant, back);
    }
  }
}

void Pipeline::Impl::deliver(unsigned uplink, Packet& packet, uint16_t tenant) {
  walked(spec::Stage::deliver, uplink, 1);
  if (!packet.offload.tso) verify_l4_checksum(packet);
  if ((packet.data[0] & 1) != 0) {
    bool somebody = false;
    by_mac.each(tenant, [&](unsigned vnic) {
      if (!somebody) ++uplinks[uplink][UplinkCounter::rx_decapsulated];
      somebody = true;
      deliver_to(uplink, vnic, packet);
    });
    if (!somebody) drop_wire(uplink, packet, DropReason::no_vnic);
    return;
  }
  const unsigned vnic = by_mac.find(tenant, packet.data);
  if (vnic == deliver::VnicTable::kNone) return drop_wire(uplink, packet, DropReason::no_vnic);
  ++uplinks[uplink][UplinkCounter::rx_decapsulated];
  deliver_to(uplink, vnic, packet, vnics[vnic].coalesces);
}

// `merge`: the frame is this vnic's alone, which wants such merged with others.
void Pipeline::Impl::deliver_to(unsigned uplink, unsigned vnic, Packet& packet, bool merge) {
  const OutFrame frame{{packet.data, packet.length}, {}};
  tap(TapPoint::kInner, TapDirection::kToGuest, vnic, frame);
  const Layers& layers = packet.layers;
  if (!vnics[vnic].rules.takes_tags(layers)) {
    return drop_for_vnic(uplink, vnic, frame, DropReason::vlan_not_allowed);
  }
  if (guard.guards(vnic) && !guard_in(vnic, packet, FlowDirection::kIn, uplink)) return;
  if (merge) return coalesce_in(uplink, vnic, packet, origin_);
  if (packet.offload.tso) return deliver_cut(uplink, vnic, packet);
  to_vnic_later(vnic, packet);
}

// A super-frame from the wire, as the frames that it stands for.
void Pipeline::Impl::deliver_cut(unsigned uplink, unsigned vnic, Packet& packet) {
  const DropReason reason = segmenter_.begin(packet, kLargestDatagram);
  if (reason != DropReason::none) {
    const OutFrame frame{{packet.data, packet.length}, {}};
    return drop_for_vnic(uplink, vnic, frame, reason);
  }
  if (packet.wire_mss != 0) uplinks[uplink][UplinkCounter::rx_segments] += segmenter_.total();
  flush_run();  // what came before goes before
  while (!segmenter_.done()) {
    arena_.reset(0);
    send_pieces(vnic, packet.layers, false, segmenter_.next(arena_, segments_));
  }
}

}  // namespace gatehouse::pipeline
