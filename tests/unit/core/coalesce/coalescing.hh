// SPDX-License-Identifier: GPL-2.0-or-later
// What the coalesce tests share: a coalescer whose frames are kept as octets, cut again or not.
#ifndef GATEHOUSE_TESTS_UNIT_CORE_COALESCE_COALESCING_HH_
#define GATEHOUSE_TESTS_UNIT_CORE_COALESCE_COALESCING_HH_

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/coalesce/coalesce.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/segment/segment.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::coalesce {

using test::Bytes;

struct Out {
  Bytes frame;  // as it came out
  Origin origin;
  std::vector<Bytes> pieces;  // cut again; of a frame that is none: itself
  bool super() const { return pieces.size() > 1; }
};

class Kept final : public Outlet {
 public:
  explicit Kept(PacketPool& pool) : pool_(pool) {}

  void coalesced(Packet& packet, const Origin& origin) override {
    Out out{test::bytes_of(packet), origin, {}};
    if (packet.offload.tso) {
      check_super(packet);
      cut(packet, out.pieces);
    } else {
      out.pieces.push_back(out.frame);
    }
    outs.push_back(std::move(out));
    pool_.give(&packet);
  }
  bool restored(Packet& packet, const Origin& origin) override {
    return origin.owner < kOwners && parse::parse(packet) == spec::DropReason::none;
  }

  static constexpr uint16_t kOwners = 100;
  std::vector<Out> outs;
  // Since the last time.
  std::vector<Out> take() { return std::exchange(outs, {}); }

 private:
  // It is a good frame as it is, and parse finds in it what its layers say.
  static void check_super(const Packet& packet) {
    std::string why;
    EXPECT_TRUE(test::checksums_right(test::bytes_of(packet), &why)) << why;
    EXPECT_TRUE(packet.l4_checksum_checked && packet.l4_checksum_good);
    Layers layers;
    EXPECT_EQ(parse::parse(packet.bytes(), {}, layers), spec::DropReason::none);
    EXPECT_EQ(layers, packet.layers);
  }
  static void cut(const Packet& packet, std::vector<Bytes>& pieces) {
    segment::Segmenter segmenter;
    segment::HeaderArena arena(segment::kArenaOctets);
    std::vector<segment::Segment> segments(segment::kRun);
    ASSERT_EQ(segmenter.begin(packet, kLargestDatagram), spec::DropReason::none);
    while (!segmenter.done()) {
      arena.reset(0);
      const uint32_t count = segmenter.next(arena, segments);
      for (uint32_t i = 0; i < count; ++i) pieces.push_back(test::bytes_of(segments[i].frame()));
    }
  }

  PacketPool& pool_;
};

// A coalescer, its pool, and opaque octets in front of each frame.
class Rig {
 public:
  explicit Rig(const Limits& limits = {}, const PacketPool::Limits& pool_limits = {})
      : pool(pool_limits), kept(pool), coalescer(pool, kept, limits) {}
  ~Rig() {
    coalescer.flush();
    EXPECT_EQ(coalescer.held_frames(), 0u);
    EXPECT_EQ(pool.in_use(), 0u);
  }

  void add(const Bytes& frame, Origin origin = {}, const Bytes& opaque = {}, int64_t now = 0) {
    Packet* packet = test::packet_of(pool, frame);
    origin.opaque = static_cast<uint32_t>(opaque.size());
    if (!opaque.empty()) std::memcpy(packet->data - opaque.size(), opaque.data(), opaque.size());
    ASSERT_EQ(parse::parse(*packet), spec::DropReason::none) << test::to_hex(frame);
    coalescer.add(*packet, origin, now);
  }
  std::vector<Bytes> pieces() const {
    std::vector<Bytes> all;
    for (const Out& out : kept.outs) all.insert(all.end(), out.pieces.begin(), out.pieces.end());
    return all;
  }

  PacketPool pool;
  Kept kept;
  Coalescer coalescer;
};

}  // namespace gatehouse::coalesce

#endif  // GATEHOUSE_TESTS_UNIT_CORE_COALESCE_COALESCING_HH_
