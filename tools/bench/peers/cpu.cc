// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/peers/cpu.hh"

#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <vector>

#include "tools/lab/failure.hh"
#include "tools/lab/process.hh"

namespace gatehouse::bench {
namespace {

namespace fs = std::filesystem;

// proc(5): nanoseconds on a core, nanoseconds in a run queue, slices.
CpuTime read_schedstat(const std::string& path) {
  std::istringstream text(lab::read_file(path));
  CpuTime time;
  if (!(text >> time.running >> time.waiting))
    throw lab::Failure(path + " has no figures: the kernel needs CONFIG_SCHED_INFO");
  return {time.running / 1e9, time.waiting / 1e9};
}

bool name_has(const fs::path& task, const std::string& part) {
  return lab::read_file((task / "comm").string()).find(part) != std::string::npos;
}

std::vector<unsigned> allowed_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<unsigned> cores;
  for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  }
  return cores;
}

}  // namespace

unsigned bench_core() {
  const std::vector<unsigned> allowed = allowed_cores();
  return allowed.empty() ? 0 : allowed.back();
}

unsigned core_beside(unsigned core) {
  for (const unsigned other : allowed_cores()) {
    if (other != core) return other;
  }
  return core;
}

void pin_to(unsigned core) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  sched_setaffinity(0, sizeof one, &one);
}

CpuTime thread_time(pid_t process, const std::string& name) {
  CpuTime sum;
  bool found = false;
  std::error_code ignored;
  for (const auto& task :
       fs::directory_iterator("/proc/" + std::to_string(process) + "/task", ignored)) {
    if (!name_has(task.path(), name)) continue;
    const CpuTime one = read_schedstat((task.path() / "schedstat").string());
    sum.running += one.running;
    sum.waiting += one.waiting;
    found = true;
  }
  if (!found) throw lab::Failure("process " + std::to_string(process) + " has no thread " + name);
  return sum;
}

CpuTime softirq_time(unsigned core) {
  static const std::string name = "ksoftirqd/" + std::to_string(core) + "\n";
  static const std::string path = [] {
    std::error_code ignored;
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
      const std::string number = process.path().filename().string();
      if (number.find_first_not_of("0123456789") != std::string::npos) continue;
      if (lab::read_file((process.path() / "comm").string()) == name)
        return (process.path() / "schedstat").string();
    }
    return std::string();
  }();
  return path.empty() ? CpuTime{} : read_schedstat(path);
}

void require_program(const std::string& program, const std::string& fix) {
  if (lab::run_command({"sh", "-c", "command -v " + program}).exit_status != 0)
    throw lab::Failure(program + " is not installed; " + fix);
}

}  // namespace gatehouse::bench
