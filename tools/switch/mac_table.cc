// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/switch/mac_table.hh"

#include "hw/core/base/bytes.hh"

namespace gatehouse::ethernet_switch {

size_t MacTable::bucket_of(const MacAddress& mac) const {
  uint64_t key = uint64_t{load_be<uint32_t>(mac.octets.data())} << 16 |
                 load_be<uint16_t>(mac.octets.data() + 4);
  key *=
      0x9e3779b97f4a7c15u;  // 2^64 / golden ratio: spreads addresses that differ in the last octets
  return (key >> 32) % buckets_.size();
}

void MacTable::learn(const MacAddress& mac, unsigned port, int64_t now_ms) {
  if (mac.is_multicast() || mac.is_zero()) return;
  Bucket& bucket = buckets_[bucket_of(mac)];
  Entry* victim = &bucket[0];
  for (Entry& entry : bucket) {
    if (entry.used && entry.mac == mac) {
      victim = &entry;
      break;
    }
    const bool better = !entry.used || entry.seen_ms < victim->seen_ms;
    if (victim->used && better) victim = &entry;
  }
  *victim = {mac, port, now_ms, true};
}

std::optional<unsigned> MacTable::find(const MacAddress& mac, int64_t now_ms) const {
  for (const Entry& entry : buckets_[bucket_of(mac)]) {
    if (entry.fresh(now_ms) && entry.mac == mac) return entry.port;
  }
  return std::nullopt;
}

void MacTable::forget_port(unsigned port) {
  for (Bucket& bucket : buckets_) {
    for (Entry& entry : bucket) entry.used = entry.used && entry.port != port;
  }
}

unsigned MacTable::size(int64_t now_ms) const {
  unsigned count = 0;
  for (const Bucket& bucket : buckets_) {
    for (const Entry& entry : bucket) count += entry.fresh(now_ms);
  }
  return count;
}

}  // namespace gatehouse::ethernet_switch
