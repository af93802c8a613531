// SPDX-License-Identifier: GPL-2.0-or-later
// A guest that means harm: each attempt has a defined result, and no register access makes more
// than a bounded amount of work.
#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT
using spec::DropReason;

constexpr uint8_t kSend = TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS;
constexpr uint32_t kMostUnits = 0xfff80 / 16;

Bytes plain(uint32_t payload = 100) { return IpFrame{.payload = payload}.build(); }
bool done(Rig& rig, uint32_t unit) {
  return (field<desc::TX_STATUS>(rig.tx(unit)) & TX_STATUS_DD) != 0;
}

struct Place {
  const char* name;
  uint32_t low, high;
};
const Place kBadPlaces[] = {
    {"on MMIO", static_cast<uint32_t>(kMmio), 0},
    {"behind RAM", static_cast<uint32_t>(Memory::kRam), 0},
    {"far away", 0, 0x7fffffff},
    {"at the end of the address space", 0xfffffff0, 0xffffffff},
};

TEST(HostileTransmit, RingThatIsNotRamStopsTheQueueUntilTheNextDoorbell) {
  for (const Place& place : kBadPlaces) {
    SCOPED_TRACE(place.name);
    Rig rig;
    rig.transmit_ring(0, 64);
    rig.set(reg::TDBAL(0), place.low);
    rig.set(reg::TDBAH(0), place.high);
    rig.set(reg::TDT(0), 10);
    EXPECT_EQ(rig.card.drops[DropReason::tx_dma_error], 1u);
    EXPECT_EQ(rig.get(reg::TDH(0)), 0u);
    EXPECT_EQ(rig.memory.refused, 1u);
    rig.advance(1'000'000'000);
    EXPECT_EQ(rig.memory.refused, 1u) << "nobody tries again by himself";
    // The other queue goes on, and this one once its ring is sound.
    rig.transmit_ring(1, 64);
    rig.queue_frame(0, plain(), kSend, 1);
    rig.set(reg::TDT(1), 1);
    EXPECT_EQ(rig.card.sent.size(), 1u);
    rig.transmit_ring(0, 64);
    rig.queue_frame(0, plain());
    rig.set(reg::TDT(0), 1);
    EXPECT_EQ(rig.card.sent.size(), 2u);
  }
}

TEST(HostileTransmit, RingThatIsRamInPartWorksUpToThere) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.set(reg::TDBAL(0), static_cast<uint32_t>(Memory::kRam - 32 * 16));
  for (uint32_t i = 0; i < 32; ++i) {
    uint8_t* d = rig.at(Memory::kRam - 32 * 16 + i * 16);
    i82574::put<desc::TX_ADDRESS>(d, kTxBuffers);
    i82574::put<desc::TX_LENGTH>(d, 64);
    i82574::put<desc::TX_COMMAND>(d, kSend);
  }
  rig.set(reg::TDT(0), 40);
  EXPECT_EQ(rig.card.drops[DropReason::tx_dma_error], 1u);
  EXPECT_LE(rig.get(reg::TDH(0)), 32u);
}

TEST(HostileTransmit, BufferThatIsNotRamEndsItsFrameOnly) {
  for (const Place& place : kBadPlaces) {
    SCOPED_TRACE(place.name);
    Rig rig;
    rig.transmit_ring(0, 64);
    rig.legacy(0, {place.low | static_cast<uint64_t>(place.high) << 32, 100}, kSend);
    rig.queue_frame(1, plain());
    rig.set(reg::TDT(0), 2);
    EXPECT_EQ(rig.card.drops[DropReason::tx_dma_error], 1u);
    EXPECT_EQ(rig.card.sent.size(), 1u);
    EXPECT_TRUE(done(rig, 0) && done(rig, 1));
    EXPECT_EQ(rig.card.pool.in_use(), 0u);
  }
}

struct RingCase {
  uint32_t octets, head, tail;
};
TEST(HostileTransmit, ImpossibleRingsAreNotWorkedOn) {
  const RingCase cases[] = {
      {0, 0, 5},         {0, 5, 0},         {1024, 0, 64},         {1024, 64, 5},
      {1024, 0xffff, 5}, {1024, 5, 0xffff}, {1024, 0xffff, 0xfffe}};
  for (const RingCase& test : cases) {
    Rig rig;
    rig.transmit_ring(0, 64);
    rig.receive_ring(0, 64);
    rig.set(reg::TCTL, 0);
    rig.set(reg::TDLEN(0), test.octets);
    rig.set(reg::TDH(0), test.head);
    rig.set(reg::TDT(0), test.tail);
    rig.set(reg::RDLEN(0), test.octets);
    rig.set(reg::RDH(0), test.head);
    rig.set(reg::RDT(0), test.tail);
    rig.memory.reads = rig.memory.writes = 0;
    rig.set(reg::TCTL, TCTL_EN);
    rig.enable_receiver();
    rig.receive(plain());
    rig.advance(1'000'000);
    EXPECT_EQ(rig.memory.reads + rig.memory.writes, 0u);
    EXPECT_EQ(rig.get(reg::TDH(0)), test.head);
    EXPECT_TRUE(rig.card.sent.empty());
    // A valid tail and head bring it back.
    rig.transmit_ring(0, 64);
    rig.queue_frame(0, plain());
    rig.set(reg::TDT(0), 1);
    EXPECT_EQ(rig.card.sent.size(), 1u);
  }
}

struct ChainCase {
  const char* name;
  uint32_t length;
  bool extended;
};
TEST(HostileTransmit, EndlessChainsAreCutInBoundedSteps) {
  const ChainCase cases[] = {{"empty descriptors", 0, false},
                             {"one octet each", 1, true},
                             {"long ones", 0xffff, false},
                             {"the longest", 0xfffff, true}};
  for (const ChainCase& test : cases) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.transmit_ring(0, kMostUnits);
    for (uint32_t i = 0; i < kMostUnits; ++i) {
      if (test.extended) {
        rig.data(i, {kTxBuffers, test.length}, i % 2 == 0 ? TX_CMD_TSE : TX_CMD_RS | TX_CMD_TSE);
      } else {
        rig.legacy(i, {kTxBuffers, test.length}, TX_CMD_RS);
      }
    }
    uint32_t before = 0;
    unsigned steps = 0;
    rig.set(reg::TDT(0), kMostUnits - 1);
    for (; steps < 1000; ++steps) {
      const uint32_t head = rig.get(reg::TDH(0));
      EXPECT_LE(head - before, kDescriptorsPerDoorbell + TransmitFrame::kMaxBuffers);
      before = head;
      if (!rig.clock.armed(Timer::kDoorbell)) break;
      const uint64_t octets = rig.memory.octets_read;
      rig.clock.deadlines.erase(Timer::kDoorbell);
      rig.vnic.timer_expired(Timer::kDoorbell);
      EXPECT_LE(rig.memory.octets_read - octets, 2 * kOctetsPerDoorbell);
    }
    EXPECT_LT(steps, 1000u);
    EXPECT_EQ(before, kMostUnits - 1);
    // Its end comes: one frame, one reason. What follows is sent.
    rig.legacy(kMostUnits - 1, {kTxBuffers, 64}, kSend);
    rig.queue_frame(0, plain());
    rig.set(reg::TDT(0), 1);
    rig.advance(0);
    EXPECT_EQ(rig.card.drops[DropReason::tx_too_long], 1u);
    EXPECT_EQ(rig.card.sent.size(), 1u);
  }
}

TEST(HostileTransmit, ManyFramesTakeManyTurns) {
  Rig rig;
  rig.transmit_ring(0, 4096);
  for (uint32_t i = 0; i < 4000; ++i) rig.legacy(i, {kTxBuffers, 64}, kSend);
  rig.set(reg::TDT(0), 4000);
  EXPECT_EQ(rig.card.sent.size(), kDescriptorsPerDoorbell);
  EXPECT_TRUE(rig.clock.armed(Timer::kDoorbell));
  Archive saved;
  rig.vnic.archive(saved);
  rig.advance(0);
  EXPECT_EQ(rig.card.sent.size(), 4000u);
  // The rest of a doorbell's work is part of the saved state.
  Rig other;
  std::memcpy(other.memory.ram.get(), rig.memory.ram.get(), Memory::kRam);
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok());
  other.advance(0);
  EXPECT_EQ(other.card.sent.size(), 4000u - kDescriptorsPerDoorbell);
}

struct LieCase {
  const char* name;
  uint32_t ipcss, ipcso, ipcse, tucss, tucso, tucse, command, header, mss, payload;
  uint8_t data_command, options;
  DropReason drop;
};
constexpr uint32_t kTso = TX_TUCMD_TSE | TX_TUCMD_TCP | TX_TUCMD_IP;
const LieCase kLies[] = {
    {"IPCSS behind the frame", 255, 24, 33, 34, 50, 0, 0, 0, 0, 0, 0, TX_POPTS_IXSM,
     DropReason::bad_checksum_context},
    {"IPCSO behind the frame", 14, 255, 33, 34, 50, 0, 0, 0, 0, 0, 0, TX_POPTS_IXSM,
     DropReason::bad_checksum_context},
    {"IPCSE behind the frame", 14, 24, 65535, 34, 50, 0, 0, 0, 0, 0, 0, TX_POPTS_IXSM,
     DropReason::bad_checksum_context},
    {"end before start", 14, 24, 5, 34, 50, 0, 0, 0, 0, 0, 0, TX_POPTS_IXSM,
     DropReason::bad_checksum_context},
    {"TUCSS behind the frame", 14, 24, 33, 200, 50, 0, 0, 0, 0, 0, 0, TX_POPTS_TXSM,
     DropReason::bad_checksum_context},
    {"TUCSO at the last octet", 14, 24, 33, 34, 153, 0, 0, 0, 0, 0, 0, TX_POPTS_TXSM,
     DropReason::bad_checksum_context},
    {"TUCSO at the last word", 14, 24, 33, 34, 152, 0, 0, 0, 0, 0, 0, TX_POPTS_TXSM,
     DropReason::none},
    {"MSS 0", 14, 24, 33, 34, 50, 0, kTso, 54, 0, 100, TX_CMD_TSE, 3, DropReason::bad_tso_context},
    {"no headers", 14, 24, 33, 34, 50, 0, kTso, 0, 100, 154, TX_CMD_TSE, 3,
     DropReason::bad_tso_context},
    {"headers longer than the frame", 14, 24, 33, 34, 50, 0, kTso, 255, 100, 100, TX_CMD_TSE, 3,
     DropReason::bad_tso_context},
    {"less payload than claimed", 14, 24, 33, 34, 50, 0, kTso, 54, 100, 0xfffff, TX_CMD_TSE, 3,
     DropReason::bad_tso_context},
    {"more payload than claimed", 14, 24, 33, 34, 50, 0, kTso, 54, 100, 1, TX_CMD_TSE, 3,
     DropReason::bad_tso_context},
    {"SNAP", 14, 24, 33, 34, 50, 0, kTso | TX_TUCMD_SNAP, 54, 100, 100, TX_CMD_TSE, 3,
     DropReason::bad_tso_context},
    {"no segmentation context at all", 14, 24, 33, 34, 50, 0, TX_TUCMD_TCP, 54, 100, 100,
     TX_CMD_TSE, 3, DropReason::bad_tso_context},
};

TEST(HostileTransmit, ContextsThatLieEndTheirFrameOnly) {
  for (const LieCase& test : kLies) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.transmit_ring(0, 64);
    uint8_t* d = rig.tx(0);
    i82574::put<desc::CONTEXT_IPCSS>(d, test.ipcss);
    i82574::put<desc::CONTEXT_IPCSO>(d, test.ipcso);
    i82574::put<desc::CONTEXT_IPCSE>(d, test.ipcse);
    i82574::put<desc::CONTEXT_TUCSS>(d, test.tucss);
    i82574::put<desc::CONTEXT_TUCSO>(d, test.tucso);
    i82574::put<desc::CONTEXT_TUCSE>(d, test.tucse);
    i82574::put<desc::CONTEXT_TUCMD>(d, test.command | TX_TUCMD_DEXT);
    i82574::put<desc::CONTEXT_HDRLEN>(d, test.header);
    i82574::put<desc::CONTEXT_MSS>(d, test.mss);
    i82574::put<desc::CONTEXT_PAYLEN>(d, test.payload);
    const Bytes frame = plain(100);  // 154 octets
    rig.put(kTxBuffers, frame);
    rig.data(1, {kTxBuffers, 154}, static_cast<uint8_t>(kSend | test.data_command), test.options);
    rig.queue_frame(2, frame);
    rig.set(reg::TDT(0), 3);
    const bool dropped = test.drop != DropReason::none;
    EXPECT_EQ(rig.card.sent.size(), dropped ? 1u : 2u);
    if (dropped) {
      EXPECT_EQ(rig.card.drops[test.drop], 1u);
    }
    EXPECT_EQ(rig.get(reg::TSCTFC), test.drop == DropReason::bad_tso_context ? 1u : 0u);
    EXPECT_TRUE(done(rig, 1));
    EXPECT_EQ(rig.card.sent.back().bytes, frame);
    EXPECT_EQ(rig.card.pool.in_use(), 0u);
  }
}

TEST(HostileTransmit, UnknownAndMixedDescriptorsEndTheirFrameOnly) {
  for (int kind = 0; kind < 4; ++kind) {
    SCOPED_TRACE(kind);
    Rig rig;
    rig.transmit_ring(0, 64);
    rig.put(kTxBuffers, plain());
    rig.data(0, {kTxBuffers, 100}, 0);
    rig.data(1, {kTxBuffers, 20}, 0);
    rig.data(2, {kTxBuffers, 20}, kSend);
    if (kind == 0) i82574::put<desc::DATA_DTYP>(rig.tx(1), 7);
    if (kind == 1) i82574::put<desc::DATA_DTYP>(rig.tx(0), 15);
    if (kind == 2) rig.legacy(1, {kTxBuffers, 20}, 0);
    if (kind == 3) i82574::put<desc::DATA_DTYP>(rig.tx(1), 0);  // a context
    rig.queue_frame(3, plain());
    rig.set(reg::TDT(0), 4);
    EXPECT_EQ(rig.card.drops[DropReason::bad_tx_descriptor], 1u);
    EXPECT_EQ(rig.card.sent.size(), 1u);
    EXPECT_TRUE(done(rig, 2) && done(rig, 3));
  }
}

TEST(HostileTransmit, SuperFramesBeyondTheCardsAreDropped) {
  Rig rig;
  rig.transmit_ring(0, 64);
  for (uint32_t i = 0; i < 10; ++i) {
    rig.data(i, {kTxBuffers, 0x10000}, i == 9 ? kSend | TX_CMD_TSE : TX_CMD_TSE, 3);
  }
  rig.memory.octets_read = 0;
  rig.set(reg::TDT(0), 10);
  EXPECT_EQ(rig.card.drops[DropReason::tx_too_long], 1u);
  EXPECT_LT(rig.memory.octets_read, 4096u) << "not read at all";
}

TEST(HostileTransmit, ExhaustedPacketBufferDropsAndGoesOn) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.card.exhausted = true;
  for (uint32_t i = 0; i < 5; ++i) rig.queue_frame(i, plain());
  rig.set(reg::TDT(0), 5);
  EXPECT_EQ(rig.card.drops[DropReason::no_packet_buffer], 5u);
  EXPECT_TRUE(done(rig, 4));
}

TEST(HostileReceive, RingThatIsNotRamLosesItsFrames) {
  for (const Place& place : kBadPlaces) {
    SCOPED_TRACE(place.name);
    Rig rig;
    rig.receive_ring(0, 64);
    rig.set(reg::RDBAL(0), place.low);
    rig.set(reg::RDBAH(0), place.high);
    rig.enable_receiver();
    rig.set(reg::RDT(0), 10);
    for (int i = 0; i < 5; ++i) rig.receive(plain());
    EXPECT_EQ(rig.card.drops[DropReason::rx_dma_error], 5u);
    EXPECT_EQ(rig.memory.refused, 5u);
    EXPECT_EQ(rig.get(reg::RDH(0)), 0u);
    EXPECT_EQ(rig.vnic.receive_engine().fifo_frames(), 0u);
  }
}

TEST(HostileReceive, BufferThatIsNotRamMarksItsFrame) {
  for (const Place& place : kBadPlaces) {
    SCOPED_TRACE(place.name);
    Rig rig;
    rig.set(reg::RFCTL, RFCTL_EXSTEN);
    rig.receive_ring(0, 64);
    rig.enable_receiver();
    rig.offer(0, 10);
    const uint64_t bad = place.low | static_cast<uint64_t>(place.high) << 32;
    i82574::put<desc::ADDRESS>(rig.rx(0), bad);
    rig.set(reg::RDH(0), 0);
    rig.receive(plain());
    rig.receive(plain());
    EXPECT_EQ(rig.card.drops[DropReason::rx_dma_error], 1u);
    EXPECT_EQ(field<desc::STATUS_ERROR>(rig.rx(0)) & (RX_ERROR_RXE | RX_STATUS_EOP | RX_STATUS_DD),
              RX_ERROR_RXE | RX_STATUS_EOP | RX_STATUS_DD);
    EXPECT_EQ(field<desc::STATUS_ERROR>(rig.rx(1)) & RX_ERROR_RXE, 0u);
    EXPECT_EQ(rig.get(reg::RDH(0)), 2u);
  }
}

TEST(HostileReceive, BusMasteringOffLosesNothingButTime) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 10);
  rig.transmit_ring(0, 64);
  rig.queue_frame(0, plain());
  rig.memory.bus_master = false;
  rig.set(reg::TDT(0), 1);
  EXPECT_TRUE(rig.card.sent.empty());
  rig.memory.bus_master = true;
  rig.vnic.bus_master_enabled();
  EXPECT_EQ(rig.card.sent.size(), 1u);
}

TEST(HostileReceive, NullDescriptorsWithoutEndAreWorkedOffInSteps) {
  Rig rig;
  rig.receive_ring(0, kMostUnits);
  rig.enable_receiver();
  rig.set(reg::RDT(0), kMostUnits - 1);  // all zero: all null
  for (int i = 0; i < 200; ++i) {
    const uint64_t before = rig.memory.reads + rig.memory.writes;
    rig.receive(plain());
    EXPECT_LE(rig.memory.reads + rig.memory.writes - before, 16u);
  }
  EXPECT_GT(rig.get(reg::RDH(0)), 0u);
}

TEST(HostileReceive, SplitDescriptorsWithoutBuffersTakeNothing) {
  Rig rig;
  rig.set(reg::RFCTL, RFCTL_EXSTEN);
  rig.set(reg::PSRCTL, 0);
  rig.receive_ring(0, 512);
  rig.enable_receiver(RCTL_SECRC | 1u << 10);
  std::memset(rig.rx(0), 0xff, 512 * 16);
  rig.set(reg::RDT(0), 511);
  for (int i = 0; i < 50; ++i) {
    const uint64_t before = rig.memory.reads + rig.memory.writes;
    rig.receive(plain());
    EXPECT_LE(rig.memory.reads + rig.memory.writes - before, 16u);
  }
  EXPECT_EQ(rig.get(reg::RDH(0)), 0u);
}

}  // namespace
}  // namespace gatehouse::vnic
