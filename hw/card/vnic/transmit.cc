// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/transmit.hh"

#include <algorithm>

#include "hw/card/vnic/receive.hh"
#include "hw/card/vnic/transmit_loopback.hh"
#include "hw/card/vnic/vnic.hh"
#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: register and descriptor names
using spec::DropReason;

constexpr uint32_t kQueueCauses[kQueues] = {ICR_TXDW | ICR_TXQ0, ICR_TXDW | ICR_TXQ1};
constexpr uint32_t kDelayable = ICR_TXDW | ICR_TXQ0 | ICR_TXQ1;
constexpr uint32_t kAllQueues = (1u << kQueues) - 1;
constexpr int kNone = -1;
constexpr int32_t kMaxCredit = kMaxSuperFrame;  // one segment for each octet is beyond all

}  // namespace

TransmitEngine::TransmitEngine(Vnic& vnic)
    : vnic_(vnic),
      flow_control_(vnic),
      delayed_(vnic.ports().clock, Timer::kTransmitDelay, Timer::kTransmitAbsolute),
      queues_{TransmitQueue(vnic.registers(), vnic.ports().dma, 0),
              TransmitQueue(vnic.registers(), vnic.ports().dma, 1)} {}

TransmitEngine::~TransmitEngine() = default;

void TransmitEngine::reset() {
  for (TransmitQueue& queue : queues_) queue.reset();
  delayed_.reset();
  flow_control_.reset();
  if (continued_) vnic_.ports().clock.cancel(Timer::kDoorbell);
  continued_ = false;
  credits_ = {};
  turn_ = 0;
  burst_ = 0;
  doorbell_ns_ = 0;
  untold_octets_ = untold_descriptors_ = {};
}

void TransmitEngine::doorbell(unsigned queue) {
  // In a call of ours the queue looks for itself.
  if (!running_) queues_[queue].tail_moved();
  if (!gathers()) run();
}

// Whether a doorbell's frames wait for more.
bool TransmitEngine::gathers() {
  const int64_t now = vnic_.ports().clock.now_ns();
  const bool follows = now - doorbell_ns_ <= kGatherNs;
  doorbell_ns_ = now;
  burst_ = follows ? std::min(burst_ + 1, kBurstDoorbells) : 0;
  if (burst_ < kBurstDoorbells || !vnic_.interrupts().moderated() || vnic_.link().loopback()) {
    return false;
  }
  for (const TransmitQueue& queue : queues_) {
    const uint32_t waiting = queue.available();
    if (waiting >= kGatherDescriptors || waiting > queue.units() / 4) return false;
  }
  if (!continued_) {
    continued_ = true;
    vnic_.ports().clock.arm(Timer::kDoorbell, now + kGatherNs);
  }
  return true;
}

void TransmitEngine::configured() {
  // The queues in use are not touched under a run of ours: it re-reads the registers itself.
  if (!running_) {
    for (TransmitQueue& queue : queues_) queue.forget();
  }
  run();
}

void TransmitEngine::resume() { run(); }

void TransmitEngine::schedule() {
  continued_ = true;
  vnic_.ports().clock.arm(Timer::kDoorbell, vnic_.ports().clock.now_ns());
}

void TransmitEngine::flush() {
  if (const uint32_t causes = delayed_.take(); causes != 0) tell(causes);
}

void TransmitEngine::tell(uint32_t causes) {
  if ((causes & kDelayable) != 0) untold_octets_ = untold_descriptors_ = {};
  vnic_.interrupts().cause(causes);
}

void TransmitEngine::timer_expired(Timer timer) {
  switch (timer) {
    case Timer::kDoorbell:
      continued_ = false;
      flow_control_.send_due();
      run();
      break;
    case Timer::kPause:
      flow_control_.timer_expired();
      break;
    case Timer::kTransmitDelay:
    case Timer::kTransmitAbsolute:
      if (const uint32_t causes = delayed_.expired(timer); causes != 0) {
        if (vnic_.interrupts().packet_timers_apply())
          vnic_.statistics().add(timer == Timer::kTransmitDelay ? reg::ICTXPTC : reg::ICTXATC);
        tell(causes);
      }
      break;
    default:
      break;
  }
}

bool TransmitEngine::may_run() const {
  return vnic_.registers().test(reg::TCTL, TCTL_EN) && !flow_control_.paused() &&
         (vnic_.link().up() || vnic_.link().loopback()) && vnic_.dma_allowed();
}

void TransmitEngine::run() {
  // The card may answer a frame before transmit() returns, and an answer may be a PAUSE frame that
  // resumes us.
  if (running_ || !may_run()) return;
  running_ = true;
  const TransmitSettings settings = transmit_settings(vnic_.registers());
  std::array<uint32_t, kQueues> before{};
  for (unsigned q = 0; q < kQueues; ++q) before[q] = queues_[q].available();
  Budget budget;
  uint32_t ready = kAllQueues, worked = 0;
  while (budget.left() && may_run()) {
    const int queue = choose(ready);
    if (queue == kNone) break;
    if (step(static_cast<unsigned>(queue), settings, budget)) {
      worked |= 1u << queue;
    } else {
      ready &= ~(1u << queue);
    }
    if (batched_ == kBatch) hand_over();
  }
  hand_over();
  if (!budget.left()) schedule();
  interrupt(before, worked);
  running_ = false;
}

// False: the queue has no more to give.
bool TransmitEngine::step(unsigned queue, const TransmitSettings& settings, Budget& budget) {
  const TransmitQueue::Next next = queues_[queue].next(frame_);
  const uint32_t work = queues_[queue].take_work();
  budget.descriptors -= work;
  untold_descriptors_[queue] += work;
  switch (next) {
    case TransmitQueue::Next::kFrame:
      send(queue, settings, budget);
      return true;
    case TransmitQueue::Next::kProgress:
      return true;
    case TransmitQueue::Next::kRingError:
      // TDH stays. The next doorbell tries again, and nothing else does.
      vnic_.ports().card.count_drop(DropReason::tx_dma_error);
      return false;
    case TransmitQueue::Next::kEmpty:
      break;
  }
  return false;
}

void TransmitEngine::send(unsigned queue, const TransmitSettings& settings, Budget& budget) {
  budget.octets -= std::min(frame_.octets, kMaxSuperFrame);
  untold_octets_[queue] += std::min(frame_.octets, kMaxSuperFrame);
  Packet* packet = nullptr;
  const DropReason reason =
      make_packet(settings, frame_, queues_[queue].context(frame_.segmented()),
                  {vnic_.ports().dma, vnic_.seals(), queue}, vnic_.ports().card, packet);
  if (reason != DropReason::none) {
    vnic_.ports().card.count_drop(reason);
    if (reason == DropReason::bad_tso_context) vnic_.statistics().add(reg::TSCTFC);
  }
  uint32_t segments = 1;
  if (packet != nullptr && packet->offload.tso) {
    segments = (packet->offload.payload_length + packet->offload.mss - 1) / packet->offload.mss;
  }
  if (taking_turns_) credits_[queue] -= static_cast<int32_t>(std::max(segments, 1u));
  if (packet == nullptr) return;
  packet->cookie = queue;
  count_sent(frame_, *packet);
  batch_[batched_++] = packet;
}

void TransmitEngine::count_sent(const TransmitFrame& frame, const Packet& packet) {
  const Cast cast = cast_of(packet.data);
  const Offload& offload = packet.offload;
  if (frame.time_stamp) vnic_.time_stamps().transmitted();
  if (!offload.tso) {
    vnic_.statistics().transmitted(packet.length, cast);
    return;
  }
  vnic_.statistics().add(reg::TSCTC);
  const uint32_t whole = offload.payload_length / offload.mss;
  const uint32_t rest = offload.payload_length % offload.mss;
  const uint32_t shortest = vnic_.registers().test(reg::TCTL, TCTL_PSP) ? kMinFrame : 0;
  const auto count = [&](uint32_t payload, uint32_t segments) {
    const uint32_t octets = std::max(offload.header_length + payload, shortest);
    vnic_.statistics().transmitted(octets, cast, segments);
  };
  if (whole != 0) count(offload.mss, whole);
  if (rest != 0 || whole == 0) count(rest, 1);
}

// 7.2.8: the queues take turns; each sends TARC.COUNT frames in its turn, when both have some.
int TransmitEngine::choose(uint32_t ready) {
  for (unsigned q = 0; q < kQueues; ++q) {
    if (!vnic_.registers().test(reg::TARC(q), TARC_ENABLE) || queues_[q].available() == 0) {
      ready &= ~(1u << q);
    }
  }
  if (ready == 0) return kNone;
  taking_turns_ = ready == kAllQueues;
  if (!taking_turns_) {
    credits_ = {};  // who is alone owes nobody
    return ready == 1 ? 0 : 1;
  }
  if (credits_[turn_] <= 0) take_turn(static_cast<unsigned>(1 - turn_));
  return turn_;
}

void TransmitEngine::take_turn(unsigned queue) {
  const RegisterFile& regs = vnic_.registers();
  const int32_t debt = -std::min(credits_[1 - queue], 0);
  credits_[queue] = static_cast<int32_t>(std::max(regs.field(reg::TARC(queue), TARC_COUNT), 1u));
  // Compensation for a segmentation in which the other queue sent more than its share.
  if (regs.test(reg::TARC(queue), TARC_COMP)) {
    credits_[queue] += debt >> regs.field(reg::TARC(queue), TARC_RATIO);
  }
  turn_ = static_cast<uint8_t>(queue);
}

void TransmitEngine::flush_queues() {
  for (TransmitQueue& queue : queues_) queue.flush();
}

// The rings are consistent before the card sees the frames: what it answers may reach our receiver
// at once.
void TransmitEngine::hand_over() {
  flush_queues();
  const uint32_t count = batched_;
  batched_ = 0;
  if (count == 0) return;
  if (!vnic_.link().loopback()) {
    vnic_.ports().card.transmit({batch_.data(), count});
    return;
  }
  if (loopback_ == nullptr) loopback_ = std::make_unique<LoopbackSegments>();
  for (uint32_t i = 0; i < count; ++i) {
    loopback_->deliver(*batch_[i], vnic_.receive_engine(), vnic_.ports().card);
    vnic_.ports().card.give_packet(batch_[i]);
  }
}

// See kUntoldOctets.
bool TransmitEngine::may_stay_untold(unsigned queue) const {
  const bool streams = burst_ == kBurstDoorbells || untold_octets_[queue] > kMaxWireFrame;
  return streams && untold_octets_[queue] < kUntoldOctets &&
         untold_descriptors_[queue] < queues_[queue].units() / 4 &&
         vnic_.interrupts().transmit_vector_throttled(kQueueCauses[queue]);
}

void TransmitEngine::interrupt(const std::array<uint32_t, kQueues>& before, uint32_t worked) {
  const RegisterFile& regs = vnic_.registers();
  uint32_t now = 0, later = 0, untold = 0;
  for (unsigned q = 0; q < kQueues; ++q) {
    const TransmitQueue::Report report = queues_[q].take_report();
    if (report == TransmitQueue::Report::kNow) now |= kQueueCauses[q];
    if (report == TransmitQueue::Report::kDelayed)
      (may_stay_untold(q) ? untold : later) |= kQueueCauses[q];
    if ((worked & 1u << q) == 0) continue;
    const uint32_t left = queues_[q].available(), low = queues_[q].low_threshold();
    if (left == 0) {
      now |= ICR_TXQE;
      vnic_.statistics().add(reg::ICTXQEC);
    }
    if (before[q] > low && left <= low) {
      now |= ICR_TXD_LOW;
      vnic_.statistics().add(reg::ICTXQMTC);
    }
  }
  const uint32_t delay = regs.field(reg::TIDV, TIDV_IDV);
  if (delay == 0 || !vnic_.interrupts().packet_timers_apply()) {
    now |= later;
  } else if (later != 0) {
    delayed_.add(later, delay, regs.field(reg::TADV, TADV_IDV));
  }
  if (untold != 0) delayed_.add(untold, kUntoldUnits, kUntoldUnits);
  // 7.2.11.1, IDE: a descriptor with RS and without IDE interrupts at once and ends the delay of
  // those before it.
  if ((now & kDelayable) != 0) now |= delayed_.take();
  if (now != 0) tell(now);
}

void TransmitEngine::archive(Archive& archive) {
  const uint32_t version = archive.section("transmit", 3);
  for (TransmitQueue& queue : queues_) queue.archive(archive);
  for (int32_t& credit : credits_) archive(credit);
  archive(turn_);
  archive(continued_);
  if (version >= 2) {  // bursts
    archive(burst_);
    archive(doorbell_ns_);
  }
  if (version >= 3) {
    for (unsigned q = 0; q < kQueues; ++q) {
      archive(untold_octets_[q]);
      archive(untold_descriptors_[q]);
    }
  }
  burst_ = std::min(burst_, kBurstDoorbells);
  delayed_.archive(archive, kDelayable);
  flow_control_.archive(archive);
  if (!archive.loading()) return;
  if (turn_ >= kQueues) archive.fail("saved state: transmit queue impossible");
  if (!archive.ok()) reset();
  // A time to come, or one so far back that a difference overflows, was no doorbell's: as after a
  // reset.
  if (doorbell_ns_ < 0 || doorbell_ns_ > vnic_.ports().clock.now_ns()) doorbell_ns_ = 0;
  for (int32_t& credit : credits_) credit = std::clamp(credit, -kMaxCredit, kMaxCredit);
  if (continued_) vnic_.ports().clock.arm(Timer::kDoorbell, vnic_.ports().clock.now_ns());
}

}  // namespace gatehouse::vnic
