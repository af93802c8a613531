// SPDX-License-Identifier: GPL-2.0-or-later
// Neighbor Discovery messages against the validation rules of RFC 4861, rule by rule.
#include <gtest/gtest.h>

#include "hw/core/base/icmp.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;
using test::Bytes;
using test::Frame;
using test::Ipv6;
using test::nd_link_option;

constexpr const char* kGuest = "52:54:00:00:00:01";

Ipv6 nd_ip(const char* source, const char* destination) {
  return {.source = source, .destination = destination, .hop_limit = 255};
}
Bytes address(const char* text) {
  const IpAddress ip = *parse_ip(text);
  return {ip.octets.begin(), ip.octets.end()};
}
Bytes solicitation(const Ipv6& ip, const char* target, const Bytes& options = {}) {
  return Frame().ethernet().ipv6(ip).neighbor_solicitation(target, options).build();
}
Bytes advertisement(const Ipv6& ip, const char* target, uint32_t flags, const Bytes& options = {}) {
  return Frame().ethernet().ipv6(ip).neighbor_advertisement(target, flags, options).build();
}
Bytes message(const Ipv6& ip, const test::Icmp& icmp, const Bytes& body) {
  return Frame().ethernet().ipv6(ip).icmp(icmp).payload(body).build();
}

struct Row {
  const char* what;
  Bytes frame;
  uint8_t nd_type;
  bool good;
};

void run(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    Layers layers;
    EXPECT_EQ(parse(row.frame, {}, layers), row.good ? DropReason::none : DropReason::bad_nd)
        << row.what;
    EXPECT_EQ(layers.nd_type, row.nd_type) << row.what;
    EXPECT_EQ(layers.l4, L4::kIcmpv6) << row.what;
  }
}

const Ipv6 kUnicast = nd_ip("fd00::1", "fd00::2");
const Ipv6 kGroup = nd_ip("fd00::1", "ff02::1:ff00:2");
const Ipv6 kDad = nd_ip("::", "ff02::1:ff00:2");

TEST(ParseNd, NeighborSolicitation) {
  const Bytes source = nd_link_option(1, kGuest);
  Ipv6 forwarded = kUnicast;
  forwarded.hop_limit = 254;
  run({
      {"to the group", solicitation(kGroup, "fd00::2", source), 135, true},
      {"unicast, no option", solicitation(kUnicast, "fd00::2"), 135, true},
      {"unknown option", solicitation(kGroup, "fd00::2", test::from_hex("fd01 000000000000")), 135,
       true},
      {"duplicate address detection", solicitation(kDad, "fd00::2"), 135, true},
      {"DAD with a nonce", solicitation(kDad, "fd00::2", test::from_hex("0e01 010203040506")), 135,
       true},
      {"DAD with a source link-layer address", solicitation(kDad, "fd00::2", source), 135, false},
      {"DAD to another group", solicitation(kDad, "fd00::3"), 135, false},
      {"DAD to a host", solicitation(nd_ip("::", "fd00::2"), "fd00::2"), 135, false},
      {"from a group", solicitation(nd_ip("ff02::1", "ff02::1:ff00:2"), "fd00::2", source), 135,
       false},
      {"hop limit 254", solicitation(forwarded, "fd00::2"), 135, false},
      {"multicast target", solicitation(kUnicast, "ff02::1"), 135, false},
      {"option of length 0", solicitation(kUnicast, "fd00::2", test::from_hex("0100 525400000001")),
       135, false},
      {"option beyond the message",
       solicitation(kUnicast, "fd00::2", test::from_hex("0102 525400000001")), 135, false},
      {"half an option", solicitation(kUnicast, "fd00::2", test::from_hex("01")), 135, false},
      {"link-layer option of another size",
       solicitation(kUnicast, "fd00::2", test::from_hex("0102 525400000001 0000000000000000")), 135,
       false},
      {"code 1", message(kUnicast, {.type = 135, .code = 1}, address("fd00::2")), 135, false},
      {"23 octets", message(kUnicast, {.type = 135}, test::cut(address("fd00::2"), 15)), 135,
       false},
      {"checksum", message(kUnicast, {.type = 135, .checksum = 0x1234}, address("fd00::2")), 135,
       false},
      {"behind hop-by-hop options",
       Frame().ethernet().ipv6(kUnicast).extension(0).neighbor_solicitation("fd00::2").build(), 135,
       true},
      {"in an atomic fragment (RFC 6980)",
       Frame()
           .ethernet()
           .ipv6(kUnicast)
           .fragment(0, false)
           .neighbor_solicitation("fd00::2")
           .build(),
       135, false},
      {"in a first fragment",
       Frame().ethernet().ipv6(kUnicast).fragment(0, true).neighbor_solicitation("fd00::2").build(),
       135, false},
  });
}

TEST(ParseNd, NeighborAdvertisement) {
  const Bytes target = nd_link_option(2, kGuest);
  const Ipv6 all = nd_ip("fd00::1", "ff02::1");
  run({
      {"answer", advertisement(kUnicast, "fd00::1", 0x60000000, target), 136, true},
      {"unsolicited", advertisement(all, "fd00::1", 0x20000000, target), 136, true},
      {"solicited to a group", advertisement(all, "fd00::1", 0x60000000, target), 136, false},
      {"multicast target", advertisement(kUnicast, "ff02::1", 0, target), 136, false},
      {"option of length 0",
       advertisement(kUnicast, "fd00::1", 0, test::from_hex("0200 525400000001")), 136, false},
      {"too short", message(kUnicast, {.type = 136}, Bytes(8, 0)), 136, false},
      {"code", message(kUnicast, {.type = 136, .code = 9}, address("fd00::1")), 136, false},
  });
}

TEST(ParseNd, RouterMessages) {
  const Ipv6 from_router = nd_ip("fe80::1", "ff02::1");
  const Ipv6 to_routers = nd_ip("fe80::2", "ff02::2");
  const Ipv6 nameless = nd_ip("::", "ff02::2");
  const Bytes source = nd_link_option(1, kGuest);
  run({
      {"RS", message(to_routers, {.type = 133}, source), 133, true},
      {"RS without address", message(nameless, {.type = 133}, {}), 133, true},
      {"RS without address but with link-layer address", message(nameless, {.type = 133}, source),
       133, false},
      {"RS code", message(to_routers, {.type = 133, .code = 1}, {}), 133, false},
      {"RA", message(from_router, {.type = 134}, Bytes(8, 0)), 134, true},
      {"RA with options", message(from_router, {.type = 134}, test::concat({Bytes(8, 0), source})),
       134, true},
      {"RA from a global address", message(kUnicast, {.type = 134}, Bytes(8, 0)), 134, false},
      {"RA too short", message(from_router, {.type = 134}, Bytes(7, 0)), 134, false},
  });
}

TEST(ParseNd, Redirect) {
  const Ipv6 from_router = nd_ip("fe80::1", "fd00::1");
  const auto body = [](const char* target, const char* destination) {
    return test::concat({address(target), address(destination)});
  };
  run({
      {"to a better router", message(from_router, {.type = 137}, body("fe80::9", "fd01::5")), 137,
       true},
      {"on the link", message(from_router, {.type = 137}, body("fd00::5", "fd00::5")), 137, true},
      {"target neither", message(from_router, {.type = 137}, body("fd00::9", "fd01::5")), 137,
       false},
      {"from a global address", message(kUnicast, {.type = 137}, body("fe80::9", "fd01::5")), 137,
       false},
      {"multicast destination", message(from_router, {.type = 137}, body("fe80::9", "ff05::5")),
       137, false},
      {"too short", message(from_router, {.type = 137}, Bytes(31, 0)), 137, false},
  });
}

TEST(ParseNd, OtherIcmpv6IsNoNeighborDiscovery) {
  Layers layers;
  // MLD has hop limit 1 and a router alert; its checksum is the receiver's to check.
  const Bytes mld = Frame()
                        .ethernet()
                        .ipv6({.hop_limit = 1})
                        .extension(0)
                        .icmp({.type = 143, .checksum = 1})
                        .build();
  EXPECT_EQ(parse(mld, {}, layers), DropReason::none);
  EXPECT_EQ(layers.nd_type, 0);
  const Bytes echo = message(kUnicast, {.type = 128}, Bytes(3, 0));
  EXPECT_EQ(parse(echo, {}, layers), DropReason::none);
  EXPECT_EQ(layers.nd_type, 0);
}

// A guest could else hide what it claims behind lengths and checksums that are not looked at.
TEST(ParseNd, ASuperFrameIsNoNeighborDiscovery) {
  Layers layers;
  const Bytes frame = solicitation(kUnicast, "fd00::2");
  EXPECT_EQ(parse(frame, {.super_frame = true}, layers), DropReason::bad_nd);
  EXPECT_EQ(parse(frame, {}, layers), DropReason::none);
}

TEST(ParseNd, OptionsOfAParsedMessage) {
  Layers layers;
  const Bytes frame = solicitation(kGroup, "fd00::2", nd_link_option(1, kGuest));
  ASSERT_EQ(parse(frame, {}, layers), DropReason::none);
  NdOptions options = nd_options(frame.data(), layers);
  const auto option = options.next();
  ASSERT_TRUE(option && option->is_mac());
  EXPECT_EQ(option->mac(), *parse_mac(kGuest));
  EXPECT_FALSE(options.next());
}

}  // namespace
}  // namespace gatehouse::parse
