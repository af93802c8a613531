// SPDX-License-Identifier: GPL-2.0-or-later
// Checksums of whole frames, by what parse found in them.
#ifndef GATEHOUSE_HW_CORE_BASE_L4_CHECKSUM_HH_
#define GATEHOUSE_HW_CORE_BASE_L4_CHECKSUM_HH_

#include <cstdint>

#include "hw/core/base/packet.hh"

namespace gatehouse {

// kNone: nothing to check (no TCP, UDP, ICMP or ICMPv6; a fragment; UDP over IPv4 that says "no
// checksum"; an IPv6 routing header with segments left, or a Home Address option: the pseudo header
// has another address).
enum class ChecksumState : uint8_t { kNone, kGood, kBad };

// `frame` and `layers` as parse left them. UDP over IPv6 without a checksum is bad (RFC 8200
// section 8.1).
[[nodiscard]] ChecksumState verify_l4_checksum(const uint8_t* frame, const Layers& layers);
// The same, with the result noted in packet.l4_checksum_checked and l4_checksum_good.
ChecksumState verify_l4_checksum(Packet& packet);

// Computes the IPv4 header checksum and, where the frame has the whole datagram, the TCP, UDP, ICMP
// or ICMPv6 checksum, from nothing: what stands in the fields is ignored. For frames that the card
// itself makes. packet.layers must be filled.
void complete_checksums(Packet& packet);
void complete_checksums(uint8_t* frame, const Layers& layers);

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_L4_CHECKSUM_HH_
