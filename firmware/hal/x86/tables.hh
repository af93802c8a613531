// SPDX-License-Identifier: GPL-2.0-or-later
// The processor's tables, which all cores share: interrupt gates, segments, core data. For the
// files of this folder.
#ifndef GATEHOUSE_FIRMWARE_HAL_X86_TABLES_HH_
#define GATEHOUSE_FIRMWARE_HAL_X86_TABLES_HH_

#include <cstdint>

#include "firmware/hal/x86/cpu.hh"

namespace gatehouse::hal {

inline constexpr uint32_t kStubOctets = 32;
inline constexpr uint8_t kNoStack = 0, kFaultStack = 1;  // of TaskState::interrupt_stacks, from 1

// One store of the gate's first half and one of the second: only for a vector that does not come
// meanwhile, or whose old and new code lie within 64 KiB.
void set_gate(uint32_t vector, const uint8_t* code, uint8_t stack);
void set_exception_gates();
void set_interrupt_gates();

// index < kMaxCores
Core& core_at(unsigned index);
void start_local_apic(Core& core);

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_X86_TABLES_HH_
