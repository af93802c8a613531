// SPDX-License-Identifier: GPL-2.0-or-later
// IPv4 fragmentation (RFC 791 section 3.2) of datagrams that permit it.
#include <algorithm>
#include <cstring>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/segment/segment.hh"

namespace gatehouse::segment {
namespace {

using spec::DropReason;

// Offsets of fragments count in this unit.
constexpr uint32_t kFragmentUnit = 8;

// Copies from the header's options those that every fragment must have, padded to whole words.
// Answers their octets. parse has seen that the list is well-formed; the loop keeps inside it
// anyway.
uint32_t copy_options(const uint8_t* options, uint32_t octets, uint8_t* to) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kCopied = 0x80;
  uint32_t copied = 0;
  for (uint32_t at = 0; at < octets && options[at] != kEnd;) {
    if (options[at] == kNoOperation) {
      ++at;
      continue;
    }
    const uint32_t length = at + 1 < octets ? options[at + 1] : 0;
    if (length < 2 || length > octets - at) break;
    if ((options[at] & kCopied) != 0) {
      std::memcpy(to + copied, options + at, length);
      copied += length;
    }
    at += length;
  }
  while (copied % 4 != 0) to[copied++] = kEnd;
  return copied;
}

}  // namespace

uint32_t Segmenter::fragments_of(uint32_t ip_payload) const {
  const uint32_t room = mtu_ - ip_header_;
  if (ip_payload <= room) return 1;
  const uint32_t each = room & ~(kFragmentUnit - 1);
  return 1 + (ip_payload - room + each - 1) / each;
}

DropReason Segmenter::begin_fragments() {
  const Layers& layers = packet_->layers;
  if (layers.l3 != L3::kIpv4) return DropReason::exceeds_mtu;
  const Ipv4Header<const uint8_t> ip(packet_->data + layers.l2_length);
  if (ip.dont_fragment()) return DropReason::exceeds_mtu;
  kind_ = Kind::kFragments;
  ip_header_ = ip.header_length();
  const uint32_t start = layers.l2_length + ip_header_;
  const uint32_t octets = layers.l3_end - start;
  // Whoever filters would drop it (RFC 1858 section 3), parse at the far end first of all.
  const uint32_t first = (mtu_ - ip_header_) & ~(kFragmentUnit - 1);
  if (layers.payload_offset > start + first) return DropReason::not_fragmentable;
  datagram_ = {packet_->data, start, {packet_->data + start, octets}, 0, octets};
  total_ = fragments_of(octets);
  if (total_ > kMaxSegments) return DropReason::too_many_segments;
  return DropReason::none;
}

bool Segmenter::make_fragment(HeaderArena& arena, Segment& out) {
  const uint32_t l2 = packet_->layers.l2_length;
  const bool first = datagram_.sent == 0;
  // Octets of IP payload that stand in datagram_.head: they go with the first fragment, which
  // always has room for them.
  const uint32_t prefix = datagram_.head_length - l2 - ip_header_;
  uint8_t* head = arena.take(l2 + ip_header_ + (first ? prefix : 0));
  if (head == nullptr) return false;

  const uint32_t room = mtu_ - ip_header_;
  const uint32_t rest = datagram_.ip_payload - datagram_.sent;
  const bool last = rest <= room;
  const uint32_t octets = last ? rest : room & ~(kFragmentUnit - 1);

  uint32_t header = ip_header_;
  if (first) {
    std::memcpy(head, datagram_.head, datagram_.head_length);
    out.head_length = datagram_.head_length;
    out.body = {datagram_.body.data, octets - prefix};
  } else {
    using Ipv4 = Ipv4Header<uint8_t>;
    std::memcpy(head, datagram_.head, l2 + Ipv4::kLength);
    header = Ipv4::kLength + copy_options(datagram_.head + l2 + Ipv4::kLength,
                                          ip_header_ - Ipv4::kLength, head + l2 + Ipv4::kLength);
    out.head_length = l2 + header;
    out.body = {datagram_.body.data + (datagram_.sent - prefix), octets};
  }
  out.head = head;

  const Ipv4Header<uint8_t> ip(head + l2);
  const uint32_t offset = ip.fragment_offset() + datagram_.sent;
  // A fragment that is cut again keeps its own "more" on its last piece.
  const bool more = !last || ip.more_fragments();
  ip.set_version_ihl(static_cast<uint8_t>(0x40 | header / 4));
  ip.set_total_length(static_cast<uint16_t>(header + octets));
  ip.set_fragment(static_cast<uint16_t>(offset / kFragmentUnit | (more ? ip.kMoreFragments : 0)));
  ip.set_checksum(0);
  ip.set_checksum(checksum::finish(checksum::sum(ip.at(), header)));
  datagram_.sent += octets;
  return true;
}

}  // namespace gatehouse::segment
