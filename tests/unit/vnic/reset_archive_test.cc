// SPDX-License-Identifier: GPL-2.0-or-later
// Resets and what they keep; saved state, whole and hostile.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

TEST(Reset, SoftwareResetKeepsItsRowsAndTheLink) {
  Rig rig;
  const MacAddress own = rig.vnic.mac_address();
  rig.set(reg::PBA, 0x1e);
  rig.get(reg::SWSM);
  rig.set(reg::STATUS, 0);  // PHYRA was seen
  rig.set(reg::RDTR, 5);
  rig.set(reg::RAL(0), 0x01020304);
  rig.set(reg::IMS, ICR_LSC);
  rig.set(reg::ICS, ICR_LSC);
  EXPECT_TRUE(rig.interrupt.line);
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_RST);
  EXPECT_FALSE(rig.interrupt.line);
  EXPECT_EQ(rig.get(reg::CTRL), 0x00100241u);
  EXPECT_EQ(rig.get(reg::PBA), 0x000a001eu);
  EXPECT_EQ(rig.vnic.registers()[reg::SWSM] & SWSM_SMBI, SWSM_SMBI);
  EXPECT_EQ(rig.get(reg::STATUS) & STATUS_PHYRA, 0u) << "the PHY was not reset";
  EXPECT_EQ(rig.get(reg::RDTR), 0u);
  EXPECT_EQ(rig.get(reg::IMS), 0u);
  EXPECT_EQ(rig.get(reg::ICR), 0u);
  EXPECT_EQ(rig.vnic.mac_address(), own);
  EXPECT_TRUE(rig.vnic.link_up());
}

TEST(Reset, FunctionResetKeepsTheLinkOnly) {
  Rig rig;
  rig.set(reg::PBA, 0x1e);
  rig.get(reg::SWSM);
  rig.vnic.io_write(kIoAddr, 0x10, 4);
  rig.vnic.power_state_changed(3);
  EXPECT_FALSE(rig.vnic.dma_allowed());
  rig.vnic.reset(ResetKind::kFunction);
  EXPECT_TRUE(rig.vnic.dma_allowed());
  EXPECT_EQ(rig.get(reg::PBA), 0x00140014u);
  EXPECT_EQ(rig.get(reg::SWSM), 0u);
  EXPECT_EQ(rig.vnic.io_read(kIoAddr, 4), 0u);
  EXPECT_TRUE(rig.vnic.link_up());
}

TEST(Reset, PowerOnHasTheLinkWhereThereIsACable) {
  Rig rig;
  rig.vnic.set_link(false);
  rig.vnic.set_link(true);
  EXPECT_TRUE(rig.clock.armed(Timer::kLink));
  rig.vnic.reset(ResetKind::kPowerOn);
  EXPECT_TRUE(rig.vnic.link_up());
  EXPECT_EQ(rig.get(reg::ICR), 0u);
  EXPECT_TRUE(rig.clock.deadlines.empty());
  rig.vnic.set_link(false);
  rig.vnic.reset(ResetKind::kPowerOn);
  EXPECT_FALSE(rig.vnic.link_up());
  EXPECT_TRUE(rig.clock.deadlines.empty());
}

TEST(Reset, CancelsEveryTimer) {
  Rig rig;
  rig.set(reg::ITR, 1000);
  rig.set(reg::IMS, ICR_LSC);
  rig.set(reg::ICS, ICR_LSC);
  rig.get(reg::ICR);
  rig.set(reg::ICS, ICR_LSC);
  EXPECT_TRUE(rig.clock.armed(Timer::kThrottle));
  rig.set(reg::CTRL, CTRL_RST);
  EXPECT_TRUE(rig.clock.deadlines.empty());
}

TEST(Reset, NvmIsLoadedAgain) {
  Rig rig;
  rig.set(reg::RAL(0), 0);
  rig.set(reg::RAH(0), 0);
  rig.set(reg::CTRL_EXT, CTRL_EXT_EE_RST);
  EXPECT_EQ(rig.get(reg::CTRL_EXT), 0u);
  EXPECT_EQ(rig.get(reg::RAL(0)), 0x12005452u);
  EXPECT_EQ(rig.get(reg::RAH(0)), 0x80005634u);
}

TEST(Power, StateShowsInFactps) {
  Rig rig;
  EXPECT_EQ(rig.get(reg::FACTPS) & FACTPS_FUNC0_POWER, 2u);
  rig.vnic.power_state_changed(3);
  EXPECT_EQ(rig.get(reg::FACTPS) & (FACTPS_PM_STATE_CHANGED | FACTPS_FUNC0_POWER),
            FACTPS_PM_STATE_CHANGED | 3u);
  EXPECT_EQ(rig.get(reg::FACTPS) & FACTPS_PM_STATE_CHANGED, 0u);
}

TEST(SavedState, IsTheSameWhenSavedAgain) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.transmit_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 32);
  rig.receive(ethernet(kOwnMac, 0x0800, 100));
  rig.set(reg::ITR, 100);
  rig.get(reg::SWSM);
  Archive first;
  rig.vnic.archive(first);
  Rig other;
  other.clock.now = rig.clock.now;
  Archive loaded(first.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  ASSERT_TRUE(loaded.at_end());
  Archive second;
  other.vnic.archive(second);
  EXPECT_EQ(first.bytes(), second.bytes());
  for (const RegisterRow& row : kRegisters) {
    for (uint32_t i = 0; i < row.count; ++i) {
      const uint32_t offset = row.offset + i * row.step;
      ASSERT_EQ(other.vnic.registers()[offset], rig.vnic.registers()[offset]) << row.name;
    }
  }
}

TEST(SavedState, CutOffAnywhereIsRefused) {
  Rig rig;
  Archive saved;
  rig.vnic.archive(saved);
  const std::vector<uint8_t>& whole = saved.bytes();
  Rig other;
  for (size_t length = 0; length < whole.size(); length += whole.size() / 97) {
    const std::span<const uint8_t> cut(whole.data(), length);
    Archive loaded(cut);
    other.vnic.archive(loaded);
    EXPECT_FALSE(loaded.ok()) << length;
  }
}

// Puts a time that can't be where `time` stands; it must stand there once.
Bytes with_time_far_ahead(Bytes saved, int64_t time) {
  Bytes octets(8);
  store_le(octets.data(), static_cast<uint64_t>(time));
  const auto at = std::search(saved.begin(), saved.end(), octets.begin(), octets.end());
  EXPECT_NE(at, saved.end());
  EXPECT_EQ(std::search(at + 1, saved.end(), octets.begin(), octets.end()), saved.end());
  store_le(&*at, uint64_t{1} << 60);
  return saved;
}

TEST(SavedState, ATimeFurtherAwayThanItCanBeIsNow) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 60);
  rig.set(reg::RDTR, 100);
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_RFCE);
  rig.clear_causes();
  rig.receive(ethernet(kOwnMac, 0x0800, 100));
  rig.clock.now += 7;
  Bytes pause = ethernet(std::array<uint8_t, 6>{1, 0x80, 0xc2, 0, 0, 1}, 0x8808, 46);
  store_be(&pause[14], uint32_t{0x0001'0064});  // 100 quanta
  rig.receive(pause);
  ASSERT_TRUE(rig.clock.armed(Timer::kPause) && rig.clock.armed(Timer::kReceiveDelay));
  Archive saved;
  rig.vnic.archive(saved);
  for (const Timer timer : {Timer::kPause, Timer::kReceiveDelay}) {
    const Bytes hostile = with_time_far_ahead(saved.bytes(), rig.clock.deadlines[timer]);
    Rig other;
    other.clock.now = rig.clock.now;
    Archive loaded{std::span<const uint8_t>(hostile)};
    other.vnic.archive(loaded);
    ASSERT_TRUE(loaded.ok()) << loaded.error();
    const bool pause_ends = timer == Timer::kPause;
    other.advance(0);
    EXPECT_EQ((other.get(reg::STATUS) & STATUS_TXOFF) == 0, pause_ends);
    EXPECT_EQ((other.causes() & ICR_RXQ0) != 0, !pause_ends);
    other.advance(200'000);
    EXPECT_EQ(other.get(reg::STATUS) & STATUS_TXOFF, 0u);
    EXPECT_EQ(other.causes() & ICR_RXQ0, ICR_RXQ0);
  }
}

// Whatever the bytes: loading ends, and the device that comes of it can be used without harm.
TEST(SavedState, HostileBytesLoadIntoADeviceThatWorks) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.transmit_ring(0, 64);
  Archive saved;
  rig.vnic.archive(saved);
  std::mt19937 random(82574);
  for (int round = 0; round < 60; ++round) {
    std::vector<uint8_t> bytes = saved.bytes();
    for (int i = 0; i < 40 << (round % 6); ++i)
      bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    Rig other;
    Archive loaded(bytes);
    other.vnic.archive(loaded);
    other.set(reg::IMS, 0xffffffff);
    other.set(reg::TDT(0), static_cast<uint32_t>(random()));
    other.set(reg::RDT(0), static_cast<uint32_t>(random()));
    other.receive(ethernet(kOwnMac, 0x0800, 100));
    for (uint32_t offset = 0; offset < 0x10000; offset += 4) other.get(offset);
    other.advance(100'000'000);
    other.vnic.reset(ResetKind::kPowerOn);
    other.advance(Link::kNegotiationNs);
  }
}

}  // namespace
}  // namespace gatehouse::vnic::rig
