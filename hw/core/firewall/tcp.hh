// SPDX-License-Identifier: GPL-2.0-or-later
// TCP as a bystander can follow it: which segments may belong to a connection (RFC 9293's windows,
// seen from the middle), and what they do to it.
#ifndef GATEHOUSE_HW_CORE_FIREWALL_TCP_HH_
#define GATEHOUSE_HW_CORE_FIREWALL_TCP_HH_

#include <cstdint>

#include "hw/core/base/layers.hh"
#include "hw/core/firewall/connection.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::firewall {

// A TCP segment, or a super-frame, which is one whole segment here.
struct Segment {
  uint32_t sequence = 0, acknowledgement = 0;
  uint32_t length = 0;  // octets of payload
  uint16_t window = 0;  // as in the header
  uint8_t flags = 0;
  bool has_scale = false;
  uint8_t scale = 0;     // at most 14 (RFC 7323 section 2.3)
  bool is_part = false;  // a first fragment: how much follows is not known
};

// layers.l4 is kTcp.
Segment segment_of(const uint8_t* frame, const Layers& layers);

struct TcpStep {
  spec::DropReason reason = spec::DropReason::none;  // else the connection is as it was
  // The connection lives on from now. False: the segment is let through, but shows nothing: an end
  // will answer it by what is true.
  bool lives = true;
  // The old connection is over and this SYN begins another one: nothing was changed.
  bool restart = false;
};

// `connection` is all zero but for what the caller fills in. Anything but a SYN is
// firewall_no_connection.
spec::DropReason tcp_begin(Connection& connection, const Segment& segment);
// `from`: 0, the end that began; 1, the other.
TcpStep tcp_go_on(Connection& connection, unsigned from, const Segment& segment);

// What the two ends have said makes it; but for `was_reset`, nothing else does.
State tcp_state(const Connection& connection);

// Whether an end has not acknowledged all that the other one has sent for certain.
inline bool tcp_owes(const TcpEnd& sender, const TcpEnd& receiver) {
  uint32_t sent = sender.end;
  if ((sender.flags & TcpEnd::kGuessed) != 0) {
    if ((sender.flags & (TcpEnd::kFin | TcpEnd::kCallsAgain)) != 0) return false;
    sent = sender.fin_end;
  }
  const uint32_t acked = (receiver.flags & TcpEnd::kAcks) != 0 ? receiver.acked : sender.start + 1;
  return static_cast<int32_t>(sent - acked) > 0;
}
// Seconds without a frame until the connection is forgotten.
inline uint32_t seconds_of(const Connection& connection) {
  const bool owed =
      connection.state == State::established && (tcp_owes(connection.ends[0], connection.ends[1]) ||
                                                 tcp_owes(connection.ends[1], connection.ends[0]));
  return owed ? kOwedSeconds : seconds_of(connection.state);
}

// Whether an ICMP error that quotes this sequence number of end `from` can be about something that
// is under way (RFC 5927 section 4.1).
bool tcp_under_way(const Connection& connection, unsigned from, uint32_t sequence);

}  // namespace gatehouse::firewall

#endif  // GATEHOUSE_HW_CORE_FIREWALL_TCP_HH_
