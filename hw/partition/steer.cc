// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/steer.hh"

#include <algorithm>
#include <atomic>

#include "hw/core/base/archive.hh"

namespace gatehouse::partition {
namespace {

constexpr uint32_t kSteerBits = kSteerMsi | kSteerIntx | kSteerRing;
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
  if (result == Result::k_ok) result = check(steering);
  block_.finish(result);
  if (result != Result::k_ok) {
    // What was in force stays: a guest that runs does not lose interrupts.
    ++counters_.refused;
    return;
  }
  ++counters_.commits;
  block_.enforce();
  clear_slots();
  use(steering);
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
  return steering;
}

Result Steer::check(const Steering& steering) {
  if (steering.bits & ~kSteerBits) return Result::k_bad_steering;
  if ((steering.bits & kSteerIntx) && !device_.intx_apart()) return Result::k_bad_steering;
  if (steering.bits & (kSteerMsi | kSteerIntx)) {
    if (!ram_.at(steering.slots, kSlotOctets, sizeof(SteerSlot))) return Result::k_bad_table;
  }
  if ((steering.bits & kSteerRing) && block_.get(unit::RING) == 0) return Result::k_bad_ring;
  if (steering.dma_octets == 0) return Result::k_ok;
  if (steering.dma < kRamBase + kFirmwareOffset || steering.dma_octets % kPage != 0 ||
      !ram_.at(steering.dma, steering.dma_octets, kPage))
    return Result::k_bad_dma;
  return Result::k_ok;
}

void Steer::use(const Steering& steering) {
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
  if (used_ < kMessageSlots) {
    last_ = used_++;
  } else {
    // The last slot changes its meaning: what it stood for is lost to firmware.
    last_ = kMessageSlots - 1;
    block_.overrun();
  }
  slots_[last_].address = address;
  slots_[last_].data = data;
  return last_;
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
  block_.pend(uint64_t{1} << slot);
  if (steering_.bits & kSteerRing) block_.post(SteerRecord{from.address, from.data, slot});
  block_.notify();
}

void Steer::dma_denied() { block_.set(steer::DMA_DENIED, denied() + 1); }

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
  archive.section("steer", 1);
  block_.archive(archive);
  archive(counters_.messages);
  archive(counters_.lines);
  archive(counters_.injections);
  archive(counters_.refused);
  archive(counters_.commits);
  archive(level_);
  archive(guest_level_);
  Steering steering = steering_;
  archive(steering.bits);
  archive(steering.slots);
  archive(steering.dma);
  archive(steering.dma_octets);
  archive_slots(archive);
  if (!archive.loading()) return;
  if (archive.ok() && !block_.active() && !(steering == Steering{}))
    archive.fail("saved state: steering that is not in force has a setting");
  if (archive.ok() && block_.active() && check(steering) != Result::k_ok)
    archive.fail("saved state: steering in force is not valid");
  if (archive.ok()) {
    use(steering);
    return;
  }
  block_.stop();
  clear_slots();
  use({});
}

void Steer::archive_slots(Archive& archive) {
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
  if (!archive.loading()) return;
  used_ = used;
  last_ = 0;
}

}  // namespace gatehouse::partition
