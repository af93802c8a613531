// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets of this machine only: unix sockets and TCP on loopback. All are non-blocking and close on
// exec.
#ifndef GATEHOUSE_TOOLS_COMMON_SOCKET_HH_
#define GATEHOUSE_TOOLS_COMMON_SOCKET_HH_

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "hw/core/base/status.hh"
#include "tools/common/descriptor.hh"

namespace gatehouse::common {

struct SocketAddress {
  std::string text;  // as the user wrote it
  std::string path;  // unix; else empty
  sockaddr_storage storage{};
  socklen_t length = 0;
  int family() const { return storage.ss_family; }
};

// "unix:/path", "127.0.0.1:4000", "[::1]:4000". Anything that other machines could reach is an
// error.
Result<SocketAddress> parse_socket_address(std::string_view text);

// A stream socket that listens; removes its path when it ends. The path appears when connecting to
// it already works, replaces one that nobody listens on any more, and is open to its owner only.
class Listener {
 public:
  static Result<Listener> open(const SocketAddress& address);
  Listener(Listener&&) = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();
  int get() const { return socket_.get(); }
  // "unix:/path" or "127.0.0.1:port" with the real port when 0 was asked for.
  const std::string& name() const { return name_; }
  // Invalid when nobody waits, or none could be taken now.
  Descriptor accept();

 private:
  Listener(Descriptor socket, std::string path, std::string name)
      : socket_(std::move(socket)), path_(std::move(path)), name_(std::move(name)) {}
  Descriptor socket_;
  std::string path_;
  std::string name_;
};

// Tries until it works or `limit_ms` is over: the other side may just be starting.
Result<Descriptor> connect_stream(const SocketAddress& address, int limit_ms);

// Room for bursts, no delay for small segments. Best effort.
void tune(int socket);

}  // namespace gatehouse::common

#endif  // GATEHOUSE_TOOLS_COMMON_SOCKET_HH_
