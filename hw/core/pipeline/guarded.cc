// SPDX-License-Identifier: GPL-2.0-or-later
// Where frames meet the firewalls of vnics and the meters.
#include <algorithm>
#include <cstring>
#include <utility>

#include "hw/core/overlay/destination.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using meter::Colour;
using spec::DropReason;
using spec::VnicCounter;

// Of the frames in work_ those that may pass stay. Answers how many.
size_t Pipeline::Impl::guard_out(unsigned port, size_t count) {
  walked(spec::Stage::flow, port, count);
  size_t bursts = 0;
  for (size_t i = 0; i < count; ++i) {
    if (repeats_[i]) continue;
    guard.look_up(port, *work_[i], FlowDirection::kOut, tickets_[bursts],
                  bursts != 0 ? &tickets_[bursts - 1] : nullptr);
    ++bursts;
  }
  guard.approach({tickets_.data(), bursts});
  walked(spec::Stage::firewall, port, count);
  Guard::Ticket* ticket = tickets_.data();
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    const DropReason reason =
        guard.check(port, *work_[i], FlowDirection::kOut, *ticket, vnics[port].counters);
    if (i + 1 < count) ticket += !repeats_[i + 1];
    if (reason == DropReason::none) [[likely]] {
      stays(kept++, i);
    } else {
      drop(port, *work_[i], reason);
      ends(i);
    }
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

// Those of the vnic and of its tenant, filled up to now.
void Pipeline::Impl::begin_metering(unsigned port) {
  Vnic& vnic = vnics[port];
  meters_count_ = 0;
  colour_aware_ = false;
  for (Metered* metered : {&vnic.meter, &tables->tenants[vnic.tenant].meter}) {
    if (!metered->rate.active()) continue;
    metered->rate.advance(now);
    colour_aware_ |= metered->rate.colour_aware();
    meters_[meters_count_++] = metered;
  }
}

// The vnic's mark before the tenant's.
void Pipeline::Impl::mark_yellow(uint8_t* l3, L3 kind) const {
  for (size_t i = 0; i < meters_count_; ++i) {
    const std::optional<policy::Meter>& policy = meters_[i]->policy;
    if (!policy || !policy->yellow_dscp) continue;
    meter::set_dscp(l3, kind, *policy->yellow_dscp);
    return;
  }
}

bool Pipeline::Impl::pass_meters(unsigned port, Inner& inner, uint32_t octets,
                                 const Layers& layers) {
  uint8_t* l3 = inner.head + layers.l2_length;
  const Colour colour = meter(port, l3, layers.l3, octets);
  if (colour == Colour::kRed) {
    drop(true, port, {{inner.head, inner.head_length}, inner.body}, DropReason::meter_red);
    return false;
  }
  if (colour == Colour::kYellow) {
    mark_yellow(l3, layers.l3);
    inner.about.traffic_class = encapsulate::traffic_class(l3, layers.l3);
  }
  return true;
}

}  // namespace gatehouse::pipeline
