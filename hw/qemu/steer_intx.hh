// SPDX-License-Identifier: GPL-2.0-or-later
// One device's INTx line, taken out of its PCI bus and given back under its owner's control. A bus
// with a tapped device gets a line of its own for each such device; the others' lines go where they
// went. Buses remember how often each line is raised, and save it: so a tap stays as long as its
// device, whether it is used or not, and both ends of a migration have the same taps.
#ifndef GATEHOUSE_HW_QEMU_STEER_INTX_HH_
#define GATEHOUSE_HW_QEMU_STEER_INTX_HH_

#include <functional>

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/pci_device.h"
#include "hw/qemu/qemu-end.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::qemu {

struct TappedBus;

class IntxTap {
 public:
  // `changed` is called when the device raises or lowers its line.
  explicit IntxTap(std::function<void(bool)> changed) : changed_(std::move(changed)) {}
  ~IntxTap() { detach(); }
  IntxTap(const IntxTap&) = delete;
  IntxTap& operator=(const IntxTap&) = delete;

  // A device without an interrupt pin, or on a bus whose lines are all taken: stays detached.
  void attach(PCIDevice* device);
  // The guest's line is low by then.
  void detach();
  bool attached() const { return bus_ != nullptr; }
  // The line towards the guest; each call changes it.
  void set(bool level);
  // What the bus passes on for other devices. The bus itself saves the rest.
  void archive(Archive& archive);

 private:
  friend struct TappedBus;

  std::function<void(bool)> changed_;
  PCIDevice* device_ = nullptr;
  TappedBus* bus_ = nullptr;
  int line_ = 0;  // of the guest
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_STEER_INTX_HH_
