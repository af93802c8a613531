// SPDX-License-Identifier: GPL-2.0-or-later
// TCP-shaped segments become frames again. A stream (STT) goes on when all of it is there, or not
// at all. A redundant frame of which segments are missing when its time is up, or its place is
// needed, goes on as the runs of segments that came, each a proper inner frame, and what is missing
// is named.
//
//   Reassembler reassembler(pool, outlet, limits);
//   const DropReason reason = reassembler.add(arrival, now);
//   if (reassembler.next_deadline() <= now) reassembler.tick(now);
//
// No heap after construction, no clock: `now` is in ns of the virtual clock. Everything that a
// segment says is hostile: what contradicts the rest of its frame is refused, what overlaps ends
// the frame (as RFC 5722 has it for IPv6), and who holds most gives up first.
#ifndef GATEHOUSE_HW_CORE_STATELESS_REASSEMBLER_HH_
#define GATEHOUSE_HW_CORE_STATELESS_REASSEMBLER_HH_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "hw/core/base/packet.hh"
#include "hw/core/stateless/ended.hh"
#include "hw/core/stateless/information.hh"
#include "hw/core/stateless/key.hh"
#include "hw/core/stateless/place.hh"
#include "hw/core/stateless/ranges.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::stateless {

struct Arrival {
  Key key;      // id is place's
  Place place;  // as its TCP-shaped header says
  bool redundant = false;
  uint8_t ecn = 0;  // of the outer datagram (RFC 3168)
  Slice octets;     // behind the TCP-shaped header
};

// What comes out.
struct Delivery {
  Key key;
  bool redundant = false;
  bool whole = true;
  uint8_t ecn = 0;  // CE when one of the segments had it, else the first one's
  // Redundant only: the tunnel header of a stream says itself what is in it. The offsets of IP
  // header, TCP header and payload are the pieces' word.
  uint32_t vni = 0;
  uint16_t l3 = 0, l4 = 0, payload = 0;  // octets from the frame's start
};

// A frame that was given up.
struct Loss {
  enum class Cause : uint8_t {
    kExpired,    // its time was up
    kEvicted,    // another frame needed its place, or packet buffers were scarce
    kOverlap,    // segments overlapped
    kUnsound,    // two pieces gave something that is no header
    kAsked,      // nobody waits for the rest any more
    kOvertaken,  // redundant: a frame that began later, between the same ends, is whole
  };
  Key key;
  bool redundant = false;
  Cause cause = Cause::kExpired;
  uint32_t parts = 0;  // that were delivered
  // Redundant: `missing` counts octets of the inner payload, and when the header is known, the
  // first of them has the inner TCP sequence number `sequence`. Stream: octets of the stream.
  bool header_known = false;
  uint32_t vni = 0, sequence = 0;
  uint32_t total = 0;  // octets of payload or stream
  std::span<const Range> missing;
};

const char* cause_name(Loss::Cause cause);

// Where frames go on. Does not call the reassembler.
class Outlet {
 public:
  virtual ~Outlet() = default;
  // The packet is the outlet's from now on. A stream: from its tunnel header on. Redundant: an
  // inner TCP frame that stands for segments of Packet::wire_mss octets, lengths those of the
  // whole, its TCP checksum the sum of the pseudo header.
  virtual void reassembled(Packet& packet, const Delivery& delivery) = 0;
  virtual void given_up(const Loss& loss) = 0;
};

struct Limits {
  static constexpr uint32_t kMostFrames = 128;
  uint32_t frames = 64;          // at once, of all peers; at most kMostFrames
  uint32_t frames_of_peer = 32;  // by outer source address, over all uplinks
  uint32_t octets = 4u << 20;    // of all frames
  // From the last segment on that was new. A slow link may take longer for a whole frame, but not
  // for ever: so many times as long from its first segment on.
  static constexpr int64_t kLongest = 50;
  int64_t time_ns = 20'000'000;
  uint16_t uplinks = 0xffff;  // that a saved state may name
};

class Reassembler {
 public:
  // Frames that were whole of late, or were given up: a segment of theirs that comes then is a
  // duplicate, and begins no frame, for as long as it would have been waited for. So many of each
  // kind, at least. Not saved; nothing is remembered after loading.
  static constexpr uint32_t kRemembered = Ended::kFrames;

  Reassembler(PacketPool& pool, Outlet& outlet, const Limits& limits);
  ~Reassembler() { forget(); }
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;

  // The octets are copied: the segment's packet stays the caller's.
  //   segment_malformed, segment_mismatch, segment_duplicate, segment_overlap, no_packet_buffer
  spec::DropReason add(const Arrival& arrival, int64_t now);
  // Gives up what has waited long enough.
  void tick(int64_t now);
  // When tick() has something to do; INT64_MAX: nothing is held.
  int64_t next_deadline() const;
  // Gives everything up: before a policy is loaded.
  void flush();
  // Gives everything back to the pool: reset.
  void forget();
  // For frames that begin from now on. After flush(): a saved state is held against the new ones.
  void set_limits(const Limits& limits);

  uint32_t frames() const { return size_; }
  uint32_t octets() const { return octets_; }

  // What is held. Saving changes nothing. Loading adds the segments again, under the limits of now,
  // and refuses what would let a frame go on.
  void archive(Archive& archive);

 private:
  static constexpr uint16_t kNone = 0xffff;

  // How a frame is laid out: the same for all its segments.
  struct Shape {
    uint16_t total = 0;  // of the stream
    bool redundant = false;
    uint8_t segments = 0, information = 0;
    uint16_t mss = 0, payload = 0;

    uint32_t head() const { return kPieceHeader + piece_octets(information); }
    uint32_t headers() const { return information - Information::kPrefix; }
    uint32_t segment() const { return head() + mss; }
    uint32_t octets() const { return redundant ? headers() + payload : total; }
    bool operator==(const Shape&) const = default;
  };
  // What one outer source address holds, over all uplinks.
  struct Peer {
    uint16_t number = 0;  // at most kMostFrames; no other peer that holds a frame has it
    uint16_t oldest = kNone;
    uint32_t frames = 0;
  };
  struct Frame {
    Key key;
    Shape shape;
    uint32_t hash = 0;
    uint16_t peer = 0;  // Peer::number
    uint8_t ecn = 0;
    bool informed = false;  // information is known
    uint8_t first = 0;      // number of the segment that `piece` is of, until it is
    int64_t began = 0, deadline = 0;
    Packet* packet = nullptr;
    uint16_t older = kNone, newer = kNone;
    Ranges ranges;  // of the stream
    Information information;
    std::array<uint8_t, piece_octets(Information::kMax)> piece;
  };

  static bool shape_of(const Arrival& arrival, Shape& shape);
  spec::DropReason take(const Arrival& arrival, int64_t now, uint16_t& number);
  spec::DropReason put(Frame& frame, const Arrival& arrival);
  bool learn(Frame& frame, uint8_t number, const uint8_t* piece);
  uint16_t find(const Key& key, uint32_t hash) const;
  bool has_ended(const Key& key, uint32_t hash, int64_t now) const;
  spec::DropReason begin(const Arrival& arrival, const Shape& shape, int64_t now, uint32_t hash,
                         uint16_t& number);
  bool make_room(const Peer& peer, uint32_t octets, int64_t now);
  bool buffer_in_reach(uint32_t octets) const;
  Peer peer_of(const IpAddress& source) const;
  template <class Weight>
  uint16_t heaviest(Weight weight) const;
  bool complete(const Frame& frame) const { return frame.ranges.octets() == frame.shape.total; }
  void give_up_overtaken(uint16_t number, int64_t now);
  void finish(uint16_t number, int64_t now);
  int64_t until(int64_t now) const;
  void give_up(uint16_t number, Loss::Cause cause, int64_t forgotten);
  static Delivery delivery_of(const Frame& frame, bool whole);
  bool deliver_part(const Frame& frame, const Range& run, Range& payload);
  Packet* release(uint16_t number);
  void save(Archive& archive);
  void save_segment(Archive& archive, const Frame& frame, const Range& range);
  void load(Archive& archive);

  PacketPool& pool_;
  Outlet& outlet_;
  Limits limits_;
  std::vector<Frame> frames_;
  std::vector<uint16_t> free_;
  uint16_t oldest_ = kNone, newest_ = kNone;
  uint32_t size_ = 0, octets_ = 0;
  // Apart: whoever makes frames be given up does not make whole ones forgotten.
  Ended finished_, given_up_;
  bool loading_ = false;  // nothing may go on
};

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_REASSEMBLER_HH_
