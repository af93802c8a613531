// SPDX-License-Identifier: GPL-2.0-or-later
// Firewalls and meters in the whole path: out, in, between two vnics of a card, over a snapshot, a
// move and a change of rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "hw/core/base/archive.hh"
#include "hw/core/pipeline/guard.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
constexpr int64_t kSecond = 1'000'000'000;

policy::Rule allow_in(uint8_t protocol, uint16_t port) {
  return {.protocol = protocol, .ports = {{port, port}}};
}

// Card b's vnics have the firewall "web": inward TCP 80, UDP 5000 and pings.
policy::Policy guarded(const std::function<void(policy::Policy&)>& change = {}) {
  policy::Policy policy = card_b();
  policy::Firewall web;
  web.name = "web";
  web.connections = 100;
  web.half_open = 10;
  web.rules = {allow_in(6, 80), allow_in(17, 5000), {.protocol = 1, .icmp_types = {8}}};
  policy.firewalls = {web};
  policy.vnics[0].firewall = "web";
  policy.connections = 4096;
  if (change) change(policy);
  return policy;
}

// Towards b0 (10.0.0.2), as the guest a0 (10.0.0.1) sends it; and back.
Frame to_b() { return Frame().ethernet().ipv4(); }
Frame to_a() {
  return Frame()
      .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
      .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"});
}
Bytes tcp_to_b(uint8_t flags, uint32_t sequence, uint32_t ack, uint16_t port = 40000,
               uint32_t payload = 0) {
  return to_b()
      .tcp({.source = port, .sequence = sequence, .acknowledgement = ack, .flags = flags})
      .payload(payload)
      .build();
}
Bytes tcp_to_a(uint8_t flags, uint32_t sequence, uint32_t ack, uint16_t port = 40000,
               uint32_t payload = 0) {
  return to_a()
      .tcp({.source = 80,
            .destination = port,
            .sequence = sequence,
            .acknowledgement = ack,
            .flags = flags})
      .payload(payload)
      .build();
}

// Two cards with a wire between them.
struct Pair {
  explicit Pair(const policy::Policy& policy_b = guarded()) : b(policy_b) {}
  // True: the frame arrived at the other guest.
  bool to_b(const Bytes& frame) { return pass(a, b, frame); }
  bool to_a(const Bytes& frame) { return pass(b, a, frame); }
  static bool pass(World& from, World& to, const Bytes& frame, const Offload& offload = {}) {
    from.sink.clear(), to.sink.clear();
    from.from_vnic(0, frame, offload);
    for (const SentFrame& sent : from.sink.sent) to.from_wire(sent.frame);
    return !to.sink.received.empty();
  }
  void open(uint16_t port = 40000) {
    EXPECT_TRUE(to_b(tcp_to_b(kSyn, 1000, 0, port)));
    EXPECT_TRUE(to_a(tcp_to_a(kSyn | kAck, 5000, 1001, port)));
    EXPECT_TRUE(to_b(tcp_to_b(kAck, 1001, 5001, port)));
  }
  uint64_t drops(const char* reason) const {
    const Counts counts = b.count();
    const auto found = counts.find(std::string("vnic0.drop.") + reason);
    return found == counts.end() ? 0 : found->second;
  }
  uint64_t counter(const char* name) const {
    const Counts counts = b.count();
    const auto found = counts.find(std::string("vnic0.") + name);
    return found == counts.end() ? 0 : found->second;
  }
  World a{card_a()};
  World b;
};

TEST(Firewall, AbsentMeansEverythingPasses) {
  Pair pair(card_b());
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1, 1)));
  EXPECT_EQ(pair.b.pipeline.sizes().connections, 0u);
  EXPECT_EQ(pair.b.pipeline.sizes().connection_room, 0u);
}

TEST(Firewall, LetsInWhatItsRulesAllowAndItsAnswers) {
  Pair pair;
  pair.open();
  EXPECT_EQ(pair.b.pipeline.connections(0), 1u);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 300)));
  EXPECT_TRUE(pair.to_a(tcp_to_a(kAck, 5001, 1301)));
  const Counts before = pair.b.count();
  EXPECT_FALSE(pair.to_b(to_b().tcp({.destination = 22, .flags = kSyn}).build()));
  EXPECT_EQ(moved(before, pair.b.count()), (Counts{{"drop.firewall_denied", 1},
                                                   {"vnic0.drop.firewall_denied", 1},
                                                   {"vnic0.rx_drops", 1},
                                                   {"uplink0.rx_frames", 1},
                                                   {"uplink0.rx_bytes", 54 + 50},
                                                   {"uplink0.rx_decapsulated", 1}}));
  EXPECT_EQ(pair.b.sink.drops,
            (std::vector<Dropped>{{true, 0, spec::DropReason::firewall_denied}}));
  // What the guest begins passes, and so do the answers.
  EXPECT_FALSE(pair.to_b(to_b().udp({.source = 53, .destination = 1234}).build()));
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1234, .destination = 53}).build()));
  EXPECT_TRUE(pair.to_b(to_b().udp({.source = 53, .destination = 1234}).build()));
  EXPECT_FALSE(pair.to_b(to_b().udp({.source = 54, .destination = 1234}).build()));
}

TEST(Firewall, PingsAndTheirAnswers) {
  Pair pair;
  EXPECT_FALSE(pair.to_b(to_b().icmp({.type = 0, .rest = 0x00070001}).build()));
  EXPECT_EQ(pair.drops("firewall_no_connection"), 1u);
  EXPECT_TRUE(pair.to_b(to_b().icmp({.type = 8, .rest = 0x00070001}).build()));
  EXPECT_TRUE(pair.to_a(to_a().icmp({.type = 0, .rest = 0x00070001}).build()));
  EXPECT_TRUE(pair.to_a(to_a().icmp({.type = 8, .rest = 0x00070001}).build())) << "its own";
  EXPECT_TRUE(pair.to_b(to_b().icmp({.type = 0, .rest = 0x00070001}).build()));
  EXPECT_FALSE(pair.to_b(to_b().icmp({.type = 13}).build()));
  EXPECT_EQ(pair.drops("firewall_denied"), 1u);
}

TEST(Firewall, AckOnlyAndOtherStraysDie) {
  Pair pair;
  const struct {
    uint8_t flags;
    const char* reason;
  } rows[] = {{kAck, "firewall_no_connection"},
              {kSyn | kAck, "firewall_no_connection"},
              {kRst, "firewall_no_connection"},
              {kFin | kAck, "firewall_no_connection"},
              {0, "firewall_bad_flags"},
              {kSyn | kFin, "firewall_bad_flags"},
              {kFin | 8 | 32, "firewall_bad_flags"}};
  for (const auto& row : rows) {
    const uint64_t before = pair.drops(row.reason);
    EXPECT_FALSE(pair.to_b(tcp_to_b(row.flags, 1, 1))) << int(row.flags);
    EXPECT_EQ(pair.drops(row.reason), before + 1) << int(row.flags);
  }
  EXPECT_EQ(pair.b.pipeline.connections(0), 0u);
  // Out of an open connection's windows.
  pair.open();
  EXPECT_FALSE(pair.to_b(tcp_to_b(kAck, 900'000, 5001, 40000, 10)));
  EXPECT_FALSE(pair.to_b(tcp_to_b(kRst, 900'000, 0)));
  EXPECT_EQ(pair.drops("firewall_bad_window"), 2u);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 10)));
}

TEST(Firewall, ASpoofedSourceDiesBeforeIt) {
  Pair pair;
  const Bytes spoofed =
      Frame().ethernet().ipv4({.source = "10.0.0.77"}).tcp({.flags = kSyn}).build();
  EXPECT_FALSE(pair.to_b(spoofed));
  EXPECT_EQ(pair.a.count().at("drop.spoofed_ipv4"), 1u);
  // And when the other card lets it out.
  World loose([] {
    policy::Policy policy = card_a();
    policy.vnics[0].anti_spoof = false;
    return policy;
  }());
  EXPECT_FALSE(Pair::pass(loose, pair.b, spoofed));
  EXPECT_EQ(pair.b.count().at("drop.remote_spoof"), 1u);
  EXPECT_EQ(pair.b.pipeline.connections(0), 0u);
}

TEST(Firewall, AWrongChecksumChangesNothing) {
  Pair pair;
  pair.open();
  EXPECT_FALSE(
      pair.to_b(to_b().tcp({.sequence = 1001, .flags = kRst, .checksum = 0x1234}).build()));
  EXPECT_EQ(pair.drops("firewall_bad_checksum"), 1u);
  EXPECT_EQ(pair.counter("firewall_closed"), 0u);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1001, 0)));
  EXPECT_EQ(pair.counter("firewall_closed"), 1u);
}

// RFC 6935: between tunnel ends UDP may go without a checksum over IPv6, too.
TEST(Firewall, UdpWithoutAChecksumIsNoWrongOne) {
  Pair pair(guarded([](auto& policy) { policy.firewalls[0].rules = {allow_in(17, 5000)}; }));
  const auto datagram = [](bool v6, uint16_t checksum) {
    Frame frame = Frame().ethernet();
    v6 ? frame.ipv6() : frame.ipv4();
    return frame.udp({.checksum = checksum}).payload(100).build();
  };
  for (const bool v6 : {false, true}) {
    EXPECT_TRUE(pair.to_b(datagram(v6, 0))) << v6;
    EXPECT_FALSE(pair.to_b(datagram(v6, 0x1234))) << v6;
  }
  EXPECT_EQ(pair.drops("firewall_bad_checksum"), 2u);
}

TEST(Firewall, ALoweredHalfOpenIsReached) {
  const auto lower = [](policy::Policy& policy) { policy.firewalls[0].half_open = 3; };
  Pair pair;
  for (uint16_t port = 1; port <= 10; ++port) EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1, 0, port)));
  ASSERT_TRUE(pair.b.pipeline.load(guarded(lower)).ok());
  EXPECT_EQ(pair.b.pipeline.sizes().connections, 10u);
  for (const uint32_t left : {9u, 8u, 7u, 6u, 5u, 4u, 3u, 3u, 3u}) {
    EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1, 0, static_cast<uint16_t>(100 - left))));
    EXPECT_EQ(pair.b.pipeline.sizes().connections, left);
  }
}

TEST(Firewall, ASynFloodIsBoundedAndPushesOutItselfOnly) {
  Pair pair;
  pair.open();
  // The guest's own call waits for its answer.
  EXPECT_TRUE(pair.to_a(
      to_a().tcp({.source = 7, .destination = 443, .sequence = 9, .flags = kSyn}).build()));
  for (uint16_t port = 1; port <= 2000; ++port) {
    EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, port, 0, port)));
    EXPECT_LE(pair.b.pipeline.connections(0), 12u);
  }
  EXPECT_EQ(pair.counter("firewall_evicted"), 1990u);
  EXPECT_FALSE(pair.to_a(tcp_to_a(kSyn | kAck, 1, 2, 1))) << "forgotten";
  EXPECT_TRUE(pair.to_a(tcp_to_a(kSyn | kAck, 1, 2001, 2000))) << "the last ones are known";
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 50))) << "the open one as well";
  EXPECT_TRUE(pair.to_b(to_b()
                            .tcp({.source = 443,
                                  .destination = 7,
                                  .sequence = 5,
                                  .acknowledgement = 10,
                                  .flags = kSyn | kAck})
                            .build()));
}

TEST(Firewall, ConnectionsOfAVnicAreLimited) {
  Pair pair(guarded([](policy::Policy& policy) { policy.firewalls[0].connections = 5; }));
  for (uint16_t port = 1; port <= 5; ++port) pair.open(port);
  EXPECT_FALSE(pair.to_b(tcp_to_b(kSyn, 1, 0, 6)));
  EXPECT_EQ(pair.drops("firewall_limit"), 1u);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1001, 0, 3)));
  pair.a.now += 12 * kSecond, pair.b.now += 12 * kSecond;
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1, 0, 6))) << "the one that ended made room";

  Pair full(guarded([](policy::Policy& policy) { policy.connections = 3; }));
  for (uint16_t port = 1; port <= 3; ++port) full.open(port);
  EXPECT_FALSE(full.to_b(tcp_to_b(kSyn, 1, 0, 6)));
  EXPECT_EQ(full.drops("flow_table_full"), 1u);
}

// After a silence, in which nobody looked at them, as well: a peer whose network has gone.
TEST(Firewall, ConnectionsThatEndedInSilenceMakeRoom) {
  Pair pair(guarded([](policy::Policy& policy) { policy.firewalls[0].connections = 5; }));
  for (uint16_t port = 1; port <= 5; ++port) {
    pair.open(port);
    EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, port, 10)));
  }
  pair.a.now += 302 * kSecond, pair.b.now += 302 * kSecond;
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1, 0, 6)));
  EXPECT_EQ(pair.drops("firewall_limit"), 0u);
  EXPECT_EQ(pair.counter("firewall_evicted"), 0u);

  World quiet(guarded([](policy::Policy& policy) { policy.firewalls[0].connections = 3; }));
  for (uint16_t port = 1; port <= 3; ++port) {
    EXPECT_TRUE(Pair::pass(quiet, pair.a, to_a().udp({.source = port, .destination = 53}).build()));
  }
  std::vector<pipeline::MovedConnection> here(8);
  uint32_t cursor = 0;
  here.resize(pair.b.pipeline.export_connections(0, pair.b.now, cursor, here));
  ASSERT_EQ(here.size(), 1u);
  quiet.now += 3600 * kSecond;
  EXPECT_EQ(quiet.pipeline.import_connections(0, quiet.now, here).value().taken, 1u);
}

// A flood that is as large as all that a vnic may have gives way to each question of the other
// direction, and these are no reason for one another to go.
TEST(Firewall, AFloodGivesWayToQuestionsOfTheOtherDirection) {
  Pair pair(guarded([](policy::Policy& policy) {
    policy.firewalls[0].connections = 100;
    policy.firewalls[0].half_open = 200;
  }));
  for (uint16_t port = 1; port <= 100; ++port)
    EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1000, 0, port)));
  for (uint16_t port = 1; port <= 20; ++port)
    EXPECT_TRUE(pair.to_a(to_a().udp({.source = port, .destination = 53}).build()));
  for (uint16_t port = 1; port <= 20; ++port)
    EXPECT_TRUE(pair.to_b(to_b().udp({.source = 53, .destination = port}).build())) << port;
  EXPECT_EQ(pair.counter("firewall_evicted"), 20u);
  EXPECT_EQ(pair.b.pipeline.connections(0), 100u);
}

TEST(Firewall, ARefusedCallIsNoAnswer) {
  Pair pair;
  for (uint16_t port = 1; port <= 100; ++port) {
    EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1000, 0, port)));
    EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1001, 0, port)));
  }
  EXPECT_LE(pair.b.pipeline.connections(0), 10u);
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1234, .destination = 53}).build()));
  // What was answered before counts as answered, and after a snapshot as well.
  pair.open();
  EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1001, 0)));
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1000, 0, 101)));
  EXPECT_EQ(pair.b.pipeline.connections(0), 12u);
  Archive saved;
  pair.b.pipeline.archive(saved);
  World other(guarded());
  Archive from(saved.bytes());
  other.pipeline.archive(from);
  EXPECT_EQ(other.pipeline.connections(0), 12u);
}

Bytes ping(uint16_t identifier) {
  return to_b().icmp({.type = 8, .rest = uint32_t{identifier} << 16 | 1}).build();
}
Bytes pong(uint16_t identifier) {
  return to_a().icmp({.type = 0, .rest = uint32_t{identifier} << 16 | 1}).build();
}

// What single frames and their answers have made goes for new connections, however many come.
TEST(Firewall, PingsDoNotShutTheDoor) {
  Pair pair;
  pair.open(1);
  // Somebody talks to the guest, and the guest to somebody, now and then.
  const Bytes asked = to_b().udp({.source = 9, .destination = 5000}).build();
  const Bytes answer = to_a().udp({.source = 5000, .destination = 9}).build();
  const Bytes asks = to_a().udp({.source = 1234, .destination = 53}).build();
  const Bytes answered = to_b().udp({.source = 53, .destination = 1234}).build();
  EXPECT_TRUE(pair.to_b(asked));
  EXPECT_TRUE(pair.to_a(answer));
  EXPECT_TRUE(pair.to_a(asks));
  uint16_t next = 0;
  const auto pings = [&](int count) {
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(pair.to_b(ping(++next)));
      EXPECT_TRUE(pair.to_a(pong(next)));
    }
  };
  for (int i = 0; i < 15; ++i) {
    pings(20);
    EXPECT_TRUE(pair.to_a(answer));
    EXPECT_TRUE(pair.to_b(answered));
  }
  EXPECT_EQ(pair.b.pipeline.connections(0), 100u);
  EXPECT_EQ(pair.counter("firewall_evicted"), 300u + 3 - 100);
  EXPECT_EQ(pair.counter("firewall_opened"), 300u + 3) << "nothing began twice";
  EXPECT_FALSE(pair.to_a(pong(1))) << "the oldest are gone";
  EXPECT_TRUE(pair.to_a(pong(300)));
  // A call while they go on.
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1000, 0, 2)));
  pings(30);
  EXPECT_TRUE(pair.to_a(tcp_to_a(kSyn | kAck, 5000, 1001, 2)));
  pings(30);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 2)));
  pings(200);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 2, 10)));
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 1, 10))) << "open ones stay";
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1235, .destination = 53}).build()));
  EXPECT_EQ(pair.drops("firewall_limit"), 0u);
}

TEST(Firewall, WhoHoldsMostOfTheCardGivesFirst) {
  // Blue's vnic as well, and no room on the card for what both may have.
  Pair pair(guarded([](policy::Policy& policy) {
    policy.vnics[1].firewall = "web";
    policy.connections = 64;
  }));
  const auto blue_to_b = [&](const Bytes& frame) {
    pair.a.sink.clear(), pair.b.sink.clear();
    pair.a.from_vnic(2, frame);
    for (const SentFrame& sent : pair.a.sink.sent) pair.b.from_wire(sent.frame);
    return pair.b.sink.received.size() == 1 && pair.b.sink.received[0].vnic == 1;
  };
  for (uint16_t id = 1; id <= 80; ++id) {
    EXPECT_TRUE(pair.to_b(ping(id)));
    EXPECT_TRUE(pair.to_a(pong(id)));
  }
  EXPECT_EQ(pair.b.pipeline.connections(0), 64u);
  // One call of the other tenant does not end another one.
  for (uint16_t port = 1; port <= 5; ++port) EXPECT_TRUE(blue_to_b(tcp_to_b(kSyn, 1, 0, port)));
  EXPECT_EQ(pair.b.pipeline.connections(0), 59u);
  EXPECT_EQ(pair.b.pipeline.connections(1), 5u);
  EXPECT_EQ(pair.b.count().count("vnic1.drop.flow_table_full"), 0u);
  // Up to as many as the first one has.
  for (uint16_t id = 1; id <= 80; ++id) {
    EXPECT_TRUE(blue_to_b(ping(id)));
    pair.b.from_vnic(1, pong(id));
  }
  EXPECT_EQ(pair.b.pipeline.connections(0), 32u);
  EXPECT_EQ(pair.b.pipeline.connections(1), 32u);
  EXPECT_EQ(pair.b.count().count("vnic1.drop.flow_table_full"), 0u);
}

// Who has most, and none to spare, takes nothing from who has less.
TEST(Firewall, WhoHoldsMostOfTheCardTakesNoOtherVnicsConnections) {
  Pair pair(guarded([](policy::Policy& policy) {
    policy.vnics[1].firewall = "web";
    policy.connections = 64;
  }));
  for (uint16_t id = 1; id <= 4; ++id) {
    pair.a.sink.clear();
    pair.a.from_vnic(2, ping(id));
    for (const SentFrame& sent : pair.a.sink.sent) pair.b.from_wire(sent.frame);
    pair.b.from_vnic(1, pong(id));
  }
  ASSERT_EQ(pair.b.pipeline.connections(1), 4u);
  for (uint16_t port = 1; port <= 60; ++port) pair.open(port);
  ASSERT_EQ(pair.b.pipeline.connections(0), 60u);
  EXPECT_FALSE(pair.to_b(tcp_to_b(kSyn, 1, 0, 61)));
  EXPECT_EQ(pair.drops("flow_table_full"), 1u);
  EXPECT_EQ(pair.counter("firewall_evicted"), 0u);
  EXPECT_EQ(pair.b.pipeline.connections(0), 60u);
  EXPECT_EQ(pair.b.pipeline.connections(1), 4u);
}

TEST(Firewall, NobodyGoesInVainUnderALoweredLimit) {
  Pair pair;
  for (uint16_t port = 1; port <= 10; ++port) {
    EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1000, 0, port)));
  }
  ASSERT_TRUE(
      pair.b.pipeline
          .load(guarded([](policy::Policy& policy) { policy.firewalls[0].connections = 5; }))
          .ok());
  EXPECT_FALSE(pair.to_b(tcp_to_b(kSyn, 1000, 0, 11)));
  EXPECT_EQ(pair.drops("firewall_limit"), 1u);
  EXPECT_EQ(pair.counter("firewall_evicted"), 0u);
  EXPECT_EQ(pair.b.pipeline.connections(0), 10u);
}

TEST(Firewall, ForgetsWhatIsSilentForLong) {
  Pair pair;
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1234, .destination = 53}).build()));
  pair.a.now += 29 * kSecond, pair.b.now += 29 * kSecond;
  EXPECT_TRUE(pair.to_b(to_b().udp({.source = 53, .destination = 1234}).build()));
  pair.a.now += 179 * kSecond, pair.b.now += 179 * kSecond;
  EXPECT_TRUE(pair.to_b(to_b().udp({.source = 53, .destination = 1234}).build()));
  pair.a.now += 181 * kSecond, pair.b.now += 181 * kSecond;
  EXPECT_FALSE(pair.to_b(to_b().udp({.source = 53, .destination = 1234}).build()));
  EXPECT_EQ(pair.b.pipeline.connections(0), 0u);
}

TEST(Firewall, IcmpErrorsPassForLiveConnectionsOnly) {
  Pair pair;
  const Bytes sent = to_a().udp({.source = 1234, .destination = 53}).build();
  const auto error = [](const Bytes& about) {
    return to_b()
        .icmp({.type = 3, .code = 3})
        .payload(Bytes(about.begin() + 14, about.end()))
        .build();
  };
  EXPECT_FALSE(pair.to_b(error(sent)));
  EXPECT_EQ(pair.drops("firewall_no_connection"), 1u);
  EXPECT_TRUE(pair.to_a(sent));
  EXPECT_TRUE(pair.to_b(error(sent)));
  EXPECT_EQ(pair.counter("firewall_related"), 1u);
  pair.open();
  EXPECT_TRUE(pair.to_b(error(tcp_to_a(kAck, 5001, 1001))));
  EXPECT_FALSE(pair.to_b(error(tcp_to_a(kAck, 900'000, 1001)))) << "nothing under way there";
  EXPECT_EQ(pair.drops("firewall_bad_window"), 1u);
  // Out: the guest tells of a port that it has not open.
  const Bytes asked = to_b().udp({.source = 9, .destination = 5000}).build();
  EXPECT_TRUE(pair.to_b(asked));
  EXPECT_TRUE(pair.to_a(
      to_a().icmp({.type = 3, .code = 3}).payload(Bytes(asked.begin() + 14, asked.end())).build()));
}

TEST(Firewall, TheFirstFragmentDecides) {
  Pair pair;
  const auto fragment = [](uint32_t offset, bool more, uint16_t id, uint16_t port = 5000) {
    Frame frame;
    frame.ethernet().ipv4(
        {.id = id, .more_fragments = more, .fragment_offset = offset, .protocol = 17});
    if (offset == 0) return frame.udp({.destination = port, .length = 200}).payload(56).build();
    return frame.payload(64).build();
  };
  EXPECT_FALSE(pair.to_b(fragment(64, true, 1))) << "before the first";
  EXPECT_TRUE(pair.to_b(fragment(0, true, 1)));
  EXPECT_TRUE(pair.to_b(fragment(64, true, 1)));
  EXPECT_TRUE(pair.to_b(fragment(128, false, 1)));
  EXPECT_FALSE(pair.to_b(fragment(64, true, 2))) << "another datagram";
  EXPECT_FALSE(pair.to_b(fragment(0, true, 3, 22)));
  EXPECT_FALSE(pair.to_b(fragment(64, true, 3))) << "whose first one was refused";
  EXPECT_EQ(pair.drops("firewall_fragment"), 3u);
  EXPECT_EQ(pair.drops("firewall_denied"), 1u);
  pair.a.now += 31 * kSecond, pair.b.now += 31 * kSecond;
  EXPECT_FALSE(pair.to_b(fragment(128, false, 1))) << "too late";
  EXPECT_TRUE(pair.to_b(fragment(0, true, 4)));
  EXPECT_TRUE(pair.to_b(fragment(64, true, 4)));
  ASSERT_TRUE(pair.b.pipeline.load(guarded()).ok());
  EXPECT_FALSE(pair.to_b(fragment(128, false, 4))) << "other rules may refuse it";
  EXPECT_TRUE(pair.to_b(fragment(0, true, 4)));
  EXPECT_TRUE(pair.to_b(fragment(64, true, 4)));
  // Of one vnic so many datagrams at a time; old ones go first.
  for (uint16_t id = 100; id < 300; ++id) EXPECT_TRUE(pair.to_b(fragment(0, true, id)));
  EXPECT_FALSE(pair.to_b(fragment(64, false, 100)));
  EXPECT_TRUE(pair.to_b(fragment(64, false, 299)));
}

// Some senders have few identifications, or one.
TEST(Firewall, AnIdentificationThatComesAgainIsTheNewest) {
  Pair pair;
  const auto fragment = [](uint32_t offset, uint16_t id) {
    Frame frame;
    frame.ethernet().ipv4(
        {.id = id, .more_fragments = offset == 0, .fragment_offset = offset, .protocol = 17});
    if (offset == 0) return frame.udp({.destination = 5000, .length = 128}).payload(56).build();
    return frame.payload(64).build();
  };
  const auto pass = [&](int64_t seconds) {
    pair.a.now += seconds * kSecond, pair.b.now += seconds * kSecond;
  };
  EXPECT_TRUE(pair.to_b(fragment(0, 7)));
  pass(29);
  EXPECT_TRUE(pair.to_b(fragment(0, 7)));
  pass(2);
  EXPECT_TRUE(pair.to_b(fragment(64, 7))) << "2 s behind its own first one";
  for (uint16_t id = 100; id < 100 + pipeline::Guard::kFragments - 1; ++id)
    EXPECT_TRUE(pair.to_b(fragment(0, id)));
  EXPECT_TRUE(pair.to_b(fragment(0, 7)));
  EXPECT_TRUE(pair.to_b(fragment(0, 99)));
  EXPECT_TRUE(pair.to_b(fragment(64, 7))) << "the oldest one had to go";
  EXPECT_FALSE(pair.to_b(fragment(64, 100)));
}

// A segment of 380 octets that b0 expects, in two fragments.
Bytes fragment_to_b(uint32_t offset, uint32_t sequence = 1001) {
  Frame frame;
  frame.ethernet().ipv4({.more_fragments = offset == 0, .fragment_offset = offset, .protocol = 6});
  if (offset != 0) return frame.payload(200).build();
  return frame.tcp({.sequence = sequence, .acknowledgement = 5001, .checksum = 0})
      .payload(180)
      .build();
}

TEST(Firewall, AFragmentedSegmentMayBeAcknowledgedAsAWhole) {
  Pair pair;
  pair.open();
  EXPECT_TRUE(pair.to_b(fragment_to_b(0)));
  EXPECT_TRUE(pair.to_b(fragment_to_b(200)));
  EXPECT_TRUE(pair.to_a(tcp_to_a(kAck, 5001, 1381)));
  EXPECT_FALSE(pair.to_a(tcp_to_a(kAck, 5001, 9999))) << "more than it let be sent";
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1381, 5001, 40000, 100)));
  // Where it ended is not known, so that the FIN may stand before that: but not before what was
  // acknowledged, and nothing follows it.
  EXPECT_TRUE(pair.to_a(tcp_to_a(kAck, 5001, 1481)));
  EXPECT_FALSE(pair.to_b(tcp_to_b(kFin | kAck, 1470, 5001)));
  EXPECT_TRUE(pair.to_b(tcp_to_b(kFin | kAck, 1481, 5001)));
  EXPECT_FALSE(pair.to_a(tcp_to_a(kAck, 5001, 1483))) << "not sent";
  EXPECT_FALSE(pair.to_b(tcp_to_b(kAck, 1482, 5001, 40000, 1))) << "behind the FIN";
  EXPECT_TRUE(pair.to_a(tcp_to_a(kFin | kAck, 5001, 1482)));
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1482, 5002)));
  EXPECT_EQ(pair.counter("firewall_closed"), 1u);
}

TEST(Firewall, AFragmentOverTheHeadersEndsHere) {
  Pair pair;
  const auto fragment = [](uint32_t offset) {
    Frame frame;
    frame.ethernet().ipv4({.more_fragments = true, .fragment_offset = offset, .protocol = 6});
    if (offset == 0) {
      return frame.tcp({.flags = kSyn, .options = {2, 4, 5, 180}}).payload(40).build();
    }
    return frame.payload(64).build();
  };
  EXPECT_TRUE(pair.to_b(fragment(0)));
  EXPECT_FALSE(pair.to_b(fragment(16))) << "window, checksum and options anew";
  EXPECT_EQ(pair.drops("firewall_fragment"), 1u);
  EXPECT_TRUE(pair.to_b(fragment(64)));
}

// What it quotes is what was judged.
TEST(Firewall, AFragmentOverAQuotationEndsHere) {
  Pair pair(guarded([](auto& policy) { policy.firewalls[0].rules = {allow_in(17, 5000)}; }));
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 6000, .destination = 7000}).payload(8).build()));
  const Bytes quoted = to_a().udp({.source = 6000, .destination = 7000}).payload(8).build();
  const Bytes quotation(quoted.begin() + 14, quoted.end());  // 36 octets
  Frame first = to_b();
  const Bytes icmp = to_b().icmp({.type = 3, .code = 4}).payload(quotation).build();
  const auto fragment = [](uint32_t offset, const Bytes& octets) {
    return Frame()
        .ethernet()
        .ipv4({.more_fragments = true, .fragment_offset = offset, .protocol = 1})
        .payload(octets)
        .build();
  };
  Bytes part(icmp.begin() + 34, icmp.end());
  part.resize(48);
  ASSERT_TRUE(pair.to_b(fragment(0, part)));
  EXPECT_FALSE(pair.to_b(fragment(8, Bytes(48))));
  EXPECT_FALSE(pair.to_b(fragment(40, Bytes(48))));
  EXPECT_EQ(pair.drops("firewall_fragment"), 2u);
  EXPECT_TRUE(pair.to_b(fragment(48, Bytes(48))));
}

TEST(Firewall, ASuperFrameIsOneSegment) {
  Pair pair;
  pair.open();
  const Offload offload{.tso = true,
                        .tcp = true,
                        .ipv4 = true,
                        .mss = 1000,
                        .header_length = 54,
                        .payload_length = 30'000};
  const auto super = [](uint32_t sequence) {
    return to_a()
        .tcp({.source = 80, .destination = 40000, .sequence = sequence, .acknowledgement = 1001})
        .payload(30'000)
        .build();
  };
  pair.b.from_vnic(0, super(5001), offload);
  EXPECT_EQ(pair.drops("firewall_bad_window"), 1u) << "the window is 512";
  EXPECT_TRUE(
      pair.to_b(to_b().tcp({.sequence = 1001, .acknowledgement = 5001, .window = 30'000}).build()));
  pair.b.sink.clear();
  pair.b.from_vnic(0, super(5001), offload);
  EXPECT_EQ(pair.b.sink.sent.size(), 30u);
  pair.b.from_vnic(0, super(35'001), offload);
  EXPECT_EQ(pair.drops("firewall_bad_window"), 2u) << "its whole length counts";
}

// A peer that is gone, or a socket that was closed without a word, holds no place for a day.
TEST(Firewall, WhoOwesAnAckForTooLongIsGone) {
  for (const bool answers : {false, true}) {
    Pair pair;
    pair.open();
    EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 100)));
    if (answers) {
      EXPECT_TRUE(pair.to_a(tcp_to_a(kAck, 5001, 1101)));
    }
    pair.b.now += 301 * kSecond;
    EXPECT_EQ(pair.to_a(tcp_to_a(kAck, 5001, 1101)), answers);
    EXPECT_EQ(pair.drops("firewall_no_connection"), answers ? 0u : 1u);
  }
}

// Who looks at a card that is idle sees what lives.
TEST(Firewall, WhatIsOverIsNotCounted) {
  Pair pair;
  pair.open();
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1234, .destination = 53}).build()));
  EXPECT_TRUE(pair.to_b(ping(7)));
  pair.b.pipeline.forget_expired(pair.b.now);
  EXPECT_EQ(pair.b.pipeline.connections(0), 3u);
  pair.b.now += 29 * kSecond;
  pair.b.pipeline.forget_expired(pair.b.now);
  EXPECT_EQ(pair.b.pipeline.connections(0), 3u);
  pair.b.now += 3000 * kSecond;
  pair.b.pipeline.forget_expired(pair.b.now);
  EXPECT_EQ(pair.b.pipeline.connections(0), 1u);
  EXPECT_EQ(pair.b.pipeline.sizes().connections, 1u);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 10)));
}

// It is exactly next for the guest, whose ACK has not come by yet: nobody here can know.
TEST(Firewall, ARstThatMayHaveBeenTakenLeavesLessTime) {
  for (const bool alive : {false, true}) {
    Pair pair;
    pair.open();
    EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1201, 5001, 40000, 100)));
    EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 100)));
    EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1101, 0)));
    EXPECT_EQ(pair.counter("firewall_closed"), 0u);
    if (alive) {
      EXPECT_TRUE(pair.to_a(tcp_to_a(kAck, 5001, 1301)));  // it had been sent before
    }
    pair.b.now += 301 * kSecond;
    EXPECT_EQ(pair.to_b(tcp_to_b(kAck, 1301, 5001, 40000, 10)), alive);
    EXPECT_EQ(pair.drops("firewall_no_connection"), alive ? 0u : 1u);
  }
}

// Where a segment in fragments ends is not known, but where it begins is.
TEST(Firewall, ARstBehindFragmentsLeavesLessTimeToo) {
  for (const bool alive : {false, true}) {
    for (const bool moves : {false, true}) {
      Pair pair;
      pair.open();
      EXPECT_TRUE(pair.to_b(fragment_to_b(0)));
      EXPECT_TRUE(pair.to_b(fragment_to_b(200)));
      EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1381, 0)));
      EXPECT_EQ(pair.counter("firewall_closed"), 0u);
      if (alive) {
        EXPECT_TRUE(pair.to_a(tcp_to_a(kAck, 5001, 1381)));
      }
      World saved(guarded());
      if (moves) {
        Archive state;
        pair.b.pipeline.archive(state);
        Archive from(state.bytes());
        saved.pipeline.archive(from);
        saved.now = pair.b.now;
      }
      World& b = moves ? saved : pair.b;
      b.now += 301 * kSecond;
      EXPECT_EQ(Pair::pass(pair.a, b, tcp_to_b(kAck, 1381, 5001, 40000, 10)), alive);
    }
  }
}

// Also where the window's edge stood still meanwhile: a reader that does not read.
TEST(Firewall, ALaterSegmentInFragmentsIsOwedToo) {
  Pair pair;
  pair.open();
  const auto ack = [](uint32_t upto) {  // of a window that ends where it ended
    const auto window = static_cast<uint16_t>(4000 - (upto - 1001));
    return to_a()
        .tcp({.source = 80,
              .destination = 40000,
              .sequence = 5001,
              .acknowledgement = upto,
              .flags = kAck,
              .window = window})
        .build();
  };
  EXPECT_TRUE(pair.to_a(ack(1001)));
  EXPECT_TRUE(pair.to_b(fragment_to_b(0)));
  EXPECT_TRUE(pair.to_b(fragment_to_b(200)));
  EXPECT_TRUE(pair.to_a(ack(1381)));
  EXPECT_TRUE(pair.to_b(fragment_to_b(0, 1381)));
  EXPECT_TRUE(pair.to_b(fragment_to_b(200, 1381)));
  EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1761, 0)));
  pair.b.now += 301 * kSecond;
  EXPECT_FALSE(pair.to_b(tcp_to_b(kAck, 1761, 5001, 40000, 10)));
}

// Ends answer blind segments seldom (RFC 5961 section 7): silence shows nothing.
TEST(Firewall, BlindSegmentsDoNotHurryAnIdleConnection) {
  Pair pair;
  pair.open();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 77'000, 0)));
    EXPECT_TRUE(pair.to_b(tcp_to_b(kRst, 1100, 0)));
  }
  EXPECT_TRUE(pair.to_a(tcp_to_a(kAck, 5001, 1001)));  // of the first one
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 78'000, 0)));
  pair.b.now += 80'000 * kSecond;
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 10)));
}

// Also one that comes from elsewhere, with all the time of the world.
TEST(Firewall, WhoComesOwingAnAckHasLessTime) {
  Pair pair;
  pair.open();
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 100)));
  std::vector<pipeline::MovedConnection> moved(10);
  uint32_t cursor = 0;
  ASSERT_EQ(pair.b.pipeline.export_connections(0, pair.b.now, cursor, moved), 1u);
  moved[0].left_ms = 86'400'000;
  World other(guarded());
  const auto taken = other.pipeline.import_connections(0, other.now, std::span(moved).first(1));
  ASSERT_EQ(taken.value().taken, 1u);
  other.now += 301 * kSecond;
  EXPECT_FALSE(Pair::pass(other, pair.a, tcp_to_a(kAck, 5001, 1101)));
}

// Established TCP before what may go, and each list in its order.
TEST(Firewall, ASnapshotHasAnOrder) {
  Pair pair;
  for (uint16_t i = 0; i < 8; ++i) {  // first in the table: answered pings
    EXPECT_TRUE(pair.to_b(ping(i)));
    EXPECT_TRUE(pair.to_a(pong(i)));
  }
  for (uint16_t port = 1; port <= 4; ++port) pair.open(port);
  Archive saved;
  pair.b.pipeline.archive(saved);
  World narrow(guarded([](policy::Policy& policy) { policy.firewalls[0].connections = 5; }));
  narrow.now = pair.b.now;
  Archive from(saved.bytes());
  narrow.pipeline.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
  EXPECT_EQ(narrow.pipeline.connections(0), 5u);
  for (uint16_t port = 1; port <= 4; ++port)
    EXPECT_TRUE(Pair::pass(pair.a, narrow, tcp_to_b(kAck, 1001, 5001, port, 10))) << port;
}

TEST(Firewall, ASnapshotKnowsWhoWaitsLongest) {
  const auto asks = [](uint16_t port) {
    return to_a().udp({.source = 1234, .destination = port}).build();
  };
  const auto answer = [](uint16_t port) {
    return to_b().udp({.source = port, .destination = 1234}).build();
  };
  Pair pair;
  for (uint16_t port = 1; port <= 3; ++port) EXPECT_TRUE(pair.to_a(asks(port)));
  pair.b.now += 31 * kSecond;
  EXPECT_FALSE(pair.to_b(answer(1))) << "their places in the table are free";
  for (uint16_t port = 4; port <= 6; ++port) EXPECT_TRUE(pair.to_a(asks(port)));
  Archive saved;
  pair.b.pipeline.archive(saved);
  World other(guarded([](policy::Policy& policy) { policy.firewalls[0].half_open = 3; }));
  other.now = pair.b.now;
  Archive from(saved.bytes());
  other.pipeline.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
  EXPECT_TRUE(Pair::pass(other, pair.a, asks(7)));
  EXPECT_FALSE(Pair::pass(pair.a, other, answer(4)));
  for (uint16_t port = 5; port <= 7; ++port)
    EXPECT_TRUE(Pair::pass(pair.a, other, answer(port))) << port;
}

// What goes to many is asked about by their address, both ways.
TEST(Firewall, RulesNameGroupAddresses) {
  policy::Policy policy = card_b({.broadcast = true});
  policy::Firewall web;
  web.name = "web";
  const IpPrefix mdns = prefix("224.0.0.251");
  web.rules = {{.protocol = 17, .local = {mdns}},
               {.inward = false, .allow = false, .protocol = 17, .remote = {mdns}},
               {.inward = false, .allow = false, .remote = {prefix("255.255.255.255")}}};
  policy.firewalls = {web};
  policy.vnics[0].firewall = "web";
  Pair pair(policy);
  World far(card_a({.broadcast = true}));
  const auto to_many = [](const char* source, const char* mac, const char* group, bool all) {
    return Frame()
        .ethernet({.destination = all ? "ff:ff:ff:ff:ff:ff" : "01:00:5e:00:00:fb", .source = mac})
        .ipv4({.source = source, .destination = group})
        .udp({.source = 5353, .destination = 5353})
        .build();
  };
  const auto from_a = [&](const char* group, bool all = false) {
    return Pair::pass(far, pair.b, to_many("10.0.0.1", "52:54:00:00:00:01", group, all));
  };
  const auto from_b = [&](const char* group, bool all = false) {
    return Pair::pass(pair.b, far, to_many("10.0.0.2", "52:54:00:00:00:02", group, all));
  };
  EXPECT_TRUE(from_a("224.0.0.251"));
  EXPECT_FALSE(from_a("224.0.0.252"));
  EXPECT_FALSE(from_a("255.255.255.255", true));
  EXPECT_EQ(pair.drops("firewall_denied"), 2u);
  EXPECT_FALSE(from_b("224.0.0.251"));
  EXPECT_FALSE(from_b("255.255.255.255", true));
  EXPECT_EQ(pair.drops("firewall_denied"), 4u);
  EXPECT_TRUE(from_b("224.0.0.252"));
}

TEST(Firewall, DhcpHasItsAnswer) {
  Pair pair(guarded(
      [](policy::Policy& policy) { policy.tenants[0].broadcast_peer = parse_ip("192.0.2.1"); }));
  pair.b.from_vnic(
      0, Frame()
             .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = "52:54:00:00:00:02"})
             .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
             .udp({.source = 68, .destination = 67})
             .payload(patch(Bytes(240), 0, {1, 1, 6}))
             .build());
  const Counts counts = pair.b.count();
  // What a client must write there is spoof's business: put it right.
  if (counts.contains("drop.spoofed_dhcp")) {
    Bytes boot(240);
    boot = patch(boot, 0, {1, 1, 6});
    boot = patch(boot, 28, {0x52, 0x54, 0, 0, 0, 2});
    pair.b.from_vnic(
        0, Frame()
               .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = "52:54:00:00:00:02"})
               .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
               .udp({.source = 68, .destination = 67})
               .payload(boot)
               .build());
  }
  EXPECT_EQ(pair.b.sink.sent.size(), 1u);
  EXPECT_TRUE(pair.to_b(to_b().udp({.source = 67, .destination = 68}).build()));
}

// One connection serves a DHCP client and all servers, but the rules may tell them apart.
TEST(Firewall, DhcpAsksTheRulesForEachServer) {
  const auto request = [](const char* server, const char* mac) {
    Bytes boot = patch(Bytes(240), 0, {1, 1, 6});
    boot = patch(boot, 28, {0x52, 0x54, 0, 0, 0, 2});
    return Frame()
        .ethernet({.destination = mac, .source = "52:54:00:00:00:02"})
        .ipv4({.source = "10.0.0.2", .destination = server})
        .udp({.source = 68, .destination = 67})
        .payload(boot)
        .build();
  };
  const Bytes to_first = request("10.0.0.1", "52:54:00:00:00:01");
  const Bytes to_third = request("10.0.0.3", "52:54:00:00:00:03");
  const Bytes from_first = to_b().udp({.source = 67, .destination = 68}).build();
  const Bytes from_third = Frame()
                               .ethernet({.source = "52:54:00:00:00:03"})
                               .ipv4({.source = "10.0.0.3"})
                               .udp({.source = 67, .destination = 68})
                               .build();
  const auto error = [](const Bytes& about) {
    return to_b()
        .icmp({.type = 3, .code = 3})
        .payload(Bytes(about.begin() + 14, about.end()))
        .build();
  };
  Pair pair(guarded([](policy::Policy& policy) {
    policy.firewalls[0].rules = {
        {.inward = false, .allow = false, .log = true, .remote = {prefix("10.0.0.1/32")}}};
  }));
  const auto third_to_b = [&](const Bytes& frame) {
    pair.a.sink.clear(), pair.b.sink.clear();
    pair.a.from_vnic(1, frame);
    for (const SentFrame& sent : pair.a.sink.sent) pair.b.from_wire(sent.frame);
    return !pair.b.sink.received.empty();
  };
  EXPECT_TRUE(pair.to_a(to_third));
  EXPECT_FALSE(pair.to_a(to_first));
  EXPECT_EQ(pair.drops("firewall_denied"), 1u);
  EXPECT_FALSE(pair.to_b(from_first));
  EXPECT_EQ(pair.drops("firewall_denied"), 2u);
  EXPECT_EQ(pair.counter("firewall_logged"), 2u);
  EXPECT_EQ(pair.b.pipeline.connections(0), 1u) << "the others go on";
  EXPECT_EQ(pair.counter("firewall_revoked"), 0u);
  EXPECT_TRUE(third_to_b(from_third));
  EXPECT_TRUE(pair.to_b(error(to_third)));
  EXPECT_FALSE(pair.to_b(error(to_first)));
  EXPECT_EQ(pair.drops("firewall_denied"), 3u);
  // Whom a rule lets in comes in, though the client may not ask him.
  ASSERT_TRUE(pair.b.pipeline
                  .load(guarded([](policy::Policy& policy) {
                    policy.firewalls[0].rules = {
                        {.protocol = 17, .remote = {prefix("10.0.0.1/32")}},
                        {.inward = false, .remote = {prefix("10.0.0.9/32")}},
                        {.inward = false, .allow = false}};
                  }))
                  .ok());
  EXPECT_TRUE(pair.to_b(from_first));
  EXPECT_FALSE(third_to_b(from_third));
  // Whom a rule lets begin does not decide about whom the client asks.
  ASSERT_TRUE(pair.b.pipeline
                  .load(guarded([](policy::Policy& policy) {
                    policy.firewalls[0].rules = {
                        {.protocol = 17, .remote = {prefix("10.0.0.1/32")}}};
                  }))
                  .ok());
  pair.a.now += 200 * kSecond, pair.b.now += 200 * kSecond;
  EXPECT_TRUE(pair.to_b(from_first));
  EXPECT_FALSE(third_to_b(from_third));
  EXPECT_TRUE(pair.to_a(to_third));
  EXPECT_TRUE(third_to_b(from_third));
}

TEST(Firewall, BetweenTwoVnicsBothAreAsked) {
  policy::Policy policy = card_a();
  policy::Firewall closed, open;
  closed.name = "closed";
  closed.rules = {{.inward = false, .allow = false, .protocol = 17, .ports = {{99, 99}}}};
  open.name = "open";
  open.rules = {allow_in(17, 5000)};
  policy.firewalls = {closed, open};
  policy.vnics[0].firewall = "closed";
  policy.vnics[1].firewall = "open";
  World card(policy);
  const auto udp = [](bool back, uint16_t source, uint16_t destination) {
    Frame frame;
    if (back) {
      frame.ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:03"})
          .ipv4({.source = "10.0.0.3", .destination = "10.0.0.1"});
    } else {
      frame.ethernet({.destination = "52:54:00:00:00:03"}).ipv4({.destination = "10.0.0.3"});
    }
    return frame.udp({.source = source, .destination = destination}).build();
  };
  card.from_vnic(0, udp(false, 1, 99));
  EXPECT_EQ(card.count().at("vnic0.drop.firewall_denied"), 1u) << "its own rule";
  const Counts before = card.count();
  card.from_vnic(0, udp(false, 1, 98));
  EXPECT_EQ(moved(before, card.count()), (Counts{{"drop.firewall_denied", 1},
                                                 {"vnic1.drop.firewall_denied", 1},
                                                 {"vnic1.rx_drops", 1},
                                                 {"vnic0.tx_frames", 1},
                                                 {"vnic0.tx_bytes", 42},
                                                 {"vnic0.tx_local", 1},
                                                 {"vnic0.firewall_opened", 1}}));
  EXPECT_TRUE(card.sink.received.empty());
  card.from_vnic(0, udp(false, 1, 5000));
  ASSERT_EQ(card.sink.received.size(), 1u);
  EXPECT_EQ(card.pipeline.connections(0), 2u);
  EXPECT_EQ(card.pipeline.connections(1), 1u);
  card.from_vnic(1, udp(true, 5000, 1));
  EXPECT_EQ(card.sink.received.size(), 2u) << "the answer";
  card.from_vnic(1, udp(true, 5000, 2));
  EXPECT_EQ(card.sink.received.size(), 2u);
  EXPECT_EQ(card.count().at("vnic0.drop.firewall_denied"), 2u);
}

TEST(Firewall, AChangeOfRulesIsAskedOfLiveConnections) {
  Pair pair;
  pair.open();
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1234, .destination = 53}).build()));
  ASSERT_TRUE(pair.b.pipeline.load(guarded()).ok());
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001, 40000, 10))) << "the same rules";
  ASSERT_TRUE(pair.b.pipeline
                  .load(guarded([](policy::Policy& policy) {
                    policy.firewalls[0].rules.erase(policy.firewalls[0].rules.begin());
                  }))
                  .ok());
  EXPECT_FALSE(pair.to_a(tcp_to_a(kAck, 5001, 1011))) << "the guest's side as well";
  EXPECT_EQ(pair.drops("firewall_denied"), 1u);
  EXPECT_EQ(pair.counter("firewall_revoked"), 1u);
  EXPECT_FALSE(pair.to_b(tcp_to_b(kAck, 1011, 5001)));
  EXPECT_EQ(pair.drops("firewall_no_connection"), 1u);
  EXPECT_TRUE(pair.to_b(to_b().udp({.source = 53, .destination = 1234}).build()))
      << "what the guest began is not meant";
  // Without a firewall nothing is remembered.
  ASSERT_TRUE(pair.b.pipeline.load(card_b()).ok());
  EXPECT_EQ(pair.b.pipeline.connections(0), 0u);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1011, 5001)));
  // And whoever gets one begins with nothing.
  ASSERT_TRUE(pair.b.pipeline.load(guarded()).ok());
  EXPECT_FALSE(pair.to_b(tcp_to_b(kAck, 1011, 5001)));
}

TEST(Firewall, AnotherTenantOrAnotherDeviceBeginsWithNothing) {
  Pair pair;
  pair.open();
  pair.b.pipeline.detach_vnic(0);
  EXPECT_EQ(pair.b.pipeline.sizes().connections, 0u);
  const policy::Policy policy = guarded();
  ASSERT_TRUE(pair.b.pipeline.attach_vnic(0, "b0", *policy.vnics[0].mac).ok());
  EXPECT_FALSE(pair.to_b(tcp_to_b(kAck, 1001, 5001)));
  pair.open();
  ASSERT_TRUE(pair.b.pipeline
                  .load(guarded([](policy::Policy& changed) {
                    changed.vnics.pop_back();
                    changed.vnics[0].tenant = "blue";
                  }))
                  .ok());
  EXPECT_EQ(pair.b.pipeline.connections(0), 0u);
}

TEST(Firewall, ConnectionsSurviveMoreAndLessRoom) {
  Pair pair;
  pair.open();
  for (const uint32_t room : {100'000u, 64u}) {
    ASSERT_TRUE(
        pair.b.pipeline.load(guarded([&](policy::Policy& policy) { policy.connections = room; }))
            .ok());
    EXPECT_EQ(pair.b.pipeline.sizes().connection_room, room);
    EXPECT_TRUE(pair.to_b(tcp_to_b(kAck, 1001, 5001)));
  }
}

TEST(Firewall, SurvivesASnapshot) {
  Pair pair;
  pair.open();
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 7, 0, 33)));
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1234, .destination = 53}).build()));
  Archive saved;
  pair.b.pipeline.archive(saved);
  World other(guarded());
  other.now = pair.b.now;
  Archive from(saved.bytes());
  other.pipeline.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
  EXPECT_EQ(other.pipeline.connections(0), 3u);
  EXPECT_TRUE(Pair::pass(pair.a, other, tcp_to_b(kAck, 1001, 5001, 40000, 10)));
  EXPECT_FALSE(Pair::pass(pair.a, other, tcp_to_b(kAck, 900'000, 5001, 40000, 10)));
  EXPECT_TRUE(Pair::pass(pair.a, other, to_b().udp({.source = 53, .destination = 1234}).build()));
  EXPECT_TRUE(Pair::pass(other, pair.a, tcp_to_a(kSyn | kAck, 1, 8, 33)));
  Archive again_a, again_b;
  pair.b.pipeline.archive(again_a);
  // Where the policy has no firewall now, they are read over.
  World bare(card_b());
  Archive once_more(saved.bytes());
  bare.pipeline.archive(once_more);
  EXPECT_TRUE(once_more.ok() && once_more.at_end()) << once_more.error();
  // Stricter rules hold for what is loaded.
  World stricter(guarded([](policy::Policy& policy) { policy.firewalls[0].rules.clear(); }));
  stricter.now = pair.b.now;
  Archive into(saved.bytes());
  stricter.pipeline.archive(into);
  EXPECT_FALSE(Pair::pass(pair.a, stricter, tcp_to_b(kAck, 1001, 5001, 40000, 10)));
  EXPECT_EQ(stricter.count().at("vnic0.firewall_revoked"), 1u);
}

TEST(Firewall, HostileSnapshotsAreRefusedOrDoNoHarm) {
  Pair pair;
  pair.open();
  EXPECT_TRUE(pair.to_a(to_a().udp({.source = 1234, .destination = 53}).build()));
  Archive saved;
  pair.b.pipeline.archive(saved);
  const std::vector<uint8_t> octets = saved.bytes();
  uint32_t state = 1;
  const auto random = [&] { return state = state * 1664525 + 1013904223, state >> 8; };
  for (int round = 0; round < 3000; ++round) {
    std::vector<uint8_t> changed = octets;
    const size_t tail = 300;  // where the connections are
    for (int i = 0; i < 4; ++i) changed[changed.size() - 1 - random() % tail] = uint8_t(random());
    if (round % 3 == 0) changed.resize(changed.size() - random() % tail);
    World other(guarded());
    Archive from(changed);
    other.pipeline.archive(from);
    Pair::pass(pair.a, other, tcp_to_b(kAck, 1001, 5001, 40000, 10));
    Pair::pass(other, pair.a, tcp_to_a(kAck, 5001, 1011));
  }
}

std::vector<pipeline::MovedConnection> exported(World& world, unsigned vnic) {
  std::vector<pipeline::MovedConnection> all(100);
  uint32_t cursor = 0;
  all.resize(world.pipeline.export_connections(vnic, world.now, cursor, all));
  EXPECT_EQ(cursor, pipeline::Pipeline::kNoMore);
  return all;
}

TEST(Firewall, MovesWithItsVnic) {
  Pair pair;
  pair.open();
  pair.b.now += 100 * kSecond;
  World other(guarded([](policy::Policy& policy) {
    std::swap(policy.vnics[0], policy.vnics[1]);  // b0 is number 1 there
  }));
  other.now = 777 * kSecond;  // another machine's clock
  EXPECT_FALSE(Pair::pass(pair.a, other, tcp_to_b(kAck, 1001, 5001, 40000, 10))) << "without it";
  const auto moved = exported(pair.b, 0);
  ASSERT_EQ(moved.size(), 1u);
  EXPECT_EQ(moved[0].left_ms / 1000, 86400u - 100);
  const auto imported = other.pipeline.import_connections(1, other.now, moved);
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_EQ(imported.value().taken, 1u);
  EXPECT_EQ(other.pipeline.connections(1), 1u);
  EXPECT_EQ(exported(other, 1).at(0).left_ms, moved[0].left_ms) << "what was left is left";
  EXPECT_TRUE(Pair::pass(pair.a, other, tcp_to_b(kAck, 1001, 5001, 40000, 10)));
  EXPECT_EQ(other.sink.received.at(0).vnic, 1u);
  EXPECT_FALSE(Pair::pass(pair.a, other, tcp_to_b(kAck, 901001, 5001, 40000, 10)))
      << "its windows came along";
}

// What moves tells of a FIN or of a SYN in mid-connection: here is both.
TEST(Firewall, MovesBehindAFinThatASynFollowed) {
  using firewall::TcpEnd;
  Pair pair;
  pair.open();
  EXPECT_TRUE(pair.to_b(tcp_to_b(kFin | kAck, 1001, 5001)));
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 70'000, 0)));
  const auto moved = exported(pair.b, 0);
  ASSERT_EQ(moved.size(), 1u);
  const TcpEnd& end = moved[0].connection.ends[0];
  EXPECT_EQ(end.flags & (TcpEnd::kFin | TcpEnd::kCallsAgain), TcpEnd::kFin);
  EXPECT_EQ(end.fin_end, 1002u);
  World other(guarded());
  ASSERT_TRUE(other.pipeline.import_connections(0, other.now, moved).ok());
  EXPECT_FALSE(Pair::pass(pair.a, other, tcp_to_b(kAck, 1002, 5001, 40000, 1))) << "behind it";
  EXPECT_TRUE(Pair::pass(other, pair.a, tcp_to_a(kAck, 5001, 1002)));
  EXPECT_TRUE(pair.to_a(tcp_to_a(kSyn | kAck, 90'000, 70'001))) << "but not where it was";
}

TEST(Firewall, AMoveComesInPagesAndTwiceIsOnce) {
  Pair pair;
  for (uint16_t port = 1; port <= 10; ++port) pair.open(port);
  std::vector<pipeline::MovedConnection> moved;
  pipeline::MovedConnection page[4];
  for (uint32_t cursor = 0; cursor != pipeline::Pipeline::kNoMore;) {
    const size_t count = pair.b.pipeline.export_connections(0, pair.b.now, cursor, page);
    moved.insert(moved.end(), page, page + count);
  }
  EXPECT_EQ(moved.size(), 10u);
  World other(guarded([](policy::Policy& policy) { policy.firewalls[0].connections = 7; }));
  const auto import = [&](std::span<const pipeline::MovedConnection> some) {
    const auto imported = other.pipeline.import_connections(0, other.now, some);
    EXPECT_TRUE(imported.ok());
    const auto [taken, present, no_room] = imported.value();
    return std::array{taken, present, no_room};
  };
  const std::span all(moved);
  EXPECT_EQ(import(all.first(5)), (std::array{5u, 0u, 0u}));
  EXPECT_EQ(import(all), (std::array{2u, 5u, 3u}));
  EXPECT_EQ(other.pipeline.connections(0), 7u);
  // Those without an answer have their own limit.
  World narrow(guarded([](policy::Policy& policy) { policy.firewalls[0].half_open = 2; }));
  for (pipeline::MovedConnection& one : moved) {
    one.connection.state = firewall::State::syn_sent;
    one.connection.ends[1] = {};
  }
  EXPECT_EQ(narrow.pipeline.import_connections(0, narrow.now, moved).value().no_room, 8u);
}

TEST(Firewall, RulesOfTheNewPlaceHold) {
  Pair pair;
  pair.open();
  World other(guarded([](policy::Policy& policy) { policy.firewalls[0].rules.clear(); }));
  ASSERT_TRUE(other.pipeline.import_connections(0, other.now, exported(pair.b, 0)).ok());
  EXPECT_FALSE(Pair::pass(pair.a, other, tcp_to_b(kAck, 1001, 5001, 40000, 10)));
  EXPECT_EQ(other.count()["vnic0.firewall_revoked"], 1u);
}

TEST(Firewall, ConnectionsThatCannotBeAreRefusedWithAllOthers) {
  using firewall::State;
  Pair pair;
  pair.open();
  const pipeline::MovedConnection good = exported(pair.b, 0).at(0);
  const struct {
    const char* what;
    std::function<void(pipeline::MovedConnection&)> change;
  } rows[] = {
      {"a state that is none", [](auto& m) { m.connection.state = State::kCount; }},
      {"a direction that is none", [](auto& m) { m.connection.began = FlowDirection(2); }},
      {"TCP in a state of UDP", [](auto& m) { m.connection.state = State::udp_asked; }},
      {"UDP in a state of TCP", [](auto& m) { m.key.protocol = 17; }},
      {"ESP with ports",
       [](auto& m) { m.key.protocol = 50, m.connection.state = State::other_asked; }},
      {"an echo of the wrong family",
       [](auto& m) {
         m.key.protocol = 58, m.key.local_port = 0, m.key.remote_asks = true;
         m.connection.state = State::echo_asked;
       }},
      {"an echo with two identifiers",
       [](auto& m) {
         m.key.protocol = 1, m.key.remote_asks = true;
         m.connection.state = State::echo_asked;
       }},
  };
  World other(guarded());
  for (const auto& row : rows) {
    pipeline::MovedConnection two[] = {good, good};
    row.change(two[1]);
    const auto imported = other.pipeline.import_connections(0, other.now, two);
    ASSERT_FALSE(imported.ok()) << row.what;
    EXPECT_THAT(imported.status().message(), testing::HasSubstr("connections[1]: ")) << row.what;
    EXPECT_EQ(other.pipeline.connections(0), 0u) << row.what;
  }
  EXPECT_FALSE(other.pipeline.import_connections(1, other.now, {{good}}).ok()) << "no firewall";
  // Any numbers: nothing worse than windows that fit nothing, and a life as long as its state's.
  uint32_t state = 1;
  const auto random = [&] { return state = state * 1664525 + 1013904223, state >> 8; };
  for (int round = 0; round < 2000; ++round) {
    pipeline::MovedConnection wild = good;
    wild.left_ms = random() << 8;
    wild.key.remote_port = round % 3 == 0 ? 40000 : uint16_t(random());
    for (firewall::TcpEnd& end : wild.connection.ends) {
      uint32_t numbers[] = {random(), random(), random(), random(), random(), random(), random()};
      end = {numbers[0], numbers[1],          numbers[2],        numbers[3],       numbers[4],
             numbers[5], uint8_t(numbers[6]), uint8_t(random()), uint8_t(random())};
    }
    World place(guarded());
    ASSERT_TRUE(place.pipeline.import_connections(0, place.now, {{wild}}).ok());
    for (const pipeline::MovedConnection& one : exported(place, 0)) {
      EXPECT_LE(one.left_ms, 86'401'000u);
    }
    if (round % 20 != 0) continue;
    Pair::pass(pair.a, place, tcp_to_b(kAck, 1001, 5001, 40000, 10));
    Pair::pass(place, pair.a, tcp_to_a(kAck, 5001, 1011));
  }
}

TEST(Firewall, GroupsAreOfTheTenant) {
  Pair pair(guarded([](policy::Policy& policy) {
    policy::Group friends;
    friends.name = "friends";
    policy.groups = {friends};
    policy.firewalls[0].rules = {{.log = true, .protocol = 17, .groups = {"friends"}}};
  }));
  EXPECT_FALSE(pair.to_b(to_b().udp().build()));
  ASSERT_TRUE(pair.b.pipeline
                  .load(guarded([](policy::Policy& policy) {
                    policy.groups = {{"friends", {prefix("10.0.0.0/24")}}};
                    policy.firewalls[0].rules = {
                        {.log = true, .protocol = 17, .groups = {"friends"}}};
                  }))
                  .ok());
  EXPECT_TRUE(pair.to_b(to_b().udp().build()));
  EXPECT_TRUE(pair.to_b(to_b().udp().build()));
  EXPECT_EQ(pair.counter("firewall_logged"), 1u) << "the first frame";
}

TEST(Firewall, PoliciesThatDoNotFitAreRefused) {
  const struct {
    const char* message;
    std::function<void(policy::Policy&)> change;
  } rows[] = {
      {"vnics[0] (b0): no firewall is named 'x'", [](auto& p) { p.vnics[0].firewall = "x"; }},
      {"vnics[0] (b0): no group is named 'x'", [](auto& p) { p.vnics[0].groups = {"x"}; }},
      {"vnics[0] (b0): no meter is named 'x'", [](auto& p) { p.vnics[0].meter = "x"; }},
      {"tenants[1] (blue): no meter is named 'x'", [](auto& p) { p.tenants[1].meter = "x"; }},
      {"firewalls[1] (web): the name is there twice",
       [](auto& p) { p.firewalls.push_back(p.firewalls[0]); }},
      {"groups[1] (g): the name is there twice",
       [](auto& p) {
         p.groups = {{"g", {}}, {"g", {}}};
       }},
      {"meters[0] (m): the peak rate", [](auto& p) { p.meters = {{.name = "m"}}; }},
      {"firewalls[0] (web): rules[0]: no group is named 'x'",
       [](auto& p) { p.firewalls[0].rules[0].groups = {"x"}; }},
      {"firewalls[0] (web): rules[1]: a range of ports",
       [](auto& p) {
         p.firewalls[0].rules[1].ports = {{2, 1}};
       }},
      {"firewalls[0] (web): more than 1024 rules",
       [](auto& p) { p.firewalls[0].rules.resize(1025); }},
  };
  World world(card_b());
  for (const auto& row : rows) {
    const Status status = world.pipeline.load(guarded(row.change));
    EXPECT_THAT(status.message(), testing::HasSubstr(row.message));
  }
}

TEST(Firewall, IsSeenInTheTrace) {
  Pair pair;
  pair.b.pipeline.trace(true);
  EXPECT_TRUE(pair.to_b(tcp_to_b(kSyn, 1, 0)));
  EXPECT_THAT(pair.b.sink.stages,
              testing::ElementsAre("parse", "decapsulate", "deliver", "flow", "firewall"));
  EXPECT_TRUE(pair.to_a(tcp_to_a(kSyn | kAck, 1, 2)));
  EXPECT_THAT(pair.b.sink.stages,
              testing::ElementsAre("parse", "spoof", "resolve", "flow", "firewall", "overlay",
                                   "segment", "encapsulate", "underlay", "uplink"));
}

// --- meters ---

policy::Policy metered(std::optional<uint8_t> mark, bool tenant = false) {
  policy::Policy policy = card_a();
  policy.meters = {{.name = "m",
                    .committed_rate = 8,  // 1000 octets per second
                    .committed_burst = 1000,
                    .peak_rate = 16,
                    .peak_burst = 2000,
                    .yellow_dscp = mark}};
  (tenant ? policy.tenants[0].meter : policy.vnics[0].meter) = "m";
  return policy;
}
Bytes sized(uint32_t datagram, const std::string& destination = "10.0.0.2",
            const std::string& source = "10.0.0.1", const std::string& mac = "01") {
  return Frame()
      .ethernet({.source = "52:54:00:00:00:" + mac})
      .ipv4({.source = source, .destination = destination})
      .udp()
      .payload(datagram - 28)
      .build();
}

TEST(Meters, ColourDropAndMark) {
  World a(metered(12)), b(card_b());
  for (int i = 0; i < 5; ++i) a.from_vnic(0, sized(500));
  EXPECT_EQ(a.sink.sent.size(), 4u);
  EXPECT_EQ(a.count().at("vnic0.meter_green"), 2u);
  EXPECT_EQ(a.count().at("vnic0.meter_yellow"), 2u);
  EXPECT_EQ(a.count().at("vnic0.drop.meter_red"), 1u);
  EXPECT_EQ(a.sink.drops.size(), 1u);
  for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
  ASSERT_EQ(b.sink.received.size(), 4u);
  EXPECT_EQ(bytes_of(OutFrame{{a.sink.sent[0].frame.data(), 34}, {}})[15], 0) << "outer, green";
  EXPECT_EQ(a.sink.sent[3].frame[15], 12 << 2) << "outer, yellow: copied";
  EXPECT_EQ(b.sink.received[1].frame[15], 0);
  EXPECT_EQ(b.sink.received[3].frame[15], 12 << 2);
  EXPECT_TRUE(checksums_right(b.sink.received[3].frame));
  a.now += kSecond;
  for (int i = 0; i < 3; ++i) a.from_vnic(0, sized(500));
  EXPECT_EQ(a.count().at("vnic0.meter_green"), 4u);
  EXPECT_EQ(a.count().at("vnic0.drop.meter_red"), 1u);
  // Traffic that uses no wire passes no meter.
  for (int i = 0; i < 20; ++i) a.from_vnic(0, sized(500, "10.0.0.3"));
  EXPECT_EQ(a.sink.received.size(), 20u);
}

TEST(Meters, ATenantsIsForAllItsVnics) {
  World a(metered({}, true));
  for (int i = 0; i < 3; ++i) {
    a.from_vnic(0, sized(500));
    a.from_vnic(1, sized(500, "10.0.0.2", "10.0.0.3", "03"));
    a.from_vnic(2, sized(500));  // blue
  }
  EXPECT_EQ(a.count().at("drop.meter_red"), 2u);
  EXPECT_EQ(a.sink.sent.size(), 7u);
  for (const SentFrame& sent : a.sink.sent) EXPECT_EQ(sent.frame[15], 0) << "only counted";
  // Buckets go on when the policy is loaded again, and in a snapshot; not when the meter changes.
  ASSERT_TRUE(a.pipeline.load(metered({}, true)).ok());
  a.from_vnic(0, sized(500));
  EXPECT_EQ(a.count().at("drop.meter_red"), 3u);
  Archive saved;
  a.pipeline.archive(saved);
  World other(metered({}, true));
  Archive from(saved.bytes());
  other.pipeline.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
  other.from_vnic(0, sized(500));
  EXPECT_EQ(other.count().at("drop.meter_red"), 4u);
  policy::Policy more = metered({}, true);
  more.meters[0].peak_rate = 17;
  ASSERT_TRUE(a.pipeline.load(more).ok());
  a.from_vnic(0, sized(500));
  EXPECT_EQ(a.count().at("drop.meter_red"), 3u);
}

// A Router Solicitation goes to the tenant's broadcast peer ahead of its batch: it passes the
// meters of its own vnic as they are now, whichever vnic had the batch before, and however the
// policy has changed since then.
TEST(Meters, OfARouterSolicitationAreItsOwnVnics) {
  const auto solicitation = [](const char* mac) {
    // Its own address, then an option that nobody knows: 1000 octets of datagram.
    Bytes options = nd_link_option(1, mac);
    options.resize(1000 - 40 - 8);
    options[8] = 200, options[9] = uint8_t((options.size() - 8) / 8);
    return Frame()
        .ethernet({.destination = "33:33:00:00:00:02", .source = mac})
        .ipv6({.source = "fe80::1", .destination = "ff02::2", .hop_limit = 255})
        .icmp({.type = 133})
        .payload(options)
        .build();
  };
  const auto with_rate = [](bool other_rate) {
    policy::Policy policy = metered({});  // vnic 0's
    policy.tenants[0].broadcast_peer = policy.mappings[0].peer;
    policy.tenants[1].broadcast_peer = policy.mappings[0].peer;
    policy.tenants[1].meter = "m";  // blue's, of vnic 2
    policy.meters[0].peak_rate = other_rate ? 17 : 16;
    return policy;
  };
  const Bytes red = solicitation("52:54:00:00:00:01");
  World a(with_rate(false));
  // Fresh: the first one is metered.
  a.from_vnic(0, red);
  EXPECT_EQ(a.count().at("vnic0.meter_green"), 1u);
  a.from_vnic(0, red);
  EXPECT_EQ(a.count().at("vnic0.meter_yellow"), 1u);
  a.from_vnic(0, red);
  EXPECT_EQ(a.count().at("vnic0.drop.meter_red"), 1u);
  // Another tenant's batch in between: neither lends its tokens nor loses them.
  a.from_vnic(2, sized(500));
  a.from_vnic(0, red);
  EXPECT_EQ(a.count().at("vnic0.drop.meter_red"), 2u);
  a.from_vnic(2, sized(500));
  EXPECT_EQ(a.count().at("vnic2.meter_green"), 2u);
  // A vnic without a meter passes whatever came before it.
  for (int i = 0; i < 5; ++i) {
    a.from_vnic(0, sized(500));
    a.from_vnic(1, solicitation("52:54:00:00:00:03"));
  }
  EXPECT_EQ(a.count().count("vnic1.drop.meter_red"), 0u);
  // The buckets have filled when it comes.
  a.now += 10 * kSecond;
  const Counts before = a.count();
  a.from_vnic(0, red);
  EXPECT_EQ(moved(before, a.count()).at("vnic0.meter_green"), 1u);
  // The tables that the last batch knew are gone.
  a.from_vnic(2, sized(500));
  ASSERT_TRUE(a.pipeline.load(with_rate(true)).ok());
  a.from_vnic(2, red);
  EXPECT_EQ(a.count().at("vnic2.meter_green"), 4u);
}

TEST(Meters, SeeTheSegmentsOfASuperFrame) {
  policy::Policy policy = metered(12);
  policy.meters[0].committed_burst = 5000;
  policy.meters[0].peak_burst = 10'000;
  World a(policy);
  a.sink.wire_cuts = true;
  const Offload offload{.tso = true,
                        .tcp = true,
                        .ipv4 = true,
                        .mss = 960,
                        .header_length = 54,
                        .payload_length = 19'200};
  a.from_vnic(0, Frame().ethernet().ipv4({.dont_fragment = true}).tcp().payload(19'200).build(),
              offload);
  EXPECT_EQ(a.sink.sent.size(), 10u);
  for (const SentFrame& sent : a.sink.sent) EXPECT_EQ(sent.super.mss, 0);
  EXPECT_EQ(a.count().at("vnic0.meter_green"), 5u);
  EXPECT_EQ(a.count().at("vnic0.meter_yellow"), 5u);
  EXPECT_EQ(a.count().at("drop.meter_red"), 10u);
  EXPECT_EQ(a.sink.sent[4].frame[15], 0);
  EXPECT_EQ(a.sink.sent[5].frame[15], 12 << 2);
  a.pipeline.trace(true);
  a.now += 10 * kSecond;
  a.from_vnic(0, sized(500));
  EXPECT_THAT(a.sink.stages, testing::ElementsAre("parse", "spoof", "resolve", "overlay", "segment",
                                                  "meter", "encapsulate", "underlay", "uplink"));
}

}  // namespace
}  // namespace gatehouse::test
