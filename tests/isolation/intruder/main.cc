// SPDX-License-Identifier: GPL-2.0-or-later
// A guest by which a test is the guest's CPU. It obeys lines on the second serial port, numbers in
// hexadecimal; each answers with a number:
//   r OCTETS ADDRESS         load         w OCTETS ADDRESS VALUE   store
//   R OCTETS ADDRESS         load in SMM  W OCTETS ADDRESS VALUE   store in SMM
//   o PORT VALUE             OUT of an octet
//   m REGISTER               RDMSR        M REGISTER VALUE         WRMSR
//   x ADDRESS                jumps there
//   e NUMBER                 answers NUMBER
#include <cstdint>

#include "tests/registers/probe/orders.hh"

using namespace gatehouse::registers;  // NOLINT: orders

namespace {

constexpr uint16_t kPort = 0x2f8, kStatus = kPort + 5;
constexpr uint8_t kReceived = 1, kRoom = 0x20;

// For the SMM handler; in RAM, because the ROM has no data.
struct Errand {
  uint64_t write, octets, address, value, done;
};
volatile Errand& errand() { return *reinterpret_cast<volatile Errand*>(0x2'0000); }
constexpr uint64_t kSmmEntry = 0x3'8000;  // SMBASE after reset, and 8000h
// Interrupt command: SMI to itself, asserted (SDM volume 3, 11.6.1).
constexpr uint64_t kCommand = 0xfee0'0300;
constexpr uint32_t kSmiToSelf = 0x4'4200;

uint8_t in(uint16_t port) {
  uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
void out(uint16_t port, uint8_t value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

struct Serial {
  static char get() {
    while (!(in(kStatus)&kReceived)) asm volatile("pause");
    return static_cast<char>(in(kPort));
  }
  static void put(char octet) {
    while (!(in(kStatus)&kRoom)) asm volatile("pause");
    out(kPort, static_cast<uint8_t>(octet));
  }
};

}  // namespace

extern "C" {
// Hidden: there is no table of addresses.
[[gnu::visibility("hidden")]] extern const uint8_t smm_stub[], smm_stub_end[];
[[noreturn]] void intrude();
void intrude_in_smm();
}

namespace {

uint64_t in_smm(bool write, uint64_t octets, uint64_t address, uint64_t value) {
  for (uint64_t i = 0; smm_stub + i != smm_stub_end; ++i) at<uint8_t>(kSmmEntry + i) = smm_stub[i];
  volatile Errand& e = errand();
  e.write = write;
  e.octets = octets;
  e.address = address;
  e.value = value;
  e.done = 0;
  at<uint32_t>(kCommand) = kSmiToSelf;
  while (!e.done) asm volatile("pause");
  return e.value;
}

uint64_t read_msr(uint64_t number) {
  uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(static_cast<uint32_t>(number)));
  return static_cast<uint64_t>(high) << 32 | low;
}
void write_msr(uint64_t number, uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(static_cast<uint32_t>(number)), "a"(static_cast<uint32_t>(value)),
                 "d"(static_cast<uint32_t>(value >> 32)));
}

}  // namespace

void intrude_in_smm() {
  volatile Errand& e = errand();
  if (e.write) {
    store(e.octets, e.address, e.value);
  } else {
    e.value = load(e.octets, e.address);
  }
  e.done = 1;
}

void intrude() {
  for (;;) {
    const char what = Serial::get();
    if (what <= ' ') continue;
    Serial::get();
    const uint64_t first = get_number<Serial>();
    uint64_t answer = 0;
    if (what == 'e') {
      answer = first;
    } else if (what == 'r') {
      answer = load(first, get_number<Serial>());
    } else if (what == 'R') {
      answer = in_smm(false, first, get_number<Serial>(), 0);
    } else if (what == 'w' || what == 'W') {
      const uint64_t address = get_number<Serial>();
      const uint64_t value = get_number<Serial>();
      if (what == 'w') store(first, address, value);
      if (what == 'W') in_smm(true, first, address, value);
    } else if (what == 'o') {
      out(static_cast<uint16_t>(first), static_cast<uint8_t>(get_number<Serial>()));
    } else if (what == 'm') {
      answer = read_msr(first);
    } else if (what == 'M') {
      write_msr(first, get_number<Serial>());
    } else if (what == 'x') {
      reinterpret_cast<void (*)()>(first)();
    }
    put_number<Serial>(answer);
  }
}
