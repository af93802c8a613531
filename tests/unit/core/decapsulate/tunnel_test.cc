// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/decapsulate/tunnel.hh"

#include <gtest/gtest.h>

#include "hw/core/parse/parse.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using spec::DropReason;

const Bytes kInner = Frame().ethernet().ipv4().udp().payload(20).build();

Bytes outer(const Bytes& tunnel, Udp udp, bool v6 = false, uint8_t tos = 0) {
  Frame frame;
  frame.ethernet();
  v6 ? frame.ipv6({.traffic_class = tos}) : frame.ipv4({.tos = tos});
  udp.destination = 6081;
  return frame.udp(udp).payload(concat({tunnel, kInner})).build();
}

policy::Format port(const char* kind) {
  policy::Format format = *policy::shipped_format(kind);
  format.port = 6081;
  if (format.option_length.field) format.options = {0x01, 0x02, 0x83, 0x00};
  return format;
}

struct Opened {
  DropReason reason;
  decapsulate::Tunnel tunnel;
  decapsulate::Part part;
};
Opened open(const Bytes& frame, const policy::Format& format) {
  PacketPool pool({.small_count = 2, .large_count = 1});
  Packet* packet = packet_of(pool, frame);
  EXPECT_EQ(parse::parse(*packet), DropReason::none);
  Opened opened;
  const decapsulate::Plan plan(format);
  opened.reason = decapsulate::open(*packet, {&plan, 1}, opened.tunnel, opened.part);
  pool.give(packet);
  return opened;
}

const Udp kNoSum{.checksum = 0};

TEST(Decapsulate, TakesOrRefusesTunnelHeaders) {
  const struct {
    const char* description;
    const char* kind;
    Bytes frame;
    DropReason verdict;
    uint32_t header;  // octets of the tunnel header, when it is taken
  } rows[] = {
      {"VXLAN", "vxlan", outer({8, 0, 0, 0, 1, 2, 3, 0}, kNoSum), DropReason::none, 8},
      {"VXLAN with a checksum", "vxlan", outer({8, 0, 0, 0, 1, 2, 3, 0}, {}), DropReason::none, 8},
      {"VXLAN, reserved bits set: ignored", "vxlan",
       outer({0xff, 0xff, 0xff, 0xff, 1, 2, 3, 0xff}, kNoSum), DropReason::none, 8},
      {"VXLAN without I flag", "vxlan", outer({0xf7, 0, 0, 0, 1, 2, 3, 0}, kNoSum),
       DropReason::bad_tunnel, 0},
      {"VXLAN cut off", "vxlan",
       Frame()
           .ethernet()
           .ipv4()
           .udp({.destination = 6081, .checksum = 0})
           .payload({8, 0, 0, 0, 1, 2, 3})
           .build(),
       DropReason::bad_tunnel, 0},
      {"VXLAN over IPv6", "vxlan", outer({8, 0, 0, 0, 1, 2, 3, 0}, {}, true), DropReason::none, 8},
      {"wrong checksum", "vxlan", outer({8, 0, 0, 0, 1, 2, 3, 0}, {.checksum = 0x1234}),
       DropReason::bad_outer_checksum, 0},
      {"wrong checksum over IPv6", "vxlan",
       outer({8, 0, 0, 0, 1, 2, 3, 0}, {.checksum = 0x1234}, true), DropReason::bad_outer_checksum,
       0},
      {"no checksum over IPv6", "vxlan", outer({8, 0, 0, 0, 1, 2, 3, 0}, kNoSum, true),
       DropReason::bad_outer_checksum, 0},

      {"Geneve", "geneve", outer({0, 0, 0x65, 0x58, 1, 2, 3, 0}, kNoSum), DropReason::none, 8},
      {"Geneve, reserved bits set: ignored", "geneve",
       outer({0, 0x3f, 0x65, 0x58, 1, 2, 3, 0xff}, kNoSum), DropReason::none, 8},
      {"Geneve with an unknown option", "geneve",
       outer({2, 0, 0x65, 0x58, 1, 2, 3, 0, 9, 9, 1, 1, 1, 2, 3, 4}, kNoSum), DropReason::none, 16},
      {"Geneve with options of no data", "geneve",
       outer({2, 0, 0x65, 0x58, 1, 2, 3, 0, 9, 9, 1, 0, 9, 9, 2, 0xe0}, kNoSum), DropReason::none,
       16},
      {"Geneve with an unknown critical option", "geneve",
       outer({2, 0x40, 0x65, 0x58, 1, 2, 3, 0, 9, 9, 0x81, 1, 1, 2, 3, 4}, kNoSum),
       DropReason::critical_option, 0},
      {"Geneve critical option without the C bit", "geneve",
       outer({2, 0, 0x65, 0x58, 1, 2, 3, 0, 9, 9, 0x81, 1, 1, 2, 3, 4}, kNoSum),
       DropReason::critical_option, 0},
      {"Geneve with a known critical option", "geneve",
       outer({1, 0x40, 0x65, 0x58, 1, 2, 3, 0, 1, 2, 0x83, 0}, kNoSum), DropReason::none, 12},
      {"Geneve, the last option runs out", "geneve",
       outer({2, 0, 0x65, 0x58, 1, 2, 3, 0, 9, 9, 1, 2, 1, 2, 3, 4}, kNoSum),
       DropReason::bad_options, 0},
      {"Geneve, options longer than the datagram", "geneve",
       outer({63, 0, 0x65, 0x58, 1, 2, 3, 0}, kNoSum), DropReason::bad_tunnel, 0},
      {"Geneve version 1", "geneve", outer({0x40, 0, 0x65, 0x58, 1, 2, 3, 0}, kNoSum),
       DropReason::bad_tunnel, 0},
      {"Geneve control packet", "geneve", outer({0, 0x80, 0x65, 0x58, 1, 2, 3, 0}, kNoSum),
       DropReason::bad_tunnel, 0},
      {"Geneve around IPv4", "geneve", outer({0, 0, 0x08, 0x00, 1, 2, 3, 0}, kNoSum),
       DropReason::bad_tunnel, 0},
      {"Geneve cut off", "geneve",
       Frame()
           .ethernet()
           .ipv4()
           .udp({.destination = 6081, .checksum = 0})
           .payload({0, 0, 0x65})
           .build(),
       DropReason::bad_tunnel, 0},
  };
  for (const auto& row : rows) {
    const Opened opened = open(row.frame, port(row.kind));
    EXPECT_EQ(opened.reason, row.verdict) << row.description;
    if (row.verdict != DropReason::none) continue;
    EXPECT_EQ(opened.tunnel.vni, 0x010203u) << row.description;
    EXPECT_EQ(opened.tunnel.inner_length, kInner.size()) << row.description;
    EXPECT_EQ(Bytes(row.frame.begin() + opened.tunnel.inner_offset, row.frame.end()), kInner)
        << row.description;
  }
}

TEST(Decapsulate, ZeroChecksumOverIpv6OnlyWhereItWasAgreed) {
  policy::Format agreed = port("vxlan");
  agreed.zero_checksum_ipv6 = true;
  EXPECT_EQ(open(outer({8, 0, 0, 0, 1, 2, 3, 0}, kNoSum, true), agreed).reason, DropReason::none);
  EXPECT_EQ(open(outer({8, 0, 0, 0, 1, 2, 3, 0}, {.checksum = 1}, true), agreed).reason,
            DropReason::bad_outer_checksum);
}

TEST(Decapsulate, LeavesEthernetPaddingBehindTheDatagramOut) {
  const Bytes tight = outer({8, 0, 0, 0, 1, 2, 3, 0}, kNoSum);
  EXPECT_EQ(open(concat({tight, Bytes(9, 0xee)}), port("vxlan")).tunnel.inner_length,
            kInner.size());
}

TEST(Decapsulate, LeavesWhatStandsBehindTheUdpDatagramOut) {
  const Bytes vxlan = {8, 0, 0, 0, 1, 2, 3, 0};
  const auto frame = [&](size_t udp_octets) {
    return Frame()
        .ethernet()
        .ipv4()
        .udp({.destination = 6081, .length = static_cast<uint16_t>(8 + udp_octets), .checksum = 0})
        .payload(concat({vxlan, kInner, Bytes(9, 0xee)}))
        .build();
  };
  const Opened opened = open(frame(vxlan.size() + kInner.size()), port("vxlan"));
  EXPECT_EQ(opened.reason, DropReason::none);
  EXPECT_EQ(opened.tunnel.inner_length, kInner.size());
  EXPECT_EQ(open(frame(7), port("vxlan")).reason, DropReason::bad_tunnel);
  EXPECT_EQ(open(frame(7), port("geneve")).reason, DropReason::bad_tunnel);
}

TEST(Decapsulate, JoinsEcnAsRfc6040Says) {
  constexpr int kDrop = -1;
  // RFC 6040 figure 4. Rows: inner not-ECT, ECT(1), ECT(0), CE (as in the field); columns: outer
  // likewise.
  const int figure_4[4][4] = {{0, 0, 0, kDrop}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
  for (int inner = 0; inner < 4; ++inner) {
    for (int outside = 0; outside < 4; ++outside) {
      for (bool v6 : {false, true}) {
        const auto frame = [&](int ecn) {
          const auto tos = static_cast<uint8_t>(0xa4 | ecn);
          return v6 ? Frame()
                          .ethernet()
                          .ipv6({.traffic_class = tos, .flow_label = 0xabcde})
                          .tcp()
                          .payload(9)
                          .build()
                    : Frame().ethernet().ipv4({.tos = tos}).tcp().payload(9).build();
        };
        PacketPool pool({.small_count = 2, .large_count = 1});
        Packet* packet = packet_of(pool, frame(inner));
        ASSERT_EQ(parse::parse(*packet), DropReason::none);
        const int expected = figure_4[inner][outside];
        EXPECT_EQ(decapsulate::join_ecn(*packet, static_cast<uint8_t>(outside)),
                  expected == kDrop ? DropReason::ecn_invalid : DropReason::none)
            << inner << outside;
        if (expected != kDrop) {
          EXPECT_EQ(to_hex(bytes_of(*packet)), to_hex(frame(expected))) << inner << outside;
        }
        pool.give(packet);
      }
    }
  }
}

TEST(Decapsulate, ReadsTheOuterEcn) {
  for (uint8_t ecn = 0; ecn < 4; ++ecn) {
    const auto tos = static_cast<uint8_t>(0xfc | ecn);
    EXPECT_EQ(
        open(outer({8, 0, 0, 0, 1, 2, 3, 0}, kNoSum, false, tos), port("vxlan")).tunnel.outer_ecn,
        ecn);
    EXPECT_EQ(open(outer({8, 0, 0, 0, 1, 2, 3, 0}, {}, true, tos), port("vxlan")).tunnel.outer_ecn,
              ecn);
  }
}

TEST(Decapsulate, ArpHasNoEcn) {
  PacketPool pool({.small_count = 2, .large_count = 1});
  Packet* packet = packet_of(pool, Frame().ethernet().arp().build());
  ASSERT_EQ(parse::parse(*packet), DropReason::none);
  EXPECT_EQ(decapsulate::join_ecn(*packet, 3), DropReason::none);
  pool.give(packet);
}

}  // namespace
}  // namespace gatehouse::test
