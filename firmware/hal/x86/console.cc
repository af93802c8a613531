// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/hal/console.hh"

#include <algorithm>

#include "firmware/hal/partition.hh"
#include "firmware/hal/spin_lock.hh"

namespace gatehouse::hal {
namespace {

constexpr size_t kMostAtOnce = 4096, kMostOfAlert = 1024;
constexpr unsigned kPatience = 100'000;

// Address and length are two registers: one core at a time.
constinit SpinLock lock;

uint64_t address_of(std::string_view text) { return reinterpret_cast<uint64_t>(text.data()); }

void write_locked(std::string_view text) {
  while (!text.empty()) {
    const size_t octets = std::min(text.size(), kMostAtOnce);
    kControlBlock.write(reg::CONSOLE_TEXT, address_of(text));
    kControlBlock.write(reg::CONSOLE_LENGTH, static_cast<uint32_t>(octets));
    text.remove_prefix(octets);
  }
}

void alert_locked(std::string_view text) {
  kControlBlock.write(reg::ALERT, address_of(text));
  kControlBlock.write(reg::ALERT_LENGTH,
                      static_cast<uint32_t>(std::min(text.size(), kMostOfAlert)));
}

}  // namespace

void write_console(std::string_view text) {
  SpinGuard guard(lock);
  write_locked(text);
}

std::optional<char> read_console() {
  const uint32_t octet = kControlBlock.read(reg::CONSOLE);
  if (octet > 0xff) return std::nullopt;
  return static_cast<char>(octet);
}

void alert(std::string_view text) {
  SpinGuard guard(lock);
  alert_locked(text);
}

void write_last_words(std::string_view text) {
  bool locked = false;
  for (unsigned i = 0; i < kPatience && !locked; ++i) {
    locked = lock.try_lock();
    __builtin_ia32_pause();
  }
  write_locked(text);
  alert_locked(text.substr(0, text.find('\n')));
  if (locked) lock.unlock();
}

}  // namespace gatehouse::hal
