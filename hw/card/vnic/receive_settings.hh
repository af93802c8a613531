// SPDX-License-Identifier: GPL-2.0-or-later
// What the receive registers say, decoded once for a batch of frames.
#ifndef GATEHOUSE_HW_CARD_VNIC_RECEIVE_SETTINGS_HH_
#define GATEHOUSE_HW_CARD_VNIC_RECEIVE_SETTINGS_HH_

#include <cstdint>
#include <tuple>

#include "hw/card/vnic/register_file.hh"
#include "hw/card/vnic/rss.hh"
#include "hw/spec/i82574_receive.hh"

namespace gatehouse::vnic {

using i82574::ReceiveFormat;
inline constexpr unsigned kSplitBuffers = std::tuple_size_v<i82574::ReceiveBuffers>;
// Longest frame that RCTL.LPE lets in, and longest without it, tagged or not; with FCS (10.2.5.1).
inline constexpr uint32_t kLongestJumbo = 16384;
inline constexpr uint32_t kLongestStandard = 1522;

struct ReceiveSettings {
  ReceiveFormat format = ReceiveFormat::kLegacy;
  i82574::ReceiveBuffers buffer_octets{};
  bool strip_vlan = false;     // CTRL.VME
  bool strip_fcs = false;      // RCTL.SECRC
  bool long_frames = false;    // RCTL.LPE
  uint16_t vlan_type = 0;      // VET
  bool ip_checksum = false;    // RXCSUM.IPOFLD
  bool l4_checksum = false;    // RXCSUM.TUOFLD
  bool hash_reported = false;  // RXCSUM.PCSD: RSS hash, else IP identification and packet checksum
  bool fragment_checksum = false;  // RXCSUM.IPPCSE
  uint8_t checksum_start = 0;      // RXCSUM.PCSS
  bool ipv6 = true;                // !RFCTL.IPV6_DIS
  bool ipv6_checksum = true;       // !RFCTL.IPV6XSUM_DIS
  bool split_fragments = true;     // !RFCTL.IPFRSP_DIS
  bool acks_interrupt = true;      // !RFCTL.ACKDIS
  bool ack_without_data = false;   // RFCTL.ACKD_DIS: with data it is no ACK
  bool rss = false;                // MRQC says RSS and the descriptors can carry it
  RssControl rss_control;

  uint32_t descriptor_units() const { return format == ReceiveFormat::kSplit ? 2 : 1; }
};

ReceiveSettings receive_settings(const RegisterFile& regs);

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_RECEIVE_SETTINGS_HH_
