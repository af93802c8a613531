// SPDX-License-Identifier: GPL-2.0-or-later
// What is saved: counters, rate limits, the running identification, neighbours. Tables come from
// the policy, vnics from their devices.
#include "hw/core/base/archive.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {
namespace {

// Rows are appended: what an older state does not have is zero, what a newer one has more is read
// over.
template <size_t N>
void archive_counters(Archive& archive, std::array<uint64_t, N>& counters) {
  constexpr uint32_t kLimit = 4096;
  uint32_t count = N;
  archive(count);
  if (archive.loading() && count > kLimit) {
    archive.fail("saved state: too many counters");
    return;
  }
  if (archive.loading()) counters.fill(0);
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t unknown = 0;
    archive(i < N ? counters[i] : unknown);
  }
}

}  // namespace

void Pipeline::Impl::archive(Archive& archive) {
  archive.section("pipeline", 1);
  if (archive.loading()) {
    tables->neighbours.forget(*this);
    end_batch();
  }
  archive_counters(archive, drops_);
  archive(identification);
  for (Uplink& uplink : uplinks) archive_counters(archive, uplink.counters);
  for (Vnic& vnic : vnics) {
    bool there = vnic.attached;
    archive(there);
    if (!there) continue;
    // State of a vnic that is not attached here is read over.
    auto unknown = vnic.attached ? nullptr : std::make_unique<Vnic>();
    Vnic& to = vnic.attached ? vnic : *unknown;
    archive_counters(archive, to.drops);
    archive_counters(archive, to.counters);
    to.answers.archive(archive);
    to.too_big.archive(archive);
  }
  tables->neighbours.archive(archive);
}

}  // namespace gatehouse::pipeline
