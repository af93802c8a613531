// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/partition_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/qdev-properties-system.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "hw/vmstate-if.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "system/reset.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/device_name.hh"
#include "hw/qemu/partition_host.hh"
#include "hw/qemu/qom-cxx.hh"
#include "hw/qemu/saved_state.hh"

namespace gatehouse::qemu {
namespace {

constexpr uint64_t kDefaultMemory = 16u << 20;

void realize(DeviceState* device, Error** errp) {
  GatehousePartitionState* state = GATEHOUSE_PARTITION(device);
  Result<std::unique_ptr<PartitionHost>> made = PartitionHost::make(state);
  if (!made.ok()) {
    error_setg(errp, "gatehouse-partition: %s", made.status().message().c_str());
    return;
  }
  state->host = made.value().release();
  // It sits on no bus whose reset would reach it.
  qemu_register_resettable(OBJECT(device));
}

void reset_hold(Object* object, ResetType type) { GATEHOUSE_PARTITION(object)->host->reset(type); }

void archive(GatehousePartitionState* state, Archive& archive) { state->host->archive(archive); }

const VMStateField kFields[] = {
    vmstate_field("gatehouse-partition", 0, sizeof(GatehousePartitionState),
                  &kArchiveInfo<GatehousePartitionState, archive>),
    vmstate_end(),
};

const VMStateDescription kSavedState = {
    .name = TYPE_GATEHOUSE_PARTITION,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = kFields,
};

const Property kProperties[] = {
    GATEHOUSE_PROPERTY("cores", GatehousePartitionState, cores, uint32_t, qdev_prop_uint32, 1u),
    GATEHOUSE_PROPERTY("memory", GatehousePartitionState, memory, uint64_t, qdev_prop_size,
                       kDefaultMemory),
    DEFINE_PROP_STRING("firmware", GatehousePartitionState, firmware),
    DEFINE_PROP_STRING("arguments", GatehousePartitionState, arguments),
    DEFINE_PROP_STRING("data", GatehousePartitionState, data),
    DEFINE_PROP_CHR("chardev", GatehousePartitionState, console),
    GATEHOUSE_PROPERTY("persist", GatehousePartitionState, persist, bool, qdev_prop_bool, false),
};

// Without a bus there is no path to tell two partitions apart in saved state.
char* saved_state_id(VMStateIf* object) { return g_strdup(device_name(DEVICE(object)).c_str()); }

void class_init(ObjectClass* object_class, void*) {
  DeviceClass* device_class = DEVICE_CLASS(object_class);
  device_class->realize = realize;
  device_class->desc = "Gatehouse: x86 cores with private memory that the guest cannot see";
  device_class->vmsd = &kSavedState;
  device_class->user_creatable = true;
  // Cores come with the machine: QEMU plugs only what sits on a bus.
  device_class->hotpluggable = false;
  RESETTABLE_CLASS(object_class)->phases.hold = reset_hold;
  device_class_set_props_n(device_class, kProperties, std::size(kProperties));
  set_bit(DEVICE_CATEGORY_CPU, device_class->categories);
  VMSTATE_IF_CLASS(object_class)->get_id = saved_state_id;
  const char* names[][2] = {
      {"cores", "sequestered cores, 1 to 8"},
      {"memory", "private RAM, 4M to 4G"},
      {"firmware", "ELF executable that all cores start with"},
      {"arguments", "text that the firmware finds in its control block"},
      {"data", "file that the firmware finds at the end of its RAM"},
      {"chardev", "console of the firmware"},
      {"persist", "on: a reset of the guest does not start the firmware anew"},
  };
  for (const auto& [name, text] : names)
    object_class_property_set_description(object_class, name, text);
}

const TypeInfo kType = {
    .name = TYPE_GATEHOUSE_PARTITION,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(GatehousePartitionState),
    .class_init = class_init,
};

}  // namespace
}  // namespace gatehouse::qemu

static void gatehouse_partition_register_types() { type_register_static(&gatehouse::qemu::kType); }

type_init(gatehouse_partition_register_types)
