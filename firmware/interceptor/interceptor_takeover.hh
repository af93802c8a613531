// SPDX-License-Identifier: GPL-2.0-or-later
// How Interceptor takes over a NIC that its driver uses, and gives it back. A ring of length 0 is
// one that the NIC leaves alone, whatever its tail: so it holds still meanwhile, what arrives waits
// in the NIC, and the link stays up. For interceptor.hh alone.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_TAKEOVER_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_TAKEOVER_HH_

#include "firmware/interceptor/interceptor.hh"

namespace gatehouse::interceptor {

// How often a guest that never pauses is waited for.
inline constexpr unsigned kRounds = 256;

template <class Bus>
bool Interceptor<Bus>::start() {
  if (started_ && is_in_force()) return true;
  if (started_) leave();
  if (!start_steering()) return false;
  if (!start_redirection()) {
    hal::commit(place_.steer, false);
    pass_on(messages_.take_pending());
    return false;
  }
  adopt();
  if (!started_) result_ = partition::Result::k_no_device;  // it has gone meanwhile
  return started_;
}

template <class Bus>
bool Interceptor<Bus>::start_steering() {
  const auto& page = place_.steer;
  let_wait({});  // slots begin anew
  std::atomic_ref(place_.shared->steer.patience).store(kPatience);
  hal::set_up(page, {.control = address_of(&place_.shared->steer),
                     .armed = address_of(&place_.shared->armed),
                     .ring = 0,
                     .records = 0,
                     .vector = place_.vector,
                     .target = place_.core});
  page.write(hal::steer::SLOTS, address_of(place_.shared->slots.data()));
  page.write(hal::steer::DMA, address_of(place_.real));
  page.write(hal::steer::DMA_OCTETS, kRings * real_octets(place_.units) + place_.copies.reached());
  set_up_seals();
  page.write(hal::steer::STEER, partition::kSteerMsi | partition::kSteerIntx);
  result_ = hal::commit(page);
  if (result_ == partition::Result::k_bad_steering) {
    // INTx can't be told apart: it goes to the guest as ever, at times a little early.
    page.write(hal::steer::STEER, partition::kSteerMsi);
    result_ = hal::commit(page);
  }
  return result_ == partition::Result::k_ok;
}

// Nothing of the guest's has a seal yet, so none is demanded; but a NIC that checks none is refused
// here.
template <class Bus>
void Interceptor<Bus>::set_up_seals() {
  const bool used = inspection_.seals.used();
  if (used) inspection_.seals.clear();
  place_.steer.write(hal::steer::SEALS, used ? address_of(place_.seals.table) : 0);
  place_.steer.write(hal::steer::SEAL_UNITS, place_.units);
  place_.steer.write(hal::steer::SEAL_KEY, place_.seals.key);
}

// Before the rings are ours: what the guest has left in them is not sent unsealed any more.
template <class Bus>
void Interceptor<Bus>::demand_seals() {
  if (!inspection_.seals.used()) return;
  hold_rings();
  const uint32_t bits = place_.steer.read(hal::steer::STEER);
  place_.steer.write(hal::steer::STEER, bits | partition::kSteerSealed);
  hal::commit(place_.steer);
}

// While the rings hold still, before they are the guest's.
template <class Bus>
void Interceptor<Bus>::forgo_seals() {
  if (!inspection_.seals.used()) return;
  const uint32_t bits = place_.steer.read(hal::steer::STEER);
  place_.steer.write(hal::steer::STEER, bits & ~partition::kSteerSealed);
  place_.steer.write(hal::steer::SEALS, uint64_t{0});
  hal::commit(place_.steer);
}

// With nothing between head and tail: QEMU's e1000e, which looks at these alone when RCTL is
// written, would take frames for such a ring and lose them.
template <class Bus>
void Interceptor<Bus>::hold_receive_rings() {
  for (unsigned ring = 0; ring < kReceiveRings; ++ring) {
    nic_write(length_offset(ring), 0);
    nic_write(tail_offset(ring), nic_read(head_offset(ring)) & kPositionMask);
  }
}

template <class Bus>
void Interceptor<Bus>::hold_rings() {
  for (unsigned ring = 0; ring < kRings; ++ring) nic_write(length_offset(ring), 0);
}

template <class Bus>
bool Interceptor<Bus>::start_redirection() {
  for (unsigned ring = 0; ring < kRings; ++ring) {
    read_registers(ring);
    RingRegisters& shadow = place_.shared->shadows[ring];
    const SetUp& set_up = set_ups_[ring];
    shadow = {.base_low = set_up[offsetof(RingRegisters, base_low)],
              .base_high = set_up[offsetof(RingRegisters, base_high)],
              .length = set_up[offsetof(RingRegisters, length)],
              .reserved0 = 0,
              .head = set_up[offsetof(RingRegisters, head)],
              .reserved1 = 0,
              .tail = nic_read(tail_offset(ring)),
              .reserved2 = 0};
  }
  fill_table(*place_.shared, place_.bias, Mode::kIntercepted);
  // What came when the NIC was handed back the last time.
  records_.take_pending();
  while (!records_.ready().empty()) consume(records_.ready().size());
  overruns_ = records_.overruns();
  const auto& page = place_.redirect;
  hal::set_up(page, {.control = address_of(&place_.shared->redirect),
                     .armed = address_of(&place_.shared->armed),
                     .ring = address_of(place_.shared->records.data()),
                     .records = kRecords,
                     .vector = place_.vector,
                     .target = place_.core});
  page.write(hal::redirect::TABLE, address_of(place_.shared->table.data()));
  page.write(hal::redirect::TABLE_ENTRIES, uint32_t{kEntries});
  result_ = hal::commit(page);
  return result_ == partition::Result::k_ok;
}

template <class Bus>
void Interceptor<Bus>::read_registers(unsigned ring) {
  set_ups_[ring] = {};
  for (uint32_t word = 0; word < kSetUpOctets / 4; ++word)
    set_ups_[ring].words[word] = nic_read(ring_offset(ring) + 4 * word);
  set_ups_[ring].changed = true;
}

// The driver may have written between our look at the registers and COMMIT: what the device has now
// is the last it wrote there; what it writes now is on record, or sets its tail's pending bit.
template <class Bus>
void Interceptor<Bus>::adopt() {
  for (unsigned ring = 0; ring < kRings; ++ring) {
    read_registers(ring);
    uint32_t tail = read_shadow(shadow(ring, &RingRegisters::tail));
    const uint64_t pending = std::atomic_ref(place_.shared->redirect.pending).load();
    const uint64_t bits = (pending & kTailEntries) | (pending & kTailAliases) >> kRings;
    if ((bits >> ring & 1) == 0)
      std::atomic_ref(shadow(ring, &RingRegisters::tail))
          .compare_exchange_strong(tail, nic_read(tail_offset(ring)));
  }
  started_ = true;
  demand_seals();
  hold_receive_rings();
  rewrite(kReceiveControl, i82574::reg::RCTL);
  set_up_rings();
  settle_shadows();
}

template <class Bus>
void Interceptor<Bus>::stop() {
  if (!started_) return;
  for (unsigned round = 0; round < kRounds && poll(); ++round) {
  }
  for (unsigned ring = 0; ring < kRings; ++ring) nic_write(length_offset(ring), 0);
  complete_now();
  forgo_seals();
  started_ = false;
  for (ReceiveRing& ring : receive_) ring.stop();
  for (TransmitRing& ring : transmit_) ring.stop();
  hand_back();
  hal::commit(place_.redirect, false);
  pass_on(messages_.take_pending());
  hal::commit(place_.steer, false);
  // What came between: its cause may be masked by now (EIAC), so that nobody tells it again. The
  // line is the device's by now.
  if (const uint64_t messages = messages_.take_pending(); messages != 0) [[unlikely]]
    pass_on(messages & ~(uint64_t{1} << partition::kIntxSlot));
}

// From the table's exchange on, the device has a tail at once when the guest writes it, and what we
// write may overwrite it with an older one: harmless as long as the ring's length is 0, and put
// right as often as there is a record of it. With its length a ring is the guest's, and we leave
// its tail alone.
template <class Bus>
void Interceptor<Bus>::hand_back() {
  fill_table(*place_.shared, place_.bias, Mode::kLeaving);
  hal::commit(place_.redirect);
  records_.take_pending();  // the shadows have what it tells of
  for (SetUp& set_up : set_ups_) set_up.changed = true;
  for (unsigned round = 0; round < kRounds; ++round) {
    drain_records();
    bool changed = false;
    for (unsigned ring = 0; ring < kRings; ++ring) {
      if (set_ups_[ring].changed) give_back(ring), changed = true;
    }
    if (!changed) break;
    // A NIC that saw nothing to do looks again.
    rewrite(kReceiveControl, i82574::reg::RCTL);
    rewrite(kTransmitControl, i82574::reg::TCTL);
  }
}

template <class Bus>
void Interceptor<Bus>::give_back(unsigned ring) {
  SetUp& set_up = set_ups_[ring];
  nic_write(length_offset(ring), 0);
  unsigned round = 0;
  do {
    set_up.changed = false;
    nic_write(ring_offset(ring), set_up[offsetof(RingRegisters, base_low)]);
    nic_write(ring_offset(ring) + offsetof(RingRegisters, base_high),
              set_up[offsetof(RingRegisters, base_high)]);
    if (set_up.head_written)
      nic_write(head_offset(ring), set_up[offsetof(RingRegisters, head)] & kPositionMask);
    set_up.head_written = false;
    nic_write(tail_offset(ring), read_shadow(shadow(ring, &RingRegisters::tail)));
  } while (drain_records() && ++round < kRounds);
  nic_write(length_offset(ring), set_up[offsetof(RingRegisters, length)]);
}

// A control register gets the value that it has; the guest's last, if it writes meanwhile.
template <class Bus>
void Interceptor<Bus>::rewrite(Entry entry, uint32_t offset) {
  drain_records();
  control_entry_ = kEntries;
  nic_write(offset, nic_read(offset));
  for (unsigned round = 0; round < kRounds && drain_records(); ++round) {
    if (control_entry_ == entry) nic_write(offset, control_value_);
  }
}

// True: there were some.
template <class Bus>
bool Interceptor<Bus>::drain_records() {
  const auto ready = records_.ready();
  for (const partition::RedirectRecord& record : ready) take_record(record);
  consume(ready.size());
  return !ready.empty();
}

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_TAKEOVER_HH_
