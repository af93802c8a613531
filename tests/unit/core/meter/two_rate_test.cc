// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/meter/two_rate.hh"

#include <gtest/gtest.h>

#include <random>

#include "hw/core/base/archive.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using meter::Colour;
using meter::TwoRate;
constexpr int64_t kSecond = 1'000'000'000;

// 8 kbit/s are 1000 octets per second.
policy::Meter two_and_three(bool aware = false) {
  return {.name = "m",
          .committed_rate = 16,
          .committed_burst = 3000,
          .peak_rate = 24,
          .peak_burst = 4500,
          .colour_aware = aware};
}

Colour send(TwoRate& meter, uint32_t octets, int64_t now, Colour before = Colour::kGreen) {
  meter.advance(now);
  const Colour colour = meter.colour(octets, before);
  meter.take(octets, colour);
  return colour;
}

TEST(TwoRate, IsGreenThenYellowThenRed) {
  TwoRate meter(two_and_three());
  EXPECT_EQ(send(meter, 1500, 0), Colour::kGreen);
  EXPECT_EQ(send(meter, 1500, 0), Colour::kGreen);
  EXPECT_EQ(send(meter, 1500, 0), Colour::kYellow);
  EXPECT_EQ(send(meter, 1500, 0), Colour::kRed);
  EXPECT_EQ(send(meter, 0, 0), Colour::kGreen);
  // A third of a second later the peak bucket holds 1000, the committed one 666.
  EXPECT_EQ(send(meter, 700, kSecond / 3 + 1), Colour::kYellow);
  EXPECT_EQ(send(meter, 300, kSecond / 3 + 1), Colour::kGreen);
  EXPECT_EQ(send(meter, 1, kSecond / 3 + 1), Colour::kRed);
  EXPECT_EQ(send(meter, 4501, 1000 * kSecond), Colour::kRed) << "more than it ever holds";
}

TEST(TwoRate, IsNothingByDefault) {
  TwoRate none;
  EXPECT_FALSE(none.active());
  EXPECT_EQ(send(none, 0xffffffff, 0, Colour::kRed), Colour::kGreen);
}

TEST(TwoRate, RespectsColoursOnlyWhenItIsAware) {
  TwoRate blind(two_and_three()), aware(two_and_three(true));
  EXPECT_EQ(send(blind, 100, 0, Colour::kRed), Colour::kGreen);
  EXPECT_EQ(send(aware, 100, 0, Colour::kRed), Colour::kRed);
  EXPECT_EQ(send(aware, 1500, 0, Colour::kYellow), Colour::kYellow);
  EXPECT_EQ(send(aware, 3000, 0), Colour::kGreen) << "yellow and red took no committed tokens";
  EXPECT_EQ(send(aware, 1, 0, Colour::kYellow), Colour::kRed) << "the peak bucket is empty";
}

// Over any time, what is green is the committed rate's, and green and yellow the peak rate's, to
// the octet, in whatever steps the clock goes.
TEST(TwoRate, LetsThroughNeitherMoreNorLess) {
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    policy::Meter policy = two_and_three();
    policy.committed_rate = 1 + random() % 1000;
    policy.peak_rate = policy.committed_rate + random() % 1000;
    TwoRate meter(policy);
    uint64_t green = 0, passed = 0;
    int64_t now = 0;
    for (int i = 0; i < 30'000; ++i) {
      now += random() % 300'000;
      // Small frames, often: the buckets never overflow.
      for (int j = 0; j < 8; ++j) {
        const uint32_t octets = 1 + random() % 20;
        const Colour colour = send(meter, octets, now);
        green += colour == Colour::kGreen ? octets : 0;
        passed += colour != Colour::kRed ? octets : 0;
      }
    }
    const auto due = [&](uint64_t kilobits) { return kilobits * 125 * uint64_t(now) / kSecond; };
    EXPECT_LE(green, due(policy.committed_rate) + policy.committed_burst);
    EXPECT_LE(passed, due(policy.peak_rate) + policy.peak_burst);
    if (policy.peak_rate < 300) {
      EXPECT_GE(passed + 20, due(policy.peak_rate) + policy.peak_burst);
    }
    if (policy.committed_rate < 300) {
      EXPECT_GE(green + 20, due(policy.committed_rate) + policy.committed_burst);
    }
  }
}

TEST(TwoRate, TakesExtremes) {
  TwoRate meter({.name = "m",
                 .committed_rate = 0xffffffff,
                 .committed_burst = 0xffffffff,
                 .peak_rate = 0xffffffff,
                 .peak_burst = 0xffffffff});
  EXPECT_EQ(send(meter, 0xffffffff, 0), Colour::kGreen);
  EXPECT_EQ(send(meter, 0xffffffff, 1), Colour::kRed);
  EXPECT_EQ(send(meter, 0xffffffff, kSecond), Colour::kGreen);
  EXPECT_EQ(send(meter, 0xffffffff, INT64_MAX / 2), Colour::kGreen);
  TwoRate still({.name = "m"});
  EXPECT_EQ(send(still, 1, 1000 * kSecond), Colour::kRed) << "no burst, nothing passes";
}

TEST(TwoRate, AClockThatGoesBackFillsNothing) {
  TwoRate meter(two_and_three());
  while (send(meter, 100, 10 * kSecond) != Colour::kRed) {
  }
  EXPECT_EQ(send(meter, 100, 5 * kSecond), Colour::kRed);
  EXPECT_EQ(send(meter, 100, 5 * kSecond + kSecond / 10), Colour::kGreen);
}

TEST(TwoRate, ComesBackFromSavedState) {
  TwoRate meter(two_and_three()), other(two_and_three());
  send(meter, 2000, kSecond);
  Archive saved;
  meter.archive(saved);
  Archive from(saved.bytes());
  other.archive(from);
  EXPECT_TRUE(from.ok() && from.at_end());
  for (int i = 0; i < 20; ++i) {
    const int64_t now = kSecond + i * kSecond / 7;
    EXPECT_EQ(send(meter, 700, now), send(other, 700, now)) << i;
  }
  // A level that is too high is cut.
  Bytes lie(24, 0xff);
  lie[7] = 0;
  Archive hostile(lie);
  other.archive(hostile);
  EXPECT_EQ(other.colour(4501, Colour::kGreen), Colour::kRed);
}

TEST(Dscp, TellsAndTakesColours) {
  const struct {
    uint8_t dscp;
    Colour colour;
  } rows[] = {{0, Colour::kGreen},  {10, Colour::kGreen}, {12, Colour::kYellow},
              {14, Colour::kRed},   {34, Colour::kGreen}, {36, Colour::kYellow},
              {38, Colour::kRed},   {46, Colour::kGreen}, {4, Colour::kGreen},
              {44, Colour::kGreen}, {8, Colour::kGreen},  {63, Colour::kGreen}};
  for (const auto& row : rows) EXPECT_EQ(meter::colour_of_dscp(row.dscp), row.colour) << +row.dscp;

  for (const bool v6 : {false, true}) {
    Bytes frame = v6 ? Frame()
                           .ethernet()
                           .ipv6({.traffic_class = 10 << 2 | 3, .flow_label = 0xfffff})
                           .udp()
                           .build()
                     : Frame().ethernet().ipv4({.tos = 10 << 2 | 3}).udp().build();
    const L3 l3 = v6 ? L3::kIpv6 : L3::kIpv4;
    EXPECT_EQ(meter::dscp_of(&frame[14], l3), 10);
    meter::set_dscp(&frame[14], l3, 63);
    EXPECT_EQ(frame, (v6 ? Frame().ethernet().ipv6({.traffic_class = 255, .flow_label = 0xfffff})
                         : Frame().ethernet().ipv4({.tos = 255}))
                         .udp()
                         .build());
    EXPECT_EQ(meter::dscp_of(&frame[14], l3), 63);
  }
}

}  // namespace
}  // namespace gatehouse::test
