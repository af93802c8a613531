// SPDX-License-Identifier: GPL-2.0-or-later
// PCI configuration space of the 82574L (data sheet chapter 9): capabilities where the silicon has
// them.
#ifndef GATEHOUSE_HW_QEMU_VNIC_PCI_HH_
#define GATEHOUSE_HW_QEMU_VNIC_PCI_HH_

#include "hw/qemu/vnic_device.hh"

#include "hw/core/base/address.hh"

namespace gatehouse::qemu {

// Offsets in configuration space (9.1, 9.3, 9.5).
inline constexpr uint8_t kMsixCapability = 0xa0;
inline constexpr uint8_t kPowerCapability = 0xc8;
inline constexpr uint8_t kMsiCapability = 0xd0;
inline constexpr uint8_t kPcieCapability = 0xe0;
inline constexpr uint16_t kAerCapability = 0x100;
inline constexpr uint16_t kSerialCapability = 0x140;
// In the MSI-X BAR (9.3.5.2).

// False and an error: nothing is left behind.
bool init_capabilities(GatehouseVnicState* state, const MacAddress& mac, Error** errp);
void exit_capabilities(GatehouseVnicState* state);

// What pci_device_reset() does not know of. A function level reset leaves the payload size and the
// link's settings alone (PCI Express 6.6.2).
void reset_configuration(PCIDevice* device, bool function_only);
// PMCSR's data register and scale, as its data select asks (9.3.3).
void show_power(PCIDevice* device);

// 0 = D0 ... 3 = D3hot, as PMCSR says.
unsigned power_state(PCIDevice* device);
// A function level reset is what resets the function now.
bool in_function_reset(PCIDevice* device);

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_VNIC_PCI_HH_
