// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/schema.hh"

#include <cassert>
#include <utility>

#include "hw/core/base/layers.hh"

namespace gatehouse::policy {
namespace {

constexpr ObjectRow kObjects[] = {
    {Object::kPolicy, "policy", "The file itself: one object. Every list may be absent or empty."},
    {Object::kFormat, "format",
     "How frames look on the underlay. `vxlan` (UDP port 4789) and `geneve` (UDP port 6081) are "
     "there without being declared, the other shipped formats as soon as a tenant names them. "
     "Others are described here: [formats](formats.md)."},
    {Object::kUplink, "uplink", "A port of the card towards the underlay network."},
    {Object::kNeighbour, "neighbour",
     "A next hop whose MAC address is given instead of asked for by ARP or Neighbor Discovery."},
    {Object::kTenant, "tenant",
     "An overlay network. Tenants never see each other; their overlay addresses may be the same."},
    {Object::kVnic, "vnic", "What one vnic of this card belongs to and may send."},
    {Object::kMapping, "mapping",
     "Where a tenant's destination is: which underlay peer, which inner MAC address. The longest "
     "prefix wins."},
    {Object::kGroup, "group",
     "Addresses that rules name together: those listed here, and those of the vnics that say they "
     "belong to it. For a vnic's rules only members of its own tenant count."},
    {Object::kFirewall, "firewall",
     "Rules for vnics that name it, and limits for each of them: [firewall](firewall.md). When no "
     "rule matches, connections to the vnic are refused and those from it allowed."},
    {Object::kRule, "rule",
     "About the first frame of a connection. The first rule that matches decides; an absent member "
     "lets anything match."},
    {Object::kMeter, "meter",
     "A two-rate three-colour marker (RFC 2698): frames above the peak rate are dropped."},
    {Object::kMirror, "mirror",
     "A session to which frames of vnics are copied, in a tenant's format and cut to what the "
     "underlay takes. Its peer is no peer of the tenant: nothing is taken from there."},
};

constexpr TypeRow kTypes[] = {
    {Type::kText, "a string", "text between quotes", "string", ""},
    {Type::kName, "a name", "1 to 64 letters, digits, \"_\", \"-\" or \".\", like %", "string",
     "^[A-Za-z0-9_.-]{1,64}$"},
    {Type::kKeyword, "a known word", "%", "string", ""},
    {Type::kBoolean, "a truth value", "true or false", "boolean", ""},
    {Type::kInteger, "a whole number", "%", "integer", ""},
    {Type::kMac, "a MAC address", "six octets like %", "string",
     "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"},
    {Type::kIp, "an IP address", "an IPv4 or IPv6 address like %", "string", "^[0-9A-Fa-f:.]+$"},
    {Type::kIpv4, "an IPv4 address", "four numbers like %", "string", "^[0-9.]+$"},
    {Type::kIpv6, "an IPv6 address", "an address like %", "string", "^[0-9A-Fa-f:.]+$"},
    {Type::kInterface, "an address with the length of its network", "it like %", "string",
     "^[0-9A-Fa-f:.]+/[0-9]{1,3}$"},
    {Type::kPrefix, "an IP address or prefix", "it like %", "string",
     "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"},
    {Type::kAnyPrefix, "an IP address or prefix", "it like %", "string",
     "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"},
    {Type::kHex, "a string of octets in hexadecimal", "two digits for each octet like %", "string",
     "^([0-9A-Fa-f]{2} ?)*$"},
    {Type::kField, "a place in a tunnel header", "octet:bits or octet.bit:bits like %", "string",
     "^[0-9]+(\\.[0-7])?:[0-9]+$"},
    {Type::kLengthRule, "a length in a tunnel header", "octet.bit:bits*unit+addend like %",
     "string", "^[0-9]+(\\.[0-7])?:[0-9]+(\\*[0-9]+)?(\\+[0-9]+)?$"},
    {Type::kMatch, "octets to be told by",
     "octet:value or, both of one length, octet:value/mask like %", "string",
     "^[0-9]+:([0-9A-Fa-f]{2} ?)+(/([0-9A-Fa-f]{2} ?)+)?$"},
    {Type::kPorts, "a port or a range of ports", "it like \"80\" or %", "string",
     "^[0-9]{1,5}(-[0-9]{1,5})?$"},
    {Type::kObject, "an object", "members between { and }", "object", ""},
};

Format& format(Policy& p) { return p.formats.back(); }
Uplink& uplink(Policy& p) { return p.uplinks.back(); }
Uplink::Neighbour& neighbour(Policy& p) { return p.uplinks.back().neighbours.back(); }
Tenant& tenant(Policy& p) { return p.tenants.back(); }
Vnic& vnic(Policy& p) { return p.vnics.back(); }
Mapping& mapping(Policy& p) { return p.mappings.back(); }
Group& group(Policy& p) { return p.groups.back(); }
Firewall& firewall(Policy& p) { return p.firewalls.back(); }
Rule& rule(Policy& p) { return p.firewalls.back().rules.back(); }
Meter& meter(Policy& p) { return p.meters.back(); }
Mirror& mirror(Policy& p) { return p.mirrors.back(); }

uint8_t protocol_of(const std::string& word) {
  if (word == "tcp") return static_cast<uint8_t>(IpProtocol::kTcp);
  if (word == "udp") return static_cast<uint8_t>(IpProtocol::kUdp);
  return static_cast<uint8_t>(word == "icmp" ? IpProtocol::kIcmp : IpProtocol::kIcmpv6);
}

void ignore(Policy&, Value&&) {}

constexpr char kCommentText[] = "For people; the card ignores it.";
constexpr char kPeerText[] =
    "Underlay address of the card or tunnel end behind which the destination is.";

// clang-format off
const Member kMembers[] = {
  {.object = Object::kPolicy, .name = "$schema", .type = Type::kText, .fallback = "(none)", .example = "\"policy.schema.json\"",
   .store = ignore, .text = "Where an editor finds the JSON Schema (`./gatehouse docs policy-schema`); the card ignores it."},
  {.object = Object::kPolicy, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"rack 4\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kPolicy, .name = "formats", .type = Type::kObject, .list = true, .child = Object::kFormat, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.formats.emplace_back(); }, .text = "Further formats, at most 256."},
  {.object = Object::kPolicy, .name = "uplinks", .type = Type::kObject, .list = true, .child = Object::kUplink, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.uplinks.emplace_back(); }, .text = "The card's ports towards the underlay."},
  {.object = Object::kPolicy, .name = "tenants", .type = Type::kObject, .list = true, .child = Object::kTenant, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.tenants.emplace_back(); }, .text = "The overlay networks."},
  {.object = Object::kPolicy, .name = "vnics", .type = Type::kObject, .list = true, .child = Object::kVnic, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.vnics.emplace_back(); }, .text = "The vnics of this card. A vnic that no entry names can send nothing."},
  {.object = Object::kPolicy, .name = "mappings", .type = Type::kObject, .list = true, .child = Object::kMapping, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.mappings.emplace_back(); }, .text = "Where the tenants' other addresses are."},
  {.object = Object::kPolicy, .name = "groups", .type = Type::kObject, .list = true, .child = Object::kGroup, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.groups.emplace_back(); }, .text = "Addresses that rules name together. At most 262144 groups."},
  {.object = Object::kPolicy, .name = "firewalls", .type = Type::kObject, .list = true, .child = Object::kFirewall, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.firewalls.emplace_back(); }, .text = "Rules that vnics name. With all that stands in their lists at most 1048576, once for each tenant whose vnics have them."},
  {.object = Object::kPolicy, .name = "meters", .type = Type::kObject, .list = true, .child = Object::kMeter, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.meters.emplace_back(); }, .text = "Rates that vnics and tenants name."},
  {.object = Object::kPolicy, .name = "mirrors", .type = Type::kObject, .list = true, .child = Object::kMirror, .fallback = "[]",
   .store = [](Policy& p, Value&&) { p.mirrors.emplace_back(); }, .text = "Sessions that vnics name."},
  {.object = Object::kPolicy, .name = "coalesce_hold", .type = Type::kInteger, .minimum = 0, .maximum = 1'000'000, .fallback = "50", .example = "100",
   .store = [](Policy& p, Value&& v) { p.coalesce_hold = v.integer; },
   .text = "Microseconds for which a vnic with `coalesce` may wait for the segment that follows; 0: it gets at once what came together."},
  {.object = Object::kPolicy, .name = "coalesce_segments", .type = Type::kInteger, .minimum = 2, .maximum = 1024, .fallback = "64", .example = "16",
   .store = [](Policy& p, Value&& v) { p.coalesce_segments = v.integer; }, .text = "The most segments that become one."},
  {.object = Object::kPolicy, .name = "connections", .type = Type::kInteger, .minimum = 64, .maximum = 1u << 26, .fallback = "1048576", .example = "1048576",
   .store = [](Policy& p, Value&& v) { p.connections = v.integer; },
   .text = "How many connections the card's firewalls track together; their memory, about 150 octets each, is taken as they come."},

  {.object = Object::kFormat, .name = "name", .type = Type::kName, .required = true, .example = "\"geneve-telemetry\"",
   .store = [](Policy& p, Value&& v) { format(p).name = std::move(v.text); }, .text = "What tenants call it; not `vxlan` or `geneve`."},
  {.object = Object::kFormat, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"for the lab\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kFormat, .name = "kind", .type = Type::kKeyword, .keywords = "vxlan|geneve|gre|gre-checksum|nvgre|slot|stt|stt-redundant|gre-udp|gue|gre-ip|ipip", .fallback = "(none: the description is all here)", .example = "\"geneve\"",
   .store = [](Policy& p, Value&& v) { format(p).kind = std::move(v.text); },
   .text = "A shipped format whose description holds where this one says nothing."},
  {.object = Object::kFormat, .name = "protocol", .type = Type::kInteger, .minimum = 1, .maximum = 255, .fallback = "(the kind's, else 17)", .example = "47",
   .store = [](Policy& p, Value&& v) { format(p).protocol = static_cast<uint8_t>(v.integer); },
   .text = "Outer IP protocol. 17: the tunnel header stands behind a UDP header. 6: behind a TCP-shaped one, as STT has it."},
  {.object = Object::kFormat, .name = "port", .type = Type::kInteger, .minimum = 1, .maximum = 65535, .fallback = "(the kind's)", .example = "6081",
   .store = [](Policy& p, Value&& v) { format(p).port = static_cast<uint16_t>(v.integer); },
   .text = "UDP or TCP destination port, sent and accepted. Other protocols have none."},
  {.object = Object::kFormat, .name = "header", .type = Type::kHex, .fallback = "(the kind's)", .example = "\"0000 6558 00000000\"",
   .store = [](Policy& p, Value&& v) { format(p).header = std::move(v.octets); },
   .text = "The tunnel header as it is sent, 1 to 48 octets, with zeros where the fields below go. In front of `inner` IP there may be none."},
  {.object = Object::kFormat, .name = "id", .type = Type::kMatch, .list = true, .some = true, .fallback = "(the kind's)", .example = "\"0:00006558/c080ffff\"",
   .store = [](Policy& p, Value&& v) { format(p).id.push_back(std::move(v.match)); },
   .text = "What a received header must have, so that it is one of this format: octet:value, or octet:value/mask; at most 48."},
  {.object = Object::kFormat, .name = "tenant", .type = Type::kField, .fallback = "(the kind's)", .example = "\"4:24\"",
   .store = [](Policy& p, Value&& v) { format(p).tenant = v.field; },
   .text = "Where the VNI stands, at most 64 bits. Without it the only VNI is 0."},
  {.object = Object::kFormat, .name = "flow", .type = Type::kField, .fallback = "(the kind's)", .example = "\"7:8\"",
   .store = [](Policy& p, Value&& v) { format(p).flow = v.field; },
   .text = "Where a hash of the inner flow stands, at most 32 bits; zeros where `entropy` says something else."},
  {.object = Object::kFormat, .name = "inner", .type = Type::kKeyword, .keywords = "ethernet|ip|ipv4|ipv6", .fallback = "(the kind's, else `ethernet`)", .example = "\"ip\"",
   .store = [](Policy& p, Value&& v) { format(p).inner = v.text == "ip" ? Inside::kIp : v.text == "ipv4" ? Inside::kIpv4 : v.text == "ipv6" ? Inside::kIpv6 : Inside::kEthernetSaid; },
   .text = "What stands behind the tunnel header: an Ethernet frame, or an IP datagram of either or of one version."},
  {.object = Object::kFormat, .name = "ether_type", .type = Type::kField, .fallback = "(the kind's; none: the datagram itself tells its version)", .example = "\"2:16\"",
   .store = [](Policy& p, Value&& v) { format(p).ether_type = v.field; },
   .text = "Where the EtherType of an inner IP datagram stands, 16 bits."},
  {.object = Object::kFormat, .name = "checksum", .type = Type::kField, .fallback = "(the kind's)", .example = "\"4:16\"",
   .store = [](Policy& p, Value&& v) { format(p).checksum = v.field; },
   .text = "Where a checksum (RFC 1071) of tunnel header and inner frame stands: 16 bits at an even octet. It is made and checked."},
  {.object = Object::kFormat, .name = "length", .type = Type::kLengthRule, .fallback = "(the kind's; none: always those of `header`)", .example = "\"0.2:6*4+8\"",
   .store = [](Policy& p, Value&& v) { format(p).length = v.length; },
   .text = "Where the octets of the tunnel header, options included, are told: the field's value times unit plus addend."},
  {.object = Object::kFormat, .name = "total_length", .type = Type::kLengthRule, .fallback = "(the kind's; none: all that is there)", .example = "\"2:16\"",
   .store = [](Policy& p, Value&& v) { format(p).total_length = v.length; },
   .text = "Where the octets of tunnel header and inner frame are told."},
  {.object = Object::kFormat, .name = "options", .type = Type::kHex, .fallback = "\"\"", .example = "\"0104 8001 00000000\"",
   .store = [](Policy& p, Value&& v) { format(p).options = std::move(v.octets); },
   .text = "Options to send behind `header`, at most 252 octets; for Geneve whole ones (RFC 8926 section 3.5)."},
  {.object = Object::kFormat, .name = "option_length", .type = Type::kLengthRule, .fallback = "(the kind's; none: options are not looked at)", .example = "\"3.3:5*4+4\"",
   .store = [](Policy& p, Value&& v) { format(p).option_length = v.length; },
   .text = "Where, inside an option, its octets are told. Received options are walked by it."},
  {.object = Object::kFormat, .name = "option_kind", .type = Type::kField, .fallback = "(the kind's)", .example = "\"0:24\"",
   .store = [](Policy& p, Value&& v) { format(p).option_kind = v.field; },
   .text = "Which bits of an option say what it is, at most 32."},
  {.object = Object::kFormat, .name = "option_critical", .type = Type::kField, .fallback = "(the kind's)", .example = "\"2:1\"",
   .store = [](Policy& p, Value&& v) { format(p).option_critical = v.field; },
   .text = "The bit of an option by which it must be known to be taken: a frame with one that no format here sends is dropped."},
  {.object = Object::kFormat, .name = "any_critical", .type = Type::kField, .fallback = "(the kind's)", .example = "\"1.1:1\"",
   .store = [](Policy& p, Value&& v) { format(p).any_critical = v.field; },
   .text = "The bit of the header that is sent when an option is critical."},
  {.object = Object::kFormat, .name = "entropy", .type = Type::kKeyword, .keywords = "source_port|flow|none", .fallback = "(`flow` if there is such a field, else `source_port` if there are ports)", .example = "\"source_port\"",
   .store = [](Policy& p, Value&& v) { format(p).entropy = v.text == "flow" ? Entropy::kFlow : v.text == "none" ? Entropy::kNone : Entropy::kSourcePort; },
   .text = "What tells the flows of a tunnel apart to the underlay. Without a source port that does, IPv6's flow label does so, too (RFC 6438)."},
  {.object = Object::kFormat, .name = "segments", .type = Type::kKeyword, .keywords = "stream|redundant", .fallback = "(the kind's, else `stream`)", .example = "\"redundant\"",
   .store = [](Policy& p, Value&& v) { format(p).segments = v.text == "redundant" ? Segments::kRedundant : Segments::kStream; },
   .text = "Protocol 6: what a frame of several segments looks like. `stream`: the tunnel header is in the first one. `redundant`: each has a piece of the inner headers, [any two of which](stateless.md) give them back."},
  {.object = Object::kFormat, .name = "offload", .type = Type::kField, .fallback = "(the kind's; none: a stream has no TCP super-frame in it)", .example = "\"1:40\"",
   .store = [](Policy& p, Value&& v) { format(p).offload = v.field; },
   .text = "Protocol 6: where STT's flags, L4 offset and MSS stand that make an inner frame a TCP super-frame, or leave its checksum to the receiver: 40 bits."},
  {.object = Object::kFormat, .name = "udp_checksum", .type = Type::kBoolean, .fallback = "false", .example = "true",
   .store = [](Policy& p, Value&& v) { format(p).udp_checksum = v.boolean; }, .text = "Outer UDP checksum over IPv4. Over IPv6 it is made anyway."},
  {.object = Object::kFormat, .name = "zero_checksum_ipv6", .type = Type::kBoolean, .fallback = "false", .example = "true",
   .store = [](Policy& p, Value&& v) { format(p).zero_checksum_ipv6 = v.boolean; },
   .text = "No outer UDP checksum over IPv6 (RFC 6935); the peer must accept that."},
  {.object = Object::kFormat, .name = "ttl", .type = Type::kInteger, .minimum = 1, .maximum = 255, .fallback = "64", .example = "64",
   .store = [](Policy& p, Value&& v) { format(p).ttl = static_cast<uint8_t>(v.integer); }, .text = "Outer TTL or hop limit."},
  {.object = Object::kFormat, .name = "dscp", .type = Type::kInteger, .minimum = 0, .maximum = 63, .fallback = "(the inner DSCP is copied)", .example = "46",
   .store = [](Policy& p, Value&& v) { format(p).dscp = static_cast<uint8_t>(v.integer); }, .text = "Outer DSCP."},

  {.object = Object::kUplink, .name = "name", .type = Type::kKeyword, .required = true, .keywords = "uplink0|uplink1", .example = "\"uplink0\"",
   .store = [](Policy& p, Value&& v) { uplink(p).name = std::move(v.text); }, .text = "The card's property that holds its netdev."},
  {.object = Object::kUplink, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"to leaf 2\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kUplink, .name = "mac", .type = Type::kMac, .required = true, .example = "\"02:00:00:00:01:01\"",
   .store = [](Policy& p, Value&& v) { uplink(p).mac = v.mac; }, .text = "MAC address on the underlay."},
  {.object = Object::kUplink, .name = "addresses", .type = Type::kInterface, .list = true, .required = true, .example = "\"10.1.0.1/24\"",
   .store = [](Policy& p, Value&& v) { uplink(p).addresses.push_back(v.prefix); },
   .text = "Own underlay addresses, at most 64, each with the length of the network that is on the link. A tunnel's source is the one whose network holds the next hop, else the first of its family."},
  {.object = Object::kUplink, .name = "gateway", .type = Type::kIpv4, .fallback = "(none)", .example = "\"10.1.0.254\"",
   .store = [](Policy& p, Value&& v) { uplink(p).gateway_v4 = v.ip; }, .text = "Next hop for IPv4 peers that are not on the link."},
  {.object = Object::kUplink, .name = "gateway6", .type = Type::kIpv6, .fallback = "(none)", .example = "\"fd01::fe\"",
   .store = [](Policy& p, Value&& v) { uplink(p).gateway_v6 = v.ip; }, .text = "Next hop for IPv6 peers that are not on the link."},
  {.object = Object::kUplink, .name = "mtu", .type = Type::kInteger, .minimum = 576, .maximum = kMaxMtu, .fallback = "1500", .example = "9000",
   .store = [](Policy& p, Value&& v) { uplink(p).mtu = static_cast<uint16_t>(v.integer); }, .text = "Octets of the largest outer IP datagram."},
  {.object = Object::kUplink, .name = "vlan", .type = Type::kInteger, .minimum = 0, .maximum = 4094, .fallback = "0", .example = "100",
   .store = [](Policy& p, Value&& v) { uplink(p).vlan = static_cast<uint16_t>(v.integer); }, .text = "Underlay VLAN; 0 sends untagged."},
  {.object = Object::kUplink, .name = "neighbours", .type = Type::kObject, .list = true, .child = Object::kNeighbour, .fallback = "[]",
   .store = [](Policy& p, Value&&) { uplink(p).neighbours.emplace_back(); }, .text = "Next hops that need not be asked for."},

  {.object = Object::kNeighbour, .name = "address", .type = Type::kIp, .required = true, .example = "\"10.1.0.2\"",
   .store = [](Policy& p, Value&& v) { neighbour(p).address = v.ip; }, .text = "Underlay address on the link."},
  {.object = Object::kNeighbour, .name = "mac", .type = Type::kMac, .required = true, .example = "\"02:00:00:00:01:02\"",
   .store = [](Policy& p, Value&& v) { neighbour(p).mac = v.mac; }, .text = "Its MAC address."},

  {.object = Object::kTenant, .name = "name", .type = Type::kName, .required = true, .example = "\"red\"",
   .store = [](Policy& p, Value&& v) { tenant(p).name = std::move(v.text); }, .text = "What vnics and mappings call it."},
  {.object = Object::kTenant, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"customer 17\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kTenant, .name = "vni", .type = Type::kInteger, .required = true, .minimum = 0, .maximum = kMaxVni, .example = "5001",
   .store = [](Policy& p, Value&& v) { tenant(p).vni = v.integer; }, .text = "Virtual network identifier, 24 bits; no two tenants share one, but in formats that have no place for it."},
  {.object = Object::kTenant, .name = "format", .type = Type::kName, .fallback = "\"geneve\"", .example = "\"geneve\"",
   .store = [](Policy& p, Value&& v) { tenant(p).format = std::move(v.text); }, .text = "Name of the format its frames travel in."},
  {.object = Object::kTenant, .name = "broadcast_peer", .type = Type::kIp, .fallback = "(none: such frames are dropped)", .example = "\"10.1.0.9\"",
   .store = [](Policy& p, Value&& v) { tenant(p).broadcast_peer = v.ip; },
   .text = "Underlay address of the one peer that gets broadcast and multicast, DHCP for example, and what is for an IPv4 address that nobody has but in a broadcast frame: it may be a subnet's. Nothing is flooded."},
  {.object = Object::kTenant, .name = "mtu", .type = Type::kInteger, .minimum = 0, .maximum = kMaxMtu, .fallback = "0", .example = "1400",
   .store = [](Policy& p, Value&& v) { tenant(p).mtu = static_cast<uint16_t>(v.integer); },
   .text = "Octets of the largest inner IP datagram, at least 68; 0 takes what the uplink's MTU leaves."},
  {.object = Object::kTenant, .name = "meter", .type = Type::kName, .fallback = "(none)", .example = "\"gold\"",
   .store = [](Policy& p, Value&& v) { tenant(p).meter = std::move(v.text); }, .text = "Name of the meter for all its vnics on this card together."},

  {.object = Object::kVnic, .name = "name", .type = Type::kName, .required = true, .example = "\"vnic0\"",
   .store = [](Policy& p, Value&& v) { vnic(p).name = std::move(v.text); }, .text = "The `id=` of the `gatehouse-vnic` device."},
  {.object = Object::kVnic, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"web server\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kVnic, .name = "tenant", .type = Type::kName, .required = true, .example = "\"red\"",
   .store = [](Policy& p, Value&& v) { vnic(p).tenant = std::move(v.text); }, .text = "Name of its tenant."},
  {.object = Object::kVnic, .name = "mac", .type = Type::kMac, .fallback = "(the device's `mac=`)", .example = "\"52:54:00:00:00:01\"",
   .store = [](Policy& p, Value&& v) { vnic(p).mac = v.mac; }, .text = "The MAC address it may send from and is reached by."},
  {.object = Object::kVnic, .name = "addresses", .type = Type::kPrefix, .list = true, .fallback = "[]", .example = "\"192.168.0.1\"",
   .store = [](Policy& p, Value&& v) { vnic(p).addresses.push_back(v.prefix); },
   .text = "Addresses and prefixes it may send from; a prefix is all of it, also where other vnics have single addresses. Single addresses are also where the tenant's vnics on this card find it."},
  {.object = Object::kVnic, .name = "anti_spoof", .type = Type::kBoolean, .fallback = "true", .example = "false",
   .store = [](Policy& p, Value&& v) { vnic(p).anti_spoof = v.boolean; }, .text = "Whether frames with other source addresses are dropped."},
  {.object = Object::kVnic, .name = "vlans", .type = Type::kInteger, .list = true, .minimum = 1, .maximum = 4094, .fallback = "[]", .example = "100",
   .store = [](Policy& p, Value&& v) { vnic(p).vlans.push_back(static_cast<uint16_t>(v.integer)); },
   .text = "VLAN tags it may send inside the overlay; none: untagged and priority-tagged frames only."},
  {.object = Object::kVnic, .name = "groups", .type = Type::kName, .list = true, .fallback = "[]", .example = "\"web\"",
   .store = [](Policy& p, Value&& v) { vnic(p).groups.push_back(std::move(v.text)); }, .text = "Names of the groups that its addresses belong to."},
  {.object = Object::kVnic, .name = "firewall", .type = Type::kName, .fallback = "(none: everything passes)", .example = "\"web\"",
   .store = [](Policy& p, Value&& v) { vnic(p).firewall = std::move(v.text); }, .text = "Name of its firewall."},
  {.object = Object::kVnic, .name = "meter", .type = Type::kName, .fallback = "(none)", .example = "\"gold\"",
   .store = [](Policy& p, Value&& v) { vnic(p).meter = std::move(v.text); }, .text = "Name of its meter."},
  {.object = Object::kVnic, .name = "mirror", .type = Type::kName, .fallback = "(none)", .example = "\"watch\"",
   .store = [](Policy& p, Value&& v) { vnic(p).mirror = std::move(v.text); }, .text = "Name of the mirror session that gets copies of what it sends and is given."},
  {.object = Object::kVnic, .name = "coalesce", .type = Type::kBoolean, .fallback = "false", .example = "true",
   .store = [](Policy& p, Value&& v) { vnic(p).coalesce = v.boolean; },
   .text = "Whether TCP segments from the wire that follow one another are handed over as one, as large as its driver takes frames."},

  {.object = Object::kMapping, .name = "tenant", .type = Type::kName, .required = true, .example = "\"red\"",
   .store = [](Policy& p, Value&& v) { mapping(p).tenant = std::move(v.text); }, .text = "Name of the tenant."},
  {.object = Object::kMapping, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"database\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kMapping, .name = "destination", .type = Type::kPrefix, .required = true, .example = "\"192.168.0.2\"",
   .store = [](Policy& p, Value&& v) { mapping(p).destination = v.prefix; }, .text = "Inner destination: an address, or a prefix such as `0.0.0.0/0`."},
  {.object = Object::kMapping, .name = "mac", .type = Type::kMac, .required = true, .example = "\"52:54:00:00:00:02\"",
   .store = [](Policy& p, Value&& v) { mapping(p).mac = v.mac; }, .text = "Inner destination MAC address; also the answer to ARP and Neighbor Discovery."},
  {.object = Object::kMapping, .name = "peer", .type = Type::kIp, .required = true, .example = "\"10.1.0.2\"",
   .store = [](Policy& p, Value&& v) { mapping(p).peer = v.ip; }, .text = kPeerText},
  {.object = Object::kMapping, .name = "vni", .type = Type::kInteger, .minimum = 0, .maximum = kMaxVni, .fallback = "(the tenant's)", .example = "5001",
   .store = [](Policy& p, Value&& v) { mapping(p).vni = v.integer; }, .text = "VNI to send with, when the peer knows the network by another number."},

  {.object = Object::kGroup, .name = "name", .type = Type::kName, .required = true, .example = "\"admins\"",
   .store = [](Policy& p, Value&& v) { group(p).name = std::move(v.text); }, .text = "What rules and vnics call it."},
  {.object = Object::kGroup, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"second floor\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kGroup, .name = "addresses", .type = Type::kAnyPrefix, .list = true, .fallback = "[]", .example = "\"10.9.0.0/24\"",
   .store = [](Policy& p, Value&& v) { group(p).addresses.push_back(v.prefix); }, .text = "Addresses and prefixes that belong to it: at most 1048576 of all groups together, those of a vnic counted for each group that it belongs to."},

  {.object = Object::kFirewall, .name = "name", .type = Type::kName, .required = true, .example = "\"web\"",
   .store = [](Policy& p, Value&& v) { firewall(p).name = std::move(v.text); }, .text = "What vnics call it."},
  {.object = Object::kFirewall, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"web servers\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kFirewall, .name = "connections", .type = Type::kInteger, .minimum = 1, .maximum = 1u << 26, .fallback = "65536", .example = "65536",
   .store = [](Policy& p, Value&& v) { firewall(p).connections = v.integer; }, .text = "The most connections of one vnic."},
  {.object = Object::kFirewall, .name = "half_open", .type = Type::kInteger, .minimum = 1, .maximum = 1u << 26, .fallback = "1024", .example = "4096",
   .store = [](Policy& p, Value&& v) { firewall(p).half_open = v.integer; },
   .text = "Of these, in each direction, the most that nobody has answered yet; a further one takes the place of the oldest."},
  {.object = Object::kFirewall, .name = "rules", .type = Type::kObject, .list = true, .child = Object::kRule, .fallback = "[]",
   .store = [](Policy& p, Value&&) { firewall(p).rules.emplace_back(); }, .text = "In the order in which they are asked, at most 1024."},

  {.object = Object::kRule, .name = "direction", .type = Type::kKeyword, .required = true, .keywords = "in|out", .example = "\"in\"",
   .store = [](Policy& p, Value&& v) { rule(p).inward = v.text == "in"; }, .text = "Who begins: `in`, the other end; `out`, the vnic."},
  {.object = Object::kRule, .name = "name", .type = Type::kName, .fallback = "(none)", .example = "\"admins-only\"",
   .store = [](Policy& p, Value&& v) { rule(p).name = std::move(v.text); }, .text = "What the log calls it, beside its number in the list."},
  {.object = Object::kRule, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"ticket 4711\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kRule, .name = "action", .type = Type::kKeyword, .keywords = "allow|deny", .fallback = "\"allow\"", .example = "\"deny\"",
   .store = [](Policy& p, Value&& v) { rule(p).allow = v.text == "allow"; }, .text = "What becomes of the connection."},
  {.object = Object::kRule, .name = "log", .type = Type::kBoolean, .fallback = "false", .example = "true",
   .store = [](Policy& p, Value&& v) { rule(p).log = v.boolean; }, .text = "Whether what it decides is counted in `firewall_logged` and told by the event `GATEHOUSE_FIREWALL_LOG`."},
  {.object = Object::kRule, .name = "protocol", .type = Type::kKeyword, .keywords = "tcp|udp|icmp|icmpv6", .fallback = "(any)", .example = "\"tcp\"",
   .store = [](Policy& p, Value&& v) { rule(p).protocol = protocol_of(v.text); }, .text = "IP protocol, behind all extension headers."},
  {.object = Object::kRule, .name = "protocol_number", .type = Type::kInteger, .minimum = 0, .maximum = 255, .instead_of = "protocol", .fallback = "(any)", .example = "47",
   .store = [](Policy& p, Value&& v) { rule(p).protocol = static_cast<uint8_t>(v.integer); }, .text = "The same by IANA's number, for protocols without a word."},
  {.object = Object::kRule, .name = "ports", .type = Type::kPorts, .list = true, .some = true, .fallback = "(any)", .example = "\"8000-8079\"",
   .store = [](Policy& p, Value&& v) { rule(p).ports.push_back(v.ports); }, .text = "TCP or UDP ports of the end that is asked."},
  {.object = Object::kRule, .name = "source_ports", .type = Type::kPorts, .list = true, .some = true, .fallback = "(any)", .example = "\"1024-65535\"",
   .store = [](Policy& p, Value&& v) { rule(p).source_ports.push_back(v.ports); }, .text = "Ports of the end that asks."},
  {.object = Object::kRule, .name = "icmp_types", .type = Type::kInteger, .list = true, .some = true, .minimum = 0, .maximum = 255, .fallback = "(any)", .example = "8",
   .store = [](Policy& p, Value&& v) { rule(p).icmp_types.push_back(static_cast<uint8_t>(v.integer)); }, .text = "Types of ICMP or ICMPv6."},
  {.object = Object::kRule, .name = "remote", .type = Type::kAnyPrefix, .list = true, .some = true, .fallback = "(any)", .example = "\"10.0.0.0/8\"",
   .store = [](Policy& p, Value&& v) { rule(p).remote.push_back(v.prefix); }, .text = "Addresses of the other end; where the vnic sends to many, multicast and broadcast addresses."},
  {.object = Object::kRule, .name = "groups", .type = Type::kName, .list = true, .some = true, .fallback = "(any)", .example = "\"admins\"",
   .store = [](Policy& p, Value&& v) { rule(p).groups.push_back(std::move(v.text)); }, .text = "Groups that the other end may as well be of, at most 32."},
  {.object = Object::kRule, .name = "local", .type = Type::kAnyPrefix, .list = true, .some = true, .fallback = "(any)", .example = "\"192.168.0.1\"",
   .store = [](Policy& p, Value&& v) { rule(p).local.push_back(v.prefix); }, .text = "The vnic's own addresses; of what is sent to many, multicast and broadcast addresses."},

  {.object = Object::kMeter, .name = "name", .type = Type::kName, .required = true, .example = "\"gold\"",
   .store = [](Policy& p, Value&& v) { meter(p).name = std::move(v.text); }, .text = "What vnics and tenants call it."},
  {.object = Object::kMeter, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"as sold\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kMeter, .name = "committed_rate", .type = Type::kInteger, .required = true, .minimum = 1, .maximum = 0xffffffff, .example = "500000",
   .store = [](Policy& p, Value&& v) { meter(p).committed_rate = v.integer; }, .text = "kbit/s of inner IP datagrams; what exceeds it is yellow."},
  {.object = Object::kMeter, .name = "committed_burst", .type = Type::kInteger, .required = true, .minimum = 1, .maximum = 0xffffffff, .example = "200000",
   .store = [](Policy& p, Value&& v) { meter(p).committed_burst = v.integer; }, .text = "Octets at once; at least the largest datagram: a larger one is always yellow."},
  {.object = Object::kMeter, .name = "peak_rate", .type = Type::kInteger, .required = true, .minimum = 1, .maximum = 0xffffffff, .example = "1000000",
   .store = [](Policy& p, Value&& v) { meter(p).peak_rate = v.integer; }, .text = "kbit/s; what exceeds it is dropped. Not below `committed_rate`."},
  {.object = Object::kMeter, .name = "peak_burst", .type = Type::kInteger, .required = true, .minimum = 1, .maximum = 0xffffffff, .example = "400000",
   .store = [](Policy& p, Value&& v) { meter(p).peak_burst = v.integer; }, .text = "Octets at once; at least the largest datagram: a larger one never passes."},
  {.object = Object::kMeter, .name = "colour_aware", .type = Type::kBoolean, .fallback = "false", .example = "true",
   .store = [](Policy& p, Value&& v) { meter(p).colour_aware = v.boolean; }, .text = "Whether a drop precedence of RFC 2597 in the inner DSCP is kept to."},
  {.object = Object::kMeter, .name = "yellow_dscp", .type = Type::kInteger, .minimum = 0, .maximum = 63, .fallback = "(yellow frames are only counted)", .example = "12",
   .store = [](Policy& p, Value&& v) { meter(p).yellow_dscp = static_cast<uint8_t>(v.integer); }, .text = "Inner DSCP that yellow frames get."},

  {.object = Object::kMirror, .name = "name", .type = Type::kName, .required = true, .example = "\"watch\"",
   .store = [](Policy& p, Value&& v) { mirror(p).name = std::move(v.text); }, .text = "What vnics call it."},
  {.object = Object::kMirror, .name = "comment", .type = Type::kText, .fallback = "(none)", .example = "\"intrusion detection\"",
   .store = ignore, .text = kCommentText},
  {.object = Object::kMirror, .name = "tenant", .type = Type::kName, .required = true, .example = "\"red\"",
   .store = [](Policy& p, Value&& v) { mirror(p).tenant = std::move(v.text); }, .text = "Whose format it is sent in."},
  {.object = Object::kMirror, .name = "peer", .type = Type::kIp, .required = true, .example = "\"10.1.0.9\"",
   .store = [](Policy& p, Value&& v) { mirror(p).peer = v.ip; }, .text = "Underlay address that gets the copies."},
  {.object = Object::kMirror, .name = "vni", .type = Type::kInteger, .required = true, .minimum = 0, .maximum = kMaxVni, .example = "9001",
   .store = [](Policy& p, Value&& v) { mirror(p).vni = v.integer; }, .text = "VNI by which the receiver knows the session."},
};
// clang-format on

}  // namespace

std::span<const Member> members(Object object) {
  // Rows of one object stand together.
  const Member* begin = std::begin(kMembers);
  while (begin != std::end(kMembers) && begin->object != object) ++begin;
  const Member* end = begin;
  while (end != std::end(kMembers) && end->object == object) ++end;
  return {begin, end};
}

const ObjectRow& object_row(Object object) {
  const ObjectRow& row = kObjects[static_cast<size_t>(object)];
  assert(row.object == object);
  return row;
}

const TypeRow& type_row(Type type) {
  const TypeRow& row = kTypes[static_cast<size_t>(type)];
  assert(row.type == type);
  return row;
}

std::vector<std::string_view> keywords(const Member& member) {
  std::vector<std::string_view> words;
  std::string_view rest = member.keywords;
  while (!rest.empty()) {
    const size_t bar = rest.find('|');
    words.push_back(rest.substr(0, bar));
    rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
  }
  return words;
}

}  // namespace gatehouse::policy
