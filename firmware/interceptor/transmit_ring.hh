// SPDX-License-Identifier: GPL-2.0-or-later
// One transmit queue between the guest and the NIC.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_TRANSMIT_RING_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_TRANSMIT_RING_HH_

#include <cstdint>

#include "firmware/interceptor/descriptors.hh"
#include "firmware/interceptor/inspection.hh"
#include "firmware/interceptor/ring.hh"

namespace gatehouse::interceptor {

// Invariant: going round from head_ come scanned(), then ready(), then copied_, any of them
// together: mostly the first two, and the last two.
class TransmitRing : public Ring {
 public:
  void use(const RingPlace& place, uint32_t head) {
    Ring::use(place, head);
    silent_ = held_ = large_ = 0;
    context_known_ = false;
  }
  void stop() {
    Ring::stop();
    silent_ = held_ = large_ = 0;
  }

  // The guest's tail, < units, was written, and takes nothing back. Returns the real tail. With an
  // inspector the NIC gets whole frames only, after they have passed.
  [[gnu::always_inline]] uint32_t follow(uint32_t tail, Inspection& inspection, Counts& counts) {
    const uint32_t more = distance(copied_, tail);
    const uint32_t refused = tail >= copied_ ? copy(copied_, more) : copy_round(tail);
    if (refused != 0) [[unlikely]]
      counts.refused_addresses += refused;
    followed(tail, tail < copied_);
    if (inspection.inspector != nullptr) [[unlikely]]
      return inspect(more, inspection, counts);
    return tail;
  }

  // False: the NIC has nothing to finish.
  [[gnu::always_inline]] bool may_complete() const { return head_ != copied_; }
  // After may_complete(): passes on what the NIC has finished. True: the head moved.
  [[gnu::always_inline]] bool complete() {
    const uint32_t from = scanned();
    if (!may_be_done(real(from))) return false;
    const uint32_t before = head_, end = ready();
    if (end > from) [[likely]] {
      scan(from, end);
    } else {
      scan_round(from, end);
    }
    return head_ != before;
  }

  // What the guest gave the last time holds super-frames, or parts of some: nobody waits for an
  // answer to a single frame.
  bool bulk() const { return large_ != 0; }

  // Descriptors that report nothing leave the head behind: the NIC's own tells.
  bool unreported() const { return silent_ != 0 && scanned() == ready(); }
  void set_head(uint32_t head) {
    if (head < place_.units && distance(head) <= distance(ready())) advance(head);
  }

 private:
  // Before it everything has been passed on, or reports nothing.
  uint32_t scanned() const { return silent_ == 0 ? head_ : ahead(head_, silent_); }
  // The real tail.
  uint32_t ready() const { return held_ == 0 ? copied_ : ahead(copied_, place_.units - held_); }
  uint32_t ahead(uint32_t unit, uint32_t units) const {
    unit += units;
    return unit >= place_.units ? unit - place_.units : unit;
  }
  // One that the NIC has and may have finished, up to `end`, which is behind it.
  void scan(uint32_t from, uint32_t end) {
    uint32_t done = 0;
    const uint32_t seen = complete_transmit(guest(from), real(from), end - from, done);
    const uint32_t silent = done != 0 ? seen - done : silent_ + seen;
    if (done != 0) head_ = from + done;
    if (silent != silent_) silent_ = silent;
  }
  uint32_t copy(uint32_t from, uint32_t units) {
    uint64_t all;
    const uint32_t refused = copy_transmit(real(from), guest(from), units, all);
    large_ = static_cast<uint8_t>(all >> kLargeShift) & kLargeBits;
    return refused;
  }
  // Over the ring's end.
  uint32_t copy_round(uint32_t tail);
  void scan_round(uint32_t from, uint32_t end);
  void advance(uint32_t head);
  uint32_t inspect(uint32_t more, Inspection& inspection, Counts& counts);
  bool pass_copy(uint32_t from, uint32_t to, Inspection& inspection, Counts& counts);
  bool make_room(uint32_t end, uint32_t octets, Copies& copies);
  void remove(uint32_t from, uint32_t to);

  // Lengths are in the lowest 16 bits of the second word, whatever the descriptor's type. From 4
  // KiB on they are large.
  static constexpr unsigned kLargeShift = 12, kLargeBits = 0xf;
  static_assert(i82574::desc::DATA_DTALEN.low == 0 && i82574::desc::CONTEXT_PAYLEN.low == 0 &&
                i82574::desc::TX_LENGTH.mask() == 0xffff);
  uint8_t large_ = 0;
  uint32_t silent_ = 0;  // units from head_ to scanned()
  uint32_t held_ = 0;    // units from ready() to copied_: of a frame that is not whole yet
  // The last context descriptor that the NIC has seen.
  bool context_known_ = false;
  Vector context_{};
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_TRANSMIT_RING_HH_
