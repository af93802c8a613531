// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/lab/line_socket.hh"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/lab/failure.hh"

namespace gatehouse::lab {

LineSocket::~LineSocket() {
  if (fd_ >= 0) close(fd_);
}

bool LineSocket::connect(const std::string& path, const Deadline& deadline,
                         const std::function<void()>& meanwhile) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Failure("socket path too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  path_ = path;
  if (fd_ >= 0) close(fd_);
  pending_.clear();
  scanned_ = 0;
  do {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
    close(fd_);
    fd_ = -1;
    if (meanwhile) meanwhile();
    poll(nullptr, 0, std::min(5, deadline.remaining_ms()));
  } while (!deadline.expired());
  return false;
}

void LineSocket::send_line(const std::string& line) {
  const std::string whole = line + "\n";
  size_t sent = 0;
  while (sent < whole.size()) {
    const ssize_t step = send(fd_, whole.data() + sent, whole.size() - sent, MSG_NOSIGNAL);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) throw Failure("lost the connection at " + path_ + ": " + strerror(errno));
    sent += static_cast<size_t>(step);
  }
}

std::optional<std::string> LineSocket::read_line(const Deadline& deadline) {
  for (;;) {
    const size_t end = pending_.find('\n', scanned_);
    if (end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      scanned_ = 0;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return line;
    }
    scanned_ = pending_.size();
    pollfd ready{fd_, POLLIN, 0};
    const int count = poll(&ready, 1, deadline.remaining_ms());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return std::nullopt;
    char chunk[65536];
    const ssize_t got = recv(fd_, chunk, sizeof chunk, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw Failure("the other side closed " + path_);
    pending_.append(chunk, static_cast<size_t>(got));
  }
}

}  // namespace gatehouse::lab
