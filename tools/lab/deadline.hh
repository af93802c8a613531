// SPDX-License-Identifier: GPL-2.0-or-later
// A limit for waiting, on the host's monotonic clock. Limits are generous: they end a scenario that
// hangs, they measure nothing.
#ifndef GATEHOUSE_TOOLS_LAB_DEADLINE_HH_
#define GATEHOUSE_TOOLS_LAB_DEADLINE_HH_

#include <algorithm>
#include <chrono>

namespace gatehouse::lab {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Deadline(std::chrono::milliseconds limit) : end_(Clock::now() + limit) {}
  bool expired() const { return Clock::now() >= end_; }
  // For poll(2); at least 0.
  int remaining_ms() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
  }

 private:
  Clock::time_point end_;
};

inline double seconds_since(Deadline::Clock::time_point start) {
  return std::chrono::duration<double>(Deadline::Clock::now() - start).count();
}

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_DEADLINE_HH_
