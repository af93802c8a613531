// SPDX-License-Identifier: GPL-2.0-or-later
// Vnics come and go while the machine runs; several on one card.
#include <gtest/gtest.h>

#include "tests/registers/rings.hh"
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
