// SPDX-License-Identifier: GPL-2.0-or-later
// A saved state that lies. What is refused leaves a card that may go on.
#include <algorithm>

#include "tests/unit/card/world.hh"

namespace gatehouse::card {
namespace {

using test::Bytes;

// A saved frame: length, port, octets.
constexpr size_t kPortOctets = 2;

Bytes save(World& world) {
  Archive archive;
  world.card.archive(archive);
  return archive.bytes();
}

// Where `octets` stand in a saved state; they must stand there once.
size_t place_of(const Bytes& saved, const Bytes& octets) {
  const auto at = std::search(saved.begin(), saved.end(), octets.begin(), octets.end());
  EXPECT_NE(at, saved.end());
  EXPECT_EQ(std::search(at + 1, saved.end(), octets.begin(), octets.end()), saved.end());
  return static_cast<size_t>(at - saved.begin());
}

// Loads it and lets the machine go on, whatever came of it. Answers what was wrong.
std::string load(World& world, const Bytes& saved) {
  Archive archive{std::span<const uint8_t>(saved)};
  world.card.archive(archive);
  world.card.loaded();
  for (FakeGuest* guest : {&world.a, &world.b}) guest->port->receive_ready();
  world.advance(1'000'000'000);
  return archive.error();
}

TEST(Saved, AFrameOnTheCableIsItsUplinks) {
  const uplink::Options slow = {.present = true, .rate = 1'000'000};
  World source(slow);
  const Bytes frame = World::tunnel_to_a();
  ASSERT_TRUE(source.receive(frame));
  const Bytes saved = save(source);
  World destination(slow);
  EXPECT_EQ(
      load(destination, test::patch(saved, place_of(saved, frame) - kPortOctets, {0xff, 0xff})),
      "");
  EXPECT_EQ(destination.a.received.size(), 1u);
}

TEST(Saved, AFrameFromAnUplinkThatDoesNotExistIsNotKept) {
  World source;
  const Bytes frame = World::tunnel_to_a();
  ASSERT_TRUE(source.receive(frame));
  const Bytes saved = save(source);
  World destination;
  EXPECT_EQ(load(destination, test::patch(saved, place_of(saved, frame) - kPortOctets, {2, 0})),
            "saved state: a waiting frame came from an uplink that does not exist");
  EXPECT_TRUE(destination.a.received.empty());
  EXPECT_EQ(destination.card.state(false)["packets-in-use"], 0);
}

TEST(Saved, AMalformedFrameForAVnicIsNotKept) {
  World source;
  source.b.room = 0;
  const Bytes frame = World::from_a("10.0.0.11", "52:54:00:00:00:0b");
  World::transmit(source.a, frame);
  source.card.drain();
  const Bytes saved = save(source);
  World destination;
  EXPECT_EQ(load(destination, test::patch(saved, place_of(saved, frame) + 14, {0x44})),
            "saved state: a waiting frame is malformed");
  EXPECT_TRUE(destination.b.received.empty());
  EXPECT_EQ(destination.card.state(false)["packets-in-use"], 0);
}

TEST(Saved, TimesThatOverflowAreRefused) {
  const uplink::Options slow = {.present = true, .rate = 1'000'000};
  World source(slow);
  const Bytes saved = save(source);
  Archive section;
  section.section("uplink-lane", 3);
  const Bytes& tag = section.bytes();
  const auto lane = std::search(saved.begin(), saved.end(), tag.begin(), tag.end());
  ASSERT_NE(lane, saved.end());
  const auto busy_until = static_cast<size_t>(lane - saved.begin()) + tag.size();
  for (const Bytes& time :
       {test::from_hex("ffffffffffffff7f"), test::from_hex("0000000000000080")}) {
    World destination(slow);
    EXPECT_EQ(load(destination, test::patch(saved, busy_until, time)),
              "saved state: impossible time in an uplink's queue");
    World::transmit(destination.a, World::from_a("10.0.0.2"));
    destination.advance(1'000'000'000);
    EXPECT_EQ(destination.wire.sent.size(), 1u);
  }
}

// Further away than it can be: now. Otherwise the lane would hold its frames for ever.
TEST(Saved, TimesOfAnotherClockAreNow) {
  constexpr size_t kBusyUntil = 8;
  const Bytes far = test::from_hex("0000000000000010");
  const uplink::Options slow = {.present = true, .rate = 1'000'000};
  const Bytes frame = World::tunnel_to_a();
  World source(slow);
  ASSERT_TRUE(source.receive(frame));
  ASSERT_TRUE(source.receive(World::tunnel_to_a(101)));
  const Bytes saved = save(source);
  World destination(slow);
  const size_t due = place_of(saved, frame) - kPortOctets - 4 - 8, busy = due - 4 - kBusyUntil;
  const Bytes hostile = test::patch(test::patch(saved, due, far), busy, far);
  Archive loading{std::span<const uint8_t>(hostile)};
  destination.card.archive(loading);
  ASSERT_TRUE(loading.ok()) << loading.error();
  destination.card.loaded();
  destination.advance(0);
  EXPECT_EQ(destination.a.received.size(), 1u) << "the other one has its own time";
  destination.advance(10'000'000);
  EXPECT_EQ(destination.a.received.size(), 2u);
  ASSERT_TRUE(destination.receive(frame));
  destination.advance(10'000'000);
  EXPECT_EQ(destination.a.received.size(), 3u);
}

// One that waits for run(), and one on the cable.
TEST(Saved, ASuperFrameThatTheWireHasNotCutIsCutAfterLoading) {
  const Bytes inner =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:0a", .source = "52:54:00:00:00:02"})
          .ipv4({.source = "10.0.0.2", .destination = "10.0.0.10"})
          .tcp()
          .payload(2500)
          .build();
  const Bytes frame =
      test::Frame()
          .ethernet({.destination = "02:00:00:00:00:01", .source = "02:00:00:00:00:02"})
          .ipv4({.source = "10.1.0.2", .destination = "10.1.0.1"})
          .udp({.destination = 4789, .checksum = 0})
          .payload(test::concat({test::from_hex("0800 0000 0013 8900"), inner}))
          .build();
  for (const uplink::Options& options :
       {uplink::Options{.present = true}, uplink::Options{.present = true, .rate = 1'000'000}}) {
    World source(options);
    ASSERT_TRUE(source.card.receive(0, {{frame.data(), static_cast<uint32_t>(frame.size())}, {}},
                                    false, {.mss = 1000}));
    World destination(options);
    EXPECT_EQ(load(destination, save(source)), "");
    destination.run();
    ASSERT_EQ(destination.a.received.size(), 3u);
    EXPECT_EQ(destination.a.received[0].size(), 54u + 1000);
    EXPECT_EQ(destination.a.received[2].size(), 54u + 500);
    EXPECT_EQ(destination.card.state(false)["packets-in-use"], 0);
  }
}

// That it could take no more is the vnic's to say anew: it may know nothing of it.
TEST(Saved, AVnicThatStalledIsAskedAgain) {
  World source;
  source.b.room = 0;
  World::transmit(source.a, World::from_a("10.0.0.11", "52:54:00:00:00:0b"));
  source.card.drain();
  World destination;
  const Bytes saved = save(source);
  Archive loading{std::span<const uint8_t>(saved)};
  destination.card.archive(loading);
  ASSERT_TRUE(loading.ok()) << loading.error();
  destination.card.loaded();
  destination.run();
  EXPECT_EQ(destination.b.received.size(), 1u);
}

}  // namespace
}  // namespace gatehouse::card
