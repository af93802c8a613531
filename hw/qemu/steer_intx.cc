// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/steer_intx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/core/base/archive.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::qemu {
namespace {

constexpr int kTaps = partition::kMaxPartitions * partition::kMaxUnits;

std::vector<TappedBus*> buses;

// As pci_change_irq_level does it, which is not for others to call.
void pass_on(PCIDevice* device, int line, int change) {
  PCIBus* bus;
  for (;;) {
    bus = pci_get_bus(device);
    line = bus->map_irq(device, line);
    if (bus->set_irq) break;
    device = bus->parent_dev;
  }
  bus->irq_count[line] += change;
  bus->set_irq(bus->irq_opaque, line, bus->irq_count[line] != 0);
}

}  // namespace

struct TappedBus {
  PCIBus* bus;
  // What it had before. A bus behind a bridge has no set_irq and passes its lines on.
  pci_set_irq_fn set_irq;
  pci_map_irq_fn map_irq;
  pci_route_irq_fn route;
  void* opaque;
  int lines;
  std::array<IntxTap*, kTaps> taps{};
  std::array<bool, PCI_NUM_PINS> passed{};  // lines that it holds high at its bridge

  static TappedBus* find(const PCIBus* bus) {
    for (TappedBus* tapped : buses) {
      if (tapped->bus == bus) return tapped;
    }
    return nullptr;
  }

  static int map(PCIDevice* device, int pin) {
    TappedBus* tapped = find(pci_get_bus(device));
    for (int i = 0; i < kTaps; ++i) {
      if (tapped->taps[i] && tapped->taps[i]->device_ == device) return tapped->first() + i;
    }
    return tapped->map_irq(device, pin);
  }
  static void set(void* opaque, int line, int level) {
    static_cast<TappedBus*>(opaque)->set_line(line, level != 0);
  }
  static PCIINTxRoute route_line(void* opaque, int line) {
    const auto* tapped = static_cast<TappedBus*>(opaque);
    if (line < tapped->lines) return tapped->route(tapped->opaque, line);
    PCIINTxRoute none{};
    none.mode = decltype(none)::PCI_INTX_DISABLED;
    return none;
  }

  // The number of the first tap's line.
  int first() const { return set_irq ? lines : PCI_NUM_PINS; }
  void set_line(int line, bool level) {
    if (line >= first()) {
      IntxTap* tap = taps[line - first()];
      if (tap) tap->changed_(level);
    } else if (set_irq) {
      set_irq(opaque, line, level);
    } else if (passed[line] != level) {
      passed[line] = level;
      pass_on(bus->parent_dev, line, level ? 1 : -1);
    }
  }

  void install() {
    set_irq = bus->set_irq;
    map_irq = bus->map_irq;
    route = bus->route_intx_to_irq;
    opaque = bus->irq_opaque;
    lines = bus->nirq;
    const int now = first() + kTaps;
    bus->irq_count = g_renew(int, bus->irq_count, now);
    std::fill(bus->irq_count + lines, bus->irq_count + now, 0);
    bus->nirq = now;
    bus->irq_opaque = this;
    bus->set_irq = set;
    bus->map_irq = map;
    if (route) bus->route_intx_to_irq = route_line;
    if (!set_irq) count_others(1);
  }
  void remove() {
    if (!set_irq) count_others(-1);
    bus->set_irq = set_irq;
    bus->map_irq = map_irq;
    bus->route_intx_to_irq = route;
    bus->irq_opaque = opaque;
    bus->nirq = lines;
    if (lines != 0) return;
    g_free(bus->irq_count);
    bus->irq_count = nullptr;
  }
  // Lines that are high were counted at the bridge once for each device, and now are once for each
  // line; `direction` -1: the other way.
  void count_others(int direction) {
    for (int line = 0; line < PCI_NUM_PINS; ++line) {
      int high = 0;
      for (PCIDevice* device : bus->devices) {
        if (!device) continue;
        for (int pin = 0; pin < PCI_NUM_PINS; ++pin)
          high += (device->irq_state >> pin & 1) && map_irq(device, pin) == line;
      }
      if (high == 0) continue;
      if (direction > 0) bus->irq_count[line] = high;
      passed[line] = direction > 0;
      if (high > 1) pass_on(bus->parent_dev, line, direction * (1 - high));
    }
  }
};

void IntxTap::attach(PCIDevice* device) {
  const uint8_t pin = device->config[PCI_INTERRUPT_PIN];
  // It is plugged in: its line is low.
  if (pin < 1 || pin > PCI_NUM_PINS || device->irq_state != 0) return;
  PCIBus* bus = pci_get_bus(device);
  TappedBus* tapped = TappedBus::find(bus);
  if (!tapped) {
    tapped = new TappedBus{};
    tapped->bus = bus;
    buses.push_back(tapped);
    tapped->install();
  }
  const auto place = std::find(tapped->taps.begin(), tapped->taps.end(), nullptr);
  if (place == tapped->taps.end()) return;
  *place = this;
  bus_ = tapped;
  device_ = device;
  line_ = tapped->map_irq(device, pin - 1);
}

void IntxTap::detach() {
  if (!bus_) return;
  // The device is about to go and lowers its line then; it was raised on the tap's.
  if (device_->irq_state != 0) pci_device_deassert_intx(device_);
  *std::find(bus_->taps.begin(), bus_->taps.end(), this) = nullptr;
  if (std::all_of(bus_->taps.begin(), bus_->taps.end(), [](IntxTap* tap) { return !tap; })) {
    bus_->remove();
    std::erase(buses, bus_);
    delete bus_;
  }
  bus_ = nullptr;
  device_ = nullptr;
}

void IntxTap::set(bool level) {
  if (!bus_) return;
  PCIBus* bus = bus_->bus;
  const int change = level ? 1 : -1;
  bus->irq_count[line_] += change;
  bus_->set_line(line_, bus->irq_count[line_] != 0);
}

void IntxTap::archive(Archive& archive) {
  archive.section("intx", 1);
  std::array<bool, PCI_NUM_PINS> passed{};
  bool attached = bus_ != nullptr;
  if (bus_) passed = bus_->passed;
  archive(attached);
  archive(passed);
  if (!archive.loading() || !archive.ok()) return;
  if (attached != (bus_ != nullptr)) {
    archive.fail("saved state: the device's interrupt line is not where it was");
  } else if (bus_) {
    bus_->passed = passed;
  }
}

}  // namespace gatehouse::qemu
