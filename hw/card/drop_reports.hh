// SPDX-License-Identifier: GPL-2.0-or-later
// Drops told to the outside at a bounded rate: a guest can make millions of them a second.
#ifndef GATEHOUSE_HW_CARD_DROP_REPORTS_HH_
#define GATEHOUSE_HW_CARD_DROP_REPORTS_HH_

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "hw/spec/drop_reasons.hh"

namespace gatehouse::card {

// At most one report a second for each port and reason. Ports are numbered 0 .. ports-1 by the
// owner.
class DropReports {
 public:
  static constexpr int64_t kPeriodNs = 1'000'000'000;

  explicit DropReports(unsigned ports) : ports_(ports) {}

  // True when next_ns() may have changed.
  bool count(unsigned port, spec::DropReason reason, int64_t now_ns);
  int64_t next_ns() const { return due_ns_; }
  // Calls report(port, reason, count) for what gathered, when it is time.
  template <class Report>
  void run(int64_t now_ns, Report&& report) {
    if (now_ns < due_ns_) return;
    due_ns_ = std::numeric_limits<int64_t>::max();
    last_ns_ = now_ns;
    for (unsigned port = 0; port < ports_.size(); ++port) {
      if (!ports_[port].any) continue;
      ports_[port].any = false;
      for (unsigned reason = 0; reason < kReasons; ++reason) {
        const uint64_t count = ports_[port].counts[reason];
        ports_[port].counts[reason] = 0;
        if (count) report(port, static_cast<spec::DropReason>(reason), count);
      }
    }
  }
  // The port is gone, or has a new owner.
  void forget(unsigned port) { ports_[port] = {}; }
  // The clock jumped (state was loaded): nothing gathered is due any more.
  void restart() {
    due_ns_ = std::numeric_limits<int64_t>::max();
    last_ns_ = std::numeric_limits<int64_t>::min() / 2;
    for (Port& port : ports_) port = {};
  }

 private:
  static constexpr unsigned kReasons = static_cast<unsigned>(spec::DropReason::kCount);
  struct Port {
    std::array<uint64_t, kReasons> counts{};
    bool any = false;
  };
  std::vector<Port> ports_;
  int64_t due_ns_ = std::numeric_limits<int64_t>::max();
  int64_t last_ns_ = std::numeric_limits<int64_t>::min() / 2;
};

}  // namespace gatehouse::card

#endif  // GATEHOUSE_HW_CARD_DROP_REPORTS_HH_
