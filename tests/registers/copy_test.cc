// SPDX-License-Identifier: GPL-2.0-or-later
// Copy mode as a guest sees it that waits until its frame was inspected, and then changes it: in
// front of QEMU's own e1000e, which checks nothing.
#include <gtest/gtest.h>

#include <algorithm>

#include "hw/spec/i82574_registers.hh"
#include "tests/registers/inspector.hh"
#include "tests/registers/traffic.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet
using test::Bytes;

constexpr unsigned kStockSlot = 6;

class StockNic {
 public:
  StockNic()
      : wire_(files_.path("far"), files_.path("near")),
        inspector_(kWicked, "copy=on", "stock",
                   {"-netdev",
                    "dgram,id=n1,local.type=unix,local.path=" + files_.path("near") +
                        ",remote.type=unix,remote.path=" + files_.path("far"),
                    "-device", "e1000e,id=stock,addr=6,netdev=n1,romfile="}),
        machine_(inspector_.options()),
        rings_(machine_) {
    machine_.place_bars(kStockSlot);
    machine_.set_reg(reg::CTRL, machine_.reg(reg::CTRL) | CTRL_SLU);
    EXPECT_TRUE(machine_.wait([&] { return (machine_.reg(reg::STATUS) & STATUS_LU) != 0; }));
    rings_.start();
    EXPECT_EQ(inspector_.request(machine_, partition::Request::kStart), partition::Answer::kDone);
  }

  Machine& machine() { return machine_; }
  Rings& rings() { return rings_; }
  Wire& wire() { return wire_; }
  bool reports(const std::string& line) { return inspector_.reports(machine_, line); }
  bool waits_for(const std::string& line) {
    return machine_.wait([&] { return reports(line); });
  }
  void expect_on_wire(const Bytes& frame) {
    const auto sent = wire_.receive();
    ASSERT_TRUE(sent);
    EXPECT_EQ(Bytes(sent->begin(), sent->end()), frame);
  }

  static inline const Bytes kWicked = Bytes(8, 0xbd);

 private:
  lab::WorkDir files_{"stock"};
  Wire wire_;
  Inspector inspector_;
  Machine machine_;
  Rings rings_;
};

TEST(Copies, WhatLeavesAStockNicIsWhatWasInspected) {
  StockNic nic;
  const Bytes frame = datagram();
  nic.rings().send(frame);
  nic.expect_on_wire(frame);

  hold(nic.machine());
  const uint32_t index = nic.rings().send(frame);
  ASSERT_TRUE(nic.waits_for("inspected 2"));
  nic.machine().bus().write_block(nic.rings().buffer(index) + 60, StockNic::kWicked);
  transmit(nic.machine());
  nic.expect_on_wire(frame);
  EXPECT_TRUE(nic.machine().wait([&] { return nic.rings().sent(index); }));
  EXPECT_TRUE(nic.reports("dropped 0"));
  // One that is wicked from the start does not pass, and a good one still does.
  Bytes other = frame;
  std::copy(StockNic::kWicked.begin(), StockNic::kWicked.end(), other.begin() + 60);
  nic.rings().send(other);
  ASSERT_TRUE(nic.waits_for("dropped 1"));
  nic.rings().send(frame);
  nic.expect_on_wire(frame);
}

TEST(Copies, WhatAStockNicReceivesIsInspectedBeforeTheGuestHasIt) {
  StockNic nic;
  Bytes frame = reply();
  std::fill_n(frame.begin(), 6, uint8_t{0xff});
  Bytes other = frame;
  std::copy(StockNic::kWicked.begin(), StockNic::kWicked.end(), other.begin() + 60);
  nic.wire().send(other);
  ASSERT_TRUE(nic.waits_for("dropped 1"));
  const std::vector<uint8_t> buffer = nic.machine().bus().read_block(Rings::kReceiveBuffers, 2048);
  EXPECT_EQ(std::count(buffer.begin(), buffer.end(), 0), 2048) << "no octet of it";
  EXPECT_TRUE(nic.rings().receive()) << "as damaged on its way";
  nic.wire().send(frame);
  const auto received = nic.rings().receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(Bytes(received->begin(), received->end()), frame);
}

// A guest with packet split: descriptors of 32 octets with a buffer for headers and, if `payload`,
// one of 4 KiB; else 7.1.5's "no buffer", which QEMU's e1000e takes for an address. It wraps to 0.
void split(Machine& machine, bool payload) {
  constexpr uint64_t kNone = ~uint64_t{0};
  for (uint32_t i = 0; i < 8; ++i) {
    const uint64_t at = Rings::kReceiveBuffers + i * 0x2000;
    std::array<uint8_t, 32> descriptor{};
    put<desc::SPLIT_ADDRESS0>(descriptor.data(), at);
    put<desc::SPLIT_ADDRESS1>(descriptor.data(), payload ? at + 0x1000 : kNone);
    put<desc::SPLIT_ADDRESS2>(descriptor.data(), kNone);
    put<desc::SPLIT_ADDRESS3>(descriptor.data(), kNone);
    machine.bus().write_block(Rings::kReceiveRing + i * 32, descriptor);
  }
  machine.set_reg(reg::RDBAL(0), Rings::kReceiveRing);
  machine.set_reg(reg::RDBAH(0), 0);
  machine.set_reg(reg::RDLEN(0), 8 * 32);
  machine.set_reg(reg::RDH(0), 0);
  machine.set_reg(reg::RDT(0), 14);
}

Bytes broadcast() {
  Bytes frame = reply();
  std::fill_n(frame.begin(), 6, uint8_t{0xff});
  return frame;
}

constexpr uint32_t kSplitReceiver = RCTL_EN | RCTL_BAM | RCTL_SECRC | 1u << 10;  // DTYP
constexpr uint32_t kSplitSizes = 1 | 4 << 8;                                     // 128 and 4096

TEST(Copies, AStockNicHasNoAddressForABufferThatIsNone) {
  StockNic nic;
  Machine& machine = nic.machine();
  const std::vector<uint8_t> before = machine.bus().read_block(0, 8192);
  machine.set_reg(reg::RCTL, 0);
  machine.set_reg(reg::RFCTL, RFCTL_EXSTEN);
  machine.set_reg(reg::PSRCTL, kSplitSizes);
  split(machine, false);
  machine.set_reg(reg::RCTL, kSplitReceiver);
  EXPECT_TRUE(machine.wait([&] {  // until firmware has the ring
    nic.wire().offer(broadcast());
    return !nic.reports("unseen 0");
  }));
  EXPECT_EQ(machine.bus().read_block(0, 8192), before);
}

// It takes what RFCTL and PSRCTL say when RCTL is written, and the guest wrote that before. Its
// ring is empty meanwhile: the descriptors of the other format that are in it are no addresses now.
TEST(Copies, AStockNicAndFirmwareHaveOneFormat) {
  StockNic nic;
  Machine& machine = nic.machine();
  const std::vector<uint8_t> before = machine.bus().read_block(0, 8192);
  machine.set_reg(reg::RCTL, 0);
  machine.set_reg(reg::RDH(0), 0);
  machine.set_reg(reg::RDT(0), 0);
  machine.set_reg(reg::PSRCTL, 2 | 1 << 24);
  machine.set_reg(reg::RFCTL, 0);
  machine.set_reg(reg::RCTL, kSplitReceiver);
  // Firmware follows a little later; until then the NIC has the ring in the old format.
  EXPECT_TRUE(machine.wait([&] { return !nic.reports("unusable_rings 0"); }));
  machine.set_reg(reg::PSRCTL, kSplitSizes);
  machine.set_reg(reg::RFCTL, RFCTL_EXSTEN);
  split(machine, true);
  const Bytes frame = broadcast();
  EXPECT_TRUE(machine.wait([&] {
    nic.wire().offer(frame);
    return nic.reports("inspected 1") || nic.reports("inspected 2");
  }));
  constexpr uint32_t kHeaders = 42;
  EXPECT_EQ(machine.bus().read_block(Rings::kReceiveBuffers, kHeaders),
            Bytes(frame.begin(), frame.begin() + kHeaders));
  EXPECT_EQ(machine.bus().read_block(Rings::kReceiveBuffers + 0x1000, frame.size() - kHeaders),
            Bytes(frame.begin() + kHeaders, frame.end()));
  EXPECT_TRUE(nic.reports("unseen 0"));
  EXPECT_EQ(machine.bus().read_block(0, 8192), before);
}

}  // namespace
}  // namespace gatehouse::registers
