// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/apart.hh"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

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
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    signal(SIGINT, SIG_IGN);  // a terminal sends it to both; whoever waits decides
    setenv("GATEHOUSE_RUN", directory.path().c_str(), 1);
    const int status = work();
    std::fflush(nullptr);
    _exit(status);
  }
  if (pid < 0) throw Failure(std::string("fork: ") + strerror(errno));
  int status = 0, stopped_by = 0;
  while (waitpid(pid, &status, WNOHANG) != pid) {
    const int signal = sigwaitinfo(&waited, nullptr);
    if (signal <= 0 || signal == SIGCHLD) continue;
    stopped_by = signal;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    break;
  }
  remove_namespaces_of(pid);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (stopped_by != 0) return 128 + stopped_by;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gatehouse::lab
