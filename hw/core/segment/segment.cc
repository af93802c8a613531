// SPDX-License-Identifier: GPL-2.0-or-later
// What becomes of a frame, and super-frames to segments. Fragments: fragment.cc.
#include "hw/core/segment/segment.hh"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::segment {
namespace {

using checksum::add;
using spec::DropReason;

constexpr uint32_t kHeaderAlignment = 16;

constexpr uint32_t divide_up(uint32_t value, uint32_t by) { return (value + by - 1) / by; }

bool context_fits(const Packet& packet) {
  const Offload& offload = packet.offload;
  const Layers& layers = packet.layers;
  const bool l3_fits = layers.l3 == (offload.ipv4 ? L3::kIpv4 : L3::kIpv6);
  const bool l4_fits = layers.l4 == (offload.tcp ? L4::kTcp : L4::kUdp);
  return l3_fits && l4_fits && !layers.fragment && !layers.source_route && offload.mss != 0 &&
         layers.payload_offset != 0 && layers.payload_offset <= kMaxHeaders &&
         offload.header_length == layers.payload_offset &&
         offload.payload_length == packet.length - layers.payload_offset;
}

}  // namespace

HeaderArena::HeaderArena(uint32_t octets)
    : storage_(std::make_unique_for_overwrite<uint8_t[]>(octets)), capacity_(octets) {}

void HeaderArena::reset(uint32_t reserve) {
  used_ = 0;
  reserve_ = reserve;
}

uint8_t* HeaderArena::take(uint32_t octets) {
  const uint32_t start = used_ + reserve_;
  if (start + octets > capacity_) return nullptr;
  used_ = (start + octets + kHeaderAlignment - 1) & ~(kHeaderAlignment - 1);
  return storage_.get() + start;
}

DropReason Segmenter::begin(const Packet& packet, uint32_t mtu, uint32_t wire_cuts) {
  assert(mtu >= kMinMtu);
  const Layers& layers = packet.layers;
  packet_ = &packet;
  mtu_ = std::min(mtu, kLargestDatagram);
  kind_ = Kind::kPass;
  fragment_segments_ = false;
  done_ = total_ = 0;
  datagram_ = Datagram{};
  if (packet.offload.tso) return begin_super_frame(wire_cuts);

  pass_length_ = packet.length;
  if (layers.l3_end - layers.l2_length > mtu_) return begin_fragments();
  // What stands behind the datagram is padding: it must not make the frame too long for the
  // underlay.
  if (packet.length - layers.l2_length > mtu_) pass_length_ = layers.l3_end;
  total_ = 1;
  return DropReason::none;
}

DropReason Segmenter::begin_super_frame(uint32_t wire_cuts) {
  if (!context_fits(*packet_)) return DropReason::bad_tso_context;
  const Layers& layers = packet_->layers;
  kind_ = Kind::kSegments;
  header_length_ = layers.payload_offset;
  payload_ = {packet_->data + header_length_, packet_->length - header_length_};
  mss_ = packet_->offload.mss;
  const DropReason reason = fit_super_frame();
  if (reason != DropReason::none) return reason;

  on_wire_ = std::max(1u, divide_up(payload_.length, mss_));
  piece_ = mss_;
  if (layers.l4 == L4::kTcp && wire_cuts > header_length_ + mss_) {
    piece_ = (wire_cuts - header_length_) / mss_ * mss_;
  }
  segments_ = std::max(1u, divide_up(payload_.length, piece_));
  uint32_t total = segments_;
  if (fragment_segments_) {
    const uint32_t l4_header = header_length_ - layers.l4_offset;
    const uint32_t last = payload_.length - (segments_ - 1) * mss_;
    total = (segments_ - 1) * fragments_of(l4_header + mss_) + fragments_of(l4_header + last);
    on_wire_ = total;
  }
  if (on_wire_ > kMaxSegments || total > kMaxSegments) return DropReason::too_many_segments;
  total_ = total;
  next_segment_ = 0;
  sum_headers();
  return DropReason::none;
}

// Makes the segments fit the MTU where the sender permits that.
DropReason Segmenter::fit_super_frame() {
  const Layers& layers = packet_->layers;
  const uint32_t headers = header_length_ - layers.l2_length;
  const uint32_t largest = headers + std::min(mss_, payload_.length);
  if (largest <= mtu_) return DropReason::none;
  if (layers.l3 != L3::kIpv4 || Ipv4Header(packet_->data + layers.l2_length).dont_fragment()) {
    return DropReason::exceeds_mtu;
  }
  if (layers.l4 == L4::kTcp) {
    if (headers >= mtu_) return DropReason::not_fragmentable;
    mss_ = mtu_ - headers;
    return DropReason::none;
  }
  if (largest > kLargestDatagram) return DropReason::not_fragmentable;
  ip_header_ = layers.l4_offset - layers.l2_length;
  fragment_segments_ = true;
  return DropReason::none;
}

// Sums of the header fields that all segments share, so that each segment adds only what is its
// own.
void Segmenter::sum_headers() {
  const Layers& layers = packet_->layers;
  const uint8_t* l3 = packet_->data + layers.l2_length;
  const uint8_t* l4 = packet_->data + layers.l4_offset;
  if (layers.l3 == L3::kIpv4) {
    const Ipv4Header ip(l3);
    ip_sum_ = checksum::sum(l3, ip.header_length());
    ip_sum_ = checksum::subtract(ip_sum_, ip.total_length());
    ip_sum_ = checksum::subtract(ip_sum_, ip.identification());
    ip_sum_ = checksum::subtract(ip_sum_, ip.checksum());
    pseudo_sum_ =
        checksum::pseudo_v4(ip.source_octets(), ip.destination_octets(), layers.ip_protocol, 0);
  } else {
    const Ipv6Header ip(l3);
    pseudo_sum_ =
        checksum::pseudo_v6(ip.source_octets(), ip.destination_octets(), layers.ip_protocol, 0);
  }
  uint16_t sum = checksum::sum(l4, header_length_ - layers.l4_offset);
  if (layers.l4 == L4::kTcp) {
    const TcpHeader tcp(l4);
    sum = checksum::subtract(sum, static_cast<uint16_t>(tcp.sequence() >> 16));
    sum = checksum::subtract(sum, static_cast<uint16_t>(tcp.sequence()));
    sum = checksum::subtract(sum, tcp.flags());
    sum = checksum::subtract(sum, tcp.checksum());
  } else {
    const UdpHeader udp(l4);
    sum = checksum::subtract(sum, udp.length());
    sum = checksum::subtract(sum, udp.checksum());
  }
  l4_sum_ = add(sum, pseudo_sum_);
}

uint32_t Segmenter::next(HeaderArena& arena, std::span<Segment> out) {
  uint32_t count = 0;
  while (count < out.size() && !done() && make_next(arena, out[count])) {
    ++count;
    ++done_;
  }
  return count;
}

bool Segmenter::make_next(HeaderArena& arena, Segment& out) {
  if (kind_ == Kind::kPass) {
    out = Segment{nullptr, 0, {packet_->data, pass_length_}};
    return true;
  }
  if (kind_ == Kind::kFragments) return make_fragment(arena, out);
  if (fragment_segments_) {
    if (datagram_.sent == datagram_.ip_payload) {
      const Slice body = write_segment(next_segment_++, scratch_);
      const uint32_t l4_header = header_length_ - packet_->layers.l4_offset;
      datagram_ = {scratch_, header_length_, body, 0, l4_header + body.length};
    }
    return make_fragment(arena, out);
  }
  uint8_t* head = arena.take(header_length_);
  if (head == nullptr) return false;
  const Slice body = write_segment(next_segment_++, head);
  out = Segment{head, header_length_, body};
  if (body.length > mss_) out.mss = static_cast<uint16_t>(mss_);
  return true;
}

Slice Segmenter::write_segment(uint32_t index, uint8_t* head) const {
  const Layers& layers = packet_->layers;
  const uint32_t start = index * piece_;
  const Slice body{payload_.data + start, std::min(piece_, payload_.length - start)};
  std::memcpy(head, packet_->data, header_length_);

  uint8_t* l3 = head + layers.l2_length;
  const uint32_t datagram = header_length_ - layers.l2_length + body.length;
  if (layers.l3 == L3::kIpv4) {
    const Ipv4Header ip(l3);
    const auto total = static_cast<uint16_t>(datagram);
    const uint32_t step = packet_->offload.same_id ? 0 : piece_ / mss_;
    const auto id = static_cast<uint16_t>(ip.identification() + index * step);
    ip.set_total_length(total);
    ip.set_identification(id);
    ip.set_checksum(checksum::finish(add(add(ip_sum_, total), id)));
  } else {
    using Ipv6 = Ipv6Header<uint8_t>;
    Ipv6(l3).set_payload_length(static_cast<uint16_t>(datagram - Ipv6::kLength));
  }
  write_l4(index, body, head + layers.l4_offset);
  return body;
}

void Segmenter::write_l4(uint32_t index, const Slice& body, uint8_t* l4) const {
  const uint32_t l4_length = header_length_ - packet_->layers.l4_offset + body.length;
  const auto length = static_cast<uint16_t>(l4_length);
  // An L4 header has an even number of octets, so the payload's sum needs no swap.
  const bool whole = body.length <= mss_;  // else the wire sums up what it cuts
  const uint16_t sum =
      whole ? add(add(l4_sum_, checksum::sum(body.data, body.length)), length) : uint16_t{0};
  if (packet_->layers.l4 == L4::kUdp) {
    const UdpHeader udp(l4);
    udp.set_length(length);
    udp.set_checksum(checksum::finish_udp(add(sum, length)));
    return;
  }
  using Tcp = TcpHeader<uint8_t>;
  const Tcp tcp(l4);
  const uint32_t sequence = tcp.sequence() + index * piece_;
  uint8_t flags = tcp.flags();
  if (index + 1 != segments_) flags &= static_cast<uint8_t>(~(Tcp::kFin | Tcp::kPsh));
  if (index != 0) flags &= static_cast<uint8_t>(~Tcp::kCwr);
  tcp.set_sequence(sequence);
  tcp.set_flags(flags);
  const uint16_t own =
      add(add(static_cast<uint16_t>(sequence >> 16), static_cast<uint16_t>(sequence)), flags);
  tcp.set_checksum(whole ? checksum::finish(add(sum, own)) : add(pseudo_sum_, length));
}

}  // namespace gatehouse::segment
