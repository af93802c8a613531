// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/gateway/user_network.hh"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace gatehouse::gateway {
namespace {

constexpr uint32_t kConfigVersion =
    4;  // libslirp 4.7: own DHCP can be switched off, timers have numbers
constexpr size_t kSourceAt = 6, kHeaderOctets = 14;
constexpr uint8_t kV6PrefixLength = 64;

int64_t now_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}
int64_t now_ms() { return now_ns() / 1'000'000; }

in_addr to_in(const IpAddress& ip) {
  in_addr in;
  std::memcpy(&in, ip.octets.data(), sizeof in);
  return in;
}

in6_addr to_in6(const IpAddress& ip) {
  in6_addr in;
  std::memcpy(&in, ip.octets.data(), sizeof in);
  return in;
}

// The same bits under different names; libslirp does not promise that they are equal.
constexpr struct {
  int slirp;
  short poll;
} kEvents[] = {
    {SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
    {SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};

SlirpConfig config_of(const Plan& plan, const UserNetworkOptions& options) {
  SlirpConfig config{};
  config.version = kConfigVersion;
  config.restricted = options.restricted;
  config.in_enabled = true;
  config.vnetwork = to_in(plan.network.address);
  config.vnetmask.s_addr =
      plan.network.length == 0 ? 0 : htonl(~uint32_t{0} << (32 - plan.network.length));
  config.vhost = to_in(plan.host);
  config.vnameserver = to_in(plan.dns);
  config.vdhcp_start = to_in(plan.host);  // unused: disable_dhcp
  if (plan.host_v6) {
    config.in6_enabled = true;
    config.vhost6 = to_in6(*plan.host_v6);
    config.vnameserver6 = to_in6(plan.dns_v6);
    config.vprefix_addr6 = config.vhost6;
    std::memset(reinterpret_cast<uint8_t*>(&config.vprefix_addr6) + kV6PrefixLength / 8, 0,
                16 - kV6PrefixLength / 8);
    config.vprefix_len = kV6PrefixLength;
  }
  config.tftp_path = options.tftp_folder.empty() ? nullptr : options.tftp_folder.c_str();
  config.if_mtu = config.if_mru = options.mtu;
  config.disable_dhcp = true;
  return config;
}

}  // namespace

SlirpCb UserNetwork::callbacks() {
  SlirpCb cb{};
  cb.send_packet = [](const void* data, size_t octets, void* self) -> ssize_t {
    static_cast<UserNetwork*>(self)->send({static_cast<const uint8_t*>(data), octets});
    return static_cast<ssize_t>(octets);
  };
  cb.guest_error = [](const char*, void*) {};  // a guest's mistake is not ours to print
  cb.clock_get_ns = [](void*) { return now_ns(); };
  cb.timer_new_opaque = [](SlirpTimerId id, void* cookie, void* self) -> void* {
    auto& timers = static_cast<UserNetwork*>(self)->timers_;
    timers.push_back(std::make_unique<Timer>(Timer{id, cookie}));
    return timers.back().get();
  };
  cb.timer_free = [](void* timer, void* self) {
    std::erase_if(static_cast<UserNetwork*>(self)->timers_,
                  [&](const std::unique_ptr<Timer>& t) { return t.get() == timer; });
  };
  cb.timer_mod = [](void* timer, int64_t due_ms, void*) {
    static_cast<Timer*>(timer)->due_ms = due_ms;
  };
  // Descriptors are asked for anew before each poll(), and everything runs in one thread.
  cb.register_poll_fd = [](int, void*) {};
  cb.unregister_poll_fd = [](int, void*) {};
  cb.notify = [](void*) {};
  return cb;
}

Result<std::unique_ptr<UserNetwork>> UserNetwork::open(const Plan& plan,
                                                       const UserNetworkOptions& options,
                                                       Sender sender) {
  std::unique_ptr<UserNetwork> network(new UserNetwork(plan.mac, std::move(sender)));
  network->callbacks_ = callbacks();
  const SlirpConfig config = config_of(plan, options);
  network->slirp_ = slirp_new(&config, &network->callbacks_, network.get());
  if (!network->slirp_) {
    return Status::error(std::string("libslirp ") + slirp_version_string() +
                         " refuses the configuration; version 4.7 or later is needed");
  }
  return Result<std::unique_ptr<UserNetwork>>(std::move(network));
}

UserNetwork::~UserNetwork() {
  if (slirp_) slirp_cleanup(slirp_);
}

Status UserNetwork::add_forward(const Forward& forward) {
  if (slirp_add_hostfwd(slirp_, forward.udp, to_in(forward.host), forward.host_port,
                        to_in(forward.guest), forward.guest_port) == 0)
    return {};
  return Status::error(to_string(forward.host) + ":" + std::to_string(forward.host_port) +
                       ": can't listen: " + std::strerror(errno));
}

void UserNetwork::send(std::span<const uint8_t> frame) {
  if (frame.size() < kHeaderOctets) return;
  // libslirp makes up a source for each of its addresses; the overlay knows this vnic by one.
  frame_.assign(frame.begin(), frame.end());
  std::copy(mac_.octets.begin(), mac_.octets.end(), frame_.begin() + kSourceAt);
  sender_(frame_);
}

void UserNetwork::input(std::span<const uint8_t> frame) {
  slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
}

void UserNetwork::poll_fill(std::vector<pollfd>& fds, uint32_t& timeout_ms) {
  slirp_pollfds_fill(
      slirp_, &timeout_ms,
      [](int fd, int events, void* list) {
        auto& all = *static_cast<std::vector<pollfd>*>(list);
        pollfd entry{fd, 0, 0};
        for (const auto& row : kEvents) {
          // What poll() always reports may not be asked for.
          if ((events & row.slirp) != 0 && row.poll != POLLERR && row.poll != POLLHUP)
            entry.events = static_cast<short>(entry.events | row.poll);
        }
        all.push_back(entry);
        return static_cast<int>(all.size()) - 1;
      },
      &fds);
  for (const std::unique_ptr<Timer>& timer : timers_) {
    if (timer->due_ms < 0) continue;
    timeout_ms =
        static_cast<uint32_t>(std::clamp<int64_t>(timer->due_ms - now_ms(), 0, timeout_ms));
  }
}

void UserNetwork::poll_done(std::vector<pollfd>& fds, bool poll_failed) {
  slirp_pollfds_poll(
      slirp_, poll_failed,
      [](int index, void* list) {
        const pollfd& entry =
            (*static_cast<std::vector<pollfd>*>(list))[static_cast<size_t>(index)];
        int events = 0;
        for (const auto& row : kEvents) {
          if ((entry.revents & row.poll) != 0) events |= row.slirp;
        }
        return events;
      },
      &fds);
  run_timers();
}

void UserNetwork::run_timers() {
  const int64_t now = now_ms();
  for (size_t i = 0; i < timers_.size(); ++i) {
    Timer& timer = *timers_[i];
    if (timer.due_ms < 0 || timer.due_ms > now) continue;
    timer.due_ms = -1;
    slirp_handle_timer(slirp_, timer.id, timer.cookie);
  }
}

}  // namespace gatehouse::gateway
