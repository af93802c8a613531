// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/pattern_inspector.hh"

namespace gatehouse::interceptor {

using partition::PatternHeader;
using partition::PatternRule;

bool PatternInspector::load(std::span<const uint8_t> image, PatternSink& sink) {
  rules_ = {};
  sink_ = &sink;
  if (image.size() < sizeof(PatternHeader)) return false;
  const auto& header = *reinterpret_cast<const PatternHeader*>(image.data());
  if (header.magic != partition::kPatternMagic || header.reserved != 0) return false;
  if (header.rules > partition::kMaxPatternRules) return false;
  if (image.size() != sizeof header + header.rules * sizeof(PatternRule)) return false;
  const std::span rules(reinterpret_cast<const PatternRule*>(image.data() + sizeof header),
                        header.rules);
  if (!matcher_.load(rules)) return false;
  rules_ = rules;
  return true;
}

Verdict PatternInspector::inspect(const Frame& frame) {
  flows_.count(key_of(frame), frame.octets);
  Verdict verdict = Verdict::kPass;
  uint64_t seen = 0;
  matcher_.search(frame, [&](size_t number, uint32_t offset) {
    const uint64_t bit = uint64_t{1} << number;
    if ((seen & bit) != 0) return;
    seen |= bit;
    const PatternRule& rule = rules_[number];
    const uint64_t times = ++times_[number];
    const bool told = (times & (times - 1)) == 0;
    if ((rule.actions & partition::kPatternDrop) != 0) verdict = Verdict::kDrop;
    if (told && (rule.actions & partition::kPatternAlert) != 0) sink_->matched(rule, frame, offset);
    if ((rule.actions & partition::kPatternMirror) != 0) sink_->mirror(rule, frame);
  });
  return verdict;
}

}  // namespace gatehouse::interceptor
