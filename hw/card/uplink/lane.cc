// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/uplink/lane.hh"

#include <algorithm>
#include <cassert>
#include <limits>

#include "hw/card/frames.hh"

namespace gatehouse::uplink {
namespace {

// Times in a saved state end here, so that a queue of frames can be added without overflow.
constexpr int64_t kLatestNs = std::numeric_limits<int64_t>::max() / 2;

void archive_time(Archive& archive, int64_t& time_ns) {
  archive(time_ns);
  if (!archive.loading() || (time_ns >= 0 && time_ns <= kLatestNs)) return;
  archive.fail("saved state: impossible time in an uplink's queue");
  time_ns = 0;
}

}  // namespace

Lane::Lane(PacketPool& pool, const LaneOptions& options)
    : pool_(pool), options_(options), ring_(options.capacity) {
  assert(options.capacity > 0);
}

int64_t Lane::wire_ns(uint32_t octets) const {
  if (options_.rate == 0) return 0;
  // At most 8 * 65 Ki * 10^9 < 2^50: no overflow.
  const uint64_t bits = 8ull * (std::max(octets, kMinWireFrame) + kWireOverhead);
  return static_cast<int64_t>((bits * 1'000'000'000ull + options_.rate - 1) / options_.rate);
}

void Lane::push(Packet* packet, int64_t now_ns) {
  assert(!full());
  busy_until_ns_ = std::max(busy_until_ns_, now_ns) + wire_ns(packet->length);
  ring_[slot(count_)] = {packet, busy_until_ns_ + options_.latency_ns};
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
  head_ = slot(1);
  --count_;
  return packet;
}

int64_t Lane::next_ns() const {
  return count_ == 0 ? std::numeric_limits<int64_t>::max() : ring_[head_].due_ns;
}

void Lane::clear() {
  while (count_ > 0) pool_.give(pop());
}

void Lane::archive(Archive& archive) {
  const uint32_t version = archive.section("uplink-lane", 2);
  if (archive.loading()) clear();
  archive_time(archive, busy_until_ns_);
  uint32_t count = count_;
  archive(count);
  if (count > options_.capacity) archive.fail("saved state: uplink queue longer than its capacity");
  for (uint32_t i = 0; i < count && archive.ok(); ++i) {
    Entry& entry = ring_[slot(i)];
    archive_time(archive, entry.due_ns);
    card::archive_frame(archive, pool_, entry.packet);
    if (version >= 2 && entry.packet) archive(entry.packet->wire_mss);
    if (archive.loading() && entry.packet) count_ = i + 1;
  }
}

}  // namespace gatehouse::uplink
