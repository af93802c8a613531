// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/flow/table.hh"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "hw/core/base/bytes.hh"

namespace gatehouse::flow {
namespace {

constexpr uint32_t kFirstBuckets = 64;  // a power of two
// Mean entries of a bucket above which another one is made: of 7 places, so that few overflow.
constexpr uint32_t kFill = 3;

// Steele, Lea and Flood's SplitMix64: numbers that look independent, from one.
uint64_t next_seed(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// Signed distance of two ticks.
int32_t after(Tick a, Tick b) { return static_cast<int32_t>(a - b); }

}  // namespace

Table::Table(uint32_t capacity, uint32_t owners, uint64_t seed)
    : capacity_(std::clamp(capacity, 1u, kMaxCapacity)),
      entries_(reserve_large_pages_for<Entry>(capacity_)),
      most_buckets_(std::max(kFirstBuckets, capacity_ / kFill + 1)),
      overflow_buckets_(capacity_ / 16 + kFirstBuckets),
      buckets_(reserve_large_pages_for<Bucket>(size_t{most_buckets_} + overflow_buckets_)),
      slots_(kSlots),
      queues_(owners * kQueues),
      owners_(owners) {
  assert(owners <= kMaxOwners);
  for (uint64_t& one : seeds_) one = next_seed(seed);
  if (has_memory()) clear();
}

void Table::clear() {
  size_ = fresh_ = overflow_fresh_ = split_ = 0;
  free_ = overflow_free_ = kNone;
  mask_ = kFirstBuckets - 1;
  std::fill_n(buckets_.get(), kFirstBuckets, Bucket{{}, {}, kNone, 0});
  empty(slots_, capacity_);
  empty(queues_, capacity_);
  std::fill(owners_.begin(), owners_.end(), Owner{});
  started_ = false;
}

void Table::take_all(const Table& other, Tick now) {
  other.each_in_order([&](uint32_t theirs) {
    const Entry& entry = other.entries_[theirs];
    if (after(entry.deadline, now) <= 0) return;
    const uint32_t ours = insert(entry.key, hash(entry.key), FlowDirection::kOut, entry.deadline);
    if (ours == kNone) return;
    std::memcpy(entries_[ours].state, entry.state, sizeof entry.state);
    stand(ours, entry.standing);
    entries_[ours].used = entry.used;
  });
}

size_t Table::reserved_octets() const {
  return size_t{capacity_} * sizeof(Entry) +
         (size_t{most_buckets_} + overflow_buckets_) * sizeof(Bucket);
}

uint32_t Table::find(const FlowKey& key, uint32_t hash, Tick now) {
  for (uint32_t at = home(hash); at != kNone; at = buckets_[at].next) {
    const Bucket& bucket = buckets_[at];
    for (uint32_t bits = bucket.matches(hash); bits != 0; bits &= bits - 1) {
      const uint32_t number = bucket.numbers[std::countr_zero(bits)];
      if (!(entries_[number].key == key)) continue;
      if (after(entries_[number].deadline, now) > 0) return number;
      remove(number);
      return kNone;
    }
  }
  return kNone;
}

uint32_t Table::insert(const FlowKey& key, uint32_t hash, FlowDirection direction, Tick deadline) {
  assert(key.owner < owners_.size());
  if (size_ == capacity_) return kNone;
  if (size_ >= buckets() * kFill && buckets() < most_buckets_) grow();
  const uint32_t number = free_ != kNone ? free_ : fresh_;
  if (!index_add(hash, number)) return kNone;
  Entry& entry = entries_[number];
  if (number == free_) {
    free_ = entry.time.next;
  } else {
    written_up_to(entries_.get(), size_t{fresh_} * sizeof(Entry),
                  (size_t{fresh_} + 1) * sizeof(Entry));
    ++fresh_;
  }
  entry.key = key;
  entry.deadline = deadline;
  entry.standing = kSettled;
  stand(number, towards(kWaitsOut, direction));
  std::memset(entry.state, 0, sizeof entry.state);
  ++owners_[key.owner].entries;
  ++size_;
  hook(number);
  return number;
}

void Table::stand(uint32_t number, Standing standing) {
  Entry& entry = entries_[number];
  if (entry.standing == standing) return;
  Owner& owner = owners_[entry.key.owner];
  if (entry.standing >= kYieldsOut) {
    --owner.queued[queue_of(entry.standing)];
    unlink(number, &Entry::queue, queues_);
  }
  entry.standing = standing;
  entry.used = false;
  if (standing < kYieldsOut) return;
  ++owner.queued[queue_of(standing)];
  append(queue_head(entry.key.owner, standing), number, &Entry::queue, queues_);
}

void Table::settle(uint32_t number) { stand(number, kSettled); }

void Table::yield(uint32_t number, FlowDirection direction) {
  stand(number, towards(kYieldsOut, direction));
}

uint32_t Table::oldest_waiting(uint16_t owner, FlowDirection direction) const {
  return first_of(owner, towards(kWaitsOut, direction));
}

uint32_t Table::oldest_yielding(uint16_t owner, FlowDirection direction) {
  const Standing yields = towards(kYieldsOut, direction);
  for (unsigned chances = 0;; ++chances) {
    const uint32_t first = first_of(owner, yields);
    if (first == kNone || !entries_[first].used || chances == kChances) return first;
    entries_[first].used = false;
    unlink(first, &Entry::queue, queues_);
    append(queue_head(owner, yields), first, &Entry::queue, queues_);
  }
}

uint32_t Table::richest() const {
  uint32_t found = kNone, most = 0;
  for (uint32_t i = 0; i < owners_.size(); ++i) {
    const Owner& owner = owners_[i];
    if (owner.entries <= most) continue;
    if ((owner.queued[0] | owner.queued[1] | owner.queued[2] | owner.queued[3]) == 0) continue;
    found = i;
    most = owner.entries;
  }
  return found;
}

void Table::remove(uint32_t number) {
  settle(number);
  Entry& entry = entries_[number];
  index_remove(hash(entry.key), number);
  unlink(number, &Entry::time, slots_);
  --owners_[entry.key.owner].entries;
  --size_;
  entry.standing = kFree;
  entry.time.next = free_;
  free_ = number;
}

void Table::remove_owners(const Owners& owners) {
  uint32_t left = 0;
  for (size_t owner = 0; owner < owners_.size(); ++owner) {
    if (owners[owner]) left += owners_[owner].entries;
  }
  for (uint32_t number = 0; left != 0 && (number = next(number)) != kNone; ++number) {
    if (!owners[entries_[number].key.owner]) continue;
    remove(number);
    --left;
  }
}

void Table::set_deadline(uint32_t number, Tick deadline) {
  Entry& entry = entries_[number];
  entry.deadline = deadline;
  entry.used = true;
  // The slot where it is hooked is reached first, as a rule.
  const Tick hooked = hand_ + ((entry.slot - hand_) & (kSlots - 1));
  if (after(deadline, hooked) >= 0) return;
  unlink(number, &Entry::time, slots_);
  hook(number);
}

void Table::hook(uint32_t number) {
  Entry& entry = entries_[number];
  Tick at = entry.deadline;
  if (!started_) hand_ = at, started_ = true;  // until age() tells the time
  if (after(at, hand_) < 0) at = hand_;
  if (after(at, hand_) >= static_cast<int32_t>(kSlots)) at = hand_ + kSlots - 1;
  entry.slot = static_cast<uint16_t>(at & (kSlots - 1));
  append(capacity_ + entry.slot, number, &Entry::time, slots_);
}

void Table::age(Tick now, unsigned steps) {
  if (!started_ || size_ == 0) {
    // Nothing is hooked anywhere.
    hand_ = now;
    started_ = true;
    return;
  }
  // After a pause longer than the wheel every slot is due once, and none twice.
  const int32_t behind = after(now, hand_);
  if (behind < -static_cast<int32_t>(kSlots) || behind > static_cast<int32_t>(kSlots)) {
    hand_ = now - kSlots;
  }
  while (after(hand_, now) <= 0) {
    const uint32_t number = slots_[hand_ & (kSlots - 1)].next;
    if (steps-- == 0) return;
    if (number >= capacity_) {
      ++hand_;
      continue;
    }
    if (after(entries_[number].deadline, now) <= 0) {
      remove(number);
      continue;
    }
    unlink(number, &Entry::time, slots_);
    hook(number);
  }
}

// --- the index ---

bool Table::index_add(uint32_t hash, uint32_t number) {
  uint32_t at = home(hash);
  for (unsigned depth = 1; buckets_[at].count == Bucket::kRoom; ++depth) {
    if (buckets_[at].next == kNone) {
      const uint32_t more = depth < kChain ? take_overflow() : kNone;
      if (more == kNone) return false;
      buckets_[at].next = more;
    }
    at = buckets_[at].next;
  }
  Bucket& bucket = buckets_[at];
  bucket.hashes[bucket.count] = hash;
  bucket.numbers[bucket.count] = number;
  ++bucket.count;
  return true;
}

void Table::index_remove(uint32_t hash, uint32_t number) {
  uint32_t before = kNone;
  for (uint32_t at = home(hash); at != kNone; before = at, at = buckets_[at].next) {
    Bucket& bucket = buckets_[at];
    uint32_t i = 0;
    while (i < bucket.count && bucket.numbers[i] != number) ++i;
    if (i == bucket.count) continue;
    --bucket.count;
    bucket.hashes[i] = bucket.hashes[bucket.count];
    bucket.numbers[i] = bucket.numbers[bucket.count];
    if (bucket.count == 0 && before != kNone) {
      buckets_[before].next = bucket.next;
      give_overflow(at);
    }
    return;
  }
}

// Bucket `split_` gives half of its entries to a new one. At most kChain buckets are read.
void Table::grow() {
  uint32_t hashes[kChain * Bucket::kRoom], numbers[kChain * Bucket::kRoom];
  uint32_t count = 0;
  const uint32_t from = split_;
  for (uint32_t at = from; at != kNone;) {
    Bucket& bucket = buckets_[at];
    for (uint32_t i = 0; i < bucket.count; ++i, ++count) {
      hashes[count] = bucket.hashes[i];
      numbers[count] = bucket.numbers[i];
    }
    const uint32_t next = bucket.next;
    bucket.count = 0;
    bucket.next = kNone;
    if (at != from) give_overflow(at);
    at = next;
  }
  Bucket& fresh = buckets_[split_ + mask_ + 1];
  fresh = {{}, {}, kNone, 0};
  written_up_to(buckets_.get(), size_t{buckets()} * sizeof(Bucket),
                (size_t{buckets()} + 1) * sizeof(Bucket));
  if (++split_ > mask_) {
    mask_ = 2 * mask_ + 1;
    split_ = 0;
  }
  // There is room: fewer overflow buckets are wanted than were given back.
  for (uint32_t i = 0; i < count; ++i) static_cast<void>(index_add(hashes[i], numbers[i]));
}

uint32_t Table::take_overflow() {
  uint32_t taken = overflow_free_;
  if (taken != kNone) {
    overflow_free_ = buckets_[taken].next;
  } else if (overflow_fresh_ < overflow_buckets_) {
    taken = most_buckets_ + overflow_fresh_++;
  } else {
    return kNone;
  }
  buckets_[taken] = {{}, {}, kNone, 0};
  return taken;
}

void Table::give_overflow(uint32_t bucket) {
  buckets_[bucket].next = overflow_free_;
  overflow_free_ = bucket;
}

// --- lists ---

void Table::empty(std::vector<Links>& heads, uint32_t first) {
  for (uint32_t i = 0; i < heads.size(); ++i) heads[i] = {first + i, first + i};
}

void Table::append(uint32_t head, uint32_t number, Member member, std::vector<Links>& heads) {
  Links& at_head = links(head, member, heads);
  links(number, member, heads) = {at_head.previous, head};
  links(at_head.previous, member, heads).next = number;
  at_head.previous = number;
}

void Table::unlink(uint32_t number, Member member, std::vector<Links>& heads) {
  const Links gone = links(number, member, heads);
  links(gone.previous, member, heads).next = gone.next;
  links(gone.next, member, heads).previous = gone.previous;
}

}  // namespace gatehouse::flow
