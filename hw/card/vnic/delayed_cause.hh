// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupt causes that wait for a delay timer and an absolute timer: RDTR and RADV, TIDV and TADV
// (data sheet 7.4, 10.2.5, 10.2.6). Invariant: while causes wait, the delay timer is armed, at the
// latest for when they are due. It is not armed anew for each frame, as that costs the host more
// than an expiry that comes too early and arms it again.
#ifndef GATEHOUSE_HW_CARD_VNIC_DELAYED_CAUSE_HH_
#define GATEHOUSE_HW_CARD_VNIC_DELAYED_CAUSE_HH_

#include <cstdint>

#include "hw/card/vnic/ports.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class DelayedCause {
 public:
  // Register units of all four timers.
  static constexpr int64_t kUnitNs = 1024;

  DelayedCause(ClockPort& clock, Timer delay, Timer absolute)
      : clock_(clock), delay_(delay), absolute_(absolute) {}

  // Starts the delay timer anew; the absolute timer only if nothing waited. `delay` != 0;
  // `absolute` 0: none.
  void add(uint32_t causes, uint32_t delay, uint32_t absolute);
  // Ends the wait: what waited, for the caller to raise. 0: nothing.
  uint32_t take();
  // The same when a timer of ours expired. 0: it is not time yet.
  uint32_t expired(Timer timer);
  void reset() { take(); }
  // Loading arms the timers again. Causes beyond `allowed` are refused.
  void archive(Archive& archive, uint32_t allowed);

 private:
  void arm();

  ClockPort& clock_;
  Timer delay_, absolute_;
  uint32_t causes_ = 0;
  bool absolute_runs_ = false;
  int64_t delay_deadline_ns_ = 0, absolute_deadline_ns_ = 0;
  int64_t armed_for_ns_ = 0;  // the delay timer, while causes wait
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_DELAYED_CAUSE_HH_
