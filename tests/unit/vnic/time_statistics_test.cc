// SPDX-License-Identifier: GPL-2.0-or-later
// SYSTIM, time stamps of PTP frames, and the statistics that frames add to.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

class TimeTest : public ::testing::Test {
 protected:
  uint64_t systim() {
    const uint64_t low = rig_.get(reg::SYSTIML);
    return low | uint64_t{rig_.get(reg::SYSTIMH)} << 32;
  }
  // A PTP message: version and type, control field, a port identity and a sequence number that show
  // where they end up.
  static Bytes ptp(uint8_t version, uint8_t message, uint8_t control) {
    Bytes header(44);
    header[0] = message;
    header[1] = version;
    for (unsigned i = 0; i < 10; ++i) header[20 + i] = static_cast<uint8_t>(0xa0 + i);
    header[30] = 0x12;
    header[31] = 0x34;
    header[32] = control;
    return header;
  }
  static Bytes l2(const Bytes& message) {
    Bytes frame = ethernet(kOwnMac, 0x88f7, 0);
    frame.insert(frame.end(), message.begin(), message.end());
    return frame;
  }
  static Bytes udp(const Bytes& message, uint16_t port, bool vlan) {
    IpFrame ip{.udp = true, .payload = static_cast<uint32_t>(message.size()), .vlan = vlan};
    ip.destination_port = port;
    Bytes frame = ip.build();
    std::copy(message.begin(), message.end(), frame.end() - static_cast<long>(message.size()));
    return frame;
  }
  bool stamped(const Bytes& frame) {
    const bool stamped = rig_.vnic.time_stamps().received(frame);
    EXPECT_EQ(stamped, (rig_.get(reg::TSYNCRXCTL) & TSYNCRXCTL_VALID) != 0);
    rig_.get(reg::RXSTMPH);
    EXPECT_EQ(rig_.get(reg::TSYNCRXCTL) & TSYNCRXCTL_VALID, 0u);
    return stamped;
  }
  Rig rig_;
};

TEST_F(TimeTest, StandsStillUntilProgrammed) {
  rig_.advance(1'000'000'000);
  EXPECT_EQ(systim(), 0u);
}

TEST_F(TimeTest, AdvancesByValueEachPeriod) {
  rig_.set(reg::TIMINCA, 1u << 24 | 40);  // 40 each 40 ns: nanoseconds
  const uint64_t start = systim();
  rig_.advance(1'000'000);
  EXPECT_EQ(systim() - start, 1'000'000u);
  rig_.set(reg::TIMINCA, 2u << 24 | 40);
  rig_.advance(1'000'000);
  EXPECT_EQ(systim() - start, 1'500'000u);
}

TEST_F(TimeTest, UpperHalfIsLatchedByTheLower) {
  rig_.set(reg::TIMINCA, 1u << 24 | 0xffffff);
  rig_.set(reg::SYSTIML, 0xffffffff);
  rig_.set(reg::SYSTIMH, 7);
  EXPECT_EQ(rig_.get(reg::SYSTIML), 0xffffffffu);
  rig_.advance(1000);
  EXPECT_EQ(rig_.get(reg::SYSTIMH), 7u);
  rig_.get(reg::SYSTIML);
  EXPECT_EQ(rig_.get(reg::SYSTIMH), 8u);
}

TEST_F(TimeTest, AdjustmentsAddAndSubtract) {
  rig_.set(reg::TIMINCA, 0);
  rig_.set(reg::TIMADJL, 5);
  rig_.set(reg::TIMADJH, 1);
  EXPECT_EQ(systim(), 0x100000005u);
  rig_.set(reg::TIMADJL, 6);
  rig_.set(reg::TIMADJH, TIMADJH_SIGN);
  EXPECT_EQ(systim(), 0xffffffffu);
}

TEST_F(TimeTest, TransmitStampStaysUntilRead) {
  rig_.set(reg::TIMINCA, 1u << 24 | 40);
  rig_.vnic.time_stamps().transmitted();
  EXPECT_EQ(rig_.get(reg::TSYNCTXCTL), 0u);
  rig_.set(reg::TSYNCTXCTL, TSYNCTXCTL_EN);
  rig_.vnic.time_stamps().transmitted();
  EXPECT_EQ(rig_.get(reg::TSYNCTXCTL), TSYNCTXCTL_EN | TSYNCTXCTL_VALID);
  const uint32_t first = rig_.get(reg::TXSTMPL);
  rig_.advance(1'000'000);
  rig_.vnic.time_stamps().transmitted();
  EXPECT_EQ(rig_.get(reg::TXSTMPL), first);
  rig_.get(reg::TXSTMPH);
  EXPECT_EQ(rig_.get(reg::TSYNCTXCTL), TSYNCTXCTL_EN);
  rig_.vnic.time_stamps().transmitted();
  EXPECT_EQ(rig_.get(reg::TXSTMPL), first + 1'000'000);
}

struct StampRow {
  const char* description;
  uint32_t type, filter, port;
  Bytes frame;
  bool stamped;
};

TEST_F(TimeTest, ReceiveStampsFollowTheType) {
  constexpr uint32_t kEther = 0x88f7;
  const uint32_t delay_v2 = kEther | 1u << 24, delay_v1 = kEther | 1u << 16;
  const StampRow rows[] = {
      {"L2 v2, wanted message", 0, delay_v2, 0x319, l2(ptp(2, 1, 0)), true},
      {"L2 v2, other message", 0, delay_v2, 0x319, l2(ptp(2, 0, 0)), false},
      {"L2 v2, version 1", 0, delay_v2, 0x319, l2(ptp(1, 1, 0)), false},
      {"L2 v2, over UDP", 0, delay_v2, 0x319, udp(ptp(2, 1, 0), 319, false), false},
      {"L4 v1, wanted control", 1, delay_v1, 0x319, udp(ptp(1, 1, 1), 319, false), true},
      {"L4 v1, other control", 1, delay_v1, 0x319, udp(ptp(1, 1, 0), 319, false), false},
      {"both v2, L2", 2, delay_v2, 0x319, l2(ptp(2, 1, 0)), true},
      {"both v2, UDP with a tag", 2, delay_v2, 0x319, udp(ptp(2, 1, 0), 319, true), true},
      {"port in network order", 2, delay_v2, 0x3f01, udp(ptp(2, 1, 0), 319, false), true},
      {"port in host order", 2, delay_v2, 319, udp(ptp(2, 1, 0), 319, false), true},
      {"other port", 2, delay_v2, 0x319, udp(ptp(2, 1, 0), 320, false), false},
      {"events: any of them", 5, kEther, 0x319, l2(ptp(2, 3, 0)), true},
      {"events: a general message", 5, kEther, 0x319, l2(ptp(2, 8, 0)), false},
      {"all", 4, kEther, 0x319, ethernet(kOwnMac, 0x0800, 4), true},
      {"all, hardly a frame", 4, kEther, 0x319, Bytes(3), true},
      {"cut off", 0, delay_v2, 0x319, l2(Bytes(20)), false},
  };
  for (const StampRow& row : rows) {
    rig_.set(reg::RXMTRL, row.filter);
    rig_.set(reg::RXUDP, row.port);
    rig_.set(reg::TSYNCRXCTL, TSYNCRXCTL_EN | row.type << 1);
    EXPECT_EQ(stamped(row.frame), row.stamped) << row.description;
    rig_.set(reg::TSYNCRXCTL, row.type << 1);
    EXPECT_FALSE(stamped(row.frame)) << row.description << ", off";
  }
}

TEST_F(TimeTest, EveryCutOfAFrameIsSafe) {
  rig_.set(reg::RXMTRL, 0x88f7);
  rig_.set(reg::TSYNCRXCTL, TSYNCRXCTL_EN | 2u << 1);
  for (const Bytes& whole :
       {l2(ptp(2, 8, 0)), udp(ptp(2, 8, 0), 319, true), udp(ptp(2, 8, 0), 319, false)}) {
    for (size_t length = 0; length <= whole.size(); ++length) {
      EXPECT_FALSE(stamped(Bytes(whole.begin(), whole.begin() + static_cast<long>(length))));
    }
  }
}

TEST_F(TimeTest, AttributesComeWithTheStampAndTheFirstStays) {
  rig_.set(reg::TIMINCA, 1u << 24 | 40);
  rig_.set(reg::TSYNCRXCTL, TSYNCRXCTL_EN | 5u << 1);
  EXPECT_TRUE(rig_.vnic.time_stamps().received(l2(ptp(2, 0, 0))));
  const uint32_t first = rig_.get(reg::RXSTMPL);
  rig_.advance(1000);
  EXPECT_FALSE(rig_.vnic.time_stamps().received(l2(ptp(2, 0, 0))));
  EXPECT_EQ(rig_.get(reg::RXSTMPL), first);
  EXPECT_EQ(rig_.get(reg::RXSATRL), 0xa0a1a2a3u);
  EXPECT_EQ(rig_.get(reg::RXSATRH), 0x1234a4a5u);
  rig_.get(reg::RXSTMPH);
  EXPECT_TRUE(rig_.vnic.time_stamps().received(l2(ptp(2, 0, 0))));
  EXPECT_EQ(rig_.get(reg::RXSTMPL), first + 1000);
}

// IEEE 1588-2002: sourceUuid, two octets behind where the second version has its port identity.
TEST_F(TimeTest, AttributesOfTheFirstVersion) {
  rig_.set(reg::RXMTRL, 0x88f7 | 1u << 16);
  rig_.set(reg::RXUDP, 0x319);
  rig_.set(reg::TSYNCRXCTL, TSYNCRXCTL_EN | 1u << 1);
  EXPECT_TRUE(rig_.vnic.time_stamps().received(udp(ptp(1, 1, 1), 319, false)));
  EXPECT_EQ(rig_.get(reg::RXSATRL), 0xa2a3a4a5u);
  EXPECT_EQ(rig_.get(reg::RXSATRH), 0x1234a6a7u);
}

TEST_F(TimeTest, SavedStateKeepsTheTime) {
  rig_.set(reg::TIMINCA, 1u << 24 | 40);
  rig_.advance(500'000);
  Archive saved;
  rig_.vnic.archive(saved);
  Rig other;
  other.clock.now = rig_.clock.now;
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(other.get(reg::SYSTIML), rig_.get(reg::SYSTIML));
}

TEST(StatisticsTest, SizesAndCasts) {
  struct Row {
    uint32_t octets;
    uint32_t tx, rx;
  };
  for (const Row& row :
       {Row{60, reg::PTC64, reg::PRC64}, Row{61, reg::PTC127, reg::PRC127},
        Row{123, reg::PTC127, reg::PRC127}, Row{124, reg::PTC255, reg::PRC255},
        Row{251, reg::PTC255, reg::PRC255}, Row{252, reg::PTC511, reg::PRC511},
        Row{508, reg::PTC1023, reg::PRC1023}, Row{1019, reg::PTC1023, reg::PRC1023},
        Row{1020, reg::PTC1522, reg::PRC1522}, Row{9014, reg::PTC1522, reg::PRC1522}}) {
    RegisterFile registers;
    Statistics statistics(registers);
    statistics.transmitted(row.octets, Cast::kBroadcast, 3);
    statistics.received(row.octets, Cast::kMulticast);
    statistics.seen(row.octets);
    EXPECT_EQ(registers[row.tx], 3u) << row.octets;
    EXPECT_EQ(registers[row.rx], 1u) << row.octets;
    EXPECT_EQ(registers[reg::GPTC], 3u);
    EXPECT_EQ(registers[reg::TPT], 3u);
    EXPECT_EQ(registers[reg::BPTC], 3u);
    EXPECT_EQ(registers[reg::MPTC], 0u);
    EXPECT_EQ(registers[reg::GPRC], 1u);
    EXPECT_EQ(registers[reg::TPR], 1u);
    EXPECT_EQ(registers[reg::MPRC], 1u);
    EXPECT_EQ(registers[reg::BPRC], 0u);
    EXPECT_EQ(registers.pair(reg::GOTCL, reg::GOTCH), 3u * (row.octets + 4));
    EXPECT_EQ(registers.pair(reg::TOTL, reg::TOTH), 3u * (row.octets + 4));
    EXPECT_EQ(registers.pair(reg::GORCL, reg::GORCH), row.octets + 4u);
    EXPECT_EQ(registers.pair(reg::TORL, reg::TORH), row.octets + 4u);
  }
}

TEST(StatisticsTest, AShortFrameIsSentButNotGood) {
  RegisterFile registers;
  Statistics statistics(registers);
  statistics.transmitted(59, Cast::kUnicast);
  EXPECT_EQ(registers[reg::TPT], 1u);
  EXPECT_EQ(registers[reg::TOTL], 63u);
  EXPECT_EQ(registers[reg::GPTC], 0u);
  EXPECT_EQ(registers[reg::GOTCL], 0u);
  EXPECT_EQ(registers[reg::PTC64], 0u);
}

TEST(StatisticsTest, CountersStickAtTheirMaximum) {
  RegisterFile registers;
  Statistics statistics(registers);
  registers[reg::MPC] = 0xfffffffe;
  statistics.add(reg::MPC, 5);
  EXPECT_EQ(registers[reg::MPC], 0xffffffffu);
  registers[reg::GORCL] = 0xffffffff;
  statistics.add_octets(reg::GORCL, 1);
  EXPECT_EQ(registers.pair(reg::GORCL, reg::GORCH), 0x100000000u);
  registers[reg::GORCL] = registers[reg::GORCH] = 0xffffffff;
  statistics.add_octets(reg::GORCL, 1);
  EXPECT_EQ(registers.pair(reg::GORCL, reg::GORCH), ~uint64_t{0});
}

TEST(StatisticsTest, CastOfAnAddress) {
  const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  const uint8_t multicast[6] = {0x01, 0, 0x5e, 0, 0, 1};
  EXPECT_EQ(cast_of(broadcast), Cast::kBroadcast);
  EXPECT_EQ(cast_of(multicast), Cast::kMulticast);
  EXPECT_EQ(cast_of(kOwnMac.data()), Cast::kUnicast);
}

}  // namespace
}  // namespace gatehouse::vnic::rig
