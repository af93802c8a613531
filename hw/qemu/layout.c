/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "exec/memory.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-core.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"
#include "net/net.h"
#include "qemu/timer.h"

#include "hw/qemu/layout.h"

const size_t gatehouse_layout_in_c[] = {
    GATEHOUSE_LAYOUT(GATEHOUSE_LAYOUT_SIZE, GATEHOUSE_LAYOUT_OFFSET)
};
const size_t gatehouse_layout_in_c_rows = ARRAY_SIZE(gatehouse_layout_in_c);
