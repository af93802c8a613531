// SPDX-License-Identifier: GPL-2.0-or-later
// Every row of hw/spec/i82574_registers.hh on the bus of a real machine.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "hw/card/vnic/dispatch.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/registers/machine.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using vnic::Dispatch;

template <class Visit>
void each_element(Visit visit) {
  for (const RegisterRow& row : kRegisters) {
    for (uint32_t i = 0; i < row.count; ++i) visit(row, row.offset + i * row.step);
  }
}

// Registers that count or change by themselves, and those that the NVM, the PHY and the power state
// fill.
const std::set<uint32_t>& filled() {
  static const std::set<uint32_t> offsets = {reg::STATUS, reg::FACTPS,  reg::RAL(0),
                                             reg::RAH(0), reg::SYSTIML, reg::SYSTIMH};
  return offsets;
}

class RegisterRows : public testing::Test {
 protected:
  RegisterRows() { machine_.place_bars(); }
  Machine machine_;
};

TEST_F(RegisterRows, HaveTheirResetValues) {
  each_element([&](const RegisterRow& row, uint32_t offset) {
    if (filled().count(offset)) return;
    EXPECT_EQ(machine_.reg(offset), row.mode == Access::kWo ? 0 : row.reset)
        << row.name << " at 0x" << std::hex << offset;
  });
  EXPECT_EQ(machine_.reg(reg::RAL(0)), 0x00005452u);
  EXPECT_EQ(machine_.reg(reg::RAH(0)), RAH_AV | 0x0100u);
}

TEST_F(RegisterRows, TakeWhatTheirModeAndMaskSay) {
  // These depend on each other; the model's own tests have them.
  const std::set<uint32_t> related = {reg::CTRL_EXT, reg::PBA, reg::TCTL, reg::RCTL};
  each_element([&](const RegisterRow& row, uint32_t offset) {
    if (Dispatch::has_write_hook(offset) || Dispatch::has_read_hook(offset)) return;
    if (related.count(offset) || filled().count(offset)) return;
    for (const uint32_t pattern : {0xffffffffu, 0u, 0x5a5a5a5au}) {
      const uint32_t before = row.mode == Access::kRw ? machine_.reg(offset) : row.reset;
      machine_.set_reg(offset, pattern);
      const uint32_t expected = row.mode == Access::kRw
                                    ? (before & ~row.mask) | (pattern & row.mask)
                                : row.mode == Access::kRo ? row.reset
                                                          : 0;
      EXPECT_EQ(machine_.reg(offset), expected)
          << row.name << " at 0x" << std::hex << offset << " after " << pattern;
    }
  });
}

TEST_F(RegisterRows, CountersIgnoreWrites) {
  each_element([&](const RegisterRow& row, uint32_t offset) {
    if (row.mode != Access::kRc && row.mode != Access::kRcLow && row.mode != Access::kRcHigh)
      return;
    machine_.set_reg(offset, 0xffffffff);
    EXPECT_EQ(machine_.reg(offset), 0u) << row.name;
  });
}

TEST_F(RegisterRows, BetweenTheUpperRowsNothingAnswers) {
  std::vector<bool> known(kMemoryBarOctets / 4);
  each_element([&](const RegisterRow&, uint32_t offset) { known[offset / 4] = true; });
  for (const AliasRow& alias : kAliases) {
    for (uint32_t i = 0; i < alias.count; ++i) known[(alias.offset + i * alias.step) / 4] = true;
  }
  // In big pieces: octets that belong to no row are zero. Below, reads of some rows do something.
  constexpr uint32_t kFirst = 0x8000, kPiece = 4096;
  for (uint32_t offset = kFirst; offset < kMemoryBarOctets; offset += kPiece) {
    const std::vector<uint8_t> piece =
        machine_.bus().read_block(Machine::kMemoryBar + offset, kPiece);
    for (uint32_t i = 0; i < kPiece; ++i) {
      ASSERT_TRUE(known[(offset + i) / 4] || piece[i] == 0) << std::hex << offset + i;
    }
  }
  EXPECT_GT(machine_.vnic()["device"]["reserved-accesses"], 0);
}

TEST_F(RegisterRows, ASoftwareResetBringsBackTheResetValues) {
  machine_.set_reg(reg::FCTTV, 0x1234);
  machine_.set_reg(reg::RDTR, 0x77);
  machine_.set_reg(reg::CTRL, CTRL_RST);
  EXPECT_EQ(machine_.reg(reg::FCTTV), 0u);
  EXPECT_EQ(machine_.reg(reg::RDTR), 0u);
  EXPECT_FALSE(machine_.reg(reg::CTRL) & CTRL_RST);
  EXPECT_EQ(machine_.reg(reg::RAL(0)), 0x00005452u) << "loaded from the NVM again";
}

TEST_F(RegisterRows, SmallWritesAreIgnoredAndSmallReadsTakeTheirOctets) {
  machine_.set_reg(reg::FCAL, 0x11223344);
  machine_.bus().write(Machine::kMemoryBar + reg::FCAL, 0xff, 1);
  machine_.bus().write(Machine::kMemoryBar + reg::FCAL + 2, 0xffff, 2);
  EXPECT_EQ(machine_.reg(reg::FCAL), 0x11223344u);
  EXPECT_EQ(machine_.bus().read(Machine::kMemoryBar + reg::FCAL + 1, 1), 0x33u);
  EXPECT_EQ(machine_.bus().read(Machine::kMemoryBar + reg::FCAL, 8),
            0x11223344u | uint64_t{0x100} << 32);
}

TEST_F(RegisterRows, TheNvmReadsAsOneWithARightChecksum) {
  uint16_t sum = 0;
  for (uint32_t word = 0; word < 0x40; ++word) {
    machine_.set_reg(reg::EERD, word << 2 | EERD_START);
    const uint32_t answer = machine_.reg(reg::EERD);
    ASSERT_TRUE(answer & EERD_DONE);
    sum = static_cast<uint16_t>(sum + (answer >> 16));
  }
  EXPECT_EQ(sum, 0xbaba);
}

}  // namespace
}  // namespace gatehouse::registers
