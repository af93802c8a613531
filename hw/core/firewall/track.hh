// SPDX-License-Identifier: GPL-2.0-or-later
// What a frame does to the connection that it belongs to, or begins. Who may begin one is the
// rules' business.
#ifndef GATEHOUSE_HW_CORE_FIREWALL_TRACK_HH_
#define GATEHOUSE_HW_CORE_FIREWALL_TRACK_HH_

#include "hw/core/firewall/connection.hh"
#include "hw/core/firewall/datagram.hh"
#include "hw/core/firewall/tcp.hh"

namespace gatehouse::firewall {

// kTcp, kUdp, kEcho or kOther. `connection` is all zero; none: it has begun, as far as it can be
// seen from the frame.
spec::DropReason begin(Connection& connection, Kind kind, const uint8_t* frame,
                       const Layers& layers, FlowDirection direction);

constexpr State answered(State state) {
  switch (state) {
    case State::udp_asked:
      return State::udp_answered;
    case State::echo_asked:
      return State::echo_answered;
    case State::other_asked:
      return State::other_answered;
    default:
      return state;
  }
}

// The next frame of it.
inline TcpStep go_on(Connection& connection, Kind kind, const uint8_t* frame, const Layers& layers,
                     FlowDirection direction) {
  const bool answer = direction != connection.began;
  if (kind == Kind::kTcp) return tcp_go_on(connection, answer, segment_of(frame, layers));
  if (answer) connection.state = answered(connection.state);
  return {};
}

// Whether the other end has shown that it wants the connection. A RST shows nothing: whoever began
// sends one as well.
constexpr bool is_answered(State state) {
  switch (state) {
    case State::syn_sent:
    case State::syn_received:
    case State::reset:
    case State::udp_asked:
    case State::echo_asked:
    case State::other_asked:
      return false;
    default:
      return true;
  }
}
// The same of a connection whose past was not seen here.
constexpr bool was_answered(const Connection& connection) {
  if (connection.state != State::reset) return is_answered(connection.state);
  return (connection.ends[0].flags & connection.ends[1].flags & TcpEnd::kSynAcked) != 0;
}
// Whether it stays for as long as its time lasts. All others may have to go for new ones: they are
// nearly over, or made by single frames.
constexpr bool stays(State state) { return state == State::established; }
constexpr bool is_over(State state) { return state == State::time_wait || state == State::reset; }

// Brings a connection that was loaded, from whomever, into a form that can do no harm. False: it is
// none that could have this key.
bool sane(Connection& connection, const FlowKey& key);

}  // namespace gatehouse::firewall

#endif  // GATEHOUSE_HW_CORE_FIREWALL_TRACK_HH_
