// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/qemu/console.hh"

#include <algorithm>

namespace gatehouse::qemu {

Console::Console(CharBackend* chardev, std::function<size_t()> room,
                 std::function<void(std::span<const uint8_t>)> input)
    : chardev_(chardev), room_(std::move(room)), input_(std::move(input)) {
  waiting_.reserve(kMaxWaiting);
  // Nothing changes while the VM is stopped: its state may be on its way elsewhere.
  qemu_chr_fe_set_handlers(
      chardev_,
      [](void* console) {
        return runstate_is_running() ? static_cast<int>(static_cast<Console*>(console)->room_())
                                     : 0;
      },
      [](void* console, const uint8_t* octets, int length) {
        static_cast<Console*>(console)->input_({octets, static_cast<size_t>(length)});
      },
      nullptr, nullptr, this, nullptr, true);
  run_state_ = qemu_add_vm_change_state_handler(
      [](void* console, bool running, RunState) {
        if (running) static_cast<Console*>(console)->accept();
      },
      this);
}

Console::~Console() {
  qemu_del_vm_change_state_handler(run_state_);
  if (watch_) g_source_remove(watch_);
  qemu_chr_fe_set_handlers(chardev_, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, false);
}

void Console::write(std::span<const uint8_t> octets) {
  if (!qemu_chr_fe_backend_connected(chardev_)) return;
  const size_t room = kMaxWaiting - waiting_.size();
  const size_t taken = std::min(octets.size(), room);
  lost_ += octets.size() - taken;
  waiting_.insert(waiting_.end(), octets.begin(), octets.begin() + static_cast<ptrdiff_t>(taken));
  if (!watch_) flush();
}

void Console::flush() {
  const int sent = qemu_chr_fe_write(chardev_, waiting_.data(), static_cast<int>(waiting_.size()));
  if (sent > 0) waiting_.erase(waiting_.begin(), waiting_.begin() + sent);
  if (waiting_.empty()) return;
  watch_ = qemu_chr_fe_add_watch(
      chardev_, static_cast<GIOCondition>(G_IO_OUT | G_IO_HUP),
      [](void*, GIOCondition, void* self) -> gboolean {
        Console* console = static_cast<Console*>(self);
        console->watch_ = 0;
        console->flush();
        return G_SOURCE_REMOVE;
      },
      this);
  // Nobody reads at the other end.
  if (!watch_) {
    lost_ += waiting_.size();
    waiting_.clear();
  }
}

}  // namespace gatehouse::qemu
