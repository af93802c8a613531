// SPDX-License-Identifier: GPL-2.0-or-later
// Malformed frames: each to its reason.
#include <gtest/gtest.h>

#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;
using test::Bytes;
using test::cut;
using test::Frame;
using test::patch;

struct Row {
  const char* what;
  Bytes frame;
  DropReason reason;
};

void run(const std::vector<Row>& rows) {
  PacketPool pool;
  for (const Row& row : rows) {
    Packet* packet = test::packet_of(pool, row.frame);
    EXPECT_EQ(parse(*packet), row.reason) << row.what;
    EXPECT_EQ(packet->reason, row.reason) << row.what;
    pool.give(packet);
  }
}

TEST(ParseRefuses, BadL2) {
  const Bytes tagged = Frame().ethernet().vlan(1).payload(46).build();
  const Bytes arp = Frame().ethernet().arp().build();
  run({
      {"empty", {}, DropReason::truncated_ethernet},
      {"13 octets", cut(tagged, 13), DropReason::truncated_ethernet},
      {"tag cut off", cut(tagged, 17), DropReason::truncated_vlan},
      {"no tag behind its type", cut(tagged, 14), DropReason::truncated_vlan},
      {"second tag cut off", cut(Frame().ethernet().vlan(1).vlan(2).payload(4).build(), 21),
       DropReason::truncated_vlan},
      {"three tags", Frame().ethernet().vlan(1).vlan(2).vlan(3).payload(46).build(),
       DropReason::truncated_vlan},
      {"arp cut off", cut(arp, 41), DropReason::bad_arp},
      {"arp without content", cut(arp, 14), DropReason::bad_arp},
      {"arp hardware type", patch(arp, 14, {0, 6}), DropReason::bad_arp},
      {"arp protocol type", patch(arp, 16, {0x86, 0xdd}), DropReason::bad_arp},
      {"arp hardware length", patch(arp, 18, {8}), DropReason::bad_arp},
      {"arp protocol length", patch(arp, 19, {16}), DropReason::bad_arp},
  });
}

TEST(ParseRefuses, BadIpv4) {
  const Bytes udp = Frame().ethernet().ipv4().udp().payload(22).build();
  const auto with_options = [](const char* hex) {
    return Frame().ethernet().ipv4({.options = test::from_hex(hex)}).udp().build();
  };
  run({
      {"header cut off", cut(udp, 33), DropReason::bad_ipv4_header},
      {"nothing behind the type", cut(udp, 14), DropReason::bad_ipv4_header},
      {"version 6", patch(udp, 14, {0x65}), DropReason::bad_ipv4_header},
      {"version 0", patch(udp, 14, {0x05}), DropReason::bad_ipv4_header},
      {"header length 4", patch(udp, 14, {0x44}), DropReason::bad_ipv4_header},
      {"header longer than the frame", cut(patch(udp, 14, {0x4f}), 64),
       DropReason::bad_ipv4_header},
      {"total length beyond the frame",
       Frame().ethernet().ipv4({.total_length = 51}).udp().payload(22).build(),
       DropReason::bad_ipv4_header},
      {"total length shorter than the header",
       Frame().ethernet().ipv4({.total_length = 19}).udp().payload(22).build(),
       DropReason::bad_ipv4_header},
      {"total length shorter than the header with options",
       Frame().ethernet().ipv4({.options = Bytes(8, 1), .total_length = 27}).udp().build(),
       DropReason::bad_ipv4_header},
      {"frame cut behind the header", cut(udp, 60), DropReason::bad_ipv4_header},
      {"checksum", Frame().ethernet().ipv4({.checksum = 0}).udp().build(),
       DropReason::bad_ipv4_checksum},
      {"checksum with options",
       Frame().ethernet().ipv4({.options = Bytes(4, 1), .checksum = 0}).udp().build(),
       DropReason::bad_ipv4_checksum},
      {"option of length 0", with_options("83000000"), DropReason::bad_ipv4_header},
      {"option of length 1", with_options("83010000"), DropReason::bad_ipv4_header},
      {"option beyond the header", with_options("01840401"), DropReason::bad_ipv4_header},
      {"option without a length", with_options("01010183"), DropReason::bad_ipv4_header},
  });
}

TEST(ParseRefuses, BadFragments) {
  const auto v4 = [](bool more, uint32_t offset, uint8_t protocol, uint32_t octets) {
    return Frame()
        .ethernet()
        .ipv4({.more_fragments = more, .fragment_offset = offset, .protocol = protocol})
        .payload(octets)
        .build();
  };
  const auto v6 = [](uint32_t offset, bool more, uint32_t octets) {
    return Frame().ethernet().ipv6().fragment(offset, more).payload(octets).build();
  };
  run({
      {"v4: nothing in it", v4(false, 8, 17, 0), DropReason::bad_fragment},
      {"v4: first with nothing in it", v4(true, 0, 17, 0), DropReason::bad_fragment},
      {"v4: more to come, but no multiple of 8", v4(true, 1480, 17, 15), DropReason::bad_fragment},
      {"v4: ends beyond 65535", v4(false, 65512, 17, 4), DropReason::bad_fragment},
      {"v4: largest offset", v4(true, 65528, 17, 8), DropReason::bad_fragment},
      {"v4: overwrites TCP flags", v4(false, 8, 6, 16), DropReason::bad_fragment},
      {"v4: first without its whole TCP header", v4(true, 0, 6, 16), DropReason::truncated_l4},
      {"v6: nothing in it", v6(8, false, 0), DropReason::bad_fragment},
      {"v6: more to come, but no multiple of 8", v6(0, true, 12), DropReason::bad_fragment},
      {"v6: ends beyond 65535", v6(65528, false, 8), DropReason::bad_fragment},
      {"v6: fragment of a fragment",
       Frame().ethernet().ipv6().fragment(0, false).fragment(0, false).udp().build(),
       DropReason::bad_ipv6_extension},
      {"v6: first without its L4 header",
       Frame()
           .ethernet()
           .ipv6({.next_header = 44})
           .payload(test::concat({test::from_hex("0600 0001 00000001"), Bytes(16, 0x50)}))
           .build(),
       DropReason::truncated_l4},
  });
}

TEST(ParseRefuses, BadIpv6) {
  const Bytes udp = Frame().ethernet().ipv6().udp().payload(10).build();
  const Bytes options = Frame().ethernet().ipv6().extension(60, Bytes(14, 0)).udp().build();
  Frame nine = Frame().ethernet().ipv6();
  for (int i = 0; i < 9; ++i) nine.extension(60);
  run({
      {"header cut off", cut(udp, 53), DropReason::bad_ipv6_header},
      {"nothing behind the type", cut(udp, 14), DropReason::bad_ipv6_header},
      {"version 4", patch(udp, 14, {0x40}), DropReason::bad_ipv6_header},
      {"payload beyond the frame",
       Frame().ethernet().ipv6({.payload_length = 19}).udp().payload(10).build(),
       DropReason::bad_ipv6_header},
      {"frame cut off", cut(udp, 71), DropReason::bad_ipv6_header},
      {"jumbogram", Frame().ethernet().ipv6({.payload_length = 0}).extension(0).udp().build(),
       DropReason::bad_ipv6_extension},
      {"extension header cut off", patch(cut(options, 54 + 7), 18, {0, 7}),
       DropReason::bad_ipv6_extension},
      {"extension header beyond the datagram", patch(options, 55, {3}),
       DropReason::bad_ipv6_extension},
      {"authentication header beyond the datagram",
       patch(Frame().ethernet().ipv6().extension(51).udp().build(), 55, {255}),
       DropReason::bad_ipv6_extension},
      {"hop-by-hop not first", Frame().ethernet().ipv6().extension(60).extension(0).udp().build(),
       DropReason::bad_ipv6_extension},
      {"two hop-by-hop", Frame().ethernet().ipv6().extension(0).extension(0).udp().build(),
       DropReason::bad_ipv6_extension},
      {"nine headers", nine.udp().build(), DropReason::bad_ipv6_extension},
  });
}

TEST(ParseRefuses, BadL4) {
  const auto v4 = [](uint8_t protocol, uint32_t octets) {
    return Frame().ethernet().ipv4({.protocol = protocol}).payload(octets).build();
  };
  const auto v6 = [](uint8_t protocol, uint32_t octets) {
    return Frame().ethernet().ipv6({.next_header = protocol}).payload(octets).build();
  };
  const Bytes tcp = Frame().ethernet().ipv4().tcp().payload(3).build();
  const Bytes tcp6 = Frame().ethernet().ipv6().tcp().payload(3).build();
  run({
      {"v4 udp cut off", v4(17, 7), DropReason::truncated_l4},
      {"v4 udp missing", v4(17, 0), DropReason::truncated_l4},
      {"v4 tcp cut off", v4(6, 19), DropReason::truncated_l4},
      {"v4 icmp cut off", v4(1, 7), DropReason::truncated_l4},
      {"v6 udp cut off", v6(17, 7), DropReason::truncated_l4},
      {"v6 tcp cut off", v6(6, 19), DropReason::truncated_l4},
      {"v6 tcp missing", v6(6, 0), DropReason::truncated_l4},
      {"v6 icmp cut off", v6(58, 7), DropReason::truncated_l4},
      {"udp length below 8", Frame().ethernet().ipv4().udp({.length = 7}).payload(4).build(),
       DropReason::truncated_l4},
      {"udp length beyond the datagram",
       Frame().ethernet().ipv4().udp({.length = 13}).payload(4).append(Bytes(20, 0)).build(),
       DropReason::truncated_l4},
      {"v6 udp length beyond the datagram",
       Frame().ethernet().ipv6().udp({.length = 13}).payload(4).append(Bytes(20, 0)).build(),
       DropReason::truncated_l4},
      {"udp length below 8 in a first fragment",
       Frame().ethernet().ipv4({.more_fragments = true}).udp({.length = 7}).payload(8).build(),
       DropReason::truncated_l4},
      {"tcp data offset 4", patch(tcp, 46, {0x40}), DropReason::truncated_l4},
      {"tcp options beyond the datagram", patch(tcp, 46, {0x60}), DropReason::truncated_l4},
      {"v6 tcp data offset 0", patch(tcp6, 66, {0}), DropReason::truncated_l4},
      {"v6 tcp options beyond the datagram", patch(tcp6, 66, {0xf0}), DropReason::truncated_l4},
  });
}

// Whatever is cut off a good frame: it never becomes another good one with octets that are not
// there.
TEST(ParseRefuses, EveryCutOfEveryFrame) {
  const Bytes whole[] = {
      Frame()
          .ethernet()
          .vlan(1)
          .vlan(2)
          .ipv4({.options = Bytes(8, 1)})
          .tcp({.options = Bytes(12, 1)})
          .payload(20)
          .build(),
      Frame().ethernet().ipv4().udp().payload(20).build(),
      Frame()
          .ethernet()
          .ipv6()
          .extension(0)
          .fragment(0, true)
          .extension(60)
          .udp()
          .payload(24)
          .build(),
      Frame().ethernet().arp().build(),
  };
  for (const Bytes& frame : whole) {
    Layers layers;
    ASSERT_EQ(parse(frame, {}, layers), DropReason::none);
    for (size_t length = 0; length < frame.size(); ++length) {
      // On the heap in its exact size, so that a sanitizer sees a read beyond it.
      const Bytes part(frame.begin(), frame.begin() + static_cast<long>(length));
      EXPECT_NE(parse(part, {}, layers), DropReason::none) << length;
    }
  }
}

}  // namespace
}  // namespace gatehouse::parse
