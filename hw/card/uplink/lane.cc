// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/uplink/lane.hh"

#include <algorithm>
#include <cassert>
#include <limits>

#include "hw/card/frames.hh"

namespace gatehouse::uplink {
namespace {

void archive_time(Archive& archive, int64_t& time_ns) {
  archive(time_ns);
  if (!archive.loading() || is_time(time_ns)) return;
  archive.fail("saved state: impossible time in an uplink's queue");
  time_ns = 0;
}

}  // namespace

Lane::Lane(PacketPool& pool, const LaneOptions& options)
    : pool_(pool), share_(pool), options_(options), ring_(options.capacity) {
  assert(options.capacity > 0);
}

int64_t Lane::wire_ns(uint32_t octets) const {
  if (options_.rate == 0) return 0;
  // At most 8 * 65 Ki * 10^9 < 2^50: no overflow.
  const uint64_t bits = 8ull * (std::max(octets, kMinFrame) + kWireOverhead);
  return static_cast<int64_t>((bits * 1'000'000'000ull + options_.rate - 1) / options_.rate);
}

uint64_t Lane::octets() const {
  uint64_t octets = 0;
  for (uint32_t i = 0; i < count_; ++i) octets += ring_[slot(i)].packet->length;
  return octets;
}

void Lane::push(Packet* packet, int64_t now_ns) {
  assert(!full());
  busy_until_ns_ = std::max(busy_until_ns_, now_ns) + wire_ns(packet->length);
  ring_[slot(count_)] = {packet, busy_until_ns_ + options_.latency_ns};
  share_.keep(*packet);
  ++count_;
}

Packet* Lane::peek(uint32_t position, int64_t now_ns) const {
  if (position >= count_) return nullptr;
  const Entry& entry = ring_[slot(position)];
  return entry.due_ns <= now_ns ? entry.packet : nullptr;
}

Packet* Lane::pop() {
  assert(count_ > 0);
  Packet* packet = ring_[head_].packet;
  share_.release(*packet);
  head_ = slot(1);
  --count_;
  return packet;
}

int64_t Lane::next_ns() const {
  return count_ == 0 ? std::numeric_limits<int64_t>::max() : ring_[head_].due_ns;
}

void Lane::clear() {
  while (count_ > 0) pool_.give(pop());
  busy_until_ns_ = 0;
}

// A time that is further away than it can be, so long as these frames take, is one of another
// clock, or of nobody's: it is now.
void Lane::archive(Archive& archive, int64_t now_ns) {
  const uint32_t version = archive.section("uplink-lane", 3);
  if (archive.loading()) clear();
  archive_time(archive, busy_until_ns_);
  uint32_t count = count_;
  archive(count);
  if (count > options_.capacity) archive.fail("saved state: uplink queue longer than its capacity");
  int64_t latest_ns = now_ns;
  for (uint32_t i = 0; i < count && archive.ok(); ++i) {
    Entry& entry = ring_[slot(i)];
    archive_time(archive, entry.due_ns);
    card::archive_frame(archive, pool_, entry.packet);
    if (version >= 2 && entry.packet) archive(entry.packet->wire_mss);
    if (version >= 3 && entry.packet) archive(entry.packet->merged);
    if (!archive.loading() || !entry.packet) continue;
    latest_ns += wire_ns(entry.packet->length);
    if (entry.due_ns > latest_ns + options_.latency_ns) entry.due_ns = now_ns;
    share_.keep(*entry.packet);
    count_ = i + 1;
  }
  if (archive.loading() && busy_until_ns_ > latest_ns) busy_until_ns_ = now_ns;
}

}  // namespace gatehouse::uplink
