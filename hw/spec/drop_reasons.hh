// SPDX-License-Identifier: GPL-2.0-or-later
// Why a frame ended. Every dropped frame has exactly one of these. Rows are appended, never renumbered or reused: the
// number stands in saved captures and in VM snapshots.
#ifndef GATEHOUSE_HW_SPEC_DROP_REASONS_HH_
#define GATEHOUSE_HW_SPEC_DROP_REASONS_HH_

#include <cstdint>

#include "hw/spec/stages.hh"

namespace gatehouse::spec {

// X(number, stage, name, "text for people")
#define GATEHOUSE_DROP_REASONS(X)                                                                                 \
  X(1, parse, truncated_ethernet, "shorter than an Ethernet header")                                              \
  X(2, parse, truncated_vlan, "VLAN tag cut off, or more tags than the card follows")                             \
  X(3, parse, bad_ipv4_header, "IPv4 version, header length or total length impossible")                          \
  X(4, parse, bad_ipv4_checksum, "IPv4 header checksum wrong")                                                    \
  X(5, parse, bad_ipv6_header, "IPv6 version or payload length impossible")                                       \
  X(6, parse, bad_ipv6_extension, "IPv6 extension header cut off, out of order or too many")                      \
  X(7, parse, bad_arp, "ARP packet cut off or not for Ethernet and IPv4")                                         \
  X(8, parse, truncated_l4, "TCP, UDP or ICMP header cut off or its length impossible")                           \
  X(9, parse, bad_fragment, "fragment with impossible offset or length")                                          \
  X(10, parse, bad_nd, "Neighbor Discovery message malformed (RFC 4861 section 6.1, 7.1)")                        \
  X(11, spoof, spoofed_mac, "Ethernet source is not the vnic's")                                                  \
  X(12, spoof, spoofed_ipv4, "IPv4 source is not among the vnic's addresses")                                     \
  X(13, spoof, spoofed_ipv6, "IPv6 source is not among the vnic's addresses")                                     \
  X(14, spoof, spoofed_arp, "ARP sender addresses are not the vnic's")                                            \
  X(15, spoof, spoofed_nd, "Neighbor Discovery content claims another's address")                                 \
  X(16, spoof, protocol_not_allowed, "EtherType that the policy does not let this vnic send")                     \
  X(17, spoof, vnic_without_policy, "no policy names this vnic")                                                  \
  X(18, spoof, spoofed_dhcp, "DHCP content claims another's hardware address")                                    \
  X(19, spoof, vlan_not_allowed, "VLAN tag that the policy does not let this vnic send")                          \
  X(20, resolve, unknown_arp_target, "ARP asks for an address that the mapping does not have")                    \
  X(21, resolve, unknown_nd_target, "Neighbor Solicitation for an address that the mapping does not have")        \
  X(22, resolve, answered, "taken and answered by the card itself (ARP, ND)")                                     \
  X(23, resolve, not_forwarded, "gratuitous ARP, unsolicited advertisement: learned from no one, sent to no one") \
  X(24, overlay, no_mapping, "the tenant has no mapping for this destination")                                    \
  X(25, overlay, no_broadcast_peer, "broadcast or multicast, and the tenant names no peer for it")                \
  X(26, overlay, link_local, "destination never leaves a link (LLDP, STP, pause, IGMP, ...)")                     \
  X(27, segment, exceeds_mtu, "larger than the overlay MTU and not to be fragmented; sender was told")            \
  X(28, segment, bad_tso_context, "segmentation context does not fit the frame's headers")                        \
  X(29, segment, bad_checksum_context, "checksum offload points outside the frame")                               \
  X(30, segment, too_many_segments, "MSS so small that one super-frame would make too many segments")             \
  X(31, underlay, neighbour_unresolved, "next hop of the underlay did not answer")                                \
  X(32, underlay, neighbour_queue_full, "too many frames wait already: for this hop, of this vnic, or in all")    \
  X(33, uplink, uplink_down, "the uplink has no link")                                                            \
  X(34, uplink, uplink_queue_full, "the uplink's queue is full (link rate, or a slow netdev)")                    \
  X(35, decapsulate, not_for_card, "outer destination is not the card's")                                         \
  X(36, decapsulate, not_a_tunnel, "for the card, but neither tunnel nor neighbour traffic")                      \
  X(37, decapsulate, bad_outer_checksum, "outer UDP, TCP or tunnel checksum wrong")                               \
  X(38, decapsulate, bad_tunnel, "tunnel header cut off, with a wrong length or without its format's id")         \
  X(39, decapsulate, bad_options, "options of the tunnel header cut off (Geneve: RFC 8926 section 3.5)")          \
  X(40, decapsulate, critical_option, "tunnel option with the critical bit that the card does not know")          \
  X(41, decapsulate, unknown_peer, "outer source is no peer of this VNI's tenant")                                \
  X(42, decapsulate, unknown_vni, "no tenant has this VNI")                                                       \
  X(43, decapsulate, outer_fragment, "outer datagram is a fragment (RFC 7348 section 4.3)")                       \
  X(44, decapsulate, ecn_invalid, "outer CE over inner not-ECT (RFC 6040 section 4.2)")                           \
  X(45, decapsulate, remote_spoof, "inner source does not belong to the peer that sent it")                       \
  X(46, deliver, no_vnic, "no vnic of the tenant on this card has the inner destination")                         \
  X(47, deliver, vnic_link_down, "the vnic has no link, or its receiver is off")                                  \
  X(48, deliver, vnic_filtered, "the vnic's receive filters refuse the destination")                              \
  X(49, deliver, vnic_no_descriptors, "the guest offers no receive descriptors and the FIFO is full")             \
  X(50, deliver, vnic_too_long, "longer than the vnic's receiver accepts")                                        \
  X(51, vnic, bad_tx_descriptor, "transmit descriptor of unknown type or out of sequence")                        \
  X(52, vnic, tx_dma_error, "transmit descriptor or buffer could not be read")                                    \
  X(53, vnic, tx_too_long, "frame made of descriptors exceeds what the card holds")                               \
  X(54, vnic, rx_dma_error, "receive buffer could not be written")                                                \
  X(55, vnic, no_packet_buffer, "the card's packet buffer is exhausted")                                          \
  X(56, vnic, tx_too_short, "frame shorter than the silicon transmits")                                           \
  X(57, resolve, answer_limit, "more questions from this vnic than the card answers in a second")                 \
  X(58, decapsulate, outer_loop, "outer source is the card itself")                                               \
  X(59, segment, not_fragmentable, "would need a fragment chain that IP cannot express")                          \
  X(60, uplink, uplink_send_failed, "the netdev refused the frame")                                               \
  X(61, vnic, tx_bad_fcs, "the driver made the frame check sequence itself, and it is wrong")                     \
  X(62, vnic, tx_seal_broken, "data is not what the partition in front of the vnic has inspected")                \
  X(63, firewall, firewall_denied, "a rule of the vnic's firewall, or its default, refuses it")                   \
  X(64, firewall, firewall_no_connection, "TCP without SYN, answer or ICMP error of no live connection")          \
  X(65, firewall, firewall_bad_flags, "TCP flags that never stand together, or not in this state")                \
  X(66, firewall, firewall_bad_window, "TCP sequence or acknowledgement outside the windows")                     \
  X(67, firewall, firewall_fragment, "later fragment without its first one, or over its headers")                 \
  X(68, firewall, firewall_limit, "the vnic has as many connections as its policy allows")                        \
  X(69, flow, flow_table_full, "the card has no room for another connection")                                     \
  X(70, meter, meter_red, "above the peak rate of the vnic or its tenant")                                        \
  X(71, firewall, firewall_bad_checksum, "L4 checksum wrong: its receiver would not believe it")                  \
  X(72, stateless, segment_malformed, "TCP-shaped segment whose lengths, offset or pieces fit no frame")          \
  X(73, stateless, segment_mismatch, "TCP-shaped segment that contradicts the others of its frame")               \
  X(74, stateless, segment_duplicate, "TCP-shaped segment that has come already, or whose frame has ended")       \
  X(75, stateless, segment_overlap, "TCP-shaped segment that overlaps others: its whole frame ends")              \
  X(76, stateless, frame_incomplete, "time or room ran out before all TCP-shaped segments came; once a frame")    \
  X(77, encapsulate, not_in_format, "the tenant's format carries IP only, or only another version of it")

enum class DropReason : uint8_t {
  none = 0,
#define GATEHOUSE_DROP_ENUM(number, stage, name, text) name = number,
  GATEHOUSE_DROP_REASONS(GATEHOUSE_DROP_ENUM)
#undef GATEHOUSE_DROP_ENUM
      kCount
};

struct DropReasonRow {
  DropReason reason;
  Stage stage;
  const char* name;
  const char* text;
};

// All rows in order of number; row i has number i + 1.
inline constexpr DropReasonRow kDropReasons[] = {
#define GATEHOUSE_DROP_ROW(number, stage, name, text) {static_cast<DropReason>(number), Stage::stage, #name, text},
    GATEHOUSE_DROP_REASONS(GATEHOUSE_DROP_ROW)
#undef GATEHOUSE_DROP_ROW
};

constexpr bool drop_rows_are_consecutive() {
  unsigned expected = 1;
  for (const DropReasonRow& row : kDropReasons) {
    if (static_cast<unsigned>(row.reason) != expected++) return false;
  }
  return expected == static_cast<unsigned>(DropReason::kCount);
}
static_assert(drop_rows_are_consecutive(), "drop reasons are appended, never renumbered");

// Null for `none` and for numbers that no row has.
constexpr const DropReasonRow* drop_row(DropReason reason) {
  const unsigned number = static_cast<unsigned>(reason);
  return number == 0 || number >= static_cast<unsigned>(DropReason::kCount) ? nullptr : &kDropReasons[number - 1];
}

}  // namespace gatehouse::spec

#endif  // GATEHOUSE_HW_SPEC_DROP_REASONS_HH_
