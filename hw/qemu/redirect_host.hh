// SPDX-License-Identifier: GPL-2.0-or-later
// One partition::Redirect inside QEMU: a unit of a partition, and what it needs of its device.
// Everything runs under the big lock.
#ifndef GATEHOUSE_HW_QEMU_REDIRECT_HOST_HH_
#define GATEHOUSE_HW_QEMU_REDIRECT_HOST_HH_

#include <optional>

#include "hw/qemu/device_watch.hh"
#include "hw/qemu/partition_host.hh"
#include "hw/qemu/redirect_bars.hh"
#include "hw/qemu/redirect_device.hh"

namespace gatehouse::qemu {

class RedirectHost final : public partition::Unit, public DeviceWatcher {
 public:
  static Result<std::unique_ptr<RedirectHost>> make(GatehouseRedirectState* state);
  ~RedirectHost() override;
  RedirectHost(const RedirectHost&) = delete;
  RedirectHost& operator=(const RedirectHost&) = delete;

  const std::string& name() const { return name_; }
  const std::string& device() const { return device_; }
  const std::string& partition() const { return partition_.name(); }
  const partition::Redirect& model() const { return model_; }
  void archive(Archive& archive) { model_.archive(archive); }

  // All of them, in the order of -device.
  static const std::vector<RedirectHost*>& all();

  // partition::Unit: firmware
  uint64_t read(uint32_t offset, unsigned octets) override;
  void write(uint32_t offset, uint64_t value, unsigned octets) override;
  void reset() override;
  // The guest
  uint64_t guest_read(unsigned bar, uint64_t offset, unsigned octets);
  void guest_write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets);
  // DeviceWatcher
  Status device_plugged(PCIDevice* device) override;
  void device_unplugged() override;
  void device_reset() override;

 private:
  explicit RedirectHost(GatehouseRedirectState* state);

  const std::string name_;
  const std::string device_;
  PartitionHost& partition_;
  std::optional<unsigned> unit_;  // its number in the partition
  RedirectBars bars_;
  partition::Redirect model_;
  DeviceWatch watch_;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_REDIRECT_HOST_HH_
