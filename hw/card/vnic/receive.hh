// SPDX-License-Identifier: GPL-2.0-or-later
// The receive engine: filters, checks, FIFO, both rings, and when to interrupt (data sheet 7.1).
// Works in batches: one interrupt cause and one write-back for the frames of a call.
#ifndef GATEHOUSE_HW_CARD_VNIC_RECEIVE_HH_
#define GATEHOUSE_HW_CARD_VNIC_RECEIVE_HH_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "hw/card/vnic/delayed_cause.hh"
#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/receive_fifo.hh"
#include "hw/card/vnic/receive_ring.hh"
#include "hw/card/vnic/receive_settings.hh"
#include "hw/card/vnic/receive_status.hh"
#include "hw/card/vnic/rss.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class Vnic;

class ReceiveEngine {
 public:
  explicit ReceiveEngine(Vnic& vnic);

  void reset();
  // The guest wrote RDT.
  void doorbell(unsigned queue);
  // A register that the engine has decoded or cached from was written.
  void configured();
  // RDTR.FPD: what is delayed interrupts now.
  void flush();
  // The link came up, bus mastering is back.
  void resume();
  void timer_expired(Timer timer);

  // Deals with all of them: delivered, kept in the FIFO, or dropped and counted.
  size_t receive(std::span<const Delivery> frames);
  // The same for what the function transmits to itself (RCTL.LBM, PHY loopback); then nothing else
  // comes in.
  size_t receive_looped(std::span<const Delivery> frames);
  // A frame would not be dropped for want of room.
  bool can_receive() const;
  // The FIFO fills because the driver is slow: whoever can, sends later.
  bool crowded() const;

  uint32_t fifo_frames() const { return fifo_.frames(); }
  void archive(Archive& archive);

 private:
  // What a batch leads to.
  struct Batch {
    ReceiveSettings settings;
    uint32_t delayed_causes = 0;  // subject to RDTR, RADV
    uint32_t immediate_causes = 0;
    bool ack = false;
    std::array<uint32_t, i82574::kQueues> available{};  // descriptors before
  };
  enum class Fate : uint8_t { kStored, kNoDescriptors };

  // So many waiting frames are a backlog.
  static constexpr uint32_t kBacklog = 64;
  // How long a backlog waits at most for a quarter of the ring's buffers.
  static constexpr int64_t kGatherNs = 500'000;

  bool enabled() const;
  Batch begin_batch();
  void end_batch(Batch& batch);
  size_t receive_batch(std::span<const Delivery> frames);
  void receive_one(Batch& batch, const Delivery& delivery);
  std::span<const uint8_t> assemble(const OutFrame& frame);
  bool passes(const ReceiveSettings& settings, std::span<const uint8_t> frame, bool& inexact);
  Fate deliver(Batch& batch, const ReceiveFrame& frame);
  bool keep(Batch& batch, const ReceiveFrame& frame);
  ReceiveImage make_image(const ReceiveSettings& settings, const ReceiveFrame& frame,
                          const ReceiveStatus& status);
  void refill_at(int64_t due_ns);
  void cancel_refill();
  void drain();
  void drain(Batch& batch);
  void interrupt(const Batch& batch);
  void drop(spec::DropReason reason);

  // Longest frame with FCS, and some room.
  static constexpr uint32_t kScratchOctets = kLongestJumbo + 64;

  Vnic& vnic_;
  ReceiveFifo fifo_;
  std::array<ReceiveRing, i82574::kQueues> rings_;
  DelayedCause delayed_;
  Toeplitz toeplitz_;
  bool refill_ = false;    // Timer::kRefill is armed,
  int64_t refill_ns_ = 0;  // for then
  bool key_stale_ = true;
  bool told_ready_ = false;                            // the card knows that there is room
  std::array<uint8_t, kScratchOctets> frame_scratch_;  // a frame that came in pieces or short
  std::array<uint8_t, kScratchOctets> image_scratch_;  // without its tag, or with its FCS
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_RECEIVE_HH_
