// SPDX-License-Identifier: GPL-2.0-or-later
// The ways out of the pipeline: encapsulated frames, frames for vnics, drops; and what the taps see
// of them.
#include <cstring>

#include "hw/core/base/headers.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using spec::DropReason;
using spec::UplinkCounter;
using spec::VnicCounter;

// False: it waits for its neighbour, or was dropped.
bool Pipeline::Impl::may_send(unsigned port, const NextHop& hop, const Inner& inner) {
  if (!uplinks[hop.uplink].up) {
    lose(port, hop.uplink, {{inner.head, inner.head_length}, inner.body}, DropReason::uplink_down);
    return false;
  }
  if (tables->neighbours.need(hop.neighbour, now, *this)) return true;
  wait(port, hop, inner);
  return false;
}

// The caller has seen that the wire cuts it and that the neighbour is known. `layers`: of the inner
// frame.
void Pipeline::Impl::send_super(const NextHop& hop, const Inner& inner, const Layers& layers,
                                uint16_t mss) {
  flush();  // what came before goes before
  const uint32_t headers = hop.outer.length() + inner.head_length;
  const uint32_t segments = (inner.body.length + mss - 1) / mss;
  uint8_t* start = hop.outer.push(inner.head, inner.length(), inner.about, identification);
  identification = static_cast<uint16_t>(identification + segments);
  if (hop.outer.wants_checksum()) hop.outer.begin_checksum(start);
  std::memcpy(start, tables->neighbours.mac(hop.neighbour).octets.data(), 6);
  const auto at = [&](uint32_t inner_offset) {
    return static_cast<uint16_t>(hop.outer.length() + inner_offset);
  };
  const TcpHeader tcp(inner.head + layers.l4_offset);
  const SuperFrame super{.mss = mss,
                         .outer_l4 = static_cast<uint16_t>(hop.outer.l4_offset()),
                         .inner_l3 = at(layers.l2_length),
                         .inner_l4 = at(layers.l4_offset),
                         .header_length = static_cast<uint16_t>(headers),
                         .outer_ipv6 = hop.outer.is_v6(),
                         .inner_ipv6 = layers.l3 == L3::kIpv6,
                         .outer_checksum = hop.outer.wants_checksum(),
                         .congestion_reduced = (tcp.flags() & tcp.kCwr) != 0};
  uplinks[hop.uplink][UplinkCounter::tx_frames] += segments;
  uplinks[hop.uplink][UplinkCounter::tx_bytes] += uint64_t{headers} * segments + inner.body.length;
  walked(spec::Stage::uplink, hop.uplink, segments);
  sink.to_uplink_super(hop.uplink, {{start, headers}, inner.body}, super);
}

static_assert(kOwnPort < underlay::Neighbours::kPorts);

// The memory of the frame is the caller's: what waits is copied. Null: dropped.
Packet* Pipeline::Impl::copy_to_wait(unsigned port, const NextHop& hop, const OutFrame& frame) {
  const auto refuse = [&](DropReason reason) {
    lose(port, hop.uplink, frame, reason);
    return nullptr;
  };
  if (!tables->neighbours.may_wait(hop.neighbour, static_cast<uint16_t>(port)) ||
      pool.scarce(frame.length()))
    return refuse(DropReason::neighbour_queue_full);
  Packet* copy = pool.take(frame.length());
  if (copy == nullptr) return refuse(DropReason::no_packet_buffer);
  if (frame.head.length != 0) std::memcpy(copy->data, frame.head.data, frame.head.length);
  if (frame.body.length != 0)
    std::memcpy(copy->data + frame.head.length, frame.body.data, frame.body.length);
  copy->length = frame.length();
  copy->port = static_cast<uint16_t>(port);
  return copy;
}

void Pipeline::Impl::wait(unsigned port, const NextHop& hop, const Inner& inner) {
  Packet* copy = copy_to_wait(port, hop, {{inner.head, inner.head_length}, inner.body});
  if (copy == nullptr) return;
  const Inner whole{copy->data, copy->length, {}, inner.about};
  copy->push(static_cast<uint32_t>(copy->data - push_outer(hop, whole)));
  tables->neighbours.wait(hop.neighbour, copy);
}

void Pipeline::Impl::flush() {
  if (out_count_ == 0) return;
  const std::span<const OutFrame> frames(out_.data(), out_count_);
  uint64_t octets = 0;
  for (const OutFrame& frame : frames) {
    octets += frame.length();
    tap(TapPoint::kOuter, TapDirection::kFromGuest, out_uplink_, frame);
  }
  uplinks[out_uplink_][UplinkCounter::tx_frames] += out_count_;
  uplinks[out_uplink_][UplinkCounter::tx_bytes] += octets;
  walked(spec::Stage::uplink, out_uplink_, out_count_);
  out_count_ = 0;
  sink.to_uplink(out_uplink_, frames);
}

void Pipeline::Impl::end_batch() {
  flush_run();
  flush();
  for (size_t i = 0; i < finished_count_; ++i) {
    if (finished_[i] != nullptr) pool.give(finished_[i]);
  }
  finished_count_ = kept_ = 0;
  meters_count_ = 0;
  if (whole_count_ != 0) [[unlikely]]
    give_whole_back();
}

void Pipeline::Impl::to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers,
                             bool checked, bool good) {
  if (tapping(TapPoint::kGuest)) [[unlikely]] {
    for (const OutFrame& frame : frames) tap(TapPoint::kGuest, TapDirection::kToGuest, vnic, frame);
  }
  if (vnics[vnic].mirror != kNoRow) [[unlikely]] {
    for (const OutFrame& frame : frames) mirror(vnic, frame);
  }
  sink.to_vnic(vnic, frames, layers, checked, good);
}

void Pipeline::Impl::to_vnic_later(unsigned vnic, const Packet& packet) {
  const bool same = run_.vnic == vnic && run_.checked == packet.l4_checksum_checked &&
                    run_.good == packet.l4_checksum_good && run_.layers == packet.layers;
  if (run_.count == kBatch || (run_.count != 0 && !same)) flush_run();
  if (run_.count == 0) {
    run_.vnic = vnic;
    run_.checked = packet.l4_checksum_checked;
    run_.good = packet.l4_checksum_good;
    run_.layers = packet.layers;
  }
  run_.frames[run_.count++] = {{packet.data, packet.length}, {}};
}

void Pipeline::Impl::flush_run() {
  if (run_.count == 0) return;
  const std::span<const OutFrame> frames(run_.frames.data(), run_.count);
  run_.count = 0;
  to_vnic(run_.vnic, frames, run_.layers, run_.checked, run_.good);
}

void Pipeline::Impl::drop(bool from_vnic, unsigned port, const OutFrame& frame, DropReason reason) {
  const auto index = static_cast<size_t>(reason);
  ++drops_[index];
  if (from_vnic) {
    ++vnics[port].drops[index];
    ++vnics[port][VnicCounter::tx_drops];
  } else {
    ++uplinks[port][UplinkCounter::rx_drops];
  }
  if (tapping(TapPoint::kDrops)) [[unlikely]] {
    const auto direction = from_vnic ? TapDirection::kFromGuest : TapDirection::kToGuest;
    sink.tapped(TapPoint::kDrops, direction, port, frame, reason);
  }
  sink.dropped(from_vnic, port, reason);
}

// On its way to the wire. The card's own frames are no vnic's.
void Pipeline::Impl::lose(unsigned port, unsigned uplink, const OutFrame& frame,
                          DropReason reason) {
  if (port != kOwnPort) return drop(true, port, frame, reason);
  ++drops_[static_cast<size_t>(reason)];
  ++uplinks[uplink][UplinkCounter::tx_drops];
  sink.dropped(false, uplink, reason);
}

void Pipeline::Impl::drop_for_vnic(bool from_vnic, unsigned port, unsigned vnic,
                                   const OutFrame& frame, DropReason reason) {
  ++drops_[static_cast<size_t>(reason)];
  ++vnics[vnic].drops[static_cast<size_t>(reason)];
  ++vnics[vnic][VnicCounter::rx_drops];
  if (tapping(TapPoint::kDrops)) [[unlikely]] {
    const auto direction = from_vnic ? TapDirection::kFromGuest : TapDirection::kToGuest;
    sink.tapped(TapPoint::kDrops, direction, port, frame, reason);
  }
  sink.dropped(true, vnic, reason);
}

// An end like a drop's, but nothing is lost: counted by reason, told to nobody.
void Pipeline::Impl::answered(unsigned vnic) {
  ++drops_[static_cast<size_t>(DropReason::answered)];
  ++vnics[vnic].drops[static_cast<size_t>(DropReason::answered)];
  ++vnics[vnic][VnicCounter::answers];
}

void Pipeline::Impl::send(unsigned uplink, std::span<const uint8_t> frame, bool question) {
  if (!uplinks[uplink].up) return;
  const OutFrame out{{frame.data(), static_cast<uint32_t>(frame.size())}, {}};
  ++uplinks[uplink]
           [question ? UplinkCounter::neighbour_requests : UplinkCounter::neighbour_answers];
  ++uplinks[uplink][UplinkCounter::tx_frames];
  uplinks[uplink][UplinkCounter::tx_bytes] += frame.size();
  tap(TapPoint::kOuter, TapDirection::kFromGuest, uplink, out);
  sink.to_uplink(uplink, {&out, 1});
}

void Pipeline::Impl::release(unsigned uplink, std::span<Packet* const> packets) {
  for (Packet* packet : packets) add(uplink, {packet->data, packet->length}, {});
  flush();
  for (Packet* packet : packets) pool.give(packet);
}

void Pipeline::Impl::give_up(unsigned uplink, std::span<Packet* const> packets) {
  for (Packet* packet : packets) {
    lose(packet->port, uplink, {{packet->data, packet->length}, {}},
         DropReason::neighbour_unresolved);
    pool.give(packet);
  }
}

}  // namespace gatehouse::pipeline
