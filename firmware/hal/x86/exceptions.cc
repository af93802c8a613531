// SPDX-License-Identifier: GPL-2.0-or-later
// An exception is a mistake of the firmware's. Its core says what happened, on the console and to
// the manager, and halts; the others go on.
#include <array>

#include "firmware/hal/console.hh"
#include "firmware/hal/x86/tables.hh"

namespace gatehouse::hal {
namespace {

constexpr unsigned kExceptions = 32;

constexpr std::array<const char*, kExceptions> kNames = [] {
  std::array<const char*, kExceptions> names{};
  names[0] = "division";
  names[1] = "debug";
  names[2] = "NMI";
  names[3] = "breakpoint";
  names[4] = "overflow";
  names[5] = "bound";
  names[6] = "invalid opcode";
  names[7] = "no FPU";
  names[8] = "double fault";
  names[10] = "invalid TSS";
  names[11] = "segment not present";
  names[12] = "stack segment";
  names[13] = "general protection";
  names[14] = "page fault";
  names[16] = "x87";
  names[17] = "alignment";
  names[18] = "machine check";
  names[19] = "SIMD";
  return names;
}();

// What the stubs below push, from the lowest address on.
struct Frame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rdx, rcx, rbx, rax;
  uint64_t vector, error;
  uint64_t rip, cs, rflags, rsp, ss;
};

[[gnu::used]] void emit_stubs() {
  asm volatile(
      ".pushsection .text.exception_stubs, \"ax\", @progbits\n"
      ".balign %c[octets]\n"
      "exception_stubs:\n"
      ".set vector, 0\n"
      ".rept %c[count]\n"
      // Those for which the processor pushes no error code: a bit each.
      "  .if ((0x60227d00 >> vector) & 1) == 0\n"
      "    pushq $0\n"
      "  .endif\n"
      "  pushq $vector\n"
      "  jmp exception_common\n"
      "  .balign %c[octets]\n"
      "  .set vector, vector + 1\n"
      ".endr\n"
      "exception_common:\n"
      "  cld\n"
      "  push %%rax; push %%rbx; push %%rcx; push %%rdx; push %%rbp; push %%rsi; push %%rdi\n"
      "  push %%r8; push %%r9; push %%r10; push %%r11; push %%r12; push %%r13; push %%r14\n"
      "  push %%r15\n"
      "  mov %%rsp, %%rdi\n"
      "  call report_exception\n"
      ".popsection\n"
      :
      : [octets] "i"(kStubOctets), [count] "i"(kExceptions));
}

}  // namespace

extern "C" {
extern const uint8_t exception_stubs[];

[[noreturn, gnu::used]] void report_exception(const Frame& frame) {
  uint64_t address;
  asm volatile("mov %%cr2, %0" : "=r"(address));
  const char* name = frame.vector < kExceptions ? kNames[frame.vector] : nullptr;
  Text<768> text;
  text.add("core ", this_core().index, ": exception ", frame.vector, " (", name ? name : "reserved",
           ") at ", Hex{frame.rip}, ", error ", Hex{frame.error}, ", address ", Hex{address}, "\n");
  text.add("  rax ", Hex{frame.rax, 16}, " rbx ", Hex{frame.rbx, 16}, " rcx ", Hex{frame.rcx, 16},
           " rdx ", Hex{frame.rdx, 16}, "\n");
  text.add("  rsi ", Hex{frame.rsi, 16}, " rdi ", Hex{frame.rdi, 16}, " rbp ", Hex{frame.rbp, 16},
           " rsp ", Hex{frame.rsp, 16}, "\n");
  text.add("  r8  ", Hex{frame.r8, 16}, " r9  ", Hex{frame.r9, 16}, " r10 ", Hex{frame.r10, 16},
           " r11 ", Hex{frame.r11, 16}, "\n");
  text.add("  r12 ", Hex{frame.r12, 16}, " r13 ", Hex{frame.r13, 16}, " r14 ", Hex{frame.r14, 16},
           " r15 ", Hex{frame.r15, 16}, "\n");
  write_last_words(text.view());
  halt_for_good();
}
}  // extern "C"

void set_exception_gates() {
  for (unsigned vector = 0; vector < kExceptions; ++vector)
    set_gate(vector, exception_stubs + vector * kStubOctets, kFaultStack);
}

}  // namespace gatehouse::hal
