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

Kind family_of(State state) {
  switch (state) {
    case State::udp_asked:
    case State::udp_answered:
      return Kind::kUdp;
    case State::echo_asked:
    case State::echo_answered:
      return Kind::kEcho;
    case State::other_asked:
    case State::other_answered:
      return Kind::kOther;
    default:
      return Kind::kTcp;
  }
}

// Of a key: with ports, or an echo's identifier, or neither.
bool fits(const Connection& connection, const FlowKey& key) {
  const auto protocol = static_cast<IpProtocol>(key.protocol);
  const bool asked_in = connection.began == FlowDirection::kIn;
  switch (family_of(connection.state)) {
    case Kind::kTcp:
      return protocol == IpProtocol::kTcp && !key.remote_asks;
    case Kind::kUdp:
      return protocol == IpProtocol::kUdp && !key.remote_asks;
    case Kind::kEcho:
      return protocol == (key.v6 ? IpProtocol::kIcmpv6 : IpProtocol::kIcmp) &&
             key.remote_asks == asked_in && (asked_in ? key.local_port : key.remote_port) == 0;
    default:
      return protocol != IpProtocol::kTcp && key.local_port == 0 && key.remote_port == 0 &&
             !key.remote_asks;
  }
}

// What moves does not say what was sent for certain: at least what was acknowledged.
void complete_guess(TcpEnd& sender, const TcpEnd& receiver) {
  constexpr uint8_t kSaid = TcpEnd::kFin | TcpEnd::kCallsAgain;
  if ((sender.flags & (kSaid | TcpEnd::kGuessed)) != TcpEnd::kGuessed) return;
  const uint32_t acked = (receiver.flags & TcpEnd::kAcks) != 0 ? receiver.acked : sender.start + 1;
  if (sender.fin_end - acked > sender.end - acked) sender.fin_end = acked;
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

bool sane(Connection& connection, const FlowKey& key) {
  if (connection.state >= State::kCount || connection.began > FlowDirection::kIn ||
      !fits(connection, key)) {
    return false;
  }
  connection.was_reset = connection.state == State::reset;
  if (family_of(connection.state) != Kind::kTcp) return true;
  for (TcpEnd& end : connection.ends) {
    end.scale = std::min(end.scale, TcpEnd::kMaxScale);
    if (end.again_scale > TcpEnd::kMaxScale) end.again_scale = TcpEnd::kNoScale;
    end.max_window = std::max(end.max_window, 1u);
    const bool calls = (end.flags & TcpEnd::kCallsAgain) != 0;
    if ((end.flags & TcpEnd::kFin) != 0 && !calls) end.end = end.fin_end;
  }
  for (unsigned i = 0; i < 2; ++i) complete_guess(connection.ends[i], connection.ends[1 - i]);
  connection.state = tcp_state(connection);
  return true;
}

}  // namespace gatehouse::firewall
