// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/encapsulate/outer.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "hw/core/policy/shipped_formats.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using encapsulate::Ends;
using encapsulate::Outer;

const Bytes kOptions = {0x01, 0x02, 0x03, 0x01, 0xde, 0xad, 0xbe, 0xef};
const Bytes kCritical = {0x01, 0x02, 0x83, 0x00};

policy::Format format(const char* kind, bool checksum = false) {
  policy::Format format = *policy::shipped_format(kind);
  format.udp_checksum = checksum;
  return format;
}
Ends ends(bool v6, uint16_t vlan = 0) {
  return {*parse_mac("02:00:00:00:00:0a"), vlan, *parse_ip(v6 ? "2001:db8::1" : "192.0.2.1"),
          *parse_ip(v6 ? "2001:db8::2" : "192.0.2.2"), 0x123456};
}

// What a pipeline's tables hold for a next hop.
struct Hop {
  Hop(const Ends& ends, const policy::Format& of) : format(of), outer(ends, plan) {}
  policy::Format format;
  encapsulate::Plan plan{format};
  Outer outer;
};

// The outer frame around `inner`, with `cut` octets of it in the body.
Bytes wrap(const Outer& outer, const Bytes& inner, Outer::Inner about = {}, uint16_t id = 0,
           size_t in_body = 0) {
  Bytes buffer(Outer::kReserve + inner.size());
  std::copy(inner.begin(), inner.end(), buffer.begin() + Outer::kReserve);
  uint8_t* start =
      outer.push(buffer.data() + Outer::kReserve, static_cast<uint32_t>(inner.size()), about, id);
  EXPECT_EQ(buffer.data() + Outer::kReserve - start, static_cast<ptrdiff_t>(outer.length()));
  const auto head = static_cast<uint32_t>(buffer.data() + buffer.size() - start - in_body);
  if (outer.wants_checksum()) {
    outer.complete_checksum(start, head, {start + head, static_cast<uint32_t>(in_body)});
  }
  return Bytes(start, buffer.data() + buffer.size());
}

Bytes wrap(const Hop& hop, const Bytes& inner, Outer::Inner about = {}, uint16_t id = 0) {
  return wrap(hop.outer, inner, about, id);
}

// The same, written with the tests' own builder.
struct Expected {
  bool v6 = false;
  uint16_t vlan = 0, id = 0, source_port = 49152, port = 6081;
  uint8_t tos = 0, ttl = 64;
  bool checksum = false;
};
Bytes expect(const Expected& what, const Bytes& tunnel, const Bytes& inner) {
  Frame frame;
  frame.ethernet({.destination = "00:00:00:00:00:00", .source = "02:00:00:00:00:0a"});
  if (what.vlan != 0) frame.vlan(what.vlan);
  if (what.v6) {
    frame.ipv6({.source = "2001:db8::1",
                .destination = "2001:db8::2",
                .traffic_class = what.tos,
                .hop_limit = what.ttl});
  } else {
    frame.ipv4({.source = "192.0.2.1",
                .destination = "192.0.2.2",
                .tos = what.tos,
                .id = what.id,
                .dont_fragment = true,
                .ttl = what.ttl});
  }
  Udp udp{.source = what.source_port, .destination = what.port};
  if (!what.checksum) udp.checksum = 0;
  return frame.udp(udp).payload(concat({tunnel, inner})).build();
}

const Bytes kVxlanHeader = {0x08, 0, 0, 0, 0x12, 0x34, 0x56, 0};
const Bytes kGeneveHeader = {0x00, 0x00, 0x65, 0x58, 0x12, 0x34, 0x56, 0};

TEST(Encapsulate, WritesEveryOctetOfTheOuterHeaders) {
  const Bytes inner = Frame().ethernet().ipv4().udp().payload(31).build();
  EXPECT_EQ(to_hex(wrap(Hop(ends(false), format("vxlan")), inner)),
            to_hex(expect({.port = 4789}, kVxlanHeader, inner)));
  EXPECT_EQ(to_hex(wrap(Hop(ends(false), format("geneve")), inner)),
            to_hex(expect({}, kGeneveHeader, inner)));
  EXPECT_EQ(to_hex(wrap(Hop(ends(false, 7), format("geneve")), inner)),
            to_hex(expect({.vlan = 7}, kGeneveHeader, inner)));
  EXPECT_EQ(to_hex(wrap(Hop(ends(false), format("vxlan", true)), inner)),
            to_hex(expect({.port = 4789, .checksum = true}, kVxlanHeader, inner)));
  EXPECT_EQ(to_hex(wrap(Hop(ends(true), format("vxlan")), inner)),
            to_hex(expect({.v6 = true, .port = 4789, .checksum = true}, kVxlanHeader, inner)));
  EXPECT_EQ(to_hex(wrap(Hop(ends(true, 4094), format("geneve")), inner)),
            to_hex(expect({.v6 = true, .vlan = 4094, .checksum = true}, kGeneveHeader, inner)));
}

TEST(Encapsulate, SendsTheFormatsOptions) {
  const Bytes inner = pattern(99);
  policy::Format with = format("geneve", true);
  with.options = kOptions;
  EXPECT_EQ(
      to_hex(wrap(Hop(ends(false), with), inner)),
      to_hex(expect({.checksum = true},
                    concat({{0x02, 0x00, 0x65, 0x58, 0x12, 0x34, 0x56, 0}, kOptions}), inner)));
  with.options = concat({kOptions, kCritical});
  EXPECT_EQ(
      to_hex(wrap(Hop(ends(true), with), inner)),
      to_hex(expect({.v6 = true, .checksum = true},
                    concat({{0x03, 0x40, 0x65, 0x58, 0x12, 0x34, 0x56, 0}, kOptions, kCritical}),
                    inner)));
  // The most that fits: 252 octets, one option of 128 and one of 124.
  with.options = concat({{0, 1, 2, 31}, pattern(124), {0, 1, 3, 30}, pattern(120)});
  ASSERT_EQ(with.options.size(), 252u);
  EXPECT_EQ(
      to_hex(wrap(Hop(ends(true, 9), with), inner)),
      to_hex(expect({.v6 = true, .vlan = 9, .checksum = true},
                    concat({{63, 0, 0x65, 0x58, 0x12, 0x34, 0x56, 0}, with.options}), inner)));
}

TEST(Encapsulate, SumsHeadAndBodyWhereverTheyAreCut) {
  const Bytes inner = pattern(301, 5);
  const Hop hop(ends(true), format("geneve"));
  const Outer& outer = hop.outer;
  const Bytes whole = wrap(outer, inner);
  std::string why;
  EXPECT_TRUE(checksums_right(whole, &why)) << why;
  for (size_t in_body : {1u, 2u, 3u, 150u, 151u, 300u, 301u})
    EXPECT_EQ(wrap(outer, inner, {}, 0, in_body), whole) << in_body;
}

TEST(Encapsulate, CopiesTrafficClassAsTheFormatSays) {
  const Bytes inner = pattern(64);
  policy::Format fixed = format("geneve");
  fixed.dscp = 46;
  fixed.ttl = 3;
  for (unsigned tos = 0; tos < 256; ++tos) {
    const Outer::Inner about{static_cast<uint8_t>(tos), 0};
    const auto ecn = static_cast<uint8_t>(tos & 3);
    for (bool v6 : {false, true}) {
      ASSERT_EQ(
          to_hex(wrap(Hop(ends(v6), format("geneve")), inner, about, 0xfff0)),
          to_hex(expect({.v6 = v6, .id = 0xfff0, .tos = static_cast<uint8_t>(tos), .checksum = v6},
                        kGeneveHeader, inner)));
      ASSERT_EQ(
          to_hex(wrap(Hop(ends(v6), fixed), inner, about)),
          to_hex(expect(
              {.v6 = v6, .tos = static_cast<uint8_t>(46 << 2 | ecn), .ttl = 3, .checksum = v6},
              kGeneveHeader, inner)));
    }
  }
}

TEST(Encapsulate, PicksTheSourcePortByTheFlow) {
  const Hop hop(ends(false), format("vxlan"));
  const Outer& outer = hop.outer;
  std::vector<int> used(65536);
  for (uint32_t i = 1; i <= 100'000; ++i) {
    const Bytes frame = wrap(outer, pattern(20), {0, i * 2654435761u});
    const unsigned port = frame[34] << 8u | frame[35];
    ASSERT_GE(port, 49152u);
    ++used[port];
    ASSERT_EQ(wrap(outer, pattern(20), {0, i * 2654435761u}), frame)
        << "the same flow, the same port";
  }
  EXPECT_LE(*std::max_element(used.begin(), used.end()), 30) << "6 expected for each port";
}

// GRE has no port: routers of an IPv6 underlay see the label alone.
TEST(Encapsulate, WithoutPortsTheFlowLabelFollowsTheFlow) {
  constexpr size_t kIp = 14;
  const auto label = [](const Bytes& frame) {
    return (frame[kIp + 1] & 0xfu) << 16 | frame[kIp + 2] << 8u | frame[kIp + 3];
  };
  const Hop gre(ends(true), format("gre")), vxlan(ends(true), format("vxlan"));
  std::set<unsigned> labels;
  for (uint32_t i = 1; i <= 10'000; ++i) {
    const Outer::Inner about{0xab, i * 2654435761u};
    const Bytes frame = wrap(gre, pattern(20), about);
    ASSERT_EQ(frame[kIp], 0x6a);
    ASSERT_EQ(frame[kIp + 1] & 0xf0, 0xb0);
    ASSERT_EQ(wrap(gre, pattern(20), about), frame) << "the same flow, the same label";
    labels.insert(label(frame));
    ASSERT_EQ(label(wrap(vxlan, pattern(20), about)), 0u) << "it has the port";
  }
  EXPECT_GE(labels.size(), 9'900u) << "of 2^20, 10000 flows share about 48";
}

TEST(Encapsulate, IdentificationAndLengthKeepTheHeaderChecksumRight) {
  const Hop hop(ends(false), format("geneve"));
  const Outer& outer = hop.outer;
  for (uint32_t i = 0; i < 2000; ++i) {
    const Bytes frame = wrap(outer, pattern(i % 1400), {static_cast<uint8_t>(i), i},
                             static_cast<uint16_t>(i * 331));
    ASSERT_EQ(naive_sum(std::span(frame).subspan(14, 20)), 0xffff);
  }
}

TEST(Encapsulate, KnowsItsShareOfTheMtu) {
  const auto overhead = [](bool v6, const policy::Format& of) {
    return encapsulate::Plan(of).mtu_overhead(v6);
  };
  policy::Format with = format("geneve");
  EXPECT_EQ(overhead(false, format("vxlan")), 36u);
  EXPECT_EQ(overhead(true, format("vxlan")), 56u);
  EXPECT_EQ(overhead(false, with), 36u);
  with.options = kOptions;
  EXPECT_EQ(overhead(true, with), 64u);
}

TEST(Encapsulate, ReadsTheInnerTrafficClass) {
  const Bytes v4 = Frame().ethernet().ipv4({.tos = 0xb9}).udp().build();
  const Bytes v6 =
      Frame().ethernet().ipv6({.traffic_class = 0x5a, .flow_label = 0xfffff}).udp().build();
  EXPECT_EQ(encapsulate::traffic_class(v4.data() + 14, L3::kIpv4), 0xb9);
  EXPECT_EQ(encapsulate::traffic_class(v6.data() + 14, L3::kIpv6), 0x5a);
  EXPECT_EQ(encapsulate::traffic_class(v4.data() + 14, L3::kArp), 0);
}

}  // namespace
}  // namespace gatehouse::test
