// SPDX-License-Identifier: GPL-2.0-or-later
// What a receive and a transmit ring have in common. The guest's ring and the real one have the
// same length and use the same positions: a head or a tail means the same in both, so that a
// running ring is taken over, and given back, where it stands. Invariant: going round from head_,
// what the guest has given (up to copied_) comes before anything else.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_RING_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_RING_HH_

#include <cstdint>

#include "hw/spec/i82574_descriptors.hh"

namespace gatehouse::interceptor {

// Where the rings lie; positions are in units of kRingUnit.
struct RingPlace {
  uint8_t* guest = nullptr;
  uint8_t* real = nullptr;
  uint8_t* given = nullptr;  // receive: what the NIC was given, out of its reach
  uint32_t units = 0;
};

class Ring {
 public:
  void set_queue(unsigned queue) { queue_ = queue; }
  bool active() const { return place_.units != 0; }
  uint32_t units() const { return place_.units; }
  // As the guest sees it: behind the last descriptor that is its own again.
  uint32_t head() const { return head_; }
  // Units that the guest has given so far, in all.
  uint64_t given() const { return before_ + copied_; }
  // Whether the guest's tail, < units, takes back what it has given. The NIC may be beyond it by
  // now: then it goes round, over what is there from the last time, unless the ring begins anew.
  bool takes_back(uint32_t tail) const {
    return distance(copied_) + distance(copied_, tail) >= place_.units;
  }

 protected:
  // Nothing is passed on from here on.
  void stop() {
    before_ += copied_;
    place_ = {}, head_ = copied_ = 0;
  }
  // The NIC owns nothing yet. head < units.
  void use(const RingPlace& place, uint32_t head) {
    before_ += copied_ - uint64_t{head};
    place_ = place;
    head_ = copied_ = head;
  }
  // The guest's tail has been followed up to here; `round`: over the ring's end.
  void followed(uint32_t tail, bool round) {
    if (round) [[unlikely]]
      before_ += place_.units;
    copied_ = tail;
  }
  uint8_t* guest(uint32_t unit) const { return place_.guest + unit * i82574::kRingUnit; }
  uint8_t* real(uint32_t unit) const { return place_.real + unit * i82574::kRingUnit; }
  uint8_t* given(uint32_t unit) const { return place_.given + unit * i82574::kRingUnit; }
  uint32_t behind(uint32_t unit) const { return unit + 1 == place_.units ? 0 : unit + 1; }
  // Units from the head to `unit`.
  uint32_t distance(uint32_t unit) const { return distance(head_, unit); }
  // Units from `from` to `to`.
  uint32_t distance(uint32_t from, uint32_t to) const {
    const uint32_t units = to - from;
    return static_cast<int32_t>(units) < 0 ? units + place_.units : units;
  }
  // The sum of run(from, units) for each piece of [from, to) that does not wrap.
  template <class Run>
  uint32_t pieces(uint32_t from, uint32_t to, Run run) const {
    if (to >= from) [[likely]]
      return run(from, to - from);
    const uint32_t first = run(from, place_.units - from);
    return first + (to == 0 ? 0 : run(0, to));
  }

  RingPlace place_;
  unsigned queue_ = 0;
  uint32_t head_ = 0;
  uint32_t copied_ = 0;  // the guest's tail as far as it has been followed
  uint64_t before_ = 0;  // given() less copied_: nothing is counted for each descriptor
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_RING_HH_
