// SPDX-License-Identifier: GPL-2.0-or-later
// The flows of which something is held: found by their hash, by the pair of addresses between which
// they run, and by age. Memory is allocated once. A sender that makes many flows share a place only
// makes them go on sooner: no search is longer than a bucket.
#ifndef GATEHOUSE_HW_CORE_COALESCE_FLOW_INDEX_HH_
#define GATEHOUSE_HW_CORE_COALESCE_FLOW_INDEX_HH_

#include <array>
#include <cstdint>
#include <vector>

#include "hw/core/coalesce/chain.hh"

namespace gatehouse::coalesce {

inline constexpr uint32_t kNone = 0xffffffff;

struct Flow {
  Chain chain;
  uint32_t first = kNone, last = kNone;  // of the packets held: the coalescer's
  int64_t deadline = 0;                  // ns
  uint32_t hash = 0;                     // of the whole name
  uint32_t pair = 0;                     // of owner and addresses

 private:
  friend class FlowIndex;
  uint64_t born = 0;
  uint32_t older = kNone, newer = kNone;
  uint32_t pair_previous = kNone, pair_next = kNone;
};

class FlowIndex {
 public:
  explicit FlowIndex(uint32_t flows);

  void prefetch(uint32_t hash) const { __builtin_prefetch(&buckets_[hash & mask_]); }
  // The flow with this hash for which `is` says yes; kNone.
  template <class Is>
  uint32_t find(uint32_t hash, Is&& is) const {
    const Bucket& bucket = buckets_[hash & mask_];
    for (unsigned i = 0; i < kWays; ++i) {
      if (bucket.numbers[i] != kNone && bucket.hashes[i] == hash && is(flows_[bucket.numbers[i]]))
        return bucket.numbers[i];
    }
    return kNone;
  }
  // Who must go before a flow with this hash can come: the oldest of the bucket when that is full,
  // else of all when there are as many as there may be; kNone: there is room.
  uint32_t in_the_way(uint32_t hash) const;
  // There is room. The rest of the flow is the caller's to fill.
  uint32_t insert(uint32_t hash, uint32_t pair);
  void remove(uint32_t number);

  Flow& operator[](uint32_t number) { return flows_[number]; }
  const Flow& operator[](uint32_t number) const { return flows_[number]; }
  uint32_t oldest() const { return oldest_; }
  uint32_t newer(uint32_t number) const { return flows_[number].newer; }
  // One of those between a pair of addresses, or between others that share their place.
  uint32_t between(uint32_t pair) const { return pairs_[pair & pair_mask_]; }
  uint32_t size() const { return size_; }

 private:
  static constexpr unsigned kWays = 8;
  struct alignas(64) Bucket {
    std::array<uint32_t, kWays> hashes{};
    std::array<uint32_t, kWays> numbers;
    Bucket() { numbers.fill(kNone); }
  };

  std::vector<Flow> flows_;
  std::vector<Bucket> buckets_;
  std::vector<uint32_t> pairs_;
  std::vector<uint32_t> free_;
  uint32_t mask_, pair_mask_;
  uint32_t oldest_ = kNone, newest_ = kNone;
  uint32_t size_ = 0;
  uint64_t births_ = 0;
};

}  // namespace gatehouse::coalesce

#endif  // GATEHOUSE_HW_CORE_COALESCE_FLOW_INDEX_HH_
