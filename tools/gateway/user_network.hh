// SPDX-License-Identifier: GPL-2.0-or-later
// libslirp behind an interface of frames: the host's network for one tenant, without root.
#ifndef GATEHOUSE_TOOLS_GATEWAY_USER_NETWORK_HH_
#define GATEHOUSE_TOOLS_GATEWAY_USER_NETWORK_HH_

#include <libslirp.h>
#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/core/base/address.hh"
#include "hw/core/base/status.hh"
#include "tools/gateway/plan.hh"

namespace gatehouse::gateway {

struct UserNetworkOptions {
  bool restricted = false;  // guests reach the gateway's own services only, no other network
  std::string tftp_folder;  // empty: no TFTP
  uint32_t mtu = 1500;      // octets of the largest IP datagram
};

class UserNetwork {
 public:
  // Gets each frame for the guests, with the plan's MAC address as its source. May be called from
  // input() and poll_done().
  using Sender = std::function<void(std::span<const uint8_t> frame)>;

  static Result<std::unique_ptr<UserNetwork>> open(const Plan& plan,
                                                   const UserNetworkOptions& options,
                                                   Sender sender);
  ~UserNetwork();
  UserNetwork(const UserNetwork&) = delete;
  UserNetwork& operator=(const UserNetwork&) = delete;

  Status add_forward(const Forward& forward);
  void input(std::span<const uint8_t> frame);
  // Appends the sockets to wait for, and lowers the time to wait.
  void poll_fill(std::vector<pollfd>& fds, uint32_t& timeout_ms);
  // The same vector after poll().
  void poll_done(std::vector<pollfd>& fds, bool poll_failed);

 private:
  struct Timer {
    SlirpTimerId id;
    void* cookie;
    int64_t due_ms = -1;  // negative: not armed
  };

  UserNetwork(const MacAddress& mac, Sender sender) : mac_(mac), sender_(std::move(sender)) {}
  static SlirpCb callbacks();
  void run_timers();
  void send(std::span<const uint8_t> frame);

  MacAddress mac_;
  Sender sender_;
  std::vector<uint8_t> frame_;
  std::vector<std::unique_ptr<Timer>> timers_;
  Slirp* slirp_ = nullptr;
  SlirpCb callbacks_{};  // libslirp keeps a pointer to it
};

}  // namespace gatehouse::gateway

#endif  // GATEHOUSE_TOOLS_GATEWAY_USER_NETWORK_HH_
