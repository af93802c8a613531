// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/firewall/tcp.hh"

#include <algorithm>

#include "hw/core/base/headers.hh"

namespace gatehouse::firewall {
namespace {

using spec::DropReason;
using Tcp = TcpHeader<const uint8_t>;

// How far an acknowledgement may lag behind at least: one that was overtaken on its way.
constexpr uint32_t kMinAckWindow = 66000;
constexpr TcpStep kIgnored{DropReason::none, false, false};
constexpr TcpStep kBadFlags{DropReason::firewall_bad_flags, false, false};
constexpr TcpStep kBadWindow{DropReason::firewall_bad_window, false, false};

// Modulo 2^32: a is behind b, or b itself.
bool reaches(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) >= 0; }
bool beyond(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

// Combinations that a TCP sends.
bool plausible(uint8_t flags) {
  if ((flags & Tcp::kSyn) != 0) return (flags & (Tcp::kFin | Tcp::kRst)) == 0;
  if ((flags & Tcp::kRst) != 0) return (flags & Tcp::kFin) == 0;
  return (flags & Tcp::kAck) != 0;
}

uint32_t end_of(const Segment& segment) {
  return segment.sequence + segment.length + ((segment.flags & Tcp::kSyn) != 0) +
         ((segment.flags & Tcp::kFin) != 0);
}

void open_end(TcpEnd& end, const Segment& segment) {
  end = {};
  end.start = segment.sequence;
  end.end = end.limit = end_of(segment);
  end.max_window = std::max<uint32_t>(segment.window, 1);  // a SYN's window is never scaled
  end.flags = TcpEnd::kSyn;
  if (segment.has_scale) {
    end.flags |= TcpEnd::kScales;
    end.scale = segment.scale;
  }
}

// `window`: in octets.
void take_ack(TcpEnd& sender, TcpEnd& receiver, uint32_t ack, uint32_t window) {
  if ((sender.flags & TcpEnd::kAcks) == 0 || beyond(ack, sender.acked)) sender.acked = ack;
  sender.flags |= TcpEnd::kAcks;
  // A closed window is probed with one octet.
  const uint32_t limit = ack + std::max<uint32_t>(window, 1);
  if (beyond(limit, receiver.limit)) receiver.limit = limit;
  if (beyond(ack, receiver.start)) receiver.flags |= TcpEnd::kSynAcked;
  const bool fin = (receiver.flags & TcpEnd::kFin) != 0;
  if (fin && reaches(ack, receiver.end)) receiver.flags |= TcpEnd::kFinAcked;
}

// Behind what it has sent for certain: the other end acknowledges nothing else.
uint32_t sent_at_least(const TcpEnd& sender, const TcpEnd& receiver) {
  if ((sender.flags & TcpEnd::kGuessed) == 0) return sender.end;
  return (receiver.flags & TcpEnd::kAcks) != 0 ? receiver.acked : sender.start + 1;
}

// Of an end whose FIN is known to be here nothing more comes.
bool end_is_known(const TcpEnd& end) {
  return (end.flags & (TcpEnd::kFin | TcpEnd::kGuessed)) == TcpEnd::kFin;
}

// `end`: of the segment. Where something was sent that may end behind it, or will be.
void take_certain(TcpEnd& sender, uint32_t end) {
  if ((sender.flags & (TcpEnd::kFin | TcpEnd::kCallsAgain)) != 0) return;
  const uint32_t before = (sender.flags & TcpEnd::kGuessed) != 0 ? sender.fin_end : sender.end;
  sender.fin_end = beyond(end, before) ? end : before;
}

// `end`: of the segment, which the windows let pass.
void take_end(TcpEnd& sender, const Segment& segment, uint32_t end) {
  if (end_is_known(sender)) return;
  const bool fin = (segment.flags & Tcp::kFin) != 0;
  if (segment.is_part) {
    // The other end may acknowledge as much as it lets be sent.
    uint32_t reach = end;
    if (beyond(sender.limit, end)) reach += std::min(sender.limit - end, kLargestDatagram);
    const bool more = beyond(reach, sender.end);
    if (more || (sender.flags & TcpEnd::kGuessed) != 0) take_certain(sender, end);
    if (more) {
      sender.end = reach;
      sender.flags |= TcpEnd::kGuessed;
    }
  } else if (fin || reaches(end, sender.end)) {
    sender.end = end;
    sender.flags &= static_cast<uint8_t>(~TcpEnd::kGuessed);
  } else if ((sender.flags & TcpEnd::kGuessed) != 0) {
    take_certain(sender, end);
  }
  if (!fin) return;
  if ((sender.flags & TcpEnd::kFin) == 0)
    sender.flags &= static_cast<uint8_t>(~TcpEnd::kCallsAgain);
  sender.flags |= TcpEnd::kFin;
  if ((sender.flags & TcpEnd::kCallsAgain) == 0) sender.fin_end = sender.end;
}

// SYN without ACK.
TcpStep take_syn(Connection& connection, unsigned from, const Segment& segment) {
  TcpEnd& sender = connection.ends[from];
  if (connection.state == State::time_wait || connection.state == State::reset) {
    return {DropReason::none, false, true};
  }
  const bool both = (connection.ends[1].flags & TcpEnd::kSyn) != 0;
  if (!both) {
    // Sent again, maybe by an end that has started anew; or both ends call at the same time.
    const TcpEnd before = sender;
    open_end(sender, segment);
    // RFC 7413 section 4.1.3: without the data, which may have arrived all the same.
    if ((before.flags & TcpEnd::kSyn) != 0 && before.start == sender.start &&
        beyond(before.end, sender.end)) {
      sender.end = sender.limit = before.end;
    }
    if (from == 0) connection.ends[1] = {};
    connection.state = tcp_state(connection);
    return {};
  }
  if (segment.sequence == sender.start) return kIgnored;
  if (from == 1) return kBadFlags;
  // Its sender has forgotten the connection, or is none of its ends. The other one answers by an
  // ACK, and only a true end resets the connection then (RFC 5961 section 4); or it has forgotten
  // too, and answers by a SYN.
  sender.flags |= TcpEnd::kCallsAgain;
  sender.fin_end = segment.sequence;
  sender.again_scale = segment.has_scale ? segment.scale : TcpEnd::kNoScale;
  return kIgnored;
}

// The other end's SYN answers the SYN in mid-connection: a new connection between the same two.
void starts_anew(Connection& connection, unsigned from, const Segment& segment) {
  const TcpEnd& first = connection.ends[0];
  if (from != 1 || (first.flags & TcpEnd::kCallsAgain) == 0) return;
  if (segment.acknowledgement != first.fin_end + 1) return;
  const Segment syn{.sequence = first.fin_end,
                    .window = 1,
                    .flags = Tcp::kSyn,
                    .has_scale = first.again_scale != TcpEnd::kNoScale,
                    .scale = first.again_scale};
  open_end(connection.ends[0], syn);
  connection.ends[1] = {};
  connection.was_reset = false;
}

// SYN with ACK.
TcpStep take_syn_ack(Connection& connection, unsigned from, const Segment& segment) {
  TcpEnd& sender = connection.ends[from];
  TcpEnd& receiver = connection.ends[1 - from];
  if ((receiver.flags & TcpEnd::kSyn) == 0) return kBadFlags;
  starts_anew(connection, from, segment);
  // To a SYN with data (RFC 7413) it may acknowledge the SYN alone.
  const bool acks = beyond(segment.acknowledgement, receiver.start) &&
                    reaches(receiver.end, segment.acknowledgement);
  // As long as it has not been acknowledged the end may answer by another one: the first was lost
  // on its way, and the end remembers nothing (RFC 4987 section 3.6).
  const bool may_open = from == 1 && (sender.flags & TcpEnd::kSynAcked) == 0;
  const bool another = may_open && segment.sequence != sender.start;
  if ((sender.flags & TcpEnd::kSyn) == 0 || another) {
    if (!acks) return kBadWindow;
    open_end(sender, segment);
    sender.limit = std::max(sender.end - sender.start, 1 + receiver.max_window) + sender.start;
  } else if (segment.sequence != sender.start || !acks) {
    return kBadWindow;
  }
  take_ack(sender, receiver, segment.acknowledgement, segment.window);
  connection.state = tcp_state(connection);
  return {};
}

// Before the other end has answered at all.
TcpStep take_early(Connection& connection, unsigned from, const Segment& segment) {
  const TcpEnd& first = connection.ends[0];
  const bool rst = (segment.flags & Tcp::kRst) != 0;
  if (from == 0) {
    if (!rst) return kBadFlags;
    // Else it answers the ACK of an older connection, see below, and calls again.
    if (segment.sequence != first.end) return kIgnored;
  } else if (!rst) {
    // The other end still has an older connection and says so (RFC 9293 section 3.5.1).
    const bool bare = segment.length == 0 && (segment.flags & Tcp::kFin) == 0;
    return bare ? kIgnored : kBadFlags;
  } else if ((segment.flags & Tcp::kAck) == 0 || !beyond(segment.acknowledgement, first.start) ||
             !reaches(first.end, segment.acknowledgement)) {
    return kBadWindow;
  }
  connection.was_reset = true;
  connection.state = State::reset;
  return {};
}

// RFC 5961 section 3: only a RST that is exactly next ends the connection. Another one within the
// window makes its receiver ask by an ACK.
TcpStep take_rst(Connection& connection, unsigned from, const Segment& segment) {
  const TcpEnd& sender = connection.ends[from];
  const TcpEnd& receiver = connection.ends[1 - from];
  // The other end refuses the SYN that came in mid-connection: it has lost the old one, too.
  const bool refuses = from == 1 && (receiver.flags & TcpEnd::kCallsAgain) != 0 &&
                       (segment.flags & Tcp::kAck) != 0 &&
                       segment.acknowledgement == receiver.fin_end + 1;
  if (refuses) {
    connection.was_reset = true;
    connection.state = State::reset;
    return {};
  }
  const bool known = (receiver.flags & TcpEnd::kAcks) != 0;
  const uint32_t next = known ? receiver.acked : sender.start + 1;
  if (!reaches(segment.sequence, next) || beyond(segment.sequence, sender.limit)) {
    return kBadWindow;
  }
  if ((segment.flags & Tcp::kAck) != 0 && beyond(segment.acknowledgement, receiver.end)) {
    return kBadWindow;
  }
  // What was sent last may be under way to the receiver still.
  if (segment.sequence != next && segment.sequence != sender.end) return kIgnored;
  connection.was_reset = true;
  connection.state = State::reset;
  return {};
}

}  // namespace

State tcp_state(const Connection& connection) {
  if (connection.was_reset) return State::reset;
  const uint8_t all = connection.ends[0].flags & connection.ends[1].flags;
  const uint8_t any = connection.ends[0].flags | connection.ends[1].flags;
  if ((all & TcpEnd::kFinAcked) != 0) return State::time_wait;
  if ((all & TcpEnd::kFin) != 0) return State::last_ack;
  if ((any & TcpEnd::kFin) != 0) return State::closing;
  if ((all & TcpEnd::kSyn) == 0) return State::syn_sent;
  return (all & TcpEnd::kSynAcked) != 0 ? State::established : State::syn_received;
}

Segment segment_of(const uint8_t* frame, const Layers& layers) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kWindowScale = 3;
  const Tcp tcp(frame + layers.l4_offset);
  Segment segment{.sequence = tcp.sequence(),
                  .acknowledgement = tcp.acknowledgement(),
                  .length = layers.l3_end - layers.payload_offset,
                  .window = tcp.window(),
                  .flags = tcp.flags(),
                  .is_part = layers.fragment};
  if ((segment.flags & Tcp::kSyn) == 0) return segment;
  const uint8_t* options = tcp.at() + Tcp::kLength;
  const uint32_t octets = tcp.header_length() - Tcp::kLength;
  for (uint32_t at = 0; at < octets && options[at] != kEnd;) {
    if (options[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= octets || options[at + 1] < 2 || options[at + 1] > octets - at) break;
    if (options[at] == kWindowScale && options[at + 1] == 3) {
      segment.has_scale = true;
      segment.scale = std::min(options[at + 2], TcpEnd::kMaxScale);
    }
    at += options[at + 1];
  }
  return segment;
}

DropReason tcp_begin(Connection& connection, const Segment& segment) {
  if (!plausible(segment.flags)) return DropReason::firewall_bad_flags;
  if ((segment.flags & (Tcp::kSyn | Tcp::kAck)) != Tcp::kSyn) {
    return DropReason::firewall_no_connection;
  }
  open_end(connection.ends[0], segment);
  connection.state = State::syn_sent;
  return DropReason::none;
}

TcpStep tcp_go_on(Connection& connection, unsigned from, const Segment& segment) {
  if (!plausible(segment.flags)) return kBadFlags;
  TcpEnd& sender = connection.ends[from];
  TcpEnd& receiver = connection.ends[1 - from];
  if ((segment.flags & Tcp::kSyn) != 0) {
    const bool ack = (segment.flags & Tcp::kAck) != 0;
    return ack ? take_syn_ack(connection, from, segment) : take_syn(connection, from, segment);
  }
  if ((connection.ends[1].flags & TcpEnd::kSyn) == 0) return take_early(connection, from, segment);
  if ((segment.flags & Tcp::kRst) != 0) return take_rst(connection, from, segment);

  const uint32_t end = end_of(segment);
  const bool scales = (sender.flags & receiver.flags & TcpEnd::kScales) != 0;
  const uint32_t window = uint32_t{segment.window} << (scales ? sender.scale : 0);
  const bool fin = (segment.flags & Tcp::kFin) != 0;
  const bool finished = (sender.flags & TcpEnd::kFin) != 0;
  // I and II: not beyond what the receiver lets it send, not further back than it ever let it send.
  // A FIN is let out by some, and taken by all, when the window is full; ACKs stand behind it.
  const uint32_t extra = fin || finished || segment.length == 0;
  if (beyond(end, sender.limit + extra)) return kBadWindow;
  const uint32_t sent = sent_at_least(sender, receiver);
  if (beyond(sent - 1 - receiver.max_window, segment.sequence)) return kBadWindow;
  // III and IV: no acknowledgement of what was not sent, none that is too old.
  if (beyond(segment.acknowledgement, receiver.end)) return kBadWindow;
  const uint32_t lag = std::max(sender.max_window, kMinAckWindow);
  if (beyond(sent_at_least(receiver, sender) - lag, segment.acknowledgement)) return kBadWindow;
  // Nothing follows a FIN.
  if (finished && beyond(end, sender.end)) return kBadWindow;
  if (fin && !end_is_known(sender) && beyond(sent, end)) return kBadWindow;

  take_end(sender, segment, end);
  sender.max_window = std::max(sender.max_window, window);
  take_ack(sender, receiver, segment.acknowledgement, window);
  const bool over = connection.state == State::reset;
  connection.state = tcp_state(connection);
  return {DropReason::none, !over, false};
}

bool tcp_under_way(const Connection& connection, unsigned from, uint32_t sequence) {
  const TcpEnd& sender = connection.ends[from];
  const TcpEnd& receiver = connection.ends[1 - from];
  const bool known = (receiver.flags & TcpEnd::kAcks) != 0;
  const uint32_t oldest = known ? receiver.acked - receiver.max_window : sender.start;
  return (sender.flags & TcpEnd::kSyn) != 0 && reaches(sequence, oldest) &&
         reaches(sender.end, sequence);
}

}  // namespace gatehouse::firewall
