// SPDX-License-Identifier: GPL-2.0-or-later
// gh-load: the same load generator for guests and the host. One end serves, the other asks for a
// measurement in either direction and prints one line of JSON. See ../README.md.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "guest-images/load/server.hh"
#include "guest-images/load/wire.hh"

namespace gatehouse::load {
namespace {

struct Measured {
  Count sent;
  Count received;
  std::vector<uint32_t> latencies;  // nanoseconds per transaction, request/response only
};

struct Target {
  const char* host;
  const char* port;
};

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

uint64_t elapsed(Clock::time_point since) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<microseconds>(Clock::now() - since).count());
}

int open_control(const Target& target, const Request& request) {
  const int control = connect_to(target.host, target.port, SOCK_STREAM);
  if (control >= 0) write_all(control, format(request));
  return control;
}

bool stream_out(const Target& target, const Request& request, Measured* measured) {
  const int control = open_control(target, request);
  if (control < 0) return false;
  const std::vector<char> buffer(request.size);
  const auto start = Clock::now();
  const auto end = start + milliseconds(request.length_ms);
  while (Clock::now() < end && write_all(control, buffer.data(), buffer.size())) {
    measured->sent.units += buffer.size();
  }
  measured->sent.microseconds = elapsed(start);
  shutdown(control, SHUT_WR);
  std::string line;
  const bool good = read_line(control, &line) && parse(line, &measured->received);
  close(control);
  return good;
}

bool stream_in(const Target& target, const Request& request, Measured* measured) {
  const int control = open_control(target, request);
  if (control < 0) return false;
  std::vector<char> buffer(kMaxStreamWrite);
  const auto start = Clock::now();
  ssize_t got;
  while ((got = recv(control, buffer.data(), buffer.size(), 0)) > 0) {
    measured->received.units += static_cast<uint64_t>(got);
  }
  measured->received.microseconds = elapsed(start);
  measured->sent = measured->received;
  close(control);
  return got == 0 && measured->received.units > 0;
}

// One request and its answer. Datagrams may be lost: then it says false and the caller asks again.
bool transact(int socket, std::vector<char>* buffer, bool datagram) {
  if (!write_all(socket, buffer->data(), buffer->size())) return false;
  if (datagram && !wait_readable(socket, 200)) return false;
  return recv(socket, buffer->data(), buffer->size(), MSG_WAITALL) ==
         static_cast<ssize_t>(buffer->size());
}

bool request_response(const Target& target, const Request& request, int socket,
                      Measured* measured) {
  std::vector<char> buffer(request.size);
  const bool crr = request.mode == Mode::kTcpCrr;
  const bool datagram = request.mode == Mode::kUdpRr;
  const auto start = Clock::now();
  const auto end = start + milliseconds(request.length_ms);
  for (auto now = start; now < end;) {
    if (crr && (socket = open_control(target, request)) < 0) return false;
    measured->sent.units++;
    const bool answered = transact(socket, &buffer, datagram);
    if (crr) close(socket);
    if (!answered && !datagram) return false;
    const auto then = Clock::now();
    if (answered) {
      measured->latencies.push_back(static_cast<uint32_t>(nanoseconds(then - now).count()));
    }
    now = then;
  }
  measured->received.units = measured->latencies.size();
  measured->received.microseconds = measured->sent.microseconds = elapsed(start);
  return measured->received.units > 0;
}

bool tcp_request_response(const Target& target, const Request& request, Measured* measured) {
  if (request.mode == Mode::kTcpCrr) return request_response(target, request, -1, measured);
  const int control = open_control(target, request);
  if (control < 0) return false;
  const bool good = request_response(target, request, control, measured);
  close(control);
  return good;
}

// Greets the server's UDP port until it says READY: a greeting may be lost while addresses are
// resolved.
bool greet(int control, int socket) {
  for (int waited = 0; waited < kPatienceMs; waited += 100) {
    (void)send(socket, "hi", 2, 0);
    if (wait_readable(control, 100)) {
      std::string line;
      return read_line(control, &line) && line == "READY";
    }
  }
  return false;
}

bool datagrams(const Target& target, const Request& request, Measured* measured) {
  const int control = open_control(target, request);
  std::string line;
  if (control < 0 || !read_line(control, &line) || !line.starts_with("PORT ")) return false;
  const int socket = connect_to(target.host, line.c_str() + 5, SOCK_DGRAM);
  if (socket < 0) return false;
  const int buffer = 4 << 20;
  setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  bool good = greet(control, socket);
  if (good && request.mode == Mode::kUdpRr) {
    good = request_response(target, request, socket, measured);
  } else if (good && request.mode == Mode::kUdpOut) {
    measured->sent = blast(socket, request);
    shutdown(control, SHUT_WR);
    good = read_line(control, &line) && parse(line, &measured->received);
  } else if (good) {
    measured->received = absorb(socket, control, kPatienceMs);
    good = read_line(control, &line) && parse(line, &measured->sent);
    measured->received.units += absorb(socket, -1, 100).units;
  }
  close(socket);
  close(control);
  return good;
}

double per_second(const Count& count) {
  return count.microseconds == 0
             ? 0
             : static_cast<double>(count.units) * 1e6 / static_cast<double>(count.microseconds);
}

double quantile(const std::vector<uint32_t>& sorted, double part) {
  return sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))] / 1e3;
}

void print(const Request& request, Measured* measured) {
  const bool stream = request.mode == Mode::kTcpOut || request.mode == Mode::kTcpIn;
  const double scale = stream ? 8e-6 : 1;
  printf(
      "{\"mode\": \"%s\", \"unit\": \"%s\", \"size\": %zu, \"rate\": %.1f, \"sent_rate\": %.1f, "
      "\"received\": %lu, \"sent\": %lu, \"seconds\": %.3f",
      mode_name(request.mode), stream ? "Mb/s" : "1/s", request.size,
      per_second(measured->received) * scale, per_second(measured->sent) * scale,
      static_cast<unsigned long>(measured->received.units),
      static_cast<unsigned long>(measured->sent.units),
      static_cast<double>(measured->received.microseconds) / 1e6);
  if (!measured->latencies.empty()) {
    std::sort(measured->latencies.begin(), measured->latencies.end());
    printf(", \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f",
           quantile(measured->latencies, 0.5), quantile(measured->latencies, 0.9),
           quantile(measured->latencies, 0.99));
  }
  puts("}");
}

int usage() {
  fprintf(
      stderr,
      "usage: gh-load serve PORT\n"
      "       gh-load tcp-out|tcp-in|tcp-rr|tcp-crr|udp-out|udp-in|udp-rr ADDRESS PORT SECONDS\n"
      "               [--size BYTES] [--rate DATAGRAMS_PER_SECOND]\n"
      "out: from here to the server. rr: request and response on one connection, crr: on a new one "
      "each.\n"
      "Default size: 65536 for streams, 64 for datagrams, 1 for requests.\n");
  return 2;
}

size_t default_size(Mode mode) {
  if (mode == Mode::kTcpOut || mode == Mode::kTcpIn) return 65536;
  return mode == Mode::kUdpOut || mode == Mode::kUdpIn ? 64 : 1;
}

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 3 && strcmp(argv[1], "serve") == 0)
    return serve(static_cast<uint16_t>(atoi(argv[2])));
  Request request;
  if (argc < 5 || !find_mode(argv[1], &request.mode)) return usage();
  request.size = default_size(request.mode);
  request.length_ms = static_cast<long>(atof(argv[4]) * 1000);
  for (int i = 5; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--size") == 0) request.size = strtoul(argv[i + 1], nullptr, 10);
    if (strcmp(argv[i], "--rate") == 0) request.rate = atol(argv[i + 1]);
  }
  Request checked;
  if (argc % 2 == 0 || !parse(format(request), &checked)) return usage();
  const Target target{argv[2], argv[3]};
  Measured measured;
  bool good = false;
  switch (request.mode) {
    case Mode::kTcpOut:
      good = stream_out(target, request, &measured);
      break;
    case Mode::kTcpIn:
      good = stream_in(target, request, &measured);
      break;
    case Mode::kTcpRr:
    case Mode::kTcpCrr:
      good = tcp_request_response(target, request, &measured);
      break;
    case Mode::kUdpOut:
    case Mode::kUdpIn:
    case Mode::kUdpRr:
      good = datagrams(target, request, &measured);
      break;
  }
  if (good) {
    print(request, &measured);
    return 0;
  }
  fprintf(stderr, "gh-load: %s to %s port %s: the connection broke off\n", mode_name(request.mode),
          target.host, target.port);
  return 1;
}

}  // namespace
}  // namespace gatehouse::load

int main(int argc, char** argv) { return gatehouse::load::main(argc, argv); }
