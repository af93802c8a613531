// SPDX-License-Identifier: GPL-2.0-or-later
// The core that runs: its data, and the instructions that have no C++ name.
#ifndef GATEHOUSE_FIRMWARE_HAL_X86_CPU_HH_
#define GATEHOUSE_FIRMWARE_HAL_X86_CPU_HH_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "hw/spec/partition.hh"

namespace gatehouse::hal {

inline constexpr unsigned kVectors = 256;
inline constexpr size_t kFaultStackOctets = 4096;

// A 64-bit task state segment (SDM volume 3, 8.7). Stack 1 is that of exceptions.
struct [[gnu::packed]] TaskState {
  uint32_t reserved0;
  uint64_t stacks[3];
  uint64_t reserved1;
  uint64_t interrupt_stacks[7];
  uint64_t reserved2;
  uint16_t reserved3;
  uint16_t io_map;
};
static_assert(sizeof(TaskState) == 104);

// One for each core; GS points at it.
struct alignas(64) Core {
  Core* self;
  uint32_t index;
  uint32_t apic_id;
  // What its interrupts leave behind (interrupts.hh).
  volatile uint8_t noted_any;
  volatile uint8_t noted[kVectors];
  std::atomic<uint32_t> started;
  TaskState task_state;
  alignas(16) uint8_t fault_stack[kFaultStackOctets];
};

inline Core& this_core() {
  Core* core;
  asm("mov %%gs:0, %0" : "=r"(core));
  return *core;
}

// How many cores the partition has. Each is in firmware_main(), or on its way.
unsigned cores();
// Waits until all of them can take interrupts.
void wait_for_cores();

[[noreturn]] inline void halt_for_good() {
  for (;;) asm volatile("cli; hlt" ::: "memory");
}

// The core as a Poller needs it.
struct Cpu {
  static uint64_t ticks() { return __builtin_ia32_rdtsc(); }
  // Between two looks while it polls: another thread of the host's may run.
  static void relax() { asm volatile("outb %%al, %0" : : "N"(partition::kYieldPort) : "memory"); }
  static void interrupts_off() { asm volatile("cli" ::: "memory"); }
  static void interrupts_on() { asm volatile("sti" ::: "memory"); }
  // An interrupt that waits is taken after the halt has begun: none is slept through.
  static void halt() { asm volatile("sti; hlt" ::: "memory"); }
};

}  // namespace gatehouse::hal

// What a firmware is: called on every core, interrupts on. A core that returns halts for good.
void firmware_main(gatehouse::hal::Core& core);

#endif  // GATEHOUSE_FIRMWARE_HAL_X86_CPU_HH_
