/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/tb-flush.h"
#include "exec/translation-block.h"
#include "hw/boards.h"
#include "hw/core/sequestered.h"
#include "hw/cpu/cluster.h"
#include "hw/i386/apic.h"
#include "hw/i386/apic_internal.h"
#include "hw/i386/pc.h"
#include "hw/qdev-core.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "system/cpu-timers.h"
#include "system/qtest.h"
#include "system/replay.h"
#include "system/system.h"
#include "system/tcg.h"

#include "gatehouse/hw/qemu/core_x86.h"

#define TYPE_GATEHOUSE_CORE X86_CPU_TYPE_NAME("gatehouse-core")
#define TYPE_GATEHOUSE_GUEST_CLUSTER "gatehouse-guest-cluster"

/* Any number that no CPU of the guest has: its saved state is told apart by it. */
#define FIRST_APIC_ID 0x10000
#define CORES_OF_A_PARTITION 8

struct GatehouseCore {
    X86CPU parent_obj;
    struct gatehouse_core_options options;
    struct gatehouse_core_place start;
    bool starting; /* inside of gatehouse_core_start */
    bool faulted;
    uint64_t ports_refused;
};

DECLARE_INSTANCE_CHECKER(struct GatehouseCore, GATEHOUSE_CORE, TYPE_GATEHOUSE_CORE)

static ResettablePhases parent_phases;

/* ---- What the core does to its surroundings */

/* Nothing wakes it: interrupts of any kind need the global interrupt flag, INIT and SIPI come from nowhere. */
static void make_deaf(struct GatehouseCore *core)
{
    CPUX86State *env = &core->parent_obj.env;

    env->hflags2 &= ~HF2_GIF_MASK;
    env->eflags &= ~IF_MASK;
    CPU(core)->halted = 1;
}

static void core_shutdown(CPUState *cpu)
{
    struct GatehouseCore *core = GATEHOUSE_CORE(cpu);

    BQL_LOCK_GUARD();
    core->faulted = true;
    make_deaf(core);
    core->options.shutdown(core->options.owner, core->options.index, core->parent_obj.env.eip);
}

/* PAUSE would leave the core's loop and take the big lock, which those need that it waits for. */
static void core_yield(CPUState *cpu)
{
    if (icount_enabled()) {
        cpu_exit(cpu); /* its thread is that of all CPUs */
    } else {
        sched_yield();
    }
}

static void core_port_refused(CPUState *cpu, uint32_t port, bool write)
{
    if (write && port == GATEHOUSE_CORE(cpu)->options.yield_port) {
        core_yield(cpu);
        return;
    }
    qatomic_inc(&GATEHOUSE_CORE(cpu)->ports_refused);
}

static void core_deliver(CPUState *cpu, uint32_t dest, uint8_t dest_mode, uint8_t delivery_mode,
                         uint8_t vector, uint8_t shorthand)
{
    struct GatehouseCore *core = GATEHOUSE_CORE(cpu);

    core->options.deliver(core->options.owner, core->options.index, dest, dest_mode, delivery_mode,
                          vector, shorthand);
}

static const SequesteredOps core_ops = {
    .shutdown = core_shutdown,
    .port_refused = core_port_refused,
    .deliver = core_deliver,
};

/* ---- Life */

const char *gatehouse_core_refusal(uint64_t guest_end)
{
    if (!tcg_enabled() && !qtest_enabled()) {
        return "sequestered cores need -accel tcg: another accelerator would run them in the guest's memory";
    }
    if (replay_mode != REPLAY_MODE_NONE) {
        return "sequestered cores cannot be recorded or replayed (icount's rr=)";
    }
    if (!object_dynamic_cast(qdev_get_machine(), TYPE_PC_MACHINE)) {
        return "sequestered cores need -M q35 or -M pc: other machines would plug them into the guest";
    }
    if (pc_pci_hole64_start() > guest_end) {
        static char words[128];

        snprintf(words, sizeof(words),
                 "the guest's memory reaches into the cores' private addresses; give it less than %dG (-m, maxmem=)",
                 (int)(guest_end / GiB));
        return words;
    }
    return NULL;
}

struct GatehouseCore *gatehouse_core_new(const struct gatehouse_core_options *options)
{
    struct GatehouseCore *core = GATEHOUSE_CORE(object_new(TYPE_GATEHOUSE_CORE));
    CPUState *cpu = CPU(core);
    unsigned number = options->partition * CORES_OF_A_PARTITION + options->index;
    g_autofree char *name = g_strdup_printf("core[%u]", options->index);

    core->options = *options;
    cpu->sequestered = &core_ops;
    cpu->cpu_index = MACHINE(qdev_get_machine())->smp.max_cpus + number;
    core->parent_obj.apic_id = FIRST_APIC_ID + number;
    core->parent_obj.env.topo_info = (X86CPUTopoInfo) {
        .dies_per_pkg = 1,
        .modules_per_die = 1,
        .cores_per_module = 1,
        .threads_per_core = 1,
    };
    object_property_set_link(OBJECT(core), "memory", OBJECT(options->memory), &error_abort);
    object_property_add_child(options->parent, name, OBJECT(core));
    object_unref(OBJECT(core));
    return core;
}

bool gatehouse_core_realize(struct GatehouseCore *core, char **error)
{
    Error *err = NULL;

    if (qdev_realize(DEVICE(core), NULL, &err)) {
        return true;
    }
    *error = g_strdup(error_get_pretty(err));
    error_free(err);
    return false;
}

MemoryRegion *gatehouse_core_apic(struct GatehouseCore *core)
{
    return &APIC_COMMON(core->parent_obj.apic_state)->io_memory;
}

static void set_segments(CPUX86State *env, const struct gatehouse_core_place *start)
{
    const unsigned data = DESC_P_MASK | DESC_S_MASK | DESC_W_MASK | DESC_A_MASK | DESC_B_MASK | DESC_G_MASK;
    const unsigned code = DESC_P_MASK | DESC_S_MASK | DESC_CS_MASK | DESC_R_MASK | DESC_A_MASK |
                          DESC_L_MASK | DESC_G_MASK;
    static const int others[] = { R_SS, R_DS, R_ES, R_FS, R_GS };

    env->gdt.base = start->descriptors;
    env->gdt.limit = start->descriptors_limit;
    env->idt.limit = 0; /* until firmware has one, an exception is a shutdown */
    cpu_x86_load_seg_cache(env, R_CS, start->code_selector, 0, UINT32_MAX, code);
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        cpu_x86_load_seg_cache(env, others[i], start->data_selector, 0, UINT32_MAX, data);
    }
}

/* The guest's reset is not the core's: only gatehouse_core_start resets it. */
static void core_reset_hold(Object *obj, ResetType type)
{
    struct GatehouseCore *core = GATEHOUSE_CORE(obj);
    const struct gatehouse_core_place *start = &core->start;
    CPUX86State *env = &core->parent_obj.env;

    if (!core->starting) {
        return;
    }
    parent_phases.hold(obj, type);
    if (core->parent_obj.apic_state) {
        device_cold_reset(core->parent_obj.apic_state);
        /* What firmware puts in the ICR and finds in the ID register. */
        APIC_COMMON(core->parent_obj.apic_state)->id = core->options.index;
    }
    core->faulted = false;
    if (!start->entry) {
        make_deaf(core);
        return;
    }
    cpu_load_efer(env, MSR_EFER_LME | MSR_EFER_NXE);
    cpu_x86_update_cr4(env, CR4_PAE_MASK);
    cpu_x86_update_cr3(env, start->page_table);
    cpu_x86_update_cr0(env, CR0_PG_MASK | CR0_WP_MASK | CR0_NE_MASK | CR0_ET_MASK | CR0_MP_MASK | CR0_PE_MASK);
    set_segments(env, start);
    env->eip = start->entry;
    env->regs[R_ESP] = start->stack;
    env->regs[R_EDI] = core->options.index;
    CPU(core)->halted = 0;
}

static void reset_core(struct GatehouseCore *core)
{
    core->starting = true;
    cpu_reset(CPU(core));
    core->starting = false;
}

void gatehouse_core_start(struct GatehouseCore *core, const struct gatehouse_core_place *start)
{
    core->start = *start;
    reset_core(core);
    if (tcg_enabled()) {
        /* Translations of what was in its memory. */
        tb_flush(CPU(core));
    }
}

/*
 * A single CPU needs no atomic accesses, but it is not single any more. Nothing has been translated yet: partitions
 * are not hot-plugged, and a machine whose CPUs are has them from the start.
 */
static void make_atomics_real(void)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        tcg_cflags_set(cpu, CF_PARALLEL);
    }
}

static void core_realize(DeviceState *dev, Error **errp)
{
    struct GatehouseCore *core = GATEHOUSE_CORE(dev);
    DeviceClass *parent = DEVICE_CLASS(object_class_by_name(X86_CPU_TYPE_NAME("max")));
    ERRP_GUARD();

    if (!CPU(core)->sequestered) {
        error_setg(errp, "a gatehouse-core is a part of -device gatehouse-partition");
        return;
    }
    core->starting = true; /* realize resets a CPU before it runs */
    parent->realize(dev, errp);
    core->starting = false;
    if (!*errp && tcg_enabled() && qemu_tcg_mttcg_enabled()) {
        make_atomics_real();
    }
}

/* ---- Interrupts and state */

void gatehouse_core_interrupt(struct GatehouseCore *core, uint8_t vector)
{
    if (!core->faulted) {
        apic_inject(core->parent_obj.apic_state, vector);
    }
}

void gatehouse_core_nmi(struct GatehouseCore *core)
{
    if (!core->faulted) {
        cpu_interrupt(CPU(core), CPU_INTERRUPT_NMI);
    }
}

bool gatehouse_core_is_meant(const struct GatehouseCore *core, uint32_t destination, bool logical)
{
    DeviceState *apic = core->parent_obj.apic_state;
    const bool x2apic = is_x2apic_mode(apic);

    if (logical) {
        return !x2apic && (APIC_COMMON(apic)->log_dest & destination);
    }
    if (destination == (x2apic ? UINT32_MAX : UINT8_MAX)) {
        return true;
    }
    return destination == (x2apic ? core->parent_obj.apic_id : core->options.index);
}

int gatehouse_core_cpu_index(const struct GatehouseCore *core)
{
    return core->parent_obj.parent_obj.cpu_index;
}

enum gatehouse_core_state gatehouse_core_state(const struct GatehouseCore *core)
{
    if (core->faulted) {
        return GATEHOUSE_CORE_FAULTED;
    }
    return core->parent_obj.parent_obj.halted ? GATEHOUSE_CORE_HALTED : GATEHOUSE_CORE_RUNNING;
}

struct gatehouse_core_saved gatehouse_core_save(const struct GatehouseCore *core)
{
    return (struct gatehouse_core_saved) {
        .faulted = core->faulted,
        .ports_refused = qatomic_read(&core->ports_refused),
    };
}

void gatehouse_core_load(struct GatehouseCore *core, const struct gatehouse_core_saved *saved)
{
    core->faulted = saved->faulted;
    qatomic_set(&core->ports_refused, saved->ports_refused);
}

int gatehouse_core_current(const void *owner)
{
    if (!current_cpu || current_cpu->sequestered != &core_ops) {
        return -1;
    }
    struct GatehouseCore *core = GATEHOUSE_CORE(current_cpu);
    return core->options.owner == owner ? (int)core->options.index : -1;
}

/* ---- gdb's view */

/* QEMU's own asserts that it has CPUs below it; the guest's stay where the machine made them. */
static void guest_cluster_realize(DeviceState *dev, Error **errp)
{
}

static void join_guest_cluster(DeviceListener *listener, DeviceState *dev)
{
    CPUState *cpu = (CPUState *)object_dynamic_cast(OBJECT(dev), TYPE_CPU);

    if (cpu && !cpu->sequestered && cpu->cluster_index == UNASSIGNED_CLUSTER_INDEX) {
        cpu->cluster_index = 0;
    }
}

void gatehouse_core_cluster_guest(void)
{
    static DeviceListener listener = { .realize = join_guest_cluster };
    static bool done;
    CPUState *cpu;

    if (done) {
        return;
    }
    done = true;
    Object *cluster = object_new(TYPE_GATEHOUSE_GUEST_CLUSTER);
    object_property_add_child(qdev_get_machine(), "gatehouse-guest-cluster", cluster);
    qdev_realize(DEVICE(cluster), NULL, &error_abort);
    object_unref(cluster);
    CPU_FOREACH(cpu) {
        join_guest_cluster(&listener, DEVICE(cpu));
    }
    device_listener_register(&listener);
}

/* ---- Types */

static void core_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);

    dc->desc = "a core of a gatehouse-partition";
    X86_CPU_CLASS(oc)->model_description = "A core of a gatehouse-partition, not for guests";
    dc->user_creatable = false;
    dc->hotpluggable = false;
    dc->realize = core_realize;
    resettable_class_set_parent_phases(RESETTABLE_CLASS(oc), NULL, core_reset_hold, NULL, &parent_phases);
}

static void guest_cluster_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);

    dc->user_creatable = false;
    dc->realize = guest_cluster_realize;
}

static const TypeInfo types[] = {
    {
        .name = TYPE_GATEHOUSE_CORE,
        .parent = X86_CPU_TYPE_NAME("max"),
        .instance_size = sizeof(struct GatehouseCore),
        .class_init = core_class_init,
    },
    {
        .name = TYPE_GATEHOUSE_GUEST_CLUSTER,
        .parent = TYPE_CPU_CLUSTER,
        .class_init = guest_cluster_class_init,
    },
};

DEFINE_TYPES(types)
