// SPDX-License-Identifier: GPL-2.0-or-later
// A Unix stream socket that carries lines: QMP and the guest agent both do.
#ifndef GATEHOUSE_TOOLS_LAB_LINE_SOCKET_HH_
#define GATEHOUSE_TOOLS_LAB_LINE_SOCKET_HH_

#include <functional>
#include <optional>
#include <string>

#include "tools/lab/deadline.hh"

namespace gatehouse::lab {

class LineSocket {
 public:
  LineSocket() = default;
  ~LineSocket();
  LineSocket(const LineSocket&) = delete;
  LineSocket& operator=(const LineSocket&) = delete;

  // Ends an earlier connection, then tries until somebody listens at `path`; false when nobody does
  // by the deadline. `meanwhile` is called between two attempts, and may throw.
  bool connect(const std::string& path, const Deadline& deadline,
               const std::function<void()>& meanwhile = {});
  // Throws Failure when the other side is gone.
  void send_line(const std::string& line);
  // The next line without its end, or nullopt at the deadline. Throws Failure when the other side
  // is gone.
  std::optional<std::string> read_line(const Deadline& deadline);
  bool connected() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
  std::string path_;
  std::string pending_;
  size_t scanned_ = 0;
};

}  // namespace gatehouse::lab

#endif  // GATEHOUSE_TOOLS_LAB_LINE_SOCKET_HH_
