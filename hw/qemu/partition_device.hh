// SPDX-License-Identifier: GPL-2.0-or-later
// The QOM type gatehouse-partition: sequestered cores with their private memory, a device on no
// bus.
#ifndef GATEHOUSE_HW_QEMU_PARTITION_DEVICE_HH_
#define GATEHOUSE_HW_QEMU_PARTITION_DEVICE_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "chardev/char-fe.h"
#include "exec/memory.h"
#include "hw/qdev-core.h"
#include "hw/qemu/qemu-end.hh"

#define TYPE_GATEHOUSE_PARTITION "gatehouse-partition"

namespace gatehouse::qemu {

class PartitionHost;

}  // namespace gatehouse::qemu

// Zeroed memory without a constructor: what needs one is behind `host`, from realize to unrealize.
struct GatehousePartitionState {
  DeviceState parent_obj;
  MemoryRegion root;         // what the cores see
  MemoryRegion guest;        // in it: all of the guest's system memory
  MemoryRegion ram;          // in it, at kRamBase
  MemoryRegion mmio;         // in it, at kMmioBase
  MemoryRegion messages[2];  // in it, over what would be messages to the guest's APICs
  CharBackend console;
  uint32_t cores;
  uint64_t memory;  // octets
  char* firmware;
  char* arguments;
  char* data;
  bool persist;
  gatehouse::qemu::PartitionHost* host;
};

DECLARE_INSTANCE_CHECKER(GatehousePartitionState, GATEHOUSE_PARTITION, TYPE_GATEHOUSE_PARTITION)

#endif  // GATEHOUSE_HW_QEMU_PARTITION_DEVICE_HH_
