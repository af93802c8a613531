// SPDX-License-Identifier: GPL-2.0-or-later
// Units' interrupts of which firmware wants no more than one in so many nanoseconds, as EITR has it
// for a NIC's (82574L 10.2.4.3): one that comes sooner after the core's last waits, and takes with
// it what comes meanwhile. Time is given: the virtual clock, in ns.
#ifndef GATEHOUSE_HW_PARTITION_THROTTLE_HH_
#define GATEHOUSE_HW_PARTITION_THROTTLE_HH_

#include <array>
#include <bitset>
#include <cstdint>
#include <limits>

#include "hw/partition/ports.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::partition {

class Throttle {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit Throttle(InterruptPort& interrupts) : interrupts_(interrupts) {}

  // Now, or `apart_ns` after the core's last. core and vector as InterruptPort has them.
  void raise(unsigned core, uint8_t vector, uint32_t apart_ns, int64_t now);
  // When tick() has something to do.
  int64_t next_deadline() const;
  void tick(int64_t now);
  void reset() { cores_ = {}; }
  // Times that can't be are taken for the nearest that can.
  void archive(Archive& archive, int64_t now);

 private:
  struct Core {
    int64_t last = std::numeric_limits<int64_t>::min();
    int64_t due = kNever;  // of what waits
    std::bitset<kLastVector + 1> waiting;
  };

  void raise_waiting(unsigned core, int64_t now);

  InterruptPort& interrupts_;
  std::array<Core, kMaxCores> cores_;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_THROTTLE_HH_
