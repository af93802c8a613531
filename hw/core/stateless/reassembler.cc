// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/stateless/reassembler.hh"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "hw/core/base/ecn.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::stateless {

using spec::DropReason;

namespace {

// Ethernet, IPv4 and TCP without options.
constexpr uint32_t kLeastInformation = Information::kPrefix + EthernetHeader<uint8_t>::kLength +
                                       Ipv4Header<uint8_t>::kLength + TcpHeader<uint8_t>::kLength;

}  // namespace

const char* cause_name(Loss::Cause cause) {
  constexpr const char* kNames[] = {"expired", "evicted", "overlap",
                                    "unsound", "asked",   "overtaken"};
  static_assert(static_cast<size_t>(Loss::Cause::kOvertaken) + 1 == std::size(kNames));
  return kNames[static_cast<size_t>(cause)];
}

Reassembler::Reassembler(PacketPool& pool, Outlet& outlet, const Limits& limits)
    : pool_(pool), outlet_(outlet), frames_(Limits::kMostFrames) {
  set_limits(limits);
  free_.reserve(frames_.size());
  for (size_t i = frames_.size(); i != 0; --i) free_.push_back(static_cast<uint16_t>(i - 1));
}

void Reassembler::set_limits(const Limits& limits) {
  limits_ = limits;
  limits_.frames = std::min(limits.frames, Limits::kMostFrames);
}

DropReason Reassembler::add(const Arrival& arrival, int64_t now) {
  uint16_t number = kNone;
  const DropReason reason = take(arrival, now, number);
  if (reason == DropReason::none && complete(frames_[number])) finish(number, now);
  return reason;
}

DropReason Reassembler::take(const Arrival& arrival, int64_t now, uint16_t& number) {
  Shape shape;
  if (!shape_of(arrival, shape)) return DropReason::segment_malformed;
  const uint32_t hash = hash_of(arrival.key);
  number = find(arrival.key, hash);
  if (number == kNone) {
    if (has_ended(arrival.key, hash, now)) return DropReason::segment_duplicate;
    const DropReason reason = begin(arrival, shape, now, hash, number);
    if (reason != DropReason::none) return reason;
  }
  Frame& frame = frames_[number];
  if (frame.shape != shape) return DropReason::segment_mismatch;
  const DropReason reason = put(frame, arrival);
  if (reason == DropReason::none)
    frame.deadline = std::min(until(now), frame.began + Limits::kLongest * limits_.time_ns);
  if (loading_) return reason;
  if (reason == DropReason::segment_overlap) give_up(number, Loss::Cause::kOverlap, until(now));
  if (reason == DropReason::segment_malformed) give_up(number, Loss::Cause::kUnsound, until(now));
  return reason;
}

// What a single segment says of the whole. All that it says must fit together.
bool Reassembler::shape_of(const Arrival& arrival, Shape& shape) {
  const uint32_t length = arrival.octets.length, offset = arrival.place.offset;
  if (length == 0 || offset + length > arrival.place.total) return false;
  shape.total = arrival.place.total;
  shape.redundant = arrival.redundant;
  if (!arrival.redundant) return true;

  const uint8_t* octets = arrival.octets.data;
  if (length < kPieceHeader || octets[0] != kPieceMark) return false;
  const uint32_t number = octets[1], segments = octets[2];
  shape.segments = octets[2];
  shape.information = octets[3];
  if (shape.information < kLeastInformation || segments < 2 || number >= segments) return false;
  const uint32_t head = shape.head();
  if (length <= head || shape.total <= segments * head) return false;
  // The last one tells by its offset how long the others are.
  const bool last = number == segments - 1;
  if (last && offset % number != 0) return false;
  const uint32_t segment = last ? offset / number : length;
  if (segment <= head || offset != number * segment) return false;
  if (last && offset + length != shape.total) return false;
  const uint32_t payload = shape.total - segments * head, mss = segment - head;
  if (mss < kLeastMss || payload <= (segments - 1) * mss || payload > segments * mss) return false;
  shape.payload = static_cast<uint16_t>(payload);
  shape.mss = static_cast<uint16_t>(mss);
  return shape.octets() <= kLargestDatagram;
}

DropReason Reassembler::put(Frame& frame, const Arrival& arrival) {
  const Shape& shape = frame.shape;
  const uint8_t* octets = arrival.octets.data;
  const uint8_t number = shape.redundant ? octets[1] : 0;
  const uint8_t* piece = octets + kPieceHeader;
  if (frame.informed && !agrees(frame.information.octets(), number, piece)) {
    return DropReason::segment_mismatch;
  }
  const Range range{arrival.place.offset, arrival.place.offset + arrival.octets.length};
  switch (frame.ranges.add(range)) {
    case Ranges::Added::kNew:
      break;
    case Ranges::Added::kDuplicate:
      return DropReason::segment_duplicate;
    case Ranges::Added::kOverlap:
      return DropReason::segment_overlap;
    case Ranges::Added::kTooMany:
      return DropReason::segment_mismatch;
  }
  if (arrival.ecn == kCe) frame.ecn = kCe;
  if (!shape.redundant) {
    std::memcpy(frame.packet->data + range.begin, octets, range.length());
    return DropReason::none;
  }
  if (!learn(frame, number, piece)) return DropReason::segment_malformed;
  std::memcpy(frame.packet->data + shape.headers() + number * shape.mss, octets + shape.head(),
              range.length() - shape.head());
  return DropReason::none;
}

// false: what two pieces give is no header.
bool Reassembler::learn(Frame& frame, uint8_t number, const uint8_t* piece) {
  if (frame.informed) return true;
  const uint32_t information = frame.shape.information;
  if (number == frame.first) {  // once: a second time it is a duplicate
    std::memcpy(frame.piece.data(), piece, piece_octets(information));
    return true;
  }
  frame.informed =
      frame.information.set(information, frame.first, frame.piece.data(), number, piece);
  return frame.informed;
}

uint16_t Reassembler::find(const Key& key, uint32_t hash) const {
  // The newest first: segments of one frame come together.
  for (uint16_t number = newest_; number != kNone; number = frames_[number].older) {
    const Frame& frame = frames_[number];
    if (frame.hash == hash && frame.key == key) return number;
  }
  return kNone;
}

bool Reassembler::has_ended(const Key& key, uint32_t hash, int64_t now) const {
  return finished_.contains(key, hash, now, limits_.time_ns) ||
         given_up_.contains(key, hash, now, limits_.time_ns);
}

DropReason Reassembler::begin(const Arrival& arrival, const Shape& shape, int64_t now,
                              uint32_t hash, uint16_t& number) {
  const Peer peer = peer_of(arrival.key.source);
  if (!make_room(peer, shape.octets(), now)) return DropReason::no_packet_buffer;
  Packet* packet = pool_.take(shape.octets());
  if (packet == nullptr) return DropReason::no_packet_buffer;
  number = free_.back();
  free_.pop_back();
  Frame& frame = frames_[number];
  frame.key = arrival.key;
  frame.shape = shape;
  frame.hash = hash;
  frame.peer = peer.number;
  frame.ecn = arrival.ecn;
  frame.informed = false;
  frame.first = shape.redundant ? arrival.octets.data[1] : 0;
  frame.began = now;
  frame.deadline = now + limits_.time_ns;
  frame.packet = packet;
  frame.ranges.clear();
  frame.older = newest_;
  frame.newer = kNone;
  (newest_ == kNone ? oldest_ : frames_[newest_].newer) = number;
  newest_ = number;
  ++size_;
  octets_ += shape.octets();
  return DropReason::none;
}

// A peer that has all its places gives up its own oldest frame; else whoever holds most of what is
// short. What a saved state held is held again, though buffers have become scarce since, and of a
// peer that had places for each uplink.
bool Reassembler::make_room(const Peer& peer, uint32_t octets, int64_t now) {
  if (octets > limits_.octets || !buffer_in_reach(octets)) return false;
  const auto evict = [this, now](uint16_t number) {
    if (number == kNone || loading_) return false;
    give_up(number, Loss::Cause::kEvicted, until(now));
    return true;
  };
  if (!loading_ && peer.frames >= limits_.frames_of_peer && !evict(peer.oldest)) return false;
  while (size_ >= limits_.frames) {
    if (!evict(heaviest([](const Frame&) { return 1u; }))) return false;
  }
  while (octets_ + octets > limits_.octets) {
    if (!evict(heaviest([](const Frame& frame) { return frame.shape.octets(); }))) return false;
  }
  if (loading_) return true;
  if (!buffer_in_reach(octets)) return false;
  // So many and no more: the parts of what is given up have buffers, too, until they have gone on.
  const auto has_such = [pool_class = pool_.class_of(octets)](const Frame& frame) -> uint32_t {
    return frame.packet->pool_class == pool_class;
  };
  for (int32_t n = pool_.spare(octets, PacketPool::kAssembled); n < 0; ++n) {
    if (!evict(heaviest(has_such))) return false;
  }
  return true;
}

// Where buffers of a size are short, only frames that have such help, and only if they are enough.
bool Reassembler::buffer_in_reach(uint32_t octets) const {
  int32_t spare = pool_.spare(octets, PacketPool::kAssembled);
  if (loading_ || spare >= 0) return true;
  const uint8_t pool_class = pool_.class_of(octets);
  for (uint16_t number = oldest_; number != kNone; number = frames_[number].newer) {
    if (frames_[number].packet->pool_class == pool_class) ++spare;
  }
  return spare >= 0;
}

Reassembler::Peer Reassembler::peer_of(const IpAddress& source) const {
  Peer peer;
  std::array<bool, Limits::kMostFrames + 1> taken{};
  for (uint16_t number = newest_; number != kNone; number = frames_[number].older) {
    const Frame& frame = frames_[number];
    taken[frame.peer] = true;
    if (frame.key.source != source) continue;
    peer.number = frame.peer;
    peer.oldest = number;
    ++peer.frames;
  }
  while (peer.frames == 0 && taken[peer.number]) ++peer.number;
  return peer;
}

// The oldest frame of the peer whose frames weigh most together; kNone: none weighs anything.
template <class Weight>
uint16_t Reassembler::heaviest(Weight weight) const {
  std::array<uint32_t, Limits::kMostFrames + 1> sums{};
  for (uint16_t number = oldest_; number != kNone; number = frames_[number].newer) {
    sums[frames_[number].peer] += weight(frames_[number]);
  }
  uint16_t found = kNone;
  uint32_t most = 0;
  for (uint16_t number = oldest_; number != kNone; number = frames_[number].newer) {
    const Frame& frame = frames_[number];
    if (weight(frame) == 0 || sums[frame.peer] <= most) continue;
    most = sums[frame.peer];
    found = number;
  }
  return found;
}

// Between two ends segments come in order (ECMP goes by addresses and ports): what a frame lacks
// that began before this one is lost. Would the rest of it wait for its time, the guest's TCP,
// which this frame tells of the gap, had it all sent again.
void Reassembler::give_up_overtaken(uint16_t number, int64_t now) {
  Key key = frames_[number].key;
  for (uint16_t at = oldest_; at != number;) {
    const Frame& frame = frames_[at];
    const uint16_t next = frame.newer;
    key.id = frame.key.id;
    if (frame.shape.redundant && frame.informed && frame.key == key)
      give_up(at, Loss::Cause::kOvertaken, until(now));
    at = next;
  }
}

void Reassembler::finish(uint16_t number, int64_t now) {
  const Frame& frame = frames_[number];
  const Shape shape = frame.shape;
  if (shape.redundant) give_up_overtaken(number, now);
  const Delivery delivery = delivery_of(frame, true);
  if (shape.redundant) {
    frame.information.write_part(frame.packet->data, 0, shape.payload, shape.mss, true);
    frame.packet->wire_mss = shape.mss;
  }
  frame.packet->length = shape.octets();
  finished_.add(frame.key, frame.hash, frame.deadline);
  outlet_.reassembled(*release(number), delivery);
}

Delivery Reassembler::delivery_of(const Frame& frame, bool whole) {
  Delivery delivery{
      .key = frame.key, .redundant = frame.shape.redundant, .whole = whole, .ecn = frame.ecn};
  if (!delivery.redundant) return delivery;
  delivery.vni = frame.information.vni();
  delivery.l3 = frame.information.l3();
  delivery.l4 = frame.information.l4();
  delivery.payload = static_cast<uint16_t>(frame.shape.headers());
  return delivery;
}

// Who comes late begins no frame: it could never be whole, and would cost another one its place.
int64_t Reassembler::until(int64_t now) const {
  return now > INT64_MAX - limits_.time_ns ? INT64_MAX : now + limits_.time_ns;
}

// `forgotten`: in ns; what comes of it until then is refused.
void Reassembler::give_up(uint16_t number, Loss::Cause cause, int64_t forgotten) {
  const Frame& frame = frames_[number];
  const Shape& shape = frame.shape;
  Loss loss{.key = frame.key, .redundant = shape.redundant, .cause = cause};
  std::array<Range, Ranges::kMost + 1> gaps;
  if (!shape.redundant) {
    loss.total = shape.total;
    loss.missing = frame.ranges.missing(shape.total, gaps);
  } else {
    Ranges delivered;
    loss.total = shape.payload;
    if (frame.informed) {
      loss.header_known = true;
      loss.vni = frame.information.vni();
      loss.sequence = frame.information.sequence();
      for (const Range& run : frame.ranges.all()) {
        Range payload;
        if (!deliver_part(frame, run, payload)) continue;
        ++loss.parts;
        delivered.add(payload);
      }
    }
    loss.missing = delivered.missing(shape.payload, gaps);
  }
  given_up_.add(frame.key, frame.hash, forgotten);
  outlet_.given_up(loss);
  pool_.give(release(number));
}

// `run`: of whole segments. `payload`: what they have of the inner payload. false: no buffer.
bool Reassembler::deliver_part(const Frame& frame, const Range& run, Range& payload) {
  const Shape& shape = frame.shape;
  const uint32_t first = run.begin / shape.segment();
  const bool last = run.end == shape.total;
  payload.begin = first * shape.mss;
  payload.end = last ? shape.payload : run.end / shape.segment() * shape.mss;
  Packet* packet = pool_.take(shape.headers() + payload.length());
  if (packet == nullptr) return false;
  frame.information.write_part(packet->data, first, payload.length(), shape.mss, last);
  std::memcpy(packet->data + shape.headers(), frame.packet->data + shape.headers() + payload.begin,
              payload.length());
  packet->length = shape.headers() + payload.length();
  packet->wire_mss = shape.mss;
  outlet_.reassembled(*packet, delivery_of(frame, false));
  return true;
}

// The frame's place is free; its packet is the caller's.
Packet* Reassembler::release(uint16_t number) {
  Frame& frame = frames_[number];
  (frame.older == kNone ? oldest_ : frames_[frame.older].newer) = frame.newer;
  (frame.newer == kNone ? newest_ : frames_[frame.newer].older) = frame.older;
  free_.push_back(number);
  --size_;
  octets_ -= frame.shape.octets();
  return std::exchange(frame.packet, nullptr);
}

// Limits may have changed since: deadlines need not be in order of age. One that is further away
// than it can be comes from a clock that has gone back since.
void Reassembler::tick(int64_t now) {
  for (uint16_t number = oldest_; number != kNone;) {
    const uint16_t next = frames_[number].newer;
    const int64_t left = frames_[number].deadline - now;
    if (left <= 0 || left > limits_.time_ns) give_up(number, Loss::Cause::kExpired, until(now));
    number = next;
  }
}

int64_t Reassembler::next_deadline() const {
  int64_t next = INT64_MAX;
  for (uint16_t number = oldest_; number != kNone; number = frames_[number].newer) {
    next = std::min(next, frames_[number].deadline);
  }
  return next;
}

void Reassembler::flush() {
  while (size_ != 0) give_up(oldest_, Loss::Cause::kAsked, frames_[oldest_].deadline);
}

void Reassembler::forget() {
  finished_.clear();
  given_up_.clear();
  while (size_ != 0) pool_.give(release(oldest_));
}

}  // namespace gatehouse::stateless
