// SPDX-License-Identifier: GPL-2.0-or-later
// The first real inspector: rules of octet patterns, with alerts, drops and mirrored frames, and an
// account of flows.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_PATTERN_INSPECTOR_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_PATTERN_INSPECTOR_HH_

#include <array>
#include <cstdint>
#include <span>

#include "firmware/interceptor/flow_table.hh"
#include "firmware/interceptor/inspector.hh"
#include "firmware/interceptor/pattern_matcher.hh"

namespace gatehouse::interceptor {

// Each rule at most once for each frame.
class PatternSink {
 public:
  virtual void matched(const partition::PatternRule& rule, const Frame& frame, uint32_t offset) = 0;
  virtual void mirror(const partition::PatternRule& rule, const Frame& frame) = 0;

 protected:
  ~PatternSink() = default;
};

class PatternInspector final : public Inspector {
 public:
  constexpr PatternInspector() = default;

  // A frame that matches often is told of once a rule and then at powers of two: a guest can't
  // drown the manager in alerts. False: the image is not valid; then there are no rules. Image and
  // sink live as long as this; the image is 8-byte aligned.
  bool load(std::span<const uint8_t> image, PatternSink& sink);
  Verdict inspect(const Frame& frame) override;

  const FlowTable& flows() const { return flows_; }
  // Calls visit(rule, frames that matched).
  template <class Visit>
  void for_each_rule(Visit visit) const {
    for (size_t rule = 0; rule < rules_.size(); ++rule) visit(rules_[rule], times_[rule]);
  }

 private:
  std::span<const partition::PatternRule> rules_;
  PatternSink* sink_ = nullptr;
  PatternMatcher matcher_;
  FlowTable flows_;
  std::array<uint64_t, partition::kMaxPatternRules> times_{};
};

constexpr const char* text_of(const partition::PatternRule& rule) { return rule.text; }

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_PATTERN_INSPECTOR_HH_
