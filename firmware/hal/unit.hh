// SPDX-License-Identifier: GPL-2.0-or-later
// Firmware's side of a unit (redirection table, interrupt steering): set-up, and the ring of
// records and pending bits in private RAM. The protocol is hw/spec/partition.hh's UnitControl.
#ifndef GATEHOUSE_FIRMWARE_HAL_UNIT_HH_
#define GATEHOUSE_FIRMWARE_HAL_UNIT_HH_

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <span>

#include "firmware/hal/view.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::hal {

// Addresses in private RAM are pointers on a core; a test gives its own.
struct UnitSetUp {
  uint64_t control = 0;
  uint64_t armed = 0;  // 0: control's own. Another: whoever sets it up arms, not UnitSignals
  uint64_t ring = 0;
  uint32_t records = 0;
  uint32_t vector = 0;  // 0: none
  uint32_t target = 0;  // core
};

template <class Bus>
void set_up(View<Bus> page, const UnitSetUp& what) {
  page.write(unit::CONTROL, what.control);
  page.write(unit::ARMED, what.armed);
  page.write(unit::RING, what.ring);
  page.write(unit::RING_RECORDS, what.records);
  page.write(unit::VECTOR, what.vector);
  page.write(unit::TARGET, what.target);
}

// Puts in force what is set up, or (false) stops the unit.
template <class Bus>
partition::Result commit(View<Bus> page, bool in_force = true) {
  page.write(unit::COMMIT, in_force ? 1u : 0u);
  return static_cast<partition::Result>(page.read(unit::RESULT));
}

// Pending bits and armed state. One core takes from it.
class UnitSignals {
 public:
  explicit UnitSignals(partition::UnitControl& control) : control_(control) {}

  // The bits since the last call. Nothing pending costs a load; the low half is taken alone where
  // there is nothing else.
  uint64_t take_pending() {
    std::atomic_ref pending(control_.pending);
    const uint64_t there = pending.load(std::memory_order_relaxed);
    if (there == 0) return 0;
    if (there >> 32 != 0) [[unlikely]]
      return pending.exchange(0, std::memory_order_acquire);
    static_assert(std::endian::native == std::endian::little);
    return __atomic_exchange_n(reinterpret_cast<Half*>(&control_.pending), 0, __ATOMIC_ACQUIRE);
  }
  uint32_t overruns() const {
    return std::atomic_ref(control_.overruns).load(std::memory_order_relaxed);
  }

  // From here on the unit interrupts, once. True: nothing had come before, so that a core may halt.
  bool arm() {
    std::atomic_ref(control_.armed).exchange(partition::kArmedAtOnce, std::memory_order_seq_cst);
    return quiet();
  }
  // An interrupt may be on its way all the same.
  void disarm() { std::atomic_ref(control_.armed).store(0, std::memory_order_relaxed); }

 private:
  bool quiet() {
    return std::atomic_ref(control_.pending).load(std::memory_order_seq_cst) == 0 &&
           std::atomic_ref(control_.produced).load(std::memory_order_seq_cst) ==
               std::atomic_ref(control_.consumed).load(std::memory_order_relaxed);
  }
  using Half [[gnu::may_alias]] = uint32_t;
  partition::UnitControl& control_;
};

// The same with a ring of records. records: a power of two.
template <class Record>
class UnitRing : public UnitSignals {
 public:
  UnitRing(partition::UnitControl& control, const Record* ring, uint32_t records)
      : UnitSignals(control), ring_control_(control), ring_(ring), mask_(records - 1) {}

  // Records that have come, oldest first, up to where the ring wraps: after consume() there may be
  // more. They stay valid until consume().
  std::span<const Record> ready() const {
    const uint32_t taken = std::atomic_ref(ring_control_.consumed).load(std::memory_order_relaxed);
    const uint32_t there = std::atomic_ref(ring_control_.produced).load(std::memory_order_acquire);
    const uint32_t first = taken & mask_;
    return {ring_ + first, std::min({there - taken, mask_ + 1, mask_ + 1 - first})};
  }
  void consume(size_t records) {
    std::atomic_ref taken(ring_control_.consumed);
    taken.store(taken.load(std::memory_order_relaxed) + static_cast<uint32_t>(records),
                std::memory_order_release);
  }

 private:
  partition::UnitControl& ring_control_;
  const Record* ring_;
  uint32_t mask_;
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_UNIT_HH_
