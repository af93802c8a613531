// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/coalesce/flow_index.hh"

#include <algorithm>
#include <bit>
#include <cassert>

namespace gatehouse::coalesce {

FlowIndex::FlowIndex(uint32_t flows) : flows_(flows) {
  assert(flows > 0 && flows < kNone / 2);
  // A quarter full at most: buckets rarely have more than their flows, unless somebody means it.
  const uint32_t buckets = std::bit_ceil(std::max(1u, flows / (kWays / 4)));
  buckets_.resize(buckets);
  mask_ = buckets - 1;
  const uint32_t pairs = std::bit_ceil(flows);
  pairs_.assign(pairs, kNone);
  pair_mask_ = pairs - 1;
  free_.reserve(flows);
  for (uint32_t number = flows; number-- > 0;) free_.push_back(number);
}

uint32_t FlowIndex::in_the_way(uint32_t hash) const {
  uint32_t oldest = kNone;
  for (const uint32_t number : buckets_[hash & mask_].numbers) {
    if (number == kNone) return free_.empty() ? oldest_ : kNone;
    if (oldest == kNone || flows_[number].born < flows_[oldest].born) oldest = number;
  }
  return oldest;
}

uint32_t FlowIndex::insert(uint32_t hash, uint32_t pair) {
  Bucket& bucket = buckets_[hash & mask_];
  unsigned way = 0;
  while (way < kWays && bucket.numbers[way] != kNone) ++way;
  assert(way < kWays && !free_.empty());
  const uint32_t number = free_.back();
  free_.pop_back();
  bucket.hashes[way] = hash;
  bucket.numbers[way] = number;

  Flow& flow = flows_[number];
  flow.hash = hash;
  flow.pair = pair;
  flow.first = flow.last = kNone;
  flow.born = births_++;
  flow.older = newest_;
  flow.newer = kNone;
  (newest_ == kNone ? oldest_ : flows_[newest_].newer) = number;
  newest_ = number;

  uint32_t& head = pairs_[pair & pair_mask_];
  flow.pair_previous = kNone;
  flow.pair_next = head;
  if (head != kNone) flows_[head].pair_previous = number;
  head = number;
  ++size_;
  return number;
}

void FlowIndex::remove(uint32_t number) {
  Flow& flow = flows_[number];
  for (uint32_t& other : buckets_[flow.hash & mask_].numbers) {
    if (other == number) other = kNone;
  }
  (flow.older == kNone ? oldest_ : flows_[flow.older].newer) = flow.newer;
  (flow.newer == kNone ? newest_ : flows_[flow.newer].older) = flow.older;
  uint32_t& head = pairs_[flow.pair & pair_mask_];
  (flow.pair_previous == kNone ? head : flows_[flow.pair_previous].pair_next) = flow.pair_next;
  if (flow.pair_next != kNone) flows_[flow.pair_next].pair_previous = flow.pair_previous;
  free_.push_back(number);
  --size_;
}

}  // namespace gatehouse::coalesce
