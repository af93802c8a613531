// SPDX-License-Identifier: GPL-2.0-or-later
// What Interceptor is interrupted for while it is halted, and what it is never told. For
// interceptor.hh alone.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_WAITING_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_WAITING_HH_

#include "firmware/interceptor/interceptor.hh"

namespace gatehouse::interceptor {

static_assert(partition::kWatchStep == i82574::kRingUnit);

template <class Bus>
void Interceptor<Bus>::look_at_vectors() {
  Waiting slots = waiting_slots(place_.nic, place_.vectors, place_.shared->slots);
  if (!receive_[0].tells_by_octet()) slots.watched = 0;
  let_wait(slots);
}

template <class Bus>
void Interceptor<Bus>::let_wait(const Waiting& slots) {
  partition::UnitControl& steer = place_.shared->steer;
  std::atomic_ref(steer.patient).store(slots.patient, std::memory_order_relaxed);
  std::atomic_ref(steer.watched).store(slots.watched, std::memory_order_relaxed);
}

// Where the NIC's next report on queue 0 will be. Nothing waits until somebody has looked anew
// which messages are about it.
template <class Bus>
void Interceptor<Bus>::watch() {
  let_wait({});
  partition::UnitControl& steer = place_.shared->steer;
  const uint8_t* octet = receive_[0].first_octet();
  std::atomic_ref(steer.octet).store(octet == nullptr ? 0 : address_of(octet));
  std::atomic_ref(place_.shared->head).store(receive_[0].head());
  std::atomic_ref(steer.index).store(address_of(&place_.shared->head));
  std::atomic_ref(steer.octet_mask).store(i82574::RX_STATUS_DD);
}

// After complete(). A message that comes behind its frame finds the next descriptor unfinished, but
// repeats nothing.
template <class Bus>
inline void Interceptor<Bus>::follow_watched(uint64_t messages, bool received) {
  const uint64_t watched =
      std::atomic_ref(place_.shared->steer.watched).load(std::memory_order_relaxed);
  const bool told = (messages & watched) != 0;
  if (told | received) write_shadow(place_.shared->head, told ? receive_[0].head() : kUntold);
}

template <class Bus>
bool Interceptor<Bus>::unannounced() const {
  using namespace i82574;  // NOLINT: register names
  constexpr uint32_t kReceived = ICR_RXT0 | ICR_RXQ0 | ICR_RXQ1;
  constexpr uint32_t kSent = ICR_TXDW | ICR_TXQ0 | ICR_TXQ1;
  if (!started_) return false;
  bool any = false;
  for (unsigned ring = 0; ring < kRings; ++ring) any |= active(ring);
  if (!any) return false;
  const uint32_t told = nic_read(reg::IMS);
  return (told & kReceived) == 0 || (told & kSent) == 0;
}

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_WAITING_HH_
