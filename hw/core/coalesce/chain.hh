// SPDX-License-Identifier: GPL-2.0-or-later
// A super-frame in the making: when a segment may follow the others, and what they become. The
// rules are those of Linux's GRO (tcp_gro_receive, inet_gro_receive), and one more: cutting the
// super-frame again gives the same octets.
#ifndef GATEHOUSE_HW_CORE_COALESCE_CHAIN_HH_
#define GATEHOUSE_HW_CORE_COALESCE_CHAIN_HH_

#include <cstdint>

#include "hw/core/base/packet.hh"
#include "hw/core/coalesce/origin.hh"

namespace gatehouse::coalesce {

// X(name, "why what was held of a flow went on")
#define GATEHOUSE_COALESCE_CAUSES(X)                                                          \
  X(full, "no further segment would have had room")                                           \
  X(ended, "a shorter segment, PSH or FIN was the last one")                                  \
  X(sequence, "the next segment was not the one that follows: loss, reordering, a duplicate") \
  X(header, "the next segment's headers differ, or it is larger")                             \
  X(outer, "the next segment came in another tunnel header, or from another peer")            \
  X(alone, "a frame of the flow came that is never merged: no data, SYN, bad checksum ...")   \
  X(expired, "it had been held long enough")                                                  \
  X(batch, "the batch was over")                                                              \
  X(evicted, "another flow needed the place, or packet buffers were scarce")                  \
  X(asked, "all had to go: tables change")

enum class Cause : uint8_t {
#define GATEHOUSE_COALESCE_ENUM(name, text) name,
  GATEHOUSE_COALESCE_CAUSES(GATEHOUSE_COALESCE_ENUM)
#undef GATEHOUSE_COALESCE_ENUM
      none  // nothing stands against it; the number of causes
};

// Segments in one super-frame: what segment::Segmenter cuts one into.
inline constexpr uint32_t kMaxSegments = 1024;

// TCP data that could be one of several: a whole datagram without IP options, IPv4's reserved flag
// and padding, flags ACK and no others but ECE, PSH and FIN. CWR, too, may be a part of a count
// (Accurate ECN) that the next segment changes. `packet`: parsed, TCP, no fragment.
// Nor one that is marked CE: such a receiver counts marked segments, and nobody would tell it how
// many a frame was made of.
bool is_segment(const Packet& packet);
bool is_congestion_marked(const Packet& packet);

// Verifies the TCP checksum unless somebody has, and notes it in the packet. `payload_sum`: of the
// payload. False as well where ones' complement has two zeros and the sender chose the one that the
// card does not write.
bool is_sound(Packet& packet, uint16_t& payload_sum);

class Chain {
 public:
  struct Limits {
    uint32_t segments = 64;     // in one super-frame
    uint32_t datagram = 65535;  // octets of its IP datagram
  };

  // `packet`: is_segment() and is_sound(), without PSH and FIN. It must stay while the chain does.
  void begin(Packet& packet, const Origin& origin, uint16_t payload_sum);
  // Whether the segment follows; none: it does.
  Cause obstacle(const Packet& packet, const Origin& origin, const Limits& limits) const;
  // The segment has no obstacle. Not none: it is the last one.
  Cause append(const Packet& packet, uint16_t payload_sum, const Limits& limits);

  Packet& head() const { return *head_; }
  const Origin& origin() const { return origin_; }
  uint32_t segments() const { return segments_; }
  uint32_t octets() const { return head_->layers.payload_offset + payload_; }

  // Makes `to`, which has room for octets(), the super-frame but for its payload: headers with the
  // lengths and checksums of the whole, layers, and the context that cuts it again.
  void write_headers(Packet& to) const;

 private:
  enum class Ids : uint8_t { kUnknown, kRunning, kSame };

  bool headers_agree(const Packet& packet) const;
  bool id_follows(const Packet& packet, Ids& ids) const;
  bool has_room(uint32_t octets, const Limits& limits) const;

  Packet* head_ = nullptr;
  Origin origin_;
  uint32_t segments_ = 0;
  uint32_t payload_ = 0;  // octets
  uint32_t next_sequence_ = 0;
  uint16_t mss_ = 0;
  uint16_t payload_sum_ = 0;
  uint8_t last_flags_ = 0;  // PSH and FIN of the last segment
  Ids ids_ = Ids::kUnknown;
};

}  // namespace gatehouse::coalesce

#endif  // GATEHOUSE_HW_CORE_COALESCE_CHAIN_HH_
