// SPDX-License-Identifier: GPL-2.0-or-later
// Descriptors fetched ahead of their use (data sheet 7.1.6, 7.2.4). Invariant: what is cached lies
// at the head of the ring from which it was read.
#ifndef GATEHOUSE_HW_CARD_VNIC_DESCRIPTOR_CACHE_HH_
#define GATEHOUSE_HW_CARD_VNIC_DESCRIPTOR_CACHE_HH_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "hw/card/vnic/descriptor_ring.hh"
#include "hw/card/vnic/ports.hh"

namespace gatehouse::vnic {

// Holds up to kCapacity units of i82574::kRingUnit octets.
template <uint32_t kCapacity>
class DescriptorCache {
 public:
  // How far ahead of what is asked for.
  static constexpr uint32_t kFetchUnits = 64;

  uint32_t units() const { return units_; }
  // `unit` < units(), counted from the ring's head.
  const uint8_t* at(uint32_t unit) const { return &octets_[(first_ + unit) * i82574::kRingUnit]; }

  // Holds at least `units` (<= kCapacity) afterwards, or as many as the hardware owns. False: the
  // ring could not be read. A ring that is not the one of the last call, or whose tail took
  // descriptors back, is read anew.
  bool fetch(const DescriptorRing& ring, DmaPort& dma, uint32_t units) {
    const uint32_t available = ring.available();
    if (ring.base != from_.base || ring.length != from_.length || ring.head != from_.head) forget();
    trim(available);
    from_ = ring;
    if (units_ >= units) return true;
    // An empty cache may stand at its very end.
    if (units_ != 0) std::memmove(octets_.data(), at(0), units_ * i82574::kRingUnit);
    first_ = 0;
    const uint32_t wanted = std::min({std::max(units, units_ + kFetchUnits), available, kCapacity});
    while (units_ < std::min(units, wanted)) {
      const uint32_t from = ring.advance(ring.head, units_);
      const uint32_t run = ring.contiguous(from, wanted - units_);
      uint8_t* to = &octets_[units_ * i82574::kRingUnit];
      if (!dma.read(ring.address(from), to, run * i82574::kRingUnit)) return false;
      units_ += run;
    }
    return true;
  }

  // The first `units` (<= units()) are used up and the ring's head moved to `head`.
  void pop(uint32_t units, uint32_t head) {
    first_ += units;
    units_ -= units;
    from_.head = head;
  }
  // The ring's registers or descriptors changed under us.
  void forget() { units_ = 0; }
  // The hardware owns no more than `available`.
  void trim(uint32_t available) {
    if (units_ > available) forget();
  }

 private:
  std::array<uint8_t, kCapacity * i82574::kRingUnit> octets_;
  uint32_t first_ = 0;  // unit of octets_ that is the head's
  uint32_t units_ = 0;  // from there on
  DescriptorRing from_;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_DESCRIPTOR_CACHE_HH_
