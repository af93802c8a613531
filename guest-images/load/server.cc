// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/load/server.hh"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "guest-images/load/wire.hh"

namespace gatehouse::load {
namespace {

// After the client has told that it is done, datagrams may still be on their way.
constexpr int kTailMs = 300;

Count sink_stream(int client) {
  std::vector<char> buffer(kMaxStreamWrite);
  Count count;
  const auto start = Clock::now();
  ssize_t got;
  // The client ends its half of the connection; MSG_TRUNC would save the copy but is not what a
  // program does.
  while ((got = recv(client, buffer.data(), buffer.size(), 0)) > 0)
    count.units += static_cast<uint64_t>(got);
  count.microseconds = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
  return count;
}

void source_stream(int client, const Request& request) {
  const std::vector<char> buffer(request.size);
  const auto end = Clock::now() + std::chrono::milliseconds(request.length_ms);
  while (Clock::now() < end && write_all(client, buffer.data(), buffer.size())) continue;
}

void echo_stream(int client, const Request& request) {
  std::vector<char> buffer(request.size);
  while (recv(client, buffer.data(), buffer.size(), MSG_WAITALL) ==
         static_cast<ssize_t>(buffer.size())) {
    if (!write_all(client, buffer.data(), buffer.size())) return;
  }
}

// Answers every datagram until the client closes the control connection.
void echo_datagrams(int socket, int client) {
  std::vector<char> buffer(kMaxDatagram);
  for (;;) {
    const ssize_t got = recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) {
      (void)send(socket, buffer.data(), static_cast<size_t>(got), 0);
    } else if (wait_readable(client, 0) || !wait_readable(socket, kPatienceMs)) {
      return;
    }
  }
}

void serve_udp(int client, const Request& request) {
  const int socket = bind_to(0, SOCK_DGRAM);
  sockaddr_in6 address{};  // either family: the port is at the same place in both
  socklen_t size = sizeof address;
  if (socket < 0 || getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
  write_all(client, "PORT " + std::to_string(ntohs(address.sin6_port)) + "\n");
  char greeting[8];
  size = sizeof address;
  if (!wait_readable(socket, kPatienceMs)) return;
  if (recvfrom(socket, greeting, sizeof greeting, 0, reinterpret_cast<sockaddr*>(&address), &size) <
      0)
    return;
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), size) != 0) return;
  write_all(client, "READY\n");
  if (request.mode == Mode::kUdpRr) return echo_datagrams(socket, client);
  if (request.mode == Mode::kUdpIn) {
    write_all(client, format(blast(socket, request)));
    return;
  }
  Count count = absorb(socket, client, kPatienceMs);
  const Count tail = absorb(socket, -1, kTailMs);
  // The tail is counted, its time is not: it waited in queues while the first part was counted.
  count.units += tail.units;
  write_all(client, format(count));
}

void serve_client(int client) {
  const int yes = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  std::string line;
  Request request;
  if (!read_line(client, &line) || !parse(line, &request)) {
    write_all(client, "ERROR bad request\n");
    return;
  }
  switch (request.mode) {
    case Mode::kTcpOut:
      write_all(client, format(sink_stream(client)));
      return;
    case Mode::kTcpIn:
      return source_stream(client, request);
    case Mode::kTcpRr:
    case Mode::kTcpCrr:
      return echo_stream(client, request);
    case Mode::kUdpOut:
    case Mode::kUdpIn:
    case Mode::kUdpRr:
      return serve_udp(client, request);
  }
}

}  // namespace

int serve(uint16_t port) {
  const int listener = bind_to(port, SOCK_STREAM);
  if (listener < 0 || listen(listener, 64) != 0) return 1;
  signal(SIGCHLD, SIG_IGN);
  const pid_t server = getpid();
  puts("LISTENING");
  fflush(stdout);
  for (;;) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != server) _exit(1);
      close(listener);
      serve_client(client);
      _exit(0);
    }
    close(client);
  }
}

}  // namespace gatehouse::load
