// SPDX-License-Identifier: GPL-2.0-or-later
// What has come of a stream: ranges of octets, sorted, apart, none empty. A bounded number.
#ifndef GATEHOUSE_HW_CORE_STATELESS_RANGES_HH_
#define GATEHOUSE_HW_CORE_STATELESS_RANGES_HH_

#include <array>
#include <cstdint>
#include <span>

namespace gatehouse::stateless {

struct Range {
  uint32_t begin = 0, end = 0;  // octets; the end is not in it
  uint32_t length() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

class Ranges {
 public:
  // Every second of 255 segments lost leaves so many.
  static constexpr uint32_t kMost = 128;

  enum class Added : uint8_t { kNew, kDuplicate, kOverlap, kTooMany };
  // kDuplicate: all of it was there. kOverlap: a part. kTooMany: it would be one range too many.
  // But for kNew nothing changes. `range` is not empty.
  Added add(const Range& range) {
    uint32_t at = 0;
    while (at < count_ && ranges_[at].end < range.begin) ++at;
    // ranges_[at] is the first that touches the new one, overlaps it or is behind it.
    const bool touches = at < count_ && ranges_[at].end == range.begin;
    const uint32_t next = at + touches;
    if (next < count_ && ranges_[next].begin < range.end) {
      const bool inside = ranges_[next].begin <= range.begin && range.end <= ranges_[next].end;
      return inside ? Added::kDuplicate : Added::kOverlap;
    }
    octets_ += range.length();
    const bool touches_next = next < count_ && ranges_[next].begin == range.end;
    if (touches && touches_next) {
      ranges_[at].end = ranges_[next].end;
      for (uint32_t i = next; i + 1 < count_; ++i) ranges_[i] = ranges_[i + 1];
      --count_;
    } else if (touches) {
      ranges_[at].end = range.end;
    } else if (touches_next) {
      ranges_[next].begin = range.begin;
    } else {
      if (count_ == kMost) {
        octets_ -= range.length();
        return Added::kTooMany;
      }
      for (uint32_t i = count_; i > at; --i) ranges_[i] = ranges_[i - 1];
      ranges_[at] = range;
      ++count_;
    }
    return Added::kNew;
  }

  std::span<const Range> all() const { return {ranges_.data(), count_}; }
  uint32_t octets() const { return octets_; }
  // Writes what is missing up to `total`; `gaps` has room for kMost + 1.
  std::span<const Range> missing(uint32_t total, std::array<Range, kMost + 1>& gaps) const {
    uint32_t from = 0, count = 0;
    for (const Range& range : all()) {
      if (range.begin > from) gaps[count++] = {from, range.begin};
      from = range.end;
    }
    if (from < total) gaps[count++] = {from, total};
    return {gaps.data(), count};
  }
  void clear() { count_ = octets_ = 0; }

 private:
  std::array<Range, kMost> ranges_;
  uint32_t count_ = 0;
  uint32_t octets_ = 0;
};

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_RANGES_HH_
