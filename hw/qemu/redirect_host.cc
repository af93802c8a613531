// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/redirect_host.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/memory.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/device_name.hh"

namespace gatehouse::qemu {
namespace {

std::vector<RedirectHost*> hosts;

uint64_t read_redirected(void* opaque, hwaddr offset, unsigned size) {
  const auto* bar = static_cast<const RedirectBars::Bar*>(opaque);
  return static_cast<RedirectHost*>(bar->unit)->guest_read(bar->bar, offset, size);
}

void write_redirected(void* opaque, hwaddr offset, uint64_t value, unsigned size) {
  const auto* bar = static_cast<const RedirectBars::Bar*>(opaque);
  static_cast<RedirectHost*>(bar->unit)->guest_write(bar->bar, offset, value, size);
}

// Any width, and QEMU cuts nothing: the model knows which pieces belong together.
const MemoryRegionOps kOperations = [] {
  MemoryRegionOps ops{};
  ops.read = read_redirected;
  ops.write = write_redirected;
  ops.endianness = DEVICE_LITTLE_ENDIAN;
  ops.valid.min_access_size = 1;
  ops.valid.max_access_size = 8;
  ops.valid.unaligned = true;
  ops.impl.min_access_size = 1;
  ops.impl.max_access_size = 8;
  ops.impl.unaligned = true;
  return ops;
}();

}  // namespace

const std::vector<RedirectHost*>& RedirectHost::all() { return hosts; }

Result<std::unique_ptr<RedirectHost>> RedirectHost::make(GatehouseRedirectState* state) {
  const std::string device = state->device;
  for (const RedirectHost* other : hosts) {
    if (other->device_ == device)
      return Status::error("device=" + device + " is redirected by '" + other->name_ +
                           "' already; one unit can have " +
                           std::to_string(partition::kMaxRedirectEntries) + " ranges");
  }
  std::unique_ptr<RedirectHost> host(new RedirectHost(state));
  Result<unsigned> unit =
      host->partition_.add_unit(partition::UnitKind::kRedirect, device, host.get());
  if (!unit.ok()) return unit.status();
  host->unit_ = unit.value();
  host->bars_.show(host->partition_.root(), PartitionHost::bar_window(unit.value()));
  const Status status = host->watch_.start();
  if (!status.ok()) return status;
  return host;
}

RedirectHost::RedirectHost(GatehouseRedirectState* state)
    : name_(device_name(&state->parent_obj)),
      device_(state->device),
      partition_(*state->partition->host),
      bars_(state, &kOperations, this),
      model_(partition_, partition_, bars_),
      watch_(device_, name_, *this) {
  hosts.push_back(this);
}

RedirectHost::~RedirectHost() {
  if (unit_) partition_.remove_unit(*unit_);
  std::erase(hosts, this);
}

uint64_t RedirectHost::read(uint32_t offset, unsigned octets) {
  return model_.read(offset, octets);
}

void RedirectHost::write(uint32_t offset, uint64_t value, unsigned octets) {
  const partition::Redirect::Counters before = model_.counters();
  model_.write(offset, value, octets);
  if (model_.counters().commits != before.commits || model_.counters().refused != before.refused)
    trace_gatehouse_redirect_commit(name_.c_str(), static_cast<unsigned>(model_.result()),
                                    model_.result_entry(), model_.entries());
}

void RedirectHost::reset() { model_.reset(); }

uint64_t RedirectHost::guest_read(unsigned bar, uint64_t offset, unsigned octets) {
  // An access can be on its way when the device goes: then nothing answers.
  const uint64_t value = model_.present() ? model_.guest_read(bar, offset, octets) : ~uint64_t{0};
  trace_gatehouse_redirect_read(name_.c_str(), bar, offset, octets, value);
  return value;
}

void RedirectHost::guest_write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) {
  trace_gatehouse_redirect_write(name_.c_str(), bar, offset, octets, value);
  if (model_.present()) model_.guest_write(bar, offset, value, octets);
}

Status RedirectHost::device_plugged(PCIDevice* device) {
  const Status status = bars_.attach(device);
  if (!status.ok()) return status;
  trace_gatehouse_redirect_device(name_.c_str(), device_.c_str(), "plugged");
  model_.plugged();
  return {};
}

void RedirectHost::device_unplugged() {
  trace_gatehouse_redirect_device(name_.c_str(), device_.c_str(), "unplugged");
  model_.unplugged();
  bars_.detach();
}

void RedirectHost::device_reset() {
  trace_gatehouse_redirect_device(name_.c_str(), device_.c_str(), "reset");
  model_.device_reset();
}

}  // namespace gatehouse::qemu
