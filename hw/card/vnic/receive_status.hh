// SPDX-License-Identifier: GPL-2.0-or-later
// What the receiver finds out about a frame and reports in its descriptor: checksums, packet type,
// hash, header length (data sheet 7.1.3 - 7.1.5, 7.1.9 - 7.1.11).
#ifndef GATEHOUSE_HW_CARD_VNIC_RECEIVE_STATUS_HH_
#define GATEHOUSE_HW_CARD_VNIC_RECEIVE_STATUS_HH_

#include <cstdint>
#include <span>

#include "hw/card/vnic/receive_settings.hh"
#include "hw/core/base/layers.hh"

namespace gatehouse::vnic {

// A frame as it came, padded to the shortest of Ethernet, without FCS.
struct ReceiveFrame {
  std::span<const uint8_t> bytes;
  Layers layers;
  bool l4_checksum_checked = false;
  bool l4_checksum_good = false;
  bool inexact = false;  // passed the multicast table only
  bool time_stamped = false;
};

// Without DD, EOP and what depends on the buffers.
struct ReceiveStatus {
  uint32_t status_error = 0;  // RX_STATUS_*, RX_ERROR_*, packet type
  uint32_t rss_hash = 0;
  i82574::RssType rss_type = i82574::RssType::kNone;
  uint8_t queue = 0;
  uint16_t ip_id = 0;
  uint16_t fragment_checksum = 0;  // valid with RX_STATUS_UDPV
  uint16_t vlan_tci = 0;           // of a stripped tag
  bool vlan_stripped = false;
  bool ack = false;
  uint32_t header_length = 0;  // where to split, in the frame without the stripped tag; 0: do not
};

inline constexpr uint32_t kVlanTagOctets = 4;
inline constexpr uint32_t kMacAddresses = 12;  // octets in front of the tag

// Whether the frame has a tag of type VET, and its TCI.
bool has_vlan_tag(const ReceiveSettings& settings, std::span<const uint8_t> frame, uint16_t& tci);

// `reta`: 32 registers, four entries each.
ReceiveStatus receive_status(const ReceiveSettings& settings, const ReceiveFrame& frame,
                             const Toeplitz& toeplitz, const uint32_t* reta);

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_RECEIVE_STATUS_HH_
