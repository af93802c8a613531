/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "chardev/char-fe.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "net/net.h"
#include "hw/qemu/layout.h"

/* Only a function's asm takes operands; this one is never called. */
void gatehouse_layout_of_c(void);
void gatehouse_layout_of_c(void)
{
#define DEFINE(name, value) \
    asm(".globl gatehouse_" name "_%c0\n\t.set gatehouse_" name "_%c0, 0" : : "i"(value));
#define SIZE(type) DEFINE("sizeof_" #type, sizeof(type))
#define OFFSET(type, member) DEFINE("offsetof_" #type "_" #member, offsetof(type, member))
    GATEHOUSE_LAYOUT(SIZE, OFFSET)
}
