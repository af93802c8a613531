// SPDX-License-Identifier: GPL-2.0-or-later
// ICR, masks and signals; throttling on the virtual clock.
#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

constexpr uint32_t kAll = 0x01ffffff;
// Every cause on its own vector 0-4, valid.
constexpr uint32_t kIvar = 0x000cba98;

class InterruptsTest : public ::testing::Test {
 protected:
  InterruptsTest() { rig_.set(reg::ICR, 0xffffffff); }
  void mode(InterruptMode mode) {
    rig_.interrupt.current = mode;
    rig_.vnic.interrupt_mode_changed();
    rig_.interrupt.raised = 0;
    rig_.interrupt.vectors = {};
  }
  void msix(uint32_t eiac, uint32_t control, uint32_t iam = 0) {
    mode(InterruptMode::kMsix);
    rig_.set(reg::IVAR, kIvar);
    rig_.set(reg::EIAC, eiac);
    rig_.set(reg::CTRL_EXT, control);
    rig_.set(reg::IAM, iam);
  }
  void cause(uint32_t bits) { rig_.vnic.interrupts().cause(bits); }
  unsigned raised() const { return rig_.interrupt.raised; }
  Rig rig_;
};

struct ReadRow {
  const char* description;
  uint32_t icr, ims;
  bool iame;
  bool clears;
  uint32_t ims_after;
};

TEST_F(InterruptsTest, ReadingIcrClearsByTheseRules) {
  const ReadRow rows[] = {
      {"nothing enabled", ICR_TXDW, 0, false, true, 0},
      {"nothing enabled, auto-mask", ICR_TXDW, 0, true, true, 0},
      {"enabled one pending", ICR_TXDW, ICR_TXDW, false, true, ICR_TXDW},
      {"enabled one pending, auto-mask", ICR_TXDW | ICR_LSC, ICR_TXDW, true, true, 0},
      {"only others pending", ICR_TXDW, ICR_LSC, false, false, ICR_LSC},
      {"only others pending, auto-mask", ICR_TXDW, ICR_LSC, true, false, ICR_LSC},
  };
  for (const ReadRow& row : rows) {
    rig_.set(reg::IMC, 0xffffffff);
    rig_.get(reg::ICR);
    rig_.set(reg::CTRL_EXT, row.iame ? CTRL_EXT_IAME : 0);
    rig_.set(reg::IAM, 0xffffffff);
    rig_.set(reg::IMS, row.ims);
    rig_.set(reg::ICS, row.icr);
    const bool asserted = (row.icr & row.ims) != 0;
    EXPECT_EQ(rig_.get(reg::ICS) & kAll, row.icr) << row.description;
    EXPECT_EQ(rig_.get(reg::ICR), row.icr | (asserted ? ICR_INT_ASSERTED : 0)) << row.description;
    EXPECT_EQ(rig_.causes(), row.clears ? 0 : row.icr) << row.description;
    EXPECT_EQ(rig_.get(reg::IMS), row.ims_after) << row.description;
    EXPECT_FALSE(rig_.interrupt.line) << row.description;
  }
}

TEST_F(InterruptsTest, MasksAreSetAndClearedBitwise) {
  rig_.set(reg::IMS, ICR_LSC);
  rig_.set(reg::IMS, ICR_RXT0);
  EXPECT_EQ(rig_.get(reg::IMS), ICR_LSC | ICR_RXT0);
  rig_.set(reg::IMC, ICR_LSC);
  EXPECT_EQ(rig_.get(reg::IMS), ICR_RXT0);
  EXPECT_EQ(rig_.get(reg::IMC), 0u);
}

TEST_F(InterruptsTest, LineFollowsPendingAndEnabled) {
  cause(ICR_RXT0);
  EXPECT_FALSE(rig_.interrupt.line);
  rig_.set(reg::IMS, ICR_RXT0);
  EXPECT_TRUE(rig_.interrupt.line);
  rig_.set(reg::IMC, ICR_RXT0);
  EXPECT_FALSE(rig_.interrupt.line);
  rig_.set(reg::IMS, ICR_RXT0);
  EXPECT_TRUE(rig_.interrupt.line);
  rig_.set(reg::ICR, ICR_RXT0);
  EXPECT_FALSE(rig_.interrupt.line);
  EXPECT_EQ(rig_.get(reg::IAC), 2u);
}

TEST_F(InterruptsTest, OneMsiForCausesThatComeBeforeTheDriverLooks) {
  mode(InterruptMode::kMsi);
  rig_.set(reg::IMS, ICR_RXT0 | ICR_TXDW | ICR_LSC);
  cause(ICR_RXT0);
  cause(ICR_TXDW);
  cause(ICR_RXT0);
  EXPECT_EQ(raised(), 1u);
  EXPECT_EQ(rig_.get(reg::ICR), ICR_RXT0 | ICR_TXDW | ICR_INT_ASSERTED);
  cause(ICR_RXT0);
  EXPECT_EQ(raised(), 2u);
  EXPECT_FALSE(rig_.interrupt.line);
}

TEST_F(InterruptsTest, UnmaskingWhatIsPendingSendsAnMsi) {
  mode(InterruptMode::kMsi);
  cause(ICR_TXDW);
  EXPECT_EQ(raised(), 0u);
  rig_.set(reg::IMS, ICR_TXDW);
  EXPECT_EQ(raised(), 1u);
}

TEST_F(InterruptsTest, PartialAcknowledgeSendsAnotherMsi) {
  mode(InterruptMode::kMsi);
  rig_.set(reg::IMS, ICR_RXT0 | ICR_TXDW);
  cause(ICR_RXT0);
  cause(ICR_TXDW);
  EXPECT_EQ(raised(), 1u);
  rig_.set(reg::ICR, ICR_RXT0);
  EXPECT_EQ(raised(), 2u);
  rig_.set(reg::ICR, ICR_TXDW);
  EXPECT_EQ(raised(), 2u);
}

TEST_F(InterruptsTest, SoftwaresRequestSendsAnMsiEvenIfPending) {
  mode(InterruptMode::kMsi);
  rig_.set(reg::IMS, ICR_RXDMT0);
  rig_.set(reg::ICS, ICR_RXDMT0);
  rig_.set(reg::ICS, ICR_RXDMT0);
  EXPECT_EQ(raised(), 2u);
  rig_.set(reg::ICS, ICR_LSC);  // not enabled
  EXPECT_EQ(raised(), 2u);
}

TEST_F(InterruptsTest, SwitchingModesCarriesWhatIsPending) {
  rig_.set(reg::IMS, ICR_LSC);
  cause(ICR_LSC);
  EXPECT_TRUE(rig_.interrupt.line);
  mode(InterruptMode::kMsi);
  EXPECT_FALSE(rig_.interrupt.line);
  rig_.interrupt.current = InterruptMode::kIntx;
  rig_.vnic.interrupt_mode_changed();
  EXPECT_TRUE(rig_.interrupt.line);
}

TEST_F(InterruptsTest, EachVectorOfIvar) {
  struct Row {
    uint32_t cause;
    unsigned vector;
  };
  msix(0, 0);
  rig_.set(reg::IMS, kAll);
  for (const Row& row :
       {Row{ICR_RXQ0, 0}, Row{ICR_RXQ1, 1}, Row{ICR_TXQ0, 2}, Row{ICR_TXQ1, 3}, Row{ICR_LSC, 4}}) {
    rig_.interrupt.vectors = {};
    cause(row.cause);
    for (unsigned v = 0; v < kMsixVectors; ++v) {
      EXPECT_EQ(rig_.interrupt.vectors[v], v == row.vector ? 1u : 0u) << std::hex << row.cause;
    }
  }
}

TEST_F(InterruptsTest, InvalidAndImpossibleVectorsSendNothing) {
  msix(0, 0);
  rig_.set(reg::IVAR, 0x00077777);  // not valid
  rig_.set(reg::IMS, kAll);
  cause(ICR_RXQ0 | ICR_TXQ0 | ICR_LSC);
  rig_.set(reg::IVAR, 0x000fffff);  // valid, vector 7
  cause(ICR_RXQ1);
  EXPECT_EQ(rig_.interrupt.vectors, (std::array<unsigned, 5>{}));
}

struct AutoRow {
  const char* description;
  uint32_t eiac, control, iam;
  uint32_t icr_after, ims_after;
};

TEST_F(InterruptsTest, AutoClearAndAutoMask) {
  const uint32_t ims = ICR_RXQ0 | ICR_TXQ0;
  const AutoRow rows[] = {
      {"neither", 0, 0, 0, ICR_RXQ0 | ICR_INT_ASSERTED, ims},
      {"EIAC clears cause and mask", ICR_RXQ0, 0, 0, 0, ICR_TXQ0},
      {"EIAC with IAME leaves the mask", ICR_RXQ0, CTRL_EXT_IAME, 0, 0, ims},
      {"EIAME masks what IAM names", 0, CTRL_EXT_EIAME, ICR_RXQ0, ICR_RXQ0, ICR_TXQ0},
      {"EIAME without IAM", 0, CTRL_EXT_EIAME, ICR_TXQ0, ICR_RXQ0 | ICR_INT_ASSERTED, ims},
      {"as Linux sets it", kAll & 0x00f00000, CTRL_EXT_EIAME | CTRL_EXT_PBA_CLR, 0xffffffff, 0,
       ICR_TXQ0},
  };
  for (const AutoRow& row : rows) {
    mode(InterruptMode::kIntx);
    rig_.set(reg::IMC, 0xffffffff);
    rig_.get(reg::ICR);
    msix(row.eiac, row.control, row.iam);
    rig_.set(reg::IMS, ims);
    cause(ICR_RXQ0);
    EXPECT_EQ(rig_.interrupt.vectors[0], 1u) << row.description;
    EXPECT_EQ(rig_.causes(), row.icr_after) << row.description;
    EXPECT_EQ(rig_.get(reg::IMS), row.ims_after) << row.description;
  }
}

TEST_F(InterruptsTest, MaskedCausesWaitForTheirMask) {
  msix(0x01f00000, 0);
  rig_.set(reg::IMS, ICR_RXQ0);
  cause(ICR_RXQ0);  // clears its mask
  cause(ICR_RXQ0);
  cause(ICR_RXQ0);
  EXPECT_EQ(rig_.interrupt.vectors[0], 1u);
  rig_.set(reg::IMS, ICR_RXQ0);
  EXPECT_EQ(rig_.interrupt.vectors[0], 2u);
  rig_.set(reg::IMS, ICR_RXQ0);
  EXPECT_EQ(rig_.interrupt.vectors[0], 2u);  // nothing came since
}

TEST_F(InterruptsTest, OtherStandsForItsCauses) {
  msix(0, 0);
  rig_.set(reg::IMS, ICR_OTHER | ICR_LSC | ICR_RXO);
  cause(ICR_RXO);
  EXPECT_EQ(rig_.causes(), ICR_RXO | ICR_OTHER | ICR_INT_ASSERTED);
  EXPECT_EQ(rig_.interrupt.vectors[4], 1u);
  rig_.set(reg::ICR, ICR_OTHER);
  EXPECT_EQ(rig_.causes(), 0u);
  cause(ICR_LSC);
  EXPECT_EQ(rig_.interrupt.vectors[4], 2u);
}

TEST_F(InterruptsTest, ThrottlingLetsTheFirstThroughAndMergesTheRest) {
  for (const InterruptMode kind : {InterruptMode::kIntx, InterruptMode::kMsi}) {
    mode(kind);
    rig_.set(reg::ITR, 500);  // 128 us
    EXPECT_EQ(rig_.get(reg::ITR), 500u);
    rig_.set(reg::IMS, ICR_RXT0);
    rig_.advance(128'000);
    cause(ICR_RXT0);
    EXPECT_EQ(raised(), 1u);
    for (int i = 0; i < 5; ++i) {
      rig_.advance(10'000);
      rig_.get(reg::ICR);
      cause(ICR_RXT0);
    }
    EXPECT_EQ(raised(), 1u);
    rig_.advance(77'999);
    EXPECT_EQ(raised(), 1u);
    rig_.advance(1);
    EXPECT_EQ(raised(), 2u);
    rig_.get(reg::ICR);
    rig_.advance(128'000);
    EXPECT_EQ(raised(), 2u);
    cause(ICR_RXT0);
    EXPECT_EQ(raised(), 3u);
    rig_.set(reg::IMC, 0xffffffff);
    rig_.get(reg::ICR);
  }
}

TEST_F(InterruptsTest, AWaitingInterruptThatIsTakenBackIsNotSent) {
  mode(InterruptMode::kMsi);
  rig_.set(reg::ITR, 1000);
  rig_.set(reg::IMS, ICR_RXT0);
  cause(ICR_RXT0);
  rig_.get(reg::ICR);
  cause(ICR_RXT0);
  rig_.get(reg::ICR);
  rig_.advance(1'000'000);
  EXPECT_EQ(raised(), 1u);
}

TEST_F(InterruptsTest, EachVectorHasItsOwnInterval) {
  msix(0x01f00000, CTRL_EXT_IAME);
  rig_.set(reg::IMS, kAll);
  rig_.set(reg::EITR(0), 200);  // 51.2 us
  cause(ICR_RXQ0);
  cause(ICR_RXQ0);
  cause(ICR_TXQ0);
  cause(ICR_TXQ0);
  EXPECT_EQ(rig_.interrupt.vectors[0], 1u);
  EXPECT_EQ(rig_.interrupt.vectors[2], 2u);
  rig_.advance(51'199);
  EXPECT_EQ(rig_.interrupt.vectors[0], 1u);
  rig_.advance(1);
  EXPECT_EQ(rig_.interrupt.vectors[0], 2u);
  EXPECT_EQ(rig_.causes() & ICR_RXQ0, 0u);
  rig_.advance(1'000'000);
  EXPECT_EQ(rig_.interrupt.vectors[0], 2u);
}

TEST_F(InterruptsTest, KnowsThrottledTransmitVectors) {
  msix(0x01f00000, CTRL_EXT_IAME);
  for (unsigned v = 0; v < kMsixVectors; ++v) rig_.set(reg::EITR(v), 1);
  const Interrupts& interrupts = rig_.vnic.interrupts();
  EXPECT_TRUE(interrupts.transmit_vector_throttled(ICR_TXQ0 | ICR_TXDW));
  rig_.set(reg::EITR(2), 0);
  EXPECT_FALSE(interrupts.transmit_vector_throttled(ICR_TXQ0 | ICR_TXDW));
  rig_.set(reg::EITR(2), 1);
  rig_.set(reg::IVAR, 0x00000808);  // both directions by vector 0
  EXPECT_FALSE(interrupts.transmit_vector_throttled(ICR_TXQ0 | ICR_TXDW));
  rig_.set(reg::IVAR, kIvar);
  mode(InterruptMode::kMsi);
  cause(ICR_TXQ0);
  EXPECT_FALSE(interrupts.transmit_vector_throttled(ICR_TXQ0 | ICR_TXDW));
}

TEST_F(InterruptsTest, AShorterIntervalCountsAtOnce) {
  mode(InterruptMode::kMsi);
  rig_.set(reg::ITR, 0xffff);
  rig_.set(reg::IMS, ICR_RXT0);
  cause(ICR_RXT0);
  rig_.get(reg::ICR);
  cause(ICR_RXT0);
  EXPECT_EQ(raised(), 1u);
  rig_.advance(50'000);
  rig_.set(reg::ITR, 100);
  EXPECT_EQ(raised(), 2u);
}

TEST_F(InterruptsTest, TimersStartAgainWhenAllIsMasked) {
  mode(InterruptMode::kMsi);
  rig_.set(reg::CTRL_EXT, CTRL_EXT_INT_TIMERS_CLEAR_ENA);
  rig_.set(reg::ITR, 100);
  rig_.set(reg::IMS, ICR_RXT0);
  rig_.advance(1'000'000);
  rig_.set(reg::IMC, 0xffffffff);
  rig_.set(reg::IMS, ICR_RXT0);
  cause(ICR_RXT0);
  EXPECT_EQ(raised(), 0u);
  rig_.advance(25'600);
  EXPECT_EQ(raised(), 1u);
}

class PendingRecorder : public Interrupt {
 public:
  void clear_msix_pending(unsigned vector) override { cleared |= 1u << vector; }
  unsigned cleared = 0;
};

TEST(InterruptsPending, AreClearedByPbaclrAndByUnmasking) {
  Memory memory;
  Clock clock;
  PendingRecorder interrupt;
  Card card({64, 2304, 2, 4096});
  interrupt.current = InterruptMode::kMsix;
  Vnic vnic(Ports{memory, clock, interrupt, card}, Rig::identity());
  vnic.mmio_write(reg::PBACLR, 0xffffff12, 4);
  EXPECT_EQ(interrupt.cleared, 0x12u);
  interrupt.cleared = 0;
  vnic.mmio_write(reg::IVAR, kIvar, 4);
  vnic.mmio_write(reg::IMS, ICR_RXQ1, 4);
  EXPECT_EQ(interrupt.cleared, 0u);
  vnic.mmio_write(reg::CTRL_EXT, CTRL_EXT_PBA_CLR, 4);
  vnic.mmio_write(reg::IMS, ICR_RXQ1 | ICR_OTHER, 4);
  EXPECT_EQ(interrupt.cleared, 0x12u);
}

TEST_F(InterruptsTest, SavedStateKeepsWhatWaits) {
  mode(InterruptMode::kMsi);
  rig_.set(reg::ITR, 1000);
  rig_.set(reg::IMS, ICR_RXT0);
  cause(ICR_RXT0);
  rig_.get(reg::ICR);
  rig_.advance(100'000);
  cause(ICR_RXT0);
  Archive saved;
  rig_.vnic.archive(saved);
  Rig other;
  other.interrupt.current = InterruptMode::kMsi;
  other.clock.now = rig_.clock.now;
  other.clock.deadlines.clear();
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_TRUE(loaded.at_end());
  other.interrupt.raised = 0;
  other.advance(155'999);
  EXPECT_EQ(other.interrupt.raised, 0u);
  other.advance(1);
  EXPECT_EQ(other.interrupt.raised, 1u);
}

}  // namespace
}  // namespace gatehouse::vnic::rig
