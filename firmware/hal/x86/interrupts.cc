// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/hal/x86/interrupts.hh"

#include "firmware/hal/x86/local_apic.hh"
#include "firmware/hal/x86/tables.hh"

namespace gatehouse::hal {
namespace {

// A stub for each vector from kFirstVector to kLastVector, kStubOctets apart. They use no register,
// so there is none to save. addr32: the APIC's address as 32 bits, which are not sign-extended.
[[gnu::used]] void emit_stubs() {
  asm volatile(
      ".pushsection .text.interrupt_stubs, \"ax\", @progbits\n"
      ".balign %c[octets]\n"
      "note_stubs:\n"
      ".set vector, %c[first]\n"
      ".rept %c[last] - %c[first] + 1\n"
      "  movb $1, %%gs:%c[noted] + vector\n"
      "  movb $1, %%gs:%c[any]\n"
      "  addr32 movl $0, %c[eoi]\n"
      "  iretq\n"
      "  .balign %c[octets]\n"
      ".set vector, vector + 1\n"
      ".endr\n"
      "wake_stub:\n"
      "  addr32 movl $0, %c[eoi]\n"
      "spurious_stub:\n"
      "  iretq\n"
      ".popsection\n"
      :
      : [octets] "i"(kStubOctets), [first] "i"(partition::kFirstVector),
        [last] "i"(partition::kLastVector), [noted] "i"(offsetof(Core, noted)),
        [any] "i"(offsetof(Core, noted_any)), [eoi] "i"(kLocalApic + local_apic::kEOI));
}

}  // namespace

extern "C" {
extern const uint8_t note_stubs[], wake_stub[], spurious_stub[];
}

void set_interrupt_gates() {
  for (uint32_t vector = partition::kFirstVector; vector <= partition::kLastVector; ++vector)
    set_gate(vector, note_stubs + (vector - partition::kFirstVector) * kStubOctets, kNoStack);
  set_gate(local_apic::kSpuriousVector, spurious_stub, kNoStack);
}

void set_wake_only(uint8_t vector) { set_gate(vector, wake_stub, kNoStack); }

void start_local_apic(Core& core) {
  using namespace local_apic;  // NOLINT: its registers
  kPage.write(SPURIOUS, kEnable | kSpuriousVector);
  kPage.write(TPR, 0);
  kPage.write(TIMER, kMasked);
  kPage.write(TIMER_DIVIDE, kDivideByOne);
  core.apic_id = kPage.read(ID) >> kIdShift;
}

void send_interrupt(unsigned core, uint8_t vector) {
  using namespace local_apic;  // NOLINT: its registers
  if (core >= cores()) return;
  // Two registers: an interrupt in between would not matter, as it sends none.
  kPage.write(ICR_HIGH, core_at(core).apic_id << kIdShift);
  kPage.write(ICR_LOW, vector);
}

void set_timer(uint8_t vector, uint32_t nanoseconds, bool again) {
  using namespace local_apic;  // NOLINT: its registers
  kPage.write(TIMER, nanoseconds == 0 ? kMasked : vector | (again ? kPeriodic : 0));
  kPage.write(TIMER_START, nanoseconds);
}

}  // namespace gatehouse::hal
