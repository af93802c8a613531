// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/pattern_matcher.hh"

namespace gatehouse::interceptor {

using partition::PatternRule;

bool PatternMatcher::valid(const PatternRule& rule) {
  constexpr uint8_t kActions =
      partition::kPatternAlert | partition::kPatternDrop | partition::kPatternMirror;
  constexpr uint8_t kDirections = partition::kPatternTransmit | partition::kPatternReceive;
  if (rule.actions == 0 || (rule.actions & ~kActions) != 0) return false;
  if (rule.directions == 0 || (rule.directions & ~kDirections) != 0) return false;
  if (rule.octets == 0 || rule.octets > partition::kMaxPatternOctets) return false;
  if (rule.reserved != 0 || rule.first > rule.last) return false;
  if (rule.text[sizeof rule.text - 1] != 0) return false;
  for (uint32_t i = 0; i < partition::kMaxPatternOctets; ++i) {
    if ((rule.value[i] & ~rule.mask[i]) != 0) return false;
    if (i >= rule.octets && rule.mask[i] != 0) return false;
  }
  return true;
}

// A rule's bucket is its number modulo kBuckets.
bool PatternMatcher::load(std::span<const PatternRule> rules) {
  rules_ = {};
  rows_.fill(~uint64_t{0});
  begin_ = ~uint64_t{0};
  if (rules.size() > partition::kMaxPatternRules) return false;
  for (const PatternRule& rule : rules) {
    if (!valid(rule)) return false;
  }
  rules_ = rules;
  // Positions in front of a short pattern take any octet, and also those in front of the frame.
  uint64_t free = 0;
  for (size_t number = 0; number < rules.size(); ++number) {
    const PatternRule& rule = rules[number];
    const unsigned skipped = kPositions - filtered(rule);
    for (unsigned position = 0; position < kPositions; ++position) {
      const uint64_t bit = uint64_t{1} << (position * kBuckets + number % kBuckets);
      if (position < skipped) free |= bit;
      for (unsigned octet = 0; octet < rows_.size(); ++octet) {
        const unsigned at = rule.octets - kPositions + position;
        if (position < skipped || (octet & rule.mask[at]) == rule.value[at]) rows_[octet] &= ~bit;
      }
    }
  }
  // As if kPositions octets had come that stand nowhere but there.
  for (unsigned i = 0; i < kPositions; ++i) begin_ = begin_ << kBuckets | ~free;
  return true;
}

bool PatternMatcher::equal(const Frame& frame, const PatternRule& rule, uint32_t offset) const {
  uint8_t octets[partition::kMaxPatternOctets];
  if (copy_out(frame, offset, octets, rule.octets) != rule.octets) return false;
  for (uint32_t i = 0; i < rule.octets; ++i) {
    if ((octets[i] & rule.mask[i]) != rule.value[i]) return false;
  }
  return true;
}

}  // namespace gatehouse::interceptor
