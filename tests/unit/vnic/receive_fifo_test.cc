// SPDX-License-Identifier: GPL-2.0-or-later
// What happens when descriptors are short, when interrupts are due, and to PAUSE frames.
#include "hw/card/vnic/receive_fifo.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT
using spec::DropReason;

Bytes numbered(unsigned number, uint32_t payload = 1000) {
  return IpFrame{.payload = payload, .ip_id = static_cast<uint16_t>(number)}.build();
}

TEST(ReceiveFifo, KeepsFramesUntilDescriptorsComeAndKeepsTheirOrder) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 2);
  rig.clear_causes();
  for (unsigned i = 0; i < 10; ++i) rig.receive(numbered(i));
  EXPECT_EQ(rig.vnic.receive_engine().fifo_frames(), 8u);
  EXPECT_EQ(rig.get(reg::RDH(0)), 2u);
  EXPECT_EQ(rig.get(reg::RNBC), 8u);
  EXPECT_EQ(rig.get(reg::MPC), 0u);
  EXPECT_EQ(rig.get(reg::GPRC), 10u) << "those in the FIFO have been received, too";
  rig.clear_causes();
  rig.offer(2, 5);
  EXPECT_EQ(rig.get(reg::RDH(0)), 7u);
  EXPECT_EQ(rig.causes() & ICR_RXQ0, ICR_RXQ0);
  rig.offer(7, 10);
  EXPECT_EQ(rig.vnic.receive_engine().fifo_frames(), 0u);
  for (unsigned i = 0; i < 10; ++i) {
    const Bytes frame = numbered(i);
    EXPECT_EQ(rig.take(Rig::buffer(i), static_cast<uint32_t>(frame.size())), frame) << i;
  }
  EXPECT_EQ(rig.get(reg::GPRC), 0u) << "read, and counted once";
  EXPECT_EQ(rig.card.pool.in_use(), 0u);
}

TEST(ReceiveFifo, MissesFramesWhenItIsFull) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  const Bytes frame = numbered(1);
  const uint32_t fits = ReceiveFifo::kLeastOctets / static_cast<uint32_t>(frame.size());
  for (uint32_t i = 0; i < fits; ++i) rig.receive(frame);
  EXPECT_EQ(rig.get(reg::MPC), 0u);
  EXPECT_FALSE(rig.vnic.can_receive());
  rig.clear_causes();
  rig.receive(frame);
  rig.receive(frame);
  EXPECT_EQ(rig.get(reg::MPC), 2u);
  EXPECT_EQ(rig.get(reg::RNBC), fits + 2);
  EXPECT_EQ(rig.card.drops[DropReason::vnic_no_descriptors], 2u);
  EXPECT_EQ(rig.causes() & ICR_RXO, ICR_RXO);
  const unsigned ready = rig.card.ready;
  EXPECT_TRUE(rig.vnic.crowded());
  rig.offer(0, 40);
  rig.advance(0);
  EXPECT_TRUE(rig.vnic.can_receive());
  EXPECT_EQ(rig.card.ready, ready) << "a little room is no news";
  uint32_t at = 40;
  for (; rig.vnic.receive_engine().fifo_frames() > fits / 4; at += 10) {
    EXPECT_EQ(rig.card.ready, ready);
    rig.offer(at % 64, 10);
    rig.advance(0);
  }
  EXPECT_FALSE(rig.vnic.crowded());
  EXPECT_EQ(rig.card.ready, ready + 1);
  rig.offer(at % 64, 10);
  EXPECT_EQ(rig.card.ready, ready + 1) << "told already";
}

// A quarter of the ring's buffers moves a backlog, but not on the guest's CPU; frames that come
// stay behind it.
TEST(ReceiveFifo, MovesABacklogLater) {
  Rig rig;
  rig.receive_ring(0, 256);
  rig.enable_receiver();
  for (unsigned i = 0; i < 70; ++i) rig.receive(numbered(i));
  rig.offer(0, 64);
  EXPECT_EQ(rig.get(reg::RDH(0)), 0u);
  EXPECT_TRUE(rig.clock.armed(Timer::kRefill));
  rig.advance(0);
  EXPECT_EQ(rig.get(reg::RDH(0)), 64u);
  EXPECT_FALSE(rig.clock.armed(Timer::kRefill));
  for (unsigned i = 70; i < 130; ++i) rig.receive(numbered(i));
  rig.offer(64, 64);
  EXPECT_EQ(rig.get(reg::RDH(0)), 64u);
  rig.receive(numbered(130));
  EXPECT_EQ(rig.get(reg::RDH(0)), 128u);
  EXPECT_EQ(rig.vnic.receive_engine().fifo_frames(), 3u);
  rig.offer(128, 3);
  for (unsigned i = 0; i <= 130; ++i) {
    const Bytes frame = numbered(i);
    ASSERT_EQ(rig.take(Rig::buffer(i), static_cast<uint32_t>(frame.size())), frame) << i;
  }
  for (unsigned i = 0; i < 200; ++i) rig.receive(numbered(i));
  rig.offer(131, 100);
  EXPECT_TRUE(rig.clock.armed(Timer::kRefill));
  rig.set(reg::CTRL, CTRL_RST);
  EXPECT_FALSE(rig.clock.armed(Timer::kRefill));
}

TEST(ReceiveFifo, GathersBuffersForABacklogABoundedTime) {
  Rig rig;
  rig.receive_ring(0, 256);
  rig.enable_receiver();
  for (unsigned i = 0; i < 200; ++i) rig.receive(numbered(i));
  rig.offer(0, 16);
  rig.advance(499'999);
  EXPECT_EQ(rig.get(reg::RDH(0)), 0u);
  rig.offer(16, 1);
  rig.advance(1);
  EXPECT_EQ(rig.get(reg::RDH(0)), 17u) << "a later doorbell puts nothing off";
  EXPECT_FALSE(rig.clock.armed(Timer::kRefill));
  rig.offer(17, 16);
  rig.offer(33, 48);
  rig.advance(0);
  EXPECT_EQ(rig.get(reg::RDH(0)), 17u + 64) << "enough buffers end the wait";
}

TEST(ReceiveFifo, FillsAnEmptyRingAtOnce) {
  Rig rig;
  rig.receive_ring(0, 256);
  rig.enable_receiver();
  for (unsigned i = 0; i < 200; ++i) rig.receive(numbered(i));
  rig.offer(0, 192);
  EXPECT_EQ(rig.get(reg::RDH(0)), 192u);
  EXPECT_FALSE(rig.clock.armed(Timer::kRefill));
}

// What is around the vnic may not be loaded yet: a DMA window, who takes its interrupts.
TEST(ReceiveFifo, MovesABacklogWhenTheMachineGoesOnAfterALoad) {
  Rig rig;
  rig.receive_ring(0, 256);
  rig.enable_receiver();
  for (unsigned i = 0; i < 70; ++i) rig.receive(numbered(i));
  rig.offer(0, 60);
  Archive saved;
  rig.vnic.archive(saved);
  Rig other;
  other.clock.now = rig.clock.now;
  std::swap(other.memory.ram, rig.memory.ram);
  const uint64_t touched = other.memory.reads + other.memory.writes;
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_EQ(other.memory.reads + other.memory.writes, touched);
  EXPECT_EQ(other.vnic.receive_engine().fifo_frames(), 70u);
  other.advance(0);
  EXPECT_EQ(other.get(reg::RDH(0)), 60u);
  EXPECT_FALSE(other.clock.armed(Timer::kRefill));
  EXPECT_EQ(other.vnic.receive_engine().fifo_frames(), 10u);
}

TEST(ReceiveFifo, IsCrowdedByManyShortFrames) {
  Rig rig;
  rig.receive_ring(0, 256);
  rig.enable_receiver();
  for (unsigned i = 0; i < 256; ++i) rig.receive(numbered(i, 20));
  EXPECT_FALSE(rig.vnic.crowded());
  rig.receive(numbered(256, 20));
  EXPECT_TRUE(rig.vnic.crowded());
  EXPECT_TRUE(rig.vnic.can_receive());
  const unsigned ready = rig.card.ready;
  rig.offer(0, 129);
  rig.advance(0);
  EXPECT_EQ(rig.card.ready, ready) << "128 wait";
  rig.offer(129, 1);
  rig.advance(500'000);
  EXPECT_EQ(rig.card.ready, ready + 1);
}

TEST(ReceiveFifo, IsFullWhereTheCardLetsItKeepNoMore) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.receive(numbered(0));
  rig.clear_causes();
  rig.card.exhausted = true;
  rig.receive(numbered(1));
  EXPECT_EQ(rig.card.drops, (std::map<DropReason, unsigned>{{DropReason::vnic_no_descriptors, 1}}));
  EXPECT_EQ(rig.get(reg::MPC), 1u);
  EXPECT_EQ(rig.get(reg::RNBC), 2u);
  EXPECT_EQ(rig.get(reg::ICRXOC), 1u);
  EXPECT_EQ(rig.causes() & ICR_RXO, ICR_RXO);
  rig.card.exhausted = false;
  rig.receive(numbered(2));
  rig.offer(0, 2);
  const Bytes last = numbered(2);
  EXPECT_EQ(rig.take(Rig::buffer(1), static_cast<uint32_t>(last.size())), last);
  EXPECT_EQ(rig.card.pool.in_use(), 0u);
}

TEST(ReceiveFifo, KeepsItsShareOfThePacketBuffer) {
  Rig rig({.small_count = 256, .large_count = 1});
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  for (unsigned i = 0; i < 300; ++i) rig.receive(numbered(i, 20));
  EXPECT_EQ(rig.card.pool.in_use(), 96u) << "half of what is not in reserve";
  EXPECT_EQ(rig.get(reg::MPC), 300u - 96);
  EXPECT_EQ(rig.card.drops[DropReason::vnic_no_descriptors], 300u - 96);
}

TEST(ReceiveFifo, WaitsForAllDescriptorsOfALongFrame) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver(RCTL_SECRC | 3u << 16);  // 256 octets
  rig.offer(0, 4);
  const Bytes frame = numbered(1, 1000);  // 1054 octets: 5 buffers
  rig.receive(frame);
  EXPECT_EQ(rig.get(reg::RDH(0)), 0u);
  EXPECT_EQ(field<desc::LEGACY_STATUS>(rig.rx(0)), 0u);
  rig.offer(4, 1);
  EXPECT_EQ(rig.get(reg::RDH(0)), 5u);
}

TEST(ReceiveFifo, ReceivesOnlyWhenOnAndLinked) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.offer(0, 20);
  rig.receive(numbered(1));
  EXPECT_EQ(rig.card.drops[DropReason::vnic_link_down], 1u);
  rig.enable_receiver();
  rig.vnic.set_link(false);
  rig.receive(numbered(2));
  EXPECT_EQ(rig.card.drops[DropReason::vnic_link_down], 2u);
  EXPECT_EQ(rig.get(reg::RDH(0)), 0u);
}

TEST(ReceiveFifo, HoldsFramesWhileDmaIsDisabled) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 20);
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_GIO_MASTER_DISABLE);
  const uint64_t touched = rig.memory.reads + rig.memory.writes;
  rig.receive(numbered(1));
  EXPECT_EQ(rig.memory.reads + rig.memory.writes, touched);
  rig.set(reg::CTRL, rig.get(reg::CTRL) & ~CTRL_GIO_MASTER_DISABLE);
  EXPECT_EQ(rig.get(reg::RDH(0)), 1u);
}

TEST(ReceiveFifo, SurvivesSavingAndLoading) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.set(reg::RDTR, 100);
  rig.offer(0, 1);
  for (unsigned i = 0; i < 5; ++i) rig.receive(numbered(i));
  Archive saved;
  rig.vnic.archive(saved);

  Rig other;
  std::memcpy(other.memory.ram.get(), rig.memory.ram.get(), Memory::kRam);
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_TRUE(loaded.at_end());
  EXPECT_EQ(other.vnic.receive_engine().fifo_frames(), 4u);
  EXPECT_EQ(other.causes() & ICR_RXQ0, 0u);
  other.advance(200'000);
  EXPECT_EQ(other.causes() & ICR_RXQ0, ICR_RXQ0);  // the delayed interrupt of frame 0
  other.offer(1, 10);
  for (unsigned i = 1; i < 5; ++i) {
    const Bytes frame = numbered(i);
    EXPECT_EQ(other.take(Rig::buffer(i), static_cast<uint32_t>(frame.size())), frame);
  }
  // Every cut of the saved state is refused, none crashes.
  for (size_t length = 0; length < saved.bytes().size(); length += 1 + saved.bytes().size() / 60) {
    Rig third;
    Archive cut(std::span(saved.bytes()).first(length));
    third.vnic.archive(cut);
    EXPECT_FALSE(cut.ok());
  }
}

struct DelayCase {
  const char* name;
  uint32_t rdtr, radv;
  int64_t gap_ns;  // between frames
  unsigned frames;
  int64_t expected_ns;  // from the first frame to the interrupt
};
const DelayCase kDelays[] = {
    {"no delay", 0, 50, 1000, 1, 0},
    {"delay timer", 10, 0, 1000, 1, 10 * 1024},
    {"delay timer starts anew", 10, 0, 5 * 1024, 4, 25 * 1024},
    {"absolute timer does not", 10, 20, 5 * 1024, 10, 20 * 1024},
};

TEST(ReceiveInterrupt, ObeysRdtrAndRadv) {
  for (const DelayCase& test : kDelays) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.receive_ring(0, 64);
    rig.enable_receiver();
    rig.offer(0, 60);
    rig.set(reg::RDTR, test.rdtr);
    rig.set(reg::RADV, test.radv);
    rig.clear_causes();
    const int64_t start = rig.clock.now;
    int64_t interrupted = -1;
    unsigned sent = 0;
    for (int64_t at = 0; interrupted < 0 && at < 200 * 1024; at += 512) {
      if (sent < test.frames && at >= sent * test.gap_ns) {
        rig.receive(numbered(sent++));
      }
      if ((rig.causes() & ICR_RXT0) != 0) interrupted = rig.clock.now - start;
      if (interrupted < 0) rig.advance(512);
    }
    EXPECT_EQ(interrupted, test.expected_ns);
  }
}

TEST(ReceiveInterrupt, FlushesOnRequest) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 60);
  rig.set(reg::RDTR, 1000);
  rig.clear_causes();
  rig.receive(numbered(1));
  EXPECT_EQ(rig.causes() & ICR_RXT0, 0u);
  rig.set(reg::RDTR, 1000 | RDTR_FPD);
  EXPECT_EQ(rig.causes() & ICR_RXT0, ICR_RXT0);
  EXPECT_FALSE(rig.clock.armed(Timer::kReceiveDelay));
}

TEST(ReceiveInterrupt, TellsOnceThatDescriptorsRunLow) {
  for (const uint32_t rdmts : {0u, 1u, 2u}) {
    Rig rig;
    rig.receive_ring(0, 64);
    rig.enable_receiver(RCTL_SECRC | rdmts << 8);
    rig.offer(0, 63);
    rig.clear_causes();
    const uint32_t threshold = 64u >> (rdmts + 1);
    for (uint32_t left = 62; left > 2; --left) {
      rig.receive(numbered(left));
      EXPECT_EQ((rig.causes() & ICR_RXDMT0) != 0, left == threshold) << left;
      rig.clear_causes();
    }
  }
}

TEST(ReceiveInterrupt, SignalsSmallPacketsAndAcksAtOnce) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 60);
  rig.set(reg::RDTR, 1000);
  rig.set(reg::RSRPD, 100);
  rig.set(reg::RFCTL, RFCTL_ACKDIS);
  rig.clear_causes();
  rig.receive(numbered(1, 100));
  EXPECT_EQ(rig.causes() & (ICR_SRPD | ICR_ACK), 0u);
  // Its size counts with FCS and without a stripped tag.
  rig.receive(numbered(1, 43));
  EXPECT_EQ(rig.causes() & ICR_SRPD, 0u);
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_VME);
  rig.receive(IpFrame{.payload = 43, .vlan = true}.build());
  EXPECT_EQ(rig.causes() & ICR_SRPD, 0u);
  rig.receive(IpFrame{.payload = 42, .vlan = true}.build());
  EXPECT_EQ(rig.causes() & ICR_SRPD, ICR_SRPD);
  rig.clear_causes();
  rig.receive(numbered(1, 42));
  EXPECT_EQ(rig.causes() & (ICR_SRPD | ICR_ACK), ICR_SRPD);
  EXPECT_EQ(rig.causes() & ICR_RXT0, ICR_RXT0) << "what was delayed comes with it";
  rig.clear_causes();
  rig.advance(2000 * 1024);
  EXPECT_EQ(rig.causes() & ICR_RXT0, 0u) << "and no more";
  rig.set(reg::RFCTL, 0);
  rig.receive(numbered(1, 100));
  EXPECT_EQ(rig.causes() & (ICR_SRPD | ICR_ACK), ICR_ACK);
  EXPECT_EQ(rig.causes() & ICR_RXT0, 0u);
  // RAID delays the ACK.
  rig.clear_causes();
  rig.set(reg::RAID, 5);
  rig.receive(numbered(1, 100));
  EXPECT_EQ(rig.causes() & ICR_ACK, 0u);
  rig.advance(6 * 1024);
  EXPECT_EQ(rig.causes() & ICR_ACK, ICR_ACK);
}

TEST(ReceiveInterrupt, OfAFullFifoOrAScarceRingEndsTheDelay) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();  // RDMTS: half of the ring
  rig.offer(0, 33);
  rig.set(reg::RDTR, 1000);
  rig.clear_causes();
  rig.receive(numbered(0));
  EXPECT_EQ(rig.causes() & (ICR_RXT0 | ICR_RXDMT0), ICR_RXT0 | ICR_RXDMT0);
  for (unsigned i = 1; i < 33; ++i) rig.receive(numbered(i));
  rig.clear_causes();
  while ((rig.causes() & ICR_RXO) == 0) rig.receive(numbered(0));
  EXPECT_EQ(rig.causes() & (ICR_RXT0 | ICR_RXO), ICR_RXT0 | ICR_RXO);
  EXPECT_EQ(rig.get(reg::MPC), 1u);
}

TEST(ReceiveInterrupt, ComesOncePerBatch) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 60);
  rig.set(reg::IMS, ICR_RXT0);
  const unsigned before = rig.interrupt.raised;
  rig.receive_all({20, numbered(1)});
  EXPECT_EQ(rig.interrupt.raised, before + 1);
}

// MAC control frames (IEEE 802.3 annex 31B).
Bytes pause(uint16_t quanta, unsigned opcode = 1) {
  Bytes frame = ethernet(std::array<uint8_t, 6>{1, 0x80, 0xc2, 0, 0, 1}, 0x8808, 0);
  append16(frame, opcode);
  append16(frame, quanta);
  frame.resize(60);
  return frame;
}

TEST(FlowControl, StopsTheTransmitterForThePauseTime) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 60);
  rig.transmit_ring(0, 64);
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_RFCE);
  rig.receive(pause(100));
  EXPECT_EQ(rig.get(reg::STATUS) & STATUS_TXOFF, STATUS_TXOFF);
  rig.queue_frame(0, numbered(1));
  rig.set(reg::TDT(0), 1);
  EXPECT_TRUE(rig.card.sent.empty());
  rig.advance(100 * 512 - 1);
  EXPECT_TRUE(rig.card.sent.empty());
  rig.advance(1);
  EXPECT_EQ(rig.card.sent.size(), 1u);
  EXPECT_EQ(rig.get(reg::STATUS) & STATUS_TXOFF, 0u);
  // XON ends it at once.
  rig.receive(pause(0xffff));
  rig.queue_frame(1, numbered(2));
  rig.set(reg::TDT(0), 2);
  EXPECT_EQ(rig.card.sent.size(), 1u);
  rig.receive(pause(0));
  rig.advance(0);
  EXPECT_EQ(rig.card.sent.size(), 2u);
  EXPECT_EQ(rig.get(reg::XOFFRXC), 2u);
  EXPECT_EQ(rig.get(reg::XONRXC), 1u);
}

TEST(FlowControl, IgnoresPauseUnlessEnabled) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.transmit_ring(0, 64);
  rig.receive(pause(0xffff));
  rig.queue_frame(0, numbered(1));
  rig.set(reg::TDT(0), 1);
  EXPECT_EQ(rig.card.sent.size(), 1u);
}

TEST(FlowControl, PassesControlFramesAsRctlSays) {
  struct Case {
    const char* name;
    uint32_t rctl;
    unsigned opcode;
    bool delivered;
  };
  const Case cases[] = {
      {"pause, filters decide", RCTL_MPE, 1, true},
      {"pause, discarded", RCTL_MPE | RCTL_DPF, 1, false},
      {"pause, not in the filters", 0, 1, false},
      {"other, not in the filters", 0, 2, false},
      {"other, passed", RCTL_PMCF, 2, true},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.receive_ring(0, 64);
    rig.enable_receiver(RCTL_SECRC | test.rctl);
    rig.offer(0, 60);
    rig.receive(pause(5, test.opcode));
    EXPECT_EQ(rig.get(reg::RDH(0)), test.delivered ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::FCRUC), test.opcode == 2 ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::XOFFRXC), test.opcode == 1 ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::TPR), 1u);
    // A PAUSE frame is no good frame, delivered or not.
    const bool good = test.delivered && test.opcode != 1;
    EXPECT_EQ(rig.get(reg::GPRC), good ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::MPRC), good ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::GORCL), good ? 64u : 0u);
  }
}

TEST(FlowControl, PassesControlFramesOfItsAddressesOnly) {
  for (const uint8_t last : {1, 2}) {
    Rig rig;
    rig.receive_ring(0, 64);
    rig.enable_receiver(RCTL_SECRC | RCTL_PMCF);
    rig.offer(0, 60);
    Bytes frame = pause(0, 2);
    frame[5] = last;
    rig.receive(frame);
    EXPECT_EQ(rig.get(reg::RDH(0)), last == 1 ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::FCRUC), last == 1 ? 1u : 0u);
  }
}

TEST(FlowControl, SoftwareSendsXoffWhateverTfceSays) {
  Rig rig;
  rig.transmit_ring(0, 64);
  for (const uint16_t quanta : {0x100, 0}) {
    rig.set(reg::FCTTV, quanta);
    rig.set(reg::TCTL, TCTL_EN | TCTL_SWXOFF);
    Bytes expected = pause(quanta);
    std::copy(kOwnMac.begin(), kOwnMac.end(), expected.begin() + 6);
    ASSERT_FALSE(rig.card.sent.empty());
    EXPECT_EQ(rig.card.sent.back().bytes, expected);
    EXPECT_EQ(rig.get(reg::XOFFTXC), quanta != 0 ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::XONTXC), quanta == 0 ? 1u : 0u);
  }
  EXPECT_EQ(rig.card.sent.size(), 2u);
}

TEST(FlowControl, SendsXoffAndXonAsTheFifoFillsAndEmpties) {
  Rig rig;
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_TFCE);
  rig.set(reg::FCRTH, 5000);
  rig.set(reg::FCRTL, 2000 | FCRTL_XONE);
  rig.set(reg::FCTTV, 0x1234);
  for (unsigned i = 0; i < 8; ++i) rig.receive(numbered(i));
  EXPECT_TRUE(rig.card.sent.empty()) << "not from inside the card's call";
  rig.advance(0);
  ASSERT_EQ(rig.card.sent.size(), 1u);
  Bytes expected = pause(0x1234);
  std::copy(kOwnMac.begin(), kOwnMac.end(), expected.begin() + 6);
  EXPECT_EQ(rig.card.sent[0].bytes, expected);
  rig.offer(0, 20);
  rig.advance(0);
  ASSERT_EQ(rig.card.sent.size(), 2u);
  EXPECT_EQ(rig.card.sent[1].bytes[16], 0);
  EXPECT_EQ(rig.card.sent[1].bytes[17], 0);
  EXPECT_EQ(rig.get(reg::XOFFTXC), 1u);
  EXPECT_EQ(rig.get(reg::XONTXC), 1u);
  EXPECT_EQ(rig.get(reg::TPT), 2u);
  EXPECT_EQ(rig.get(reg::TOTL), 128u);
  EXPECT_EQ(rig.get(reg::GPTC), 0u);
  EXPECT_EQ(rig.get(reg::MPTC), 0u);
  rig.set(reg::TCTL, TCTL_EN | TCTL_SWXOFF);
  EXPECT_EQ(rig.card.sent.size(), 3u);
  EXPECT_EQ(rig.get(reg::TCTL) & TCTL_SWXOFF, 0u);
}

}  // namespace
}  // namespace gatehouse::vnic
