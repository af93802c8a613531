// SPDX-License-Identifier: GPL-2.0-or-later
// Drivers that lie. The machine must go on: each test ends with a frame that passes after a reset
// of the function.
#include <gtest/gtest.h>

#include <array>

#include "tests/registers/rings.hh"
#include "tests/registers/traffic.hh"

namespace gatehouse::registers {
namespace {

using namespace i82574;  // NOLINT: reads like the data sheet

struct HostileRow {
  const char* name;
  uint64_t ring;    // where the descriptors are said to be
  uint64_t buffer;  // where the frame is said to be
  uint32_t length;  // of the ring, octets
  uint32_t head, tail;
};

constexpr HostileRow kRows[] = {
    {"RingBehindRam", 0x80000000, 0x400000, 1024, 0, 32},
    {"RingAtTheEndOfTheAddressSpace", ~uint64_t{0xf}, 0x400000, 1024, 0, 32},
    {"RingOnItsOwnRegisters", Machine::kMemoryBar + 0x3800, 0x400000, 1024, 0, 32},
    {"RingOnItsOwnDoorbell", Machine::kMemoryBar + reg::TDT(0), 0x400000, 1024, 0, 32},
    {"RingOnItsMsixTable", Machine::kMsixBar, 0x400000, 128, 0, 7},
    {"RingOnItsFlash", Machine::kFlashBar, 0x400000, 1024, 0, 32},
    {"RingOnTheInterruptController", 0xfec00000, 0x400000, 1024, 0, 32},
    {"BufferOnItsOwnRegisters", Rings::kTransmitRing, Machine::kMemoryBar, 1024, 0, 32},
    {"BufferBehindRam", Rings::kTransmitRing, 0x80000000, 1024, 0, 32},
    {"BufferThatWraps", Rings::kTransmitRing, ~uint64_t{63}, 1024, 0, 32},
    {"HeadBehindTheRing", Rings::kTransmitRing, 0x400000, 1024, 0xffff, 32},
    {"TailBehindTheRing", Rings::kTransmitRing, 0x400000, 1024, 0, 0xffff},
    {"NoRing", Rings::kTransmitRing, 0x400000, 0, 0, 32},
    {"LargestRing", Rings::kTransmitRing, 0x400000, 0xfff80, 0, 0xfff0},
};

class Hostile : public testing::TestWithParam<HostileRow> {
 protected:
  Hostile() { machine_.place_bars(); }

  void expect_that_it_lives() {
    EXPECT_TRUE(machine_.process().running()) << machine_.process().log();
    machine_.set_reg(reg::CTRL, CTRL_RST);
    machine_.place_bars();
    Rings rings(machine_);
    rings.start();
    while (!machine_.wire().idle()) machine_.wire().receive();
    const auto frame = datagram(777);
    rings.send(frame);
    const auto wire = machine_.wire().receive();
    ASSERT_TRUE(wire);
    EXPECT_EQ(wire->size(), frame.size() + kOuter);
    EXPECT_EQ(machine_.card()["packets-in-use"], 0);
  }

  Machine machine_;
};

TEST_P(Hostile, TransmitRing) {
  const HostileRow& row = GetParam();
  Rings rings(machine_);
  rings.start();
  for (uint32_t i = 0; i < Rings::kDescriptors; ++i) {
    std::array<uint8_t, kTxDescriptorSize> descriptor{};
    put<desc::TX_ADDRESS>(descriptor.data(), row.buffer);
    put<desc::TX_LENGTH>(descriptor.data(), 128);
    put<desc::TX_COMMAND>(descriptor.data(), TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS);
    rings.put(descriptor);
  }
  machine_.set_reg(reg::TDBAL(0), static_cast<uint32_t>(row.ring));
  machine_.set_reg(reg::TDBAH(0), static_cast<uint32_t>(row.ring >> 32));
  machine_.set_reg(reg::TDLEN(0), row.length);
  machine_.set_reg(reg::TDH(0), row.head);
  machine_.set_reg(reg::TDT(0), row.tail);
  for (int i = 0; i < 100; ++i) machine_.bus().step(1'000'000);
  expect_that_it_lives();
}

TEST_P(Hostile, ReceiveRing) {
  const HostileRow& row = GetParam();
  Rings rings(machine_);
  rings.start();
  for (uint32_t i = 0; i < Rings::kDescriptors; ++i)
    machine_.bus().write(Rings::kTransmitRing + 16 * i, row.buffer, 8);
  machine_.set_reg(reg::RDBAL(0), static_cast<uint32_t>(row.ring));
  machine_.set_reg(reg::RDBAH(0), static_cast<uint32_t>(row.ring >> 32));
  machine_.set_reg(reg::RDLEN(0), row.length);
  machine_.set_reg(reg::RDH(0), row.head);
  machine_.set_reg(reg::RDT(0), row.tail);
  const auto frame = encapsulated(reply());
  for (int i = 0; i < 20; ++i) machine_.wire().send(frame);
  machine_.wait_received(20);
  for (int i = 0; i < 100; ++i) machine_.bus().step(1'000'000);
  expect_that_it_lives();
}

INSTANTIATE_TEST_SUITE_P(Drivers, Hostile, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(HostileDriver, NothingMovesWithoutBusMastering) {
  Machine machine;
  machine.place_bars();
  Rings rings(machine);
  rings.start();
  machine.config_write(Machine::kSlot, 0x04, 3, 2);
  const uint32_t index = rings.send(test::Frame().ethernet().ipv4().udp().payload(100).build());
  EXPECT_FALSE(rings.sent(index));
  machine.config_write(Machine::kSlot, 0x04, 7, 2);
  EXPECT_TRUE(machine.process().running());
}

TEST(HostileDriver, ContextsThatLieEndInADropReason) {
  Machine machine;
  machine.place_bars();
  Rings rings(machine);
  rings.start();
  const auto frame =
      test::Frame()
          .ethernet({.destination = "52:54:00:00:00:02", .source = "52:54:00:00:00:01"})
          .ipv4({.source = "192.168.0.1", .destination = "192.168.0.2"})
          .tcp()
          .payload(3000)
          .build();
  rings.write_buffer(0, frame);
  for (const uint32_t header : {0u, 13u, 33u, 53u, 255u}) {
    for (const uint32_t mss : {0u, 1u, 0xffffu}) {
      std::array<uint8_t, kTxDescriptorSize> context{}, data{};
      put<desc::CONTEXT_IPCSS>(context.data(), 255);
      put<desc::CONTEXT_IPCSO>(context.data(), 255);
      put<desc::CONTEXT_TUCSS>(context.data(), 255);
      put<desc::CONTEXT_TUCSO>(context.data(), 255);
      put<desc::CONTEXT_TUCSE>(context.data(), 1);
      put<desc::CONTEXT_PAYLEN>(context.data(), 0xfffff);
      put<desc::CONTEXT_TUCMD>(context.data(), TX_TUCMD_TCP | TX_TUCMD_TSE | TX_TUCMD_DEXT);
      put<desc::CONTEXT_HDRLEN>(context.data(), header);
      put<desc::CONTEXT_MSS>(context.data(), mss);
      rings.put(context);
      put<desc::DATA_ADDRESS>(data.data(), rings.buffer(0));
      put<desc::DATA_DTALEN>(data.data(), frame.size());
      put<desc::DATA_DTYP>(data.data(), 1);
      put<desc::DATA_DCMD>(data.data(), TX_CMD_EOP | TX_CMD_TSE | TX_CMD_RS | TX_CMD_DEXT);
      put<desc::DATA_POPTS>(data.data(), TX_POPTS_IXSM | TX_POPTS_TXSM);
      rings.put(data);
    }
  }
  rings.doorbell();
  for (int i = 0; i < 10; ++i) machine.bus().step(1'000'000);
  EXPECT_EQ(machine.reg(reg::TDH(0)), rings.tail()) << "all descriptors are used up";
  uint64_t dropped = 0;
  const nlohmann::json vnic = machine.vnic();
  for (const nlohmann::json& row : vnic["drops"]) dropped += row["count"].get<uint64_t>();
  EXPECT_EQ(dropped, 15u);
  EXPECT_TRUE(machine.wire().idle());
  EXPECT_EQ(machine.card()["packets-in-use"], 0);
}

}  // namespace
}  // namespace gatehouse::registers
