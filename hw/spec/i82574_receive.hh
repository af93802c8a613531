// SPDX-License-Identifier: GPL-2.0-or-later
// What the 82574L's registers say of its receive descriptors and of their buffers: the card obeys it, firmware that
// stands in front of a NIC has to know it. Source: Intel 82574 GbE Controller Family Datasheet, 7.1.3 - 7.1.5 and the
// sections of RCTL, RFCTL and PSRCTL.
#ifndef GATEHOUSE_HW_SPEC_I82574_RECEIVE_HH_
#define GATEHOUSE_HW_SPEC_I82574_RECEIVE_HH_

#include <array>
#include <cstdint>

#include "hw/spec/i82574_fields.hh"

namespace gatehouse::i82574 {

enum class ReceiveFormat : uint8_t { kLegacy, kExtended, kSplit };

constexpr ReceiveFormat receive_format(uint32_t rctl, uint32_t rfctl) {
  constexpr uint32_t kPacketSplit = 1;
  if ((rfctl & RFCTL_EXSTEN) == 0) return ReceiveFormat::kLegacy;
  return field_get(rctl, RCTL_DTYP) == kPacketSplit ? ReceiveFormat::kSplit : ReceiveFormat::kExtended;
}

// Octets of each buffer of a descriptor; legacy and extended have the first only. 0: the buffer is not used.
using ReceiveBuffers = std::array<uint32_t, 4>;

constexpr ReceiveBuffers receive_buffers(ReceiveFormat format, uint32_t rctl, uint32_t psrctl) {
  constexpr uint32_t kKib = 1024, kHeaderUnit = 128;
  if (format == ReceiveFormat::kSplit) {
    return {field_get(psrctl, PSRCTL_BSIZE0) * kHeaderUnit, field_get(psrctl, PSRCTL_BSIZE1) * kKib,
            field_get(psrctl, PSRCTL_BSIZE2) * kKib, field_get(psrctl, PSRCTL_BSIZE3) * kKib};
  }
  // FLXBUF wins over BSIZE. BSEX with BSIZE 0 is reserved: devices differ, the largest holds for all.
  if (const uint32_t flexible = field_get(rctl, RCTL_FLXBUF); flexible != 0) return {flexible * kKib, 0, 0, 0};
  const uint32_t size = field_get(rctl, RCTL_BSIZE);
  if ((rctl & RCTL_BSEX) != 0) return {size <= 1 ? 16 * kKib : 32 * kKib >> size, 0, 0, 0};
  return {2 * kKib >> size, 0, 0, 0};
}

}  // namespace gatehouse::i82574

#endif  // GATEHOUSE_HW_SPEC_I82574_RECEIVE_HH_
