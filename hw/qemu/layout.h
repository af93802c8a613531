/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's structs that C++ code of ours shares with C code. GNU C gives an empty struct 0 octets, C++ gives it 1: a struct that
 * has one inside moves without a word from the compiler. layout.c and layout.cc measure the rows here, and the card's class
 * refuses to exist when they differ.
 */
#ifndef GATEHOUSE_HW_QEMU_LAYOUT_H_
#define GATEHOUSE_HW_QEMU_LAYOUT_H_

#include <stddef.h>

/* SIZE(type), OFFSET(type, member) */
#define GATEHOUSE_LAYOUT(SIZE, OFFSET)        \
    SIZE(Object)                              \
    SIZE(ObjectClass)                         \
    SIZE(TypeInfo)                            \
    SIZE(InterfaceInfo)                       \
    SIZE(DeviceState)                         \
    OFFSET(DeviceState, id)                   \
    OFFSET(DeviceState, mem_reentrancy_guard) \
    SIZE(DeviceClass)                         \
    OFFSET(DeviceClass, realize)              \
    OFFSET(DeviceClass, vmsd)                 \
    OFFSET(DeviceClass, hotpluggable)         \
    SIZE(ResettableClass)                     \
    OFFSET(ResettableClass, phases)           \
    SIZE(Property)                            \
    OFFSET(Property, link_type)               \
    OFFSET(Property, defval)                  \
    SIZE(PCIDevice)                           \
    OFFSET(PCIDevice, config)                 \
    OFFSET(PCIDevice, bus_master_as)          \
    OFFSET(PCIDevice, exp)                    \
    OFFSET(PCIDevice, pm_cap)                 \
    SIZE(PCIDeviceClass)                      \
    OFFSET(PCIDeviceClass, config_write)      \
    OFFSET(PCIDeviceClass, romfile)           \
    SIZE(MemoryRegion)                        \
    SIZE(MemoryRegionOps)                     \
    OFFSET(MemoryRegionOps, valid)            \
    OFFSET(MemoryRegionOps, impl)             \
    SIZE(MemTxAttrs)                          \
    SIZE(AddressSpace)                        \
    SIZE(NICConf)                             \
    OFFSET(NICConf, macaddr)                  \
    OFFSET(NICConf, bootindex)                \
    SIZE(NICState)                            \
    OFFSET(NICState, peer_deleted)            \
    SIZE(NetClientInfo)                       \
    OFFSET(NetClientInfo, link_status_changed) \
    SIZE(NetClientState)                      \
    OFFSET(NetClientState, link_down)         \
    OFFSET(NetClientState, peer)              \
    SIZE(VMStateField)                        \
    OFFSET(VMStateField, info)                \
    OFFSET(VMStateField, vmsd)                \
    SIZE(VMStateDescription)                  \
    OFFSET(VMStateDescription, post_load)     \
    OFFSET(VMStateDescription, fields)        \
    SIZE(VMStateInfo)                         \
    SIZE(QEMUTimer)

#define GATEHOUSE_LAYOUT_SIZE(type) sizeof(type),
#define GATEHOUSE_LAYOUT_OFFSET(type, member) offsetof(type, member),

#ifdef __cplusplus
extern "C" {
#endif

extern const size_t gatehouse_layout_in_c[];
extern const size_t gatehouse_layout_in_c_rows;

#ifdef __cplusplus
}
#endif

#endif /* GATEHOUSE_HW_QEMU_LAYOUT_H_ */
