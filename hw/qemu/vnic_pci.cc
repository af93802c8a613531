// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/vnic_pci.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/pci/pcie_regs.h"
#include "qapi/error.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/spec/i82574_registers.hh"

namespace gatehouse::qemu {

namespace {

constexpr uint8_t kMsixBar = 3;

bool init_msix(GatehouseVnicState* state, Error** errp) {
  PCIDevice* device = &state->parent_obj;
  if (msix_init(device, i82574::kMsixVectors, &state->msix, kMsixBar, kMsixTable, &state->msix,
                kMsixBar, kMsixPending, kMsixCapability, errp) < 0) {
    return false;
  }
  for (unsigned vector = 0; vector < i82574::kMsixVectors; ++vector)
    msix_vector_use(device, vector);
  return true;
}

bool init_power(PCIDevice* device, Error** errp) {
  if (pci_pm_init(device, kPowerCapability, errp) < 0) return false;
  uint8_t* config = device->config + kPowerCapability;
  // Version 2, device specific initialisation, PME from D0 and D3 (9.3.3.3).
  pci_set_word(config + PCI_PM_PMC, 0x0002 | PCI_PM_CAP_DSI | PCI_PM_CAP_PME_D0 |
                                        PCI_PM_CAP_PME_D3hot | PCI_PM_CAP_PME_D3cold);
  pci_set_word(device->wmask + kPowerCapability + PCI_PM_CTRL,
               PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_DATA_SEL_MASK);
  pci_set_word(device->w1cmask + kPowerCapability + PCI_PM_CTRL, PCI_PM_CTRL_PME_STATUS);
  return true;
}

// The EUI-64 made of the MAC address, FFFEh... in the middle is FFFFh here (9.5.2).
uint64_t serial_number(const MacAddress& mac) {
  uint64_t serial = 0;
  for (unsigned i = 0; i < 3; ++i) serial = serial << 8 | mac.octets[i];
  serial = serial << 16 | 0xffff;
  for (unsigned i = 3; i < 6; ++i) serial = serial << 8 | mac.octets[i];
  return serial;
}

}  // namespace

bool init_capabilities(GatehouseVnicState* state, const MacAddress& mac, Error** errp) {
  PCIDevice* device = &state->parent_obj;
  // A capability goes in front of those there are: the list reads PM, MSI, PCIe, MSI-X as on the
  // silicon.
  if (!init_msix(state, errp)) return false;
  if (pcie_endpoint_cap_v1_init(device, kPcieCapability) < 0) {
    error_setg(errp, "gatehouse-vnic: no room for the PCI Express capability");
    msix_uninit(device, &state->msix, &state->msix);
    return false;
  }
  pcie_cap_flr_init(device);
  if (msi_init(device, kMsiCapability, 1, true, false, errp) != 0 || !init_power(device, errp) ||
      pcie_aer_init(device, PCI_ERR_VER, kAerCapability, PCI_ERR_SIZEOF, errp) < 0) {
    exit_capabilities(state);
    return false;
  }
  pcie_dev_ser_num_init(device, kSerialCapability, serial_number(mac));
  return true;
}

void exit_capabilities(GatehouseVnicState* state) {
  PCIDevice* device = &state->parent_obj;
  if (device->exp.aer_cap) pcie_aer_exit(device);
  if (device->exp.exp_cap) pcie_cap_exit(device);
  if (msi_present(device)) msi_uninit(device);
  if (!msix_present(device)) return;
  for (unsigned vector = 0; vector < i82574::kMsixVectors; ++vector)
    msix_vector_unuse(device, vector);
  msix_uninit(device, &state->msix, &state->msix);
}

unsigned power_state(PCIDevice* device) {
  return pci_get_word(device->config + device->pm_cap + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK;
}

bool in_function_reset(PCIDevice* device) {
  return pci_get_word(device->config + device->exp.exp_cap + PCI_EXP_DEVCTL) &
         PCI_EXP_DEVCTL_BCR_FLR;
}

}  // namespace gatehouse::qemu
