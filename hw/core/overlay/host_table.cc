// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/overlay/host_table.hh"

#include <algorithm>
#include <bit>
#include <cassert>

namespace gatehouse::overlay {
namespace {

template <class T>
T load(const uint8_t* octets) {
  T value;
  std::memcpy(&value, octets, sizeof value);
  return value;
}

// MurmurHash3's finaliser: every bit of the key reaches every bit that picks a line, whatever
// pattern addresses are given out in.
uint64_t mix(uint64_t key) {
  key ^= key >> 33;
  key *= 0xff51afd7ed558ccd;
  key ^= key >> 33;
  key *= 0xc4ceb9fe1a85ec53;
  return key ^ (key >> 33);
}

bool is_same(const Key& one, const Key& other) {
  if (one.tenant != other.tenant || one.v6 != other.v6) return false;
  return load<uint32_t>(one.ip) == load<uint32_t>(other.ip) &&
         (!one.v6 || (load<uint64_t>(one.ip + 8) == load<uint64_t>(other.ip + 8) &&
                      load<uint32_t>(one.ip + 4) == load<uint32_t>(other.ip + 4)));
}

}  // namespace

void HostTable::reserve(size_t v4, size_t v6) {
  const auto lines = [](size_t entries, size_t per_line) {
    return std::bit_ceil(entries * 2 / per_line + 1);
  };
  v4_.assign(lines(v4, Line<V4Entry>::kEntries), {});
  v6_.assign(lines(v6, Line<V6Entry>::kEntries), {});
  size_ = 0;
}

uint64_t HostTable::hash(const Key& key) {
  if (!key.v6) return mix(uint64_t{key.tenant} << 32 | load<uint32_t>(key.ip));
  return mix(load<uint64_t>(key.ip) ^ mix(load<uint64_t>(key.ip + 8) + key.tenant));
}

const void* HostTable::line_of(const Key& key, uint64_t hash) const {
  if (!key.v6) return &v4_[hash & (v4_.size() - 1)];
  return &v6_[hash & (v6_.size() - 1)];
}

// Ends: a table is at most half full, so a free entry follows.
void HostTable::find_at(const Key& key, uint64_t hash, Target& target) const {
  if (!key.v6) {
    const uint32_t ip = load<uint32_t>(key.ip);
    for (size_t at = hash;; ++at) {
      for (const V4Entry& entry : v4_[at & (v4_.size() - 1)].entries) {
        const Way way = Way::from_raw(entry.way);
        const bool free = way.is_none();
        if (!free && (entry.ip != ip || entry.tenant != key.tenant)) continue;
        target.way = way;
        target.mac = free ? MacAddress{} : entry.mac;
        return;
      }
    }
  }
  const uint64_t high = load<uint64_t>(key.ip), low = load<uint64_t>(key.ip + 8);
  for (size_t at = hash;; ++at) {
    for (const V6Entry& entry : v6_[at & (v6_.size() - 1)].entries) {
      const Way way = Way::from_raw(entry.way);
      const bool free = way.is_none();
      if (!free && (entry.high != high || entry.low != low || entry.tenant != key.tenant)) continue;
      target.way = way;
      target.mac = free ? MacAddress{} : entry.mac;
      return;
    }
  }
}

bool HostTable::insert(uint16_t tenant, const IpAddress& ip, const Target& target) {
  assert(!target.way.is_none());
  const Key key{ip.octets.data(), tenant, ip.is_v6()};
  const uint64_t start = hash(key);
  if (!find(key).way.is_none()) return false;
  ++size_;
  if (!key.v6) {
    for (size_t at = start;; ++at) {
      for (V4Entry& entry : v4_[at & (v4_.size() - 1)].entries) {
        if (!Way::from_raw(entry.way).is_none()) continue;
        entry = {load<uint32_t>(key.ip), tenant, target.mac, target.way.raw()};
        return true;
      }
    }
  }
  for (size_t at = start;; ++at) {
    for (V6Entry& entry : v6_[at & (v6_.size() - 1)].entries) {
      if (!Way::from_raw(entry.way).is_none()) continue;
      entry = {load<uint64_t>(key.ip),
               load<uint64_t>(key.ip + 8),
               tenant,
               target.mac,
               target.way.raw(),
               0};
      return true;
    }
  }
}

Target HostTable::find(const Key& key) const {
  Target target;
  find_at(key, hash(key), target);
  return target;
}

void HostTable::find(std::span<const Key> keys, std::span<Target> targets) const {
  uint64_t hashes[kGroup];
  for (size_t first = 0; first < keys.size(); first += kGroup) {
    const size_t count = std::min(kGroup, keys.size() - first);
    // Frames of one flow come in bursts.
    bool same[kGroup];
    same[0] = false;
    for (size_t i = 0; i < count; ++i) {
      if (i != 0) same[i] = is_same(keys[first + i], keys[first + i - 1]);
      if (same[i]) continue;
      hashes[i] = hash(keys[first + i]);
      __builtin_prefetch(line_of(keys[first + i], hashes[i]));
    }
    for (size_t i = 0; i < count; ++i) {
      if (same[i]) {
        targets[first + i] = targets[first + i - 1];
      } else {
        find_at(keys[first + i], hashes[i], targets[first + i]);
      }
    }
  }
}

size_t HostTable::memory_octets() const {
  return v4_.size() * sizeof(v4_[0]) + v6_.size() * sizeof(v6_[0]);
}

}  // namespace gatehouse::overlay
