// SPDX-License-Identifier: GPL-2.0-or-later
// The policy's firewalls and meters. Not on the packet path: may allocate.
#include <algorithm>
#include <map>

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

template <class T>
const T* find(const std::vector<T>& list, const std::string& name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const T& one) { return one.name == name; });
  return found == list.end() ? nullptr : &*found;
}

// Two of one name: the second one's index; else the size.
template <class T>
size_t twice(const std::vector<T>& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (find(list, list[i].name) != &list[i]) return i;
  }
  return list.size();
}

Status check_firewall(const policy::Policy& policy, size_t index) {
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
    for (const std::string& group : rule.groups) {
      if (find(policy.groups, group) != nullptr) continue;
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

Status check(const policy::Policy& policy) {
  if (const size_t i = twice(policy.groups); i != policy.groups.size()) {
    return Status::error(label("groups", i, policy.groups[i].name) + ": the name is there twice");
  }
  if (const size_t i = twice(policy.firewalls); i != policy.firewalls.size()) {
    return Status::error(label("firewalls", i, policy.firewalls[i].name) +
                         ": the name is there twice");
  }
  if (const size_t i = twice(policy.meters); i != policy.meters.size()) {
    return Status::error(label("meters", i, policy.meters[i].name) + ": the name is there twice");
  }
  for (size_t i = 0; i < policy.groups.size(); ++i) {
    if (all_prefixes(policy.groups[i].addresses)) continue;
    return Status::error(label("groups", i, policy.groups[i].name) + ": an address is not one");
  }
  for (size_t i = 0; i < policy.firewalls.size(); ++i) {
    if (Status status = check_firewall(policy, i); !status.ok()) return status;
  }
  for (size_t i = 0; i < policy.meters.size(); ++i) {
    if (Status status = check_meter(policy, i); !status.ok()) return status;
  }
  return {};
}

// Addresses mean something within a tenant only: members are those of this one.
Watch watch_of(const policy::Policy& policy, const policy::Firewall& firewall,
               const std::string& tenant) {
  const auto members = [&](const std::string& name) {
    std::vector<IpPrefix> addresses = find(policy.groups, name)->addresses;
    for (const policy::Vnic& vnic : policy.vnics) {
      if (vnic.tenant != tenant) continue;
      if (std::find(vnic.groups.begin(), vnic.groups.end(), name) == vnic.groups.end()) continue;
      addresses.insert(addresses.end(), vnic.addresses.begin(), vnic.addresses.end());
    }
    return addresses;
  };
  return {firewall::RuleSet(firewall, members), std::max(firewall.connections, 1u),
          std::max(firewall.half_open, 1u)};
}

}  // namespace

Status build_guards(const policy::Policy& policy, Tables& tables) {
  if (Status status = check(policy); !status.ok()) return status;
  std::map<std::pair<const policy::Firewall*, std::string>, uint32_t> known;
  for (size_t i = 0; i < tables.vnics.size(); ++i) {
    VnicRow& row = tables.vnics[i];
    const policy::Vnic& vnic = row.policy;
    const std::string what = label("vnics", i, vnic.name);
    for (const std::string& group : vnic.groups) {
      if (find(policy.groups, group) != nullptr) continue;
      return Status::error(what + ": no group is named '" + group + "'");
    }
    if (!vnic.meter.empty()) {
      const policy::Meter* meter = find(policy.meters, vnic.meter);
      if (meter == nullptr) return Status::error(what + ": no meter is named '" + vnic.meter + "'");
      row.meter = *meter;
    }
    if (vnic.firewall.empty()) continue;
    const policy::Firewall* firewall = find(policy.firewalls, vnic.firewall);
    if (firewall == nullptr) {
      return Status::error(what + ": no firewall is named '" + vnic.firewall + "'");
    }
    const auto [at, fresh] = known.emplace(std::pair(firewall, vnic.tenant),
                                           static_cast<uint32_t>(tables.watches.size()));
    if (fresh) tables.watches.push_back(watch_of(policy, *firewall, vnic.tenant));
    row.watch = at->second;
  }
  for (size_t i = 0; i < tables.tenants.size(); ++i) {
    const std::string& name = policy.tenants[i].meter;
    if (name.empty()) continue;
    const policy::Meter* meter = find(policy.meters, name);
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
