// SPDX-License-Identifier: GPL-2.0-or-later
// One partition::Steer inside QEMU: a unit of a partition, and what it needs of its device.
// Everything runs under the big lock.
#ifndef GATEHOUSE_HW_QEMU_STEER_HOST_HH_
#define GATEHOUSE_HW_QEMU_STEER_HOST_HH_

#include <optional>

#include "hw/card/vnic/ports.hh"
#include "hw/partition/steer.hh"
#include "hw/qemu/boundary.hh"
#include "hw/qemu/device_watch.hh"
#include "hw/qemu/partition_host.hh"
#include "hw/qemu/steer_device.hh"
#include "hw/qemu/steer_intx.hh"
#include "hw/qemu/vnic_device.hh"

namespace gatehouse::qemu {

class SteerHost final : public partition::Unit,
                        public partition::SteeredDevice,
                        public vnic::SealPort,
                        public DeviceWatcher,
                        public DmaWindowOwner {
 public:
  static Result<std::unique_ptr<SteerHost>> make(GatehouseSteerState* state);
  ~SteerHost() override;
  SteerHost(const SteerHost&) = delete;
  SteerHost& operator=(const SteerHost&) = delete;

  const std::string& name() const { return name_; }
  const std::string& device() const { return device_; }
  const std::string& partition() const { return partition_.name(); }
  const partition::Steer& model() const { return model_; }
  void archive(Archive& archive);
  // All buses know their IOMMU.
  void machine_done();
  // Before any bus looks whether its lines are low.
  void machine_reset() { model_.device_reset(); }

  // All of them, in the order of -device.
  static const std::vector<SteerHost*>& all();

  // partition::Unit: firmware
  uint64_t read(uint32_t offset, unsigned octets) override { return model_.read(offset, octets); }
  void write(uint32_t offset, uint64_t value, unsigned octets) override;
  void reset() override { model_.reset(); }
  // partition::SteeredDevice
  bool intx_apart() override { return tap_.attached(); }
  bool checks_seals() override { return pci_ && is_vnic(pci_); }
  void use(const partition::Steering& steering) override;
  void send(uint64_t address, uint32_t data) override;
  void set_line(bool level) override;
  // vnic::SealPort
  bool holds(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) override {
    return model_.seal_holds(queue, unit, octets);
  }
  void received(unsigned queue, uint32_t unit, std::span<const uint8_t> octets) override {
    model_.seal_received(queue, unit, octets);
  }
  // DeviceWatcher
  Status device_plugged(PCIDevice* device) override;
  void device_unplugged() override;
  // A PCI bus that is reset has no line high.
  void device_reset_begins() override { model_.device_reset(); }
  void device_reset() override;
  // DmaWindowOwner
  void dma_denied() override { model_.dma_denied(); }

 private:
  explicit SteerHost(GatehouseSteerState* state);

  static void triggered(PCIDevice* device, MSIMessage message);
  void pass_on(const MSIMessage& message);
  void show();
  void hide();

  GatehouseSteerState* const state_;
  const std::string name_;
  const std::string device_;
  PartitionHost& partition_;
  std::optional<unsigned> unit_;  // its number in the partition
  PCIDevice* pci_ = nullptr;
  MSITriggerFunc* trigger_ = nullptr;  // the device's own
  bool machine_done_ = false;
  bool shown_ = false;
  bool window_ = false;  // the device's DMA has one
  IntxTap tap_;
  partition::Steer model_;
  DeviceWatch watch_;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_STEER_HOST_HH_
