// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/layout.hh"

#include "hw/qemu/qemu-begin.hh"
#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-core.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"
#include "net/net.h"
#include "qemu/timer.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/layout.h"

namespace gatehouse::qemu {

namespace {

constexpr size_t kLayout[] = {GATEHOUSE_LAYOUT(GATEHOUSE_LAYOUT_SIZE, GATEHOUSE_LAYOUT_OFFSET)};

#define GATEHOUSE_LAYOUT_SIZE_NAME(type) "size of " #type,
#define GATEHOUSE_LAYOUT_OFFSET_NAME(type, member) "offset of " #type "." #member,
constexpr const char* kNames[] = {GATEHOUSE_LAYOUT(GATEHOUSE_LAYOUT_SIZE_NAME, GATEHOUSE_LAYOUT_OFFSET_NAME)};

}  // namespace

const char* layout_difference() {
  if (gatehouse_layout_in_c_rows != std::size(kLayout)) return "number of rows";
  for (size_t i = 0; i < std::size(kLayout); ++i) {
    if (kLayout[i] != gatehouse_layout_in_c[i]) return kNames[i];
  }
  return nullptr;
}

}  // namespace gatehouse::qemu
