// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/peers/trains.hh"

#include <random>
#include <utility>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::peers {
namespace {

using test::Bytes;
using Flags = TcpHeader<uint8_t>;

constexpr size_t kEthernet = 14;
constexpr size_t kMany = 8;
constexpr size_t kMiddle = 3;

// Sequence numbers and identifications run on.
std::vector<Segment> even(size_t count = kMany, uint32_t octets = 1000) {
  std::vector<Segment> all(count);
  for (size_t i = 0; i < count; ++i) {
    all[i].octets = octets;
    all[i].tcp.sequence += static_cast<uint32_t>(i) * octets;
    all[i].ipv4.id = static_cast<uint16_t>(0xfffd + i);
  }
  return all;
}

// The segment in the middle is another one.
std::vector<Segment> middle(void (*change)(Segment&)) {
  std::vector<Segment> all = even();
  change(all[kMiddle]);
  return all;
}
std::vector<Segment> from_middle(void (*change)(Segment&)) {
  std::vector<Segment> all = even();
  for (size_t i = kMiddle; i < all.size(); ++i) change(all[i]);
  return all;
}
std::vector<Segment> each(void (*change)(Segment&, size_t)) {
  std::vector<Segment> all = even();
  for (size_t i = 0; i < all.size(); ++i) change(all[i], i);
  return all;
}
// The order in which they come, by number; some never do.
std::vector<Segment> in_order(const std::vector<size_t>& order) {
  const std::vector<Segment> all = even();
  std::vector<Segment> ordered;
  for (const size_t index : order) ordered.push_back(all[index]);
  return ordered;
}
// So many octets in each, and the sequence numbers that follow from it.
std::vector<Segment> of_octets(const std::vector<uint32_t>& octets) {
  std::vector<Segment> all = even(octets.size());
  uint32_t sequence = all[0].tcp.sequence;
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].octets = octets[i];
    all[i].tcp.sequence = std::exchange(sequence, sequence + octets[i]);
  }
  return all;
}
std::vector<Segment> identified(const std::vector<uint16_t>& ids, bool dont_fragment) {
  std::vector<Segment> all = even(ids.size());
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].ipv4.id = ids[i];
    all[i].ipv4.dont_fragment = dont_fragment;
  }
  return all;
}
// Several connections by turns.
std::vector<Segment> by_turns(uint16_t connections) {
  std::vector<Segment> all;
  for (const Segment& segment : even()) {
    for (uint16_t i = 0; i < connections; ++i) {
      all.push_back(segment);
      all.back().tcp.source = static_cast<uint16_t>(segment.tcp.source + i);
    }
  }
  return all;
}

constexpr uint8_t kAck = Flags::kAck, kPsh = Flags::kPsh, kFin = Flags::kFin, kCwr = Flags::kCwr,
                  kEce = Flags::kEce, kUrg = Flags::kUrg, kSyn = Flags::kSyn, kRst = Flags::kRst;

Bytes timestamp(uint8_t time) { return {1, 1, 8, 10, 0, 0, 0, time, 0, 0, 0, 2}; }

template <uint8_t flags>
void set_flags(Segment& segment) {
  segment.tcp.flags = flags;
}

std::vector<Train> about_data() {
  return {
      {"equal ones", even()},
      {"two", even(2)},
      {"one", even(1)},
      {"one octet each", even(kMany, 1)},
      {"as many as a datagram holds", even(70)},
      {"the last one is odd", of_octets({1000, 1000, 1000, 333})},
      {"an odd one in the middle", of_octets({1000, 1000, 333, 1000, 1000})},
      {"a larger one in the middle", of_octets({1000, 1000, 1001, 1000, 1000})},
      {"each is smaller", of_octets({1000, 999, 998, 997})},
      {"each is larger", of_octets({997, 998, 999, 1000})},
      {"one is missing", in_order({0, 1, 2, 4, 5, 6})},
      {"one comes twice", in_order({0, 1, 2, 2, 3, 4})},
      {"two in the wrong order", in_order({0, 1, 3, 2, 4, 5})},
      {"in the wrong order", in_order({5, 4, 3, 2, 1, 0})},
      {"one comes late", in_order({0, 2, 3, 4, 1, 5})},
      {"the sequence number wraps",
       each([](Segment& segment, size_t) { segment.tcp.sequence += 0xfffff000; })},
      {"two connections by turns", by_turns(2)},
      {"five connections by turns", by_turns(5)},
      {"a datagram of UDP between", middle([](Segment& segment) { segment.udp = true; })},
  };
}

std::vector<Train> about_flags() {
  return {
      {"PSH on the first", each([](Segment& segment, size_t i) {
         if (i == 0) segment.tcp.flags |= kPsh;
       })},
      {"PSH in the middle", middle(set_flags<kAck | kPsh>)},
      {"PSH on all", from_middle(set_flags<kAck | kPsh>)},
      {"FIN in the middle", middle(set_flags<kAck | kFin>)},
      {"PSH and FIN", middle(set_flags<kAck | kPsh | kFin>)},
      {"CWR on the first", each([](Segment& segment, size_t i) {
         if (i == 0) segment.tcp.flags |= kCwr;
       })},
      {"CWR in the middle", middle(set_flags<kAck | kCwr>)},
      {"CWR on all from the middle on", from_middle(set_flags<kAck | kCwr>)},
      {"ECE in the middle", middle(set_flags<kAck | kEce>)},
      {"ECE from the middle on", from_middle(set_flags<kAck | kEce>)},
      {"CWR, ECE and PSH", middle(set_flags<kAck | kEce | kCwr | kPsh>)},
      {"URG", middle(set_flags<kAck | kUrg>)},
      {"SYN with data", middle(set_flags<kSyn>)},
      {"SYN and ACK", middle(set_flags<kSyn | kAck>)},
      {"RST", middle(set_flags<kRst | kAck>)},
      {"no flag at all", middle(set_flags<0>)},
      {"none has ACK", each([](Segment& segment, size_t) { segment.tcp.flags = 0; })},
      {"AE in the middle", even(), {{kMiddle, Part::kTcp, 12, 0x0100}}},
      {"a reserved bit in the middle", even(), {{kMiddle, Part::kTcp, 12, 0x0800}}},
      {"an urgent pointer without URG", even(), {{kMiddle, Part::kTcp, 18, 0x0001}}},
  };
}

std::vector<Train> about_tcp() {
  return {
      {"ACK alone between", middle([](Segment& segment) { segment.octets = 0; })},
      {"nothing but ACK", even(4, 0)},
      {"another acknowledgement",
       from_middle([](Segment& segment) { ++segment.tcp.acknowledgement; })},
      {"another window", from_middle([](Segment& segment) { ++segment.tcp.window; })},
      {"time stamps", each([](Segment& segment, size_t) { segment.tcp.options = timestamp(1); })},
      {"the time goes on", each([](Segment& segment, size_t i) {
         segment.tcp.options = timestamp(i < kMiddle ? 1 : 2);
       })},
      {"one has a time stamp",
       middle([](Segment& segment) { segment.tcp.options = timestamp(1); })},
      {"one has SACK", each([](Segment& segment, size_t i) {
         segment.tcp.options =
             i == kMiddle ? Bytes{1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9} : timestamp(1);
       })},
      {"a wrong checksum", middle([](Segment& segment) { segment.tcp.checksum = 0x1234; })},
  };
}

std::vector<Train> about_ip() {
  return {
      {"TTL in the middle", even(), {{kMiddle, Part::kIp, 8, 0x0100}}, Inside::kIpv4},
      {"DSCP in the middle", even(), {{kMiddle, Part::kIp, 0, 0x0004}}, Inside::kIpv4},
      {"ECN in the middle", even(), {{kMiddle, Part::kIp, 0, 0x0002}}, Inside::kIpv4},
      {"no DF in the middle", even(), {{kMiddle, Part::kIp, 6, 0x4000}}, Inside::kIpv4},
      {"the reserved flag in the middle", even(), {{kMiddle, Part::kIp, 6, 0x8000}}, Inside::kIpv4},
      {"the reserved flag on all",
       even(3),
       {{0, Part::kIp, 6, 0x8000}, {1, Part::kIp, 6, 0x8000}, {2, Part::kIp, 6, 0x8000}},
       Inside::kIpv4},
      {"one identification", identified({7, 7, 7, 7}, true), {}, Inside::kIpv4},
      {"one identification, no DF", identified({7, 7, 7, 7}, false), {}, Inside::kIpv4},
      {"identifications run, no DF", identified({7, 8, 9, 10}, false), {}, Inside::kIpv4},
      {"the identification jumps", identified({7, 8, 9, 20, 21, 22}, true), {}, Inside::kIpv4},
      {"the identification begins to run", identified({7, 7, 7, 8, 9}, true), {}, Inside::kIpv4},
      {"the identification stops", identified({7, 8, 9, 9, 9}, true), {}, Inside::kIpv4},
      {"identifications run back", identified({9, 8, 7, 6}, true), {}, Inside::kIpv4},
      {"IPv4 options in the middle",
       middle([](Segment& segment) {
         segment.ipv4.options = {1, 1, 1, 1};
       }),
       {},
       Inside::kIpv4},
      {"a first fragment",
       middle([](Segment& segment) {
         segment.ipv4.more_fragments = true;
         segment.ipv4.dont_fragment = false;
         segment.octets = 1004;
       }),
       {},
       Inside::kIpv4},
      {"padding behind one", middle([](Segment& segment) { segment.padded = true; })},
      {"hop limit in the middle", even(), {{kMiddle, Part::kIp, 6, 0x0001}}, Inside::kIpv6},
      {"traffic class in the middle", even(), {{kMiddle, Part::kIp, 0, 0x0040}}, Inside::kIpv6},
      {"ECN in the middle, IPv6", even(), {{kMiddle, Part::kIp, 0, 0x0020}}, Inside::kIpv6},
      {"flow label in the middle", even(), {{kMiddle, Part::kIp, 2, 0x0001}}, Inside::kIpv6},
  };
}

std::vector<Train> about_the_wire() {
  return {
      {"outer TTL", even(), {{kMiddle, Part::kOuterIp, 8, 0x0100}}, Inside::kAny, Outside::kIpv4},
      {"outer DSCP", even(), {{kMiddle, Part::kOuterIp, 0, 0x0004}}, Inside::kAny, Outside::kIpv4},
      {"outer ECT", even(), {{kMiddle, Part::kOuterIp, 0, 0x0002}}, Inside::kAny, Outside::kIpv4},
      {"outer DF", even(), {{kMiddle, Part::kOuterIp, 6, 0x4000}}, Inside::kAny, Outside::kIpv4},
      {"outer identification",
       even(),
       {{kMiddle, Part::kOuterIp, 4, 0x0100}},
       Inside::kAny,
       Outside::kIpv4},
      {"outer hop limit",
       even(),
       {{kMiddle, Part::kOuterIp, 6, 0x0001}},
       Inside::kAny,
       Outside::kIpv6},
      {"outer class", even(), {{kMiddle, Part::kOuterIp, 0, 0x0040}}, Inside::kAny, Outside::kIpv6},
      {"outer flow label",
       even(),
       {{kMiddle, Part::kOuterIp, 2, 0x0001}},
       Inside::kAny,
       Outside::kIpv6},
      {"another source port",
       even(),
       {{kMiddle, Part::kOuterUdp, 0, 0x0001}},
       Inside::kAny,
       Outside::kUdp},
  };
}

// What is the same for many segments changes, or this segment is an odd one.
void change(std::mt19937& random, test::Tcp& tcp, Segment& segment, uint16_t& id) {
  switch (random() % 24) {
    case 0:
      segment.octets = static_cast<uint32_t>(1 + random() % 1100);
      break;
    case 1:
      segment.tcp.flags |= kPsh;
      break;
    case 2:
      segment.tcp.flags |= kFin;
      break;
    case 3:
      segment.octets = 0;
      break;
    case 4:
      segment.tcp.flags = kAck | kRst;
      break;
    case 5:
      tcp.flags ^= kEce;
      break;
    case 6:
      ++tcp.acknowledgement;
      break;
    case 7:
      ++tcp.window;
      break;
    case 8:
      tcp.options = timestamp(static_cast<uint8_t>(random()));
      break;
    case 9:
      id = static_cast<uint16_t>(random());
      break;
    default:
      break;
  }
}

void flip(uint8_t* word, uint16_t bits, uint8_t* sum) {
  const auto before = load_be<uint16_t>(word);
  const auto after = static_cast<uint16_t>(before ^ bits);
  store_be(word, after);
  if (sum != nullptr) store_be(sum, checksum::update(load_be<uint16_t>(sum), before, after));
}

}  // namespace

std::vector<Train> trains() {
  std::vector<Train> all;
  for (auto about : {about_data, about_flags, about_tcp, about_ip, about_the_wire}) {
    for (Train& train : about()) all.push_back(std::move(train));
  }
  return all;
}

Train mixed_train(uint32_t seed) {
  std::mt19937 random(seed);
  Train train{"mixture " + std::to_string(seed), {}};
  const bool ids_stay = random() % 3 == 0;
  test::Tcp tcp;
  auto id = static_cast<uint16_t>(random());
  while (train.segments.size() < 40) {
    Segment segment;
    segment.tcp = tcp;
    change(random, tcp, segment, id);
    segment.ipv4.id = ids_stay ? id : id++;
    tcp.sequence += segment.octets;
    if (random() % 16 == 0)  // TTL or hop limit, class
      segment.ipv4.ttl = segment.ipv6.hop_limit = static_cast<uint8_t>(60 + random() % 2);
    if (random() % 16 == 0) segment.ipv4.tos = segment.ipv6.traffic_class = 4;
    if (random() % 16 == 0) continue;  // lost
    if (random() % 16 == 0) train.segments.push_back(segment);
    train.segments.push_back(segment);
    const size_t last = train.segments.size() - 1;
    if (last > 2 && random() % 16 == 0)
      std::swap(train.segments[last], train.segments[last - 1 - random() % 2]);
  }
  return train;
}

Bytes frame_of(const Train& train, size_t segment, bool v6) {
  const Segment& what = train.segments[segment];
  test::Frame build = test::Frame().ethernet();
  v6 ? build.ipv6(what.ipv6) : build.ipv4(what.ipv4);
  what.udp ? build.udp() : build.tcp(what.tcp);
  build.payload(test::pattern(what.octets, what.tcp.sequence));
  if (what.padded) build.append({0, 0});
  Bytes frame = build.build();
  for (const Flip& each : train.flips) {
    if (each.segment != segment) continue;
    const size_t tcp = kEthernet + (v6 ? 40 : 20);
    if (each.part == Part::kIp)
      flip(&frame[kEthernet + each.offset], each.bits, v6 ? nullptr : &frame[kEthernet + 10]);
    if (each.part == Part::kTcp) flip(&frame[tcp + each.offset], each.bits, &frame[tcp + 16]);
  }
  return frame;
}

Bytes on_wire(const Train& train, size_t segment, bool outer_v6, Bytes frame) {
  const size_t udp = kEthernet + (outer_v6 ? 40 : 20);
  for (const Flip& each : train.flips) {
    if (each.segment != segment) continue;
    if (each.part == Part::kOuterIp)
      flip(&frame[kEthernet + each.offset], each.bits, outer_v6 ? nullptr : &frame[kEthernet + 10]);
    if (each.part == Part::kOuterUdp) {
      const bool summed = load_be<uint16_t>(&frame[udp + 6]) != 0;
      flip(&frame[udp + each.offset], each.bits, summed ? &frame[udp + 6] : nullptr);
    }
  }
  return frame;
}

}  // namespace gatehouse::peers
