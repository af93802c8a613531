// SPDX-License-Identifier: GPL-2.0-or-later
// Runs of tunnel frames joined to one datagram: cut again they are the same frames.
#include "hw/card/uplink/super_datagram.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/core/frames.hh"

namespace gatehouse::uplink {
namespace {

using test::Bytes;
using test::Frame;

struct Tunnel {
  uint16_t source_port = 50000;
  bool ipv6 = false;
  bool tagged = false;
  uint16_t id = 1;
  uint32_t payload = 1000;
};

Bytes tunnel(const Tunnel& t) {
  Frame frame;
  frame.ethernet({.destination = "02:00:00:00:00:02", .source = "02:00:00:00:00:01"});
  if (t.tagged) frame.vlan(7);
  if (t.ipv6) {
    frame.ipv6({.source = "fd01::1", .destination = "fd01::2"});
  } else {
    frame.ipv4({.source = "10.1.0.1", .destination = "10.1.0.2", .id = t.id});
  }
  return frame.udp({.source = t.source_port, .destination = 4789}).payload(t.payload).build();
}

struct FrameRun {
  explicit FrameRun(const std::vector<Tunnel>& tunnels, uint32_t split = 80) {
    for (const Tunnel& t : tunnels) octets.push_back(tunnel(t));
    for (const Bytes& frame : octets) {
      frames.push_back({{frame.data(), split},
                        {frame.data() + split, static_cast<uint32_t>(frame.size()) - split}});
    }
  }
  std::vector<Bytes> octets;
  std::vector<OutFrame> frames;
};

// What the kernel does with a UDP datagram that is to be segmented, from its definition: each
// segment gets the headers with its own lengths, the next IPv4 identification, and checksums.
std::vector<Bytes> cut(const FrameRun& run, const SuperDatagram& whole) {
  Bytes payload;
  for (size_t i = 0; i < whole.frames; ++i) {
    payload.insert(payload.end(), run.octets[i].begin() + whole.header_length, run.octets[i].end());
  }
  std::vector<Bytes> frames;
  for (size_t at = 0; at < payload.size(); at += whole.segment_octets) {
    const size_t length = std::min<size_t>(whole.segment_octets, payload.size() - at);
    Bytes frame(whole.header, whole.header + whole.header_length);
    frame.insert(frame.end(), payload.begin() + static_cast<std::ptrdiff_t>(at),
                 payload.begin() + static_cast<std::ptrdiff_t>(at + length));
    frames.push_back(frame);
  }
  return frames;
}

TEST(SuperDatagram, JoinsFramesOfOneFlow) {
  for (const bool ipv6 : {false, true}) {
    for (const bool tagged : {false, true}) {
      const FrameRun run({{.ipv6 = ipv6, .tagged = tagged, .id = 1},
                          {.ipv6 = ipv6, .tagged = tagged, .id = 2},
                          {.ipv6 = ipv6, .tagged = tagged, .id = 3, .payload = 10}});
      const SuperDatagram whole = join(run.frames);
      EXPECT_EQ(whole.frames, 3u);
      EXPECT_EQ(whole.segment_octets, 1000u);
      EXPECT_EQ(whole.header_length, 14u + (tagged ? 4 : 0) + (ipv6 ? 40 : 20) + 8);
      EXPECT_EQ(whole.udp_offset, whole.header_length - 8);
      const std::vector<Bytes> frames = cut(run, whole);
      ASSERT_EQ(frames.size(), 3u);
      for (size_t i = 0; i < 3; ++i) {
        ASSERT_EQ(frames[i].size(), run.octets[i].size());
        // Addresses and ports, and all behind the outer headers.
        EXPECT_TRUE(std::equal(frames[i].begin(), frames[i].begin() + 14, run.octets[i].begin()));
        EXPECT_TRUE(std::equal(frames[i].begin() + whole.udp_offset,
                               frames[i].begin() + whole.udp_offset + 4,
                               run.octets[i].begin() + whole.udp_offset));
        EXPECT_TRUE(std::equal(frames[i].begin() + whole.header_length, frames[i].end(),
                               run.octets[i].begin() + whole.header_length));
      }
    }
  }
}

TEST(SuperDatagram, TheWholeHasRightHeaders) {
  const FrameRun run({{.id = 1}, {.id = 2}});
  const SuperDatagram whole = join(run.frames);
  Bytes datagram(whole.header, whole.header + whole.header_length);
  for (const Bytes& frame : run.octets)
    datagram.insert(datagram.end(), frame.begin() + whole.header_length, frame.end());
  // Completing the checksum is what the kernel is asked for: the sum from the UDP header on, which
  // begins with the pseudo header's.
  const uint16_t sum = test::naive_sum(std::span(datagram).subspan(whole.udp_offset));
  const auto checksum = static_cast<uint16_t>(~sum);
  datagram[whole.udp_offset + 6] = static_cast<uint8_t>(checksum >> 8);
  datagram[whole.udp_offset + 7] = static_cast<uint8_t>(checksum);
  std::string why;
  EXPECT_TRUE(test::checksums_right(datagram, &why)) << why;
}

struct BreakRow {
  const char* name;
  std::vector<Tunnel> tunnels;
  size_t frames;
};

class Breaks : public testing::TestWithParam<BreakRow> {};

TEST_P(Breaks, WhereTheRunEnds) {
  EXPECT_EQ(join(FrameRun(GetParam().tunnels).frames).frames, GetParam().frames);
}

const BreakRow kBreaks[] = {
    {"OneFrame", {{}}, 1},
    {"AnotherFlow", {{}, {.source_port = 50001}}, 1},
    {"AnotherFamily", {{}, {.ipv6 = true}}, 1},
    {"AnotherTag", {{}, {.tagged = true}}, 1},
    {"ALongerOne", {{}, {.payload = 1001}}, 1},
    {"BehindAShorterOne", {{}, {.payload = 999}, {.payload = 999}}, 2},
    {"NoMoreThan64KiB", std::vector<Tunnel>(80, Tunnel{.payload = 1400}), 46},
    {"NoMoreThan64Frames", std::vector<Tunnel>(80, Tunnel{.payload = 100}), 64},
};

INSTANTIATE_TEST_SUITE_P(SuperDatagram, Breaks, testing::ValuesIn(kBreaks),
                         [](const auto& row) { return row.param.name; });

TEST(SuperDatagram, LeavesOtherFramesAlone) {
  const Bytes arp = Frame().ethernet().arp().append(Bytes(100)).build();
  const OutFrame frame{{arp.data(), static_cast<uint32_t>(arp.size())}, {}};
  const OutFrame frames[] = {frame, frame};
  EXPECT_EQ(join(frames).frames, 1u);
  EXPECT_EQ(join({}).frames, 0u);
}

}  // namespace
}  // namespace gatehouse::uplink
