// SPDX-License-Identifier: GPL-2.0-or-later
// TCP-shaped segments of senders that lie, that are in a hurry, or that are not ours.
#include <algorithm>

#include "hw/core/base/archive.hh"
#include "tests/unit/core/pipeline/segments.hh"

namespace gatehouse::test {
namespace {

using spec::DropReason;
using stateless::Loss;

const Shape kStt{.kind = "stt"};

// An inner frame from a0 to b0, in a stream with the header.
Bytes stream_of(const Bytes& inner, const Bytes& header = stt_header()) {
  return concat({header, inner});
}
Bytes tcp_frame(uint32_t octets, const Tcp& tcp = {}) {
  return Frame().ethernet().ipv4().tcp(tcp).payload(octets).build();
}
uint64_t drops(const World& world, const char* reason) {
  Counts counts = world.count();
  return counts["drop." + std::string(reason)];
}

TEST(SegmentsHostile, AnUnknownPeerCostsNoMemory) {
  World b(card_b(kStt));
  const Counts before = b.count();
  Shaped stranger{.source = "192.0.2.77"};
  receive(b, stranger.stream(stream_of(udp_frame(2000)), 1000));
  EXPECT_EQ(b.pipeline.incomplete_frames(), 0u);
  EXPECT_EQ(b.pool.in_use(), 0u);
  const Counts after = moved(before, b.count());
  EXPECT_EQ(after.at("drop.unknown_peer"), 3u);
  EXPECT_EQ(after.count("uplink0.rx_shaped"), 0u);
}

// A peer of a tenant whose format has no such segments has no business here.
TEST(SegmentsHostile, ASegmentOfNothingIsMalformed) {
  for (const uint16_t merged : {0, 1, 1400}) {
    World b(card_b({.kind = "stt-redundant"}));
    b.from_wire(Shaped{.port = 7472, .total = 2000, .offset = 1000}.build({}), 0, 0, merged);
    EXPECT_EQ(drops(b, "segment_malformed"), 1u) << testing::PrintToString(b.count());
    EXPECT_EQ(b.pool.in_use(), 0u);
  }
}

TEST(SegmentsHostile, APeerWithAnotherFormatIsUnknown) {
  policy::Policy policy = card_b(kStt);
  policy::Format geneve = card_b().formats[0];
  geneve.name = "g";
  policy.formats.push_back(geneve);
  policy.tenants[1].format = "g";
  policy.mappings.push_back(
      {"blue", prefix("10.0.0.77"), *parse_mac("52:54:00:00:00:77"), *parse_ip("192.0.2.77"), {}});
  World b(policy);
  receive(b, Shaped{.source = "192.0.2.77"}.stream(stream_of(udp_frame(2000)), 1000));
  EXPECT_EQ(drops(b, "unknown_peer"), 3u);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST(SegmentsHostile, AWholeFrameIsAskedLikeAnyOther) {
  const Bytes good = udp_frame(2000);
  const struct {
    const char* why;
    Bytes stream;
    DropReason reason;
  } rows[] = {
      {"no tenant has the VNI", stream_of(good, stt_header(99)), DropReason::unknown_vni},
      {"another version", stream_of(good, patch(stt_header(), 0, {1})), DropReason::bad_tunnel},
      {"a tag in the header", stream_of(good, patch(stt_header(), 6, {0x10})),
       DropReason::bad_tunnel},
      {"shorter than the header", Bytes(17), DropReason::bad_tunnel},
      {"nothing inside", stt_header(), DropReason::truncated_ethernet},
      {"inner source of somebody else",
       stream_of(Frame().ethernet().ipv4({.source = "10.0.0.9"}).udp().payload(2000).build()),
       DropReason::remote_spoof},
      {"nobody has the destination",
       stream_of(Frame()
                     .ethernet({.destination = "52:54:00:00:00:55"})
                     .ipv4()
                     .udp()
                     .payload(2000)
                     .build()),
       DropReason::no_vnic},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.why);
    World b(card_b(kStt));
    const std::vector<Bytes> frames = Shaped{}.stream(row.stream, (row.stream.size() + 1) / 2);
    receive(b, frames);
    Counts counts{{"uplink0.rx_frames", 2},
                  {"uplink0.rx_bytes", octets_of(frames)},
                  {"uplink0.rx_shaped", 2},
                  {"uplink0.rx_reassembled", 1},
                  {"uplink0.rx_drops", 1}};
    counts[std::string("drop.") + spec::drop_row(row.reason)->name] = 1;
    EXPECT_EQ(b.count(), counts);
    EXPECT_EQ(b.pool.in_use(), 0u);
  }
}

// The VNI of a tenant that does not know this peer.
TEST(SegmentsHostile, APeerOfOneTenantIsNoneOfAnother) {
  policy::Policy policy = card_b(kStt);
  std::erase_if(policy.mappings, [](const auto& mapping) { return mapping.tenant == "blue"; });
  World b(policy);
  receive(b, Shaped{}.stream(stream_of(udp_frame(2000), stt_header(200)), 1000));
  EXPECT_EQ(drops(b, "unknown_peer"), 1u);
  EXPECT_EQ(b.count()["uplink0.rx_reassembled"], 1u);
  EXPECT_TRUE(b.sink.received.empty());
}

TEST(SegmentsHostile, OverlapEndsTheFrameAndContradictionTheSegment) {
  World b(card_b(kStt));
  const Bytes stream = stream_of(udp_frame(3000));
  const std::vector<Bytes> frames = Shaped{}.stream(stream, 1000);
  const Shaped place{.total = static_cast<uint16_t>(stream.size()), .offset = 500};
  b.from_wire(frames[0]);
  b.from_wire(Shaped{.total = 2500, .offset = 1000}.build(Bytes(1000)));
  EXPECT_EQ(drops(b, "segment_mismatch"), 1u);
  EXPECT_EQ(b.pipeline.incomplete_frames(), 1u);
  b.from_wire(place.build(Bytes(1000)));
  EXPECT_EQ(drops(b, "segment_overlap"), 1u);
  EXPECT_EQ(b.pipeline.incomplete_frames(), 0u);
  ASSERT_EQ(b.sink.losses.size(), 1u);
  EXPECT_EQ(b.sink.losses[0].loss.cause, Loss::Cause::kOverlap);
  EXPECT_EQ(drops(b, "frame_incomplete"), 0u) << "one end, one reason";
  EXPECT_EQ(b.count()["uplink0.rx_drops"], 2u);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST(SegmentsHostile, ASegmentWithAWrongChecksumIsNotKept) {
  World b(card_b(kStt));
  const std::vector<Bytes> frames = Shaped{}.stream(stream_of(udp_frame(2000)), 1000);
  b.from_wire(patch(frames[0], 60, {0xee}));
  EXPECT_EQ(drops(b, "bad_outer_checksum"), 1u);
  EXPECT_EQ(b.pipeline.incomplete_frames(), 0u);
  b.from_wire(Shaped{.port = 7000, .total = 3000}.build(Bytes(1000)));
  EXPECT_EQ(drops(b, "not_a_tunnel"), 1u);
}

TEST(SegmentsHostile, AFloodOfFirstSegmentsIsBounded) {
  World b(card_b(kStt));
  for (uint32_t id = 0; id < 1000; ++id) {
    b.from_wire(Shaped{.total = 2000, .id = id}.build(Bytes(1000)));
    EXPECT_LE(b.pipeline.incomplete_frames(), 32u);
  }
  EXPECT_EQ(drops(b, "frame_incomplete") + b.pipeline.incomplete_frames(), 1000u);
  EXPECT_EQ(b.sink.losses.back().loss.cause, Loss::Cause::kEvicted);
  EXPECT_EQ(b.pool.in_use(), b.pipeline.incomplete_frames());
  b.pipeline.tick(b.now + kTime);
  EXPECT_EQ(drops(b, "frame_incomplete"), 1000u);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST(SegmentsHostile, TwoCardsWithOneIdAreTwoFrames) {
  policy::Policy policy = card_b(kStt);
  policy.mappings.push_back(
      {"red", prefix("10.0.0.77"), *parse_mac("52:54:00:00:00:77"), *parse_ip("192.0.2.77"), {}});
  World b(policy);
  const Bytes one = udp_frame(2000, false, 1);
  const Bytes other = Frame()
                          .ethernet({.source = "52:54:00:00:00:77"})
                          .ipv4({.source = "10.0.0.77"})
                          .udp()
                          .payload(2000)
                          .build();
  const auto first = Shaped{}.stream(stream_of(one), 1100);
  const auto second = Shaped{.source = "192.0.2.77"}.stream(stream_of(other), 1100);
  receive(b, {first[0], second[0], second[1], first[1]});
  EXPECT_EQ(received(b), (std::vector<Bytes>{other, one}));
}

// In the order in which their last octets came.
TEST(Segments, KeepTheirPlaceAmongOtherFramesOfABatch) {
  World b(card_b(kStt));
  std::vector<Bytes> expected, wire;
  for (uint8_t i = 0; i < 20; ++i) {
    const Bytes small = udp_frame(40, false, i), large = udp_frame(1600, false, i);
    expected.push_back(small), expected.push_back(large);
    wire.push_back(Shaped{.total = static_cast<uint16_t>(18 + small.size()), .id = 100u + i}.build(
        stream_of(small)));
    for (const Bytes& frame : Shaped{.id = i}.stream(stream_of(large), 900)) wire.push_back(frame);
  }
  ASSERT_EQ(wire.size(), 60u);
  std::vector<Packet*> batch;
  for (const Bytes& frame : wire) batch.push_back(packet_of(b.pool, frame, 0));
  b.pipeline.from_uplink(0, batch, b.now);
  EXPECT_EQ(received(b), expected);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

// draft-davie-stt-08 section 3.1: the sender may leave checksums, and cutting, to the receiver.
TEST(Segments, WhatTheSenderLeftIsMade) {
  const Bytes udp = udp_frame(300), tcp = tcp_frame(300), large = tcp_frame(3000, {.flags = 0x18});
  const auto without = [](Bytes frame, size_t at) {
    return patch(std::move(frame), at, {0x12, 0});
  };
  const struct {
    const char* what;
    Bytes stream;
    std::vector<Bytes> received;
  } rows[] = {
      {"UDP checksum", stream_of(without(udp, 40), stt_header(100, 0x06, 34)), {udp}},
      {"TCP checksum", stream_of(without(tcp, 50), stt_header(100, 0x0e, 34)), {tcp}},
      {"no segment in it", stream_of(without(tcp, 50), stt_header(100, 0x0e, 34, 300)), {tcp}},
      {"MSS, but not TCP", stream_of(udp, stt_header(100, 0x04, 34, 100)), {udp}},
      {"a wrong checksum is nobody's to mend",
       stream_of(without(large, 50), stt_header(100, 0x0d, 34, 1400)),
       {without(large, 50)}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    World b(card_b(kStt));
    receive(b, Shaped{}.stream(row.stream, 200));
    EXPECT_EQ(received(b), row.received);
    World whole(card_b(kStt));
    const auto octets = static_cast<uint16_t>(row.stream.size());
    whole.from_wire(Shaped{.total = octets}.build(row.stream));
    EXPECT_EQ(received(whole), row.received) << "in one segment";
  }
}

TEST(Segments, AnMssCutsWithAndWithoutAChecksum) {
  const Bytes large = tcp_frame(3000, {.flags = 0x18});
  for (const uint8_t flags : {0x0e, 0x0c}) {
    World b(card_b(kStt));
    const Bytes inner = flags == 0x0e ? patch(large, 50, {0, 0}) : large;
    receive(b, Shaped{}.stream(stream_of(inner, stt_header(100, flags, 34, 1200)), 1000));
    ASSERT_EQ(b.sink.received.size(), 3u);
    Bytes payload;
    for (const Bytes& frame : received(b)) {
      EXPECT_TRUE(checksums_right(frame));
      payload.insert(payload.end(), frame.begin() + 54, frame.end());
    }
    EXPECT_EQ(payload, Bytes(large.begin() + 54, large.end()));
  }
}

TEST(Segments, CongestionOfOneIsTheFrames) {
  for (const bool marked : {false, true}) {
    World b(card_b(kStt));
    const Data data{.ecn = 2};
    World a(card_a(kStt));
    data.send(a);
    std::vector<Bytes> frames = sent(a);
    if (marked) {  // the router that marks it mends the checksum: RFC 1624
      Bytes& frame = frames[4];
      frame[15] |= 1;
      frame = patch(frame, 24, {0, 0});
      const auto sum = uint16_t(~naive_sum(std::span(frame).subspan(14, 20)));
      frame = patch(frame, 24, {uint8_t(sum >> 8), uint8_t(sum)});
    }
    receive(b, frames);
    ASSERT_FALSE(b.sink.received.empty());
    for (const Bytes& frame : received(b)) {
      EXPECT_EQ(frame[15] & 3, marked ? 3 : 2);
      EXPECT_TRUE(checksums_right(frame));
    }
  }
}

TEST(Segments, ATcpFrameThatIsNoSuperFrameIsToldTheMtu) {
  World a(card_a(kStt));
  a.from_vnic(0, Frame().ethernet().ipv4({.dont_fragment = true}).tcp().payload(1440).build());
  EXPECT_EQ(a.count()["drop.exceeds_mtu"], 1u);
  EXPECT_EQ(a.count()["vnic0.icmp_too_big"], 1u);
  EXPECT_TRUE(a.sink.sent.empty());
}

TEST(Segments, TheTenantsMtuHolds) {
  World a(card_a({.kind = "stt", .tenant_mtu = 1400}));
  a.from_vnic(0, udp_frame(1400));
  EXPECT_EQ(a.count()["drop.exceeds_mtu"], 1u);
  const Data data;
  data.send(a);
  World b(card_b(kStt));
  receive(b, sent(a));
  ASSERT_FALSE(b.sink.received.empty());
  EXPECT_EQ(b.sink.received[0].frame.size(), 1414u);
}

TEST(Segments, MetersSeeWhatTheWireSees) {
  policy::Policy policy = card_a(kStt);
  policy.meters = {{.name = "m",
                    .committed_rate = 1000,
                    .committed_burst = 5000,
                    .peak_rate = 1000,
                    .peak_burst = 6000}};
  policy.vnics[0].meter = "m";
  World a(policy);
  Data{}.send(a);
  EXPECT_EQ(a.count()["vnic0.tx_shaped"], 0u);
  EXPECT_EQ(a.sink.sent.size(), 4u);  // of 1400 octets and their headers
  EXPECT_GT(a.count()["drop.meter_red"], 0u);
}

TEST(Segments, WaitForTheNeighbour) {
  World a(card_a({.kind = "stt", .ask = true})), b(card_b(kStt));
  const Bytes frame = udp_frame(1450);
  a.from_vnic(0, frame);
  ASSERT_EQ(a.sink.sent.size(), 1u) << "the question";
  EXPECT_EQ(a.pipeline.sizes().waiting_frames, 2u);
  a.from_wire(neighbours_answer());
  ASSERT_EQ(a.sink.sent.size(), 3u);
  receive(b, {a.sink.sent[1].frame, a.sink.sent[2].frame});
  EXPECT_EQ(received(b), std::vector<Bytes>{frame});
}

// The same datagrams as without a super-frame, each a stream where it is larger than a segment:
// whether or not they are metered, wait for a neighbour or find the uplink down.
TEST(Segments, ASuperFrameOfUdpIsDatagramsLikeAnyOther) {
  constexpr uint16_t kPayload = 1472;
  for (const char* condition : {"none", "metered", "asked", "down"}) {
    SCOPED_TRACE(condition);
    const auto is = [&](const char* one) { return std::string(condition) == one; };
    const auto card = [&] {
      policy::Policy policy = card_a({.kind = "stt", .ask = is("asked")});
      if (is("metered")) {
        policy.meters = {{.name = "m",
                          .committed_rate = 1000,
                          .committed_burst = 9000,
                          .peak_rate = 1000,
                          .peak_burst = 9000}};
        policy.vnics[0].meter = "m";
      }
      return policy;
    };
    World whole(card()), single(card()), b(card_b(kStt));
    if (is("down"))
      for (World* world : {&whole, &single}) world->pipeline.set_uplink_present(0, false);
    Offload offload{.tso = true,
                    .tcp = false,
                    .ipv4 = true,
                    .mss = kPayload,
                    .header_length = 42,
                    .payload_length = 3 * kPayload};
    whole.from_vnic(0, udp_frame(3 * kPayload), offload);
    const Bytes all = udp_frame(3 * kPayload);
    std::vector<Bytes> datagrams;
    for (uint32_t i = 0; i < 3; ++i) {
      const auto first = all.begin() + 42 + ptrdiff_t(i * kPayload);
      datagrams.push_back(
          Frame()
              .ethernet()
              .ipv4({.id = uint16_t(load_be<uint16_t>(&all[18]) + i), .dont_fragment = true})
              .udp()
              .payload(Bytes(first, first + kPayload))
              .build());
      single.from_vnic(0, datagrams.back());
    }
    for (World* world : {&whole, &single}) {
      if (is("asked")) world->from_wire(neighbours_answer());
    }
    EXPECT_EQ(sent(whole), sent(single));
    EXPECT_EQ(whole.count()["drop.exceeds_mtu"], 0u);
    EXPECT_EQ(whole.count()["vnic0.icmp_too_big"], 0u);
    if (is("down")) {
      EXPECT_EQ(whole.count()["drop.uplink_down"], 3u);
      continue;
    }
    receive(b, sent(whole));
    EXPECT_EQ(received(b), datagrams);
  }
}

TEST(Segments, APolicyThatChangesEndsWhatItFinds) {
  World b(card_b(kStt));
  const auto frames = Shaped{}.stream(stream_of(udp_frame(2000)), 1000);
  b.from_wire(frames[0]);
  ASSERT_TRUE(b.pipeline.load(card_b()).ok());
  EXPECT_EQ(drops(b, "frame_incomplete"), 1u);
  ASSERT_EQ(b.sink.losses.size(), 1u);
  EXPECT_EQ(b.sink.losses[0].loss.cause, Loss::Cause::kAsked);
  EXPECT_EQ(b.pool.in_use(), 0u);
  EXPECT_EQ(b.pipeline.next_tick(), INT64_MAX);
  b.from_wire(frames[1]);
  EXPECT_EQ(drops(b, "not_a_tunnel"), 1u);
}

// A card without such formats reads over them; one whose clock is behind does not wait for ever.
TEST(Segments, ASavedStateFindsAnotherCard) {
  World b(card_b(kStt)), other(card_b()), behind(card_b(kStt));
  b.from_wire(Shaped{}.stream(stream_of(udp_frame(2000)), 1000)[0]);
  Archive save;
  b.pipeline.archive(save);
  for (World* to : {&other, &behind}) {
    Archive load(save.bytes());
    to->pipeline.archive(load);
    EXPECT_TRUE(load.ok() && load.at_end()) << load.error();
  }
  EXPECT_EQ(other.pipeline.incomplete_frames(), 0u);
  EXPECT_EQ(other.pool.in_use(), 0u);
  EXPECT_EQ(behind.pipeline.incomplete_frames(), 1u);
  behind.now = 5;
  behind.from_wire(Bytes(60));
  EXPECT_EQ(behind.pipeline.incomplete_frames(), 0u);
}

// Each octet of it may be another one.
TEST(SegmentsHostile, ASavedStateIsNotBelieved) {
  World b(card_b(kStt));
  receive(b, {Shaped{}.stream(stream_of(udp_frame(2000)), 1000)[0],
              Shaped{.id = 2}.stream(stream_of(udp_frame(2000)), 1000)[1]});
  Archive save;
  b.pipeline.archive(save);
  World none(card_b(kStt));
  Archive empty;
  none.pipeline.archive(empty);
  const size_t from = empty.bytes().size() - 1;  // what is held begins there
  for (size_t at = from; at < from + 200; ++at) {
    for (const uint8_t value : {0x00, 0x01, 0x7f, 0xff}) {
      World c(card_b(kStt));
      Archive load(patch(save.bytes(), at, {value}));
      c.pipeline.archive(load);
      EXPECT_LE(c.pipeline.incomplete_frames(), 2u);
      c.pipeline.tick(c.now + 2 * kTime);
      c.pipeline.tick(INT64_MAX / 2);
      EXPECT_EQ(c.pool.in_use(), 0u);
    }
  }
}

}  // namespace
}  // namespace gatehouse::test
