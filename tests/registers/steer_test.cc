// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupt steering and the boundary of private addresses as guest and partition see them, on our
// vnic and on QEMU's own e1000e, with and without IOMMU.
#include <gtest/gtest.h>

#include "hw/spec/i82574_descriptors.hh"
#include "hw/spec/i82574_registers.hh"
#include "tests/registers/probe.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using nlohmann::json;
using partition::kRamBase;
using partition::Result;
using partition::SteerSlot;
using partition::UnitControl;
namespace unit = partition::unit;
namespace steer = partition::steer;

constexpr unsigned kNic = Machine::kSlot;
constexpr uint32_t kRequester = kNic << 3;
constexpr uint64_t kMailbox = 0x300000;  // where the tests' messages go
constexpr uint64_t kFree = kRamBase + 0x40'0000;
constexpr uint64_t kControl = kFree, kSlots = kFree + 0x1000, kRing = kFree + 0x2000;
constexpr uint64_t kWindow = kFree + 0x10000, kWindowOctets = 0x2000;
constexpr uint64_t kOutside = kFree + 0x20000;

// The firmware's side of unit 0.
class Steering : public FirstUnit {
 public:
  using FirstUnit::FirstUnit;
  Result commit(uint32_t bits, uint64_t window_octets = 0) {
    set(unit::CONTROL, kControl, 8);
    set(steer::SLOTS, kSlots, 8);
    set(steer::STEER, bits);
    set(steer::DMA, kWindow, 8);
    set(steer::DMA_OCTETS, window_octets, 8);
    return FirstUnit::commit();
  }
  SteerSlot slot(unsigned number) {
    return probe_.get<SteerSlot>(kSlots + number * sizeof(SteerSlot));
  }
  uint64_t pending() { return probe_.read(kControl + offsetof(UnitControl, pending), 8); }
};

struct Setup {
  const char* name;
  std::vector<std::string> more;
  bool vnic = true;
  bool iommu = false;
};

void PrintTo(const Setup& setup, std::ostream* to) { *to << setup.name; }

const std::string kSteer = "gatehouse-steer,id=s0,partition=p0,device=nic";
const std::string kVnic = "gatehouse-vnic,id=nic,card=card0,addr=4,romfile=";
const std::string kE1000e = "e1000e,id=nic,addr=4,romfile=";
const std::string kIommu = "intel-iommu,intremap=on";
const Setup kSetups[] = {
    {"vnic", {"-device", kSteer, "-device", kVnic}},
    {"e1000e", {"-device", kE1000e, "-device", kSteer}, false},
    {"vnic_iommu", {"-device", kSteer, "-device", kVnic, "-device", kIommu}, true, true},
    {"e1000e_iommu", {"-device", kIommu, "-device", kE1000e, "-device", kSteer}, false, true},
};

MachineOptions options_of(const Setup& setup, const std::string& name = "machine") {
  MachineOptions options{
      .more = setup.more, .vnic_present = false, .name = name, .partition = true};
  json policy = Machine::default_policy();
  policy["vnics"][0]["name"] = "nic";
  options.policy = policy;
  return options;
}

class Steered : public testing::TestWithParam<Setup> {
 protected:
  Steered() : machine_(options_of(GetParam())), probe_(machine_), steering_(probe_) {
    machine_.place_bars();
  }

  void enable_msix() {
    machine_.config_write(kNic, 0xa2, 0x8000, 2);
    for (unsigned vector = 0; vector < 2; ++vector) {
      const uint64_t row = Machine::kMsixBar + 16 * vector;
      machine_.bus().write(row, kMailbox + 4 * vector, 4);
      machine_.bus().write(row + 4, 0, 4);
      machine_.bus().write(row + 8, 0x100 + vector, 4);
      machine_.bus().write(row + 12, 0, 4);
    }
    machine_.set_reg(reg::IVAR, 0x8 | 0x9 << 8);
    machine_.set_reg(reg::IMS, ICR_RXQ0 | ICR_TXQ0);
  }
  void cause(uint32_t bits) { machine_.set_reg(reg::ICS, bits); }
  uint32_t message(unsigned slot) {
    return static_cast<uint32_t>(machine_.bus().read(kMailbox + 4 * slot, 4));
  }
  // The chipset routes each line to the second 8259, whose request register shows it.
  void route_intx() {
    constexpr unsigned kLpc = 31;
    for (unsigned pirq : {0x60u, 0x61u, 0x62u, 0x63u, 0x68u, 0x69u, 0x6au, 0x6bu})
      machine_.config_write(kLpc, pirq, 11, 1);
    machine_.bus().out(0x4d1, 1u << (11 - 8), 1);  // level triggered
    machine_.bus().out(0xa0, 0x0a, 1);             // reads show requests
  }
  bool line() { return machine_.bus().in(0xa0, 1) & 1u << (11 - 8); }
  // A frame from a transmit ring of one descriptor there.
  void transmit_from(uint64_t ring) {
    machine_.set_reg(reg::TCTL, 0);
    machine_.set_reg(reg::TDBAL(0), static_cast<uint32_t>(ring));
    machine_.set_reg(reg::TDBAH(0), static_cast<uint32_t>(ring >> 32));
    machine_.set_reg(reg::TDLEN(0), 16 * 8);
    machine_.set_reg(reg::TDH(0), 0);
    machine_.set_reg(reg::TDT(0), 0);
    machine_.set_reg(reg::TCTL, TCTL_EN | TCTL_PSP);
    machine_.set_reg(reg::TDT(0), 1);
  }
  std::array<uint8_t, kTxDescriptorSize> descriptor(uint64_t address) {
    std::array<uint8_t, kTxDescriptorSize> octets{};
    put<desc::TX_ADDRESS>(octets.data(), address);
    put<desc::TX_LENGTH>(octets.data(), 64);
    put<desc::TX_COMMAND>(octets.data(), TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS);
    return octets;
  }
  bool done(uint64_t ring) {
    const auto octets = probe_.get<std::array<uint8_t, kTxDescriptorSize>>(ring);
    return get<desc::TX_STATUS>(octets.data()) & TX_STATUS_DD;
  }
  uint64_t attempts(const std::string& who) {
    const json partitions = machine_.qmp().execute("query-gatehouse-partitions");
    for (const json& row : partitions[0]["boundary"]) {
      if (row["who"] == who) return row["reads"].get<uint64_t>() + row["writes"].get<uint64_t>();
    }
    return 0;
  }

  Machine machine_;
  Probe probe_;
  Steering steering_;
};

INSTANTIATE_TEST_SUITE_P(Steer, Steered, testing::ValuesIn(kSetups),
                         [](const auto& setup) { return setup.param.name; });

TEST_P(Steered, MessagesComeToThePartitionAndGoBack) {
  enable_msix();
  cause(ICR_RXQ0);
  EXPECT_EQ(message(0), 0x100u) << "not steered yet";
  machine_.reg(reg::ICR);
  ASSERT_EQ(steering_.commit(partition::kSteerMsi), Result::k_ok);
  machine_.bus().write(kMailbox, 0, 8);  // behind what the e1000e repeats
  cause(ICR_TXQ0);
  machine_.reg(reg::ICR);
  cause(ICR_RXQ0);
  machine_.reg(reg::ICR);
  cause(ICR_RXQ0);
  EXPECT_EQ(message(0), 0u);
  EXPECT_EQ(message(1), 0u);
  EXPECT_EQ(steering_.pending(), 3u);
  EXPECT_EQ(steering_.slot(0).address, kMailbox + 4);
  EXPECT_EQ(steering_.slot(0).data, 0x101u);
  EXPECT_EQ(steering_.slot(1).data, 0x100u);
  EXPECT_GE(steering_.slot(1).count, 2u);  // the e1000e repeats some
  steering_.set(steer::INJECT_SLOT, 1);
  EXPECT_EQ(message(0), 0x100u);
  EXPECT_EQ(message(1), 0u);
  steering_.set(steer::INJECT_ADDRESS, kMailbox + 4, 8);
  steering_.set(steer::INJECT_DATA, 0x55);
  EXPECT_EQ(message(1), 0x55u);
  steering_.set(unit::COMMIT, 0);
  machine_.reg(reg::ICR);
  cause(ICR_TXQ0);
  EXPECT_EQ(message(1), 0x101u);
}

TEST_P(Steered, TheLineComesToThePartitionAndGoesBack) {
  route_intx();
  machine_.set_reg(reg::IMS, ICR_TXDW);
  cause(ICR_TXDW);
  EXPECT_TRUE(line()) << "not steered yet";
  machine_.reg(reg::ICR);
  machine_.set_reg(reg::ICR, ~0u);
  EXPECT_FALSE(line());
  ASSERT_EQ(steering_.commit(partition::kSteerIntx), Result::k_ok);
  cause(ICR_TXDW);
  EXPECT_FALSE(line());
  EXPECT_EQ(steering_.pending(), uint64_t{1} << partition::kIntxSlot);
  EXPECT_EQ(steering_.slot(partition::kIntxSlot).address, 1u);
  steering_.set(steer::INJECT_INTX, 1);
  EXPECT_TRUE(line());
  machine_.set_reg(reg::ICR, ~0u);
  EXPECT_TRUE(line()) << "it is the partition's";
  EXPECT_EQ(steering_.slot(partition::kIntxSlot).address, 0u);
  steering_.set(steer::INJECT_INTX, 0);
  EXPECT_FALSE(line());
  cause(ICR_TXDW);
  EXPECT_FALSE(line());
  steering_.set(unit::COMMIT, 0);
  EXPECT_TRUE(line()) << "it is the device's again";
}

TEST_P(Steered, ARaisedLineDoesNotOutliveTheMachinesReset) {
  route_intx();
  ASSERT_EQ(steering_.commit(partition::kSteerIntx), Result::k_ok);
  steering_.set(steer::INJECT_INTX, 1);
  EXPECT_TRUE(line());
  machine_.qmp().execute("system_reset");
  ASSERT_TRUE(machine_.qmp().wait_event("RESET", std::chrono::seconds(20)));
  route_intx();
  EXPECT_FALSE(line());
}

// A bus that is reset has no line that is high, or QEMU ends.
TEST(Steer, ARaisedLineDoesNotOutliveItsBus) {
  Machine machine({.more = {"-device", "pcie-root-port,id=port0,addr=5,slot=1,chassis=1", "-device",
                            "e1000e,id=vnic0,bus=port0,romfile=", "-device",
                            "gatehouse-steer,id=s0,partition=p0,device=vnic0"},
                   .vnic_present = false,
                   .partition = true});
  Probe probe(machine);
  Steering steering(probe);
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(steering.commit(partition::kSteerIntx), Result::k_ok);
    steering.set(steer::INJECT_INTX, 1);
    machine.config_write(5, 0x3e, 0x40, 2);  // bridge control: secondary bus reset
    machine.config_write(5, 0x3e, 0, 2);
  }
  EXPECT_EQ(machine.config_read(5, 0, 2), 0x1b36u) << "it lives";
}

TEST_P(Steered, DmaReachesPrivateRamThroughTheWindowOnly) {
  for (uint64_t ring : {kWindow, kOutside}) probe_.put(ring, descriptor(0x400000));
  transmit_from(kWindow);
  EXPECT_FALSE(done(kWindow)) << "no window yet";
  EXPECT_GT(attempts("device"), 0u);
  const auto event = machine_.qmp().wait_event("GATEHOUSE_BOUNDARY", std::chrono::seconds(20));
  ASSERT_TRUE(event);
  const json& data = (*event)["data"];
  EXPECT_EQ(data["partition"], "p0");
  EXPECT_EQ(data["address"], kWindow);
  EXPECT_EQ(data["write"], false);
  EXPECT_EQ(data["who"], "device");
  EXPECT_EQ(data["id"], kRequester);

  ASSERT_EQ(steering_.commit(0, kWindowOctets), Result::k_ok);
  transmit_from(kWindow);
  EXPECT_TRUE(machine_.wait([&] { return done(kWindow); }));
  EXPECT_EQ(steering_.get(steer::DMA_DENIED, 8), 0u);
  const uint64_t denied = attempts("device");
  transmit_from(kOutside);
  EXPECT_FALSE(done(kOutside));
  EXPECT_GT(steering_.get(steer::DMA_DENIED, 8), 0u);
  EXPECT_GT(attempts("device"), denied);

  steering_.set(unit::COMMIT, 0);
  probe_.put(kWindow, descriptor(0x400000));
  transmit_from(kWindow);
  EXPECT_FALSE(done(kWindow)) << "no window any more";
}

// Counts that firmware cannot change.
TEST_P(Steered, AQueryShowsWhatIsSteeredAndWhatItDid) {
  const auto query = [&] {
    const json units = machine_.qmp().execute("query-gatehouse-steers");
    EXPECT_EQ(units.size(), 1u);
    return units[0];
  };
  json expected = {
      {"id", "s0"},      {"partition", "p0"}, {"device", "nic"}, {"present", true},
      {"active", false}, {"result", "off"},   {"slots", 0},      {"steering", json::array()},
      {"dma", 0},        {"dma-octets", 0},   {"seals", false},  {"messages", 0},
      {"lines", 0},      {"injections", 0},   {"refused", 0},    {"commits", 0},
      {"dma-denied", 0}, {"seals-broken", 0}, {"records", 0},    {"overruns", 0},
      {"interrupts", 0}};
  EXPECT_EQ(query(), expected);
  enable_msix();
  steering_.set(unit::RING, kRing, 8);
  steering_.set(unit::RING_RECORDS, 64);
  ASSERT_EQ(steering_.commit(partition::kSteerMsi | partition::kSteerRing, kWindowOctets),
            Result::k_ok);
  EXPECT_EQ(steering_.commit(~0u), Result::k_bad_steering);
  cause(ICR_TXQ0);
  steering_.set(steer::INJECT_SLOT, 0);
  steering_.set(steer::INJECT_SLOT, 5);  // there is none
  transmit_from(kOutside);
  ASSERT_TRUE(machine_.wait([&] { return query()["dma-denied"] > 0; }));
  json seen = query();
  expected["active"] = true;
  expected["result"] = "bad_steering";
  expected["steering"] = {"msi", "ring"};
  expected["slots"] = 1;
  expected["dma"] = kWindow;
  expected["dma-octets"] = kWindowOctets;
  expected["injections"] = expected["commits"] = 1;
  expected["refused"] = 2;
  expected["dma-denied"] = steering_.get(steer::DMA_DENIED, 8);
  EXPECT_GE(seen["messages"], 1);  // the e1000e repeats some
  expected["messages"] = expected["records"] = seen["messages"];
  EXPECT_EQ(seen, expected);
}

TEST_P(Steered, TheWindowEndsWithBusMastering) {
  ASSERT_EQ(steering_.commit(0, kWindowOctets), Result::k_ok);
  probe_.put(kWindow, descriptor(0x400000));
  machine_.config_write(kNic, 0x04, 3, 2);
  transmit_from(kWindow);
  EXPECT_FALSE(done(kWindow));
  machine_.config_write(kNic, 0x04, 7, 2);
  transmit_from(kWindow);
  EXPECT_TRUE(machine_.wait([&] { return done(kWindow); }));
}

TEST_P(Steered, TheViewIsTheGuestsMemory) {
  machine_.bus().write(0x300100, 0x1234'5678, 4);
  EXPECT_EQ(probe_.read(partition::kDeviceViewBase + 0x300100, 4), 0x1234'5678u);
  probe_.write(partition::kDeviceViewBase + 0x300100, 0x8765'4321, 4);
  EXPECT_EQ(machine_.bus().read(0x300100, 4), 0x8765'4321u);
  // Not the core's own APIC, whatever address the guest names.
  EXPECT_EQ(probe_.read(partition::kDeviceViewBase + 0xfee0'0030, 4), 0xffff'ffffu);
}

TEST_P(Steered, PrivateAddressesAreWhereNothingIs) {
  const uint64_t secret = 0x0123'4567'89ab'cdef;
  probe_.write(kOutside, secret, 8);
  const uint64_t nothing = machine_.bus().read(0x70'0000'0000, 8);
  const uint64_t addresses[] = {kRamBase,
                                kOutside,
                                partition::kMmioBase,
                                partition::kMmioBase + partition::kPage,
                                partition::kBarWindowBase,
                                partition::kDeviceViewBase + 0x300000,
                                partition::kPrivateEnd - 8};
  uint64_t before = attempts("other");
  for (uint64_t address : addresses) {
    EXPECT_EQ(machine_.bus().read(address, 8), nothing);
    machine_.bus().write(address, 0xdead, 8);
    const uint64_t after = attempts("other");
    EXPECT_GE(after, before + 2);
    before = after;
  }
  EXPECT_EQ(probe_.read(kOutside, 8), secret);
  EXPECT_EQ(probe_.read(partition::kMmioBase, 8), partition::kMagic);
  const auto event = machine_.qmp().wait_event("GATEHOUSE_BOUNDARY", std::chrono::seconds(20));
  ASSERT_TRUE(event);
  EXPECT_EQ((*event)["data"]["who"], "other");
  EXPECT_EQ((*event)["data"]["address"], kRamBase);
  machine_.bus().read(partition::kPrivateEnd, 8);
  machine_.bus().read(partition::kPrivateBase - 8, 8);
  EXPECT_EQ(attempts("other"), before);
}

// A BAR of 64 bits that the guest moves over private addresses is not there either; beside them it
// is.
TEST(Boundary, ABarOverPrivateAddressesIsNotThere) {
  constexpr unsigned kRng = 6;
  Machine machine({.more = {"-device", "virtio-rng-pci,addr=6,disable-legacy=on"},
                   .vnic_present = false,
                   .partition = true});
  Probe probe(machine);
  const auto move = [&](uint64_t address) {
    machine.config_write(kRng, 0x04, 0, 2);
    machine.config_write(kRng, 0x20, static_cast<uint32_t>(address), 4);
    machine.config_write(kRng, 0x24, static_cast<uint32_t>(address >> 32), 4);
    machine.config_write(kRng, 0x04, 6, 2);
  };
  constexpr uint64_t kQueues = 0x12;  // of the common configuration, at the BAR's start
  const uint64_t nothing = machine.bus().read(0x70'0000'0000 + kQueues, 2);
  move(0x70'0000'0000);
  ASSERT_EQ(machine.bus().read(0x70'0000'0000 + kQueues, 2), 1u);
  probe.write(kOutside, 0x1234, 2);
  for (uint64_t address : {kRamBase, partition::kMmioBase, partition::kBarWindowBase,
                           partition::kDeviceViewBase, partition::kPrivateEnd - 0x10000}) {
    move(address);
    EXPECT_EQ(machine.bus().read(address + kQueues, 2), nothing);
  }
  // The partition's own view is unmoved.
  move(kOutside & ~uint64_t{0xffff});
  EXPECT_EQ(probe.read(kOutside, 2), 0x1234u);
  EXPECT_EQ(probe.read(partition::kMmioBase, 8), partition::kMagic);
  move(partition::kPrivateEnd);
  EXPECT_EQ(machine.bus().read(partition::kPrivateEnd + kQueues, 2), 1u);
}

// ---- What is refused

TEST(Steer, RefusesWhatCannotBe) {
  const std::string unit = "gatehouse-steer,id=s0,partition=p0";
  struct {
    std::vector<std::string> more;
    const char* answer;
  } const rows[] = {
      {{"-device", "gatehouse-steer,device=nic0"}, "no partition; add -device"},
      {{"-device", unit}, "device= must name the id of a PCI device"},
      {{"-device", unit + ",device=nic0", "-device",
        "gatehouse-steer,id=s1,partition=p0,device=nic0"},
       "device=nic0 is steered by 's0' already"},
  };
  for (const auto& row : rows) {
    const std::string answer = refusal(row.more);
    EXPECT_NE(answer.find(row.answer), std::string::npos) << answer;
  }
}

// ---- Its life

void plug(Machine& machine) {
  machine.qmp().execute("device_add",
                        {{"driver", "e1000e"}, {"id", "nic"}, {"bus", "port0"}, {"romfile", ""}});
}

TEST(Steer, ItsDeviceComesAndGoes) {
  Machine machine(
      {.more = {"-device", kSteer, "-device", "pcie-root-port,id=port0,addr=5,slot=1,chassis=1"},
       .vnic_present = false,
       .partition = true,
       .partition_more = ",persist=on"});
  Probe probe(machine);
  Steering steering(probe);
  for (unsigned round = 0; round < 3; ++round) {
    EXPECT_EQ(steering.commit(partition::kSteerMsi), Result::k_no_device);
    plug(machine);
    ASSERT_EQ(steering.commit(partition::kSteerMsi | partition::kSteerIntx, kWindowOctets),
              Result::k_ok);
    steering.set(steer::INJECT_INTX, 1);
    machine.bus().write(0x300100, round, 4);
    EXPECT_EQ(probe.read(partition::kDeviceViewBase + 0x300100, 4), round);
    // Without a guest that answers the port's request the removal waits for the machine's reset.
    machine.qmp().execute("device_del", {{"id", "nic"}});
    machine.qmp().execute("system_reset");
    ASSERT_TRUE(machine.qmp().wait_event("DEVICE_DELETED", std::chrono::seconds(20)));
    ASSERT_TRUE(machine.wait([&] {
      return !(steering.get(unit::STATUS) & (partition::kStatusActive | partition::kStatusPresent));
    }));
    EXPECT_EQ(steering.get(unit::RESULT), static_cast<uint32_t>(Result::k_no_device));
    steering.set(steer::INJECT_SLOT, 0);
    steering.set(steer::INJECT_DATA, 0);
    machine.qmp().execute("query-status");
  }
}

TEST_P(Steered, SavedStateGoesOnWhereItWas) {
  enable_msix();
  ASSERT_EQ(steering_.commit(partition::kSteerMsi, kWindowOctets), Result::k_ok);
  cause(ICR_RXQ0);
  machine_.reg(reg::ICR);
  const std::string file = machine_.path("state");
  machine_.save(file);

  MachineOptions options = options_of(GetParam(), "destination");
  options.incoming = "file:" + file;
  Machine destination(options);
  ASSERT_TRUE(destination.load()) << destination.process().log();
  destination.qmp().execute("cont");
  Probe probe(destination);
  Steering steering(probe);
  const uint32_t count = steering.slot(0).count;
  EXPECT_GE(count, 1u);
  destination.set_reg(reg::ICS, ICR_RXQ0);
  EXPECT_GT(steering.slot(0).count, count);
  EXPECT_EQ(destination.bus().read(kMailbox, 4), 0u);
  steering.set(steer::INJECT_SLOT, 0);
  EXPECT_EQ(destination.bus().read(kMailbox, 4), 0x100u);
}

TEST_P(Steered, ARaisedLineGoesOnInSavedState) {
  route_intx();
  ASSERT_EQ(steering_.commit(partition::kSteerIntx), Result::k_ok);
  machine_.set_reg(reg::IMS, ICR_TXDW);
  cause(ICR_TXDW);
  steering_.set(steer::INJECT_INTX, 1);
  const std::string file = machine_.path("state");
  machine_.save(file);

  MachineOptions options = options_of(GetParam(), "destination");
  options.incoming = "file:" + file;
  Machine destination(options);
  ASSERT_TRUE(destination.load()) << destination.process().log();
  destination.qmp().execute("cont");
  Probe probe(destination);
  Steering steering(probe);
  const auto line_there = [&] { return (destination.bus().in(0xa0, 1) & 1u << (11 - 8)) != 0; };
  EXPECT_TRUE(line_there());
  steering.set(steer::INJECT_INTX, 0);
  EXPECT_FALSE(line_there());
  steering.set(unit::COMMIT, 0);
  EXPECT_TRUE(line_there());
  destination.set_reg(reg::ICR, ~0u);
  EXPECT_FALSE(line_there());
}

}  // namespace
}  // namespace gatehouse::registers
