// SPDX-License-Identifier: GPL-2.0-or-later
// The BARs of a device whose registers are redirected, as QEMU's memory regions. The PCI core maps
// and unmaps a container in place of each BAR, so BAR moves, sizing, bridges' windows and power
// states need nothing here.
#ifndef GATEHOUSE_HW_QEMU_REDIRECT_BARS_HH_
#define GATEHOUSE_HW_QEMU_REDIRECT_BARS_HH_

#include "hw/qemu/redirect_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/pci_device.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/core/base/status.hh"

namespace gatehouse::qemu {

class RedirectBars final : public partition::RedirectedDevice {
 public:
  // `owner` holds the regions; `operations` handle the guest's accesses to redirected ranges, with
  // a Bar as their opaque pointer.
  struct Bar {
    void* unit;
    unsigned bar;
  };
  RedirectBars(GatehouseRedirectState* owner, const MemoryRegionOps* operations, void* unit);
  // Detached by then.
  ~RedirectBars() override;
  RedirectBars(const RedirectBars&) = delete;
  RedirectBars& operator=(const RedirectBars&) = delete;

  // Once: BAR b of the real device appears to the partition's cores, which see `root`, from
  // `window` + b * kBarWindow on.
  void show(MemoryRegion* root, uint64_t window);
  Status attach(PCIDevice* device);
  void detach();

  // partition::RedirectedDevice
  uint64_t bar_octets(unsigned bar) override;
  uint64_t read(unsigned bar, uint64_t offset, unsigned octets) override;
  void write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) override;
  void install(std::span<const partition::BarRange> ranges) override;

 private:
  Status replace(unsigned bar);
  void restore(unsigned bar);

  RedirectRegions& regions_;
  Object* const owner_;
  MemoryRegion* root_ = nullptr;
  std::array<Bar, partition::kBars> bars_;
  PCIDevice* device_ = nullptr;
  // The device's own region of each BAR that it has, while it is attached.
  std::array<MemoryRegion*, partition::kBars> own_{};
  // What is installed: the owners of regions_.overlays.
  std::array<partition::BarRange, partition::kMaxRedirectEntries> installed_;
  unsigned count_ = 0;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_REDIRECT_BARS_HH_
