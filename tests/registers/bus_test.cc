// SPDX-License-Identifier: GPL-2.0-or-later
// The function on its bus: configuration space, capabilities, BARs, reset, power states.
#include <gtest/gtest.h>

#include "hw/spec/i82574_registers.hh"
#include "tests/registers/machine.hh"

namespace gatehouse::registers {
namespace {

namespace reg = i82574::reg;

constexpr unsigned kVnic = Machine::kSlot;
// What qtest reads where no device answers (a CPU would see ones).
constexpr uint32_t kNobody = 0;

struct ConfigRow {
  const char* text;
  unsigned offset;
  unsigned size;
  uint32_t value;
  uint32_t mask = ~0u;
};

constexpr ConfigRow kConfig[] = {
    {"vendor Intel", 0x00, 2, 0x8086},
    {"device 82574L", 0x02, 2, 0x10d3},
    {"capability list", 0x06, 2, 0x0010, 0x0010},
    {"class Ethernet", 0x09, 1, 0x00},
    {"class Ethernet", 0x0a, 2, 0x0200},
    {"subsystem vendor", 0x2c, 2, 0x8086},
    {"cache line size", 0x0c, 1, 0x10},
    {"interrupt pin A", 0x3d, 1, 1},
    {"list starts with power management", 0x34, 1, 0xc8},
    {"power management", 0xc8, 1, 0x01},
    {"then MSI", 0xc9, 1, 0xd0},
    {"version 2, DSI, PME in D0 and D3", 0xca, 2, 0xc822},
    {"D0, data in tenths of a watt", 0xcc, 2, 0x2000},
    {"consumption in D0", 0xcf, 1, 0x0f},
    {"MSI", 0xd0, 1, 0x05},
    {"then PCI Express", 0xd1, 1, 0xe0},
    {"one message, 64 bit, no mask", 0xd2, 2, 0x0080},
    {"PCI Express", 0xe0, 1, 0x10},
    {"then MSI-X", 0xe1, 1, 0xa0},
    {"version 1", 0xe2, 1, 0x01, 0x0f},
    {"payload 256, latencies, role-based errors, FLR", 0xe4, 4, 0x10008cc1},
    {"relaxed ordering, no snoop, requests of 512", 0xe8, 2, 0x2810},
    {"no errors", 0xea, 2, 0},
    {"2.5 GT/s, x1, L0s and L1 with their latencies", 0xec, 4, 0x00031c11},
    {"no ASPM", 0xf0, 2, 0},
    {"2.5 GT/s, x1, the slot's clock", 0xf2, 2, 0x1011},
    {"MSI-X", 0xa0, 1, 0x11},
    {"the end", 0xa1, 1, 0x00},
    {"5 vectors", 0xa2, 2, 4, 0x07ff},
    {"table in BAR 3", 0xa4, 4, 3},
    {"pending bits in BAR 3 at 2000h", 0xa8, 4, 0x2003},
};

TEST(VnicBus, ConfigurationSpaceIsThatOfAn82574L) {
  Machine machine;
  for (const ConfigRow& row : kConfig) {
    EXPECT_EQ(machine.config_read(kVnic, row.offset, row.size) & row.mask, row.value & row.mask)
        << row.text << " at 0x" << std::hex << row.offset;
  }
}

TEST(VnicBus, ExtendedCapabilitiesAreErrorReportingAndSerialNumber) {
  Machine machine;
  EXPECT_EQ(machine.extended_read(kVnic, 0x100) & 0xfffff, 0x10001u);  // AER, version 1
  EXPECT_EQ(machine.extended_read(kVnic, 0x100) >> 20, 0x140u);        // next
  EXPECT_EQ(machine.extended_read(kVnic, 0x140) & 0xffff, 0x0003u);    // serial number
  EXPECT_EQ(machine.extended_read(kVnic, 0x140) >> 20, 0u);            // the end
  EXPECT_EQ(machine.extended_read(kVnic, 0x144),
            0xff000001u);  // ...:00:00:01 of the MAC behind FFh
  EXPECT_EQ(machine.extended_read(kVnic, 0x148), 0x525400ffu);
}

TEST(VnicBus, BarsHaveTheSiliconsKindsAndSizes) {
  Machine machine;
  constexpr struct {
    unsigned offset;
    uint32_t sizing;
  } kBars[] = {{0x10, 0xfffe0000}, {0x14, 0xfffe0000}, {0x18, 0xffffffe1},
               {0x1c, 0xffffc000}, {0x20, 0},          {0x24, 0}};
  for (const auto& bar : kBars) {
    machine.config_write(kVnic, bar.offset, 0xffffffff, 4);
    EXPECT_EQ(machine.config_read(kVnic, bar.offset, 4), bar.sizing) << std::hex << bar.offset;
  }
}

TEST(VnicBus, RegistersAnswerOnlyWhileMemoryDecodingIsOn) {
  Machine machine;
  machine.place_bars();
  EXPECT_NE(machine.reg(reg::STATUS), kNobody);
  machine.config_write(kVnic, 0x04, 0, 2);
  EXPECT_EQ(machine.reg(reg::STATUS), kNobody);
}

TEST(VnicBus, IoBarReachesTheSameRegisters) {
  Machine machine;
  machine.place_bars();
  machine.bus().out(Machine::kIoBar + i82574::kIoAddr, reg::FCTTV, 4);
  machine.bus().out(Machine::kIoBar + i82574::kIoData, 0x1234, 4);
  EXPECT_EQ(machine.reg(reg::FCTTV), 0x1234u);
  EXPECT_EQ(machine.bus().in(Machine::kIoBar + i82574::kIoAddr, 4), reg::FCTTV);
  EXPECT_EQ(machine.bus().in(Machine::kIoBar + i82574::kIoData, 4), 0x1234u);
}

TEST(VnicBus, FunctionLevelResetResetsRegistersAndConfiguration) {
  Machine machine;
  machine.place_bars();
  machine.set_reg(reg::FCTTV, 0x55);
  machine.config_write(kVnic, 0xe8, 0x8000, 2);  // device control: initiate FLR
  EXPECT_EQ(machine.config_read(kVnic, 0x04, 2) & 7, 0u);
  machine.place_bars();
  EXPECT_EQ(machine.reg(reg::FCTTV), 0u);
  EXPECT_EQ(machine.config_read(kVnic, 0xe8, 2) & 0x8000, 0u);
}

TEST(VnicBus, ExpressControlsAreWritableAndResetAsTheyShould) {
  Machine machine;
  machine.config_write(kVnic, 0xe8, 0x5fff & ~0x8000, 2);
  EXPECT_EQ(machine.config_read(kVnic, 0xe8, 2), 0x5cffu);  // no extended tags, no phantoms
  machine.config_write(kVnic, 0xe8, 0x0020 | 0x8000, 2);    // payload 256, FLR
  EXPECT_EQ(machine.config_read(kVnic, 0xe8, 2), 0x2830u) << "FLR keeps the payload size";
  EXPECT_EQ(machine.config_read(kVnic, 0x0c, 1), 0x10u);
  machine.config_write(kVnic, 0xf0, 0xffff, 2);
  EXPECT_EQ(machine.config_read(kVnic, 0xf0, 2), 0x00cbu);
  machine.qmp().execute("system_reset");
  ASSERT_TRUE(machine.qmp().wait_event("RESET", std::chrono::seconds(20)));
  EXPECT_EQ(machine.config_read(kVnic, 0xe8, 2), 0x2810u);
  EXPECT_EQ(machine.config_read(kVnic, 0xf0, 2), 0u);
  EXPECT_EQ(machine.config_read(kVnic, 0x0c, 1), 0x10u);
}

TEST(VnicBus, PowerDataFollowItsSelect) {
  Machine machine;
  constexpr struct {
    uint32_t select, data;
    bool scaled;
  } kRows[] = {{0, 0x0f, true}, {1, 0, false}, {3, 4, true},   {4, 0x0f, true},
               {7, 4, true},    {8, 0, true},  {15, 0, false}, {0, 0x0f, true}};
  for (const auto& row : kRows) {
    machine.config_write(kVnic, 0xcc, row.select << 9, 2);
    EXPECT_EQ(machine.config_read(kVnic, 0xcc, 2), row.select << 9 | (row.scaled ? 0x2000u : 0u));
    EXPECT_EQ(machine.config_read(kVnic, 0xcf, 1), row.data) << row.select;
  }
}

TEST(VnicBus, D3HidesTheBarsAndTheWayBackResets) {
  Machine machine;
  machine.place_bars();
  machine.set_reg(reg::FCTTV, 0x55);
  machine.config_write(kVnic, 0xcc, 3, 2);
  EXPECT_EQ(machine.config_read(kVnic, 0xcc, 2) & 3, 3u);
  EXPECT_EQ(machine.reg(reg::FCTTV), kNobody);
  machine.config_write(kVnic, 0xcc, 0, 2);
  EXPECT_EQ(machine.reg(reg::FCTTV), 0u);
}

TEST(VnicBus, MachineResetResetsRegisters) {
  Machine machine;
  machine.place_bars();
  machine.set_reg(reg::FCTTV, 0x55);
  machine.qmp().execute("system_reset");
  ASSERT_TRUE(machine.qmp().wait_event("RESET", std::chrono::seconds(20)));
  machine.place_bars();
  EXPECT_EQ(machine.reg(reg::FCTTV), 0u);
}

TEST(VnicBus, SetLinkIsWhatTheDriverSees) {
  Machine machine;
  machine.place_bars();
  machine.set_reg(reg::CTRL, machine.reg(reg::CTRL) | i82574::CTRL_SLU);
  for (int i = 0; i < 100 && !(machine.reg(reg::STATUS) & i82574::STATUS_LU); ++i)
    machine.bus().step(100'000'000);
  EXPECT_TRUE(machine.reg(reg::STATUS) & i82574::STATUS_LU);
  machine.reg(reg::ICR);
  machine.qmp().execute("set_link", {{"name", "vnic0"}, {"up", false}});
  EXPECT_FALSE(machine.reg(reg::STATUS) & i82574::STATUS_LU);
  EXPECT_TRUE(machine.reg(reg::ICR) & i82574::ICR_LSC);
  machine.qmp().execute("set_link", {{"name", "vnic0"}, {"up", true}});
  for (int i = 0; i < 100 && !(machine.reg(reg::STATUS) & i82574::STATUS_LU); ++i)
    machine.bus().step(100'000'000);
  EXPECT_TRUE(machine.reg(reg::STATUS) & i82574::STATUS_LU);
}

TEST(VnicBus, InfoNetworkShowsTheMacAddress) {
  Machine machine;
  EXPECT_NE(
      machine.qmp().human("info network").find("model=gatehouse-vnic,macaddr=52:54:00:00:00:01"),
      std::string::npos);
}

}  // namespace
}  // namespace gatehouse::registers
