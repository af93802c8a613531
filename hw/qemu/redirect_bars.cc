// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/redirect_bars.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/pci/pci.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/core/base/bytes.hh"
#include "hw/qemu/partition_host.hh"

namespace gatehouse::qemu {
namespace {

// Between two BARs in RedirectRegions::reals: more than any BAR has.
constexpr uint64_t kRealSpan = uint64_t{1} << 60;

// One step for those who look at the memory map.
struct Transaction {
  Transaction() { memory_region_transaction_begin(); }
  ~Transaction() { memory_region_transaction_commit(); }
};

// For a container or an alias that holds no reference any more.
void destroy(MemoryRegion* region) { object_unparent(OBJECT(region)); }

}  // namespace

RedirectBars::RedirectBars(GatehouseRedirectState* owner, const MemoryRegionOps* operations,
                           void* unit)
    : regions_(owner->regions), owner_(OBJECT(owner)) {
  memory_region_init(&regions_.reals, owner_, "gatehouse-redirect-reals", UINT64_MAX);
  address_space_init(&regions_.real_space, &regions_.reals, "gatehouse-redirect");
  for (unsigned bar = 0; bar < partition::kBars; ++bar) {
    bars_[bar] = {unit, bar};
    memory_region_init_io(&regions_.bars[bar].redirected, owner_, operations, &bars_[bar],
                          "gatehouse-redirected", UINT64_MAX);
  }
}

RedirectBars::~RedirectBars() {
  if (root_) {
    for (RedirectBar& region : regions_.bars) memory_region_del_subregion(root_, &region.window);
  }
  address_space_destroy(&regions_.real_space);
}

void RedirectBars::show(MemoryRegion* root, uint64_t window) {
  const Transaction transaction;
  root_ = root;
  for (unsigned bar = 0; bar < partition::kBars; ++bar) {
    MemoryRegion* region = &regions_.bars[bar].window;
    memory_region_init_alias(region, owner_, "gatehouse-redirect-window", &regions_.reals,
                             bar * kRealSpan, partition::kBarWindow);
    memory_region_add_subregion_overlap(root_, window + bar * partition::kBarWindow, region,
                                        PartitionHost::kWindowPriority);
  }
}

Status RedirectBars::attach(PCIDevice* device) {
  const Transaction transaction;
  device_ = device;
  for (unsigned bar = 0; bar < partition::kBars; ++bar) {
    const Status status = replace(bar);
    if (status.ok()) continue;
    detach();
    return status;
  }
  return {};
}

Status RedirectBars::replace(unsigned bar) {
  PCIIORegion& place = device_->io_regions[bar];
  if (!place.size) return {};
  RedirectBar& region = regions_.bars[bar];
  const bool mapped = place.addr != PCI_BAR_UNMAPPED;
  if (mapped) memory_region_del_subregion(place.address_space, place.memory);
  if (place.memory->container) {
    if (mapped)
      memory_region_add_subregion_overlap(place.address_space, place.addr, place.memory, 1);
    return Status::error("its BAR " + std::to_string(bar) +
                         " lies in another memory region and cannot be redirected");
  }
  own_[bar] = place.memory;
  memory_region_init(&region.container, owner_, "gatehouse-redirect-bar", place.size);
  memory_region_add_subregion(&region.container, 0, own_[bar]);
  memory_region_init_alias(&region.real, owner_, "gatehouse-redirect-real", own_[bar], 0,
                           place.size);
  memory_region_add_subregion(&regions_.reals, bar * kRealSpan, &region.real);
  place.memory = &region.container;
  // As pci_update_mappings does.
  if (mapped) memory_region_add_subregion_overlap(place.address_space, place.addr, place.memory, 1);
  return {};
}

void RedirectBars::detach() {
  const Transaction transaction;
  install({});
  for (unsigned bar = 0; bar < partition::kBars; ++bar) {
    if (own_[bar]) restore(bar);
  }
  device_ = nullptr;
}

void RedirectBars::restore(unsigned bar) {
  PCIIORegion& place = device_->io_regions[bar];
  RedirectBar& region = regions_.bars[bar];
  const bool mapped = place.addr != PCI_BAR_UNMAPPED;
  if (mapped) memory_region_del_subregion(place.address_space, place.memory);
  memory_region_del_subregion(&regions_.reals, &region.real);
  memory_region_del_subregion(&region.container, own_[bar]);
  place.memory = own_[bar];
  own_[bar] = nullptr;
  if (mapped) memory_region_add_subregion_overlap(place.address_space, place.addr, place.memory, 1);
  destroy(&region.real);
  destroy(&region.container);
}

uint64_t RedirectBars::bar_octets(unsigned bar) {
  return own_[bar] ? static_cast<uint64_t>(device_->io_regions[bar].size) : 0;
}

uint64_t RedirectBars::read(unsigned bar, uint64_t offset, unsigned octets) {
  uint8_t value[8] = {};
  address_space_read(&regions_.real_space, bar * kRealSpan + offset, MEMTXATTRS_UNSPECIFIED, value,
                     octets);
  return load_le<uint64_t>(value);
}

void RedirectBars::write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) {
  uint8_t from[8];
  store_le<uint64_t>(from, value);
  address_space_write(&regions_.real_space, bar * kRealSpan + offset, MEMTXATTRS_UNSPECIFIED, from,
                      octets);
}

void RedirectBars::install(std::span<const partition::BarRange> ranges) {
  // A new memory map costs every CPU its translations: not for a table whose modes changed.
  if (std::equal(ranges.begin(), ranges.end(), installed_.begin(), installed_.begin() + count_))
    return;
  const Transaction transaction;
  for (unsigned i = 0; i < count_; ++i) {
    memory_region_del_subregion(&regions_.bars[installed_[i].bar].container, &regions_.overlays[i]);
    destroy(&regions_.overlays[i]);
  }
  count_ = static_cast<unsigned>(ranges.size());
  for (unsigned i = 0; i < count_; ++i) {
    const partition::BarRange& range = ranges[i];
    RedirectBar& region = regions_.bars[range.bar];
    installed_[i] = range;
    memory_region_init_alias(&regions_.overlays[i], owner_, "gatehouse-redirect-overlay",
                             &region.redirected, range.offset, range.length);
    memory_region_add_subregion_overlap(&region.container, range.offset, &regions_.overlays[i], 1);
  }
}

}  // namespace gatehouse::qemu
