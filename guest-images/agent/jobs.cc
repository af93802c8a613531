// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/jobs.hh"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "guest-images/agent/base64.hh"

namespace gatehouse::agent {
namespace {

// 2304 bytes make a 3 KiB line: short enough to interleave jobs, long enough to be cheap.
constexpr size_t kChunk = 2304;
constexpr size_t kPipeSize = 64 * 1024;

[[noreturn]] void become_shell(int output, const std::string& script) {
  setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int input = open("/dev/null", O_RDONLY);
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
  _exit(127);
}

}  // namespace

Jobs::Job* Jobs::find_running(const std::string& id) {
  for (Job& job : jobs_) {
    if (job.running && job.id == id) return &job;
  }
  return nullptr;
}

void Jobs::run(const std::string& id, const std::string& script) {
  if (find_running(id) != nullptr) return serial_.send_line("ERR " + id + " id in use");
  if (jobs_.size() >= kMaxJobs) return serial_.send_line("ERR " + id + " too many jobs");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return serial_.send_line("ERR " + id + " " + strerror(errno));
  const pid_t pid = fork();
  if (pid == 0) become_shell(ends[1], script);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return serial_.send_line("ERR " + id + " " + strerror(errno));
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  jobs_.push_back({id, pid, ends[0], true});
  serial_.send_line("BEGIN " + id + " " + std::to_string(pid));
}

bool Jobs::kill(const std::string& id, int signal) {
  const Job* job = find_running(id);
  if (job == nullptr) return false;
  // The job's shell leads a process group of its own number, but only once it has come to setsid().
  return ::kill(-job->pid, signal) == 0 || ::kill(job->pid, signal) == 0;
}

void Jobs::add_poll(std::vector<pollfd>* polled) const {
  for (const Job& job : jobs_) polled->push_back({job.output, POLLIN, 0});
}

void Jobs::handle_poll(const pollfd& polled) {
  if (polled.revents == 0) return;
  const auto job =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.output == polled.fd; });
  if (job == jobs_.end() || forward(*job)) return;
  close(job->output);
  job->output = -1;
  if (!job->running) jobs_.erase(job);
}

bool Jobs::forward(const Job& job) {
  char chunk[kChunk];
  const ssize_t got = read(job.output, chunk, sizeof chunk);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  if (job.running) {
    serial_.send_line("OUT " + job.id + " " +
                      base64_encode(std::string_view(chunk, static_cast<size_t>(got))));
  }
  return true;
}

bool Jobs::ended(pid_t pid, int status, std::string* id) {
  const auto job = std::find_if(jobs_.begin(), jobs_.end(),
                                [&](const Job& j) { return j.running && j.pid == pid; });
  if (job == jobs_.end()) return false;
  bool open = job->output >= 0;
  // What a pipe can hold is what the job left; a child it left running may write for ever.
  for (size_t left = kPipeSize / kChunk + 1; open && left > 0; left--) {
    pollfd ready{job->output, POLLIN, 0};
    if (poll(&ready, 1, 0) <= 0) break;
    open = forward(*job);
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  serial_.send_line("END " + job->id + " " + std::to_string(code));
  *id = job->id;
  job->running = false;
  if (!open) {
    if (job->output >= 0) close(job->output);
    jobs_.erase(job);
  }
  return true;
}

}  // namespace gatehouse::agent
