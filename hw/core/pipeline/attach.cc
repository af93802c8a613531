// SPDX-License-Identifier: GPL-2.0-or-later
// Tables come and go, vnics come and go; here they find each other by name.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {
namespace {

uint32_t row_of(const Tables& tables, const std::string& name) {
  const auto found = tables.vnic_rows.find(name);
  return found == tables.vnic_rows.end() ? kNoRow : found->second;
}

// Buckets go on where a tenant's meter stays the same.
void adopt_meters(const std::vector<Tenant>& from, std::vector<Tenant>& to) {
  std::unordered_map<std::string_view, const Metered*> known;
  for (const Tenant& tenant : from) {
    if (tenant.meter.policy) known.emplace(tenant.name, &tenant.meter);
  }
  for (Tenant& tenant : to) {
    const auto before = known.find(tenant.name);
    if (before == known.end() || before->second->policy != tenant.meter.policy) continue;
    tenant.meter = *before->second;
  }
}

}  // namespace

Pipeline::Impl::Impl(PacketPool& packet_pool, Sink& frame_sink, uint64_t seed)
    : pool(packet_pool), sink(frame_sink), tables(std::make_unique<Tables>()), guard(seed, this) {
  tables->interfaces.resize(kMaxUplinks);
}

// Two attached vnics of one tenant can't have one MAC, nor a vnic that of a mapping: nobody could
// tell whom a frame is for, or from.
Status Pipeline::Impl::check_macs(const Tables& with) const {
  auto seen = std::make_unique<deliver::VnicTable>();
  for (unsigned i = 0; i < kMaxVnics; ++i) {
    if (!vnics[i].attached) continue;
    const uint32_t row = row_of(with, vnics[i].name);
    if (row == kNoRow) continue;
    const uint16_t tenant = with.vnics[row].tenant;
    const MacAddress mac = with.vnics[row].policy.mac.value_or(vnics[i].device_mac);
    const auto& mapped = with.mapped_macs;
    if (std::binary_search(mapped.begin(), mapped.end(), std::pair(tenant, mac))) {
      return Status::error("vnic " + vnics[i].name + ": MAC address " + to_string(mac) +
                           " is in a mapping of tenant " + with.tenants[tenant].name +
                           "; give one of them another mac");
    }
    if (seen->insert(tenant, mac, static_cast<uint16_t>(i))) continue;
    const unsigned other = seen->find(tenant, mac.octets.data());
    return Status::error("vnic " + vnics[i].name + ": MAC address " + to_string(mac) + " is vnic " +
                         vnics[other].name + "'s of tenant " + with.tenants[tenant].name +
                         "; give one of them another mac=");
  }
  return {};
}

void Pipeline::Impl::bind() {
  by_mac.clear();
  vnic_of_row.assign(tables->vnics.size(), deliver::VnicTable::kNone);
  Guard::Vnics forgotten;
  for (unsigned i = 0; i < kMaxVnics; ++i) {
    Vnic& vnic = vnics[i];
    vnic.row = vnic.attached ? row_of(*tables, vnic.name) : kNoRow;
    vnic.tenant = kNoTenant;
    vnic.rules = {};
    vnic.mirror = kNoRow;
    vnic.coalesces = false;
    if (vnic.row == kNoRow) {
      guard.set(i, nullptr);
      forgotten.set(i);
      vnic.meter = {};
      continue;
    }
    const VnicRow& row = tables->vnics[vnic.row];
    const MacAddress mac = row.policy.mac.value_or(vnic.device_mac);
    vnic.tenant = row.tenant;
    // Another tenant's addresses are others', whatever they look like.
    const std::string& tenant = tables->tenants[row.tenant].name;
    if (vnic.tenant_name != tenant || row.watch == kNoRow) forgotten.set(i);
    vnic.tenant_name = tenant;
    guard.set(i, row.watch == kNoRow ? nullptr : &tables->watches[row.watch]);
    vnic.mirror = row.mirror;
    vnic.coalesces = row.policy.coalesce;
    vnic.meter.set(row.meter ? &*row.meter : nullptr);
    vnic.rules = spoof::Rules(row.policy, mac);
    vnic_of_row[vnic.row] = static_cast<uint16_t>(i);
    by_mac.insert(vnic.tenant, mac, static_cast<uint16_t>(i));
  }
  guard.forget(forgotten);
}

// Frames that wait for a neighbour have their outer headers: where these would be others now, or
// the vnic is another tenant's or nobody's, they would reach somebody else. (A mirror's copies
// never wait.)
void Pipeline::Impl::give_up_outdated(const Tables& next) {
  if (tables->neighbours.waiting() == 0) return;
  using Key = std::tuple<std::string_view, uint32_t, IpAddress>;
  std::map<Key, const NextHop*> hops;
  for (const NextHop& hop : next.next_hops)
    hops.emplace(Key{next.tenants[hop.tenant].name, hop.vni, hop.peer}, &hop);
  std::set<uint16_t> outdated;  // tenants
  for (const NextHop& hop : tables->next_hops) {
    if (tables->neighbours.waiting(hop.neighbour) == 0) continue;
    const auto found = hops.find({tables->tenants[hop.tenant].name, hop.vni, hop.peer});
    if (found == hops.end() || !hop.outer.writes_as(found->second->outer))
      outdated.insert(hop.tenant);
  }
  for (unsigned i = 0; i < kMaxVnics; ++i) {
    if (vnics[i].row == kNoRow) continue;
    const VnicRow& before = tables->vnics[vnics[i].row];
    const uint32_t row = row_of(next, vnics[i].name);
    const bool stays =
        row != kNoRow && !outdated.contains(before.tenant) &&
        next.tenants[next.vnics[row].tenant].name == tables->tenants[before.tenant].name;
    if (!stays) tables->neighbours.give_up(static_cast<uint16_t>(i), *this);
  }
  if (!outdated.empty()) tables->neighbours.give_up(kOwnPort, *this);
}

Status Pipeline::Impl::load(const policy::Policy& policy) {
  auto built = build(policy);
  if (!built.ok()) return built.status();
  if (Status status = check_macs(*built.value()); !status.ok()) return status;
  const auto watched = std::ranges::count_if(
      built.value()->vnics, [](const VnicRow& row) { return row.watch != kNoRow; });
  const uint32_t connections = built.value()->connections;
  if (watched != 0 &&
      !guard.reserve(connections, static_cast<uint32_t>(std::min<ptrdiff_t>(watched, kMaxVnics)))) {
    return Status::error("connections: no memory for " + std::to_string(connections) +
                         " of them; write fewer");
  }
  let_go();
  give_up_outdated(*built.value());
  built.value()->neighbours.adopt(tables->neighbours, *this);
  adopt_meters(tables->tenants, built.value()->tenants);
  tables = std::move(built.value());
  guard.rules_changed();
  set_coalescing(policy);
  set_reassembly();
  bind();
  return {};
}

Status Pipeline::Impl::attach(unsigned vnic, const std::string& name, const MacAddress& mac) {
  if (vnic >= kMaxVnics) return Status::error("the card has room for 256 vnics");
  if (vnics[vnic].attached) return Status::error("vnic " + name + ": its place is taken");
  for (const Vnic& other : vnics) {
    if (other.attached && other.name == name) {
      return Status::error("vnic " + name + ": the name is attached already");
    }
  }
  vnics[vnic] = Vnic();
  vnics[vnic].attached = true;
  vnics[vnic].name = name;
  vnics[vnic].device_mac = mac;
  Status status = check_macs(*tables);
  if (!status.ok()) vnics[vnic] = Vnic();
  bind();
  return status;
}

void Pipeline::Impl::detach(unsigned vnic) {
  if (vnic >= kMaxVnics) return;
  vnics[vnic].attached = false;  // it gets nothing more
  // Others keep what is held for them: they may be taken away to load a saved state, and are not
  // written to then.
  if (coalescer_) coalescer_->flush_owner(static_cast<uint16_t>(vnic));
  // Else they would end as drops of whoever gets the number next.
  tables->neighbours.give_up(static_cast<uint16_t>(vnic), *this);
  vnics[vnic] = Vnic();
  bind();
}

}  // namespace gatehouse::pipeline
