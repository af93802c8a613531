// SPDX-License-Identifier: GPL-2.0-or-later
// Where frames meet the firewalls of vnics, the meters and the mirror sessions.
#include <algorithm>
#include <cstring>
#include <utility>

#include "hw/core/overlay/destination.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using meter::Colour;
using spec::DropReason;
using spec::VnicCounter;

// Of the frames in work_ those that may pass stay, with keys_ and many_. Answers how many.
size_t Pipeline::Impl::guard_out(unsigned port, size_t count) {
  walked(spec::Stage::flow, port, count);
  for (size_t i = 0; i < count; ++i) {
    guard.look_up(port, *work_[i], FlowDirection::kOut, tickets_[i],
                  i != 0 ? &tickets_[i - 1] : nullptr);
  }
  guard.approach({tickets_.data(), count});
  walked(spec::Stage::firewall, port, count);
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const DropReason reason =
        guard.check(port, *work_[i], FlowDirection::kOut, tickets_[i], vnics[port].counters);
    if (reason != DropReason::none) [[unlikely]] {
      drop(port, *work_[i], reason);
      continue;
    }
    if (kept != i) [[unlikely]] {
      work_[kept] = work_[i];
      keys_[kept] = keys_[i];
      many_[kept] = many_[i];
    }
    ++kept;
  }
  return kept;
}

// Asks memory for the connections of the frames in work_ whose vnic has a firewall.
void Pipeline::Impl::prefetch_in(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const Packet& packet = *work_[i];
    tickets_[i] = {};
    if ((packet.data[0] & 1) != 0) continue;
    const unsigned vnic = by_mac.find(tenants_[i], packet.data);
    if (vnic == deliver::VnicTable::kNone || !guard.guards(vnic)) continue;
    guard.look_up(vnic, packet, FlowDirection::kIn, tickets_[i],
                  i != 0 ? &tickets_[i - 1] : nullptr);
  }
  guard.approach({tickets_.data(), count});
}

// `from`, `port`: where it comes from, another vnic (kOut) or an uplink. false: dropped, as a frame
// for the vnic.
bool Pipeline::Impl::guard_in(unsigned vnic, Packet& packet, FlowDirection from, unsigned port) {
  walked(spec::Stage::flow, port, 1);
  walked(spec::Stage::firewall, port, 1);
  const bool local = from == FlowDirection::kOut;
  const bool ahead = !local && ticket_ != nullptr && ticket_->key.owner == vnic;
  const DropReason reason =
      ahead ? guard.check(vnic, packet, FlowDirection::kIn, *ticket_, vnics[vnic].counters)
            : guard.check(vnic, packet, FlowDirection::kIn, vnics[vnic].counters);
  if (reason == DropReason::none) return true;
  drop_for_vnic(local, port, vnic, {{packet.data, packet.length}, {}}, reason);
  return false;
}

void Pipeline::Impl::logged(const FirewallLog& log) {
  Vnic& vnic = vnics[log.vnic];
  if (!vnic.logs.take(now) || !logs.take(now)) {
    ++vnic[VnicCounter::firewall_log_suppressed];
    ++vnic.logs_suppressed;
    return;
  }
  FirewallLog told = log;
  told.suppressed = std::exchange(vnic.logs_suppressed, 0);
  sink.firewall_logged(told);
}

bool Pipeline::Impl::metered(unsigned port) const {
  const Vnic& vnic = vnics[port];
  return vnic.meter.rate.active() || tables->tenants[vnic.tenant].meter.rate.active();
}

// Both meters, the vnic's and its tenant's, give colours; the worse one holds, and only what goes
// on takes tokens. false: red, dropped. `octets`: of the inner datagram.
bool Pipeline::Impl::pass_meters(unsigned port, Inner& inner, uint32_t octets,
                                 const Layers& layers) {
  Vnic& vnic = vnics[port];
  Metered* const meters[] = {&vnic.meter, &tables->tenants[vnic.tenant].meter};
  if (!meters[0]->rate.active() && !meters[1]->rate.active()) return true;
  uint8_t* l3 = inner.head + layers.l2_length;
  const Colour before = meter::colour_of_dscp(meter::dscp_of(l3, layers.l3));
  Colour colour = Colour::kGreen;
  for (Metered* metered : meters) {
    metered->rate.advance(now);
    colour = std::max(colour, metered->rate.colour(octets, before));
  }
  if (colour == Colour::kRed) {
    drop(true, port, {{inner.head, inner.head_length}, inner.body}, DropReason::meter_red);
    return false;
  }
  for (Metered* metered : meters) metered->rate.take(octets, colour);
  ++vnic[colour == Colour::kGreen ? VnicCounter::meter_green : VnicCounter::meter_yellow];
  if (colour == Colour::kGreen) return true;
  for (const Metered* metered : meters) {
    if (!metered->policy || !metered->policy->yellow_dscp) continue;
    meter::set_dscp(l3, layers.l3, *metered->policy->yellow_dscp);
    inner.about.traffic_class = encapsulate::traffic_class(l3, layers.l3);
    break;  // the vnic's mark before the tenant's
  }
  return true;
}

// Nobody waits for a copy, and nothing is dropped for one: it is sent now or not at all. What is
// longer than the underlay takes is cut.
void Pipeline::Impl::send_mirror(unsigned vnic, const OutFrame& frame) {
  const NextHop& hop = tables->mirrors[vnics[vnic].mirror];
  underlay::Neighbours& neighbours = tables->neighbours;
  const uint32_t octets = std::min(frame.length(), hop.max_frame);
  const bool ready = uplinks[hop.uplink].up && (neighbours.usable(hop.neighbour, now) ||
                                                neighbours.need(hop.neighbour, now, *this));
  Packet* copy = ready && !pool.scarce(octets) ? pool.take(octets) : nullptr;
  if (copy == nullptr) {
    ++vnics[vnic][VnicCounter::mirror_lost];
    return;
  }
  const uint32_t head = std::min(frame.head.length, octets);
  std::memcpy(copy->data, frame.head.data, head);
  if (octets != head) std::memcpy(copy->data + head, frame.body.data, octets - head);
  flush();  // what came before goes before
  const Inner inner{copy->data, octets, {}, {}};
  uint8_t* start = push_outer(hop, inner);
  std::memcpy(start, neighbours.mac(hop.neighbour).octets.data(), 6);
  add(hop.uplink, {start, static_cast<uint32_t>(copy->data + octets - start)}, {});
  flush();
  pool.give(copy);
  ++vnics[vnic][VnicCounter::mirrored];
}

}  // namespace gatehouse::pipeline
