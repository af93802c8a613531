// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/track.hh"

#include <algorithm>

namespace gatehouse::firewall {
namespace {

using spec::DropReason;

State first_state(Kind kind) {
  switch (kind) {
    case Kind::kUdp:
      return State::udp_asked;
    case Kind::kEcho:
      return State::echo_asked;
    default:
      return State::other_asked;
  }
}

State answered(State state) {
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

}  // namespace

DropReason begin(Connection& connection, Kind kind, const uint8_t* frame, const Layers& layers,
                 FlowDirection direction) {
  connection.began = direction;
  if (kind == Kind::kTcp) return tcp_begin(connection, segment_of(frame, layers));
  if (kind == Kind::kEcho) {
    if (is_echo_answer(frame, layers)) return DropReason::firewall_no_connection;
    connection.icmp_type = frame[layers.l4_offset];
  }
  connection.state = first_state(kind);
  return DropReason::none;
}

TcpStep go_on(Connection& connection, Kind kind, const uint8_t* frame, const Layers& layers,
              FlowDirection direction) {
  const bool answer = direction != connection.began;
  if (kind == Kind::kTcp) return tcp_go_on(connection, answer, segment_of(frame, layers));
  if (answer) connection.state = answered(connection.state);
  return {};
}

bool sane(Connection& connection, uint8_t protocol) {
  if (connection.state >= State::kCount || connection.began > FlowDirection::kIn) return false;
  const bool tcp = protocol == static_cast<uint8_t>(IpProtocol::kTcp);
  if (tcp != (connection.state <= State::reset)) return false;
  for (TcpEnd& end : connection.ends) {
    end.scale = std::min(end.scale, TcpEnd::kMaxScale);
    if (end.again_scale > TcpEnd::kMaxScale) end.again_scale = TcpEnd::kNoScale;
    end.max_window = std::max(end.max_window, 1u);
  }
  connection.was_reset = connection.state == State::reset;
  return true;
}

}  // namespace gatehouse::firewall
