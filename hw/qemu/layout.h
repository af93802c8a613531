/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU structures that C and C++ must see alike. GNU C gives an empty struct 0 bytes, C++ gives it 1, so that a
 * structure which holds one has two layouts, silently. layout.c defines a symbol for each row whose name carries the
 * number that C computes; layout.cc refers to the symbol with the number of C++. A difference is an undefined
 * reference when QEMU is linked, and its name says which row. No code and no byte of it runs.
 */
#ifndef GATEHOUSE_HW_QEMU_LAYOUT_H_
#define GATEHOUSE_HW_QEMU_LAYOUT_H_

/* SIZE(type) OFFSET(type, member): what hw/qemu embeds or reads. */
#define GATEHOUSE_LAYOUT(SIZE, OFFSET)  \
    SIZE(Object)                        \
    SIZE(ObjectClass)                   \
    SIZE(DeviceState)                   \
    OFFSET(DeviceState, id)             \
    OFFSET(DeviceState, mem_reentrancy_guard) \
    SIZE(DeviceClass)                   \
    OFFSET(DeviceClass, vmsd)           \
    SIZE(PCIDevice)                     \
    OFFSET(PCIDevice, config)           \
    OFFSET(PCIDevice, io_regions)       \
    OFFSET(PCIDevice, msix_entries_nr)  \
    OFFSET(PCIDevice, exp)              \
    SIZE(PCIDeviceClass)                \
    OFFSET(PCIDeviceClass, device_id)   \
    SIZE(MemoryRegion)                  \
    OFFSET(MemoryRegion, ops)           \
    OFFSET(MemoryRegion, ram_block)     \
    SIZE(MemoryRegionOps)               \
    SIZE(AddressSpace)                  \
    SIZE(NICConf)                       \
    SIZE(NICState)                      \
    SIZE(NetClientState)                \
    OFFSET(NetClientState, vnet_hdr_len)     \
    SIZE(NetClientInfo)                 \
    SIZE(CharBackend)                   \
    SIZE(Property)                      \
    SIZE(VMStateField)                  \
    SIZE(VMStateDescription)            \
    SIZE(QEMUTimer)

#endif
