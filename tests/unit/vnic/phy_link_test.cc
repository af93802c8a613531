// SPDX-License-Identifier: GPL-2.0-or-later
// MDIC, the PHY's registers and pages, negotiation and the MAC's view of the link.
#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

class LinkTest : public ::testing::Test {
 protected:
  uint32_t mdic(uint32_t operation, unsigned address, uint16_t data = 0, unsigned phy = 1) {
    rig_.set(reg::MDIC, operation << 26 | phy << 21 | address << 16 | data);
    return rig_.get(reg::MDIC);
  }
  uint16_t read(unsigned address) {
    const uint32_t value = mdic(2, address);
    EXPECT_EQ(value & (MDIC_READY | MDIC_E), MDIC_READY) << address;
    return static_cast<uint16_t>(value);
  }
  void write(unsigned address, uint16_t data) {
    EXPECT_EQ(mdic(1, address, data) & (MDIC_READY | MDIC_E), MDIC_READY) << address;
  }
  Rig rig_;
};

TEST_F(LinkTest, PhyRegistersHaveTheirResetValuesAndMasks) {
  rig_.vnic.set_link(false);
  rig_.vnic.reset(ResetKind::kPowerOn);
  for (const phy::RegisterRow& row : phy::kRegisters) {
    write(22, row.page == phy::kAny ? 0 : row.page);
    if (row.address == 22 || row.address == 31) continue;
    EXPECT_EQ(read(row.address), row.reset) << row.name;
  }
  for (const phy::RegisterRow& row : phy::kRegisters) {
    if (row.address == 22 || row.address == 31) continue;
    write(22, row.page == phy::kAny ? 0 : row.page);
    if (row.mode != phy::Mode::kRw) {
      write(row.address, static_cast<uint16_t>(~row.reset));
      EXPECT_EQ(read(row.address), row.reset) << row.name;
      continue;
    }
    if (row.address == 0) continue;  // has effects, see below
    for (const uint16_t pattern : {0x5a5a, 0xa5a5, 0x0000}) {
      write(row.address, pattern);
      EXPECT_EQ(read(row.address), (row.reset & ~row.mask) | (pattern & row.mask)) << row.name;
    }
  }
}

TEST_F(LinkTest, PagesByRegister22AndBy31) {
  write(22, 2);
  EXPECT_EQ(read(16), 0x0088);
  EXPECT_EQ(read(31), 2 << 5);
  write(31, 3 << 5);
  EXPECT_EQ(read(22), 3);
  EXPECT_EQ(read(18), 0x4005);
  EXPECT_EQ(read(2), 0x0141);  // any page
  EXPECT_EQ(read(3), 0x0cb1);
}

TEST_F(LinkTest, WakeRegistersBehindPage800) {
  write(22, 800);
  write(17, 5);
  write(18, 0xbeef);
  write(17, 6);
  EXPECT_EQ(read(18), 0);
  write(17, 5);
  EXPECT_EQ(read(18), 0xbeef);
  write(17, 0xffff);  // repeats, and touches nothing else
  write(18, 0x1111);
  EXPECT_EQ(read(18), 0x1111);
}

TEST_F(LinkTest, OtherPhysAndRegistersAreErrors) {
  EXPECT_TRUE(mdic(2, 0, 0, 2) & MDIC_E);
  EXPECT_TRUE(mdic(1, 0, 0x8000, 0) & MDIC_E);
  EXPECT_TRUE(mdic(2, 11) & MDIC_E);
  write(22, 999);
  EXPECT_TRUE(mdic(2, 16) & MDIC_E);
  EXPECT_TRUE(mdic(1, 16, 1) & MDIC_E);
  EXPECT_TRUE(mdic(2, 16) & MDIC_READY);
  EXPECT_TRUE(rig_.vnic.link_up());
}

TEST_F(LinkTest, MdicInterruptsWhenAsked) {
  rig_.clear_causes();
  rig_.set(reg::MDIC, MDIC_I | 2u << 26 | 1u << 21 | 1u << 16);
  EXPECT_EQ(rig_.causes() & ICR_MDAC, ICR_MDAC);
  rig_.clear_causes();
  read(1);
  EXPECT_EQ(rig_.causes() & ICR_MDAC, 0u);
}

TEST_F(LinkTest, IsUpAtPowerOn) {
  rig_.vnic.reset(ResetKind::kPowerOn);
  EXPECT_TRUE(rig_.vnic.link_up());
  EXPECT_TRUE(rig_.card.link);
  EXPECT_EQ(rig_.get(reg::STATUS) & (STATUS_LU | STATUS_FD | STATUS_SPEED),
            STATUS_LU | STATUS_FD | 2u << 6);
  EXPECT_EQ(rig_.causes(), 0u) << "no change that software could have seen";
  EXPECT_EQ(read(1), 0x7949 | phy::STATUS_LINK | phy::STATUS_NEGOTIATED);
  EXPECT_EQ(read(5), phy::kPartner);
  EXPECT_EQ(read(10), phy::kPartner1000);
  EXPECT_EQ(read(17), 0xac8c);
}

TEST_F(LinkTest, ComesUpAfterTheCableIsPluggedIn) {
  rig_.vnic.set_link(false);
  rig_.vnic.reset(ResetKind::kPowerOn);
  rig_.vnic.set_link(true);
  EXPECT_FALSE(rig_.vnic.link_up());
  EXPECT_FALSE(rig_.card.link);
  EXPECT_EQ(rig_.get(reg::STATUS) & STATUS_LU, 0u);
  EXPECT_EQ(read(1) & (phy::STATUS_LINK | phy::STATUS_NEGOTIATED), 0);
  rig_.advance(Link::kNegotiationNs - 1);
  EXPECT_FALSE(rig_.vnic.link_up());
  rig_.advance(1);
  EXPECT_TRUE(rig_.vnic.link_up());
  EXPECT_TRUE(rig_.card.link);
  EXPECT_EQ(rig_.get(reg::STATUS) & (STATUS_LU | STATUS_FD | STATUS_SPEED),
            STATUS_LU | STATUS_FD | 2u << 6);
  EXPECT_EQ(rig_.causes() & ICR_LSC, ICR_LSC);
  EXPECT_EQ(read(1), 0x7949 | phy::STATUS_NEGOTIATED) << "no link since the last read";
  EXPECT_EQ(read(1), 0x7949 | phy::STATUS_LINK | phy::STATUS_NEGOTIATED);
  EXPECT_EQ(read(5), phy::kPartner);
  EXPECT_EQ(read(10), phy::kPartner1000);
  EXPECT_EQ(read(6), 0x0007);
  EXPECT_EQ(read(6), 0x0005);
  EXPECT_EQ(read(17), 0xac8c);
}

TEST_F(LinkTest, LostLinkShowsOnceInTheStatusLatch) {
  rig_.clear_causes();
  rig_.vnic.set_link(false);
  EXPECT_FALSE(rig_.vnic.link_up());
  EXPECT_EQ(rig_.causes() & ICR_LSC, ICR_LSC);
  EXPECT_EQ(read(17), 0);
  rig_.advance(1'000'000'000);
  EXPECT_FALSE(rig_.vnic.link_up());
  rig_.clear_causes();
  rig_.vnic.set_link(true);
  EXPECT_FALSE(rig_.vnic.link_up());
  rig_.advance(Link::kNegotiationNs);
  EXPECT_TRUE(rig_.vnic.link_up());
  EXPECT_EQ(rig_.causes() & ICR_LSC, ICR_LSC);
  EXPECT_EQ(read(1) & phy::STATUS_LINK, 0);
  EXPECT_EQ(read(1) & phy::STATUS_LINK, phy::STATUS_LINK);
  EXPECT_EQ(read(1) & phy::STATUS_LINK, phy::STATUS_LINK);
}

struct RestartRow {
  const char* description;
  unsigned address;
  uint16_t value;
};

TEST_F(LinkTest, RestartsNegotiation) {
  for (const RestartRow& row :
       {RestartRow{"restart", 0, 0x1340}, RestartRow{"soft reset", 0, 0x9140},
        RestartRow{"OEM bits", 25, 0x0400}}) {
    write(22, 0);
    rig_.clear_causes();
    write(row.address, row.value);
    EXPECT_FALSE(rig_.vnic.link_up()) << row.description;
    EXPECT_EQ(read(row.address) & 0x8600, 0) << row.description;
    rig_.advance(Link::kNegotiationNs);
    EXPECT_TRUE(rig_.vnic.link_up()) << row.description;
    EXPECT_EQ(rig_.causes() & ICR_LSC, ICR_LSC) << row.description;
  }
}

TEST_F(LinkTest, SoftResetKeepsSettings) {
  write(4, 0x01e1);
  write(16, 0x1234);
  write(0, read(0) | 0x8000);
  EXPECT_EQ(read(4), 0x01e1);
  EXPECT_EQ(read(16), 0x1234);
}

TEST_F(LinkTest, PhyResetPinForgetsThem) {
  write(4, 0x01e1);
  rig_.set(reg::STATUS, 0);
  EXPECT_EQ(rig_.get(reg::STATUS) & STATUS_PHYRA, 0u);
  const uint32_t ctrl = rig_.get(reg::CTRL);
  rig_.set(reg::CTRL, ctrl | CTRL_PHY_RST);
  EXPECT_FALSE(rig_.vnic.link_up());
  rig_.advance(1'000'000'000);
  EXPECT_FALSE(rig_.vnic.link_up());
  EXPECT_EQ(rig_.get(reg::STATUS) & STATUS_PHYRA, STATUS_PHYRA);
  rig_.set(reg::CTRL, ctrl);
  rig_.advance(Link::kNegotiationNs);
  EXPECT_TRUE(rig_.vnic.link_up());
  EXPECT_EQ(read(4), 0x0de1);
}

TEST_F(LinkTest, PowerDownTakesTheLinkAway) {
  write(0, 0x1940);
  EXPECT_FALSE(rig_.vnic.link_up());
  rig_.advance(1'000'000'000);
  EXPECT_FALSE(rig_.vnic.link_up());
  write(0, 0x1140);
  rig_.advance(Link::kNegotiationNs);
  EXPECT_TRUE(rig_.vnic.link_up());
}

struct SpeedRow {
  const char* description;
  uint16_t control, advertise, control_1000;
  uint32_t speed;
  bool full;
};

TEST_F(LinkTest, SpeedAndDuplexAreWhatBothCan) {
  const SpeedRow rows[] = {
      {"all", 0x1140, 0x0de1, 0x0f00, 2, true},    {"1000 half", 0x1140, 0x0de1, 0x0100, 2, false},
      {"100 full", 0x1140, 0x0181, 0, 1, true},    {"100 half", 0x1140, 0x0081, 0, 1, false},
      {"10 full", 0x1140, 0x0061, 0, 0, true},     {"10 half", 0x1140, 0x0021, 0, 0, false},
      {"forced 1000", 0x0140, 0, 0, 2, true},      {"forced 100 full", 0x2100, 0, 0, 1, true},
      {"forced 100 half", 0x2000, 0, 0, 1, false}, {"forced 10 full", 0x0100, 0, 0, 0, true},
  };
  for (const SpeedRow& row : rows) {
    write(4, row.advertise);
    write(9, row.control_1000);
    write(0, row.control | 0x8000);
    rig_.advance(Link::kNegotiationNs);
    const uint32_t status = rig_.get(reg::STATUS);
    EXPECT_EQ(field_get(status, STATUS_SPEED), row.speed) << row.description;
    EXPECT_EQ((status & STATUS_FD) != 0, row.full) << row.description;
    EXPECT_EQ(read(17) >> 14, row.speed) << row.description;
  }
  write(4, 0x0001);
  write(9, 0);
  write(0, 0x1340);
  rig_.advance(1'000'000'000);
  EXPECT_FALSE(rig_.vnic.link_up()) << "nothing in common";
}

TEST_F(LinkTest, ForcedSpeedAndDuplexOfTheMac) {
  rig_.set(reg::CTRL, CTRL_SLU | CTRL_FRCSPD | CTRL_FRCDPLX | 1u << 8);
  EXPECT_EQ(rig_.get(reg::STATUS) & (STATUS_FD | STATUS_SPEED | STATUS_LU), STATUS_LU | 1u << 6);
  rig_.set(reg::CTRL, CTRL_SLU | CTRL_FRCDPLX | CTRL_FD);
  EXPECT_EQ(rig_.get(reg::STATUS) & (STATUS_FD | STATUS_SPEED), STATUS_FD | 2u << 6);
}

TEST_F(LinkTest, WithoutSluTheMacSeesNoLink) {
  rig_.set(reg::CTRL, CTRL_FD);
  EXPECT_FALSE(rig_.vnic.link_up());
  EXPECT_EQ(read(17) & phy::COPPER_STATUS_LINK, phy::COPPER_STATUS_LINK);
  rig_.set(reg::CTRL, CTRL_FD | CTRL_SLU);
  EXPECT_TRUE(rig_.vnic.link_up());
}

TEST_F(LinkTest, LoopbackNeedsNoCable) {
  rig_.vnic.set_link(false);
  write(0, 0x4140);
  EXPECT_TRUE(rig_.vnic.link().loopback());
  EXPECT_TRUE(rig_.vnic.link_up());
  write(0, 0x1140);
  EXPECT_FALSE(rig_.vnic.link().loopback());
  EXPECT_FALSE(rig_.vnic.link_up());
  rig_.set(reg::RCTL, 1u << 6);
  EXPECT_TRUE(rig_.vnic.link().loopback());
}

TEST_F(LinkTest, MasterDisableHandshake) {
  EXPECT_TRUE(rig_.vnic.dma_allowed());
  EXPECT_EQ(rig_.get(reg::STATUS) & STATUS_GIO_MASTER_ENABLE, STATUS_GIO_MASTER_ENABLE);
  rig_.set(reg::CTRL, rig_.get(reg::CTRL) | CTRL_GIO_MASTER_DISABLE);
  EXPECT_EQ(rig_.get(reg::STATUS) & STATUS_GIO_MASTER_ENABLE, 0u);
  EXPECT_FALSE(rig_.vnic.dma_allowed());
  rig_.set(reg::CTRL, CTRL_RST);
  EXPECT_TRUE(rig_.vnic.dma_allowed());
}

TEST_F(LinkTest, SavedWhileNegotiating) {
  write(0, 0x1340);
  rig_.advance(400'000);
  Archive saved;
  rig_.vnic.archive(saved);
  Rig other;
  other.clock.now = rig_.clock.now;
  other.card.link = true;
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_FALSE(other.vnic.link_up());
  EXPECT_FALSE(other.card.link) << "the card shows it, too";
  other.advance(Link::kNegotiationNs - 400'000);
  EXPECT_TRUE(other.vnic.link_up());
}

}  // namespace
}  // namespace gatehouse::vnic::rig
