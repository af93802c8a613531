// SPDX-License-Identifier: GPL-2.0-or-later
// The life of somebody else's PCI device, known by its id: plugged in now or later, reset, about to
// go. A hidden child bus on the device tells: QEMU resets and unrealizes child buses together with
// their device, a reset of function, bus or machine alike, and unrealizes them while the device
// still has everything.
#ifndef GATEHOUSE_HW_QEMU_DEVICE_WATCH_HH_
#define GATEHOUSE_HW_QEMU_DEVICE_WATCH_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/pci_device.h"
#include "hw/qdev-core.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/core/base/status.hh"

namespace gatehouse::qemu {

class DeviceWatcher {
 public:
  virtual ~DeviceWatcher() = default;
  // The device is realized. An error: it is not watched.
  virtual Status device_plugged(PCIDevice* device) = 0;
  // Its registers and BARs are still there, and are gone afterwards.
  virtual void device_unplugged() = 0;
  // A bus or the machine is about to reset it: no part of it has been reset.
  virtual void device_reset_begins() {}
  // It has its reset values. Its configuration space may have not yet (function level reset).
  virtual void device_reset() = 0;
};

class DeviceWatch {
 public:
  // `watcher` lives longer than this. `name` tells one watch of a device from another.
  DeviceWatch(std::string device, std::string name, DeviceWatcher& watcher);
  // Ends with device_unplugged(), if the device is there.
  ~DeviceWatch();
  DeviceWatch(const DeviceWatch&) = delete;
  DeviceWatch& operator=(const DeviceWatch&) = delete;

  // Looks whether the device is there already, and listens from now on.
  Status start();

 private:
  friend struct WatchBus;
  struct Listener {
    DeviceListener listener;
    DeviceWatch* watch;
  };

  Status found(DeviceState* device);
  void gone();

  const std::string device_;
  const std::string name_;
  DeviceWatcher& watcher_;
  Listener listener_{};
  bool starting_ = false;
  Status started_;           // what was wrong with a device that was there at start()
  BusState* bus_ = nullptr;  // while the device is there
};

// For a device of ours that resets itself in a way that QEMU's resets do not know.
void tell_watches_of_reset(DeviceState* device);

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_DEVICE_WATCH_HH_
