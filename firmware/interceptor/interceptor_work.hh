// SPDX-License-Identifier: GPL-2.0-or-later
// Interceptor's daily work: tails, finished descriptors, interrupts, and what the driver sets up.
// For interceptor.hh alone.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_WORK_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_WORK_HH_

#include <bit>
#include <utility>

#include "firmware/interceptor/interceptor.hh"

namespace gatehouse::interceptor {

// ---- Tails

template <class Bus>
inline void Interceptor<Bus>::follow(uint64_t written) {
  constexpr uint64_t kReceive = 1, kTransmit = 1 << kReceiveRings;
  if (written & kTransmit) follow_transmit(0);
  if (written & kReceive) follow_receive(0);
  if (written & ~(kReceive | kTransmit)) [[unlikely]]
    follow_others(written);
  if (counts_.refused_addresses != told_refused_) [[unlikely]]
    tell_refused();
}

// Queue 1, tails by their other address, writes by way of the I/O BAR.
template <class Bus>
void Interceptor<Bus>::follow_others(uint64_t written) {
  if (written & uint64_t{1} << kIoBar) {
    tell(Alert::kIoBar, counts_.io_accesses, counts_.io_accesses + 1);
    ++counts_.io_accesses;
  }
  if (written & 1 << kTailAliasReceive) follow_receive(0);
  if (written & 1 << kTailAliasTransmit) follow_transmit(0);
  if (written & 1 << 1) follow_receive(1);
  if (written & 1 << (kReceiveRings + 1)) follow_transmit(1);
}

template <class Bus>
void Interceptor<Bus>::tell_refused() {
  tell(Alert::kRefusedAddress, told_refused_, counts_.refused_addresses);
  told_refused_ = counts_.refused_addresses;
}

// A tail beyond the ring stops the NIC, until the guest writes another. That of a ring that is off
// counts when it is set up.
template <class Bus>
inline void Interceptor<Bus>::follow_transmit(unsigned queue) {
  TransmitRing& ring = transmit_[queue];
  uint32_t tail = read_shadow(shadow(kReceiveRings + queue, &RingRegisters::tail)) & kPositionMask;
  if (tail < ring.units()) [[likely]] {
    if (ring.takes_back(tail)) [[unlikely]]
      return begin_anew(kReceiveRings + queue);
    tail = ring.follow(tail, inspection_, counts_);
  } else if (!ring.active()) {
    return;
  }
  std::atomic_thread_fence(std::memory_order_release);
  nic_write(tail_offset(kReceiveRings + queue), tail);
}

template <class Bus>
inline void Interceptor<Bus>::follow_receive(unsigned queue) {
  ReceiveRing& ring = receive_[queue];
  uint32_t tail = read_shadow(shadow(queue, &RingRegisters::tail)) & kPositionMask;
  // A NIC takes whole descriptors, and would not find one that ends in the middle.
  if (format_ == ReceiveFormat::kSplit) [[unlikely]]
    tail &= ~1u;
  if (tail < ring.units()) [[likely]] {
    if (ring.takes_back(tail)) [[unlikely]]
      return begin_anew(queue);
    ring.follow(tail, inspection_, counts_);
  } else if (!ring.active()) {
    return;
  }
  std::atomic_thread_fence(std::memory_order_release);
  nic_write(tail_offset(queue), tail);
}

// What the guest has between the NIC's head and the tail. Nothing is taken back from a ring that
// has just begun.
template <class Bus>
void Interceptor<Bus>::begin_anew(unsigned ring) {
  set_up(ring);
  settle_shadows();
}

// ---- What the NIC has done

template <class Bus>
inline typename Interceptor<Bus>::Moved Interceptor<Bus>::complete() {
  Moved moved = complete_queue(0);
  if (queues_ != 1) [[unlikely]]
    moved.any |= complete_second();
  return moved;
}

template <class Bus>
inline typename Interceptor<Bus>::Moved Interceptor<Bus>::complete_queue(unsigned queue) {
  Moved moved;
  ReceiveRing& receive = receive_[queue];
  if (receive.may_complete() && receive.complete(inspection_, counts_)) {
    write_shadow(shadow(queue, &RingRegisters::head), receive.head());
    moved = {.any = true, .received = true};
  }
  TransmitRing& transmit = transmit_[queue];
  if (transmit.may_complete() && transmit.complete()) {
    write_shadow(shadow(kReceiveRings + queue, &RingRegisters::head), transmit.head());
    moved.any = true;
  }
  return moved;
}

// Before a halt: transmit descriptors that report nothing are done when the NIC's head says so.
template <class Bus>
void Interceptor<Bus>::follow_heads() {
  for (unsigned queue = 0; queue != queues_; ++queue) {
    TransmitRing& ring = transmit_[queue];
    if (!ring.unreported()) continue;
    ring.set_head(nic_read(head_offset(kReceiveRings + queue)));
    write_shadow(shadow(kReceiveRings + queue, &RingRegisters::head), ring.head());
  }
}

// After complete(): what an interrupt tells of is in the guest's rings by now.
template <class Bus>
inline void Interceptor<Bus>::pass_on(uint64_t messages) {
  if (messages >> partition::kIntxSlot) [[unlikely]] {
    const uint64_t level =
        std::atomic_ref(place_.shared->slots[partition::kIntxSlot].address).load();
    place_.steer.write(hal::steer::INJECT_INTX, level != 0 ? 1u : 0u);
    messages &= ~(uint64_t{1} << partition::kIntxSlot);
  }
  for (; messages != 0; messages &= messages - 1)
    place_.steer.write(hal::steer::INJECT_SLOT, static_cast<uint32_t>(std::countr_zero(messages)));
}

// ---- What the driver sets up

template <class Bus>
void Interceptor<Bus>::take_records() {
  // A guest that goes on writing does not keep the core from its other work.
  constexpr unsigned kRecordRounds = 16;
  for (unsigned round = 0; round != kRecordRounds; ++round) {
    for (unsigned span = 0; span != 2; ++span) {  // up to the ring's end, and from its begin
      const auto ready = records_.ready();
      for (const partition::RedirectRecord& record : ready) take_record(record);
      consume(ready.size());
    }
    // Behind all records: none of them is newer than the shadows.
    if (records_.overruns() != overruns_ && records_.ready().empty()) resynchronize();
    set_up_rings();
    settle_shadows();
    if (records_.ready().empty()) return;
  }
}

template <class Bus>
void Interceptor<Bus>::take_record(const partition::RedirectRecord& record) {
  using partition::RedirectRecordKind;
  if (record.kind == RedirectRecordKind::kReset) return reset();
  if (record.kind == RedirectRecordKind::kUnplugged) return leave();
  if (record.kind != RedirectRecordKind::kWrite || record.entry >= kEntries) return;
  if (record.entry < kSetUp || record.entry >= kIoBar) return take_other_record(record);
  const unsigned ring = record.entry == kSetUpAliasReceive    ? 0
                        : record.entry == kSetUpAliasTransmit ? kReceiveRings
                                                              : record.entry - kSetUp;
  // The NIC ignores smaller accesses, and takes 8 octets for two registers.
  const uint32_t at = record.offset - place_.shared->table[record.entry].offset;
  if (record.octets < 4 || at % 4 != 0 || at + record.octets > kSetUpOctets) return;
  SetUp& set_up = set_ups_[ring];
  for (uint32_t word = 0; word < record.octets / 4u; ++word) {
    set_up.words[at / 4 + word] = static_cast<uint32_t>(record.value >> (32 * word));
    if (at + 4 * word == offsetof(RingRegisters, head)) set_up.head_written = true;
  }
  set_up.changed = true;
}

// The device has gone, and with it what was in force.
template <class Bus>
void Interceptor<Bus>::leave() {
  reset();
  started_ = false;
  alerts_.alert(Alert::kUnplugged, 1);
}

template <class Bus>
bool Interceptor<Bus>::is_in_force() const {
  return (place_.redirect.read(hal::unit::STATUS) & partition::kStatusActive) != 0;
}

// Tails are on record while the NIC is handed back.
template <class Bus>
void Interceptor<Bus>::take_other_record(const partition::RedirectRecord& record) {
  if (record.octets < 4) return;
  const uint32_t value = static_cast<uint32_t>(record.value);
  if ((uint64_t{1} << record.entry & (kTailEntries | kTailAliases)) != 0)
    return write_shadow(shadow(record.entry % kRings, &RingRegisters::tail), value & kPositionMask);
  control_entry_ = record.entry;
  control_value_ = value;
}

// Records were lost: the shadows have the last values, and the NIC those after a reset.
template <class Bus>
void Interceptor<Bus>::resynchronize() {
  const uint32_t overruns = records_.overruns();
  counts_.overruns += overruns - overruns_;
  overruns_ = overruns;
  alerts_.alert(Alert::kOverrun, counts_.overruns);
  if (started_ && !is_in_force()) return leave();  // of that there was a record
  for (unsigned ring = 0; ring < kRings; ++ring) {
    RingRegisters& shadow = place_.shared->shadows[ring];
    SetUp& set_up = set_ups_[ring];
    set_up.words[offsetof(RingRegisters, base_low) / 4] = read_shadow(shadow.base_low);
    set_up.words[offsetof(RingRegisters, base_high) / 4] = read_shadow(shadow.base_high);
    set_up.words[offsetof(RingRegisters, length) / 4] = read_shadow(shadow.length);
    set_up.changed = true;
  }
}

// The device has been reset: its rings are off, its registers 0, and so were the shadows at once:
// what they have by now was written since. From here on nothing is written to the guest's rings,
// whose memory the driver may use for something else by now.
template <class Bus>
void Interceptor<Bus>::reset() {
  ++counts_.resets;
  for (ReceiveRing& ring : receive_) ring.stop();
  for (TransmitRing& ring : transmit_) ring.stop();
  for (SetUp& set_up : set_ups_) set_up = {.words = {}, .head_written = true, .changed = true};
  let_wait({});
}

// The guest reads what it wrote, as the silicon keeps it. A write that comes meanwhile has a
// record.
template <class Bus>
void Interceptor<Bus>::settle_shadows() {
  for (unsigned ring = 0; ring < kRings; ++ring) {
    const SetUp& set_up = set_ups_[ring];
    const auto settle = [&](uint32_t RingRegisters::*word, uint32_t value) {
      uint32_t was = read_shadow(shadow(ring, word));
      if (was != value && records_.ready().empty())
        std::atomic_ref(shadow(ring, word)).compare_exchange_strong(was, value);
    };
    settle(&RingRegisters::base_low, set_up[offsetof(RingRegisters, base_low)] & kBaseMask);
    settle(&RingRegisters::base_high, set_up[offsetof(RingRegisters, base_high)]);
    settle(&RingRegisters::length, set_up[offsetof(RingRegisters, length)] & kLengthMask);
    const uint32_t head = !active(ring)    ? set_up[offsetof(RingRegisters, head)] & kPositionMask
                          : receives(ring) ? receive_[queue_of(ring)].head()
                                           : transmit_[queue_of(ring)].head();
    settle(&RingRegisters::head, head);
  }
}

template <class Bus>
ReceiveFormat Interceptor<Bus>::read_format() const {
  return i82574::receive_format(nic_read(i82574::reg::RCTL), nic_read(i82574::reg::RFCTL));
}

// NICs differ in the rest: QEMU's e1000e takes sizes from PSRCTL for each DTYP but 0, and each for
// packet split, though EXSTEN is off.
template <class Bus>
bool Interceptor<Bus>::has_one_meaning(ReceiveFormat format) const {
  return format == ReceiveFormat::kSplit ||
         i82574::field_get(nic_read(i82574::reg::RCTL), i82574::RCTL_DTYP) == 0;
}

template <class Bus>
void Interceptor<Bus>::set_up_rings() {
  if (!started_) return;
  // A guest that goes on changing its format has no receive rings until the next look.
  constexpr unsigned kFormatRounds = 8;
  unsettled_ = false;
  for (unsigned round = 0; follow_format(); ++round) {
    if (round != kFormatRounds) continue;
    unsettled_ = true;
    one_meaning_ = false;
    break;
  }
  if (!started_) return;  // it has gone meanwhile
  for (unsigned ring = 0; ring < kRings; ++ring) {
    if (set_ups_[ring].changed) set_up(ring);
  }
}

// True: format or sizes have changed, and may have once more. QEMU's e1000e takes what RFCTL and
// PSRCTL say only when RCTL is written: then no ring has a length, and each begins anew.
template <class Bus>
bool Interceptor<Bus>::follow_format() {
  const ReceiveFormat format = read_format();
  const bool one = has_one_meaning(format);
  bool changed = follow_buffer_sizes(format) || format != format_;
  changed |= one != std::exchange(one_meaning_, one);
  format_ = format;
  if (!changed) return false;
  // Also those that were refused for what the format was.
  for (unsigned ring = 0; ring < kReceiveRings; ++ring) set_ups_[ring].changed = true;
  hold_receive_rings();
  rewrite(kReceiveControl, i82574::reg::RCTL);
  return true;
}

// True: private buffers are to have another size.
template <class Bus>
bool Interceptor<Bus>::follow_buffer_sizes(ReceiveFormat format) {
  using namespace i82574;  // NOLINT: register names
  if (!inspection_.copies.used()) return false;
  const ReceiveBuffers sizes = receive_buffers(format, nic_read(reg::RCTL), nic_read(reg::PSRCTL));
  return sizes != std::exchange(buffer_sizes_, sizes);
}

template <class Bus>
bool Interceptor<Bus>::usable(unsigned ring, uint32_t head) {
  const SetUp& set_up = set_ups_[ring];
  const uint32_t units =
      (set_up[offsetof(RingRegisters, length)] & kLengthMask) / i82574::kRingUnit;
  if (units == 0 || head >= units) return false;
  const bool halved = format_ == ReceiveFormat::kSplit && head % 2 != 0;  // in a descriptor
  if (receives(ring) && (halved || !one_meaning_)) {
    refuse_ring(Alert::kUnusableRing);
    return false;
  }
  const uint64_t base = uint64_t{set_up[offsetof(RingRegisters, base_high)]} << 32 |
                        (set_up[offsetof(RingRegisters, base_low)] & kBaseMask);
  if (units > place_.units || !place_.guest.at(base, uint64_t{units} * i82574::kRingUnit)) {
    refuse_ring(Alert::kUnusableRing);
    return false;
  }
  if (give_buffers(ring, units)) return true;
  refuse_ring(Alert::kNoBuffers);
  return false;
}

template <class Bus>
void Interceptor<Bus>::refuse_ring(Alert why) {
  tell(why, counts_.unusable_rings, counts_.unusable_rings + 1);
  ++counts_.unusable_rings;
}

// Private ones, in copy mode.
template <class Bus>
bool Interceptor<Bus>::give_buffers(unsigned ring, uint32_t units) {
  if (!inspection_.copies.used()) return true;
  const unsigned queue = queue_of(ring);
  if (!receives(ring)) {
    inspection_.copies.send_buffer(queue).clear();
    return true;
  }
  const uint32_t descriptors = format_ == ReceiveFormat::kSplit ? units / 2 : units;
  slots_[queue] = inspection_.copies.make_slots(queue, descriptors, buffer_sizes_);
  return slots_[queue].used();
}

// The real ring begins anew where the head stands, with what the guest has between head and tail.
template <class Bus>
void Interceptor<Bus>::set_up(unsigned ring) {
  SetUp& set_up = set_ups_[ring];
  ++counts_.set_ups;
  nic_write(length_offset(ring), 0);  // the NIC looks at no tail of such a ring
  if (active(ring)) complete_now();
  if (receives(ring)) {
    receive_[queue_of(ring)].stop();
    inspection_.copies.free_slots(queue_of(ring));
  } else {
    transmit_[queue_of(ring)].stop();
  }
  if (set_up.head_written) {
    nic_write(head_offset(ring), set_up[offsetof(RingRegisters, head)] & kPositionMask);
  } else {
    set_up.words[offsetof(RingRegisters, head) / 4] = nic_read(head_offset(ring)) & kPositionMask;
  }
  set_up.head_written = set_up.changed = false;
  const uint32_t head = set_up[offsetof(RingRegisters, head)] & kPositionMask;
  if (usable(ring, head)) use(ring, head);
  if (ring == 0) watch();
  queues_ = active(1) || active(kReceiveRings + 1) ? 2 : 1;
}

template <class Bus>
void Interceptor<Bus>::use(unsigned ring, uint32_t head) {
  SetUp& set_up = set_ups_[ring];
  uint32_t& length = set_up.words[offsetof(RingRegisters, length) / 4];
  length &= kLengthMask;
  const uint64_t base = uint64_t{set_up[offsetof(RingRegisters, base_high)]} << 32 |
                        (set_up[offsetof(RingRegisters, base_low)] & kBaseMask);
  RingPlace place{.guest = place_.guest.at(base, length),
                  .real = real_ring(ring),
                  .given = nullptr,
                  .units = length / i82574::kRingUnit};
  if (receives(ring)) {
    place.given = place_.given + uint64_t{ring} * place_.units * i82574::kRingUnit;
    receive_[queue_of(ring)].use(place, head, format_, inspection_.inspector != nullptr,
                                 slots_[queue_of(ring)]);
  } else {
    transmit_[queue_of(ring)].use(place, head);
  }
  if (!point_to(address_of(place.real), ring, head, length)) return;
  follow_others(receives(ring) ? 1u << (queue_of(ring) == 0 ? +kTailAliasReceive : 1)
                               : 1u << (queue_of(ring) == 0 ? +kTailAliasTransmit : 3));
}

// The NIC has nothing to do in its ring yet. False: it was reset meanwhile, and the ring stays off;
// the reset is on record. Looked for before the NIC has a length, since from the head after a reset
// it would go over what is there from the last time, and after it, when the base may have gone.
template <class Bus>
bool Interceptor<Bus>::point_to(uint64_t real, unsigned ring, uint32_t head, uint32_t length) {
  const uint32_t low = static_cast<uint32_t>(real), high = static_cast<uint32_t>(real >> 32);
  const uint32_t low_offset = ring_offset(ring);
  const uint32_t high_offset = low_offset + offsetof(RingRegisters, base_high);
  const auto stands = [&] {
    return nic_read(low_offset) == low && nic_read(high_offset) == high &&
           (nic_read(head_offset(ring)) & kPositionMask) == head;
  };
  nic_write(tail_offset(ring), head);
  nic_write(low_offset, low);
  nic_write(high_offset, high);
  if (!stands()) return false;
  nic_write(length_offset(ring), length);
  if (stands()) return true;
  nic_write(length_offset(ring), 0);
  return false;
}

// What each frame would have to count is worked out when somebody asks.
template <class Bus>
Counts Interceptor<Bus>::counts() const {
  Counts counts = counts_;
  for (const TransmitRing& ring : transmit_) counts.transmit_descriptors += ring.given();
  for (const ReceiveRing& ring : receive_) counts.receive_descriptors += ring.given();
  for (partition::SteerSlot& slot : place_.shared->slots)
    counts.messages += std::atomic_ref(slot.count).load(std::memory_order_relaxed);
  return counts;
}

// Powers of two in (before, now] are worth an alert.
template <class Bus>
void Interceptor<Bus>::tell(Alert what, uint64_t before, uint64_t now) {
  if (std::bit_floor(now) > before) alerts_.alert(what, now);
}

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_INTERCEPTOR_WORK_HH_
