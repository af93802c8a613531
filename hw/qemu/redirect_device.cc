// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/redirect_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/qdev-properties.h"
#include "hw/vmstate-if.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/device_name.hh"
#include "hw/qemu/qom-cxx.hh"
#include "hw/qemu/redirect_host.hh"
#include "hw/qemu/saved_state.hh"

namespace gatehouse::qemu {
namespace {

void realize(DeviceState* device, Error** errp) {
  GatehouseRedirectState* state = GATEHOUSE_REDIRECT(device);
  if (!state->partition || !state->partition->host) {
    error_setg(errp,
               "gatehouse-redirect: no partition; add -device "
               "gatehouse-partition,id=p0,firmware=FILE before it and partition=p0 to it");
    return;
  }
  if (!state->device || !*state->device) {
    error_setg(errp, "gatehouse-redirect: device= must name the id of a PCI device");
    return;
  }
  Result<std::unique_ptr<RedirectHost>> made = RedirectHost::make(state);
  if (!made.ok()) {
    error_setg(errp, "gatehouse-redirect: %s", made.status().message().c_str());
    return;
  }
  state->host = made.value().release();
}

void unrealize(DeviceState* device) {
  GatehouseRedirectState* state = GATEHOUSE_REDIRECT(device);
  delete state->host;
  state->host = nullptr;
}

void archive(GatehouseRedirectState* state, Archive& archive) { state->host->archive(archive); }

const VMStateField kFields[] = {
    vmstate_field("gatehouse-redirect", 0, sizeof(GatehouseRedirectState),
                  &kArchiveInfo<GatehouseRedirectState, archive>),
    vmstate_end(),
};

const VMStateDescription kSavedState = {
    .name = TYPE_GATEHOUSE_REDIRECT,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = kFields,
};

const Property kProperties[] = {
    DEFINE_PROP_LINK("partition", GatehouseRedirectState, partition, TYPE_GATEHOUSE_PARTITION,
                     GatehousePartitionState*),
    DEFINE_PROP_STRING("device", GatehouseRedirectState, device),
};

// Without a bus there is no path to tell two units apart in saved state.
char* saved_state_id(VMStateIf* object) { return g_strdup(device_name(DEVICE(object)).c_str()); }

void class_init(ObjectClass* object_class, void*) {
  DeviceClass* device_class = DEVICE_CLASS(object_class);
  device_class->realize = realize;
  device_class->unrealize = unrealize;
  device_class->desc = "Gatehouse: redirects ranges of a PCI device's BARs to a partition";
  device_class->vmsd = &kSavedState;
  device_class->user_creatable = true;
  // QEMU plugs only what sits on a bus. Its device may come and go.
  device_class->hotpluggable = false;
  device_class_set_props_n(device_class, kProperties, std::size(kProperties));
  set_bit(DEVICE_CATEGORY_MISC, device_class->categories);
  VMSTATE_IF_CLASS(object_class)->get_id = saved_state_id;
  object_class_property_set_description(object_class, "partition",
                                        "the gatehouse-partition that holds its table");
  object_class_property_set_description(object_class, "device",
                                        "id of the PCI device, there already or plugged later");
}

const TypeInfo kType = {
    .name = TYPE_GATEHOUSE_REDIRECT,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(GatehouseRedirectState),
    .class_init = class_init,
};

}  // namespace
}  // namespace gatehouse::qemu

static void gatehouse_redirect_register_types() { type_register_static(&gatehouse::qemu::kType); }

type_init(gatehouse_redirect_register_types)
