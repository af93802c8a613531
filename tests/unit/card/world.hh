// SPDX-License-Identifier: GPL-2.0-or-later
// A card between fakes: a wire, a clock, listeners, and guests that take what they are told to.
#ifndef GATEHOUSE_TESTS_UNIT_CARD_WORLD_HH_
#define GATEHOUSE_TESTS_UNIT_CARD_WORLD_HH_

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "hw/card/card.hh"
#include "hw/core/policy/reader.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::card {

class FakeWire final : public UplinkPort {
 public:
  size_t send(unsigned uplink, std::span<const OutFrame> frames) override {
    const size_t taken = std::min(frames.size(), room);
    for (const OutFrame& frame : frames.first(taken))
      sent.push_back({uplink, test::bytes_of(frame)});
    room -= taken;
    return taken;
  }
  void resume(unsigned uplink) override { resumed.push_back(uplink); }
  bool cuts(unsigned) const override { return cutting; }
  void send_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) override {
    sent.push_back({uplink, test::bytes_of(frame)});
    supers.push_back(super);
  }

  std::vector<std::pair<unsigned, test::Bytes>> sent;
  std::vector<unsigned> resumed;
  bool cutting = false;
  std::vector<SuperFrame> supers;                    // those of `sent` that the wire cuts
  size_t room = std::numeric_limits<size_t>::max();  // frames that it still takes
};

class FakeClock final : public ClockPort {
 public:
  int64_t now_ns() override { return now; }
  void arm(int64_t deadline_ns) override { deadline = deadline_ns; }
  int64_t now = 1'000'000;
  int64_t deadline = std::numeric_limits<int64_t>::max();
};

class FakeEvents final : public EventPort {
 public:
  void schedule() override { scheduled = true; }
  bool runs() override { return running; }
  bool tracing() override { return false; }
  void walked(spec::Stage, unsigned, size_t) override {}
  void dropped(bool from_vnic, unsigned port, spec::DropReason reason) override {
    ++drops[{from_vnic, port, reason}];
  }
  void drops_reported(bool from_vnic, const std::string& port, spec::DropReason reason,
                      uint64_t count) override {
    reports.push_back({from_vnic, port, reason, count});
  }
  void incomplete(const stateless::Loss&) override {}
  void firewall_logged(const std::string& vnic, const pipeline::FirewallLog& log) override {
    logs.push_back({vnic, log.firewall, log.rule, log.rule_name, log.reason,
                    to_string(local_of(log.key)), to_string(remote_of(log.key)),
                    log.key.remote_port, log.suppressed});
  }
  struct Log {
    std::string vnic, firewall;
    uint32_t rule;
    std::string name;
    spec::DropReason reason;
    std::string local, remote;
    uint16_t remote_port;
    uint64_t suppressed;
    bool operator==(const Log&) const = default;
  };
  std::vector<Log> logs;
  bool scheduled = false, running = true;
  std::map<std::tuple<bool, unsigned, spec::DropReason>, uint64_t> drops;
  std::vector<std::tuple<bool, std::string, spec::DropReason, uint64_t>> reports;
};

class FakeGuest final : public GuestPort {
 public:
  size_t receive(std::span<const vnic::Delivery> frames) override {
    const size_t taken = std::min(frames.size(), room);
    for (const vnic::Delivery& delivery : frames.first(taken))
      received.push_back(test::bytes_of(delivery.frame));
    room -= taken;
    if (on_receive) on_receive();
    return taken;
  }
  bool crowded() const override { return slow; }
  uint32_t largest_frame() const override { return largest; }
  nlohmann::json state() const override { return nlohmann::json::object(); }

  std::vector<test::Bytes> received;
  size_t room = std::numeric_limits<size_t>::max();
  std::function<void()> on_receive;
  bool slow = false;
  uint32_t largest = kStandardFrame;
  VnicPort* port = nullptr;
};

// Two vnics of tenant red on one card, two of its addresses elsewhere.
inline constexpr char kPolicy[] = R"({
  "uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.1.0.1/24"],
               "neighbours": [{"address": "10.1.0.2", "mac": "02:00:00:00:00:02"}]}],
  "tenants": [{"name": "red", "vni": 5001, "format": "vxlan"}],
  "vnics": [{"name": "a", "tenant": "red", "mac": "52:54:00:00:00:0a", "addresses": ["10.0.0.10"]},
            {"name": "b", "tenant": "red", "mac": "52:54:00:00:00:0b", "addresses": ["10.0.0.11"]}],
  "mappings": [{"tenant": "red", "destination": "10.0.0.2", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2"}]
})";

class World {
 public:
  explicit World(const uplink::Options& uplink = {.present = true}, uint64_t flow_seed = 0,
                 const PacketPool::Limits& buffers = {})
      : card({wire, clock, events}, options(uplink, flow_seed, buffers)) {
    Result<policy::Policy> policy = policy::read_policy(kPolicy, "policy.json");
    EXPECT_TRUE(policy.ok()) << policy.status().message();
    const Status loaded = card.load_policy(policy.value());
    EXPECT_TRUE(loaded.ok()) << loaded.message();
    attach(a, "a", "52:54:00:00:00:0a");
    attach(b, "b", "52:54:00:00:00:0b");
  }

  void attach(FakeGuest& guest, const std::string& name, const char* mac) {
    Result<VnicPort*> port = card.attach(name, *parse_mac(mac), guest);
    ASSERT_TRUE(port.ok()) << port.status().message();
    guest.port = port.value();
  }

  // As the vnic does: a packet of the card's own, filled, handed over.
  static void transmit(FakeGuest& guest, const test::Bytes& frame, size_t copies = 1) {
    std::vector<Packet*> batch;
    for (size_t i = 0; i < copies; ++i) {
      Packet* packet = guest.port->take_packet(static_cast<uint32_t>(frame.size()));
      ASSERT_NE(packet, nullptr);
      std::copy(frame.begin(), frame.end(), packet->data);
      packet->length = static_cast<uint32_t>(frame.size());
      batch.push_back(packet);
    }
    guest.port->transmit(batch);
  }

  // What the environment does after schedule() and when the alarm expires.
  void run() {
    for (int i = 0; i < 1000 && events.scheduled; ++i) {
      events.scheduled = false;
      card.run();
    }
    ASSERT_FALSE(events.scheduled) << "the card never comes to rest";
  }
  void advance(int64_t ns) {
    const int64_t end = clock.now + ns;
    while (clock.deadline <= end) {
      clock.now = std::max(clock.now, clock.deadline);
      clock.deadline = std::numeric_limits<int64_t>::max();
      card.run();
      run();
    }
    clock.now = end;
  }

  uint64_t drops(spec::DropReason reason) {
    const nlohmann::json state = card.state(true);
    return state["drops"][static_cast<size_t>(reason) - 1]["count"];
  }

  static test::Bytes from_a(const std::string& ip, const std::string& mac = "52:54:00:00:00:02",
                            uint32_t payload = 100) {
    return test::Frame()
        .ethernet({.destination = mac, .source = "52:54:00:00:00:0a"})
        .ipv4({.source = "10.0.0.10", .destination = ip})
        .udp()
        .payload(payload)
        .build();
  }
  static test::Bytes from_b(const std::string& ip, const std::string& mac) {
    return test::Frame()
        .ethernet({.destination = mac, .source = "52:54:00:00:00:0b"})
        .ipv4({.source = "10.0.0.11", .destination = ip})
        .udp()
        .payload(100)
        .build();
  }
  // The same frame from the mapped peer, encapsulated for vnic a.
  static test::Bytes tunnel_to_a(uint32_t payload = 100) {
    const test::Bytes inner =
        test::Frame()
            .ethernet({.destination = "52:54:00:00:00:0a", .source = "52:54:00:00:00:02"})
            .ipv4({.source = "10.0.0.2", .destination = "10.0.0.10"})
            .udp()
            .payload(payload)
            .build();
    const test::Bytes vxlan = test::concat({test::from_hex("0800 0000 0013 8900"), inner});
    return test::Frame()
        .ethernet({.destination = "02:00:00:00:00:01", .source = "02:00:00:00:00:02"})
        .ipv4({.source = "10.1.0.2", .destination = "10.1.0.1"})
        .udp({.destination = 4789, .checksum = 0})
        .payload(vxlan)
        .build();
  }
  bool receive(const test::Bytes& frame) {
    return card.receive(0, {{frame.data(), static_cast<uint32_t>(frame.size())}, {}});
  }

  static Options options(const uplink::Options& uplink, uint64_t flow_seed,
                         const PacketPool::Limits& buffers) {
    Options options;
    options.flow_seed = flow_seed;
    options.buffers = buffers;
    options.uplinks[0] = uplink;
    return options;
  }

  FakeWire wire;
  FakeClock clock;
  FakeEvents events;
  FakeGuest a, b;
  Card card;
};

}  // namespace gatehouse::card

#endif  // GATEHOUSE_TESTS_UNIT_CARD_WORLD_HH_
