// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/boundary.hh"

#include "hw/core/base/archive.hh"

namespace gatehouse::partition {

Boundary::Source& Boundary::find(const Attempt& attempt, int64_t now_ns) {
  Source* free = nullptr;
  for (unsigned i = 0; i < kSources; ++i) {
    Source& source = sources_[i];
    if (source.used && source.first.who == attempt.who && source.first.id == attempt.id)
      return source;
    // A source that was told of more than a period ago may be forgotten: nothing is lost.
    const bool idle = source.gathered == 0 && source.last_ns + kPeriodNs <= now_ns;
    if (!free && (!source.used || idle)) free = &source;
  }
  if (!free) return sources_[kSources + static_cast<unsigned>(attempt.who)];
  *free = {};
  free->used = true;
  // So that it is found before it has gathered anything.
  free->first = attempt;
  return *free;
}

bool Boundary::count(const Attempt& attempt, int64_t now_ns) {
  Counters& counters = counters_[static_cast<unsigned>(attempt.who)];
  ++(attempt.write ? counters.writes : counters.reads);
  Source& source = find(attempt, now_ns);
  if (source.gathered++ != 0) return false;
  source.first = attempt;
  const int64_t due = due_of(source, now_ns);
  if (due >= due_ns_) return false;
  due_ns_ = due;
  return true;
}

void Boundary::archive(Archive& archive) {
  archive.section("boundary", 1);
  for (Counters& counters : counters_) {
    archive(counters.reads);
    archive(counters.writes);
  }
  if (!archive.loading()) return;
  sources_.fill({});
  due_ns_ = kNever;
}

}  // namespace gatehouse::partition
