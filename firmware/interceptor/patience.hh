// SPDX-License-Identifier: GPL-2.0-or-later
// Which of the NIC's messages can wait. Of sent frames a driver is told a little later, and only
// frees their buffers a little later; mostly something else, an answer, takes the message with it.
// Of received frames it is told at once, but a NIC may repeat itself without having received any
// more: QEMU's e1000e does, each time that EITR has passed.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_PATIENCE_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_PATIENCE_HH_

#include <atomic>
#include <cstdint>
#include <span>

#include "hw/spec/i82574_fields.hh"
#include "hw/spec/i82574_registers.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::interceptor {

// Nanoseconds. Not longer than drivers let the NIC itself wait: Linux's e1000e has 250 us in EITR
// for bulk, and TADV for 32.
inline constexpr uint32_t kPatience = 250'000;

// The slot of an MSI-X vector's message as a bit; 0: it has sent none yet. `vectors`: BAR 3.
template <class Bus>
uint64_t slot_of(const Bus& vectors, unsigned vector, std::span<partition::SteerSlot> slots) {
  const uint64_t entry = i82574::kMsixTable + vector * i82574::kMsixEntryOctets;
  const uint64_t address =
      vectors.template read<uint32_t>(entry) |
      uint64_t{vectors.template read<uint32_t>(entry + i82574::kMsixAddressHigh)} << 32;
  const uint32_t data = vectors.template read<uint32_t>(entry + i82574::kMsixData);
  for (unsigned slot = 0; slot < partition::kIntxSlot; ++slot) {
    if (std::atomic_ref(slots[slot].count).load(std::memory_order_acquire) == 0) continue;
    if (std::atomic_ref(slots[slot].address).load(std::memory_order_relaxed) == address &&
        std::atomic_ref(slots[slot].data).load(std::memory_order_relaxed) == data)
      return uint64_t{1} << slot;
  }
  return 0;
}

// As UnitControl has them.
struct Waiting {
  uint64_t patient = 0;  // what tells of sent frames alone
  uint64_t watched = 0;  // what tells of frames that queue 0 has received, alone
};

// `nic`: BAR 0. Without MSI-X one message tells of everything, and none can wait.
template <class Bus>
Waiting waiting_slots(const Bus& nic, const Bus& vectors, std::span<partition::SteerSlot> slots) {
  using namespace i82574;  // NOLINT: register names
  const uint32_t ivar = nic.template read<uint32_t>(reg::IVAR);
  const auto slot = [&](uint32_t cause) {
    const uint32_t entry = field_get(ivar, cause), vector = entry & kIvarVector;
    return (entry & kIvarValid) != 0 && vector < kMsixVectors ? slot_of(vectors, vector, slots) : 0;
  };
  const uint64_t sent = slot(IVAR_TXQ0) | slot(IVAR_TXQ1);
  const uint64_t received = slot(IVAR_RXQ0), others = slot(IVAR_RXQ1) | slot(IVAR_OTHER);
  return {.patient = sent & ~received & ~others, .watched = received & ~sent & ~others};
}

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_PATIENCE_HH_
