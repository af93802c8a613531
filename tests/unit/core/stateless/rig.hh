// SPDX-License-Identifier: GPL-2.0-or-later
// What the stateless tests share: super-frames, their segments as octets, a reassembler that keeps
// what comes out of it.
#ifndef GATEHOUSE_TESTS_UNIT_CORE_STATELESS_RIG_HH_
#define GATEHOUSE_TESTS_UNIT_CORE_STATELESS_RIG_HH_

#include <gtest/gtest.h>

#include <vector>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/stateless/cutter.hh"
#include "hw/core/stateless/reassembler.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::stateless {

using spec::DropReason;
using test::Bytes;

inline constexpr uint32_t kVni = 0xabcdef;

// A segment behind its TCP-shaped header.
struct Piece {
  Place place;
  Bytes octets;
};

// A TCP super-frame, as segment leaves it for a wire that cuts.
struct Super {
  Bytes frame;
  Layers layers;
  uint32_t payload() const { return static_cast<uint32_t>(frame.size()) - layers.payload_offset; }
  Bytes payload_octets() const { return Bytes(frame.begin() + layers.payload_offset, frame.end()); }
};

inline Super super_frame(uint32_t payload, bool v6 = false, const Bytes& options = {},
                         uint8_t flags = 0x99, uint32_t seed = 1) {
  test::Frame frame;
  frame.ethernet();
  if (v6) {
    frame.ipv6();
  } else {
    frame.ipv4({.id = 500, .dont_fragment = true});
  }
  Super super{
      frame.tcp({.flags = flags, .options = options}).payload(test::pattern(payload, seed)).build(),
      {}};
  EXPECT_EQ(parse::parse(super.frame, {}, super.layers), DropReason::none);
  // The checksum of the whole, as the card leaves it to whoever cuts.
  uint8_t* l3 = super.frame.data() + super.layers.l2_length;
  const auto octets = static_cast<uint32_t>(super.frame.size() - super.layers.l4_offset);
  TcpHeader(super.frame.data() + super.layers.l4_offset)
      .set_checksum(v6 ? checksum::pseudo_v6(l3 + 8, l3 + 24, 6, octets)
                       : checksum::pseudo_v4(l3 + 12, l3 + 16, 6, static_cast<uint16_t>(octets)));
  return super;
}

inline std::vector<Piece> all_of(Cutter& cutter) {
  std::vector<Piece> pieces;
  Bytes head(cutter.most_head());
  while (!cutter.done()) {
    const Segment segment = cutter.next(head.data());
    EXPECT_EQ(segment.length(), cutter.length(static_cast<uint32_t>(pieces.size())));
    Bytes octets(head.begin(), head.begin() + segment.head_length);
    octets.insert(octets.end(), segment.body.data, segment.body.data + segment.body.length);
    pieces.push_back({segment.place, std::move(octets)});
  }
  return pieces;
}

inline std::vector<Piece> redundant(const Super& super, uint32_t mss, uint32_t id = 1) {
  Information information;
  EXPECT_TRUE(information.set(kVni, super.frame.data(), super.layers));
  Cutter cutter;
  const Slice body{super.frame.data() + super.layers.payload_offset, super.payload()};
  EXPECT_TRUE(cutter.begin_redundant(information, body, mss, id));
  return all_of(cutter);
}

inline std::vector<Piece> stream(const Bytes& head, const Bytes& body, uint32_t largest,
                                 uint32_t id = 1) {
  Cutter cutter;
  EXPECT_TRUE(cutter.begin_stream({head.data(), static_cast<uint32_t>(head.size())},
                                  {body.data(), static_cast<uint32_t>(body.size())}, largest, id));
  return all_of(cutter);
}

class Kept final : public Outlet {
 public:
  struct Out {
    Bytes frame;
    uint16_t mss;
    Delivery delivery;
  };
  struct Lost {
    Loss loss;  // without `missing`
    std::vector<Range> missing;
  };
  explicit Kept(PacketPool& pool) : pool_(pool) {}

  void reassembled(Packet& packet, const Delivery& delivery) override {
    outs.push_back({test::bytes_of(packet), packet.wire_mss, delivery});
    pool_.give(&packet);
  }
  void given_up(const Loss& loss) override {
    losses.push_back({loss, {loss.missing.begin(), loss.missing.end()}});
  }
  std::vector<Out> outs;
  std::vector<Lost> losses;

 private:
  PacketPool& pool_;
};

inline Key key_of(uint32_t id, uint8_t peer = 1) {
  const uint8_t source[] = {192, 0, 2, peer}, destination[] = {192, 0, 2, 200};
  return {IpAddress::v4(source), IpAddress::v4(destination), 50000, 7471, 0, id};
}

class Rig {
 public:
  explicit Rig(const Limits& limits = {}, const PacketPool::Limits& pool_limits = {})
      : pool(pool_limits), kept(pool), reassembler(pool, kept, limits) {}
  ~Rig() {
    reassembler.forget();
    EXPECT_EQ(pool.in_use(), 0u);
    EXPECT_EQ(reassembler.octets(), 0u);
  }
  DropReason add(const Piece& piece, bool redundant, int64_t now = 0, uint8_t peer = 1,
                 uint8_t ecn = 0) {
    // Exactly as long as its memory, so that a sanitizer sees what reads on.
    const Bytes octets(piece.octets.begin(), piece.octets.end());
    return reassembler.add({key_of(piece.place.id, peer),
                            piece.place,
                            redundant,
                            ecn,
                            {octets.data(), static_cast<uint32_t>(octets.size())}},
                           now);
  }

  PacketPool pool;
  Kept kept;
  Reassembler reassembler;
};

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_TESTS_UNIT_CORE_STATELESS_RIG_HH_
