// SPDX-License-Identifier: GPL-2.0-or-later
// Tells a sender the overlay MTU: ICMP "fragmentation needed" (RFC 792, RFC 1191) and ICMPv6
// "packet too big" (RFC 4443 section 3.2).
#ifndef GATEHOUSE_HW_CORE_SEGMENT_TOO_BIG_HH_
#define GATEHOUSE_HW_CORE_SEGMENT_TOO_BIG_HH_

#include <cstdint>

#include "hw/core/base/address.hh"
#include "hw/core/base/packet.hh"

namespace gatehouse::segment {

// Octets to take from the pool for an answer: ICMPv6 quotes up to the smallest IPv6 MTU.
inline constexpr uint32_t kTooBigOctets = 14 + 2 * 4 + 1280;

// Writes the answer to `offending` (parsed, refused with exceeds_mtu) into `answer`, a fresh packet
// with kTooBigOctets of room, complete with checksums and with the offending frame's VLAN tags;
// answer.layers is the reader's to fill (parse). `source`: of the family of the offending datagram.
// False, and answer.length is 0, when none may be sent (RFC 1122 section 3.2.2, RFC 4443
// section 2.4 e): the frame is no IP, itself an ICMP error or an ND redirect, a fragment that is
// not the first, from or to an address that is not one host's, or to a broadcast or multicast MAC.
// (Packet Too Big may answer multicast by RFC 4443; the card does not: it floods nothing.)
[[nodiscard]] bool make_too_big(const Packet& offending, uint32_t mtu, const MacAddress& source_mac,
                                const IpAddress& source, Packet& answer);

}  // namespace gatehouse::segment

#endif  // GATEHOUSE_HW_CORE_SEGMENT_TOO_BIG_HH_
