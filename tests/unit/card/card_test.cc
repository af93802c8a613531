// SPDX-License-Identifier: GPL-2.0-or-later
// What the card adds to the pipeline: batches, order, held frames, re-entrancy, names, reports,
// saved state.
#include <algorithm>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
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

// What a vnic sends when its FIFO fills or empties (IEEE 802.3 annex 31B).
test::Bytes pause_of_a(uint16_t quanta) {
  test::Bytes frame = test::from_hex("0180c2000001 52540000000a 8808 0001");
  frame.push_back(static_cast<uint8_t>(quanta >> 8));
  frame.push_back(static_cast<uint8_t>(quanta));
  frame.resize(60);
  return frame;
}

TEST(Card, HoldsFramesForAVnicForItsPauseTime) {
  World world;
  World::transmit(world.a, pause_of_a(1000));
  EXPECT_EQ(world.drops(DropReason::link_local), 1u) << "it ends here";
  for (uint32_t payload : {100u, 101u}) ASSERT_TRUE(world.receive(World::tunnel_to_a(payload)));
  world.run();
  World::transmit(world.b, World::from_b("10.0.0.10", "52:54:00:00:00:0a"));
  world.run();
  EXPECT_TRUE(world.a.received.empty());
  world.advance(1000 * 512 - 1);
  EXPECT_TRUE(world.a.received.empty());
  world.advance(1);
  ASSERT_EQ(world.a.received.size(), 3u) << "in their order, and without another event";
  for (uint32_t i = 0; i < 2; ++i) EXPECT_EQ(world.a.received[i].size(), 14u + 20 + 8 + 100 + i);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
}

TEST(Card, XonEndsAPause) {
  World world;
  World::transmit(world.a, pause_of_a(0xffff));
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.run();
  EXPECT_TRUE(world.a.received.empty());
  World::transmit(world.a, pause_of_a(0));
  world.run();
  EXPECT_EQ(world.a.received.size(), 1u);
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.run();
  EXPECT_EQ(world.a.received.size(), 2u);
}

TEST(Card, OnlyAPauseFrameStopsTheOtherWay) {
  test::Bytes other_opcode = pause_of_a(1000), other_address = pause_of_a(1000);
  other_opcode[15] = 2;
  other_address[5] = 2;
  test::Bytes cut = pause_of_a(1000);
  cut.resize(17);
  for (const test::Bytes& frame : {other_opcode, other_address, cut}) {
    World world;
    World::transmit(world.a, frame);
    ASSERT_TRUE(world.receive(World::tunnel_to_a()));
    world.run();
    EXPECT_EQ(world.a.received.size(), 1u);
  }
}

TEST(Card, APauseHoldsNoMoreThanTheQueueHas) {
  World world;
  World::transmit(world.a, pause_of_a(0xffff));
  constexpr uint32_t kFrames = 400;
  for (uint32_t i = 0; i < kFrames; ++i) {
    ASSERT_TRUE(world.receive(World::tunnel_to_a()));
    if (i % 64 == 63) world.run();
  }
  world.run();
  const uint64_t dropped = world.drops(DropReason::vnic_no_descriptors);
  EXPECT_GT(dropped, 0u);
  world.advance(0xffff * 512);
  EXPECT_EQ(world.a.received.size() + dropped, kFrames);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
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

// A message-signalled interrupt may be another vnic's doorbell.
TEST(Card, AFrameSentWhileHeldOnesGoOnWaitsForRun) {
  World world;
  std::string text = kPolicy;
  const std::string vnic = R"("name": "b", )";
  text.insert(text.find(vnic) + vnic.size(), R"("coalesce": true, )");
  text.insert(text.rfind('}'), R"(, "coalesce_hold": 1000000)");
  Result<policy::Policy> policy = policy::read_policy(text, "policy.json");
  ASSERT_TRUE(policy.ok()) << policy.status().message();
  ASSERT_TRUE(world.card.load_policy(policy.value()).ok());
  const test::Bytes inner =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:0b", .source = "52:54:00:00:00:02"})
          .ipv4({.source = "10.0.0.2", .destination = "10.0.0.11"})
          .tcp()
          .payload(1000)
          .build();
  const test::Bytes segment =
      test::Frame()
          .ethernet({.destination = "02:00:00:00:00:01", .source = "02:00:00:00:00:02"})
          .ipv4({.source = "10.1.0.2", .destination = "10.1.0.1"})
          .udp({.destination = 4789, .checksum = 0})
          .payload(test::concat({test::from_hex("0800 0000 0013 8900"), inner}))
          .build();
  world.b.on_receive = [&] {
    World::transmit(world.b, World::from_b("10.0.0.2", "52:54:00:00:00:02"));
    EXPECT_TRUE(world.wire.sent.empty());
  };
  ASSERT_TRUE(world.receive(segment));
  world.run();
  // Another vnic that goes lets none go on.
  world.card.detach(world.a.port);
  EXPECT_TRUE(world.b.received.empty());
  ASSERT_EQ(world.card.state(false)["coalesce"]["held-frames"], 1);
  EXPECT_TRUE(world.card.load_policy(policy.value()).ok());
  EXPECT_EQ(world.b.received.size(), 1u);
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
  const nlohmann::json counters = world.card.state(false)["uplinks"][0]["counters"];
  EXPECT_EQ(counters["tx_frames"], 10u) << "the two that were dropped were not sent";
  size_t octets = 0;
  for (const auto& [uplink, frame] : world.wire.sent) octets += frame.size();
  EXPECT_EQ(counters["tx_bytes"], octets);
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
  EXPECT_EQ(world.card.state(false)["uplinks"][0]["counters"]["tx_frames"], 1u);
}

TEST(Card, WhatIsOnTheCableEndsWithTheLink) {
  World world({.present = true, .rate = 1'000'000});
  const test::Bytes frame = World::from_a("10.0.0.2");
  const int64_t wire_ns = 8000 * static_cast<int64_t>(frame.size() + kOuter + 24);
  World::transmit(world.a, frame, 10);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.advance(wire_ns);
  ASSERT_EQ(world.wire.sent.size(), 1u);
  ASSERT_EQ(world.a.received.size(), 1u);
  world.card.set_uplink_link(0, false);
  EXPECT_EQ(world.drops(DropReason::uplink_down), 9u + 2);
  nlohmann::json counters = world.card.state(false)["uplinks"][0]["counters"];
  EXPECT_EQ(counters["tx_frames"], 1u);
  EXPECT_EQ(counters["tx_bytes"], frame.size() + kOuter);
  EXPECT_EQ(counters["tx_drops"], 9u);
  EXPECT_EQ(counters["rx_frames"], 1u);
  EXPECT_EQ(counters["rx_drops"], 2u);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
  world.card.set_uplink_link(0, true);
  World::transmit(world.a, frame);
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.advance(wire_ns - 1);
  EXPECT_EQ(world.wire.sent.size(), 1u);
  EXPECT_EQ(world.a.received.size(), 1u);
  world.advance(1);
  EXPECT_EQ(world.wire.sent.size(), 2u) << "after its own time on the wire";
  EXPECT_EQ(world.a.received.size(), 2u);
  EXPECT_EQ(world.drops(DropReason::uplink_down), 11u);
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

TEST(Card, ReportsWhatAVnicDropsWhileTheCardHasNothingToDo) {
  World world;
  world.a.port->count_drop(DropReason::tx_seal_broken);
  world.advance(0);
  ASSERT_EQ(world.events.reports.size(), 1u);
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

// The vnics of `world` come in the other order, so that they have other numbers at first.
void swap_vnics(World& world) {
  world.card.detach(world.a.port);
  world.card.detach(world.b.port);
  world.attach(world.b, "b", "52:54:00:00:00:0b");
  world.attach(world.a, "a", "52:54:00:00:00:0a");
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

  World destination(slow);
  swap_vnics(destination);
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

TEST(Card, SavedStateCarriesAPause) {
  World source;
  World::transmit(source.a, pause_of_a(1000));
  ASSERT_TRUE(source.receive(World::tunnel_to_a()));
  source.run();
  source.card.drain();
  Archive saved;
  source.card.archive(saved);

  World destination;
  destination.clock.now = source.clock.now;
  Archive loading{std::span<const uint8_t>(saved.bytes())};
  destination.card.archive(loading);
  ASSERT_TRUE(loading.ok()) << loading.error();
  destination.card.loaded();
  destination.run();
  EXPECT_TRUE(destination.a.received.empty());
  destination.advance(1000 * 512);
  EXPECT_EQ(destination.a.received.size(), 1u);
}

// Vnic a's doorbell for a super-frame of five segments.
void transmit_super_frame(World& world) {
  const test::Bytes frame =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:0a"})
          .ipv4({.source = "10.0.0.10", .destination = "10.0.0.2", .dont_fragment = true})
          .tcp()
          .payload(5000)
          .build();
  Packet* packet = world.a.port->take_packet(static_cast<uint32_t>(frame.size()));
  std::copy(frame.begin(), frame.end(), packet->data);
  packet->length = static_cast<uint32_t>(frame.size());
  packet->offload = {.tso = true,
                     .tcp = true,
                     .ipv4 = true,
                     .mss = 1000,
                     .header_length = 54,
                     .payload_length = 5000};
  world.a.port->transmit({&packet, 1});
}

TEST(Card, HostileSavedStateIsRefusedAndLeavesAWorkingCard) {
  World source({.present = true, .latency_ns = 1'000'000});
  World::transmit(source.a, World::from_a("10.0.0.2"));
  transmit_super_frame(source);
  Archive saved;
  source.card.archive(saved);
  for (size_t octets = 0; octets < saved.bytes().size(); octets += 7) {
    World destination({.present = true, .latency_ns = 1'000'000});
    Archive loading{std::span<const uint8_t>(saved.bytes()).first(octets)};
    destination.card.archive(loading);
    EXPECT_FALSE(loading.ok()) << octets;
  }
}

TEST(Card, LeavesSuperFramesToAWireThatCuts) {
  World world;
  for (const bool cuts : {true, false}) {
    world.wire.cutting = cuts;
    transmit_super_frame(world);
    EXPECT_TRUE(world.wire.sent.empty()) << "super-frames leave the doorbell";
    world.run();
    EXPECT_EQ(world.wire.sent.size(), cuts ? 1u : 5u);
    EXPECT_EQ(world.wire.supers.size(), cuts ? 1u : 0u);
    world.wire.sent.clear();
    world.wire.supers.clear();
  }
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
}

// Doorbells of a CPU that has not stopped yet, a debugger's.
TEST(Card, WhatIsSentWhileTheMachineStandsStillWaits) {
  World world;
  world.events.running = false;
  transmit_super_frame(world);
  World::transmit(world.a, World::from_a("10.0.0.11", "52:54:00:00:00:0b"));
  world.card.drain();
  EXPECT_TRUE(world.wire.sent.empty());
  EXPECT_TRUE(world.b.received.empty()) << "guest memory may have been saved";
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 2);
  world.events.running = true;
  world.card.resumed();
  world.run();
  EXPECT_EQ(world.wire.sent.size(), 5u);
  EXPECT_EQ(world.b.received.size(), 1u);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 0);
}

TEST(Card, AStopLosesNoSuperFrames) {
  World world({.present = true, .queue = 8});
  for (int i = 0; i < 4; ++i) transmit_super_frame(world);
  world.events.running = false;
  world.card.drain();
  transmit_super_frame(world);
  EXPECT_EQ(world.card.state(false)["uplinks"][0]["queued"], 0);
  world.events.running = true;
  world.card.resumed();
  world.run();
  EXPECT_EQ(world.wire.sent.size(), 25u);
  EXPECT_TRUE(world.events.drops.empty());
}

TEST(Card, SavedStateCarriesWhatDoorbellsLeft) {
  World source;
  source.events.running = false;
  transmit_super_frame(source);
  World::transmit(source.a, World::from_a("10.0.0.2"));
  World::transmit(source.b, World::from_b("10.0.0.10", "52:54:00:00:00:0a"));
  source.card.drain();
  Archive saved;
  source.card.archive(saved);

  World destination;
  swap_vnics(destination);
  destination.events.running = false;
  transmit_super_frame(destination);  // of the machine that is no more
  Archive loading{std::span<const uint8_t>(saved.bytes())};
  destination.card.archive(loading);
  ASSERT_TRUE(loading.ok()) << loading.error();
  EXPECT_TRUE(loading.at_end());
  EXPECT_EQ(destination.card.state(false)["packets-in-use"], 3);
  destination.card.loaded();
  EXPECT_TRUE(destination.events.scheduled);
  source.card.resumed();  // as after a migration that failed
  for (World* world : {&source, &destination}) {
    world->events.running = true;
    world->run();
    EXPECT_EQ(world->wire.sent.size(), 6u);
    EXPECT_EQ(world->a.received.size(), 1u);
    EXPECT_EQ(world->card.state(false)["packets-in-use"], 0);
  }
  EXPECT_EQ(destination.wire.sent, source.wire.sent);
  EXPECT_EQ(destination.card.state(false)["vnics"], source.card.state(false)["vnics"]);
}

TEST(Card, ASavedStateWithoutWhatDoorbellsLeftIsTaken) {
  World source;
  Archive saved;
  source.card.archive(saved);
  test::Bytes bytes = saved.bytes();
  Archive section;
  section.section("card", 3);
  ASSERT_TRUE(std::equal(section.bytes().begin(), section.bytes().end(), bytes.begin()));
  Archive before;
  before.section("card", 2);
  std::copy(before.bytes().begin(), before.bytes().end(), bytes.begin());
  bytes.resize(bytes.size() - 4);  // the number of frames
  World destination;
  Archive loading{std::span<const uint8_t>(bytes)};
  destination.card.archive(loading);
  EXPECT_TRUE(loading.ok()) << loading.error();
  EXPECT_TRUE(loading.at_end());
}

TEST(Card, ASavedFrameOfNoVnicIsRefused) {
  World source;
  source.events.running = false;
  World::transmit(source.a, World::from_a("10.0.0.2"));
  Archive saved;
  source.card.archive(saved);
  const size_t octets = World::from_a("10.0.0.2").size();
  const size_t port =
      saved.bytes().size() - (3 + 2 + 2 + 4) - octets - 2;  // behind it: the TSO context
  for (const uint8_t lie : {2, 200, 255}) {
    test::Bytes bytes = saved.bytes();
    bytes[port] = bytes[port + 1] = lie;
    World destination;
    Archive loading{std::span<const uint8_t>(bytes)};
    destination.card.archive(loading);
    EXPECT_FALSE(loading.ok()) << unsigned{lie};
    EXPECT_EQ(destination.card.state(false)["packets-in-use"], 0);
    destination.card.loaded();
    World::transmit(destination.a, World::from_a("10.0.0.2"));
    EXPECT_EQ(destination.wire.sent.size(), 1u) << "the machine goes on";
  }
}

// What waits for the wire is in the saved state, too, and goes on there.
TEST(Card, AMachineThatStandsStillSendsNothing) {
  World world({.present = true, .queue = 8});
  world.wire.room = 2;
  World::transmit(world.a, World::from_a("10.0.0.2"), 5);
  world.events.running = false;
  world.wire.room = 100;
  world.card.uplink_writable(0);
  EXPECT_EQ(world.wire.sent.size(), 2u);
  world.events.running = true;
  world.card.resumed();
  world.run();
  EXPECT_EQ(world.wire.sent.size(), 5u);
}

// A wire that took nothing while the machine stood still has nothing to say of.
TEST(Card, AMachineThatGoesOnAsksTheWiresAgain) {
  World world({.present = true, .queue = 8});
  world.wire.room = 0;
  World::transmit(world.a, World::from_a("10.0.0.2"), 5);
  world.events.running = false;
  ASSERT_TRUE(world.receive(World::tunnel_to_a()));
  world.events.scheduled = false;  // came while nothing ran
  world.wire.room = 100;
  world.events.running = true;
  world.card.resumed();
  world.run();
  EXPECT_EQ(world.wire.sent.size(), 5u);
  EXPECT_EQ(world.a.received.size(), 1u);
}

TEST(Card, CompletesAChecksumThatTheWireLeftOpen) {
  World world;
  test::Bytes frame = World::tunnel_to_a();
  const size_t udp = 14 + 20 + 8 + 8 + 14 + 20;  // of the inner frame
  const uint16_t whole = load_be<uint16_t>(&frame[udp + 6]);
  // What a kernel leaves there: the sum of the pseudo header.
  const uint16_t pseudo = checksum::pseudo_v4(&frame[udp - 8], &frame[udp - 4], 17, 108);
  store_be(&frame[udp + 6], pseudo);
  const Arrival arrival{.checksum_start = udp, .checksum_offset = udp + 6};
  ASSERT_TRUE(world.card.receive(0, {{frame.data(), static_cast<uint32_t>(frame.size())}, {}},
                                 false, arrival));
  // A lie about where it stands changes nothing, and nothing outside.
  const Arrival lie{.checksum_start = 60000, .checksum_offset = 60006};
  ASSERT_TRUE(
      world.card.receive(0, {{frame.data(), static_cast<uint32_t>(frame.size())}, {}}, false, lie));
  world.run();
  ASSERT_EQ(world.a.received.size(), 2u);
  EXPECT_EQ(load_be<uint16_t>(&world.a.received[0][14 + 20 + 6]), whole);
  EXPECT_EQ(load_be<uint16_t>(&world.a.received[1][14 + 20 + 6]), pseudo);
}

TEST(Card, ASuperFrameThatIsNoneEndsAsAFrameTooLong) {
  World world;
  const test::Bytes frame = World::tunnel_to_a(3000);  // UDP
  ASSERT_TRUE(world.card.receive(0, {{frame.data(), static_cast<uint32_t>(frame.size())}, {}},
                                 false, {.mss = 1000}));
  world.run();
  ASSERT_EQ(world.a.received.size(), 1u) << "in one piece; the vnic looks at its length";
  EXPECT_EQ(world.a.received[0].size(), 14u + 20 + 8 + 3000);
}

TEST(Card, TheWireWaitsForTheOnlyVnic) {
  World world;
  world.card.detach(world.b.port);
  const test::Bytes frame = World::tunnel_to_a();
  EXPECT_TRUE(world.receive(frame));
  world.run();
  world.a.slow = true;
  EXPECT_FALSE(world.receive(frame)) << "the driver is slow";
  world.a.slow = false;
  world.a.port->receive_ready();
  world.run();
  EXPECT_EQ(world.wire.resumed, std::vector<unsigned>{0});
  EXPECT_TRUE(world.receive(frame));
  world.run();
  EXPECT_EQ(world.a.received.size(), 2u);
}

TEST(Card, TheWireDoesNotWaitForeverAndNotForOneOfSeveral) {
  World world;
  const test::Bytes frame = World::tunnel_to_a();
  world.a.slow = true;
  EXPECT_TRUE(world.receive(frame)) << "vnic b must not suffer";
  world.card.detach(world.b.port);
  EXPECT_FALSE(world.receive(frame));
  world.advance(200'000'000);
  EXPECT_EQ(world.wire.resumed, std::vector<unsigned>{0}) << "by the clock";
  EXPECT_TRUE(world.receive(frame));
  world.run();
}

}  // namespace
}  // namespace gatehouse::card
