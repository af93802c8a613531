// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/core/segment/cutting.hh"

#include <utility>

namespace gatehouse::segment {
namespace {

using spec::DropReason;
using test::Bytes;
using test::Frame;

constexpr uint8_t kFin = 0x01, kPsh = 0x08, kAck = 0x10, kCwr = 0x80;

// The whole of what comes out, computed here with the builder: a frame for each MSS of payload.
TEST(Segment, Ipv4TcpSegmentsAreThoseThatASenderWouldHaveBuilt) {
  const Bytes options = test::from_hex("0101 080a 00000001 00000002");
  const Bytes payload = test::pattern(3500);
  const auto frame = [&](uint16_t id, uint32_t sequence, uint8_t flags, size_t from, size_t to) {
    return Frame()
        .ethernet()
        .vlan(12)
        .ipv4({.tos = 2, .id = id, .dont_fragment = true})
        .tcp({.sequence = sequence, .flags = flags, .options = options})
        .payload(Bytes(payload.begin() + static_cast<long>(from),
                       payload.begin() + static_cast<long>(to)))
        .build();
  };
  // As Linux' e1000e leaves it: lengths zero, the pseudo header's sum in the checksum field.
  const Bytes super =
      Frame()
          .ethernet()
          .vlan(12)
          .ipv4({.tos = 2, .id = 0xffff, .dont_fragment = true, .total_length = 0, .checksum = 0})
          .tcp({.sequence = 0xfffffff0,
                .flags = kFin | kPsh | kAck | kCwr,
                .options = options,
                .checksum = 0x4321})
          .payload(payload)
          .build();
  const Cut cut = cut_frame(super, 1448, 1500);
  ASSERT_EQ(cut.reason, DropReason::none);
  EXPECT_EQ(cut.kind, Kind::kSegments);
  ASSERT_EQ(cut.frames.size(), 3u);
  EXPECT_EQ(cut.frames[0], frame(0xffff, 0xfffffff0, kAck | kCwr, 0, 1448));
  EXPECT_EQ(cut.frames[1], frame(0x0000, 0xfffffff0 + 1448, kAck, 1448, 2896));
  EXPECT_EQ(cut.frames[2], frame(0x0001, 0xfffffff0 + 2896, kFin | kPsh | kAck, 2896, 3500));
}

TEST(Segment, Ipv6TcpSegments) {
  const Bytes payload = test::pattern(2000);
  const auto frame = [&](uint32_t sequence, uint8_t flags, size_t from, size_t to) {
    return Frame()
        .ethernet()
        .ipv6({.traffic_class = 1, .flow_label = 0xabcde})
        .extension(60)
        .tcp({.sequence = sequence, .flags = flags})
        .payload(Bytes(payload.begin() + static_cast<long>(from),
                       payload.begin() + static_cast<long>(to)))
        .build();
  };
  const Bytes super = Frame()
                          .ethernet()
                          .ipv6({.traffic_class = 1, .flow_label = 0xabcde, .payload_length = 0})
                          .extension(60)
                          .tcp({.sequence = 5, .flags = kPsh | kAck, .checksum = 0})
                          .payload(payload)
                          .build();
  const Cut cut = cut_frame(super, 1000, 1280);
  ASSERT_EQ(cut.reason, DropReason::none);
  ASSERT_EQ(cut.frames.size(), 2u);
  EXPECT_EQ(cut.frames[0], frame(5, kAck, 0, 1000));
  EXPECT_EQ(cut.frames[1], frame(1005, kPsh | kAck, 1000, 2000));
}

// Data sheet 7.3.6: the UDP header is repeated, its length and checksum are those of each frame.
TEST(Segment, UdpSegmentsEachHaveTheirHeader) {
  const Bytes payload = test::pattern(1201);
  for (const bool v6 : {false, true}) {
    const auto frame = [&](uint16_t id, size_t from, size_t to) {
      Frame built = Frame().ethernet();
      const Bytes part(payload.begin() + static_cast<long>(from),
                       payload.begin() + static_cast<long>(to));
      return v6 ? built.ipv6().udp().payload(part).build()
                : built.ipv4({.id = id}).udp().payload(part).build();
    };
    Frame super = Frame().ethernet();
    v6 ? super.ipv6({.payload_length = 0}) : super.ipv4({.id = 7, .total_length = 0});
    const Cut cut =
        cut_frame(super.udp({.length = 0, .checksum = 9}).payload(payload).build(), 600, 1500);
    ASSERT_EQ(cut.reason, DropReason::none);
    ASSERT_EQ(cut.frames.size(), 3u);
    EXPECT_EQ(cut.frames[0], frame(7, 0, 600));
    EXPECT_EQ(cut.frames[1], frame(8, 600, 1200));
    EXPECT_EQ(cut.frames[2], frame(9, 1200, 1201));
  }
}

// Every MSS and length: payloads join to the original, lengths and checksums are right by an
// independent reckoning.
TEST(Segment, SegmentsJoinToTheSuperFrame) {
  for (const bool v6 : {false, true}) {
    for (const bool tcp : {false, true}) {
      for (const uint32_t octets : {1u, 2u, 999u, 1000u, 1001u, 14480u, 64000u}) {
        for (const uint16_t mss : {64, 333, 1000, 1448, 8960, 65000}) {
          Frame frame = Frame().ethernet();
          v6 ? frame.ipv6() : frame.ipv4();
          tcp ? frame.tcp({.flags = kAck}) : frame.udp();
          const Bytes super = frame.payload(test::pattern(octets, mss)).build();
          const Cut cut = cut_frame(super, mss, 65535);
          ASSERT_EQ(cut.reason, DropReason::none);
          ASSERT_EQ(cut.frames.size(), (octets + mss - 1) / mss);
          Bytes joined;
          for (const Bytes& segment : cut.frames) {
            std::string why;
            ASSERT_TRUE(test::checksums_right(segment, &why)) << why;
            const Layers layers = layers_of(segment);
            ASSERT_EQ(layers.l3_end, segment.size());
            const Bytes part = payload_of(segment, layers);
            ASSERT_LE(part.size(), mss);
            joined.insert(joined.end(), part.begin(), part.end());
          }
          ASSERT_EQ(joined, test::pattern(octets, mss));
        }
      }
    }
  }
}

TEST(Segment, WithoutPayloadItIsOneFrame) {
  const Bytes frame = Frame().ethernet().ipv4().tcp({.flags = kFin | kAck}).build();
  const Cut cut = cut_frame(frame, 1448, 1500);
  ASSERT_EQ(cut.frames.size(), 1u);
  EXPECT_EQ(cut.frames[0], frame);
}

TEST(Segment, RunsContinueWhereTheArenaOrTheSpanEnded) {
  const Bytes super = Frame().ethernet().ipv4().tcp({.flags = kAck}).payload(60000).build();
  PacketPool pool({.small_count = 1, .large_count = 1});
  const Packet* packet = parsed(pool, super, 100);
  Segmenter segmenter;
  ASSERT_EQ(segmenter.begin(*packet, 1500), DropReason::none);
  EXPECT_EQ(segmenter.total(), 600u);
  const std::vector<Bytes> whole = drain(segmenter);
  ASSERT_EQ(whole.size(), 600u);
  for (const uint32_t run : {1u, 7u, 600u, 1000u}) {
    for (const uint32_t arena : {160u, 2000u, 1000000u}) {
      ASSERT_EQ(segmenter.begin(*packet, 1500), DropReason::none);
      EXPECT_EQ(drain(segmenter, run, 96, arena), whole) << run << " " << arena;
    }
  }
}

TEST(Segment, HeadsHaveTheReserveInFrontAndBodiesArePartsOfThePacket) {
  const Bytes super = Frame().ethernet().ipv4().tcp().payload(5000).build();
  PacketPool pool({.small_count = 1, .large_count = 1});
  const Packet* packet = parsed(pool, super, 1000);
  Segmenter segmenter;
  ASSERT_EQ(segmenter.begin(*packet, 1500), DropReason::none);
  HeaderArena arena(kArenaOctets);
  arena.reset(kHeadroom);
  Segment segments[8];
  ASSERT_EQ(segmenter.next(arena, segments), 5u);
  for (unsigned i = 0; i < 5; ++i) {
    EXPECT_EQ(segments[i].body.data, packet->data + 54 + 1000 * i);
    EXPECT_EQ(segments[i].head_length, 54u);
    if (i > 0) {
      EXPECT_GE(segments[i].head, segments[i - 1].head + 54 + kHeadroom);
    }
  }
  EXPECT_TRUE(segmenter.done());
  EXPECT_EQ(segmenter.next(arena, segments), 0u);
}

TEST(Segment, AnArenaOfFullSizeHoldsAFullRun) {
  HeaderArena arena(kArenaOctets);
  arena.reset(kHeadroom);
  for (uint32_t i = 0; i < kRun; ++i) EXPECT_NE(arena.take(kMaxHeaders), nullptr) << i;
}

struct Lie {
  const char* what;
  void (*tell)(Offload&);
  DropReason reason = DropReason::bad_tso_context;
};

TEST(Segment, AContextThatLiesIsRefused) {
  const Lie lies[] = {
      {"says UDP", [](Offload& o) { o.tcp = false; }},
      {"says IPv6", [](Offload& o) { o.ipv4 = false; }},
      {"MSS 0", [](Offload& o) { o.mss = 0; }},
      {"header shorter", [](Offload& o) { --o.header_length; }},
      {"header longer", [](Offload& o) { ++o.header_length; }},
      {"header 0", [](Offload& o) { o.header_length = 0; }},
      {"payload shorter", [](Offload& o) { --o.payload_length; }},
      {"payload longer", [](Offload& o) { ++o.payload_length; }},
      {"payload largest", [](Offload& o) { o.payload_length = UINT32_MAX; }},
      {"MSS 1", [](Offload& o) { o.mss = 1; }, DropReason::too_many_segments},
      {"1025 segments", [](Offload& o) { o.mss = 4; }, DropReason::too_many_segments},
      {"the truth", [](Offload&) {}, DropReason::none},
  };
  PacketPool pool({.small_count = 1, .large_count = 1});
  Packet* packet = parsed(pool, Frame().ethernet().ipv4().tcp().payload(4097).build(), 1000);
  const Offload truth = packet->offload;
  for (const Lie& lie : lies) {
    packet->offload = truth;
    lie.tell(packet->offload);
    Segmenter segmenter;
    EXPECT_EQ(segmenter.begin(*packet, 1500), lie.reason) << lie.what;
    EXPECT_EQ(segmenter.done(), lie.reason != DropReason::none) << lie.what;
  }
}

TEST(Segment, FramesThatHaveNothingToSegmentAreRefused) {
  const std::pair<const char*, Bytes> rows[] = {
      {"arp", Frame().ethernet().arp().build()},
      {"icmp", Frame().ethernet().ipv4().icmp().payload(100).build()},
      {"another EtherType", Frame().ethernet().payload(100).build()},
      {"another protocol", Frame().ethernet().ipv6().payload(100).build()},
      {"fragment", Frame().ethernet().ipv4({.more_fragments = true}).udp().payload(96).build()},
      {"v6 fragment", Frame().ethernet().ipv6().fragment(0, true).udp().payload(96).build()},
      {"source route",
       Frame().ethernet().ipv6().extension(43, Bytes{0, 1, 0, 0, 0, 0}).tcp().payload(96).build()},
      {"headers of more than 256 octets",
       Frame().ethernet().ipv6().extension(60, Bytes(198, 0)).tcp().payload(96).build()},
  };
  for (const auto& [what, frame] : rows) {
    for (const bool tcp : {false, true}) {
      PacketPool pool({.small_count = 1, .large_count = 1});
      Packet* packet = parsed(pool, frame, 50);
      packet->offload.tcp = tcp;
      Segmenter segmenter;
      EXPECT_EQ(segmenter.begin(*packet, 1500), DropReason::bad_tso_context) << what;
    }
  }
}

struct MtuRow {
  const char* what;
  bool v6, tcp, df;
  uint16_t mss;
  uint32_t mtu;
  DropReason reason;
  size_t frames;
};

TEST(Segment, SegmentsAndTheMtu) {
  const auto none = DropReason::none;
  const MtuRow rows[] = {
      {"v4 TCP just fits", false, true, true, 1410, 1450, none, 3},
      {"v4 TCP with DF one too large", false, true, true, 1411, 1450, DropReason::exceeds_mtu, 0},
      {"v4 TCP without DF gets a smaller MSS", false, true, false, 2000, 1450, none, 3},
      {"v6 TCP just fits", true, true, false, 1390, 1450, none, 3},
      {"v6 TCP one too large", true, true, false, 1391, 1450, DropReason::exceeds_mtu, 0},
      {"v6 UDP one too large", true, false, false, 1403, 1450, DropReason::exceeds_mtu, 0},
      {"v4 UDP with DF one too large", false, false, true, 1423, 1450, DropReason::exceeds_mtu, 0},
      {"v4 UDP without DF is fragmented", false, false, false, 2000, 1450, none, 4},
      {"a large MSS matters only when there is payload for it", false, true, true, 65000, 4040,
       none, 1},
      {"headers alone fill the MTU", false, true, false, 100, 68, none, 143},
  };
  for (const MtuRow& row : rows) {
    Frame frame = Frame().ethernet();
    row.v6 ? frame.ipv6() : frame.ipv4({.dont_fragment = row.df});
    row.tcp ? frame.tcp() : frame.udp();
    const Bytes super = frame.payload(4000).build();
    const Cut cut = cut_frame(super, row.mss, row.mtu);
    EXPECT_EQ(cut.reason, row.reason) << row.what;
    EXPECT_EQ(cut.frames.size(), row.frames) << row.what;
    for (const Bytes& segment : cut.frames) {
      EXPECT_LE(segment.size(), 14 + row.mtu) << row.what;
      EXPECT_TRUE(test::checksums_right(segment)) << row.what;
    }
  }
}

TEST(Segment, HeadersThatFillTheMtuCannotBeFragmentedAway) {
  const Bytes super =
      Frame().ethernet().ipv4({.options = Bytes(40, 1)}).tcp().payload(1000).build();
  EXPECT_EQ(cut_frame(super, 500, 80).reason, DropReason::not_fragmentable);
  EXPECT_EQ(cut_frame(super, 500, 81).reason, DropReason::none);
}

TEST(Segment, AUdpSegmentBeyond65535CannotBeFragmented) {
  PacketPool pool({.small_count = 1, .large_count = 1});
  // 65528 octets of payload: with UDP and IPv4 headers 65556.
  const Packet* packet = parsed(
      pool, Frame().ethernet().ipv4({.total_length = 0}).udp({.length = 0}).payload(65528).build(),
      65535);
  Segmenter segmenter;
  EXPECT_EQ(segmenter.begin(*packet, 1500), DropReason::not_fragmentable);
  EXPECT_EQ(segmenter.begin(*packet, 1u << 20), DropReason::not_fragmentable);
}

// A wire that cuts makes of the pieces what the card makes by itself.
TEST(Segment, PiecesThatTheWireCutsBecomeTheSameSegments) {
  for (const bool v6 : {false, true}) {
    Frame build = Frame().ethernet();
    v6 ? build.ipv6() : build.ipv4({.id = 0xfffe, .dont_fragment = true});
    const Bytes super = build.tcp({.sequence = 0xfffff000, .flags = kFin | kPsh | kAck | kCwr})
                            .payload(20000)
                            .build();
    const uint32_t headers = v6 ? 74 : 54;
    const Cut expected = cut_frame(super, 1448, 1520);
    ASSERT_EQ(expected.frames.size(), 14u);
    // Pieces of one segment, of three, and everything in one.
    for (const uint32_t wire_cuts : {headers + 1448, headers + 3 * 1448 + 7, 65485u}) {
      SCOPED_TRACE(wire_cuts);
      PacketPool pool({.small_count = 1, .large_count = 1});
      Segmenter segmenter;
      ASSERT_EQ(segmenter.begin(*parsed(pool, super, 1448), 1520, wire_cuts), DropReason::none);
      EXPECT_EQ(segmenter.total(), 14u);
      HeaderArena arena(kArenaOctets);
      std::vector<Segment> pieces(64);
      arena.reset(0);
      pieces.resize(segmenter.next(arena, pieces));
      EXPECT_TRUE(segmenter.done());
      std::vector<Bytes> frames;
      for (const Segment& piece : pieces) {
        const Bytes octets = test::bytes_of(piece.frame());
        EXPECT_LE(octets.size(), wire_cuts);
        EXPECT_EQ(piece.mss != 0, octets.size() > headers + 1448);
        const Cut cut = cut_frame(octets, 1448, 1520);
        frames.insert(frames.end(), cut.frames.begin(), cut.frames.end());
      }
      EXPECT_EQ(pieces.size(), wire_cuts == headers + 1448 ? 14u : wire_cuts < 65485 ? 5u : 1u);
      EXPECT_EQ(frames, expected.frames);
    }
  }
}

}  // namespace
}  // namespace gatehouse::segment
