// SPDX-License-Identifier: GPL-2.0-or-later
// How a core waits for work. A halted core costs nothing but wakes slowly (tens of microseconds of
// the host); one that polls answers at once but takes a host's CPU. So: poll for some rounds, then
// arm the sources and halt. How many rounds follows from the last halts: more when polling would
// have met what ended them, fewer when it would have been in vain.
//
//   for (;;) { if (work()) poller.worked(); else poller.idle(ring, signals); }
//
// A source has `bool arm()` (true: nothing has come, and what comes from now on interrupts) and
// `void disarm()`. A Cpu has ticks(), relax(), interrupts_off(), interrupts_on() and halt(), which
// lets interrupts in and halts in one step. Interrupts are on between calls.
#ifndef GATEHOUSE_FIRMWARE_HAL_POLLER_HH_
#define GATEHOUSE_FIRMWARE_HAL_POLLER_HH_

#include <algorithm>
#include <cstdint>

namespace gatehouse::hal {

template <class Cpu>
class Poller {
 public:
  // Rounds of polling before a halt. most 0: always halts.
  constexpr explicit Poller(uint32_t most, Cpu cpu = {})
      : cpu_(cpu), most_(most), rounds_(most == 0 ? 0 : 1) {}

  void worked() { round_ = 0; }

  template <class... Sources>
  void idle(Sources&... sources) {
    if (round_ < rounds_) {
      if (round_++ == 0) polling_since_ = cpu_.ticks();
      cpu_.relax();
      return;
    }
    const uint64_t from = most_ == 0 ? 0 : cpu_.ticks();
    cpu_.interrupts_off();
    const bool quiet = (sources.arm() && ...);
    if (quiet) {
      cpu_.halt();
    } else {
      cpu_.interrupts_on();
    }
    (sources.disarm(), ...);
    if (most_ != 0 && quiet) learn(from - polling_since_, cpu_.ticks() - from);
    round_ = 0;
  }

  uint32_t rounds() const { return rounds_; }

 private:
  // polled: ticks that `rounds_` rounds took; halted: ticks until work came.
  void learn(uint64_t polled, uint64_t halted) {
    const bool worthwhile = halted * rounds_ <= polled * most_;
    rounds_ = worthwhile ? std::min(rounds_ * 2, most_) : std::max(rounds_ / 2, 1u);
  }

  Cpu cpu_;
  uint32_t most_;
  uint32_t rounds_;
  uint32_t round_ = 0;
  uint64_t polling_since_ = 0;
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_POLLER_HH_
