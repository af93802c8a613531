// SPDX-License-Identifier: GPL-2.0-or-later
// Frame check sequence of Ethernet (IEEE 802.3 section 3.2.9): CRC-32 with the reflected
// polynomial.
#ifndef GATEHOUSE_HW_CARD_VNIC_FCS_HH_
#define GATEHOUSE_HW_CARD_VNIC_FCS_HH_

#include <cstdint>
#include <span>

namespace gatehouse::vnic {

inline constexpr uint32_t kFcsOctets = 4;

// As a number; on the wire and in a receive buffer it stands little-endian.
uint32_t fcs(std::span<const uint8_t> frame);

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_FCS_HH_
