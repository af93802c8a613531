// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/control_block.hh"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "hw/core/base/archive.hh"

namespace gatehouse::partition {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr uint32_t kNoInput = 0xffff'ffff;

const RegisterRow* find_row(uint32_t offset, unsigned octets) {
  for (const RegisterRow& row : kPartitionRows) {
    if (row.offset == offset) return row.octets == octets ? &row : nullptr;
  }
  return nullptr;
}

}  // namespace

ControlBlock::ControlBlock(Ports ports, uint64_t ram_octets, const std::string& arguments)
    : ports_(ports), ram_octets_(ram_octets) {
  std::memcpy(arguments_.data(), arguments.data(),
              std::min<size_t>(arguments.size(), kArgumentsOctets - 1));
}

// ---- Registers

// Where a kRw row's value is kept.
uint64_t* ControlBlock::find_stored(uint32_t offset) {
  switch (offset) {
    case reg::GUEST_RESET_VECTOR:
      return &guest_reset_vector_;
    case reg::CONSOLE_VECTOR:
      return &console_vector_;
    case reg::REQUEST_VECTOR:
      return &request_vector_;
    case reg::CONSOLE_TEXT:
      return &console_text_;
    case reg::ALERT:
      return &alert_;
  }
  return nullptr;
}

uint64_t ControlBlock::value(const RegisterRow& row, unsigned core) {
  switch (row.offset) {
    case reg::MAGIC:
      return kMagic;
    case reg::CORES:
      return ports_.interrupts.cores();
    case reg::CORE:
      return core;
    case reg::RAM_OCTETS:
      return ram_octets_;
    case reg::FIRMWARE_END:
      return firmware_end_;
    case reg::DATA:
      return data_;
    case reg::DATA_OCTETS:
      return data_octets_;
    case reg::UNITS:
      return static_cast<uint64_t>(
          std::count_if(units_.begin(), units_.end(),
                        [](const UnitRow& u) { return u.kind != UnitKind::kNone; }));
    case reg::GUEST_RESETS:
      return guest_resets_;
    case reg::CLOCK:
      return static_cast<uint64_t>(ports_.control.now_ns());
    case reg::CONSOLE:
      return take_input();
    case reg::REQUEST:
      return request_;
    case reg::ANSWER:
      return answer_;
  }
  const uint64_t* stored = find_stored(row.offset);
  return stored ? *stored : 0;
}

uint64_t ControlBlock::read(uint32_t offset, unsigned octets, unsigned core) {
  if (offset >= kUnitDirectory) return read_area(offset, octets);
  const RegisterRow* row = find_row(offset, octets);
  return row && row->mode != Access::kWo ? value(*row, core) : 0;
}

// Directory and arguments are text and tables: any aligned access reads them.
uint64_t ControlBlock::read_area(uint32_t offset, unsigned octets) const {
  if (offset % octets != 0) return 0;
  const auto from = [&](const void* area, size_t size, uint32_t start) {
    uint64_t value = 0;
    if (offset - start + octets <= size)
      std::memcpy(&value, static_cast<const uint8_t*>(area) + (offset - start), octets);
    return value;
  };
  if (offset >= kArguments) return from(arguments_.data(), arguments_.size(), kArguments);
  return from(units_.data(), sizeof units_, kUnitDirectory);
}

void ControlBlock::write(uint32_t offset, uint64_t value, unsigned octets) {
  const RegisterRow* row = find_row(offset, octets);
  if (!row || row->mode == Access::kRo) return;
  if (octets < 8) value &= (uint64_t{1} << (octets * 8)) - 1;
  written(*row, value);
}

void ControlBlock::written(const RegisterRow& row, uint64_t value) {
  if (uint64_t* stored = find_stored(row.offset)) *stored = value;
  switch (row.offset) {
    case reg::CONSOLE: {
      const uint8_t octet = static_cast<uint8_t>(value);
      ports_.control.console_write({&octet, 1});
      break;
    }
    case reg::CONSOLE_LENGTH: {
      const uint64_t octets = std::min<uint64_t>(value, kMaxConsoleText);
      const uint8_t* text = ports_.ram.at(console_text_, octets, 1);
      if (text) ports_.control.console_write({text, octets});
      break;
    }
    // What came before firmware was ready to be told.
    case reg::CONSOLE_VECTOR:
      if (console_count_ > 0) interrupt(console_vector_);
      break;
    case reg::REQUEST_VECTOR:
      if (request_open_) interrupt(request_vector_);
      break;
    case reg::ANSWER:
      answer_ = static_cast<uint32_t>(value);
      if (!request_open_) break;
      request_open_ = false;
      ++counters_.answers;
      ports_.control.answered(request_, answer_);
      break;
    case reg::ALERT_LENGTH:
      alert(static_cast<uint32_t>(value));
      break;
  }
}

void ControlBlock::interrupt(uint64_t vector) {
  if (vector >= kFirstVector && vector <= kLastVector)
    ports_.interrupts.raise(0, static_cast<uint8_t>(vector));
}

// ---- Console, requests, alerts

uint32_t ControlBlock::take_input() {
  if (console_count_ == 0) return kNoInput;
  const uint8_t octet = console_[console_first_];
  console_first_ = (console_first_ + 1) % console_.size();
  --console_count_;
  ports_.control.console_ready();
  return octet;
}

void ControlBlock::console_input(std::span<const uint8_t> octets) {
  for (const uint8_t octet : octets.first(std::min(octets.size(), console_room())))
    console_[(console_first_ + console_count_++) % console_.size()] = octet;
  interrupt(console_vector_);
}

void ControlBlock::guest_reset() {
  ++guest_resets_;
  interrupt(guest_reset_vector_);
}

void ControlBlock::request(uint32_t request) {
  ++counters_.requests;
  request_ = request;
  request_open_ = true;
  interrupt(request_vector_);
}

void ControlBlock::alert(uint32_t octets) {
  const uint8_t* text = ports_.ram.at(alert_, std::min<uint32_t>(octets, kMaxAlertText), 1);
  if (!text) return;
  ++counters_.alerts;
  const int64_t now = ports_.control.now_ns();
  if (now - alert_second_ns_ >= kSecondNs || now < alert_second_ns_) {
    alert_second_ns_ = now;
    alerts_in_second_ = 0;
  }
  if (alerts_in_second_ >= kAlertsPerSecond) {
    ++suppressed_;
    ++counters_.alerts_suppressed;
    return;
  }
  ++alerts_in_second_;
  std::string line(reinterpret_cast<const char*>(text), std::min<uint32_t>(octets, kMaxAlertText));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = '?';
  }
  ports_.control.alerted(line, std::exchange(suppressed_, 0));
}

// ---- The machine's side

void ControlBlock::set_images(uint64_t firmware_end, uint64_t data, uint64_t data_octets) {
  firmware_end_ = firmware_end;
  data_ = data_octets ? data : 0;
  data_octets_ = data_octets;
}

void ControlBlock::set_unit(unsigned unit, const UnitRow& row) {
  assert(unit < kMaxUnits);
  units_[unit] = row;
}

void ControlBlock::reset() {
  guest_reset_vector_ = console_vector_ = request_vector_ = 0;
  console_text_ = alert_ = 0;
  guest_resets_ = request_ = answer_ = 0;
  request_open_ = false;
  console_first_ = console_count_ = 0;
  // What limits alerts stays: a guest may reset as often as it likes.
}

void ControlBlock::archive(Archive& archive) {
  archive.section("partition control", 1);
  // Another firmware file at the other end is not an error: what runs is in RAM.
  archive(firmware_end_);
  archive(data_);
  archive(data_octets_);
  archive(guest_reset_vector_);
  archive(console_vector_);
  archive(request_vector_);
  archive(console_text_);
  archive(alert_);
  archive(guest_resets_);
  archive(request_);
  archive(answer_);
  archive(request_open_);
  archive(console_);
  archive(console_first_);
  archive(console_count_);
  archive(alert_second_ns_);
  archive(alerts_in_second_);
  archive(suppressed_);
  archive(counters_.requests);
  archive(counters_.answers);
  archive(counters_.alerts);
  archive(counters_.alerts_suppressed);
  if (!archive.loading()) return;
  if (console_first_ >= console_.size() || console_count_ > console_.size()) {
    console_first_ = console_count_ = 0;
    archive.fail("saved state: a partition's console has more input than it takes");
  }
}

}  // namespace gatehouse::partition
