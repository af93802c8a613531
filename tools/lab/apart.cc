// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/apart.hh"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <set>
#include <vector>

#include "tools/lab/deadline.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::lab {
namespace {

// Those of Netns: gh-NAME-PROCESS-SERIAL.
void remove_namespaces_of(pid_t process) {
  const std::string part = "-" + std::to_string(process) + "-";
  std::error_code ignored;
  for (const auto& one : std::filesystem::directory_iterator("/run/netns", ignored)) {
    const std::string name = one.path().filename().string();
    const size_t at = name.rfind('-');
    if (!name.starts_with("gh-") || at == std::string::npos || at + 1 < part.size()) continue;
    if (name.substr(at + 1 - part.size(), part.size()) == part)
      run_command({"ip", "netns", "del", name});
  }
}

std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& one : std::filesystem::directory_iterator("/proc", ignored)) {
    const pid_t pid = std::atoi(one.path().filename().c_str());
    if (pid <= 0) continue;
    // proc(5): the name, in parentheses, may have any character.
    const std::string stat = read_file((one.path() / "stat").string());
    const size_t name_end = stat.rfind(')');
    int parent = 0;
    if (name_end != std::string::npos &&
        std::sscanf(stat.c_str() + name_end, ") %*c %d", &parent) == 1 && parent == getpid())
      found.push_back(pid);
  }
  return found;
}

// The children of whoever ends become this process's (PR_SET_CHILD_SUBREAPER), to the last of them.
void end_children() {
  constexpr int kPauseMs = 5;
  const Deadline deadline(std::chrono::seconds(10));  // the kernel may hold one that was killed
  for (;;) {
    pid_t ended = 0;
    while ((ended = waitpid(-1, nullptr, WNOHANG)) > 0) continue;
    if (ended < 0 || deadline.expired()) return;  // ECHILD: there are none
    for (const pid_t child : children()) kill(child, SIGKILL);
    poll(nullptr, 0, kPauseMs);
  }
}

// In the process of its own.
[[noreturn]] void become(const WorkDir& directory, const std::function<int()>& work) {
  signal(SIGINT, SIG_IGN);  // a terminal sends it to both; whoever waits decides
  setenv("GATEHOUSE_RUN", directory.path().c_str(), 1);
  int status = 1;
  try {
    status = work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gatehouse: %s\n", error.what());
  }
  std::fflush(nullptr);
  _exit(status);
}

}  // namespace

void remove_namespaces_of_the_dead() {
  std::error_code ignored;
  std::set<pid_t> dead;
  for (const auto& one : std::filesystem::directory_iterator("/run/netns", ignored)) {
    const std::string name = one.path().filename().string();
    const size_t serial = name.rfind('-'), process = name.rfind('-', serial - 1);
    if (!name.starts_with("gh-") || serial == std::string::npos || process == std::string::npos)
      continue;
    const pid_t pid = std::atoi(name.c_str() + process + 1);
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) dead.insert(pid);
  }
  for (const pid_t pid : dead) remove_namespaces_of(pid);
}

int run_apart(const WorkDir& directory, const std::function<int()>& work) {
  sigset_t waited, before;
  sigemptyset(&waited);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&waited, signal);
  sigprocmask(SIG_BLOCK, &waited, &before);
  const pid_t parent = getpid();
  int reaper_before = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &reaper_before);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    become(directory, work);
  }
  if (pid < 0) {
    const std::string why = strerror(errno);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    throw Failure("fork: " + why);
  }
  int status = 0, stopped_by = 0;
  while (waitpid(pid, &status, WNOHANG) != pid) {
    const int signal = sigwaitinfo(&waited, nullptr);
    if (signal <= 0 || signal == SIGCHLD) continue;
    stopped_by = signal;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    break;
  }
  end_children();
  prctl(PR_SET_CHILD_SUBREAPER, reaper_before);
  remove_namespaces_of(pid);
  remove_namespaces_of_the_dead();
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (stopped_by != 0) return 128 + stopped_by;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gatehouse::lab
