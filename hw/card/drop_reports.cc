// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/drop_reports.hh"

#include <algorithm>

namespace gatehouse::card {

bool DropReports::count(unsigned port, spec::DropReason reason, int64_t now_ns) {
  // A question that the card answered itself ends there as it should: nobody need hear of it.
  if (reason == spec::DropReason::answered) return false;
  Port& entry = ports_[port];
  ++entry.counts[static_cast<unsigned>(reason)];
  entry.any = true;
  if (due_ns_ != std::numeric_limits<int64_t>::max()) return false;
  due_ns_ = std::max(now_ns, last_ns_ + kPeriodNs);
  return true;
}

}  // namespace gatehouse::card
