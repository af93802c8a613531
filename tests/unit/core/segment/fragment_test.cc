// SPDX-License-Identifier: GPL-2.0-or-later
#include <map>

#include "tests/unit/core/segment/cutting.hh"

namespace gatehouse::segment {
namespace {

using spec::DropReason;
using test::Bytes;
using test::Frame;

struct PassRow {
  const char* what;
  Bytes frame;
  uint32_t mtu;
  DropReason reason;
  Kind kind;
  size_t frames;
};

TEST(Segment, WhatFitsPassesAndWhatDoesNotIsFragmentedOrRefused) {
  const auto none = DropReason::none;
  const auto v4 = [](bool df, uint32_t datagram) {
    return Frame().ethernet().ipv4({.dont_fragment = df}).udp().payload(datagram - 28).build();
  };
  const auto v6 = [](uint32_t datagram) {
    return Frame().ethernet().ipv6().udp().payload(datagram - 48).build();
  };
  const PassRow rows[] = {
      {"v4 of just the MTU", v4(false, 1450), 1450, none, Kind::kPass, 1},
      {"v4 with DF of just the MTU", v4(true, 1450), 1450, none, Kind::kPass, 1},
      {"v4 one octet more", v4(false, 1451), 1450, none, Kind::kFragments, 2},
      {"v4 with DF one octet more", v4(true, 1451), 1450, DropReason::exceeds_mtu, Kind::kPass, 0},
      {"v6 of just the MTU", v6(1450), 1450, none, Kind::kPass, 1},
      {"v6 one octet more", v6(1451), 1450, DropReason::exceeds_mtu, Kind::kPass, 0},
      {"tags do not count", Frame().ethernet().vlan(1).vlan(2).ipv6().udp().payload(1402).build(),
       1450, none, Kind::kPass, 1},
      {"arp", Frame().ethernet().arp().build(), 68, none, Kind::kPass, 1},
      {"another EtherType", Frame().ethernet().payload(1450).build(), 1450, none, Kind::kPass, 1},
      {"another EtherType, too large", Frame().ethernet().payload(1451).build(), 1450,
       DropReason::exceeds_mtu, Kind::kPass, 0},
      {"smallest MTU, largest header",
       Frame().ethernet().ipv4({.options = Bytes(40, 1)}).udp().payload(92).build(), 68, none,
       Kind::kFragments, 13},
  };
  for (const PassRow& row : rows) {
    const Cut cut = cut_frame(row.frame, 0, row.mtu);
    EXPECT_EQ(cut.reason, row.reason) << row.what;
    EXPECT_EQ(cut.frames.size(), row.frames) << row.what;
    if (row.reason != none) continue;
    EXPECT_EQ(cut.kind, row.kind) << row.what;
    if (row.kind == Kind::kPass) {
      EXPECT_EQ(cut.frames[0], row.frame) << row.what;
    }
  }
}

TEST(Segment, APassingFrameIsThePacketsOwnMemory) {
  PacketPool pool({.small_count = 1, .large_count = 1});
  const Packet* packet = parsed(pool, Frame().ethernet().ipv4().udp().payload(9).build());
  Segmenter segmenter;
  ASSERT_EQ(segmenter.begin(*packet, 1500), DropReason::none);
  HeaderArena arena(64);
  arena.reset(64);  // not needed
  Segment segment;
  ASSERT_EQ(segmenter.next(arena, {&segment, 1}), 1u);
  EXPECT_EQ(segment.head, nullptr);
  EXPECT_EQ(segment.head_length, 0u);
  EXPECT_EQ(segment.body.data, packet->data);
  EXPECT_EQ(segment.body.length, packet->length);
  EXPECT_TRUE(segmenter.done());
}

TEST(Segment, PaddingNeverMakesAFrameTooLarge) {
  const Bytes datagram = Frame().ethernet().ipv4().udp().payload(100).build();
  Bytes padded = datagram;
  padded.resize(1000, 0x55);
  EXPECT_EQ(cut_frame(padded, 0, 1500).frames[0], padded);
  EXPECT_EQ(cut_frame(padded, 0, 986).frames[0], padded);
  EXPECT_EQ(cut_frame(padded, 0, 985).frames[0], datagram);
}

// The whole of what comes out, built by hand.
TEST(Segment, FragmentsOfRfc791) {
  const Bytes whole =
      Frame().ethernet().ipv4({.tos = 4, .id = 77, .ttl = 9}).udp().payload(2000).build();
  const auto fragment = [&](uint32_t offset, bool more, size_t octets) {
    const size_t from = 34 + offset;
    return Frame()
        .ethernet()
        .ipv4({.tos = 4,
               .id = 77,
               .more_fragments = more,
               .fragment_offset = offset,
               .ttl = 9,
               .protocol = 17})
        .payload(Bytes(whole.begin() + static_cast<long>(from),
                       whole.begin() + static_cast<long>(from + octets)))
        .build();
  };
  const Cut cut = cut_frame(whole, 0, 1000);
  ASSERT_EQ(cut.frames.size(), 3u);
  EXPECT_EQ(cut.frames[0], fragment(0, true, 976));
  EXPECT_EQ(cut.frames[1], fragment(976, true, 976));
  EXPECT_EQ(cut.frames[2], fragment(1952, false, 56));
}

// Options with the copied flag stand in every fragment, others in the first one only.
// Found by the fuzz target `segment`: 20 octets of IP and 52 of TCP header.
TEST(Segment, AFirstFragmentHasTheWholeL4Header) {
  const Bytes frame = Frame().ethernet().ipv4().tcp({.options = Bytes(32, 1)}).payload(100).build();
  for (const uint32_t mtu : {kMinMtu, 75u})
    EXPECT_EQ(cut_frame(frame, 0, mtu).reason, DropReason::not_fragmentable) << mtu;
  const Cut cut = cut_frame(frame, 0, 76);
  ASSERT_EQ(cut.reason, DropReason::none);
  EXPECT_EQ(layers_of(cut.frames[0]).l4, L4::kTcp);
}

TEST(Segment, OptionsAreCopiedAsTheirFlagSays) {
  // Record route (7, not copied), no operation, loose source route (131, copied), end.
  const Bytes options = test::from_hex("0707 04 00000000 01 8307 04 0a000009 00");
  const Bytes frame = Frame().ethernet().ipv4({.options = options}).udp().payload(300).build();
  const Cut cut = cut_frame(frame, 0, 200);
  ASSERT_EQ(cut.frames.size(), 2u);
  EXPECT_EQ(Bytes(cut.frames[0].begin() + 34, cut.frames[0].begin() + 50), options);
  EXPECT_EQ(cut.frames[0][14], 0x49);
  EXPECT_EQ(cut.frames[1][14], 0x47);
  EXPECT_EQ(Bytes(cut.frames[1].begin() + 34, cut.frames[1].begin() + 42),
            test::from_hex("8307 04 0a000009 00"));
  for (const Bytes& fragment : cut.frames) EXPECT_TRUE(test::checksums_right(fragment));
}

TEST(Segment, AFragmentThatIsCutAgainKeepsItsPlace) {
  for (const bool more : {false, true}) {
    const Bytes frame = Frame()
                            .ethernet()
                            .ipv4({.more_fragments = more, .fragment_offset = 4000, .protocol = 17})
                            .payload(1600)
                            .build();
    const Cut cut = cut_frame(frame, 0, 820);
    ASSERT_EQ(cut.frames.size(), 2u);
    const Ipv4Header first(cut.frames[0].data() + 14), second(cut.frames[1].data() + 14);
    EXPECT_EQ(first.fragment_offset(), 4000u);
    EXPECT_TRUE(first.more_fragments());
    EXPECT_EQ(second.fragment_offset(), 4800u);
    EXPECT_EQ(second.more_fragments(), more);
  }
}

// Joins fragments as a receiver does, by offset; false when they do not make one whole.
bool join(const std::vector<Bytes>& fragments, Bytes& payload) {
  std::map<uint32_t, Bytes> parts;
  bool has_end = false;
  for (const Bytes& frame : fragments) {
    const Layers layers = layers_of(frame);
    const Ipv4Header ip(frame.data() + layers.l2_length);
    const long start = layers.l2_length + static_cast<long>(ip.header_length());
    parts[ip.fragment_offset()] =
        Bytes(frame.begin() + start, frame.begin() + static_cast<long>(layers.l3_end));
    has_end = has_end || !ip.more_fragments();
  }
  for (const auto& [offset, part] : parts) {
    if (offset != payload.size()) return false;
    payload.insert(payload.end(), part.begin(), part.end());
  }
  return has_end;
}

TEST(Segment, FragmentsJoinToTheDatagram) {
  for (const uint32_t options : {0u, 4u, 40u}) {
    for (const uint32_t octets : {1u, 7u, 8u, 1000u, 1480u, 1481u, 9000u, 16000u}) {
      for (const uint32_t mtu : {68u, 69u, 75u, 76u, 576u, 1450u, 1500u}) {
        const Bytes frame = Frame()
                                .ethernet()
                                .vlan(2)
                                .ipv4({.options = Bytes(options, 1)})
                                .udp()
                                .payload(octets)
                                .build();
        const Cut cut = cut_frame(frame, 0, mtu);
        const uint32_t payload = octets + 8;
        const uint32_t each = (mtu - 20 - options) / 8 * 8;
        if ((payload + each - 1) / each > kMaxSegments) {
          ASSERT_EQ(cut.reason, DropReason::too_many_segments);
          continue;
        }
        ASSERT_EQ(cut.reason, DropReason::none);
        Bytes joined;
        for (const Bytes& fragment : cut.frames) {
          ASSERT_LE(fragment.size(), 18 + mtu);
          ASSERT_TRUE(test::checksums_right(fragment));
        }
        if (cut.frames.size() > 1) {
          ASSERT_TRUE(join(cut.frames, joined)) << options << " " << octets << " " << mtu;
          const Bytes original(frame.begin() + 18 + 20 + options, frame.end());
          ASSERT_EQ(joined, original);
        }
      }
    }
  }
}

// UDP super-frame without DF over a small MTU: each segment is a datagram of its own, in fragments
// of its own.
TEST(Segment, UdpSegmentsInFragmentsJoinToTheSuperFrame) {
  const Bytes payload = test::pattern(5000);
  const Bytes super = Frame().ethernet().ipv4({.id = 100}).udp().payload(payload).build();
  const Cut cut = cut_frame(super, 2000, 700);
  ASSERT_EQ(cut.reason, DropReason::none);
  std::map<uint16_t, std::vector<Bytes>> by_id;
  for (const Bytes& frame : cut.frames) {
    ASSERT_LE(frame.size(), 14u + 700);
    by_id[Ipv4Header(frame.data() + 14).identification()].push_back(frame);
  }
  ASSERT_EQ(by_id.size(), 3u);
  Bytes all;
  for (auto& [id, fragments] : by_id) {
    Bytes datagram;
    ASSERT_TRUE(join(fragments, datagram)) << id;
    // As one frame again, its UDP length and checksum are right.
    const Bytes whole =
        Frame().ethernet().ipv4({.id = id, .protocol = 17}).payload(datagram).build();
    std::string why;
    ASSERT_TRUE(test::checksums_right(whole, &why)) << why;
    const Bytes part = payload_of(whole, layers_of(whole));
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all, payload);
}

TEST(Segment, SaysWhetherFragmentsComeOut) {
  PacketPool pool({.small_count = 1, .large_count = 1});
  const Bytes frame = Frame().ethernet().ipv4().udp().payload(3000).build();
  struct {
    uint16_t mss;
    uint32_t mtu;
    bool fragments;
  } const rows[] = {{0, 3028, false},   {0, 3027, true},     {1000, 1028, false},
                    {1000, 1027, true}, {4000, 3028, false}, {4000, 3027, true}};
  for (const auto& row : rows) {
    Packet* packet = parsed(pool, frame, row.mss);
    Segmenter segmenter;
    ASSERT_EQ(segmenter.begin(*packet, row.mtu), DropReason::none);
    EXPECT_EQ(segmenter.makes_fragments(), row.fragments) << row.mss << " " << row.mtu;
    bool any = false;
    for (const Bytes& out : drain(segmenter)) any = any || layers_of(out).fragment;
    EXPECT_EQ(any, row.fragments);
    pool.give(packet);
  }
}

TEST(Segment, FragmentRunsContinueWhereTheArenaEnded) {
  const Bytes super = Frame().ethernet().ipv4().udp().payload(9000).build();
  PacketPool pool({.small_count = 1, .large_count = 1});
  for (const uint16_t mss : {0, 2500}) {
    Packet* packet = parsed(pool, super, mss);
    Segmenter segmenter;
    ASSERT_EQ(segmenter.begin(*packet, 500), DropReason::none);
    const std::vector<Bytes> whole = drain(segmenter);
    for (const uint32_t run : {1u, 5u}) {
      ASSERT_EQ(segmenter.begin(*packet, 500), DropReason::none);
      EXPECT_EQ(drain(segmenter, run, 54, 120), whole);
    }
    pool.give(packet);
  }
}

}  // namespace
}  // namespace gatehouse::segment
