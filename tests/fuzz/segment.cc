// SPDX-License-Identifier: GPL-2.0-or-later
// Segmenter: what comes out fits the MTU, is right, and has all of the payload once; coalescing TCP
// segments and cutting the result again gives the same octets.
#include "hw/core/segment/segment.hh"

#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/coalesce/coalescing.hh"
#include "tests/unit/core/segment/cutting.hh"

namespace gatehouse::fuzz {
namespace {

using spec::DropReason;

constexpr PacketPool::Limits kPool{
    .small_count = 100, .small_octets = 2304, .large_count = 2, .large_octets = 70'000};

void come_back(const std::vector<Bytes>& segments) {
  coalesce::Rig rig({.hold_ns = 1000}, kPool);
  for (const Bytes& segment : segments) rig.add(segment);
  rig.coalescer.flush();
  require(rig.pieces() == segments, "coalescing and cutting again is the identity");
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  const uint32_t mtu = segment::kMinMtu + input.below(9000);
  Bytes frame = take_frame(input);
  const Offload offload = take_offload(input, frame);
  PacketPool pool({.small_count = 1, .small_octets = 2304, .large_count = 1, .large_octets = 5120});
  Packet* packet = test::packet_of(pool, frame);
  require(packet != nullptr, "there is a buffer");
  packet->offload = offload;
  if (parse::parse(*packet) == DropReason::none) {
    segment::Segmenter segmenter;
    const DropReason reason = segmenter.begin(*packet, mtu);
    require(reason == DropReason::none || spec::drop_row(reason) != nullptr,
            "a reason that has a row");
    if (reason == DropReason::none) {
      const std::vector<Bytes> out =
          segment::drain(segmenter, 1 + input.below(64), 70, segment::kArenaOctets);
      require(!out.empty() && out.size() <= segment::kMaxSegments * 64, "one or more, but bounded");
      if (segmenter.kind() == segment::Kind::kPass) {
        require(out.size() == 1, "what passes is one frame");
      } else {
        for (const Bytes& one : out) {
          Layers layers;
          const DropReason why = parse::parse(one, {}, layers);
          if (why != DropReason::none)
            fail(spec::drop_row(why)->name + (" " + test::to_hex(one)), __FILE__, __LINE__);
          require(layers.l3_end - layers.l2_length <= mtu, "that fits the MTU");
        }
      }
      const bool tcp = segmenter.kind() == segment::Kind::kSegments && offload.tcp;
      if (tcp && !segmenter.makes_fragments()) {
        std::string why;
        for (const Bytes& one : out) {
          if (!test::checksums_right(one, &why)) fail(why, __FILE__, __LINE__);
        }
        if (out.size() <= 90) come_back(out);
      }
    }
    require(test::bytes_of(*packet) == frame, "the super-frame is not written to");
  }
  pool.give(packet);
}

}  // namespace gatehouse::fuzz
