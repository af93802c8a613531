// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/coalesce/coalesce.hh"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "hw/core/base/headers.hh"

namespace gatehouse::coalesce {
namespace {

// Not a secret: whoever makes flows share a place only makes them go on sooner.
constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;
constexpr uint64_t mix(uint64_t value) {
  value *= kMultiplier;
  return (value ^ value >> 29) * kMultiplier;
}

struct Ends {
  const uint8_t* addresses;  // source and destination as they stand in the frame
  uint32_t octets;
};
Ends ends_of(const Packet& packet) {
  const uint8_t* l3 = packet.data + packet.layers.l2_length;
  if (packet.layers.l3 == L3::kIpv6) return {Ipv6Header(l3).source_octets(), 32};
  return {Ipv4Header(l3).source_octets(), 8};
}
uint32_t ports_of(const Packet& packet) {
  return load_be<uint32_t>(packet.data + packet.layers.l4_offset);
}

uint64_t hash_pair(const Packet& packet, uint16_t owner) {
  const Ends ends = ends_of(packet);
  uint64_t hash = owner;
  for (uint32_t i = 0; i < ends.octets; i += 8)
    hash = mix(hash ^ load_le<uint64_t>(ends.addresses + i));
  return hash;
}

bool same_flow(const Chain& chain, const Packet& packet, const Origin& origin) {
  const Packet& head = chain.head();
  const Ends ends = ends_of(packet);
  return chain.origin().owner == origin.owner && chain.origin().flow == origin.flow &&
         head.layers.l3 == packet.layers.l3 && ports_of(head) == ports_of(packet) &&
         std::memcmp(ends_of(head).addresses, ends.addresses, ends.octets) == 0;
}

// Only the first fragment says which flow it is of. IPv6's others need not even say the protocol.
bool may_be_tcp_fragment(const Layers& layers) {
  return layers.fragment &&
         (layers.l3 == L3::kIpv6 || layers.ip_protocol == static_cast<uint8_t>(IpProtocol::kTcp));
}

constexpr int64_t kLongestHold = 1'000'000'000;  // ns

Limits within_bounds(Limits limits) {
  limits.flows = std::max(1u, limits.flows);
  limits.frames = std::max(1u, limits.frames);
  limits.chain.segments = std::clamp(limits.chain.segments, 1u, kMaxSegments);
  limits.chain.datagram = std::min(limits.chain.datagram, kLargestDatagram);
  limits.hold_ns = std::clamp(limits.hold_ns, int64_t{0}, kLongestHold);
  return limits;
}

}  // namespace

Coalescer::Coalescer(PacketPool& pool, Outlet& outlet, const Limits& limits)
    : pool_(pool),
      outlet_(outlet),
      limits_(within_bounds(limits)),
      flows_(limits_.flows),
      store_(limits_.frames) {
  for (uint32_t i = limits_.frames; i-- > 0;) {
    store_[i].next = free_;
    free_ = i;
  }
}

Counters& Counters::operator+=(const Counters& others) {
  frames += others.frames;
  super_frames += others.super_frames;
  unmerged += others.unmerged;
  no_buffer += others.no_buffer;
  for (size_t i = 0; i < kCauseCount; ++i) causes[i] += others.causes[i];
  return *this;
}

void Coalescer::add(Packet& packet, const Origin& origin, int64_t now) {
  assert(origin.opaque <= kMaxOpaque && origin.opaque <= packet.headroom());
  const Layers& layers = packet.layers;
  if (layers.l4 != L4::kTcp || layers.fragment) {
    pass_by(packet, origin.owner);
    return outlet_.coalesced(packet, origin);
  }
  const bool room = make_room(packet);
  const uint64_t addresses = hash_pair(packet, origin.owner);
  const auto pair = static_cast<uint32_t>(addresses >> 32);
  const auto hash =
      static_cast<uint32_t>(mix(mix(addresses ^ origin.flow) ^ ports_of(packet)) >> 32);
  const uint32_t number =
      flows_.find(hash, [&](const Flow& flow) { return same_flow(flow.chain, packet, origin); });

  uint16_t payload_sum = 0;
  if (!room || !is_segment(packet) || !is_sound(packet, payload_sum)) {
    if (number != kNone) flush(number, room ? Cause::alone : Cause::evicted);
    return outlet_.coalesced(packet, origin);
  }
  if (number != kNone) {
    Flow& flow = flows_[number];
    const Cause obstacle = flow.chain.obstacle(packet, origin, limits_.chain);
    if (obstacle == Cause::none) {
      hold(number, packet);
      const Cause end = flow.chain.append(packet, payload_sum, limits_.chain);
      if (end != Cause::none) flush(number, end);
      return;
    }
    flush(number, obstacle);
  }
  constexpr uint8_t kLast = TcpHeader<uint8_t>::kPsh | TcpHeader<uint8_t>::kFin;
  if ((layers.tcp_flags & kLast) != 0) return outlet_.coalesced(packet, origin);
  begin(packet, origin, payload_sum, hash, pair, now);
}

// Without its tunnel header, or its ports, all between the two may be its flow.
void Coalescer::pass_by(const Packet& packet, uint16_t owner) {
  const Layers& layers = packet.layers;
  if (layers.l4 != L4::kTcp && !may_be_tcp_fragment(layers)) return;
  flush_pair(static_cast<uint32_t>(hash_pair(packet, owner) >> 32));
}

void Coalescer::begin(Packet& packet, const Origin& origin, uint16_t payload_sum, uint32_t hash,
                      uint32_t pair, int64_t now) {
  while (flows_.in_the_way(hash) != kNone) flush(flows_.in_the_way(hash), Cause::evicted);
  const uint32_t number = flows_.insert(hash, pair);
  Flow& flow = flows_[number];
  flow.deadline = now + limits_.hold_ns;
  flow.chain.begin(packet, origin, payload_sum);
  hold(number, packet);
}

// One frame more can be held, and those who need packet buffers at once find some: of the size of
// this one's, which its outer headers may have made larger than its length tells. false: others
// have them all; it is not held.
bool Coalescer::make_room(const Packet& packet) {
  if (held_ == limits_.frames) flush(flows_.oldest(), Cause::evicted);
  if (!pool_.scarce(packet.capacity - kHeadroom)) return true;
  const uint32_t oldest = ages_[packet.pool_class].oldest;
  if (oldest == kNone) return false;
  flush(store_[oldest].flow, Cause::evicted);
  return true;
}

void Coalescer::hold(uint32_t number, Packet& packet) {
  assert(free_ != kNone);
  Flow& flow = flows_[number];
  const uint32_t place = free_;
  free_ = store_[place].next;
  Ages& ages = ages_[packet.pool_class];
  store_[place] = {.packet = &packet, .flow = number, .older = ages.newest};
  (ages.newest == kNone ? ages.oldest : store_[ages.newest].newer) = place;
  ages.newest = place;
  (flow.first == kNone ? flow.first : store_[flow.last].next) = place;
  flow.last = place;
  ++held_;
}

// Takes the packet out of its place, and moves on to the next one.
Packet* Coalescer::release(uint32_t& held) {
  Held& place = store_[held];
  Packet* packet = place.packet;
  const uint32_t next = place.next;
  Ages& ages = ages_[packet->pool_class];
  (place.older == kNone ? ages.oldest : store_[place.older].newer) = place.newer;
  (place.newer == kNone ? ages.newest : store_[place.newer].older) = place.older;
  place = {.next = free_};
  free_ = held;
  held = next;
  --held_;
  return packet;
}

void Coalescer::flush(uint32_t number, Cause cause) {
  ++counters_[cause];
  Flow& flow = flows_[number];
  const bool many = flow.chain.segments() > 1;
  if (!many || !pass_super(flow)) {
    counters_.unmerged += flow.chain.segments();
    if (many) counters_.no_buffer += flow.chain.segments();
    while (flow.first != kNone) outlet_.coalesced(*release(flow.first), flow.chain.origin());
  }
  flows_.remove(number);
}

// false: no packet buffer.
bool Coalescer::pass_super(Flow& flow) {
  const Chain& chain = flow.chain;
  Packet* whole = pool_.take(chain.octets());
  if (whole == nullptr) return false;
  chain.write_headers(*whole);
  uint8_t* to = whole->data + chain.head().layers.payload_offset;
  counters_.frames += chain.segments();
  ++counters_.super_frames;
  while (flow.first != kNone) {
    Packet* packet = release(flow.first);
    const Layers& layers = packet->layers;
    const uint32_t octets = layers.l3_end - layers.payload_offset;
    std::memcpy(to, packet->data + layers.payload_offset, octets);
    to += octets;
    pool_.give(packet);
  }
  outlet_.coalesced(*whole, chain.origin());
  return true;
}

void Coalescer::flush_pair(uint32_t pair) {
  for (uint32_t number = flows_.between(pair); number != kNone; number = flows_.between(pair))
    flush(number, Cause::alone);
}

void Coalescer::flush(Cause cause) {
  while (flows_.oldest() != kNone) flush(flows_.oldest(), cause);
}

void Coalescer::flush_owner(uint16_t owner) {
  for (uint32_t number = flows_.oldest(); number != kNone;) {
    const uint32_t next = flows_.newer(number);
    if (flows_[number].chain.origin().owner == owner) flush(number, Cause::asked);
    number = next;
  }
}

void Coalescer::end_batch() {
  if (limits_.hold_ns == 0) flush(Cause::batch);
}

int64_t Coalescer::next_deadline() const {
  const uint32_t oldest = flows_.oldest();
  return oldest == kNone ? INT64_MAX : flows_[oldest].deadline;
}

void Coalescer::tick(int64_t now) {
  for (uint32_t oldest = flows_.oldest(); oldest != kNone; oldest = flows_.oldest()) {
    // One that is further away than it can be comes from a clock that has gone back since.
    const int64_t left = flows_[oldest].deadline - now;
    if (left > 0 && left <= limits_.hold_ns) return;
    flush(oldest, Cause::expired);
  }
}

void Coalescer::forget() {
  for (uint32_t number = flows_.oldest(); number != kNone; number = flows_.oldest()) {
    Flow& flow = flows_[number];
    while (flow.first != kNone) pool_.give(release(flow.first));
    flows_.remove(number);
  }
}

}  // namespace gatehouse::coalesce
