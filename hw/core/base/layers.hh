// SPDX-License-Identifier: GPL-2.0-or-later
// What the parse stage found in a frame. Offsets are in octets from Packet::data; a moved `data`
// moves nothing here, so whoever pushes or pulls re-parses or shifts.
#ifndef GATEHOUSE_HW_CORE_BASE_LAYERS_HH_
#define GATEHOUSE_HW_CORE_BASE_LAYERS_HH_

#include <cstdint>

namespace gatehouse {

// Numbers of IANA registries, host order.
enum class EtherType : uint16_t {
  kIpv4 = 0x0800,
  kArp = 0x0806,
  kVlan = 0x8100,
  kIpv6 = 0x86dd,
  kQinq = 0x88a8,
  kPause = 0x8808,
  kTransparentEthernet = 0x6558,
};
enum class IpProtocol : uint8_t {
  kHopByHop = 0,
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kRouting = 43,
  kFragment = 44,
  kEsp = 50,
  kAuth = 51,
  kIcmpv6 = 58,
  kNoNext = 59,
  kDestination = 60,
  kMobility = 135,
};

enum class L3 : uint8_t { kNone, kIpv4, kIpv6, kArp, kOther };
enum class L4 : uint8_t { kNone, kTcp, kUdp, kIcmp, kIcmpv6, kOther };

struct Layers {
  uint16_t l2_length = 0;       // Ethernet header with all tags: offset of L3
  uint16_t l4_offset = 0;       // offset of the L4 header; 0 = none or not reached
  uint16_t payload_offset = 0;  // first octet after the L4 header; 0 = no L4 header known
  uint16_t ether_type = 0;      // host order, behind all tags
  uint16_t vlan_tci = 0;        // outermost tag's TCI, host order
  uint8_t vlan_tags = 0;        // how many tags stand in the frame (0-2)
  L3 l3 = L3::kNone;
  L4 l4 = L4::kNone;
  uint8_t ip_protocol = 0;  // behind all extension headers
  uint8_t tcp_flags = 0;
  bool fragment = false;        // any IPv4/IPv6 fragment
  bool first_fragment = false;  // fragment with offset 0
  bool ip_options = false;      // IPv4 options or IPv6 extension headers are there
  // IPv6 routing header with segments left, or a Home Address option: the header's addresses are
  // not those that the L4 checksum covers.
  bool source_route : 1 = false;
  bool home_address : 1 = false;  // that option is there: another source than the header's
  uint8_t nd_type = 0;            // ICMPv6 type 133-137 when it is Neighbor Discovery, else 0
  uint32_t l3_end =
      0;  // end of the IP datagram as its length field says; what follows is Ethernet padding
  uint32_t flow_hash = 0;  // hash of the 5-tuple (3-tuple when there are no ports); never 0 for IP

  bool operator==(const Layers&) const = default;
};
static_assert(sizeof(Layers) == 28);

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_LAYERS_HH_
