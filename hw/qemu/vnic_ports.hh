// SPDX-License-Identifier: GPL-2.0-or-later
// The 82574L model's ports (hw/card/vnic/ports.hh) as a PCI device of QEMU has them.
#ifndef GATEHOUSE_HW_QEMU_VNIC_PORTS_HH_
#define GATEHOUSE_HW_QEMU_VNIC_PORTS_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/pci_device.h"
#include "qemu/timer.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/card/vnic/ports.hh"

namespace gatehouse::vnic {
class Vnic;
}

namespace gatehouse::qemu {

// Bus mastering: goes through the function's own address space, hence through a vIOMMU and the bus
// master enable bit. RAM only: an address that is MMIO, this device's BARs included, is refused by
// the memory core before anything is called.
class PciDma final : public vnic::DmaPort {
 public:
  PciDma(PCIDevice* device, const std::string& name);
  bool read(uint64_t address, void* to, uint32_t length) override;
  bool write(uint64_t address, const void* from, uint32_t length) override;

 private:
  MemTxAttrs attributes() const;
  PCIDevice* device_;
  const std::string& name_;
};

class VirtualClock final : public vnic::ClockPort {
 public:
  VirtualClock();
  ~VirtualClock() override;
  VirtualClock(const VirtualClock&) = delete;
  VirtualClock& operator=(const VirtualClock&) = delete;
  // Expiry goes there.
  void connect(vnic::Vnic* vnic) { vnic_ = vnic; }

  int64_t now_ns() override { return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL); }
  void arm(vnic::Timer timer, int64_t deadline_ns) override;
  void cancel(vnic::Timer timer) override;

 private:
  struct Alarm {
    VirtualClock* clock = nullptr;
    vnic::Timer timer{};
    QEMUTimer* qemu = nullptr;
  };
  static void expired(void* alarm);

  vnic::Vnic* vnic_ = nullptr;
  std::array<Alarm, static_cast<size_t>(vnic::Timer::kCount)> alarms_;
};

class PciInterrupt final : public vnic::InterruptPort {
 public:
  PciInterrupt(PCIDevice* device, const std::string& name) : device_(device), name_(name) {}
  vnic::InterruptMode mode() override;
  void set_intx(bool asserted) override;
  void send_msi() override;
  void send_msix(unsigned vector) override;
  void clear_msix_pending(unsigned vector) override;

 private:
  PCIDevice* device_;
  const std::string& name_;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_VNIC_PORTS_HH_
