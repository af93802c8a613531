// SPDX-License-Identifier: GPL-2.0-or-later
// What gh-load's two ends say to each other, and how they open sockets.
//
// A control connection (TCP) opens with one line, "MODE SIZE MILLISECONDS RATE\n". For UDP the
// server answers "PORT n\n", its UDP port; the client's first datagram tells the server where to
// send. The server's last line is "RESULT units microseconds\n": what it counted, from the first to
// the last unit.
#ifndef GUEST_IMAGES_LOAD_WIRE_HH_
#define GUEST_IMAGES_LOAD_WIRE_HH_

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace gatehouse::load {

using Clock = std::chrono::steady_clock;

// kOut: client to server.
enum class Mode { kTcpOut, kTcpIn, kTcpRr, kTcpCrr, kUdpOut, kUdpIn, kUdpRr };

struct Request {
  Mode mode = Mode::kTcpOut;
  size_t size = 0;     // bytes of payload in a datagram or a request; of a write for streams
  long length_ms = 0;  // how long the sender sends
  long rate = 0;       // datagrams per second, 0: as fast as it goes
};

struct Count {
  uint64_t units = 0;  // bytes of a stream, else datagrams or transactions
  uint64_t microseconds = 0;
};

constexpr size_t kMaxStreamWrite = 128 * 1024;
constexpr size_t kMaxDatagram = 65507;
// No answer for this long: the peer is gone.
constexpr int kPatienceMs = 10'000;

const char* mode_name(Mode mode);
bool find_mode(const std::string& name, Mode* mode);
bool is_udp(Mode mode);

std::string format(const Request& request);
bool parse(const std::string& line, Request* request);
std::string format(const Count& count);
bool parse(const std::string& line, Count* count);

// A line without its newline; false at the end of the connection.
bool read_line(int socket, std::string* line);
bool write_all(int socket, const void* bytes, size_t size);
bool write_all(int socket, const std::string& text);

// Opens and connects; -1, with a message on stderr, if it does not work.
int connect_to(const char* host, const char* port, int type);
// A socket of `type` bound to the port (0: any) of all addresses of both families.
int bind_to(uint16_t port, int type);
// Waits for something to read; false when the time is up.
bool wait_readable(int socket, int limit_ms);

// Sends datagrams of the request's size on a connected socket for its length, at its rate; how many
// went out.
Count blast(int socket, const Request& request);
// Counts what arrives until `quiet_ms` pass without a datagram or `stop` (a socket, or -1) has
// something to read.
Count absorb(int socket, int stop, int quiet_ms);

}  // namespace gatehouse::load

#endif  // GUEST_IMAGES_LOAD_WIRE_HH_
