// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/receive.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/card/vnic/fcs.hh"
#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT
using spec::DropReason;

void extended(Rig& rig) { rig.set(reg::RFCTL, RFCTL_EXSTEN); }

uint32_t status_of(const uint8_t* descriptor) {
  return static_cast<uint32_t>(field<desc::STATUS_ERROR>(descriptor));
}

constexpr uint32_t kBoth = RXCSUM_IPOFLD | RXCSUM_TUOFLD;
constexpr uint32_t type(PacketType t) { return static_cast<uint32_t>(t) << 16; }

TEST(Receive, PutsAFrameIntoALegacyDescriptor) {
  Rig rig;
  rig.receive_ring(0, 16);
  rig.enable_receiver();
  rig.offer(0, 8);
  const Bytes frame = IpFrame{.payload = 200}.build();
  EXPECT_EQ(rig.receive(frame), 1u);
  EXPECT_EQ(rig.take(Rig::buffer(0), static_cast<uint32_t>(frame.size())), frame);
  const uint8_t* d = rig.rx(0);
  EXPECT_EQ(field<desc::LEGACY_ADDRESS>(d), Rig::buffer(0));
  EXPECT_EQ(field<desc::LEGACY_LENGTH>(d), frame.size());
  EXPECT_EQ(field<desc::LEGACY_STATUS>(d),
            RX_STATUS_DD | RX_STATUS_EOP | RX_STATUS_IPCS | RX_STATUS_TCPCS);
  EXPECT_EQ(field<desc::LEGACY_ERRORS>(d), 0u);
  EXPECT_EQ(field<desc::LEGACY_CHECKSUM>(d), reference_checksum(frame));
  EXPECT_EQ(rig.get(reg::RDH(0)), 1u);
  EXPECT_EQ(field<desc::LEGACY_STATUS>(rig.rx(1)), 0u);
  EXPECT_EQ(rig.causes() & (ICR_RXT0 | ICR_RXQ0 | ICR_RXQ1), ICR_RXT0 | ICR_RXQ0);
  EXPECT_EQ(rig.get(reg::GPRC), 1u);
  EXPECT_TRUE(rig.card.drops.empty());
}

TEST(Receive, JoinsThePiecesOfAFrame) {
  const Bytes frame = IpFrame{.payload = 1400}.build();
  for (const uint32_t head : {0u, 14u, 54u, static_cast<uint32_t>(frame.size())}) {
    Rig rig;
    rig.receive_ring(0, 16);
    rig.enable_receiver();
    rig.offer(0, 8);
    rig.receive(frame, head);
    EXPECT_EQ(rig.take(Rig::buffer(0), static_cast<uint32_t>(frame.size())), frame);
  }
}

struct BufferCase {
  uint32_t rctl, size;
};
const BufferCase kBufferCases[] = {
    {0u << 16, 2048},
    {1u << 16, 1024},
    {2u << 16, 512},
    {3u << 16, 256},
    {RCTL_BSEX | 1u << 16, 16384},
    {RCTL_BSEX | 2u << 16, 8192},
    {RCTL_BSEX | 3u << 16, 4096},
    {3u << 16 | 3u << 27, 3072},  // FLXBUF wins
    {15u << 27, 15360},
};

TEST(Receive, SpreadsLongFramesOverBuffersOfEachSize) {
  const Bytes frame = IpFrame{.payload = 9000 - 40}.build();  // 9014 octets
  for (const BufferCase& test : kBufferCases) {
    SCOPED_TRACE(test.size);
    for (const bool is_extended : {false, true}) {
      Rig rig;
      if (is_extended) extended(rig);
      rig.receive_ring(0, 64);
      rig.enable_receiver(RCTL_LPE | RCTL_SECRC | test.rctl);
      rig.offer(60, 0);
      rig.set(reg::RDH(0), 40);  // runs over the end of the ring
      rig.offer(40, 60, 16384);
      rig.receive(frame);
      uint32_t left = static_cast<uint32_t>(frame.size()), unit = 40, done = 0;
      while (left != 0) {
        const uint32_t octets = std::min(left, test.size);
        left -= octets;
        const uint8_t* d = rig.rx(unit);
        const uint32_t status = static_cast<uint32_t>(is_extended ? status_of(d) & 0xff
                                                                  : field<desc::LEGACY_STATUS>(d));
        EXPECT_EQ(is_extended ? field<desc::LENGTH>(d) : field<desc::LEGACY_LENGTH>(d), octets);
        EXPECT_EQ(status & (RX_STATUS_DD | RX_STATUS_EOP),
                  RX_STATUS_DD | (left == 0 ? RX_STATUS_EOP : 0u));
        EXPECT_EQ(rig.take(Rig::buffer(unit, 16384), octets),
                  Bytes(frame.begin() + done, frame.begin() + done + octets));
        done += octets;
        unit = (unit + 1) % 64;
      }
      EXPECT_EQ(rig.get(reg::RDH(0)), unit);
    }
  }
}

TEST(Receive, KeepsTheFcsUnlessStripped) {
  Rig rig;
  rig.receive_ring(0, 16);
  rig.enable_receiver(RCTL_BAM);
  rig.offer(0, 8);
  const Bytes frame = IpFrame{}.build();
  rig.receive(frame);
  const uint32_t length = static_cast<uint32_t>(frame.size());
  EXPECT_EQ(field<desc::LEGACY_LENGTH>(rig.rx(0)), length + 4);
  EXPECT_EQ(load_le<uint32_t>(rig.at(Rig::buffer(0) + length)), fcs(frame));
}

TEST(Receive, PadsShortFrames) {
  Rig rig;
  rig.receive_ring(0, 16);
  rig.enable_receiver();
  rig.offer(0, 8);
  std::memset(rig.at(Rig::buffer(0)), 0xee, 64);
  Bytes frame = ethernet(kOwnMac, 0x0806, 28);
  rig.receive(frame);
  frame.resize(60);
  EXPECT_EQ(field<desc::LEGACY_LENGTH>(rig.rx(0)), 60u);
  EXPECT_EQ(rig.take(Rig::buffer(0), 60), frame);
  EXPECT_EQ(rig.get(reg::PRC64), 1u);
  rig.receive(Bytes(13, 1));
  EXPECT_EQ(rig.card.drops[DropReason::truncated_ethernet], 1u);
}

TEST(Receive, StripsTheVlanTagWhenAsked) {
  const IpFrame shape{.vlan = true, .tci = 0xa005};
  const Bytes frame = shape.build();
  Bytes stripped = frame;
  stripped.erase(stripped.begin() + 12, stripped.begin() + 16);
  for (const bool strip : {false, true}) {
    Rig rig;
    extended(rig);
    if (strip) rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_VME);
    rig.receive_ring(0, 16);
    rig.enable_receiver(RCTL_BAM);
    rig.offer(0, 8);
    rig.receive(frame);
    const uint8_t* d = rig.rx(0);
    const Bytes& expected = strip ? stripped : frame;
    const uint32_t length = static_cast<uint32_t>(expected.size());
    EXPECT_EQ(field<desc::LENGTH>(d), length + 4);
    EXPECT_EQ(rig.take(Rig::buffer(0), length), expected);
    EXPECT_EQ(load_le<uint32_t>(rig.at(Rig::buffer(0) + length)), fcs(frame));
    EXPECT_EQ((status_of(d) & RX_STATUS_VP) != 0, strip);
    EXPECT_EQ(field<desc::VLAN>(d), strip ? 0xa005u : 0u);
    EXPECT_EQ(status_of(d) & (RX_STATUS_TCPCS | RX_ERROR_TCPE), RX_STATUS_TCPCS);
  }
}

TEST(Receive, FiltersAddressesAndVlans) {
  Rig rig;
  extended(rig);
  rig.receive_ring(0, 16);
  rig.enable_receiver(RCTL_SECRC | RCTL_VFE);
  rig.set(reg::VFTA(5 / 32), 1u << 5);
  rig.offer(0, 12);
  rig.receive(ethernet(kPeerMac, 0x0800, 100));
  rig.receive(ethernet(std::array<uint8_t, 6>{255, 255, 255, 255, 255, 255}, 0x0800, 100));
  rig.receive(IpFrame{.vlan = true, .tci = 6}.build());
  EXPECT_EQ(rig.card.drops[DropReason::vnic_filtered], 3u);
  EXPECT_EQ(rig.get(reg::RDH(0)), 0u);
  EXPECT_EQ(rig.causes() & ICR_RXT0, 0u);
  rig.receive(IpFrame{.vlan = true, .tci = 5}.build());
  rig.receive(IpFrame{}.build());
  EXPECT_EQ(rig.get(reg::RDH(0)), 2u);
  // A group address from the hash table only: PIF.
  const std::array<uint8_t, 6> group = {0x01, 0, 0x5e, 1, 2, 3};
  rig.set(reg::MTA(0x302 >> 4 >> 1), 0xffffffff);
  for (unsigned i = 0; i < 128; ++i) rig.set(reg::MTA(i), 0xffffffff);
  rig.receive(ethernet(group, 0x0800, 100));
  EXPECT_EQ(status_of(rig.rx(2)) & RX_STATUS_PIF, RX_STATUS_PIF);
  EXPECT_EQ(status_of(rig.rx(1)) & RX_STATUS_PIF, 0u);
  EXPECT_EQ(rig.get(reg::TPR), 6u);
  EXPECT_EQ(rig.get(reg::GPRC), 3u);
  EXPECT_EQ(rig.get(reg::MPRC), 1u);
}

TEST(Receive, RefusesLongFramesUnlessAsked) {
  struct Case {
    uint32_t rctl, octets;  // without FCS
    bool vlan, taken;
  };
  const Case cases[] = {
      {0, 1518, false, true},         {0, 1519, false, false},
      {0, 1518, true, true},          {0, 1519, true, false},
      {RCTL_LPE, 1515, false, true},  {RCTL_LPE, 9014, false, true},
      {RCTL_LPE, 16380, false, true}, {RCTL_LPE, 16381, false, false},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.octets);
    Rig rig;
    rig.receive_ring(0, 16);
    rig.enable_receiver(RCTL_SECRC | test.rctl);
    rig.offer(0, 15);
    Bytes frame = ethernet(kOwnMac, test.vlan ? 0x8100 : 0x88b5, test.octets - 14);
    rig.receive(frame);
    EXPECT_EQ(rig.card.drops[DropReason::vnic_too_long], test.taken ? 0u : 1u);
    EXPECT_EQ(rig.get(reg::ROC), test.taken ? 0u : 1u);
    EXPECT_EQ(rig.get(reg::RLEC), test.taken ? 0u : 1u);
    EXPECT_EQ(rig.get(reg::TPR), 1u);
    EXPECT_EQ(rig.get(reg::TORL), test.octets + 4);
    EXPECT_EQ(rig.get(reg::GPRC), test.taken ? 1u : 0u);
    EXPECT_EQ(rig.get(reg::RDH(0)) != 0, test.taken);
  }
}

TEST(Receive, ChoosesTheQueueByRss) {
  Rig rig;
  extended(rig);
  rig.set(reg::RXCSUM, kBoth | RXCSUM_PCSD);
  rig.set(reg::MRQC, 1 | MRQC_TCP_IPV4);
  for (unsigned i = 0; i < 10; ++i) rig.set(reg::RSSRK(i), 0x01020304u * (i + 1));
  for (unsigned i = 0; i < 32; ++i) rig.set(reg::RETA(i), 0x80008000);  // odd entries: queue 1
  rig.receive_ring(0, 32);
  rig.receive_ring(1, 32);
  rig.enable_receiver();
  rig.offer(0, 31);
  rig.offer(0, 31, 4096, 1);
  std::vector<Bytes> frames;
  for (uint16_t port = 1; port <= 20; ++port)
    frames.push_back(IpFrame{.source_port = port}.build());
  rig.receive_all(frames);
  uint32_t counts[2] = {rig.get(reg::RDH(0)), rig.get(reg::RDH(1))};
  EXPECT_EQ(counts[0] + counts[1], 20u);
  EXPECT_GT(counts[0], 0u);
  EXPECT_GT(counts[1], 0u);
  for (unsigned queue = 0; queue < 2; ++queue) {
    for (uint32_t i = 0; i < counts[queue]; ++i) {
      const uint8_t* d = rig.rx(i, queue);
      EXPECT_EQ(field<desc::RSS_QUEUE>(d), queue);
      EXPECT_EQ(field<desc::RSS_HASH>(d) % 2, queue);
      EXPECT_EQ(field<desc::RSS_TYPE>(d), static_cast<uint64_t>(RssType::kTcpIpv4));
    }
  }
  EXPECT_EQ(rig.causes() & (ICR_RXQ0 | ICR_RXQ1), ICR_RXQ0 | ICR_RXQ1);
}

TEST(Receive, ReportsNoHashWhenRssIsOff) {
  Rig rig;
  extended(rig);
  rig.set(reg::RXCSUM, RXCSUM_PCSD);
  rig.set(reg::MRQC, MRQC_TCP_IPV4);  // fields, but not enabled
  for (unsigned i = 0; i < 32; ++i) rig.set(reg::RETA(i), 0x80808080);
  rig.receive_ring(0, 32);
  rig.enable_receiver();
  rig.offer(0, 8);
  rig.receive(IpFrame{}.build());
  EXPECT_EQ(load_le<uint64_t>(rig.rx(0)), 0u);
  EXPECT_EQ(rig.get(reg::RDH(0)), 1u);
}

TEST(Receive, WritesDataBeforeStatusAndTheFirstDoneBitLast) {
  Rig rig;
  extended(rig);
  rig.receive_ring(0, 16);
  rig.enable_receiver();
  rig.set(reg::RDH(0), 14);
  rig.offer(14, 8);
  unsigned data_writes = 0;
  const auto done = [&](uint32_t unit) {
    return (status_of(rig.rx(unit % 16)) & RX_STATUS_DD) != 0;
  };
  rig.memory.on_write = [&](uint64_t address, uint32_t length) {
    if (address >= kBuffers) {
      ++data_writes;
      EXPECT_FALSE(done(static_cast<uint32_t>((address - kBuffers) / 4096)));
    } else if (length > 1) {
      // The run's first descriptor is not done until its others are there.
      const uint32_t unit = static_cast<uint32_t>((address - kRxRing) / 16);
      EXPECT_FALSE(done(unit));
    } else {
      EXPECT_TRUE(address == kRxRing + 14 * 16 + 8 ? done(15) : done(3));
    }
  };
  rig.memory.writes = rig.memory.reads = 0;
  rig.receive_all({6, IpFrame{.udp = true}.build()});
  EXPECT_EQ(data_writes, 6u);
  // Two runs (the ring ends after two): each one large and one small write; descriptors read in as
  // many runs.
  EXPECT_EQ(rig.memory.writes, 6u + 4u);
  EXPECT_EQ(rig.memory.reads, 2u);
  for (uint32_t i = 0; i < 6; ++i) {
    EXPECT_NE(status_of(rig.rx((14 + i) % 16)) & RX_STATUS_DD, 0u) << i;
  }
  EXPECT_EQ(rig.get(reg::RDH(0)), 4u);
}

TEST(Receive, SaysThatAFrameWasTimeStamped) {
  for (const bool on : {false, true}) {
    Rig rig;
    extended(rig);
    rig.receive_ring(0, 16);
    rig.enable_receiver();
    rig.offer(0, 8);
    rig.set(reg::TIMINCA, 0x01000001);
    if (on) rig.set(reg::TSYNCRXCTL, TSYNCRXCTL_EN | 4u << 1);  // all frames
    rig.receive(ethernet(kOwnMac, 0x88f7, 46));
    const uint32_t expected =
        on ? RX_STATUS_TST | type(PacketType::kTimeSyncEthernet) : type(PacketType::kMac);
    EXPECT_EQ(status_of(rig.rx(0)) & (RX_STATUS_TST | 15u << 16), expected);
  }
}

TEST(Receive, GivesNullDescriptorsBackUnused) {
  for (const bool is_extended : {false, true}) {
    Rig rig;
    if (is_extended) extended(rig);
    rig.receive_ring(0, 16);
    rig.enable_receiver(RCTL_SECRC | 3u << 16);  // 256 octets
    rig.offer(0, 8);
    std::memset(rig.rx(0), 0, 16);
    std::memset(rig.rx(2), 0, 16);
    const Bytes frame = IpFrame{.payload = 300}.build();
    rig.receive(frame);
    EXPECT_EQ(rig.get(reg::RDH(0)), 4u);
    for (const uint32_t null : {0u, 2u}) {
      Bytes expected(16, 0);
      expected[is_extended ? kRxStatusOctet : kRxLegacyStatusOctet] = RX_STATUS_DD;
      EXPECT_EQ(Bytes(rig.rx(null), rig.rx(null) + 16), expected) << null;
    }
    EXPECT_EQ(rig.take(Rig::buffer(1), 256), Bytes(frame.begin(), frame.begin() + 256));
    EXPECT_EQ(rig.take(Rig::buffer(3), 98), Bytes(frame.begin() + 256, frame.end()));
  }
}

}  // namespace
}  // namespace gatehouse::vnic
