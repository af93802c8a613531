// SPDX-License-Identifier: GPL-2.0-or-later
// Cycles and cache misses of this thread, by the processor's own counters where the system gives
// them (perf_event_open), else the time-stamp counter alone.
#ifndef GATEHOUSE_TESTS_BENCH_CORE_STAGE_CLOCK_HH_
#define GATEHOUSE_TESTS_BENCH_CORE_STAGE_CLOCK_HH_

#include <cstdint>
#include <string>

namespace gatehouse {

class StageClock {
 public:
  StageClock();
  ~StageClock();
  StageClock(const StageClock&) = delete;
  StageClock& operator=(const StageClock&) = delete;

  struct Reading {
    uint64_t cycles = 0, misses = 0;
  };
  Reading read() const;
  bool counts_misses() const { return group_ >= 0; }
  // Where the figures come from, and why.
  const std::string& source() const { return source_; }

 private:
  int group_ = -1, misses_ = -1;
  std::string source_;
};

}  // namespace gatehouse

#endif  // GATEHOUSE_TESTS_BENCH_CORE_STAGE_CLOCK_HH_
