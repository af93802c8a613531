// SPDX-License-Identifier: GPL-2.0-or-later
// Random interleavings of frames, time, changes of rules and snapshots against a model that keeps
// its connections in a map and knows no table, wheel or batch.
#include "hw/core/pipeline/guard.hh"

#include <gtest/gtest.h>

#include <list>
#include <map>
#include <random>
#include <tuple>

#include "hw/core/base/archive.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using pipeline::Guard;
using pipeline::Watch;
using spec::DropReason;
constexpr auto kOut = FlowDirection::kOut, kIn = FlowDirection::kIn;

struct Shot {
  unsigned vnic;
  FlowDirection direction;
  uint8_t protocol;  // UDP, or 47
  uint8_t remote;    // 10.0.1.x
  uint16_t local_port, remote_port;
};
using Name = std::tuple<unsigned, uint8_t, uint8_t, uint16_t, uint16_t>;
Name name_of(const Shot& shot) {
  return {shot.vnic, shot.protocol, shot.remote, shot.local_port, shot.remote_port};
}

Bytes frame_of(const Shot& shot) {
  const bool out = shot.direction == kOut;
  const std::string remote = "10.0.1." + std::to_string(shot.remote), local = "10.0.0.1";
  Frame frame;
  frame.ethernet().ipv4({.source = out ? local : remote,
                         .destination = out ? remote : local,
                         .protocol = shot.protocol});
  if (shot.protocol != 17) return frame.payload(20).build();
  return frame
      .udp({.source = out ? shot.local_port : shot.remote_port,
            .destination = out ? shot.remote_port : shot.local_port})
      .build();
}

// A rule set in words that the model understands: inward to port `port` from remotes up to
// `highest`; outward but to port `closed`.
struct Simple {
  uint16_t port;
  uint8_t highest;
  uint16_t closed;
  bool allows(const Shot& first, FlowDirection began) const {
    if (began == kOut) return !(first.protocol == 17 && first.remote_port == closed);
    return first.protocol == 17 && first.local_port == port && first.remote <= highest;
  }
  Watch watch(uint32_t connections, uint32_t half_open) const {
    policy::Firewall firewall;
    policy::Rule in{.protocol = 17, .ports = {{port, port}}};
    for (unsigned i = 0; i <= highest; ++i)
      in.remote.push_back(*parse_prefix("10.0.1." + std::to_string(i) + "/32"));
    firewall.rules = {
        in, {.inward = false, .allow = false, .protocol = 17, .ports = {{closed, closed}}}};
    return {firewall::RuleSet(firewall, {}), connections, half_open};
  }
};

struct Model {
  struct Connection {
    Name name;
    Shot first;
    bool answered = false, used = false;  // since it was answered
    unsigned turn = 0;                    // of those that were answered
    flow::Tick deadline = 0;
    unsigned epoch = 0;
  };
  uint32_t limit, half_open, room;
  Simple rules{};
  unsigned epoch = 0, turns = 0, evicted = 0;
  std::list<Connection> connections;  // in order of arrival

  void expire(flow::Tick now) {
    connections.remove_if([&](const Connection& c) { return int32_t(c.deadline - now) <= 0; });
  }
  static flow::Tick life(const Shot& shot, bool answered) {
    const uint32_t seconds = shot.protocol == 17 ? (answered ? 180 : 30) : (answered ? 600 : 60);
    return flow::ticks_of_seconds(seconds);
  }
  uint32_t of(unsigned vnic) const {
    uint32_t count = 0;
    for (const Connection& c : connections) count += c.first.vnic == vnic;
    return count;
  }

  using Found = std::list<Connection>::iterator;
  uint32_t listed(unsigned vnic, FlowDirection direction, bool answered) const {
    uint32_t count = 0;
    for (const Connection& c : connections)
      count += c.first.vnic == vnic && c.first.direction == direction && c.answered == answered;
    return count;
  }
  // The oldest of a list, of which there is one.
  Found first(unsigned vnic, FlowDirection direction, bool answered) {
    Found found = connections.end();
    for (Found c = connections.begin(); c != connections.end(); ++c) {
      const bool fits =
          c->first.vnic == vnic && c->first.direction == direction && c->answered == answered;
      if (fits && (found == connections.end() || (answered && c->turn < found->turn))) found = c;
    }
    return found;
  }
  Found one_to_spare(unsigned vnic, FlowDirection direction) {
    const FlowDirection other = opposite(direction);
    const uint32_t waiting = listed(vnic, direction, false), asked = listed(vnic, other, false);
    const uint32_t same = listed(vnic, direction, true), back = listed(vnic, other, true);
    if (waiting >= std::max({asked, same, back})) return first(vnic, direction, false);
    if (asked > std::max(same, back)) return first(vnic, other, false);
    const FlowDirection from = same >= back ? direction : other;
    for (unsigned chances = 0;; ++chances) {
      const Found found = first(vnic, from, true);
      if (!found->used || chances == flow::Table::kChances) return found;
      found->used = false;
      found->turn = ++turns;
    }
  }
  Found one_of_the_richest(unsigned vnic, FlowDirection direction) {
    unsigned richest = vnic;
    for (unsigned other = 0; other < 3; ++other)
      if (of(other) > of(richest)) richest = other;
    return one_to_spare(richest, direction);
  }

  DropReason check(const Shot& shot, flow::Tick now) {
    expire(now);
    for (auto c = connections.begin(); c != connections.end(); ++c) {
      if (c->name != name_of(shot)) continue;
      if (c->epoch != epoch && !rules.allows(shot, c->first.direction)) {
        connections.erase(c);
        return DropReason::firewall_denied;
      }
      c->epoch = epoch;
      c->used = true;
      if (!c->answered && shot.direction != c->first.direction) {
        c->answered = true, c->used = false, c->turn = ++turns;
      }
      c->deadline = now + life(shot, c->answered);
      return DropReason::none;
    }
    if (!rules.allows(shot, shot.direction)) return DropReason::firewall_denied;
    const bool at_limit = of(shot.vnic) >= limit, full = connections.size() >= room;
    if (listed(shot.vnic, shot.direction, false) > half_open) {
      connections.erase(first(shot.vnic, shot.direction, false));
      ++evicted;
    }
    const bool half = listed(shot.vnic, shot.direction, false) >= half_open;
    if (at_limit || half || full) {
      const Found gives = half       ? first(shot.vnic, shot.direction, false)
                          : at_limit ? one_to_spare(shot.vnic, shot.direction)
                                     : one_of_the_richest(shot.vnic, shot.direction);
      if (gives == connections.end())
        return at_limit ? DropReason::firewall_limit : DropReason::flow_table_full;
      connections.erase(gives);
      ++evicted;
    }
    connections.push_back({.name = name_of(shot),
                           .first = shot,
                           .deadline = now + life(shot, false),
                           .epoch = epoch});
    return DropReason::none;
  }
};

struct Shape {
  const char* name;
  uint32_t limit, half_open, room;
  bool snapshots;
};

class GuardModel : public testing::TestWithParam<Shape> {};

TEST_P(GuardModel, AgreesWithASimpleOne) {
  const Shape shape = GetParam();
  constexpr unsigned kVnics = 3;
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](unsigned n) { return unsigned(random() % n); };
    auto guard = std::make_unique<Guard>(seed);
    ASSERT_TRUE(guard->reserve(shape.room, kVnics));
    std::list<Watch> watches;
    Model model{shape.limit, shape.half_open, shape.room};
    const auto change = [&] {
      model.rules = {uint16_t(1 + draw(3)), uint8_t(draw(6)), uint16_t(1 + draw(3))};
      ++model.epoch;
      watches.push_back(model.rules.watch(shape.limit, shape.half_open));
      guard->rules_changed();
      for (unsigned vnic = 0; vnic < kVnics; ++vnic) guard->set(vnic, &watches.back());
    };
    change();
    PacketPool pool({.small_count = 4, .small_octets = 2304, .large_count = 1});
    Guard::Counters counters{};
    int64_t now = 1'000'000'000;
    std::map<DropReason, unsigned> seen;
    for (int step = 0; step < 2500; ++step) {
      if (draw(20) == 0) now += int64_t(draw(draw(8) == 0 ? 400 : 20)) * 1'000'000'000;
      // As many batches as catch up with the clock.
      for (int i = 0; i < 30; ++i) guard->begin_batch(now);
      if (draw(300) == 0) change();
      if (shape.snapshots && draw(200) == 0) {
        Archive saved;
        guard->archive(saved);
        auto next = std::make_unique<Guard>(seed + 1000);
        ASSERT_TRUE(next->reserve(shape.room, kVnics));
        for (unsigned vnic = 0; vnic < kVnics; ++vnic) next->set(vnic, &watches.back());
        Archive from(saved.bytes());
        next->archive(from);
        ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
        guard = std::move(next);
      }
      if (shape.snapshots && draw(400) == 0) {
        // One vnic leaves, and comes back with what it took along.
        const unsigned vnic = draw(kVnics);
        std::vector<pipeline::MovedConnection> moved;
        pipeline::MovedConnection page[3];
        for (uint32_t cursor = 0; cursor != pipeline::Pipeline::kNoMore;) {
          const size_t count = guard->export_connections(vnic, now, cursor, page);
          moved.insert(moved.end(), page, page + count);
        }
        guard->forget(Guard::Vnics{1u << vnic});
        ASSERT_EQ(guard->connections(vnic), 0u);
        ASSERT_EQ(guard->import_connections(vnic, now, moved).taken, moved.size());
      }
      // A batch, in which a frame may be of the same flow as the one before it.
      constexpr unsigned kMost = 4;
      Shot shots[kMost];
      Packet* packets[kMost];
      Guard::Ticket tickets[kMost];
      const unsigned count = 1 + draw(kMost);
      const bool ahead = draw(4) != 0;
      for (unsigned i = 0; i < count; ++i) {
        shots[i] = i != 0 && draw(2)
                       ? shots[i - 1]
                       : Shot{draw(kVnics),     draw(2) ? kOut : kIn,  uint8_t(draw(8) ? 17 : 47),
                              uint8_t(draw(6)), uint16_t(1 + draw(4)), uint16_t(1 + draw(4))};
        packets[i] = packet_of(pool, frame_of(shots[i]));
        ASSERT_EQ(parse::parse(*packets[i]), DropReason::none);
        if (ahead)
          guard->look_up(shots[i].vnic, *packets[i], shots[i].direction, tickets[i],
                         i != 0 ? &tickets[i - 1] : nullptr);
      }
      if (ahead) guard->approach({tickets, count});
      for (unsigned i = 0; i < count; ++i) {
        const Shot& shot = shots[i];
        const DropReason reason =
            ahead ? guard->check(shot.vnic, *packets[i], shot.direction, tickets[i], counters)
                  : guard->check(shot.vnic, *packets[i], shot.direction, counters);
        pool.give(packets[i]);
        Shot named = shot;
        if (shot.protocol != 17) named.local_port = named.remote_port = 0;
        const DropReason expected = model.check(named, flow::tick_of(now));
        ASSERT_EQ(reason, expected) << shape.name << " seed " << seed << " step " << step;
        ++seen[reason];
        for (unsigned vnic = 0; vnic < kVnics; ++vnic)
          ASSERT_EQ(guard->connections(vnic), model.of(vnic)) << step;
      }
    }
    EXPECT_GT(seen[DropReason::none], 1000u);
    EXPECT_GT(seen[DropReason::firewall_denied], 500u);
    EXPECT_EQ(counters[size_t(spec::VnicCounter::firewall_evicted)], model.evicted);
    EXPECT_EQ(model.evicted > 100, shape.limit < 10 || shape.room < 20 || shape.half_open < 3);
  }
}

// A saved state may say that it is any time: nothing lives longer than its state does for that.
TEST(Guard, BelievesNoClock) {
  constexpr int64_t kSecond = 1'000'000'000, kYear = 31'536'000 * kSecond;
  const Watch watch = Simple{1, 9, 1}.watch(100, 100);
  const Shot asks{0, kOut, 17, 1, 5, 6}, answers{0, kIn, 17, 1, 5, 6};
  PacketPool pool({.small_count = 4, .small_octets = 2304, .large_count = 1});
  Guard::Counters counters{};
  const auto check = [&](Guard& guard, const Shot& shot) {
    Packet* packet = packet_of(pool, frame_of(shot));
    EXPECT_EQ(parse::parse(*packet), DropReason::none);
    const DropReason reason = guard.check(0, *packet, shot.direction, counters);
    pool.give(packet);
    return reason;
  };
  for (const int64_t saved_at : {kSecond, 3 * kYear, 16 * kYear, 20 * kYear}) {
    Guard before(1);
    ASSERT_TRUE(before.reserve(100, 1));
    before.set(0, &watch);
    before.begin_batch(saved_at);
    EXPECT_EQ(check(before, asks), DropReason::none);
    Archive saved;
    before.archive(saved);
    for (const int64_t loaded_at : {kSecond, 4 * kYear}) {
      Guard guard(2);
      ASSERT_TRUE(guard.reserve(100, 1));
      guard.set(0, &watch);
      Archive from(saved.bytes());
      guard.archive(from);
      ASSERT_TRUE(from.ok() && from.at_end()) << from.error();
      EXPECT_EQ(guard.connections(), 1u);
      pipeline::MovedConnection moved[2];
      uint32_t cursor = 0;
      EXPECT_EQ(guard.export_connections(0, loaded_at, cursor, moved), 1u);
      EXPECT_LE(moved[0].left_ms, 31'000u);
      for (int i = 0; i < 30; ++i) guard.begin_batch(loaded_at);
      if (saved_at <= 16 * kYear) {
        EXPECT_EQ(guard.connections(), unsigned(loaded_at <= saved_at));
      }
      if (loaded_at == saved_at) {
        EXPECT_EQ(check(guard, answers), DropReason::none);
        continue;
      }
      for (int i = 0; i < 30; ++i) guard.begin_batch(loaded_at + 31 * kSecond);
      EXPECT_EQ(guard.connections(), 0u) << saved_at / kYear << " " << loaded_at / kYear;
      EXPECT_EQ(check(guard, asks), DropReason::none);
      for (int i = 0; i < 30; ++i) guard.begin_batch(loaded_at + 50 * kSecond);
      EXPECT_EQ(check(guard, answers), DropReason::none) << "and from there on time goes on";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GuardModel,
                         testing::Values(Shape{"limit", 8, 4, 1000, false},
                                         Shape{"room", 1000, 6, 14, false},
                                         Shape{"flood", 1000, 2, 1000, false},
                                         Shape{"snapshots", 1000, 1000, 1000, true}),
                         [](const auto& shape) { return shape.param.name; });

}  // namespace
}  // namespace gatehouse::test
