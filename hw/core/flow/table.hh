// SPDX-License-Identifier: GPL-2.0-or-later
// Connections by their key: up to a number that is fixed when the table is made, each with 64
// octets that belong to the user. A number names an entry while it lives.
//
// Memory is reserved once, and touched as entries come; nothing is taken from the heap later. The
// index grows by one bucket at a time (linear hashing): no insertion waits for a whole table to be
// rebuilt. Entries leave by age: the hand of a wheel of time slots moves on a little with each
// batch. What has not been reached yet is nevertheless gone for find().
#ifndef GATEHOUSE_HW_CORE_FLOW_TABLE_HH_
#define GATEHOUSE_HW_CORE_FLOW_TABLE_HH_

#include <algorithm>
#include <bit>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "hw/core/base/flow_key.hh"
#include "hw/core/base/large_pages.hh"

namespace gatehouse::flow {

// The virtual clock in steps of 268 ms; compared modulo 2^32.
using Tick = uint32_t;
inline constexpr unsigned kTickShift = 28;
constexpr Tick tick_of(int64_t now_ns) { return static_cast<Tick>(now_ns >> kTickShift); }
// Rounded up: nothing lives shorter than it should.
constexpr Tick ticks_of_seconds(uint32_t seconds) {
  return static_cast<Tick>((uint64_t{seconds} * 1'000'000'000 >> kTickShift) + 1);
}
// What is left to live, for people: there and back again it is the same.
constexpr uint32_t milliseconds_of(Tick ticks) {
  return static_cast<uint32_t>(
      std::min<uint64_t>((uint64_t{ticks} << kTickShift) / 1'000'000, 0xffffffff));
}
constexpr Tick ticks_of_milliseconds(uint32_t milliseconds) {
  constexpr uint64_t kTick = uint64_t{1} << kTickShift;
  return static_cast<Tick>((uint64_t{milliseconds} * 1'000'000 + kTick - 1) >> kTickShift);
}

// A GNU extension, which -Wpedantic wants to be told.
__extension__ typedef unsigned __int128 Product;
inline uint64_t mix(uint64_t a, uint64_t b) {
  const Product product = static_cast<Product>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

class Table {
 public:
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr size_t kStateOctets = 64;
  static constexpr uint32_t kMaxCapacity = 1u << 26;
  // Buckets that follow one another for one hash value: more entries there are refused, so that
  // nobody makes the card search.
  static constexpr unsigned kChain = 4;
  // An entry that is hooked further away than this is looked at once in between.
  static constexpr Tick kSlots = 2048;
  // Entries that a question for one that yields passes over because they were in use.
  static constexpr unsigned kChances = 8;

  // Owners are 0 ... owners - 1, at most kMaxOwners. `seed`: makes it unpredictable which keys
  // share a bucket.
  Table(uint32_t capacity, uint32_t owners, uint64_t seed);
  // False: the system had no memory for so many, and nothing else may be called.
  bool has_memory() const { return entries_ && buckets_; }

  // For a batch: announce() each key, then approach() each hash, then find() each: memory is asked
  // ahead for the bucket, then for the entry. approach() answers a guess, which find() holds
  // against the key: whatever happened in between, it is right or of no use.
  uint32_t announce(const FlowKeyWords& key) const {
    const uint32_t value = hash(key);
    __builtin_prefetch(&buckets_[home(value)]);
    return value;
  }
  uint32_t announce(const FlowKey& key) const { return announce(FlowKeyWords::of(key)); }
  uint32_t approach(uint32_t hash) const {
    const Bucket& bucket = buckets_[home(hash)];
    const uint32_t bits = bucket.matches(hash);
    if (bits == 0) return kNone;
    const uint32_t number = bucket.numbers[std::countr_zero(bits)];
    __builtin_prefetch(&entries_[number], 1);
    __builtin_prefetch(entries_[number].state, 1);
    return number;
  }
  uint32_t hash(const FlowKeyWords& key) const {
    // A factor that is zero silences the other one. Nobody knows which address makes it so, and no
    // `rest` does: its highest octet is small.
    const uint64_t addresses = mix(key.local[0] ^ seeds_[0], key.remote[0] ^ seeds_[1]) ^
                               mix(key.local[1] ^ seeds_[2], key.remote[1] ^ seeds_[3]);
    const uint64_t all = mix(addresses ^ seeds_[0], key.rest ^ 0x452821e638d01377);
    return static_cast<uint32_t>(all ^ all >> 32);
  }
  uint32_t hash(const FlowKey& key) const { return hash(FlowKeyWords::of(key)); }

  // kNone: not there, or its time is over.
  uint32_t find(const FlowKey& key, uint32_t hash, Tick now);
  uint32_t find(const FlowKey& key, Tick now) { return find(key, hash(key), now); }
  uint32_t find(const FlowKey& key, uint32_t hash, uint32_t guess, Tick now) {
    if (guess == kNone) return find(key, hash, now);
    const Entry& entry = entries_[guess];
    const bool right = entry.standing != kFree && static_cast<int32_t>(entry.deadline - now) > 0 &&
                       entry.key == key;
    return right ? guess : find(key, hash, now);
  }

  // A new entry, which waits for an answer: it is the last of those that its owner has with this
  // `direction`. Its state is zero. kNone: no room. The key is not there.
  uint32_t insert(const FlowKey& key, uint32_t hash, FlowDirection direction, Tick deadline);
  void remove(uint32_t number);
  static constexpr size_t kMaxOwners = 256;
  using Owners = std::bitset<kMaxOwners>;
  // Looks at every entry: not for the packet path.
  void remove_owners(const Owners& owners);
  void remove_owners(unsigned owner) = delete;  // a number is no set
  void clear();
  // Copies of the other table's entries whose time is not over, as far as they find room: those
  // that are settled, that yield, that wait, each in order. This one has none of them. Not for the
  // packet path.
  void take_all(const Table& other, Tick now);

  // It stays until its time is over: it was answered, and neither waits nor yields.
  void settle(uint32_t number);
  // It was answered, but may go when there is no room: it is the last of those that its owner has
  // with this `direction`, unless it is one of them already.
  void yield(uint32_t number, FlowDirection direction);
  bool waits(uint32_t number) const { return entries_[number].standing >= kWaitsOut; }
  // The one of the owner that waits longest; kNone: none waits.
  uint32_t oldest_waiting(uint16_t owner, FlowDirection direction) const;
  // The one of the owner that has yielded longest. Those that were in use since then (set_deadline)
  // become the last ones, up to kChances of them. kNone: none yields.
  uint32_t oldest_yielding(uint16_t owner, FlowDirection direction);

  void set_deadline(uint32_t number, Tick deadline);
  Tick deadline(uint32_t number) const { return entries_[number].deadline; }
  // Removes entries whose time is over; looks at so many entries and slots at most.
  void age(Tick now, unsigned steps);

  const FlowKey& key(uint32_t number) const { return entries_[number].key; }
  template <class State>
  State& state(uint32_t number) {
    static_assert(sizeof(State) <= kStateOctets && alignof(State) <= 64 &&
                  std::is_trivially_copyable_v<State>);
    return *reinterpret_cast<State*>(entries_[number].state);
  }

  // The first entry from this number on, expired ones too; kNone: there is no more.
  uint32_t next(uint32_t number) const {
    while (number < fresh_ && entries_[number].standing == kFree) ++number;
    return number < fresh_ ? number : kNone;
  }
  // Of all entries: those that are settled, that yield, that wait; the latter two of each owner and
  // direction in the order in which they came. Nothing may change meanwhile.
  template <class Visitor>
  void each_in_order(Visitor&& visitor) const {
    each([&](uint32_t number) {
      if (entries_[number].standing == kSettled) visitor(number);
    });
    for (unsigned queue = 0; queue < kQueues; ++queue) {
      for (size_t head = queue; head < queues_.size(); head += kQueues) {
        for (uint32_t at = queues_[head].next; at < capacity_; at = entries_[at].queue.next)
          visitor(at);
      }
    }
  }
  // Of all entries; in no order.
  template <class Visitor>
  void each(Visitor&& visitor) const {
    for (uint32_t number = 0; (number = next(number)) != kNone; ++number) visitor(number);
  }

  uint32_t capacity() const { return capacity_; }
  uint32_t size() const { return size_; }
  uint32_t size(uint16_t owner) const { return owners_[owner].entries; }
  uint32_t waiting(uint16_t owner, FlowDirection direction) const {
    return owners_[owner].queued[queue_of(towards(kWaitsOut, direction))];
  }
  uint32_t yielding(uint16_t owner, FlowDirection direction) const {
    return owners_[owner].queued[queue_of(towards(kYieldsOut, direction))];
  }
  // The owner that has most entries, of those that have one that waits or yields; kNone: there is
  // none. Looks at every owner: not for each frame.
  uint32_t richest() const;
  uint32_t buckets() const { return split_ + mask_ + 1; }
  size_t reserved_octets() const;

 private:
  enum Standing : uint8_t { kFree, kSettled, kYieldsOut, kYieldsIn, kWaitsOut, kWaitsIn };
  static constexpr unsigned kQueues = 4;  // of an owner, of entries with one standing each
  static constexpr unsigned queue_of(Standing standing) { return standing - kYieldsOut; }
  static constexpr Standing towards(Standing out, FlowDirection direction) {
    return static_cast<Standing>(out + static_cast<uint8_t>(direction));
  }
  struct Links {
    uint32_t previous, next;
  };
  // Made from raw memory: what was never used is never touched.
  struct alignas(128) Entry {
    FlowKey key;
    Tick deadline;
    Links time;   // those of one time slot; a free entry: `next` is the next free one
    Links queue;  // those of one owner that wait, or yield, in one direction
    uint16_t slot;
    Standing standing;
    bool used;  // since it joined its queue
    alignas(64) std::byte state[kStateOctets];
  };
  struct alignas(64) Bucket {
    static constexpr uint32_t kRoom = 7;
    uint32_t hashes[kRoom];
    uint32_t numbers[kRoom];
    uint32_t next;   // an overflow bucket, or kNone
    uint32_t count;  // the first so many are used

    // One bit for each place with the hash. Without a branch: none could be predicted.
    uint32_t matches(uint32_t hash) const {
      uint32_t bits = 0;
#pragma GCC unroll 7
      for (uint32_t i = 0; i < kRoom; ++i) bits |= uint32_t{hashes[i] == hash} << i;
      return bits & ((1u << count) - 1);
    }
  };
  struct Owner {
    uint32_t entries = 0;
    uint32_t queued[kQueues] = {0, 0, 0, 0};
  };
  using Member = Links Entry::*;

  uint32_t home(uint32_t hash) const {
    const uint32_t low = hash & mask_;
    return low < split_ ? hash & (2 * mask_ + 1) : low;
  }
  bool index_add(uint32_t hash, uint32_t number);
  void index_remove(uint32_t hash, uint32_t number);
  void grow();
  uint32_t take_overflow();
  void give_overflow(uint32_t bucket);

  // Lists are rings through a head; heads have numbers behind those of entries.
  Links& links(uint32_t at, Member member, std::vector<Links>& heads) {
    return at < capacity_ ? entries_[at].*member : heads[at - capacity_];
  }
  void append(uint32_t head, uint32_t number, Member member, std::vector<Links>& heads);
  void unlink(uint32_t number, Member member, std::vector<Links>& heads);
  uint32_t queue_head(uint16_t owner, Standing standing) const {
    return capacity_ + owner * kQueues + queue_of(standing);
  }
  uint32_t first_of(uint16_t owner, Standing standing) const {
    const uint32_t first = queues_[queue_head(owner, standing) - capacity_].next;
    return first < capacity_ ? first : kNone;
  }
  void stand(uint32_t number, Standing standing);
  void hook(uint32_t number);
  static void empty(std::vector<Links>& heads, uint32_t first);

  uint32_t capacity_;
  uint64_t seeds_[4];
  uint32_t size_ = 0;
  uint32_t fresh_ = 0;  // entries from here on were never used
  uint32_t free_ = kNone;
  LargePages<Entry> entries_;

  uint32_t most_buckets_;      // home buckets; overflow buckets stand behind them
  uint32_t overflow_buckets_;  // how many there are
  uint32_t mask_ = 0, split_ = 0;
  uint32_t overflow_fresh_ = 0;  // as fresh_ and free_
  uint32_t overflow_free_ = kNone;
  LargePages<Bucket> buckets_;

  Tick hand_ = 0;  // slots before this one have been looked at
  bool started_ = false;
  std::vector<Links> slots_, queues_;
  std::vector<Owner> owners_;
};

}  // namespace gatehouse::flow

#endif  // GATEHOUSE_HW_CORE_FLOW_TABLE_HH_
