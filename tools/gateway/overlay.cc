// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/gateway/overlay.hh"

#include <array>
#include <cstring>
#include <utility>

namespace gatehouse::gateway {

using pipeline::TapPoint;

Overlay::Overlay(Receiver receiver, capture::Capture* capture)
    : receiver_(std::move(receiver)), capture_(capture), pipeline_(pool_, *this) {
  pipeline_.tap(TapPoint::kOuter, capture != nullptr);
  pipeline_.tap(TapPoint::kDrops, capture != nullptr);
}

Status Overlay::load(const policy::Policy& policy, const std::string& vnic, const MacAddress& mac) {
  const Status status = pipeline_.load(policy);
  if (!status.ok()) return status;
  pipeline_.set_uplink_present(kUplink, true);
  return pipeline_.attach_vnic(kVnic, vnic, mac);
}

Packet* Overlay::packet_of(std::span<const uint8_t> frame) {
  Packet* packet = pool_.take(static_cast<uint32_t>(frame.size()));
  if (!packet) {
    ++no_packet_buffer_;
    return nullptr;
  }
  std::memcpy(packet->data, frame.data(), frame.size());
  packet->length = static_cast<uint32_t>(frame.size());
  return packet;
}

void Overlay::from_wire(common::FrameReader& reader, int64_t now_ns) {
  now_ns_ = now_ns;
  std::array<Packet*, 64> batch;
  size_t count = 0;
  common::FramedFrame frame;
  for (bool more = true; more;) {
    more = reader.next(frame);
    if (more && frame.frame().size() <= kMaxWireFrame) {
      if (Packet* packet = packet_of(frame.frame())) batch[count++] = packet;
    }
    if (count < batch.size() && (more || count == 0)) continue;
    pipeline_.from_uplink(kUplink, std::span(batch).first(count), now_ns);
    count = 0;
  }
}

void Overlay::send(std::span<const uint8_t> frame) {
  if (frame.empty() || frame.size() > kMaxWireFrame) return;
  if (Packet* packet = packet_of(frame)) waiting_.push_back(packet);
}

void Overlay::drain(int64_t now_ns) {
  now_ns_ = now_ns;
  // Answers (ARP for example) may make the receiver send again.
  for (std::vector<Packet*> batch; !waiting_.empty(); batch.clear()) {
    batch.swap(waiting_);
    pipeline_.from_vnic(kVnic, batch, now_ns);
  }
}

void Overlay::tick(int64_t now_ns) {
  now_ns_ = now_ns;
  if (pipeline_.next_tick() <= now_ns) pipeline_.tick(now_ns);
}

void Overlay::to_uplink(unsigned, std::span<const OutFrame> frames) {
  for (const OutFrame& frame : frames) writer_.add_copy(frame);
}

void Overlay::to_vnic(unsigned, std::span<const OutFrame> frames, const Layers&, bool, bool) {
  for (const OutFrame& frame : frames) {
    whole_.assign(frame.head.data, frame.head.data + frame.head.length);
    whole_.insert(whole_.end(), frame.body.data, frame.body.data + frame.body.length);
    pipeline_.count_vnic_rx(kVnic, 1, whole_.size());
    receiver_(whole_);
  }
}

void Overlay::tapped(TapPoint point, pipeline::TapDirection direction, unsigned port,
                     const OutFrame& frame, spec::DropReason reason) {
  capture_->add(point, direction, port, frame, reason, now_ns_);
}

nlohmann::json Overlay::report() const {
  nlohmann::json drops = nlohmann::json::object(), vnic = drops, uplink = drops;
  for (const spec::DropReasonRow& row : spec::kDropReasons) {
    const uint64_t count = pipeline_.drops()[static_cast<size_t>(row.reason)];
    if (count != 0) drops[row.name] = count;
  }
  for (size_t i = 0; i < spec::kVnicCounterCount; ++i)
    vnic[spec::kVnicCounters[i].name] = pipeline_.counters(kVnic)[i];
  for (size_t i = 0; i < spec::kUplinkCounterCount; ++i)
    uplink[spec::kUplinkCounters[i].name] = pipeline_.uplink_counters(kUplink)[i];
  return {{"vnic", vnic},
          {"uplink", uplink},
          {"drops", drops},
          {"tx_dropped_socket_full", writer_.dropped()},
          {"no_packet_buffer", no_packet_buffer_}};
}

}  // namespace gatehouse::gateway
