// SPDX-License-Identifier: GPL-2.0-or-later
// The transmit engine: both queues and their arbitration, batches of frames to the card, write-back
// and interrupts, loopback (data sheet 7.2). The guest's CPU waits while it works, so each call
// does a bounded amount and leaves the rest to Timer::kDoorbell.
#ifndef GATEHOUSE_HW_CARD_VNIC_TRANSMIT_HH_
#define GATEHOUSE_HW_CARD_VNIC_TRANSMIT_HH_

#include <array>
#include <cstdint>
#include <memory>

#include "hw/card/vnic/delayed_cause.hh"
#include "hw/card/vnic/flow_control.hh"
#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/transmit_frame.hh"
#include "hw/card/vnic/transmit_queue.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class Vnic;
struct LoopbackSegments;

// Work of one call. A frame is finished in any case: at most TransmitFrame::kMaxBuffers descriptors
// and kMaxSuperFrame octets more.
inline constexpr uint32_t kDescriptorsPerDoorbell = 512;
inline constexpr uint32_t kOctetsPerDoorbell = 1024 * 1024;

// A sender that waits for no answers rings for each frame. From this many doorbells in a row on,
// with no frame received in between and no pause longer than kGatherNs, frames are gathered before
// they are fetched: until so many descriptors wait, or for kGatherNs. One batch then costs the
// wire, and whoever is woken behind it, what one frame does. Only for drivers that moderate
// interrupts: they have said that a moment's delay is right.
inline constexpr uint32_t kBurstDoorbells = 8;
inline constexpr uint32_t kGatherDescriptors = 64;
inline constexpr int64_t kGatherNs = 200'000;

// A stream of super-frames, or a burst, that asks for delayed interrupts (IDE) on a throttled
// vector of its own (Interrupts::transmit_vector_throttled): what its driver has not been told of
// is at most so many octets, or a quarter of its ring, or so old. A lone frame is told of at once.
inline constexpr uint32_t kUntoldOctets = 128 * 1024;
inline constexpr uint32_t kUntoldUnits = 1000;  // of DelayedCause::kUnitNs

class TransmitEngine {
 public:
  explicit TransmitEngine(Vnic& vnic);
  ~TransmitEngine();

  void reset();
  // The guest wrote TDT. A tail outside the ring moves nothing until it is a valid one.
  void doorbell(unsigned queue);
  // A register that the engine has decoded or cached from was written.
  void configured();
  // TIDV.FPD: what is delayed interrupts now.
  void flush();
  // The link came up, bus mastering is back, a pause ended.
  void resume();
  // The same from Timer::kDoorbell, as soon as the caller is done: for callers that the card's
  // pipeline called.
  void schedule();
  void timer_expired(Timer timer);
  // A frame came for the guest: what it sends next may be an answer.
  void heard() { burst_ = 0; }
  // TCTL.SWXOFF.
  void send_xoff() { flow_control_.send(true); }

  FlowControl& flow_control() { return flow_control_; }
  void archive(Archive& archive);

 private:
  static constexpr uint32_t kBatch = 64;

  struct Budget {
    int64_t descriptors = kDescriptorsPerDoorbell;
    int64_t octets = kOctetsPerDoorbell;
    bool left() const { return descriptors > 0 && octets > 0; }
  };

  bool may_run() const;
  bool gathers();
  void run();
  bool step(unsigned queue, const TransmitSettings& settings, Budget& budget);
  void send(unsigned queue, const TransmitSettings& settings, Budget& budget);
  void count_sent(const TransmitFrame& frame, const Packet& packet);
  int choose(uint32_t ready);
  void take_turn(unsigned queue);
  void flush_queues();
  void hand_over();
  void loop_back(Packet& packet);
  bool may_stay_untold(unsigned queue) const;
  void tell(uint32_t causes);
  void interrupt(const std::array<uint32_t, i82574::kQueues>& before, uint32_t worked);

  Vnic& vnic_;
  FlowControl flow_control_;
  DelayedCause delayed_;
  std::array<TransmitQueue, i82574::kQueues> queues_;
  // Arbitration: frames that the queue whose turn it is may still send; below zero after a
  // segmentation.
  std::array<int32_t, i82574::kQueues> credits_{};
  uint8_t turn_ = 0;
  bool taking_turns_ = false;  // both queues had something for the frame under way
  bool continued_ = false;     // Timer::kDoorbell is armed
  uint32_t burst_ = 0;         // doorbells in a row, up to kBurstDoorbells
  int64_t doorbell_ns_ = 0;    // the last one
  bool running_ = false;       // a call of ours is on the stack
  // Sent since the last interrupt told of it.
  std::array<uint32_t, i82574::kQueues> untold_octets_{}, untold_descriptors_{};
  TransmitFrame frame_;
  std::array<Packet*, kBatch> batch_;
  uint32_t batched_ = 0;
  std::unique_ptr<LoopbackSegments> loopback_;  // made when first needed
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_TRANSMIT_HH_
