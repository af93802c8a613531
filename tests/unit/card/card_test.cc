// SPDX-License-Identifier: GPL-2.0-or-later
// What the card adds to the pipeline: batches, order, held frames, re-entrancy, names, reports,
// saved state.
#include "tests/unit/card/world.hh"

namespace gatehouse::card {
namespace {

using spec::DropReason;

constexpr uint32_t kOuter = 14 + 20 + 8 + 8;  // Ethernet, IPv4, UDP, VXLAN

TEST(Card, SendsAnEncapsulatedFrameAtOnce) {
  World world;
  const test::Bytes frame = World::from_a("10.0.0.2");
  World::transmit(world.a, frame);
  ASSERT_EQ(world.wire.sent.size(), 1u);
  const auto& [uplink, sent] = world.wire.sent[0];
  EXPECT_EQ(uplink, 0u);
  ASSERT_EQ(sent.size(), frame.size() + kOuter);
  EXPECT_EQ(test::Bytes(sent.begin() + kOuter, sent.end()), frame);
  EXPECT_TRUE(test::checksums_right(sent));
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
}

TEST(Card, HandlesFramesFromTheWireInRun) {
  World world;
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  EXPECT_TRUE(world.a.received.empty());
  EXPECT_TRUE(world.events.scheduled);
  world.run();
  ASSERT_EQ(world.a.received.size(), 1u);
  EXPECT_EQ(world.a.received[0].size(), 14u + 20 + 8 + 100);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
}

TEST(Card, HandlesALoneFrameAtOnceWhereTheWireBearsIt) {
  World world;
  const test::Bytes frame = World::tunnel_to_a();
  const OutFrame alone{{frame.data(), static_cast<uint32_t>(frame.size())}, {}};
  ASSERT_TRUE(world.card.receive(0, alone, /*at_once=*/true));
  EXPECT_EQ(world.a.received.size(), 1u);
  ASSERT_TRUE(world.card.receive(0, alone, /*at_once=*/true));
  EXPECT_EQ(world.a.received.size(), 1u) << "it comes close behind: the beginning of a batch";
  world.run();
  EXPECT_EQ(world.a.received.size(), 2u);
}

TEST(Card, DeliversBetweenItsOwnVnics) {
  World world;
  const test::Bytes frame = World::from_a("10.0.0.11", "52:54:00:00:00:0b");
  World::transmit(world.a, frame);
  EXPECT_TRUE(world.wire.sent.empty());
  ASSERT_EQ(world.b.received.size(), 1u);
  EXPECT_EQ(world.b.received[0], frame);
}

TEST(Card, AnswersAVnicOnlyAfterItsDoorbell) {
  World world;
  World::transmit(world.a,
                  test::Frame()
                      .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = "52:54:00:00:00:0a"})
                      .arp({.sender_mac = "52:54:00:00:00:0a",
                            .sender_ip = "10.0.0.10",
                            .target_ip = "10.0.0.2"})
                      .build());
  EXPECT_TRUE(world.a.received.empty()) << "the vnic is in the middle of transmit()";
  world.run();
  ASSERT_EQ(world.a.received.size(), 1u);
  EXPECT_EQ(world.a.received[0][20 + 1], 2) << "an ARP reply";
}

TEST(Card, KeepsFramesThatAVnicDoesNotTakeInOrder) {
  World world;
  world.a.room = 1;
  for (uint32_t payload : {100u, 101u, 102u})
    ASSERT_TRUE(world.receive(World::tunnel_to_a(payload)));
  world.run();
  ASSERT_EQ(world.a.received.size(), 1u);
  world.a.room = 10;
  ASSERT_TRUE(world.receive(World::tunnel_to_a(103)));
  world.run();
  EXPECT_EQ(world.a.received.size(), 1u) << "nothing overtakes while the vnic has no room";
  world.a.port->receive_ready();
  world.run();
  ASSERT_EQ(world.a.received.size(), 4u);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(world.a.received[i].size(), 14u + 20 + 8 + 100 + i);
}

TEST(Card, DropsWhatItCannotKeepAndCountsIt) {
  World world;
  world.a.room = 0;
  constexpr uint32_t kFrames = 400;
  for (uint32_t i = 0; i < kFrames; ++i) {
    ASSERT_TRUE(world.receive(World::tunnel_to_a()));
    if (i % 64 == 63) world.run();
  }
  world.run();
  const uint64_t dropped = world.drops(DropReason::vnic_no_descriptors);
  EXPECT_GT(dropped, 0u);
  world.a.room = kFrames;
  world.a.port->receive_ready();
  world.run();
  EXPECT_EQ(world.a.received.size() + dropped, kFrames);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
}

TEST(Card, AVnicThatTakesNothingLeavesTheOthersTheirBuffers) {
  World world;
  world.b.room = 0;
  constexpr uint64_t kFrames = 300;  // more than there are large buffers
  for (uint64_t i = 0; i < kFrames; ++i)
    World::transmit(world.a, World::from_a("10.0.0.11", "52:54:00:00:00:0b", 9000));
  const uint64_t kept = world.card.state(false)["packets-in-use"];
  EXPECT_GT(kept, 64u);
  EXPECT_LE(kept, 3 * PacketPool::Limits{}.large_count / 4 + 1);
  EXPECT_EQ(world.drops(DropReason::vnic_no_descriptors), kFrames - kept);
  EXPECT_EQ(world.drops(DropReason::no_packet_buffer), 0u);
}

TEST(Card, AFrameSentDuringDeliveryWaitsForRun) {
  World world;
  world.b.on_receive = [&] {
    world.b.on_receive = nullptr;
    World::transmit(
        world.b, test::Frame()
                     .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:0b"})
                     .ipv4({.source = "10.0.0.11", .destination = "10.0.0.2"})
                     .udp()
                     .payload(10)
                     .build());
  };
  World::transmit(world.a, World::from_a("10.0.0.11", "52:54:00:00:00:0b"));
  EXPECT_TRUE(world.wire.sent.empty());
  world.run();
  EXPECT_EQ(world.wire.sent.size(), 1u);
}

TEST(Card, TellsTheWireToWaitAndWakesIt) {
  World world;
  size_t taken = 0;
  while (world.receive(World::tunnel_to_a())) ASSERT_LT(++taken, 10'000u);
  EXPECT_FALSE(world.card.can_receive(0));
  EXPECT_TRUE(world.wire.resumed.empty());
  world.run();
  EXPECT_EQ(world.a.received.size(), taken);
  EXPECT_EQ(world.wire.resumed, std::vector<unsigned>{0});
}

TEST(Card, QueuesForABusyWireUpToItsLimit) {
  World world({.present = true, .queue = 8});
  world.wire.room = 2;
  World::transmit(world.a, World::from_a("10.0.0.2"), 12);
  EXPECT_EQ(world.wire.sent.size(), 2u);
  EXPECT_EQ(world.drops(DropReason::uplink_queue_full), 2u);
  world.wire.room = 3;
  world.card.uplink_writable(0);
  EXPECT_EQ(world.wire.sent.size(), 5u);
  world.wire.room = 100;
  world.card.uplink_writable(0);
  EXPECT_EQ(world.wire.sent.size(), 10u);
}

TEST(Card, DropsForAnUplinkWithoutLink) {
  World world;
  world.card.set_uplink_link(0, false);
  World::transmit(world.a, World::from_a("10.0.0.2"));
  EXPECT_TRUE(world.wire.sent.empty());
  EXPECT_EQ(world.drops(DropReason::uplink_down), 1u);
  world.card.set_uplink_link(0, true);
  World::transmit(world.a, World::from_a("10.0.0.2"));
  EXPECT_EQ(world.wire.sent.size(), 1u);
}

TEST(Card, LinkRateSpacesFramesOnTheVirtualClock) {
  World world({.present = true, .rate = 1'000'000'000});
  const test::Bytes frame = World::from_a("10.0.0.2");
  const int64_t wire_ns = 8 * static_cast<int64_t>(frame.size() + kOuter + uplink::kWireOverhead);
  World::transmit(world.a, frame, 3);
  EXPECT_TRUE(world.wire.sent.empty());
  for (size_t i = 1; i <= 3; ++i) {
    world.advance(wire_ns - 1);
    EXPECT_EQ(world.wire.sent.size(), i - 1);
    world.advance(1);
    EXPECT_EQ(world.wire.sent.size(), i);
  }
}

TEST(Card, LatencyDelaysWithoutSpacing) {
  World world({.present = true, .latency_ns = 50'000});
  World::transmit(world.a, World::from_a("10.0.0.2"), 3);
  world.advance(49'999);
  EXPECT_TRUE(world.wire.sent.empty());
  world.advance(1);
  EXPECT_EQ(world.wire.sent.size(), 3u);
}

TEST(Card, LinkRateHoldsForTheWayInToo) {
  World world({.present = true, .rate = 100'000'000});
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.advance(8'000);
  EXPECT_TRUE(world.a.received.empty());
  world.advance(100'000);
  EXPECT_EQ(world.a.received.size(), 1u);
}

TEST(Card, ReportsDropsOnceASecondWithTheirNumber) {
  World world;
  const test::Bytes spoofed =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:99"})
          .ipv4()
          .udp()
          .payload(10)
          .build();
  World::transmit(world.a, spoofed, 3);
  world.advance(0);
  using Report = std::tuple<bool, std::string, DropReason, uint64_t>;
  EXPECT_EQ(world.events.reports, (std::vector<Report>{{true, "a", DropReason::spoofed_mac, 3}}));
  World::transmit(world.a, spoofed, 5);
  World::transmit(world.a, spoofed, 2);
  world.advance(999'999'999);
  EXPECT_EQ(world.events.reports.size(), 1u);
  world.advance(1);
  ASSERT_EQ(world.events.reports.size(), 2u);
  EXPECT_EQ(world.events.reports[1], (Report{true, "a", DropReason::spoofed_mac, 7}));
  world.advance(5'000'000'000);
  EXPECT_EQ(world.events.reports.size(), 2u) << "nothing more was dropped";
}

TEST(Card, RefusesASecondVnicOfTheSameName) {
  World world;
  FakeGuest guest;
  const Result<VnicPort*> port = world.card.attach("a", *parse_mac("52:54:00:00:00:0c"), guest);
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(port.status().message(), "the card already has a vnic named 'a'");
}

TEST(Card, ADetachedVnicLeavesNothingBehind) {
  World world;
  world.a.room = 0;
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.run();
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 1);
  world.card.detach(world.a.port);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.run();
  EXPECT_TRUE(world.a.received.empty());
  EXPECT_EQ(world.drops(DropReason::no_vnic), 1u);
}

TEST(Card, SavedStateCarriesWaitingFramesAndNumbers) {
  const uplink::Options slow = {.present = true, .latency_ns = 1'000'000};
  World source(slow);
  World::transmit(source.a, World::from_a("10.0.0.2"));  // on the cable
  source.b.room = 0;
  World::transmit(source.a, World::from_a("10.0.0.11", "52:54:00:00:00:0b"));  // held for b
  source.card.drain();
  Archive saved;
  source.card.archive(saved);

  // The vnics come in the other order, so that they have other numbers at first.
  World destination(slow);
  destination.card.detach(destination.a.port);
  destination.card.detach(destination.b.port);
  destination.attach(destination.b, "b", "52:54:00:00:00:0b");
  destination.attach(destination.a, "a", "52:54:00:00:00:0a");
  destination.clock.now = source.clock.now;
  Archive loading{std::span<const uint8_t>(saved.bytes())};
  destination.card.archive(loading);
  ASSERT_TRUE(loading.ok()) << loading.error();
  EXPECT_TRUE(loading.at_end());
  destination.card.loaded();
  EXPECT_EQ(destination.card.state(false)["vnics"], source.card.state(false)["vnics"]);

  destination.b.port->receive_ready();
  destination.run();
  EXPECT_EQ(destination.b.received.size(), 1u);
  destination.advance(1'000'000);
  EXPECT_EQ(destination.wire.sent.size(), 1u);
}

TEST(Card, HostileSavedStateIsRefusedAndLeavesAWorkingCard) {
  World source({.present = true, .latency_ns = 1'000'000});
  World::transmit(source.a, World::from_a("10.0.0.2"));
  Archive saved;
  source.card.archive(saved);
  for (size_t octets = 0; octets < saved.bytes().size(); octets += 7) {
    World destination({.present = true, .latency_ns = 1'000'000});
    Archive loading{std::span<const uint8_t>(saved.bytes()).first(octets)};
    destination.card.archive(loading);
    EXPECT_FALSE(loading.ok()) << octets;
  }
}

}  // namespace
}  // namespace gatehouse::card
