// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/device_watch.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/pci.h"
#include "hw/resettable.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "hw/qemu/qemu-end.hh"

#define TYPE_GATEHOUSE_WATCH_BUS "gatehouse-watch-bus"

namespace gatehouse::qemu {

struct WatchBus {
  BusState parent_obj;
  DeviceWatch* watch;  // null: it has been told that the device goes

  static void tell_gone(WatchBus* bus) {
    if (bus->watch) bus->watch->gone();
  }
  static void tell_reset_begins(WatchBus* bus) {
    if (bus->watch) bus->watch->watcher_.device_reset_begins();
  }
  static void tell_reset(WatchBus* bus) {
    if (bus->watch) bus->watch->watcher_.device_reset();
  }
};

}  // namespace gatehouse::qemu

using GatehouseWatchBus = gatehouse::qemu::WatchBus;
DECLARE_INSTANCE_CHECKER(GatehouseWatchBus, GATEHOUSE_WATCH_BUS, TYPE_GATEHOUSE_WATCH_BUS)

namespace gatehouse::qemu {
namespace {

void (*parent_unparent)(Object*);

void class_init(ObjectClass* object_class, void*) {
  BUS_CLASS(object_class)->unrealize = [](BusState* bus) {
    WatchBus::tell_gone(GATEHOUSE_WATCH_BUS(bus));
  };
  // A device whose realization fails late loses its buses without unrealizing them.
  parent_unparent = object_class->unparent;
  object_class->unparent = [](Object* object) {
    WatchBus::tell_gone(GATEHOUSE_WATCH_BUS(object));
    parent_unparent(object);
  };
  RESETTABLE_CLASS(object_class)->phases.enter = [](Object* object, ResetType) {
    WatchBus::tell_reset_begins(GATEHOUSE_WATCH_BUS(object));
  };
  // All of a tree's hold phases, the device's among them, come before its exit phases.
  RESETTABLE_CLASS(object_class)->phases.exit = [](Object* object, ResetType) {
    WatchBus::tell_reset(GATEHOUSE_WATCH_BUS(object));
  };
}

const TypeInfo kBusType = {
    .name = TYPE_GATEHOUSE_WATCH_BUS,
    .parent = TYPE_BUS,
    .instance_size = sizeof(WatchBus),
    .class_init = class_init,
};

}  // namespace

DeviceWatch::DeviceWatch(std::string device, std::string name, DeviceWatcher& watcher)
    : device_(std::move(device)), name_(std::move(name)), watcher_(watcher) {}

DeviceWatch::~DeviceWatch() {
  if (listener_.watch) device_listener_unregister(&listener_.listener);
  if (bus_) object_unparent(OBJECT(bus_));
}

Status DeviceWatch::start() {
  listener_.watch = this;
  listener_.listener.realize = [](DeviceListener* listener, DeviceState* device) {
    DeviceWatch& watch = *container_of(listener, Listener, listener)->watch;
    // Each new listener makes QEMU tell all listeners of all devices again.
    if (watch.bus_ || !device->id || watch.device_ != device->id) return;
    const Status status = watch.found(device);
    if (status.ok()) return;
    if (watch.starting_) {
      watch.started_ = status;
    } else {
      warn_report("%s: %s", watch.name_.c_str(), status.message().c_str());
    }
  };
  // Tells of the devices that are there, too.
  starting_ = true;
  device_listener_register(&listener_.listener);
  starting_ = false;
  return started_;
}

Status DeviceWatch::found(DeviceState* device) {
  if (!object_dynamic_cast(OBJECT(device), TYPE_PCI_DEVICE))
    return Status::error("device=" + device_ + " is no PCI device");
  const Status status = watcher_.device_plugged(PCI_DEVICE(device));
  if (!status.ok()) return status;
  bus_ = qbus_new(TYPE_GATEHOUSE_WATCH_BUS, device, ("gatehouse-watch-" + name_).c_str());
  GATEHOUSE_WATCH_BUS(bus_)->watch = this;
  // The buses of a device that is being realized are realized with it.
  if (device->realized) qbus_realize(bus_, &error_abort);
  return {};
}

void tell_watches_of_reset(DeviceState* device) {
  BusState* bus;
  QLIST_FOREACH(bus, &device->child_bus, sibling) {
    if (object_dynamic_cast(OBJECT(bus), TYPE_GATEHOUSE_WATCH_BUS))
      WatchBus::tell_reset(GATEHOUSE_WATCH_BUS(bus));
  }
}

void DeviceWatch::gone() {
  GATEHOUSE_WATCH_BUS(bus_)->watch = nullptr;
  bus_ = nullptr;
  watcher_.device_unplugged();
}

}  // namespace gatehouse::qemu

static void gatehouse_watch_bus_register_types() {
  type_register_static(&gatehouse::qemu::kBusType);
}

type_init(gatehouse_watch_bus_register_types)
