// SPDX-License-Identifier: GPL-2.0-or-later
// The wall around private addresses on the guest's side: its CPUs and devices find there what they
// find where nothing is, and each attempt is counted and told. Partitions have the same private
// addresses, so an attempt counts for all of them. Everything runs under the big lock.
#ifndef GATEHOUSE_HW_QEMU_BOUNDARY_HH_
#define GATEHOUSE_HW_QEMU_BOUNDARY_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "qemu/timer.h"
#include "hw/qemu/qemu-end.hh"

#include <nlohmann/json_fwd.hpp>

#include "hw/partition/boundary.hh"

namespace gatehouse::qemu {

// Raises the wall; later calls do nothing. It stands as long as the machine.
void raise_boundary();

// One partition's counts and events.
class BoundaryReports {
 public:
  explicit BoundaryReports(std::string partition);
  ~BoundaryReports();
  BoundaryReports(const BoundaryReports&) = delete;
  BoundaryReports& operator=(const BoundaryReports&) = delete;

  void count(const partition::Attempt& attempt);
  nlohmann::json state() const;
  void archive(Archive& archive);

 private:
  void schedule();
  void run();

  const std::string partition_;
  partition::Boundary model_;
  QEMUTimer* const timer_;
};

// Where a PCI device's DMA may reach through the wall.
class DmaWindowOwner {
 public:
  virtual ~DmaWindowOwner() = default;
  // An access to private addresses outside of the window.
  virtual void dma_denied() = 0;
};

// From now on DMA of `device` to [address, address + octets) goes to `ram` from `offset` on, and
// nowhere else at private addresses, IOMMU or not. One owner for each device; the device has been
// on its bus when the machine was complete, or came later.
void open_dma_window(PCIDevice* device, DmaWindowOwner* owner, MemoryRegion* ram, uint64_t offset,
                     uint64_t address, uint64_t octets);
// As it was. Also before the device goes; does nothing when there is no window.
void close_dma_window(PCIDevice* device);

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_BOUNDARY_HH_
