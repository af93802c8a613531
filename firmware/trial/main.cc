// SPDX-License-Identifier: GPL-2.0-or-later
// Does what arguments= says, so that tests see a partition's abilities from outside:
//   fault=N    core N reads an address that nothing is mapped at
//   divide=N   core N divides by zero
//   overflow=N core N's stack pointer leaves memory
//   ring       an interrupt goes round all cores, ten times
//   timer      ten interrupts of the timer, 1 ms apart
//   ticks      with timer: the clock after each of them, in ns
//   echo       what comes on the console goes back, in capitals
//   alert=TEXT an alert
//   ports      reads and writes an I/O port
#include <optional>

#include "firmware/hal/arguments.hh"
#include "firmware/hal/console.hh"
#include "firmware/hal/partition.hh"
#include "firmware/hal/x86/interrupts.hh"

using namespace gatehouse;  // NOLINT: a program

namespace {

constexpr uint8_t kRing = 50, kTimer = 51, kConsole = 52;
constexpr unsigned kRounds = 10;
constexpr uint64_t kUnmapped = 0x100'0000'0000;  // the first octet behind the first TiB
constexpr uint64_t kNonCanonical = 0x8000'0000'0000'0000;

void wait_for(uint8_t vector) {
  while (!hal::take_interrupt(vector)) hal::wait_for_interrupt();
}

void make_mistakes(const hal::Arguments& arguments, uint64_t index) {
  if (arguments.find_number("fault") == index) (void)hal::MmioBus{kUnmapped}.read<uint32_t>(0);
  if (arguments.find_number("divide") == index)
    asm volatile("div %0" : : "r"(uint64_t{0}), "a"(1), "d"(0));
  if (arguments.find_number("overflow") == index)
    asm volatile("mov %0, %%rsp; push %%rax" : : "r"(kNonCanonical) : "memory");
}

void go_round(uint32_t index) {
  const unsigned next = (index + 1) % hal::cores();
  hal::wait_for_cores();
  for (unsigned round = 0; round < kRounds; ++round) {
    if (index == 0) hal::send_interrupt(next, kRing);
    wait_for(kRing);
    if (index != 0) hal::send_interrupt(next, kRing);
  }
  if (index == 0) hal::print("ring: ", kRounds, " rounds of ", hal::cores(), " cores\n");
}

void count_ticks(bool tell) {
  const uint64_t from = hal::kControlBlock.read(hal::reg::CLOCK);
  hal::set_timer(kTimer, 1'000'000, true);
  for (unsigned i = 0; i < kRounds; ++i) {
    wait_for(kTimer);
    if (tell) hal::print("tick: ", hal::kControlBlock.read(hal::reg::CLOCK), "\n");
  }
  hal::set_timer(kTimer, 0);
  const uint64_t took = hal::kControlBlock.read(hal::reg::CLOCK) - from;
  hal::print("timer: ", kRounds, " interrupts, ", took / 1'000'000 >= kRounds ? "on time" : "early",
             "\n");
}

void use_ports() {
  uint32_t value = 0;
  asm volatile("inl %%dx, %%eax" : "=a"(value) : "d"(0xcf8));
  asm volatile("outb %%al, %%dx" : : "a"(0x0e), "d"(0xcf9));
  hal::print("ports: read ", hal::Hex{value}, "\n");
}

[[noreturn]] void echo() {
  hal::kControlBlock.write(hal::reg::CONSOLE_VECTOR, kConsole);
  hal::print("echo: ready\n");
  for (;;) {
    hal::Text<256> line;
    while (const std::optional<char> octet = hal::read_console()) {
      const char c = *octet;
      line.add(
          std::string_view(c >= 'a' && c <= 'z' ? &"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[c - 'a'] : &c, 1));
    }
    hal::write_console(line.view());
    wait_for(kConsole);
  }
}

}  // namespace

void firmware_main(hal::Core& core) {
  hal::ArgumentsBuffer buffer;
  const hal::Arguments arguments(hal::read_arguments(hal::kControlBlock.bus(), buffer));
  make_mistakes(arguments, core.index);
  if (arguments.has("ring")) go_round(core.index);
  if (core.index != 0) return;
  if (arguments.has("timer")) count_ticks(arguments.has("ticks"));
  if (arguments.has("ports")) use_ports();
  if (const auto text = arguments.find("alert")) hal::alert(*text);
  if (arguments.has("echo")) echo();
  hal::print("trial: done\n");
}
