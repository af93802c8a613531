// SPDX-License-Identifier: GPL-2.0-or-later
// The redundant form (US 9,602,636) out and in: any two segments give the inner headers back, and
// only what was lost is missing.
#include <algorithm>

#include "hw/core/base/archive.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/pipeline/segments.hh"

namespace gatehouse::test {
namespace {

using stateless::Loss;
using stateless::Range;

class Redundant : public testing::TestWithParam<SegmentsCase> {
 protected:
  static Data data() { return {.v6 = GetParam().v6, .octets = 10 * kUnit + 1}; }
  static const Shape& shape() { return GetParam().shape; }
  static std::vector<Bytes> segments() {
    World a(card_a(shape()));
    data().send(a, kUnit);
    return sent(a);
  }
  static std::vector<Bytes> plain() { return as_if_cut(data(), kUnit); }
  // The frames that segments of these numbers stand for.
  static std::vector<Bytes> of(const std::vector<size_t>& numbers) {
    const std::vector<Bytes> all = plain();
    std::vector<Bytes> frames;
    for (const size_t number : numbers) frames.push_back(all[number]);
    return frames;
  }
  static constexpr uint16_t kUnit = 1300;
};

TEST_P(Redundant, PassesWhole) {
  World a(card_a(shape())), b(card_b(shape()));
  data().send(a, kUnit);
  const std::vector<Bytes> frames = sent(a);
  ASSERT_EQ(frames.size(), 11u);
  for (const Bytes& frame : frames) {
    EXPECT_LE(frame.size(), 1514u + (shape().vlan != 0 ? 4 : 0));
    EXPECT_TRUE(checksums_right(frame));
  }
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", data().frame().size()},
                               {"vnic0.tx_super_frames", 1},
                               {"vnic0.tx_segments", 11},
                               {"vnic0.tx_encapsulated", 1},
                               {"vnic0.tx_shaped", 11},
                               {"uplink0.tx_frames", 11},
                               {"uplink0.tx_bytes", octets_of(frames)}}));
  receive(b, frames);
  EXPECT_EQ(received(b), plain());
  EXPECT_EQ(b.count(), (Counts{{"uplink0.rx_frames", 11},
                               {"uplink0.rx_bytes", octets_of(frames)},
                               {"uplink0.rx_shaped", 11},
                               {"uplink0.rx_reassembled", 1},
                               {"uplink0.rx_segments", 11},
                               {"uplink0.rx_decapsulated", 1}}));
  EXPECT_EQ(a.pool.in_use() + b.pool.in_use(), 0u);
}

TEST_P(Redundant, AnyTwoSegmentsGoOnAsWhatTheyStandFor) {
  const std::vector<Bytes> frames = segments();
  for (size_t one = 0; one < frames.size(); ++one) {
    for (size_t other = 0; other < one; ++other) {
      World b(card_b(shape()));
      b.from_wire(frames[one]);
      b.from_wire(frames[other]);
      EXPECT_TRUE(b.sink.received.empty());
      b.pipeline.tick(b.now + kTime);
      EXPECT_EQ(received(b), of({other, one}));
      EXPECT_EQ(b.count()["drop.frame_incomplete"], 1u);
      EXPECT_EQ(b.pool.in_use(), 0u);
    }
  }
}

TEST_P(Redundant, OnlyWhatWasLostIsMissingAndItIsNamed) {
  const std::vector<Bytes> frames = segments();
  World b(card_b(shape()));
  std::vector<size_t> came;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (i == 0 || i == 4 || i == 5 || i == 10) continue;
    came.push_back(i);
    b.from_wire(frames[i]);
  }
  EXPECT_EQ(b.pipeline.next_tick(), b.now + kTime);
  const Counts before = b.count();
  b.pipeline.tick(b.now + kTime);
  EXPECT_EQ(received(b), of(came));
  EXPECT_EQ(moved(before, b.count()), (Counts{{"drop.frame_incomplete", 1},
                                              {"uplink0.rx_drops", 1},
                                              {"uplink0.rx_recovered", 2},
                                              {"uplink0.rx_segments", 7},
                                              {"uplink0.rx_decapsulated", 2}}));
  ASSERT_EQ(b.sink.losses.size(), 1u);
  const Loss& loss = b.sink.losses[0].loss;
  EXPECT_TRUE(loss.redundant && loss.header_known);
  EXPECT_EQ(loss.cause, Loss::Cause::kExpired);
  EXPECT_EQ(loss.parts, 2u);
  EXPECT_EQ(loss.vni, 100u);
  EXPECT_EQ(loss.sequence, 1000u);
  EXPECT_EQ(loss.total, data().octets);
  EXPECT_EQ(
      b.sink.losses[0].missing,
      (std::vector<Range>{{0, kUnit}, {4u * kUnit, 6u * kUnit}, {10u * kUnit, 10u * kUnit + 1}}));
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Redundant, OneSegmentAloneTellsNothing) {
  World b(card_b(shape()));
  b.from_wire(segments()[3]);
  b.pipeline.tick(b.now + kTime);
  EXPECT_TRUE(b.sink.received.empty());
  EXPECT_EQ(b.count()["drop.frame_incomplete"], 1u);
  EXPECT_FALSE(b.sink.losses.at(0).loss.header_known);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Redundant, WhatIsHeldGoesOnBeforeThePolicyChanges) {
  World b(card_b(shape()));
  const std::vector<Bytes> frames = segments();
  for (const size_t i : {2, 3, 7}) b.from_wire(frames[i]);
  ASSERT_TRUE(b.pipeline.load(card_b()).ok());
  EXPECT_EQ(received(b), of({2, 3, 7}));
  EXPECT_EQ(b.sink.losses.at(0).loss.cause, Loss::Cause::kAsked);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(Redundant, IsSavedAndLoadedInTheMiddle) {
  World b(card_b(shape())), c(card_b(shape()));
  const std::vector<Bytes> frames = segments();
  for (const size_t i : {8, 3, 7, 10}) b.from_wire(frames[i]);
  Archive save;
  b.pipeline.archive(save);
  Archive load(save.bytes());
  c.pipeline.archive(load);
  ASSERT_TRUE(load.ok() && load.at_end()) << load.error();
  for (const size_t i : {0, 1, 2, 4, 5, 6, 9}) c.from_wire(frames[i]);
  EXPECT_EQ(received(c), plain());
  EXPECT_EQ(c.pool.in_use(), 0u);
}

// A card that is moved gets the policy of now right behind the state: what is held goes on, at the
// time that it is.
TEST_P(Redundant, APolicyBehindAStateLeavesConnectionsTheirTime) {
  policy::Policy guarded = card_b(shape());
  guarded.firewalls.push_back({.name = "nothing comes in"});
  guarded.vnics[0].firewall = "nothing comes in";
  World a(card_a(shape())), b(guarded), c(guarded);
  b.now = c.now = 100'000'000'000'000;
  b.from_vnic(0, Frame()
                     .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
                     .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                     .udp({.source = 4000, .destination = 5000})
                     .build());
  const std::vector<Bytes> frames = segments();
  for (const size_t i : {8, 3}) b.from_wire(frames[i]);
  Archive save;
  b.pipeline.archive(save);
  Archive load(save.bytes());
  c.pipeline.archive(load);
  ASSERT_TRUE(load.ok() && load.at_end()) << load.error();
  ASSERT_TRUE(c.pipeline.load(guarded, c.now).ok());
  c.sink.clear();
  a.from_vnic(0, Frame().ethernet().ipv4().udp({.source = 5000, .destination = 4000}).build());
  ASSERT_EQ(a.sink.sent.size(), 1u);
  c.from_wire(a.sink.sent[0].frame);
  EXPECT_EQ(c.sink.received.size(), 1u) << "the answer to what b0 asked";
  EXPECT_EQ(c.pool.in_use(), 0u);
}

// In front of a driver that takes large frames the runs are as large as they came.
TEST_P(Redundant, RunsStayLargeWhereTheDriverTakesLargeFrames) {
  policy::Policy policy = card_b(shape());
  policy.vnics[0].coalesce = true;
  World b(policy);
  b.sink.largest = 16380;
  const std::vector<Bytes> frames = segments();
  for (size_t i = 0; i < frames.size(); ++i) {
    if (i != 5) b.from_wire(frames[i]);
  }
  b.pipeline.tick(b.now + kTime);
  ASSERT_EQ(b.sink.received.size(), 2u);
  EXPECT_EQ(b.sink.received[0].frame.size(), data().headers() + 5u * kUnit);
  EXPECT_EQ(b.sink.received[1].frame.size(), data().headers() + 4u * kUnit + 1);
  for (const Bytes& frame : received(b)) EXPECT_TRUE(checksums_right(frame));
}

// To a NIC or a kernel on the way they are TCP, and it may merge them.
TEST_P(Redundant, WhatWasMergedOnTheWayIsSeveral) {
  const std::vector<Bytes> frames = segments();
  const size_t head = 14 + (shape().vlan != 0 ? 4 : 0) + (shape().v6 ? 40 : 20) + 20;
  const auto merged = static_cast<uint16_t>(frames[0].size() - head);
  const auto merge = [&](const std::vector<Bytes>& of, size_t begin, size_t end) {
    Bytes whole = of[begin];
    for (size_t i = begin + 1; i < end; ++i)
      whole.insert(whole.end(), of[i].begin() + ptrdiff_t(head), of[i].end());
    const size_t l3 = head - 20 - (shape().v6 ? 40 : 20);
    if (shape().v6) {
      store_be(&whole[l3 + 4], static_cast<uint16_t>(whole.size() - l3 - 40));
    } else {
      const Ipv4Header ip(&whole[l3]);
      ip.set_total_length(static_cast<uint16_t>(whole.size() - l3));
      ip.set_checksum(0);
      ip.set_checksum(checksum::finish(checksum::sum(&whole[l3], 20)));
    }
    Layers layers;
    EXPECT_EQ(parse::parse(whole, {}, layers), spec::DropReason::none);
    complete_checksums(whole.data(), layers);
    EXPECT_TRUE(checksums_right(whole));
    return whole;
  };
  for (const std::vector<size_t>& borders :
       {std::vector<size_t>{0, 11}, {0, 2, 11}, {0, 1, 10, 11}, {0, 5, 6, 11}}) {
    World b(card_b(shape()));
    for (size_t i = 1; i < borders.size(); ++i) {
      const size_t begin = borders[i - 1], end = borders[i];
      b.from_wire(merge(frames, begin, end), 0, 0, end - begin > 1 ? merged : uint16_t{0});
    }
    EXPECT_EQ(received(b), plain());
    EXPECT_EQ(b.count()["uplink0.rx_shaped"], 11u);
    EXPECT_EQ(b.count()["uplink0.rx_drops"], 0u);
    EXPECT_EQ(b.pool.in_use(), 0u);
  }
  // One whose pieces give no header ends for that, once.
  {
    World b(card_b(shape()));
    std::vector<Bytes> zeros = frames;
    for (Bytes& frame : zeros) std::fill_n(frame.begin() + ptrdiff_t(head) + 4, 30, uint8_t{0});
    b.from_wire(merge(zeros, 0, 11), 0, 0, merged);
    EXPECT_EQ(b.count()["drop.segment_malformed"], 1u);
    EXPECT_EQ(b.count()["uplink0.rx_drops"], 1u);
    EXPECT_EQ(b.pool.in_use(), 0u);
  }
  // Whatever a header in front of a frame says of it.
  for (const uint16_t lie : {1, 100, 1299, 65535}) {
    World b(card_b(shape()));
    b.from_wire(merge(frames, 0, 11), 0, 0, lie);
    b.now += 1'000'000'000;
    b.pipeline.tick(b.now);
    EXPECT_TRUE(b.sink.received.empty());
    EXPECT_EQ(b.count()["uplink0.rx_drops"], 1u);
    EXPECT_EQ(b.pool.in_use(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Over, Redundant,
    testing::Values(SegmentsCase{"ipv4ipv4", {.kind = "stt-redundant"}, false},
                    SegmentsCase{"ipv4ipv6", {.kind = "stt-redundant"}, true},
                    SegmentsCase{"ipv6ipv4", {.kind = "stt-redundant", .v6 = true}, false},
                    SegmentsCase{
                        "ipv6ipv6vlan", {.kind = "stt-redundant", .v6 = true, .vlan = 7}, true}),
    [](const auto& row) { return row.param.name; });

const Shape kShape{.kind = "stt-redundant"};

// As much as fits one frame's lengths and numbers; the rest is a frame of its own.
TEST(SegmentsRedundant, TheLargestSuperFrameIsMoreThanOneFrame) {
  // By its octets, and what is left is one segment; by the number of segments.
  for (const auto& [mss, redundant] : {std::pair<uint16_t, unsigned>{1426, 1}, {200, 2}}) {
    World a(card_a(kShape)), b(card_b(kShape));
    const Data data{.octets = 65'000};
    a.from_vnic(0, data.frame(), data.offload(mss));
    receive(b, sent(a));
    Bytes payload;
    for (const Bytes& frame : received(b)) {
      EXPECT_TRUE(checksums_right(frame));
      payload.insert(payload.end(), frame.begin() + 54, frame.end());
    }
    EXPECT_EQ(payload, pattern(data.octets));
    EXPECT_EQ(b.count()["uplink0.rx_reassembled"], redundant);
    EXPECT_EQ(b.count()["uplink0.rx_decapsulated"], 2u);
  }
}

// Frames that one segment holds have the tunnel header, and others are told the MTU.
TEST(SegmentsRedundant, OtherFramesAreAsEver) {
  World a(card_a(kShape)), b(card_b(kShape)), stt(card_a({.kind = "stt"}));
  const Bytes small = udp_frame(1000);
  a.from_vnic(0, small);
  stt.from_vnic(0, small);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  Bytes like = stt.sink.sent.at(0).frame;
  ASSERT_EQ(a.sink.sent[0].frame.size(), like.size());
  EXPECT_EQ(Bytes(a.sink.sent[0].frame.begin() + 54, a.sink.sent[0].frame.end()),
            Bytes(like.begin() + 54, like.end()));
  receive(b, sent(a));
  EXPECT_EQ(received(b), std::vector<Bytes>{small});
  a.from_vnic(0, udp_frame(1460));
  EXPECT_EQ(a.count()["drop.exceeds_mtu"], 1u);
}

// Pieces that agree with each other may still say what is not so.
TEST(SegmentsRedundant, AnInnerFrameIsAskedLikeAnyOther) {
  policy::Policy liar = card_a(kShape);
  liar.vnics[0].anti_spoof = false;
  World a(liar), b(card_b(kShape));
  const Data data{.octets = 5000};
  const Bytes spoofed = patch(data.frame(), 26, {10, 0, 0, 9});
  a.from_vnic(0, patch(spoofed, 24, {0, 0}), data.offload(1000));
  receive(b, sent(a));
  EXPECT_TRUE(b.sink.received.empty());
  EXPECT_EQ(b.count()["drop.remote_spoof"], 1u);
  EXPECT_EQ(b.count()["uplink0.rx_drops"], 1u);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

}  // namespace
}  // namespace gatehouse::test
