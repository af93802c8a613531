// SPDX-License-Identifier: GPL-2.0-or-later
// What people call a device: its id=, or the name that QOM gave it.
#ifndef GATEHOUSE_HW_QEMU_DEVICE_NAME_HH_
#define GATEHOUSE_HW_QEMU_DEVICE_NAME_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/qdev-core.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse::qemu {

inline std::string device_name(const DeviceState* device) {
  if (device->id) return device->id;
  const char* component = object_get_canonical_path_component(OBJECT(device));
  return component ? component : object_get_typename(OBJECT(device));
}

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_DEVICE_NAME_HH_
