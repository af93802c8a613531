// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupts run no C++: an interrupt notes its vector, ends itself at the local APIC and returns,
// in four instructions; the core looks at the notes when it likes. A vector that only has to wake
// the core (what happened stands in private RAM, as with a unit) takes two.
#ifndef GATEHOUSE_FIRMWARE_HAL_X86_INTERRUPTS_HH_
#define GATEHOUSE_FIRMWARE_HAL_X86_INTERRUPTS_HH_

#include <cstdint>

#include "firmware/hal/x86/cpu.hh"

namespace gatehouse::hal {

// Vectors are kFirstVector..kLastVector. From here on, on all cores, the vector notes nothing.
void set_wake_only(uint8_t vector);

// Whether the vector has come to this core since the last call.
inline bool take_interrupt(uint8_t vector) {
  Core& core = this_core();
  if (!core.noted[vector]) return false;
  core.noted[vector] = 0;
  return true;
}

// This core's notes as a Poller's source. Whoever waits takes all vectors that he uses, each time:
// what is not taken does not end the next wait.
class Notes {
 public:
  bool arm() { return !this_core().noted_any; }
  void disarm() { this_core().noted_any = 0; }
};

// Halts until an interrupt was noted. Call it, then take_interrupt() for each vector in use.
inline void wait_for_interrupt() {
  Notes notes;
  Cpu::interrupts_off();
  while (notes.arm()) {
    Cpu::halt();
    Cpu::interrupts_off();
  }
  notes.disarm();
  Cpu::interrupts_on();
}

// To the core with this index, after wait_for_cores().
void send_interrupt(unsigned core, uint8_t vector);
// To this core after so many nanoseconds of virtual time, at most about 4 s; 0: stops the timer.
// `again`: every time.
void set_timer(uint8_t vector, uint32_t nanoseconds, bool again = false);

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_X86_INTERRUPTS_HH_
