// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/l4_checksum.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/core/base/bytes.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse {
namespace {

using test::Bytes;
using test::Frame;

struct Row {
  const char* what;
  Bytes frame;
  ChecksumState state;
};

std::vector<Row> rows() {
  const auto kGood = ChecksumState::kGood, kBad = ChecksumState::kBad, kNone = ChecksumState::kNone;
  return {
      {"tcp v4", Frame().ethernet().ipv4().tcp().payload(101).build(), kGood},
      {"tcp v6", Frame().ethernet().ipv6().tcp().payload(101).build(), kGood},
      {"udp v4", Frame().ethernet().ipv4().udp().payload(7).build(), kGood},
      {"udp v6", Frame().ethernet().vlan(5).ipv6().udp().payload(8).build(), kGood},
      {"icmp", Frame().ethernet().ipv4().icmp().payload(56).build(), kGood},
      {"icmpv6", Frame().ethernet().ipv6().icmp({.type = 128}).payload(56).build(), kGood},
      {"behind extension headers",
       Frame().ethernet().ipv6().extension(0).extension(60).tcp().payload(9).build(), kGood},
      {"padding is not summed",
       Frame().ethernet().ipv4().udp().payload(1).append(Bytes(17, 0xaa)).build(), kGood},
      {"udp shorter than the datagram",
       Frame().ethernet().ipv4().udp({.length = 12, .checksum = 0}).payload(9).build(), kNone},
      {"wrong tcp", Frame().ethernet().ipv4().tcp({.checksum = 0x1234}).payload(4).build(), kBad},
      {"wrong udp", Frame().ethernet().ipv6().udp({.checksum = 1}).payload(4).build(), kBad},
      {"wrong icmp", Frame().ethernet().ipv4().icmp({.checksum = 1}).build(), kBad},
      {"udp without checksum, v4", Frame().ethernet().ipv4().udp({.checksum = 0}).build(), kNone},
      {"udp without checksum, v6", Frame().ethernet().ipv6().udp({.checksum = 0}).build(), kBad},
      {"fragment", Frame().ethernet().ipv4({.more_fragments = true}).udp().payload(8).build(),
       kNone},
      {"arp", Frame().ethernet().arp().build(), kNone},
      {"another protocol", Frame().ethernet().ipv4().payload(30).build(), kNone},
      {"source route",
       Frame().ethernet().ipv6().extension(43, Bytes{0, 1, 0, 0, 0, 0}).tcp().payload(4).build(),
       kNone},
  };
}

TEST(L4Checksum, IsVerifiedByWhatParseFound) {
  PacketPool pool;
  for (const Row& row : rows()) {
    Packet* packet = test::packet_of(pool, row.frame);
    ASSERT_EQ(parse::parse(*packet), spec::DropReason::none) << row.what;
    EXPECT_EQ(verify_l4_checksum(*packet), row.state) << row.what;
    EXPECT_EQ(packet->l4_checksum_checked, row.state != ChecksumState::kNone) << row.what;
    EXPECT_EQ(packet->l4_checksum_good, row.state == ChecksumState::kGood) << row.what;
    pool.give(packet);
  }
}

TEST(L4Checksum, CompleteRestoresWhatWasDestroyed) {
  PacketPool pool;
  for (const Row& row : rows()) {
    if (row.state != ChecksumState::kGood) continue;
    Packet* packet = test::packet_of(pool, row.frame);
    ASSERT_EQ(parse::parse(*packet), spec::DropReason::none) << row.what;
    uint8_t* l4 = packet->data + packet->layers.l4_offset;
    const size_t at = packet->layers.l4 == L4::kTcp ? 16 : packet->layers.l4 == L4::kUdp ? 6 : 2;
    l4[at] ^= 0x5a;
    l4[at + 1] ^= 0xa5;
    if (packet->layers.l3 == L3::kIpv4) packet->data[packet->layers.l2_length + 10] ^= 0xff;
    complete_checksums(*packet);
    EXPECT_EQ(test::bytes_of(*packet), row.frame) << row.what;
    EXPECT_TRUE(packet->l4_checksum_good) << row.what;
    pool.give(packet);
  }
}

TEST(L4Checksum, CompleteLeavesAFragmentsPayloadAlone) {
  PacketPool pool;
  const Bytes frame = Frame().ethernet().ipv4({.more_fragments = true}).udp().payload(8).build();
  Packet* packet = test::packet_of(pool, frame);
  ASSERT_EQ(parse::parse(*packet), spec::DropReason::none);
  packet->data[14 + 10] ^= 0xff;
  complete_checksums(*packet);
  EXPECT_EQ(test::bytes_of(*packet), frame);
  EXPECT_FALSE(packet->l4_checksum_checked);
}

// A sum of zero must go out as 0xffff.
TEST(L4Checksum, CompleteNeverWritesZeroForUdp) {
  PacketPool pool;
  unsigned ones = 0;
  for (unsigned i = 0; i < 65536; ++i) {
    Packet* packet = pool.take(60);
    const Bytes frame = Frame()
                            .ethernet()
                            .ipv4({.checksum = 0})
                            .udp({.checksum = 0})
                            .payload(Bytes{static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)})
                            .build();
    std::copy(frame.begin(), frame.end(), packet->data);
    packet->length = static_cast<uint32_t>(frame.size());
    ASSERT_EQ(parse::parse(*packet, {.ipv4_checksum = false}), spec::DropReason::none);
    complete_checksums(*packet);
    const unsigned checksum = load_be<uint16_t>(packet->data + 14 + 20 + 6);
    ASSERT_NE(checksum, 0u) << i;
    if (checksum == 0xffff) {
      ++ones;
      EXPECT_EQ(verify_l4_checksum(*packet), ChecksumState::kGood);
    }
    pool.give(packet);
  }
  EXPECT_EQ(ones, 1u);
}

}  // namespace
}  // namespace gatehouse
