// SPDX-License-Identifier: GPL-2.0-or-later
// How often the card speaks for itself (answers, ICMP): a token bucket on the virtual clock.
#ifndef GATEHOUSE_HW_CORE_RESOLVE_TOKEN_BUCKET_HH_
#define GATEHOUSE_HW_CORE_RESOLVE_TOKEN_BUCKET_HH_

#include <algorithm>
#include <cstdint>

namespace gatehouse::resolve {

// `rate` per second, at most `burst` at once.
class TokenBucket {
 public:
  constexpr TokenBucket(uint32_t rate, uint32_t burst)
      : interval_ns_(1'000'000'000 / rate), depth_ns_(interval_ns_ * burst) {}

  // The bucket as a time: `empty_ns_` is when it would have been empty had it filled since. A clock
  // that went back (a loaded snapshot) fills nothing and takes nothing away.
  bool take(int64_t now_ns) {
    const int64_t floor = now_ns - depth_ns_;
    empty_ns_ = std::clamp(empty_ns_, floor, now_ns);
    if (now_ns - empty_ns_ < interval_ns_) return false;
    empty_ns_ += interval_ns_;
    return true;
  }

  template <class Archive>
  void archive(Archive& archive) {
    archive(empty_ns_);
  }

 private:
  int64_t interval_ns_, depth_ns_;
  int64_t empty_ns_ = INT64_MIN / 2;
};

}  // namespace gatehouse::resolve

#endif  // GATEHOUSE_HW_CORE_RESOLVE_TOKEN_BUCKET_HH_
