// SPDX-License-Identifier: GPL-2.0-or-later
// Seals (hw/spec/partition.hh): what the NIC sends is what was inspected, and what is inspected is
// what the NIC received, although the guest may write to its buffers at any time. Each frame is
// copied once into private memory; the copy is inspected and sealed, so there is no moment between
// the two in which the guest could change anything. What the guest changes before the copy is
// inspected as changed; what it changes later no longer has its seal, and the card does not send
// it.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_SEALS_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_SEALS_HH_

#include <atomic>
#include <cstdint>
#include <span>

#include "firmware/interceptor/inspector.hh"
#include "firmware/interceptor/redirection.hh"
#include "hw/core/base/seal.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::interceptor {

static_assert(partition::kSealRings == kRings);

inline constexpr unsigned ring_of(Direction direction, unsigned queue) {
  return direction == Direction::kReceive ? queue : kReceiveRings + queue;
}

// Memory for it, out of the NIC's reach.
struct SealPlace {
  uint64_t* table = nullptr;  // kRings of Place::units each; null: nothing is sealed
  uint8_t* copy = nullptr;    // kCopyOctets
  uint64_t key = 0;           // SealKey::valid()
};

class Seals {
 public:
  void use(const SealPlace& place, uint32_t units) {
    place_ = place;
    units_ = units;
    if (place.table != nullptr) key_ = SealKey(place.key);
  }
  bool used() const { return place_.table != nullptr; }
  // Nothing is sealed.
  void clear() {
    for (uint32_t seal = 0; seal != kRings * units_; ++seal) store(place_.table[seal], 0);
  }

  // Room for a frame's octets in private memory, for check() and seal().
  uint8_t* copy() const { return place_.copy; }
  enum class Received : uint8_t { kAsStored, kChanged, kUnknown };
  // Whether the copy is what the NIC stored.
  Received check(const Frame& frame) const;
  // The NIC sends these octets, and no others.
  void seal(const Frame& frame) const;

 private:
  static void store(uint64_t& seal, uint64_t value) {
    std::atomic_ref(seal).store(value, std::memory_order_relaxed);
  }
  uint64_t& at(const Frame& frame, uint32_t unit) const {
    return place_.table[ring_of(frame.direction, frame.queue) * units_ + unit];
  }

  SealPlace place_;
  uint32_t units_ = 0;
  SealKey key_;
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_SEALS_HH_
