// SPDX-License-Identifier: GPL-2.0-or-later
// The core's local APIC: SDM volume 3, chapter 11. Each access costs the host's big lock.
#ifndef GATEHOUSE_FIRMWARE_HAL_X86_LOCAL_APIC_HH_
#define GATEHOUSE_FIRMWARE_HAL_X86_LOCAL_APIC_HH_

#include <cstdint>

#include "firmware/hal/view.hh"

namespace gatehouse::hal {

inline constexpr uint32_t kLocalApic = 0xfee0'0000;

// X(name, offset, mode, text)
#define GATEHOUSE_LOCAL_APIC_REGISTERS(X)                                            \
  X(ID, 0x020, kRo, "bits 31:24: where an interprocessor interrupt finds this core") \
  X(TPR, 0x080, kRw, "vectors of this class (bits 7:4) and below wait")              \
  X(EOI, 0x0b0, kWo, "the interrupt is served")                                      \
  X(SPURIOUS, 0x0f0, kRw, "bit 8: on; vector of interrupts that went away")          \
  X(ICR_LOW, 0x300, kRw, "vector, mode; a write sends")                              \
  X(ICR_HIGH, 0x310, kRw, "bits 31:24: whom to")                                     \
  X(TIMER, 0x320, kRw, "vector; bit 16: masked; bit 17: again and again")            \
  X(TIMER_START, 0x380, kRw, "ticks until the timer's interrupt; 0: none")           \
  X(TIMER_LEFT, 0x390, kRo, "ticks that are left")                                   \
  X(TIMER_DIVIDE, 0x3e0, kRw, "nanoseconds of the virtual clock per tick, as a code")

namespace local_apic {
#define GATEHOUSE_HAL_LOCAL_APIC(name, offset, mode, text)              \
  inline constexpr Register<offset, 4, partition::Access::mode> name{}; \
  inline constexpr uint32_t k##name = offset;
GATEHOUSE_LOCAL_APIC_REGISTERS(GATEHOUSE_HAL_LOCAL_APIC)
#undef GATEHOUSE_HAL_LOCAL_APIC

inline constexpr View kPage{MmioBus{kLocalApic}};
inline constexpr uint32_t kEnable = 0x100, kSpuriousVector = 0xff;
inline constexpr uint32_t kMasked = 0x1'0000, kPeriodic = 0x2'0000;
inline constexpr uint32_t kDivideByOne = 0xb;
inline constexpr unsigned kIdShift = 24;
}  // namespace local_apic

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_X86_LOCAL_APIC_HH_
