// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/vnic_ports.hh"

#include "hw/qemu/qemu-begin.hh"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "system/dma.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/card/vnic/vnic.hh"

namespace gatehouse::qemu {

PciDma::PciDma(PCIDevice* device, const std::string& name) : device_(device), name_(name) {}

MemTxAttrs PciDma::attributes() const {
  MemTxAttrs attributes{};
  attributes.memory = 1;
  attributes.requester_id = pci_requester_id(device_);
  return attributes;
}

bool PciDma::read(uint64_t address, void* to, uint32_t length) {
  // What the guest's CPUs wrote before the doorbell is seen (DMA ordering of include/system/dma.h).
  dma_barrier(pci_get_address_space(device_), DMA_DIRECTION_TO_DEVICE);
  if (address_space_read_full(pci_get_address_space(device_), address, attributes(), to, length) ==
      MEMTX_OK)
    return true;
  trace_gatehouse_vnic_dma_refused(name_.c_str(), address, length, false);
  return false;
}

bool PciDma::write(uint64_t address, const void* from, uint32_t length) {
  dma_barrier(pci_get_address_space(device_), DMA_DIRECTION_FROM_DEVICE);
  if (address_space_write(pci_get_address_space(device_), address, attributes(), from, length) ==
      MEMTX_OK)
    return true;
  trace_gatehouse_vnic_dma_refused(name_.c_str(), address, length, true);
  return false;
}

VirtualClock::VirtualClock() {
  for (size_t i = 0; i < alarms_.size(); ++i) {
    alarms_[i].clock = this;
    alarms_[i].timer = static_cast<vnic::Timer>(i);
    alarms_[i].qemu = timer_new_ns(QEMU_CLOCK_VIRTUAL, expired, &alarms_[i]);
  }
}

VirtualClock::~VirtualClock() {
  for (Alarm& alarm : alarms_) timer_free(alarm.qemu);
}

void VirtualClock::expired(void* alarm) {
  const Alarm* that = static_cast<const Alarm*>(alarm);
  that->clock->vnic_->timer_expired(that->timer);
}

void VirtualClock::arm(vnic::Timer timer, int64_t deadline_ns) {
  timer_mod_ns(alarms_[static_cast<size_t>(timer)].qemu, deadline_ns);
}

void VirtualClock::cancel(vnic::Timer timer) {
  timer_del(alarms_[static_cast<size_t>(timer)].qemu);
}

vnic::InterruptMode PciInterrupt::mode() {
  if (msix_enabled(device_)) return vnic::InterruptMode::kMsix;
  return msi_enabled(device_) ? vnic::InterruptMode::kMsi : vnic::InterruptMode::kIntx;
}

void PciInterrupt::set_intx(bool asserted) {
  trace_gatehouse_vnic_interrupt(name_.c_str(), "INTx", asserted);
  pci_set_irq(device_, asserted);
}

void PciInterrupt::send_msi() {
  trace_gatehouse_vnic_interrupt(name_.c_str(), "MSI", 0);
  msi_notify(device_, 0);
}

void PciInterrupt::send_msix(unsigned vector) {
  trace_gatehouse_vnic_interrupt(name_.c_str(), "MSI-X", vector);
  msix_notify(device_, vector);
}

void PciInterrupt::clear_msix_pending(unsigned vector) {
  if (msix_enabled(device_)) msix_clr_pending(device_, static_cast<int>(vector));
}

}  // namespace gatehouse::qemu
