// SPDX-License-Identifier: GPL-2.0-or-later
// The QOM type gatehouse-vnic: the PCIe function that a guest sees, an Intel 82574L.
#ifndef GATEHOUSE_HW_QEMU_VNIC_DEVICE_HH_
#define GATEHOUSE_HW_QEMU_VNIC_DEVICE_HH_

#include "hw/qemu/card_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/pci_device.h"
#include "net/net.h"
#include "hw/qemu/qemu-end.hh"

#define TYPE_GATEHOUSE_VNIC "gatehouse-vnic"

namespace gatehouse::vnic {
class SealPort;
}

namespace gatehouse::qemu {

class VnicHost;

// Whether a device is one of ours, and realized.
bool is_vnic(PCIDevice* device);
// See vnic::Vnic::set_seals. is_vnic(device).
void set_seals(PCIDevice* device, vnic::SealPort* seals);

}  // namespace gatehouse::qemu

// Zeroed memory without a constructor: what needs one is behind `host`, from realize to exit.
struct GatehouseVnicState {
  PCIDevice parent_obj;
  MemoryRegion mmio;
  MemoryRegion flash;
  MemoryRegion io;
  MemoryRegion msix;
  GatehouseCardState* card;
  NICConf conf;  // mac=, bootindex=; the peer is made by VnicHost
  uint16_t subsystem_vendor;
  uint16_t subsystem;
  gatehouse::qemu::VnicHost* host;
};

DECLARE_INSTANCE_CHECKER(GatehouseVnicState, GATEHOUSE_VNIC, TYPE_GATEHOUSE_VNIC)

#endif  // GATEHOUSE_HW_QEMU_VNIC_DEVICE_HH_
