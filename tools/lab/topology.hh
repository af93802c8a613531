// SPDX-License-Identifier: GPL-2.0-or-later
// Who is where: cards (and other tunnel end points) on one underlay, and the policy file that each
// card gets from it.
#ifndef GATEHOUSE_TOOLS_LAB_TOPOLOGY_HH_
#define GATEHOUSE_TOOLS_LAB_TOPOLOGY_HH_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gatehouse::lab {

struct Endpoint {
  std::string vnic{};  // id of the gatehouse-vnic; for other end points any name
  std::string tenant{};
  std::string mac{};
  std::vector<std::string> addresses{};  // overlay, without prefix length
  bool anti_spoof = true;
  bool default_route = false;  // whatever its tenant has no mapping for goes here
};

struct Host {
  std::string name{};
  std::string mac{};                    // of its uplink
  std::vector<std::string> underlay{};  // addresses with prefix length, of one or both families
  std::vector<Endpoint> endpoints{};
};

struct TenantPlan {
  std::string name{};
  unsigned vni = 0;
  std::string format = "geneve";
  std::string broadcast_peer{};  // underlay address, empty = none
  unsigned mtu = 0;              // 0 = what the underlay leaves
};

struct Topology {
  std::vector<TenantPlan> tenants{};
  std::vector<Host> hosts{};
  unsigned underlay_mtu = 1600;
  bool ipv6_underlay = false;  // which of a host's underlay addresses peers use
  nlohmann::json formats = nlohmann::json::array();

  const Host& host(const std::string& name) const;
  // What the card of this host is told: its own vnics, and a mapping for each end point elsewhere.
  nlohmann::json policy_of(const std::string& host_name) const;
  // Writes it to `path` and returns the path.
  std::string write_policy(const std::string& host_name, const std::string& path) const;
};

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_TOPOLOGY_HH_
