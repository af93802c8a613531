// SPDX-License-Identifier: GPL-2.0-or-later
// One frame from a vnic becomes one or many that fit the overlay: super-frames are cut to MSS, IPv4
// without DF is fragmented, the rest passes as it is or is refused. Payload is never copied: each
// segment is a header in an arena and a slice of the super-frame.
//
//   Segmenter segmenter;
//   const DropReason reason = segmenter.begin(packet, mtu);
//   if (reason != DropReason::none) {  // exceeds_mtu: see too_big.hh
//   }
//   while (!segmenter.done()) {
//     arena.reset(reserve);
//     const uint32_t count = segmenter.next(arena, segments);
//     // Push outer headers in front of each segment's head; send.
//   }
#ifndef GATEHOUSE_HW_CORE_SEGMENT_SEGMENT_HH_
#define GATEHOUSE_HW_CORE_SEGMENT_SEGMENT_HH_

#include <cstdint>
#include <memory>
#include <span>

#include "hw/core/base/packet.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::segment {

// One super-frame makes at most so many segments (too_many_segments). 64 KiB at the least MSS that
// a peer may say.
inline constexpr uint32_t kMaxSegments = 1024;
static_assert(kMaxSegments * kLeastMss == 1u << 16);
// Octets of L2, IP and L4 headers that a super-frame may have. The 82574L's HDRLEN field has 8
// bits.
inline constexpr uint32_t kMaxHeaders = 256;
// RFC 791 section 3.2: the smallest MTU that can carry every IPv4 header and 8 octets of a
// fragment.
inline constexpr uint32_t kMinMtu = 68;

// Memory for headers, allocated once. Each header gets `reserve` free octets in front, for the
// outer headers.
class HeaderArena {
 public:
  explicit HeaderArena(uint32_t octets);
  // Forgets all headers; those handed out before are gone.
  void reset(uint32_t reserve);
  // Null: full. The answer is followed by `octets` octets and preceded by `reserve` ones.
  uint8_t* take(uint32_t octets);

 private:
  std::unique_ptr<uint8_t[]> storage_;
  uint32_t capacity_;
  uint32_t used_ = 0;
  uint32_t reserve_ = 0;
};
// Room for a full run of kRun segments with the largest headers.
inline constexpr uint32_t kRun = 64;
inline constexpr uint32_t kArenaOctets = kRun * (kHeadroom + kMaxHeaders + 64);

// A frame. `head` is writable and has the arena's `reserve` octets free in front; null when the
// frame passes unchanged: then `body` is the whole of it and what is free in front is the packet's
// headroom.
struct Segment {
  uint8_t* head = nullptr;
  uint32_t head_length = 0;
  Slice body;
  uint16_t mss = 0;  // not 0: the wire cuts it into segments of so many octets of payload
  uint32_t length() const { return head_length + body.length; }
  OutFrame frame() const { return {{head, head_length}, body}; }
};

enum class Kind : uint8_t { kPass, kSegments, kFragments };

class Segmenter {
 public:
  // Looks at a parsed frame. `mtu`: octets that the inner IP datagram may have, >= kMinMtu. A frame
  // with VLAN tags is that much longer on the underlay: who counts tags into the MTU passes less.
  //
  // A super-frame's context is compared strictly: header length and payload length (HDRLEN, PAYLEN)
  // must be the frame's own, a tag that the vnic inserted included; silicon would send garbage
  // else. IP and UDP lengths, IP identification, TCP sequence, FIN, PSH and checksums are written
  // as the data sheet says (7.3.6), but for Offload::same_id; CWR stays on the first segment only
  // (RFC 3168 section 6.1.2). A TCP super-frame without DF whose segments exceed the MTU gets a
  // smaller MSS; UDP ones without DF are fragmented.
  //
  // exceeds_mtu: IPv6, IPv4 with DF, or no IP, and it does not fit. Tell the sender (too_big.hh).
  // bad_tso_context: the context's protocols or lengths are not the frame's; MSS 0; a fragment.
  // too_many_segments: more than kMaxSegments.
  // not_fragmentable: a segment without DF that no IPv4 datagram can hold, or an MTU that its
  // headers alone fill; a first fragment that would not hold the whole L4 header.
  //
  // `wire_cuts`: octets of the largest frame, from its Ethernet header on, that the wire cuts by
  // itself; 0: it cuts none. A TCP super-frame then comes out in pieces of several segments
  // (Segment::mss), whose TCP checksum is left as the sum of the pseudo header.
  //
  // The packet must stay unchanged until done().
  [[nodiscard]] spec::DropReason begin(const Packet& packet, uint32_t mtu, uint32_t wire_cuts = 0);
  bool done() const { return done_ == total_; }
  Kind kind() const { return kind_; }
  // True when what comes out are IPv4 fragments: kFragments, or UDP segments that are cut in turn.
  bool makes_fragments() const { return kind_ == Kind::kFragments || fragment_segments_; }
  // Frames that this packet makes in all, those that the wire makes of a piece included.
  uint32_t total() const { return kind_ == Kind::kSegments ? on_wire_ : total_; }
  // The next ones, as many as `out` and `arena` hold; at least one when both are empty and as large
  // as kArenaOctets. In order.
  uint32_t next(HeaderArena& arena, std::span<Segment> out);

 private:
  // What is cut into IPv4 fragments: a frame, or a segment that is itself too large.
  struct Datagram {
    const uint8_t* head = nullptr;  // L2 and IP header, then the first octets of the IP payload
    uint32_t head_length = 0;
    Slice body;         // the rest of the IP payload
    uint32_t sent = 0;  // octets of IP payload that are in fragments already
    uint32_t ip_payload = 0;
  };

  spec::DropReason begin_super_frame(uint32_t wire_cuts);
  spec::DropReason fit_super_frame();
  spec::DropReason begin_fragments();
  void sum_headers();
  bool make_next(HeaderArena& arena, Segment& out);
  // Writes the header of segment `index` and answers its part of the payload.
  Slice write_segment(uint32_t index, uint8_t* head) const;
  void write_l4(uint32_t index, const Slice& body, uint8_t* l4) const;
  bool make_fragment(HeaderArena& arena, Segment& out);
  uint32_t fragments_of(uint32_t ip_payload) const;

  const Packet* packet_ = nullptr;
  Kind kind_ = Kind::kPass;
  bool fragment_segments_ = false;  // each segment is fragmented in turn
  uint32_t mtu_ = 0;
  uint32_t done_ = 0, total_ = 0;
  uint32_t pass_length_ = 0;
  // Super-frame.
  uint32_t mss_ = 0, segments_ = 0, next_segment_ = 0;
  uint32_t piece_ = 0;    // octets of payload in each of segments_: mss_, or a multiple of it
  uint32_t on_wire_ = 0;  // frames in the end
  uint32_t header_length_ = 0;
  Slice payload_;
  uint16_t ip_sum_ = 0, l4_sum_ = 0;  // of what is the same in all segments
  uint16_t pseudo_sum_ = 0;           // of the pseudo header without length
  // Fragments.
  uint32_t ip_header_ = 0;  // octets, with options
  Datagram datagram_;
  uint8_t scratch_[kMaxHeaders];
};

}  // namespace gatehouse::segment

#endif  // GATEHOUSE_HW_CORE_SEGMENT_SEGMENT_HH_
