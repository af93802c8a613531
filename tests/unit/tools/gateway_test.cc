// SPDX-License-Identifier: GPL-2.0-or-later
// The gateway as a whole: a guest's card on the other end of its socket, built from the same
// pipeline.
#include "tools/gateway/gateway.hh"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "hw/core/base/headers.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/policy/reader.hh"
#include "tests/unit/core/frames.hh"
#include "tools/common/socket.hh"
#include "tools/gateway/overlay.hh"

namespace gatehouse::gateway {
namespace {

using std::chrono::steady_clock;
using test::Bytes;
using test::Frame;

constexpr char kGuestMac[] = "52:54:00:12:34:56";
constexpr char kGatewayMac[] = "52:55:00:00:00:01";  // not the one that libslirp makes up

std::string guest_policy(const std::string& format) {
  return R"({"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:20:01", "addresses": ["10.99.0.1/24"], "mtu": 1650}],
    "tenants": [{"name": "lab", "vni": 7, "format": ")" +
         format + R"(", "broadcast_peer": "10.99.0.254"}],
    "vnics": [{"name": "vnic0", "tenant": "lab", "mac": "52:54:00:12:34:56", "addresses": ["10.0.2.15"]}],
    "mappings": [{"tenant": "lab", "destination": "0.0.0.0/0", "mac": "52:55:00:00:00:01", "peer": "10.99.0.254"},
                 {"tenant": "lab", "destination": "10.0.2.2", "mac": "52:55:00:00:00:01", "peer": "10.99.0.254"}]})";
}

std::string gateway_policy(const std::string& format) {
  return R"({"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:20:fe", "addresses": ["10.99.0.254/24"], "mtu": 1650}],
    "tenants": [{"name": "lab", "vni": 7, "format": ")" +
         format + R"("}],
    "vnics": [{"name": "gateway", "tenant": "lab", "mac": "52:55:00:00:00:01", "addresses": ["10.0.2.2", "10.0.2.3"], "anti_spoof": false}],
    "mappings": [{"tenant": "lab", "destination": "10.0.2.15", "mac": "52:54:00:12:34:56", "peer": "10.99.0.1"}]})";
}

int64_t now_ns() {
  return std::chrono::nanoseconds(steady_clock::now().time_since_epoch()).count();
}

// A guest's card: frames in, frames out, and the socket to the gateway.
class Guest {
 public:
  Guest(common::Descriptor socket, const std::string& policy)
      : socket_(std::move(socket)),
        overlay_(
            [this](std::span<const uint8_t> frame) {
              received_.emplace_back(frame.begin(), frame.end());
            },
            nullptr) {
    const Result<policy::Policy> read = policy::read_policy(policy, "guest");
    EXPECT_TRUE(read.ok()) << read.status().message();
    EXPECT_TRUE(overlay_.load(read.value(), "vnic0", *parse_mac(kGuestMac)).ok());
  }
  // Sends, and waits until a frame comes that `is_it`. Sends again now and then, as a guest would:
  // the first frames may wait for ARP.
  std::optional<Bytes> ask(const Bytes& frame, const std::function<bool(const Bytes&)>& is_it) {
    const steady_clock::time_point limit = steady_clock::now() + std::chrono::seconds(10);
    while (steady_clock::now() < limit) {
      overlay_.send(frame);
      for (int i = 0; i < 10; ++i) {
        step();
        for (const Bytes& got : received_) {
          if (is_it(got)) return got;
        }
      }
    }
    return std::nullopt;
  }
  void tell(const Bytes& frame) {
    overlay_.send(frame);
    step();
  }
  void send_octets(const Bytes& octets) {
    EXPECT_EQ(::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(octets.size()));
  }
  std::vector<Bytes>& received() { return received_; }

 private:
  void step() {
    overlay_.drain(now_ns());
    overlay_.tick(now_ns());
    EXPECT_TRUE(overlay_.writer().flush(socket_.get()));
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0) return;
    EXPECT_EQ(reader_.fill(socket_.get()), common::FrameReader::State::kOpen);
    overlay_.from_wire(reader_, now_ns());
  }

  common::Descriptor socket_;
  common::FrameReader reader_;
  std::vector<Bytes> received_;
  Overlay overlay_;
};

class GatewayTest : public ::testing::TestWithParam<const char*> {
 protected:
  GatewayTest() : folder_(::testing::TempDir() + "gh-gateway-" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder_ + "/tftp");
    std::ofstream(folder_ + "/tftp/boot.txt") << "boot me";
    std::ofstream(folder_ + "/gateway.json") << gateway_policy(GetParam());
  }
  ~GatewayTest() override {
    guest_.reset();  // the underlay ends, and with it the gateway
    if (thread_.joinable()) thread_.join();
    EXPECT_EQ(status_, 0);
    std::filesystem::remove_all(folder_);
  }
  void start(std::vector<std::string> more = {}) {
    const common::SocketAddress address =
        common::parse_socket_address("unix:" + folder_ + "/net").value();
    Result<common::Listener> listener = common::Listener::open(address);
    ASSERT_TRUE(listener.ok()) << listener.status().message();
    std::vector<std::string> arguments = {
        "--underlay", address.text, "--policy", folder_ + "/gateway.json", "--vnic", "gateway"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    thread_ = std::thread([this, arguments] { status_ = run(arguments); });
    pollfd ready{listener.value().get(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10'000), 1);
    guest_.emplace(listener.value().accept(), guest_policy(GetParam()));
  }
  Guest& guest() { return *guest_; }
  const std::string folder_;

 private:
  std::thread thread_;
  int status_ = 0;
  std::optional<Guest> guest_;
};

// Layers of a frame that must be whole.
Layers layers_of(const Bytes& frame) {
  Layers layers;
  EXPECT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none);
  return layers;
}

uint16_t udp_source(const Bytes& frame) {
  const Layers layers = layers_of(frame);
  return layers.l4 == L4::kUdp
             ? UdpHeader<const uint8_t>(frame.data() + layers.l4_offset).source_port()
             : 0;
}

std::string payload(const Bytes& frame) {
  const Layers layers = layers_of(frame);
  return {frame.begin() + layers.payload_offset, frame.begin() + layers.l3_end};
}

Frame from_guest(const std::string& to_ip) {
  return Frame()
      .ethernet({.destination = kGatewayMac, .source = kGuestMac})
      .ipv4({.source = "10.0.2.15", .destination = to_ip});
}

Bytes octets_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST_P(GatewayTest, AnswersPing) {
  start();
  const Bytes request = from_guest("10.0.2.2")
                            .icmp({.type = 8, .rest = 0x00010002})
                            .payload(octets_of("hello"))
                            .build();
  const std::optional<Bytes> reply =
      guest().ask(request, [](const Bytes& frame) { return layers_of(frame).l4 == L4::kIcmp; });
  ASSERT_TRUE(reply);
  EXPECT_EQ((*reply)[layers_of(*reply).l4_offset], 0);  // echo reply
  EXPECT_EQ(MacAddress::from(reply->data()), *parse_mac(kGuestMac));
  EXPECT_EQ(MacAddress::from(reply->data() + 6), *parse_mac(kGatewayMac));
}

TEST_P(GatewayTest, LeasesTheMappedAddressOverTheTunnel) {
  start({"--tftp", folder_ + "/tftp", "--bootfile", "boot.txt"});
  Bytes discover(240);
  discover[0] = discover[1] = 1;
  discover[2] = 6;
  const MacAddress mac = *parse_mac(kGuestMac);
  std::copy(mac.octets.begin(), mac.octets.end(), discover.begin() + 28);
  const Bytes options = {0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255};
  std::copy(options.begin(), options.begin() + 4, discover.begin() + 236);
  discover.insert(discover.end(), options.begin() + 4, options.end());
  const Bytes request = Frame()
                            .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = kGuestMac})
                            .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
                            .udp({.source = 68, .destination = 67})
                            .payload(discover)
                            .build();
  const std::optional<Bytes> offer =
      guest().ask(request, [](const Bytes& frame) { return udp_source(frame) == 67; });
  ASSERT_TRUE(offer);
  const std::string message = payload(*offer);
  EXPECT_EQ(message.substr(16, 4), std::string("\x0a\x00\x02\x0f", 4));
  EXPECT_EQ(message.substr(20, 4), std::string("\x0a\x00\x02\x02", 4));
  EXPECT_EQ(std::string(message.c_str() + 108), "boot.txt");
}

TEST_P(GatewayTest, ServesFilesByTftp) {
  start({"--tftp", folder_ + "/tftp"});
  const Bytes request = from_guest("10.0.2.2")
                            .udp({.source = 2000, .destination = 69})
                            .payload(octets_of(std::string_view("\0\1boot.txt\0octet\0", 17)))
                            .build();
  const std::optional<Bytes> data =
      guest().ask(request, [](const Bytes& frame) { return udp_source(frame) == 69; });
  ASSERT_TRUE(data);
  EXPECT_EQ(payload(*data), std::string("\0\3\0\1boot me", 11));
}

// A UDP socket of the host, on loopback.
class HostSocket {
 public:
  HostSocket() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    socklen_t length = sizeof any;
    EXPECT_EQ(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&any), &length), 0);
    port_ = ntohs(any.sin_port);
  }
  uint16_t port() const { return port_; }
  // Sends back what it gets, until told to stop.
  void echo(const std::function<bool()>& stop) {
    while (!stop()) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (poll(&ready, 1, 20) <= 0) continue;
      Bytes octets(65536);
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const ssize_t count = recvfrom(socket_.get(), octets.data(), octets.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &length);
      if (count > 0)
        sendto(socket_.get(), octets.data(), static_cast<size_t>(count), 0,
               reinterpret_cast<sockaddr*>(&from), length);
    }
  }

 private:
  common::Descriptor socket_;
  uint16_t port_ = 0;
};

TEST_P(GatewayTest, CarriesDatagramsToTheHostAndBack) {
  start();
  HostSocket host;
  std::atomic<bool> done = false;
  std::thread echo([&] { host.echo([&] { return done.load(); }); });
  const Bytes request = from_guest("10.0.2.2")
                            .udp({.source = 3000, .destination = host.port()})
                            .payload(octets_of("to the host"))
                            .build();
  const std::optional<Bytes> reply =
      guest().ask(request, [&](const Bytes& frame) { return udp_source(frame) == host.port(); });
  done = true;
  echo.join();
  ASSERT_TRUE(reply);
  EXPECT_EQ(payload(*reply), "to the host");
}

TEST_P(GatewayTest, RestrictedStillAnswersForItself) {
  start({"--restrict"});
  const Bytes request =
      from_guest("10.0.2.2").icmp({.type = 8}).payload(octets_of("hello")).build();
  EXPECT_TRUE(
      guest().ask(request, [](const Bytes& frame) { return layers_of(frame).l4 == L4::kIcmp; }));
}

TEST_P(GatewayTest, SurvivesGarbageInsideAndOutsideTheTunnel) {
  start();
  Bytes garbage;
  for (uint32_t i = 0; i < 2000; ++i) {
    const uint32_t length = 1 + i % 97;
    Bytes frame(4 + length);
    store_be<uint32_t>(frame.data(), length);
    for (uint32_t j = 0; j < length; ++j) frame[4 + j] = static_cast<uint8_t>(i * 31 + j * 7);
    garbage.insert(garbage.end(), frame.begin(), frame.end());
  }
  guest().send_octets(garbage);
  Bytes broken = from_guest("10.0.2.2")
                     .udp({.source = 1, .destination = 67})
                     .payload(octets_of("not DHCP at all"))
                     .build();
  guest().tell(broken);
  const Bytes request =
      from_guest("10.0.2.2").icmp({.type = 8}).payload(octets_of("alive?")).build();
  EXPECT_TRUE(
      guest().ask(request, [](const Bytes& frame) { return layers_of(frame).l4 == L4::kIcmp; }));
}

INSTANTIATE_TEST_SUITE_P(Formats, GatewayTest, ::testing::Values("vxlan", "geneve"));

TEST(GatewayCommand, RefusesWhatItCannotDo) {
  EXPECT_EQ(run({}), 1);
  EXPECT_EQ(run({"--underlay", "unix:/x", "--policy", "/nonexistent.json", "--vnic", "a"}), 1);
  EXPECT_EQ(run({"--help"}), 0);
}

}  // namespace
}  // namespace gatehouse::gateway
