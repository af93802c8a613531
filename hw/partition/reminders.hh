// SPDX-License-Identifier: GPL-2.0-or-later
// Units that want to look again at what could wait (UnitControl::patient), and when. Time is given:
// the virtual clock, in ns. Not saved: a unit that is loaded asks anew.
#ifndef GATEHOUSE_HW_PARTITION_REMINDERS_HH_
#define GATEHOUSE_HW_PARTITION_REMINDERS_HH_

#include <array>
#include <cstdint>
#include <limits>

#include "hw/spec/partition.hh"

namespace gatehouse::partition {

class UnitBlock;

class Reminders {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // Or when it is due already, if that is sooner; `anew`: that is void. At most kMaxUnits units.
  void set(UnitBlock& unit, int64_t due, bool anew);
  void forget(UnitBlock& unit);
  void reset() { rows_ = {}; }
  // When tick() has something to do.
  int64_t next_deadline() const;
  // Calls look_again() of those whose time has come, which may ask anew.
  void tick(int64_t now);

 private:
  struct Row {
    UnitBlock* unit = nullptr;  // null: free
    int64_t due = kNever;
  };
  Row* find(const UnitBlock* unit);

  std::array<Row, kMaxUnits> rows_;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_REMINDERS_HH_
