// SPDX-License-Identifier: GPL-2.0-or-later
// What one card puts on, the other takes off: the guest's frame arrives as it was sent, whatever
// the format and the underlay.
#include <gtest/gtest.h>

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

constexpr auto kVxlan = policy::FormatKind::kVxlan;
constexpr auto kGeneve = policy::FormatKind::kGeneve;

INSTANTIATE_TEST_SUITE_P(
    FormatsAndFamilies, RoundTrip,
    testing::Values(Case{"vxlan4", {.kind = kVxlan}},
                    Case{"vxlan4sum", {.kind = kVxlan, .udp_checksum = true}},
                    Case{"vxlan6", {.kind = kVxlan, .v6 = true}},
                    Case{"vxlan6zero", {.kind = kVxlan, .v6 = true, .zero_checksum_ipv6 = true}},
                    Case{"vxlan4vlan", {.kind = kVxlan, .vlan = 7}},
                    Case{"geneve4", {.kind = kGeneve}},
                    Case{"geneve4sum", {.kind = kGeneve, .udp_checksum = true}},
                    Case{"geneve4options", {.kind = kGeneve, .options = kOptions}},
                    Case{"geneve6", {.kind = kGeneve, .v6 = true}},
                    Case{"geneve6options", {.kind = kGeneve, .v6 = true, .options = kOptions}},
                    Case{"geneve6vlan", {.kind = kGeneve, .v6 = true, .vlan = 4094}}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatehouse::test
