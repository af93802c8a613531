// SPDX-License-Identifier: GPL-2.0-or-later
// From the entry to firmware_main(). Every core comes this way; core 0 makes the tables first.
#include <array>
#include <atomic>

#include "firmware/hal/partition.hh"
#include "firmware/hal/x86/tables.hh"

namespace gatehouse::hal {
namespace {

// ---- Segments and gates: SDM volume 3, 3.4.5, 7.14 and 8.2.3

constexpr uint16_t kCodeSelector = 8, kDataSelector = 16, kFirstTaskSelector = 24;
constexpr uint64_t kCode = 0x00af'9b00'0000'ffff, kData = 0x00cf'9300'0000'ffff;
constexpr uint64_t kTaskPresent = 0x0000'8900'0000'0000;
constexpr uint64_t kGatePresent = 0x8e00;
constexpr uint32_t kGsBaseMsr = 0xc000'0101;

struct [[gnu::packed]] TableRegister {
  uint16_t limit;
  uint64_t base;
};

// The least significant half first.
struct alignas(16) Descriptor {
  uint64_t low, high;
};

constinit std::array<uint64_t, 3 + 2 * partition::kMaxCores> segments{0, kCode, kData};
constinit std::array<Descriptor, kVectors> gates{};
constinit std::array<Core, partition::kMaxCores> core_data{};
constinit std::atomic<uint32_t> tables_made{0};

void set_task(unsigned index) {
  TaskState& task = core_data[index].task_state;
  task.interrupt_stacks[kFaultStack - 1] =
      reinterpret_cast<uint64_t>(core_data[index].fault_stack + kFaultStackOctets);
  task.io_map = sizeof task;
  const uint64_t base = reinterpret_cast<uint64_t>(&task);
  uint64_t* const at = &segments[3 + 2 * index];
  at[0] = kTaskPresent | (sizeof task - 1) | (base & 0xff'ffff) << 16 | (base >> 24 & 0xff) << 56;
  at[1] = base >> 32;
}

void make_tables() {
  for (unsigned index = 0; index < partition::kMaxCores; ++index) set_task(index);
  set_exception_gates();
  set_interrupt_gates();
  tables_made.store(1, std::memory_order_release);
}

template <class Table>
TableRegister table_register(const Table& table) {
  return {static_cast<uint16_t>(sizeof table - 1), reinterpret_cast<uint64_t>(table.data())};
}

void load_tables(Core& core) {
  const TableRegister gdt = table_register(segments), idt = table_register(gates);
  const uint16_t task = static_cast<uint16_t>(kFirstTaskSelector + 16 * core.index);
  asm volatile(
      "lgdt %0\n"
      "lidt %1\n"
      "mov %w2, %%ds\n"
      "mov %w2, %%es\n"
      "mov %w2, %%ss\n"
      "mov %w3, %%fs\n"
      "mov %w3, %%gs\n"
      "pushq %q4\n"
      "lea 1f(%%rip), %%rax\n"
      "push %%rax\n"
      "lretq\n"
      "1: ltr %w5\n"
      :
      : "m"(gdt), "m"(idt), "r"(uint32_t{kDataSelector}), "r"(0), "r"(uint64_t{kCodeSelector}),
        "r"(uint32_t{task})
      : "rax", "memory");
  const uint64_t base = reinterpret_cast<uint64_t>(&core);
  asm volatile("wrmsr"
               :
               : "c"(kGsBaseMsr), "a"(static_cast<uint32_t>(base)),
                 "d"(static_cast<uint32_t>(base >> 32)));
}

}  // namespace

void set_gate(uint32_t vector, const uint8_t* code, uint8_t stack) {
  const uint64_t at = reinterpret_cast<uint64_t>(code);
  gates[vector].high = at >> 32;
  gates[vector].low = (at & 0xffff) | uint64_t{kCodeSelector} << 16 | uint64_t{stack} << 32 |
                      kGatePresent << 32 | (at >> 16 & 0xffff) << 48;
}

Core& core_at(unsigned index) { return core_data[index]; }

unsigned cores() {
  static constinit std::atomic<uint32_t> count{0};
  uint32_t value = count.load(std::memory_order_relaxed);
  if (value == 0) {
    value = kControlBlock.read(reg::CORES);
    count.store(value, std::memory_order_relaxed);
  }
  return value;
}

void wait_for_cores() {
  for (unsigned index = 0; index < cores(); ++index) {
    while (core_data[index].started.load(std::memory_order_acquire) == 0) Cpu::relax();
  }
}

extern "C" {

// rdi: the core's index. Code that the compiler makes may use SSE2 at once, and AVX2 where it says
// so: both are switched on first.
[[gnu::naked, gnu::used, noreturn, gnu::section(".text.entry")]] void start() {
  asm volatile(
      "cld\n"
      "xor %ebp, %ebp\n"
      "and $-16, %rsp\n"
      "mov %rdi, %r12\n"
      "mov %cr0, %rax\n"
      "and $~0xc, %rax\n"  // EM, TS
      "or $0x2, %rax\n"    // MP
      "mov %rax, %cr0\n"
      "mov %cr4, %rax\n"
      "or $0x600, %rax\n"  // OSFXSR, OSXMMEXCPT
      "mov %rax, %cr4\n"
      "mov $1, %eax\n"
      "cpuid\n"
      "and $0x14000000, %ecx\n"  // XSAVE, AVX
      "cmp $0x14000000, %ecx\n"
      "jne 1f\n"
      "mov %cr4, %rax\n"
      "or $0x40000, %rax\n"  // OSXSAVE
      "mov %rax, %cr4\n"
      "xor %ecx, %ecx\n"
      "xor %edx, %edx\n"
      "mov $7, %eax\n"  // x87, SSE, AVX
      "xsetbv\n"
      "1: mov %r12, %rdi\n"
      "call start_core\n");
}

[[noreturn, gnu::used]] void start_core(uint64_t index) {
  if (index >= partition::kMaxCores) halt_for_good();
  Core& core = core_data[index];
  core.self = &core;
  core.index = static_cast<uint32_t>(index);
  if (index == 0) {
    make_tables();
  } else {
    while (tables_made.load(std::memory_order_acquire) == 0) Cpu::relax();
  }
  load_tables(core);
  start_local_apic(core);
  core.started.store(1, std::memory_order_release);
  Cpu::interrupts_on();
  firmware_main(core);
  halt_for_good();
}

}  // extern "C"

}  // namespace gatehouse::hal
