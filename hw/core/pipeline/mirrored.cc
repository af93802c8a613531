// SPDX-License-Identifier: GPL-2.0-or-later
// Copies for mirror sessions.
#include <algorithm>
#include <cstring>

#include "hw/core/parse/parse.hh"
#include "hw/core/pipeline/impl.hh"

namespace gatehouse::pipeline {

using spec::DropReason;
using spec::VnicCounter;

// Nobody waits for a copy, and nothing is dropped for one: it is sent now or not at all.
void Pipeline::Impl::mirror(unsigned vnic, const OutFrame& frame, const Offload& offload) {
  const NextHop& hop = tables->mirrors[vnics[vnic].mirror];
  underlay::Neighbours& neighbours = tables->neighbours;
  const uint32_t octets = frame.length();
  const bool ready = uplinks[hop.uplink].up && (neighbours.usable(hop.neighbour, now) ||
                                                neighbours.need(hop.neighbour, now, *this));
  Packet* copy = ready && !pool.scarce(octets) ? pool.take(octets) : nullptr;
  if (copy == nullptr) {
    ++vnics[vnic][VnicCounter::mirror_lost];
    return;
  }
  if (frame.head.length != 0) std::memcpy(copy->data, frame.head.data, frame.head.length);
  if (frame.body.length != 0)
    std::memcpy(copy->data + frame.head.length, frame.body.data, frame.body.length);
  copy->length = octets;
  copy->offload = offload;
  flush();  // what came before goes before
  const bool read = parse::parse(*copy, {.ipv4_checksum = false}) == DropReason::none;
  if (!read || !mirror_cut(hop, *copy)) {
    Inner inner = read ? inner_of(*copy) : Inner{copy->data, octets, {}, {}};
    inner.head_length = std::min(octets, hop.underlay_frame);  // the rest is lost
    send_mirrored(hop, inner);
  }
  flush();
  pool.give(copy);
  ++vnics[vnic][VnicCounter::mirrored];
}

// What the underlay does not take is cut to segments where it is TCP, super-frames as on their way.
// False: nothing was sent.
bool Pipeline::Impl::mirror_cut(const NextHop& hop, Packet& packet) {
  const Layers& layers = packet.layers;
  Offload& offload = packet.offload;
  if (!offload.tso) {
    const bool tcp = layers.l4 == L4::kTcp && !layers.fragment;
    if (!tcp || layers.l3_end <= hop.underlay_frame) return false;
    packet.length = layers.l3_end;  // what stands behind the datagram is not of the stream
    offload = {.tso = true,
               .tcp = true,
               .ipv4 = layers.l3 == L3::kIpv4,
               .mss = UINT16_MAX,
               .header_length = layers.payload_offset,
               .payload_length = packet.length - layers.payload_offset};
  }
  const uint32_t mtu = std::max(hop.underlay_frame - layers.l2_length, segment::kMinMtu);
  clamp_mss(packet, mtu);
  if (mirror_segmenter_.begin(packet, mtu) != DropReason::none) return false;
  Inner inner = inner_of(packet);
  std::array<segment::Segment, segment::kRun> segments;
  while (!mirror_segmenter_.done()) {
    mirror_arena_.reset(encapsulate::Outer::kReserve);
    const uint32_t count = mirror_segmenter_.next(mirror_arena_, segments);
    for (uint32_t i = 0; i < count; ++i) {
      inner.head = segments[i].head;
      inner.head_length = segments[i].head_length;
      inner.body = segments[i].body;
      send_mirrored(hop, inner);
    }
    flush();  // before the arena forgets the headers
  }
  return true;
}

void Pipeline::Impl::send_mirrored(const NextHop& hop, const Inner& inner) {
  uint8_t* start = push_outer(hop, inner);
  std::memcpy(start, tables->neighbours.mac(hop.neighbour).octets.data(), 6);
  add(hop.uplink, {start, static_cast<uint32_t>(inner.head + inner.head_length - start)},
      inner.body);
}

}  // namespace gatehouse::pipeline
