// SPDX-License-Identifier: GPL-2.0-or-later
// What the card is told to do, as plain data: the result of reading a policy file, the input of
// Pipeline::load. No behaviour. Reading files (JSON, schema, line and column of errors) is
// policy/reader.hh, which is not part of the freestanding core.
#ifndef GATEHOUSE_HW_CORE_POLICY_POLICY_HH_
#define GATEHOUSE_HW_CORE_POLICY_POLICY_HH_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hw/core/base/address.hh"

namespace gatehouse::policy {

enum class FormatKind : uint8_t { kVxlan, kGeneve };

// How frames look on the underlay.
struct Format {
  std::string name;
  FormatKind kind = FormatKind::kGeneve;
  uint16_t port =
      6081;  // UDP destination port; 4789 for VXLAN (RFC 7348), 6081 for Geneve (RFC 8926)
  bool udp_checksum =
      false;  // over IPv4; over IPv6 it is always made unless zero_checksum_ipv6 (RFC 6935)
  bool zero_checksum_ipv6 = false;
  std::vector<uint8_t>
      options;       // Geneve options to send, whole TLVs, length a multiple of 4, at most 252
  uint8_t ttl = 64;  // outer TTL / hop limit
  std::optional<uint8_t>
      dscp;  // outer DSCP; absent: the inner one is copied (RFC 2983 uniform model)
};

struct Uplink {
  std::string name;  // "uplink0", "uplink1": the card's property
  MacAddress mac;
  std::vector<IpPrefix> addresses;  // own underlay addresses, with the length of the on-link prefix
  std::optional<IpAddress> gateway_v4, gateway_v6;
  uint16_t mtu = 1500;  // octets of the outer IP datagram
  uint16_t vlan = 0;    // underlay VLAN id, 0 = untagged
  struct Neighbour {
    IpAddress address;
    MacAddress mac;
  };
  std::vector<Neighbour> neighbours;  // static; others are resolved by ARP / ND
};

struct Tenant {
  std::string name;
  uint32_t vni = 0;                         // 24 bits
  std::string format;                       // name of a Format
  std::optional<IpAddress> broadcast_peer;  // underlay peer for DHCP and other broadcast; absent:
                                            // such frames are dropped
  uint16_t mtu =
      0;  // overlay MTU (octets of the inner IP datagram); 0 = what the uplink's MTU leaves
};

struct Vnic {
  std::string name;  // the id= of the gatehouse-vnic
  std::string tenant;
  std::optional<MacAddress> mac;  // absent: the device's mac= property
  std::vector<IpPrefix>
      addresses;  // what it may send from; host prefixes are also its local mappings
  bool anti_spoof = true;
  std::vector<uint16_t> vlans;  // tags it may send; empty: untagged (and priority-tagged) only
};

// tenant + destination -> where. Host prefixes are looked up exactly, others by longest match.
struct Mapping {
  std::string tenant;
  IpPrefix destination;
  MacAddress mac;               // inner destination MAC
  IpAddress peer;               // underlay address
  std::optional<uint32_t> vni;  // absent: the tenant's
};

struct Policy {
  std::vector<Format> formats;
  std::vector<Uplink> uplinks;
  std::vector<Tenant> tenants;
  std::vector<Vnic> vnics;
  std::vector<Mapping> mappings;
};

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_POLICY_HH_
