// SPDX-License-Identifier: GPL-2.0-or-later
// Each view reads what an independent builder wrote, and what it writes, it reads.
#include "hw/core/base/headers.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/core/base/icmp.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse {
namespace {

using test::Bytes;
using test::Frame;

TEST(Headers, EthernetAndTags) {
  const Bytes frame = Frame().ethernet().vlan(0x6064, 0x88a8).vlan(7).payload(10).build();
  const EthernetHeader ethernet(frame.data());
  EXPECT_EQ(ethernet.destination(), *parse_mac("52:54:00:00:00:02"));
  EXPECT_EQ(ethernet.source(), *parse_mac("52:54:00:00:00:01"));
  EXPECT_EQ(ethernet.ether_type(), 0x88a8);
  const VlanTag outer(frame.data() + 14);
  EXPECT_EQ(outer.tci(), 0x6064);
  EXPECT_EQ(outer.id(), 0x064);
  EXPECT_EQ(outer.ether_type(), 0x8100);
  EXPECT_EQ(VlanTag(frame.data() + 18).id(), 7);
}

TEST(Headers, Arp) {
  const Bytes frame = Frame().ethernet().arp({.operation = 2}).build();
  const ArpHeader arp(frame.data() + 14);
  EXPECT_EQ(arp.hardware_type(), 1);
  EXPECT_EQ(arp.protocol_type(), 0x0800);
  EXPECT_EQ(arp.hardware_length(), 6);
  EXPECT_EQ(arp.protocol_length(), 4);
  EXPECT_EQ(arp.operation(), 2);
  EXPECT_EQ(arp.sender_mac(), *parse_mac("52:54:00:00:00:01"));
  EXPECT_EQ(arp.sender_ip(), *parse_ip("10.0.0.1"));
  EXPECT_TRUE(arp.target_mac().is_zero());
  EXPECT_EQ(arp.target_ip(), *parse_ip("10.0.0.2"));
}

TEST(Headers, Ipv4Tcp) {
  const Bytes frame = Frame()
                          .ethernet()
                          .ipv4({.tos = 0xb9,
                                 .id = 0xbeef,
                                 .dont_fragment = true,
                                 .fragment_offset = 1480,
                                 .ttl = 3,
                                 .options = Bytes(8, 1)})
                          .tcp({.sequence = 0xdeadbeef, .flags = 0x91, .options = Bytes(12, 1)})
                          .payload(5)
                          .build();
  const Ipv4Header ip(frame.data() + 14);
  EXPECT_EQ(ip.version(), 4);
  EXPECT_EQ(ip.header_length(), 28u);
  EXPECT_EQ(ip.tos(), 0xb9);
  EXPECT_EQ(ip.total_length(), 28 + 32 + 5);
  EXPECT_EQ(ip.identification(), 0xbeef);
  EXPECT_TRUE(ip.dont_fragment());
  EXPECT_FALSE(ip.more_fragments());
  EXPECT_EQ(ip.fragment_offset(), 1480u);
  EXPECT_EQ(ip.ttl(), 3);
  EXPECT_EQ(ip.protocol(), 6);
  EXPECT_EQ(ip.source(), *parse_ip("10.0.0.1"));
  EXPECT_EQ(ip.destination(), *parse_ip("10.0.0.2"));
  const TcpHeader tcp(frame.data() + 14 + 28);
  EXPECT_EQ(tcp.source_port(), 40000);
  EXPECT_EQ(tcp.destination_port(), 80);
  EXPECT_EQ(tcp.sequence(), 0xdeadbeef);
  EXPECT_EQ(tcp.acknowledgement(), 2000u);
  EXPECT_EQ(tcp.header_length(), 32u);
  EXPECT_EQ(tcp.flags(), tcp.kFin | tcp.kAck | tcp.kCwr);
  EXPECT_EQ(tcp.window(), 512);
  EXPECT_EQ(tcp.urgent(), 0);
}

TEST(Headers, Ipv6ExtensionsUdp) {
  const Bytes frame = Frame()
                          .ethernet()
                          .ipv6({.traffic_class = 0xa3, .flow_label = 0xfedcb, .hop_limit = 9})
                          .extension(0, Bytes(14, 0))
                          .fragment(2960, true, 0xcafe0001)
                          .udp()
                          .payload(3)
                          .build();
  const Ipv6Header ip(frame.data() + 14);
  EXPECT_EQ(ip.version(), 6);
  EXPECT_EQ(ip.traffic_class(), 0xa3);
  EXPECT_EQ(ip.flow_label(), 0xfedcbu);
  EXPECT_EQ(ip.payload_length(), 16 + 8 + 8 + 3);
  EXPECT_EQ(ip.next_header(), 0);
  EXPECT_EQ(ip.hop_limit(), 9);
  EXPECT_EQ(ip.source(), *parse_ip("fd00::1"));
  EXPECT_EQ(ip.destination(), *parse_ip("fd00::2"));
  const Ipv6Extension options(frame.data() + 54);
  EXPECT_EQ(options.next_header(), 44);
  EXPECT_EQ(options.octets(), 16u);
  const Ipv6Fragment fragment(frame.data() + 70);
  EXPECT_EQ(fragment.next_header(), 17);
  EXPECT_EQ(fragment.offset(), 2960u);
  EXPECT_TRUE(fragment.more_fragments());
  EXPECT_EQ(fragment.identification(), 0xcafe0001u);
  const UdpHeader udp(frame.data() + 78);
  EXPECT_EQ(udp.source_port(), 40000);
  EXPECT_EQ(udp.destination_port(), 5000);
  EXPECT_EQ(udp.length(), 11);
}

TEST(Headers, SettersWriteNetworkOrderAndNothingElse) {
  Bytes octets(40, 0xee);
  const Ipv6Header ip(octets.data());
  ip.set_payload_length(0x0102);
  ip.set_source(*parse_ip("::1"));
  EXPECT_EQ(octets[4], 1);
  EXPECT_EQ(octets[5], 2);
  EXPECT_EQ(ip.source(), *parse_ip("::1"));
  EXPECT_EQ(octets[7], 0xee);
  EXPECT_EQ(octets[24], 0xee);
  const Ipv4Header v4(octets.data());
  v4.set_destination(*parse_ip("1.2.3.4"));
  EXPECT_EQ(v4.destination(), *parse_ip("1.2.3.4"));
  EXPECT_EQ(octets[20], 0);  // an IPv4 address writes four octets
  EXPECT_EQ(v4.checksum_at, 10u);
}

TEST(Headers, NeighborDiscoveryAndItsOptions) {
  const Bytes options = test::concat({test::nd_link_option(1, "52:54:00:00:00:09"),
                                      test::from_hex("0502 0000 000005dc 00000000 00000000")});
  const Bytes frame = Frame()
                          .ethernet()
                          .ipv6({.hop_limit = 255})
                          .neighbor_advertisement("fd00::77", 0x60000000, options)
                          .build();
  const NeighborMessage message(frame.data() + 54);
  EXPECT_EQ(message.type(), 136);
  EXPECT_TRUE(message.solicited());
  EXPECT_TRUE(message.override_flag());
  EXPECT_EQ(message.target(), *parse_ip("fd00::77"));
  NdOptions walk(std::span<const uint8_t>(frame).subspan(54 + 24));
  auto option = walk.next();
  ASSERT_TRUE(option && option->is_mac());
  EXPECT_EQ(option->type, NdOptions::kSourceLinkLayer);
  EXPECT_EQ(option->mac(), *parse_mac("52:54:00:00:00:09"));
  option = walk.next();
  ASSERT_TRUE(option);
  EXPECT_FALSE(option->is_mac());
  EXPECT_EQ(option->octets.size(), 16u);
  EXPECT_FALSE(walk.next());
  EXPECT_FALSE(walk.bad());
}

TEST(Headers, MalformedNdOptionsEndTheWalk) {
  for (const char* hex :
       {"01", "0100 0000 0000 0000", "0102 0000 0000 0000", "0101 0000 0000 00"}) {
    const Bytes octets = test::from_hex(hex);
    NdOptions walk(octets);
    EXPECT_FALSE(walk.next()) << hex;
    EXPECT_TRUE(walk.bad()) << hex;
    EXPECT_FALSE(walk.next()) << hex;
  }
}

TEST(Headers, Bootp) {
  Bytes octets(BootpHeader<uint8_t>::kLength, 0);
  octets[0] = 1;
  octets[1] = 1;
  octets[2] = 6;
  const Bytes mac = test::from_hex("525400000001");
  std::copy(mac.begin(), mac.end(), octets.begin() + 28);
  octets[10] = 0x80;
  const BootpHeader<const uint8_t> bootp(octets.data());
  EXPECT_EQ(bootp.operation(), bootp.kRequest);
  EXPECT_EQ(bootp.hardware_type(), 1);
  EXPECT_EQ(bootp.hardware_length(), 6);
  EXPECT_EQ(bootp.flags(), 0x8000);
  EXPECT_EQ(bootp.client_mac(), *parse_mac("52:54:00:00:00:01"));
}

}  // namespace
}  // namespace gatehouse
