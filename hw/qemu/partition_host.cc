// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/partition_host.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/cpu-common.h"
#include "migration/misc.h"
#include "qapi/qapi-events-gatehouse.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hw/core/base/archive.hh"
#include "hw/partition/start_image.hh"
#include "hw/qemu/core_x86.h"

namespace gatehouse::qemu {
namespace {

using partition::kPage;
using partition::kRamBase;
using partition::UnitKind;
using partition::UnitRow;

// Interrupt command register, Intel SDM volume 3, 10.6.1.
enum Delivery : uint8_t { kFixed = 0, kLowestPriority = 1, kNmi = 4 };
enum Shorthand : uint8_t { kNone = 0, kSelf = 1, kAll = 2, kOthers = 3 };
constexpr uint8_t kFirstLegalVector = 16;

uint64_t page_up(uint64_t value) { return (value + kPage - 1) & ~(kPage - 1); }

}  // namespace

// ---- Start and reset

void PartitionHost::load_ram() {
  RAMBlock* block = device_->ram.ram_block;
  if (started_) {
    // Pages that are given back come again from the source of a migration, or are missing in one
    // that watches writes.
    const bool gives_back = !migration_in_incoming_postcopy() && !migration_in_bg_snapshot();
    if (!gives_back || ram_block_discard_range(block, 0, device_->memory) != 0)
      memset(ram_, 0, device_->memory);
    memory_region_set_dirty(&device_->ram, 0, device_->memory);
  }
  const auto put = [&](uint64_t address, std::span<const uint8_t> octets) {
    address_space_write(&memory_, address, MEMTXATTRS_UNSPECIFIED, octets.data(), octets.size());
  };
  put(partition::kPageTable, partition::start_image());
  for (const partition::Segment& segment : firmware_.segments) put(segment.address, segment.data);
  // At the end, so that the memory behind the firmware is one piece.
  const uint64_t data = kRamBase + device_->memory - page_up(data_file_.size());
  put(data, data_file_);
  control_.set_images(firmware_.end, data, data_file_.size());
}

void PartitionHost::restart() {
  load_ram();
  for (partition::Unit* unit : units_) {
    if (unit) unit->reset();
  }
  control_.reset();
  throttle_.reset();
  reminders_.reset();
  set_timer();
  for (unsigned i = 0; i < device_->cores; ++i) {
    const gatehouse_core_place start = {
        .page_table = partition::kPageTable,
        .descriptors = partition::kDescriptors,
        .descriptors_limit = partition::kDescriptorsLimit,
        .code_selector = partition::kCodeSelector,
        .data_selector = partition::kDataSelector,
        .entry = firmware_.entry,
        .stack = partition::stack_top(i),
    };
    gatehouse_core_start(core_[i], &start);
  }
  started_ = true;
}

void PartitionHost::reset(ResetType type) {
  // Waking from sleep is no reset of the machine; firmware slept with it.
  if (type == RESET_TYPE_WAKEUP) return;
  const bool anew = !started_ || !device_->persist || type == RESET_TYPE_SNAPSHOT_LOAD;
  trace_gatehouse_partition_reset(name_.c_str(), anew);
  if (anew) {
    restart();
  } else {
    control_.guest_reset();
  }
}

// ---- Registers

uint64_t PartitionHost::read_registers(uint64_t offset, unsigned octets) {
  const uint64_t page = offset / kPage;
  const uint32_t in_page = static_cast<uint32_t>(offset % kPage);
  uint64_t value = 0;
  if (page == 0) {
    // -1: no core of ours reads; a debugger does.
    value = control_.read(in_page, octets,
                          static_cast<unsigned>(std::max(gatehouse_core_current(this), 0)));
  } else if (page <= units_.size() && units_[page - 1]) {
    value = units_[page - 1]->read(in_page, octets);
  }
  trace_gatehouse_partition_read(name_.c_str(), offset, octets, value);
  return value;
}

void PartitionHost::write_registers(uint64_t offset, uint64_t value, unsigned octets) {
  const uint64_t page = offset / kPage;
  const uint32_t in_page = static_cast<uint32_t>(offset % kPage);
  trace_gatehouse_partition_write(name_.c_str(), offset, octets, value);
  if (page == 0) {
    control_.write(in_page, value, octets);
  } else if (page <= units_.size() && units_[page - 1]) {
    units_[page - 1]->write(in_page, value, octets);
  }
}

Result<unsigned> PartitionHost::add_unit(UnitKind kind, const std::string& device,
                                         partition::Unit* unit) {
  const auto free = std::find(units_.begin(), units_.end(), nullptr);
  if (free == units_.end())
    return Status::error("partition " + name_ + " has " + std::to_string(units_.size()) +
                         " units already");
  const unsigned number = static_cast<unsigned>(free - units_.begin());
  UnitRow row{};
  row.kind = kind;
  row.registers = static_cast<uint32_t>((1 + number) * kPage);
  row.window = kind == UnitKind::kRedirect ? bar_window(number) : device_view(number);
  row.window_octets =
      kind == UnitKind::kRedirect ? partition::kBarWindowUnit : partition::kDeviceView;
  memcpy(row.device, device.data(), std::min(device.size(), sizeof row.device - 1));
  control_.set_unit(number, row);
  units_[number] = unit;
  return number;
}

void PartitionHost::remove_unit(unsigned unit) {
  units_.at(unit) = nullptr;
  control_.set_unit(unit, {});
}

// ---- Interrupts

void PartitionHost::raise(unsigned core, uint8_t vector) {
  trace_gatehouse_partition_interrupt(name_.c_str(), core, vector);
  if (core < device_->cores) gatehouse_core_interrupt(core_[core], vector);
}

void PartitionHost::raise_apart(unsigned core, uint8_t vector, uint32_t apart_ns) {
  throttle_.raise(core, vector, apart_ns, now_ns());
  set_timer();
}

void PartitionHost::look_later(partition::UnitBlock& unit, uint32_t in_ns, bool anew) {
  reminders_.set(unit, now_ns() + in_ns, anew);
  set_timer();
}

void PartitionHost::set_timer() {
  const int64_t due = std::min(throttle_.next_deadline(), reminders_.next_deadline());
  if (due == timer_due_) return;
  timer_due_ = due;
  if (due == partition::Throttle::kNever) {
    timer_del(timer_);
  } else {
    timer_mod(timer_, due);
  }
}

void PartitionHost::timer_expired() {
  timer_due_ = partition::Throttle::kNever;
  throttle_.tick(now_ns());
  reminders_.tick(now_ns());
  set_timer();
}

void PartitionHost::deliver(unsigned from, uint32_t destination, bool logical, uint8_t mode,
                            uint8_t vector, uint8_t shorthand) {
  const bool known =
      mode == kNmi || ((mode == kFixed || mode == kLowestPriority) && vector >= kFirstLegalVector);
  if (!known) {
    // INIT and start-up IPIs among them: a core starts with its partition.
    ++ipis_refused_;
    return;
  }
  for (unsigned i = 0; i < device_->cores; ++i) {
    const bool meant = shorthand == kNone ? gatehouse_core_is_meant(core_[i], destination, logical)
                       : shorthand == kSelf ? i == from
                                            : shorthand == kAll || i != from;
    if (!meant) continue;
    if (mode == kNmi) {
      gatehouse_core_nmi(core_[i]);
    } else {
      gatehouse_core_interrupt(core_[i], vector);
    }
    if (mode == kLowestPriority) return;
  }
}

void PartitionHost::core_fault(unsigned core, uint64_t instruction) {
  trace_gatehouse_partition_fault(name_.c_str(), core, instruction);
  qapi_event_send_gatehouse_partition_fault(name_.c_str(), core, instruction);
}

void PartitionHost::answered(uint32_t request, uint32_t answer) {
  qapi_event_send_gatehouse_partition_answer(name_.c_str(), request, answer);
}

void PartitionHost::alerted(const std::string& text, uint64_t suppressed) {
  qapi_event_send_gatehouse_partition_alert(name_.c_str(), text.c_str(), suppressed);
}

void PartitionHost::request(uint32_t request) {
  trace_gatehouse_partition_request(name_.c_str(), request);
  control_.request(request);
}

// ---- Private RAM

uint8_t* PartitionHost::at(uint64_t address, uint64_t octets, uint64_t alignment) {
  const uint64_t offset = address - kRamBase;
  if (octets == 0 || address < kRamBase || offset >= device_->memory ||
      octets > device_->memory - offset || address % alignment != 0)
    return nullptr;
  return ram_ + offset;
}

void PartitionHost::written(uint64_t address, uint64_t octets) {
  memory_region_set_dirty(&device_->ram, address - kRamBase, octets);
}

// ---- State

nlohmann::json PartitionHost::state() const {
  using nlohmann::json;
  const partition::ControlCounters& counters = control_.counters();
  json cores = json::array(), units = json::array();
  static constexpr const char* kStates[] = {"running", "halted", "faulted"};
  for (unsigned i = 0; i < device_->cores; ++i) {
    cores.push_back({{"index", i},
                     {"cpu-index", gatehouse_core_cpu_index(core_[i])},
                     {"state", kStates[gatehouse_core_state(core_[i])]},
                     {"ports-refused", gatehouse_core_save(core_[i]).ports_refused}});
  }
  for (unsigned i = 0; i < partition::kMaxUnits; ++i) {
    const UnitRow& row = control_.unit(i);
    if (row.kind == UnitKind::kNone) continue;
    units.push_back({{"number", i},
                     {"kind", row.kind == UnitKind::kRedirect ? "redirect" : "steer"},
                     {"device", row.device}});
  }
  return {{"id", name_},
          {"cores", cores},
          {"ram", device_->memory},
          {"firmware", device_->firmware},
          {"persist", device_->persist},
          {"guest-resets", control_.guest_resets()},
          {"request", control_.last_request()},
          {"answer", control_.last_answer()},
          {"requests", counters.requests},
          {"answers", counters.answers},
          {"alerts", counters.alerts},
          {"alerts-suppressed", counters.alerts_suppressed},
          {"console-lost", console_.lost()},
          {"ipis-refused", ipis_refused_},
          {"messages-refused", messages_refused_},
          {"boundary", boundary_.state()},
          {"units", units}};
}

void PartitionHost::archive(Archive& archive) {
  const uint32_t version = archive.section("partition", 2);
  uint32_t cores = device_->cores;
  archive(cores);
  if (cores != device_->cores) {
    archive.fail("saved state: the partition had " + std::to_string(cores) +
                 " cores; use cores=" + std::to_string(cores));
    return;
  }
  for (unsigned i = 0; i < cores; ++i) {
    gatehouse_core_saved saved = gatehouse_core_save(core_[i]);
    archive(saved.faulted);
    archive(saved.ports_refused);
    if (archive.loading()) gatehouse_core_load(core_[i], &saved);
  }
  archive(ipis_refused_);
  archive(messages_refused_);
  boundary_.archive(archive);
  control_.archive(archive);
  if (version >= 2) {
    throttle_.archive(archive, now_ns());
  } else {
    throttle_.reset();  // nothing was throttled
  }
  if (archive.loading()) set_timer();
}

}  // namespace gatehouse::qemu
