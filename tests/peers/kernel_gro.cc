// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel's GRO makes of trains of segments, and what the card's coalescing makes of the
// same: the same frames, octet for octet, but for the rows of kDifferences. And whatever the card
// has merged, cut again, is what came.
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "hw/core/base/bytes.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "hw/core/segment/segment.hh"
#include "tests/peers/gro_bed.hh"
#include "tests/peers/trains.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::peers {
namespace {

using test::Bytes;
using test::World;

// Where the card may merge other segments than the kernel does, or pass them in another order.
enum class Where : uint8_t {
  kEverywhere,
  kInTunnels,     // outer headers decide
  kOlderKernels,  // than Linux 6.18
};
struct Difference {
  const char* train;
  const char* why;
  Where where = Where::kEverywhere;
};
constexpr const char* kOuterIds =
    "since Linux 6.18 outer identifications must run or stay; to the card they end with the outer "
    "header";
constexpr const char* kOvertakes = "GRO lets a frame that it can't read overtake; the card nothing";
constexpr const char* kMergesCwr = "before it knew Accurate ECN, GRO merged behind a CWR";
constexpr Difference kDifferences[] = {
    {"two connections by turns", kOuterIds, Where::kInTunnels},
    {"five connections by turns", kOuterIds, Where::kInTunnels},
    {"outer identification", kOuterIds, Where::kInTunnels},
    {"a wrong checksum", kOvertakes},
    {"IPv4 options in the middle", kOvertakes},
    {"a first fragment", kOvertakes},
    {"CWR on the first", kMergesCwr, Where::kOlderKernels},
    {"CWR in the middle", kMergesCwr, Where::kOlderKernels},
    {"none has ACK", "no connection has data without ACK: it passes as it came"},
    {"an urgent pointer without URG", "GRO loses it; cut again, a super-frame must be what came"},
    {"one identification, no DF",
     "Linux 6.18 merges what RFC 6864 forbids to be sent; before, it did not, either"},
};
bool is_older_kernel() {
  utsname names{};
  int major = 0, minor = 0;
  return uname(&names) != 0 || std::sscanf(names.release, "%d.%d", &major, &minor) != 2 ||
         std::pair(major, minor) < std::pair(6, 18);
}
bool may_differ(const std::string& train, bool in_tunnel) {
  return std::any_of(std::begin(kDifferences), std::end(kDifferences), [&](const Difference& row) {
    return row.train == train && (row.where != Where::kInTunnels || in_tunnel) &&
           (row.where != Where::kOlderKernels || is_older_kernel());
  });
}

// The card's format, and who judges it: a tunnel device, or the kernel's GRO for frames that are in
// no tunnel, which knows the rules for the inner frame.
struct Case {
  const char* format;
  const char* device;
  bool outer_v6, inner_v6;

  std::string link() const {
    return std::string(outer_v6 && device == std::string("gretap") ? "ip6" : "") + device;
  }
};
std::string name_of(const Case& row) {
  return test::test_name(row.format) + (row.outer_v6 ? "OverIpv6" : "OverIpv4") +
         (row.inner_v6 ? "Ipv6" : "Ipv4") + (*row.device ? "ByItsDevice" : "Bare");
}
void PrintTo(const Case& row, std::ostream* out) { *out << name_of(row); }

Layers layers_of(const Bytes& frame) {
  Layers layers;
  EXPECT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none);
  return layers;
}

// Frames of different connections may overtake one another.
using Flows = std::map<Bytes, std::vector<Bytes>>;
Flows by_flow(const std::vector<Bytes>& frames) {
  Flows flows;
  for (const Bytes& frame : frames) {
    const Layers layers = layers_of(frame);
    Bytes name(&frame[layers.l2_length + (layers.l3 == L3::kIpv6 ? 8 : 12)],
               &frame[layers.l2_length + (layers.l3 == L3::kIpv6 ? 40 : 20)]);
    if (layers.l4 != L4::kNone)
      name.insert(name.end(), &frame[layers.l4_offset], &frame[layers.l4_offset + 4]);
    flows[name].push_back(frame);
  }
  return flows;
}

uint32_t sequence_of(const Bytes& frame) {
  const Layers layers = layers_of(frame);
  return layers.l4 == L4::kTcp ? load_be<uint32_t>(&frame[layers.l4_offset + size_t{4}]) : 0;
}
uint32_t lowest_sequence(const std::vector<Bytes>& frames) {
  uint32_t lowest = sequence_of(frames[0]);
  for (const Bytes& frame : frames) {
    const uint32_t other = sequence_of(frame);
    if (static_cast<int32_t>(other - lowest) < 0) lowest = other;
  }
  return lowest;
}

// What a receiver has of a connection in the end: octets by sequence number, from
// `first` on; 256 where there is none.
using Stream = std::vector<uint16_t>;
Stream stream_of(const std::vector<Bytes>& frames, uint32_t first) {
  constexpr uint16_t kNothing = 256;
  Stream stream;
  for (const Bytes& frame : frames) {
    const Layers layers = layers_of(frame);
    const size_t at = sequence_of(frame) - first;
    if (layers.payload_offset == 0) continue;
    const size_t octets = layers.l3_end - layers.payload_offset;
    if (stream.size() < at + octets) stream.resize(at + octets, kNothing);
    std::copy_n(frame.data() + layers.payload_offset, octets, stream.data() + at);
  }
  return stream;
}

std::string sizes(const std::vector<Bytes>& frames) {
  std::string text;
  for (const Bytes& frame : frames) text += std::to_string(frame.size()) + " ";
  return text;
}

// As `first`, the first of them, was cut: its MSS, and identifications that run or stay.
std::vector<Bytes> cut(const Bytes& whole, const Bytes& first, const Bytes& second) {
  const Layers of_first = layers_of(first);
  const auto id = [](const Bytes& frame) { return load_be<uint16_t>(&frame[18]); };
  PacketPool pool({.small_count = 2, .large_count = 2});
  Packet* packet = test::packet_of(pool, whole);
  EXPECT_EQ(parse::parse(*packet), spec::DropReason::none);
  const bool ipv4 = of_first.l3 == L3::kIpv4;
  packet->offload = {.tso = true,
                     .tcp = true,
                     .ipv4 = ipv4,
                     .same_id = ipv4 && id(first) == id(second),
                     .mss = static_cast<uint16_t>(of_first.l3_end - of_first.payload_offset),
                     .header_length = of_first.payload_offset,
                     .payload_length = packet->length - of_first.payload_offset};
  segment::Segmenter segmenter;
  segment::HeaderArena arena(segment::kArenaOctets);
  std::vector<segment::Segment> segments(segment::kRun);
  EXPECT_EQ(segmenter.begin(*packet, kLargestDatagram), spec::DropReason::none);
  std::vector<Bytes> pieces;
  while (!segmenter.done()) {
    arena.reset(0);
    const uint32_t count = segmenter.next(arena, segments);
    for (uint32_t i = 0; i < count; ++i) pieces.push_back(test::bytes_of(segments[i].frame()));
  }
  pool.give(packet);
  return pieces;
}

// `came`: the flow's frames before they were merged.
void expect_sound(const std::vector<Bytes>& merged, const std::vector<Bytes>& came) {
  size_t next = 0;
  for (const Bytes& frame : merged) {
    ASSERT_LT(next, came.size());
    if (frame == came[next]) {
      ++next;
      continue;
    }
    ASSERT_LT(next + 1, came.size());
    for (const Bytes& piece : cut(frame, came[next], came[next + 1])) {
      ASSERT_LT(next, came.size());
      EXPECT_EQ(test::to_hex(piece), test::to_hex(came[next])) << "segment " << next;
      ++next;
    }
  }
  EXPECT_EQ(next, came.size());
}

class KernelGro : public testing::TestWithParam<Case> {
 protected:
  test::Shape shape() const {
    return {.kind = GetParam().format, .v6 = GetParam().outer_v6, .mtu = 1700};
  }
  bool applies(const Train& train) const {
    const Case& row = GetParam();
    const bool udp = policy::shipped_format(row.format)->protocol == policy::Format::kUdp;
    const bool inside =
        train.inside == Inside::kAny || (train.inside == Inside::kIpv6) == row.inner_v6;
    switch (train.outside) {
      case Outside::kAny:
        return inside;
      case Outside::kUdp:
        return inside && *row.device && udp;
      default:
        return inside && *row.device && (train.outside == Outside::kIpv6) == row.outer_v6;
    }
  }
  std::vector<Bytes> wire(const Train& train) const {
    World a(test::card_a(shape()));
    for (size_t i = 0; i < train.segments.size(); ++i)
      a.from_vnic(0, frame_of(train, i, GetParam().inner_v6));
    std::vector<Bytes> frames;
    for (size_t i = 0; i < a.sink.sent.size(); ++i)
      frames.push_back(on_wire(train, i, GetParam().outer_v6, a.sink.sent[i].frame));
    return frames;
  }
  std::vector<Bytes> through_card(const std::vector<Bytes>& wire, bool coalesce) const {
    constexpr uint32_t kHold = 1000;  // us
    policy::Policy policy = test::card_b(shape());
    policy.vnics[0].coalesce = coalesce;
    policy.coalesce_hold = kHold;
    policy.coalesce_segments = 1024;
    World b(policy);
    b.sink.largest = kMaxSuperFrame;
    for (const Bytes& frame : wire) b.from_wire(frame);
    b.pipeline.tick(b.now + int64_t{kHold} * 1000);
    std::vector<Bytes> frames;
    for (const test::VnicFrame& each : b.sink.received) frames.push_back(each.frame);
    return frames;
  }

  void compare(GroBed& bed, const Train& train) const {
    SCOPED_TRACE(train.name);
    const std::vector<Bytes> sent = wire(train);
    ASSERT_EQ(sent.size(), train.segments.size());
    const std::vector<Bytes> plain = through_card(sent, false);
    ASSERT_EQ(plain.size(), sent.size());
    Flows came = by_flow(plain), card = by_flow(through_card(sent, true));
    const std::vector<Bytes>& judged = *GetParam().device ? sent : plain;
    Flows kernel = by_flow(bed.pass(judged, sent.size()));
    const bool differs = may_differ(train.name, *GetParam().device != '\0');
    // Of ticks in a virtual machine whose host is busy, the clock may not tell in time.
    for (int again = 0; again < 3 && card != kernel && !differs; ++again) {
      std::printf("%s: the kernel is asked again\n", train.name.c_str());
      kernel = by_flow(bed.pass(judged, sent.size()));
    }
    for (const auto& [flow, frames] : came) {
      expect_sound(card[flow], frames);
      const uint32_t first = lowest_sequence(frames);
      EXPECT_TRUE(stream_of(card[flow], first) == stream_of(frames, first));
      EXPECT_TRUE(stream_of(kernel[flow], first) == stream_of(frames, first));
      EXPECT_TRUE(card[flow] == kernel[flow] || differs)
          << "card " << sizes(card[flow]) << "\nkernel " << sizes(kernel[flow]);
    }
    EXPECT_EQ(card.size(), came.size());
    EXPECT_EQ(kernel.size(), came.size());
  }
};

#define GATEHOUSE_NEEDS_ITS_JUDGE()                                                      \
  if (std::string why; !lab::Netns::available(&why)) GTEST_SKIP() << "skipped: " << why; \
  if (*GetParam().device && !lab::kernel_has_link_type(GetParam().link()))               \
  GTEST_SKIP() << "skipped: needs the kernel's " << GetParam().link()

TEST_P(KernelGro, MergesWhatTheCardMerges) {
  GATEHOUSE_NEEDS_ITS_JUDGE();
  GroBed bed(GetParam().device, GetParam().outer_v6);
  for (const Train& train : trains()) {
    if (applies(train)) compare(bed, train);
  }
}

TEST_P(KernelGro, MergesWhatTheCardMergesOfMixtures) {
  GATEHOUSE_NEEDS_ITS_JUDGE();
  GroBed bed(GetParam().device, GetParam().outer_v6);
  for (uint32_t seed = 0; seed < 40; ++seed) compare(bed, mixed_train(seed));
}

INSTANTIATE_TEST_SUITE_P(Trains, KernelGro, testing::ValuesIn([] {
                           std::vector<Case> rows;
                           for (const bool outer : {false, true}) {
                             for (const bool inner : {false, true}) {
                               for (const char* format : {"vxlan", "geneve"})
                                 rows.push_back({format, format, outer, inner});
                               rows.push_back({"gre", "gretap", outer, inner});
                               rows.push_back({outer ? "nvgre" : "geneve", "", outer, inner});
                               rows.push_back({outer ? "slot" : "gre", "", outer, inner});
                             }
                           }
                           return rows;
                         }()),
                         [](const auto& row) { return name_of(row.param); });

}  // namespace
}  // namespace gatehouse::peers
