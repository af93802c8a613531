// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/gateway/gateway.hh"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "hw/core/policy/reader.hh"
#include "tools/common/control.hh"
#include "tools/common/options.hh"
#include "tools/common/signals.hh"
#include "tools/common/socket.hh"
#include "tools/gateway/dhcp.hh"
#include "tools/gateway/overlay.hh"
#include "tools/gateway/plan.hh"
#include "tools/gateway/user_network.hh"

namespace gatehouse::gateway {
namespace {

using common::OptionRow;

constexpr char kText[] =
    "Terminates a tenant's overlay and connects it with this machine's network through libslirp: "
    "DHCP (leases are the policy's\n"
    "mappings), DNS, TFTP, TCP, UDP, ICMP. SIGUSR1 prints counters as one line of JSON, SIGTERM "
    "ends it.";
constexpr OptionRow kOptions[] = {
    {"--underlay", "ADDRESS",
     "a switch or QEMU to connect to: unix:/path, 127.0.0.1:port; with listen: in front it listens",
     true},
    {"--policy", "FILE",
     "policy of this end: its uplink0, the tenant, its vnic, and mappings for the guests", true},
    {"--vnic", "NAME",
     "the policy's vnic that is the gateway; its addresses are host and name server", true},
    {"--prefix-length", "BITS", "of the guests' network (default 24)"},
    {"--mtu", "OCTETS", "of the guests, at most what the overlay leaves (default 1500)"},
    {"--tftp", "FOLDER", "serves its files by TFTP, read-only"},
    {"--bootfile", "NAME", "what DHCP tells a booting guest to load from there"},
    {"--hostfwd", "RULE", "tcp:127.0.0.1:2222-10.0.2.15:22 lets the host in", false, true},
    {"--restrict", nullptr, "no way into the host's network; the gateway's own services only"},
    {"--pcap", "FILE", "writes outer frames and drops into a pcapng file"},
    {"--control", nullptr, "reads `stats` and `quit` from standard input, and ends when it ends"},
    {"--help", nullptr, "this text"},
};

constexpr int kConnectMs = 10'000;
constexpr size_t kHighWater =
    1 << 20;  // octets that wait for the underlay: libslirp is not asked for more
constexpr size_t kMaxBootFile = 127;

int64_t now_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

class Gateway {
 public:
  explicit Gateway(bool control) : control_(control) {}

  Status open(const common::Options& options);
  int run();

 private:
  Status open_underlay(std::string_view text);
  Status open_capture(const std::string& path);
  Status open_services(const Plan& plan, const common::Options& options);
  void receive(std::span<const uint8_t> frame);
  bool round();
  void read_underlay();
  int timeout(uint32_t slirp_ms) const;
  void report() const;

  common::Signals signals_;
  common::Control control_;
  std::unique_ptr<capture::Capture> capture_;
  std::optional<Overlay> overlay_;
  std::unique_ptr<UserNetwork> network_;
  std::optional<DhcpServer> dhcp_;
  std::optional<common::Listener> listener_;
  common::Descriptor underlay_;
  std::string underlay_name_;
  common::FrameReader reader_;
  std::vector<pollfd> fds_;
};

Status Gateway::open(const common::Options& options) {
  const Result<policy::Policy> policy = policy::read_policy_file(options.get("--policy"));
  if (!policy.ok()) return policy.status();
  const Result<uint64_t> prefix_length = options.number("--prefix-length", 8, 30, 24);
  if (!prefix_length.ok()) return prefix_length.status();
  const Result<Plan> plan =
      make_plan(policy.value(), options.get("--vnic"), static_cast<uint8_t>(prefix_length.value()));
  if (!plan.ok()) return plan.status();
  if (options.has("--pcap")) {
    const Status status = open_capture(options.get("--pcap"));
    if (!status.ok()) return status;
  }
  overlay_.emplace([this](std::span<const uint8_t> frame) { receive(frame); }, capture_.get());
  Status status = overlay_->load(policy.value(), plan.value().vnic, plan.value().mac);
  if (status.ok()) status = open_services(plan.value(), options);
  if (status.ok()) status = open_underlay(options.get("--underlay"));
  return status;
}

Status Gateway::open_capture(const std::string& path) {
  using namespace std::chrono;
  capture::Options options;
  // The pipeline's clock is the monotonic one; the file's is the calendar.
  options.epoch_ns =
      duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count() - now_ns();
  options.hardware = "gatehouse-tool gateway";
  Result<std::unique_ptr<capture::Capture>> capture = capture::Capture::open(path, options);
  if (!capture.ok()) return capture.status();
  capture_ = std::move(capture.value());
  return {};
}

Status Gateway::open_services(const Plan& plan, const common::Options& options) {
  constexpr uint64_t kLeastMtu = 576;  // what every IPv4 host takes (RFC 791)
  const Result<uint64_t> mtu = options.number("--mtu", kLeastMtu, policy::kMaxMtu, 1500);
  if (!mtu.ok()) return mtu.status();
  UserNetworkOptions how;
  how.restricted = options.has("--restrict");
  how.tftp_folder = options.get("--tftp");
  how.mtu = std::min(static_cast<uint32_t>(mtu.value()), overlay_->mtu());
  struct stat info;
  if (!how.tftp_folder.empty() &&
      (stat(how.tftp_folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))) {
    return Status::error("--tftp " + how.tftp_folder + ": no such folder");
  }
  if (options.has("--bootfile") &&
      (how.tftp_folder.empty() || options.get("--bootfile").size() > kMaxBootFile)) {
    return Status::error("--bootfile needs --tftp FOLDER, and a name of at most 127 octets");
  }
  Result<std::unique_ptr<UserNetwork>> network = UserNetwork::open(
      plan, how, [this](std::span<const uint8_t> frame) { overlay_->send(frame); });
  if (!network.ok()) return network.status();
  network_ = std::move(network.value());
  for (const std::string& rule : options.all("--hostfwd")) {
    const Result<Forward> forward = parse_forward(rule, plan);
    if (!forward.ok()) return forward.status();
    const Status status = network_->add_forward(forward.value());
    if (!status.ok()) return status;
  }
  DhcpConfig dhcp;
  dhcp.mac = plan.mac;
  dhcp.server = plan.host;
  dhcp.dns = plan.dns;
  dhcp.prefix_length = plan.network.length;
  dhcp.mtu = static_cast<uint16_t>(how.mtu);
  dhcp.boot_file = options.get("--bootfile");
  dhcp.leases = plan.clients;
  dhcp_.emplace(std::move(dhcp));
  return {};
}

Status Gateway::open_underlay(std::string_view text) {
  constexpr std::string_view kListen = "listen:";
  const bool listen = text.starts_with(kListen);
  if (listen) text.remove_prefix(kListen.size());
  const Result<common::SocketAddress> address = common::parse_socket_address(text);
  if (!address.ok()) return address.status();
  if (listen) {
    Result<common::Listener> listener = common::Listener::open(address.value());
    if (!listener.ok()) return listener.status();
    listener_.emplace(std::move(listener.value()));
    underlay_name_ = listener_->name();
    return {};
  }
  Result<common::Descriptor> socket = common::connect_stream(address.value(), kConnectMs);
  if (!socket.ok()) return socket.status();
  underlay_ = std::move(socket.value());
  underlay_name_ = text;
  return {};
}

void Gateway::receive(std::span<const uint8_t> frame) {
  if (DhcpServer::is_for_server(frame)) {
    overlay_->send(dhcp_->answer(frame));
  } else {
    network_->input(frame);
  }
}

int Gateway::timeout(uint32_t slirp_ms) const {
  constexpr int64_t kLongest = 60'000;
  int64_t wait = std::min<int64_t>(slirp_ms, kLongest);
  if (const int64_t due = overlay_->next_tick(); due != INT64_MAX) {
    wait = std::clamp<int64_t>((due - now_ns() + 999'999) / 1'000'000, 0, wait);
  }
  return static_cast<int>(wait);
}

void Gateway::read_underlay() {
  if (!underlay_) return;
  reader_.fill(underlay_.get());
  overlay_->from_wire(reader_, now_ns());
  if (reader_.state() == common::FrameReader::State::kOpen) return;
  underlay_.reset();
  reader_ = common::FrameReader();
  overlay_->writer() = common::FrameWriter();
}

bool Gateway::round() {
  fds_.clear();
  fds_.push_back({signals_.get(), POLLIN, 0});
  fds_.push_back({control_.descriptor(), POLLIN, 0});
  fds_.push_back({underlay_ ? -1 : listener_ ? listener_->get() : -1, POLLIN, 0});
  const bool writing = overlay_->writer().wants_write();
  fds_.push_back({underlay_ ? underlay_.get() : -1,
                  static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN), 0});
  uint32_t slirp_ms = UINT32_MAX;
  const bool with_slirp = overlay_->writer().backlog() < kHighWater;
  if (with_slirp) network_->poll_fill(fds_, slirp_ms);
  const bool failed = poll(fds_.data(), fds_.size(), timeout(slirp_ms)) < 0;
  if (!failed && fds_[2].revents != 0) underlay_ = listener_->accept();
  if (!failed && fds_[3].revents != 0) read_underlay();
  overlay_->drain(now_ns());
  if (with_slirp) network_->poll_done(fds_, failed);
  overlay_->drain(now_ns());
  overlay_->tick(now_ns());
  if (underlay_ && !overlay_->writer().flush(underlay_.get())) read_underlay();
  const common::Signals::Seen seen =
      !failed && fds_[0].revents ? signals_.take() : common::Signals::Seen();
  const common::Control::Seen told =
      !failed && fds_[1].revents ? control_.read() : common::Control::Seen();
  if (seen.report || told.report) report();
  return !seen.stop && !told.stop && (underlay_ || listener_);
}

int Gateway::run() {
  std::printf("gateway: ready on %s\n", underlay_name_.c_str());
  std::fflush(stdout);
  while (round()) {
  }
  if (capture_) capture_->close();
  report();
  return 0;
}

void Gateway::report() const {
  if (capture_) capture_->flush();
  std::printf("%s\n", overlay_->report().dump().c_str());
  std::fflush(stdout);
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    std::fputs(common::usage("gateway", kText, kOptions).c_str(), stdout);
    return 0;
  }
  const Result<common::Options> options = common::Options::parse(kOptions, arguments);
  Status status = options.status();
  if (options.ok()) {
    Gateway gateway(options.value().has("--control"));
    status = gateway.open(options.value());
    if (status.ok()) return gateway.run();
  }
  std::fprintf(stderr, "gatehouse gateway: %s\n", status.message().c_str());
  return 1;
}

}  // namespace gatehouse::gateway
