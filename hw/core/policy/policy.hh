// SPDX-License-Identifier: GPL-2.0-or-later
// What the card is told to do, as plain data: the result of reading a policy file, the input of
// Pipeline::load. No behaviour. Reading files (JSON, schema, line and column of errors) is
// policy/reader.hh, which is not part of the freestanding core.
#ifndef GATEHOUSE_HW_CORE_POLICY_POLICY_HH_
#define GATEHOUSE_HW_CORE_POLICY_POLICY_HH_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hw/core/base/address.hh"

namespace gatehouse::policy {

inline constexpr uint32_t kMaxVni = 0xffffff;  // in all formats, whatever room they have for one

// Bits of a tunnel header, a number of network order: the octet and the bit (0 = the octet's most
// significant one) at which they begin, and how many. No bits: there is no such field.
struct Field {
  uint16_t octet = 0;
  uint8_t bit = 0;
  uint8_t bits = 0;
  explicit operator bool() const { return bits != 0; }
  bool operator==(const Field&) const = default;
};

// A length in octets: field * unit + addend.
struct LengthRule {
  Field field;
  uint16_t unit = 1;
  uint16_t addend = 0;
  bool operator==(const LengthRule&) const = default;
};

// Octets that tell a format: those at `octet`, as far as `mask` has bits, are `value`.
struct Match {
  uint16_t octet = 0;
  std::vector<uint8_t> value, mask;  // of one length
  bool operator==(const Match&) const = default;
};

// What differs between the flows of a tunnel, so that the underlay spreads them. kUsual: the flow
// field, if there is one, else the source port of UDP and TCP, else nothing.
enum class Entropy : uint8_t { kUsual, kSourcePort, kFlow, kNone };

// What stands behind the tunnel header. IP datagrams get their Ethernet header from the mapping.
// kEthernetSaid: of a file, over its kind; what has been read says kEthernet.
enum class Inside : uint8_t { kEthernet, kIp, kIpv4, kIpv6, kEthernetSaid };

// How a frame that one TCP-shaped segment does not hold travels. kStream: as STT has it, the tunnel
// header in the first segment alone. kRedundant: a piece of the inner headers in each. kUsual:
// kStream.
enum class Segments : uint8_t { kUsual, kStream, kRedundant };

inline constexpr uint16_t kMaxMtu = 16000;     // of uplinks and tenants
inline constexpr uint16_t kMinIpv6Mtu = 1280;  // RFC 8200 section 5

// How frames look on the underlay: the description from which the card recognises, builds and opens
// them. The tunnel header stands behind the outer IP header and what the protocol has in front of
// it: the UDP header, or a TCP-shaped one (davie-stt section 3.2). Offsets are in octets from its
// start. Whether a description holds together: policy/format_rules.hh.
struct Format {
  static constexpr uint8_t kUdp = 17, kTcp = 6;
  static constexpr size_t kMaxHeader = 48;    // octets of `header`
  static constexpr size_t kMaxIds = 48;       // of `id`
  static constexpr size_t kMaxOptions = 252;  // octets of `options`
  static constexpr uint8_t kOffloadBits = 40;

  std::string name;
  std::string kind;      // the shipped format whose description this one takes over; the reader's
  uint8_t protocol = 0;  // IP protocol
  uint16_t port = 0;     // kUdp, kTcp: destination port; else 0
  std::vector<uint8_t> header;  // as sent, with zeros where fields go; its length is the least one
  std::vector<Match> id;        // all of them hold
  Field tenant;                 // the VNI; no field: it is 0
  Field flow;
  Field checksum;  // RFC 1071's, of tunnel header and inner frame; 16 bits
  Inside inner = Inside::kEthernet;
  Field ether_type;         // of an inner IP datagram, 16 bits; no field: its first four bits tell
  LengthRule length;        // of the tunnel header with its options; no field: that of `header`
  LengthRule total_length;  // of tunnel header and inner frame
  // Options stand between `header` and the length that `length` tells.
  LengthRule option_length;  // of an option with its own header
  Field option_kind, option_critical;
  Field any_critical;  // of the tunnel header: an option is critical
  Field offload;       // kTcp: STT's flags, L4 offset and MSS, with the octet between them; 40 bits
  std::vector<uint8_t> options;  // as sent
  Entropy entropy = Entropy::kUsual;
  Segments segments = Segments::kUsual;  // kTcp only
  bool udp_checksum =
      false;  // over IPv4; over IPv6 it is always made unless zero_checksum_ipv6 (RFC 6935)
  bool zero_checksum_ipv6 = false;
  uint8_t ttl = 64;  // outer TTL / hop limit
  std::optional<uint8_t>
      dscp;  // outer DSCP; absent: the inner one is copied (RFC 2983 uniform model)

  bool has_ports() const { return protocol == kUdp || protocol == kTcp; }
  bool is_redundant() const { return segments == Segments::kRedundant; }
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
  uint32_t vni = 0;                         // at most kMaxVni
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
  std::string mirror = {};               // name of a Mirror; empty: none
  bool coalesce = false;                 // TCP segments from the wire are merged for it
};

// A policy is loaded while all guests wait. kMaxGroupAddresses: those listed with groups, and for
// each vnic as many as it has for each group that it belongs to. kMaxRuleGroups: a rule looks into
// each of its groups for each new connection. kMaxAllRules: rules and what stands in their lists,
// once for each tenant whose vnics have them.
inline constexpr size_t kMaxGroups = 1u << 18, kMaxGroupAddresses = 1u << 20, kMaxRuleGroups = 32,
                        kMaxAllRules = 1u << 20;

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
  std::string name = {};                // in the log; may be empty
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

// A session to which vnics' frames are copied: to an underlay peer, in the tenant's format.
struct Mirror {
  std::string name;
  std::string tenant;
  IpAddress peer;
  uint32_t vni = 0;
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
  bool operator==(const Meter&) const = default;
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
  std::vector<Mirror> mirrors;
  uint32_t coalesce_hold = 50;      // us that a segment waits for those behind it, at most
  uint32_t coalesce_segments = 64;  // merged into one, at most
  uint32_t connections = 1u << 20;  // that the card tracks, for all vnics together
};

}  // namespace gatehouse::policy

#endif  // GATEHOUSE_HW_CORE_POLICY_POLICY_HH_
