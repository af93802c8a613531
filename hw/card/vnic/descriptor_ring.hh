// SPDX-License-Identifier: GPL-2.0-or-later
// A descriptor ring as its registers describe it (data sheet 7.1.8, 7.2.4). The registers are the
// guest's: any value may stand in them.
#ifndef GATEHOUSE_HW_CARD_VNIC_DESCRIPTOR_RING_HH_
#define GATEHOUSE_HW_CARD_VNIC_DESCRIPTOR_RING_HH_

#include <algorithm>
#include <cstdint>

#include "hw/spec/i82574_descriptors.hh"

namespace gatehouse::vnic {

// Lengths and positions in units of kRingUnit octets.
struct DescriptorRing {
  uint64_t base = 0;
  uint32_t length = 0;
  uint32_t head = 0;
  uint32_t tail = 0;

  // A ring of length 0, or a head or tail beyond it, is not worked on until the registers make
  // sense.
  bool usable() const { return length != 0 && head < length && tail < length; }
  // How many units the hardware owns.
  uint32_t available() const {
    if (!usable()) return 0;
    return tail >= head ? tail - head : length - head + tail;
  }
  uint64_t address(uint32_t unit) const { return base + uint64_t{unit} * i82574::kRingUnit; }
  // How many of `units` from `from` on lie in one piece.
  uint32_t contiguous(uint32_t from, uint32_t units) const {
    return std::min(units, length - from);
  }
  // `units` <= length.
  uint32_t advance(uint32_t from, uint32_t units) const {
    const uint32_t to = from + units;
    return to >= length ? to - length : to;
  }
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_DESCRIPTOR_RING_HH_
