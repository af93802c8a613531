// SPDX-License-Identifier: GPL-2.0-or-later
// What one frame may become, and that of a frame all goes on or nothing.
#include "hw/core/segment/segment.hh"
#include "hw/core/stateless/cutter.hh"
#include "hw/core/underlay/neighbours.hh"
#include "tests/unit/core/pipeline/segments.hh"

namespace gatehouse::test {
namespace {

const Shape kStt{.kind = "stt"}, kRedundant{.kind = "stt-redundant"};

Bytes tcp_stream(uint16_t mss, uint32_t octets) {
  return concat(
      {stt_header(100, 0x0c, 34, mss), Frame().ethernet().ipv4().tcp().payload(octets).build()});
}

// A wire frame of 1.2 KB must not be a thousand for a guest.
TEST(SegmentsBounds, AnMssThatIsTooSmallCutsNothing) {
  const struct {
    uint16_t mss;
    size_t received;  // 0: dropped
  } rows[] = {{1, 0}, {kLeastMss - 1, 0}, {kLeastMss, 1024 / kLeastMss}, {1024, 1}, {0, 1}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.mss);
    const Bytes stream = tcp_stream(row.mss, 1024);
    for (const size_t step : {stream.size(), stream.size() / 2}) {
      World b(card_b(kStt));
      const std::vector<Bytes> frames = Shaped{}.stream(stream, step);
      receive(b, frames);
      EXPECT_EQ(b.sink.received.size(), row.received);
      Counts expected{{"uplink0.rx_frames", frames.size()},
                      {"uplink0.rx_bytes", octets_of(frames)}};
      if (frames.size() != 1) {
        expected["uplink0.rx_shaped"] = 2;
        expected["uplink0.rx_reassembled"] = 1;
      }
      if (row.received == 0) {
        expected["drop.too_many_segments"] = expected["uplink0.rx_drops"] = 1;
      } else {
        expected["uplink0.rx_decapsulated"] = 1;
      }
      if (row.received > 1) expected["uplink0.rx_segments"] = row.received;
      EXPECT_EQ(b.count(), expected);
      EXPECT_EQ(b.pool.in_use(), 0u);
    }
  }
}

// The wire's own netdev says the MSS of what it has merged, which may be an octet.
TEST(SegmentsBounds, WhatTheWireMergedIsCutNoSmaller) {
  const Shape geneve{.kind = "geneve"};
  const Data data{.octets = 1000};
  World a(card_a(geneve));
  a.sink.wire_cuts = true;
  data.send(a);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  for (const uint16_t mss : {uint16_t{1}, uint16_t(kLeastMss - 1), uint16_t{kLeastMss}}) {
    World b(card_b(geneve));
    b.from_wire(a.sink.sent[0].frame, 0, mss);
    EXPECT_EQ(b.sink.received.size(), 16u);
    Bytes payload;
    for (const Bytes& frame : received(b)) {
      EXPECT_TRUE(checksums_right(frame));
      payload.insert(payload.end(), frame.begin() + 54, frame.end());
    }
    EXPECT_EQ(payload, pattern(data.octets));
    EXPECT_EQ(b.pool.in_use(), 0u);
  }
}

// What a peer must not say is not said: such a super-frame is cut by the card.
TEST(SegmentsBounds, ASmallMssOfAGuestIsCutHere) {
  const Data data{.octets = 1000};
  for (const Shape& shape : {kStt, kRedundant}) {
    for (const uint16_t mss : {uint16_t{40}, uint16_t(kLeastMss - 1), uint16_t{kLeastMss}}) {
      SCOPED_TRACE(mss);
      World a(card_a(shape)), b(card_b(shape));
      a.from_vnic(0, data.frame(), data.offload(mss));
      EXPECT_EQ(a.count()["vnic0.tx_shaped"] != 0, mss == kLeastMss && shape.kind != kStt.kind)
          << "a stream of it has one segment";
      EXPECT_EQ(a.sink.sent.size() == (1000u + mss - 1) / mss,
                mss < kLeastMss || shape.kind != kStt.kind);
      receive(b, sent(a));
      EXPECT_EQ(b.sink.received.size(), (1000u + mss - 1) / mss);
      Bytes payload;
      for (const Bytes& frame : received(b)) {
        EXPECT_TRUE(checksums_right(frame));
        payload.insert(payload.end(), frame.begin() + 54, frame.end());
      }
      EXPECT_EQ(payload, pattern(data.octets));
      EXPECT_EQ(b.count()["uplink0.rx_drops"], 0u);
    }
  }
}

// The tenant's MTU clamps the MSS, too.
TEST(SegmentsBounds, ASmallMtuOfATenantIsCutHere) {
  for (const char* kind : {"stt", "stt-redundant"}) {
    World a(card_a({.kind = kind, .tenant_mtu = 90})), b(card_b({.kind = kind}));
    const Data data{.octets = 1000};
    data.send(a);
    receive(b, sent(a));
    EXPECT_EQ(b.sink.received.size(), 20u) << kind;
    EXPECT_EQ(b.count()["uplink0.rx_drops"], 0u);
  }
}

// The smallest datagram that need not be fragmented, in a frame with a tag.
TEST(SegmentsBounds, ATagDoesNotMakeADatagramTooLong) {
  for (const char* kind : {"geneve", "stt", "stt-redundant"}) {
    for (const uint16_t mtu : {68, 71, 72, 75, 76}) {
      SCOPED_TRACE(kind + std::to_string(mtu));
      policy::Policy from = card_a({.kind = kind, .tenant_mtu = mtu});
      policy::Policy to = card_b({.kind = kind, .tenant_mtu = mtu});
      from.vnics[0].vlans = to.vnics[0].vlans = {50};
      World a(from), b(to);
      const Bytes frame =
          Frame().ethernet().vlan(50).ipv4({.dont_fragment = true}).udp().payload(68 - 28).build();
      a.from_vnic(0, frame);
      receive(b, sent(a));
      EXPECT_EQ(received(b), std::vector<Bytes>{frame});
      EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                                   {"vnic0.tx_bytes", frame.size()},
                                   {"vnic0.tx_encapsulated", 1},
                                   {"uplink0.tx_frames", 1},
                                   {"uplink0.tx_bytes", octets_of(sent(a))}}));
    }
  }
}

TEST(SegmentsBounds, AFrameForAnUplinkThatIsDownEndsOnce) {
  World a(card_a(kStt));
  a.pipeline.set_uplink_present(0, false);
  const Bytes frame = udp_frame(16'000);
  a.from_vnic(0, frame);
  EXPECT_TRUE(a.sink.sent.empty());
  EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, spec::DropReason::uplink_down}}));
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", frame.size()},
                               {"vnic0.tx_encapsulated", 1},
                               {"vnic0.tx_drops", 1},
                               {"vnic0.drop.uplink_down", 1},
                               {"drop.uplink_down", 1}}));
}

// Of the second datagram four segments could wait, of the last one all.
TEST(SegmentsBounds, AllOfAFrameWaitsOrNothing) {
  World a(card_a({.kind = "stt", .ask = true})), b(card_b(kStt));
  const Bytes first = udp_frame(16'050, false, 1), second = udp_frame(16'050, false, 2);
  const Bytes small = udp_frame(100, false, 3), last = udp_frame(4'000, false, 4);
  a.from_vnic(0, first);
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, 12u);
  const Counts before = a.count();
  a.from_vnic(0, second);
  EXPECT_EQ(moved(before, a.count()), (Counts{{"vnic0.tx_frames", 1},
                                              {"vnic0.tx_bytes", second.size()},
                                              {"vnic0.tx_encapsulated", 1},
                                              {"vnic0.tx_drops", 1},
                                              {"vnic0.drop.neighbour_queue_full", 1},
                                              {"drop.neighbour_queue_full", 1}}));
  a.from_vnic(0, small);
  a.from_vnic(0, last);
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, underlay::kWaitPerNeighbour);
  ASSERT_EQ(a.sink.sent.size(), 1u) << "one question";
  a.sink.clear();
  a.from_wire(neighbours_answer());
  receive(b, sent(a));
  EXPECT_EQ(received(b), (std::vector<Bytes>{first, small, last}));
  EXPECT_EQ(a.count()["vnic0.tx_shaped"], 15u);
  EXPECT_EQ(b.pipeline.incomplete_frames(), 0u);
  EXPECT_EQ(a.pool.in_use() + b.pool.in_use(), 0u);
}

// Segments of a large underlay wait in large buffers, a quarter of which stays free.
TEST(SegmentsBounds, AFrameWhoseSegmentsFindNoBuffersDoesNotWait) {
  const Shape shape{.kind = "stt", .mtu = 9000};
  Shape asking = shape;
  asking.ask = true;
  World a(card_a(asking)), b(card_b(shape));
  const Bytes seven = udp_frame(61'000, false, 1), two = udp_frame(16'000, false, 2);
  a.from_vnic(0, seven);
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, 0u);
  EXPECT_EQ(a.count()["vnic0.drop.neighbour_queue_full"], 1u);
  EXPECT_EQ(a.count()["vnic0.tx_drops"], 1u);
  EXPECT_EQ(a.count()["vnic0.tx_shaped"], 0u);
  a.from_vnic(0, two);
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, 2u);
  a.from_wire(neighbours_answer());
  ASSERT_EQ(a.sink.sent.size(), 3u);
  receive(b, {a.sink.sent[1].frame, a.sink.sent[2].frame});
  EXPECT_EQ(received(b), std::vector<Bytes>{two});
}

// The pieces put the headers where the frame has none: what counts is where it has them.
TEST(SegmentsBounds, PiecesThatLieAboutTheLayoutEndTheFrame) {
  const Bytes headers = Frame().ethernet().ipv4().tcp().build();
  Bytes head = concat({headers, Bytes(46), Bytes(headers.begin() + 14, headers.end())});
  ASSERT_EQ(head.size(), 140u);
  const Bytes body = pattern(4000);
  head = patch(
      head, 16,
      {uint8_t((head.size() - 14 + body.size()) >> 8), uint8_t(head.size() - 14 + body.size())});
  head = patch(head, 24, {0, 0});
  const auto sum = uint16_t(~naive_sum(std::span(head).subspan(14, 20)));
  head = patch(head, 24, {uint8_t(sum >> 8), uint8_t(sum)});
  Layers layers;
  const auto segments = [&](uint16_t l3, uint16_t l4) {
    layers.l2_length = l3;
    layers.l4_offset = l4;
    layers.payload_offset = static_cast<uint16_t>(l4 + 20);
    stateless::Information information;
    EXPECT_TRUE(information.set(100, head.data(), layers));
    stateless::Cutter cutter;
    const Slice rest{body.data(), static_cast<uint32_t>(body.size())};
    EXPECT_TRUE(cutter.begin_redundant(information, rest, 1000, 1));
    std::vector<Bytes> frames;
    while (!cutter.done()) {
      Bytes octets(cutter.most_head());
      const stateless::Segment segment = cutter.next(octets.data());
      octets.insert(octets.end(), segment.body.data, segment.body.data + segment.body.length);
      frames.push_back(
          Shaped{.port = 7472, .total = segment.place.total, .offset = segment.place.offset}.build(
              octets));
    }
    return frames;
  };
  World good(card_b(kRedundant)), b(card_b(kRedundant)), parts(card_b(kRedundant));
  receive(good, segments(14, 34));
  EXPECT_EQ(good.sink.received.size(), 4u);
  const std::vector<Bytes> frames = segments(100, 120);
  receive(b, frames);
  EXPECT_TRUE(b.sink.received.empty());
  EXPECT_EQ(b.count(), (Counts{{"uplink0.rx_frames", 4},
                               {"uplink0.rx_bytes", octets_of(frames)},
                               {"uplink0.rx_shaped", 4},
                               {"uplink0.rx_reassembled", 1},
                               {"uplink0.rx_drops", 1},
                               {"drop.segment_malformed", 1}}));
  EXPECT_EQ(b.pool.in_use(), 0u);
  receive(parts, {frames[0], frames[3]});
  parts.pipeline.tick(parts.now + kTime);
  EXPECT_TRUE(parts.sink.received.empty());
  EXPECT_EQ(parts.count()["uplink0.rx_recovered"], 2u);
  EXPECT_EQ(parts.count()["uplink0.rx_drops"], 3u);
}

// A copy that was on its way for longer than the others.
TEST(SegmentsBounds, ADuplicateBehindTheWholeIsOne) {
  for (const Shape& shape : {kStt, kRedundant}) {
    World b(card_b(shape));
    const std::vector<Bytes> frames = segments_of(shape, Data{});
    receive(b, frames);
    const size_t received = b.sink.received.size();
    const Counts before = b.count();
    receive(b, {frames[3], frames[7]});
    EXPECT_EQ(b.pipeline.incomplete_frames(), 0u);
    EXPECT_EQ(b.pipeline.next_tick(), INT64_MAX);
    EXPECT_EQ(moved(before, b.count()),
              (Counts{{"uplink0.rx_frames", 2},
                      {"uplink0.rx_bytes", frames[3].size() + frames[7].size()},
                      {"uplink0.rx_drops", 2},
                      {"drop.segment_duplicate", 2}}));
    EXPECT_EQ(b.sink.received.size(), received);
  }
}

}  // namespace
}  // namespace gatehouse::test
