// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/load/wire.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace gatehouse::load {
namespace {

constexpr std::array kNames = {"tcp-out", "tcp-in", "tcp-rr", "tcp-crr",
                               "udp-out", "udp-in", "udp-rr"};

constexpr size_t kBatch = 64;

uint64_t microseconds(Clock::duration time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

// kBatch messages, each with a buffer of its own of `size` bytes.
class Batch {
 public:
  explicit Batch(size_t size) : bytes_(kBatch * size) {
    for (size_t i = 0; i < kBatch; i++) {
      parts_[i] = {bytes_.data() + i * size, size};
      messages_[i] = {};
      messages_[i].msg_hdr.msg_iov = &parts_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  mmsghdr* messages() { return messages_.data(); }

 private:
  std::vector<char> bytes_;
  std::array<iovec, kBatch> parts_;
  std::array<mmsghdr, kBatch> messages_;
};

}  // namespace

const char* mode_name(Mode mode) { return kNames[static_cast<size_t>(mode)]; }

bool find_mode(const std::string& name, Mode* mode) {
  for (size_t i = 0; i < kNames.size(); i++) {
    if (name == kNames[i]) {
      *mode = static_cast<Mode>(i);
      return true;
    }
  }
  return false;
}

bool is_udp(Mode mode) { return mode >= Mode::kUdpOut; }

std::string format(const Request& request) {
  return std::string(mode_name(request.mode)) + " " + std::to_string(request.size) + " " +
         std::to_string(request.length_ms) + " " + std::to_string(request.rate) + "\n";
}

bool parse(const std::string& line, Request* request) {
  char name[16];
  if (sscanf(line.c_str(), "%15s %zu %ld %ld", name, &request->size, &request->length_ms,
             &request->rate) != 4) {
    return false;
  }
  if (!find_mode(name, &request->mode)) return false;
  const size_t limit = is_udp(request->mode) ? kMaxDatagram : kMaxStreamWrite;
  return request->size > 0 && request->size <= limit && request->length_ms > 0 &&
         request->rate >= 0;
}

std::string format(const Count& count) {
  return "RESULT " + std::to_string(count.units) + " " + std::to_string(count.microseconds) + "\n";
}

bool parse(const std::string& line, Count* count) {
  unsigned long units = 0;
  unsigned long time = 0;
  if (sscanf(line.c_str(), "RESULT %lu %lu", &units, &time) != 2) return false;
  *count = {units, time};
  return true;
}

bool read_line(int socket, std::string* line) {
  line->clear();
  for (char c; recv(socket, &c, 1, 0) == 1;) {
    if (c == '\n') return true;
    *line += c;
  }
  return false;
}

bool write_all(int socket, const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool write_all(int socket, const std::string& text) {
  return write_all(socket, text.data(), text.size());
}

static bool parse_address(const char* host, const char* port, sockaddr_storage* address,
                          socklen_t* size) {
  *address = {};
  auto* four = reinterpret_cast<sockaddr_in*>(address);
  auto* six = reinterpret_cast<sockaddr_in6*>(address);
  const auto number = htons(static_cast<uint16_t>(atoi(port)));
  if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = number;
    *size = sizeof *four;
    return true;
  }
  if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1) return false;
  six->sin6_family = AF_INET6;
  six->sin6_port = number;
  *size = sizeof *six;
  return true;
}

int connect_to(const char* host, const char* port, int type) {
  sockaddr_storage address;
  socklen_t size = 0;
  if (!parse_address(host, port, &address, &size)) {
    fprintf(stderr, "gh-load: %s is no address\n", host);
    return -1;
  }
  const int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) return fd;
  fprintf(stderr, "gh-load: %s port %s: %s\n", host, port, strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

int bind_to(uint16_t port, int type) {
  const int no = 0;
  const int yes = 1;
  const int buffer = 4 << 20;
  sockaddr_storage address;
  socklen_t size = 0;
  int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  // A machine without IPv6 has the other family only.
  const char* any = fd >= 0 ? "::" : "0.0.0.0";
  if (fd < 0) fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  parse_address(any, std::to_string(port).c_str(), &address, &size);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  // Streams keep the kernel's own sizing.
  if (type == SOCK_DGRAM) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) return fd;
  fprintf(stderr, "gh-load: port %u: %s\n", port, strerror(errno));
  if (fd >= 0) close(fd);
  return -1;
}

bool wait_readable(int socket, int limit_ms) {
  pollfd ready{socket, POLLIN, 0};
  return poll(&ready, 1, limit_ms) > 0;
}

Count blast(int socket, const Request& request) {
  Batch batch(request.size);
  const auto start = Clock::now();
  const auto end = start + std::chrono::milliseconds(request.length_ms);
  Count count;
  for (auto now = start; now < end; now = Clock::now()) {
    size_t burst = kBatch;
    if (request.rate > 0) {
      const uint64_t due =
          microseconds(now - start) * static_cast<uint64_t>(request.rate) / 1'000'000 + 1;
      if (due <= count.units) {
        // The next datagram is due at this many microseconds; a short sleep keeps the rate without
        // a busy loop.
        usleep(static_cast<useconds_t>((count.units - due + 1) * 1'000'000 /
                                       static_cast<uint64_t>(request.rate)));
        continue;
      }
      burst = std::min<uint64_t>(burst, due - count.units);
    }
    const int sent = sendmmsg(socket, batch.messages(), static_cast<unsigned>(burst), 0);
    if (sent > 0) {
      count.units += static_cast<uint64_t>(sent);
    } else if (errno != ENOBUFS && errno != ECONNREFUSED && errno != EAGAIN) {
      fprintf(stderr, "gh-load: send: %s\n", strerror(errno));
      break;
    }
  }
  count.microseconds = microseconds(Clock::now() - start);
  return count;
}

Count absorb(int socket, int stop, int quiet_ms) {
  Batch batch(2048);
  Count count;
  Clock::time_point first;
  Clock::time_point last;
  for (;;) {
    pollfd ready[2] = {{socket, POLLIN, 0}, {stop, POLLIN, 0}};
    if (poll(ready, 2, quiet_ms) <= 0) break;
    // What has arrived before the end was told still counts.
    if (ready[0].revents == 0 && ready[1].revents != 0) break;
    const int got = recvmmsg(socket, batch.messages(), kBatch, MSG_DONTWAIT, nullptr);
    if (got <= 0) continue;
    last = Clock::now();
    if (count.units == 0) first = last;
    count.units += static_cast<uint64_t>(got);
  }
  count.microseconds = microseconds(last - first);
  return count;
}

}  // namespace gatehouse::load
