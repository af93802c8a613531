// SPDX-License-Identifier: GPL-2.0-or-later
// Firmware by which a test is a partition's core: it does the loads and stores that come over its
// console and knows nothing else. Lines, numbers in hexadecimal:
//   r OCTETS ADDRESS          answer: the value
//   w OCTETS ADDRESS VALUE    answer: 0, when it is done
#include "hw/spec/partition.hh"

namespace {

using namespace gatehouse::partition;  // NOLINT: registers by their names

template <class T>
volatile T& at(uint64_t address) {
  return *reinterpret_cast<volatile T*>(address);
}

char get() {
  for (;;) {
    const uint32_t octet = at<uint32_t>(kMmioBase + reg::CONSOLE);
    if (octet != 0xffff'ffff) return static_cast<char>(octet);
    __builtin_ia32_pause();
  }
}

void put(char octet) { at<uint32_t>(kMmioBase + reg::CONSOLE) = static_cast<uint8_t>(octet); }

// Up to the character that ends it, which is taken, too.
uint64_t get_number() {
  uint64_t value = 0;
  for (;;) {
    const char digit = get();
    if (digit >= '0' && digit <= '9') {
      value = value << 4 | static_cast<uint64_t>(digit - '0');
    } else if (digit >= 'a' && digit <= 'f') {
      value = value << 4 | static_cast<uint64_t>(digit - 'a' + 10);
    } else {
      return value;
    }
  }
}

void put_number(uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    const uint64_t digit = value >> shift & 15;
    put(static_cast<char>(digit < 10 ? '0' + digit : 'a' + digit - 10));
  }
  put('\n');
}

uint64_t load(uint64_t octets, uint64_t address) {
  switch (octets) {
    case 1:
      return at<uint8_t>(address);
    case 2:
      return at<uint16_t>(address);
    case 4:
      return at<uint32_t>(address);
    default:
      return at<uint64_t>(address);
  }
}

void store(uint64_t octets, uint64_t address, uint64_t value) {
  switch (octets) {
    case 1:
      at<uint8_t>(address) = static_cast<uint8_t>(value);
      break;
    case 2:
      at<uint16_t>(address) = static_cast<uint16_t>(value);
      break;
    case 4:
      at<uint32_t>(address) = static_cast<uint32_t>(value);
      break;
    default:
      at<uint64_t>(address) = value;
      break;
  }
}

}  // namespace

extern "C" [[noreturn]] void probe_start(uint64_t core) {
  while (core != 0) asm volatile("cli; hlt");
  for (;;) {
    const char what = get();
    if (what != 'r' && what != 'w') continue;
    get();
    const uint64_t octets = get_number();
    const uint64_t address = get_number();
    if (what == 'r') {
      put_number(load(octets, address));
    } else {
      store(octets, address, get_number());
      put_number(0);
    }
  }
}
