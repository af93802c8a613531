// SPDX-License-Identifier: GPL-2.0-or-later
// segment(coalesce(x)) == x for random streams: for each flow the frames that come out, cut again,
// are those that went in, octet for octet and in order, whatever was lost, repeated, reordered or
// put in between.
#include <algorithm>
#include <map>
#include <random>

#include "tests/unit/core/coalesce/coalescing.hh"

namespace gatehouse::coalesce {
namespace {

using test::Frame;
using Flags = TcpHeader<uint8_t>;

struct Sent {
  Bytes frame;
  Origin origin;
  Bytes opaque;
};

// One TCP connection's sender, as a stream of frames.
class Sender {
 public:
  Sender(std::mt19937& random, uint16_t number)
      : random_(random),
        v6_(draw(2) == 0),
        dont_fragment_(draw(4) != 0),
        same_id_(dont_fragment_ && draw(3) == 0),
        tags_(draw(4) == 0 ? 1 : 0),
        mss_(draw(3) == 0 ? 1 + draw(64) : 200 + draw(1300)),
        sequence_(draw(3) == 0 ? 0u - draw(4000) : static_cast<uint32_t>(random_())),
        id_(static_cast<uint16_t>(random_())),
        options_(draw(2) == 0) {
    // Few addresses and ports, so that flows differ in one part of their name only.
    source_ = 1 + number % 3;
    tcp_.source = static_cast<uint16_t>(1000 + number / 3 % 4);
    origin_ = {.owner = static_cast<uint16_t>(number / 12 % 2),
               .envelope = 1,
               .peer = source_,
               .flow = number / 24u,
               .outer = 1,
               .largest = draw(3) == 0 ? 9014u : 0u};
    opaque_ = test::pattern(draw(3) * 8, number);
  }

  Sent next() {
    if (draw(40) == 0) change();
    const uint32_t kind = draw(30);
    if (kind == 0) return between();
    const bool last = draw(12) == 0;
    const uint32_t payload = last ? 1 + draw(mss_) : mss_;
    test::Tcp tcp = tcp_;
    tcp.sequence = sequence_;
    if (last && draw(2) == 0) tcp.flags |= Flags::kPsh;
    if (kind == 1) tcp.flags |= Flags::kCwr;
    if (kind == 2 && last) tcp.flags |= Flags::kFin;
    sequence_ += payload;
    return make(tcp, payload);
  }

 private:
  uint32_t draw(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  Sent make(const test::Tcp& tcp, uint32_t payload, bool fragment = false) {
    Frame frame;
    frame.ethernet();
    if (tags_ != 0) frame.vlan(100);
    const std::string last = std::to_string(source_);
    if (v6_) {
      frame.ipv6({.source = "fd00::" + last, .traffic_class = tos_, .hop_limit = ttl_});
      if (fragment) frame.fragment(0, true);
    } else {
      frame.ipv4({.source = "10.0.0." + last,
                  .tos = tos_,
                  .id = id_,
                  .dont_fragment = dont_fragment_ && !fragment,
                  .more_fragments = fragment,
                  .ttl = ttl_});
      if (!same_id_) ++id_;
    }
    test::Tcp head = tcp;
    if (options_) {
      head.options = test::from_hex("0101080a 00000000 00000002");
      store_be(&head.options[4], time_);
    }
    frame.tcp(head).payload(test::pattern(payload, draw(1000)));
    if (payload != 0 && draw(50) == 0) frame.append({0, 0});
    return {frame.build(), origin_, opaque_};
  }

  // Frames of the connection that are no segments.
  Sent between() {
    test::Tcp tcp = tcp_;
    tcp.sequence = sequence_;
    constexpr uint8_t kOdd[] = {Flags::kSyn, Flags::kAck | Flags::kRst, Flags::kAck | Flags::kUrg,
                                0, Flags::kAck | Flags::kSyn};
    switch (draw(5)) {
      case 0:
        return make(tcp, 0);
      case 1:
        tcp.flags = kOdd[draw(sizeof kOdd)];
        return make(tcp, draw(2) * mss_);
      case 2:
        tcp.checksum = static_cast<uint16_t>(random_());
        return make(tcp, mss_);
      case 3:  // of another transport, between the same hosts
        return {Frame()
                    .ethernet()
                    .ipv4({.source = "10.0.0." + std::to_string(source_)})
                    .udp()
                    .payload(draw(100))
                    .build(),
                origin_, opaque_};
      default:
        return make(tcp, options_ ? 4 + 8 * draw(20) - 4 : 4 + 8 * draw(20), true);
    }
  }

  // What is the same for many segments changes.
  void change() {
    switch (draw(9)) {
      case 0:
        ++tcp_.acknowledgement;
        break;
      case 1:
        tcp_.window = static_cast<uint16_t>(random_());
        break;
      case 2:
        ++time_;
        break;
      case 3:
        tos_ ^= 3;
        break;
      case 4:
        --ttl_;
        break;
      case 5:
        tcp_.flags ^= Flags::kEce;
        break;
      case 6:
        ++origin_.outer;
        break;
      case 7:
        opaque_ = test::pattern(draw(3) * 8, draw(100));
        break;
      default:
        mss_ = 1 + draw(1400);
    }
  }

  std::mt19937& random_;
  bool v6_, dont_fragment_, same_id_;
  unsigned tags_;
  uint32_t mss_, sequence_;
  uint16_t id_;
  bool options_;
  uint32_t source_ = 0, time_ = 1;
  uint8_t tos_ = 2, ttl_ = 64;
  test::Tcp tcp_;
  Origin origin_;
  Bytes opaque_;
};

// owner, flow field and ends of a frame; of a fragment and of other transports without the ports.
using Name = std::vector<uint8_t>;
struct Named {
  Name pair, flow;  // flow is empty: not known
  bool fragment = false;
  Bytes frame;
};

Named named(const Bytes& frame, const Origin& origin) {
  const Layers layers = [&] {
    Layers found;
    EXPECT_EQ(parse::parse(frame, {}, found), spec::DropReason::none);
    return found;
  }();
  const uint32_t at = layers.l2_length + (layers.l3 == L3::kIpv6 ? 8u : 12u);
  const uint32_t octets = layers.l3 == L3::kIpv6 ? 32 : 8;
  Named named{{uint8_t(origin.owner)}, {}, layers.fragment, frame};
  named.pair.insert(named.pair.end(), &frame[at], &frame[at] + octets);
  if (layers.l4 == L4::kTcp && !layers.fragment) {
    named.flow = named.pair;
    named.flow.push_back(static_cast<uint8_t>(origin.flow));
    named.flow.insert(named.flow.end(), &frame[layers.l4_offset], &frame[layers.l4_offset] + 4);
  }
  return named;
}

// The frames of each flow, the fragments between its hosts among them.
std::map<Name, std::vector<Bytes>> by_flow(const std::vector<Named>& all) {
  std::map<Name, std::vector<Bytes>> flows;
  std::map<Name, std::vector<Name>> flows_of_pair;
  for (const Named& named : all) {
    if (named.flow.empty() || !flows[named.flow].empty()) continue;
    flows[named.flow].push_back({});
    flows_of_pair[named.pair].push_back(named.flow);
  }
  for (auto& [name, frames] : flows) frames.clear();
  for (const Named& named : all) {
    if (!named.flow.empty()) flows[named.flow].push_back(named.frame);
    if (!named.fragment) continue;
    for (const Name& flow : flows_of_pair[named.pair]) flows[flow].push_back(named.frame);
  }
  return flows;
}

// Interleaved bursts of the senders' frames, some of them lost, repeated or late.
std::vector<Sent> traffic(std::mt19937& random, unsigned senders, unsigned frames) {
  std::vector<Sender> all;
  for (unsigned i = 0; i < senders; ++i) all.emplace_back(random, static_cast<uint16_t>(i));
  std::vector<Sent> sent;
  while (sent.size() < frames) {
    Sender& sender = all[random() % senders];
    for (unsigned burst = 1 + random() % 12; burst > 0; --burst) {
      Sent next = sender.next();
      if (random() % 60 == 0) continue;
      if (random() % 60 == 0) sent.push_back(next);
      sent.push_back(std::move(next));
    }
  }
  for (size_t i = 0; i + 8 < sent.size(); ++i) {
    if (random() % 60 == 0) std::swap(sent[i], sent[i + 1 + random() % 7]);
  }
  return sent;
}

void round_trip(uint32_t seed, Counters& counters) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Limits limits;
  if (random() % 2 == 0) limits.hold_ns = 1 + random() % 200;
  if (random() % 3 == 0) limits.flows = 1 + random() % 20;
  if (random() % 3 == 0) limits.frames = 1 + random() % 60;
  if (random() % 3 == 0) limits.chain.segments = 1 + random() % 30;
  if (random() % 3 == 0) limits.chain.datagram = random() % 20'000;
  PacketPool::Limits pool{.small_count = 4096, .large_count = 8};
  if (random() % 4 == 0) pool.large_count = 0;
  if (random() % 4 == 0) pool.small_count = 64;
  Rig rig(limits, pool);

  const std::vector<Sent> sent = traffic(random, 1 + random() % 60, 600);
  std::vector<Named> in, out;
  int64_t now = 0;
  for (const Sent& each : sent) {
    in.push_back(named(each.frame, each.origin));
    rig.add(each.frame, each.origin, each.opaque, now);
    now += random() % 8;
    if (random() % 20 == 0) rig.coalescer.end_batch();
    if (random() % 4 == 0) rig.coalescer.tick(now);
  }
  rig.coalescer.flush();
  for (const Out& each : rig.kept.outs) {
    if (each.origin.largest != 0 && each.super()) {
      EXPECT_LE(each.frame.size(), each.origin.largest);
    }
    for (const Bytes& piece : each.pieces) out.push_back(named(piece, each.origin));
  }
  ASSERT_EQ(in.size(), out.size());
  const auto want = by_flow(in), got = by_flow(out);
  ASSERT_EQ(want.size(), got.size());
  for (const auto& [name, frames] : want) EXPECT_TRUE(got.at(name) == frames);
  const auto others = [](std::vector<Named> all) {
    std::multimap<Name, Bytes> rest;
    for (Named& named : all) {
      if (named.flow.empty() && !named.fragment) rest.emplace(named.pair, std::move(named.frame));
    }
    return rest;
  };
  EXPECT_TRUE(others(in) == others(out));

  const Counters& own = rig.coalescer.counters();
  counters.frames += own.frames;
  counters.super_frames += own.super_frames;
  for (size_t i = 0; i < kCauseCount; ++i) counters.causes[i] += own.causes[i];
}

TEST(CoalesceRoundTrip, CutAgainStreamsAreWhatTheyWere) {
  Counters counters;
  constexpr uint32_t kStreams = 60;
  for (uint32_t seed = 0; seed < kStreams && !::testing::Test::HasFailure(); ++seed)
    round_trip(seed, counters);
  // It was not by doing nothing: a third of the frames were merged, for and against each cause.
  EXPECT_GT(counters.frames, kStreams * 200);
  EXPECT_GT(counters.super_frames, kStreams * 20);
  for (size_t i = 0; i < kCauseCount; ++i) EXPECT_GT(counters.causes[i], 0u) << kCauses[i].name;
}

}  // namespace
}  // namespace gatehouse::coalesce
