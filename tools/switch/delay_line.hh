// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_SWITCH_DELAY_LINE_HH_
#define GATEHOUSE_TOOLS_SWITCH_DELAY_LINE_HH_

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace gatehouse::ethernet_switch {

// Frames that wait; all wait equally long, so that the oldest is always the next. Bounded: what
// does not fit is refused.
class DelayLine {
 public:
  struct Entry {
    int64_t due_ms = 0;
    unsigned port = 0;            // where it came in
    std::vector<uint8_t> framed;  // with its length in front
  };
  explicit DelayLine(int64_t delay_ms, size_t limit_octets = 64 << 20)
      : delay_ms_(delay_ms), limit_(limit_octets) {}
  bool put(unsigned port, std::span<const uint8_t> framed, int64_t now_ms) {
    if (octets_ + framed.size() > limit_) return false;
    octets_ += framed.size();
    entries_.push_back({now_ms + delay_ms_, port, {framed.begin(), framed.end()}});
    return true;
  }
  std::optional<Entry> take_due(int64_t now_ms) {
    if (entries_.empty() || entries_.front().due_ms > now_ms) return std::nullopt;
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    octets_ -= entry.framed.size();
    return entry;
  }
  // nullopt: nothing waits.
  std::optional<int64_t> next_due_ms() const {
    return entries_.empty() ? std::nullopt : std::optional(entries_.front().due_ms);
  }

 private:
  int64_t delay_ms_;
  size_t limit_;
  size_t octets_ = 0;
  std::deque<Entry> entries_;
};

}  // namespace gatehouse::ethernet_switch

#endif  // GATEHOUSE_TOOLS_SWITCH_DELAY_LINE_HH_
