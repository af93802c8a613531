// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/throttle.hh"

#include <algorithm>

#include "hw/core/base/archive.hh"

namespace gatehouse::partition {

void Throttle::raise(unsigned number, uint8_t vector, uint32_t apart_ns, int64_t now) {
  Core& core = cores_[number];
  core.waiting.set(vector);
  // Before the first there was none: `last` is too far away to be added to. One that is yet to come
  // is of a clock that has gone back since (a machine may go on after its state was refused).
  const bool soon = core.last > now - apart_ns && core.last <= now;
  const int64_t due = soon ? core.last + apart_ns : now;
  core.due = std::min(core.due, due);
  if (core.due <= now) raise_waiting(number, now);
}

void Throttle::raise_waiting(unsigned number, int64_t now) {
  Core& core = cores_[number];
  core.last = now;
  core.due = kNever;
  for (unsigned vector = kFirstVector; vector <= kLastVector; ++vector) {
    if (core.waiting.test(vector)) interrupts_.raise(number, static_cast<uint8_t>(vector));
  }
  core.waiting.reset();
}

int64_t Throttle::next_deadline() const {
  int64_t next = kNever;
  for (const Core& core : cores_) next = std::min(next, core.due);
  return next;
}

void Throttle::tick(int64_t now) {
  for (unsigned core = 0; core < kMaxCores; ++core) {
    if (cores_[core].due <= now) raise_waiting(core, now);
  }
}

void Throttle::archive(Archive& archive, int64_t now) {
  archive.section("throttle", 1);
  for (unsigned number = 0; number < interrupts_.cores(); ++number) {
    Core& core = cores_[number];
    archive(core.last);
    archive(core.due);
    for (unsigned vector = kFirstVector; vector <= kLastVector; ++vector) {
      bool waiting = core.waiting.test(vector);
      archive(waiting);
      core.waiting.set(vector, waiting);
    }
    if (!archive.loading()) continue;
    core.last = std::min(core.last, now);
    core.due = core.waiting.any() ? std::min(core.due, now + int64_t{UINT32_MAX}) : kNever;
  }
}

}  // namespace gatehouse::partition
