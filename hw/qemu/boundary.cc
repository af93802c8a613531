// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/boundary.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/address-spaces.h"
#include "hw/core/cpu.h"
#include "hw/pci/pci.h"
#include "hw/qdev-core.h"
#include "qapi/qapi-events-gatehouse.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "system/system.h"
#include "trace/trace-gatehouse_hw_qemu.h"
#include "hw/qemu/qemu-end.hh"

#include <nlohmann/json.hpp>

#include "hw/core/base/archive.hh"
#include "hw/qemu/boundary_iommu.hh"
#include "hw/qemu/partition_host.hh"

#define TYPE_GATEHOUSE_DMA_PORT "gatehouse-dma-port"

namespace gatehouse::qemu {

using partition::Attempt;
using partition::kPrivateBase;
using partition::kPrivateEnd;
using partition::Who;

// What one PCI device's DMA meets. An object of its own, because views of memory that are about to
// go still hold it when the device has gone.
struct DmaPort {
  Object parent_obj;
  PCIDevice* device;
  bool plain;                 // no IOMMU: what the device says are the guest's physical addresses
  const MemoryRegion* space;  // what its DMA sees without any of this
  MemoryRegion refusing;
  // `refusing` over all that the device's DMA sees; off while there is a window.
  MemoryRegion wall;
  // Instead of what its DMA saw before, while there is a window: that, `refusing` and the window.
  MemoryRegion root;
  MemoryRegion root_wall;
  // What its DMA sees when an IOMMU lets it pass: that, and `refusing`.
  MemoryRegion* bypass;  // the IOMMU's alias of it; or nullptr
  MemoryRegion passing;
  MemoryRegion passing_wall;
  MemoryRegion passed_before;
  MemoryRegion before;
  MemoryRegion window;
  DmaWindowOwner* owner;
};

}  // namespace gatehouse::qemu

using GatehouseDmaPort = gatehouse::qemu::DmaPort;
DECLARE_INSTANCE_CHECKER(GatehouseDmaPort, GATEHOUSE_DMA_PORT, TYPE_GATEHOUSE_DMA_PORT)

namespace gatehouse::qemu {
namespace {

constexpr uint64_t kPrivateOctets = kPrivateEnd - kPrivateBase;
constexpr int kWallPriority = 1, kWindowPriority = 2;

struct Wall {
  Object* owner;
  MemoryRegion region;
  DeviceListener listener;
  Notifier machine_done;
  bool complete;  // all buses know their IOMMU
  std::vector<DmaPort*> ports;
};

Wall* wall;

struct Transaction {
  Transaction() { memory_region_transaction_begin(); }
  ~Transaction() { memory_region_transaction_commit(); }
};

void tell(const Attempt& attempt) {
  trace_gatehouse_boundary(static_cast<unsigned>(attempt.who), attempt.id, attempt.address,
                           attempt.write, attempt.octets);
  for (PartitionHost* host : all_partitions()) host->boundary().count(attempt);
}

// Somebody asks only whether an access would do; nobody accesses without the big lock.
bool only_asks() { return !bql_locked(); }

void tell(const DmaPort* port, hwaddr offset, unsigned size, bool is_write) {
  tell({Who::kDevice, pci_requester_id(port->device), kPrivateBase + offset, is_write, size});
  if (port->owner) port->owner->dma_denied();
}

// Whose DMA has just been translated to this address?
DmaPort* find_translated(uint64_t address, unsigned size) {
  const MemoryRegion* root = take_translation(address, size);
  if (!root) return nullptr;
  for (DmaPort* port : wall->ports) {
    if (port->space == root) return port;
  }
  return nullptr;
}

// QEMU does with an access that is not accepted what it does with one to no memory at all.
bool wall_accepts(void*, hwaddr offset, unsigned size, bool is_write, MemTxAttrs attrs) {
  if (only_asks()) return false;
  Attempt attempt{Who::kOther, 0, kPrivateBase + offset, is_write, size};
  if (const DmaPort* port = find_translated(attempt.address, size)) {
    tell(port, offset, size, is_write);
    return false;
  }
  if (attrs.unspecified) {
    // DMA of no PCI device or past its view (virtio without iommu_platform=on), a debugger.
  } else if (attrs.requester_id != 0) {
    attempt.who = Who::kDevice;
    attempt.id = attrs.requester_id;
  } else if (current_cpu) {
    attempt.who = attrs.secure ? Who::kSmm : Who::kCpu;
    attempt.id = static_cast<uint32_t>(current_cpu->cpu_index);
  }
  tell(attempt);
  return false;
}

bool port_accepts(void* opaque, hwaddr offset, unsigned size, bool is_write, MemTxAttrs) {
  if (only_asks()) return false;
  tell(static_cast<DmaPort*>(opaque), offset, size, is_write);
  return false;
}

MemoryRegionOps refusing(bool (*accepts)(void*, hwaddr, unsigned, bool, MemTxAttrs)) {
  MemoryRegionOps ops{};
  ops.read = [](void*, hwaddr, unsigned) -> uint64_t { return 0; };
  ops.write = [](void*, hwaddr, uint64_t, unsigned) {};
  ops.endianness = DEVICE_LITTLE_ENDIAN;
  ops.valid.accepts = accepts;
  return ops;
}

const MemoryRegionOps kWallOps = refusing(wall_accepts);
const MemoryRegionOps kPortOps = refusing(port_accepts);

DmaPort* find_port(const PCIDevice* device) {
  if (!wall) return nullptr;
  for (DmaPort* port : wall->ports) {
    if (port->device == device) return port;
  }
  return nullptr;
}

// Devices that share an address space have one requester id, too: the first may speak for them.
bool has_passing(const MemoryRegion* bypass) {
  for (const DmaPort* port : wall->ports) {
    if (port->bypass == bypass) return true;
  }
  return false;
}

// Behind an IOMMU the device's addresses mean something else: the wall in the guest's memory
// stands behind the translation, and one of its own where the IOMMU lets it pass.
void decide(DmaPort* port) {
  AddressSpace* space = pci_device_iommu_address_space(port->device);
  port->plain = space == &address_space_memory;
  port->space = space->root;
  memory_region_set_enabled(&port->wall, port->plain && !port->owner);
  if (port->plain) return;
  watch_translations(space->root);
  MemoryRegion* bypass = find_bypass(space->root);
  if (!bypass || has_passing(bypass)) return;
  Object* object = OBJECT(port);
  port->bypass = bypass;
  memory_region_init(&port->passing, object, "gatehouse-dma-passing", UINT64_MAX);
  memory_region_init_alias(&port->passed_before, object, "gatehouse-dma-before", bypass->alias, 0,
                           memory_region_size(bypass->alias));
  memory_region_init_alias(&port->passing_wall, object, "gatehouse-dma-wall", &port->refusing, 0,
                           kPrivateOctets);
  memory_region_add_subregion_overlap(&port->passing, 0, &port->passed_before, 0);
  memory_region_add_subregion_overlap(&port->passing, kPrivateBase, &port->passing_wall,
                                      kWallPriority);
  aim_alias(bypass, &port->passing);
}

// Whatever is mapped holds the port.
void dismantle(DmaPort* port) {
  if (port->bypass) {
    aim_alias(port->bypass, port->passed_before.alias);
    memory_region_del_subregion(&port->passing, &port->passed_before);
    memory_region_del_subregion(&port->passing, &port->passing_wall);
  }
  memory_region_del_subregion(&port->root, &port->root_wall);
  object_unref(OBJECT(port));
}

// A device whose realization fails late goes without a word; its memory takes the wall out of
// itself.
void forget_gone() {
  std::erase_if(wall->ports, [](DmaPort* port) {
    const bool gone = !port->wall.container;
    if (gone) dismantle(port);
    return gone;
  });
}

void device_realized(DeviceListener*, DeviceState* device) {
  forget_gone();
  if (!object_dynamic_cast(OBJECT(device), TYPE_PCI_DEVICE) || find_port(PCI_DEVICE(device)))
    return;
  DmaPort* port = GATEHOUSE_DMA_PORT(object_new(TYPE_GATEHOUSE_DMA_PORT));
  port->device = PCI_DEVICE(device);
  wall->ports.push_back(port);
  Object* object = OBJECT(port);
  memory_region_init_io(&port->refusing, object, &kPortOps, port, "gatehouse-dma-refusing",
                        kPrivateOctets);
  memory_region_init_alias(&port->wall, object, "gatehouse-dma-wall", &port->refusing, 0,
                           kPrivateOctets);
  memory_region_init(&port->root, object, "gatehouse-dma", UINT64_MAX);
  memory_region_init_alias(&port->root_wall, object, "gatehouse-dma-wall", &port->refusing, 0,
                           kPrivateOctets);
  memory_region_add_subregion_overlap(&port->root, kPrivateBase, &port->root_wall, kWallPriority);
  memory_region_set_enabled(&port->wall, false);
  memory_region_add_subregion_overlap(&port->device->bus_master_container_region, kPrivateBase,
                                      &port->wall, kWallPriority);
  if (wall->complete) decide(port);
}

void device_unrealized(DeviceListener*, DeviceState* device) {
  forget_gone();
  if (!object_dynamic_cast(OBJECT(device), TYPE_PCI_DEVICE)) return;
  DmaPort* port = find_port(PCI_DEVICE(device));
  if (!port) return;
  std::erase(wall->ports, port);
  memory_region_del_subregion(port->wall.container, &port->wall);
  dismantle(port);
}

// What pci_init_bus_master made, over another root. It is an alias, which nobody holds.
void retarget(PCIDevice* device, MemoryRegion* root) {
  MemoryRegion* enable = &device->bus_master_enable_region;
  const bool enabled = enable->enabled;
  memory_region_del_subregion(&device->bus_master_container_region, enable);
  object_unparent(OBJECT(enable));
  memory_region_init_alias(enable, OBJECT(device), "bus master", root, 0, memory_region_size(root));
  memory_region_set_enabled(enable, enabled);
  memory_region_add_subregion(&device->bus_master_container_region, 0, enable);
}

const TypeInfo kPortType = {
    .name = TYPE_GATEHOUSE_DMA_PORT,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(DmaPort),
};

}  // namespace

void raise_boundary() {
  if (wall) return;
  wall = new Wall{};
  // Above whatever the guest maps there.
  memory_region_init_io(&wall->region, nullptr, &kWallOps, nullptr, "gatehouse-boundary",
                        kPrivateOctets);
  memory_region_add_subregion_overlap(get_system_memory(), kPrivateBase, &wall->region, INT_MAX);
  wall->listener.realize = device_realized;
  wall->listener.unrealize = device_unrealized;
  device_listener_register(&wall->listener);
  wall->machine_done.notify = [](Notifier*, void*) {
    const Transaction transaction;
    wall->complete = true;
    forget_gone();
    for (DmaPort* port : wall->ports) decide(port);
  };
  qemu_add_machine_init_done_notifier(&wall->machine_done);
}

void open_dma_window(PCIDevice* device, DmaWindowOwner* owner, MemoryRegion* ram, uint64_t offset,
                     uint64_t address, uint64_t octets) {
  const Transaction transaction;
  close_dma_window(device);
  DmaPort* port = find_port(device);
  if (!port) return;
  MemoryRegion* before = pci_device_iommu_address_space(device)->root;
  Object* object = OBJECT(port);
  port->owner = owner;
  memory_region_init_alias(&port->before, object, "gatehouse-dma-before", before, 0,
                           memory_region_size(before));
  memory_region_init_alias(&port->window, object, "gatehouse-dma-window", ram, offset, octets);
  memory_region_add_subregion_overlap(&port->root, 0, &port->before, 0);
  memory_region_add_subregion_overlap(&port->root, address, &port->window, kWindowPriority);
  memory_region_set_enabled(&port->wall, false);
  retarget(device, &port->root);
}

void close_dma_window(PCIDevice* device) {
  DmaPort* port = find_port(device);
  if (!port || !port->owner) return;
  const Transaction transaction;
  port->owner = nullptr;
  retarget(device, pci_device_iommu_address_space(device)->root);
  for (MemoryRegion* region : {&port->before, &port->window}) {
    memory_region_del_subregion(&port->root, region);
    object_unparent(OBJECT(region));
  }
  memory_region_set_enabled(&port->wall, port->plain);
}

// ---- Reports

BoundaryReports::BoundaryReports(std::string partition)
    : partition_(std::move(partition)),
      timer_(timer_new_ns(
          QEMU_CLOCK_VIRTUAL, [](void* self) { static_cast<BoundaryReports*>(self)->run(); },
          this)) {}

BoundaryReports::~BoundaryReports() { timer_free(timer_); }

void BoundaryReports::count(const Attempt& attempt) {
  if (model_.count(attempt, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL))) schedule();
}

void BoundaryReports::schedule() {
  if (model_.next_ns() == INT64_MAX) {
    timer_del(timer_);
  } else {
    timer_mod(timer_, model_.next_ns());
  }
}

void BoundaryReports::run() {
  static_assert(static_cast<int>(Who::kCpu) == GATEHOUSE_WHO_CPU &&
                static_cast<int>(Who::kSmm) == GATEHOUSE_WHO_SMM &&
                static_cast<int>(Who::kDevice) == GATEHOUSE_WHO_DEVICE &&
                static_cast<int>(Who::kOther) == GATEHOUSE_WHO_OTHER);
  model_.run(qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), [this](const Attempt& attempt, uint64_t count) {
    qapi_event_send_gatehouse_boundary(partition_.c_str(), static_cast<GatehouseWho>(attempt.who),
                                       attempt.who != Who::kOther, attempt.id, attempt.address,
                                       attempt.write, attempt.octets, count);
  });
  schedule();
}

nlohmann::json BoundaryReports::state() const {
  nlohmann::json rows = nlohmann::json::array();
  for (unsigned who = 0; who < partition::kWhos; ++who) {
    const partition::Boundary::Counters& counters = model_.counters(static_cast<Who>(who));
    rows.push_back({{"who", GatehouseWho_lookup.array[who]},
                    {"reads", counters.reads},
                    {"writes", counters.writes}});
  }
  return rows;
}

void BoundaryReports::archive(Archive& archive) {
  model_.archive(archive);
  if (archive.loading()) schedule();
}

}  // namespace gatehouse::qemu

static void gatehouse_boundary_register_types() {
  type_register_static(&gatehouse::qemu::kPortType);
}

type_init(gatehouse_boundary_register_types)
