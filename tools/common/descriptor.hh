// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_COMMON_DESCRIPTOR_HH_
#define GATEHOUSE_TOOLS_COMMON_DESCRIPTOR_HH_

#include <unistd.h>

#include <utility>

namespace gatehouse::common {

// Owns a file descriptor; -1 is none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() { Descriptor().swap(*this); }
  void swap(Descriptor& other) { std::swap(fd_, other.fd_); }

 private:
  int fd_ = -1;
};

}  // namespace gatehouse::common

#endif  // GATEHOUSE_TOOLS_COMMON_DESCRIPTOR_HH_
