// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/unit.hh"

#include <atomic>
#include <bit>
#include <cassert>

#include "hw/core/base/archive.hh"

namespace gatehouse::partition {
namespace {

constexpr uint64_t mask(unsigned octets) {
  return octets == 8 ? ~uint64_t{0} : (uint64_t{1} << (octets * 8)) - 1;
}

}  // namespace

UnitBlock::UnitBlock(std::span<const RegisterRow> rows, RamPort& ram, InterruptPort& interrupts)
    : rows_(rows), ram_(ram), interrupts_(interrupts) {
  assert(rows.size() <= kMaxRows);
  reset();
}

int UnitBlock::find(uint32_t offset) const {
  for (unsigned i = 0; i < rows_.size(); ++i) {
    if (rows_[i].offset == offset) return static_cast<int>(i);
  }
  return -1;
}

uint64_t UnitBlock::get(uint32_t offset) const {
  if (offset == unit::STATUS)
    return (present_ ? kStatusPresent : 0u) | (active_ ? kStatusActive : 0u);
  const int row = find(offset);
  assert(row >= 0);
  return values_[static_cast<unsigned>(row)];
}

void UnitBlock::set(uint32_t offset, uint64_t value) {
  const int row = find(offset);
  assert(row >= 0);
  values_[static_cast<unsigned>(row)] = value & mask(rows_[static_cast<unsigned>(row)].octets);
}

uint64_t UnitBlock::read(uint32_t offset, unsigned octets) const {
  const int row = find(offset);
  if (row < 0 || rows_[static_cast<unsigned>(row)].octets != octets ||
      rows_[static_cast<unsigned>(row)].mode == Access::kWo)
    return 0;
  return get(offset);
}

const RegisterRow* UnitBlock::write(uint32_t offset, uint64_t value, unsigned octets) {
  const int index = find(offset);
  if (index < 0) return nullptr;
  const RegisterRow& row = rows_[static_cast<unsigned>(index)];
  if (row.octets != octets || row.mode == Access::kRo) return nullptr;
  if (row.mode == Access::kRw) set(offset, value);
  return &row;
}

UnitBlock::Settings UnitBlock::written() const {
  Settings settings;
  settings.control = get(unit::CONTROL);
  settings.armed = get(unit::ARMED);
  settings.ring = get(unit::RING);
  settings.records = static_cast<uint32_t>(get(unit::RING_RECORDS));
  settings.vector = static_cast<uint32_t>(get(unit::VECTOR));
  settings.target = static_cast<uint32_t>(get(unit::TARGET));
  return settings;
}

Result UnitBlock::check(const Settings& settings) const {
  if (!ram_.at(settings.control, sizeof(UnitControl), alignof(UnitControl)))
    return Result::k_bad_control;
  if (settings.armed != 0 && !ram_.at(settings.armed, sizeof(uint32_t), alignof(uint32_t)))
    return Result::k_bad_control;
  if (settings.ring != 0) {
    if (!std::has_single_bit(settings.records) || settings.records < kMinRingRecords ||
        settings.records > kMaxRingRecords ||
        !ram_.at(settings.ring, settings.records * kRecordOctets, kRecordOctets))
      return Result::k_bad_ring;
  }
  if (settings.vector != 0 && (settings.vector < kFirstVector || settings.vector > kLastVector))
    return Result::k_bad_vector;
  if (settings.target >= interrupts_.cores()) return Result::k_bad_vector;
  return Result::k_ok;
}

Result UnitBlock::check() const { return check(written()); }

void UnitBlock::use(const Settings& settings) {
  in_force_ = settings;
  control_ = reinterpret_cast<UnitControl*>(
      ram_.at(settings.control, sizeof(UnitControl), alignof(UnitControl)));
  armed_ = settings.armed == 0 ? &control_->armed
                               : reinterpret_cast<uint32_t*>(
                                     ram_.at(settings.armed, sizeof(uint32_t), alignof(uint32_t)));
  ring_ = settings.ring == 0
              ? nullptr
              : ram_.at(settings.ring, settings.records * kRecordOctets, kRecordOctets);
  active_ = true;
}

void UnitBlock::enforce() { use(written()); }

void UnitBlock::finish(Result result, uint32_t entry) {
  set(unit::RESULT, static_cast<uint32_t>(result));
  set(unit::RESULT_ENTRY, entry);
}

void UnitBlock::reset() {
  values_.fill(0);
  finish(Result::k_off);
  stop();
}

void UnitBlock::post_octets(const std::array<uint8_t, kRecordOctets>& octets) {
  if (!active_) return;
  // The counts live in private RAM alone, so that they travel with it. Whatever firmware makes of
  // them, the index below is masked.
  std::atomic_ref<uint32_t> produced(control_->produced);
  const uint32_t next = produced.load(std::memory_order_relaxed);
  const uint32_t taken = std::atomic_ref(control_->consumed).load(std::memory_order_acquire);
  if (!ring_ || next - taken >= in_force_.records) {
    overrun();
    return;
  }
  const uint64_t place = (next & (in_force_.records - 1)) * kRecordOctets;
  std::memcpy(ring_ + place, octets.data(), kRecordOctets);
  ram_.written(in_force_.ring + place, kRecordOctets);
  produced.store(next + 1, std::memory_order_seq_cst);
  ++counters_.records;
  ram_.written(in_force_.control, sizeof(UnitControl));
}

bool UnitBlock::pend(uint64_t bits) {
  if (!active_) return false;
  const uint64_t before =
      std::atomic_ref(control_->pending).fetch_or(bits, std::memory_order_seq_cst);
  ram_.written(in_force_.control, sizeof(UnitControl));
  return before == 0;
}

uint64_t UnitBlock::pending() const {
  return std::atomic_ref(control_->pending).load(std::memory_order_seq_cst);
}

void UnitBlock::forget_patience(uint64_t bits) {
  std::atomic_ref(control_->patient).fetch_and(~bits, std::memory_order_relaxed);
  std::atomic_ref(control_->watched).fetch_and(~bits, std::memory_order_relaxed);
  ram_.written(in_force_.control, sizeof(UnitControl));
}

void UnitBlock::overrun() {
  if (!active_) return;
  ++counters_.overruns;
  std::atomic_ref(control_->overruns).fetch_add(1, std::memory_order_seq_cst);
  ram_.written(in_force_.control, sizeof(UnitControl));
}

void UnitBlock::notify() {
  if (!active_) return;
  // Firmware stores `armed` and then looks at what was produced; here it is the other way round,
  // both in one total order, so one of the two sees the other.
  std::atomic_ref<uint32_t> armed(*armed_);
  if (armed.load(std::memory_order_seq_cst) == 0) return;
  const uint32_t apart = armed.exchange(0, std::memory_order_seq_cst);
  if (apart == 0) return;
  if (in_force_.armed == 0) {
    ram_.written(in_force_.control, sizeof(UnitControl));
  } else {
    ram_.written(in_force_.armed, sizeof(uint32_t));
  }
  if (in_force_.vector == 0) return;
  ++counters_.interrupts;
  const uint8_t vector = static_cast<uint8_t>(in_force_.vector);
  interrupts_.raise_apart(in_force_.target, vector, apart == kArmedAtOnce ? 0 : apart);
}

// Firmware may change any of it at any time.
bool UnitBlock::is_finished() const {
  const auto load = [](const uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); };
  const uint8_t* index = ram_.at(load(control_->index), sizeof(uint32_t), alignof(uint32_t));
  if (index == nullptr) return true;
  const uint64_t at = __atomic_load_n(reinterpret_cast<const uint32_t*>(index), __ATOMIC_ACQUIRE);
  const uint8_t* octet = ram_.at(load(control_->octet) + at * kWatchStep, 1, 1);
  if (octet == nullptr) return true;
  const uint32_t mask = __atomic_load_n(&control_->octet_mask, __ATOMIC_RELAXED);
  return (__atomic_load_n(octet, __ATOMIC_ACQUIRE) & mask) != 0;
}

bool UnitBlock::can_wait(uint64_t bits) const {
  const uint64_t patient = std::atomic_ref(control_->patient).load(std::memory_order_relaxed);
  if ((bits & ~patient) == 0) return true;
  const uint64_t watched = std::atomic_ref(control_->watched).load(std::memory_order_relaxed);
  return (bits & ~(patient | watched)) == 0 && !is_finished();
}

void UnitBlock::notify_pended(uint64_t bits, bool first) {
  if (!active_) return;
  const uint32_t patience = std::atomic_ref(control_->patience).load(std::memory_order_relaxed);
  if (patience == 0 || !can_wait(bits)) return notify();
  // Firmware that has not armed looks before it halts.
  if (std::atomic_ref(*armed_).load(std::memory_order_seq_cst) != 0)
    interrupts_.look_later(*this, patience, first);
}

void UnitBlock::look_again() {
  if (active_ && pending() != 0) notify();
}

void UnitBlock::archive(Archive& archive) {
  archive.section("unit", 2);
  for (unsigned i = 0; i < rows_.size(); ++i) {
    if (rows_[i].mode == Access::kWo || rows_[i].offset == unit::STATUS) continue;
    archive(values_[i]);
    if (archive.loading()) values_[i] &= mask(rows_[i].octets);
  }
  archive(counters_.records);
  archive(counters_.overruns);
  archive(counters_.interrupts);
  bool active = active_;
  Settings settings = in_force_;
  archive(active);
  archive(settings.control);
  archive(settings.armed);
  archive(settings.ring);
  archive(settings.records);
  archive(settings.vector);
  archive(settings.target);
  if (!archive.loading()) return;
  stop();
  if (!archive.ok() || !active) return;
  if (!present_) {
    archive.fail("saved state: a unit is in force, but its device is not plugged in");
  } else if (check(settings) != Result::k_ok) {
    archive.fail("saved state: a unit's control, ring or vector is not valid");
  } else {
    use(settings);
    // Not before the machine runs: who raises interrupts is loaded, too.
    interrupts_.look_later(*this, 0, true);
  }
}

}  // namespace gatehouse::partition
