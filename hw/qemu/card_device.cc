// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/card_device.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/qdev-properties-system.h"
#include "hw/qdev-properties.h"
#include "hw/vmstate-if.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/card_host.hh"
#include "hw/qemu/device_name.hh"
#include "hw/qemu/qom-cxx.hh"
#include "hw/qemu/saved_state.hh"

namespace gatehouse::qemu {
namespace {

// Frames of each direction. Fewer where as many packet buffers are not left for others
// (PacketShare).
constexpr uint32_t kMaxQueue = 1024;
constexpr uint64_t kMaxLatencyNs = 10'000'000'000;

void realize(DeviceState* device, Error** errp) {
  GatehouseCardState* state = GATEHOUSE_CARD(device);
  if (state->queue == 0 || state->queue > kMaxQueue) {
    error_setg(errp, "gatehouse-card: queue= must be 1 to %u frames", kMaxQueue);
    return;
  }
  if (state->latency > kMaxLatencyNs) {
    error_setg(errp, "gatehouse-card: latency= is in nanoseconds and at most %" PRIu64,
               kMaxLatencyNs);
    return;
  }
  auto host = std::make_unique<CardHost>(state);
  if (state->policy) {
    const Status status = host->load_policy(state->policy);
    if (!status.ok()) {
      error_setg(errp, "gatehouse-card: %s", status.message().c_str());
      return;
    }
  } else {
    warn_report("%s has no policy=FILE: it drops every frame", host->name().c_str());
  }
  state->host = host.release();
}

void unrealize(DeviceState* device) {
  GatehouseCardState* state = GATEHOUSE_CARD(device);
  delete state->host;
  state->host = nullptr;
}

void archive(GatehouseCardState* state, Archive& archive) { state->host->archive(archive); }

int after_load(void* state, int) {
  static_cast<GatehouseCardState*>(state)->host->loaded();
  return 0;
}

const VMStateField kFields[] = {
    vmstate_field("gatehouse-card", 0, sizeof(GatehouseCardState),
                  &kArchiveInfo<GatehouseCardState, archive>),
    vmstate_end(),
};

// In the order in which devices are made: behind the clock, by which its frames are due, and before
// the vnics, whose state refers to their numbers on the card.
const VMStateDescription kSavedState = {
    .name = TYPE_GATEHOUSE_CARD,
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = after_load,
    .fields = kFields,
};

const Property kProperties[] = {
    DEFINE_PROP_NETDEV("uplink0", GatehouseCardState, uplinks[0].peers),
    DEFINE_PROP_NETDEV("uplink1", GatehouseCardState, uplinks[1].peers),
    DEFINE_PROP_STRING("policy", GatehouseCardState, policy),
    GATEHOUSE_PROPERTY("link-rate", GatehouseCardState, link_rate, uint64_t, qdev_prop_uint64, 0u),
    GATEHOUSE_PROPERTY("latency", GatehouseCardState, latency, uint64_t, qdev_prop_uint64, 0u),
    GATEHOUSE_PROPERTY("queue", GatehouseCardState, queue, uint32_t, qdev_prop_uint32, kMaxQueue),
    GATEHOUSE_PROPERTY("offload", GatehouseCardState, offload, bool, qdev_prop_bool, false),
};

// Without a bus there is no path to tell two cards apart in saved state.
char* saved_state_id(VMStateIf* object) { return g_strdup(device_name(DEVICE(object)).c_str()); }

void class_init(ObjectClass* object_class, void*) {
  DeviceClass* device_class = DEVICE_CLASS(object_class);
  device_class->realize = realize;
  device_class->unrealize = unrealize;
  device_class->desc = "Gatehouse: hidden network card";
  device_class->vmsd = &kSavedState;
  device_class->user_creatable = true;
  // QEMU plugs only what sits on a bus.
  device_class->hotpluggable = false;
  device_class_set_props_n(device_class, kProperties, std::size(kProperties));
  set_bit(DEVICE_CATEGORY_NETWORK, device_class->categories);
  VMSTATE_IF_CLASS(object_class)->get_id = saved_state_id;
  const char* names[][2] = {
      {"uplink0", "netdev of the first uplink"},
      {"uplink1", "netdev of the second uplink"},
      {"policy", "policy file (JSON) that is read at start"},
      {"link-rate",
       "bits per second of each uplink and direction on the virtual clock; 0: unlimited"},
      {"latency", "ns from the end of a frame to its arrival on the wire, virtual clock"},
      {"queue", "frames that wait for an uplink's link or busy netdev"},
      {"offload",
       "on: a tap with vnet_hdr takes and gives tunnelled super-frames whole, its kernel cuts "
       "them"},
  };
  for (const auto& [name, text] : names)
    object_class_property_set_description(object_class, name, text);
}

const TypeInfo kType = {
    .name = TYPE_GATEHOUSE_CARD,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(GatehouseCardState),
    .class_init = class_init,
};

}  // namespace
}  // namespace gatehouse::qemu

static void gatehouse_card_register_types() { type_register_static(&gatehouse::qemu::kType); }

type_init(gatehouse_card_register_types)
