// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/gro_bed.hh"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/pipeline/world.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::peers {
namespace {

using test::Bytes;

// The kernel holds segments so long after the last one; a busy machine needs the room.
constexpr const char* kHoldNs = "10000000";
constexpr int kPatienceMs = 5000;
constexpr int kAttempts = 200;
constexpr ssize_t kVirtioHeader = 10;  // octets, in the host's byte order

std::string device(const std::string& tunnel, bool v6) {
  const std::string ends =
      v6 ? " local 2001:db8::2 remote 2001:db8::1" : " local 192.0.2.2 remote 192.0.2.1";
  if (tunnel == "vxlan") {
    return "vxlan id 100 dstport 4789 nolearning udp6zerocsumrx" + ends;
  }
  if (tunnel == "geneve") {
    return "geneve id 100 udp6zerocsumrx" + ends.substr(ends.find(" remote"));
  }
  return (v6 ? "ip6" : "") + tunnel + " key 100" + ends + (v6 ? " encaplimit none" : "");
}

int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
// Ticks that have passed: ages in GRO are counted in them.
int64_t ticks() { return clock_ns(CLOCK_MONOTONIC_COARSE); }
// The same, when the clock shows all ticks that were seen by now: it follows them by a little.
int64_t settled_ticks() {
  constexpr int64_t kFollowsNs = 200'000;
  const int64_t until = clock_ns(CLOCK_MONOTONIC) + kFollowsNs;
  while (clock_ns(CLOCK_MONOTONIC) < until) continue;
  return ticks();
}

bool is_guests(const Bytes& frame) {
  return Bytes(frame.begin() + 6, frame.begin() + 11) == test::from_hex("5254000000");
}

void set_option(int socket, int name) {
  const int on = 1;
  if (setsockopt(socket, SOL_PACKET, name, &on, sizeof on) != 0)
    throw lab::Failure(std::string("packet socket: ") + strerror(errno));
}

}  // namespace

GroBed::GroBed(const std::string& tunnel, bool outer_v6)
    : wire_(net_.open_tap("wire0", 1700, /*vnet_hdr=*/false, /*napi=*/true)) {
  const std::string seen = tunnel.empty() ? "wire0" : "tun0";
  std::string script = std::string("echo ") + kHoldNs +
                       " >/sys/class/net/wire0/gro_flush_timeout; ip link set wire0 address " +
                       test::kMacB + "; ";
  if (!tunnel.empty()) {
    // One GRO is enough: the tunnel device's own would be asked about what the first one refused.
    script +=
        "ip addr add 192.0.2.2/24 dev wire0; ip addr add 2001:db8::2/64 dev wire0 nodad; "
        "ip link add tun0 type " +
        device(tunnel, outer_v6) + "; ethtool -K tun0 gro off; ip link set tun0 mtu 1500; ";
  }
  script += "sysctl -qw net.ipv6.conf." + seen + ".disable_ipv6=1; ip link set " + seen + " up";
  net_.sh(script);
  socket_ = net_.open_socket(AF_PACKET, SOCK_RAW, 0);
  set_option(socket_, PACKET_VNET_HDR);
  set_option(socket_, PACKET_IGNORE_OUTGOING);
  sockaddr_ll here{};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETH_P_ALL);
  here.sll_ifindex = std::stoi(net_.sh("cat /sys/class/net/" + seen + "/ifindex"));
  if (bind(socket_, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0)
    throw lab::Failure(std::string("packet socket: ") + strerror(errno));
}

GroBed::~GroBed() { close(socket_); }

// What a tick has fallen into is sent again: at a tick the kernel lets go what it holds.
std::vector<Bytes> GroBed::pass(const std::vector<Bytes>& frames, size_t segments) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int64_t before = ticks();
    for (const Bytes& frame : frames) {
      if (write(wire_, frame.data(), frame.size()) != static_cast<ssize_t>(frame.size()))
        throw lab::Failure(std::string("tap: ") + strerror(errno));
    }
    const bool together = settled_ticks() == before;
    std::vector<Bytes> all = arrived(segments);
    if (together) return all;
  }
  throw lab::Failure("no train of segments was within one tick");
}

std::vector<Bytes> GroBed::arrived(size_t segments) {
  std::vector<Bytes> all;
  size_t seen = 0;
  pollfd ready{socket_, POLLIN, 0};
  while (seen < segments && poll(&ready, 1, kPatienceMs) == 1) {
    size_t more = 0;
    Bytes frame = receive(&more);
    seen += more;
    if (more != 0) all.push_back(std::move(frame));
  }
  if (seen != segments) {
    throw lab::Failure("the kernel passed on " + std::to_string(seen) + " of " +
                       std::to_string(segments) + " segments");
  }
  return all;
}

// 0 segments: a frame of somebody else's.
Bytes GroBed::receive(size_t* segments) {
  Bytes octets(kVirtioHeader + 80'000);
  const ssize_t got = recv(socket_, octets.data(), octets.size(), 0);
  if (got < kVirtioHeader) throw lab::Failure(std::string("packet socket: ") + strerror(errno));
  const auto word = [&octets](size_t at) { return load_le<uint16_t>(&octets[at]); };
  Bytes frame(octets.begin() + kVirtioHeader, octets.begin() + got);
  *segments = 0;
  if (frame.size() < 14 || !is_guests(frame)) return frame;
  *segments = 1;
  if ((octets[0] & 1) != 0) {  // the checksum is the pseudo header's sum yet
    const std::span<const uint8_t> summed = std::span(frame).subspan(word(6));
    store_be(&frame[size_t{word(6)} + word(8)], checksum::finish(test::naive_sum(summed)));
  }
  Layers layers;
  if (octets[1] != 0 && parse::parse(frame, {}, layers) == spec::DropReason::none) {
    const uint32_t mss = word(4), payload = layers.l3_end - layers.payload_offset;
    *segments = (payload + mss - 1) / mss;
  }
  return frame;
}

}  // namespace gatehouse::peers
