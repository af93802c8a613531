// SPDX-License-Identifier: GPL-2.0-or-later
// The receive packet buffer: frames that passed the filters and found no descriptors. Bounded by
// octets and by frames, and by what the card lets a vnic keep of its packet buffer.
#ifndef GATEHOUSE_HW_CARD_VNIC_RECEIVE_FIFO_HH_
#define GATEHOUSE_HW_CARD_VNIC_RECEIVE_FIFO_HH_

#include <array>
#include <cstdint>

#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/receive_status.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class ReceiveFifo {
 public:
  static constexpr uint32_t kFrames = 1024;
  // The silicon has PBA.RXA (20 KiB). A guest under emulation is slower to offer descriptors than
  // one under silicon, so bursts of TCP need more: this much at least.
  static constexpr uint32_t kLeastOctets = 256 * 1024;

  explicit ReceiveFifo(CardPort& card) : card_(card) {}
  ~ReceiveFifo() { clear(); }
  ReceiveFifo(const ReceiveFifo&) = delete;
  ReceiveFifo& operator=(const ReceiveFifo&) = delete;

  void set_limit(uint32_t octets) { limit_ = octets < kLeastOctets ? kLeastOctets : octets; }
  bool empty() const { return count_ == 0; }
  uint32_t frames() const { return count_; }
  uint32_t octets() const { return octets_; }
  bool has_room(uint32_t octets) const { return count_ < kFrames && octets_ + octets <= limit_; }
  // More frames than a driver takes in one go, or half full; and down to half of that again. A
  // longer queue, on the wire or here, is the same to the driver and costs the card more here.
  bool crowded() const { return count_ > kFrames / 4 || octets_ > limit_ / 2; }
  bool relaxed() const { return count_ < kFrames / 8 && octets_ < limit_ / 4; }

  // Copies the frame. False: it is full.
  [[nodiscard]] bool push(const ReceiveFrame& frame, bool saved = false);
  // The oldest one; valid until pop(). Not when empty().
  ReceiveFrame front() const;
  void pop();
  void clear();

  // Frames for which the packet buffer has no room when loading are lost, as on a wire.
  void archive(Archive& archive);

 private:
  CardPort& card_;
  std::array<Packet*, kFrames> packets_{};
  uint32_t first_ = 0, count_ = 0;
  uint32_t octets_ = 0;
  uint32_t limit_ = kLeastOctets;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_RECEIVE_FIFO_HH_
