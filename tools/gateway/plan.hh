// SPDX-License-Identifier: GPL-2.0-or-later
// What the gateway is, by its policy: the vnic's own addresses are the host, the name server and so
// on; the tenant's mappings are its clients.
#ifndef GATEHOUSE_TOOLS_GATEWAY_PLAN_HH_
#define GATEHOUSE_TOOLS_GATEWAY_PLAN_HH_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "hw/core/base/address.hh"
#include "hw/core/base/status.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::gateway {

struct Plan {
  std::string vnic;
  MacAddress mac;
  IpAddress host;                    // the vnic's first IPv4 address
  IpAddress dns;                     // its second one, else the one behind the first
  IpPrefix network;                  // `host` with the given length
  std::optional<IpAddress> host_v6;  // its first IPv6 address; the network is its /64
  IpAddress dns_v6;                  // its second one, else the one behind the first
  std::map<MacAddress, IpAddress>
      clients;  // IPv4 host mappings of the tenant; of several for one MAC the first in the file
  IpAddress first_client;  // of the file; host forwarding goes there when it names no guest
};

Result<Plan> make_plan(const policy::Policy& policy, std::string_view vnic, uint8_t prefix_length);

// QEMU's grammar: "tcp:127.0.0.1:2222-10.0.2.15:22"; both addresses may be left out (127.0.0.1 and
// the plan's first client). The host's side must be loopback.
struct Forward {
  bool udp = false;
  IpAddress host;
  uint16_t host_port = 0;
  IpAddress guest;
  uint16_t guest_port = 0;
};
Result<Forward> parse_forward(std::string_view text, const Plan& plan);

}  // namespace gatehouse::gateway

#endif  // GATEHOUSE_TOOLS_GATEWAY_PLAN_HH_
