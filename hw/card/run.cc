// SPDX-License-Identifier: GPL-2.0-or-later
// The card's deferred work: batches from the wires, held frames, timers.
#include <algorithm>
#include <cassert>
#include <limits>

#include "hw/card/card.hh"
#include "hw/card/frames.hh"

namespace gatehouse::card {

void Card::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  ports_.event.schedule();
}

bool Card::work_waits() const {
  return !pending_.empty() || !transmits_.empty() || deliveries_wait();
}

bool Card::deliveries_wait() const {
  if (held_ == 0) return false;
  return std::any_of(vnics_.begin(), vnics_.end(), [](const auto& port) {
    return port && !port->held_.empty() && !port->stalled_ && !port->paused();
  });
}

void Card::rearm() {
  int64_t next = std::min(pipeline_->next_tick(), reports_.next_ns());
  for (const auto& uplink : uplinks_) next = std::min(next, uplink->next_ns());
  if (wait_until_ns_ != 0 && wait_until_ns_ > ports_.clock.now_ns())
    next = std::min(next, wait_until_ns_);
  if (held_ != 0) {
    for (const auto& port : vnics_) {
      if (port && !port->held_.empty() && port->paused())
        next = std::min(next, port->paused_until_ns_);
    }
  }
  if (next == armed_ns_) return;
  armed_ns_ = next;
  ports_.clock.arm(next);
}

bool Card::run_ingress() {
  const size_t count = std::min(pending_.size(), kBatch);
  if (count == 0) return false;
  // One batch holds frames of one uplink: what follows another's waits for the next round.
  Packet* batch[kBatch];
  const unsigned uplink = pending_[0]->port;
  size_t length = 0;
  while (length < count && pending_[length]->port == uplink) {
    batch[length] = pending_[length];
    pending_octets_ -= batch[length]->length;
    ++length;
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(length));
  pipeline_->from_uplink(uplink, {batch, length}, ports_.clock.now_ns());
  return true;
}

bool Card::deliver_held(VnicPort& port) {
  const size_t count = std::min(port.held_.size(), kBatch);
  if (count == 0 || port.stalled_ || port.paused()) return false;
  vnic::Delivery batch[kBatch];
  for (size_t i = 0; i < count; ++i) {
    const Packet& packet = *port.held_[i];
    batch[i] = {{{}, {packet.data, packet.length}},
                &packet.layers,
                packet.l4_checksum_checked,
                packet.l4_checksum_good};
  }
  const size_t taken = deliver(port, {batch, count});
  for (size_t i = 0; i < taken; ++i) port.give_kept(port.held_[i]);
  port.held_.erase(port.held_.begin(), port.held_.begin() + static_cast<std::ptrdiff_t>(taken));
  held_ -= static_cast<uint32_t>(taken);
  return taken > 0;
}

bool Card::run_deliveries() {
  bool worked = false;
  if (held_ == 0) return worked;
  for (const auto& port : vnics_) {
    if (port) worked |= deliver_held(*port);
  }
  return worked;
}

bool Card::run_transmits() {
  const size_t limit = std::min(transmits_.size(), kBatch);
  if (limit == 0) return false;
  Packet* batch[kBatch];
  const unsigned vnic = transmits_[0]->port;
  size_t length = 0, super_frames = 0;
  while (length < limit && transmits_[length]->port == vnic && super_frames < kSuperFrames) {
    batch[length] = transmits_[length];
    super_frames += batch[length]->offload.tso;
    ++length;
  }
  transmits_.erase(transmits_.begin(), transmits_.begin() + static_cast<std::ptrdiff_t>(length));
  pipeline_->from_vnic(vnic, {batch, length}, ports_.clock.now_ns());
  return true;
}

void Card::run() { turn(kTransmitRounds); }

void Card::turn(unsigned transmit_rounds) {
  assert(depth_ == 0);
  scheduled_ = false;
  armed_ns_ = std::numeric_limits<int64_t>::max();  // the alarm may have been what called
  Busy busy(*this);
  const int64_t now = ports_.clock.now_ns();
  last_run_ns_ = now;
  for (unsigned i = 0; i < uplinks_.size(); ++i) {
    uplinks_[i]->run(now);
    while (pending_.size() < kPending) {
      Packet* packet = uplinks_[i]->arrived(now);
      if (!packet) break;
      packet->port = static_cast<uint16_t>(i);  // a loaded frame says what the saved state said
      push_pending(packet);
    }
  }
  pipeline_->trace(ports_.event.tracing());
  for (unsigned round = 0; round < kRounds; ++round) {
    bool worked = run_ingress();
    worked |= run_deliveries();
    if (round < transmit_rounds) worked |= run_transmits();
    if (!worked) break;
  }
  if (pipeline_->next_tick() <= now) pipeline_->tick(now);
  reports_.run(now, [this](unsigned port, spec::DropReason reason, uint64_t count) {
    const bool vnic = port < pipeline::kMaxVnics;
    const std::string name = port_name(vnic, vnic ? port : port - pipeline::kMaxVnics);
    ports_.event.drops_reported(vnic, name, reason, count);
  });
  if (tap_) tap_->flush();
  resume_wires();
}

void Card::resume_wires() {
  for (unsigned i = 0; i < uplinks_.size(); ++i) {
    if (!stalled_[i] || !can_receive(i)) continue;
    stalled_[i] = false;
    ports_.uplink.resume(i);
  }
}

void Card::resumed() {
  for (auto& uplink : uplinks_) uplink->unblock();
  scheduled_ = false;  // what was scheduled may have come while nothing ran
  schedule();
}

void Card::drain() {
  // Bounded: each run takes frames off finite lists, and nothing but the frames themselves puts new
  // ones on. What doorbells left stays: no wire takes anything now, and cut to its MTU it may be
  // more than an uplink's queue holds.
  for (unsigned i = 0; i < kPending && (!pending_.empty() || deliveries_wait()); ++i) turn(0);
  if (tap_) tap_->flush();  // this may be the end
}

}  // namespace gatehouse::card
