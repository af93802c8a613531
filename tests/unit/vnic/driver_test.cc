// SPDX-License-Identifier: GPL-2.0-or-later
// What a driver for the silicon does, step by step and in its order: probe, and a self-test of
// registers, NVM, interrupts and loopback with the patterns that driver authors use. The steps are
// facts about drivers (Linux e1000e for the 82574), the code is ours.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

class DriverTest : public ::testing::Test {
 protected:
  uint16_t phy_read(unsigned address) {
    rig_.set(reg::MDIC, 2u << 26 | 1u << 21 | address << 16);
    const uint32_t value = rig_.get(reg::MDIC);
    EXPECT_TRUE(value & MDIC_READY);
    EXPECT_FALSE(value & MDIC_E);
    return static_cast<uint16_t>(value);
  }
  void phy_write(unsigned address, uint16_t data) {
    rig_.set(reg::MDIC, 1u << 26 | 1u << 21 | address << 16 | data);
    EXPECT_FALSE(rig_.get(reg::MDIC) & MDIC_E);
  }
  void paged_write(unsigned page, unsigned address, uint16_t data) {
    phy_write(22, static_cast<uint16_t>(page));
    phy_write(address, data);
  }
  uint16_t nvm_read(unsigned address) {
    rig_.set(reg::EERD, address << 2 | EERD_START);
    const uint32_t value = rig_.get(reg::EERD);
    EXPECT_TRUE(value & EERD_DONE);
    return static_cast<uint16_t>(value >> 16);
  }
  Rig rig_;
};

TEST_F(DriverTest, Probe) {
  // Kind and size of the NVM.
  const uint32_t eec = rig_.get(reg::EEC);
  EXPECT_NE(eec >> 15 & 3, 3u) << "would be taken for a flash NVM";
  EXPECT_EQ(1u << ((eec >> 11 & 15) + 6), kNvmWords);

  // Both semaphores: SMBI, then MDIO ownership.
  EXPECT_FALSE(rig_.get(reg::SWSM) & SWSM_SMBI);
  rig_.set(reg::EXTCNF_CTRL, rig_.get(reg::EXTCNF_CTRL) | EXTCNF_CTRL_MDIO_SW);
  EXPECT_TRUE(rig_.get(reg::EXTCNF_CTRL) & EXTCNF_CTRL_MDIO_SW);

  // Bus mastering stops, everything is masked, the MAC is reset, the NVM was read again.
  rig_.set(reg::CTRL, rig_.get(reg::CTRL) | CTRL_GIO_MASTER_DISABLE);
  EXPECT_FALSE(rig_.get(reg::STATUS) & STATUS_GIO_MASTER_ENABLE);
  rig_.set(reg::IMC, 0xffffffff);
  rig_.set(reg::RCTL, 0);
  rig_.set(reg::TCTL, TCTL_PSP);
  rig_.set(reg::CTRL, rig_.get(reg::CTRL) | CTRL_RST);
  EXPECT_FALSE(rig_.get(reg::CTRL) & CTRL_RST);
  EXPECT_TRUE(rig_.get(reg::EEC) & EEC_AUTO_RD);
  EXPECT_TRUE(rig_.get(reg::EEMNGCTL) & EEMNGCTL_CFG_DONE0);
  rig_.set(reg::IMC, 0xffffffff);
  rig_.get(reg::ICR);
  rig_.set(reg::EXTCNF_CTRL, rig_.get(reg::EXTCNF_CTRL) & ~EXTCNF_CTRL_MDIO_SW);
  EXPECT_FALSE(rig_.get(reg::EXTCNF_CTRL) & EXTCNF_CTRL_MDIO_SW);
  rig_.set(reg::SWSM, rig_.get(reg::SWSM) & ~(SWSM_SMBI | SWSM_SWESMBI));

  // NVM: checksum and address; PHY: identifier.
  uint16_t sum = 0;
  for (unsigned i = 0; i <= nvm::kChecksum; ++i) sum = static_cast<uint16_t>(sum + nvm_read(i));
  EXPECT_EQ(sum, 0xbaba);
  EXPECT_EQ(nvm_read(0), rig_.get(reg::RAL(0)) & 0xffff);
  EXPECT_EQ(uint32_t{phy_read(2)} << 16 | phy_read(3), 0x01410cb1u);

  // Copper link: PHY options, bias, soft reset, advertisement, restart; then the link is polled.
  phy_write(16, phy_read(16) | 0x0800);
  phy_write(29, 0x0003);
  phy_write(30, 0x0000);
  phy_write(0, phy_read(0) | 0x8000);
  phy_write(4, 0x0de1);
  phy_write(9, 0x0200);
  phy_write(0, phy_read(0) | 0x1200);
  rig_.set(reg::CTRL, rig_.get(reg::CTRL) | CTRL_SLU);
  phy_read(1);
  EXPECT_FALSE(phy_read(1) & phy::STATUS_LINK);
  rig_.advance(Link::kNegotiationNs);
  phy_read(1);
  EXPECT_EQ(phy_read(1) & (phy::STATUS_LINK | phy::STATUS_NEGOTIATED), 0x0024);
  EXPECT_EQ(rig_.get(reg::STATUS) & (STATUS_LU | STATUS_FD | STATUS_SPEED), 0x83u);
  // Both offer symmetric PAUSE.
  EXPECT_TRUE(phy_read(4) & phy_read(5) & phy::ADVERTISE_PAUSE);
}

struct PatternRow {
  uint32_t offset;
  uint32_t mask, write;
};

TEST_F(DriverTest, SelfTestRegisters) {
  // STATUS does not change by writing.
  const uint32_t toggle = 0x7ffff033;
  const uint32_t status = rig_.get(reg::STATUS) & toggle;
  rig_.set(reg::STATUS, toggle);
  EXPECT_EQ(rig_.get(reg::STATUS) & toggle, status);

  std::vector<PatternRow> rows = {
      {reg::FCAL, 0xffffffff, 0xffffffff},     {reg::FCAH, 0x0000ffff, 0xffffffff},
      {reg::FCT, 0x0000ffff, 0xffffffff},      {reg::VET, 0x0000ffff, 0xffffffff},
      {reg::RDTR, 0x0000ffff, 0xffffffff},     {reg::RDBAH(0), 0xffffffff, 0xffffffff},
      {reg::RDLEN(0), 0x000fff80, 0x000fffff}, {reg::RDH(0), 0x0000ffff, 0x0000ffff},
      {reg::RDT(0), 0x0000ffff, 0x0000ffff},   {reg::FCRTH, 0x0000fff8, 0x0000fff8},
      {reg::FCTTV, 0x0000ffff, 0x0000ffff},    {reg::TIPG, 0x3fffffff, 0x3fffffff},
      {reg::TDBAH(0), 0xffffffff, 0xffffffff}, {reg::TDLEN(0), 0x000fff80, 0x000fffff},
      {reg::RDBAL(0), 0xfffffff0, 0xffffffff}, {reg::TXCW, 0xc000ffff, 0x0000ffff},
      {reg::TDBAL(0), 0xfffffff0, 0xffffffff}, {reg::TIDV, 0x0000ffff, 0x0000ffff},
  };
  for (unsigned i = 0; i < reg::RAH.count; ++i)
    rows.push_back({reg::RAH(i), 0x8003ffff, 0xffffffff});
  for (unsigned i = 0; i < reg::MTA.count; ++i)
    rows.push_back({reg::MTA(i), 0xffffffff, 0xffffffff});
  for (const PatternRow& row : rows) {
    const uint32_t before = rig_.get(row.offset);
    for (const uint32_t pattern : {0x5a5a5a5au, 0xa5a5a5a5u, 0x00000000u, 0xffffffffu}) {
      rig_.set(row.offset, pattern & row.write);
      EXPECT_EQ(rig_.get(row.offset), pattern & row.write & row.mask) << std::hex << row.offset;
    }
    rig_.set(row.offset, before);
  }
  struct SetRow {
    uint32_t offset, mask, value;
  };
  for (const SetRow& row :
       {SetRow{reg::RCTL, 0xffffffff, 0}, SetRow{reg::RCTL, 0x06dfb3fe, 0x003ffffb},
        SetRow{reg::TCTL, 0xffffffff, 0}, SetRow{reg::RCTL, 0x06dfb3fe, 0xffffffff}}) {
    const uint32_t before = rig_.get(row.offset);
    rig_.set(row.offset, row.value & row.mask);
    EXPECT_EQ(rig_.get(row.offset) & row.mask, row.value & row.mask) << std::hex << row.offset;
    rig_.set(row.offset, before);
  }
}

TEST_F(DriverTest, SelfTestInterrupts) {
  // The handler: reads ICR when the line is asserted.
  const auto handled = [this] {
    uint32_t causes = 0;
    for (int i = 0; i < 4 && rig_.interrupt.line; ++i) causes |= rig_.get(reg::ICR);
    EXPECT_FALSE(rig_.interrupt.line);
    return causes;
  };
  rig_.set(reg::IMC, 0xffffffff);
  rig_.get(reg::ICR);
  for (unsigned i = 0; i < 10; ++i) {
    const uint32_t mask = 1u << i;
    rig_.set(reg::IMC, mask);
    rig_.set(reg::ICS, mask);
    rig_.advance(10'000'000);
    EXPECT_EQ(handled(), 0u) << "masked " << i;
    rig_.set(reg::IMS, mask);
    rig_.set(reg::ICS, mask);
    rig_.advance(10'000'000);
    EXPECT_TRUE(handled() & mask) << "enabled " << i;
    rig_.set(reg::IMC, ~mask & 0x7fff);
    rig_.set(reg::ICS, ~mask & 0x7fff);
    rig_.advance(10'000'000);
    EXPECT_EQ(handled(), 0u) << "others masked " << i;
  }
  rig_.set(reg::IMC, 0xffffffff);
}

TEST_F(DriverTest, SelfTestLoopbackInThePhy) {
  rig_.vnic.set_link(false);
  paged_write(2, 21, static_cast<uint16_t>((phy_read(21) & ~7) | 6));
  phy_write(0, phy_read(0) | 0x8000);
  paged_write(769, 16, 0x000c);
  paged_write(776, 16, 0x0040);
  paged_write(769, 16, 0x004c);
  paged_write(769, 20, 0x0400);
  phy_write(0, 0x4140);
  rig_.advance(250'000'000);
  rig_.set(reg::CTRL,
           (rig_.get(reg::CTRL) & ~CTRL_SPEED) | CTRL_FRCSPD | CTRL_FRCDPLX | CTRL_FD | 2u << 8);

  rig_.receive_ring(0, 64);
  rig_.offer(0, 63);
  rig_.set(reg::RCTL, RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_SECRC);
  rig_.transmit_ring(0, 64);
  Bytes frame(1024, 0xff);
  std::fill(frame.begin() + 512, frame.end(), 0xaa);
  for (uint32_t i = 0; i < 60; ++i) rig_.queue_frame(i, frame);
  rig_.set(reg::TDT(0), 60);
  rig_.advance(1'000'000'000);
  EXPECT_EQ(rig_.get(reg::TDH(0)), 60u);
  EXPECT_EQ(rig_.get(reg::RDH(0)), 60u);
  for (uint32_t i = 0; i < 60; ++i) EXPECT_EQ(rig_.take(Rig::buffer(i), 1024), frame) << i;
  EXPECT_TRUE(rig_.card.sent.empty()) << "nothing leaves";
}

TEST_F(DriverTest, MsixReceiveInterruptsComeOncePerPoll) {
  rig_.interrupt.current = InterruptMode::kMsix;
  rig_.vnic.interrupt_mode_changed();
  // Vectors: receive 0, transmit 1, other 2; as a NAPI driver sets them.
  rig_.set(reg::IVAR, 0x800a0908);
  rig_.set(reg::CTRL_EXT, CTRL_EXT_PBA_CLR | CTRL_EXT_EIAME);
  rig_.set(reg::IAM, 0xffffffff);
  rig_.set(reg::EIAC, ICR_RXQ0 | ICR_TXQ0);
  rig_.get(reg::ICR);
  rig_.set(reg::IMS, ICR_RXQ0 | ICR_TXQ0 | ICR_OTHER | ICR_LSC);
  rig_.receive_ring(0, 64);
  rig_.enable_receiver();
  rig_.offer(0, 60);
  rig_.interrupt.vectors = {};
  for (int i = 0; i < 10; ++i) rig_.receive(ethernet(kOwnMac, 0x0800, 100));
  EXPECT_EQ(rig_.interrupt.vectors[0], 1u);
  rig_.set(reg::IMS, ICR_RXQ0);  // the poll ends; frames came since
  EXPECT_EQ(rig_.interrupt.vectors[0], 2u);
  rig_.set(reg::IMS, ICR_RXQ0);
  EXPECT_EQ(rig_.interrupt.vectors[0], 2u);
  EXPECT_EQ(rig_.interrupt.vectors[2], 0u);
}

TEST_F(DriverTest, TheOtherVectorsHandlerReadsIcrAndGivesQueuesBack) {
  rig_.interrupt.current = InterruptMode::kMsix;
  rig_.vnic.interrupt_mode_changed();
  rig_.set(reg::IVAR, 0x800a0908);
  rig_.set(reg::CTRL_EXT, CTRL_EXT_PBA_CLR | CTRL_EXT_EIAME);
  rig_.set(reg::IAM, 0xffffffff);
  rig_.set(reg::EIAC, ICR_RXQ0 | ICR_TXQ0);
  rig_.get(reg::ICR);
  rig_.set(reg::IMS, ICR_OTHER | ICR_LSC);
  rig_.interrupt.vectors = {};
  rig_.vnic.interrupts().cause(ICR_RXQ0 | ICR_RXT0);  // masked: its poll runs
  rig_.vnic.set_link(false);
  EXPECT_EQ(rig_.interrupt.vectors[2], 1u);
  const uint32_t icr = rig_.get(reg::ICR);
  EXPECT_TRUE(icr & ICR_LSC);
  rig_.set(reg::ICS, icr & (ICR_RXQ0 | ICR_TXQ0));
  rig_.set(reg::IMS, ICR_OTHER | ICR_LSC);
  EXPECT_EQ(rig_.interrupt.vectors[0], 0u);
  rig_.set(reg::IMS, ICR_RXQ0);
  EXPECT_EQ(rig_.interrupt.vectors[0], 1u) << "the receive cause was not lost";
}

}  // namespace
}  // namespace gatehouse::vnic::rig
