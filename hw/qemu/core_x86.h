/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sequestered core: QEMU's x86 CPU, for hw/qemu's C++. X86CPU has another layout in C++, so everything that touches
 * one is in core_x86.c. Functions are called under the big lock.
 */
#ifndef GATEHOUSE_HW_QEMU_CORE_X86_H
#define GATEHOUSE_HW_QEMU_CORE_X86_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct MemoryRegion;
struct Object;
struct GatehouseCore;

struct gatehouse_core_options {
    struct Object *parent;       /* a CPU cluster that is not realized yet */
    struct MemoryRegion *memory; /* what the core sees */
    unsigned partition;          /* with index, what tells cores apart in saved state */
    unsigned index;
    uint16_t yield_port;
    void *owner; /* what the calls get; both on the core's thread, with the big lock */
    /* Its shutdown (triple fault): it runs nothing until it is started anew. */
    void (*shutdown)(void *owner, unsigned index, uint64_t instruction);
    /* Its local APIC sends an interprocessor interrupt; numbers as in the ICR. */
    void (*deliver)(void *owner, unsigned index, uint32_t destination, bool logical, uint8_t mode,
                    uint8_t vector, uint8_t shorthand);
};

/* Where a core starts in 64-bit mode: addresses in its memory. */
struct gatehouse_core_place {
    uint64_t page_table;
    uint64_t descriptors; /* GDT */
    uint16_t descriptors_limit;
    uint16_t code_selector;
    uint16_t data_selector;
    uint64_t entry;
    uint64_t stack;
};

enum gatehouse_core_state { GATEHOUSE_CORE_RUNNING, GATEHOUSE_CORE_HALTED, GATEHOUSE_CORE_FAULTED };

/* What its CPU's own saved state does not have. */
struct gatehouse_core_saved {
    bool faulted;
    uint64_t ports_refused; /* accesses to I/O ports, which reach none */
};

/* Why there can be no core here, beside a guest whose memory ends at guest_end, in words; null: there can. */
const char *gatehouse_core_refusal(uint64_t guest_end);
struct GatehouseCore *gatehouse_core_new(const struct gatehouse_core_options *options);
/* False, and *error (to be freed by g_free) set. The core is halted until it is started. */
bool gatehouse_core_realize(struct GatehouseCore *core, char **error);
/* The page of its APIC's registers, for the memory of its partition: that of whichever core accesses it. */
struct MemoryRegion *gatehouse_core_apic(struct GatehouseCore *core);
/* Resets the core and starts it. While the VM is stopped, or for a reset. */
void gatehouse_core_start(struct GatehouseCore *core, const struct gatehouse_core_place *start);
void gatehouse_core_interrupt(struct GatehouseCore *core, uint8_t vector);
void gatehouse_core_nmi(struct GatehouseCore *core);
/* Does an interrupt's destination name it? By its index or all ones; logical: flat model. */
bool gatehouse_core_is_meant(const struct GatehouseCore *core, uint32_t destination, bool logical);
/* Its number among all CPUs, as query-cpus-fast has it. */
int gatehouse_core_cpu_index(const struct GatehouseCore *core);
enum gatehouse_core_state gatehouse_core_state(const struct GatehouseCore *core);
struct gatehouse_core_saved gatehouse_core_save(const struct GatehouseCore *core);
void gatehouse_core_load(struct GatehouseCore *core, const struct gatehouse_core_saved *saved);
/* The core of this owner whose thread calls; -1: none of them. */
int gatehouse_core_current(const void *owner);
/* The guest's CPUs, present and plugged later, become cluster 0, gdb's first inferior. */
void gatehouse_core_cluster_guest(void);

#ifdef __cplusplus
}
#endif

#endif
