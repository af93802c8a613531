// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/transmit.hh"

#include <gtest/gtest.h>

#include "hw/card/vnic/fcs.hh"
#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT
using spec::DropReason;

constexpr uint8_t kSend = TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS;

Bytes numbered(unsigned number, uint32_t payload = 100) {
  return IpFrame{.payload = payload, .ip_id = static_cast<uint16_t>(number)}.build();
}
bool done(Rig& rig, uint32_t unit, unsigned queue = 0) {
  return (field<desc::TX_STATUS>(rig.tx(unit, queue)) & TX_STATUS_DD) != 0;
}

TEST(Transmit, SendsALegacyFrameAndReportsIt) {
  Rig rig;
  rig.transmit_ring(0, 16);
  rig.clear_causes();
  const Bytes frame = numbered(1);
  rig.queue_frame(0, frame);
  rig.queue_frame(1, numbered(2), TX_CMD_EOP | TX_CMD_IFCS);
  rig.set(reg::TDT(0), 2);
  ASSERT_EQ(rig.card.sent.size(), 2u);
  EXPECT_EQ(rig.card.batches, std::vector<size_t>{2});
  EXPECT_EQ(rig.card.sent[0].bytes, frame);
  EXPECT_EQ(rig.card.sent[0].cookie, 0u);
  EXPECT_FALSE(rig.card.sent[0].offload.tso);
  EXPECT_GE(rig.card.sent[0].headroom, kHeadroom);
  EXPECT_TRUE(done(rig, 0));
  EXPECT_FALSE(done(rig, 1));
  EXPECT_EQ(rig.get(reg::TDH(0)), 2u);
  EXPECT_EQ(rig.causes() & (ICR_TXDW | ICR_TXQ0 | ICR_TXQ1 | ICR_TXQE),
            ICR_TXDW | ICR_TXQ0 | ICR_TXQE);
  EXPECT_EQ(rig.get(reg::GPTC), 2u);
  EXPECT_EQ(rig.get(reg::TOTL), 2 * (frame.size() + 4));
}

TEST(Transmit, GathersDescriptorsAcrossTheEndOfTheRing) {
  Rig rig;
  rig.transmit_ring(0, 16);
  rig.set(reg::TDH(0), 13);
  rig.set(reg::TDT(0), 13);
  const Bytes frame = numbered(3, 3000);
  uint32_t at = 0;
  for (uint32_t i = 0; i < 6; ++i) {
    const uint32_t octets = i == 5   ? static_cast<uint32_t>(frame.size()) - at
                            : i == 3 ? 0u
                                     : 100 + 37 * i;
    const uint64_t address = kTxBuffers + i * 0x2000 + i;
    rig.put(address, std::span(frame).subspan(at, octets));
    rig.legacy((13 + i) % 16, {address, octets}, i == 5 ? kSend : TX_CMD_RS);
    at += octets;
  }
  rig.set(reg::TDT(0), 3);
  ASSERT_EQ(rig.card.sent.size(), 1u);
  EXPECT_EQ(rig.card.sent[0].bytes, frame);
  for (uint32_t i = 0; i < 6; ++i) EXPECT_TRUE(done(rig, (13 + i) % 16)) << i;
  EXPECT_EQ(rig.get(reg::TDH(0)), 3u);
}

TEST(Transmit, WaitsForTheRestOfAFrame) {
  Rig rig;
  rig.transmit_ring(0, 16);
  const Bytes frame = numbered(4, 200);
  rig.put(kTxBuffers, frame);
  rig.legacy(0, {kTxBuffers, 100}, TX_CMD_RS);
  rig.set(reg::TDT(0), 1);
  EXPECT_TRUE(rig.card.sent.empty());
  EXPECT_EQ(rig.get(reg::TDH(0)), 0u);
  Archive saved;
  rig.vnic.archive(saved);
  rig.legacy(1, {kTxBuffers + 100, static_cast<uint32_t>(frame.size()) - 100}, kSend);
  rig.set(reg::TDT(0), 2);
  ASSERT_EQ(rig.card.sent.size(), 1u);
  EXPECT_EQ(rig.card.sent[0].bytes, frame);
}

TEST(Transmit, FetchesAndReportsInRuns) {
  Rig rig;
  rig.transmit_ring(0, 256);
  for (uint32_t i = 0; i < 60; ++i) rig.queue_frame(i, numbered(i));
  rig.memory.reads = rig.memory.writes = 0;
  rig.set(reg::TDT(0), 60);
  EXPECT_EQ(rig.card.sent.size(), 60u);
  EXPECT_EQ(rig.memory.reads, 60u + 1u);  // the frames, and the descriptors at once
  EXPECT_EQ(rig.memory.writes, 2u);
  for (uint32_t i = 0; i < 60; ++i) {
    EXPECT_TRUE(done(rig, i));
    EXPECT_EQ(field<desc::TX_ADDRESS>(rig.tx(i)), kTxBuffers + i * 2048);
  }
}

TEST(Transmit, WritesTheFirstDoneBitLast) {
  Rig rig;
  rig.transmit_ring(0, 64);
  for (uint32_t i = 0; i < 10; ++i) {
    rig.queue_frame(i, numbered(i), i % 2 == 1 ? kSend : TX_CMD_EOP | TX_CMD_IFCS);
  }
  std::vector<Memory::Access> writes;
  rig.memory.on_write = [&](uint64_t address, uint32_t length) {
    EXPECT_FALSE(done(rig, 1));
    writes.push_back({true, address, length});
  };
  rig.set(reg::TDT(0), 10);
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].address, kTxRing + 2 * 16);
  EXPECT_EQ(writes[0].length, 8 * 16u);
  EXPECT_EQ(writes[1].address, kTxRing + 16 + 12);
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(done(rig, i), i % 2 == 1);
}

struct LengthCase {
  const char* name;
  uint32_t tctl, octets, sent;
  DropReason drop;
};
const LengthCase kLengths[] = {
    {"padded", TCTL_PSP, 42, 60, DropReason::none},
    {"not padded", 0, 42, 42, DropReason::none},
    {"whole", TCTL_PSP, 60, 60, DropReason::none},
    {"shortest", TCTL_PSP, 17, 60, DropReason::none},
    {"too short", TCTL_PSP, 16, 0, DropReason::tx_too_short},
    {"longest", TCTL_PSP, kMaxWireFrame, kMaxWireFrame, DropReason::none},
    {"too long", TCTL_PSP, kMaxWireFrame + 1, 0, DropReason::tx_too_long},
};

TEST(Transmit, PadsAndBoundsTheLength) {
  for (const LengthCase& test : kLengths) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.transmit_ring(0, 16);
    rig.set(reg::TCTL, TCTL_EN | test.tctl);
    Bytes frame = ethernet(kPeerMac, 0x88b5, test.octets);
    frame.resize(test.octets);
    rig.put(kTxBuffers, frame);
    rig.memory.ram[kTxBuffers + test.octets] = 0xee;
    rig.legacy(0, {kTxBuffers, test.octets}, kSend);
    rig.set(reg::TDT(0), 1);
    EXPECT_TRUE(done(rig, 0));
    if (test.drop != DropReason::none) {
      EXPECT_EQ(rig.card.drops[test.drop], 1u);
      EXPECT_TRUE(rig.card.sent.empty());
      continue;
    }
    frame.resize(test.sent);
    ASSERT_EQ(rig.card.sent.size(), 1u);
    EXPECT_EQ(rig.card.sent[0].bytes, frame);
  }
}

TEST(Transmit, TakesTheDriversOwnFcs) {
  Rig rig;
  rig.transmit_ring(0, 16);
  const Bytes frame = numbered(1);
  Bytes with_fcs = frame;
  with_fcs.resize(frame.size() + 4);
  store_le(&with_fcs[frame.size()], fcs(frame));
  rig.queue_frame(0, with_fcs, TX_CMD_EOP | TX_CMD_RS);
  with_fcs.back() ^= 1;
  rig.queue_frame(1, with_fcs, TX_CMD_EOP | TX_CMD_RS);
  rig.set(reg::TDT(0), 2);
  ASSERT_EQ(rig.card.sent.size(), 1u);
  EXPECT_EQ(rig.card.sent[0].bytes, frame);
  EXPECT_EQ(rig.card.drops[DropReason::tx_bad_fcs], 1u);
}

TEST(Transmit, IsOffUnlessEnabledLinkedAndAllowed) {
  Rig rig;
  rig.transmit_ring(0, 16);
  rig.queue_frame(0, numbered(1));
  struct Case {
    const char* name;
    std::function<void()> stop, start;
  };
  const uint32_t ctrl = rig.get(reg::CTRL);
  const Case cases[] = {
      {"TCTL.EN", [&] { rig.set(reg::TCTL, 0); }, [&] { rig.set(reg::TCTL, TCTL_EN); }},
      {"TARC.ENABLE", [&] { rig.set(reg::TARC(0), 3); }, [&] { rig.set(reg::TARC(0), 0x403); }},
      {"DMA disabled", [&] { rig.set(reg::CTRL, ctrl | CTRL_GIO_MASTER_DISABLE); },
       [&] { rig.set(reg::CTRL, ctrl); }},
      {"link", [&] { rig.vnic.set_link(false); },
       [&] {
         rig.vnic.set_link(true);
         rig.bring_link_up();
       }},
  };
  uint32_t unit = 0;
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    test.stop();
    rig.queue_frame(unit, numbered(unit));
    const size_t before = rig.card.sent.size();
    rig.set(reg::TDT(0), ++unit);
    EXPECT_EQ(rig.card.sent.size(), before);
    EXPECT_EQ(rig.get(reg::TDH(0)), unit - 1);
    test.start();
    EXPECT_EQ(rig.card.sent.size(), before + 1);
  }
}

TEST(Transmit, DelaysInterruptsOnlyWithIde) {
  struct Case {
    const char* name;
    uint32_t tidv, tadv;
    uint8_t first, second;
    int64_t gap, expected;
  };
  const uint8_t ide = kSend | TX_CMD_IDE;
  const Case cases[] = {
      {"RS", 10, 20, kSend, kSend, 1000, 0},
      {"IDE", 10, 0, ide, 0, 0, 10 * 1024},
      {"IDE again", 10, 0, ide, ide, 5 * 1024, 15 * 1024},
      {"absolute", 10, 12, ide, ide, 5 * 1024, 12 * 1024},
      {"RS ends the delay", 10, 0, ide, kSend, 2 * 1024, 2 * 1024},
      {"TIDV 0", 0, 0, ide, 0, 0, 0},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.transmit_ring(0, 16);
    rig.set(reg::TIDV, test.tidv);
    rig.set(reg::TADV, test.tadv);
    rig.clear_causes();
    const int64_t start = rig.clock.now;
    rig.queue_frame(0, numbered(1), test.first);
    rig.set(reg::TDT(0), 1);
    int64_t interrupted = -1;
    for (int64_t at = 0; interrupted < 0 && at < 100 * 1024; at += 512) {
      if (test.second != 0 && at >= test.gap && rig.get(reg::TDT(0)) == 1) {
        rig.queue_frame(1, numbered(2), test.second);
        rig.set(reg::TDT(0), 2);
      }
      if ((rig.causes() & ICR_TXDW) != 0) interrupted = rig.clock.now - start;
      if (interrupted < 0) rig.advance(512);
    }
    EXPECT_EQ(interrupted, test.expected);
    EXPECT_EQ(rig.causes() & ICR_TXQ0, ICR_TXQ0);
  }
}

TEST(Transmit, TellsThatTheQueueRunsLow) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.set(reg::TXDCTL(0), 2u << 25);  // 16 descriptors
  rig.set(reg::TCTL, 0);
  for (uint32_t i = 0; i < 20; ++i) rig.queue_frame(i, numbered(i));
  rig.set(reg::TDT(0), 15);
  rig.clear_causes();
  rig.set(reg::TCTL, TCTL_EN);
  EXPECT_EQ(rig.causes() & ICR_TXD_LOW, 0u) << "never was above";
  rig.set(reg::TCTL, 0);
  for (uint32_t i = 15; i < 35; ++i) rig.queue_frame(i, numbered(i));
  rig.set(reg::TDT(0), 35);
  rig.set(reg::TCTL, TCTL_EN);
  EXPECT_EQ(rig.causes() & ICR_TXD_LOW, ICR_TXD_LOW);
}

TEST(Transmit, TakesTurnsByTheCountsInTarc) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.transmit_ring(1, 64);
  rig.set(reg::TCTL, 0);
  rig.set(reg::TARC(0), 0x400 | 3);
  rig.set(reg::TARC(1), 0x400 | 1);
  for (uint32_t i = 0; i < 24; ++i) {
    rig.queue_frame(i, numbered(i), kSend, 0);
    rig.queue_frame(i, numbered(i), kSend, 1);
  }
  rig.set(reg::TDT(0), 24);
  rig.set(reg::TDT(1), 24);
  rig.set(reg::TCTL, TCTL_EN);
  ASSERT_EQ(rig.card.sent.size(), 48u);
  unsigned queue1 = 0;
  for (size_t i = 0; i < 24; ++i) queue1 += rig.card.sent[i].cookie == 1;
  EXPECT_EQ(queue1, 6u);
  EXPECT_EQ(rig.causes() & (ICR_TXQ0 | ICR_TXQ1), ICR_TXQ0 | ICR_TXQ1);
}

// What a queue sends while the other has nothing is no debt to it, compensated or not.
TEST(Transmit, AQueueThatWasAloneOwesNobodyATurn) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.transmit_ring(1, 64);
  rig.set(reg::TARC(0), 0x400 | TARC_COMP | 1);
  rig.set(reg::TARC(1), 0x400 | TARC_COMP | 1);
  for (uint32_t i = 0; i < 40; ++i) {
    rig.queue_frame(i, numbered(i), kSend, 0);
    rig.set(reg::TDT(0), i + 1);
  }
  ASSERT_EQ(rig.card.sent.size(), 40u);
  rig.card.sent.clear();
  rig.set(reg::TCTL, 0);
  for (uint32_t i = 0; i < 16; ++i) {
    rig.queue_frame(40 + i, numbered(i), kSend, 0);
    rig.queue_frame(i, numbered(i), kSend, 1);
  }
  rig.set(reg::TDT(0), 56);
  rig.set(reg::TDT(1), 16);
  rig.set(reg::TCTL, TCTL_EN);
  ASSERT_EQ(rig.card.sent.size(), 32u);
  for (size_t i = 0; i + 1 < 32; i += 2)
    EXPECT_NE(rig.card.sent[i].cookie, rig.card.sent[i + 1].cookie) << i;
}

TEST(Transmit, TakesATimeStampWhenTheDescriptorAsks) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.set(reg::TIMINCA, 0x01000001);
  rig.set(reg::TSYNCTXCTL, TSYNCTXCTL_EN);
  rig.queue_frame(0, numbered(1));
  rig.set(reg::TDT(0), 1);
  EXPECT_EQ(rig.get(reg::TSYNCTXCTL) & TSYNCTXCTL_VALID, 0u);
  rig.queue_frame(1, numbered(2));
  i82574::put<desc::TX_EXTENDED_COMMAND>(rig.tx(1), TX_EXTCMD_TSTAMP);
  rig.set(reg::TDT(0), 2);
  EXPECT_EQ(rig.get(reg::TSYNCTXCTL) & TSYNCTXCTL_VALID, TSYNCTXCTL_VALID);
}

TEST(Transmit, StandsForFramesThatComeBackDuringTheCall) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.receive_ring(0, 64);
  rig.enable_receiver();
  rig.offer(0, 60);
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_RFCE);
  Bytes xoff = ethernet(std::array<uint8_t, 6>{1, 0x80, 0xc2, 0, 0, 1}, 0x8808, 0);
  append16(xoff, 1);
  append16(xoff, 10);
  xoff.resize(60);
  unsigned calls = 0;
  rig.card.on_transmit = [&] {
    if (++calls == 1) rig.receive(xoff);
    rig.receive(numbered(9));
  };
  for (uint32_t i = 0; i < 4; ++i) rig.queue_frame(i, numbered(i));
  rig.set(reg::TDT(0), 4);
  rig.queue_frame(4, numbered(4));
  rig.set(reg::TDT(0), 5);
  EXPECT_EQ(rig.card.sent.size(), 4u);
  rig.advance(100'000);
  EXPECT_EQ(rig.card.sent.size(), 5u);
  EXPECT_EQ(rig.get(reg::RDH(0)), 2u);
}

// Frames of a sender that waits for no answer, one for each doorbell.
struct Burst {
  explicit Burst(Rig& rig) : rig(rig) {
    rig.transmit_ring(0, 256);
    rig.set(reg::ITR, 200);
    rig.clock.now += 2 * kGatherNs;
  }
  void ring(unsigned doorbells) {
    for (unsigned i = 0; i < doorbells; ++i, ++unit) {
      rig.queue_frame(unit % 256, numbered(unit));
      rig.clock.now += 10'000;
      rig.set(reg::TDT(0), (unit + 1) % 256);
    }
  }
  Rig& rig;
  unsigned unit = 0;
};

TEST(Transmit, GathersTheFramesOfABurst) {
  Rig rig;
  Burst burst(rig);
  burst.ring(kBurstDoorbells);
  EXPECT_EQ(rig.card.sent.size(), kBurstDoorbells) << "a few frames go at once";
  burst.ring(3);
  EXPECT_EQ(rig.card.sent.size(), kBurstDoorbells);
  ASSERT_TRUE(rig.clock.armed(Timer::kDoorbell));
  EXPECT_EQ(rig.clock.deadlines[Timer::kDoorbell], rig.clock.now - 2 * 10'000 + kGatherNs);
  rig.clock.now = rig.clock.deadlines[Timer::kDoorbell];
  rig.vnic.timer_expired(Timer::kDoorbell);
  EXPECT_EQ(rig.card.sent.size(), kBurstDoorbells + 3);
  EXPECT_EQ(rig.card.batches.back(), 3u);
  // Many are not held back.
  burst.ring(kGatherDescriptors);
  EXPECT_EQ(rig.card.batches.back(), kGatherDescriptors);
  EXPECT_EQ(rig.get(reg::TDH(0)), burst.unit % 256);
  for (unsigned i = 0; i < rig.card.sent.size(); ++i) {
    EXPECT_EQ(rig.card.sent[i].bytes, numbered(i)) << i;
  }
}

TEST(Transmit, DoesNotGatherForADriverThatWaitsOrDoesNotModerate) {
  {
    Rig rig;
    Burst burst(rig);
    rig.set(reg::ITR, 0);
    burst.ring(30);
    EXPECT_EQ(rig.card.sent.size(), 30u);
  }
  {
    Rig rig;
    Burst burst(rig);
    rig.receive_ring(0, 64);
    rig.offer(0, 60);
    rig.enable_receiver();
    for (unsigned i = 0; i < 30; ++i) {
      rig.receive(numbered(i));
      burst.ring(1);
    }
    EXPECT_EQ(rig.card.sent.size(), 30u) << "each may be an answer";
  }
  {
    Rig rig;
    Burst burst(rig);
    for (unsigned i = 0; i < 30; ++i) {
      rig.clock.now += kGatherNs;
      burst.ring(1);
    }
    EXPECT_EQ(rig.card.sent.size(), 30u) << "no burst";
  }
}

TEST(Transmit, ASavedDoorbellThatCannotHaveBeenIsNoBurst) {
  Rig rig;
  Burst burst(rig);
  burst.ring(kBurstDoorbells - 1);
  rig.clock.now += 7;
  rig.set(reg::TDT(0), burst.unit);  // a doorbell and nothing else has this time
  Archive saved;
  rig.vnic.archive(saved);
  Bytes time(8);
  store_le(time.data(), static_cast<uint64_t>(rig.clock.now));
  const Bytes& state = saved.bytes();
  const auto at = std::search(state.begin(), state.end(), time.begin(), time.end());
  ASSERT_NE(at, state.end());
  ASSERT_EQ(std::search(at + 1, state.end(), time.begin(), time.end()), state.end());
  for (const int64_t impossible : {INT64_MIN, INT64_MAX}) {
    Bytes hostile = state;
    store_le(&hostile[static_cast<size_t>(at - state.begin())], static_cast<uint64_t>(impossible));
    Rig other;
    other.clock.now = rig.clock.now;
    std::memcpy(other.memory.ram.get(), rig.memory.ram.get(), Memory::kRam);
    Archive loaded{std::span<const uint8_t>(hostile)};
    other.vnic.archive(loaded);
    ASSERT_TRUE(loaded.ok()) << loaded.error();
    other.queue_frame(burst.unit, numbered(1));
    other.clock.now += 10'000;
    other.set(reg::TDT(0), burst.unit + 1);
    EXPECT_EQ(other.card.sent.size(), 1u);
  }
}

// A driver with MSI-X and a vector for each direction, as Linux's.
struct Told {
  explicit Told(Rig& rig) : rig(rig) {
    rig.interrupt.current = InterruptMode::kMsix;
    rig.vnic.interrupt_mode_changed();
    rig.transmit_ring(0, 256);
    rig.set(reg::IVAR, 0x00000908);  // RXQ0 vector 0, TXQ0 vector 1
    rig.set(reg::EIAC, EIAC_CAUSES);
    rig.set(reg::CTRL_EXT, CTRL_EXT_IAME);
    rig.set(reg::EITR(1), 40);  // 10.24 us
    rig.set(reg::IMS, ICR_TXQ0);
    rig.clock.now += 2 * kGatherNs;
  }
  void send(uint8_t command, uint32_t pause_ns) {
    rig.queue_frame(unit % 256, numbered(unit), command);
    ++unit;
    rig.advance(pause_ns);
    rig.set(reg::TDT(0), unit % 256);
  }
  unsigned told() const { return rig.interrupt.vectors[1]; }
  Rig& rig;
  unsigned unit = 0;
};

constexpr uint8_t kReported = TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS;
constexpr int64_t kUntoldNs = kUntoldUnits * DelayedCause::kUnitNs;

// Frames of more than kMaxWireFrame are streams', whatever becomes of them.
void send_large(Told& driver, uint8_t command) {
  const uint32_t first = driver.unit;
  for (uint32_t i = 0; i < 6; ++i)
    driver.rig.data((first + i) % 256, {kTxBuffers, 8000}, i == 5 ? command : uint8_t{0});
  driver.unit += 6;
  driver.rig.set(reg::TDT(0), driver.unit % 256);
}

TEST(Transmit, TellsOfALoneFrameAtOnce) {
  Rig rig;
  Told driver(rig);
  for (unsigned i = 1; i <= 20; ++i) {
    driver.send(kReported | TX_CMD_IDE, kGatherNs + 1);
    EXPECT_EQ(driver.told(), i);
  }
}

TEST(Transmit, TellsOfABurstNowAndThen) {
  Rig rig;
  Told driver(rig);
  for (unsigned i = 0; i < 600; ++i) driver.send(kReported | TX_CMD_IDE, 20'000);
  // 12 ms: the first ones at once, then once in 1.024 ms or a quarter of the ring.
  EXPECT_GT(driver.told(), 10u);
  EXPECT_LT(driver.told(), 25u);
  const unsigned before = driver.told();
  rig.advance(kGatherNs + kUntoldNs + 10'240);
  EXPECT_EQ(driver.told(), before + 1) << "the last ones too";
  EXPECT_EQ(rig.card.sent.size(), 600u);
  rig.advance(100'000'000);
  EXPECT_EQ(driver.told(), before + 1);
}

TEST(Transmit, TellsOfAStreamOfLargeFramesNowAndThen) {
  Rig rig;
  Told driver(rig);
  for (unsigned i = 0; i < 2; ++i) send_large(driver, kReported | TX_CMD_IDE);
  EXPECT_EQ(driver.told(), 0u) << "96 000 octets may wait";
  send_large(driver, kReported | TX_CMD_IDE);
  EXPECT_EQ(driver.told(), 1u);
  rig.advance(kUntoldNs + 10'240);
  EXPECT_EQ(driver.told(), 1u) << "nothing waits any more";
  send_large(driver, kReported | TX_CMD_IDE);
  rig.advance(kUntoldNs - 1);
  EXPECT_EQ(driver.told(), 1u);
  rig.advance(1);
  EXPECT_EQ(driver.told(), 2u);
  rig.advance(10'240);
  // Without IDE, and when the driver asks: at once.
  send_large(driver, kReported);
  EXPECT_EQ(driver.told(), 3u);
  rig.advance(10'240);
  send_large(driver, kReported | TX_CMD_IDE);
  rig.set(reg::TIDV, TIDV_FPD);
  EXPECT_EQ(driver.told(), 4u);
  rig.advance(10'240);
  for (unsigned i = 0; i < 2; ++i) send_large(driver, kReported | TX_CMD_IDE);
  EXPECT_EQ(driver.told(), 4u) << "what was told of does not count";
  rig.advance(10 * kUntoldNs);
  EXPECT_EQ(driver.told(), 5u);
  EXPECT_EQ(rig.get(reg::ICTXPTC) + rig.get(reg::ICTXATC), 0u) << "no packet timer expired";
}

TEST(Transmit, TellsAfterALoadWhatWaited) {
  Rig rig;
  Told driver(rig);
  for (unsigned i = 0; i < 2; ++i) send_large(driver, kReported | TX_CMD_IDE);
  Archive saved;
  rig.vnic.archive(saved);
  Rig other;
  other.interrupt.current = InterruptMode::kMsix;
  other.clock.now = rig.clock.now;
  std::swap(other.memory.ram, rig.memory.ram);
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  other.advance(kUntoldNs - 1);
  EXPECT_EQ(other.interrupt.vectors[1], 0u);
  other.advance(1);
  EXPECT_EQ(other.interrupt.vectors[1], 1u);
}

TEST(Transmit, TellsOfABurstWithoutDelayAsItsVectorAllows) {
  Rig rig;
  Told driver(rig);
  for (unsigned i = 0; i < 600; ++i) driver.send(kReported, 20'000);
  // Gathered: one batch in kGatherNs, and one interrupt for each.
  EXPECT_GT(driver.told(), 55u);
}

}  // namespace
}  // namespace gatehouse::vnic
