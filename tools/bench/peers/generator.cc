// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/peers/generator.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "tools/bench/peers/cpu.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/process.hh"

namespace gatehouse::bench {
namespace {

constexpr unsigned kBurst = 64;
constexpr unsigned kNoBuffers = 1000;  // answers of ENOBUFS in a row until it gives up
constexpr double kThrough = 0.99;

struct Report {
  Sending sending;
  char why[200] = "";
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Sender {
 public:
  Sender(const std::string& netns, const std::string& interface, const Traffic& traffic)
      : traffic_(traffic) {
    const int space = open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, CLONE_NEWNET) != 0) throw lab::Failure("setns: " + reason());
    socket_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_ALL);
    to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    const int on = 1;
    if (socket_ < 0 || setsockopt(socket_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0 ||
        bind(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw lab::Failure("packet socket: " + reason());
    for (unsigned i = 0; i < kBurst; ++i) {
      messages_[i].msg_hdr.msg_iov = &pieces_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  unsigned burst() {
    for (iovec& piece : pieces_) {
      const std::span<const uint8_t> frame = traffic_.frame(next_);
      next_ = next_ + 1 == traffic_.count() ? 0 : next_ + 1;
      piece = {const_cast<uint8_t*>(frame.data()), frame.size()};
    }
    const int sent = sendmmsg(socket_, messages_.data(), kBurst, 0);
    if (sent > 0) return busy_ = 0, static_cast<unsigned>(sent);
    if (errno == ENOBUFS && ++busy_ < kNoBuffers) return 0;
    throw lab::Failure("sendmmsg: " + reason());
  }

 private:
  static std::string reason() { return strerror(errno); }

  const Traffic& traffic_;
  int socket_ = -1;
  size_t next_ = 0;
  unsigned busy_ = 0;
  std::array<mmsghdr, kBurst> messages_{};
  std::array<iovec, kBurst> pieces_{};
};

// Processor time is what has passed less what other work took, because the kernel may book its own
// work on frames elsewhere than with the sender.
Sending send(Sender& sender, size_t count, unsigned core, double seconds) {
  const std::string own = lab::read_file("/proc/self/comm");
  const std::string name = own.substr(0, own.find('\n'));
  size_t before_it = 0;
  while (before_it < count) before_it += sender.burst();
  Sending result;
  const CpuTime before = thread_time(getpid(), name), softirq = softirq_time(core);
  const double start = now();
  double end = start;
  while (end - start < seconds) {
    for (int i = 0; i < 16; ++i) result.frames += sender.burst();
    end = now();
  }
  result.all = static_cast<double>(before_it) + result.frames;
  result.seconds = end - start - (thread_time(getpid(), name).waiting - before.waiting) +
                   (softirq_time(core).running - softirq.running);
  return result;
}

}  // namespace

Sending send_frames(const std::string& netns, const std::string& interface, unsigned core,
                    const Traffic& traffic, double seconds) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw lab::Failure(std::string("pipe: ") + strerror(errno));
  const pid_t parent = getpid();
  const pid_t pid =
      fork();  // a process may change its namespace without being missed in the old one
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    Report report;
    try {
      pin_to(core);
      Sender sender(netns, interface, traffic);
      report.sending = send(sender, traffic.count(), core, seconds);
    } catch (const lab::Failure& failure) {
      std::strncpy(report.why, failure.what(), sizeof report.why - 1);
    }
    static_cast<void>(write(ends[1], &report, sizeof report) == sizeof report);
    _exit(0);
  }
  close(ends[1]);
  Report report;
  const bool heard = pid > 0 && read(ends[0], &report, sizeof report) == sizeof report;
  close(ends[0]);
  if (pid > 0) waitpid(pid, nullptr, 0);
  if (!heard) throw lab::Failure("the generator of frames ended without a figure");
  if (report.why[0] != '\0') throw lab::Failure(std::string("generator of frames: ") + report.why);
  return report.sending;
}

void require_through(const Sending& sending, double through) {
  if (through >= sending.all * kThrough) return;
  char text[100];
  std::snprintf(text, sizeof text, "%.0f of %.0f frames came through", through, sending.all);
  throw lab::Failure(text);
}

}  // namespace gatehouse::bench
