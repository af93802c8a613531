// SPDX-License-Identifier: GPL-2.0-or-later
// What one card puts on, the other takes off: the guest's frame arrives as it was sent, whatever
// the format and the underlay.
#include <gtest/gtest.h>

#include "hw/core/base/bytes.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

const Bytes kOptions = {0x01, 0x02, 0x03, 0x01, 0xde, 0xad, 0xbe, 0xef,  // class 0x0102 type 3
                        0xff, 0xf0, 0x81, 0x02, 1,    2,    3,    4,    5, 6, 7, 8};  // critical

struct Case {
  const char* name;
  Shape shape;
  friend void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
};

class RoundTrip : public testing::TestWithParam<Case> {};

std::vector<Bytes> frames() {
  return {
      Frame().ethernet().ipv4().udp().payload(0).build(),
      Frame().ethernet().ipv4().udp().payload(1).build(),
      Frame().ethernet().ipv4({.tos = 0x2a}).tcp().payload(777).build(),
      Frame().ethernet().ipv4({.tos = 0xb9, .dont_fragment = true}).tcp().payload(1000).build(),
      Frame().ethernet().ipv4({.options = {1, 1, 1, 0}}).icmp().payload(64).build(),
      Frame().ethernet().ipv4({.more_fragments = true}).udp().payload(64).build(),
      Frame().ethernet().ipv4({.fragment_offset = 64}).payload(100).build(),
      Frame().ethernet().ipv6({.traffic_class = 0xb8}).tcp().payload(901).build(),
      Frame().ethernet().ipv6().extension(60).udp().payload(33).build(),
      Frame().ethernet().ipv6().icmp({.type = 128}).payload(56).build(),
      Frame().ethernet().ipv4().udp().payload(3).append(Bytes(15, 0)).build(),
      Frame().ethernet().vlan(0x6000).ipv4().udp().payload(20).build(),
  };
}

Bytes super_frame(bool ipv4, uint32_t payload) {
  Frame frame = Frame().ethernet();
  ipv4 ? frame.ipv4({.id = 0xfff0, .dont_fragment = true, .total_length = 0, .checksum = 0})
       : frame.ipv6({.payload_length = 0});
  return frame
      .tcp({.sequence = 0xffffff00, .flags = 0x99, .checksum = 0x1234})  // CWR ACK PSH FIN
      .payload(payload)
      .build();
}

// What stands in SuperFrame, against `segment`: the first frame that a card which cuts has sent.
void expect_described(const SentFrame& sent, const Bytes& segment, bool ipv4) {
  const SuperFrame& super = sent.super;
  if (super.mss == 0) return;
  Layers outer;
  ASSERT_EQ(parse::parse(segment, {}, outer), spec::DropReason::none);
  EXPECT_EQ(super.mss, 1200);
  EXPECT_EQ(super.outer_l4, outer.l4_offset);
  EXPECT_EQ(super.outer_ipv6, outer.l3 == L3::kIpv6);
  EXPECT_EQ(super.inner_ipv6, !ipv4);
  EXPECT_EQ(super.inner_l4 - super.inner_l3, ipv4 ? 20 : 40);
  EXPECT_EQ(super.header_length, segment.size() - 1200);
  EXPECT_EQ(super.header_length - super.inner_l4, 20);
  const uint16_t field = load_be<uint16_t>(&segment[outer.l4_offset + 6u]);
  EXPECT_EQ(super.outer_checksum, field != 0);
  EXPECT_EQ(load_be<uint16_t>(&sent.frame[outer.l4_offset + 6u]) != 0, field != 0);
  // Linux takes no larger datagram.
  EXPECT_LE(sent.frame.size() - outer.l2_length, 65535u);
}

TEST_P(RoundTrip, DeliversTheGuestsFrameUnchanged) {
  World a(card_a(GetParam().shape)), b(card_b(GetParam().shape));
  for (const Bytes& frame : frames()) {
    SCOPED_TRACE(to_hex(frame));
    a.from_vnic(0, frame);
    ASSERT_EQ(a.sink.sent.size(), 1u);
    std::string why;
    const bool right = checksums_right(a.sink.sent[0].frame, &why);
    // RFC 8200 calls zero wrong; RFC 6935 lets tunnels have it.
    EXPECT_EQ(right, !GetParam().shape.zero_checksum_ipv6) << why;
    b.from_wire(a.sink.sent[0].frame);
    ASSERT_EQ(b.sink.received.size(), 1u);
    EXPECT_EQ(b.sink.received[0].vnic, 0u);
    EXPECT_EQ(to_hex(b.sink.received[0].frame), to_hex(frame));
    EXPECT_TRUE(b.sink.received[0].good || !b.sink.received[0].checked);
    EXPECT_TRUE(a.sink.drops.empty() && b.sink.drops.empty());
    a.sink.clear();
    b.sink.clear();
  }
  EXPECT_EQ(a.pool.in_use(), 0u);
  EXPECT_EQ(b.pool.in_use(), 0u);
}

TEST_P(RoundTrip, KeepsTenantsWithTheSameAddressesApart) {
  World a(card_a(GetParam().shape)), b(card_b(GetParam().shape));
  const Bytes frame = Frame().ethernet().ipv4().udp().payload(10).build();
  a.from_vnic(2, frame);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  b.from_wire(a.sink.sent[0].frame);
  ASSERT_EQ(b.sink.received.size(), 1u);
  EXPECT_EQ(b.sink.received[0].vnic, 1u);
}

// Where the wire cuts super-frames, and hands them in uncut, both ends see what they see where the
// cards cut.
TEST_P(RoundTrip, SuperFramesLeftToTheWireAreTheSameFrames) {
  for (const bool ipv4 : {true, false}) {
    for (const uint32_t payload : {1000u, 3000u, 65440u}) {
      SCOPED_TRACE(testing::Message() << (ipv4 ? "IPv4 " : "IPv6 ") << payload);
      const Bytes frame = super_frame(ipv4, payload);
      const Offload offload = tcp_tso(ipv4, 1200, payload);
      World cutting(card_a(GetParam().shape)), b(card_b(GetParam().shape));
      cutting.from_vnic(0, frame, offload);
      for (const SentFrame& sent : cutting.sink.sent) b.from_wire(sent.frame);

      World leaving(card_a(GetParam().shape)), c(card_b(GetParam().shape));
      leaving.sink.wire_cuts = true;
      leaving.from_vnic(0, frame, offload);
      for (const SentFrame& sent : leaving.sink.sent) {
        expect_described(sent, cutting.sink.sent[0].frame, ipv4);
        c.from_wire(sent.frame, 0, sent.super.mss);
      }
      const policy::Policy policy = card_a(GetParam().shape);
      const bool left = policy.formats[0].protocol == policy::Format::kUdp;
      if (left) {
        EXPECT_EQ(leaving.sink.sent.size(), payload < 65000 ? 1u : 2u);
      }
      EXPECT_EQ(leaving.count(), cutting.count());

      ASSERT_EQ(c.sink.received.size(), b.sink.received.size());
      for (size_t i = 0; i < b.sink.received.size(); ++i) {
        EXPECT_EQ(c.sink.received[i].frame, b.sink.received[i].frame) << i;
        EXPECT_TRUE(c.sink.received[i].checked && c.sink.received[i].good);
      }
      EXPECT_TRUE(c.sink.drops.empty());
      EXPECT_EQ(leaving.pool.in_use() + c.pool.in_use(), 0u);
    }
  }
}

// Segments times vnics would be the work of a thousand frames.
TEST(SuperFrames, ForAGroupAreNotCut) {
  World a(card_a({.broadcast = true})), b(card_b({.broadcast = true}));
  const Bytes frame = Frame()
                          .ethernet({.destination = "01:00:5e:01:02:03"})
                          .ipv4({.destination = "239.1.2.3"})
                          .tcp()
                          .payload(3000)
                          .build();
  const Bytes outer = [&] {
    World wide(card_a({.mtu = 9000, .broadcast = true}));
    wide.from_vnic(0, frame);
    return wide.sink.sent.at(0).frame;
  }();
  b.from_wire(outer, 0, 1000);
  ASSERT_EQ(b.sink.received.size(), 1u) << "whole: the vnic looks at its length";
  EXPECT_EQ(b.sink.received[0].frame, frame);
  EXPECT_EQ(b.count()["uplink0.rx_super_frames"], 1u);
  EXPECT_EQ(b.count()["uplink0.rx_segments"], 0u);
}

constexpr const char* kVxlan = "vxlan";
constexpr const char* kGeneve = "geneve";

INSTANTIATE_TEST_SUITE_P(
    FormatsAndFamilies, RoundTrip,
    testing::Values(
        Case{"vxlan4", {.kind = kVxlan}}, Case{"vxlan4sum", {.kind = kVxlan, .udp_checksum = true}},
        Case{"vxlan6", {.kind = kVxlan, .v6 = true}},
        Case{"vxlan6zero", {.kind = kVxlan, .v6 = true, .zero_checksum_ipv6 = true}},
        Case{"vxlan4vlan", {.kind = kVxlan, .vlan = 7}}, Case{"geneve4", {.kind = kGeneve}},
        Case{"geneve4sum", {.kind = kGeneve, .udp_checksum = true}},
        Case{"geneve4options", {.kind = kGeneve, .options = kOptions}},
        Case{"geneve6", {.kind = kGeneve, .v6 = true}},
        Case{"geneve6options", {.kind = kGeneve, .v6 = true, .options = kOptions}},
        Case{"geneve6vlan", {.kind = kGeneve, .v6 = true, .vlan = 4094}},
        Case{"gre4", {.kind = "gre"}}, Case{"gre6", {.kind = "gre", .v6 = true}},
        Case{"greSum4", {.kind = "gre-checksum"}},
        Case{"greSum6vlan", {.kind = "gre-checksum", .v6 = true, .vlan = 7}},
        Case{"nvgre4", {.kind = "nvgre"}}, Case{"nvgre6", {.kind = "nvgre", .v6 = true}},
        Case{"greUdp4", {.kind = "gre-udp"}}, Case{"greUdp6", {.kind = "gre-udp", .v6 = true}},
        Case{"gue4sum", {.kind = "gue", .udp_checksum = true}},
        Case{"gue6", {.kind = "gue", .v6 = true}}, Case{"slot4", {.kind = "slot"}},
        Case{"slot6", {.kind = "slot", .v6 = true}}, Case{"stt4", {.kind = "stt"}},
        Case{"stt6vlan", {.kind = "stt", .v6 = true, .vlan = 7}}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatehouse::test
