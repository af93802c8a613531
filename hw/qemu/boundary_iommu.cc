// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/boundary_iommu.hh"

#include <array>

#include "hw/partition/boundary.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::qemu {
namespace {

using partition::kPrivateBase;
using partition::kPrivateEnd;

// A machine has one kind of IOMMU; nothing is taken back, so that threads without the big lock may
// read.
struct Watched {
  IOMMUMemoryRegionClass* type;
  decltype(IOMMUMemoryRegionClass::translate) translate;
};
std::array<Watched, 4> watched;

// Accesses follow their translation on the same thread.
thread_local struct {
  IOMMUMemoryRegion* by;
  uint64_t address;
} last;

IOMMUTLBEntry translate(IOMMUMemoryRegion* by, hwaddr address, IOMMUAccessFlags access, int index) {
  const IOMMUMemoryRegionClass* type = memory_region_get_iommu_class_nocheck(by);
  const Watched* original = watched.data();
  while (original->type != type) ++original;
  const IOMMUTLBEntry entry = original->translate(by, address, access, index);
  const uint64_t to = (entry.translated_addr & ~entry.addr_mask) | (address & entry.addr_mask);
  if (to >= kPrivateBase && to < kPrivateEnd) last = {by, to};
  return entry;
}

}  // namespace

void watch_translations(MemoryRegion* root) {
  MemoryRegion* child;
  QTAILQ_FOREACH(child, &root->subregions, subregions_link) {
    if (!child->is_iommu) continue;
    IOMMUMemoryRegionClass* type =
        memory_region_get_iommu_class_nocheck(reinterpret_cast<IOMMUMemoryRegion*>(child));
    if (type->translate == translate) continue;
    for (Watched& place : watched) {
      if (place.type) continue;
      place = {type, type->translate};
      qatomic_store_release(&type->translate, &translate);
      break;
    }
  }
}

const MemoryRegion* take_translation(uint64_t address, uint32_t octets) {
  if (!last.by || last.address != address) {
    last = {};
    return nullptr;
  }
  last.address += octets;
  return last.by->parent_obj.container;
}

MemoryRegion* find_bypass(MemoryRegion* root) {
  MemoryRegion* child;
  QTAILQ_FOREACH(child, &root->subregions, subregions_link) {
    if (child->alias && child->addr == 0 && child->alias_offset == 0 &&
        int128_ge(child->size, int128_make64(kPrivateEnd)))
      return child;
  }
  return nullptr;
}

void aim_alias(MemoryRegion* alias, MemoryRegion* at) {
  MemoryRegion* container = alias->container;
  memory_region_transaction_begin();
  // Mapping counts what an alias shows.
  memory_region_del_subregion(container, alias);
  alias->alias = at;
  memory_region_add_subregion_overlap(container, alias->addr, alias, alias->priority);
  memory_region_transaction_commit();
}

}  // namespace gatehouse::qemu
