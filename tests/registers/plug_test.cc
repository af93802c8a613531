// SPDX-License-Identifier: GPL-2.0-or-later
// Vnics come and go while the machine runs; several on one card.
#include <gtest/gtest.h>

#include "hw/spec/i82574_registers.hh"
#include "tests/registers/rings.hh"
#include "tests/registers/traffic.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;
namespace reg = i82574::reg;

json two_vnics() {
  json policy = Machine::default_policy();
  policy["vnics"].push_back({{"name", "vnic1"},
                             {"tenant", "red"},
                             {"mac", "52:54:00:00:00:03"},
                             {"addresses", {"192.168.0.3"}}});
  return policy;
}

// The slot behind a hot-pluggable port: bus 1, which the test numbers.
struct Port {
  static constexpr unsigned kSlot = 5;
  static std::vector<std::string> options() {
    return {"-device", "pcie-root-port,id=port0,addr=5,slot=1,chassis=1"};
  }
};

TEST(Plugging, AVnicIsPluggedAndAttached) {
  Machine machine({.policy = two_vnics(), .more = Port::options()});
  EXPECT_EQ(machine.card()["vnics"].size(), 1u);
  machine.qmp().execute("device_add", {{"driver", "gatehouse-vnic"},
                                       {"id", "vnic1"},
                                       {"card", "card0"},
                                       {"bus", "port0"},
                                       {"romfile", ""}});
  const json card = machine.card();
  ASSERT_EQ(card["vnics"].size(), 2u);
  EXPECT_EQ(card["vnics"][1]["name"], "vnic1");
  EXPECT_EQ(card["vnics"][1]["mac"], "52:54:00:00:00:03");
}

TEST(Plugging, AVnicOfATakenNameIsRefused) {
  Machine machine({.more = Port::options()});
  const json answer = machine.qmp().execute_raw(
      "device_add",
      {{"driver", "gatehouse-vnic"}, {"id", "vnic0"}, {"card", "card0"}, {"bus", "port0"}});
  EXPECT_TRUE(answer.contains("error"));
  EXPECT_EQ(machine.card()["vnics"].size(), 1u);
}

TEST(Plugging, AnUnpluggedVnicIsDetached) {
  Machine machine({.policy = two_vnics(), .more = Port::options()});
  const auto plug = [&] {
    machine.qmp().execute("device_add", {{"driver", "gatehouse-vnic"},
                                         {"id", "vnic1"},
                                         {"card", "card0"},
                                         {"bus", "port0"},
                                         {"romfile", ""}});
  };
  plug();
  // Without a guest that answers the port's request the removal waits for the machine's reset.
  machine.qmp().execute("device_del", {{"id", "vnic1"}});
  machine.qmp().execute("system_reset");
  ASSERT_TRUE(machine.qmp().wait_event("DEVICE_DELETED", std::chrono::seconds(20)));
  EXPECT_TRUE(machine.wait([&] { return machine.card()["vnics"].size() == 1; }));
  plug();
  EXPECT_EQ(machine.card()["vnics"].size(), 2u);
}

// QEMU's own addresses are for NICs that have none: 169 of them, each until its NIC goes.
TEST(Plugging, AVnicWithAnAddressByPolicyTakesNoneOfQemus) {
  Machine machine({.policy = two_vnics(), .more = {"-device", "e1000e,id=other,romfile="}});
  EXPECT_EQ(machine.card()["vnics"][0]["mac"], "52:54:00:00:00:01");
  EXPECT_EQ(machine.qmp().execute("qom-get",
                                  {{"path", "/machine/peripheral/other"}, {"property", "mac"}}),
            "52:54:00:12:34:56");
  EXPECT_EQ(machine.qmp().execute("qom-get",
                                  {{"path", "/machine/peripheral/vnic0"}, {"property", "mac"}}),
            "52:54:00:00:00:01");
}

// Messages to the configuration window of the port above: Slot Control, "power off", which ejects
// what is in the slot. Within the call of the vnic that sends it, it would be gone in mid-call.
class AMessageToThePort : public testing::Test {
 protected:
  static constexpr uint64_t kPortConfig = Machine::kMmconfig + (Port::kSlot << 15);
  static constexpr uint64_t kDeviceConfig = Machine::kMmconfig + (1 << 20);

  AMessageToThePort()
      : machine_({.more =
                      [] {
                        std::vector<std::string> more = Port::options();
                        more.insert(more.end(), {"-device",
                                                 "gatehouse-vnic,id=vnic0,card=card0,bus=port0,"
                                                 "romfile="});
                        return more;
                      }(),
                  .vnic_present = false}),
        rings_(machine_) {
    machine_.extended_read(0, 0);  // places the window
    machine_.config_write(Port::kSlot, 0x18, 0x00010100, 4);
    machine_.config_write(Port::kSlot, 0x20, 0xe000e000, 4);
    machine_.config_write(Port::kSlot, 0x04, 7, 2);
    set_config(0x10, Machine::kMemoryBar, 4);
    set_config(0x14, Machine::kFlashBar, 4);
    set_config(0x1c, Machine::kMsixBar, 4);
    set_config(0x04, 6, 2);
    set_config(0xa2, 0x8000, 2);  // MSI-X
    for (unsigned vector = 0; vector < i82574::kMsixVectors; ++vector) {
      const uint64_t entry = Machine::kMsixBar + 16 * vector;
      machine_.bus().write(entry, kPortConfig + slot_control(), 8);
      machine_.bus().write(entry + 8, 0x07c0, 4);  // indicators off, power off
      machine_.bus().write(entry + 12, 0, 4);
    }
    rings_.start();
    machine_.reg(reg::ICR);
    machine_.set_reg(reg::IVAR, 0x8 | 0x9 << 8 | 0xa << 16);
    machine_.set_reg(reg::IMS, i82574::ICR_RXQ0 | i82574::ICR_OTHER);
  }
  void set_config(unsigned offset, uint64_t value, unsigned octets) {
    machine_.bus().write(kDeviceConfig + offset, value, octets);
  }
  // Of the port's PCI Express capability.
  unsigned slot_control() {
    constexpr unsigned kExpress = 0x10;
    unsigned at = machine_.config_read(Port::kSlot, 0x34, 1);
    while (machine_.config_read(Port::kSlot, at, 1) != kExpress)
      at = machine_.config_read(Port::kSlot, at + 1, 1);
    return at + 0x18;
  }
  void expect_there() {
    EXPECT_EQ(machine_.card()["vnics"].size(), 1u);
    EXPECT_TRUE(machine_.reg(reg::STATUS) & i82574::STATUS_LU);
  }

  Machine machine_;
  Rings rings_;
};

TEST_F(AMessageToThePort, EjectsNobodyInADoorbell) {
  machine_.set_reg(reg::ICS, i82574::ICR_OTHER);
  EXPECT_TRUE(machine_.reg(reg::ICS) & i82574::ICR_OTHER) << "it was sent";
  expect_there();
}

TEST_F(AMessageToThePort, EjectsNobodyWhileAFrameComes) {
  machine_.wire().send(encapsulated(reply()));
  EXPECT_TRUE(rings_.receive());
  expect_there();
}

TEST(Plugging, CardsStayWhereTheyAre) {
  Machine machine;
  const json add =
      machine.qmp().execute_raw("device_add", {{"driver", "gatehouse-card"}, {"id", "card1"}});
  EXPECT_NE(add["error"]["desc"].get<std::string>().find("does not support hotplugging"),
            std::string::npos);
  const json remove = machine.qmp().execute_raw("device_del", {{"id", "card0"}});
  EXPECT_TRUE(remove.contains("error"));
}

TEST(Plugging, TwoVnicsOfOneCardTalkWithoutTheWire) {
  Machine machine({.policy = two_vnics(),
                   .more = {"-device", "gatehouse-vnic,id=vnic1,card=card0,addr=6,romfile="}});
  // The second vnic's BARs are placed first and elsewhere, then hidden again: the rings stay where
  // its driver put them.
  machine.place_bars(6);
  Rings(machine).start();
  machine.config_write(6, 0x10, 0xe0100000, 4);
  machine.config_write(6, 0x14, 0xe0120000, 4);
  machine.config_write(6, 0x18, 0xc100, 4);
  machine.config_write(6, 0x1c, 0xe0140000, 4);
  machine.place_bars(4);
  Rings second(machine);  // descriptors of the second vnic's receive ring
  const auto frame =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:03", .source = "52:54:00:00:00:01"})
          .ipv4({.source = "192.168.0.1", .destination = "192.168.0.3"})
          .udp()
          .payload(100)
          .build();
  machine.set_reg(reg::CTRL, machine.reg(reg::CTRL) | i82574::CTRL_SLU);
  second.wait_link();
  machine.set_reg(reg::TDBAL(0), static_cast<uint32_t>(Rings::kTransmitRing));
  machine.set_reg(reg::TDLEN(0), 16 * Rings::kDescriptors);
  machine.set_reg(reg::TCTL, i82574::TCTL_EN);
  second.send(frame);
  EXPECT_TRUE(machine.wire().idle());
  ASSERT_TRUE(second.received());
  EXPECT_EQ(machine.bus().read_block(Rings::kReceiveBuffers, frame.size()), frame);
}

}  // namespace
}  // namespace gatehouse::registers
