// SPDX-License-Identifier: GPL-2.0-or-later
// The agent's end of the serial line: raw bytes in, whole lines out of them; a send queue that
// never blocks.
#ifndef GUEST_IMAGES_AGENT_SERIAL_HH_
#define GUEST_IMAGES_AGENT_SERIAL_HH_

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::agent {

class Serial {
 public:
  // A longer line cannot come from a host that keeps to the protocol; it is dropped as noise.
  static constexpr size_t kMaxLine = 256 * 1024;
  // Above this much unsent text the agent stops reading its jobs' output.
  static constexpr size_t kHighWater = 64 * 1024;

  // Opens the device in raw mode (no echo, no CR/NL mapping, no flow control). False: errno tells
  // why.
  bool open(const char* device);

  int fd() const { return fd_; }
  bool wants_to_write() const { return !unsent_.empty(); }
  bool congested() const { return unsent_.size() > kHighWater; }

  // Queues the text and a newline, and sends what the device takes now.
  void send_line(std::string_view text);
  void flush();
  // Waits until the device has sent all: only for the last words before the machine goes off.
  void drain();

  // Reads what has arrived; then next_line() yields complete lines, without CR and NL.
  void receive();
  bool next_line(std::string* line);

 private:
  int fd_ = -1;
  std::string received_;
  std::string unsent_;
  bool skipping_ = false;  // inside a line that was too long
};

}  // namespace gatehouse::agent

#endif  // GUEST_IMAGES_AGENT_SERIAL_HH_
