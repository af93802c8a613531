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
  std::string meter;  // name of a Meter, for all its vnics of this card together; empty: none
};

struct Vnic {
  std::string name;  // the id= of the gatehouse-vnic
  std::string tenant;
  std::optional<MacAddress> mac;  // absent: the device's mac= property
  std::vector<IpPrefix>
      addresses;  // what it may send from; host prefixes are also its local mappings
  bool anti_spoof = true;
  std::vector<uint16_t> vlans;  // tags it may send; empty: untagged (and priority-tagged) only
  std::vector<std::string> groups = {};  // Groups to which its addresses belong
  std::string firewall = {};             // name of a Firewall; empty: none, everything passes
  std::string meter = {};                // name of a Meter; empty: none
};

// Addresses that rules name together; also those of the vnics that say they belong to it.
struct Group {
  std::string name;
  std::vector<IpPrefix> addresses;
};

struct PortRange {
  uint16_t first = 0, last = 0xffff;  // both inclusive
};

// About the first frame of a connection: who begins it, between whom, about what. An empty list
// and an absent value let anything match.
struct Rule {
  bool inward = true;  // to the vnic
  bool allow = true;
  bool log = false;
  std::optional<uint8_t> protocol;      // IP protocol, behind all extension headers
  std::vector<PortRange> ports;         // of the end that is asked
  std::vector<PortRange> source_ports;  // of the end that asks
  std::vector<uint8_t> icmp_types;
  std::vector<IpPrefix> remote;     // the other end: one of these,
  std::vector<std::string> groups;  // or a member of one of these
  std::vector<IpPrefix> local;      // the vnic's address
};

// The first rule that matches decides. None: a connection to the vnic is refused, one from it
// allowed.
struct Firewall {
  std::string name;
  uint32_t connections = 65536;  // of one vnic
  uint32_t half_open = 1024;     // of these, per direction, not yet answered
  std::vector<Rule> rules;
};

// RFC 2698. Octets are those of inner IP datagrams.
struct Meter {
  std::string name;
  uint32_t committed_rate = 0;         // kbit/s
  uint32_t committed_burst = 0;        // octets
  uint32_t peak_rate = 0;              // kbit/s
  uint32_t peak_burst = 0;             // octets
  bool colour_aware = false;           // a DSCP of RFC 2597 says what the frame's colour was before
  std::optional<uint8_t> yellow_dscp;  // absent: yellow frames are only counted
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
  std::vector<Group> groups;
  std::vector<Firewall> firewalls;
  std::vector<Meter> meters;
  uint32_t connections = 1u << 20;  // that the card tracks, for all vnics together
};

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_POLICY_HH_
