// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/packet.hh"

#include <algorithm>

namespace gatehouse {
namespace {

constexpr size_t kCacheLine = 64;

constexpr size_t round_up(size_t octets) { return (octets + kCacheLine - 1) & ~(kCacheLine - 1); }

// Everything but the storage. Member by member: shorter than clearing the whole and putting the
// storage back.
inline void reset(Packet& packet) {
  packet.data = packet.buffer + kHeadroom;
  packet.length = 0;
  packet.port = 0;
  packet.reason = spec::DropReason::none;
  packet.l4_checksum_good = false;
  packet.l4_checksum_checked = false;
  packet.wire_mss = 0;
  packet.merged = 0;
  packet.offload = Offload{};
  packet.layers = Layers{};
  packet.cookie = 0;
}

}  // namespace

PacketPool::PacketPool(const Limits& limits) {
  const uint32_t counts[kClasses] = {limits.small_count, limits.large_count};
  const uint32_t octets[kClasses] = {limits.small_octets, limits.large_octets};
  assert(octets[0] >= kHeadroom && octets[1] >= octets[0]);

  const size_t small_stride = round_up(octets[0]);
  const size_t large_stride = round_up(octets[1]);
  // Not initialised: pages of buffers that are never taken are never touched.
  storage_ = std::make_unique_for_overwrite<uint8_t[]>(counts[0] * small_stride +
                                                       counts[1] * large_stride + kCacheLine);
  packets_.resize(size_t{counts[0]} + counts[1]);

  uint8_t* next = storage_.get();
  next += round_up(reinterpret_cast<uintptr_t>(next)) - reinterpret_cast<uintptr_t>(next);
  Packet* packet = packets_.data();
  for (uint8_t index = 0; index < kClasses; ++index) {
    Class& pool = classes_[index];
    pool.octets = octets[index];
    pool.free.reserve(counts[index]);
    for (uint32_t i = 0; i < counts[index]; ++i, ++packet) {
      packet->buffer = next;
      packet->capacity = octets[index];
      packet->pool_class = index;
      pool.free.push_back(packet);
      next += index == 0 ? small_stride : large_stride;
    }
  }
}

Packet* PacketPool::take(uint32_t octets) {
  // The last one given is the first one taken again: it is still in the cache.
  for (Class& pool : classes_) {
    if (octets > pool.octets - kHeadroom || pool.free.empty()) continue;
    Packet* packet = pool.free.back();
    pool.free.pop_back();
    reset(*packet);
    ++in_use_;
    return packet;
  }
  return nullptr;
}

uint8_t PacketPool::class_of(uint32_t octets) const {
  uint8_t index = 0;
  while (index < kClasses && octets > classes_[index].octets - kHeadroom) ++index;
  return index;
}

int32_t PacketPool::spare(uint32_t octets, Reserve reserve) const {
  const uint8_t index = class_of(octets);
  if (index == kClasses) return -INT32_MAX;
  const Class& pool = classes_[index];
  return static_cast<int32_t>(pool.free.size()) - pool.reserved(reserve);
}

void PacketPool::give(Packet* packet) {
  assert(packet >= packets_.data() && packet < packets_.data() + packets_.size());
  assert(in_use_ > 0);
  Class& pool = classes_[packet->pool_class];
  assert(pool.free.size() < pool.free.capacity());
  pool.free.push_back(packet);
  --in_use_;
}

bool PacketShare::has_room(uint32_t octets) const {
  const uint8_t index = pool_.class_of(octets);
  if (index == PacketPool::kClasses || pool_.spare(octets, PacketPool::kWaiting) <= 0) return false;
  const PacketPool::Class& pool = pool_.classes_[index];
  const auto all = static_cast<int32_t>(pool.free.capacity());
  return kept_[index] < all - pool.reserved(PacketPool::kWaiting) - pool.kept;
}

}  // namespace gatehouse
