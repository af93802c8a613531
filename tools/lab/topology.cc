// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/topology.hh"

#include "tools/lab/failure.hh"
#include "tools/lab/process.hh"

namespace gatehouse::lab {
namespace {
using nlohmann::json;

bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }

std::string underlay_address(const Host& host, bool ipv6) {
  for (const std::string& address : host.underlay) {
    if (is_ipv6(address) == ipv6) return address.substr(0, address.find('/'));
  }
  throw Failure(host.name + " has no underlay address of the family asked for");
}

json vnic_of(const Endpoint& endpoint) {
  return {{"name", endpoint.vnic},
          {"tenant", endpoint.tenant},
          {"mac", endpoint.mac},
          {"addresses", endpoint.addresses},
          {"anti_spoof", endpoint.anti_spoof}};
}

void add_mappings(json& mappings, const Endpoint& endpoint, const std::string& peer) {
  std::vector<std::string> destinations = endpoint.addresses;
  if (endpoint.default_route) destinations.insert(destinations.end(), {"0.0.0.0/0", "::/0"});
  for (const std::string& destination : destinations) {
    mappings.push_back({{"tenant", endpoint.tenant},
                        {"destination", destination},
                        {"mac", endpoint.mac},
                        {"peer", peer}});
  }
}

}  // namespace

const Host& Topology::host(const std::string& name) const {
  for (const Host& host : hosts) {
    if (host.name == name) return host;
  }
  throw Failure("the topology has no host " + name);
}

json Topology::policy_of(const std::string& host_name) const {
  const Host& self = host(host_name);
  json policy = {{"formats", formats},
                 {"uplinks", json::array({{{"name", "uplink0"},
                                           {"mac", self.mac},
                                           {"addresses", self.underlay},
                                           {"mtu", underlay_mtu}}})},
                 {"tenants", json::array()},
                 {"vnics", json::array()},
                 {"mappings", json::array()}};
  for (const TenantPlan& tenant : tenants) {
    json row = {{"name", tenant.name}, {"vni", tenant.vni}, {"format", tenant.format}};
    if (!tenant.broadcast_peer.empty() &&
        tenant.broadcast_peer != underlay_address(self, is_ipv6(tenant.broadcast_peer))) {
      row["broadcast_peer"] = tenant.broadcast_peer;
    }
    if (tenant.mtu != 0) row["mtu"] = tenant.mtu;
    policy["tenants"].push_back(row);
  }
  for (const Endpoint& endpoint : self.endpoints) policy["vnics"].push_back(vnic_of(endpoint));
  for (const Host& other : hosts) {
    if (other.name == self.name) continue;
    for (const Endpoint& endpoint : other.endpoints) {
      add_mappings(policy["mappings"], endpoint, underlay_address(other, ipv6_underlay));
    }
  }
  return policy;
}

std::string Topology::write_policy(const std::string& host_name, const std::string& path) const {
  write_file(path, policy_of(host_name).dump(2) + "\n");
  return path;
}

}  // namespace gatehouse::lab
