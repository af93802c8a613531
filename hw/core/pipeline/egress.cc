// SPDX-License-Identifier: GPL-2.0-or-later
// From a vnic: parse -> spoof -> resolve -> flow, firewall -> overlay -> segment -> meter ->
// encapsulate -> underlay, stage by stage over the batch.
#include <algorithm>
#include <cstring>

#include "hw/core/base/headers.hh"
#include "hw/core/overlay/destination.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/pipeline/impl.hh"
#include "hw/core/segment/too_big.hh"

namespace gatehouse::pipeline {

using spec::DropReason;
using spec::VnicCounter;

namespace {

// A subnet's broadcast address, which only the guest knows as one: it is somebody's where a mapping
// names it, else all machines'. A default route has no part in it, and IPv6 has none.
bool is_for_all(const Packet& packet) {
  return packet.layers.l3 == L3::kIpv4 && MacAddress::from(packet.data) == kBroadcastMac;
}

// `layers` of a datagram that was cut become those of the piece whose headers are at `head`.
void as_fragment(const uint8_t* head, Layers& layers) {
  const Ipv4Header ip(head + layers.l2_length);
  layers.fragment = ip.more_fragments() || ip.fragment_offset() != 0;
  layers.first_fragment = layers.fragment && ip.fragment_offset() == 0;
  if (!layers.fragment || layers.first_fragment) return;  // the first one has all of L4's header
  layers.l4 = L4::kNone;
  layers.l4_offset = layers.payload_offset = 0;
  layers.nd_type = layers.tcp_flags = 0;
}

}  // namespace

void Pipeline::Impl::egress(unsigned port, std::span<Packet* const> batch) {
  Vnic& vnic = vnics[port];
  uint64_t octets = 0, super_frames = 0;
  for (const Packet* packet : batch) {
    octets += packet->length;
    super_frames += packet->offload.tso;
  }
  vnic[VnicCounter::tx_frames] += batch.size();
  vnic[VnicCounter::tx_bytes] += octets;
  vnic[VnicCounter::tx_super_frames] += super_frames;
  if (tapping(TapPoint::kGuest) || vnic.mirror != kNoRow) [[unlikely]]
    show_egress(port, batch);
  for (Packet* packet : batch) finish(packet);

  size_t count = batch.size();
  std::copy(batch.begin(), batch.end(), work_.begin());
  walked(spec::Stage::parse, port, count);
  if (parse::parse(batch, repeats_) != count) [[unlikely]]
    count = keep_good(port, count);
  if (vnic.row == kNoRow) {
    for (size_t i = 0; i < count; ++i) drop(port, *work_[i], DropReason::vnic_without_policy);
    return end_batch();
  }
  begin_metering(port);  // resolve may send already: a Router Solicitation
  walked(spec::Stage::spoof, port, count);
  if (spoof::check(vnic.rules, {work_.data(), count}, repeats_) != count) [[unlikely]]
    count = keep_good(port, count);
  walked(spec::Stage::resolve, port, count);
  count = choose_ways(port, count);
  if (guard.active()) {
    guard.begin_batch(now);
    if (guard.guards(port)) count = guard_out(port, count);
  }
  walked(spec::Stage::overlay, port, count);
  find_targets(port, count);
  trace_ways(port, count);
  const overlay::Target* target = targets_.data();
  for (size_t i = 0; i < count; ++target) {
    const size_t first = i++;
    while (i < count && repeats_[i]) ++i;
    const std::span<Packet* const> burst(work_.data() + first, i - first);
    if (!many_[first] && target->way.is_next_hop()) [[likely]] {
      send_burst(port, burst, *target);
    } else {
      for (Packet* packet : burst)
        many_[first] ? forward_many(port, *packet) : forward(port, *packet, *target);
    }
  }
  end_batch();
}

// To whom looks at what the guest sends.
void Pipeline::Impl::show_egress(unsigned port, std::span<Packet* const> batch) {
  for (const Packet* packet : batch) {
    const OutFrame frame{{packet->data, packet->length}, {}};
    tap(TapPoint::kGuest, TapDirection::kFromGuest, port, frame);
    if (vnics[port].mirror != kNoRow) mirror(port, frame, packet->offload);
  }
}

// Drops those in work_ that have a reason, keeps the rest in order.
size_t Pipeline::Impl::keep_good(unsigned port, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    if (work_[i]->reason == DropReason::none) {
      stays(kept++, i);
    } else {
      drop(port, *work_[i], work_[i]->reason);
      ends(i);
    }
  }
  return kept;
}

// resolve, and the part of overlay that needs no table. What goes on stays in work_, with many_.
size_t Pipeline::Impl::choose_ways(unsigned port, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    Packet& packet = *work_[i];
    const Layers& layers = packet.layers;
    if (repeats_[i]) {
      many_[i] = many_[i - 1];
    } else if (speaks_as_another(port, packet)) [[unlikely]] {
      drop(port, packet, DropReason::spoofed_ipv6);
      ends(i);
      continue;
    } else if (layers.l3 == L3::kArp || layers.nd_type != 0) [[unlikely]] {
      ask(port, packet);
      ends(i);
      continue;
    } else {
      const auto destination = overlay::classify(packet.data, layers);
      if (destination == overlay::Destination::kLink) [[unlikely]] {
        drop(port, packet, DropReason::link_local);
        ends(i);
        continue;
      }
      many_[i] = destination == overlay::Destination::kMany;
    }
    stays(kept++, i);
  }
  return kept;
}

void Pipeline::Impl::keep_from_default_routes(size_t count) {
  size_t burst = 0;
  for (size_t i = 0; i < count; ++i) {
    if (repeats_[i]) continue;
    const overlay::Key& key = keys_[burst];
    if (!many_[i] && is_for_all(*work_[i]))
      targets_[burst] = tables->overlay.find(key, kNoDefaultRoute);
    ++burst;
  }
}

// One target for each burst.
void Pipeline::Impl::find_targets(unsigned port, size_t count) {
  const uint16_t tenant = vnics[port].tenant;
  size_t bursts = 0;
  bool for_all = false;
  for (size_t i = 0; i < count; ++i) {
    if (repeats_[i]) continue;
    const Packet& packet = *work_[i];
    for_all |= (packet.data[0] & 1) != 0;
    keys_[bursts++] = {overlay::destination_ip(packet.data, packet.layers), tenant,
                       packet.layers.l3 == L3::kIpv6};
  }
  tables->overlay.find({keys_.data(), bursts}, targets_);
  if (for_all) [[unlikely]]
    keep_from_default_routes(count);
  for (size_t i = 0; i < bursts; ++i) {
    if (!targets_[i].way.is_next_hop()) continue;
    if (i != 0 && targets_[i].way == targets_[i - 1].way) continue;
    const auto* hop = reinterpret_cast<const uint8_t*>(&tables->next_hops[targets_[i].way.index()]);
    for (size_t line = 0; line < sizeof(NextHop); line += 64) __builtin_prefetch(hop + line);
  }
}

void Pipeline::Impl::trace_ways(unsigned port, size_t count) {
  if (!trace_) [[likely]]
    return;
  size_t remote = 0, local = 0;
  const overlay::Target* target = targets_.data();
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) target += !repeats_[i];
    ++(many_[i] || target->way.is_next_hop() ? remote : local);
  }
  walked(spec::Stage::segment, port, remote + local);
  if (metered()) walked(spec::Stage::meter, port, remote);
  walked(spec::Stage::encapsulate, port, remote);
  walked(spec::Stage::underlay, port, remote);
  walked(spec::Stage::deliver, port, local);
}

// Through the tunnel, and of one flow: all of it takes the same way. Where nothing stands in that
// way this is send_remote(), with what the burst shares found once.
void Pipeline::Impl::send_burst(unsigned port, std::span<Packet* const> burst,
                                const overlay::Target& target) {
  const NextHop& hop = tables->next_hops[target.way.index()];
  const underlay::Neighbours& neighbours = tables->neighbours;
  const MacAddress receiver = target.mac;
  if (tapping(TapPoint::kInner) || !hop.outer.is_usual() || !uplinks[hop.uplink].up ||
      !neighbours.usable(hop.neighbour, now)) [[unlikely]] {
    for (Packet* packet : burst) {
      std::memcpy(packet->data, receiver.octets.data(), 6);
      send_remote(port, *packet, hop);
    }
    return;
  }
  const MacAddress next = neighbours.mac(hop.neighbour);
  const uint32_t max_frame = hop.max_frame;
  const unsigned uplink = hop.uplink;
  Vnic& vnic = vnics[port];
  for (Packet* packet : burst) {
    std::memcpy(packet->data, receiver.octets.data(), 6);
    if (packet->offload.tso || packet->length > max_frame) [[unlikely]] {
      send_remote_cut(port, *packet, hop);
      continue;
    }
    const Layers& layers = packet->layers;
    uint8_t* l3 = packet->data + layers.l2_length;
    const meter::Colour colour = meter(port, l3, layers.l3, metered_octets(*packet));
    if (colour == meter::Colour::kRed) [[unlikely]] {
      drop(port, *packet, DropReason::meter_red);
      continue;
    }
    if (colour == meter::Colour::kYellow) [[unlikely]]
      mark_yellow(l3, layers.l3);
    ++vnic[VnicCounter::tx_encapsulated];
    uint8_t* start = hop.outer.push(packet->data, packet->length,
                                    {encapsulate::traffic_class(l3, layers.l3), layers.flow_hash},
                                    identification++);
    std::memcpy(start, next.octets.data(), 6);
    add(uplink, {start, static_cast<uint32_t>(packet->data + packet->length - start)}, {});
  }
}

// What is not for a next hop.
void Pipeline::Impl::forward(unsigned port, Packet& packet, const overlay::Target& target) {
  overlay::Target where = target;
  if (where.way.is_none()) {
    const uint8_t* ip = overlay::destination_ip(packet.data, packet.layers);
    const bool v6 = packet.layers.l3 == L3::kIpv6;
    // A link-local address says itself which vnic has it (modified EUI-64), if it is one of this
    // card.
    if (v6) where = who_has(vnics[port].tenant, IpAddress::v6(ip), 0);
  }
  if (where.way.is_none()) {
    return is_for_all(packet) ? forward_many(port, packet)
                              : drop(port, packet, DropReason::no_mapping);
  }
  unsigned to = deliver::VnicTable::kNone;
  const MacAddress* mac = mac_of(where, vnics[port].tenant, &to);
  if (mac == nullptr) return drop(port, packet, DropReason::no_vnic);
  if (to == port) return drop(port, packet, DropReason::no_mapping);
  if (!vnics[to].rules.takes_tags(packet.layers))
    return drop(port, packet, DropReason::vlan_not_allowed);
  std::memcpy(packet.data, mac->octets.data(), 6);
  send_local(port, packet, to);
}

void Pipeline::Impl::forward_many(unsigned port, Packet& packet) {
  const Tenant& tenant = tables->tenants[vnics[port].tenant];
  if (tenant.broadcast.is_none()) return drop(port, packet, DropReason::no_broadcast_peer);
  const uint8_t* ip = overlay::destination_ip(packet.data, packet.layers);
  const MacAddress mac = overlay::group_mac(ip, packet.layers.l3 == L3::kIpv6);
  std::memcpy(packet.data, mac.octets.data(), 6);
  send_remote(port, packet, tables->next_hops[tenant.broadcast.index()]);
}

void Pipeline::Impl::send_remote(unsigned port, Packet& packet, const NextHop& hop) {
  tap(TapPoint::kInner, TapDirection::kFromGuest, port, {{packet.data, packet.length}, {}});
  if (!hop.outer.carries(packet.layers)) [[unlikely]] {
    return drop(port, packet, DropReason::not_in_format);
  }
  // Padding is Ethernet's.
  if (hop.outer.carries_ip() && !packet.offload.tso) packet.length = packet.layers.l3_end;
  if (packet.offload.tso || packet.length > hop.max_frame) [[unlikely]] {
    return send_remote_cut(port, packet, hop);
  }
  Inner inner = inner_of(packet);
  const Layers& layers = packet.layers;
  if (!pass_meters(port, inner, metered_octets(packet), layers)) return;
  ++vnics[port][VnicCounter::tx_encapsulated];
  send(port, hop, inner);
}

// false: dropped.
bool Pipeline::Impl::begin_segments(unsigned port, Packet& packet, uint32_t mtu,
                                    uint32_t wire_cuts) {
  if (packet.offload.tso) clamp_mss(packet, mtu);
  const DropReason reason = segmenter_.begin(packet, mtu, wire_cuts);
  if (reason == DropReason::none) return true;
  if (reason == DropReason::exceeds_mtu) tell_too_big(port, packet, mtu);
  drop(port, packet, reason);
  return false;
}

// Octets of the largest inner frame that the wire to `hop` cuts by itself; 0: it cuts none now.
// While the outer tap records, the card cuts everything, so that the record is what is on the wire.
uint32_t Pipeline::Impl::wire_cuts(const Packet& packet, const NextHop& hop) const {
  if (!packet.offload.tso || tapping(TapPoint::kOuter) || !sink.cuts(hop.uplink)) return 0;
  if (!hop.outer.wire_cuts()) return 0;
  // A burst need not hold 64 KiB: meters see what the wire sees.
  if (metered()) return 0;
  if (!uplinks[hop.uplink].up || !tables->neighbours.usable(hop.neighbour, now)) return 0;
  return kLargestDatagram - (hop.outer.length() - hop.outer.ip_offset());
}

void Pipeline::Impl::count_segments(unsigned port) {
  if (segmenter_.kind() == segment::Kind::kSegments)
    vnics[port][VnicCounter::tx_segments] += segmenter_.total();
  if (segmenter_.makes_fragments()) vnics[port][VnicCounter::fragments] += segmenter_.total();
}

// Octets of the largest inner datagram of which this one is, or is to be cut to.
uint32_t Pipeline::Impl::mtu_of(const Packet& packet, const NextHop& hop, bool in_segments) const {
  const uint32_t l2 = packet.layers.l2_length;
  const uint32_t largest = tables->tenants[hop.tenant].largest_datagram();
  uint32_t room = hop.underlay_frame - l2;
  // A redundant frame is a TCP super-frame: others have no header that all segments can tell.
  if (hop.segment_room != 0 && !hop.outer.is_redundant()) {
    const uint32_t whole = largest_stream(hop.outer) - l2;
    if (in_segments) {
      room = whole;
    } else if (packet.layers.l3 == L3::kIpv6 && !packet.offload.tso) {
      // Nobody who sends it believes that less gets through (RFC 8201 section 4).
      room = std::max(room, std::min<uint32_t>(policy::kMinIpv6Mtu, whole));
    }
  }
  return std::max(std::min(room, largest), segment::kMinMtu);
}

void Pipeline::Impl::send_remote_cut(unsigned port, Packet& packet, const NextHop& hop) {
  // What came before goes before: only then does the wire say whether it cuts.
  if (packet.offload.tso) flush();
  const bool many = goes_in_segments(packet, hop);
  const uint32_t mtu = mtu_of(packet, hop, many);
  const uint32_t cut = many ? segments_cut(packet, hop, mtu) : wire_cuts(packet, hop);
  if (!begin_segments(port, packet, mtu, cut)) return;
  Inner inner = inner_of(packet);
  if (segmenter_.kind() == segment::Kind::kPass) {  // without the padding that made it too long
    segmenter_.next(arena_, segments_);
    inner.head_length = segments_[0].body.length;
    const uint32_t octets = inner.length() - packet.layers.l2_length;
    if (!pass_meters(port, inner, octets, packet.layers)) return;
    ++vnics[port][VnicCounter::tx_encapsulated];
    return send_piece(port, hop, inner, packet.layers, 0);
  }
  ++vnics[port][VnicCounter::tx_encapsulated];
  count_segments(port);
  const encapsulate::Outer::Inner about = inner.about;
  while (!segmenter_.done()) {
    arena_.reset(encapsulate::Outer::kReserve);
    const uint32_t count = segmenter_.next(arena_, segments_);
    for (uint32_t i = 0; i < count; ++i) {
      inner.head = segments_[i].head;
      inner.head_length = segments_[i].head_length;
      inner.body = segments_[i].body;
      inner.about = about;
      const uint32_t octets = inner.length() - packet.layers.l2_length;
      if (!pass_meters(port, inner, octets, packet.layers)) continue;
      send_piece(port, hop, inner, packet.layers, segments_[i].mss);
    }
    flush();  // before the arena forgets the headers
  }
}

// `mss`: of a piece that is cut on its way; 0: none. What is larger than one segment then, and not
// to be fragmented, is a stream; in the redundant form only tags over the least MTU make it so,
// which the underlay has room for.
void Pipeline::Impl::send_piece(unsigned port, const NextHop& hop, const Inner& inner,
                                const Layers& layers, uint16_t mss) {
  const bool stream = inner.length() > hop.underlay_frame && !hop.outer.is_redundant();
  if (hop.segment_room != 0 && (mss != 0 || stream))
    return send_segments(port, hop, inner, layers, mss);
  if (mss != 0) return send_super(hop, inner, layers, mss);
  send(port, hop, inner);
}

void Pipeline::Impl::send_local(unsigned port, Packet& packet, unsigned to) {
  const OutFrame frame{{packet.data, packet.length}, {}};
  tap(TapPoint::kInner, TapDirection::kFromGuest, port, frame);
  if (guard.guards(to) && !guard_in(to, packet, FlowDirection::kOut, port)) {
    ++vnics[port][VnicCounter::tx_local];  // the other vnic's drop
    return;
  }
  const uint32_t mtu = tables->tenants[vnics[port].tenant].largest_datagram();
  if (packet.offload.tso || packet.length > packet.layers.l2_length + mtu) {
    return send_local_cut(port, packet, to, mtu);
  }
  ++vnics[port][VnicCounter::tx_local];
  to_vnic_later(to, packet);
}

void Pipeline::Impl::send_local_cut(unsigned port, Packet& packet, unsigned to, uint32_t mtu) {
  if (!begin_segments(port, packet, mtu)) return;
  ++vnics[port][VnicCounter::tx_local];
  count_segments(port);
  const bool fragments = segmenter_.makes_fragments();
  flush_run();  // what came before goes before
  while (!segmenter_.done()) {
    arena_.reset(0);
    send_pieces(to, packet.layers, fragments, segmenter_.next(arena_, segments_));
  }
}

// The first `count` of segments_, in runs of one shape. `layers`: of what was cut. `fragments`:
// each frame tells itself whether it is one.
void Pipeline::Impl::send_pieces(unsigned to, const Layers& layers, bool fragments,
                                 uint32_t count) {
  const bool checked = segmenter_.kind() == segment::Kind::kSegments;
  OutFrame frames[segment::kRun];
  for (uint32_t i = 0; i < count; ++i) frames[i] = segments_[i].frame();
  for (uint32_t first = 0, next = 0; first < count; first = next) {
    Layers shape = layers;
    shape.l3_end = frames[first].length();
    ++next;
    if (fragments) {
      as_fragment(frames[first].head.data, shape);
    } else {
      while (next < count && frames[next].length() == shape.l3_end) ++next;
    }
    const bool whole = checked && !shape.fragment;
    to_vnic(to, {frames + first, next - first}, shape, whole, whole);
  }
}

// RFC 1191, RFC 8201. The answer comes from the address that could not be reached so large: the
// vnic's own link has no other router.
void Pipeline::Impl::tell_too_big(unsigned port, const Packet& packet, uint32_t mtu) {
  Vnic& vnic = vnics[port];
  if (!vnic.too_big.take(now)) return;
  Packet* answer = pool.take(segment::kTooBigOctets);
  if (answer == nullptr) return;
  const uint8_t* ip = overlay::destination_ip(packet.data, packet.layers);
  const IpAddress source = packet.layers.l3 == L3::kIpv6 ? IpAddress::v6(ip) : IpAddress::v4(ip);
  const MacAddress mac = MacAddress::from(packet.data);
  if (segment::make_too_big(packet, mtu, mac, source, *answer) &&
      parse::parse(*answer) == DropReason::none) {
    ++vnic[VnicCounter::icmp_too_big];
    const OutFrame frame{{answer->data, answer->length}, {}};
    to_vnic(port, {&frame, 1}, answer->layers, true, true);
  }
  pool.give(answer);
}

}  // namespace gatehouse::pipeline
