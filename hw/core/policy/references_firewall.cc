// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/layers.hh"
#include "hw/core/policy/checker.hh"
#include "hw/core/policy/values.hh"

namespace gatehouse::policy {
namespace {

constexpr size_t kMaxRules = 1024;

bool is(const Rule& rule, IpProtocol protocol) {
  return rule.protocol == static_cast<uint8_t>(protocol);
}

size_t size_of(const Rule& rule) {
  return 1 + rule.ports.size() + rule.source_ports.size() + rule.icmp_types.size() +
         rule.remote.size() + rule.groups.size() + rule.local.size();
}

// Bits: 1 for IPv4, 2 for IPv6. No address is any.
unsigned versions_of(const std::vector<IpPrefix>& prefixes) {
  unsigned versions = prefixes.empty() ? 3 : 0;
  for (const IpPrefix& one : prefixes) versions |= one.address.is_v4() ? 1 : 2;
  return versions;
}

// Names of a list, each once.
template <class T>
Found collect(const std::vector<T>& list, std::string_view name, Index& names) {
  for (size_t i = 0; i < list.size(); ++i) {
    const auto [other, fresh] = names.emplace(list[i].name, i);
    if (fresh) continue;
    return Finding{path_to(name, i, "name"),
                   already(in_quotes(list[i].name), {Step::to(name), Step::at(other->second)},
                           "choose another name")};
  }
  return {};
}

std::string at_most(const char* why, size_t count) {
  return std::string(why) + "; write at most " + std::to_string(count);
}

}  // namespace

Found Checker::guards() {
  if (Found found = group_sizes()) return found;
  if (Found found = collect(policy_.groups, "groups", groups_)) return found;
  if (Found found = collect(policy_.firewalls, "firewalls", firewalls_)) return found;
  if (Found found = collect(policy_.meters, "meters", meters_)) return found;
  for (size_t i = 0; i < policy_.firewalls.size(); ++i) {
    if (Found found = firewall(i)) return found;
  }
  for (size_t i = 0; i < policy_.meters.size(); ++i) {
    if (Found found = meter(i)) return found;
  }
  return {};
}

// Guests wait while a policy is loaded, and the sets of members are a part of that.
Found Checker::group_sizes() {
  if (policy_.groups.size() > kMaxGroups) {
    return Finding{{Step::to("groups"), Step::at(kMaxGroups)},
                   at_most("there are more groups than the card takes", kMaxGroups)};
  }
  constexpr const char* kTooMany = "all groups together have more addresses than the card takes";
  size_t addresses = 0;
  for (size_t i = 0; i < policy_.groups.size(); ++i) {
    const size_t before = addresses;
    addresses += policy_.groups[i].addresses.size();
    if (addresses <= kMaxGroupAddresses) continue;
    return Finding{path_to("groups", i, "addresses", kMaxGroupAddresses - before),
                   at_most(kTooMany, kMaxGroupAddresses) + ", joined into prefixes"};
  }
  for (size_t i = 0; i < policy_.vnics.size(); ++i) {
    const Vnic& vnic = policy_.vnics[i];
    addresses += vnic.addresses.size() * vnic.groups.size();
    if (addresses <= kMaxGroupAddresses) continue;
    return Finding{path_to("vnics", i, "groups"),
                   at_most(kTooMany, kMaxGroupAddresses) + ", each of a vnic's for each of its"};
  }
  return {};
}

Found Checker::firewall(size_t index) {
  const Firewall& firewall = policy_.firewalls[index];
  size_t size = 0;
  for (size_t i = 0; i < firewall.rules.size(); ++i) {
    if (i == kMaxRules) {
      return Finding{path_to("firewalls", index, "rules", i),
                     "each rule costs time for each new connection; write at most " +
                         std::to_string(kMaxRules)};
    }
    if (Found found = rule(index, i)) return found;
    size += size_of(firewall.rules[i]);
  }
  firewall_sizes_.push_back(size);
  return {};
}

Found Checker::rule(size_t firewall, size_t index) {
  const Rule& rule = policy_.firewalls[firewall].rules[index];
  const auto path = [&](std::string_view member) {
    Path whole = path_to("firewalls", firewall, "rules", index);
    whole.push_back(Step::to(member));
    return whole;
  };
  const bool ports = is(rule, IpProtocol::kTcp) || is(rule, IpProtocol::kUdp);
  if (!rule.ports.empty() && !ports) {
    return Finding{path("ports"),
                   "only TCP and UDP have ports; add \"protocol\": \"tcp\" or \"udp\""};
  }
  if (!rule.source_ports.empty() && !ports) {
    return Finding{path("source_ports"),
                   "only TCP and UDP have ports; add \"protocol\": \"tcp\" or \"udp\""};
  }
  if (!rule.icmp_types.empty() && !is(rule, IpProtocol::kIcmp) && !is(rule, IpProtocol::kIcmpv6)) {
    return Finding{path("icmp_types"),
                   "only ICMP has types; add \"protocol\": \"icmp\" or \"icmpv6\""};
  }
  // Members of groups may be of either version.
  if (rule.groups.empty() && (versions_of(rule.remote) & versions_of(rule.local)) == 0) {
    return Finding{path("remote"),
                   "\"local\" is of another version of IP, and no packet is of both; correct one "
                   "of the two"};
  }
  if (rule.groups.size() > kMaxRuleGroups) {
    Path at = path("groups");
    at.push_back(Step::at(kMaxRuleGroups));
    return Finding{std::move(at),
                   at_most("each group costs time for each new connection", kMaxRuleGroups)};
  }
  for (size_t i = 0; i < rule.groups.size(); ++i) {
    Path at = path("groups");
    at.push_back(Step::at(i));
    if (Found found = known(groups_, "group", rule.groups[i], std::move(at))) return found;
  }
  return {};
}

Found Checker::meter(size_t index) {
  const Meter& meter = policy_.meters[index];
  if (meter.peak_rate >= meter.committed_rate) return {};
  return Finding{path_to("meters", index, "peak_rate"),
                 std::to_string(meter.peak_rate) + " is below the committed rate of " +
                     std::to_string(meter.committed_rate) + "; write at least as much"};
}

Found Checker::vnic_guards(size_t index) {
  const Vnic& vnic = policy_.vnics[index];
  for (size_t i = 0; i < vnic.groups.size(); ++i) {
    Path path = path_to("vnics", index, "groups", i);
    if (Found found = known(groups_, "group", vnic.groups[i], std::move(path))) return found;
  }
  Path firewall = path_to("vnics", index, "firewall");
  if (Found found = known(firewalls_, "firewall", vnic.firewall, std::move(firewall))) return found;
  if (Found found = vnic_rules(index)) return found;
  if (Found found = known(meters_, "meter", vnic.meter, path_to("vnics", index, "meter")))
    return found;
  return known(mirrors_, "mirror", vnic.mirror, path_to("vnics", index, "mirror"));
}

// The tenant exists, and the firewall if there is one.
Found Checker::vnic_rules(size_t index) {
  const Vnic& vnic = policy_.vnics[index];
  if (vnic.firewall.empty()) return {};
  const size_t firewall = firewalls_.at(vnic.firewall);
  if (!tenant_firewalls_.emplace(firewall, tenants_.at(vnic.tenant)).second) return {};
  all_rules_ += firewall_sizes_[firewall];
  if (all_rules_ <= kMaxAllRules) return {};
  return Finding{path_to("vnics", index, "firewall"),
                 at_most("the rules of all vnics, once for each tenant, are more than the card "
                         "takes with all ports, types, addresses and groups in them",
                         kMaxAllRules)};
}

Found Checker::mirrors() {
  if (Found found = collect(policy_.mirrors, "mirrors", mirrors_)) return found;
  for (size_t i = 0; i < policy_.mirrors.size(); ++i) {
    const Mirror& mirror = policy_.mirrors[i];
    size_t tenant = 0;
    if (Found found = tenant_exists(mirror.tenant, path_to("mirrors", i, "tenant"), tenant))
      return found;
    if (Found found = peer(mirror.peer, path_to("mirrors", i, "peer"))) return found;
    const Format& format = *formats_.at(policy_.tenants[tenant].format);
    if (format.inner != Inside::kEthernet) {
      return Finding{path_to("mirrors", i, "tenant"),
                     "its format carries no Ethernet frames, which copies are; name another"};
    }
    if (Found found = vni_fits(mirror.vni, format, path_to("mirrors", i, "vni"))) return found;
  }
  return {};
}

// No name is fine.
Found Checker::known(const Index& names, std::string_view what, const std::string& name,
                     Path path) {
  if (name.empty() || names.contains(name)) return {};
  std::vector<std::string_view> all;
  for (const auto& [one, index] : names) all.push_back(one);
  return Finding{std::move(path), unknown_name(what, name, std::string(what) + "s", all)};
}

}  // namespace gatehouse::policy
