// SPDX-License-Identifier: GPL-2.0-or-later
// flow::Table against a map: what lives is found, what is over is not, and every count is right.
#include "hw/core/flow/table.hh"

#include <array>
#include <map>

#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {
namespace {

using flow::Table;
using flow::Tick;

constexpr uint16_t kOwners = 3;
constexpr uint32_t kKeys = 1024, kMostCapacity = 1100;

struct State {
  uint64_t value;
};

FlowKey key_of(uint32_t n) {
  FlowKey key;
  key.local = {10, 0, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)};
  key.remote_port = 443;
  key.protocol = 6;
  key.owner = static_cast<uint16_t>(n % kOwners);
  return key;
}

class Play {
 public:
  explicit Play(Input& input)
      : input_(input), table_(1 + input.below(kMostCapacity), kOwners, input.take()) {}

  void run() {
    table_.age(now_, 1);
    for (unsigned steps = 0; !input_.empty(); ++steps) {
      step();
      // Many take long.
      if (known_.size() < 64 || steps % 16 == 0) look();
    }
    look();
    table_.age(now_ + 1'000'000, 1'000'000);
    require(table_.size() == 0, "in the end all are gone");
  }

 private:
  struct Known {
    uint32_t number;
    Tick deadline;
    FlowDirection direction;
    bool waits, yields = false;
  };

  bool lives(const Known& known) const { return static_cast<int32_t>(known.deadline - now_) > 0; }
  uint32_t find(uint32_t n) {
    const FlowKey key = key_of(n);
    const uint32_t hash = table_.announce(key);
    return table_.find(key, hash, table_.approach(hash), now_);
  }

  void step() {
    const uint32_t n = input_.below(kKeys);
    const auto known = known_.find(n);
    const bool there = known != known_.end() && lives(known->second);
    switch (input_.below(14)) {
      case 0:
        if (there) {
          table_.remove(known->second.number);
          known_.erase(known);
        }
        break;
      case 1:
        if (there) {
          table_.settle(known->second.number);
          known->second.waits = known->second.yields = false;
        }
        break;
      case 2:
        if (there) {
          known->second.deadline = now_ + 1 + input_.below(6000);
          table_.set_deadline(known->second.number, known->second.deadline);
        }
        break;
      case 3:
        now_ += input_.below(3000);
        break;
      case 4:
        table_.age(now_, input_.below(300));
        break;
      case 5: {
        const uint16_t owner = static_cast<uint16_t>(n % kOwners);
        table_.remove_owners(flow::Table::Owners{1u << owner});
        std::erase_if(known_, [&](const auto& one) { return one.first % kOwners == owner; });
        break;
      }
      case 6:
        if (there) {
          table_.yield(known->second.number, static_cast<FlowDirection>(input_.below(2)));
          known->second.waits = false;
          known->second.yields = true;
        }
        break;
      case 7:
        for (uint32_t left = input_.below(256), i = n; left != 0; --left, i = (i + 1) % kKeys) {
          const auto one = known_.find(i);
          if (one == known_.end() || !lives(one->second)) insert(i);
        }
        break;
      case 8:
        make_room(static_cast<uint16_t>(n % kOwners));
        break;
      case 9:
        if (moves_++ < 4) move();
        break;
      default:
        if (!there) insert(n);
        break;
    }
  }

  void insert(uint32_t n) {
    require(find(n) == Table::kNone, "what is not there is not found");
    const auto direction = static_cast<FlowDirection>(input_.below(2));
    const Tick deadline = now_ + 1 + input_.below(6000);
    const FlowKey key = key_of(n);
    const uint32_t number = table_.insert(key, table_.hash(key), direction, deadline);
    known_.erase(n);
    if (number == Table::kNone) return;
    require(table_.state<State>(number).value == 0, "a new entry's state is zero");
    table_.state<State>(number).value = n;
    known_[n] = {number, deadline, direction, true};
  }

  // What a full table gives up first.
  void make_room(uint16_t owner) {
    const auto direction = static_cast<FlowDirection>(input_.below(2));
    const uint32_t oldest = table_.oldest_yielding(owner, direction);
    require((oldest == Table::kNone) == (table_.yielding(owner, direction) == 0),
            "one yields where any does");
    if (oldest != Table::kNone) {
      const FlowKey key = table_.key(oldest);
      require(key.owner == owner && !table_.waits(oldest), "its owner's");
      const uint32_t n = key.local[2] << 8 | key.local[3];
      const auto known = known_.find(n);
      require(known == known_.end() || !lives(known->second) || known->second.yields,
              "one that was let go");
      table_.remove(oldest);
      if (known != known_.end() && known->second.number == oldest) known_.erase(known);
    }
    const uint32_t richest = table_.richest();
    for (uint16_t other = 0; other < kOwners; ++other) {
      uint32_t may_go = 0;
      for (const auto each : {FlowDirection::kOut, FlowDirection::kIn})
        may_go += table_.waiting(other, each) + table_.yielding(other, each);
      if (may_go == 0) continue;
      require(richest != Table::kNone &&
                  table_.size(static_cast<uint16_t>(richest)) >= table_.size(other),
              "nobody has more");
    }
  }

  // Into another table, of another size and order.
  void move() {
    Table other(1 + input_.below(kMostCapacity), kOwners, input_.take());
    other.age(now_, 1);
    other.take_all(table_, now_);
    table_ = std::move(other);
    for (auto known = known_.begin(); known != known_.end();) {
      const uint32_t number = lives(known->second) ? find(known->first) : Table::kNone;
      known->second.number = number;
      known = number == Table::kNone ? known_.erase(known) : std::next(known);
    }
    require(known_.size() == table_.size(), "what lives, as far as there is room");
  }

  void look() {
    std::array<std::array<uint32_t, 2>, kOwners> waiting{};
    for (const auto& [n, known] : known_) {
      if (!lives(known)) continue;
      require(find(n) == known.number, "what lives is found");
      require(table_.state<State>(known.number).value == n, "with its own state");
      require(table_.key(known.number) == key_of(n), "and its own key");
      require(table_.waits(known.number) == known.waits, "it waits until it is settled");
      if (known.waits) ++waiting[n % kOwners][static_cast<size_t>(known.direction)];
    }
    uint32_t visited = 0, owned = 0;
    table_.each([&](uint32_t) { ++visited; });
    require(visited == table_.size() && visited <= table_.capacity(), "the size is right");
    for (uint16_t owner = 0; owner < kOwners; ++owner) {
      owned += table_.size(owner);
      for (const auto direction : {FlowDirection::kOut, FlowDirection::kIn}) {
        // Those that are over but have not been reached count as well.
        require(table_.waiting(owner, direction) >= waiting[owner][static_cast<size_t>(direction)],
                "those that wait are counted");
        const uint32_t oldest = table_.oldest_waiting(owner, direction);
        require((oldest == Table::kNone) == (table_.waiting(owner, direction) == 0),
                "one waits longest where any waits");
        if (oldest != Table::kNone)
          require(table_.key(oldest).owner == owner && table_.waits(oldest), "and is its owner's");
      }
    }
    require(owned == table_.size(), "every entry has one owner");
  }

  Input& input_;
  Table table_;
  std::map<uint32_t, Known> known_;
  Tick now_ = 1000;
  unsigned moves_ = 0;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
