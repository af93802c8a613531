// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/steer_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "hw/vmstate-if.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "system/reset.h"
#include "system/system.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/device_name.hh"
#include "hw/qemu/qom-cxx.hh"
#include "hw/qemu/steer_host.hh"
#include "hw/qemu/saved_state.hh"

namespace gatehouse::qemu {
namespace {

void realize(DeviceState* device, Error** errp) {
  GatehouseSteerState* state = GATEHOUSE_STEER(device);
  if (!state->partition || !state->partition->host) {
    error_setg(errp,
               "gatehouse-steer: no partition; add -device "
               "gatehouse-partition,id=p0,firmware=FILE before it and partition=p0 to it");
    return;
  }
  if (!state->device || !*state->device) {
    error_setg(errp, "gatehouse-steer: device= must name the id of a PCI device");
    return;
  }
  Result<std::unique_ptr<SteerHost>> made = SteerHost::make(state);
  if (!made.ok()) {
    error_setg(errp, "gatehouse-steer: %s", made.status().message().c_str());
    return;
  }
  state->host = made.value().release();
  qemu_register_resettable(OBJECT(device));
  state->machine_done.notify = [](Notifier* notifier, void*) {
    container_of(notifier, GatehouseSteerState, machine_done)->host->machine_done();
  };
  qemu_add_machine_init_done_notifier(&state->machine_done);
}

void unrealize(DeviceState* device) {
  GatehouseSteerState* state = GATEHOUSE_STEER(device);
  qemu_remove_machine_init_done_notifier(&state->machine_done);
  qemu_unregister_resettable(OBJECT(device));
  delete state->host;
  state->host = nullptr;
}

void reset_enter(Object* object, ResetType) { GATEHOUSE_STEER(object)->host->machine_reset(); }

void archive(GatehouseSteerState* state, Archive& archive) { state->host->archive(archive); }

const VMStateField kFields[] = {
    vmstate_field("gatehouse-steer", 0, sizeof(GatehouseSteerState),
                  &kArchiveInfo<GatehouseSteerState, archive>),
    vmstate_end(),
};

const VMStateDescription kSavedState = {
    .name = TYPE_GATEHOUSE_STEER,
    .version_id = 2,
    .minimum_version_id = 2,
    .fields = kFields,
};

const Property kProperties[] = {
    DEFINE_PROP_LINK("partition", GatehouseSteerState, partition, TYPE_GATEHOUSE_PARTITION,
                     GatehousePartitionState*),
    DEFINE_PROP_STRING("device", GatehouseSteerState, device),
};

// Without a bus there is no path to tell two units apart in saved state.
char* saved_state_id(VMStateIf* object) { return g_strdup(device_name(DEVICE(object)).c_str()); }

void class_init(ObjectClass* object_class, void*) {
  DeviceClass* device_class = DEVICE_CLASS(object_class);
  device_class->realize = realize;
  device_class->unrealize = unrealize;
  device_class->desc = "Gatehouse: steers a PCI device's interrupts to a partition";
  device_class->vmsd = &kSavedState;
  device_class->user_creatable = true;
  // QEMU plugs only what sits on a bus. Its device may come and go.
  device_class->hotpluggable = false;
  RESETTABLE_CLASS(object_class)->phases.enter = reset_enter;
  device_class_set_props_n(device_class, kProperties, std::size(kProperties));
  set_bit(DEVICE_CATEGORY_MISC, device_class->categories);
  VMSTATE_IF_CLASS(object_class)->get_id = saved_state_id;
  object_class_property_set_description(object_class, "partition",
                                        "the gatehouse-partition that takes them");
  object_class_property_set_description(object_class, "device",
                                        "id of the PCI device, there already or plugged later");
}

const TypeInfo kType = {
    .name = TYPE_GATEHOUSE_STEER,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(GatehouseSteerState),
    .class_init = class_init,
};

}  // namespace
}  // namespace gatehouse::qemu

static void gatehouse_steer_register_types() { type_register_static(&gatehouse::qemu::kType); }

type_init(gatehouse_steer_register_types)
