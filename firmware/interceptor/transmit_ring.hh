// SPDX-License-Identifier: GPL-2.0-or-later
// One transmit queue between the guest and the NIC.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_TRANSMIT_RING_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_TRANSMIT_RING_HH_

#include <cstdint>

#include "firmware/interceptor/descriptors.hh"
#include "firmware/interceptor/inspection.hh"
#include "firmware/interceptor/ring.hh"

namespace gatehouse::interceptor {

// Invariant: going round from head_ come scanned_, then ready_, then copied_, any of them together.
class TransmitRing : public Ring {
 public:
  void use(const RingPlace& place, uint32_t head) {
    Ring::use(place, head);
    scanned_ = ready_ = head;
    context_known_ = false;
  }
  void stop() {
    Ring::stop();
    scanned_ = ready_ = 0;
  }

  // The guest's tail, < units, was written. Returns the real tail. With an inspector the NIC gets
  // whole frames only, after they have passed.
  [[gnu::always_inline]] uint32_t follow(uint32_t tail, Inspection& inspection, Counts& counts) {
    const uint32_t more = distance(copied_, tail);
    if (distance(copied_) + more >= place_.units) [[unlikely]]
      return take_back(tail);
    const uint32_t refused = tail >= copied_ ? copy(copied_, more) : copy_round(tail);
    if (refused != 0) [[unlikely]]
      counts.refused_addresses += refused;
    counts.transmit_descriptors += more;
    copied_ = tail;
    if (inspection.inspector != nullptr) [[unlikely]]
      return inspect(inspection, counts);
    return ready_ = tail;
  }

  // False: the NIC has nothing to finish.
  [[gnu::always_inline]] bool may_complete() const { return scanned_ != ready_; }
  // After may_complete(): passes on what the NIC has finished. True: the head moved.
  [[gnu::always_inline]] bool complete() {
    if (!may_be_done(real(scanned_))) return false;
    const uint32_t before = head_;
    if (ready_ > scanned_) [[likely]] {
      scan(ready_);
      return head_ != before;
    }
    scan_round();
    return head_ != before;
  }

  // Descriptors that report nothing leave the head behind: the NIC's own tells.
  bool unreported() const { return head_ != ready_ && scanned_ == ready_; }
  void set_head(uint32_t head) {
    if (head < place_.units && distance(head) <= distance(ready_)) advance(head);
  }

 private:
  void scan(uint32_t end) {
    uint32_t done = 0;
    const uint32_t seen = complete_transmit(guest(scanned_), real(scanned_), end - scanned_, done);
    if (done != 0) head_ = scanned_ + done;
    scanned_ += seen;
  }
  uint32_t copy(uint32_t from, uint32_t units) {
    return copy_transmit(real(from), guest(from), units);
  }
  // Over the ring's end.
  uint32_t copy_round(uint32_t tail);
  void scan_round();
  void advance(uint32_t head);
  uint32_t take_back(uint32_t tail);
  uint32_t inspect(Inspection& inspection, Counts& counts);
  void remove(uint32_t from, uint32_t to);

  uint32_t scanned_ = 0;  // what is before has been passed on, or reports nothing
  uint32_t ready_ = 0;    // the real tail
  // The last context descriptor that the NIC has seen.
  bool context_known_ = false;
  Vector context_{};
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_TRANSMIT_RING_HH_
