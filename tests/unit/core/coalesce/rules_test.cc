// SPDX-License-Identifier: GPL-2.0-or-later
// Which two frames become one.
#include "tests/unit/core/coalesce/coalescing.hh"

namespace gatehouse::coalesce {
namespace {

using test::Ethernet;
using test::Frame;
using test::Ipv4;
using test::Ipv6;
using test::Tcp;

constexpr uint32_t kMss = 1000;
using Flags = TcpHeader<uint8_t>;
const Bytes kTimestamps = test::from_hex("0101080a 00000001 00000002");

// A segment of 10.0.0.1 to 10.0.0.2, the `index`th of a stream.
struct Segment {
  uint32_t index = 0;
  uint32_t payload = kMss;
  Ethernet ethernet = {};
  Ipv4 ipv4 = {.dont_fragment = true};
  Tcp tcp = {};
  bool v6 = false;
  Ipv6 ipv6 = {};

  Bytes build() const {
    Tcp head = tcp;
    head.sequence += index * kMss;
    Frame frame;
    frame.ethernet(ethernet);
    if (v6) {
      frame.ipv6(ipv6);
    } else {
      Ipv4 ip = ipv4;
      ip.id = static_cast<uint16_t>(ip.id + index);
      frame.ipv4(ip);
    }
    return frame.tcp(head).payload(test::pattern(payload, index + 1)).build();
  }
};

struct Row {
  const char* what;
  Segment first, second;
  bool merged;
  Cause cause;  // why the first one went on; none: the second was another flow's
};

void check(const Row& row) {
  Rig rig;
  const Bytes one = row.first.build(), two = row.second.build();
  rig.add(one);
  EXPECT_EQ(rig.coalescer.held_frames(), 1u) << row.what;
  rig.add(two);
  if (row.cause != Cause::none) {
    EXPECT_EQ(rig.coalescer.counters()[row.cause], row.cause == Cause::batch ? 0u : 1u) << row.what;
  }
  rig.coalescer.end_batch();
  ASSERT_EQ(rig.kept.outs.size(), row.merged ? 1u : 2u) << row.what;
  EXPECT_EQ(rig.kept.outs[0].super(), row.merged) << row.what;
  EXPECT_EQ(rig.pieces(), (std::vector<Bytes>{one, two})) << row.what;
  EXPECT_EQ(rig.coalescer.counters().frames, row.merged ? 2u : 0u) << row.what;
  EXPECT_EQ(rig.coalescer.counters().super_frames, row.merged ? 1u : 0u) << row.what;
}

TEST(Coalesce, SegmentsThatFollowOneAnotherBecomeOne) {
  const Row rows[] = {
      {"equal ones", {}, {.index = 1}, true, Cause::batch},
      {"IPv6", {.v6 = true}, {.index = 1, .v6 = true}, true, Cause::batch},
      {"the last one is shorter", {}, {.index = 1, .payload = 1}, true, Cause::ended},
      {"an odd one is shorter", {}, {.index = 1, .payload = 777}, true, Cause::ended},
      {"PSH on the last",
       {},
       {.index = 1, .tcp = {.flags = Flags::kAck | Flags::kPsh}},
       true,
       Cause::ended},
      {"FIN on the last",
       {},
       {.index = 1, .tcp = {.flags = Flags::kAck | Flags::kFin}},
       true,
       Cause::ended},
      {"ECE on both",
       {.tcp = {.flags = Flags::kAck | Flags::kEce}},
       {.index = 1, .tcp = {.flags = Flags::kAck | Flags::kEce}},
       true,
       Cause::batch},
      {"timestamps, the same",
       {.tcp = {.options = kTimestamps}},
       {.index = 1, .tcp = {.options = kTimestamps}},
       true,
       Cause::batch},
      {"the sequence number wraps",
       {.tcp = {.sequence = 0xfffffff0}},
       {.index = 1, .tcp = {.sequence = 0xfffffff0}},
       true,
       Cause::batch},
      {"the identification wraps",
       {.ipv4 = {.id = 0xffff}},
       {.index = 1, .ipv4 = {.id = 0xffff}},
       true,
       Cause::batch},
      {"one identification, DF",
       {.ipv4 = {.id = 0, .dont_fragment = true}},
       {.index = 1, .ipv4 = {.id = 0xffff, .dont_fragment = true}},
       true,
       Cause::batch},
      {"without DF, identifications that run",
       {.ipv4 = {.dont_fragment = false}},
       {.index = 1, .ipv4 = {.dont_fragment = false}},
       true,
       Cause::batch},
  };
  for (const Row& row : rows) check(row);
}

TEST(Coalesce, AnyOtherDifferenceEndsIt) {
  const Row rows[] = {
      {"a gap", {}, {.index = 2}, false, Cause::sequence},
      {"once more", {.index = 1}, {.index = 1}, false, Cause::sequence},
      {"an older one", {.index = 1}, {.index = 0}, false, Cause::sequence},
      {"larger", {}, {.index = 1, .payload = kMss + 1}, false, Cause::header},
      {"another acknowledgement",
       {},
       {.index = 1, .tcp = {.acknowledgement = 2001}},
       false,
       Cause::header},
      {"another window", {}, {.index = 1, .tcp = {.window = 513}}, false, Cause::header},
      {"ECE on one",
       {},
       {.index = 1, .tcp = {.flags = Flags::kAck | Flags::kEce}},
       false,
       Cause::header},
      {"another timestamp",
       {.tcp = {.options = kTimestamps}},
       {.index = 1, .tcp = {.options = test::from_hex("0101080a 00000002 00000002")}},
       false,
       Cause::header},
      {"options on one", {}, {.index = 1, .tcp = {.options = kTimestamps}}, false, Cause::header},
      {"DSCP", {}, {.index = 1, .ipv4 = {.tos = 4, .dont_fragment = true}}, false, Cause::header},
      {"ECN", {}, {.index = 1, .ipv4 = {.tos = 1, .dont_fragment = true}}, false, Cause::header},
      {"TTL", {}, {.index = 1, .ipv4 = {.dont_fragment = true, .ttl = 63}}, false, Cause::header},
      {"DF", {}, {.index = 1, .ipv4 = {.dont_fragment = false}}, false, Cause::header},
      {"one identification without DF",
       {.ipv4 = {.id = 7, .dont_fragment = false}},
       {.index = 1, .ipv4 = {.id = 6, .dont_fragment = false}},
       false,
       Cause::header},
      {"the identification jumps",
       {.ipv4 = {.id = 7, .dont_fragment = true}},
       {.index = 1, .ipv4 = {.id = 8, .dont_fragment = true}},
       false,
       Cause::header},
      {"IPv6 traffic class",
       {.v6 = true},
       {.index = 1, .v6 = true, .ipv6 = {.traffic_class = 1}},
       false,
       Cause::header},
      {"flow label",
       {.v6 = true},
       {.index = 1, .v6 = true, .ipv6 = {.flow_label = 1}},
       false,
       Cause::header},
      {"hop limit",
       {.v6 = true},
       {.index = 1, .v6 = true, .ipv6 = {.hop_limit = 1}},
       false,
       Cause::header},
      {"another Ethernet source",
       {},
       {.index = 1, .ethernet = {.source = "52:54:00:00:00:07"}},
       false,
       Cause::header},
      {"another port", {}, {.index = 1, .tcp = {.source = 40001}}, false, Cause::none},
      {"another address",
       {},
       {.index = 1, .ipv4 = {.source = "10.0.0.3", .dont_fragment = true}},
       false,
       Cause::none},
  };
  for (const Row& row : rows) check(row);
}

TEST(Coalesce, ReservedBitsAndTheUrgentPointerAreHeadersToo) {
  const Bytes first = Segment{}.build();
  struct {
    const char* what;
    size_t offset;
    Bytes octets;
  } const rows[] = {{"AE", 34 + 12, {0x51}}, {"urgent pointer", 34 + 18, {0, 1}}};
  for (const auto& row : rows) {
    Bytes second = test::patch(Segment{.index = 1}.build(), row.offset, row.octets);
    Layers layers;
    ASSERT_EQ(parse::parse(second, {}, layers), spec::DropReason::none);
    const TcpHeader tcp(second.data() + 34);
    tcp.set_checksum(0);
    const uint32_t length = layers.l3_end - 34;
    const uint16_t pseudo = checksum::pseudo_v4(&second[26], &second[30], 6, uint16_t(length));
    tcp.set_checksum(checksum::finish(checksum::add(checksum::sum(&second[34], length), pseudo)));
    Rig rig;
    rig.add(first);
    rig.add(second);
    EXPECT_EQ(rig.coalescer.counters()[Cause::header], 1u) << row.what;
  }
}

// The second segment shows whether identifications run or stay; the third one keeps to it.
TEST(Coalesce, IdentificationsEitherRunOrStay) {
  const struct {
    uint16_t ids[3];
    size_t outs;
  } rows[] = {{{7, 8, 9}, 1}, {{7, 7, 7}, 1}, {{7, 7, 9}, 2}, {{7, 8, 7}, 2}, {{7, 7, 8}, 2}};
  for (const auto& row : rows) {
    Rig rig;
    std::vector<Bytes> frames;
    for (uint32_t index = 0; index < 3; ++index) {
      const auto id = static_cast<uint16_t>(row.ids[index] - index);
      frames.push_back(Segment{.index = index, .ipv4 = {.id = id, .dont_fragment = true}}.build());
      rig.add(frames.back());
    }
    rig.coalescer.end_batch();
    EXPECT_EQ(rig.kept.outs.size(), row.outs) << row.ids[1] << ' ' << row.ids[2];
    EXPECT_EQ(rig.pieces(), frames);
  }
}

Bytes reserved_flag(Bytes frame) {
  const Ipv4Header ip(&frame[14]);
  const uint16_t before = ip.fragment();
  ip.set_fragment(before | 0x8000);
  ip.set_checksum(checksum::update(ip.checksum(), before, ip.fragment()));
  return frame;
}

// Frames of a flow that are never merged: what is held goes first, they follow at once.
TEST(Coalesce, WhatIsNoSegmentPassesBehindWhatIsHeld) {
  const Bytes first = Segment{}.build();
  const Bytes second = Segment{.index = 1}.build();
  const auto flags = [](uint8_t value) {
    return Segment{.index = 1, .tcp = {.flags = value}}.build();
  };
  struct {
    const char* what;
    Bytes frame;
  } const rows[] = {
      {"a pure ACK", Segment{.index = 1, .payload = 0}.build()},
      {"SYN", flags(Flags::kSyn)},
      {"RST", flags(Flags::kAck | Flags::kRst)},
      {"URG", flags(Flags::kAck | Flags::kUrg)},
      {"CWR, which Accurate ECN counts with", flags(Flags::kAck | Flags::kCwr)},
      {"data without ACK", flags(0)},
      {"CE, which it counts, too",
       Segment{.index = 1, .ipv4 = {.tos = 3, .dont_fragment = true}}.build()},
      {"a bad checksum", Segment{.index = 1, .tcp = {.checksum = 0x1234}}.build()},
      {"padding", test::concat({second, {0}})},
      {"IPv4 options",
       Segment{.index = 1, .ipv4 = {.dont_fragment = true, .options = {1, 1, 1, 1}}}.build()},
      {"IPv4's reserved flag", reserved_flag(second)},
      {"the first fragment",
       Segment{.index = 1, .payload = 1004, .ipv4 = {.more_fragments = true}}.build()},
      {"a later fragment",
       Frame().ethernet().ipv4({.fragment_offset = 800, .protocol = 6}).payload(100).build()},
  };
  for (const auto& row : rows) {
    Rig rig;
    rig.add(first);
    rig.add(row.frame);
    EXPECT_EQ(rig.coalescer.counters()[Cause::alone], 1u) << row.what;
    EXPECT_EQ(rig.pieces(), (std::vector<Bytes>{first, row.frame})) << row.what;
    EXPECT_EQ(rig.coalescer.held_frames(), 0u) << row.what;
  }
}

TEST(Coalesce, WhatIsMarkedIsNotMerged) {
  for (const bool v6 : {false, true}) {
    const auto marked = [&](uint32_t index) {
      return Segment{.index = index,
                     .ipv4 = {.tos = 3, .dont_fragment = true},
                     .v6 = v6,
                     .ipv6 = {.traffic_class = 3}}
          .build();
    };
    Rig rig;
    rig.add(marked(0));
    rig.add(marked(1));
    EXPECT_EQ(rig.pieces(), (std::vector<Bytes>{marked(0), marked(1)}));
    EXPECT_EQ(rig.coalescer.held_frames(), 0u);
  }
}

TEST(Coalesce, OtherFramesPassAtOnceAndDisturbNobody) {
  const Bytes others[] = {
      Frame().ethernet().ipv4().udp().payload(100).build(),
      Frame().ethernet().arp().build(),
      Frame().ethernet().ipv4().icmp().payload(8).build(),
      Frame().ethernet().ipv6().udp().payload(100).build(),
      Frame().ethernet().ipv4({.more_fragments = true}).udp().payload(96).build(),
      Frame()
          .ethernet()
          .ipv4({.destination = "10.0.0.3", .more_fragments = true})
          .tcp()
          .payload(4)
          .build(),
      Segment{.payload = 0, .tcp = {.source = 1}}.build(),
  };
  Rig rig;
  rig.add(Segment{}.build());
  for (const Bytes& other : others) {
    rig.add(other);
    ASSERT_EQ(rig.kept.outs.size(), 1u);
    EXPECT_EQ(rig.kept.take()[0].frame, other);
  }
  rig.add(Segment{.index = 1}.build());
  EXPECT_EQ(rig.coalescer.held_frames(), 2u);
}

TEST(Coalesce, PshOrFinAloneIsNotHeld) {
  for (const uint8_t flag : {Flags::kPsh, Flags::kFin}) {
    Rig rig;
    rig.add(Segment{.tcp = {.flags = static_cast<uint8_t>(Flags::kAck | flag)}}.build());
    EXPECT_EQ(rig.kept.outs.size(), 1u);
    EXPECT_EQ(rig.coalescer.held_frames(), 0u);
  }
}

// Ones' complement has two zeros, and the card writes the other one: such a frame stays whole.
TEST(Coalesce, ChecksumsOfTheOtherZeroStayAsTheyAre) {
  // With the right last word of payload the checksum comes out as 0.
  Bytes frame = Segment{.index = 1}.build();
  const uint16_t sum = load_be<uint16_t>(&frame[34 + 16]);
  store_be<uint16_t>(&frame[54], checksum::add(load_be<uint16_t>(&frame[54]), sum));
  for (const uint16_t zero : {0x0000, 0xffff}) {
    store_be<uint16_t>(&frame[34 + 16], zero);
    ASSERT_TRUE(test::checksums_right(frame));
    Rig rig;
    rig.add(Segment{}.build());
    rig.add(frame);
    EXPECT_EQ(rig.coalescer.counters()[Cause::alone], zero == 0 ? 0u : 1u);
    rig.coalescer.end_batch();
    EXPECT_EQ(rig.pieces().at(1), frame);
  }
}

TEST(Coalesce, OwnerAndFlowFieldNameTheFlow) {
  Rig rig;
  const Origin origins[] = {{.owner = 1}, {.owner = 2}, {.owner = 1, .flow = 5}};
  for (uint32_t index = 0; index < 3; ++index) {
    for (const Origin& origin : origins) rig.add(Segment{.index = index}.build(), origin);
  }
  EXPECT_EQ(rig.coalescer.held_flows(), 3u);
  rig.coalescer.end_batch();
  ASSERT_EQ(rig.kept.outs.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rig.kept.outs[i].pieces.size(), 3u);
    EXPECT_EQ(rig.kept.outs[i].origin, origins[i]);
  }
}

TEST(Coalesce, AnotherTunnelHeaderPeerOrOuterHeaderEndsIt) {
  const Bytes opaque = test::pattern(40);
  const Origin same{.owner = 1, .envelope = 2, .peer = 3, .flow = 4, .outer = 5};
  struct {
    const char* what;
    Origin origin;
    Bytes opaque;
    bool merged;
  } rows[] = {{"the same", same, opaque, true},
              {"the first octet", same, test::patch(opaque, 0, {0xee}), false},
              {"the last octet", same, test::patch(opaque, 39, {0xee}), false},
              {"longer", same, test::concat({{0}, opaque}), false},
              {"shorter", same, test::cut(opaque, 39), false},
              {"format", same, opaque, false},
              {"peer", same, opaque, false},
              {"outer header", same, opaque, false},
              {"room of the receiver", same, opaque, false}};
  rows[5].origin.envelope = 9;
  rows[6].origin.peer = 9;
  rows[7].origin.outer = 9;
  rows[8].origin.largest = 9000;
  for (const auto& row : rows) {
    Rig rig;
    rig.add(Segment{}.build(), same, opaque);
    rig.add(Segment{.index = 1}.build(), row.origin, row.opaque);
    EXPECT_EQ(rig.coalescer.counters()[Cause::outer], row.merged ? 0u : 1u) << row.what;
    EXPECT_EQ(rig.kept.outs.size(), row.merged ? 0u : 1u) << row.what;
  }
}

TEST(Coalesce, WhatTheWireHasNotCutPassesWhole) {
  Rig rig;
  const Bytes frame = Segment{.index = 1}.build();
  rig.add(Segment{}.build());
  Packet* packet = test::packet_of(rig.pool, frame);
  ASSERT_EQ(parse::parse(*packet), spec::DropReason::none);
  packet->wire_mss = 500;
  rig.coalescer.add(*packet, {}, 0);
  EXPECT_EQ(rig.kept.outs.size(), 2u);
}

// Somebody has verified it already: the sum comes from the header.
TEST(Coalesce, VerifiedChecksumsAreBelieved) {
  Rig rig;
  std::vector<Bytes> frames;
  for (uint32_t index = 0; index < 3; ++index) {
    frames.push_back(Segment{.index = index, .payload = index == 2 ? 333 : kMss}.build());
    Packet* packet = test::packet_of(rig.pool, frames.back());
    ASSERT_EQ(parse::parse(*packet), spec::DropReason::none);
    packet->l4_checksum_checked = packet->l4_checksum_good = true;
    rig.coalescer.add(*packet, {}, 0);
  }
  ASSERT_EQ(rig.kept.outs.size(), 1u);  // with right checksums: Kept looks
  EXPECT_EQ(rig.pieces(), frames);
}

}  // namespace
}  // namespace gatehouse::coalesce
