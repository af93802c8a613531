// SPDX-License-Identifier: GPL-2.0-or-later
// A network namespace that belongs to one scenario, with taps that reach into it. Needs root.
#ifndef GATEHOUSE_TOOLS_LAB_NETNS_HH_
#define GATEHOUSE_TOOLS_LAB_NETNS_HH_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tools/lab/process.hh"

namespace gatehouse::lab {

class Netns {
 public:
  // Whether this process may make namespaces; `why` says what is missing.
  static bool available(std::string* why = nullptr);

  // Makes the namespace "gh-<name>-<pid>" with its loopback up; the destructor removes it and what
  // is in it.
  explicit Netns(const std::string& name);
  ~Netns();
  Netns(const Netns&) = delete;
  Netns& operator=(const Netns&) = delete;

  const std::string& name() const { return name_; }
  // Runs inside. The words are not given to a shell; sh() does that.
  std::vector<std::string> inside(std::vector<std::string> command) const;
  CommandResult run(const std::vector<std::string>& command,
                    std::chrono::milliseconds limit = std::chrono::seconds(60)) const;
  std::string sh(const std::string& script,
                 std::chrono::milliseconds limit = std::chrono::seconds(60)) const;
  std::unique_ptr<Process> start(const std::vector<std::string>& command,
                                 const std::string& log_path) const;

  // A tap whose file descriptor is ours and whose interface `interface` is inside, up, with this
  // MTU. Only a Guest whose words name the descriptor (`-netdev tap,fd=`) inherits it: whoever has
  // it keeps the tap. `napi`: what is written passes through the kernel's GRO.
  int open_tap(const std::string& interface, unsigned mtu, bool vnet_hdr, bool napi = false);
  // As socket(2), in the namespace. The caller closes it.
  int open_socket(int domain, int type, int protocol) const;

 private:
  std::string name_;
  std::vector<int> taps_;
};

// Whether the running kernel has this link type ("vxlan", "geneve", "gretap", "ip6gretap"), tried
// in a namespace that is gone again afterwards.
bool kernel_has_link_type(const std::string& type);

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_NETNS_HH_
