// SPDX-License-Identifier: GPL-2.0-or-later
// The smallest firmware: each core says that it is there, core 0 answers requests.
#include "firmware/hal/console.hh"
#include "firmware/hal/partition.hh"
#include "firmware/hal/x86/interrupts.hh"

using namespace gatehouse;  // NOLINT: a program

constexpr uint8_t kRequestVector = 40;

void firmware_main(hal::Core& core) {
  hal::print("hello from core ", core.index, " of ", hal::cores(), "\n");
  if (core.index != 0) return;
  hal::kControlBlock.write(hal::reg::REQUEST_VECTOR, kRequestVector);
  for (;;) {
    hal::wait_for_interrupt();
    if (!hal::take_interrupt(kRequestVector)) continue;
    hal::print("request ", hal::kControlBlock.read(hal::reg::REQUEST), "\n");
    hal::kControlBlock.write(hal::reg::ANSWER, static_cast<uint32_t>(partition::Answer::kDone));
  }
}
