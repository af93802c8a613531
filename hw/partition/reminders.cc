// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/reminders.hh"

#include <algorithm>
#include <cassert>

#include "hw/partition/unit.hh"

namespace gatehouse::partition {

Reminders::Row* Reminders::find(const UnitBlock* unit) {
  const auto row =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.unit == unit; });
  return row == rows_.end() ? nullptr : &*row;
}

void Reminders::set(UnitBlock& unit, int64_t due, bool anew) {
  Row* row = find(&unit);
  if (row == nullptr) row = find(nullptr);
  assert(row != nullptr);
  *row = {&unit, anew ? due : std::min(due, row->due)};
}

void Reminders::forget(UnitBlock& unit) {
  if (Row* row = find(&unit)) *row = {};
}

int64_t Reminders::next_deadline() const {
  int64_t next = kNever;
  for (const Row& row : rows_) next = std::min(next, row.due);
  return next;
}

void Reminders::tick(int64_t now) {
  for (Row& row : rows_) {
    if (row.due > now) continue;
    UnitBlock* unit = row.unit;
    row = {};
    unit->look_again();
  }
}

}  // namespace gatehouse::partition
