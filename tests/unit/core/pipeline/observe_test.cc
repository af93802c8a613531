// SPDX-License-Identifier: GPL-2.0-or-later
// Taps, stage traces, counters from outside, saved state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hw/core/base/archive.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

TEST(Taps, TheOuterOneSeesSegmentsAlthoughTheWireCuts) {
  World a(card_a());
  a.sink.wire_cuts = true;
  const Offload offload{.tso = true,
                        .tcp = true,
                        .ipv4 = true,
                        .mss = 1000,
                        .header_length = 54,
                        .payload_length = 3000};
  const Bytes frame = Frame().ethernet().ipv4({.dont_fragment = true}).tcp().payload(3000).build();
  a.from_vnic(0, frame, offload);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(a.sink.sent[0].super.mss, 1000);
  a.sink.sent.clear();
  a.pipeline.tap(pipeline::TapPoint::kOuter, true);
  a.from_vnic(0, frame, offload);
  ASSERT_EQ(a.sink.sent.size(), 3u);
  ASSERT_EQ(a.sink.taps.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(a.sink.taps[i].frame, a.sink.sent[i].frame);
}

using pipeline::TapDirection;
using pipeline::TapPoint;
using spec::DropReason;

const Bytes kFrame =
    Frame().ethernet({.destination = "52:54:00:00:00:77"}).ipv4().udp().payload(20).build();
const Bytes kMapped = Frame().ethernet().ipv4().udp().payload(20).build();

TEST(Taps, ShowTheWalkOfAFrame) {
  World a(card_a()), b(card_b());
  for (World* world : {&a, &b}) {
    for (unsigned i = 0; i < unsigned(TapPoint::kCount); ++i)
      world->pipeline.tap(TapPoint(i), true);
  }
  a.from_vnic(0, kFrame);
  const Bytes outer = a.sink.sent.at(0).frame;
  ASSERT_EQ(a.sink.taps.size(), 3u);
  const struct {
    TapPoint point;
    TapDirection direction;
    Bytes frame;
  } out[] = {{TapPoint::kGuest, TapDirection::kFromGuest, kFrame},
             {TapPoint::kInner, TapDirection::kFromGuest, kMapped},
             {TapPoint::kOuter, TapDirection::kFromGuest, outer}},
    in[] = {{TapPoint::kOuter, TapDirection::kToGuest, outer},
            {TapPoint::kInner, TapDirection::kToGuest, kMapped},
            {TapPoint::kGuest, TapDirection::kToGuest, kMapped}};
  b.from_wire(outer);
  ASSERT_EQ(b.sink.taps.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    for (const auto& [taps, expected] :
         {std::pair(&a.sink.taps, &out[i]), std::pair(&b.sink.taps, &in[i])}) {
      const Tapped& tapped = (*taps)[size_t(i)];
      EXPECT_EQ(tapped.point, expected->point);
      EXPECT_EQ(tapped.direction, expected->direction);
      EXPECT_EQ(to_hex(tapped.frame), to_hex(expected->frame));
      EXPECT_EQ(tapped.port, 0u);
      EXPECT_EQ(tapped.reason, DropReason::none);
    }
  }
}

TEST(Taps, ShowDropsWithTheirReason) {
  World a(card_a());
  a.pipeline.tap(TapPoint::kDrops, true);
  const Bytes spoofed = Frame().ethernet({.source = "52:54:00:00:00:03"}).ipv4().udp().build();
  a.from_vnic(1, spoofed);
  a.from_wire(Bytes(20), 1);
  ASSERT_EQ(a.sink.taps.size(), 2u);
  EXPECT_EQ(a.sink.taps[0].reason, DropReason::spoofed_ipv4);
  EXPECT_EQ(a.sink.taps[0].frame, spoofed);
  EXPECT_EQ(a.sink.taps[0].direction, TapDirection::kFromGuest);
  EXPECT_EQ(a.sink.taps[0].port, 1u);
  EXPECT_EQ(a.sink.taps[1].direction, TapDirection::kToGuest);
  EXPECT_EQ(a.sink.taps[1].port, 1u);
  a.pipeline.tap(TapPoint::kDrops, false);
  a.from_vnic(1, spoofed);
  EXPECT_EQ(a.sink.taps.size(), 2u);
}

TEST(Trace, NamesTheStagesInOrder) {
  World a(card_a()), b(card_b());
  a.from_vnic(0, kFrame);
  EXPECT_TRUE(a.sink.stages.empty());
  a.pipeline.trace(true);
  b.pipeline.trace(true);
  a.from_vnic(0, kFrame);
  b.from_wire(a.sink.sent.at(1).frame);
  EXPECT_THAT(a.sink.stages, testing::ElementsAre("parse", "spoof", "resolve", "overlay", "segment",
                                                  "encapsulate", "underlay", "uplink"));
  EXPECT_THAT(b.sink.stages, testing::ElementsAre("parse", "decapsulate", "deliver"));
}

TEST(Counters, CountWhatEndsOutside) {
  World a(card_a());
  a.pipeline.count_drop(true, 1, DropReason::vnic_no_descriptors);
  a.pipeline.count_drop(true, 1, DropReason::bad_tx_descriptor);
  a.pipeline.count_drop(true, 1, DropReason::rx_dma_error);
  a.pipeline.count_drop(false, 1, DropReason::uplink_queue_full);
  a.pipeline.count_drop(false, 0, DropReason::no_packet_buffer);
  a.pipeline.count_drop(false, 0, DropReason::none);
  // The packet buffer is short of room on both ways.
  a.pipeline.count_drop(true, 2, DropReason::no_packet_buffer, TapDirection::kToGuest);
  a.pipeline.count_drop(false, 1, DropReason::no_packet_buffer, TapDirection::kFromGuest);
  a.pipeline.count_vnic_rx(1, 3, 300);
  EXPECT_EQ(a.sink.drops.size(), 7u);
  EXPECT_EQ(a.count(), (Counts{{"vnic1.rx_drops", 2},
                               {"vnic1.tx_drops", 1},
                               {"vnic1.rx_frames", 3},
                               {"vnic1.rx_bytes", 300},
                               {"vnic2.rx_drops", 1},
                               {"vnic2.drop.no_packet_buffer", 1},
                               {"uplink1.tx_drops", 2},
                               {"uplink0.rx_drops", 1},
                               {"drop.vnic_no_descriptors", 1},
                               {"drop.bad_tx_descriptor", 1},
                               {"drop.rx_dma_error", 1},
                               {"drop.uplink_queue_full", 1},
                               {"drop.no_packet_buffer", 3},
                               {"vnic1.drop.vnic_no_descriptors", 1},
                               {"vnic1.drop.bad_tx_descriptor", 1},
                               {"vnic1.drop.rx_dma_error", 1}}));
  a.pipeline.reset_counters();
  EXPECT_EQ(a.count(), Counts{});
}

TEST(Saved, CountersNeighboursAndLimitsComeBack) {
  World a(card_a({.ask = true}));
  a.from_vnic(0, kFrame);
  a.from_wire(neighbours_answer());
  for (int i = 0; i < 256; ++i) a.from_vnic(0, Frame().ethernet().arp().build());
  Archive saved;
  a.pipeline.archive(saved);

  World b(card_a({.ask = true}));
  b.now = a.now;
  Archive from(saved.bytes());
  b.pipeline.archive(from);
  EXPECT_TRUE(from.ok() && from.at_end()) << from.error();
  EXPECT_EQ(b.count(), a.count());
  for (World* world : {&a, &b}) {
    world->sink.clear();
    world->from_vnic(0, kFrame);
    world->from_vnic(0, Frame().ethernet().arp().build());
    ASSERT_EQ(world->sink.sent.size(), 1u) << "the neighbour is known";
    EXPECT_TRUE(world->sink.received.empty()) << "the limit is used up";
  }
  EXPECT_EQ(to_hex(a.sink.sent[0].frame), to_hex(b.sink.sent[0].frame)) << "identification goes on";
  Archive again_a, again_b;
  a.pipeline.archive(again_a);
  b.pipeline.archive(again_b);
  EXPECT_EQ(again_a.bytes(), again_b.bytes());
}

TEST(Saved, LoadsWithoutTheVnicsAndRefusesWhatIsCutOff) {
  World a(card_a());
  a.from_vnic(0, kFrame);
  Archive saved;
  a.pipeline.archive(saved);
  World fewer(card_a());
  fewer.pipeline.detach_vnic(0);
  Archive from(saved.bytes());
  fewer.pipeline.archive(from);
  EXPECT_TRUE(from.ok() && from.at_end());
  EXPECT_EQ(fewer.count(),
            (Counts{{"uplink0.tx_frames", 1}, {"uplink0.tx_bytes", kFrame.size() + 50}}));
  for (size_t length = 0; length < saved.bytes().size(); length += 7) {
    Archive cut_off(std::span(saved.bytes()).first(length));
    fewer.pipeline.archive(cut_off);
    EXPECT_FALSE(cut_off.ok()) << length;
  }
}

// Their number is a saved state's word.
TEST(Saved, MetersOfMoreTenantsThanThereCanBeAreRefused) {
  policy::Policy policy = card_a();
  policy.meters = {{.name = "m",
                    .committed_rate = 8,
                    .committed_burst = 1000,
                    .peak_rate = 16,
                    .peak_burst = 2000}};
  policy.tenants[0].meter = "m";
  World a(policy), b(policy);
  Archive saved;
  a.pipeline.archive(saved);
  // The only meter: its number, then its tenant's name with its length.
  const Bytes one = from_hex("01000000 03000000 726564");
  Bytes lie = saved.bytes();
  const auto at = std::search(lie.begin(), lie.end(), one.begin(), one.end());
  ASSERT_NE(at, lie.end());
  store_le<uint32_t>(&*at, 0xffff);
  Archive from(lie);
  b.pipeline.archive(from);
  EXPECT_FALSE(from.ok());
  EXPECT_EQ(from.error(), "saved state: more tenants' meters than tenants");
}

TEST(Saved, FramesThatWaitAreGivenUpBeforeLoading) {
  World a(card_a({.ask = true}));
  Archive saved;
  a.pipeline.archive(saved);
  a.from_vnic(0, kFrame);
  EXPECT_EQ(a.pool.in_use(), 1u);
  Archive from(saved.bytes());
  a.pipeline.archive(from);
  EXPECT_TRUE(from.ok());
  EXPECT_EQ(a.pool.in_use(), 0u);
  EXPECT_EQ(a.count(), Counts{});
  EXPECT_EQ(a.pipeline.next_tick(), INT64_MAX);
}

}  // namespace
}  // namespace gatehouse::test
