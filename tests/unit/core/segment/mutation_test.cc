// SPDX-License-Identifier: GPL-2.0-or-later
// Hostile guests: mutated headers with any context. What comes out always fits, parses and has
// right checksums, and nothing outside the frame is read (the frame ends where its heap block ends,
// for the sanitizers).
#include <random>

#include "hw/core/segment/too_big.hh"
#include "tests/unit/core/segment/cutting.hh"

namespace gatehouse::segment {
namespace {

using spec::DropReason;
using test::Bytes;
using test::Frame;

std::vector<Bytes> seeds() {
  return {
      Frame().ethernet().ipv4().tcp({.flags = 0x19, .options = Bytes(12, 1)}).payload(3000).build(),
      Frame()
          .ethernet()
          .vlan(3)
          .ipv4({.options = test::from_hex("8303 0101 4404 0000")})
          .udp()
          .payload(2500)
          .build(),
      Frame().ethernet().ipv6().extension(60).tcp().payload(2800).build(),
      Frame().ethernet().ipv6().udp().payload(2600).build(),
      Frame()
          .ethernet()
          .ipv4({.more_fragments = true, .fragment_offset = 1480, .protocol = 17})
          .payload(2400)
          .build(),
  };
}

TEST(SegmentMutation, WhateverTheGuestSaysTheResultIsWellFormed) {
  std::mt19937 random(7);
  HeaderArena arena(kArenaOctets);
  Segment out[kRun];
  uint64_t cut_well = 0, refused = 0, answered = 0;
  const std::vector<Bytes> all = seeds();
  PacketPool pool({.small_count = 1, .large_count = 1});
  Packet* answer = pool.take(kTooBigOctets);
  for (int round = 0; round < 20000; ++round) {
    Bytes frame = all[random() % all.size()];
    for (unsigned i = random() % 3; i > 0; --i)
      frame[12 + random() % 60] = static_cast<uint8_t>(random());
    frame.resize(frame.size() - random() % 3);
    frame.shrink_to_fit();
    Packet packet;
    packet.data = frame.data();
    packet.length = static_cast<uint32_t>(frame.size());
    packet.offload.tso = random() % 2 == 0;
    if (parse::parse(packet, {.ipv4_checksum = false}) != DropReason::none) continue;
    if (packet.offload.tso) {
      packet.offload =
          tso_context(packet.layers, packet.length, static_cast<uint16_t>(random() % 3000));
      if (random() % 8 == 0) packet.offload.header_length = static_cast<uint16_t>(random());
      if (random() % 8 == 0) packet.offload.payload_length = random();
    }
    const uint32_t mtu = kMinMtu + random() % 2000;
    Segmenter segmenter;
    const DropReason reason = segmenter.begin(packet, mtu);
    if (reason != DropReason::none) {
      ++refused;
      ASSERT_TRUE(segmenter.done());
      const IpAddress source = *parse_ip(packet.layers.l3 == L3::kIpv6 ? "fd00::fe" : "10.0.0.254");
      answered += make_too_big(packet, mtu, MacAddress{}, source, *answer) ? 1 : 0;
      continue;
    }
    uint32_t total = 0;
    while (!segmenter.done()) {
      arena.reset(random() % kHeadroom);
      const uint32_t count = segmenter.next(arena, std::span(out).first(1 + random() % kRun));
      ASSERT_GT(count, 0u);
      total += count;
      for (uint32_t i = 0; i < count; ++i) {
        const Bytes segment = test::bytes_of(out[i].frame());
        ASSERT_LE(segment.size(), packet.layers.l2_length + mtu);
        Layers layers;
        ASSERT_EQ(parse::parse(segment, {.ipv4_checksum = segmenter.kind() != Kind::kPass}, layers),
                  DropReason::none)
            << test::to_hex(segment);
        if (segmenter.kind() == Kind::kSegments && !layers.source_route) {
          std::string why;
          ASSERT_TRUE(test::checksums_right(segment, &why)) << why << "\n" << test::to_hex(segment);
        }
      }
    }
    ASSERT_EQ(total, segmenter.total());
    ++cut_well;
  }
  EXPECT_GT(cut_well, 3000u);
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(answered, 300u);
}

}  // namespace
}  // namespace gatehouse::segment
