// SPDX-License-Identifier: GPL-2.0-or-later
// Firmware by which a test is a partition's core: it does the loads and stores that come over its
// console and knows nothing else. Lines, numbers in hexadecimal:
//   r OCTETS ADDRESS          answer: the value
//   w OCTETS ADDRESS VALUE    answer: 0, when it is done
#include "hw/spec/partition.hh"
#include "tests/registers/probe/orders.hh"

namespace {

using namespace gatehouse::partition;  // NOLINT: registers by their names
using namespace gatehouse::registers;  // NOLINT: orders

struct Console {
  static char get() {
    for (;;) {
      const uint32_t octet = at<uint32_t>(kMmioBase + reg::CONSOLE);
      if (octet != 0xffff'ffff) return static_cast<char>(octet);
      __builtin_ia32_pause();
    }
  }
  static void put(char octet) {
    at<uint32_t>(kMmioBase + reg::CONSOLE) = static_cast<uint8_t>(octet);
  }
};

}  // namespace

extern "C" [[noreturn]] void probe_start(uint64_t core) {
  while (core != 0) asm volatile("cli; hlt");
  for (;;) {
    const char what = Console::get();
    if (what != 'r' && what != 'w') continue;
    Console::get();
    const uint64_t octets = get_number<Console>();
    const uint64_t address = get_number<Console>();
    if (what == 'r') {
      put_number<Console>(load(octets, address));
    } else {
      store(octets, address, get_number<Console>());
      put_number<Console>(0);
    }
  }
}
