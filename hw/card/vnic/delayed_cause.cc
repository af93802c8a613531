// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/delayed_cause.hh"

#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {
namespace {

constexpr int64_t kLongestNs = 0xffff * DelayedCause::kUnitNs;  // registers have 16 bits

}  // namespace

void DelayedCause::add(uint32_t causes, uint32_t delay, uint32_t absolute) {
  const int64_t now = clock_.now_ns();
  if (causes_ == 0 && absolute != 0) {
    absolute_runs_ = true;
    absolute_deadline_ns_ = now + absolute * kUnitNs;
    clock_.arm(absolute_, absolute_deadline_ns_);
  }
  delay_deadline_ns_ = now + delay * kUnitNs;
  if (causes_ == 0 || delay_deadline_ns_ < armed_for_ns_) arm();
  causes_ |= causes;
}

void DelayedCause::arm() {
  armed_for_ns_ = delay_deadline_ns_;
  clock_.arm(delay_, armed_for_ns_);
}

uint32_t DelayedCause::expired(Timer timer) {
  if (causes_ == 0) return 0;
  if (timer == delay_ && clock_.now_ns() < delay_deadline_ns_) {
    arm();
    return 0;
  }
  return take();
}

uint32_t DelayedCause::take() {
  const uint32_t causes = causes_;
  if (causes != 0) {
    clock_.cancel(delay_);
    if (absolute_runs_) clock_.cancel(absolute_);
  }
  causes_ = 0;
  absolute_runs_ = false;
  return causes;
}

void DelayedCause::archive(Archive& archive, uint32_t allowed) {
  if (archive.loading()) take();
  archive.section("delayed-cause", 1);
  archive(causes_);
  archive(absolute_runs_);
  archive(delay_deadline_ns_);
  archive(absolute_deadline_ns_);
  if (!archive.loading()) return;
  if ((causes_ & ~allowed) != 0) archive.fail("saved state: delayed interrupt causes impossible");
  if (!archive.ok()) causes_ = 0;
  if (causes_ == 0) {
    absolute_runs_ = false;
    return;
  }
  // Further away than it can be: now.
  const int64_t now = clock_.now_ns();
  if (delay_deadline_ns_ > now + kLongestNs) delay_deadline_ns_ = now;
  if (absolute_deadline_ns_ > now + kLongestNs) absolute_deadline_ns_ = now;
  arm();
  if (absolute_runs_) clock_.arm(absolute_, absolute_deadline_ns_);
}

}  // namespace gatehouse::vnic
