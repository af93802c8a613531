// SPDX-License-Identifier: GPL-2.0-or-later
// Looks for all patterns at once. A filter with one 64-bit state (shift-or) goes over the octets: 8
// buckets of patterns by 8 positions, an octet's row says at which positions of which buckets it
// can't stand. What passes the filter is compared in full. So masks cost nothing, a pattern may
// reach over pieces, and a frame costs the same whatever is in it, unless it is nearly a match.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_PATTERN_MATCHER_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_PATTERN_MATCHER_HH_

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "firmware/interceptor/inspector.hh"
#include "hw/spec/pattern_rules.hh"

namespace gatehouse::interceptor {

class PatternMatcher {
 public:
  // False: a rule is not valid; then there are none. The rules live as long as this.
  bool load(std::span<const partition::PatternRule> rules);

  // Calls match(rule number, offset) for each match; no order among those that end at one octet.
  template <class Match>
  void search(const Frame& frame, Match match) const {
    uint64_t state = begin_;
    uint32_t end = 0;
    for (const Piece& piece : frame.pieces) {
      const uint8_t* octet = piece.data;
      const uint8_t* const last = octet + piece.octets;
      for (; octet != last; ++octet) {
        state = state << kBuckets | rows_[*octet];
        if (state < kNoMatch) [[unlikely]] {
          const uint32_t behind = end + static_cast<uint32_t>(octet - piece.data) + 1;
          compare(frame, static_cast<uint8_t>(~(state >> kTop)), behind, match);
        }
      }
      end += piece.octets;
    }
  }

 private:
  static constexpr unsigned kBuckets = 8, kPositions = 8;
  static constexpr unsigned kTop = kBuckets * (kPositions - 1);
  static constexpr uint64_t kNoMatch = uint64_t{0xff} << kTop;

  static bool valid(const partition::PatternRule& rule);
  // What the filter looks at: up to kPositions octets at the pattern's end.
  static unsigned filtered(const partition::PatternRule& rule) {
    return rule.octets < kPositions ? rule.octets : kPositions;
  }
  bool equal(const Frame& frame, const partition::PatternRule& rule, uint32_t offset) const;

  // buckets: in which patterns may end in front of `behind`.
  template <class Match>
  void compare(const Frame& frame, uint8_t buckets, uint32_t behind, Match& match) const {
    for (uint32_t left = buckets; left != 0; left &= left - 1) {
      for (size_t rule = static_cast<size_t>(std::countr_zero(left)); rule < rules_.size();
           rule += kBuckets) {
        const partition::PatternRule& what = rules_[rule];
        if ((what.directions >> static_cast<unsigned>(frame.direction) & 1) == 0) continue;
        if (what.octets > behind) continue;
        const uint32_t offset = behind - what.octets;
        if (offset < what.first || offset > what.last || !equal(frame, what, offset)) continue;
        match(rule, offset);
      }
    }
  }

  std::span<const partition::PatternRule> rules_;
  // Byte p of a row: bit b is 1 when no pattern of bucket b has this octet at position p. The state
  // is the or of the rows of the last octets, each moved up by its age.
  std::array<uint64_t, 256> rows_{};
  uint64_t begin_ = ~uint64_t{0};  // the state in front of a frame
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_PATTERN_MATCHER_HH_
