// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/vnic_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_ids.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties-system.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"
#include "net/net.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "system/system.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/device_watch.hh"
#include "hw/qemu/qom-cxx.hh"
#include "hw/qemu/saved_state.hh"
#include "hw/qemu/vnic_host.hh"
#include "hw/qemu/vnic_pci.hh"
#include "hw/spec/i82574_registers.hh"

namespace gatehouse::qemu {
namespace {

using vnic::ResetKind;

constexpr uint16_t kDeviceId = 0x10d3;  // 82574L

VnicHost& host_of(void* state) { return *static_cast<GatehouseVnicState*>(state)->host; }

// A CPU may have found the region before the device was unplugged, and have waited for the lock
// since.
vnic::Vnic* model_of(void* state) {
  VnicHost* host = static_cast<GatehouseVnicState*>(state)->host;
  return host ? &host->model() : nullptr;
}
uint64_t all_ones(unsigned size) {
  return size >= 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1;
}

uint64_t read_memory(void* state, hwaddr offset, unsigned size) {
  vnic::Vnic* model = model_of(state);
  if (!model) return all_ones(size);
  const uint64_t value = model->mmio_read(offset, size);
  trace_gatehouse_vnic_read(host_of(state).name().c_str(), offset, value);
  return value;
}

void write_memory(void* state, hwaddr offset, uint64_t value, unsigned size) {
  vnic::Vnic* model = model_of(state);
  if (!model) return;
  trace_gatehouse_vnic_write(host_of(state).name().c_str(), offset, value);
  model->mmio_write(offset, value, size);
}

uint64_t read_flash(void* state, hwaddr offset, unsigned size) {
  vnic::Vnic* model = model_of(state);
  return model ? model->flash_read(offset, size) : all_ones(size);
}
void write_flash(void* state, hwaddr offset, uint64_t value, unsigned size) {
  if (vnic::Vnic* model = model_of(state)) model->flash_write(offset, value, size);
}

uint64_t read_io(void* state, hwaddr offset, unsigned size) {
  vnic::Vnic* model = model_of(state);
  return model ? model->io_read(offset, size) : all_ones(size);
}
void write_io(void* state, hwaddr offset, uint64_t value, unsigned size) {
  if (vnic::Vnic* model = model_of(state))
    model->io_write(offset, static_cast<uint32_t>(value), size);
}

constexpr MemoryRegionOps operations(decltype(MemoryRegionOps::read) read,
                                     decltype(MemoryRegionOps::write) write, unsigned largest) {
  MemoryRegionOps ops{};
  ops.read = read;
  ops.write = write;
  ops.endianness = DEVICE_LITTLE_ENDIAN;
  ops.valid.min_access_size = 1;
  ops.valid.max_access_size = largest;
  ops.impl.min_access_size = 1;
  ops.impl.max_access_size = largest;
  return ops;
}

const MemoryRegionOps kMemoryOps = operations(read_memory, write_memory, 8);
const MemoryRegionOps kFlashOps = operations(read_flash, write_flash, 8);
const MemoryRegionOps kIoOps = operations(read_io, write_io, 4);

void init_bars(GatehouseVnicState* state) {
  PCIDevice* device = &state->parent_obj;
  Object* owner = OBJECT(state);
  memory_region_init_io(&state->mmio, owner, &kMemoryOps, state, "gatehouse-vnic-mmio",
                        i82574::kMemoryBarOctets);
  memory_region_init_io(&state->flash, owner, &kFlashOps, state, "gatehouse-vnic-flash",
                        i82574::kFlashBarOctets);
  memory_region_init_io(&state->io, owner, &kIoOps, state, "gatehouse-vnic-io",
                        i82574::kIoBarOctets);
  memory_region_init(&state->msix, owner, "gatehouse-vnic-msix", i82574::kMsixBarOctets);
  pci_register_bar(device, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &state->mmio);
  pci_register_bar(device, 1, PCI_BASE_ADDRESS_SPACE_MEMORY, &state->flash);
  pci_register_bar(device, 2, PCI_BASE_ADDRESS_SPACE_IO, &state->io);
  pci_register_bar(device, 3, PCI_BASE_ADDRESS_SPACE_MEMORY, &state->msix);
}

void write_config(PCIDevice* device, uint32_t address, uint32_t value, int length) {
  vnic::Vnic& model = host_of(device).model();
  const unsigned old_power = power_state(device);
  const bool old_master = pci_get_word(device->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
  pci_default_write_config(device, address, value, length);
  const bool reset = in_function_reset(device);
  pcie_cap_flr_write_config(device, address, value, length);
  if (reset) reset_configuration(device, true);
  show_power(device);

  const unsigned power = power_state(device);
  if (power != old_power) {
    // PMCSR.No_Soft_Reset is 0: the way back to D0 resets the function (9.3.3.4).
    if (power == 0) model.reset(ResetKind::kFunction);
    model.power_state_changed(power);
    if (power == 0) tell_watches_of_reset(DEVICE(device));
  }
  model.interrupt_mode_changed();
  const bool master = pci_get_word(device->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
  if (master && !old_master) model.bus_master_enabled();
}

void realize(PCIDevice* device, Error** errp) {
  GatehouseVnicState* state = GATEHOUSE_VNIC(device);
  if (!state->card) {
    error_setg(errp,
               "gatehouse-vnic: no card; add -device "
               "gatehouse-card,id=card0,uplink0=NETDEV,policy=FILE before it and card=card0 to it");
    return;
  }
  if (!state->card->host) {
    error_setg(
        errp, "gatehouse-vnic: its card is not ready; name a gatehouse-card that stands before it");
    return;
  }
  Result<std::unique_ptr<VnicHost>> made = VnicHost::make(state);
  if (!made.ok()) {
    error_setg(errp, "gatehouse-vnic: %s", made.status().message().c_str());
    return;
  }
  std::unique_ptr<VnicHost> host = std::move(made.value());

  device->config[PCI_INTERRUPT_PIN] = 1;
  pci_set_word(device->config + PCI_SUBSYSTEM_VENDOR_ID, state->subsystem_vendor);
  pci_set_word(device->config + PCI_SUBSYSTEM_ID, state->subsystem);
  init_bars(state);
  if (!init_capabilities(state, host->mac(), errp)) return;
  state->host = host.release();
}

void exit(PCIDevice* device) {
  GatehouseVnicState* state = GATEHOUSE_VNIC(device);
  exit_capabilities(state);
  delete state->host;
  state->host = nullptr;
}

void reset_hold(Object* object, ResetType) {
  GatehouseVnicState* state = GATEHOUSE_VNIC(object);
  const bool function = in_function_reset(&state->parent_obj);
  trace_gatehouse_vnic_reset(state->host->name().c_str(),
                             function ? "FLR" : "bus or machine reset");
  state->host->model().reset(function ? ResetKind::kFunction : ResetKind::kPowerOn);
  state->host->model().power_state_changed(0);
}

// PCI's own registers are reset by now, MSI and MSI-X enable among them; not so in a function level
// reset, which write_config finishes.
void reset_exit(Object* object, ResetType) {
  GatehouseVnicState* state = GATEHOUSE_VNIC(object);
  if (!in_function_reset(&state->parent_obj)) reset_configuration(&state->parent_obj, false);
  state->host->model().interrupt_mode_changed();
}

void archive(GatehouseVnicState* state, Archive& archive) { state->host->archive(archive); }

int after_load(void* state, int) {
  // Which interrupts the driver enabled came with the configuration space.
  host_of(state).model().interrupt_mode_changed();
  return 0;
}

const VMStateField kFields[] = {
    GATEHOUSE_VMSTATE_STRUCT(parent_obj, GatehouseVnicState, vmstate_pci_device, PCIDevice),
    vmstate_struct("msix", offsetof(GatehouseVnicState, parent_obj), sizeof(PCIDevice),
                   &vmstate_msix),
    vmstate_field("gatehouse-vnic", 0, sizeof(GatehouseVnicState),
                  &kArchiveInfo<GatehouseVnicState, archive>),
    vmstate_end(),
};

const VMStateDescription kSavedState = {
    .name = TYPE_GATEHOUSE_VNIC,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = after_load,
    .fields = kFields,
};

const Property kProperties[] = {
    DEFINE_PROP_LINK("card", GatehouseVnicState, card, TYPE_GATEHOUSE_CARD, GatehouseCardState*),
    DEFINE_PROP_MACADDR("mac", GatehouseVnicState, conf.macaddr),
    GATEHOUSE_PROPERTY("subsys_ven", GatehouseVnicState, subsystem_vendor, uint16_t,
                       qdev_prop_uint16, PCI_VENDOR_ID_INTEL),
    GATEHOUSE_PROPERTY("subsys", GatehouseVnicState, subsystem, uint16_t, qdev_prop_uint16,
                       uint16_t{0}),
};

void class_init(ObjectClass* object_class, void*) {
  DeviceClass* device_class = DEVICE_CLASS(object_class);
  PCIDeviceClass* pci_class = PCI_DEVICE_CLASS(object_class);
  ResettableClass* reset_class = RESETTABLE_CLASS(object_class);
  pci_class->realize = realize;
  pci_class->exit = exit;
  pci_class->config_write = write_config;
  pci_class->vendor_id = PCI_VENDOR_ID_INTEL;
  pci_class->device_id = kDeviceId;
  pci_class->revision = 0;
  pci_class->class_id = PCI_CLASS_NETWORK_ETHERNET;
  pci_class->romfile = "pxe-e1000e.rom";
  reset_class->phases.hold = reset_hold;
  reset_class->phases.exit = reset_exit;
  device_class->desc =
      "Gatehouse: Intel 82574L whose frames a hidden card polices and encapsulates";
  device_class->vmsd = &kSavedState;
  device_class_set_props_n(device_class, kProperties, std::size(kProperties));
  set_bit(DEVICE_CATEGORY_NETWORK, device_class->categories);
  object_class_property_set_description(object_class, "card",
                                        "the gatehouse-card to which it belongs");
}

void instance_init(Object* object) {
  device_add_bootindex_property(object, &GATEHOUSE_VNIC(object)->conf.bootindex, "bootindex",
                                "/ethernet-phy@0", DEVICE(object));
}

const InterfaceInfo kInterfaces[] = {{INTERFACE_PCIE_DEVICE}, {}};

const TypeInfo kType = [] {
  TypeInfo type{};
  type.name = TYPE_GATEHOUSE_VNIC;
  type.parent = TYPE_PCI_DEVICE;
  type.instance_size = sizeof(GatehouseVnicState);
  type.instance_init = instance_init;
  type.class_init = class_init;
  type.interfaces = const_cast<InterfaceInfo*>(kInterfaces);
  return type;
}();

}  // namespace

bool is_vnic(PCIDevice* device) {
  return object_dynamic_cast(OBJECT(device), TYPE_GATEHOUSE_VNIC) && GATEHOUSE_VNIC(device)->host;
}

void set_seals(PCIDevice* device, vnic::SealPort* seals) {
  GATEHOUSE_VNIC(device)->host->model().set_seals(seals);
}

}  // namespace gatehouse::qemu

static void gatehouse_vnic_register_types() { type_register_static(&gatehouse::qemu::kType); }

type_init(gatehouse_vnic_register_types)
