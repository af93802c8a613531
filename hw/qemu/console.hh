// SPDX-License-Identifier: GPL-2.0-or-later
// A chardev as firmware's console. Output never waits: what the chardev does not take at once is
// kept, up to a limit.
#ifndef GATEHOUSE_HW_QEMU_CONSOLE_HH_
#define GATEHOUSE_HW_QEMU_CONSOLE_HH_

#include "hw/qemu/qemu-cxx.hh"

#include "hw/qemu/qemu-begin.hh"
#include "chardev/char-fe.h"
#include "system/runstate.h"
#include "hw/qemu/qemu-end.hh"

#include <functional>

namespace gatehouse::qemu {

class Console {
 public:
  // `room` says how many octets `input` takes.
  Console(CharBackend* chardev, std::function<size_t()> room,
          std::function<void(std::span<const uint8_t>)> input);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void write(std::span<const uint8_t> octets);
  // There is room again.
  void accept() { qemu_chr_fe_accept_input(chardev_); }
  uint64_t lost() const { return lost_; }

 private:
  static constexpr size_t kMaxWaiting = 64 << 10;

  void flush();

  CharBackend* const chardev_;
  const std::function<size_t()> room_;
  const std::function<void(std::span<const uint8_t>)> input_;
  std::vector<uint8_t> waiting_;
  unsigned watch_ = 0;
  uint64_t lost_ = 0;
  VMChangeStateEntry* run_state_;
};

}  // namespace gatehouse::qemu

#endif  // GATEHOUSE_HW_QEMU_CONSOLE_HH_
