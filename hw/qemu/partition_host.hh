// SPDX-License-Identifier: GPL-2.0-or-later
// One partition inside QEMU: its cores, memory map, control block, console and units. Everything
// runs under the big lock. A unit finds its partition by a link property of type
// gatehouse-partition: state->partition->host, which is there when the partition stands before it.
#ifndef GATEHOUSE_HW_QEMU_PARTITION_HOST_HH_
#define GATEHOUSE_HW_QEMU_PARTITION_HOST_HH_

#include "hw/qemu/partition_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/resettable.h"
#include "qemu/timer.h"
#include "system/runstate.h"
#include "hw/qemu/qemu-end.hh"

#include <nlohmann/json_fwd.hpp>

#include "hw/core/base/status.hh"
#include "hw/partition/control_block.hh"
#include "hw/partition/elf.hh"
#include "hw/partition/ports.hh"
#include "hw/partition/reminders.hh"
#include "hw/partition/throttle.hh"
#include "hw/qemu/boundary.hh"
#include "hw/qemu/console.hh"
#include "hw/spec/partition.hh"

struct GatehouseCore;

namespace gatehouse::qemu {

class PartitionHost final : public partition::RamPort,
                            public partition::InterruptPort,
                            public partition::ControlPort {
 public:
  // The message says what to mend. After a failure the machine cannot go on.
  static Result<std::unique_ptr<PartitionHost>> make(GatehousePartitionState* device);
  ~PartitionHost() override;
  PartitionHost(const PartitionHost&) = delete;
  PartitionHost& operator=(const PartitionHost&) = delete;

  const std::string& name() const { return name_; }
  // 0 .. kMaxPartitions - 1, in the order in which they were made.
  unsigned number() const { return number_; }

  // ---- For units
  // Takes the next page of registers and a row of the directory: unit u's registers are at
  // kMmioBase + (1 + u) * kPage. `unit` lives until remove_unit(). Numbers follow the order of
  // -device, so that they agree at both ends of a migration. Fails when there are kMaxUnits.
  Result<unsigned> add_unit(partition::UnitKind kind, const std::string& device,
                            partition::Unit* unit);
  void remove_unit(unsigned unit);
  // What the cores see; a unit adds its windows here, with priority kWindowPriority.
  MemoryRegion* root() { return &device_->root; }
  // The private RAM itself: offset 0 is kRamBase. To be aliased, not to be added anywhere.
  MemoryRegion* ram() { return &device_->ram; }
  static constexpr int kWindowPriority = 10;
  static constexpr uint64_t bar_window(unsigned unit) {
    return partition::kBarWindowBase + unit * partition::kBarWindowUnit;
  }
  static constexpr uint64_t device_view(unsigned unit) {
    return partition::kDeviceViewBase + unit * partition::kDeviceView;
  }

  // ---- For the device and QMP
  uint64_t read_registers(uint64_t offset, unsigned octets);
  void write_registers(uint64_t offset, uint64_t value, unsigned octets);
  void message_refused() { ++messages_refused_; }
  BoundaryReports& boundary() { return boundary_; }
  void reset(ResetType type);
  void request(uint32_t request);
  nlohmann::json state() const;  // as query-gatehouse-partitions shows it
  void archive(Archive& archive);

  // partition::RamPort
  uint8_t* at(uint64_t address, uint64_t octets, uint64_t alignment) override;
  void written(uint64_t address, uint64_t octets) override;
  // partition::InterruptPort
  void raise(unsigned core, uint8_t vector) override;
  void raise_apart(unsigned core, uint8_t vector, uint32_t apart_ns) override;
  void look_later(partition::UnitBlock& unit, uint32_t in_ns, bool anew) override;
  void forget(partition::UnitBlock& unit) override { reminders_.forget(unit); }
  unsigned cores() const override { return device_->cores; }
  // partition::ControlPort
  int64_t now_ns() override { return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL); }
  void console_write(std::span<const uint8_t> octets) override { console_.write(octets); }
  void console_ready() override { console_.accept(); }
  void answered(uint32_t request, uint32_t answer) override;
  void alerted(const std::string& text, uint64_t suppressed) override;

 private:
  PartitionHost(GatehousePartitionState* device, unsigned number);

  Status load_files();
  Status make_memory();
  Status make_cores();
  // Loads the firmware and starts all cores.
  void restart();
  void load_ram();
  void set_timer();
  void timer_expired();
  void core_fault(unsigned core, uint64_t instruction);
  void deliver(unsigned from, uint32_t destination, bool logical, uint8_t mode, uint8_t vector,
               uint8_t shorthand);

  GatehousePartitionState* const device_;
  const std::string name_;
  const unsigned number_;
  AddressSpace memory_{};  // root, for writes that translated code must notice
  bool memory_made_ = false;
  MemoryRegion* apic_ = nullptr;  // in the cores' memory
  uint8_t* ram_ = nullptr;

  std::vector<uint8_t> firmware_file_;
  partition::Firmware firmware_;
  std::vector<uint8_t> data_file_;

  partition::ControlBlock control_;
  partition::Throttle throttle_{*this};
  partition::Reminders reminders_;
  QEMUTimer* const timer_;                           // of both
  int64_t timer_due_ = partition::Throttle::kNever;  // what it waits for
  Console console_;
  BoundaryReports boundary_;
  std::array<partition::Unit*, partition::kMaxUnits> units_{};
  std::array<GatehouseCore*, partition::kMaxCores> core_{};
  bool started_ = false;
  uint64_t ipis_refused_ = 0;
  uint64_t messages_refused_ = 0;
};

// All realized partitions, by number.
std::vector<PartitionHost*> all_partitions();

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_PARTITION_HOST_HH_
