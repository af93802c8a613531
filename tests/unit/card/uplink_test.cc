// SPDX-License-Identifier: GPL-2.0-or-later
// An uplink alone: order of super-frames and what waits, and its share of the packet buffer.
#include "hw/card/uplink/uplink.hh"

#include "tests/unit/card/world.hh"

namespace gatehouse::uplink {
namespace {

using test::Bytes;

constexpr SuperFrame kSuper{.mss = 1000, .header_length = 104};
constexpr uint32_t kPayload = 4500;  // five segments

OutFrame out(const Bytes& frame) {
  return {{}, {frame.data(), static_cast<uint32_t>(frame.size())}};
}

struct Rig {
  explicit Rig(const Options& options) : uplink(pool, wire, 0, options) {}
  Refused send(const Bytes& frame) {
    const OutFrame frames[] = {out(frame)};
    return uplink.send(frames, 0);
  }
  PacketPool pool;
  card::FakeWire wire;
  Uplink uplink;
  Bytes super = Bytes(kSuper.header_length + kPayload);
};

TEST(Uplink, ASuperFrameGoesWhereNothingWaits) {
  Rig rig({.present = true});
  rig.wire.cutting = true;
  ASSERT_TRUE(rig.uplink.cuts());
  EXPECT_EQ(rig.uplink.send_super(out(rig.super), kSuper).frames(), 0u);
  EXPECT_EQ(rig.wire.supers.size(), 1u);
  // A further piece of it goes although the wire is busy now: the wire keeps their order.
  rig.wire.cutting = false;
  EXPECT_EQ(rig.uplink.send_super(out(rig.super), kSuper).frames(), 0u);
  EXPECT_EQ(rig.wire.supers.size(), 2u);
}

// The wire has become busy after cuts().
TEST(Uplink, ASuperFrameOvertakesNothing) {
  Rig rig({.present = true});
  rig.wire.cutting = true;
  ASSERT_TRUE(rig.uplink.cuts());
  rig.wire.room = 0;
  EXPECT_EQ(rig.send(Bytes(100)).frames(), 0u);
  ASSERT_EQ(rig.uplink.queued(), 1u);
  const Refused refused = rig.uplink.send_super(out(rig.super), kSuper);
  EXPECT_EQ(refused.full, 5u);
  EXPECT_EQ(refused.down, 0u);
  EXPECT_EQ(refused.octets, kPayload + 5 * kSuper.header_length);
  EXPECT_TRUE(rig.wire.sent.empty());
  rig.wire.room = 10;
  rig.uplink.unblock();
  EXPECT_EQ(rig.uplink.send_super(out(rig.super), kSuper).full, 5u) << "it waits still";
  rig.uplink.run(0);
  EXPECT_EQ(rig.wire.sent.size(), 1u);
  ASSERT_TRUE(rig.uplink.cuts());
  EXPECT_EQ(rig.uplink.send_super(out(rig.super), kSuper).frames(), 0u);
  EXPECT_EQ(rig.wire.supers.size(), 1u);
}

TEST(Uplink, ASuperFrameEndsWithoutALink) {
  Rig rig({.present = true});
  rig.wire.cutting = true;
  ASSERT_TRUE(rig.uplink.cuts());
  EXPECT_EQ(rig.uplink.set_link(false).out.frames(), 0u);
  EXPECT_EQ(rig.uplink.send_super(out(rig.super), kSuper).down, 5u);
  EXPECT_TRUE(rig.wire.supers.empty());
}

TEST(Uplink, KeepsItsShareOfEachSizeOfBuffer) {
  Rig rig({.present = true, .rate = 1'000'000});
  const Bytes large(9000), small(100);
  uint64_t refused = 0, octets = 0;
  for (uint32_t i = 0; i < 300; ++i) {
    const Refused now = rig.send(large);
    refused += now.full;
    octets += now.octets;
  }
  EXPECT_EQ(rig.uplink.queued(), 300 - refused);
  EXPECT_EQ(octets, refused * large.size());
  const uint32_t share = 3 * PacketPool::Limits{}.large_count / 4 / 2;
  EXPECT_EQ(rig.uplink.queued(), share) << "half of what is not in reserve";
  EXPECT_FALSE(rig.pool.scarce(9000));
  EXPECT_EQ(rig.send(small).frames(), 0u) << "of another size";
  const Lost lost = rig.uplink.set_link(false);
  EXPECT_EQ(lost.out.down, share + 1);
  EXPECT_EQ(lost.out.octets, share * large.size() + small.size());
  EXPECT_EQ(rig.pool.in_use(), 0u);
}

}  // namespace
}  // namespace gatehouse::uplink
