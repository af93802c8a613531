// SPDX-License-Identifier: GPL-2.0-or-later
// Formats by their descriptions alone: the octets of each shipped one, one that nobody has seen
// before, several that share a protocol, and random ones against random frames.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "hw/core/decapsulate/tunnel.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/policy/format_rules.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

using policy::Format;
using policy::shipped_format;
using spec::DropReason;

// The inner frame that a0 sends to b0.
Bytes inner_frame(uint32_t payload = 40) {
  return Frame().ethernet().ipv4().udp().payload(payload).build();
}

// Octets in front of the tunnel header: Ethernet, IPv4, and UDP or the TCP-shaped header.
size_t outer_octets(const Format& format) {
  return 34 + (format.protocol == 17 ? 8u : format.protocol == 6 ? 20u : 0u);
}

policy::Policy with(const policy::Policy& policy, const Format& format) {
  policy::Policy changed = policy;
  changed.formats = {format};
  changed.formats[0].name = "f";
  if (format.tenant.bits == 0) {
    changed.tenants.resize(1);
    changed.tenants[0].vni = 0;
    std::erase_if(changed.vnics, [](const auto& vnic) { return vnic.tenant != "red"; });
    std::erase_if(changed.mappings, [](const auto& mapping) { return mapping.tenant != "red"; });
  }
  return changed;
}

// What a card with the format puts between the outer headers and the inner frame; the far card
// has opened it.
Bytes tunnel_header(const Format& format, const Bytes& inner) {
  World a(with(card_a(), format)), b(with(card_b(), format));
  a.from_vnic(0, inner);
  if (a.sink.sent.size() != 1) return {};
  const Bytes& frame = a.sink.sent[0].frame;
  std::string why;
  EXPECT_TRUE(checksums_right(frame, &why)) << why;
  b.from_wire(frame);
  EXPECT_EQ(b.sink.received.size(), 1u) << to_hex(frame);
  for (const VnicFrame& one : b.sink.received) EXPECT_EQ(one.frame, inner);
  return Bytes(frame.begin() + static_cast<ptrdiff_t>(outer_octets(format)),
               frame.end() - static_cast<ptrdiff_t>(inner.size()));
}

TEST(Formats, ShippedOnesHaveTheOctetsOfTheirStandards) {
  const Bytes inner = inner_frame();
  const auto header = [&](const char* name) {
    return to_hex(tunnel_header(*shipped_format(name), inner));
  };
  // VNI 100 = 0x64.
  EXPECT_EQ(header("vxlan"), to_hex(from_hex("08000000 00006400")));
  EXPECT_EQ(header("geneve"), to_hex(from_hex("00006558 00006400")));
  EXPECT_EQ(header("gre"), to_hex(from_hex("20006558 00000064")));
  EXPECT_EQ(header("slot"), to_hex(from_hex("534c4f54 00000000 00000064")));
  EXPECT_EQ(header("stt"), to_hex(from_hex("0000000000000000 0000000000000064 0000")));
  const Bytes nvgre = tunnel_header(*shipped_format("nvgre"), inner);
  EXPECT_EQ(to_hex(Bytes(nvgre.begin(), nvgre.begin() + 7)), to_hex(from_hex("20006558 000064")));
  const Bytes summed = tunnel_header(*shipped_format("gre-checksum"), inner);
  EXPECT_EQ(to_hex(patch(summed, 4, {0, 0})), to_hex(from_hex("a0006558 00000000 00000064")));
  EXPECT_EQ(naive_sum(concat({summed, inner})), 0xffff);
}

TEST(Formats, AFlowFieldTellsFlowsApartAndKeepsOneFlowTogether) {
  World a(with(card_a(), *shipped_format("nvgre")));
  std::vector<int> used(256);
  for (uint16_t port = 1; port <= 512; ++port) {
    const Bytes frame = Frame().ethernet().ipv4().udp({.source = port}).payload(9).build();
    a.from_vnic(0, frame);
    a.from_vnic(0, frame);
    ASSERT_EQ(a.sink.sent.size(), 2u);
    EXPECT_EQ(a.sink.sent[0].frame[41], a.sink.sent[1].frame[41]);
    ++used[a.sink.sent[0].frame[41]];
    a.sink.clear();
  }
  EXPECT_GT(std::count_if(used.begin(), used.end(), [](int n) { return n != 0; }), 180);
}

// The TCP shape: length of the whole, offset 0, a complete checksum; an offset that leads behind
// the whole is refused.
TEST(Formats, SttLooksLikeTcpOutside) {
  const Format stt = *shipped_format("stt");
  World a(with(card_a(), stt)), b(with(card_b(), stt));
  const Bytes inner = inner_frame(100);
  a.from_vnic(0, inner);
  ASSERT_EQ(a.sink.sent.size(), 1u);
  const Bytes& frame = a.sink.sent[0].frame;
  EXPECT_EQ(frame[23], 6);
  EXPECT_EQ(to_hex(Bytes(frame.begin() + 36, frame.begin() + 38)), to_hex(from_hex("1d2f")));
  EXPECT_GE(frame[34], 0xc0) << "source port by the flow";
  EXPECT_EQ(frame[38] << 8 | frame[39], int(18 + inner.size()));
  EXPECT_EQ(frame[40] << 8 | frame[41], 0);
  EXPECT_EQ(frame[46], 0x50);
  EXPECT_EQ(frame[47], 0x10);
  Bytes part = patch(frame, 40, {0, 9});
  const uint16_t sum = static_cast<uint16_t>(frame[50] << 8 | frame[51]);
  part = patch(part, 50, {uint8_t((sum - 9) >> 8), uint8_t(sum - 9)});
  b.from_wire(part);
  b.from_wire(patch(frame, 52, {1}));
  b.from_wire(frame);
  EXPECT_EQ(b.count()["drop.segment_malformed"], 1u);
  EXPECT_EQ(b.count()["drop.bad_outer_checksum"], 1u);
  EXPECT_EQ(b.sink.received.size(), 1u);
}

// The patent's own example of a header that no card knows: 16 octets behind IP protocol 47, told by
// an identifier, flow at octet 10.
TEST(Formats, AHeaderThatIsOnlyDescribedIsSentAndOpened) {
  Format format;
  format.protocol = 47;
  format.header = from_hex("0000beef 00000000 00000000 0000abcd");
  format.id = {{2, {0xbe, 0xef}, {0xff, 0xff}}};
  format.tenant = {4, 0, 32};
  format.flow = {10, 0, 16};
  ASSERT_FALSE(policy::check_format(format));
  const Bytes header = tunnel_header(format, inner_frame());
  ASSERT_EQ(header.size(), 16u);
  EXPECT_EQ(to_hex(patch(header, 10, {0, 0})),
            to_hex(from_hex("0000beef 00000064 00000000 0000abcd")));
  EXPECT_TRUE(header[10] != 0 || header[11] != 0);
}

TEST(Formats, LengthsStandWhereTheDescriptionSays) {
  Format format;
  format.protocol = 17;
  format.port = 1234;
  format.header = from_hex("00 0000 00 00000000");
  format.length = {{0, 0, 8}, 1, 0};
  format.total_length = {{1, 0, 16}, 1, 8};
  format.tenant = {4, 0, 24};
  format.options = from_hex("112233");
  const Bytes inner = inner_frame();
  const auto total = static_cast<uint8_t>(8 + 3 + inner.size() - 8);
  EXPECT_EQ(to_hex(tunnel_header(format, inner)),
            to_hex(concat({{11, 0, total, 0, 0, 0, 100, 0}, {0x11, 0x22, 0x33}})));
  World b(with(card_b(), format));
  World a(with(card_a(), format));
  a.from_vnic(0, inner);
  const Bytes frame = patch(a.sink.sent.at(0).frame, 40, {0, 0});
  for (const uint8_t wrong : {7, 0, 255}) b.from_wire(patch(frame, 42, {wrong}));
  b.from_wire(patch(frame, 43, {0xff}));
  b.from_wire(patch(frame, 43, {0, 2}));
  EXPECT_EQ(b.count()["drop.bad_tunnel"], 5u);
  EXPECT_TRUE(b.sink.received.empty());
  // A shorter total leaves what stands behind it out.
  b.from_wire(patch(concat({frame}), 43, {0, uint8_t(total - 1)}));
  EXPECT_TRUE(b.sink.received.empty()) << "the inner datagram is cut off then";
}

TEST(Formats, ThatShareAProtocolAreToldByTheirIds) {
  const auto both = [](policy::Policy policy) {
    policy.formats = {*shipped_format("gre"), *shipped_format("gre-checksum")};
    policy.tenants[0].format = "gre";
    policy.tenants[1].format = "gre-checksum";
    return policy;
  };
  World a(both(card_a())), b(both(card_b()));
  a.from_vnic(0, inner_frame());
  a.from_vnic(2, inner_frame());
  ASSERT_EQ(a.sink.sent.size(), 2u);
  EXPECT_EQ(a.sink.sent[1].frame.size(), a.sink.sent[0].frame.size() + 4);
  for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
  ASSERT_EQ(b.sink.received.size(), 2u);
  EXPECT_EQ(b.sink.received[0].vnic, 0u);
  EXPECT_EQ(b.sink.received[1].vnic, 1u);
  b.from_wire(patch(a.sink.sent[0].frame, 34, {0x30}));  // a sequence number: neither of the two
  EXPECT_EQ(b.count()["drop.bad_tunnel"], 1u);
  b.from_wire(patch(a.sink.sent[1].frame, 38, {0, 0}));
  EXPECT_EQ(b.count()["drop.bad_outer_checksum"], 1u);
}

// Two networks, each in a format that has no place for a VNI.
TEST(Formats, WithoutATenantAreOneNetworkEach) {
  const auto both = [](policy::Policy policy) {
    policy.formats = {{.name = "one", .protocol = Format::kUdp, .port = 7001, .header = {0xaa, 0}},
                      {.name = "two", .protocol = Format::kUdp, .port = 7002, .header = {0xbb, 0}}};
    for (const uint8_t i : {0, 1}) {
      policy.tenants[i].format = policy.formats[i].name;
      policy.tenants[i].vni = 0;
    }
    return policy;
  };
  World a(both(card_a())), b(both(card_b()));
  a.from_vnic(0, inner_frame());
  a.from_vnic(2, inner_frame());
  ASSERT_EQ(a.sink.sent.size(), 2u);
  for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
  ASSERT_EQ(b.sink.received.size(), 2u);
  EXPECT_EQ(b.sink.received[0].vnic, 0u);
  EXPECT_EQ(b.sink.received[1].vnic, 1u);
}

// VXLAN's group policy: the sender's group stands in the header, and each tenant here has its own.
TEST(Formats, ThatAreReadAlikeMaySendDifferentHeaders) {
  const auto groups = [](policy::Policy policy) {
    policy.formats = {*shipped_format("vxlan"), *shipped_format("vxlan")};
    for (const uint8_t i : {0, 1}) {
      policy.formats[i].name = i == 0 ? "seven" : "nine";
      policy.formats[i].header = {0x88, 0, 0, uint8_t(i == 0 ? 7 : 9), 0, 0, 0, 0};
      policy.tenants[i].format = policy.formats[i].name;
    }
    return policy;
  };
  World a(groups(card_a())), b(groups(card_b()));
  a.from_vnic(0, inner_frame());
  a.from_vnic(2, inner_frame());
  ASSERT_EQ(a.sink.sent.size(), 2u);
  const auto header = [&](size_t i) {
    const Bytes& frame = a.sink.sent[i].frame;
    return to_hex(Bytes(frame.begin() + 42, frame.begin() + 50));
  };
  EXPECT_EQ(header(0), to_hex(from_hex("88000007 00006400")));
  EXPECT_EQ(header(1), to_hex(from_hex("88000009 0000c800")));
  for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
  // Somebody else's group, and none: taken as well.
  b.from_wire(patch(a.sink.sent[0].frame, 45, {0xee}));
  b.from_wire(patch(a.sink.sent[0].frame, 42, {0x08, 0, 0, 0}));
  ASSERT_EQ(b.sink.received.size(), 4u);
  EXPECT_EQ(b.sink.received[1].vnic, 1u);
}

// Each segment has the outer headers that it would have had as a frame of its own. TCP-shaped ones:
// segments_test.cc.
TEST(Formats, SegmentsAreEncapsulatedAsFramesOfTheirOwnAre) {
  for (const Format& format : policy::shipped_formats()) {
    for (const bool outer_v6 : {false, true}) {
      for (const bool inner_v6 : {false, true}) {
        SCOPED_TRACE(format.name + (outer_v6 ? " over IPv6" : " over IPv4"));
        if (format.inner == policy::Inside::kIpv4 && inner_v6) continue;
        if (format.protocol == Format::kTcp) continue;
        const uint32_t payload = 5001;
        Frame frame = Frame().ethernet();
        inner_v6 ? frame.ipv6({.traffic_class = 2}) : frame.ipv4({.tos = 2, .dont_fragment = true});
        const Bytes whole = frame.tcp({.flags = 0x99}).payload(payload).build();
        const auto headers = static_cast<uint16_t>(inner_v6 ? 74 : 54);
        const Shape shape{.v6 = outer_v6};
        World cut(with(card_a(shape), format)), one(with(card_a(shape), format));
        cut.from_vnic(0, whole,
                      {.tso = true,
                       .tcp = true,
                       .ipv4 = !inner_v6,
                       .mss = 1000,
                       .header_length = headers,
                       .payload_length = payload});
        ASSERT_EQ(cut.sink.sent.size(), 6u);
        for (const SentFrame& sent : cut.sink.sent) {
          const size_t octets = &sent == &cut.sink.sent.back() ? 1u : 1000u;
          const size_t left_out = format.inner == policy::Inside::kEthernet ? 0 : 14;
          const auto inner = static_cast<ptrdiff_t>(headers - left_out + octets);
          one.from_vnic(0, concat({Bytes(whole.begin(), whole.begin() + ptrdiff_t(left_out)),
                                   Bytes(sent.frame.end() - inner, sent.frame.end())}));
          ASSERT_EQ(to_hex(one.sink.sent.back().frame), to_hex(sent.frame));
        }
      }
    }
  }
}

Format random_format(std::mt19937& random) {
  const auto upto = [&](uint32_t most) { return static_cast<uint32_t>(random() % (most + 1)); };
  Format format;
  format.protocol = std::array<uint8_t, 4>{17, 6, 47, 97}[random() % 4];
  format.port = format.has_ports() ? 5000 : 0;
  format.header.resize(1 + upto(upto(1) ? 47 : 11));
  const auto octets = static_cast<uint32_t>(format.header.size());
  const auto field = [&](uint32_t bits) {
    return policy::Field{static_cast<uint16_t>(upto(octets)), static_cast<uint8_t>(upto(7)),
                         static_cast<uint8_t>(1 + upto(bits - 1))};
  };
  const auto rule = [&] {
    return policy::LengthRule{field(16), static_cast<uint16_t>(1 + upto(upto(1) ? 7 : 0)),
                              static_cast<uint16_t>(upto(octets))};
  };
  if (upto(3)) format.tenant = field(64);
  if (upto(1)) format.flow = field(32);
  if (!upto(3)) format.checksum = {static_cast<uint16_t>(upto(octets)), 0, 16};
  if (upto(1)) format.length = rule();
  if (!upto(3)) format.total_length = {field(32), 1, static_cast<uint16_t>(upto(octets))};
  if (upto(1)) {
    const policy::Match match{static_cast<uint16_t>(upto(octets)), {0}, {uint8_t(random())}};
    format.id = {match};
  }
  if (format.length.field && upto(1)) {
    format.option_length = {field(16), static_cast<uint16_t>(1 + upto(3)),
                            static_cast<uint16_t>(upto(8))};
    format.option_kind = field(24);
    if (upto(1)) format.option_critical = field(1);
  }
  if (!upto(3)) format.options.resize(upto(upto(1) ? 252 : 8), uint8_t(random()));
  if (!upto(3)) format.entropy = policy::Entropy(random() % 4);
  return format;
}

// Cut by one card and merged by the other, a guest's super-frame is what it was, octet for octet:
// whatever the format, the families, the MSS, options and tags. (A CWR stays alone: see coalesce.)
void expect_back(const Format& format, std::mt19937& random) {
  const auto upto = [&](uint32_t most) { return static_cast<uint32_t>(random() % (most + 1)); };
  const bool v6 = format.inner != policy::Inside::kIpv4 && upto(1);
  const bool tag = format.inner == policy::Inside::kEthernet && upto(1);
  const Bytes options = upto(1) ? from_hex("0101080a 00000001 00000002") : Bytes{};
  const uint32_t mss = 200 + upto(800), payload = 2 * mss + upto(30'000 - 2 * mss);
  constexpr uint8_t kFin = 1, kPsh = 8, kAck = 16;
  const auto flags = static_cast<uint8_t>(kAck | (upto(1) ? kPsh : 0) | (upto(3) ? 0 : kFin));
  Frame frame = Frame().ethernet();
  if (tag) frame.vlan(0);
  if (v6) {
    frame.ipv6({.traffic_class = uint8_t(upto(63) << 2), .flow_label = upto(0xfffff)});
  } else {
    frame.ipv4(
        {.tos = uint8_t(upto(63) << 2), .id = uint16_t(random()), .dont_fragment = upto(1) != 0});
  }
  const Bytes whole =
      frame.tcp({.sequence = uint32_t(random()), .flags = flags, .options = options})
          .payload(pattern(payload, uint8_t(random())))
          .build();
  const Shape shape{.v6 = upto(1) != 0, .mtu = 1600};
  policy::Policy merging = with(card_b(shape), format);
  merging.vnics[0].coalesce = true;
  merging.coalesce_segments = 1024;
  World a(with(card_a(shape), format)), b(merging);
  b.sink.largest = kMaxSuperFrame;
  a.from_vnic(0, whole,
              {.tso = true,
               .tcp = true,
               .ipv4 = !v6,
               .mss = static_cast<uint16_t>(mss),
               .header_length = static_cast<uint16_t>(whole.size() - payload),
               .payload_length = payload});
  ASSERT_GE(a.sink.sent.size(), 2u);
  for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
  b.pipeline.tick(b.now + 1'000'000);  // who waits for more waits no longer
  ASSERT_EQ(b.sink.received.size(), 1u);
  ASSERT_EQ(to_hex(b.sink.received[0].frame), to_hex(whole));
  EXPECT_TRUE(b.sink.received[0].checked && b.sink.received[0].good);
}

TEST(Formats, WhatOneCardCutsTheOtherPutsTogether) {
  std::mt19937 random(9'385'912);
  for (int round = 0; round < 12; ++round) {
    for (const Format& format : policy::shipped_formats()) {
      SCOPED_TRACE(format.name + " " + std::to_string(round));
      ASSERT_NO_FATAL_FAILURE(expect_back(format, random));
    }
  }
  for (unsigned accepted = 0, i = 0; accepted < 150; ++i) {
    const Format format = random_format(random);
    if (policy::check_format(format)) continue;
    if (format.tenant.bits != 0 && format.tenant.bits < 8) continue;  // no room for tenant blue
    ++accepted;
    SCOPED_TRACE(i);
    ASSERT_NO_FATAL_FAILURE(expect_back(format, random));
  }
}

// Seen under AddressSanitizer: frames are as long as their memory.
TEST(Formats, RandomOnesAreRefusedOrNeverReadOutsideAFrame) {
  std::mt19937 random(20);
  unsigned accepted = 0, opened = 0, closed = 0;
  for (int i = 0; i < 30'000 && accepted < 1500; ++i) {
    const Format format = random_format(random);
    if (policy::check_format(format)) continue;
    if (format.tenant.bits != 0 && format.tenant.bits < 8) continue;  // no room for tenant blue
    ++accepted;
    SCOPED_TRACE(i);
    // Options may be long; their mappings have IPv6.
    World a(with(card_a({.mtu = 1600}), format)), b(with(card_b({.mtu = 1600}), format));
    const Bytes inner = inner_frame(random() % 200);
    a.from_vnic(0, inner);
    ASSERT_EQ(a.sink.sent.size(), 1u);
    const Bytes good = a.sink.sent[0].frame;
    b.from_wire(good);
    ASSERT_EQ(b.sink.received.size(), 1u) << "its own frame: " << to_hex(good);
    ASSERT_EQ(b.sink.received[0].frame, inner);
    b.sink.clear();
    for (int n = 0; n < 40; ++n) {
      Bytes frame = good;
      for (unsigned k = random() % 4; k > 0; --k)
        frame[outer_octets(format) + random() % 40] = uint8_t(random());
      // Shorter, and nothing but the outer lengths knows it.
      const size_t octets = 34 + random() % (frame.size() - 33);
      if (random() % 2 != 0) frame.resize(octets);
      frame[16] = uint8_t((frame.size() - 14) >> 8), frame[17] = uint8_t(frame.size() - 14);
      frame[24] = frame[25] = 0;
      const auto sum = uint16_t(~naive_sum(std::span(frame).subspan(14, 20)));
      frame[24] = uint8_t(sum >> 8), frame[25] = uint8_t(sum);
      if (format.protocol == 17 && frame.size() >= 42) {
        frame[38] = uint8_t((frame.size() - 34) >> 8), frame[39] = uint8_t(frame.size() - 34);
        frame[40] = frame[41] = 0;
      }
      // Exactly as long as its memory, from the first octet to the last.
      Packet packet;
      auto memory = std::make_unique<uint8_t[]>(frame.size());
      std::copy(frame.begin(), frame.end(), memory.get());
      packet.data = packet.buffer = memory.get();
      packet.length = packet.capacity = static_cast<uint32_t>(frame.size());
      const decapsulate::Plan plan(format);
      decapsulate::Tunnel tunnel;
      if (parse::parse(packet) != DropReason::none) continue;
      decapsulate::Part part;
      if (decapsulate::open(packet, {&plan, 1}, tunnel, part) != DropReason::none) {
        ++closed;
        continue;
      }
      ++opened;
      ASSERT_LE(tunnel.inner_offset + tunnel.inner_length, frame.size());
    }
  }
  EXPECT_EQ(accepted, 1500u);
  EXPECT_GT(opened, 1000u);
  EXPECT_GT(closed, 1000u);
}

}  // namespace
}  // namespace gatehouse::test
