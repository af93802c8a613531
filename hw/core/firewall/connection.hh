// SPDX-License-Identifier: GPL-2.0-or-later
// What the firewall remembers of a connection: 64 octets, kept in an entry of the flow table.
#ifndef GATEHOUSE_HW_CORE_FIREWALL_CONNECTION_HH_
#define GATEHOUSE_HW_CORE_FIREWALL_CONNECTION_HH_

#include <cstdint>

#include "hw/core/base/flow_key.hh"

namespace gatehouse::firewall {

// X(name, seconds without a frame until it is forgotten, "text")
#define GATEHOUSE_CONNECTION_STATES(X)                               \
  X(syn_sent, 30, "TCP: one end's SYN has passed")                   \
  X(syn_received, 30, "TCP: SYNs have passed, one is not yet known") \
  X(established, 86400, "TCP: both ends know of each other")         \
  X(closing, 120, "TCP: FIN of one end")                             \
  X(last_ack, 30, "TCP: FIN of both ends, one not yet acknowledged") \
  X(time_wait, 60, "TCP: both FINs acknowledged")                    \
  X(reset, 10, "TCP: a RST that its receiver takes")                 \
  X(udp_asked, 30, "UDP: frames of one end")                         \
  X(udp_answered, 180, "UDP: frames of both ends")                   \
  X(echo_asked, 30, "ICMP echo: a question")                         \
  X(echo_answered, 30, "ICMP echo: question and answer")             \
  X(other_asked, 60, "another protocol: frames of one end")          \
  X(other_answered, 600, "another protocol: frames of both ends")

enum class State : uint8_t {
#define GATEHOUSE_STATE_ENUM(name, seconds, text) name,
  GATEHOUSE_CONNECTION_STATES(GATEHOUSE_STATE_ENUM)
#undef GATEHOUSE_STATE_ENUM
      kCount
};
struct StateRow {
  const char* name;
  uint32_t seconds;
};
inline constexpr StateRow kStates[] = {
#define GATEHOUSE_STATE_ROW(name, seconds, text) {#name, seconds},
    GATEHOUSE_CONNECTION_STATES(GATEHOUSE_STATE_ROW)
#undef GATEHOUSE_STATE_ROW
};
constexpr uint32_t seconds_of(State state) { return kStates[static_cast<size_t>(state)].seconds; }
// Of an established TCP connection while an end owes an ACK. Who owes it so long is gone: a peer
// without a network, or a socket that took a RST of which nobody here can tell that it was exactly
// next. Linux's nf_conntrack calls it "unacknowledged".
inline constexpr uint32_t kOwedSeconds = 300;

// What one end of a TCP connection has said, as seen from the middle. Sequence numbers are compared
// modulo 2^32. The names are those of Rooij's "Real Stateful TCP Packet Filtering".
struct TcpEnd {
  static constexpr uint8_t kMaxScale = 14;  // RFC 7323 section 2.3
  static constexpr uint8_t kNoScale = 0xff;
  static constexpr uint8_t kSyn = 1, kSynAcked = 2, kFin = 4, kFinAcked = 8, kScales = 16,
                           kAcks = 32, kCallsAgain = 64, kGuessed = 128;
  uint32_t start;  // sequence number of its SYN
  // Behind the last octet that it sent, and behind its FIN, with kFin. With kGuessed: at most
  // there, of a segment in fragments.
  uint32_t end;
  uint32_t limit;       // up to where the other end lets it send
  uint32_t max_window;  // the largest that it offered; at least 1
  uint32_t acked;       // the highest that it acknowledged; with kAcks
  // With kCallsAgain a SYN in mid-connection; else, with kFin, as `end`; else, with kGuessed,
  // behind what it sent for certain.
  uint32_t fin_end;
  uint8_t scale;  // of its windows, if both ends have kScales (RFC 7323 section 2.2)
  uint8_t flags;
  uint8_t again_scale;  // of the SYN in mid-connection, or kNoScale
};

// Plain data; all zero is no connection yet.
struct Connection {
  TcpEnd ends[2];  // [0] began
  uint32_t epoch;  // of the rules that it was last held against
  State state;
  FlowDirection began;
  uint8_t icmp_type;  // of its first frame
  bool was_reset;
};
static_assert(sizeof(Connection) == 64);

}  // namespace gatehouse::firewall

#endif  // GATEHOUSE_HW_CORE_FIREWALL_CONNECTION_HH_
