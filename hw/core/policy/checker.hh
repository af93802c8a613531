// SPDX-License-Identifier: GPL-2.0-or-later
// The checks behind references.hh, in three files: references_underlay.cc (formats, uplinks),
// references_firewall.cc (groups, firewalls, meters, mirrors) and references.cc (the overlay's
// part).
#ifndef GATEHOUSE_HW_CORE_POLICY_CHECKER_HH_
#define GATEHOUSE_HW_CORE_POLICY_CHECKER_HH_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hw/core/policy/references.hh"

namespace gatehouse::policy {

using Found = std::optional<Finding>;
using Index = std::unordered_map<std::string_view, size_t>;

inline Path path_to(std::string_view list, size_t index, std::string_view member) {
  return {Step::to(list), Step::at(index), Step::to(member)};
}

inline Path path_to(std::string_view list, size_t index, std::string_view member, size_t element) {
  return {Step::to(list), Step::at(index), Step::to(member), Step::at(element)};
}

inline std::string already(std::string_view value, const Path& other, std::string_view fix) {
  return std::string(value) + " is already taken by " + to_string(other) + "; " + std::string(fix);
}

// No `what` of that name is in `list`; tells which one may be meant.
std::string unknown_name(std::string_view what, std::string_view name, std::string_view list,
                         const std::vector<std::string_view>& known);

class Checker {
 public:
  explicit Checker(const Policy& policy) : policy_(policy) {}

  Found run() {
    if (Found found = formats()) return found;
    if (Found found = uplinks()) return found;
    if (Found found = guards()) return found;
    if (Found found = tenants()) return found;
    if (Found found = mirrors()) return found;
    if (Found found = vnics()) return found;
    return mappings();
  }

 private:
  Found formats();
  Found format(size_t index);
  Found uplinks();
  Found uplink(size_t index);
  Found gateway(size_t index, const std::optional<IpAddress>& gateway, std::string_view member);
  Found neighbours(size_t index);
  Found guards();
  Found group_sizes();
  Found firewall(size_t index);
  Found rule(size_t firewall, size_t index);
  Found meter(size_t index);
  Found vnic_guards(size_t index);
  Found vnic_rules(size_t index);
  Found mirrors();
  Found known(const Index& names, std::string_view what, const std::string& name, Path path);
  Found tenants();
  Found tenant(size_t index);
  Found tenant_format(size_t index);
  Found only_network(size_t index, const std::vector<size_t>& others);
  Found vni_fits(uint32_t vni, const Format& format, Path path);
  Found vnics();
  Found vnic(size_t index);
  Found vnic_addresses(size_t index, size_t tenant);
  Found ipv6_fits(const IpAddress& ip, size_t tenant, Path path);
  Found mappings();
  Found mapping(size_t index, size_t& tenant);
  Found duplicate_mapping(std::vector<std::tuple<size_t, IpPrefix, size_t>>& keys);
  Found peer(const IpAddress& peer, Path path);
  Found tenant_exists(const std::string& name, Path path, size_t& index);
  bool on_link(const Uplink& uplink, const IpAddress& ip) const;

  const Policy& policy_;
  std::map<std::string_view, const Format*> formats_;
  std::map<std::string_view, size_t> used_formats_;  // the first tenant that names it
  Index groups_, firewalls_, meters_, mirrors_;
  std::vector<size_t> firewall_sizes_;                    // rules and what stands in their lists
  std::set<std::pair<size_t, size_t>> tenant_firewalls_;  // (firewall, tenant) of vnics
  size_t all_rules_ = 0;                                  // of tenant_firewalls_
  Index tenants_;
  std::map<std::pair<size_t, IpPrefix>, Path>
      vnic_addresses_;  // single addresses of each tenant's vnics
  std::map<std::pair<size_t, MacAddress>, size_t> vnic_macs_;  // by tenant
  std::string last_tenant_;  // mappings of one tenant mostly stand together
  size_t last_tenant_index_ = 0;
};

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_CHECKER_HH_
