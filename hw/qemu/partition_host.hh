// SPDX-License-Identifier: GPL-2.0-or-later
// One partition inside QEMU: its cores, memory map, control block, console and units. Everything
// runs under the big lock. A unit finds its partition by a link property of type
// gatehouse-partition: state->partition->host, which is there when the partition stands before it.
#ifndef GATEHOUSE_HW_QEMU_PARTITION_HOST_HH_
#define GATEHOUSE_HW_QEMU_PARTITION_HOST_HH_

#include "hw/qemu/partition_device.hh"

#include "hw/core/base/status.hh"
#include "hw/partition/ports.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::qemu {

class PartitionHost final : public partition::RamPort, public partition::InterruptPort {
 public:
  // Makes everything but the cores' threads run; the message says what to mend.
  static Result<std::unique_ptr<PartitionHost>> make(GatehousePartitionState* device);
  ~PartitionHost() override;
  PartitionHost(const PartitionHost&) = delete;
  PartitionHost& operator=(const PartitionHost&) = delete;

  const std::string& name() const { return name_; }
  // 0 .. kMaxPartitions - 1, in the order in which they were made.
  unsigned number() const { return number_; }

  // ---- For units
  // Takes the next page of registers and a row of the directory: unit u's registers are at
  // kMmioBase
  // + (1 + u) * kPage. `unit` lives until remove_unit(). Numbers follow the order of -device, so
  // that they agree at both ends of a migration. Fails when there are kMaxUnits.
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

  // partition::RamPort
  uint8_t* at(uint64_t address, uint64_t octets, uint64_t alignment) override;
  void written(uint64_t address, uint64_t octets) override;
  // partition::InterruptPort
  void raise(unsigned core, uint8_t vector) override;
  unsigned cores() const override { return device_->cores; }

 private:
  PartitionHost(GatehousePartitionState* device, unsigned number);

  GatehousePartitionState* const device_;
  const std::string name_;
  const unsigned number_;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_PARTITION_HOST_HH_
