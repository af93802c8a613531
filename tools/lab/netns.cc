// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/netns.hh"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tools/lab/failure.hh"

namespace gatehouse::lab {

bool Netns::available(std::string* why) {
  static const std::string reason = [] {
    if (geteuid() != 0) return std::string("needs root");
    if (access("/dev/net/tun", R_OK | W_OK) != 0) return std::string("needs /dev/net/tun");
    const std::string name = "gh-probe-" + std::to_string(getpid());
    const CommandResult made = run_command({"ip", "netns", "add", name});
    if (made.exit_status != 0) return "needs network namespaces: " + made.output;
    run_command({"ip", "netns", "del", name});
    return std::string();
  }();
  if (why) *why = reason;
  return reason.empty();
}

Netns::Netns(const std::string& name) {
  static std::atomic<unsigned> serial{0};
  name_ = "gh-" + name + "-" + std::to_string(getpid()) + "-" + std::to_string(serial++);
  check_command({"ip", "netns", "add", name_});
  sh("ip link set lo up");
}

Netns::~Netns() {
  for (int fd : taps_) close(fd);
  run_command({"ip", "netns", "del", name_});
}

std::vector<std::string> Netns::inside(std::vector<std::string> command) const {
  command.insert(command.begin(), {"ip", "netns", "exec", name_});
  return command;
}

CommandResult Netns::run(const std::vector<std::string>& command,
                         std::chrono::milliseconds limit) const {
  return run_command(inside(command), limit);
}

std::string Netns::sh(const std::string& script, std::chrono::milliseconds limit) const {
  return check_command(inside({"sh", "-ec", script}), limit);
}

std::unique_ptr<Process> Netns::start(const std::vector<std::string>& command,
                                      const std::string& log_path) const {
  return std::make_unique<Process>(inside(command), log_path);
}

int Netns::open_tap(const std::string& interface, unsigned mtu, bool vnet_hdr, bool napi) {
  // Made outside under a name of our own, then moved in: the descriptor stays valid across the
  // move.
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) throw Failure(std::string("/dev/net/tun: ") + strerror(errno));
  taps_.push_back(fd);
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI | (vnet_hdr ? IFF_VNET_HDR : 0) | (napi ? IFF_NAPI : 0);
  std::strncpy(request.ifr_name, "ghtap%d", IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) != 0) {
    throw Failure(std::string("cannot make a tap: ") + strerror(errno));
  }
  check_command({"ip", "link", "set", request.ifr_name, "netns", name_, "name", interface});
  sh("sysctl -qw net.ipv6.conf." + interface + ".accept_dad=0; ip link set " + interface + " mtu " +
     std::to_string(mtu) + " up");
  return fd;
}

int Netns::open_socket(int domain, int type, int protocol) const {
  const int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const int inside = open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC);
  int made = -1;
  if (own >= 0 && inside >= 0 && setns(inside, CLONE_NEWNET) == 0) {
    made = socket(domain, type | SOCK_CLOEXEC, protocol);
    const int error = errno;
    if (setns(own, CLONE_NEWNET) != 0) abort();  // this thread would stay in the wrong one
    errno = error;
  }
  const int error = errno;
  if (own >= 0) close(own);
  if (inside >= 0) close(inside);
  if (made < 0) throw Failure("a socket in " + name_ + ": " + strerror(error));
  return made;
}

bool kernel_has_link_type(const std::string& type) {
  if (!Netns::available()) return false;
  Netns probe("link");
  const std::string how = type == "geneve"      ? "id 1 remote 192.0.2.1"
                          : type == "gretap"    ? "remote 192.0.2.1"
                          : type == "ip6gretap" ? "remote 2001:db8::1"
                                                : "id 1 remote 192.0.2.1 dstport 4789";
  return probe.run({"sh", "-c", "ip link add probe0 type " + type + " " + how}).exit_status == 0;
}

}  // namespace gatehouse::lab
