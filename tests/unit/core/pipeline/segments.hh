// SPDX-License-Identifier: GPL-2.0-or-later
// Two cards whose tenants have a format with TCP-shaped segments, and what passes between them.
#ifndef GATEHOUSE_TESTS_UNIT_CORE_PIPELINE_SEGMENTS_HH_
#define GATEHOUSE_TESTS_UNIT_CORE_PIPELINE_SEGMENTS_HH_

#include <gtest/gtest.h>

#include "hw/core/base/bytes.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {

inline constexpr uint16_t kMss = 1400;
inline constexpr int64_t kTime = 20'000'000;  // ns that segments are waited for

// Of tests over kinds of underlay and inner protocol.
struct SegmentsCase {
  const char* name;
  Shape shape;
  bool v6;  // inside
  friend void PrintTo(const SegmentsCase& row, std::ostream* out) { *out << row.name; }
};

// What a0 sends to b0.
struct Data {
  bool v6 = false;
  uint32_t octets = 20'001;
  uint8_t flags = 0x99;  // CWR, ACK, PSH, FIN
  uint8_t ecn = 0;
  uint16_t headers() const { return v6 ? 74 : 54; }
  Bytes frame() const {
    Frame frame = Frame().ethernet();
    v6 ? frame.ipv6({.traffic_class = ecn}) : frame.ipv4({.tos = ecn, .dont_fragment = true});
    return frame.tcp({.flags = flags}).payload(pattern(octets)).build();
  }
  Offload offload(uint16_t mss = kMss) const { return tcp_tso(!v6, mss, octets); }
  void send(World& a, uint16_t mss = kMss) const { a.from_vnic(0, frame(), offload(mss)); }
};

inline Bytes udp_frame(uint32_t octets, bool v6 = false, uint8_t seed = 1) {
  Frame frame = Frame().ethernet();
  v6 ? frame.ipv6() : frame.ipv4({.dont_fragment = true});
  return frame.udp().payload(pattern(octets, seed)).build();
}

inline std::vector<Bytes> sent(const World& world) {
  std::vector<Bytes> frames;
  for (const SentFrame& one : world.sink.sent) frames.push_back(one.frame);
  return frames;
}
inline std::vector<Bytes> received(const World& world) {
  std::vector<Bytes> frames;
  for (const VnicFrame& one : world.sink.received) frames.push_back(one.frame);
  return frames;
}
inline uint64_t octets_of(const std::vector<Bytes>& frames) {
  uint64_t octets = 0;
  for (const Bytes& frame : frames) octets += frame.size();
  return octets;
}
// On the wire of a card like `shape`.
inline std::vector<Bytes> segments_of(const Shape& shape, const Data& data) {
  World a(card_a(shape));
  data.send(a);
  return sent(a);
}
// What b0 is given when a wire of another format, without any segments, has room for the guest's.
inline std::vector<Bytes> as_if_cut(const Data& data, uint16_t mss = kMss) {
  World a(card_a({.mtu = 9000})), b(card_b({.mtu = 9000}));
  data.send(a, mss);
  for (const Bytes& frame : sent(a)) b.from_wire(frame);
  return received(b);
}
inline void receive(World& to, const std::vector<Bytes>& frames) {
  for (const Bytes& frame : frames) to.from_wire(frame);
}

// A segment as a sender of our own: IPv4, from card a to card b.
struct Shaped {
  std::string source = "192.0.2.1";
  uint16_t port = 7471, source_port = 50'000;
  uint16_t total = 0, offset = 0;
  uint32_t id = 1;
  uint8_t ecn = 0;
  Bytes build(const Bytes& octets) const {
    return Frame()
        .ethernet({.destination = kMacB, .source = kMacA})
        .ipv4({.source = source, .destination = "192.0.2.2", .tos = ecn})
        .tcp({.source = source_port,
              .destination = port,
              .sequence = uint32_t{total} << 16 | offset,
              .acknowledgement = id})
        .payload(octets)
        .build();
  }
  // A whole stream in segments of so many octets.
  std::vector<Bytes> stream(const Bytes& octets, size_t step) const {
    std::vector<Bytes> frames;
    for (size_t at = 0; at < octets.size(); at += step) {
      Shaped part = *this;
      part.total = static_cast<uint16_t>(octets.size());
      part.offset = static_cast<uint16_t>(at);
      const auto begin = octets.begin() + static_cast<ptrdiff_t>(at);
      frames.push_back(part.build(
          Bytes(begin, begin + static_cast<ptrdiff_t>(std::min(step, octets.size() - at)))));
    }
    return frames;
  }
};
// draft-davie-stt-08 section 3.1.
inline Bytes stt_header(uint8_t vni = 100, uint8_t flags = 0, uint8_t l4 = 0, uint16_t mss = 0) {
  return {0, flags, l4, 0, uint8_t(mss >> 8), uint8_t(mss), 0, 0, 0, 0, 0, 0, 0, 0, 0, vni, 0, 0};
}

}  // namespace gatehouse::test

#endif  // GATEHOUSE_TESTS_UNIT_CORE_PIPELINE_SEGMENTS_HH_
