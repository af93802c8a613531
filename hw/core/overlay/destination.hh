// SPDX-License-Identifier: GPL-2.0-or-later
// What a destination is before any table is asked.
#ifndef GATEHOUSE_HW_CORE_OVERLAY_DESTINATION_HH_
#define GATEHOUSE_HW_CORE_OVERLAY_DESTINATION_HH_

#include <cstdint>

#include "hw/core/base/address.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/layers.hh"

namespace gatehouse::overlay {

enum class Destination : uint8_t {
  kUnicast,
  kMany,  // broadcast or multicast: goes to the tenant's broadcast peer, nowhere else
  kLink,  // never leaves a link: IGMP, MLD, IEEE 802.1Q's reserved addresses (table 8-1), frames
          // that carry no IP
};

// A multicast address, or IPv4's limited broadcast (RFC 1112, RFC 919, RFC 4291 section 2.7).
inline bool is_many(const uint8_t* ip, bool v6) {
  if (v6) return ip[0] == 0xff;
  return (ip[0] & 0xf0) == 0xe0 || load_be<uint32_t>(ip) == 0xffffffff;
}

// `frame` and `layers` as parse left them. A unicast IP address in a broadcast frame (a subnet's
// broadcast address, which the card can't tell) is kUnicast: the caller tries the mapping first.
Destination classify(const uint8_t* frame, const Layers& layers);

// Octets of the destination address in the frame; layers.l3 is kIpv4 or kIpv6.
inline const uint8_t* destination_ip(const uint8_t* frame, const Layers& layers) {
  return frame + layers.l2_length + (layers.l3 == L3::kIpv6 ? 24 : 16);
}

// The Ethernet address that belongs to a broadcast or multicast IP address (RFC 1112 section 6.4,
// RFC 2464 section 7).
MacAddress group_mac(const uint8_t* ip, bool v6);

}  // namespace gatehouse::overlay

#endif  // GATEHOUSE_HW_CORE_OVERLAY_DESTINATION_HH_
