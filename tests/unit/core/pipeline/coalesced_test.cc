// SPDX-License-Identifier: GPL-2.0-or-later
// Segments from the wire become one frame in front of a vnic whose policy says so. What they are
// made of comes from the other card, which cuts a guest's super-frame.
#include <gtest/gtest.h>

#include "hw/core/base/archive.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

constexpr uint32_t kMss = 1200;
constexpr uint32_t kJumbo = 16380;
constexpr int64_t kHold = 50'000;  // the policy's, ns
constexpr uint8_t kAck = 0x10, kAckPsh = 0x18;

Bytes data(uint32_t octets, uint8_t flags, bool ipv4 = true) {
  Frame frame = Frame().ethernet();
  ipv4 ? frame.ipv4({.dont_fragment = true}) : frame.ipv6();
  return frame.tcp({.flags = flags}).payload(octets).build();
}

struct Case {
  const char* name;
  Shape shape;
  bool ipv4;
  friend void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
};

class Coalesced : public testing::TestWithParam<Case> {
 protected:
  static policy::Policy policy(bool coalesce = true) {
    policy::Policy policy = card_b(GetParam().shape);
    policy.vnics[0].coalesce = coalesce;
    return policy;
  }
  // The guest's data as it comes on the wire.
  static std::vector<Bytes> segments(uint32_t octets, uint8_t flags) {
    const bool ipv4 = GetParam().ipv4;
    World a(card_a(GetParam().shape));
    a.from_vnic(0, data(octets, flags, ipv4),
                {.tso = true,
                 .tcp = true,
                 .ipv4 = ipv4,
                 .mss = kMss,
                 .header_length = static_cast<uint16_t>(ipv4 ? 54 : 74),
                 .payload_length = octets});
    std::vector<Bytes> frames;
    for (const SentFrame& sent : a.sink.sent) frames.push_back(sent.frame);
    return frames;
  }
  static void receive(World& to, const std::vector<Bytes>& frames) {
    for (const Bytes& frame : frames) to.from_wire(frame);
  }
  // All at once.
  static void receive_batch(World& to, const std::vector<Bytes>& frames) {
    std::vector<Packet*> packets;
    for (const Bytes& frame : frames) packets.push_back(packet_of(to.pool, frame, 0));
    to.pipeline.from_uplink(0, packets, to.now);
  }
  // What a vnic gets of whom nothing is merged.
  static std::vector<Bytes> plain(const std::vector<Bytes>& frames) {
    World b(policy(false));
    receive(b, frames);
    return received(b);
  }
  static std::vector<Bytes> received(const World& world) {
    std::vector<Bytes> frames;
    for (const VnicFrame& frame : world.sink.received) frames.push_back(frame.frame);
    return frames;
  }
  static Bytes whole(uint32_t octets, uint8_t flags) {
    return data(octets, flags, GetParam().ipv4);
  }
};

TEST_P(Coalesced, OneFrameForManySegments) {
  World b(policy());
  b.sink.largest = kJumbo;
  const std::vector<Bytes> frames = segments(10 * kMss, kAckPsh);
  ASSERT_EQ(frames.size(), 10u);
  uint64_t octets = 0;
  for (const Bytes& frame : frames) octets += frame.size();
  const Counts before = b.count();
  receive(b, frames);
  ASSERT_EQ(b.sink.received.size(), 1u);
  EXPECT_EQ(b.sink.received[0].vnic, 0u);
  EXPECT_EQ(b.sink.received[0].frame, whole(10 * kMss, kAckPsh));
  EXPECT_TRUE(b.sink.received[0].checked && b.sink.received[0].good);
  EXPECT_EQ(moved(before, b.count()), (Counts{{"uplink0.rx_frames", 10},
                                              {"uplink0.rx_bytes", octets},
                                              {"uplink0.rx_decapsulated", 10},
                                              {"vnic0.rx_coalesced", 1},
                                              {"vnic0.rx_merged", 10}}));
  const coalesce::Counters counters = b.pipeline.coalesce_counters();
  EXPECT_EQ(counters[coalesce::Cause::ended], 1u);
  EXPECT_EQ(counters.frames, 10u);
  EXPECT_EQ(counters.super_frames, 1u);
  EXPECT_EQ(b.pipeline.held_frames(), 0u);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Coalesced, NothingIsMergedUnlessThePolicySaysSo) {
  World b(policy(false));
  b.sink.largest = kJumbo;
  receive(b, segments(10 * kMss, kAckPsh));
  EXPECT_EQ(b.sink.received.size(), 10u);
  EXPECT_EQ(b.pipeline.coalesce_counters().frames, 0u);
}

TEST_P(Coalesced, ADriverThatTakesNoLargeFramesGetsThemAsTheyCame) {
  World b(policy());
  const std::vector<Bytes> frames = segments(10 * kMss, kAckPsh);
  receive(b, frames);
  EXPECT_EQ(received(b), plain(frames));
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Coalesced, ALargeFrameIsNoLargerThanTheDriverTakes) {
  World b(policy());
  b.sink.largest = 4000;
  receive(b, segments(10 * kMss, kAckPsh));
  ASSERT_EQ(b.sink.received.size(), 4u);
  for (const VnicFrame& frame : b.sink.received) EXPECT_LE(frame.frame.size(), 4000u);
  EXPECT_EQ(b.sink.received[0].frame.size(), whole(3 * kMss, kAck).size());
}

TEST_P(Coalesced, WaitsForTheNextSegmentAsLongAsThePolicySays) {
  World b(policy());
  b.sink.largest = kJumbo;
  receive(b, segments(5 * kMss, kAck));
  EXPECT_TRUE(b.sink.received.empty());
  EXPECT_EQ(b.pipeline.held_frames(), 5u);
  EXPECT_EQ(b.pipeline.next_tick(), b.now + kHold);
  EXPECT_EQ(b.pipeline.tick(b.now + kHold - 1), b.now + kHold);
  EXPECT_TRUE(b.sink.received.empty());
  b.pipeline.tick(b.now + kHold);
  ASSERT_EQ(received(b), std::vector<Bytes>{whole(5 * kMss, kAck)});
  EXPECT_EQ(b.pipeline.coalesce_counters()[coalesce::Cause::expired], 1u);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Coalesced, WithoutAHoldOnlyWhatCameTogetherIsMerged) {
  policy::Policy without = policy();
  without.coalesce_hold = 0;
  World b(without);
  b.sink.largest = kJumbo;
  const std::vector<Bytes> frames = segments(5 * kMss, kAck);
  receive(b, frames);
  EXPECT_EQ(received(b), plain(frames));
  b.sink.received.clear();
  receive_batch(b, frames);
  EXPECT_EQ(received(b), std::vector<Bytes>{whole(5 * kMss, kAck)});
}

TEST_P(Coalesced, SegmentsAreCountedAsThePolicySays) {
  policy::Policy three = policy();
  three.coalesce_segments = 3;
  World b(three);
  b.sink.largest = kJumbo;
  receive(b, segments(7 * kMss, kAckPsh));
  ASSERT_EQ(b.sink.received.size(), 3u);
  EXPECT_EQ(b.sink.received[0].frame, whole(3 * kMss, kAck));
  EXPECT_EQ(b.sink.received[2].frame.size(), whole(kMss, kAck).size());
}

TEST_P(Coalesced, ADriverThatTakesLessMeanwhileGetsWhatCame) {
  World b(policy());
  b.sink.largest = kJumbo;
  const std::vector<Bytes> frames = segments(5 * kMss, kAck);
  receive(b, frames);
  b.sink.largest = kStandardFrame;
  b.pipeline.tick(b.now + kHold);
  EXPECT_EQ(received(b), plain(frames));
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Coalesced, WhatIsHeldGoesOnBeforeThePolicyChanges) {
  World b(policy());
  b.sink.largest = kJumbo;
  receive(b, segments(5 * kMss, kAck));
  ASSERT_TRUE(b.pipeline.load(policy(false)).ok());
  EXPECT_EQ(received(b), std::vector<Bytes>{whole(5 * kMss, kAck)});
  EXPECT_EQ(b.pool.in_use(), 0u);
  EXPECT_EQ(b.pipeline.next_tick(), INT64_MAX);
  EXPECT_EQ(b.pipeline.coalesce_counters()[coalesce::Cause::asked], 1u);
}

TEST_P(Coalesced, AVnicThatGoesGetsNothingMore) {
  World b(policy());
  b.sink.largest = kJumbo;
  receive(b, segments(5 * kMss, kAck));
  const Counts before = b.count();
  b.pipeline.detach_vnic(0);
  EXPECT_TRUE(b.sink.received.empty());
  // It had been decapsulated: the drop is the vnic's, whose counters go with it, not the uplink's.
  EXPECT_EQ(moved(before, b.count()), (Counts{{"drop.no_vnic", 1}}));
  EXPECT_EQ(b.sink.drops, (std::vector<Dropped>{{true, 0, spec::DropReason::no_vnic}}));
  EXPECT_EQ(b.pool.in_use(), 0u);
}

// Loading a card's state takes its vnics away one by one: nobody's memory is written to.
TEST_P(Coalesced, OthersKeepWhatIsHeldWhenAVnicGoes) {
  World b(policy());
  b.sink.largest = kJumbo;
  receive(b, segments(5 * kMss, kAck));
  b.pipeline.detach_vnic(1);
  EXPECT_TRUE(b.sink.received.empty());
  EXPECT_EQ(b.pipeline.held_frames(), 5u);
  b.pipeline.tick(b.now + kHold);
  EXPECT_EQ(received(b), std::vector<Bytes>{whole(5 * kMss, kAck)});
}

// A time that a saved state made up: those that come later wait for nobody.
TEST_P(Coalesced, WhatWasHeldAtAnotherTimeGoesOnWithTheNextFrames) {
  World b(policy());
  b.sink.largest = kJumbo;
  b.now = INT64_MAX / 8;
  receive(b, segments(5 * kMss, kAck));
  Archive saved;
  b.pipeline.archive(saved);
  World c(policy());
  c.sink.largest = kJumbo;
  Archive from(saved.bytes());
  c.pipeline.archive(from);
  ASSERT_TRUE(from.ok()) << from.error();
  World a(card_a(GetParam().shape));
  a.from_vnic(0, Frame().ethernet().ipv4().udp().payload(9).build());
  receive(c, {a.sink.sent[0].frame});
  ASSERT_EQ(c.sink.received.size(), 2u);
  EXPECT_EQ(c.sink.received[0].frame, whole(5 * kMss, kAck));
  EXPECT_EQ(c.pipeline.next_tick(), INT64_MAX);
  EXPECT_EQ(c.pool.in_use(), 0u);
}

TEST_P(Coalesced, WhatIsHeldIsSaved) {
  World b(policy());
  b.sink.largest = kJumbo;
  const std::vector<Bytes> frames = segments(8 * kMss, kAckPsh);
  receive(b, {frames.begin(), frames.begin() + 5});
  Archive saved;
  b.pipeline.archive(saved);
  EXPECT_TRUE(b.sink.received.empty());

  World c(policy());
  c.sink.largest = kJumbo;
  Archive from(saved.bytes());
  c.pipeline.archive(from);
  ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
  EXPECT_TRUE(c.sink.received.empty());
  EXPECT_EQ(c.pipeline.held_frames(), 5u);
  EXPECT_EQ(c.pipeline.coalesce_counters().frames, 0u);
  EXPECT_EQ(c.pipeline.next_tick(), b.now + kHold);
  receive(c, {frames.begin() + 5, frames.end()});
  EXPECT_EQ(received(c), std::vector<Bytes>{whole(8 * kMss, kAckPsh)});
  EXPECT_EQ(c.pool.in_use(), 0u);

  Archive later;
  c.pipeline.archive(later);
  World d(policy());
  Archive from_later(later.bytes());
  d.pipeline.archive(from_later);
  EXPECT_EQ(d.pipeline.coalesce_counters().frames, 8u);
}

TEST_P(Coalesced, WhatWasHeldIsReadOverWhereThePolicyWantsNone) {
  World b(policy());
  b.sink.largest = kJumbo;
  receive(b, segments(5 * kMss, kAck));
  Archive saved;
  b.pipeline.archive(saved);
  World c(policy(false));
  Archive from(saved.bytes());
  c.pipeline.archive(from);
  EXPECT_TRUE(from.ok() && from.at_end()) << from.error();
  EXPECT_TRUE(c.sink.received.empty());
  EXPECT_EQ(c.count().at("drop.no_packet_buffer"), 1u);
  EXPECT_EQ(c.pool.in_use(), 0u);
}

// One without a tunnel header that could be kept is passed by: what came before goes before.
TEST_P(Coalesced, SuperFramesOfTheWireDoNotOvertake) {
  if (card_a(GetParam().shape).formats[0].protocol != policy::Format::kUdp)
    return;  // the wire cuts UDP tunnels only
  World b(policy());
  b.sink.largest = kJumbo;
  receive(b, segments(3 * kMss, kAck));
  World a(card_a(GetParam().shape));
  a.sink.wire_cuts = true;
  const bool ipv4 = GetParam().ipv4;
  a.from_vnic(0, data(4 * kMss, kAckPsh, ipv4),
              {.tso = true,
               .tcp = true,
               .ipv4 = ipv4,
               .mss = kMss,
               .header_length = static_cast<uint16_t>(ipv4 ? 54 : 74),
               .payload_length = 4 * kMss});
  b.from_wire(a.sink.sent[0].frame, 0, kMss);
  EXPECT_EQ(received(b), (std::vector<Bytes>{whole(3 * kMss, kAck), whole(4 * kMss, kAckPsh)}));
}

// Only what is of its flow waits for nothing when a frame can't be merged.
TEST_P(Coalesced, SuperFramesOfTheWireLeaveOtherVnicsAlone) {
  if (card_a(GetParam().shape).formats[0].protocol != policy::Format::kUdp)
    return;  // the wire cuts UDP tunnels only
  policy::Policy both = policy();
  both.vnics[1].coalesce = true;
  World b(both);
  b.sink.largest = kJumbo;
  receive(b, segments(3 * kMss, kAck));
  ASSERT_EQ(b.pipeline.held_frames(), 3u);
  World a(card_a(GetParam().shape));
  a.sink.wire_cuts = true;
  const bool ipv4 = GetParam().ipv4;
  const auto send = [&](unsigned from) {
    a.from_vnic(from, data(4 * kMss, kAckPsh, ipv4),
                {.tso = true,
                 .tcp = true,
                 .ipv4 = ipv4,
                 .mss = kMss,
                 .header_length = static_cast<uint16_t>(ipv4 ? 54 : 74),
                 .payload_length = 4 * kMss});
    b.from_wire(a.sink.sent.back().frame, 0, kMss);
  };
  send(2);  // of tenant blue, to b1
  ASSERT_EQ(b.sink.received.size(), 1u);
  EXPECT_EQ(b.sink.received[0].vnic, 1u);
  EXPECT_EQ(b.pipeline.held_frames(), 3u);
  send(0);
  EXPECT_EQ(b.pipeline.held_frames(), 0u);
  EXPECT_EQ(b.sink.received.size(), 3u);
}

// Each frame of the wire is judged, and what is refused is not held.
TEST_P(Coalesced, TheFirewallSeesEachSegment) {
  for (const bool allowed : {false, true}) {
    policy::Policy guarded = policy();
    policy::Firewall firewall{.name = "web"};
    if (allowed) firewall.rules = {{.protocol = 6}};
    guarded.firewalls = {firewall};
    guarded.vnics[0].firewall = "web";
    World b(guarded);
    b.sink.largest = kJumbo;
    std::vector<Bytes> frames = segments(5 * kMss, kAckPsh);
    World a(card_a(GetParam().shape));
    Frame syn = Frame().ethernet();
    GetParam().ipv4 ? syn.ipv4({.dont_fragment = true}) : syn.ipv6();
    a.from_vnic(0, syn.tcp({.sequence = 999, .acknowledgement = 0, .flags = 2}).build());
    frames.insert(frames.begin(), a.sink.sent[0].frame);
    const Counts before = b.count();
    receive(b, frames);
    Counts moves = moved(before, b.count());
    const uint64_t alone = b.sink.received.size() - moves["vnic0.rx_coalesced"];
    EXPECT_EQ(alone + moves["vnic0.rx_merged"] + moves["vnic0.rx_drops"], 6u);
    EXPECT_EQ(moves["vnic0.firewall_opened"], allowed ? 1u : 0u);
    EXPECT_EQ(b.sink.received.empty(), !allowed);
    EXPECT_EQ(b.pool.in_use(), 0u);
  }
}

TEST_P(Coalesced, OtherFramesOfTheFlowDoNotOvertake) {
  World b(policy());
  b.sink.largest = kJumbo;
  receive(b, segments(3 * kMss, kAck));
  World a(card_a(GetParam().shape));
  const Bytes ack = data(0, kAck, GetParam().ipv4);
  a.from_vnic(0, ack);
  receive(b, {a.sink.sent[0].frame});
  EXPECT_EQ(received(b), (std::vector<Bytes>{whole(3 * kMss, kAck), ack}));
}

TEST_P(Coalesced, SuperFramesThatTheWireDidNotCutStayLarge) {
  if (card_a(GetParam().shape).formats[0].protocol != policy::Format::kUdp)
    return;  // the wire cuts UDP tunnels only
  World a(card_a(GetParam().shape)), b(policy()), plain(policy(false));
  a.sink.wire_cuts = true;
  const bool ipv4 = GetParam().ipv4;
  a.from_vnic(0, data(20 * kMss, kAckPsh, ipv4),
              {.tso = true,
               .tcp = true,
               .ipv4 = ipv4,
               .mss = kMss,
               .header_length = static_cast<uint16_t>(ipv4 ? 54 : 74),
               .payload_length = 20 * kMss});
  ASSERT_EQ(a.sink.sent.size(), 1u);
  b.sink.largest = plain.sink.largest = kJumbo;
  b.from_wire(a.sink.sent[0].frame, 0, kMss);
  plain.from_wire(a.sink.sent[0].frame, 0, kMss);
  EXPECT_EQ(plain.sink.received.size(), 20u);
  ASSERT_EQ(b.sink.received.size(), 2u);
  EXPECT_EQ(b.sink.received[0].frame, whole(13 * kMss, kAck));
  for (const VnicFrame& frame : b.sink.received) {
    std::string why;
    EXPECT_TRUE(checksums_right(frame.frame, &why)) << why;
  }
}

// Which of two formats that are read alike stands first in the policy says nothing of its frames.
TEST(CoalescedFormats, ThatNameFlowsInDifferentWaysMayStandInAnyOrder) {
  const auto received_with = [](bool port_first) {
    const auto with_both = [&](policy::Policy policy) {
      policy::Format port = policy.formats[0], none = port;
      port.name = "port";
      none.name = "none";
      none.entropy = policy::Entropy::kNone;
      policy.formats = {port_first ? port : none, port_first ? none : port};
      policy.tenants[0].format = "port";
      policy.tenants[1].format = "none";
      policy.vnics[0].coalesce = policy.vnics[1].coalesce = true;
      return policy;
    };
    const Shape shape{.kind = "vxlan"};
    World a(with_both(card_a(shape))), b(with_both(card_b(shape)));
    b.sink.largest = kJumbo;
    for (const unsigned vnic : {0u, 2u}) {
      a.sink.sent.clear();
      a.from_vnic(vnic, data(4 * kMss, kAckPsh),
                  {.tso = true,
                   .tcp = true,
                   .ipv4 = true,
                   .mss = kMss,
                   .header_length = 54,
                   .payload_length = 4 * kMss});
      EXPECT_EQ(a.sink.sent.size(), 4u);
      for (size_t i = 0; i < a.sink.sent.size(); ++i) {
        // From a second port, as another sender would have it.
        b.from_wire(i < 2 ? a.sink.sent[i].frame : patch(a.sink.sent[i].frame, 34, {0xfe, 0xdc}));
      }
      b.pipeline.tick(b.now + kHold);
    }
    std::vector<std::pair<unsigned, Bytes>> frames;
    for (const VnicFrame& frame : b.sink.received) frames.emplace_back(frame.vnic, frame.frame);
    return frames;
  };
  const auto frames = received_with(true);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].second.size(), frames[1].second.size()) << "two flows of tenant red";
  EXPECT_EQ(frames[2], (std::pair{1u, data(4 * kMss, kAckPsh)})) << "one of blue, by both ports";
  EXPECT_EQ(frames, received_with(false));
}

INSTANTIATE_TEST_SUITE_P(
    Formats, Coalesced,
    testing::Values(Case{"geneve", {.kind = "geneve"}, true},
                    Case{"geneve_options_ipv6",
                         {.kind = "geneve", .v6 = true, .options = {1, 2, 3, 1, 5, 6, 7, 8}},
                         false},
                    Case{"vxlan", {.kind = "vxlan"}, true}, Case{"gre", {.kind = "gre"}, true},
                    Case{"gre_ip", {.kind = "gre-ip"}, true},
                    Case{"nvgre", {.kind = "nvgre"}, false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatehouse::test
