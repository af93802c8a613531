// SPDX-License-Identifier: GPL-2.0-or-later
// What the segment tests share: run a frame through parse and Segmenter, and look at what comes
// out.
#ifndef GATEHOUSE_TESTS_UNIT_CORE_SEGMENT_CUTTING_HH_
#define GATEHOUSE_TESTS_UNIT_CORE_SEGMENT_CUTTING_HH_

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "hw/core/base/headers.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/segment/segment.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::segment {

// The context that a driver gives for a super-frame: what the frame's own headers say, unless a
// test spoils it.
inline Offload tso_context(const Layers& layers, uint32_t length, uint16_t mss) {
  Offload offload;
  offload.tso = true;
  offload.ip_checksum = offload.l4_checksum = true;
  offload.tcp = layers.l4 == L4::kTcp;
  offload.ipv4 = layers.l3 == L3::kIpv4;
  offload.mss = mss;
  offload.header_length = layers.payload_offset;
  offload.payload_length = length - layers.payload_offset;
  return offload;
}

// `mss` 0: no super-frame. The packet stays the pool's; parse has accepted it.
inline Packet* parsed(PacketPool& pool, const test::Bytes& frame, uint16_t mss = 0) {
  Packet* packet = test::packet_of(pool, frame);
  packet->offload.tso = mss != 0;
  const spec::DropReason reason = parse::parse(*packet);
  EXPECT_EQ(reason, spec::DropReason::none) << drop_row(reason)->name;
  if (mss != 0) packet->offload = tso_context(packet->layers, packet->length, mss);
  return packet;
}

// Runs until done, in runs of `run` segments with `reserve` octets in front of each head, which are
// overwritten to show that they are free. Every frame comes out whole.
inline std::vector<test::Bytes> drain(Segmenter& segmenter, uint32_t run = 64,
                                      uint32_t reserve = 70, uint32_t arena_octets = kArenaOctets) {
  HeaderArena arena(arena_octets);
  std::vector<Segment> segments(run);
  std::vector<test::Bytes> frames;
  while (!segmenter.done()) {
    arena.reset(reserve);
    const uint32_t count = segmenter.next(arena, segments);
    EXPECT_GT(count, 0u);
    if (count == 0) break;
    for (uint32_t i = 0; i < count; ++i) {
      if (segments[i].head != nullptr) std::memset(segments[i].head - reserve, 0xdd, reserve);
    }
    for (uint32_t i = 0; i < count; ++i) {
      frames.push_back(test::bytes_of(segments[i].frame()));
      EXPECT_EQ(frames.back().size(), segments[i].length());
    }
  }
  EXPECT_EQ(frames.size(), segmenter.total());
  return frames;
}

struct Cut {
  spec::DropReason reason = spec::DropReason::none;
  Kind kind = Kind::kPass;
  std::vector<test::Bytes> frames;
};

inline Cut cut_frame(const test::Bytes& frame, uint16_t mss, uint32_t mtu) {
  PacketPool pool({.small_count = 1, .large_count = 1});
  const Packet* packet = parsed(pool, frame, mss);
  Segmenter segmenter;
  Cut cut;
  cut.reason = segmenter.begin(*packet, mtu);
  cut.kind = segmenter.kind();
  if (cut.reason == spec::DropReason::none) cut.frames = drain(segmenter);
  // The packet itself is never written to.
  EXPECT_EQ(test::bytes_of(*packet), frame);
  return cut;
}

inline Layers layers_of(const test::Bytes& frame) {
  Layers layers;
  EXPECT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none) << test::to_hex(frame);
  return layers;
}

inline test::Bytes payload_of(const test::Bytes& frame, const Layers& layers) {
  return {frame.begin() + layers.payload_offset, frame.begin() + layers.l3_end};
}

}  // namespace gatehouse::segment

#endif  // GATEHOUSE_TESTS_UNIT_CORE_SEGMENT_CUTTING_HH_
