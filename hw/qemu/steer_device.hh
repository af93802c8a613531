// SPDX-License-Identifier: GPL-2.0-or-later
// The QOM type gatehouse-steer: a PCI device's interrupts go to a partition, on no bus.
#ifndef GATEHOUSE_HW_QEMU_STEER_DEVICE_HH_
#define GATEHOUSE_HW_QEMU_STEER_DEVICE_HH_

#include "hw/qemu/partition_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "qemu/notify.h"
#include "hw/qemu/qemu-end.hh"

#define TYPE_GATEHOUSE_STEER "gatehouse-steer"

namespace gatehouse::qemu {

class SteerHost;

}  // namespace gatehouse::qemu

// Zeroed memory without a constructor: what needs one is behind `host`, from realize to unrealize.
struct GatehouseSteerState {
  DeviceState parent_obj;
  GatehousePartitionState* partition;
  char* device;
  MemoryRegion view;      // memory as the device's DMA sees it without us; in it:
  MemoryRegion memory;    // that, while the device is there,
  MemoryRegion messages;  // and over it what would be the core's own APIC
  Notifier machine_done;
  gatehouse::qemu::SteerHost* host;
};

DECLARE_INSTANCE_CHECKER(GatehouseSteerState, GATEHOUSE_STEER, TYPE_GATEHOUSE_STEER)

#endif  // GATEHOUSE_HW_QEMU_STEER_DEVICE_HH_
