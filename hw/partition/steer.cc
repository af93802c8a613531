// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/steer.hh"

#include <algorithm>
#include <atomic>

#include "hw/core/base/archive.hh"

namespace gatehouse::partition {
namespace {

constexpr uint32_t kSteerBits = kSteerMsi | kSteerIntx | kSteerRing | kSteerSealed;
static_assert(kMaxSealKey == SealKey::kPrime - 1 && kSealed > SealKey::kPrime);
// Transmit queues' rings come behind the receive queues'.
constexpr unsigned kTransmitRings = kSealRings / 2;
constexpr uint64_t kSlotOctets = kSteerSlots * sizeof(SteerSlot);

}  // namespace

Steer::Steer(RamPort& ram, InterruptPort& interrupts, SteeredDevice& device)
    : ram_(ram), device_(device), block_(kSteerRows, ram, interrupts) {}

uint64_t Steer::read(uint32_t offset, unsigned octets) { return block_.read(offset, octets); }

void Steer::write(uint32_t offset, uint64_t value, unsigned octets) {
  const RegisterRow* row = block_.write(offset, value, octets);
  if (!row) return;
  const uint32_t word = static_cast<uint32_t>(value);  // all kWo registers have 4 octets
  switch (row->offset) {
    case unit::COMMIT:
      commit(word);
      break;
    case steer::INJECT_SLOT:
      inject_slot(word);
      break;
    case steer::INJECT_DATA:
      inject(block_.get(steer::INJECT_ADDRESS), word);
      break;
    case steer::INJECT_INTX:
      if (block_.active() && (steering_.bits & kSteerIntx)) {
        set_guest_line(word != 0);
      } else {
        ++counters_.refused;
      }
      break;
    default:
      break;
  }
}

void Steer::reset() {
  stop(Result::k_off);
  block_.reset();
  clear_slots();
}

// ---- COMMIT

void Steer::commit(uint64_t value) {
  if (value == 0) stop(Result::k_off);
  if (value != 1) return;
  const Steering steering = written();
  Result result = block_.present() ? block_.check() : Result::k_no_device;
  if (result == Result::k_ok) result = check(steering, block_.get(unit::RING) != 0);
  block_.finish(result);
  if (result != Result::k_ok) {
    // What was in force stays: a guest that runs does not lose interrupts.
    ++counters_.refused;
    return;
  }
  ++counters_.commits;
  const bool same_slots = block_.active() && steering.slots == steering_.slots &&
                          ((steering.bits ^ steering_.bits) & ~kSteerSealed) == 0;
  block_.enforce();
  if (!same_slots) clear_slots();
  use(steering);
  if (same_slots) return;
  if (shown_) {
    std::fill_n(shown_, kSteerSlots, SteerSlot{});
    ram_.written(steering.slots, kSlotOctets);
  }
  // A line that is high already has no edge to tell of it.
  if ((steering.bits & kSteerIntx) && level_) tell(kIntxSlot);
}

void Steer::stop(Result result) {
  block_.stop();
  block_.finish(result);
  use({});
  set_guest_line(level_);
}

Steering Steer::written() const {
  Steering steering;
  steering.bits = static_cast<uint32_t>(block_.get(steer::STEER));
  steering.slots = block_.get(steer::SLOTS);
  steering.dma_octets = block_.get(steer::DMA_OCTETS);
  steering.dma = steering.dma_octets == 0 ? 0 : block_.get(steer::DMA);
  steering.seals = block_.get(steer::SEALS);
  if (steering.seals != 0) {
    steering.seal_units = static_cast<uint32_t>(block_.get(steer::SEAL_UNITS));
    steering.seal_key = block_.get(steer::SEAL_KEY);
  }
  return steering;
}

Result Steer::check(const Steering& steering, bool has_ring) {
  if (steering.bits & ~kSteerBits) return Result::k_bad_steering;
  if ((steering.bits & kSteerIntx) && !device_.intx_apart()) return Result::k_bad_steering;
  if (steering.bits & (kSteerMsi | kSteerIntx)) {
    if (!ram_.at(steering.slots, kSlotOctets, sizeof(SteerSlot))) return Result::k_bad_table;
  }
  if ((steering.bits & kSteerRing) && !has_ring) return Result::k_bad_ring;
  if (const Result seals = check_seals(steering); seals != Result::k_ok) return seals;
  if (steering.dma_octets == 0) return Result::k_ok;
  if (steering.dma < kRamBase + kFirmwareOffset || steering.dma_octets % kPage != 0 ||
      !ram_.at(steering.dma, steering.dma_octets, kPage))
    return Result::k_bad_dma;
  return Result::k_ok;
}

Result Steer::check_seals(const Steering& steering) {
  if (steering.seals == 0) {
    return (steering.bits & kSteerSealed) ? Result::k_bad_seals : Result::k_ok;
  }
  if (!device_.checks_seals()) return Result::k_no_seals;
  if (steering.seal_units == 0 || steering.seal_units > kMaxSealUnits ||
      !SealKey::valid(steering.seal_key) ||
      !ram_.at(steering.seals, kSealRings * sizeof(uint64_t) * steering.seal_units,
               sizeof(uint64_t)))
    return Result::k_bad_seals;
  return Result::k_ok;
}

void Steer::use(const Steering& steering) {
  seals_ = nullptr;
  if (steering.seals != 0) {
    seals_ = reinterpret_cast<uint64_t*>(ram_.at(
        steering.seals, kSealRings * sizeof(uint64_t) * steering.seal_units, sizeof(uint64_t)));
    seal_key_ = SealKey(steering.seal_key);
  }
  shown_ = nullptr;
  if (steering.bits & (kSteerMsi | kSteerIntx)) {
    shown_ = reinterpret_cast<SteerSlot*>(ram_.at(steering.slots, kSlotOctets, sizeof(SteerSlot)));
  }
  if (steering == steering_) return;
  steering_ = steering;
  device_.use(steering);
  if (!(steering.bits & kSteerIntx)) set_guest_line(level_);
}

void Steer::clear_slots() {
  slots_.fill({});
  used_ = 0;
  last_ = 0;
  owed_ = 0;
}

// ---- The device

unsigned Steer::find(uint64_t address, uint32_t data) {
  const auto same = [&](unsigned slot) {
    return slots_[slot].address == address && slots_[slot].data == data;
  };
  if (last_ < used_ && same(last_)) return last_;
  for (unsigned slot = 0; slot < used_; ++slot) {
    if (same(slot)) return last_ = slot;
  }
  last_ = used_ < kMessageSlots ? used_++ : reuse();
  slots_[last_].address = address;
  slots_[last_].data = data;
  return last_;
}

// A driver that moves its messages about uses up slots. One is free when firmware has passed on all
// that came in it.
unsigned Steer::reuse() {
  const uint64_t taken = owed_ | block_.pending();
  for (unsigned i = 1; i <= kMessageSlots; ++i) {
    const unsigned slot = (last_ + i) % kMessageSlots;
    if ((taken >> slot & 1) != 0) continue;
    block_.forget_patience(uint64_t{1} << slot);
    return slot;
  }
  // The last slot changes its meaning: what it stood for is lost to firmware.
  block_.overrun();
  return kMessageSlots - 1;
}

bool Steer::message(uint64_t address, uint32_t data) {
  if (!block_.active() || !(steering_.bits & kSteerMsi)) return false;
  ++counters_.messages;
  const unsigned slot = find(address, data);
  ++slots_[slot].count;
  tell(slot);
  return true;
}

void Steer::line(bool level) {
  if (level == level_) return;
  level_ = level;
  if (!block_.active() || !(steering_.bits & kSteerIntx)) {
    set_guest_line(level);
    return;
  }
  ++counters_.lines;
  ++slots_[kIntxSlot].count;
  tell(kIntxSlot);
}

void Steer::tell(unsigned slot) {
  Slot& from = slots_[slot];
  if (slot == kIntxSlot) from.address = level_;
  SteerSlot& to = shown_[slot];
  std::atomic_ref(to.address).store(from.address, std::memory_order_relaxed);
  std::atomic_ref(to.data).store(from.data, std::memory_order_relaxed);
  std::atomic_ref(to.count).store(from.count, std::memory_order_release);
  ram_.written(steering_.slots + slot * sizeof(SteerSlot), sizeof(SteerSlot));
  owed_ |= uint64_t{1} << slot;
  const bool first = block_.pend(uint64_t{1} << slot);
  if ((steering_.bits & kSteerRing) == 0) return block_.notify_pended(uint64_t{1} << slot, first);
  block_.post(SteerRecord{from.address, from.data, slot});
  block_.notify();
}

void Steer::dma_denied() { block_.set(steer::DMA_DENIED, denied() + 1); }

// Null: a ring longer than the table.
uint64_t* Steer::seal_at(unsigned ring, uint32_t unit) const {
  if (!seals_ || unit >= steering_.seal_units) return nullptr;
  return seals_ + size_t{ring} * steering_.seal_units + unit;
}

bool Steer::seal_holds(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) {
  uint64_t* at = seal_at(kTransmitRings + queue, unit);
  const uint64_t seal = at ? std::atomic_ref(*at).load(std::memory_order_acquire) : 0;
  const bool holds = (seal & kSealed) ? seal == (kSealed | seal_key_.seal(octets))
                                      : (steering_.bits & kSteerSealed) == 0;
  if (!holds) block_.set(steer::SEALS_BROKEN, seals_broken() + 1);
  return holds;
}

void Steer::seal_received(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) {
  uint64_t* at = seal_at(queue, unit);
  if (!at) return;
  const uint64_t seal = octets.data() ? kSealed | seal_key_.seal(octets) : 0;
  std::atomic_ref(*at).store(seal, std::memory_order_release);
  ram_.written(steering_.seals + static_cast<uint64_t>(at - seals_) * sizeof seal, sizeof seal);
}

// ---- To the guest

void Steer::inject(uint64_t address, uint32_t data) {
  if (!block_.present()) {
    ++counters_.refused;
    return;
  }
  ++counters_.injections;
  device_.send(address, data);
}

// Also when nothing is in force: what was pending while firmware handed back must not be lost.
void Steer::inject_slot(uint64_t slot) {
  if (slot >= used_) {
    ++counters_.refused;
    return;
  }
  // What has come again since firmware took it is to be passed on, too.
  const uint64_t bit = uint64_t{1} << slot;
  if (!block_.active() || (block_.pending() & bit) == 0) owed_ &= ~bit;
  inject(slots_[slot].address, slots_[slot].data);
}

void Steer::set_guest_line(bool level) {
  if (level == guest_level_) return;
  guest_level_ = level;
  device_.set_line(level);
}

// ---- The device's life

void Steer::plugged() { block_.set_present(true); }

void Steer::unplugged() {
  level_ = false;
  stop(Result::k_no_device);
  clear_slots();
  block_.set_present(false);
}

// ---- Saved state

void Steer::archive(Archive& archive) {
  const uint32_t version = archive.section("steer", 2);
  block_.archive(archive);
  archive(counters_.messages);
  archive(counters_.lines);
  archive(counters_.injections);
  archive(counters_.refused);
  archive(counters_.commits);
  archive(level_);
  archive(guest_level_);
  // A device that is not there has no line that is high.
  if (archive.loading() && !block_.present()) level_ = guest_level_ = false;
  Steering steering = steering_;
  archive(steering.bits);
  archive(steering.slots);
  archive(steering.dma);
  archive(steering.dma_octets);
  archive(steering.seals);
  archive(steering.seal_units);
  archive(steering.seal_key);
  archive_slots(archive, version);
  if (!archive.loading()) return;
  if (archive.ok() && !block_.active() && !(steering == Steering{}))
    archive.fail("saved state: steering that is not in force has a setting");
  if (archive.ok() && block_.active() && check(steering, block_.has_ring()) != Result::k_ok)
    archive.fail("saved state: steering in force is not valid");
  if (archive.ok()) {
    use(steering);
    return;
  }
  block_.stop();
  clear_slots();
  use({});
}

void Steer::archive_slots(Archive& archive, uint32_t version) {
  uint32_t used = used_;
  archive(used);
  if (used > kMessageSlots) {
    archive.fail("saved state: steering has too many slots");
    used = 0;
  }
  for (Slot& slot : slots_) {
    archive(slot.address);
    archive(slot.data);
    archive(slot.count);
  }
  if (version < 2) {
    owed_ = ~uint64_t{0};  // of any slot
  } else {
    archive(owed_);
  }
  if (!archive.loading()) return;
  used_ = used;
  last_ = 0;
}

}  // namespace gatehouse::partition
