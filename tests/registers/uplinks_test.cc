// SPDX-License-Identifier: GPL-2.0-or-later
// A card with two uplinks: a frame goes, and comes, by the uplink whose network its peer is on, and
// the other one does not count it.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <span>
#include <utility>

#include "hw/core/base/bytes.hh"
#include "tests/registers/rings.hh"
#include "tests/registers/traffic.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;
using test::Bytes;
using test::Frame;

// Behind uplink0, as default_policy() has it, and behind uplink1.
const char* const kFirst = "192.168.0.2";
const char* const kSecond = "192.168.0.3";
const char* const kUnasked = "192.168.0.4";  // its peer's MAC address is not known

json two_uplinks() {
  json policy = Machine::default_policy();
  json uplink = policy["uplinks"][0];
  uplink.update({{"name", "uplink1"},
                 {"mac", "02:00:00:00:00:11"},
                 {"addresses", {"10.2.0.1/24"}},
                 {"neighbours", {{{"address", "10.2.0.2"}, {"mac", "02:00:00:00:00:12"}}}}});
  policy["uplinks"].push_back(uplink);
  for (const auto& [destination, peer] : {std::pair{kSecond, "10.2.0.2"}, {kUnasked, "10.2.0.3"}}) {
    json mapping = policy["mappings"][0];
    mapping.update({{"destination", destination}, {"peer", peer}});
    policy["mappings"].push_back(mapping);
  }
  return policy;
}

Bytes to(const std::string& ip, uint32_t payload = 100) {
  return Frame()
      .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
      .ipv4({.source = "192.168.0.1", .destination = ip})
      .udp()
      .payload(payload)
      .build();
}

Bytes from(const std::string& ip) {
  return Frame()
      .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
      .ipv4({.source = ip, .destination = "192.168.0.1"})
      .udp()
      .payload(100)
      .build();
}

// encapsulated(), but as the host behind uplink1 sends it.
Bytes from_second_peer(const Bytes& inner) {
  return Frame()
      .ethernet({.destination = "02:00:00:00:00:11", .source = "02:00:00:00:00:12"})
      .ipv4({.source = "10.2.0.2", .destination = "10.2.0.1"})
      .udp({.destination = 4789, .checksum = 0})
      .payload(test::concat({test::from_hex("0800000000138900"), inner}))
      .build();
}

class Uplinks : public testing::Test {
 protected:
  Uplinks()
      : second_(files_.path("far"), files_.path("near")),
        machine_(
            {.policy = two_uplinks(),
             .card = ",uplink1=up1",
             .more = {"-netdev", "dgram,id=up1,local.type=unix,local.path=" + files_.path("near") +
                                     ",remote.type=unix,remote.path=" + files_.path("far")}}),
        rings_(machine_) {
    machine_.place_bars();
    rings_.start();
  }

  json counters(unsigned uplink) { return machine_.card()["uplinks"][uplink]["counters"]; }
  uint64_t counter(unsigned uplink, const char* name) { return counters(uplink)[name]; }
  // What the wire has is this frame in a tunnel between these stations and addresses.
  void expect_tunnelled(Wire& wire, const Bytes& frame, const char* macs, const char* addresses) {
    const auto sent = wire.receive();
    ASSERT_TRUE(sent);
    ASSERT_EQ(sent->size(), frame.size() + kOuter);
    EXPECT_EQ(Bytes(sent->begin(), sent->begin() + 12), test::from_hex(macs));
    EXPECT_EQ(Bytes(sent->begin() + 26, sent->begin() + 34), test::from_hex(addresses));
    EXPECT_EQ(Bytes(sent->begin() + kOuter, sent->end()), frame);
    EXPECT_TRUE(test::checksums_right(*sent));
  }
  void expect_both_idle() {
    EXPECT_TRUE(machine_.wire().idle()) << "uplink0";
    EXPECT_TRUE(second_.idle()) << "uplink1";
  }

  lab::WorkDir files_{"uplinks"};
  Wire second_;
  Machine machine_;
  Rings rings_;
};

TEST_F(Uplinks, AreBothThere) {
  const json uplinks = machine_.card()["uplinks"];
  ASSERT_EQ(uplinks.size(), 2u);
  EXPECT_EQ(uplinks[1]["name"], "uplink1");
  EXPECT_EQ(uplinks[1]["link"], true);
  EXPECT_EQ(uplinks[1]["mac"], "02:00:00:00:00:11");
  EXPECT_EQ(uplinks[1]["addresses"], json({"10.2.0.1/24"}));
}

TEST_F(Uplinks, AFrameLeavesByTheUplinkOfItsPeerAlone) {
  json other = counters(0);
  rings_.send(to(kSecond));
  expect_tunnelled(second_, to(kSecond), "020000000012 020000000011", "0a020001 0a020002");
  expect_both_idle();
  EXPECT_EQ(counters(0), other);
  EXPECT_EQ(counter(1, "tx_frames"), 1u);

  other = counters(1);
  rings_.send(to(kFirst));
  expect_tunnelled(machine_.wire(), to(kFirst), "020000000002 020000000001", "0a010001 0a010002");
  expect_both_idle();
  EXPECT_EQ(counters(1), other);
  EXPECT_EQ(counter(0, "tx_frames"), 1u);
  EXPECT_TRUE(machine_.card()["drops"].empty());
}

TEST_F(Uplinks, AFrameComesInByEither) {
  json other = counters(0);
  second_.send(from_second_peer(from(kSecond)));
  auto frame = rings_.receive();
  ASSERT_TRUE(frame);
  EXPECT_EQ(*frame, from(kSecond));
  EXPECT_EQ(counters(0), other);
  EXPECT_EQ(counter(1, "rx_frames"), 1u);
  EXPECT_EQ(counter(1, "rx_decapsulated"), 1u);

  other = counters(1);
  machine_.wire().send(encapsulated(from(kFirst)));
  frame = rings_.receive();
  ASSERT_TRUE(frame);
  EXPECT_EQ(*frame, from(kFirst));
  EXPECT_EQ(counters(1), other);
  EXPECT_EQ(counter(0, "rx_decapsulated"), 1u);
  EXPECT_TRUE(machine_.card()["drops"].empty());
  expect_both_idle();
}

// Each frame but one thing is right.
TEST_F(Uplinks, WhatIsTheOthersIsNotTaken) {
  const struct {
    const char* text;
    unsigned uplink;
    Bytes frame;
    const char* reason;
  } rows[] = {
      {"uplink1's by uplink0", 0, from_second_peer(from(kSecond)), "not_for_card"},
      {"uplink0's by uplink1", 1, encapsulated(from(kFirst)), "not_for_card"},
      {"a source behind uplink0, from uplink1's peer", 1, from_second_peer(from(kFirst)),
       "remote_spoof"},
      {"a source behind uplink1, from uplink0's peer", 0, encapsulated(from(kSecond)),
       "remote_spoof"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const json other = counters(1 - row.uplink);
    const uint64_t drops = machine_.drops(row.reason), came = counter(row.uplink, "rx_frames");
    (row.uplink == 0 ? machine_.wire() : second_).send(row.frame);
    ASSERT_TRUE(machine_.wait([&] { return counter(row.uplink, "rx_frames") == came + 1; }));
    EXPECT_EQ(machine_.drops(row.reason), drops + 1);
    EXPECT_EQ(counters(1 - row.uplink), other);
    EXPECT_FALSE(rings_.received());
    expect_both_idle();
  }
}

TEST_F(Uplinks, ANextHopIsAskedForOnItsOwnUplink) {
  const json other = counters(0);
  rings_.send(to(kUnasked));
  const auto question = second_.receive();
  ASSERT_TRUE(question);
  EXPECT_EQ(Bytes(question->begin(), question->begin() + 14),
            test::from_hex("ffffffffffff 020000000011 0806"));
  EXPECT_EQ(Bytes(question->begin() + 38, question->begin() + 42), test::from_hex("0a020003"));
  expect_both_idle();
  EXPECT_EQ(counters(0), other);

  test::Ethernet ethernet{.destination = "ff:ff:ff:ff:ff:ff", .source = "02:00:00:00:00:13"};
  const test::Arp answer{.operation = 2,
                         .sender_mac = "02:00:00:00:00:13",
                         .sender_ip = "10.2.0.3",
                         .target_mac = "02:00:00:00:00:11",
                         .target_ip = "10.2.0.1"};
  machine_.wire().send(Frame().ethernet(ethernet).arp(answer).build());
  machine_.wait_received(1);
  EXPECT_EQ(machine_.drops("not_for_card"), 1u) << "nobody's answer on uplink0";
  expect_both_idle();

  ethernet.destination = "02:00:00:00:00:11";
  second_.send(Frame().ethernet(ethernet).arp(answer).build());
  expect_tunnelled(second_, to(kUnasked), "020000000013 020000000011", "0a020001 0a020003");
  expect_both_idle();
}

TEST_F(Uplinks, OneWithoutLinkDoesNotConcernTheOther) {
  machine_.qmp().execute("set_link", {{"name", "card0.uplink1"}, {"up", false}});
  rings_.send(to(kSecond));
  EXPECT_EQ(machine_.drops("uplink_down"), 1u);
  rings_.send(to(kFirst));
  EXPECT_TRUE(machine_.wire().receive());
  expect_both_idle();
  EXPECT_EQ(machine_.drops("uplink_down"), 1u);
  machine_.qmp().execute("set_link", {{"name", "card0.uplink1"}, {"up", true}});
  rings_.send(to(kSecond, 33));
  const auto sent = second_.receive();
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->size(), to(kSecond, 33).size() + kOuter) << "what was lost stays lost";
  expect_both_idle();
}

// The other end of a stream netdev, which is let go and taken again.
class Listener {
 public:
  explicit Listener(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(socket_, 1), 0);
  }
  ~Listener() {
    hang_up();
    close(socket_);
  }
  void answer() {
    pollfd ready{socket_, POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 20'000), 1);
    peer_ = accept(socket_, nullptr, nullptr);
    ASSERT_GE(peer_, 0);
  }
  void hang_up() {
    if (peer_ >= 0) close(std::exchange(peer_, -1));
  }
  // Behind its length, as QEMU writes it. Empty: none came within the limit.
  Bytes receive() {
    std::array<uint8_t, 4> length{};
    if (!read_whole(length)) return {};
    Bytes frame(load_be<uint32_t>(length.data()));
    return read_whole(frame) ? frame : Bytes();
  }

 private:
  bool read_whole(std::span<uint8_t> to) {
    while (!to.empty()) {
      pollfd ready{peer_, POLLIN, 0};
      if (poll(&ready, 1, 20'000) != 1) return false;
      const ssize_t octets = read(peer_, to.data(), to.size());
      if (octets <= 0) return false;
      to = to.subspan(static_cast<size_t>(octets));
    }
    return true;
  }
  int socket_ = socket(AF_UNIX, SOCK_STREAM, 0), peer_ = -1;
};

// The switch ends while there was no room for a frame, and comes back.
TEST(StreamUplink, ANewPeerFindsAnUplinkThatSends) {
  lab::WorkDir files("stream");
  Listener far(files.path("far"));
  Machine machine({.policy = two_uplinks(),
                   .card = ",uplink1=up1",
                   .more = {"-netdev", "stream,id=up1,server=off,addr.type=unix,addr.path=" +
                                           files.path("far") + ",reconnect-ms=50"}});
  far.answer();
  machine.place_bars();
  Rings rings(machine);
  rings.start();
  const auto busy = [&] { return machine.card()["uplinks"][1]["busy"] == true; };
  rings.send(to(kSecond));
  EXPECT_EQ(far.receive().size(), to(kSecond).size() + kOuter);
  for (int frames = 0; frames < 4000 && !busy(); ++frames) rings.send(to(kSecond, 1400));
  ASSERT_TRUE(busy());
  // It had connected before; the uplink has no link until it has done so again.
  const auto connected = [&](std::chrono::milliseconds limit) {
    return machine.qmp().wait_event("NETDEV_STREAM_CONNECTED", limit).has_value();
  };
  ASSERT_TRUE(connected(std::chrono::seconds(20)));
  far.hang_up();
  far.answer();
  ASSERT_TRUE(connected(std::chrono::seconds(20)));
  EXPECT_TRUE(machine.wait([&] { return !busy(); }));
  const Bytes last = to(kSecond, 77);
  rings.send(last);
  Bytes came;
  do {
    came = far.receive();
  } while (!came.empty() && came.size() != last.size() + kOuter);
  EXPECT_EQ(came.size(), last.size() + kOuter);
}

}  // namespace
}  // namespace gatehouse::registers
