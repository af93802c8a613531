// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/card.hh"

#include <algorithm>
#include <cassert>
#include <limits>

#include "hw/card/frames.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/layers.hh"

namespace gatehouse::card {

using pipeline::TapDirection;
using spec::DropReason;
using spec::Stage;

namespace {

// What lies outside of the frame stays as it is: who verifies the checksum drops it.
void complete_checksum(Packet& packet, const Arrival& arrival) {
  const bool udp =
      arrival.checksum_offset - arrival.checksum_start == UdpHeader<uint8_t>::checksum_at;
  static_cast<void>(checksum::insert(packet.bytes(), arrival.checksum_start,
                                     arrival.checksum_offset, 0,
                                     udp ? checksum::Zero::kBecomesOnes : checksum::Zero::kStays));
}

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// Drop reports number vnics first, then uplinks.
constexpr unsigned report_port(bool vnic, unsigned index) {
  return vnic ? index : pipeline::kMaxVnics + index;
}

}  // namespace

VnicPort::VnicPort(Card& card, unsigned index, std::string name, const MacAddress& mac,
                   GuestPort& guest)
    : card_(card),
      index_(index),
      name_(std::move(name)),
      mac_(mac),
      guest_(guest),
      share_(card.pool_) {
  held_.reserve(kHeld);
}

Packet* VnicPort::take_packet(uint32_t octets) { return card_.pool_.take(octets); }
void VnicPort::give_packet(Packet* packet) { card_.pool_.give(packet); }
Packet* VnicPort::take_to_keep(uint32_t octets, bool saved) {
  Packet* packet = saved || share_.has_room(octets) ? card_.pool_.take(octets) : nullptr;
  if (packet) share_.keep(*packet);
  return packet;
}
void VnicPort::give_kept(Packet* packet) {
  share_.release(*packet);
  card_.pool_.give(packet);
}
void VnicPort::transmit(std::span<Packet* const> batch) { card_.transmit(*this, batch); }
void VnicPort::receive_ready() {
  stalled_ = false;
  if (!held_.empty() || card_.wait_until_ns_ != 0) card_.schedule();
}
void VnicPort::count_drop(DropReason reason) { card_.pipeline_->count_drop(true, index_, reason); }

bool VnicPort::paused() const {
  return paused_until_ns_ != 0 && card_.ports_.clock.now_ns() < paused_until_ns_;
}

void VnicPort::obey_pause(const Packet& packet) {
  using Pause = PauseFrame<const uint8_t>;
  if (packet.length < Pause::kLength) return;
  const Pause frame(packet.data);
  if (frame.ether_type() != static_cast<uint16_t>(EtherType::kPause) ||
      frame.opcode() != Pause::kPause || frame.destination() != Pause::kGroup) {
    return;
  }
  const uint16_t quanta = frame.quanta();
  paused_until_ns_ =
      quanta == 0 ? 0 : card_.ports_.clock.now_ns() + quanta * Pause::kGigabitQuantumNs;
  if (quanta == 0 && !held_.empty()) card_.schedule();
}

Card::Card(const Ports& ports, const Options& options)
    : ports_(ports),
      pool_(options.buffers),
      reports_(pipeline::kMaxVnics + pipeline::kMaxUplinks),
      armed_ns_(kNever) {
  pipeline_ = std::make_unique<pipeline::Pipeline>(pool_, static_cast<pipeline::Sink&>(*this),
                                                   options.flow_seed);
  for (unsigned i = 0; i < uplinks_.size(); ++i) {
    uplinks_[i] = std::make_unique<uplink::Uplink>(pool_, ports_.uplink, i, options.uplinks[i]);
    pipeline_->set_uplink_present(i, uplinks_[i]->up());
  }
  pending_.reserve(kPending);
  transmits_.reserve(kTransmits);
}

Card::~Card() {
  for (Packet* packet : pending_) pool_.give(packet);
  for (const auto& port : vnics_) {
    if (port) discard(port->index_);
  }
}

Status Card::load_policy(const policy::Policy& policy) {
  const Busy busy(*this);  // frames that were held go on
  const Status status = pipeline_->load(policy, ports_.clock.now_ns());
  if (!status.ok()) return status;
  policy_.formats = policy.formats;
  policy_.uplinks = policy.uplinks;
  policy_.tenants = policy.tenants;
  policy_.vnics = policy.vnics;
  return status;
}

const VnicPort* Card::find_vnic(const std::string& name) const {
  const auto found = std::find_if(vnics_.begin(), vnics_.end(),
                                  [&](const auto& port) { return port && port->name_ == name; });
  return found == vnics_.end() ? nullptr : found->get();
}

Result<size_t> Card::export_connections(const std::string& vnic, uint32_t& cursor,
                                        std::span<pipeline::MovedConnection> to) const {
  const VnicPort* port = find_vnic(vnic);
  if (!port) return Status::error("the card has no vnic named '" + vnic + "'");
  return pipeline_->export_connections(port->index_, ports_.clock.now_ns(), cursor, to);
}

Result<pipeline::Pipeline::Imported> Card::import_connections(
    const std::string& vnic, std::span<const pipeline::MovedConnection> from) {
  const VnicPort* port = find_vnic(vnic);
  if (!port) return Status::error("the card has no vnic named '" + vnic + "'");
  return pipeline_->import_connections(port->index_, ports_.clock.now_ns(), from);
}

Result<VnicPort*> Card::attach(const std::string& name, const MacAddress& mac, GuestPort& guest) {
  if (name.empty() || name.size() > kMaxName) {
    return Status::error("a vnic's name (its id=) has 1 to " + std::to_string(kMaxName) +
                         " characters");
  }
  unsigned index = pipeline::kMaxVnics;
  for (unsigned i = pipeline::kMaxVnics; i-- > 0;) {
    if (!vnics_[i]) {
      index = i;
    } else if (vnics_[i]->name_ == name) {
      return Status::error("the card already has a vnic named '" + name + "'");
    }
  }
  if (index == pipeline::kMaxVnics) {
    return Status::error("the card has no room for more than " +
                         std::to_string(pipeline::kMaxVnics) + " vnics");
  }
  Status status = pipeline_->attach_vnic(index, name, mac);
  if (!status.ok()) return status;
  vnics_[index] = std::make_unique<VnicPort>(*this, index, name, mac, guest);
  find_only_vnic();
  reports_.forget(index);
  name_tap_ports();
  return vnics_[index].get();
}

void Card::detach(VnicPort* port) {
  const unsigned index = port->index_;
  assert(vnics_[index].get() == port && depth_ == 0);
  discard(index);
  pipeline_->detach_vnic(index);
  reports_.forget(index);
  vnics_[index].reset();
  find_only_vnic();
  wait_until_ns_ = 0;
  if (std::find(stalled_.begin(), stalled_.end(), true) != stalled_.end()) schedule();
}

void Card::find_only_vnic() {
  only_vnic_ = nullptr;
  if (attached() != 1) return;
  for (const auto& port : vnics_) {
    if (port) only_vnic_ = port.get();
  }
}

unsigned Card::attached() const {
  return static_cast<unsigned>(std::count_if(vnics_.begin(), vnics_.end(),
                                             [](const auto& port) { return port != nullptr; }));
}

void Card::discard(unsigned vnic) {
  std::erase_if(transmits_, [&](Packet* packet) {
    if (packet->port != vnic) return false;
    pool_.give(packet);
    return true;
  });
  VnicPort& port = *vnics_[vnic];
  held_ -= static_cast<uint32_t>(port.held_.size());
  for (Packet* packet : port.held_) port.give_kept(packet);
  port.held_.clear();
  port.stalled_ = false;
  port.paused_until_ns_ = 0;
}

bool Card::can_receive(unsigned uplink) {
  return pending_.size() < kPending && pending_octets_ < kPendingOctets &&
         uplinks_[uplink]->can_receive() && !wire_waits();
}

// A driver that stays slow for longer than kWireWaitNs has its frames dropped until it has caught
// up: the card itself answers questions that come by the same wire.
bool Card::wire_waits() {
  const bool slow = only_vnic_ && (only_vnic_->held_.size() > VnicPort::kHeld / 2 ||
                                   only_vnic_->guest_.crowded());
  if (!slow) {
    wait_until_ns_ = 0;
    return false;
  }
  const int64_t now = ports_.clock.now_ns();
  if (wait_until_ns_ == 0) wait_until_ns_ = now + kWireWaitNs;
  return now < wait_until_ns_;
}

void Card::push_pending(Packet* packet) {
  pending_.push_back(packet);
  pending_octets_ += packet->length;
}

bool Card::receive(unsigned uplink, const OutFrame& frame, bool at_once, const Arrival& arrival) {
  const bool fits = frame.length() <= kMaxSuperFrame;
  const bool room = uplinks_[uplink]->has_room(frame.length());
  // What is on the cable makes room by the clock. Where nothing is, nobody would wake the wire.
  if (!can_receive(uplink) || (fits && !room && uplinks_[uplink]->arriving())) {
    stalled_[uplink] = true;
    if (depth_ == 0) rearm();
    return false;
  }
  Packet* packet = fits && room ? copy_frame(pool_, frame) : nullptr;
  if (!packet) {
    pipeline_->count_drop(false, uplink, DropReason::no_packet_buffer);
    return true;
  }
  packet->port = static_cast<uint16_t>(uplink);
  packet->wire_mss = arrival.mss;
  packet->merged = arrival.merged;
  if (arrival.checksum_offset != 0 && arrival.mss == 0) complete_checksum(*packet, arrival);
  const int64_t now = ports_.clock.now_ns();
  if (!uplinks_[uplink]->receive(packet, now)) {
    if (depth_ == 0) rearm();
    return true;
  }
  push_pending(packet);
  const bool alone =
      depth_ == 0 && !scheduled_ && pending_.size() == 1 && now - last_run_ns_ >= kAloneNs;
  if (at_once && alone) {
    run();
  } else {
    schedule();
  }
  return true;
}

// Whatever waits while the machine stands still is in a state that may go on elsewhere: it is not
// sent from here, too.
void Card::uplink_writable(unsigned uplink) {
  if (depth_ > 0 || !ports_.event.runs()) {
    uplinks_[uplink]->unblock();
    return;
  }
  Busy busy(*this);
  uplinks_[uplink]->unblock();
  uplinks_[uplink]->run(ports_.clock.now_ns());
}

void Card::set_uplink_link(unsigned uplink, bool up) {
  const uplink::Lost lost = uplinks_[uplink]->set_link(up);
  count_refused(uplink, lost.out);
  for (uint32_t i = 0; i < lost.in; ++i)
    pipeline_->count_drop(false, uplink, DropReason::uplink_down, TapDirection::kToGuest);
  pipeline_->set_uplink_present(uplink, uplinks_[uplink]->up());
  if (depth_ == 0) rearm();
}

void Card::transmit(VnicPort& port, std::span<Packet* const> batch) {
  ports_.event.walked(Stage::vnic, port.index_, batch.size());
  for (const Packet* packet : batch) port.obey_pause(*packet);
  if (depth_ == 0 && !leave_to_run(batch)) {
    Busy busy(*this);
    port.busy_ = true;
    pipeline_->trace(ports_.event.tracing());
    while (run_transmits()) {
    }
    pipeline_->from_vnic(port.index_, batch, ports_.clock.now_ns());
    port.busy_ = false;
    if (tap_) schedule();  // somebody may be looking at the file
    return;
  }
  if (depth_ == 0) schedule();
  for (Packet* packet : batch) {
    if (transmits_.size() < kTransmits) {
      packet->port = static_cast<uint16_t>(port.index_);
      transmits_.push_back(packet);
    } else {
      pool_.give(packet);
      pipeline_->count_drop(true, port.index_, DropReason::no_packet_buffer);
    }
  }
}

// A super-frame costs the wire's side about as long as the guest took to make it. run() is called
// on another thread than the doorbell, so that both work at the same time; what comes after such
// frames stays behind them. While the machine stands still all are left and are part of its state:
// a CPU's that has not stopped yet, a debugger's.
bool Card::leave_to_run(std::span<Packet* const> batch) const {
  if (!ports_.event.runs()) return true;
  if (transmits_.size() + batch.size() > kLeft) return false;
  return !transmits_.empty() || std::any_of(batch.begin(), batch.end(), [](const Packet* packet) {
    return packet->offload.tso;
  });
}

void Card::to_uplink(unsigned uplink, std::span<const OutFrame> frames) {
  count_refused(uplink, uplinks_[uplink]->send(frames, ports_.clock.now_ns()));
}

void Card::count_refused(unsigned uplink, const uplink::Refused& refused) {
  if (refused.frames() == 0) return;
  pipeline_->count_uplink_refused(uplink, refused.frames(), refused.octets);
  for (uint32_t i = 0; i < refused.down; ++i)
    pipeline_->count_drop(false, uplink, DropReason::uplink_down);
  for (uint32_t i = 0; i < refused.full; ++i)
    pipeline_->count_drop(false, uplink, DropReason::uplink_queue_full);
}

void Card::to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers,
                   bool l4_checksum_checked, bool l4_checksum_good) {
  if (!vnics_[vnic]) return;
  VnicPort& port = *vnics_[vnic];
  vnic::Delivery batch[kBatch];
  while (!frames.empty()) {
    const size_t count = std::min(frames.size(), kBatch);
    for (size_t i = 0; i < count; ++i)
      batch[i] = {frames[i], &layers, l4_checksum_checked, l4_checksum_good};
    // Nothing overtakes what waits already.
    const bool now = !port.busy_ && !port.stalled_ && port.held_.empty() && !port.paused();
    for (size_t i = now ? deliver(port, {batch, count}) : 0; i < count; ++i) hold(port, batch[i]);
    frames = frames.subspan(count);
  }
}

uint32_t Card::largest_frame(unsigned vnic) const {
  return vnics_[vnic] ? vnics_[vnic]->guest_.largest_frame() : kStandardFrame;
}

size_t Card::deliver(VnicPort& port, std::span<const vnic::Delivery> frames) {
  port.busy_ = true;
  const size_t taken = std::min(port.guest_.receive(frames), frames.size());
  port.busy_ = false;
  uint64_t octets = 0;
  for (const vnic::Delivery& delivery : frames.first(taken)) octets += delivery.frame.length();
  pipeline_->count_vnic_rx(port.index_, static_cast<uint32_t>(taken), octets);
  port.stalled_ = taken < frames.size();
  return taken;
}

void Card::hold(VnicPort& port, const vnic::Delivery& delivery) {
  // Many vnics that take nothing, or few large frames, must not use up what the others send with.
  const bool room =
      port.held_.size() < VnicPort::kHeld && port.share_.has_room(delivery.frame.length());
  Packet* packet = room ? copy_frame(pool_, delivery.frame) : nullptr;
  if (!packet) {
    pipeline_->count_drop(true, port.index_, DropReason::vnic_no_descriptors);
    return;
  }
  port.share_.keep(*packet);
  packet->layers = *delivery.layers;
  packet->l4_checksum_checked = delivery.l4_checksum_checked;
  packet->l4_checksum_good = delivery.l4_checksum_good;
  port.held_.push_back(packet);
  ++held_;
}

void Card::dropped(bool from_vnic, unsigned port, DropReason reason) {
  ports_.event.dropped(from_vnic, port, reason);
  const bool due = reports_.count(report_port(from_vnic, port), reason, ports_.clock.now_ns());
  // A vnic drops frames of its own while the card has nothing to do.
  if (due && depth_ == 0) rearm();
}

void Card::firewall_logged(const pipeline::FirewallLog& log) {
  ports_.event.firewall_logged(port_name(true, log.vnic), log);
}

const policy::Vnic* Card::policy_of(const std::string& vnic) const {
  const auto found = std::find_if(policy_.vnics.begin(), policy_.vnics.end(),
                                  [&](const policy::Vnic& row) { return row.name == vnic; });
  return found == policy_.vnics.end() ? nullptr : &*found;
}

std::string Card::port_name(bool vnic, unsigned index) const {
  if (!vnic) return "uplink" + std::to_string(index);
  return index < vnics_.size() && vnics_[index] ? vnics_[index]->name_ : std::string();
}

}  // namespace gatehouse::card
