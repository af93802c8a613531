// SPDX-License-Identifier: GPL-2.0-or-later
// /init of the guest image: sets the guest up and serves the host over the second serial port.
// The protocol is in ../README.md. Everything waits in one poll(): no time is slept away.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "guest-images/agent/base64.hh"
#include "guest-images/agent/boot.hh"
#include "guest-images/agent/jobs.hh"
#include "guest-images/agent/serial.hh"

namespace gatehouse::agent {
namespace {

constexpr const char* kPort = "/dev/ttyS1";
constexpr const char* kReady = "READY gatehouse-agent 1";
constexpr const char* kNetwork = "NETWORK";
constexpr const char* kJobFile = "/job";
constexpr const char* kJobId = "job";

std::string take_word(std::string* line) {
  const size_t end = line->find(' ');
  std::string word = line->substr(0, end);
  line->erase(0, end == std::string::npos ? end : end + 1);
  return word;
}

class Agent {
 public:
  Agent(const Settings& settings, pid_t network)
      : settings_(settings), jobs_(serial_), network_(network) {}

  void start() {
    if (settings_.shell) shell_ = start_shell();
    if (!serial_.open(kPort)) {
      // Without a second port there is still the shell; tell it on the console.
      dprintf(2, "agent: %s: %s\n", kPort, strerror(errno));
      return;
    }
    // The empty line ends whatever noise the firmware left on the line.
    serial_.send_line("");
    greet();
    if (access(kJobFile, X_OK) == 0) jobs_.run(kJobId, kJobFile);
  }

  [[noreturn]] void serve(int signals) {
    for (;;) {
      std::vector<pollfd> polled;
      polled.push_back({signals, POLLIN, 0});
      const short direction = serial_.wants_to_write() ? POLLIN | POLLOUT : POLLIN;
      polled.push_back({serial_.fd(), direction, 0});
      if (!serial_.congested()) jobs_.add_poll(&polled);
      if (poll(polled.data(), polled.size(), -1) < 0) continue;
      if (polled[1].revents != 0) serve_serial();
      for (size_t i = 2; i < polled.size(); i++) jobs_.handle_poll(polled[i]);
      if (polled[0].revents != 0) heed(signals);
    }
  }

 private:
  void greet() {
    serial_.send_line(kReady);
    if (network_ < 0) serial_.send_line(kNetwork);
  }

  void serve_serial() {
    serial_.flush();
    serial_.receive();
    std::string line;
    while (serial_.next_line(&line)) obey(line);
  }

  void obey(std::string line) {
    const std::string whole = line.substr(0, 40);
    const std::string verb = take_word(&line);
    if (verb.empty()) return;
    if (verb == "HELLO") return greet();
    if (verb == "POWEROFF") leave(RB_POWER_OFF);
    if (verb == "REBOOT") leave(RB_AUTOBOOT);
    const std::string id = take_word(&line);
    if (verb == "RUN" && !id.empty()) {
      const auto script = base64_decode(line);
      if (!script) return serial_.send_line("ERR " + id + " bad base64");
      return jobs_.run(id, *script);
    }
    if (verb == "KILL" && !id.empty()) {
      const int signal = line.empty() ? SIGTERM : atoi(line.c_str());
      if (!jobs_.kill(id, signal)) serial_.send_line("ERR " + id + " no such job");
      return;
    }
    serial_.send_line("ERR - " + base64_encode(whole));
  }

  [[noreturn]] void leave(int how) {
    serial_.drain();
    sync();
    reboot(how);
    // Only a kernel that cannot reboot comes here; the end of process 1 is a panic, which stops it.
    _exit(1);
  }

  // What busybox' poweroff, halt and reboot send to process 1.
  void heed(int signals) {
    signalfd_siginfo info;
    while (read(signals, &info, sizeof info) > 0) {
      if (info.ssi_signo == SIGUSR2 || info.ssi_signo == SIGUSR1) leave(RB_POWER_OFF);
      if (info.ssi_signo == SIGTERM) leave(RB_AUTOBOOT);
    }
    reap();
  }

  void reap() {
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      std::string id;
      if (jobs_.ended(pid, status, &id) && id == kJobId && settings_.poweroff) leave(RB_POWER_OFF);
      if (pid == shell_) shell_ = start_shell();
      if (pid == network_) {
        network_ = -1;
        serial_.send_line(kNetwork);
      }
    }
  }

  const Settings& settings_;
  Serial serial_;
  Jobs jobs_;
  pid_t shell_ = -1;
  pid_t network_;  // -1: it has done its work
};

}  // namespace
}  // namespace gatehouse::agent

int main() {
  using namespace gatehouse::agent;
  if (getpid() != 1) {
    dprintf(2, "this is the guest's /init\n");
    return 1;
  }
  mount_file_systems();
  sigset_t heeded;
  sigemptyset(&heeded);
  for (int signal : {SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM}) sigaddset(&heeded, signal);
  sigprocmask(SIG_BLOCK, &heeded, nullptr);
  const int signals = signalfd(-1, &heeded, SFD_NONBLOCK | SFD_CLOEXEC);
  const Settings settings = read_settings();
  Agent agent(settings, start_network(settings));
  agent.start();
  agent.serve(signals);
}
