// SPDX-License-Identifier: GPL-2.0-or-later
// gh-wait: waits for a state of the network, with a limit, instead of sleeping. Exit: 0 the state
// is there, 1 time is up, 2 misuse.
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <cstdio>
#include <functional>
#include <string>

#include "guest-images/common/number.hh"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kUsage = 2;

// Calls `visit` with each line of a kernel table until it returns true; false if it never does.
bool any_line(const std::string& path, const std::function<bool(const char*)>& visit) {
  FILE* file = fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  char line[512];
  bool found = false;
  while (!found && fgets(line, sizeof line, file) != nullptr) found = visit(line);
  fclose(file);
  return found;
}

// As the kernel takes it. The interface itself may come later.
bool may_be_interface(const std::string& name) {
  return !name.empty() && name.size() < IFNAMSIZ && name[0] != '.' &&
         name.find_first_of("/: \t\n") == std::string::npos;
}

bool has_interface(const std::string& name) {
  return access(("/sys/class/net/" + name).c_str(), F_OK) == 0;
}

bool has_carrier(const std::string& name) {
  // While the interface is down reading fails, which is an empty table.
  return any_line("/sys/class/net/" + name + "/carrier",
                  [](const char* line) { return *line == '1'; });
}

// Every IPv6 address of the interface has passed duplicate address detection, and there is one.
bool addresses_usable(const std::string& name) {
  unsigned usable = 0;
  const bool tentative = any_line("/proc/net/if_inet6", [&](const char* line) {
    unsigned flags = 0;
    char interface[64] = "";
    if (sscanf(line, "%*s %*x %*x %*x %x %63s", &flags, interface) != 2 || name != interface)
      return false;
    usable++;
    return (flags & IFA_F_TENTATIVE) != 0;
  });
  return !tentative && usable > 0;
}

// A socket listens (TCP, state 0A) or is bound (UDP, state 07) to the port.
bool is_listening(const std::string& protocol, unsigned port) {
  const unsigned wanted = protocol == "tcp" ? 0x0a : 0x07;
  const auto matches = [&](const char* line) {
    unsigned local = 0;
    unsigned state = 0;
    return sscanf(line, "%*s %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &local, &state) == 2 &&
           local == port && state == wanted;
  };
  return any_line("/proc/net/" + protocol, matches) ||
         any_line("/proc/net/" + protocol + "6", matches);
}

int open_events() {
  const int events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (events < 0 || bind(events, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    perror("gh-wait: netlink");
    exit(kUsage);
  }
  return events;
}

// Looks again after each network event, or after `interval_ms` where the kernel tells nothing.
bool wait_until(const std::function<bool()>& there, int limit_ms, int interval_ms) {
  const int events = open_events();
  const auto end = Clock::now() + std::chrono::milliseconds(limit_ms);
  while (!there()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{events, POLLIN, 0};
    const int patience =
        interval_ms > 0 && interval_ms < left ? interval_ms : static_cast<int>(left);
    if (poll(&ready, 1, patience) > 0) {
      char ignored[16384];
      // The event only says that something changed; an overrun (ENOBUFS) says so too.
      if (recv(events, ignored, sizeof ignored, MSG_DONTWAIT) < 0) continue;
    }
  }
  return true;
}

int usage() {
  fprintf(stderr,
          "usage: gh-wait interface|carrier|no-carrier|addresses INTERFACE LIMIT_MS\n"
          "       gh-wait tcp|udp PORT LIMIT_MS       (something listens on this machine)\n");
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return usage();
  const std::string what = argv[1];
  const std::string name = argv[2];
  std::function<bool()> there;
  // No event tells of a new listener; carrier and addresses are told. 1 s covers what gets lost.
  int interval_ms = 1000;
  if (what == "interface") there = [&] { return has_interface(name); };
  if (what == "carrier") there = [&] { return has_carrier(name); };
  if (what == "no-carrier") there = [&] { return has_interface(name) && !has_carrier(name); };
  if (what == "addresses") there = [&] { return addresses_usable(name); };
  const bool of_interface = there != nullptr;
  const auto port = gatehouse::parse_number(name, UINT16_MAX);
  if ((what == "tcp" || what == "udp") && port) {
    interval_ms = 5;
    there = [&] { return is_listening(what, static_cast<unsigned>(*port)); };
  }
  const auto limit_ms = gatehouse::parse_number(argv[3], INT_MAX);
  if (!there || !limit_ms || (of_interface && !may_be_interface(name))) return usage();
  if (wait_until(there, static_cast<int>(*limit_ms), interval_ms)) return 0;
  const bool missing = of_interface && !has_interface(name);
  fprintf(stderr, "gh-wait: no %s %s within %s ms%s\n", argv[1], argv[2], argv[3],
          missing ? ": there is no such interface" : "");
  return 1;
}
