// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupts as the machine gets them: a line at the interrupt controller, or messages in memory.
#include <gtest/gtest.h>

#include "tests/registers/rings.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet

constexpr unsigned kVnic = Machine::kSlot;
// Messages may go anywhere that memory is: the tests look there.
constexpr uint64_t kMailbox = 0x300000;

class VnicInterrupts : public testing::Test {
 protected:
  VnicInterrupts() : rings_(machine_) {
    machine_.place_bars();
    rings_.start();
    machine_.reg(reg::ICR);
  }

  void send() {
    rings_.send(test::Frame()
                    .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
                    .ipv4({.source = "192.168.0.1", .destination = "192.168.0.2"})
                    .udp()
                    .payload(100)
                    .build());
  }
  uint32_t message(unsigned slot = 0) {
    return static_cast<uint32_t>(machine_.bus().read(kMailbox + 4 * slot, 4));
  }
  void forget_messages() {
    for (unsigned slot = 0; slot < kMsixVectors; ++slot)
      machine_.bus().write(kMailbox + 4 * slot, 0, 4);
  }
  bool intx_status() { return machine_.config_read(kVnic, 0x06, 2) & 0x0008; }

  void enable_msi() {
    machine_.config_write(kVnic, 0xd4, static_cast<uint32_t>(kMailbox), 4);
    machine_.config_write(kVnic, 0xd8, 0, 4);
    machine_.config_write(kVnic, 0xdc, 0x4321, 2);
    machine_.config_write(kVnic, 0xd2, 1, 2);
  }
  void enable_msix() {
    machine_.config_write(kVnic, 0xa2, 0x8000, 2);
    for (unsigned vector = 0; vector < kMsixVectors; ++vector) {
      machine_.bus().write(table(vector), kMailbox + 4 * vector, 8);
      machine_.bus().write(table(vector) + 8, 0x100 + vector, 4);
      mask(vector, false);
    }
    // Receive queue 0 -> 0, transmit queue 0 -> 1, other -> 2.
    machine_.set_reg(reg::IVAR, 0x8 | 0x9 << 8 | 0xa << 16);
  }
  static uint64_t table(unsigned vector) { return Machine::kMsixBar + 16 * vector; }
  void mask(unsigned vector, bool masked) {
    machine_.bus().write(table(vector) + 12, masked ? 1 : 0, 4);
  }
  uint32_t pending() {
    return static_cast<uint32_t>(machine_.bus().read(Machine::kMsixBar + 0x2000, 4));
  }

  Machine machine_;
  Rings rings_;
};

// The line goes through the chipset's routing to the second 8259, whose request register shows it.
class IntxInterrupts : public VnicInterrupts {
 protected:
  IntxInterrupts() {
    constexpr unsigned kLpc = 31;
    for (unsigned pirq : {0x60u, 0x61u, 0x62u, 0x63u, 0x68u, 0x69u, 0x6au, 0x6bu})
      machine_.config_write(kLpc, pirq, 11, 1);
    machine_.bus().out(0x4d1, 1u << (11 - 8), 1);  // level triggered
    machine_.bus().out(0xa0, 0x0a, 1);             // reads show requests
  }
  bool line() { return machine_.bus().in(0xa0, 1) & 1u << (11 - 8); }
};

TEST_F(IntxInterrupts, TheLineFollowsCauseMaskAndAcknowledge) {
  send();
  EXPECT_FALSE(line()) << "not enabled";
  machine_.set_reg(reg::IMS, ICR_TXDW);
  EXPECT_TRUE(line());
  EXPECT_TRUE(intx_status());
  machine_.set_reg(reg::IMC, ICR_TXDW);
  EXPECT_FALSE(line());
  machine_.set_reg(reg::IMS, ICR_TXDW);
  EXPECT_TRUE(line());
  EXPECT_TRUE(machine_.reg(reg::ICR) & ICR_INT_ASSERTED);
  EXPECT_FALSE(line()) << "read";
  send();
  EXPECT_TRUE(line());
  machine_.set_reg(reg::ICR, ICR_TXDW);
  EXPECT_FALSE(line()) << "written ones";
}

TEST_F(IntxInterrupts, InterruptDisableHoldsTheLineBackAndNotTheStatus) {
  machine_.set_reg(reg::IMS, ICR_TXDW);
  send();
  ASSERT_TRUE(line());
  machine_.config_write(kVnic, 0x04, 0x0407, 2);
  EXPECT_FALSE(line());
  EXPECT_TRUE(intx_status());
  machine_.config_write(kVnic, 0x04, 0x0007, 2);
  EXPECT_TRUE(line());
}

TEST_F(IntxInterrupts, ResetsLetTheLineGo) {
  machine_.set_reg(reg::IMS, ICR_TXDW);
  send();
  ASSERT_TRUE(line());
  machine_.set_reg(reg::CTRL, machine_.reg(reg::CTRL) | CTRL_RST);
  EXPECT_FALSE(line());
  EXPECT_EQ(machine_.reg(reg::IMS), 0u);
}

TEST_F(IntxInterrupts, ThrottlingSpacesThem) {
  machine_.set_reg(reg::ITR, 1000);  // 256 us
  machine_.set_reg(reg::IMS, ICR_TXDW);
  send();
  ASSERT_TRUE(line());
  machine_.reg(reg::ICR);
  send();
  EXPECT_FALSE(line());
  machine_.bus().step(300'000);
  EXPECT_TRUE(line());
}

TEST_F(VnicInterrupts, MsiWritesItsMessageOnceUntilItIsAcknowledged) {
  enable_msi();
  machine_.set_reg(reg::IMS, ICR_TXDW);
  send();
  EXPECT_EQ(message(), 0x4321u);
  EXPECT_FALSE(intx_status()) << "no line beside it";
  forget_messages();
  send();
  EXPECT_EQ(message(), 0u) << "that cause is still pending";
  machine_.reg(reg::ICR);
  send();
  EXPECT_EQ(message(), 0x4321u);
  forget_messages();
  machine_.reg(reg::ICR);
  machine_.set_reg(reg::ICS, ICR_LSC);
  EXPECT_EQ(message(), 0u) << "not enabled";
  machine_.set_reg(reg::ICS, ICR_TXDW);
  EXPECT_EQ(message(), 0x4321u) << "software asked";
}

TEST_F(VnicInterrupts, MsiTakesOverWhatIsPending) {
  machine_.set_reg(reg::IMS, ICR_TXDW);
  send();
  ASSERT_TRUE(intx_status());
  enable_msi();
  EXPECT_FALSE(intx_status());
  EXPECT_EQ(message(), 0x4321u);
}

TEST_F(VnicInterrupts, AMaskedVectorStaysPendingUntilItIsUnmasked) {
  enable_msix();
  machine_.set_reg(reg::IMS, ICR_TXQ0);
  mask(1, true);
  send();
  EXPECT_EQ(message(1), 0u);
  EXPECT_EQ(pending(), 1u << 1);
  mask(1, false);
  EXPECT_EQ(message(1), 0x101u);
  EXPECT_EQ(pending(), 0u);
  // PBACLR forgets it.
  forget_messages();
  mask(1, true);
  machine_.set_reg(reg::ICR, ICR_TXQ0);
  send();
  ASSERT_EQ(pending(), 1u << 1);
  machine_.set_reg(reg::PBACLR, 1u << 1);
  EXPECT_EQ(pending(), 0u);
  mask(1, false);
  EXPECT_EQ(message(1), 0u);
}

TEST_F(VnicInterrupts, MsixClearsWhatEiacNames) {
  enable_msix();
  machine_.set_reg(reg::EIAC, ICR_TXQ0);
  machine_.set_reg(reg::IMS, ICR_TXQ0 | ICR_OTHER);
  send();
  EXPECT_EQ(message(1), 0x101u);
  EXPECT_FALSE(machine_.reg(reg::ICS) & ICR_TXQ0);
  EXPECT_TRUE(machine_.reg(reg::ICS) & ICR_TXDW) << "no vector's cause";
  EXPECT_EQ(machine_.reg(reg::IMS), ICR_OTHER);
  // The other causes come together by one bit.
  machine_.qmp().execute("set_link", {{"name", "vnic0"}, {"up", false}});
  EXPECT_EQ(message(2), 0x102u);
  EXPECT_EQ(machine_.reg(reg::ICS) & (ICR_OTHER | ICR_LSC), ICR_OTHER | ICR_LSC);
}

}  // namespace
}  // namespace gatehouse::registers
