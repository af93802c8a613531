// SPDX-License-Identifier: GPL-2.0-or-later
// Behind an IOMMU a device's DMA comes to the wall through the guest's memory, where nobody can
// tell devices apart. Here is what names them all the same.
#ifndef GATEHOUSE_HW_QEMU_BOUNDARY_IOMMU_HH_
#define GATEHOUSE_HW_QEMU_BOUNDARY_IOMMU_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/memory.h"
#include "hw/qemu/qemu-end.hh"

#include <cstdint>

namespace gatehouse::qemu {

// From now on translations into private addresses by the IOMMU regions right below `root` are
// remembered. `root`: of the address space that an IOMMU gives to a device.
void watch_translations(MemoryRegion* root);

// The root under which this thread has just translated to `address`, and nothing since; nullptr:
// none. The `octets` there are accessed now: the next ones belong to the same translation.
const MemoryRegion* take_translation(uint64_t address, uint32_t octets);

// The alias right below `root` through which DMA goes that is not translated; nullptr: none.
MemoryRegion* find_bypass(MemoryRegion* root);

// An alias that is mapped somewhere shows another region from now on.
void aim_alias(MemoryRegion* alias, MemoryRegion* at);

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_BOUNDARY_IOMMU_HH_
