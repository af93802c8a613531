// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/receive.hh"

#include <algorithm>
#include <cstring>

#include "hw/card/vnic/fcs.hh"
#include "hw/card/vnic/filter.hh"
#include "hw/card/vnic/transmit.hh"
#include "hw/card/vnic/vnic.hh"
#include "hw/core/base/archive.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register and descriptor names
using spec::DropReason;

constexpr uint32_t kEthernetHeader = 14;
constexpr uint32_t kKib = 1024;
constexpr uint32_t kQueueCauses[kQueues] = {ICR_RXT0 | ICR_RXQ0, ICR_RXT0 | ICR_RXQ1};
constexpr uint32_t kDelayable = ICR_RXT0 | ICR_RXQ0 | ICR_RXQ1 | ICR_ACK;

// `layers` come with a run of frames that differ in length, and may reach behind the end of a frame
// that was cut.
Layers settle(const Layers* layers, std::span<const uint8_t> frame) {
  if (layers == nullptr) return {};
  Layers settled = *layers;
  uint32_t end = settled.l3_end;
  if (settled.l2_length + 8u <= frame.size()) {
    const uint8_t* ip = frame.data() + settled.l2_length;
    if (settled.l3 == L3::kIpv4) end = settled.l2_length + Ipv4Header(ip).total_length();
    if (settled.l3 == L3::kIpv6) {
      end =
          settled.l2_length + Ipv6Header<const uint8_t>::kLength + Ipv6Header(ip).payload_length();
    }
  }
  settled.l3_end = end;
  const bool inside = end <= frame.size() && settled.l2_length <= end && settled.l4_offset <= end &&
                      settled.payload_offset <= end;
  return inside ? settled : Layers{};
}

}  // namespace

ReceiveEngine::ReceiveEngine(Vnic& vnic)
    : vnic_(vnic),
      fifo_(vnic.ports().card),
      rings_{ReceiveRing(vnic.registers(), vnic.ports().dma, 0),
             ReceiveRing(vnic.registers(), vnic.ports().dma, 1)},
      delayed_(vnic.ports().clock, Timer::kReceiveDelay, Timer::kReceiveAbsolute) {}

void ReceiveEngine::reset() {
  fifo_.clear();
  cancel_refill();
  delayed_.reset();
  for (ReceiveRing& ring : rings_) ring.forget();
  key_stale_ = true;
  told_ready_ = false;
}

bool ReceiveEngine::enabled() const { return vnic_.registers().test(reg::RCTL, RCTL_EN); }

bool ReceiveEngine::can_receive() const {
  return enabled() && vnic_.link().up() && !vnic_.link().loopback() &&
         fifo_.has_room(kLongestJumbo);
}

bool ReceiveEngine::crowded() const {
  return fifo_.crowded() && enabled() && vnic_.link().up() && !vnic_.link().loopback();
}

// A driver that keeps up gets its frames at once. One with a backlog gives buffers back a few at a
// time while it has frames to work on: they move in larger groups, and its CPU moves them itself
// only when it would soon have none.
void ReceiveEngine::doorbell(unsigned queue) {
  ReceiveRing& ring = rings_[queue];
  ring.tail_moved();
  const uint32_t available = ring.available(), quarter = ring.units() / 4;
  if (fifo_.frames() < kBacklog || available >= 3 * quarter) return resume();
  const int64_t now = vnic_.ports().clock.now_ns();
  const int64_t due = available >= quarter ? now : now + kGatherNs;
  if (!refill_ || refill_ns_ > due) refill_at(due);
}

void ReceiveEngine::refill_at(int64_t due_ns) {
  refill_ = true;
  refill_ns_ = due_ns;
  vnic_.ports().clock.arm(Timer::kRefill, due_ns);
}

void ReceiveEngine::cancel_refill() {
  if (refill_) vnic_.ports().clock.cancel(Timer::kRefill);
  refill_ = false;
}

void ReceiveEngine::configured() {
  for (ReceiveRing& ring : rings_) ring.forget();
  key_stale_ = true;
  fifo_.set_limit(vnic_.registers().field(reg::PBA, PBA_RXA) * kKib);
  resume();
}

void ReceiveEngine::resume() {
  if (!fifo_.empty() && enabled()) drain();
  const bool ready = can_receive() && fifo_.relaxed();
  const bool news = ready && !told_ready_;
  told_ready_ |= ready;
  // Last: the card may call receive().
  if (news) vnic_.ports().card.receive_ready();
}

void ReceiveEngine::flush() {
  if (const uint32_t causes = delayed_.take(); causes != 0) vnic_.interrupts().cause(causes);
}

void ReceiveEngine::timer_expired(Timer timer) {
  if (timer == Timer::kRefill) {
    refill_ = false;
    return resume();
  }
  const uint32_t causes = delayed_.expired(timer);
  if (causes == 0) return;
  vnic_.statistics().add(timer == Timer::kReceiveDelay ? reg::ICRXPTC : reg::ICRXATC);
  vnic_.interrupts().cause(causes);
}

void ReceiveEngine::drop(DropReason reason) { vnic_.ports().card.count_drop(reason); }

ReceiveEngine::Batch ReceiveEngine::begin_batch() {
  const RegisterFile& regs = vnic_.registers();
  Batch batch;
  batch.settings = receive_settings(regs);
  if (batch.settings.rss && key_stale_) {
    std::array<uint8_t, kRssKeyOctets> key;
    for (uint32_t i = 0; i < kRssKeyOctets / 4; ++i) store_le(&key[4 * i], regs[reg::RSSRK(i)]);
    toeplitz_.set_key(key);
    key_stale_ = false;
  }
  for (unsigned q = 0; q < kQueues; ++q) batch.available[q] = rings_[q].available();
  return batch;
}

void ReceiveEngine::end_batch(Batch& batch) {
  for (unsigned q = 0; q < kQueues; ++q) {
    rings_[q].flush();
    // 7.1.6: the minimum threshold interrupts when it is crossed, not while it lasts.
    const uint32_t low = rings_[q].low_threshold();
    if (batch.available[q] > low && rings_[q].available() <= low) {
      batch.immediate_causes |= ICR_RXDMT0;
      vnic_.statistics().add(reg::ICRXDMTC);
    }
  }
  interrupt(batch);
  if (!can_receive() || fifo_.crowded()) told_ready_ = false;
  vnic_.transmit().flow_control().fifo_level(fifo_.octets());
}

void ReceiveEngine::interrupt(const Batch& batch) {
  const RegisterFile& regs = vnic_.registers();
  uint32_t now = batch.immediate_causes, later = batch.delayed_causes;
  uint32_t delay = regs.field(reg::RDTR, RDTR_DELAY);
  const uint32_t absolute = regs.field(reg::RADV, RADV_DELAY);
  const bool timers = vnic_.interrupts().packet_timers_apply();
  if (delay == 0 || !timers) {
    now |= later;
    later = 0;
  }
  // RAID delays the ACK cause. It shares RDTR's timer: whichever is due first reports both.
  if (batch.ack && batch.settings.acks_interrupt) {
    const uint32_t ack_delay = regs[reg::RAID];
    if (ack_delay == 0 || !timers) {
      now |= ICR_ACK;
    } else {
      delay = later == 0 ? ack_delay : std::min(delay, ack_delay);
      later |= ICR_ACK;
    }
  }
  if (later != 0) delayed_.add(later, delay, absolute);
  // A receive interrupt that comes anyway ends the timers and takes along what they delay (7.1.9).
  constexpr uint32_t kEnds = ICR_RXT0 | ICR_RXQ0 | ICR_RXQ1 | ICR_RXDMT0 | ICR_RXO | ICR_SRPD;
  if ((now & kEnds) != 0) now |= delayed_.take();
  if (now != 0) vnic_.interrupts().cause(now);
}

size_t ReceiveEngine::receive(std::span<const Delivery> frames) {
  if (!enabled() || !vnic_.link().up() || vnic_.link().loopback()) {
    for (size_t i = 0; i < frames.size(); ++i) drop(DropReason::vnic_link_down);
    return frames.size();
  }
  return receive_batch(frames);
}

size_t ReceiveEngine::receive_looped(std::span<const Delivery> frames) {
  if (!enabled()) {
    for (size_t i = 0; i < frames.size(); ++i) drop(DropReason::vnic_link_down);
    return frames.size();
  }
  return receive_batch(frames);
}

size_t ReceiveEngine::receive_batch(std::span<const Delivery> frames) {
  vnic_.transmit().heard();
  Batch batch = begin_batch();
  drain(batch);
  for (const Delivery& delivery : frames) receive_one(batch, delivery);
  end_batch(batch);
  return frames.size();
}

// The frame in one piece, padded to the shortest that Ethernet has. Without a copy when it is that
// already.
std::span<const uint8_t> ReceiveEngine::assemble(const OutFrame& frame) {
  const uint32_t length = frame.length();
  if (length >= kMinFrame) {
    if (frame.head.length == 0) return {frame.body.data, frame.body.length};
    if (frame.body.length == 0) return {frame.head.data, frame.head.length};
  }
  uint8_t* to = frame_scratch_.data();
  if (frame.head.length != 0) std::memcpy(to, frame.head.data, frame.head.length);
  if (frame.body.length != 0)
    std::memcpy(to + frame.head.length, frame.body.data, frame.body.length);
  if (length < kMinFrame) std::memset(to + length, 0, kMinFrame - length);
  return {to, std::max(length, kMinFrame)};
}

bool ReceiveEngine::passes(const ReceiveSettings& settings, std::span<const uint8_t> frame,
                           bool& inexact) {
  const RegisterFile& regs = vnic_.registers();
  const FilterTables tables{.rctl = regs[reg::RCTL],
                            .addresses = &vnic_.registers()[reg::RAL(0)],
                            .multicast = &vnic_.registers()[reg::MTA(0)],
                            .vlan = &vnic_.registers()[reg::VFTA(0)]};
  const FlowControl::Verdict control = vnic_.transmit().flow_control().received(frame);
  if (control == FlowControl::Verdict::kDiscard) return false;
  if (control == FlowControl::Verdict::kPass) {
    inexact = !matches_exact(tables, frame.data());  // 7.1.3.3, PIF
  } else {
    const FilterVerdict verdict = filter_address(tables, frame.data());
    if (verdict == FilterVerdict::kReject) return false;
    inexact = verdict == FilterVerdict::kInexact;
  }
  uint16_t tci = 0;
  return !has_vlan_tag(settings, frame, tci) || filter_vlan(tables, tci);
}

void ReceiveEngine::receive_one(Batch& batch, const Delivery& delivery) {
  const uint32_t length = delivery.frame.length();
  if (length < kEthernetHeader) return drop(DropReason::truncated_ethernet);
  if (length + kFcsOctets > kLongestJumbo) {
    vnic_.statistics().seen(length);
    vnic_.statistics().oversized();
    return drop(DropReason::vnic_too_long);
  }
  ReceiveFrame frame{.bytes = assemble(delivery.frame),
                     .layers = {},
                     .l4_checksum_checked = delivery.l4_checksum_checked,
                     .l4_checksum_good = delivery.l4_checksum_good};
  const uint32_t octets = static_cast<uint32_t>(frame.bytes.size());
  vnic_.statistics().seen(octets);
  if (!passes(batch.settings, frame.bytes, frame.inexact)) return drop(DropReason::vnic_filtered);
  if (!batch.settings.long_frames && octets + kFcsOctets > kLongestStandard) {
    vnic_.statistics().oversized();
    return drop(DropReason::vnic_too_long);
  }
  frame.layers = settle(delivery.layers, frame.bytes);
  frame.time_stamped = vnic_.time_stamps().received(frame.bytes);
  const bool stored = fifo_.empty() && deliver(batch, frame) == Fate::kStored;
  if (!stored && !keep(batch, frame)) return;
  // Received is what is in the packet buffer, wherever it goes from there (10.2.7).
  if (!vnic_.transmit().flow_control().is_pause(frame.bytes)) {
    vnic_.statistics().received(octets, cast_of(frame.bytes.data()));
  }
}

// No descriptors: into the FIFO, or (false) it is missed. Either way it counts as one that found
// none.
bool ReceiveEngine::keep(Batch& batch, const ReceiveFrame& frame) {
  if (!vnic_.transmit().flow_control().is_pause(frame.bytes)) vnic_.statistics().add(reg::RNBC);
  if (fifo_.push(frame)) return true;
  drop(DropReason::vnic_no_descriptors);
  vnic_.statistics().add(reg::MPC);
  vnic_.statistics().add(reg::ICRXOC);
  batch.immediate_causes |= ICR_RXO;
  return false;
}

ReceiveImage ReceiveEngine::make_image(const ReceiveSettings& settings, const ReceiveFrame& frame,
                                       const ReceiveStatus& status) {
  ReceiveImage image{.octets = frame.bytes};
  if (status.vlan_stripped || !settings.strip_fcs) {
    uint8_t* to = image_scratch_.data();
    const uint32_t tag = status.vlan_stripped ? kVlanTagOctets : 0;
    std::memcpy(to, frame.bytes.data(), kMacAddresses);
    const std::span<const uint8_t> rest = frame.bytes.subspan(kMacAddresses + tag);
    std::memcpy(to + kMacAddresses, rest.data(), rest.size());
    size_t length = kMacAddresses + rest.size();
    if (!settings.strip_fcs) {
      store_le(to + length, fcs(frame.bytes));  // of the frame on the wire, tag included
      length += kFcsOctets;
    }
    image.octets = {to, length};
  }
  if ((status.status_error & RX_STATUS_UDPV) != 0) {
    image.checksum = status.fragment_checksum;
  } else if (!settings.hash_reported && settings.checksum_start < image.octets.size()) {
    const std::span<const uint8_t> summed = image.octets.subspan(settings.checksum_start);
    image.checksum = checksum::finish(checksum::sum(summed.data(), summed.size()));
  }
  return image;
}

ReceiveEngine::Fate ReceiveEngine::deliver(Batch& batch, const ReceiveFrame& frame) {
  if (!vnic_.dma_allowed()) return Fate::kNoDescriptors;
  if (rings_[0].available() == 0 && rings_[1].available() == 0) return Fate::kNoDescriptors;
  const RegisterFile& regs = vnic_.registers();
  const ReceiveStatus status =
      receive_status(batch.settings, frame, toeplitz_, &vnic_.registers()[reg::RETA(0)]);
  ReceiveRing& ring = rings_[status.queue];
  if (ring.available() == 0) return Fate::kNoDescriptors;
  const ReceiveRing::Put put =
      ring.put(batch.settings, make_image(batch.settings, frame, status), status, vnic_.seals());
  if (put == ReceiveRing::Put::kNoDescriptors) return Fate::kNoDescriptors;
  if (put == ReceiveRing::Put::kRingError) {
    drop(DropReason::rx_dma_error);
    return Fate::kStored;
  }
  batch.delayed_causes |= kQueueCauses[status.queue];
  if (put == ReceiveRing::Put::kBufferError) {
    drop(DropReason::rx_dma_error);
    return Fate::kStored;
  }
  // With FCS, without a stripped tag (10.2.5, RSRPD).
  const uint32_t size = static_cast<uint32_t>(frame.bytes.size()) + kFcsOctets -
                        (status.vlan_stripped ? kVlanTagOctets : 0);
  if (size <= regs[reg::RSRPD]) batch.immediate_causes |= ICR_SRPD;
  batch.ack |= status.ack;
  return Fate::kStored;
}

void ReceiveEngine::drain() {
  Batch batch = begin_batch();
  drain(batch);
  end_batch(batch);
}

void ReceiveEngine::drain(Batch& batch) {
  while (!fifo_.empty() && deliver(batch, fifo_.front()) == Fate::kStored) fifo_.pop();
}

void ReceiveEngine::archive(Archive& archive) {
  archive.section("receive", 1);
  if (archive.loading()) {
    for (ReceiveRing& ring : rings_) ring.forget();
    key_stale_ = true;
    told_ready_ = false;
    fifo_.set_limit(vnic_.registers().field(reg::PBA, PBA_RXA) * kKib);
  }
  fifo_.archive(archive);
  delayed_.archive(archive, kDelayable);
  // A backlog moves when the machine goes on: what is around the vnic may not be loaded yet.
  if (archive.loading()) refill_at(vnic_.ports().clock.now_ns());
}

}  // namespace gatehouse::vnic
