// SPDX-License-Identifier: GPL-2.0-or-later
// Well-formed frames: every member of Layers.
#include <gtest/gtest.h>

#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;
using test::Bytes;
using test::Frame;

struct Row {
  const char* what;
  Bytes frame;
  Layers layers;  // but flow_hash
};

// Layers of a frame that has a datagram of `datagram` octets and no padding.
Layers ipv4(L4 l4, uint8_t protocol, uint16_t l4_header, uint32_t datagram) {
  Layers layers;
  layers.l2_length = 14;
  layers.ether_type = 0x0800;
  layers.l3 = L3::kIpv4;
  layers.l4 = l4;
  layers.ip_protocol = protocol;
  layers.l4_offset = 34;
  layers.payload_offset = l4_header == 0 ? 0 : static_cast<uint16_t>(34 + l4_header);
  layers.l3_end = 14 + datagram;
  return layers;
}
Layers ipv6(L4 l4, uint8_t protocol, uint16_t l4_header, uint32_t datagram) {
  Layers layers = ipv4(l4, protocol, l4_header, datagram);
  layers.ether_type = 0x86dd;
  layers.l3 = L3::kIpv6;
  layers.l4_offset = 54;
  layers.payload_offset = l4_header == 0 ? 0 : static_cast<uint16_t>(54 + l4_header);
  return layers;
}
template <class Change>
Layers with(Layers layers, Change change) {
  change(layers);
  return layers;
}
Layers shifted(Layers layers, unsigned tags, uint16_t tci) {
  layers.l2_length = static_cast<uint16_t>(layers.l2_length + 4 * tags);
  if (layers.l4_offset != 0) layers.l4_offset = static_cast<uint16_t>(layers.l4_offset + 4 * tags);
  if (layers.payload_offset != 0) {
    layers.payload_offset = static_cast<uint16_t>(layers.payload_offset + 4 * tags);
  }
  layers.l3_end += 4 * tags;
  layers.vlan_tags = static_cast<uint8_t>(tags);
  layers.vlan_tci = tci;
  return layers;
}
Layers other(uint16_t type, uint32_t length) {
  Layers layers;
  layers.l2_length = 14;
  layers.ether_type = type;
  layers.l3 = L3::kOther;
  layers.l3_end = length;
  return layers;
}
// Moves L4 and says that something stands in front of it.
Layers behind(Layers layers, uint16_t octets) {
  layers.l4_offset = static_cast<uint16_t>(layers.l4_offset + octets);
  if (layers.payload_offset != 0) {
    layers.payload_offset = static_cast<uint16_t>(layers.payload_offset + octets);
  }
  layers.ip_options = true;
  return layers;
}
Layers in_fragment(Layers layers, bool first) {
  layers.fragment = true;
  layers.first_fragment = first;
  if (!first) {
    layers.l4 = L4::kNone;
    layers.l4_offset = layers.payload_offset = 0;
    layers.tcp_flags = 0;
  }
  return layers;
}

std::vector<Row> l2_rows() {
  Layers arp;
  arp.l2_length = 14;
  arp.ether_type = 0x0806;
  arp.l3 = L3::kArp;
  arp.l3_end = 42;
  const Layers udp = ipv4(L4::kUdp, 17, 8, 20 + 8 + 22);
  const auto tagged = [](Frame frame) { return frame.ipv4().udp().payload(22).build(); };
  return {
      {"arp", Frame().ethernet().arp().build(), arp},
      {"arp padded", Frame().ethernet().arp().append(Bytes(18, 0)).build(), arp},
      {"arp behind a tag", Frame().ethernet().vlan(3).arp().build(), shifted(arp, 1, 3)},
      {"one tag", tagged(Frame().ethernet().vlan(0x6064)), shifted(udp, 1, 0x6064)},
      {"service tag", tagged(Frame().ethernet().vlan(9, 0x88a8)), shifted(udp, 1, 9)},
      {"two tags, the outermost counts", tagged(Frame().ethernet().vlan(9, 0x88a8).vlan(7)),
       shifted(udp, 2, 9)},
      {"tag id 0 is a tag", tagged(Frame().ethernet().vlan(0)), shifted(udp, 1, 0)},
      {"unknown ethertype", Frame().ethernet({.type = 0x88cc}).payload(46).build(),
       other(0x88cc, 60)},
      {"IEEE 802.3 length, LLC", Frame().ethernet({.type = 38}).payload(46).build(), other(38, 60)},
      {"length that is larger than the frame", Frame().ethernet({.type = 1500}).payload(46).build(),
       other(1500, 60)},
      {"0x05ff is no EtherType", Frame().ethernet({.type = 0x05ff}).payload(46).build(),
       other(0x05ff, 60)},
      {"just an Ethernet header", Frame().ethernet({.type = 0x88b5}).build(), other(0x88b5, 14)},
      {"unknown behind two tags", Frame().ethernet().vlan(1).vlan(2).payload(2).build(),
       shifted(other(0x88b5, 16), 2, 1)},
  };
}

std::vector<Row> ipv4_rows() {
  const Layers tcp =
      with(ipv4(L4::kTcp, 6, 20, 20 + 20 + 6), [](Layers& l) { l.tcp_flags = 0x10; });
  return {
      {"udp", Frame().ethernet().ipv4().udp().payload(22).build(), ipv4(L4::kUdp, 17, 8, 50)},
      {"udp without payload", Frame().ethernet().ipv4().udp().build(), ipv4(L4::kUdp, 17, 8, 28)},
      {"udp shorter than its datagram",
       Frame().ethernet().ipv4().udp({.length = 10, .checksum = 0}).payload(22).build(),
       ipv4(L4::kUdp, 17, 8, 50)},
      {"padding ends behind the datagram",
       Frame().ethernet().ipv4().udp().payload(1).append(Bytes(17, 0xff)).build(),
       ipv4(L4::kUdp, 17, 8, 29)},
      {"tcp", Frame().ethernet().ipv4().tcp().payload(6).build(), tcp},
      {"tcp with options and flags",
       Frame().ethernet().ipv4().tcp({.flags = 0xc2, .options = Bytes(40, 1)}).build(),
       with(ipv4(L4::kTcp, 6, 60, 80), [](Layers& l) { l.tcp_flags = 0xc2; })},
      {"tcp behind ip options",
       Frame().ethernet().ipv4({.options = Bytes(40, 1)}).tcp().payload(6).build(),
       behind(with(tcp, [](Layers& l) { l.l3_end += 40; }), 40)},
      {"icmp", Frame().ethernet().ipv4().icmp().payload(4).build(), ipv4(L4::kIcmp, 1, 8, 32)},
      {"another protocol", Frame().ethernet().ipv4().payload(4).build(),
       ipv4(L4::kOther, 253, 0, 24)},
      {"protocol 58 is no ICMPv6 here",
       Frame().ethernet().ipv4({.protocol = 58}).payload(2).build(), ipv4(L4::kOther, 58, 0, 22)},
      {"nothing behind the header", Frame().ethernet().ipv4({.protocol = 50}).build(),
       ipv4(L4::kOther, 50, 0, 20)},
      {"first fragment",
       Frame().ethernet().ipv4({.more_fragments = true}).udp({.length = 4000}).payload(16).build(),
       in_fragment(ipv4(L4::kUdp, 17, 8, 44), true)},
      {"middle fragment",
       Frame()
           .ethernet()
           .ipv4({.more_fragments = true, .fragment_offset = 24, .protocol = 17})
           .payload(8)
           .build(),
       in_fragment(ipv4(L4::kUdp, 17, 8, 28), false)},
      {"last fragment of odd length",
       Frame().ethernet().ipv4({.fragment_offset = 24, .protocol = 6}).payload(3).build(),
       in_fragment(ipv4(L4::kTcp, 6, 20, 23), false)},
      {"last fragment that just fits 65535",
       Frame().ethernet().ipv4({.fragment_offset = 65512, .protocol = 17}).payload(3).build(),
       in_fragment(ipv4(L4::kUdp, 17, 8, 23), false)},
  };
}

std::vector<Row> ipv6_rows() {
  const Layers udp = ipv6(L4::kUdp, 17, 8, 40 + 8 + 10);
  const auto longer = [](Layers layers, uint32_t octets) {
    layers.l3_end += octets;
    return behind(layers, static_cast<uint16_t>(octets));
  };
  Layers no_next = longer(ipv6(L4::kNone, 59, 0, 40), 8);
  no_next.l4_offset = 0;
  return {
      {"udp", Frame().ethernet().ipv6().udp().payload(10).build(), udp},
      {"tcp", Frame().ethernet().ipv6().tcp({.flags = 2}).build(),
       with(ipv6(L4::kTcp, 6, 20, 60), [](Layers& l) { l.tcp_flags = 2; })},
      {"icmpv6 that is no ND", Frame().ethernet().ipv6().icmp({.type = 128}).payload(2).build(),
       ipv6(L4::kIcmpv6, 58, 8, 50)},
      {"protocol 1 is no ICMP here", Frame().ethernet().ipv6({.next_header = 1}).payload(2).build(),
       ipv6(L4::kOther, 1, 0, 42)},
      {"ESP ends the chain", Frame().ethernet().ipv6({.next_header = 50}).payload(9).build(),
       ipv6(L4::kOther, 50, 0, 49)},
      {"no next header", Frame().ethernet().ipv6().build(),
       with(ipv6(L4::kNone, 59, 0, 40), [](Layers& l) { l.l4_offset = 0; })},
      {"no next header behind options", Frame().ethernet().ipv6().extension(60).build(), no_next},
      {"hop-by-hop", Frame().ethernet().ipv6().extension(0).udp().payload(10).build(),
       longer(udp, 8)},
      {"all kinds, in any order",
       Frame()
           .ethernet()
           .ipv6()
           .extension(0)
           .extension(60, Bytes(22, 0))
           .extension(43, Bytes(6, 0))
           .extension(60)
           .udp()
           .payload(10)
           .build(),
       longer(udp, 8 + 24 + 8 + 8)},
      {"authentication header",
       Frame()
           .ethernet()
           .ipv6()
           .extension(51, test::from_hex("0000 00000001 00000002 00000000"))
           .udp()
           .payload(10)
           .build(),
       longer(udp, 16)},
      {"eight headers",
       Frame()
           .ethernet()
           .ipv6()
           .extension(0)
           .extension(60)
           .extension(60)
           .extension(60)
           .extension(60)
           .extension(60)
           .extension(60)
           .extension(60)
           .udp()
           .payload(10)
           .build(),
       longer(udp, 64)},
      {"routing header with segments left",
       Frame().ethernet().ipv6().extension(43, Bytes{0, 1, 0, 0, 0, 0}).udp().payload(10).build(),
       with(longer(udp, 8), [](Layers& l) { l.source_route = true; })},
      {"a home address in place of the source",  // RFC 6275 section 6.3, behind PadN
       Frame()
           .ethernet()
           .ipv6()
           .extension(60, test::from_hex("0102 0000 c910 fd000000 00000000 00000000 00000009"))
           .udp()
           .payload(10)
           .build(),
       with(longer(udp, 24), [](Layers& l) { l.source_route = l.home_address = true; })},
      {"other options, and one that is cut off",
       Frame()
           .ethernet()
           .ipv6()
           .extension(60, test::from_hex("00 c902 0000 00"))
           .extension(60, test::from_hex("c910 00000000"))
           .udp()
           .payload(10)
           .build(),
       longer(udp, 16)},
      {"atomic fragment", Frame().ethernet().ipv6().fragment(0, false).udp().payload(10).build(),
       longer(udp, 8)},
      {"first fragment",
       Frame().ethernet().ipv6().fragment(0, true).udp({.length = 3000}).payload(8).build(),
       in_fragment(longer(ipv6(L4::kUdp, 17, 8, 40 + 16), 8), true)},
      {"first fragment with options behind its header",
       Frame().ethernet().ipv6().fragment(0, true).extension(60).udp().payload(8).build(),
       in_fragment(longer(ipv6(L4::kUdp, 17, 8, 40 + 16), 16), true)},
      {"last fragment",
       // The octets behind the fragment header are the middle of a UDP datagram, whatever they look
       // like.
       Frame().ethernet().ipv6().fragment(1480, false).udp().payload(3).build(),
       in_fragment(longer(ipv6(L4::kUdp, 17, 8, 40 + 11), 8), false)},
      {"last fragment whose header announces options",
       Frame().ethernet().ipv6().fragment(1480, false).extension(60).payload(3).build(),
       in_fragment(longer(ipv6(L4::kOther, 60, 0, 40 + 11), 8), false)},
      {"padded", Frame().ethernet().ipv6().udp().payload(10).append(Bytes(9, 1)).build(), udp},
  };
}

void expect_equal(const Layers& got, const Layers& want, const char* what) {
  SCOPED_TRACE(what);
  EXPECT_EQ(got.l2_length, want.l2_length);
  EXPECT_EQ(got.l4_offset, want.l4_offset);
  EXPECT_EQ(got.payload_offset, want.payload_offset);
  EXPECT_EQ(got.ether_type, want.ether_type);
  EXPECT_EQ(got.vlan_tci, want.vlan_tci);
  EXPECT_EQ(got.vlan_tags, want.vlan_tags);
  EXPECT_EQ(got.l3, want.l3);
  EXPECT_EQ(got.l4, want.l4);
  EXPECT_EQ(got.ip_protocol, want.ip_protocol);
  EXPECT_EQ(got.tcp_flags, want.tcp_flags);
  EXPECT_EQ(got.fragment, want.fragment);
  EXPECT_EQ(got.first_fragment, want.first_fragment);
  EXPECT_EQ(got.ip_options, want.ip_options);
  EXPECT_EQ(got.source_route, want.source_route);
  EXPECT_EQ(got.home_address, want.home_address);
  EXPECT_EQ(got.nd_type, want.nd_type);
  EXPECT_EQ(got.l3_end, want.l3_end);
  const bool ip = got.l3 == L3::kIpv4 || got.l3 == L3::kIpv6;
  EXPECT_EQ(got.flow_hash != 0, ip);
}

void run(const std::vector<Row>& rows) {
  PacketPool pool;
  for (const Row& row : rows) {
    Packet* packet = test::packet_of(pool, row.frame);
    EXPECT_EQ(parse(*packet), DropReason::none) << row.what;
    EXPECT_EQ(packet->reason, DropReason::none) << row.what;
    expect_equal(packet->layers, row.layers, row.what);
    EXPECT_EQ(test::bytes_of(*packet), row.frame) << row.what;
    pool.give(packet);
  }
}

TEST(Parse, FindsL2) { run(l2_rows()); }
TEST(Parse, FindsIpv4) { run(ipv4_rows()); }
TEST(Parse, FindsIpv6) { run(ipv6_rows()); }

// The same frame behind a tag goes through the general walk, without one through the short way:
// both find the same.
TEST(Parse, TheShortWayFindsWhatTheGeneralWalkFinds) {
  for (const Row& row : ipv4_rows()) {
    Layers plain, tagged;
    Bytes frame = row.frame;
    ASSERT_EQ(parse(frame, {}, plain), DropReason::none);
    const Bytes tag = {0x81, 0x00, 0x00, 0x05};
    frame.insert(frame.begin() + 12, tag.begin(), tag.end());
    ASSERT_EQ(parse(frame, {}, tagged), DropReason::none);
    expect_equal(tagged, shifted(plain, 1, 5), row.what);
    EXPECT_EQ(tagged.flow_hash, plain.flow_hash) << row.what;
  }
}

TEST(Parse, ABatchIsJudgedFrameByFrame) {
  PacketPool pool;
  const Bytes good = Frame().ethernet().ipv4().udp().payload(22).build();
  std::vector<Packet*> batch;
  for (int i = 0; i < 9; ++i) batch.push_back(test::packet_of(pool, good));
  batch[4]->length = 13;
  batch[7]->data[24] ^= 1;
  EXPECT_EQ(parse(batch), 7u);
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(batch[i]->reason, i == 4   ? DropReason::truncated_ethernet
                                : i == 7 ? DropReason::bad_ipv4_checksum
                                         : DropReason::none);
  }
  EXPECT_EQ(parse(std::span<Packet* const>{}), 0u);
}

// What Linux' e1000e leaves in a super-frame's headers: lengths of zero, no checksums.
TEST(Parse, ASuperFramesLengthsAndChecksumsAreNotLookedAt) {
  const auto super = [](const Bytes& frame, Layers& layers) {
    return parse(frame, {.super_frame = true}, layers);
  };
  Layers layers;
  Bytes frame = Frame()
                    .ethernet()
                    .ipv4({.total_length = 0, .checksum = 0})
                    .tcp({.checksum = 0x1111})
                    .payload(60000)
                    .build();
  EXPECT_EQ(super(frame, layers), DropReason::none);
  EXPECT_EQ(layers.l3_end, frame.size());
  EXPECT_EQ(layers.payload_offset, 54);
  EXPECT_EQ(parse(frame, {}, layers), DropReason::bad_ipv4_header);

  frame = Frame().ethernet().ipv6({.payload_length = 0}).tcp().payload(65536).build();
  EXPECT_EQ(super(frame, layers), DropReason::none);
  EXPECT_EQ(layers.l3_end, frame.size());
  EXPECT_EQ(layers.payload_offset, 74);

  frame = Frame().ethernet().ipv4().udp({.length = 0}).payload(3000).build();
  EXPECT_EQ(super(frame, layers), DropReason::none);
  EXPECT_EQ(layers.payload_offset, 42);
  EXPECT_EQ(parse(frame, {}, layers), DropReason::truncated_l4);
}

TEST(Parse, TheHeaderChecksumIsVerifiedUnlessToldOtherwise) {
  Layers layers;
  for (const Bytes& options : {Bytes{}, Bytes(4, 1)}) {
    const Bytes frame =
        Frame().ethernet().ipv4({.options = options, .checksum = 0x1234}).udp().build();
    EXPECT_EQ(parse(frame, {}, layers), DropReason::bad_ipv4_checksum);
    EXPECT_EQ(parse(frame, {.ipv4_checksum = false}, layers), DropReason::none);
  }
}

}  // namespace
}  // namespace gatehouse::parse
