// SPDX-License-Identifier: GPL-2.0-or-later
// Whose frame a segment is a part of.
#ifndef GATEHOUSE_HW_CORE_STATELESS_KEY_HH_
#define GATEHOUSE_HW_CORE_STATELESS_KEY_HH_

#include <cstdint>

#include "hw/core/base/address.hh"
#include "hw/core/base/bytes.hh"

namespace gatehouse::stateless {

// Numbers are the caller's.
struct Key {
  IpAddress source, destination;  // of the outer datagram
  uint16_t source_port = 0, destination_port = 0;
  uint16_t uplink = 0;
  uint32_t id = 0;

  bool operator==(const Key&) const = default;
};

inline uint64_t mixed(uint64_t hash, const IpAddress& ip) {
  for (int half = 0; half < 2; ++half) {
    hash = (hash ^ load_be<uint64_t>(ip.octets.data() + 8 * half)) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  return hash;
}

inline uint32_t hash_of(const Key& key) {
  uint64_t hash = uint64_t{key.id} << 32 | uint32_t{key.source_port} << 16 | key.uplink;
  hash = mixed(mixed(hash, key.source), key.destination);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_KEY_HH_
