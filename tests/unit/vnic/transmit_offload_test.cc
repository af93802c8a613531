// SPDX-License-Identifier: GPL-2.0-or-later
// Checksum insertion, VLAN tags, segmentation, loopback.
#include "hw/card/vnic/transmit_frame.hh"

#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT
using spec::DropReason;

constexpr uint8_t kSend = TX_CMD_EOP | TX_CMD_IFCS | TX_CMD_RS;

Bytes numbered(unsigned number, uint32_t payload = 100) {
  return IpFrame{.payload = payload, .ip_id = static_cast<uint16_t>(number)}.build();
}

struct Context {
  unsigned ipcss = 14, ipcso = 24, ipcse = 33, tucss = 34, tucso = 50, tucse = 0;
  unsigned command = TX_TUCMD_TCP | TX_TUCMD_IP;
  unsigned header = 54, mss = 1000;
  uint32_t payload = 0;
};
void context(Rig& rig, uint32_t unit, const Context& c, unsigned queue = 0) {
  uint8_t* d = rig.tx(unit, queue);
  std::memset(d, 0, 16);
  i82574::put<desc::CONTEXT_IPCSS>(d, c.ipcss);
  i82574::put<desc::CONTEXT_IPCSO>(d, c.ipcso);
  i82574::put<desc::CONTEXT_IPCSE>(d, c.ipcse);
  i82574::put<desc::CONTEXT_TUCSS>(d, c.tucss);
  i82574::put<desc::CONTEXT_TUCSO>(d, c.tucso);
  i82574::put<desc::CONTEXT_TUCSE>(d, c.tucse);
  i82574::put<desc::CONTEXT_TUCMD>(d, c.command | TX_TUCMD_DEXT);
  i82574::put<desc::CONTEXT_HDRLEN>(d, c.header);
  i82574::put<desc::CONTEXT_MSS>(d, c.mss);
  i82574::put<desc::CONTEXT_PAYLEN>(d, c.payload);
}

struct ChecksumCase {
  const char* name;
  IpFrame frame;
  Context context;
  uint8_t options;
};
const ChecksumCase kChecksums[] = {
    {"TCP", {}, {}, TX_POPTS_TXSM},
    {"IP and TCP", {}, {}, TX_POPTS_TXSM | TX_POPTS_IXSM},
    {"IP", {}, {}, TX_POPTS_IXSM},
    {"UDP", {.udp = true}, {.tucso = 40, .command = TX_TUCMD_IP}, TX_POPTS_TXSM},
    {"TCP over IPv6",
     {.v6 = true},
     {.tucss = 54, .tucso = 70, .command = TX_TUCMD_TCP},
     TX_POPTS_TXSM},
    {"with its end given", {.payload = 100}, {.tucse = 14 + 20 + 20 + 100 - 1}, TX_POPTS_TXSM},
    {"none", {}, {}, 0},
};

// The driver leaves the pseudo header's sum in the TCP or UDP field and zero in IP's; what comes
// out is the complete frame.
TEST(TransmitOffload, InsertsChecksums) {
  for (const ChecksumCase& test : kChecksums) {
    SCOPED_TRACE(test.name);
    Rig rig;
    rig.transmit_ring(0, 16);
    const Bytes whole = test.frame.build();
    Bytes frame = whole;
    const uint32_t l4 = test.frame.v6 ? 54 : 34;
    if ((test.options & TX_POPTS_TXSM) != 0) {
      const Bytes addresses = test.frame.v6 ? Bytes(frame.begin() + 22, frame.begin() + 54)
                                            : Bytes(frame.begin() + 26, frame.begin() + 34);
      const uint16_t seed = static_cast<uint16_t>(~reference_checksum(
          addresses, static_cast<uint32_t>(frame.size()) - l4 + (test.frame.udp ? 17 : 6)));
      store_be(&frame[test.context.tucso], seed);
    }
    if ((test.options & TX_POPTS_IXSM) != 0) store_be(&frame[24], uint16_t{0});
    rig.put(kTxBuffers, frame);
    context(rig, 0, test.context);
    const uint32_t length = static_cast<uint32_t>(frame.size());
    rig.data(1, {kTxBuffers, 40}, 0, test.options);
    rig.data(2, {kTxBuffers + 40, length - 40}, kSend);
    rig.set(reg::TDT(0), 3);
    ASSERT_EQ(rig.card.sent.size(), 1u);
    EXPECT_EQ(rig.card.sent[0].bytes, whole);
  }
}

TEST(TransmitOffload, InsertsTheLegacyChecksum) {
  Rig rig;
  rig.transmit_ring(0, 16);
  const Bytes whole = numbered(1);
  Bytes frame = whole;
  const uint16_t seed = static_cast<uint16_t>(~reference_checksum(
      std::span(frame).subspan(26, 8), static_cast<uint32_t>(frame.size()) - 34 + 6));
  store_be(&frame[50], seed);
  rig.queue_frame(0, frame, kSend | TX_CMD_IC);
  i82574::put<desc::TX_CSS>(rig.tx(0), 34);
  i82574::put<desc::TX_CSO>(rig.tx(0), 50);
  rig.set(reg::TDT(0), 1);
  ASSERT_EQ(rig.card.sent.size(), 1u);
  EXPECT_EQ(rig.card.sent[0].bytes, whole);
}

TEST(TransmitOffload, KeepsBothContextsOfEachQueueOverDoorbellsAndSnapshots) {
  Rig rig;
  rig.transmit_ring(0, 16);
  rig.transmit_ring(1, 16);
  context(rig, 0, {});
  context(rig, 1,
          {.command = TX_TUCMD_TCP | TX_TUCMD_IP | TX_TUCMD_TSE,
           .header = 54,
           .mss = 60,
           .payload = 100});
  context(rig, 0, {.tucso = 40, .command = TX_TUCMD_IP}, 1);
  rig.set(reg::TDT(0), 2);
  rig.set(reg::TDT(1), 1);
  Archive saved;
  rig.vnic.archive(saved);
  Rig other;
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  const Bytes frame = numbered(1, 100);
  other.put(kTxBuffers, frame);
  const uint32_t length = static_cast<uint32_t>(frame.size());
  other.data(2, {kTxBuffers, length}, kSend | TX_CMD_TSE, TX_POPTS_TXSM | TX_POPTS_IXSM);
  other.data(3, {kTxBuffers, length}, kSend, TX_POPTS_IXSM);
  other.set(reg::TDT(0), 4);
  ASSERT_EQ(other.card.sent.size(), 2u);
  EXPECT_TRUE(other.card.sent[0].offload.tso);
  EXPECT_EQ(other.card.sent[0].offload.mss, 60);
  EXPECT_FALSE(other.card.sent[1].offload.tso);
  other.data(1, {kTxBuffers, length}, kSend, TX_POPTS_TXSM, 1);
  other.set(reg::TDT(1), 2);
  ASSERT_EQ(other.card.sent.size(), 3u);
  // Queue 1's context is UDP's: what stood at 40 is now the sum from 34 on.
  EXPECT_EQ(load_be<uint16_t>(&other.card.sent[2].bytes[40]),
            reference_checksum(std::span(frame).subspan(34)));
}

TEST(TransmitOffload, InsertsTheVlanTag) {
  for (const bool vme : {false, true}) {
    Rig rig;
    rig.transmit_ring(0, 16);
    if (vme) rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_VME);
    Bytes expected = numbered(1);
    rig.queue_frame(0, expected, kSend | TX_CMD_VLE);
    i82574::put<desc::TX_VLAN>(rig.tx(0), 0xa005);
    rig.set(reg::TDT(0), 1);
    if (vme) {
      const uint8_t tag[] = {0x81, 0x00, 0xa0, 0x05};
      expected.insert(expected.begin() + 12, std::begin(tag), std::end(tag));
    }
    ASSERT_EQ(rig.card.sent.size(), 1u);
    EXPECT_EQ(rig.card.sent[0].bytes, expected);
    EXPECT_GE(rig.card.sent[0].headroom, kHeadroom);
  }
}

TEST(TransmitOffload, LeavesSegmentationToTheCard) {
  for (const bool vlan : {false, true}) {
    Rig rig;
    rig.transmit_ring(0, 64);
    rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_VME);
    const Bytes frame = numbered(1, 20000);
    rig.put(kTxBuffers, frame);
    context(rig, 0,
            {.command = TX_TUCMD_TCP | TX_TUCMD_IP | TX_TUCMD_TSE,
             .header = 54,
             .mss = 1448,
             .payload = 20000});
    const uint8_t command = static_cast<uint8_t>(TX_CMD_TSE | (vlan ? TX_CMD_VLE : 0));
    rig.data(1, {kTxBuffers, 54}, command, TX_POPTS_TXSM | TX_POPTS_IXSM);
    i82574::put<desc::DATA_VLAN>(rig.tx(1), 7);
    for (uint32_t i = 0; i < 5; ++i) {
      rig.data(2 + i, {kTxBuffers + 54 + i * 4000, 4000}, i == 4 ? kSend | TX_CMD_TSE : TX_CMD_TSE);
    }
    rig.memory.reads = 0;
    rig.set(reg::TDT(0), 7);
    ASSERT_EQ(rig.card.sent.size(), 1u);
    EXPECT_EQ(rig.memory.reads, 2u) << "buffers that follow one another are read at once";
    const Sent& sent = rig.card.sent[0];
    const unsigned shift = vlan ? 4 : 0;
    EXPECT_EQ(sent.bytes.size(), frame.size() + shift);
    EXPECT_EQ(Bytes(sent.bytes.end() - 20000, sent.bytes.end()),
              Bytes(frame.end() - 20000, frame.end()));
    EXPECT_TRUE(sent.offload.tso && sent.offload.tcp && sent.offload.ipv4);
    EXPECT_TRUE(sent.offload.ip_checksum && sent.offload.l4_checksum);
    EXPECT_EQ(sent.offload.mss, 1448);
    EXPECT_EQ(sent.offload.header_length, 54 + shift);
    EXPECT_EQ(sent.offload.payload_length, 20000u);
    EXPECT_EQ(sent.offload.ipcss, 14 + shift);
    EXPECT_EQ(sent.offload.ipcso, 24 + shift);
    EXPECT_EQ(sent.offload.ipcse, 33 + shift);
    EXPECT_EQ(sent.offload.tucss, 34 + shift);
    EXPECT_EQ(sent.offload.tucso, 50 + shift);
    EXPECT_EQ(sent.offload.tucse, 0);
    EXPECT_EQ(rig.get(reg::TSCTC), 1u);
    EXPECT_EQ(rig.get(reg::GPTC), 14u);
    EXPECT_EQ(rig.get(reg::TOTL), 20000 + 14 * (54 + shift + 4));
  }
}

// A context says how long the super-frame is. What is padded are its segments, where they arrive.
TEST(TransmitOffload, DoesNotPadAShortSuperFrame) {
  for (const bool loopback : {false, true}) {
    Rig rig;
    rig.transmit_ring(0, 16);  // with TCTL.PSP
    rig.receive_ring(0, 64);
    rig.set(reg::RFCTL, RFCTL_EXSTEN);
    rig.enable_receiver(RCTL_SECRC | (loopback ? 1u << 6 : 0));
    rig.offer(0, 60);
    const Bytes frame = numbered(1, 5);
    ASSERT_EQ(frame.size(), 59u);
    rig.put(kTxBuffers, frame);
    context(rig, 0,
            {.command = TX_TUCMD_TCP | TX_TUCMD_IP | TX_TUCMD_TSE,
             .header = 54,
             .mss = 3,
             .payload = 5});
    rig.data(1, {kTxBuffers, 59}, kSend | TX_CMD_TSE, TX_POPTS_TXSM | TX_POPTS_IXSM);
    rig.queue_frame(2, Bytes(frame.begin(), frame.begin() + 58));
    rig.set(reg::TDT(0), 3);
    EXPECT_EQ(rig.card.drops, (std::map<DropReason, unsigned>{}));
    if (loopback) {
      EXPECT_EQ(rig.get(reg::RDH(0)), 3u);
      for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(field<desc::LENGTH>(rig.rx(i)), 60u) << i;
      EXPECT_EQ(rig.get(reg::GPRC), 3u);
      EXPECT_EQ(rig.get(reg::GPTC), 3u) << "as they are padded";
      EXPECT_EQ(rig.get(reg::PTC64), 3u);
      EXPECT_EQ(rig.get(reg::TOTL), 3 * 64u);
      continue;
    }
    ASSERT_EQ(rig.card.sent.size(), 2u);
    EXPECT_EQ(rig.card.sent[0].bytes, frame);
    EXPECT_EQ(rig.card.sent[0].offload.payload_length, 5u);
    EXPECT_EQ(rig.card.sent[1].bytes.size(), 60u) << "another frame is padded as before";
  }
}

// A card's saved state takes no longer ones.
TEST(TransmitOffload, ATagIsPartOfASuperFramesLength) {
  for (const uint32_t beyond : {0, 1}) {
    Rig rig;
    rig.transmit_ring(0, 64);
    rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_VME);
    const uint32_t octets = kMaxSuperFrame - 4 + beyond;
    context(rig, 0,
            {.command = TX_TUCMD_TCP | TX_TUCMD_IP | TX_TUCMD_TSE,
             .header = 54,
             .mss = 1460,
             .payload = octets - 54});
    rig.data(1, {kTxBuffers, octets}, kSend | TX_CMD_TSE | TX_CMD_VLE,
             TX_POPTS_TXSM | TX_POPTS_IXSM);
    rig.set(reg::TDT(0), 2);
    EXPECT_EQ(rig.card.drops[DropReason::tx_too_long], beyond);
    ASSERT_EQ(rig.card.sent.size(), 1 - beyond);
    if (beyond == 0) {
      EXPECT_EQ(rig.card.sent[0].bytes.size(), kMaxSuperFrame);
    }
  }
}

TEST(TransmitOffload, LoopsBackWhatItSends) {
  Rig rig;
  rig.transmit_ring(0, 64);
  rig.receive_ring(0, 64);
  rig.set(reg::RFCTL, RFCTL_EXSTEN);
  rig.enable_receiver(RCTL_SECRC | 1u << 6);
  rig.offer(0, 60);
  const Bytes frame = numbered(1);
  rig.queue_frame(0, frame);
  rig.set(reg::TDT(0), 1);
  EXPECT_TRUE(rig.card.sent.empty());
  EXPECT_EQ(rig.take(Rig::buffer(0), static_cast<uint32_t>(frame.size())), frame);
  // From outside nothing comes in meanwhile.
  rig.receive(frame);
  EXPECT_EQ(rig.card.drops[DropReason::vnic_link_down], 1u);
  // A super-frame arrives as segments with good checksums.
  Bytes super = numbered(1, 5000);
  rig.put(kTxBuffers, super);
  context(rig, 1,
          {.command = TX_TUCMD_TCP | TX_TUCMD_IP | TX_TUCMD_TSE,
           .header = 54,
           .mss = 1000,
           .payload = 5000});
  rig.data(2, {kTxBuffers, static_cast<uint32_t>(super.size())}, kSend | TX_CMD_TSE,
           TX_POPTS_TXSM | TX_POPTS_IXSM);
  rig.set(reg::TDT(0), 3);
  EXPECT_EQ(rig.get(reg::RDH(0)), 6u);
  Bytes payload;
  for (uint32_t i = 1; i < 6; ++i) {
    const uint8_t* d = rig.rx(i);
    EXPECT_EQ(field<desc::LENGTH>(d), 1054u);
    EXPECT_EQ(field<desc::STATUS_ERROR>(d) &
                  (RX_STATUS_IPCS | RX_STATUS_TCPCS | RX_ERROR_IPE | RX_ERROR_TCPE),
              RX_STATUS_IPCS | RX_STATUS_TCPCS);
    const Bytes part = rig.take(Rig::buffer(i) + 54, 1000);
    payload.insert(payload.end(), part.begin(), part.end());
  }
  EXPECT_EQ(payload, Bytes(super.begin() + 54, super.end()));
  EXPECT_EQ(rig.card.pool.in_use(), 0u);
}

}  // namespace
}  // namespace gatehouse::vnic
