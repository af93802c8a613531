// SPDX-License-Identifier: GPL-2.0-or-later
// Every row of hw/spec/i82574_registers.hh through the memory BAR: reset value, mode, mask; what
// lies between the rows.
#include <gtest/gtest.h>

#include <set>

#include "hw/card/vnic/dispatch.hh"
#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

// A vnic as power-on leaves it.
struct Fresh {
  Memory memory;
  Clock clock;
  Interrupt interrupt;
  Card card{{64, 2304, 2, 4096}};
  Vnic vnic{Ports{memory, clock, interrupt, card}, Rig::identity()};
  uint32_t get(uint32_t offset) { return static_cast<uint32_t>(vnic.mmio_read(offset, 4)); }
  void set(uint32_t offset, uint32_t value) { vnic.mmio_write(offset, value, 4); }
};

template <class Visit>
void each_element(Visit visit) {
  for (const RegisterRow& row : kRegisters) {
    for (uint32_t i = 0; i < row.count; ++i) visit(row, row.offset + i * row.step);
  }
}

TEST(Rows, ResetValues) {
  Fresh fresh;
  // What the NVM, the power state and the PHY add to the rows' values.
  const std::map<uint32_t, uint32_t> loaded = {
      {reg::RAL(0), 0x12005452},
      {reg::RAH(0), 0x80005634},
      {reg::FACTPS, reg::FACTPS.offset == 0 ? 0 : 0x20000006},
      {reg::STATUS,
       STATUS_FD | STATUS_LU | STATUS_PHYRA | STATUS_GIO_MASTER_ENABLE | 2u << 6 | 2u << 8},
  };
  each_element([&](const RegisterRow& row, uint32_t offset) {
    const auto special = loaded.find(offset);
    uint32_t expected = special == loaded.end() ? row.reset : special->second;
    if (row.mode == Access::kWo) expected = 0;
    EXPECT_EQ(fresh.get(offset), expected) << row.name << " at " << std::hex << offset;
  });
}

TEST(Rows, StorageFollowsModeAndMask) {
  Fresh fresh;
  // Link and packet buffer registers depend on each other; they have tests of their own.
  const std::set<uint32_t> related = {reg::CTRL_EXT, reg::PBA, reg::TCTL, reg::RCTL};
  each_element([&](const RegisterRow& row, uint32_t offset) {
    if (Dispatch::has_write_hook(offset) || Dispatch::has_read_hook(offset)) return;
    if (related.count(offset)) return;
    for (const uint32_t pattern : {0xffffffffu, 0u, 0x5a5a5a5au, 0xa5a5a5a5u}) {
      const uint32_t before = fresh.vnic.registers()[offset];
      fresh.set(offset, pattern);
      uint32_t expected = before;
      switch (row.mode) {
        case Access::kRw:
          expected = (before & ~row.mask) | (pattern & row.mask);
          break;
        case Access::kW1c:
          expected = before & ~(pattern & row.mask);
          break;
        case Access::kW0c:
          expected = before & (pattern | ~row.mask);
          break;
        default:
          break;
      }
      EXPECT_EQ(fresh.vnic.registers()[offset], expected) << row.name << " " << std::hex << pattern;
      if (row.mode == Access::kRw) {
        EXPECT_EQ(fresh.get(offset), expected) << row.name;
      }
    }
    fresh.vnic.registers()[offset] = row.reset;
  });
}

TEST(Rows, WrittenOnesClear) {
  Fresh fresh;
  each_element([&](const RegisterRow& row, uint32_t offset) {
    if (row.mode != Access::kW1c || Dispatch::has_write_hook(offset)) return;
    fresh.vnic.registers()[offset] = 0xffffffff;
    fresh.set(offset, 0x00000001);
    EXPECT_EQ(fresh.get(offset), 0xffffffff & ~(row.mask & 1)) << row.name;
    fresh.set(offset, 0xffffffff);
    EXPECT_EQ(fresh.get(offset), ~row.mask) << row.name;
  });
}

TEST(Rows, CountersClearWhenRead) {
  Fresh fresh;
  each_element([&](const RegisterRow& row, uint32_t offset) {
    if (row.mode != Access::kRc) return;
    fresh.vnic.registers()[offset] = 7;
    fresh.set(offset, 99);
    EXPECT_EQ(fresh.get(offset), 7u) << row.name;
    EXPECT_EQ(fresh.get(offset), 0u) << row.name;
  });
}

TEST(Rows, PairsClearWithTheirUpperHalf) {
  for (const uint32_t low :
       {reg::GORCL.offset, reg::GOTCL.offset, reg::TORL.offset, reg::TOTL.offset}) {
    Fresh fresh;
    fresh.vnic.registers()[low] = 5;
    fresh.vnic.registers()[low + 4] = 6;
    EXPECT_EQ(fresh.get(low), 5u);
    EXPECT_EQ(fresh.get(low), 5u);
    EXPECT_EQ(fresh.get(low + 4), 6u);
    EXPECT_EQ(fresh.get(low), 0u);
    EXPECT_EQ(fresh.get(low + 4), 0u);
  }
}

TEST(Rows, ReservedOffsetsReadZeroAndTakeNothing) {
  Fresh fresh;
  std::vector<bool> known(kMemoryBarOctets / 4);
  each_element([&](const RegisterRow&, uint32_t offset) { known[offset / 4] = true; });
  for (const AliasRow& alias : kAliases) {
    for (uint32_t i = 0; i < alias.count; ++i) known[(alias.offset + i * alias.step) / 4] = true;
  }
  uint64_t reserved = 0;
  for (uint32_t offset = 0; offset < kMemoryBarOctets; offset += 4) {
    if (known[offset / 4]) continue;
    fresh.set(offset, 0xffffffff);
    ASSERT_EQ(fresh.get(offset), 0u) << std::hex << offset;
    reserved += 2;
  }
  EXPECT_EQ(fresh.vnic.reserved_accesses(), reserved);
  EXPECT_GT(reserved, 1000u);
}

TEST(Rows, AliasesAreTheirTargets) {
  Fresh fresh;
  for (const AliasRow& alias : kAliases) {
    if (alias.target.offset == reg::CTRL.offset) continue;
    for (uint32_t i = 0; i < alias.count; ++i) {
      const uint32_t offset = alias.offset + i * alias.step;
      fresh.set(offset, 0x80000088);
      EXPECT_EQ(fresh.get(offset), fresh.get(alias.target(i))) << std::hex << offset;
      EXPECT_NE(fresh.get(alias.target(i)), 0u) << std::hex << offset;
      fresh.set(alias.target(i), 0);
      EXPECT_EQ(fresh.get(offset), 0u) << std::hex << offset;
    }
  }
}

TEST(Rows, OnlyWholeWordsAreWritten) {
  Fresh fresh;
  fresh.set(reg::FCAL, 0x11223344);
  for (const unsigned size : {1u, 2u}) {
    for (unsigned at = 0; at < 4; at += size) fresh.vnic.mmio_write(reg::FCAL + at, 0xff, size);
  }
  fresh.vnic.mmio_write(reg::FCAL + 2, 0xffffffff, 4);
  EXPECT_EQ(fresh.get(reg::FCAL), 0x11223344u);
  EXPECT_EQ(fresh.vnic.mmio_read(reg::FCAL + 1, 1), 0x33u);
  EXPECT_EQ(fresh.vnic.mmio_read(reg::FCAL + 2, 2), 0x1122u);
}

TEST(Rows, EightOctetsAreTwoRegisters) {
  Fresh fresh;
  fresh.vnic.mmio_write(reg::TDBAL(0), 0x123456789abcdef0, 8);
  EXPECT_EQ(fresh.get(reg::TDBAL(0)), 0x9abcdef0u);
  EXPECT_EQ(fresh.get(reg::TDBAH(0)), 0x12345678u);
  EXPECT_EQ(fresh.vnic.mmio_read(reg::TDBAL(0), 8), 0x123456789abcdef0u);
}

TEST(Rows, NothingBehindTheBar) {
  Fresh fresh;
  for (const uint64_t offset : {uint64_t{kMemoryBarOctets}, ~uint64_t{0} - 7, uint64_t{1} << 32}) {
    fresh.vnic.mmio_write(offset, ~0ull, 8);
    EXPECT_EQ(fresh.vnic.mmio_read(offset, 8), 0u);
  }
  fresh.vnic.mmio_write(kMemoryBarOctets - 4, ~0ull, 8);
  EXPECT_EQ(fresh.vnic.mmio_read(kMemoryBarOctets - 4, 8), 0u);
  EXPECT_GE(fresh.vnic.reserved_accesses(), 8u);
}

TEST(IoBar, ReachesRegistersAndFlash) {
  Fresh fresh;
  fresh.vnic.io_write(kIoAddr, reg::FCAH, 4);
  EXPECT_EQ(fresh.vnic.io_read(kIoAddr, 4), reg::FCAH.offset);
  fresh.vnic.io_write(kIoData, 0x1234, 4);
  EXPECT_EQ(fresh.vnic.io_read(kIoData, 4), 0x1234u);
  EXPECT_EQ(fresh.get(reg::FCAH), 0x1234u);
  fresh.vnic.io_write(kIoAddr, 0x80000, 4);
  EXPECT_EQ(fresh.vnic.io_read(kIoData, 4), 0xffffffffu);
  // Between and behind them lies nothing; pieces of a word are not taken.
  fresh.vnic.io_write(kIoAddr, 0x20000, 4);
  fresh.vnic.io_write(kIoData, 1, 4);
  EXPECT_EQ(fresh.vnic.io_read(kIoData, 4), 0u);
  fresh.vnic.io_write(kIoAddr, reg::FCAH, 4);
  fresh.vnic.io_write(kIoData, 0x99, 1);
  EXPECT_EQ(fresh.get(reg::FCAH), 0x1234u);
  fresh.vnic.io_write(kIoAddr, 0xffffffff, 4);
  EXPECT_EQ(fresh.vnic.io_read(kIoData, 4), 0u);
}

TEST(Semaphores, SmbiIsTakenByTheFirstReader) {
  Fresh fresh;
  EXPECT_EQ(fresh.get(reg::SWSM) & SWSM_SMBI, 0u);
  EXPECT_EQ(fresh.get(reg::SWSM) & SWSM_SMBI, SWSM_SMBI);
  fresh.set(reg::SWSM, SWSM_SMBI | SWSM_SWESMBI);
  EXPECT_EQ(fresh.get(reg::SWSM), SWSM_SMBI | SWSM_SWESMBI);
  fresh.set(reg::SWSM, 0);
  EXPECT_EQ(fresh.get(reg::SWSM), 0u);
}

TEST(ReceiveThresholds, ThoseOfQueue0AreQueue1sUntilItIsWritten) {
  Fresh fresh;
  fresh.set(reg::RXDCTL(0), 0x01040420);
  EXPECT_EQ(fresh.get(reg::RXDCTL(1)), 0x01040420u);
  fresh.set(reg::RXDCTL(1), 0x00010000);
  EXPECT_EQ(fresh.get(reg::RXDCTL(0)), 0x01040420u);
  EXPECT_EQ(fresh.get(reg::RXDCTL(1)), 0x00010000u);
}

TEST(PacketBuffer, TransmitGetsWhatReceiveLeaves) {
  Fresh fresh;
  EXPECT_EQ(fresh.get(reg::PBA), 0x00140014u);
  fresh.set(reg::PBA, 0x1a);
  EXPECT_EQ(fresh.get(reg::PBA), 0x000e001au);
  fresh.set(reg::PBA, 0xffffffff);
  EXPECT_EQ(fresh.get(reg::PBA), 0x00000028u);
}

}  // namespace
}  // namespace gatehouse::vnic::rig
