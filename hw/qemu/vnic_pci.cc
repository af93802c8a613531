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

#include "hw/spec/i82574_nvm.hh"
#include "hw/spec/i82574_registers.hh"

namespace gatehouse::qemu {

namespace {

constexpr uint8_t kMsixBar = 3;
constexpr uint8_t kCacheLine = 0x10;
constexpr uint8_t kAerVersion = 1;  // of PCI Express 1.1
// Device capabilities: payloads of 256 octets, endpoint latencies below 512 ns (L0s) and 64 us
// (L1).
constexpr uint32_t kDeviceCapabilities = PCI_EXP_DEVCAP_RBER | 6u << 9 | 3u << 6 | 1;
// Relaxed ordering, no snoop, read requests of 512 octets.
constexpr uint16_t kDeviceControl =
    PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B;
// 2.5 GT/s, one lane, ASPM L0s and L1, which it leaves in less than 128 ns and 64 us.
constexpr uint32_t kLinkCapabilities = 6u << 15 | 1u << 12 | PCI_EXP_LNKCAP_ASPMS | 1u << 4 | 1;

bool init_msix(GatehouseVnicState* state, Error** errp) {
  PCIDevice* device = &state->parent_obj;
  if (msix_init(device, i82574::kMsixVectors, &state->msix, kMsixBar, i82574::kMsixTable,
                &state->msix, kMsixBar, i82574::kMsixPending, kMsixCapability, errp) < 0) {
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
  // Saved state may have another selection than a device that waits for it.
  pci_word_test_and_clear_mask(device->cmask + kPowerCapability + PCI_PM_CTRL,
                               PCI_PM_CTRL_DATA_SCALE_MASK);
  device->cmask[kPowerCapability + PCI_PM_DATA_REGISTER] = 0;
  show_power(device);
  return true;
}

bool init_express(PCIDevice* device) {
  if (pcie_endpoint_cap_v1_init(device, kPcieCapability) < 0) return false;
  pcie_cap_deverr_init(device);
  uint8_t* config = device->config + kPcieCapability;
  pci_set_long(config + PCI_EXP_DEVCAP, kDeviceCapabilities);
  pci_set_long(config + PCI_EXP_LNKCAP, kLinkCapabilities);
  pci_word_test_and_set_mask(config + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_SLC);
  uint8_t* writable = device->wmask + kPcieCapability;
  pci_word_test_and_set_mask(writable + PCI_EXP_DEVCTL,
                             PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD |
                                 PCI_EXP_DEVCTL_AUX_PME | PCI_EXP_DEVCTL_NOSNOOP_EN |
                                 PCI_EXP_DEVCTL_READRQ);
  pci_word_test_and_set_mask(writable + PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB |
                                                            PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
  pcie_cap_flr_init(device);
  return true;
}

uint16_t nvm_word(i82574::nvm::Word word) {
  for (const i82574::NvmWordRow& row : i82574::kNvmWordRows) {
    if (row.word == word) return row.value;
  }
  return 0;
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
  if (!init_express(device)) {
    error_setg(errp, "gatehouse-vnic: no room for the PCI Express capability");
    msix_uninit(device, &state->msix, &state->msix);
    return false;
  }
  if (msi_init(device, kMsiCapability, 1, true, false, errp) != 0 || !init_power(device, errp) ||
      pcie_aer_init(device, kAerVersion, kAerCapability, PCI_ERR_SIZEOF, errp) < 0) {
    exit_capabilities(state);
    return false;
  }
  pcie_dev_ser_num_init(device, kSerialCapability, serial_number(mac));
  reset_configuration(device, false);
  return true;
}

void reset_configuration(PCIDevice* device, bool function_only) {
  device->config[PCI_CACHE_LINE_SIZE] = kCacheLine;
  uint8_t* control = device->config + kPcieCapability + PCI_EXP_DEVCTL;
  const uint16_t kept = function_only ? pci_get_word(control) & PCI_EXP_DEVCTL_PAYLOAD : 0;
  pci_set_word(control, kDeviceControl | kept);
  if (!function_only) pci_set_word(device->config + kPcieCapability + PCI_EXP_LNKCTL, 0);
}

void show_power(PCIDevice* device) {
  // LAN power consumption (6.1): D0 in the upper octet, D3 in bits 4:0, what functions share in
  // 7:5.
  const uint16_t word = nvm_word(i82574::nvm::kLanPower);
  uint8_t* control = device->config + kPowerCapability + PCI_PM_CTRL;
  uint16_t value = pci_get_word(control) & ~PCI_PM_CTRL_DATA_SCALE_MASK;
  uint8_t data = 0;
  constexpr uint16_t kTenths = 1u << 13;
  switch ((value & PCI_PM_CTRL_DATA_SEL_MASK) >> 9) {
    case 0:  // D0 consumed, dissipated
    case 4:
      data = static_cast<uint8_t>(word >> 8);
      value |= kTenths;
      break;
    case 3:  // D3
    case 7:
      data = word & 0x1f;
      value |= kTenths;
      break;
    case 8:
      data = word >> 5 & 7;
      value |= kTenths;
      break;
    default:
      break;
  }
  pci_set_word(control, value);
  device->config[kPowerCapability + PCI_PM_DATA_REGISTER] = data;
}

void exit_capabilities(GatehouseVnicState* state) {
  PCIDevice* device = &state->parent_obj;
  if (device->exp.aer_cap) pcie_aer_exit(device);
  if (device->exp.exp_cap) pcie_cap_v1_exit(device);
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
