// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the headers of a frame, once, for all later stages. Whatever a later stage reads by an
// offset from Layers lies inside the frame; what is malformed ends here.
#ifndef GATEHOUSE_HW_CORE_PARSE_PARSE_HH_
#define GATEHOUSE_HW_CORE_PARSE_PARSE_HH_

#include <cstdint>
#include <span>

#include "hw/core/base/packet.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::parse {

// Tags that are followed; one more is truncated_vlan.
inline constexpr unsigned kMaxVlanTags = 2;
// IPv6 extension headers that are followed; one more is bad_ipv6_extension.
inline constexpr unsigned kMaxExtensions = 8;

struct Rules {
  bool ipv4_checksum = true;  // verify the IPv4 header checksum
  // A frame that is still to be segmented (Offload::tso). Drivers leave the IP and UDP lengths zero
  // or arbitrary and the checksums unset, so none of them is looked at and the datagram ends where
  // the frame ends.
  bool super_frame = false;
};

// What is promised when the answer is `none`:
// - l2_length <= l3_end, and both lie in the frame. ARP: 28 octets are there, for Ethernet and
// IPv4.
//   IP: the whole header is there, with IPv4 options, or the IPv6 extension headers up to L4.
//   kOther: another EtherType, or IEEE 802.3 with LLC (ether_type < 0x600).
// - l4 kTcp, kUdp, kIcmp, kIcmpv6: the header at l4_offset is whole (TCP with its options) and ends
//   at payload_offset <= l3_end. kOther: another protocol, at l4_offset, which may equal l3_end.
//   kNone: no IP, IPv6 "no next header", or a fragment that is not the first one; l4_offset is 0.
// - A fragment with offset 0 and nothing more to come ("atomic", RFC 6946) does not count as one.
// - nd_type != 0: the message passed RFC 4861 sections 6.1, 7.1, 8.1, the ICMPv6 checksum included.
// - flow_hash is equal for all fragments of a datagram: they are hashed without ports.
// When it is a drop reason, layers has what was found up to there: good for a capture, not for a
// decision.
[[nodiscard]] spec::DropReason parse(std::span<const uint8_t> frame, Rules rules, Layers& layers);

// Fills packet.layers and packet.reason, and answers that reason. rules.super_frame is taken from
// packet.offload.tso.
spec::DropReason parse(Packet& packet, Rules rules = {});

// The same for many, with their first lines prefetched. Answers how many have reason `none`.
uint32_t parse(std::span<Packet* const> batch, Rules rules = {});
// The same, and `repeats[i]`: packets i and i - 1 have reason `none` and are of one flow
// (same_flow()). There is room for the whole batch.
uint32_t parse(std::span<Packet* const> batch, std::span<bool> repeats, Rules rules = {});

}  // namespace gatehouse::parse

#endif  // GATEHOUSE_HW_CORE_PARSE_PARSE_HH_
