// SPDX-License-Identifier: GPL-2.0-or-later
// What goes out in several TCP-shaped segments: TCP super-frames, and in a stream whatever is
// larger than one segment. TCP frames that are none are told the MTU as ever, but for IPv6's least
// one: whole segments cost less.
#include <algorithm>
#include <array>
#include <cstring>

#include "hw/core/base/headers.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using spec::DropReason;
using spec::VnicCounter;
using stateless::Cutter;
using stateless::Information;

// The whole frame's IP header is written in front of it, too: its length fits there.
uint32_t largest_stream(const encapsulate::Outer& outer) {
  const uint32_t outside = Ipv6Header<uint8_t>::kLength + TcpHeader<uint8_t>::kLength;
  const uint32_t left_out = outer.carries_ip() ? EthernetHeader<uint8_t>::kLength : 0;
  return stateless::kMaxTotal - outside - outer.header_length() + left_out;
}

// Of a TCP super-frame meters see what the wire sees: a burst need not hold 64 KiB. What waits for
// a neighbour waits frame by frame. One of UDP is cut here in any case, to what its guest sends by
// itself else.
bool Pipeline::Impl::goes_in_segments(const Packet& packet, const NextHop& hop) const {
  if (hop.segment_room == 0) return false;
  const bool redundant = hop.outer.is_redundant();
  if (!packet.offload.tso || !packet.offload.tcp) return packet.layers.l4 != L4::kTcp && !redundant;
  if (!redundant && !hop.outer.tells_super_frames()) return false;
  return !metered() && uplinks[hop.uplink].up && tables->neighbours.usable(hop.neighbour, now);
}

// Octets of the largest frame that send_segments() takes as one of this super-frame; 0: none.
uint32_t Pipeline::Impl::segments_cut(const Packet& packet, const NextHop& hop,
                                      uint32_t mtu) const {
  const Offload& offload = packet.offload;
  const Layers& layers = packet.layers;
  const uint32_t headers = layers.payload_offset;
  if (!offload.tso || layers.l4 != L4::kTcp || headers >= layers.l2_length + mtu) return 0;
  // As clamp_mss() will have it.
  const uint32_t mss = std::min<uint32_t>(offload.mss, layers.l2_length + mtu - headers);
  if (mss < kLeastMss) return 0;  // no receiver would cut it so
  if (!hop.outer.is_redundant()) return largest_stream(hop.outer);
  if (headers == 0 || headers > Information::kMaxHeaders) return 0;
  const uint32_t body = Cutter::most_redundant(Information::kPrefix + headers, mss);
  return body < 2 * mss ? 0 : headers + body;
}

// `mss`: of an inner TCP super-frame whose checksum is the sum of the pseudo header; 0: the frame
// is none. The octets in front of inner.head are overwritten. Some segments of a frame are of no
// use: all of them go, or wait, or the frame ends here.
void Pipeline::Impl::send_segments(unsigned port, const NextHop& hop, const Inner& inner,
                                   const Layers& layers, uint16_t mss) {
  std::array<uint8_t, EthernetHeader<uint8_t>::kLength> ethernet;
  std::copy_n(inner.head, ethernet.size(), ethernet.data());
  const auto refuse = [&](DropReason reason) {
    // A tunnel header may have been written over it.
    std::copy(ethernet.begin(), ethernet.end(), inner.head);
    drop(true, port, {{inner.head, inner.head_length}, inner.body}, reason);
  };
  if (!uplinks[hop.uplink].up) return refuse(DropReason::uplink_down);
  flush();  // what came before goes before, and the heads of other frames are not needed any more
  const bool begun = hop.outer.is_redundant() ? begin_redundant(hop, inner, layers, mss)
                                              : begin_stream(hop, inner, layers, mss);
  if (!begun) return refuse(DropReason::too_many_segments);
  underlay::Neighbours& neighbours = tables->neighbours;
  const bool waits =
      !neighbours.usable(hop.neighbour, now) && !neighbours.need(hop.neighbour, now, *this);
  if (waits && !may_all_wait(port, hop)) return refuse(DropReason::neighbour_queue_full);
  walked(spec::Stage::stateless, port, cutter_.segments());
  if (cutter_.segments() > 1) vnics[port][VnicCounter::tx_shaped] += cutter_.segments();
  // An arena that is empty has room for a head: it is no longer than a segment.
  static_assert(encapsulate::Outer::kTemplate + policy::kMaxMtu <= segment::kArenaOctets);
  heads_.reset(encapsulate::Outer::kTemplate);
  while (!cutter_.done()) {
    uint8_t* head = heads_.take(cutter_.most_head());
    if (head == nullptr) {
      flush();
      heads_.reset(encapsulate::Outer::kTemplate);
      continue;
    }
    const stateless::Segment segment = cutter_.next(head);
    send_segment(port, hop, head, segment, inner, waits);
  }
  flush();
}

// The tunnel header is the one of a frame of one segment, but for what it says of a super-frame.
bool Pipeline::Impl::begin_stream(const NextHop& hop, const Inner& inner, const Layers& layers,
                                  uint16_t mss) {
  const encapsulate::Outer& outer = hop.outer;
  const uint32_t left_out = outer.carries_ip() ? EthernetHeader<uint8_t>::kLength : 0;
  uint8_t* start =
      outer.push(inner.head + left_out, inner.length() - left_out, inner.about, identification);
  uint8_t* header = start + outer.segment_headers();
  if (mss != 0) outer.tell_super_frame(header, layers, mss);
  const auto length = static_cast<uint32_t>(inner.head + inner.head_length - header);
  return cutter_.begin_stream({header, length}, inner.body, hop.segment_room, frame_id++);
}

bool Pipeline::Impl::begin_redundant(const NextHop& hop, const Inner& inner, const Layers& layers,
                                     uint16_t mss) {
  Information information;
  return mss != 0 && inner.head_length == layers.payload_offset &&
         information.set(hop.vni, inner.head, layers) &&
         cutter_.begin_redundant(information, inner.body, mss, frame_id++);
}

// Those of cutter_, each as a copy.
bool Pipeline::Impl::may_all_wait(unsigned port, const NextHop& hop) const {
  const uint32_t segments = cutter_.segments();
  const int32_t spare = pool.spare(cutter_.length(0), PacketPool::kWaiting);
  return tables->neighbours.may_wait(hop.neighbour, static_cast<uint16_t>(port), segments) &&
         spare >= static_cast<int32_t>(segments) - 1 && !pool.scarce(cutter_.length(segments - 1));
}

// As send() and wait() of frames of one segment.
void Pipeline::Impl::send_segment(unsigned port, const NextHop& hop, uint8_t* head,
                                  const stateless::Segment& segment, const Inner& inner,
                                  bool waits) {
  Packet* copy = nullptr;
  if (waits) {
    copy = copy_to_wait(port, hop, {{head, segment.head_length}, segment.body});
    if (copy == nullptr) return;  // cannot be: may_all_wait()
  }
  uint8_t* at = copy != nullptr ? copy->data : head;
  const uint32_t at_length = copy != nullptr ? copy->length : segment.head_length;
  const Slice body = copy != nullptr ? Slice{} : segment.body;
  uint8_t* start =
      hop.outer.push_segment(at, at_length, body, inner.about, identification++,
                             {segment.place.sequence(), segment.place.acknowledgement()});
  if (copy != nullptr) {
    copy->push(static_cast<uint32_t>(copy->data - start));
    return tables->neighbours.wait(hop.neighbour, copy);
  }
  std::memcpy(start, tables->neighbours.mac(hop.neighbour).octets.data(), 6);
  add(hop.uplink, {start, static_cast<uint32_t>(at + at_length - start)}, body);
}

}  // namespace gatehouse::pipeline
