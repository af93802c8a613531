// SPDX-License-Identifier: GPL-2.0-or-later
// The policy's firewalls and meters. Not on the packet path: may allocate.
#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

#include "hw/core/pipeline/tables.hh"

namespace gatehouse::pipeline {
namespace {

std::string label(const char* list, size_t index, const std::string& name) {
  return std::string(list) + "[" + std::to_string(index) + "] (" + name + ")";
}

bool is_prefix(const IpPrefix& prefix) {
  const IpAddress& ip = prefix.address;
  return (ip.is_v4() && prefix.length <= 32) || (ip.is_v6() && prefix.length <= 128);
}

bool all_prefixes(const std::vector<IpPrefix>& list) {
  return std::all_of(list.begin(), list.end(), is_prefix);
}

bool all_ranges(const std::vector<policy::PortRange>& list) {
  return std::all_of(list.begin(), list.end(),
                     [](const auto& range) { return range.first <= range.last; });
}

// A list by its names; there may be many.
template <class T>
class Named {
 public:
  explicit Named(const std::vector<T>& list) : twice_(list.size()) {
    known_.reserve(list.size());
    for (size_t i = 0; i < list.size() && twice_ == list.size(); ++i) {
      if (!known_.emplace(list[i].name, &list[i]).second) twice_ = i;
    }
  }
  const T* find(const std::string& name) const {
    const auto found = known_.find(name);
    return found == known_.end() ? nullptr : found->second;
  }
  // Two of one name: the second one's index; else the size.
  size_t twice() const { return twice_; }

 private:
  std::unordered_map<std::string_view, const T*> known_;
  size_t twice_;
};

// What the policy has for vnics and tenants to name.
struct Names {
  explicit Names(const policy::Policy& policy)
      : groups(policy.groups), firewalls(policy.firewalls), meters(policy.meters) {}
  Named<policy::Group> groups;
  Named<policy::Firewall> firewalls;
  Named<policy::Meter> meters;
};

// The members of groups. Addresses mean something within a tenant only: of the vnics that say they
// belong to a group, those of one tenant are its members. Each set is made once, when the first
// rule asks for it.
class Memberships {
 public:
  Memberships(const policy::Policy& policy, const Names& names) : names_(names) {
    for (const policy::Vnic& vnic : policy.vnics) {
      for (const std::string& group : vnic.groups) vnics_[{vnic.tenant, group}].push_back(&vnic);
    }
  }

  firewall::Members of(const std::string& group, const std::string& tenant) {
    Set& listed = listed_[group];
    if (!listed) listed = firewall::Members::set_of(names_.groups.find(group)->addresses);
    const auto vnics = vnics_.find({tenant, group});
    if (vnics == vnics_.end()) return {listed, nullptr};
    Set& own = tenants_[{tenant, group}];
    if (!own) {
      std::vector<IpPrefix> addresses;
      for (const policy::Vnic* vnic : vnics->second) {
        addresses.insert(addresses.end(), vnic->addresses.begin(), vnic->addresses.end());
      }
      own = firewall::Members::set_of(addresses);
    }
    return {listed, own};
  }

 private:
  using Set = firewall::Members::Set;
  using TenantGroup = std::pair<std::string_view, std::string_view>;

  const Names& names_;
  std::map<TenantGroup, std::vector<const policy::Vnic*>> vnics_;
  std::unordered_map<std::string, Set> listed_;
  std::map<std::pair<std::string, std::string>, Set> tenants_;
};

Status check_firewall(const policy::Policy& policy, size_t index, const Names& names) {
  const policy::Firewall& firewall = policy.firewalls[index];
  const std::string what = label("firewalls", index, firewall.name);
  if (firewall.rules.size() > firewall::RuleSet::kMaxRules) {
    return Status::error(what + ": more than " + std::to_string(firewall::RuleSet::kMaxRules) +
                         " rules");
  }
  for (size_t i = 0; i < firewall.rules.size(); ++i) {
    const policy::Rule& rule = firewall.rules[i];
    const std::string which = what + ": rules[" + std::to_string(i) + "]: ";
    if (!all_prefixes(rule.remote) || !all_prefixes(rule.local)) {
      return Status::error(which + "an address is not one");
    }
    if (!all_ranges(rule.ports) || !all_ranges(rule.source_ports)) {
      return Status::error(which + "a range of ports ends before it begins");
    }
    if (rule.groups.size() > policy::kMaxRuleGroups) {
      return Status::error(which + "more than " + std::to_string(policy::kMaxRuleGroups) +
                           " groups");
    }
    for (const std::string& group : rule.groups) {
      if (names.groups.find(group) != nullptr) continue;
      return Status::error(which + "no group is named '" + group + "'");
    }
  }
  return {};
}

Status check_meter(const policy::Policy& policy, size_t index) {
  const policy::Meter& meter = policy.meters[index];
  const std::string what = label("meters", index, meter.name);
  if (meter.committed_rate == 0 || meter.peak_rate < meter.committed_rate) {
    return Status::error(what + ": the peak rate must be at least the committed one, above 0");
  }
  if (meter.yellow_dscp && *meter.yellow_dscp > 63) {
    return Status::error(what + ": a DSCP has 6 bits");
  }
  return {};
}

Status check(const policy::Policy& policy, const Names& names) {
  if (policy.groups.size() > policy::kMaxGroups) {
    return Status::error("groups: more than " + std::to_string(policy::kMaxGroups));
  }
  if (const size_t i = names.groups.twice(); i != policy.groups.size()) {
    return Status::error(label("groups", i, policy.groups[i].name) + ": the name is there twice");
  }
  if (const size_t i = names.firewalls.twice(); i != policy.firewalls.size()) {
    return Status::error(label("firewalls", i, policy.firewalls[i].name) +
                         ": the name is there twice");
  }
  if (const size_t i = names.meters.twice(); i != policy.meters.size()) {
    return Status::error(label("meters", i, policy.meters[i].name) + ": the name is there twice");
  }
  for (size_t i = 0; i < policy.groups.size(); ++i) {
    if (all_prefixes(policy.groups[i].addresses)) continue;
    return Status::error(label("groups", i, policy.groups[i].name) + ": an address is not one");
  }
  for (size_t i = 0; i < policy.firewalls.size(); ++i) {
    if (Status status = check_firewall(policy, i, names); !status.ok()) return status;
  }
  for (size_t i = 0; i < policy.meters.size(); ++i) {
    if (Status status = check_meter(policy, i); !status.ok()) return status;
  }
  return {};
}

Watch watch_of(const policy::Firewall& firewall, const std::string& tenant,
               Memberships& memberships) {
  const auto members = [&](const std::string& name) { return memberships.of(name, tenant); };
  return {firewall::RuleSet(firewall, members), std::max(firewall.connections, 1u),
          std::max(firewall.half_open, 1u)};
}

}  // namespace

Status build_guards(const policy::Policy& policy, Tables& tables) {
  const Names names(policy);
  if (Status status = check(policy, names); !status.ok()) return status;
  Memberships memberships(policy, names);
  std::map<std::pair<const policy::Firewall*, std::string>, uint32_t> known;
  for (size_t i = 0; i < tables.vnics.size(); ++i) {
    VnicRow& row = tables.vnics[i];
    const policy::Vnic& vnic = row.policy;
    const std::string what = label("vnics", i, vnic.name);
    for (const std::string& group : vnic.groups) {
      if (names.groups.find(group) != nullptr) continue;
      return Status::error(what + ": no group is named '" + group + "'");
    }
    if (!vnic.meter.empty()) {
      const policy::Meter* meter = names.meters.find(vnic.meter);
      if (meter == nullptr) return Status::error(what + ": no meter is named '" + vnic.meter + "'");
      row.meter = *meter;
    }
    if (vnic.firewall.empty()) continue;
    const policy::Firewall* firewall = names.firewalls.find(vnic.firewall);
    if (firewall == nullptr) {
      return Status::error(what + ": no firewall is named '" + vnic.firewall + "'");
    }
    const auto [at, fresh] = known.emplace(std::pair(firewall, vnic.tenant),
                                           static_cast<uint32_t>(tables.watches.size()));
    if (fresh) tables.watches.push_back(watch_of(*firewall, vnic.tenant, memberships));
    row.watch = at->second;
  }
  for (size_t i = 0; i < tables.tenants.size(); ++i) {
    const std::string& name = policy.tenants[i].meter;
    if (name.empty()) continue;
    const policy::Meter* meter = names.meters.find(name);
    if (meter == nullptr) {
      return Status::error(label("tenants", i, policy.tenants[i].name) + ": no meter is named '" +
                           name + "'");
    }
    tables.tenants[i].meter.set(meter);
  }
  tables.connections = std::clamp(policy.connections, 1u, flow::Table::kMaxCapacity);
  return {};
}

}  // namespace gatehouse::pipeline
