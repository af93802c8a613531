// SPDX-License-Identifier: GPL-2.0-or-later
// Where frames from the wire wait for those that follow them, and how they go on: in front of a
// vnic's rings, behind its firewall, which judges each frame of the wire once.
#include <algorithm>

#include "hw/core/base/archive.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using coalesce::Cause;
using spec::DropReason;
using spec::UplinkCounter;
using spec::VnicCounter;

// The policy may want something else now: what was held under the old one has gone by then.
void Pipeline::Impl::set_coalescing(const policy::Policy& policy) {
  const auto wants = [](const policy::Vnic& vnic) { return vnic.coalesce; };
  coalesced_before_ = coalesce_counters();
  coalescer_.reset();
  if (std::none_of(policy.vnics.begin(), policy.vnics.end(), wants)) return;
  coalescer_ = std::make_unique<coalesce::Coalescer>(pool, *this, coalescing_limits(policy));
}

coalesce::Limits Pipeline::Impl::coalescing_limits(const policy::Policy& policy) {
  coalesce::Limits limits;
  limits.hold_ns = int64_t{policy.coalesce_hold} * 1000;
  limits.chain.segments = policy.coalesce_segments;
  return limits;
}

coalesce::Counters Pipeline::Impl::coalesce_counters() const {
  coalesce::Counters counters = coalesced_before_;
  if (coalescer_) counters += coalescer_->counters();
  return counters;
}

// What is put together, or was enough of, may be held to be merged: that goes last.
void Pipeline::Impl::let_go() {
  if (reassembler_) reassembler_->flush();
  if (coalescer_) coalescer_->flush(Cause::asked);
  end_batch();
}

// The packet stays when the batch ends. Frames are asked for in the order in which they came.
bool Pipeline::Impl::keep(const Packet& packet) {
  for (size_t i = kept_; i < finished_count_; ++i) {
    if (finished_[i] != &packet) continue;
    finished_[i] = nullptr;
    kept_ = i + 1;
    return true;
  }
  return false;
}

// Nothing overtakes: what is held of its flow goes before a frame that can't be.
void Pipeline::Impl::pass_by(unsigned uplink, unsigned vnic, Packet& packet) {
  coalescer_->pass_by(packet, static_cast<uint16_t>(vnic));
  if (packet.offload.tso) return deliver_cut(uplink, vnic, packet);
  to_vnic_later(vnic, packet);
}

void Pipeline::Impl::coalesce_in(unsigned uplink, unsigned vnic, Packet& packet,
                                 coalesce::Origin* origin) {
  walked(spec::Stage::coalesce, uplink, 1);
  const uint32_t largest = sink.largest_frame(vnic);
  if (packet.offload.tso && !coalesce::is_congestion_marked(packet)) widen(packet, largest);
  if (packet.offload.tso || origin == nullptr || !keep(packet))
    return pass_by(uplink, vnic, packet);
  // Of formats that are read alike the tenant's says what names a flow.
  const Tenant& tenant = tables->tenants[vnics[vnic].tenant];
  origin->flow &= coalesce::Envelope::names(tables->formats[tenant.format]);
  origin->owner = static_cast<uint16_t>(vnic);
  origin->largest = largest;
  packet.port = static_cast<uint16_t>(uplink);
  coalescer_->add(packet, *origin, now);
}

// What the wire did not cut is cut into as few frames as the driver takes.
void Pipeline::Impl::widen(Packet& packet, uint32_t largest) {
  const Offload& offload = packet.offload;
  const uint32_t room = std::min(largest, packet.layers.l2_length + kLargestDatagram);
  if (room <= offload.header_length || offload.mss == 0) return;
  const uint32_t segments = (room - offload.header_length) / offload.mss;
  if (segments > 1)
    packet.offload.mss = static_cast<uint16_t>(std::min(segments * offload.mss, 0xffffu));
}

void Pipeline::Impl::coalesced(Packet& packet, const coalesce::Origin& origin) {
  const unsigned vnic = origin.owner;
  // Guests' memory is not written to while state is loaded; and a vnic may be going.
  if (restoring_ || !vnics[vnic].attached) {
    drop_for_vnic(packet.port, vnic, {{packet.data, packet.length}, {}},
                  restoring_ ? DropReason::no_packet_buffer : DropReason::no_vnic);
    return pool.give(&packet);
  }
  const bool super = packet.offload.tso;
  // The driver may take less than when the first segment came.
  if (super && packet.length > sink.largest_frame(vnic)) {
    deliver_cut(packet.port, vnic, packet);
    return pool.give(&packet);
  }
  if (super) {
    const uint32_t mss = packet.offload.mss;
    ++vnics[vnic][VnicCounter::rx_coalesced];
    vnics[vnic][VnicCounter::rx_merged] += (packet.offload.payload_length + mss - 1) / mss;
  }
  to_vnic_later(vnic, packet);
  if (finished_count_ == finished_.size()) {
    flush_run();
    return pool.give(&packet);
  }
  finish(&packet);
}

bool Pipeline::Impl::restored(Packet& packet, const coalesce::Origin& origin) {
  return origin.owner < kMaxVnics && vnics[origin.owner].attached && packet.port < kMaxUplinks &&
         parse::parse(packet) == DropReason::none;
}

// What a policy without coalescing can't hold ends here.
void Pipeline::Impl::archive_coalesced(Archive& archive) {
  coalesce::Counters counters = coalesce_counters();
  counters.archive(archive);
  if (archive.loading()) {
    coalesced_before_ = counters;
    if (coalescer_) coalescer_->reset_counters();
  }
  bool holds = coalescer_ != nullptr && coalescer_->held_frames() != 0;
  archive(holds);
  if (archive.loading() && coalescer_) coalescer_->forget();
  if (!holds || !archive.ok()) return;
  restoring_ = archive.loading();
  if (coalescer_) {
    coalescer_->archive(archive);
  } else {
    coalesce::Coalescer unknown(pool, *this, {});
    unknown.archive(archive);
    unknown.flush(Cause::asked);
  }
  restoring_ = false;
}

}  // namespace gatehouse::pipeline
