// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/docs/formats_page.hh"

#include <vector>

#include "hw/core/encapsulate/outer.hh"
#include "hw/core/policy/reader.hh"
#include "hw/core/policy/shipped_formats.hh"

namespace gatehouse::docs {
namespace {

constexpr char kIntroduction[] = R"(# Tunnel formats

The card has no code for VXLAN or Geneve. It has descriptions: where a tunnel header says what it is, whose frame it carries and how long it is.
From a description alone it recognises, builds and opens frames, cuts super-frames to segments and coalesces those that come in. A new format is
a few lines in the [policy file](policy.md#format).

A frame on the underlay:

```
Ethernet [VLAN] | IPv4 or IPv6 | UDP, TCP-shaped, or nothing | tunnel header [options] | inner Ethernet frame, or IP
                  `protocol`     17     6         others       `header`      `options`
```

Places are counted in octets from the tunnel header's start, bits from the most significant one, as RFCs draw them:

| written | means |
|---|---|
| `"4:24"` | 24 bits that begin at octet 4 |
| `"0.2:6"` | 6 bits that begin at bit 2 of octet 0 |
| `"0.2:6*4+8"` | a length in octets: those 6 bits, times 4, plus 8 |
| `"0:8"` | a length that stands in the first octet |
| `"2:6558"` | told by: octets 2 and 3 are 65 58 |
| `"0:08/08"` | told by: of octet 0 the bit 08 is set; the others may be anything |

## One that nobody has seen before

A header of ten octets behind UDP port 20100: its own length, a version, a magic number, the network, a hash of the inner flow.

```
 0               1               2               3
+---------------+---------------+-------------------------------+
| length        | version 1     | c0de                          |
+---------------+---------------+---------------+---------------+
| network                                       | 0             |
+-------------------------------+---------------+---------------+
| flow                          |
+-------------------------------+
```

As a policy, with a tenant whose frames travel in it:

```json
)";

constexpr char kExample[] = R"({
  "formats": [
    {"name": "quay", "protocol": 17, "port": 20100, "header": "0001 c0de 00000000 0000",
     "id": ["1:01c0de"], "length": "0:8", "tenant": "4:24", "flow": "8:16"}
  ],
  "uplinks": [{"name": "uplink0", "mac": "02:00:00:00:01:01", "addresses": ["10.1.0.1/24"]}],
  "tenants": [{"name": "red", "vni": 5001, "format": "quay"}],
  "vnics": [{"name": "vnic0", "tenant": "red", "addresses": ["192.168.0.1"]}],
  "mappings": [{"tenant": "red", "destination": "192.168.0.2", "mac": "52:54:00:00:00:02", "peer": "10.1.0.2"}]
}
)";

constexpr char kPatent[] = R"(
The example of US 9,385,912 that no standard knows, 16 octets behind IP protocol 47 with the flow at octet 10, is

```json
{"name": "patent", "protocol": 47, "header": "0000beef 00000000 00000000 0000abcd", "id": ["2:beef"], "tenant": "4:32", "flow": "10:16"}
```
)";

constexpr char kRules[] = R"(
## What a description must hold

It is checked when the policy is read; what is wrong is told with line, column, member and what to write instead. Nothing that passes can
make the card read outside a frame, whatever stands in the frame: lengths that a frame tells are held against the datagram that it came in.

- `header` is what is sent, with zeros where fields go. Its octets are the least that a received header has. All fields lie inside it and apart.
- `id` must agree with `header`, else the card would not know its own frames. Without an `id` every datagram to the port is one of the format.
- Several formats may share a port or a protocol if an id tells them apart, or if they are read alike and differ only in what is sent
  (the rest of `header`, options, TTL, DSCP, checksum). `gre` and `nvgre` can't be told apart: a policy has tenants with one of them only.
- `length` tells the octets of the header with its options; without it there are no options. `total_length` tells those of header and inner frame,
  where padding may follow.
- A VNI has at most 24 bits, and must fit `tenant`. A format without that field has one network, VNI 0: one tenant, whatever other formats have.
- `checksum` covers tunnel header and inner frame, as GRE's does. UDP's own is made as `udp_checksum` says; a TCP-shaped header always has a right one.
- What the format does not say is dropped with a reason: `not_a_tunnel` (no format has the protocol or port), `bad_tunnel` (no id, or a wrong length),
  `bad_options`, `critical_option`, `bad_outer_checksum`, `outer_fragment`.
- The inner frame is Ethernet, or by `inner` an IP datagram: of either version, told by `ether_type` where the header has such a field, else by its
  own first bits, or of one version only. On the way in it gets the Ethernet header that the mapping has for its addresses, so that a vnic
  gets what is for its single addresses: a prefix of it is for what it sends. Who has no mapping shows as fe:ff:ff:ff:ff:ff, or as the MAC in its own link-local address. What has no place in
  it (a VLAN tag, another version) is dropped as `not_in_format`.
- `"protocol": 6` is the TCP shape of STT: the sequence number holds the length of the whole and an offset in it, the acknowledgement a number that
  its segments share. What one segment does not hold travels in several, [as a stream or redundant](stateless.md), by `segments`. `offload` is where STT's
  header tells of a TCP super-frame; without it the card cuts these itself. Of one port all segments are of one form: no `id` is in most of them.
- The card takes no inner VLAN tag off and puts none on, whatever the format. RFC 7637 wants none inside NVGRE: its vnics should have no `vlans`, and
  their guests send no priority tags.
- A wire that cuts tunnelled super-frames does so for UDP formats without `checksum` and `total_length`, with an Ethernet frame inside; for others the card cuts.

## Shipped

`vxlan` and `geneve` are always there, the others once a tenant names them. A format of your own may begin with one: `"kind": "geneve"`. It can replace what
its kind says, and not take it away: for that, describe it whole. `./gatehouse policy FILE` says whether a description holds. `slot` is made
after the UDP example of US 9,385,912: with the UDP header 20 octets of protocol 17, source slot and target slot among them; identifier, order and port are ours. The target
slot is the VNI; the source slot is a constant of `header`: a card of its own number has a format of its own, `{"name": "seven", "kind": "slot", "header": "534c4f54 00000007 00000000"}`.
`gre-udp` is what Linux' `fou` sends for a gretap on port 4754 (RFC 8086), `gue` the same behind Generic UDP Encapsulation, `gre-ip` the `gre` and `ip6gre` devices
with a key, `ipip` RFC 2003. VXLAN with a group policy (draft-smith-vxlan-group-policy), as Linux' `vxlan ... gbp` has it, is
`{"name": "group7", "kind": "vxlan", "header": "88000007 00000000"}`: the G bit and group 7, one format for each group; frames of all
groups are taken. Which peers have been met with which: [interop.md](interop.md).

```json
)";

// The octets in front of an inner frame of nothing.
std::string example_header() {
  const Result<policy::Policy> policy = policy::read_policy(kExample, "example");
  if (!policy.ok()) return policy.status().message();
  const policy::Format& format = policy.value().formats.back();
  const encapsulate::Plan plan(format);
  const policy::Uplink& uplink = policy.value().uplinks[0];
  const encapsulate::Outer outer({uplink.mac, 0, uplink.addresses[0].address,
                                  policy.value().mappings[0].peer, policy.value().tenants[0].vni},
                                 plan);
  std::vector<uint8_t> room(encapsulate::Outer::kReserve);
  uint8_t* end = room.data() + room.size();
  outer.push(end, 0, {0, 0x12345678}, 0);
  std::string hex;
  for (const uint8_t* at = end - format.header.size(); at != end; ++at) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[*at >> 4];
    hex += kDigits[*at & 15];
    hex += ' ';
  }
  hex.pop_back();
  return hex;
}

}  // namespace

const char* formats_example() { return kExample; }

std::string formats_page() {
  std::string page = kIntroduction;
  page += kExample;
  page += "```\n\nThe header of a frame of tenant red is then `" + example_header() + "`.\n";
  page += kPatent;
  page += kRules;
  page += policy::shipped_formats_text();
  page +=
      "\n```\n\nThis page is made by `./gatehouse docs formats`; the members are told one by "
      "one in [policy.md](policy.md#format).\n";
  return page;
}

}  // namespace gatehouse::docs
