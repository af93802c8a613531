// SPDX-License-Identifier: GPL-2.0-or-later
// A tunnelled super-frame becomes TCP-shaped segments. The payload is not copied: a segment is a
// head that the cutter writes, and a slice of the super-frame. What stands in front, Ethernet, IP
// and the TCP-shaped header, is encapsulate's, with the segment's place in it.
//
// All but the last segment of a frame are equally long, and nothing but the sequence number differs
// in what stands in front of them: a NIC with TSO that is given heads and bodies as one stream
// makes the same.
#ifndef GATEHOUSE_HW_CORE_STATELESS_CUTTER_HH_
#define GATEHOUSE_HW_CORE_STATELESS_CUTTER_HH_

#include <cstdint>

#include "hw/core/base/packet.hh"
#include "hw/core/stateless/information.hh"
#include "hw/core/stateless/place.hh"

namespace gatehouse::stateless {

struct Segment {
  Place place;
  uint32_t head_length = 0;  // octets that were written
  Slice body;
  uint32_t length() const { return head_length + body.length; }
};

class Cutter {
 public:
  // STT: `head`, the tunnel header and the inner headers, and `body` are one stream, cut wherever
  // `largest` octets are full. Both must stay until done(). false: too long for kMaxTotal.
  [[nodiscard]] bool begin_stream(const Slice& head, const Slice& body, uint32_t largest,
                                  uint32_t id);
  // The redundant form: the inner headers travel in the pieces alone, each segment has one and
  // `mss` octets of `body`, which must stay until done(). `information` is copied.
  // false: fewer than two segments, or too many, or too long.
  [[nodiscard]] bool begin_redundant(const Information& information, const Slice& body,
                                     uint32_t mss, uint32_t id);
  // Octets of the largest body that begin_redundant() takes.
  static constexpr uint32_t most_redundant(uint32_t information, uint32_t mss) {
    const uint32_t segment = kPieceHeader + piece_octets(information) + mss;
    const uint32_t by_total = kMaxTotal / segment;
    return (by_total < kMaxSegments ? by_total : kMaxSegments) * mss;
  }

  bool done() const { return next_ == segments_; }
  uint32_t segments() const { return segments_; }
  // Octets of segment `number`, below segments(). All but the last one have as many.
  uint32_t length(uint32_t number) const;
  // Octets of the longest head of a segment.
  uint32_t most_head() const;
  // The next one, with its head written.
  Segment next(uint8_t* head);

 private:
  Segment next_of_stream(uint8_t* head);
  Segment next_redundant(uint8_t* head);

  bool redundant_ = false;
  Information information_;
  Slice head_, body_;
  uint32_t step_ = 0;  // octets of head_ and body_ (stream), or of body_, in each segment
  uint32_t next_ = 0, segments_ = 0;
  uint32_t total_ = 0, id_ = 0;
};

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_CUTTER_HH_
