// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/control.hh"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace gatehouse::common {

Control::Control(bool on) : on_(on) {}

Control::Seen Control::read() {
  constexpr size_t kLongestLine = 4096;
  Seen seen;
  char octets[512];
  // Poll said that it is readable, so that one read does not block.
  const ssize_t count = ::read(STDIN_FILENO, octets, sizeof octets);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return seen;
  if (count <= 0) {
    seen.stop = true;
    return seen;
  }
  line_.append(octets, static_cast<size_t>(count));
  for (size_t end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
    const std::string word = line_.substr(0, end);
    line_.erase(0, end + 1);
    seen.report |= word == "stats";
    seen.stop |= word == "quit";
    if (word != "stats" && word != "quit")
      std::fprintf(stderr, "unknown line on standard input; write stats or quit\n");
  }
  if (line_.size() > kLongestLine) line_.clear();
  return seen;
}

}  // namespace gatehouse::common
