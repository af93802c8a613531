// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/steer_host.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/memory.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/core/base/archive.hh"
#include "hw/qemu/device_name.hh"

namespace gatehouse::qemu {
namespace {

// What a store there does depends on the core that makes it, not on the device.
constexpr uint64_t kMessages = 0xfee0'0000, kMessagesOctets = 0x10'0000;

std::vector<SteerHost*> hosts;

const MemoryRegionOps kMessageOps = [] {
  MemoryRegionOps ops{};
  ops.read = [](void*, hwaddr, unsigned) { return ~uint64_t{0}; };
  ops.write = [](void* state, hwaddr, uint64_t, unsigned) {
    static_cast<GatehouseSteerState*>(state)->partition->host->message_refused();
  };
  ops.endianness = DEVICE_LITTLE_ENDIAN;
  ops.valid.min_access_size = 1;
  ops.valid.max_access_size = 8;
  ops.valid.unaligned = true;
  ops.impl.min_access_size = 1;
  ops.impl.max_access_size = 8;
  ops.impl.unaligned = true;
  return ops;
}();

struct Transaction {
  Transaction() { memory_region_transaction_begin(); }
  ~Transaction() { memory_region_transaction_commit(); }
};

}  // namespace

const std::vector<SteerHost*>& SteerHost::all() { return hosts; }

Result<std::unique_ptr<SteerHost>> SteerHost::make(GatehouseSteerState* state) {
  const std::string device = state->device;
  for (const SteerHost* other : hosts) {
    if (other->device_ == device)
      return Status::error("device=" + device + " is steered by '" + other->name_ + "' already");
  }
  std::unique_ptr<SteerHost> host(new SteerHost(state));
  Result<unsigned> unit =
      host->partition_.add_unit(partition::UnitKind::kSteer, device, host.get());
  if (!unit.ok()) return unit.status();
  host->unit_ = unit.value();
  memory_region_add_subregion_overlap(host->partition_.root(),
                                      PartitionHost::device_view(unit.value()), &state->view,
                                      PartitionHost::kWindowPriority);
  const Status status = host->watch_.start();
  if (!status.ok()) return status;
  return host;
}

SteerHost::SteerHost(GatehouseSteerState* state)
    : state_(state),
      name_(device_name(&state->parent_obj)),
      device_(state->device),
      partition_(*state->partition->host),
      tap_([this](bool level) {
        trace_gatehouse_steer_line(name_.c_str(), level);
        model_.line(level);
      }),
      model_(partition_, partition_, *this),
      watch_(device_, name_, *this) {
  Object* owner = OBJECT(state);
  memory_region_init(&state->view, owner, "gatehouse-steer-view", partition::kDeviceView);
  memory_region_init_io(&state->messages, owner, &kMessageOps, state, "gatehouse-steer-messages",
                        kMessagesOctets);
  memory_region_add_subregion_overlap(&state->view, kMessages, &state->messages, 1);
  hosts.push_back(this);
}

SteerHost::~SteerHost() {
  if (unit_) {
    memory_region_del_subregion(partition_.root(), &state_->view);
    partition_.remove_unit(*unit_);
  }
  std::erase(hosts, this);
}

void SteerHost::archive(Archive& archive) {
  // The line first: steering may change it.
  tap_.archive(archive);
  model_.archive(archive);
}

void SteerHost::write(uint32_t offset, uint64_t value, unsigned octets) {
  model_.write(offset, value, octets);
  if (offset == partition::unit::COMMIT)
    trace_gatehouse_steer_commit(name_.c_str(), static_cast<unsigned>(model_.result()),
                                 model_.steering().bits);
}

// ---- The device

void SteerHost::machine_done() {
  machine_done_ = true;
  show();
}

// Below whatever we put over the device's DMA, hence not with its window into private RAM.
void SteerHost::show() {
  if (!pci_ || !machine_done_ || shown_) return;
  const Transaction transaction;
  MemoryRegion* root = pci_device_iommu_address_space(pci_)->root;
  memory_region_init_alias(&state_->memory, OBJECT(state_), "gatehouse-steer-memory", root, 0,
                           partition::kDeviceView);
  memory_region_add_subregion_overlap(&state_->view, 0, &state_->memory, 0);
  shown_ = true;
}

void SteerHost::hide() {
  if (!shown_) return;
  const Transaction transaction;
  memory_region_del_subregion(&state_->view, &state_->memory);
  object_unparent(OBJECT(&state_->memory));
  shown_ = false;
}

Status SteerHost::device_plugged(PCIDevice* device) {
  trace_gatehouse_steer_device(name_.c_str(), device_.c_str(), "plugged");
  pci_ = device;
  trigger_ = device->msi_trigger;
  device->msi_trigger = triggered;
  tap_.attach(device);
  model_.plugged();
  show();
  return {};
}

void SteerHost::device_unplugged() {
  trace_gatehouse_steer_device(name_.c_str(), device_.c_str(), "unplugged");
  model_.unplugged();
  tap_.detach();
  hide();
  pci_->msi_trigger = trigger_;
  trigger_ = nullptr;
  pci_ = nullptr;
}

void SteerHost::device_reset() {
  trace_gatehouse_steer_device(name_.c_str(), device_.c_str(), "reset");
  model_.device_reset();
}

void SteerHost::triggered(PCIDevice* device, MSIMessage message) {
  for (SteerHost* host : hosts) {
    if (host->pci_ != device) continue;
    // Without bus mastering a device sends nothing, to nobody.
    const bool master = pci_get_word(device->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
    const bool taken = master && host->model_.message(message.address, message.data);
    trace_gatehouse_steer_message(host->name_.c_str(), message.address, message.data, taken);
    if (!taken) host->pass_on(message);
    return;
  }
}

// ---- What is in force

void SteerHost::use(const partition::Steering& steering) {
  if (!pci_) return;
  if (is_vnic(pci_)) set_seals(pci_, steering.seals != 0 ? this : nullptr);
  window_ = steering.dma_octets != 0;
  if (!window_) {
    close_dma_window(pci_);
  } else {
    open_dma_window(pci_, this, partition_.ram(), steering.dma - partition::kRamBase, steering.dma,
                    steering.dma_octets);
  }
}

void SteerHost::send(uint64_t address, uint32_t data) {
  trace_gatehouse_steer_inject(name_.c_str(), address, data);
  pass_on(MSIMessage{address, data});
}

// A message goes where the guest says, the window is for the device's data: past it, to where all
// of its DMA went before.
void SteerHost::pass_on(const MSIMessage& message) {
  if (!window_) return trigger_(pci_, message);
  if (!(pci_get_word(pci_->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) return;
  pci_write_message(pci_, pci_device_iommu_address_space(pci_), message);
}

void SteerHost::set_line(bool level) {
  trace_gatehouse_steer_inject_line(name_.c_str(), level);
  tap_.set(level);
}

}  // namespace gatehouse::qemu
