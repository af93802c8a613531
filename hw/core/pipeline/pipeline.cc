// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/pipeline/pipeline.hh"

#include <algorithm>

#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using spec::DropReason;
using spec::UplinkCounter;
using spec::VnicCounter;

Pipeline::Pipeline(PacketPool& pool, Sink& sink, uint64_t flow_seed)
    : impl_(std::make_unique<Impl>(pool, sink, flow_seed)) {}

Pipeline::~Pipeline() = default;

Status Pipeline::load(const policy::Policy& policy, int64_t now_ns) {
  if (now_ns != 0) impl_->now = now_ns;
  return impl_->load(policy);
}

Status Pipeline::attach_vnic(unsigned vnic, const std::string& name, const MacAddress& mac) {
  return impl_->attach(vnic, name, mac);
}

void Pipeline::detach_vnic(unsigned vnic) { impl_->detach(vnic); }

void Pipeline::set_uplink_present(unsigned uplink, bool link_up) {
  if (uplink < kMaxUplinks) impl_->uplinks[uplink].up = link_up;
}

void Pipeline::from_vnic(unsigned vnic, std::span<Packet* const> batch, int64_t now_ns) {
  impl_->now = now_ns;
  for (; !batch.empty(); batch = batch.subspan(std::min(kBatch, batch.size()))) {
    impl_->egress(vnic, batch.first(std::min(kBatch, batch.size())));
  }
}

void Pipeline::from_uplink(unsigned uplink, std::span<Packet* const> batch, int64_t now_ns) {
  Impl& impl = *impl_;
  impl.now = now_ns;
  for (; !batch.empty(); batch = batch.subspan(std::min(kBatch, batch.size()))) {
    const auto part = batch.first(std::min(kBatch, batch.size()));
    Uplink& counters = impl.uplinks[uplink];
    counters[UplinkCounter::rx_frames] += part.size();
    for (Packet* packet : part) {
      counters[UplinkCounter::rx_bytes] += packet->length;
      counters[UplinkCounter::rx_super_frames] += packet->wire_mss != 0;
      impl.tap(TapPoint::kOuter, TapDirection::kToGuest, uplink,
               {{packet->data, packet->length}, {}});
      impl.finish(packet);
    }
    impl.ingress(uplink, part);
  }
}

int64_t Pipeline::tick(int64_t now_ns) {
  impl_->now = now_ns;
  impl_->tables->neighbours.tick(now_ns, *impl_);
  if (impl_->reassembler_) impl_->reassembler_->tick(now_ns);
  if (impl_->coalescer_) impl_->coalescer_->tick(now_ns);
  impl_->end_batch();
  return next_tick();
}

int64_t Pipeline::next_tick() const {
  int64_t next = impl_->tables->neighbours.next_tick();
  if (impl_->coalescer_) next = std::min(next, impl_->coalescer_->next_deadline());
  if (impl_->reassembler_) next = std::min(next, impl_->reassembler_->next_deadline());
  return next;
}

void Pipeline::tap(TapPoint point, bool on) {
  const uint32_t bit = 1u << static_cast<unsigned>(point);
  impl_->taps_ = on ? impl_->taps_ | bit : impl_->taps_ & ~bit;
}

void Pipeline::trace(bool on) { impl_->trace_ = on; }

const Pipeline::Drops& Pipeline::drops() const { return impl_->drops_; }
const Pipeline::Drops& Pipeline::drops(unsigned vnic) const { return impl_->vnics[vnic].drops; }
const Pipeline::VnicCounters& Pipeline::counters(unsigned vnic) const {
  return impl_->vnics[vnic].counters;
}
const Pipeline::UplinkCounters& Pipeline::uplink_counters(unsigned uplink) const {
  return impl_->uplinks[uplink].counters;
}

void Pipeline::count_drop(bool from_vnic, unsigned port, DropReason reason) {
  const spec::DropReasonRow* row = spec::drop_row(reason);
  if (row == nullptr) return;
  const bool to_guest =
      from_vnic ? row->stage == spec::Stage::deliver || reason == DropReason::rx_dma_error
                : row->stage != spec::Stage::uplink;
  count_drop(from_vnic, port, reason, to_guest ? TapDirection::kToGuest : TapDirection::kFromGuest);
}

void Pipeline::count_drop(bool from_vnic, unsigned port, DropReason reason,
                          TapDirection direction) {
  const auto index = static_cast<size_t>(reason);
  const bool to_guest = direction == TapDirection::kToGuest;
  ++impl_->drops_[index];
  if (from_vnic) {
    ++impl_->vnics[port].drops[index];
    ++impl_->vnics[port][to_guest ? VnicCounter::rx_drops : VnicCounter::tx_drops];
  } else {
    ++impl_->uplinks[port][to_guest ? UplinkCounter::rx_drops : UplinkCounter::tx_drops];
  }
  impl_->sink.dropped(from_vnic, port, reason);
}

void Pipeline::count_vnic_rx(unsigned vnic, uint32_t frames, uint64_t octets) {
  impl_->vnics[vnic][VnicCounter::rx_frames] += frames;
  impl_->vnics[vnic][VnicCounter::rx_bytes] += octets;
}

void Pipeline::count_uplink_refused(unsigned uplink, uint32_t frames, uint64_t octets) {
  impl_->uplinks[uplink][UplinkCounter::tx_frames] -= frames;
  impl_->uplinks[uplink][UplinkCounter::tx_bytes] -= octets;
}

uint32_t Pipeline::overlay_mtu(unsigned vnic) const {
  const uint16_t tenant = impl_->vnics[vnic].tenant;
  return tenant == kNoTenant ? 0 : impl_->tables->tenants[tenant].mtu;
}

Pipeline::Sizes Pipeline::sizes() const {
  const Tables& tables = *impl_->tables;
  return {tables.tenants.size(),       tables.vnics.size(),        tables.next_hops.size(),
          tables.overlay.hosts(),      tables.overlay.prefixes(),  tables.neighbours.size(),
          tables.neighbours.waiting(), impl_->guard.connections(), impl_->guard.capacity()};
}

coalesce::Counters Pipeline::coalesce_counters() const { return impl_->coalesce_counters(); }

uint32_t Pipeline::held_frames() const {
  return impl_->coalescer_ ? impl_->coalescer_->held_frames() : 0;
}

uint32_t Pipeline::incomplete_frames() const {
  return impl_->reassembler_ ? impl_->reassembler_->frames() : 0;
}

void Pipeline::forget_expired(int64_t now_ns) { impl_->guard.forget_expired(now_ns); }

uint32_t Pipeline::connections(unsigned vnic) const { return impl_->guard.connections(vnic); }

Pipeline::Neighbour Pipeline::neighbour(size_t index) const {
  static constexpr const char* kStates[] = {"static", "unknown", "asking", "reachable", "probing"};
  const auto seen = impl_->tables->neighbours.at(static_cast<uint32_t>(index));
  return {seen.uplink, seen.ip, seen.mac, kStates[static_cast<size_t>(seen.state)]};
}

void Pipeline::archive(Archive& archive) { impl_->archive(archive); }

size_t Pipeline::export_connections(unsigned vnic, int64_t now_ns, uint32_t& cursor,
                                    std::span<MovedConnection> to) const {
  return impl_->guard.export_connections(vnic, now_ns, cursor, to);
}

Result<Pipeline::Imported> Pipeline::import_connections(unsigned vnic, int64_t now_ns,
                                                        std::span<const MovedConnection> from) {
  if (!impl_->guard.guards(vnic)) {
    return Status::error("vnic " + impl_->vnics[vnic].name + " has no firewall");
  }
  for (size_t i = 0; i < from.size(); ++i) {
    firewall::Connection connection = from[i].connection;
    if (firewall::sane(connection, from[i].key)) continue;
    return Status::error("connections[" + std::to_string(i) +
                         "]: such a connection cannot be; its state, protocol and ends contradict");
  }
  return impl_->guard.import_connections(vnic, now_ns, from);
}

void Pipeline::reset_counters() {
  impl_->drops_.fill(0);
  for (Vnic& vnic : impl_->vnics) {
    vnic.drops.fill(0);
    vnic.counters.fill(0);
  }
  for (Uplink& uplink : impl_->uplinks) uplink.counters.fill(0);
  impl_->coalesced_before_ = {};
  if (impl_->coalescer_) impl_->coalescer_->reset_counters();
}

}  // namespace gatehouse::pipeline
