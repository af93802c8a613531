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
