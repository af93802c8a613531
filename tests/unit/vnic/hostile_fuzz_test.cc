// SPDX-License-Identifier: GPL-2.0-or-later
// A guest of random memory and random accesses, the same in each run.
#include "hw/card/vnic/vnic.hh"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT

Bytes plain() { return IpFrame{}.build(); }

// Random memory, random registers, random accesses; the same ones in each run.
class Fuzz {
 public:
  explicit Fuzz(uint32_t seed) : random_(seed) {}

  void run(unsigned rounds) {
    fill_memory();
    for (unsigned i = 0; i < rounds; ++i) {
      const uint64_t calls = rig_.memory.reads + rig_.memory.writes + rig_.memory.refused;
      const uint64_t octets = rig_.memory.octets_read;
      const bool time_passed = step();
      if (testing::Test::HasFatalFailure()) return;
      received_ += rig_.get(reg::GPRC);
      sent_ += rig_.card.sent.size();
      if (i % 50 == 49) sane();
      rig_.card.sent.clear();
      if (time_passed) continue;  // any number of timers
      // One access: a doorbell's work of both queues, looped back at worst.
      ASSERT_LE(rig_.memory.reads + rig_.memory.writes + rig_.memory.refused - calls, 200'000u);
      ASSERT_LE(rig_.memory.octets_read - octets, 4u * kOctetsPerDoorbell);
    }
    rig_.vnic.reset(ResetKind::kPowerOn);
    ASSERT_EQ(rig_.card.pool.in_use(), 0u);
  }
  // What got through: the fuzz reached the far side.
  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }

 private:
  uint32_t any() { return static_cast<uint32_t>(random_()); }
  uint32_t below(uint32_t n) { return any() % n; }

  void fill_memory() {
    for (uint32_t i = 0; i < 0x100000; i += 4) store_le(rig_.at(kTxRing + i), any());
    for (uint32_t i = 0; i < 0x100000; i += 4) store_le(rig_.at(kRxRing + i), any());
    // Many descriptors are nearly sound, so that the deep paths are reached.
    for (uint32_t i = 0; i < 0x10000; ++i) {
      if (below(3) == 0) continue;
      i82574::put<desc::TX_ADDRESS>(rig_.tx(i), below(Memory::kRam + 4096));
      if (below(2) == 0) i82574::put<desc::DATA_DTYP>(rig_.tx(i), below(2));
      if (below(2) == 0) i82574::put<desc::TX_LENGTH>(rig_.tx(i), below(2000));
      i82574::put<desc::ADDRESS>(rig_.rx(i), below(8) == 0 ? 0 : below(Memory::kRam));
    }
  }

  // Says whether virtual time passed.
  bool step() {
    const unsigned queue = below(2);
    switch (below(14)) {
      case 0:
        rig_.set(reg::TDT(queue), below(2048));
        break;
      case 1:
        rig_.set(reg::RDT(queue), below(2048));
        break;
      case 2:
        rig_.set(reg::TDLEN(queue), any() & (below(2) ? 0xffff : 0xffffffff));
        break;
      case 3:
        rig_.set(reg::RDLEN(queue), any() & (below(2) ? 0xffff : 0xffffffff));
        break;
      case 4:
        rig_.set(below(2) ? reg::TDH(queue) : reg::RDH(queue), below(2048));
        break;
      case 5:
        rig_.set(reg::RCTL, any() | RCTL_EN | RCTL_UPE);
        break;
      case 6:
        rig_.set(reg::TCTL, any() | TCTL_EN);
        break;
      case 7:
        rig_.set(reg::RFCTL, any());
        break;
      case 8:
        rig_.set(reg::PSRCTL, any());
        break;
      case 9:
        rig_.set(reg::RXCSUM, any());
        break;
      case 10:
        rig_.set(reg::MRQC, any() | 1);
        break;
      case 11:
        rig_.advance(below(1'000'000));
        return true;
      case 12:
        frames();
        break;
      default:
        odd(queue);
        break;
    }
    return false;
  }

  void odd(unsigned queue) {
    switch (below(8)) {
      case 0:
        rig_.set(reg::CTRL, (any() & ~(CTRL_RST | CTRL_PHY_RST)) | CTRL_SLU);
        break;
      case 1:
        rig_.set(reg::TARC(queue), any() | TARC_ENABLE);
        break;
      case 2:
        rig_.set(reg::TXDCTL(queue), any());
        break;
      case 3:
        rig_.set(reg::RDTR, any());
        break;
      case 4:
        rig_.set(reg::TIDV, any());
        break;
      case 5:
        rig_.set(reg::FCRTH, any());
        break;
      case 6:
        rig_.set(reg::VET, below(2) ? 0x8100 : any());
        break;
      default:
        rig_.set(reg::RETA(below(32)), any());
        break;
    }
  }

  void frames() {
    std::vector<Bytes> frames;
    for (uint32_t i = below(20); i != 0; --i) {
      IpFrame shape{.v6 = below(3) == 0, .udp = below(2) == 0, .payload = below(1400)};
      shape.vlan = below(4) == 0;
      if (below(6) == 0) shape.fragment = 0x2000;
      Bytes frame = shape.build();
      for (uint32_t flips = below(3); flips != 0; --flips) {
        frame[below(static_cast<uint32_t>(frame.size()))] ^= static_cast<uint8_t>(1 + below(255));
      }
      if (below(8) == 0) frame.resize(below(static_cast<uint32_t>(frame.size())));
      frames.push_back(frame);
    }
    rig_.receive_all(frames);
  }

  // Whatever was done before, a driver that starts over has a working NIC.
  void sane() {
    rig_.set(reg::CTRL, CTRL_RST);
    rig_.bring_link_up();
    rig_.transmit_ring(0, 64);
    const Bytes saved = rig_.take(kTxRing, 16);
    const Bytes frame = plain();
    rig_.queue_frame(0, frame);
    rig_.card.sent.clear();
    rig_.set(reg::TDT(0), 1);
    ASSERT_EQ(rig_.card.sent.size(), 1u);
    EXPECT_EQ(rig_.card.sent[0].bytes, frame);
    rig_.put(kTxRing, saved);
    for (unsigned queue = 0; queue < 2; ++queue) {
      rig_.set(reg::TDBAL(queue), static_cast<uint32_t>(kTxRing + queue * kRingStride));
      rig_.set(reg::RDBAL(queue), static_cast<uint32_t>(kRxRing + queue * kRingStride));
      rig_.set(reg::TDLEN(queue), 32768);
      rig_.set(reg::RDLEN(queue), 32768);
    }
  }

  std::mt19937 random_;
  uint64_t sent_ = 0, received_ = 0;
  Rig rig_;
};

TEST(HostileFuzz, RandomRingsAndRegistersStayInBounds) {
  uint64_t sent = 0, received = 0;
  for (uint32_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Fuzz fuzz(seed);
    fuzz.run(1500);
    if (HasFatalFailure()) return;
    sent += fuzz.sent();
    received += fuzz.received();
  }
  EXPECT_GT(sent, 1000u);
  EXPECT_GT(received, 1000u);
}

}  // namespace
}  // namespace gatehouse::vnic
