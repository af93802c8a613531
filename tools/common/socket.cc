// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/socket.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

namespace gatehouse::common {
namespace {

constexpr int kBacklog = 64;
constexpr int kSocketBuffer = 4 << 20;  // the kernel gives what net.core.*mem_max lets it
constexpr int kRetryMs = 20;

Status system_error(const std::string& what, int error) {
  return Status::error(what + ": " + std::strerror(error));
}

Status not_local(std::string_view text) {
  return Status::error(std::string(text) +
                       ": not a local socket; write unix:/path, 127.0.0.1:port or [::1]:port");
}

Descriptor new_socket(const SocketAddress& address) {
  return Descriptor(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* raw(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

bool somebody_listens(const SocketAddress& address) {
  const Descriptor socket = new_socket(address);
  // EAGAIN: there is a listener, and its queue is full.
  return socket && (connect(socket.get(), raw(address), address.length) == 0 || errno == EAGAIN ||
                    errno == EINPROGRESS);
}

Result<SocketAddress> unix_address(std::string_view text, std::string_view path) {
  SocketAddress address{.text = std::string(text), .path = std::string(path)};
  sockaddr_un un{};
  if (path.empty() || path.size() >= sizeof un.sun_path) {
    return Status::error(std::string(text) + ": a socket's path has 1 to " +
                         std::to_string(sizeof un.sun_path - 1) +
                         " octets; choose a shorter folder");
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  std::memcpy(&address.storage, &un, sizeof un);
  address.length = sizeof un;
  return address;
}

void set_inet(SocketAddress& address, const std::string& host, uint16_t port) {
  sockaddr_in in{};
  sockaddr_in6 in6{};
  if (inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1 &&
      (ntohl(in.sin_addr.s_addr) >> 24) == 127) {
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&address.storage, &in, sizeof in);
    address.length = sizeof in;
  } else if (inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1 &&
             IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr)) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&address.storage, &in6, sizeof in6);
    address.length = sizeof in6;
  }
}

// Binds to a neighbour name, listens, then renames: whoever sees the path can connect.
Status listen_on_path(int socket, const SocketAddress& address) {
  struct stat info;
  if (lstat(address.path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode))
      return Status::error(address.path + ": exists and is no socket; choose another path");
    if (somebody_listens(address))
      return Status::error(address.path +
                           ": somebody else listens there; end it or choose another path");
  }
  const Result<SocketAddress> fresh = parse_socket_address("unix:" + address.path + "~");
  if (!fresh.ok()) return fresh.status();
  const std::string& path = fresh.value().path;
  unlink(path.c_str());
  if (bind(socket, raw(fresh.value()), fresh.value().length) != 0)
    return system_error(address.text + ": can't make the socket", errno);
  if (chmod(path.c_str(), 0600) == 0 && ::listen(socket, kBacklog) == 0 &&
      rename(path.c_str(), address.path.c_str()) == 0)
    return {};
  const int error = errno;
  unlink(path.c_str());
  return system_error(address.text + ": can't listen", error);
}

std::string inet_name(int socket, const SocketAddress& address) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &length);
  const uint16_t port = address.family() == AF_INET
                            ? reinterpret_cast<sockaddr_in*>(&storage)->sin_port
                            : reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port;
  return address.text.substr(0, address.text.rfind(':') + 1) + std::to_string(ntohs(port));
}

}  // namespace

Result<SocketAddress> parse_socket_address(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) return unix_address(text, text.substr(kUnix.size()));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_local(text);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return not_local(text);
  SocketAddress address{.text = std::string(text), .path = {}};
  set_inet(address, std::string(host), port);
  if (address.length == 0) return not_local(text);
  return address;
}

Result<Listener> Listener::open(const SocketAddress& address) {
  Descriptor socket = new_socket(address);
  if (!socket) return system_error(address.text + ": no socket", errno);
  if (!address.path.empty()) {
    const Status status = listen_on_path(socket.get(), address);
    if (!status.ok()) return status;
    return Listener(std::move(socket), address.path, address.text);
  }
  const int yes = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(socket.get(), raw(address), address.length) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return system_error(address.text + ": can't listen", errno);
  }
  std::string name = inet_name(socket.get(), address);
  return Listener(std::move(socket), "", std::move(name));
}

Listener::~Listener() {
  if (socket_ && !path_.empty()) unlink(path_.c_str());
}

Descriptor Listener::accept() {
  Descriptor socket(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket) tune(socket.get());
  return socket;
}

Result<Descriptor> connect_stream(const SocketAddress& address, int limit_ms) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point limit = Clock::now() + std::chrono::milliseconds(limit_ms);
  for (;;) {
    Descriptor socket = new_socket(address);
    if (!socket) return system_error(address.text + ": no socket", errno);
    int error = connect(socket.get(), raw(address), address.length) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd ready{socket.get(), POLLOUT, 0};
      poll(&ready, 1, limit_ms);
      socklen_t length = sizeof error;
      getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    }
    if (error == 0) {
      tune(socket.get());
      return Result<Descriptor>(std::move(socket));
    }
    if (Clock::now() >= limit) return system_error(address.text + ": can't connect", error);
    poll(nullptr, 0, kRetryMs);
  }
}

void tune(int socket) {
  setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes,
             sizeof yes);  // fails on a unix socket, which has no delay
}

}  // namespace gatehouse::common
