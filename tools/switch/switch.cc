// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/switch/switch.hh"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "hw/card/capture/capture.hh"
#include "tools/common/control.hh"
#include "tools/common/options.hh"
#include "tools/common/signals.hh"
#include "tools/common/socket.hh"
#include "tools/switch/ethernet_switch.hh"

namespace gatehouse::ethernet_switch {
namespace {

using common::OptionRow;

constexpr char kText[] =
    "A learning Ethernet switch between QEMUs: -netdev "
    "stream,id=up0,server=off,addr.type=unix,addr.path=PATH.\n"
    "SIGUSR1 prints statistics as one line of JSON, SIGTERM ends it.";
constexpr OptionRow kOptions[] = {
    {"--listen", "ADDRESS", "unix:/path, 127.0.0.1:port or [::1]:port; port 0 takes a free one",
     true, true},
    {"--pcap", "FILE", "writes every frame that comes in into a pcapng file"},
    {"--pcap-limit", "MIB", "largest size of that file (default 1024)"},
    {"--ports", "N", "how many QEMUs may be connected at a time (default 128)"},
    {"--loss", "SHARE", "loses this share of the frames, 0 to 1"},
    {"--seed", "N", "of the loss: the same number loses the same frames"},
    {"--delay-ms", "MS", "delays every frame"},
    {"--control", nullptr, "reads `stats` and `quit` from standard input, and ends when it ends"},
    {"--help", nullptr, "this text"},
};

int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

class Loop {
 public:
  Loop(const SwitchOptions& options, std::unique_ptr<capture::Capture> capture, bool control)
      : capture_(std::move(capture)), bridge_(options, capture_.get()), control_(control) {}

  Status listen(const std::string& text) {
    const Result<common::SocketAddress> address = common::parse_socket_address(text);
    if (!address.ok()) return address.status();
    Result<common::Listener> listener = common::Listener::open(address.value());
    if (!listener.ok()) return listener.status();
    listeners_.push_back(std::move(listener.value()));
    return {};
  }

  void announce() const {
    for (const common::Listener& listener : listeners_)
      std::printf("switch: listening on %s\n", listener.name().c_str());
    std::fflush(stdout);
  }

  void run() {
    while (round()) {
    }
    if (capture_) capture_->close();
    report();
  }

 private:
  bool round() {
    fds_.clear();
    fds_.push_back({signals_.get(), POLLIN, 0});
    fds_.push_back({control_.descriptor(), POLLIN, 0});
    for (const common::Listener& listener : listeners_) fds_.push_back({listener.get(), POLLIN, 0});
    const size_t first_port = fds_.size();
    bridge_.poll_fill(fds_);
    if (poll(fds_.data(), fds_.size(), timeout()) < 0) return true;  // EINTR
    const int64_t now = now_ms();
    bridge_.poll_done(std::span(fds_).subspan(first_port), now);
    bridge_.tick(now);
    for (size_t i = 2; i < first_port; ++i) {
      if (fds_[i].revents != 0) take_clients(listeners_[i - 2]);
    }
    if (capture_ && fds_.size() > first_port) flush_capture(now);
    const common::Signals::Seen seen = fds_[0].revents ? signals_.take() : common::Signals::Seen();
    const common::Control::Seen told = fds_[1].revents ? control_.read() : common::Control::Seen();
    if (seen.report || told.report) report();
    return !seen.stop && !told.stop;
  }

  void take_clients(common::Listener& listener) {
    while (common::Descriptor client = listener.accept()) bridge_.add_port(std::move(client));
  }

  // Whoever looks at the file while it grows sees at most a second less.
  void flush_capture(int64_t now) {
    constexpr int64_t kFlushMs = 1000;
    if (now - flushed_ms_ < kFlushMs) return;
    flushed_ms_ = now;
    capture_->flush();
  }

  int timeout() const {
    constexpr int kIdleMs = 1000;  // for flush_capture
    const std::optional<int64_t> due = bridge_.next_tick_ms();
    const int idle = capture_ ? kIdleMs : -1;
    if (!due) return idle;
    const int wait = static_cast<int>(std::clamp<int64_t>(*due - now_ms(), 0, 60'000));
    return idle < 0 ? wait : std::min(idle, wait);
  }

  void report() const {
    nlohmann::json all = bridge_.report(now_ms());
    if (capture_) {
      all["capture"] = {{"frames", capture_->counters().frames},
                        {"octets", capture_->counters().octets},
                        {"not_recorded", capture_->counters().not_recorded},
                        {"error", capture_->status().message()}};
    }
    std::printf("%s\n", all.dump().c_str());
    std::fflush(stdout);
  }

  common::Signals signals_;
  std::unique_ptr<capture::Capture> capture_;
  EthernetSwitch bridge_;
  common::Control control_;
  std::vector<common::Listener> listeners_;
  std::vector<pollfd> fds_;
  int64_t flushed_ms_ = 0;
};

Status start(const common::Options& options) {
  const Result<double> loss = options.fraction("--loss", 0, 1, 0);
  const Result<uint64_t> delay = options.number("--delay-ms", 0, 60'000, 0);
  const Result<uint64_t> seed = options.number("--seed", 0, UINT64_MAX, 1);
  const Result<uint64_t> ports = options.number("--ports", 1, 1000, 128);
  const Result<uint64_t> limit = options.number("--pcap-limit", 1, 1 << 20, 1024);
  for (const Status& status :
       {loss.status(), delay.status(), seed.status(), ports.status(), limit.status()}) {
    if (!status.ok()) return status;
  }
  std::unique_ptr<capture::Capture> capture;
  if (options.has("--pcap")) {
    capture::Options file;
    file.max_octets = limit.value() << 20;
    file.hardware = "gatehouse-tool switch";
    Result<std::unique_ptr<capture::Capture>> opened =
        capture::Capture::open(options.get("--pcap"), file);
    if (!opened.ok()) return opened.status();
    capture = std::move(opened.value());
    for (unsigned port = 0; port < ports.value(); ++port) {
      capture->name_port(capture::TapPoint::kOuter, capture::TapDirection::kFromGuest, port,
                         "port" + std::to_string(port));
    }
  }
  SwitchOptions how;
  how.loss = loss.value();
  how.delay_ms = static_cast<int64_t>(delay.value());
  how.seed = seed.value();
  how.max_ports = static_cast<unsigned>(ports.value());
  Loop loop(how, std::move(capture), options.has("--control"));
  for (const std::string& address : options.all("--listen")) {
    const Status status = loop.listen(address);
    if (!status.ok()) return status;
  }
  loop.announce();
  loop.run();
  return {};
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    std::fputs(common::usage("switch", kText, kOptions).c_str(), stdout);
    return 0;
  }
  const Result<common::Options> options = common::Options::parse(kOptions, arguments);
  const Status status = options.ok() ? start(options.value()) : options.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "gatehouse switch: %s\n", status.message().c_str());
  return 1;
}

}  // namespace gatehouse::ethernet_switch
