// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/serial.hh"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace gatehouse::agent {

bool Serial::open(const char* device) {
  fd_ = ::open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd_ < 0) return false;
  termios settings{};
  if (tcgetattr(fd_, &settings) != 0) return false;
  cfmakeraw(&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~static_cast<tcflag_t>(CRTSCTS);
  cfsetspeed(&settings, B115200);
  // TCSANOW: what the host sent before the agent was up stays in the queue.
  return tcsetattr(fd_, TCSANOW, &settings) == 0;
}

void Serial::send_line(std::string_view text) {
  unsent_.append(text);
  unsent_ += '\n';
  flush();
}

void Serial::flush() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::write(fd_, unsent_.data(), unsent_.size());
    if (sent <= 0) return;
    unsent_.erase(0, static_cast<size_t>(sent));
  }
}

void Serial::drain() {
  // A host that reads nothing for a second is gone.
  constexpr int kPatienceMs = 1000;
  for (flush(); !unsent_.empty(); flush()) {
    pollfd ready{fd_, POLLOUT, 0};
    if (poll(&ready, 1, kPatienceMs) <= 0) return;
  }
  tcdrain(fd_);
}

void Serial::receive() {
  char chunk[4096];
  for (;;) {
    const ssize_t got = ::read(fd_, chunk, sizeof chunk);
    if (got <= 0) return;
    received_.append(chunk, static_cast<size_t>(got));
  }
}

bool Serial::next_line(std::string* line) {
  for (;;) {
    const size_t end = received_.find('\n');
    if (end == std::string::npos) {
      if (received_.size() > kMaxLine) {
        received_.clear();
        skipping_ = true;
      }
      return false;
    }
    line->assign(received_, 0, end);
    received_.erase(0, end + 1);
    if (skipping_) {
      skipping_ = false;
      continue;
    }
    while (!line->empty() && line->back() == '\r') line->pop_back();
    return true;
  }
}

}  // namespace gatehouse::agent
