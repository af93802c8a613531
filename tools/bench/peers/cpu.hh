// SPDX-License-Identifier: GPL-2.0-or-later
// Processor time of threads, so that a machine with other work to do measures the same.
#ifndef GATEHOUSE_TOOLS_BENCH_PEERS_CPU_HH_
#define GATEHOUSE_TOOLS_BENCH_PEERS_CPU_HH_

#include <sys/types.h>

#include <string>

namespace gatehouse::bench {

// The core that benches run on: the last of those that this process may use.
unsigned bench_core();
// Another one of them; the same where there is none.
unsigned core_beside(unsigned core);
void pin_to(unsigned core);

struct CpuTime {
  double running = 0;  // seconds on a core
  double waiting = 0;  // seconds in which it could have run, and another one did
};
// Of the threads of `process` in whose names that stands; throws lab::Failure when there is none.
CpuTime thread_time(pid_t process, const std::string& name);
// Of the kernel's own thread for work that interrupts left on this core; zero where it has none.
CpuTime softirq_time(unsigned core);

// Throws lab::Failure when there is no such program: "PROGRAM is not installed; FIX".
void require_program(const std::string& program, const std::string& fix);

// Packages that the bench asks for, as ./gatehouse installs them.
inline constexpr const char* kPackagesFix =
    "./gatehouse bench core installs it from tools/setup/packages-bench.txt";

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_PEERS_CPU_HH_
