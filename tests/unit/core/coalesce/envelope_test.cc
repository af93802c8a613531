// SPDX-License-Identifier: GPL-2.0-or-later
// What the shipped formats, and one of a policy's own, say about flows.
#include "hw/core/coalesce/envelope.hh"

#include "hw/core/policy/shipped_formats.hh"
#include "tests/unit/core/coalesce/coalescing.hh"

namespace gatehouse::coalesce {
namespace {

using policy::Entropy;
using test::Frame;

struct Read {
  bool ok = false;
  Origin origin;
  Bytes header;  // afterwards
};

Read read(const policy::Format& format, const Bytes& outer, const Bytes& header) {
  PacketPool pool({.small_count = 1, .large_count = 1});
  const Bytes frame = test::concat({outer, header, test::pattern(100)});
  Packet* packet = test::packet_of(pool, frame);
  static_cast<void>(parse::parse(*packet));
  Read read;
  const auto length = static_cast<uint32_t>(header.size());
  const auto inner = static_cast<uint32_t>(outer.size() + header.size());
  read.ok = Envelope(format).read(*packet, inner, length, read.origin);
  read.origin.flow &= Envelope::names(format);
  read.header.assign(packet->data + outer.size(), packet->data + inner);
  pool.give(packet);
  return read;
}

// Outer headers, with lengths for a header of `octets` and read()'s 100 of inner frame.
Bytes udp_outer(uint16_t port, size_t octets, uint16_t source, const test::Ipv4& ip = {},
                std::optional<uint16_t> checksum = 0) {
  const Bytes whole = Frame()
                          .ethernet()
                          .ipv4(ip)
                          .udp({.source = source, .destination = port, .checksum = checksum})
                          .payload(static_cast<uint32_t>(octets + 100))
                          .build();
  return test::cut(whole, 42);
}
Bytes gre_outer(size_t octets) {
  const Bytes whole = Frame()
                          .ethernet()
                          .ipv4({.protocol = 47})
                          .payload(static_cast<uint32_t>(octets + 100))
                          .build();
  return test::cut(whole, 34);
}

TEST(Envelope, OuterOptionsLeaveAFrameAlone) {
  const policy::Format vxlan = *policy::shipped_format("vxlan");
  const Bytes header = test::from_hex("08000000 00000500");
  const Bytes alert = test::from_hex("94040000");  // RFC 2113
  const Bytes whole = Frame()
                          .ethernet()
                          .ipv4({.options = alert})
                          .udp({.source = 50001, .destination = 4789, .checksum = 0})
                          .payload(108)
                          .build();
  EXPECT_FALSE(read(vxlan, test::cut(whole, 46), header).ok);
  const Bytes six = Frame()
                        .ethernet()
                        .ipv6()
                        .extension(60, test::from_hex("040104010100"))  // RFC 2473: a limit of 4
                        .udp({.source = 50001, .destination = 4789, .checksum = 0})
                        .payload(108)
                        .build();
  EXPECT_TRUE(read(vxlan, test::cut(six, 14 + 40 + 8 + 8), header).ok);
}

TEST(Envelope, UdpFormatsNameTheFlowByTheirSourcePort) {
  const policy::Format vxlan = *policy::shipped_format("vxlan");
  const Bytes header = test::from_hex("08000000 00000500");
  const Read one = read(vxlan, udp_outer(4789, 8, 50001), header);
  EXPECT_TRUE(one.ok);
  EXPECT_EQ(one.origin.flow, 50001u);
  EXPECT_EQ(one.origin.opaque, 8u);
  EXPECT_EQ(one.header, header);
  EXPECT_EQ(read(vxlan, udp_outer(4789, 8, 50002), header).origin.flow, 50002u);
}

TEST(Envelope, NvgreNamesTheFlowByItsField) {
  const policy::Format nvgre = *policy::shipped_format("nvgre");
  const Bytes header = test::from_hex("20006558 000005 77");
  const Read one = read(nvgre, gre_outer(8), header);
  EXPECT_TRUE(one.ok);
  EXPECT_EQ(one.origin.flow, 0x770000u);
}

TEST(Envelope, EntropyDecidesWhereThereAreTwo) {
  policy::Format format = *policy::shipped_format("vxlan");
  format.flow = {.octet = 1, .bit = 0, .bits = 8};
  const Bytes header = test::from_hex("08120000 00000500");
  const struct {
    Entropy entropy;
    uint64_t flow;
  } rows[] = {{Entropy::kUsual, 0x120000},
              {Entropy::kFlow, 0x120000},
              {Entropy::kSourcePort, 50001},
              {Entropy::kNone, 0}};
  for (const auto& row : rows) {
    format.entropy = row.entropy;
    EXPECT_EQ(read(format, udp_outer(4789, 8, 50001), header).origin.flow, row.flow);
  }
}

// Length and checksum of the whole differ from frame to frame: they are no difference.
TEST(Envelope, WhatCountsTheFrameIsCleared) {
  policy::Format format = *policy::shipped_format("vxlan");
  format.total_length = {.field = {.octet = 1, .bit = 4, .bits = 12}};
  format.checksum = {.octet = 4, .bit = 0, .bits = 16};
  const Bytes header = test::from_hex("0812abff dead0500");
  EXPECT_EQ(read(format, udp_outer(4789, 8, 50001), header).header,
            test::from_hex("081000ff 00000500"));
}

TEST(Envelope, OuterHeadersAreCompared) {
  const policy::Format vxlan = *policy::shipped_format("vxlan");
  const Bytes header = test::from_hex("08000000 00000500");
  const auto outer = [&](const test::Ipv4& ip, std::optional<uint16_t> checksum = 0) {
    return read(vxlan, udp_outer(4789, 8, 1, ip, checksum), header).origin.outer;
  };
  const auto outer_v6 = [&](const test::Ipv6& ip) {
    const Bytes whole =
        Frame().ethernet().ipv6(ip).udp({.source = 1, .destination = 4789}).payload(108).build();
    return read(vxlan, test::cut(whole, 62), header).origin.outer;
  };
  const uint64_t usual = outer({});
  EXPECT_EQ(outer({.id = 7}), usual);
  EXPECT_NE(outer({.tos = 1}), usual);
  EXPECT_NE(outer({.ttl = 63}), usual);
  EXPECT_NE(outer({.dont_fragment = true}), usual);
  EXPECT_NE(outer({}, 0x1234), usual);
  const uint64_t usual_v6 = outer_v6({});
  EXPECT_NE(usual_v6, usual);
  EXPECT_NE(outer_v6({.traffic_class = 1}), usual_v6);
  EXPECT_NE(outer_v6({.flow_label = 1}), usual_v6);
  EXPECT_NE(outer_v6({.hop_limit = 1}), usual_v6);
}

TEST(Envelope, ATunnelHeaderThatIsTooLongIsRefused) {
  const policy::Format geneve = *policy::shipped_format("geneve");
  EXPECT_TRUE(read(geneve, udp_outer(6081, kMaxOpaque, 1), Bytes(kMaxOpaque)).ok);
  EXPECT_FALSE(read(geneve, udp_outer(6081, kMaxOpaque + 1, 1), Bytes(kMaxOpaque + 1)).ok);
}

}  // namespace
}  // namespace gatehouse::coalesce
