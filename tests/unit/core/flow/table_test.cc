// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/flow/table.hh"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>
#include <random>
#include <set>

#include "hw/core/base/flow_key.hh"

namespace gatehouse::test {
namespace {

using flow::Table;
using flow::Tick;
constexpr auto kOut = FlowDirection::kOut, kIn = FlowDirection::kIn;

struct State {
  uint64_t value;
};

FlowKey key_of(uint32_t n, uint16_t owner = 0) {
  FlowKey key;
  for (int i = 0; i < 4; ++i) key.local[size_t(i)] = uint8_t(n >> (8 * i));
  key.remote = {10, 0, 0, 1};
  key.local_port = uint16_t(n * 7);
  key.remote_port = 443;
  key.owner = owner;
  key.protocol = 6;
  return key;
}

uint32_t insert(Table& table, const FlowKey& key, Tick deadline, FlowDirection direction = kOut) {
  return table.insert(key, table.hash(key), direction, deadline);
}

TEST(FlowTable, FindsWhatItWasGivenAndNothingElse) {
  Table table(100, 4, 1);
  const uint32_t number = insert(table, key_of(1), 50);
  ASSERT_NE(number, Table::kNone);
  EXPECT_EQ(table.state<State>(number).value, 0u);
  table.state<State>(number).value = 7;
  EXPECT_EQ(table.find(key_of(1), 10), number);
  EXPECT_EQ(table.state<State>(table.find(key_of(1), 10)).value, 7u);
  EXPECT_EQ(table.find(key_of(1, 1), 10), Table::kNone) << "another owner";
  EXPECT_EQ(table.find(key_of(2), 10), Table::kNone);
  FlowKey other = key_of(1);
  other.remote_asks = true;
  EXPECT_EQ(table.find(other, 10), Table::kNone);
  table.remove(number);
  EXPECT_EQ(table.find(key_of(1), 10), Table::kNone);
  EXPECT_EQ(table.size(), 0u);
}

TEST(FlowTable, ForgetsAtTheDeadlineWhetherTheHandWasThereOrNot) {
  Table table(100, 1, 1);
  table.age(1, 100);
  insert(table, key_of(1), 20);
  EXPECT_NE(table.find(key_of(1), 19), Table::kNone);
  EXPECT_EQ(table.find(key_of(1), 20), Table::kNone);
  EXPECT_EQ(table.size(), 0u);
  insert(table, key_of(1), 40);
  table.set_deadline(table.find(key_of(1), 30), 60);
  table.age(59, 1000);
  EXPECT_EQ(table.size(), 1u) << "was hooked earlier, and looked at in vain";
  table.age(60, 1000);
  EXPECT_EQ(table.size(), 0u);
  // A deadline that comes nearer.
  insert(table, key_of(2), 5000);
  table.set_deadline(table.find(key_of(2), 61), 70);
  table.age(70, 1000);
  EXPECT_EQ(table.size(), 0u);
}

TEST(FlowTable, DeadlinesBeyondTheWheelAndAClockThatJumps) {
  Table table(100, 1, 1);
  table.age(100, 10);
  insert(table, key_of(1), 100 + 10 * Table::kSlots);
  for (Tick now = 100; now < 100 + 10 * Table::kSlots; now += 500) table.age(now, 10'000);
  EXPECT_EQ(table.size(), 1u);
  table.age(100 + 10 * Table::kSlots, 10'000);
  EXPECT_EQ(table.size(), 0u);
  insert(table, key_of(2), 30'000);
  table.age(1'000'000, 10'000);  // a long pause
  EXPECT_EQ(table.size(), 0u);
  insert(table, key_of(3), 1'000'010);
  table.age(5, 10'000);  // back, as after an older snapshot
  EXPECT_EQ(table.size(), 1u);
  // The clock of ticks wraps after 36 years.
  table.clear();
  table.age(0xfffffff0, 10);
  insert(table, key_of(4), 0x10);
  table.age(0xffffffff, 1000);
  EXPECT_NE(table.find(key_of(4), 0xffffffff), Table::kNone);
  table.age(0x10, 1000);
  EXPECT_EQ(table.size(), 0u);
}

TEST(FlowTable, AgesInSmallSteps) {
  Table table(10'000, 1, 1);
  table.age(1, 1);
  for (uint32_t i = 0; i < 10'000; ++i) insert(table, key_of(i), 10);
  table.age(20, 64);
  EXPECT_GE(table.size(), 10'000u - 64);
  EXPECT_LT(table.size(), 10'000u);
  unsigned calls = 0;
  while (table.size() != 0 && calls < 1000) table.age(20, 64), ++calls;
  EXPECT_LE(calls, 10'000u / 64 + 2);
}

TEST(FlowTable, KeepsThoseThatWaitInOrderOfArrival) {
  Table table(10, 2, 1);
  const uint32_t a = insert(table, key_of(1), 50), b = insert(table, key_of(2), 50),
                 c = insert(table, key_of(3), 50), in = insert(table, key_of(4), 50, kIn),
                 other = insert(table, key_of(5, 1), 50);
  EXPECT_EQ(table.waiting(0, kOut), 3u);
  EXPECT_EQ(table.waiting(0, kIn), 1u);
  EXPECT_EQ(table.waiting(1, kOut), 1u);
  EXPECT_EQ(table.oldest_waiting(0, kOut), a);
  EXPECT_EQ(table.oldest_waiting(0, kIn), in);
  EXPECT_EQ(table.oldest_waiting(1, kOut), other);
  EXPECT_EQ(table.oldest_waiting(1, kIn), Table::kNone);
  table.settle(a);
  EXPECT_FALSE(table.waits(a));
  EXPECT_EQ(table.oldest_waiting(0, kOut), b);
  table.settle(a);
  EXPECT_EQ(table.waiting(0, kOut), 2u) << "once";
  table.remove(b);
  EXPECT_EQ(table.oldest_waiting(0, kOut), c);
  table.remove(c);
  EXPECT_EQ(table.oldest_waiting(0, kOut), Table::kNone);
  EXPECT_EQ(table.size(0), 2u);
  table.remove_owners(Table::Owners{1});
  EXPECT_EQ(table.size(0), 0u);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.waiting(0, kIn), 0u);
}

TEST(FlowTable, GivesWhatHasBeenSilentLongest) {
  Table table(20, 2, 1);
  const auto yielding = [&](uint32_t n, FlowDirection direction = kOut) {
    const uint32_t number = insert(table, key_of(n), 50, direction);
    table.yield(number, direction);
    EXPECT_FALSE(table.waits(number));
    return number;
  };
  EXPECT_EQ(table.oldest_yielding(0, kOut), Table::kNone);
  const uint32_t a = yielding(1), b = yielding(2), c = yielding(3), in = yielding(4, kIn);
  EXPECT_EQ(table.waiting(0, kOut), 0u);
  EXPECT_EQ(table.yielding(0, kOut), 3u);
  EXPECT_EQ(table.yielding(0, kIn), 1u);
  EXPECT_EQ(table.oldest_waiting(0, kOut), Table::kNone);
  EXPECT_EQ(table.oldest_yielding(0, kOut), a);
  EXPECT_EQ(table.oldest_yielding(0, kIn), in);
  EXPECT_EQ(table.oldest_yielding(1, kOut), Table::kNone);
  table.yield(a, kOut);
  EXPECT_EQ(table.oldest_yielding(0, kOut), a) << "it has its place already";
  table.set_deadline(a, 60);
  EXPECT_EQ(table.oldest_yielding(0, kOut), b) << "the first was in use";
  table.settle(b);
  EXPECT_EQ(table.oldest_yielding(0, kOut), c);
  table.yield(b, kOut);
  table.remove(c);
  EXPECT_EQ(table.oldest_yielding(0, kOut), a);
  for (const uint32_t number : {a, b}) table.set_deadline(number, 70);
  EXPECT_EQ(table.oldest_yielding(0, kOut), a) << "all were";
  table.remove_owners(Table::Owners{1});
  EXPECT_EQ(table.yielding(0, kOut), 0u);
  EXPECT_EQ(table.yielding(0, kIn), 0u);
  // So many are passed over, and no more.
  for (uint32_t n = 1; n <= Table::kChances + 1; ++n) table.set_deadline(yielding(n), 60);
  const uint32_t last = table.oldest_yielding(0, kOut);
  EXPECT_TRUE(table.key(last) == key_of(Table::kChances + 1));
}

TEST(FlowTable, KnowsWhoHoldsMost) {
  Table table(20, 4, 1);
  EXPECT_EQ(table.richest(), Table::kNone);
  uint32_t number = insert(table, key_of(1, 1), 50);
  EXPECT_EQ(table.richest(), 1u);
  for (uint32_t n = 2; n <= 4; ++n) insert(table, key_of(n, 2), 50, kIn);
  EXPECT_EQ(table.richest(), 2u);
  for (uint32_t n = 5; n <= 10; ++n) table.settle(insert(table, key_of(n, 3), 50));
  EXPECT_EQ(table.richest(), 2u) << "the other has none to give";
  table.yield(table.find(key_of(10, 3), 1), kOut);
  EXPECT_EQ(table.richest(), 3u);
  table.remove_owners(Table::Owners{1 << 2 | 1 << 3});
  table.settle(number);
  EXPECT_EQ(table.richest(), Table::kNone);
}

TEST(FlowTable, ASmallerOneTakesWhatMattersMost) {
  Table before(20, 2, 1);
  before.age(1, 1);
  // In an order that is none: waiting, over, yielding, settled.
  for (uint32_t n = 0; n < 12; ++n) {
    const uint32_t number = insert(before, key_of(n, uint16_t(n % 2)), n % 4 == 1 ? 10 : 50, kIn);
    before.state<State>(number).value = n;
    if (n % 4 == 2) before.yield(number, kIn);
    if (n % 4 == 3) before.settle(number);
  }
  before.remove(before.find(key_of(0, 0), 2));
  EXPECT_NE(insert(before, key_of(12, 0), 50, kIn), Table::kNone) << "late, in the first place";
  Table after(8, 2, 2);
  after.age(20, 0);
  after.take_all(before, 20);
  EXPECT_EQ(after.size(), 8u);
  for (const uint32_t n : {2u, 3u, 4u, 6u, 7u, 8u, 10u, 11u}) {
    const uint32_t number = after.find(key_of(n, uint16_t(n % 2)), 20);
    ASSERT_NE(number, Table::kNone) << n;
    EXPECT_EQ(after.state<State>(number).value, n);
    EXPECT_EQ(after.waits(number), n % 4 == 0);
  }
  EXPECT_EQ(after.waiting(0, kIn), 2u);
  EXPECT_TRUE(after.key(after.oldest_waiting(0, kIn)) == key_of(4, 0));
  EXPECT_EQ(after.yielding(0, kIn), 3u);
  EXPECT_TRUE(after.key(after.oldest_yielding(0, kIn)) == key_of(2, 0));
}

// An address that makes one factor of the hash zero would hide the other, and the seed with it.
TEST(FlowTable, NoKeySilencesTheSeed) {
  const auto with = [](uint64_t local1, uint64_t remote0, uint64_t other) {
    FlowKeyWords words;
    words.local[0] = words.remote[1] = other;
    words.local[1] = local1;
    words.remote[0] = remote0;
    words.rest = uint64_t{1} << 56 | uint64_t{6} << 48 | 443;
    return words;
  };
  constexpr uint64_t kConstants[] = {0,
                                     0x243f6a8885a308d3,
                                     0x13198a2e03707345,
                                     0xa4093822299f31d1,
                                     0x082efa98ec4e6c89,
                                     0x452821e638d01377};
  for (const uint64_t local1 : kConstants) {
    for (const uint64_t remote0 : kConstants) {
      std::set<uint32_t> hashes;
      for (uint64_t seed = 0; seed < 10; ++seed) {
        const Table table(1, 1, seed);
        for (uint64_t other = 0; other < 10; ++other)
          hashes.insert(table.hash(with(local1, remote0, other)));
      }
      EXPECT_GT(hashes.size(), 95u) << std::hex << local1 << " " << remote0;
    }
  }
}

TEST(FlowTable, IsBounded) {
  Table table(1000, 1, 1);
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_NE(insert(table, key_of(i), 50), Table::kNone) << i;
  EXPECT_EQ(insert(table, key_of(1000), 50), Table::kNone);
  table.remove(table.find(key_of(7), 1));
  EXPECT_NE(insert(table, key_of(1000), 50), Table::kNone);
  EXPECT_EQ(table.size(), 1000u);
  EXPECT_LT(Table(1 << 20, 256, 1).reserved_octets(), size_t{160} << 20);
}

// Nobody with the seed can make a question look at more than kChain buckets.
TEST(FlowTable, RefusesMoreKeysOfOneHashThanAChainHolds) {
  Table table(1000, 1, 1);
  uint32_t taken = 0;
  for (uint32_t i = 0; i < 200; ++i) {
    taken += table.insert(key_of(i), 0x12345678, kOut, 50) != Table::kNone;
  }
  EXPECT_EQ(taken, 7 * Table::kChain);
  EXPECT_EQ(table.size(), taken);
  // Growing keeps them findable, and they can go. Their true hash is another one: by hand.
  for (uint32_t i = 1000; i < 1500; ++i) insert(table, key_of(i), 50);
  for (uint32_t i = 0; i < taken; ++i)
    EXPECT_NE(table.find(key_of(i), 0x12345678, 1), Table::kNone);
}

TEST(FlowTable, GrowsByOneBucketPerInsertion) {
  Table table(100'000, 1, 3);
  for (uint32_t i = 0; i < 100'000; ++i) {
    const uint32_t before = table.buckets();
    ASSERT_NE(insert(table, key_of(i), 50), Table::kNone) << i;
    ASSERT_LE(table.buckets(), before + 1);
    if (i % 5003 == 0) {
      for (uint32_t j = 0; j <= i; j += 1 + i / 50) {
        ASSERT_NE(table.find(key_of(j), 1), Table::kNone) << j << " of " << i;
      }
    }
  }
  EXPECT_GT(table.buckets(), 33'000u);
}

TEST(FlowTable, AGuessIsRightOrOfNoUse) {
  Table table(1000, 1, 9);
  for (uint32_t i = 0; i < 64; i += 2) insert(table, key_of(i), 50);
  for (uint32_t i = 0; i < 64; ++i) {
    const uint32_t hash = table.announce(key_of(i));
    EXPECT_EQ(hash, table.hash(key_of(i)));
    const uint32_t guess = table.approach(hash);
    EXPECT_EQ(guess != Table::kNone, i % 2 == 0);
    EXPECT_EQ(table.find(key_of(i), hash, guess, 1), guess);
    EXPECT_EQ(table.find(key_of(i), hash, guess, 1), table.find(key_of(i), hash, 1));
  }
  // Gone, and its place taken by another; come in between; expired.
  const uint32_t hash = table.announce(key_of(2)), guess = table.approach(hash);
  table.remove(guess);
  EXPECT_EQ(table.find(key_of(2), hash, guess, 1), Table::kNone);
  EXPECT_EQ(insert(table, key_of(3), 50), guess);
  EXPECT_EQ(table.find(key_of(2), hash, guess, 1), Table::kNone);
  EXPECT_EQ(table.find(key_of(3), table.hash(key_of(3)), Table::kNone, 1), guess);
  EXPECT_EQ(table.find(key_of(4), table.hash(key_of(4)), table.find(key_of(4), 1), 50),
            Table::kNone);
}

// Random work against a map, with growth, deaths, deadlines that move, and a hand that lags behind.
TEST(FlowTable, DoesWhatAMapDoes) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    std::mt19937 random(seed);
    constexpr uint16_t kOwners = 3;
    Table table(600, kOwners, seed);
    struct Model {
      Tick deadline;
      bool waits;
      FlowDirection direction;
      uint64_t value;
      bool yields = false;
    };
    std::map<std::pair<uint32_t, uint16_t>, Model> model;
    Tick now = 1000 * seed;
    table.age(now, 1);
    for (int step = 0; step < 60'000; ++step) {
      const auto id = std::pair(uint32_t(random() % 900), uint16_t(random() % kOwners));
      const FlowKey key = key_of(id.first, id.second);
      if (random() % 8 == 0) now += random() % 100 == 0 ? random() % 5000 : random() % 3;
      std::erase_if(model,
                    [&](const auto& row) { return int32_t(row.second.deadline - now) <= 0; });
      const uint32_t found = table.find(key, now);
      const auto expected = model.find(id);
      ASSERT_EQ(found != Table::kNone, expected != model.end()) << step;
      if (found != Table::kNone) {
        ASSERT_EQ(table.state<State>(found).value, expected->second.value);
        ASSERT_EQ(table.waits(found), expected->second.waits);
      }
      switch (random() % 6) {
        case 0:
        case 1:
          if (found == Table::kNone) {
            const Tick deadline = now + 1 + random() % (random() % 4 == 0 ? 9000 : 40);
            const FlowDirection direction = random() % 2 ? kOut : kIn;
            const uint32_t made = insert(table, key, deadline, direction);
            // Expired ones may still stand there.
            if (made == Table::kNone) {
              ASSERT_EQ(table.size(), 600u);
              while (table.size() > model.size()) table.age(now, 100);
            } else {
              table.state<State>(made).value = uint64_t(step);
              model[id] = {deadline, true, direction, uint64_t(step)};
            }
          }
          break;
        case 2:
          if (found != Table::kNone && random() % 2) {
            table.remove(found);
            model.erase(id);
          }
          break;
        case 3:
          if (found != Table::kNone) {
            const Tick deadline = now + 1 + random() % 3000;
            table.set_deadline(found, deadline);
            model[id].deadline = deadline;
          }
          break;
        case 4:
          if (found != Table::kNone) {
            Model& row = model[id];
            row.waits = false;
            row.yields = random() % 2;
            if (row.yields) {
              table.yield(found, row.direction);
            } else {
              table.settle(found);
            }
          }
          break;
        case 5:
          table.age(now, random() % 20);
          break;
      }
      ASSERT_GE(table.size(), model.size());
    }
    while (table.size() > model.size()) table.age(now, 1000);
    uint32_t waiting[kOwners][2] = {}, yielding[kOwners][2] = {}, each = 0;
    for (const auto& [id, row] : model) {
      waiting[id.second][size_t(row.direction)] += row.waits;
      yielding[id.second][size_t(row.direction)] += row.yields;
    }
    table.each([&](uint32_t) { ++each; });
    EXPECT_EQ(each, model.size());
    for (uint16_t owner = 0; owner < kOwners; ++owner) {
      EXPECT_EQ(table.waiting(owner, kOut), waiting[owner][0]);
      EXPECT_EQ(table.waiting(owner, kIn), waiting[owner][1]);
      EXPECT_EQ(table.yielding(owner, kOut), yielding[owner][0]);
      EXPECT_EQ(table.yielding(owner, kIn), yielding[owner][1]);
    }
  }
}

// A page of 2 MiB takes milliseconds to be cleared, in the middle of a batch.
TEST(FlowTable, TakesMemoryInSmallPages) {
  rusage before, after;
  Table table(1'000'000, 1, 3);
  getrusage(RUSAGE_SELF, &before);
  for (uint32_t i = 0; i < 40'000; ++i) ASSERT_NE(insert(table, key_of(i), 50), Table::kNone);
  getrusage(RUSAGE_SELF, &after);
  // 5 MB of entries alone: a fault each for 1250 pages of 4 KiB, or for three large ones.
  EXPECT_GT(after.ru_minflt - before.ru_minflt, 1000);
}

}  // namespace
}  // namespace gatehouse::test
