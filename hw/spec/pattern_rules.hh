// SPDX-License-Identifier: GPL-2.0-or-later
// Rules for frames: octets to look for, and what to do with a frame that has them. An image of rules
// (a partition's property data=) is a PatternHeader and its rules, without a gap. Little-endian.
#ifndef GATEHOUSE_HW_SPEC_PATTERN_RULES_HH_
#define GATEHOUSE_HW_SPEC_PATTERN_RULES_HH_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatehouse::partition {

inline constexpr uint64_t kPatternMagic = 0x3130'4c55'5247'4847;  // "GHGRUL01"
inline constexpr uint32_t kMaxPatternRules = 64;
inline constexpr uint32_t kMaxPatternOctets = 32;

struct PatternHeader {
  uint64_t magic;
  uint32_t rules;     // at most kMaxPatternRules
  uint32_t reserved;  // 0
};
static_assert(sizeof(PatternHeader) == 16);

// Actions. A frame passes unless a rule drops it.
inline constexpr uint8_t kPatternAlert = 1;
inline constexpr uint8_t kPatternDrop = 2;
inline constexpr uint8_t kPatternMirror = 4;  // to the console
// Directions, as the guest sees them.
inline constexpr uint8_t kPatternTransmit = 1;
inline constexpr uint8_t kPatternReceive = 2;

struct PatternRule {
  uint32_t id;         // the manager's, for alerts
  uint8_t actions;     // at least one
  uint8_t directions;  // at least one
  uint8_t octets;      // of the pattern, 1 to kMaxPatternOctets
  uint8_t reserved;    // 0
  uint32_t first;      // where in the frame it may begin, first <= last
  uint32_t last;
  uint8_t value[kMaxPatternOctets];  // octet i matches when (octet & mask[i]) == value[i];
  uint8_t mask[kMaxPatternOctets];   // 0 beyond the pattern. A value has no bits that its mask lacks
  char text[48];                     // what the rule is about, for alerts; ends with 0
};
static_assert(sizeof(PatternRule) == 128);

inline constexpr uint32_t kAnywhere = 0xffff'ffff;  // PatternRule::last

// A rule for these octets, anywhere in frames of both directions. What is beyond kMaxPatternOctets
// is cut off.
constexpr PatternRule make_pattern(uint32_t id, uint8_t actions, std::string_view octets, std::string_view text = {}) {
  PatternRule rule{.id = id,
                   .actions = actions,
                   .directions = kPatternTransmit | kPatternReceive,
                   .octets = 0,
                   .reserved = 0,
                   .first = 0,
                   .last = kAnywhere,
                   .value = {},
                   .mask = {},
                   .text = {}};
  for (; rule.octets < kMaxPatternOctets && rule.octets < octets.size(); ++rule.octets) {
    rule.value[rule.octets] = static_cast<uint8_t>(octets[rule.octets]);
    rule.mask[rule.octets] = 0xff;
  }
  for (size_t i = 0; i + 1 < sizeof rule.text && i < text.size(); ++i) rule.text[i] = text[i];
  return rule;
}

// Letters match in capitals as well.
constexpr PatternRule ignore_case(PatternRule rule) {
  constexpr uint8_t kCaseBit = 0x20;
  for (uint32_t i = 0; i < rule.octets; ++i) {
    const uint8_t letter = rule.value[i] | kCaseBit;
    if (rule.mask[i] != 0xff || letter < 'a' || letter > 'z') continue;
    rule.mask[i] = static_cast<uint8_t>(~kCaseBit);
    rule.value[i] &= rule.mask[i];
  }
  return rule;
}

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_SPEC_PATTERN_RULES_HH_
