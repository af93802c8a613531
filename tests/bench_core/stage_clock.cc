// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench_core/stage_clock.hh"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cerrno>
#include <cstring>

namespace gatehouse {
namespace {

int open_event(uint64_t config, int group) {
  perf_event_attr about{};
  about.type = PERF_TYPE_HARDWARE;
  about.size = sizeof about;
  about.config = config;
  about.exclude_kernel = about.exclude_hv = 1;
  about.read_format = PERF_FORMAT_GROUP;
  return static_cast<int>(syscall(SYS_perf_event_open, &about, 0, -1, group, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

StageClock::StageClock() {
  group_ = open_event(PERF_COUNT_HW_CPU_CYCLES, -1);
  if (group_ >= 0) {
    misses_ = open_event(PERF_COUNT_HW_CACHE_MISSES, group_);
    if (misses_ >= 0) {
      source_ = "perf events: user-mode cycles and last-level cache misses";
      return;
    }
  }
  source_ = std::string("rdtsc, no cache misses: this machine has no perf events (") +
            strerror(errno) +
            (errno == EACCES || errno == EPERM ? "; as root: sysctl kernel.perf_event_paranoid=2)"
                                               : "; a virtual machine may hide them)");
  if (group_ >= 0) close(group_);
  group_ = -1;
}

StageClock::~StageClock() {
  if (misses_ >= 0) close(misses_);
  if (group_ >= 0) close(group_);
}

StageClock::Reading StageClock::read() const {
  if (group_ < 0) return {__rdtsc(), 0};
  uint64_t values[3] = {};
  static_cast<void>(::read(group_, values, sizeof values) == sizeof values);
  return {values[1], values[2]};
}

}  // namespace gatehouse
