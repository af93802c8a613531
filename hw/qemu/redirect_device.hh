// SPDX-License-Identifier: GPL-2.0-or-later
// The QOM type gatehouse-redirect: a partition's redirection table for one PCI device, on no bus.
#ifndef GATEHOUSE_HW_QEMU_REDIRECT_DEVICE_HH_
#define GATEHOUSE_HW_QEMU_REDIRECT_DEVICE_HH_

#include "hw/qemu/partition_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/partition/redirect.hh"

#define TYPE_GATEHOUSE_REDIRECT "gatehouse-redirect"

namespace gatehouse::qemu {

class RedirectHost;

// Where one BAR of the device lies. The guest's side: the PCI core maps `container` in place of the
// BAR; in it are the BAR itself and, above it, `overlays` for the ranges that are redirected. They
// are windows on `redirected`, whose offsets are the BAR's, so that an access which was on its way
// while the table changed still says which register it means.
struct RedirectBar {
  MemoryRegion container;
  MemoryRegion redirected;
  MemoryRegion real;    // the BAR in RedirectRegions::reals
  MemoryRegion window;  // the same for the partition
};

struct RedirectRegions {
  RedirectBar bars[gatehouse::partition::kBars];
  MemoryRegion overlays[gatehouse::partition::kMaxRedirectEntries];
  MemoryRegion reals;  // all BARs, kRealSpan apart, without overlays
  AddressSpace real_space;
};

}  // namespace gatehouse::qemu

// Zeroed memory without a constructor: what needs one is behind `host`, from realize to unrealize.
struct GatehouseRedirectState {
  DeviceState parent_obj;
  GatehousePartitionState* partition;
  char* device;
  gatehouse::qemu::RedirectRegions regions;
  gatehouse::qemu::RedirectHost* host;
};

DECLARE_INSTANCE_CHECKER(GatehouseRedirectState, GATEHOUSE_REDIRECT, TYPE_GATEHOUSE_REDIRECT)

#endif  // GATEHOUSE_HW_QEMU_REDIRECT_DEVICE_HH_
