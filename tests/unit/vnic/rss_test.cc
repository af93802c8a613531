// SPDX-License-Identifier: GPL-2.0-or-later
// Vectors: Microsoft, "Verifying the RSS Hash Calculation", with the key published there.
#include "hw/card/vnic/rss.hh"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic {
namespace {

using i82574::RssType;
using rig::Bytes;

constexpr std::array<uint8_t, kRssKeyOctets> kKey = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

constexpr RssControl kAll{
    .tcp_ipv4 = true, .ipv4 = true, .tcp_ipv6 = true, .ipv6_ex = true, .ipv6 = true};

Bytes octets(std::initializer_list<unsigned> values) {
  Bytes bytes;
  rig::append(bytes, values);
  return bytes;
}

Toeplitz microsoft() {
  Toeplitz toeplitz;
  toeplitz.set_key(kKey);
  return toeplitz;
}

struct Ipv4Vector {
  std::array<uint8_t, 4> destination;
  uint16_t destination_port;
  std::array<uint8_t, 4> source;
  uint16_t source_port;
  uint32_t addresses, with_ports;
};
constexpr Ipv4Vector kIpv4[] = {
    {{161, 142, 100, 80}, 1766, {66, 9, 149, 187}, 2794, 0x323e8fc2, 0x51ccc178},
    {{65, 69, 140, 83}, 4739, {199, 92, 111, 2}, 14230, 0xd718262a, 0xc626b0ea},
    {{12, 22, 207, 184}, 38024, {24, 19, 198, 95}, 12898, 0xd2d0a5de, 0x5c2b394a},
    {{209, 142, 163, 6}, 2217, {38, 27, 205, 30}, 48228, 0x82989176, 0xafc7327f},
    {{202, 188, 127, 2}, 1303, {153, 39, 163, 191}, 44251, 0x5d1809c5, 0x10e828a2},
};

TEST(Rss, HashesIpv4AsPublished) {
  const Toeplitz toeplitz = microsoft();
  for (const Ipv4Vector& vector : kIpv4) {
    for (const bool tcp : {false, true}) {
      rig::IpFrame shape{.udp = !tcp,
                         .source4 = vector.source,
                         .destination4 = vector.destination,
                         .source_port = vector.source_port,
                         .destination_port = vector.destination_port};
      const Bytes frame = shape.build();
      Layers layers;
      ASSERT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none);
      const RssInput input = rss_input(kAll, frame, layers);
      EXPECT_EQ(input.type, tcp ? RssType::kTcpIpv4 : RssType::kIpv4);
      EXPECT_EQ(toeplitz.hash({input.octets.data(), input.length}),
                tcp ? vector.with_ports : vector.addresses);
    }
  }
}

TEST(Rss, HashesIpv6AsPublished) {
  // 3ffe:2501:200:1fff::7 port 2794 -> 3ffe:2501:200:3::1 port 1766
  Bytes input = octets({0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7,
                        0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0,    3,    0, 0, 0, 0, 0, 0, 0, 1});
  const Toeplitz toeplitz = microsoft();
  EXPECT_EQ(toeplitz.hash(input), 0x2cc18cd5u);
  rig::append16(input, 2794);
  rig::append16(input, 1766);
  EXPECT_EQ(toeplitz.hash(input), 0x40207d3du);
}

struct TypeCase {
  const char* name;
  RssControl control;
  rig::IpFrame frame;
  RssType type;
  unsigned length;
};
const TypeCase kTypes[] = {
    {"TCP over IPv4", kAll, {}, RssType::kTcpIpv4, 12},
    {"TCP, ports not asked for", {.ipv4 = true}, {}, RssType::kIpv4, 8},
    {"TCP, only ports asked for", {.tcp_ipv4 = true}, {}, RssType::kTcpIpv4, 12},
    {"UDP, only TCP asked for", {.tcp_ipv4 = true}, {.udp = true}, RssType::kNone, 0},
    {"UDP over IPv4", kAll, {.udp = true}, RssType::kIpv4, 8},
    {"fragment of TCP", kAll, {.fragment = 0x2000}, RssType::kIpv4, 8},
    {"TCP over IPv6", kAll, {.v6 = true}, RssType::kTcpIpv6, 36},
    {"UDP over IPv6", kAll, {.v6 = true, .udp = true}, RssType::kIpv6Ex, 32},
    {"UDP over IPv6, plain", {.ipv6 = true}, {.v6 = true, .udp = true}, RssType::kIpv6, 32},
    {"IPv6, only IPv4 asked for",
     {.tcp_ipv4 = true, .ipv4 = true},
     {.v6 = true},
     RssType::kNone,
     0},
    {"tagged TCP over IPv4", kAll, {.vlan = true, .tci = 5}, RssType::kTcpIpv4, 12},
};

TEST(Rss, ChoosesWhatIsHashed) {
  for (const TypeCase& test : kTypes) {
    SCOPED_TRACE(test.name);
    const Bytes frame = test.frame.build();
    Layers layers;
    ASSERT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none);
    const RssInput input = rss_input(test.control, frame, layers);
    EXPECT_EQ(input.type, test.type);
    EXPECT_EQ(input.length, test.length);
  }
}

// An IPv6 frame with a home address option and a type 2 routing header (RFC 6275).
Bytes mobile_frame() {
  Bytes frame = rig::ethernet(rig::kOwnMac, 0x86dd, 0);
  rig::append32(frame, 0x60000000);
  rig::append16(frame, 24 + 24 + 20);
  rig::append(frame, {60, 64});
  for (unsigned i = 0; i < 32; ++i) frame.push_back(static_cast<uint8_t>(i));
  rig::append(frame, {43, 2, 1, 2, 0, 0, 0xc9, 16});  // PadN 2, then the option
  for (unsigned i = 0; i < 16; ++i) frame.push_back(static_cast<uint8_t>(0xa0 + i));
  rig::append(frame, {6, 2, 2, 1, 0, 0, 0, 0});
  for (unsigned i = 0; i < 16; ++i) frame.push_back(static_cast<uint8_t>(0xb0 + i));
  rig::append16(frame, 1000);
  rig::append16(frame, 2000);
  frame.resize(frame.size() + 8);
  rig::append(frame, {0x50, 0x10, 0, 0, 0, 0, 0, 0});
  return frame;
}

TEST(Rss, UsesMobileAddressesUnlessTold) {
  const Bytes frame = mobile_frame();
  Layers layers;
  ASSERT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none);
  ASSERT_TRUE(layers.ip_options);
  RssControl control = kAll;
  RssInput input = rss_input(control, frame, layers);
  EXPECT_EQ(input.type, RssType::kTcpIpv6);
  EXPECT_EQ(input.octets[0], 0xa0);
  EXPECT_EQ(input.octets[16], 0xb0);
  for (bool RssControl::*switch_off :
       {&RssControl::ipv6_ex_disabled, &RssControl::new_ipv6_ext_disabled}) {
    control = kAll;
    control.*switch_off = true;
    input = rss_input(control, frame, layers);
    EXPECT_EQ(input.type, RssType::kIpv6);
    EXPECT_EQ(input.octets[0], 0);
    EXPECT_EQ(input.octets[16], 16);
  }
}

TEST(Rss, NeverReadsBehindACutFrame) {
  const Bytes whole = mobile_frame();
  Layers layers;
  ASSERT_EQ(parse::parse(whole, {}, layers), spec::DropReason::none);
  for (size_t length = 0; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    const RssInput input = rss_input(kAll, cut, layers);
    EXPECT_LE(input.length, kRssInputOctets);
    if (length < 14 + 40) {
      EXPECT_EQ(input.type, RssType::kNone);
    }
  }
}

}  // namespace
}  // namespace gatehouse::vnic
