// SPDX-License-Identifier: GPL-2.0-or-later
// Redirection as guest and partition see it, on our vnic and on QEMU's own e1000e.
#include <gtest/gtest.h>

#include "hw/spec/i82574_registers.hh"
#include "tests/registers/probe.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;
using partition::RedirectEntry;
using partition::RedirectRead;
using partition::RedirectRecord;
using partition::RedirectRecordKind;
using partition::RedirectWrite;
using partition::Result;
using partition::UnitControl;
namespace reg = i82574::reg;
namespace unit = partition::unit;

// Where the tests' firmware keeps its things in private RAM.
constexpr uint64_t kFree = partition::kRamBase + 0x40'0000;
constexpr uint64_t kTable = kFree, kControl = kFree + 0x1000, kRing = kFree + 0x2000,
                   kShadow = kFree + 0x4000, kRules = kFree + 0x5000;
constexpr uint32_t kRingRecords = 16;
constexpr uint64_t kApic = 0xfee0'0000;  // the core's own

// The firmware's side of unit 0.
class Table : public FirstUnit {
 public:
  using FirstUnit::FirstUnit;
  Result commit(const std::vector<RedirectEntry>& entries) {
    for (size_t i = 0; i < entries.size(); ++i)
      probe_.put(kTable + i * sizeof(RedirectEntry), entries[i]);
    set(unit::CONTROL, kControl, 8);
    set(unit::RING, kRing, 8);
    set(unit::RING_RECORDS, kRingRecords);
    set(partition::redirect::TABLE, kTable, 8);
    set(partition::redirect::TABLE_ENTRIES, entries.size());
    return FirstUnit::commit();
  }
  bool active() { return get(unit::STATUS) & partition::kStatusActive; }
  bool present() { return get(unit::STATUS) & partition::kStatusPresent; }

  // The records since the last call.
  std::vector<RedirectRecord> take() {
    UnitControl control = probe_.get<UnitControl>(kControl);
    std::vector<RedirectRecord> records;
    for (; control.consumed != control.produced; ++control.consumed)
      records.push_back(probe_.get<RedirectRecord>(kRing + control.consumed % kRingRecords *
                                                               sizeof(RedirectRecord)));
    probe_.write(kControl + offsetof(UnitControl, consumed), control.consumed, 4);
    return records;
  }
};

constexpr uint64_t window(unsigned bar, uint64_t offset) {
  return partition::kBarWindowBase + bar * partition::kBarWindow + offset;
}

RedirectEntry post(uint32_t offset, uint8_t bar = 0) {
  return {offset, 4, bar, RedirectRead::kReal, RedirectWrite::kPost, 0, 0, 0, 0};
}
RedirectEntry shadow(uint32_t offset, uint32_t length, RedirectWrite write) {
  return {offset, length, 0, RedirectRead::kShadow, write, 0, 0, kShadow, 0};
}

std::vector<RedirectRecordKind> kinds(const std::vector<RedirectRecord>& records) {
  std::vector<RedirectRecordKind> result;
  for (const RedirectRecord& record : records) result.push_back(record.kind);
  return result;
}

const std::vector<std::string> kRedirect = {"-device",
                                            "gatehouse-redirect,id=r0,partition=p0,device=vnic0"};

MachineOptions redirected_vnic(const std::string& more = "") {
  return {.more = kRedirect, .partition = true, .partition_more = more};
}

// The device to redirect, known as vnic0 in slot 4.
struct Device {
  const char* name;
  const char* options;
};
class AnyDevice : public testing::TestWithParam<Device> {
 protected:
  AnyDevice()
      : machine_({.more = {"-device", "gatehouse-redirect,id=r0,partition=p0,device=vnic0",
                           "-device", GetParam().options},
                  .vnic_present = false,
                  .partition = true}),
        probe_(machine_),
        table_(probe_) {
    machine_.place_bars();
  }

  Machine machine_;
  Probe probe_;
  Table table_;
};

INSTANTIATE_TEST_SUITE_P(
    Redirect, AnyDevice,
    testing::Values(Device{"vnic", "gatehouse-vnic,id=vnic0,card=card0,addr=4,romfile="},
                    Device{"e1000e", "e1000e,id=vnic0,addr=4,romfile="}),
    [](const auto& device) { return device.param.name; });

TEST_P(AnyDevice, RangesGoToThePartitionAndTheRestToTheDevice) {
  ASSERT_EQ(table_.commit({post(reg::TDT(0)), shadow(reg::RDT(0), 4, RedirectWrite::kLast)}),
            Result::k_ok);
  probe_.write(kShadow, 0x77, 4);
  EXPECT_EQ(machine_.reg(reg::RDT(0)), 0x77u);
  machine_.set_reg(reg::RDT(0), 0x88);
  EXPECT_EQ(probe_.read(kShadow, 4), 0x88u);
  EXPECT_EQ(probe_.read(kControl + offsetof(UnitControl, pending), 8), 2u);
  EXPECT_EQ(probe_.read(window(0, reg::RDT(0)), 4), 0u);

  machine_.set_reg(reg::TDT(0), 0x10);
  EXPECT_EQ(machine_.reg(reg::TDT(0)), 0u);
  const std::vector<RedirectRecord> records = table_.take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].offset, reg::TDT(0));
  EXPECT_EQ(records[0].octets, 4u);
  EXPECT_EQ(records[0].entry, 0u);
  EXPECT_EQ(records[0].value, 0x10u);

  // Registers around and behind are the device's, to both sides.
  machine_.set_reg(reg::FCTTV, 0x1234);
  EXPECT_EQ(probe_.read(window(0, reg::FCTTV), 4), 0x1234u);
  probe_.write(window(0, reg::FCTTV), 0x4321, 4);
  EXPECT_EQ(machine_.reg(reg::FCTTV), 0x4321u);
  EXPECT_EQ(probe_.read(window(0, reg::STATUS), 4), machine_.reg(reg::STATUS));
}

TEST_P(AnyDevice, WritesGoThroughWhereTheTableSaysSo) {
  RedirectEntry entry = post(reg::FCTTV);
  entry.write = RedirectWrite::kThrough;
  ASSERT_EQ(table_.commit({entry}), Result::k_ok);
  machine_.set_reg(reg::FCTTV, 0x1111);
  EXPECT_EQ(probe_.read(window(0, reg::FCTTV), 4), 0x1111u);
  EXPECT_EQ(table_.take().size(), 1u);
  entry.write = RedirectWrite::kDrop;
  ASSERT_EQ(table_.commit({entry}), Result::k_ok);
  machine_.set_reg(reg::FCTTV, 0x2222);
  EXPECT_EQ(machine_.reg(reg::FCTTV), 0x1111u);
  EXPECT_TRUE(table_.take().empty());
}

TEST_P(AnyDevice, AccessesOfOtherWidthsAreCutWhereEntriesEnd) {
  ASSERT_EQ(table_.commit({post(reg::RDBAL(0)), post(reg::RDBAH(0))}), Result::k_ok);
  machine_.bus().write(Machine::kMemoryBar + reg::RDBAL(0), 0x1122'3344'5566'7788, 8);
  machine_.bus().write(Machine::kMemoryBar + reg::RDBAL(0) + 2, 0x99aa, 2);
  const std::vector<RedirectRecord> records = table_.take();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].value, 0x5566'7788u);
  EXPECT_EQ(records[1].value, 0x1122'3344u);
  EXPECT_EQ(records[1].entry, 1u);
  EXPECT_EQ(records[2].offset, reg::RDBAL(0) + 2);
  EXPECT_EQ(records[2].octets, 2u);
  EXPECT_EQ(records[2].value, 0x99aau);
}

TEST_P(AnyDevice, FollowsABarThatMoves) {
  ASSERT_EQ(table_.commit({post(reg::TDT(0))}), Result::k_ok);
  constexpr uint32_t kElsewhere = 0xe1000000;
  machine_.config_write(4, 0x10, kElsewhere, 4);
  machine_.bus().write(kElsewhere + reg::TDT(0), 5, 4);
  machine_.set_reg(reg::TDT(0), 6);  // nobody is there
  std::vector<RedirectRecord> records = table_.take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].value, 5u);
  // Memory off: the guest reaches nothing, the partition still the device.
  machine_.config_write(4, 0x04, 0, 2);
  machine_.bus().write(kElsewhere + reg::TDT(0), 7, 4);
  EXPECT_TRUE(table_.take().empty());
  EXPECT_NE(probe_.read(window(0, reg::STATUS), 4), 0u);
  machine_.config_write(4, 0x04, 7, 2);
  machine_.bus().write(kElsewhere + reg::TDT(0), 8, 4);
  records = table_.take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].value, 8u);
}

// A memory map that changes under a core's accesses must not send them elsewhere.
TEST_P(AnyDevice, ABarThatComesAndGoesDoesNotMisleadTheCore) {
  std::vector<RedirectEntry> entries;
  for (uint32_t i = 0; i < 16; ++i) entries.push_back(post(0x2000 + i * 0x100));
  ASSERT_EQ(table_.commit(entries), Result::k_ok);
  // The core reads its console all the time.
  for (unsigned i = 0; i < 400; ++i) {
    machine_.config_write(4, 0x04, i % 2 ? 7 : 0, 2);
    if (i % 8 == 0) {
      ASSERT_EQ(probe_.read(partition::kMmioBase, 8), partition::kMagic);
    }
  }
}

// IOADDR and IODATA reach every register behind the back of a table for BAR 0.
TEST_P(AnyDevice, TheIoBarCanBeRedirectedToo) {
  ASSERT_EQ(table_.commit({post(0, 2), post(4, 2)}), Result::k_ok);
  machine_.bus().out(Machine::kIoBar, reg::FCTTV, 4);
  machine_.bus().out(Machine::kIoBar + 4, 0x666, 4);
  const std::vector<RedirectRecord> records = table_.take();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].bar, 2u);
  EXPECT_EQ(records[1].offset, 4u);
  EXPECT_EQ(records[1].value, 0x666u);
  EXPECT_EQ(machine_.reg(reg::FCTTV), 0u);
  // The partition's window reaches the ports' registers by memory accesses.
  probe_.write(window(2, 0), reg::FCTTV, 4);
  probe_.write(window(2, 4), 0x555, 4);
  EXPECT_EQ(machine_.reg(reg::FCTTV), 0x555u);
}

// ---- Registers of 32 bits

// A ring's registers, one entry with its rules, and CTRL, which resets them.
std::vector<RedirectEntry> ruled_ring(Probe& probe) {
  constexpr uint32_t kOctets = 0x20;  // up to the next register behind the tail
  for (uint32_t at = 0; at < kOctets; at += 4) {
    partition::RedirectRule rule{};
    for (const i82574::RegisterRow& row : i82574::kRegisters) {
      if (row.offset == reg::RDBAL(0) + at) rule = {row.mask, row.reset};
    }
    probe.put(kRules + 2 * at, rule);
    probe.write(kShadow + at, 0, 4);
  }
  RedirectEntry ring = shadow(reg::RDBAL(0), kOctets, RedirectWrite::kLast);
  ring.rules = kRules;
  RedirectEntry control = post(reg::CTRL);
  control.write = RedirectWrite::kReal;
  control.resets = i82574::CTRL_RST;
  return {ring, control};
}

TEST_P(AnyDevice, ShadowsWithRulesReadAsTheDevicesRegisters) {
  constexpr uint32_t kTest[] = {0x5a5a5a5a, 0xa5a5a5a5, 0, 0xffffffff};
  std::vector<uint32_t> expected, seen;
  const auto look = [&](std::vector<uint32_t>& into) {
    for (uint32_t at = 0; at < 0x20; at += 4) {
      for (const uint32_t value : kTest) {
        machine_.set_reg(reg::RDBAL(0) + at, value);
        into.push_back(machine_.reg(reg::RDBAL(0) + at));
      }
    }
  };
  look(expected);
  ASSERT_EQ(table_.commit(ruled_ring(probe_)), Result::k_ok);
  look(seen);
  EXPECT_EQ(seen, expected);
  EXPECT_NE(machine_.qmp().execute("query-gatehouse-redirects").dump().find("\"rules\":true"),
            std::string::npos);
}

TEST_P(AnyDevice, AResetByRegisterResetsTheShadowAtOnce) {
  ASSERT_EQ(table_.commit(ruled_ring(probe_)), Result::k_ok);
  const auto look = [&] {
    std::vector<uint32_t> words;
    for (uint32_t at = 0; at < 0x20; at += 4) words.push_back(machine_.reg(reg::RDBAL(0) + at));
    return words;
  };
  const std::vector<uint32_t> zero(8);
  machine_.set_reg(reg::RDBAL(0), 0x1000);
  machine_.set_reg(reg::RDLEN(0), 0x1000);
  machine_.set_reg(reg::RDT(0), 9);
  EXPECT_NE(look(), zero);
  machine_.set_reg(reg::CTRL, machine_.reg(reg::CTRL));
  EXPECT_NE(look(), zero);
  EXPECT_TRUE(table_.take().empty()) << "CTRL is the device's";
  machine_.set_reg(reg::FCTTV, 0x1234);
  machine_.set_reg(reg::CTRL, machine_.reg(reg::CTRL) | i82574::CTRL_RST);
  EXPECT_EQ(look(), zero);
  EXPECT_EQ(machine_.reg(reg::FCTTV), 0u) << "the device was reset";
  EXPECT_EQ(kinds(table_.take()), std::vector{RedirectRecordKind::kReset});
}

// IOADDR is the device's; IODATA leads to the table.
TEST_P(AnyDevice, IoDataObeysTheTableOfBar0) {
  std::vector<RedirectEntry> entries = ruled_ring(probe_);
  RedirectEntry data = post(i82574::kIoData, 2);
  data.read = RedirectRead::kIndirect;
  data.write = RedirectWrite::kIndirect;
  entries.push_back(data);
  ASSERT_EQ(table_.commit(entries), Result::k_ok);
  const auto out = [&](uint32_t offset, uint32_t value) {
    machine_.bus().out(Machine::kIoBar + i82574::kIoAddr, offset, 4);
    machine_.bus().out(Machine::kIoBar + i82574::kIoData, value, 4);
  };
  out(reg::RDLEN(0), 0xffffffff);
  EXPECT_EQ(machine_.bus().in(Machine::kIoBar + i82574::kIoAddr, 4), reg::RDLEN(0));
  EXPECT_EQ(machine_.bus().in(Machine::kIoBar + i82574::kIoData, 4), 0xfff80u);
  EXPECT_EQ(machine_.reg(reg::RDLEN(0)), 0xfff80u);
  EXPECT_EQ(probe_.read(window(0, reg::RDLEN(0)), 4), 0u) << "not the device's";
  EXPECT_EQ(probe_.read(kControl + offsetof(UnitControl, pending), 8), 0b101u);
  machine_.bus().out(Machine::kIoBar + i82574::kIoData, 0, 1);
  machine_.bus().out(Machine::kIoBar + i82574::kIoData, 0, 2);
  EXPECT_EQ(machine_.reg(reg::RDLEN(0)), 0xfff80u) << "no whole word";
  // What has no entry is the device's.
  out(reg::FCTTV, 0x777);
  EXPECT_EQ(probe_.read(window(0, reg::FCTTV), 4), 0x777u);
  EXPECT_EQ(machine_.bus().in(Machine::kIoBar + i82574::kIoData, 4), 0x777u);
  out(0x20000, 0x777);
  EXPECT_EQ(machine_.bus().in(Machine::kIoBar + i82574::kIoData, 4), 0u) << "beyond the registers";
  out(reg::CTRL, i82574::CTRL_RST);
  EXPECT_EQ(machine_.reg(reg::RDLEN(0)), 0u);
  EXPECT_EQ(kinds(table_.take()), std::vector{RedirectRecordKind::kReset});
}

TEST_P(AnyDevice, OffMeansAsIfThereWereNoUnit) {
  ASSERT_EQ(table_.commit({post(reg::FCTTV)}), Result::k_ok);
  EXPECT_NE(machine_.qmp().human("info mtree -f").find("gatehouse-redirected"), std::string::npos);
  table_.set(unit::COMMIT, 0);
  EXPECT_EQ(table_.get(unit::RESULT), static_cast<uint32_t>(Result::k_off));
  EXPECT_EQ(machine_.qmp().human("info mtree -f").find("gatehouse-redirected"), std::string::npos);
  machine_.set_reg(reg::FCTTV, 0x99);
  EXPECT_EQ(machine_.reg(reg::FCTTV), 0x99u);
}

TEST_P(AnyDevice, TablesBeyondTheDeviceAreRefused) {
  EXPECT_EQ(table_.commit({post(0, 5)}), Result::k_bad_bar);
  EXPECT_EQ(table_.commit({post(0x20000 - 4)}), Result::k_ok);
  EXPECT_EQ(table_.commit({post(0), post(0x20000)}), Result::k_bad_range);
  EXPECT_EQ(table_.get(unit::RESULT_ENTRY), 1u);
  EXPECT_TRUE(table_.active());
}

TEST_P(AnyDevice, AQueryShowsTheTableAndWhatItDid) {
  const auto query = [&] { return machine_.qmp().execute("query-gatehouse-redirects"); };
  json expected = {{"id", "r0"},        {"partition", "p0"},      {"device", "vnic0"},
                   {"present", true},   {"active", false},        {"result", "off"},
                   {"result-entry", 0}, {"table", json::array()}, {"reads", 0},
                   {"writes", 0},       {"commits", 0},           {"refused", 0},
                   {"records", 0},      {"overruns", 0},          {"interrupts", 0}};
  EXPECT_EQ(query(), json::array({expected}));
  table_.commit({post(reg::TDT(0)), shadow(reg::RDT(0), 4, RedirectWrite::kLast)});
  for (unsigned i = 0; i < kRingRecords + 2; ++i) machine_.set_reg(reg::TDT(0), i);
  machine_.reg(reg::RDT(0));
  table_.commit({post(reg::TDT(0)), post(reg::TDT(0))});
  expected["active"] = true;
  expected["result"] = "overlap";
  expected["result-entry"] = 1;
  expected["table"] = {{{"bar", 0},
                        {"offset", uint32_t{reg::TDT(0)}},
                        {"length", 4},
                        {"read", "real"},
                        {"write", "post"},
                        {"rules", false},
                        {"resets", 0}},
                       {{"bar", 0},
                        {"offset", uint32_t{reg::RDT(0)}},
                        {"length", 4},
                        {"read", "shadow"},
                        {"write", "last"},
                        {"rules", false},
                        {"resets", 0}}};
  expected["reads"] = 1;
  expected["writes"] = kRingRecords + 2;
  expected["commits"] = expected["refused"] = 1;
  expected["records"] = kRingRecords;
  expected["overruns"] = 2;
  EXPECT_EQ(query(), json::array({expected}));
}

// An interrupt only for firmware that armed, and one for each arming.
TEST_P(AnyDevice, InterruptsACoreThatArmed) {
  table_.set(unit::VECTOR, 0x50);
  ASSERT_EQ(table_.commit({post(reg::TDT(0))}), Result::k_ok);
  probe_.write(kApic + 0xf0, 0x1ff, 4);  // enabled; the core keeps interrupts off
  const auto waiting = [&] { return probe_.read(kApic + 0x220, 4) >> 16 & 1; };  // IRR of 50h
  machine_.set_reg(reg::TDT(0), 1);
  EXPECT_EQ(waiting(), 0u);
  probe_.write(kControl + offsetof(UnitControl, armed), 1, 4);
  machine_.set_reg(reg::TDT(0), 2);
  machine_.set_reg(reg::TDT(0), 3);
  EXPECT_EQ(probe_.read(kControl + offsetof(UnitControl, armed), 4), 0u);
  EXPECT_TRUE(machine_.wait([&] { return waiting() == 1; }));
  EXPECT_EQ(machine_.qmp().execute("query-gatehouse-redirects")[0]["interrupts"], 1);
  EXPECT_EQ(table_.take().size(), 3u);
}

// ---- Resets

TEST(Redirect, TellsOfTheMachinesResetAndStays) {
  Machine machine(redirected_vnic(",persist=on"));
  Probe probe(machine);
  Table table(probe);
  machine.place_bars();
  ASSERT_EQ(table.commit({post(reg::TDT(0))}), Result::k_ok);
  machine.qmp().execute("system_reset");
  EXPECT_TRUE(machine.wait([&] { return probe.read(kControl + 8, 4) != 0; }));
  EXPECT_EQ(kinds(table.take()), std::vector{RedirectRecordKind::kReset});
  machine.place_bars();
  machine.set_reg(reg::TDT(0), 1);
  EXPECT_EQ(kinds(table.take()), std::vector{RedirectRecordKind::kWrite});
}

TEST(Redirect, EndsWithAPartitionThatStartsAnew) {
  Machine machine(redirected_vnic());
  {
    Probe probe(machine);
    Table table(probe);
    machine.place_bars();
    ASSERT_EQ(table.commit({post(reg::FCTTV)}), Result::k_ok);
  }
  machine.qmp().execute("system_reset");
  ASSERT_TRUE(machine.qmp().wait_event("RESET", std::chrono::seconds(20)));
  Probe probe(machine);
  Table table(probe);
  EXPECT_FALSE(table.active());
  EXPECT_TRUE(table.present());
  machine.place_bars();
  machine.set_reg(reg::FCTTV, 3);
  EXPECT_EQ(machine.reg(reg::FCTTV), 3u);
}

TEST(Redirect, TellsOfAFunctionLevelReset) {
  Machine machine(redirected_vnic());
  Probe probe(machine);
  Table table(probe);
  machine.place_bars();
  ASSERT_EQ(table.commit(ruled_ring(probe)), Result::k_ok);
  machine.set_reg(reg::FCTTV, 3);
  machine.set_reg(reg::RDLEN(0), 0x1000);
  machine.config_write(4, 0xe8, 0x8000, 2);  // device control: initiate FLR
  EXPECT_EQ(machine.reg(reg::RDLEN(0)), 0u);
  EXPECT_EQ(kinds(table.take()), std::vector{RedirectRecordKind::kReset});
  EXPECT_EQ(probe.read(window(0, reg::FCTTV), 4), 0u);
  EXPECT_TRUE(table.active());
}

TEST(Redirect, TellsOfTheResetOnTheWayBackToD0) {
  Machine machine(redirected_vnic());
  Probe probe(machine);
  Table table(probe);
  machine.place_bars();
  ASSERT_EQ(table.commit({post(reg::TDT(0))}), Result::k_ok);
  machine.set_reg(reg::FCTTV, 3);
  machine.config_write(4, 0xcc, 3, 2);  // power management control: D3
  EXPECT_TRUE(table.take().empty());
  machine.config_write(4, 0xcc, 0, 2);
  EXPECT_EQ(kinds(table.take()), std::vector{RedirectRecordKind::kReset});
  EXPECT_EQ(probe.read(window(0, reg::FCTTV), 4), 0u);
}

TEST(Redirect, TellsOfABusReset) {
  Machine machine({.more = {"-device", "pcie-root-port,id=port0,addr=5,slot=1,chassis=1", "-device",
                            "e1000e,id=vnic0,bus=port0,romfile=", "-device",
                            "gatehouse-redirect,id=r0,partition=p0,device=vnic0"},
                   .vnic_present = false,
                   .partition = true});
  Probe probe(machine);
  Table table(probe);
  ASSERT_EQ(table.commit({post(reg::TDT(0))}), Result::k_ok);
  machine.config_write(5, 0x3e, 0x40, 2);  // bridge control: secondary bus reset
  machine.config_write(5, 0x3e, 0, 2);
  EXPECT_EQ(kinds(table.take()), std::vector{RedirectRecordKind::kReset});
}

// ---- Plugging

TEST(Redirect, ItsDeviceComesAndGoes) {
  Machine machine({.more = {"-device", "gatehouse-redirect,id=r0,partition=p0,device=nic1",
                            "-device", "pcie-root-port,id=port0,addr=5,slot=1,chassis=1"},
                   .partition = true,
                   .partition_more = ",persist=on"});
  Probe probe(machine);
  Table table(probe);
  const auto plug = [&] {
    machine.qmp().execute(
        "device_add", {{"driver", "e1000e"}, {"id", "nic1"}, {"bus", "port0"}, {"romfile", ""}});
  };
  for (unsigned round = 0; round < 3; ++round) {
    EXPECT_FALSE(table.present());
    EXPECT_EQ(table.commit({post(reg::TDT(0))}), Result::k_no_device);
    plug();
    EXPECT_TRUE(table.present());
    ASSERT_EQ(table.commit({post(reg::TDT(0))}), Result::k_ok);
    EXPECT_NE(probe.read(window(0, reg::STATUS), 4), 0u);
    // Without a guest that answers the port's request the removal waits for the machine's reset.
    machine.qmp().execute("device_del", {{"id", "nic1"}});
    machine.qmp().execute("system_reset");
    ASSERT_TRUE(machine.qmp().wait_event("DEVICE_DELETED", std::chrono::seconds(20)));
    ASSERT_TRUE(machine.wait([&] { return !table.present(); }));
    const std::vector<RedirectRecord> records = table.take();
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records.back().kind, RedirectRecordKind::kUnplugged);
    EXPECT_EQ(table.get(unit::RESULT), static_cast<uint32_t>(Result::k_no_device));
    machine.qmp().execute("query-status");
  }
}

TEST(Redirect, TwoUnitsForTwoDevices) {
  Machine machine({.more = {"-device", "gatehouse-redirect,id=r0,partition=p0,device=nic1",
                            "-device", "gatehouse-redirect,id=r1,partition=p0,device=vnic0",
                            "-device", "e1000e,id=nic1,addr=5,romfile="},
                   .partition = true});
  Probe probe(machine);
  Table table(probe);  // of nic1
  machine.place_bars();
  ASSERT_EQ(table.commit({post(reg::FCTTV)}), Result::k_ok);
  machine.set_reg(reg::FCTTV, 0x123);
  EXPECT_TRUE(table.take().empty());
  EXPECT_EQ(probe.read(window(0, reg::FCTTV), 4), 0u);
  EXPECT_EQ(probe.read(window(0, reg::FCTTV) + partition::kBarWindowUnit, 4), 0x123u);
}

// ---- What is refused

TEST(Redirect, RefusesWhatCannotBe) {
  const std::string unit = "gatehouse-redirect,id=r0,partition=p0";
  struct {
    std::vector<std::string> more;
    const char* answer;
  } const rows[] = {
      {{"-device", "gatehouse-redirect,device=nic0"}, "no partition; add -device"},
      {{"-device", unit}, "device= must name the id of a PCI device"},
      {{"-device", unit + ",device=nic0", "-device",
        "gatehouse-redirect,id=r1,partition=p0,device=nic0"},
       "device=nic0 is redirected by 'r0' already"},
      {{"-device", "isa-debug-exit,id=port0", "-device", unit + ",device=port0"},
       "device=port0 is no PCI device"},
  };
  for (const auto& row : rows) {
    const std::string answer = refusal(row.more);
    EXPECT_NE(answer.find(row.answer), std::string::npos) << answer;
  }
}

// ---- Saved state

TEST(Redirect, SavedStateGoesOnWhereItWas) {
  Machine source([] {
    MachineOptions options = redirected_vnic();
    options.name = "source";
    return options;
  }());
  const std::string file = source.path("state");
  {
    Probe probe(source);
    Table table(probe);
    source.place_bars();
    std::vector<RedirectEntry> entries = ruled_ring(probe);
    entries.push_back(post(reg::TDT(0)));
    ASSERT_EQ(table.commit(entries), Result::k_ok);
    source.set_reg(reg::TDT(0), 1);
    source.set_reg(reg::RDT(0), 0x50002);
  }
  source.save(file);

  Machine destination([&] {
    MachineOptions options = redirected_vnic();
    options.name = "destination";
    options.incoming = "file:" + file;
    return options;
  }());
  ASSERT_TRUE(destination.load()) << destination.process().log();
  destination.qmp().execute("cont");
  Probe probe(destination);
  Table table(probe);
  EXPECT_EQ(destination.reg(reg::RDT(0)), 2u);
  destination.set_reg(reg::TDT(0), 3);
  const std::vector<RedirectRecord> records = table.take();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].value, 1u);
  EXPECT_EQ(records[1].value, 3u);
  destination.set_reg(reg::RDT(0), 0x70003);
  EXPECT_EQ(destination.reg(reg::RDT(0)), 3u);
  destination.set_reg(reg::CTRL, i82574::CTRL_RST);
  EXPECT_EQ(destination.reg(reg::RDT(0)), 0u);
}

}  // namespace
}  // namespace gatehouse::registers
