// SPDX-License-Identifier: GPL-2.0-or-later
// What is saved: counters, rate limits, meters, the running identification, neighbours,
// connections, frames that wait to be merged or put together. Tables come from the policy, vnics
// from their devices.
#include <algorithm>
#include <string_view>
#include <unordered_map>

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

// By name: the policy may have been written anew in between.
void archive_tenant_meters(Archive& archive, std::vector<Tenant>& tenants) {
  constexpr uint32_t kNameOctets = 4096;
  std::unordered_map<std::string_view, meter::TwoRate*> by_name;
  if (archive.loading()) {
    for (Tenant& tenant : tenants) by_name.emplace(tenant.name, &tenant.meter.rate);
  }
  const auto active = [](const Tenant& tenant) { return tenant.meter.rate.active(); };
  auto count = static_cast<uint32_t>(std::count_if(tenants.begin(), tenants.end(), active));
  archive(count);
  if (count >= kNoTenant) return archive.fail("saved state: more tenants' meters than tenants");
  auto next = tenants.begin();
  for (; count != 0 && archive.ok(); --count) {
    std::vector<uint8_t> name;
    meter::TwoRate unknown;
    meter::TwoRate* rate = &unknown;
    if (!archive.loading()) {
      next = std::find_if(next, tenants.end(), active);
      name.assign(next->name.begin(), next->name.end());
      rate = &next++->meter.rate;
    }
    archive(name, kNameOctets);
    if (archive.loading()) {
      const auto found = by_name.find({reinterpret_cast<const char*>(name.data()), name.size()});
      if (found != by_name.end()) rate = found->second;
    }
    rate->archive(archive);
  }
}

}  // namespace

void Pipeline::Impl::archive(Archive& archive) {
  const uint32_t version = archive.section("pipeline", 4);
  if (archive.loading()) {
    tables->neighbours.forget(*this);
    if (coalescer_) coalescer_->forget();
    if (reassembler_) reassembler_->forget();
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
    if (version >= 2) to.meter.rate.archive(archive);
  }
  tables->neighbours.archive(archive);
  if (version < 2) return;  // there was no firewall
  archive_tenant_meters(archive, tables->tenants);
  guard.archive(archive);
  if (version >= 3) archive_coalesced(archive);
  if (version >= 4) archive_segments(archive);
}

}  // namespace gatehouse::pipeline
