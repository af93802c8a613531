// SPDX-License-Identifier: GPL-2.0-or-later
// The learning switch, over socket pairs.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "hw/core/base/bytes.hh"
#include "tools/switch/ethernet_switch.hh"

namespace gatehouse::ethernet_switch {
namespace {

MacAddress mac(unsigned number) {
  MacAddress address;
  address.octets = {0x02,
                    0,
                    0,
                    static_cast<uint8_t>(number >> 16),
                    static_cast<uint8_t>(number >> 8),
                    static_cast<uint8_t>(number)};
  return address;
}

constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

TEST(MacTable, LearnsMovesAgesAndForgets) {
  MacTable table;
  EXPECT_FALSE(table.find(mac(1), 0));
  table.learn(mac(1), 3, 0);
  EXPECT_EQ(table.find(mac(1), MacTable::kAgeingMs - 1), 3u);
  EXPECT_FALSE(table.find(mac(1), MacTable::kAgeingMs));
  table.learn(mac(1), 4, MacTable::kAgeingMs);
  EXPECT_EQ(table.find(mac(1), MacTable::kAgeingMs), 4u);
  EXPECT_EQ(table.size(MacTable::kAgeingMs), 1u);
  table.forget_port(4);
  EXPECT_FALSE(table.find(mac(1), MacTable::kAgeingMs));
  table.learn(kBroadcast, 1, 0);
  table.learn(MacAddress{}, 1, 0);
  EXPECT_EQ(table.size(0), 0u);
}

TEST(MacTable, AFloodPushesOutTheOldestAndStaysBounded) {
  MacTable table(4);
  for (unsigned i = 0; i < 10'000; ++i) table.learn(mac(i), 1, i);
  EXPECT_EQ(table.size(10'000), 16u);
  EXPECT_TRUE(table.find(mac(9'999), 10'000));
  EXPECT_FALSE(table.find(mac(0), 10'000));
}

class Bench {
 public:
  explicit Bench(unsigned ports, const SwitchOptions& options = {},
                 capture::Capture* capture = nullptr)
      : bridge_(options, capture) {
    for (unsigned i = 0; i < ports; ++i) connect();
  }
  bool connect() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    clients_.push_back(std::make_unique<Client>());
    clients_.back()->socket = common::Descriptor(fds[0]);
    return bridge_.add_port(common::Descriptor(fds[1]));
  }
  void send_raw(unsigned client, const std::vector<uint8_t>& octets) {
    ASSERT_EQ(send(clients_[client]->socket.get(), octets.data(), octets.size(), MSG_DONTWAIT),
              static_cast<ssize_t>(octets.size()));
  }
  // A frame whose payload is one number.
  void send_frame(unsigned client, const MacAddress& to, const MacAddress& from, uint32_t number,
                  size_t length = 60) {
    std::vector<uint8_t> octets(4 + length);
    store_be<uint32_t>(octets.data(), static_cast<uint32_t>(length));
    std::copy(to.octets.begin(), to.octets.end(), octets.begin() + 4);
    std::copy(from.octets.begin(), from.octets.end(), octets.begin() + 10);
    if (length >= 18) store_be<uint32_t>(octets.data() + 18, number);
    send_raw(client, octets);
  }
  // Until nothing moves any more.
  void run() {
    for (;;) {
      std::vector<pollfd> fds;
      bridge_.poll_fill(fds);
      if (poll(fds.data(), fds.size(), 0) <= 0) break;
      bridge_.poll_done(fds, now_ms);
    }
    bridge_.tick(now_ms);
  }
  // The payload numbers that a client got since it was last asked.
  std::vector<uint32_t> got(unsigned client) {
    std::vector<uint32_t> numbers;
    Client& c = *clients_[client];
    pollfd ready{c.socket.get(), POLLIN, 0};
    while (poll(&ready, 1, 0) > 0 &&
           c.reader.fill(c.socket.get()) == common::FrameReader::State::kOpen) {
      common::FramedFrame frame;
      while (c.reader.next(frame)) numbers.push_back(load_be<uint32_t>(frame.frame().data() + 14));
    }
    return numbers;
  }
  void close(unsigned client) { clients_[client]->socket.reset(); }
  EthernetSwitch& bridge() { return bridge_; }
  nlohmann::json report() const { return bridge_.report(now_ms); }
  int64_t now_ms = 0;

 private:
  struct Client {
    common::Descriptor socket;
    common::FrameReader reader;
  };
  EthernetSwitch bridge_;
  std::vector<std::unique_ptr<Client>> clients_;
};

using Numbers = std::vector<uint32_t>;

TEST(Switch, FloodsUntilItHasLearned) {
  Bench bench(3);
  bench.send_frame(0, mac(1), mac(0), 10);
  bench.run();
  EXPECT_EQ(bench.got(0), Numbers{});
  EXPECT_EQ(bench.got(1), Numbers{10});
  EXPECT_EQ(bench.got(2), Numbers{10});
  bench.send_frame(1, mac(0), mac(1), 11);
  bench.run();
  EXPECT_EQ(bench.got(0), Numbers{11});
  EXPECT_EQ(bench.got(2), Numbers{});
  bench.send_frame(0, mac(1), mac(0), 12);
  bench.send_frame(0, kBroadcast, mac(0), 13);
  bench.run();
  EXPECT_EQ(bench.got(1), (Numbers{12, 13}));
  EXPECT_EQ(bench.got(2), Numbers{13});
  EXPECT_EQ(bench.report()["flooded"], 2);
  EXPECT_EQ(bench.report()["addresses"], 2);
}

TEST(Switch, NeverSendsAFrameBackWhereItCameFrom) {
  Bench bench(2);
  bench.send_frame(0, mac(0), mac(0), 1);
  bench.send_frame(0, mac(0), mac(5), 2);
  bench.run();
  EXPECT_EQ(bench.got(0), Numbers{});
  EXPECT_EQ(bench.got(1), Numbers{});
}

TEST(Switch, CarriesBurstsWholeAndInOrder) {
  Bench bench(2);
  bench.send_frame(1, kBroadcast, mac(1), 0);
  bench.run();
  Numbers sent, received;
  for (uint32_t round = 0; round < 200; ++round) {
    for (uint32_t i = 0; i < 20; ++i) {
      sent.push_back(round * 100 + i);
      bench.send_frame(0, mac(1), mac(0), sent.back(), 60 + (i * 397) % 1454);
    }
    bench.run();
    const Numbers some = bench.got(1);
    received.insert(received.end(), some.begin(), some.end());
  }
  EXPECT_EQ(received, sent);
  EXPECT_EQ(bench.report()["ports"][0]["rx_frames"], sent.size());
  EXPECT_EQ(bench.report()["ports"][1]["tx_frames"], sent.size());
}

TEST(Switch, APortThatDoesNotReadLosesFramesAndHoldsUpNobody) {
  Bench bench(3);
  bench.send_frame(1, kBroadcast, mac(1), 0);
  bench.run();
  (void)bench.got(0);
  (void)bench.got(2);
  constexpr uint32_t kCount = 12'000;
  Numbers received;
  for (uint32_t i = 0; i < kCount; ++i) {
    bench.send_frame(0, kBroadcast, mac(0), i, 1500);
    if (i % 16 != 15) continue;
    bench.run();
    const Numbers some = bench.got(2);
    received.insert(received.end(), some.begin(), some.end());
  }
  ASSERT_EQ(received.size(), kCount);
  const nlohmann::json before = bench.report();
  EXPECT_GT(before["dropped_port_full"], 0);
  EXPECT_EQ(before["ports"][1]["tx_dropped"], before["dropped_port_full"]);
  EXPECT_EQ(before["ports"][2]["tx_dropped"], 0);
  // What was kept arrives once the port reads again.
  Numbers late = bench.got(1);
  for (Numbers some; bench.run(), some = bench.got(1), !some.empty();)
    late.insert(late.end(), some.begin(), some.end());
  EXPECT_EQ(late.size() + before["dropped_port_full"].get<size_t>(), kCount);
  EXPECT_TRUE(std::is_sorted(late.begin(), late.end()));
}

TEST(Switch, ClosesAStreamThatIsOutOfStepAndKeepsTheOthers) {
  Bench bench(3);
  bench.send_raw(0, {0xff, 0xff, 0xff, 0xff, 1, 2, 3});
  bench.send_frame(1, mac(2), mac(1), 5);
  bench.run();
  EXPECT_EQ(bench.bridge().ports(), 2u);
  EXPECT_EQ(bench.report()["streams_broken"], 1);
  EXPECT_EQ(bench.got(2), Numbers{5});
}

TEST(Switch, AClientThatLeavesInsideAFrameLeavesNothingBehind) {
  Bench bench(3);
  bench.send_frame(0, mac(1), mac(0), 1);
  bench.run();
  bench.send_raw(0, {0, 0, 0, 100, 1, 2, 3});
  bench.close(0);
  bench.run();
  EXPECT_EQ(bench.bridge().ports(), 2u);
  EXPECT_EQ(bench.report()["addresses"], 0);
  EXPECT_EQ(bench.report()["ports_closed"], 1);
  bench.send_frame(1, mac(0), mac(1), 2);  // to the one that left: nobody knows it now
  bench.run();
  EXPECT_EQ(bench.got(2), (Numbers{1, 2}));
}

TEST(Switch, CountsRunts) {
  Bench bench(2);
  bench.send_raw(0, {0, 0, 0, 1, 9});
  bench.send_frame(0, kBroadcast, mac(0), 0, 13);
  bench.run();
  EXPECT_EQ(bench.report()["runts"], 2);
  EXPECT_EQ(bench.got(1), Numbers{});
  EXPECT_EQ(bench.report()["addresses"], 0);
}

TEST(Switch, TakesNoMoreClientsThanItHasPorts) {
  SwitchOptions options;
  options.max_ports = 2;
  Bench bench(2, options);
  EXPECT_FALSE(bench.connect());
  EXPECT_EQ(bench.report()["ports_refused"], 1);
  bench.close(0);
  bench.run();
  EXPECT_TRUE(bench.connect());
  EXPECT_EQ(bench.report()["ports"][1]["port"], 0);  // the number is free again
}

TEST(Switch, LosesTheSameFramesForTheSameSeed) {
  const auto survivors = [](uint64_t seed) {
    SwitchOptions options;
    options.loss = 0.3;
    options.seed = seed;
    Bench bench(2, options);
    Numbers received;
    for (uint32_t i = 0; i < 500; ++i) {
      bench.send_frame(0, kBroadcast, mac(0), i);
      bench.run();
      const Numbers some = bench.got(1);
      received.insert(received.end(), some.begin(), some.end());
    }
    return received;
  };
  const Numbers first = survivors(7);
  EXPECT_GT(first.size(), 280u);
  EXPECT_LT(first.size(), 420u);
  EXPECT_EQ(survivors(7), first);
  EXPECT_NE(survivors(8), first);
}

TEST(Switch, DelaysFramesInOrder) {
  SwitchOptions options;
  options.delay_ms = 50;
  Bench bench(2, options);
  bench.now_ms = 1000;
  bench.send_frame(0, kBroadcast, mac(0), 1);
  bench.run();
  EXPECT_EQ(bench.bridge().next_tick_ms(), 1050);
  bench.now_ms = 1020;
  bench.send_frame(0, kBroadcast, mac(0), 2);
  bench.run();
  bench.now_ms = 1049;
  bench.run();
  EXPECT_EQ(bench.got(1), Numbers{});
  bench.now_ms = 1050;
  bench.run();
  EXPECT_EQ(bench.got(1), Numbers{1});
  bench.now_ms = 1100;
  bench.run();
  EXPECT_EQ(bench.got(1), Numbers{2});
  EXPECT_FALSE(bench.bridge().next_tick_ms());
}

TEST(DelayLine, RefusesWhatDoesNotFit) {
  DelayLine line(10, 100);
  const std::vector<uint8_t> frame(60);
  EXPECT_TRUE(line.put(0, frame, 0));
  EXPECT_FALSE(line.put(0, frame, 0));
  EXPECT_TRUE(line.take_due(10));
  EXPECT_TRUE(line.put(0, frame, 10));
}

class CountingSink final : public capture::ByteSink {
 public:
  Status append(std::span<const uint8_t>) override { return {}; }
};

TEST(Switch, RecordsEachFrameOnce) {
  capture::Capture capture(std::make_unique<CountingSink>(), {});
  Bench bench(4, {}, &capture);
  bench.send_frame(0, kBroadcast, mac(0), 1);
  bench.send_frame(1, mac(0), mac(1), 2);
  bench.send_frame(2, mac(0), mac(2), 3, 13);  // runt
  bench.run();
  EXPECT_EQ(capture.counters().frames, 2u);
}

}  // namespace
}  // namespace gatehouse::ethernet_switch
