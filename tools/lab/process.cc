// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/process.hh"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/lab/deadline.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::lab {
namespace {

constexpr int kExecFailed = 127;
constexpr auto kGrace = std::chrono::seconds(5);

std::vector<char*> argv_of(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  return argv;
}

// Runs in the child only. `output` < 0 keeps the caller's terminal.
[[noreturn]] void become(const std::vector<char*>& argv, int output, pid_t parent,
                         const std::vector<int>& inherited = {}) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kExecFailed);
  for (const int fd : inherited) fcntl(fd, F_SETFD, 0);
  if (output >= 0) {
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setpgid(0, 0);
    signal(SIGINT, SIG_DFL);  // run_apart()'s work ignores it
  }
  execvp(argv[0], argv.data());
  dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
  _exit(kExecFailed);
}

int exit_status_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

std::string tail(const std::string& text, size_t octets) {
  return text.size() <= octets ? text : "..." + text.substr(text.size() - octets);
}

}  // namespace

Process::Process(std::vector<std::string> command, std::string log_path, bool terminal,
                 const std::vector<int>& inherited)
    : log_path_(terminal ? "" : std::move(log_path)) {
  int output = -1;
  if (!terminal) {
    output = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (output < 0) throw Failure("cannot write " + log_path_ + ": " + strerror(errno));
  }
  const std::vector<char*> argv = argv_of(command);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(argv, output, parent, inherited);
  if (output >= 0) close(output);
  if (pid_ < 0) throw Failure("cannot start " + command[0] + ": " + strerror(errno));
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
}

Process::~Process() {
  terminate();
  if (pidfd_ >= 0) close(pidfd_);
}

bool Process::running() { return wait(std::chrono::milliseconds(0)) < 0; }

double Process::cpu_seconds() const {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0)
    throw Failure("process " + std::to_string(pid_) + " runs no more" + last_words());
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

int Process::wait(std::chrono::milliseconds limit) {
  if (status_ >= 0) return status_;
  const Deadline deadline(limit);
  do {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) return status_ = exit_status_of(status);
    pollfd ended{pidfd_, POLLIN, 0};
    poll(&ended, pidfd_ >= 0 ? 1 : 0, pidfd_ >= 0 ? deadline.remaining_ms() : 10);
  } while (!deadline.expired());
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) return status_ = exit_status_of(status);
  return -1;
}

void Process::terminate() {
  if (pid_ < 0 || status_ >= 0) return;
  kill(pid_, SIGTERM);
  if (wait(kGrace) >= 0) return;
  kill(pid_, SIGKILL);
  wait(kGrace);
}

std::string Process::log() const { return read_file(log_path_); }

std::string Process::last_words() const {
  const std::string text = log_path_.empty() ? "" : tail(log(), 2000);
  return text.empty() ? "" : "; its log ends with:\n" + text;
}

void Process::require_running(const std::string& what) {
  if (running()) return;
  throw Failure(what + " ended with status " + std::to_string(status_) + last_words());
}

CommandResult run_command(const std::vector<std::string>& command,
                          std::chrono::milliseconds limit) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Failure(std::string("pipe: ") + strerror(errno));
  const std::vector<char*> argv = argv_of(command);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(argv, ends[1], parent);
  close(ends[1]);
  CommandResult result;
  const Deadline deadline(limit);
  bool open_end = pid > 0;
  while (open_end && !deadline.expired()) {
    pollfd ready{ends[0], POLLIN, 0};
    if (poll(&ready, 1, deadline.remaining_ms()) <= 0) continue;
    char chunk[65536];
    const ssize_t got = read(ends[0], chunk, sizeof chunk);
    if (got > 0) result.output.append(chunk, static_cast<size_t>(got));
    if (got == 0) open_end = false;
  }
  close(ends[0]);
  if (open_end) kill(-pid, SIGKILL);
  int status = 0;
  if (pid > 0 && waitpid(pid, &status, 0) == pid && !open_end) {
    result.exit_status = exit_status_of(status);
  }
  return result;
}

std::string check_command(const std::vector<std::string>& command,
                          std::chrono::milliseconds limit) {
  CommandResult result = run_command(command, limit);
  if (result.exit_status != 0) {
    throw Failure("'" + joined(command) + "' ended with status " +
                  std::to_string(result.exit_status) + ": " + tail(result.output, 2000));
  }
  return std::move(result.output);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file) throw Failure("cannot write " + path + ": " + strerror(errno));
}

WorkDir::WorkDir(const std::string& name) {
  const char* root = getenv("GATEHOUSE_RUN");
  std::filesystem::path base = root ? root : "/tmp";
  // Short on purpose: a Unix socket's path has at most 107 octets.
  std::string pattern = (base / ("gh-" + name + "-XXXXXX")).string();
  std::filesystem::create_directories(base);
  if (!mkdtemp(pattern.data())) throw Failure("cannot make " + pattern + ": " + strerror(errno));
  path_ = pattern;
}

WorkDir::~WorkDir() {
  std::error_code ignored;
  if (!keep_) std::filesystem::remove_all(path_, ignored);
}

std::string WorkDir::path(const std::string& leaf) const {
  return leaf.empty() ? path_ : path_ + "/" + leaf;
}

}  // namespace gatehouse::lab
