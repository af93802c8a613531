// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::parse {
namespace {

using test::Bytes;
using test::Frame;

uint32_t hash_of(const Bytes& frame) {
  Layers layers;
  EXPECT_EQ(parse(frame, {}, layers), spec::DropReason::none);
  return layers.flow_hash;
}

TEST(FlowHash, DependsOnTheFlowAlone) {
  const uint32_t hash = hash_of(Frame().ethernet().ipv4().tcp().payload(10).build());
  EXPECT_EQ(hash, hash_of(Frame()
                              .ethernet({.source = "02:00:00:00:00:09"})
                              .vlan(6)
                              .ipv4({.tos = 3, .id = 9, .ttl = 2, .options = Bytes(4, 1)})
                              .tcp({.sequence = 77, .flags = 0x18})
                              .payload(1000)
                              .build()));
  EXPECT_NE(hash, hash_of(Frame().ethernet().ipv4({.source = "10.0.0.3"}).tcp().build()));
  EXPECT_NE(hash, hash_of(Frame().ethernet().ipv4({.destination = "10.0.0.3"}).tcp().build()));
  EXPECT_NE(hash, hash_of(Frame().ethernet().ipv4().tcp({.source = 1}).build()));
  EXPECT_NE(hash, hash_of(Frame().ethernet().ipv4().tcp({.destination = 1}).build()));
  EXPECT_NE(hash, hash_of(Frame().ethernet().ipv4().udp({.destination = 80}).build()));
}

// The number is part of what leaves the card (the tunnel's source port): no CPU and no version may
// change it.
TEST(FlowHash, HasTheseValues) {
  EXPECT_EQ(hash_of(Frame().ethernet().ipv4().tcp().build()), 0x1ca93eb1u);
  EXPECT_EQ(hash_of(Frame().ethernet().ipv6().udp().build()), 0x71a4f3e1u);
  EXPECT_EQ(hash_of(Frame().ethernet().ipv4().icmp().build()), 0xa3f576cfu);
}

TEST(FlowHash, IsTheSameForAllFragmentsOfADatagram) {
  const auto v4 = [](uint32_t offset, bool more) {
    return Frame().ethernet().ipv4(
        {.more_fragments = more, .fragment_offset = offset, .protocol = 17});
  };
  const uint32_t first = hash_of(v4(0, true).udp().payload(8).build());
  EXPECT_EQ(first, hash_of(v4(16, true).payload(16).build()));
  EXPECT_EQ(first, hash_of(v4(32, false).payload(5).build()));

  const uint32_t first6 =
      hash_of(Frame().ethernet().ipv6().fragment(0, true).extension(60).udp().payload(8).build());
  EXPECT_EQ(
      first6,
      hash_of(Frame().ethernet().ipv6().fragment(24, false).extension(60).payload(8).build()));
}

TEST(FlowHash, AFewFlowsDoNotShareAHash) {
  std::set<uint32_t> v4, v6;
  unsigned count = 0;
  for (unsigned host = 1; host <= 16; ++host) {
    for (unsigned port = 0; port < 256; ++port, ++count) {
      const std::string last = std::to_string(host);
      v4.insert(hash_of(Frame()
                            .ethernet()
                            .ipv4({.destination = "10.0.0." + last})
                            .udp({.source = static_cast<uint16_t>(32768 + port)})
                            .build()));
      v6.insert(hash_of(Frame()
                            .ethernet()
                            .ipv6({.destination = "fd00::" + last})
                            .udp({.source = static_cast<uint16_t>(32768 + port)})
                            .build()));
    }
  }
  // 4096 flows in 2^32 values: two collisions are already unlikely (the expectation is 0.002).
  EXPECT_GE(v4.size(), count - 1);
  EXPECT_GE(v6.size(), count - 1);
}

// Neighbouring flows spread evenly over the low and the high bits: chi-square over 64 buckets.
TEST(FlowHash, SpreadsNeighbouringFlows) {
  for (const bool v6 : {false, true}) {
    std::array<unsigned, 64> low{}, high{};
    constexpr unsigned kFlows = 6400;
    for (unsigned i = 0; i < kFlows; ++i) {
      const test::Udp udp{.source = static_cast<uint16_t>(i), .destination = 53};
      Frame frame = Frame().ethernet();
      const uint32_t hash =
          hash_of(v6 ? frame.ipv6().udp(udp).build() : frame.ipv4().udp(udp).build());
      ++low[hash % 64];
      ++high[hash >> 26];
    }
    for (const auto& buckets : {low, high}) {
      double chi_square = 0;
      for (unsigned bucket : buckets)
        chi_square += std::pow(bucket - kFlows / 64.0, 2) / (kFlows / 64.0);
      EXPECT_LT(chi_square, 120.0);  // 63 degrees of freedom: 120 has a probability of 2e-5
    }
  }
}

}  // namespace
}  // namespace gatehouse::parse
