// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "chardev/char-fe.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "net/net.h"
#include "hw/qemu/qemu-end.hh"

#include "hw/qemu/layout.h"

// Never called; kept by the linker because the whole object is linked in.
extern "C" void gatehouse_layout_of_cxx() {
#define REFER(name, value)                                                                       \
  asm(".pushsection .note.gatehouse, \"\", @note\n\t.quad gatehouse_" name "_%c0\n\t.popsection" \
      :                                                                                          \
      : "i"(value));
#define SIZE(type) REFER("sizeof_" #type, sizeof(type))
#define OFFSET(type, member) REFER("offsetof_" #type "_" #member, offsetof(type, member))
  GATEHOUSE_LAYOUT(SIZE, OFFSET)
}
