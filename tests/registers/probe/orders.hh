// SPDX-License-Identifier: GPL-2.0-or-later
// What programs that obey a test's lines have in common: numbers in hexadecimal, loads and stores
// of 1, 2, 4 or 8 octets. Freestanding; Port::get() and Port::put(char) are the line's other end.
#ifndef GATEHOUSE_TESTS_REGISTERS_PROBE_ORDERS_HH_
#define GATEHOUSE_TESTS_REGISTERS_PROBE_ORDERS_HH_

#include <cstdint>

namespace gatehouse::registers {

template <class T>
volatile T& at(uint64_t address) {
  return *reinterpret_cast<volatile T*>(address);
}

// Up to the character that ends it, which is taken, too.
template <class Port>
uint64_t get_number() {
  uint64_t value = 0;
  for (;;) {
    const char digit = Port::get();
    if (digit >= '0' && digit <= '9') {
      value = value << 4 | static_cast<uint64_t>(digit - '0');
    } else if (digit >= 'a' && digit <= 'f') {
      value = value << 4 | static_cast<uint64_t>(digit - 'a' + 10);
    } else {
      return value;
    }
  }
}

template <class Port>
void put_number(uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    const uint64_t digit = value >> shift & 15;
    Port::put(static_cast<char>(digit < 10 ? '0' + digit : 'a' + digit - 10));
  }
  Port::put('\n');
}

inline uint64_t load(uint64_t octets, uint64_t address) {
  if (octets == 1) return at<uint8_t>(address);
  if (octets == 2) return at<uint16_t>(address);
  if (octets == 4) return at<uint32_t>(address);
  return at<uint64_t>(address);
}

inline void store(uint64_t octets, uint64_t address, uint64_t value) {
  if (octets == 1) {
    at<uint8_t>(address) = static_cast<uint8_t>(value);
  } else if (octets == 2) {
    at<uint16_t>(address) = static_cast<uint16_t>(value);
  } else if (octets == 4) {
    at<uint32_t>(address) = static_cast<uint32_t>(value);
  } else {
    at<uint64_t>(address) = value;
  }
}

}  // namespace gatehouse::registers

#endif  // GATEHOUSE_TESTS_REGISTERS_PROBE_ORDERS_HH_
