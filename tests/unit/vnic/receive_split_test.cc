// SPDX-License-Identifier: GPL-2.0-or-later
// Packet split descriptors (data sheet 7.1.5).
#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using namespace rig;  // NOLINT

// Buffer `n` of descriptor `i`.
uint64_t split_buffer(uint32_t i, unsigned n) { return kBuffers + i * 0x10000 + n * 0x4000; }

void offer_split(Rig& rig, uint32_t count, uint64_t third = 0, uint64_t fourth = 0) {
  for (uint32_t i = 0; i < count; ++i) {
    uint8_t* d = rig.rx(2 * i);
    i82574::put<desc::SPLIT_ADDRESS0>(d, split_buffer(i, 0));
    i82574::put<desc::SPLIT_ADDRESS1>(d, split_buffer(i, 1));
    i82574::put<desc::SPLIT_ADDRESS2>(d, third != 0 ? third : split_buffer(i, 2));
    i82574::put<desc::SPLIT_ADDRESS3>(d, fourth != 0 ? fourth : split_buffer(i, 3));
  }
  rig.set(reg::RDT(0), 2 * count);
}

void split_mode(Rig& rig, uint32_t psrctl, uint32_t rfctl = 0) {
  rig.set(reg::RFCTL, RFCTL_EXSTEN | rfctl);
  rig.set(reg::PSRCTL, psrctl);
  rig.receive_ring(0, 64);
  rig.enable_receiver(RCTL_LPE | RCTL_SECRC | RCTL_BAM | 1u << 10);
}

constexpr uint32_t sizes(uint32_t header128, uint32_t kib1, uint32_t kib2, uint32_t kib3) {
  return header128 | kib1 << 8 | kib2 << 16 | kib3 << 24;
}

struct SplitCase {
  const char* name;
  IpFrame frame;
  bool no_ip;
  uint32_t rfctl, header;  // 0: not split
};
const SplitCase kSplits[] = {
    {"TCP over IPv4", {}, false, 0, 54},
    {"UDP over IPv4", {.udp = true}, false, 0, 42},
    {"TCP over IPv6", {.v6 = true}, false, 0, 74},
    {"IPv6 off", {.v6 = true}, false, RFCTL_IPV6_DIS, 0},
    {"fragment", {.udp = true, .payload = 104, .fragment = 0x2000}, false, 0, 34},
    {"fragment, not to be split",
     {.udp = true, .payload = 104, .fragment = 0x2000},
     false,
     RFCTL_IPFRSP_DIS,
     0},
    {"tagged", {.vlan = true, .tci = 9}, false, 0, 58},
    {"no IP", {}, true, 0, 0},
};

// What the card merges for a driver fits one descriptor.
TEST(ReceiveSplit, ADriverTakesWhatFitsOneDescriptor) {
  struct Case {
    uint32_t psrctl, rctl, largest;
  };
  for (const Case& test : {Case{sizes(1, 4, 4, 4), RCTL_LPE, 12284},
                           {sizes(1, 4, 4, 0), RCTL_LPE, 8188},
                           {sizes(1, 4, 0, 0), RCTL_LPE, 4092},
                           {sizes(1, 2, 0, 0), RCTL_LPE, 2044},
                           {sizes(1, 63, 4, 4), RCTL_LPE, 16380},
                           {sizes(1, 1, 0, 0), RCTL_LPE, 1518},
                           {sizes(1, 4, 4, 4), 0, 1518}}) {
    SCOPED_TRACE(test.psrctl);
    Rig rig;
    split_mode(rig, test.psrctl);
    rig.enable_receiver(test.rctl | RCTL_SECRC | RCTL_BAM | 1u << 10);
    EXPECT_EQ(rig.vnic.largest_frame(), test.largest);
    if (test.largest == 1518) continue;  // what comes from the wire anyway
    offer_split(rig, 8);
    rig.receive(IpFrame{.payload = test.largest - 54}.build());
    EXPECT_EQ(field<desc::STATUS_ERROR>(rig.rx(0)) & (RX_STATUS_DD | RX_STATUS_EOP),
              RX_STATUS_DD | RX_STATUS_EOP);
  }
  Rig rig;  // any other format chains
  rig.enable_receiver(RCTL_LPE);
  EXPECT_EQ(rig.vnic.largest_frame(), 16380u);
}

TEST(ReceiveSplit, SplitsBehindTheHeadersItKnows) {
  for (const SplitCase& test : kSplits) {
    SCOPED_TRACE(test.name);
    Rig rig;
    split_mode(rig, sizes(2, 2, 4, 4), test.rfctl);
    offer_split(rig, 4);
    const Bytes frame = test.no_ip ? ethernet(kOwnMac, 0x88b5, 120) : test.frame.build();
    const uint32_t length = static_cast<uint32_t>(frame.size());
    rig.receive(frame);
    const uint8_t* d = rig.rx(0);
    EXPECT_EQ(rig.get(reg::RDH(0)), 2u);
    EXPECT_EQ(field<desc::HEADER_SPLIT>(d), test.header != 0 ? 1u : 0u);
    EXPECT_EQ(field<desc::HEADER_LENGTH>(d), test.header);
    const uint32_t first = test.header != 0 ? test.header : length;
    EXPECT_EQ(field<desc::LENGTH>(d), first);
    EXPECT_EQ(field<desc::LENGTH1>(d), length - first);
    EXPECT_EQ(field<desc::LENGTH2>(d), 0u);
    Bytes joined = rig.take(split_buffer(0, 0), first);
    const Bytes rest = rig.take(split_buffer(0, 1), length - first);
    joined.insert(joined.end(), rest.begin(), rest.end());
    EXPECT_EQ(joined, frame);
    EXPECT_EQ(field<desc::STATUS_ERROR>(d) & (RX_STATUS_DD | RX_STATUS_EOP),
              RX_STATUS_DD | RX_STATUS_EOP);
    EXPECT_EQ(field<desc::SPLIT_RESERVED>(d), 0u);
  }
}

TEST(ReceiveSplit, CountsTheHeaderWithoutAStrippedTag) {
  Rig rig;
  rig.set(reg::CTRL, rig.get(reg::CTRL) | CTRL_VME);
  split_mode(rig, sizes(2, 2, 4, 4));
  offer_split(rig, 4);
  rig.receive(IpFrame{.vlan = true, .tci = 9}.build());
  EXPECT_EQ(field<desc::HEADER_LENGTH>(rig.rx(0)), 54u);
  EXPECT_EQ(field<desc::VLAN>(rig.rx(0)), 9u);
}

TEST(ReceiveSplit, DoesNotSplitHeadersThatExceedTheirBuffer) {
  Rig rig;
  split_mode(rig, sizes(0, 2, 4, 4));
  offer_split(rig, 4);
  const Bytes frame = IpFrame{}.build();
  rig.receive(frame);
  EXPECT_EQ(field<desc::HEADER_SPLIT>(rig.rx(0)), 0u);
  EXPECT_EQ(field<desc::LENGTH>(rig.rx(0)), 0u);
  EXPECT_EQ(field<desc::LENGTH1>(rig.rx(0)), frame.size());
}

TEST(ReceiveSplit, GoesOnInTheNextDescriptorWithoutAHeader) {
  Rig rig;
  split_mode(rig, sizes(1, 1, 1, 1));
  offer_split(rig, 8, kSplitNoBuffer, kSplitNoBuffer);
  const Bytes frame = IpFrame{.payload = 3000}.build();
  rig.receive(frame);
  // 54 + 1024, then 1024, then 952
  EXPECT_EQ(rig.get(reg::RDH(0)), 6u);
  const uint32_t payload[3] = {1024, 1024, 952};
  Bytes joined = rig.take(split_buffer(0, 0), 54);
  for (uint32_t i = 0; i < 3; ++i) {
    const uint8_t* d = rig.rx(2 * i);
    EXPECT_EQ(field<desc::LENGTH>(d), i == 0 ? 54u : 0u);
    EXPECT_EQ(field<desc::LENGTH1>(d), payload[i]);
    EXPECT_EQ(field<desc::LENGTH2>(d), 0u);
    EXPECT_EQ(field<desc::HEADER_SPLIT>(d), i == 0 ? 1u : 0u);
    EXPECT_EQ((field<desc::STATUS_ERROR>(d) & RX_STATUS_EOP) != 0, i == 2);
    const Bytes part = rig.take(split_buffer(i, 1), payload[i]);
    joined.insert(joined.end(), part.begin(), part.end());
  }
  EXPECT_EQ(joined, frame);
}

TEST(ReceiveSplit, FillsAllBuffersInOrder) {
  Rig rig;
  split_mode(rig, sizes(4, 1, 2, 8));
  offer_split(rig, 4);
  const Bytes frame = ethernet(kOwnMac, 0x88b5, 9000 - 14);
  rig.receive(frame);
  const uint8_t* d = rig.rx(0);
  EXPECT_EQ(field<desc::LENGTH>(d), 512u);
  EXPECT_EQ(field<desc::LENGTH1>(d), 1024u);
  EXPECT_EQ(field<desc::LENGTH2>(d), 2048u);
  EXPECT_EQ(field<desc::LENGTH3>(d), 9000u - 512 - 1024 - 2048);
  EXPECT_EQ(rig.take(split_buffer(0, 3), 5416), Bytes(frame.begin() + 3584, frame.end()));
}

}  // namespace
}  // namespace gatehouse::vnic
