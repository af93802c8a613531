// SPDX-License-Identifier: GPL-2.0-or-later
// The hash of a flow: the same on every CPU, because it decides the tunnel's source port and
// captures are compared.
#ifndef GATEHOUSE_HW_CORE_PARSE_FLOW_HASH_HH_
#define GATEHOUSE_HW_CORE_PARSE_FLOW_HASH_HH_

#include <cstdint>

#include "hw/core/base/bytes.hh"

namespace gatehouse::parse {

// Odd constants with as many ones as zeros: octets of pi's fraction, made odd.
inline constexpr uint64_t kHashKeys[4] = {0x243f6a8885a308d3, 0x13198a2e03707345,
                                          0xa4093822299f31d1, 0x082efa98ec4e6c89};

// A GNU extension, which -Wpedantic wants to be told.
__extension__ typedef unsigned __int128 Product;

inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  const Product product = static_cast<Product>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// `ports`: both ports as they stand in the frame, 0 when there are none.
inline uint32_t hash_end(uint64_t addresses, uint32_t ports, uint8_t protocol) {
  const uint64_t last = (uint64_t{protocol} << 32) | ports;
  const uint64_t mixed = hash_mix(addresses ^ kHashKeys[2], last ^ kHashKeys[3]);
  const uint32_t hash = static_cast<uint32_t>(mixed ^ (mixed >> 32));
  return hash == 0 ? 1 : hash;
}

// `addresses`: source and destination as they stand in the frame.
inline uint32_t flow_hash_v4(const uint8_t* addresses, uint32_t ports, uint8_t protocol) {
  return hash_end(hash_mix(load_le<uint64_t>(addresses) ^ kHashKeys[0], kHashKeys[1]), ports,
                  protocol);
}
inline uint32_t flow_hash_v6(const uint8_t* addresses, uint32_t ports, uint8_t protocol) {
  const uint64_t source = hash_mix(load_le<uint64_t>(addresses) ^ kHashKeys[0],
                                   load_le<uint64_t>(addresses + 8) ^ kHashKeys[1]);
  const uint64_t destination = hash_mix(load_le<uint64_t>(addresses + 16) ^ kHashKeys[1],
                                        load_le<uint64_t>(addresses + 24) ^ kHashKeys[0]);
  return hash_end(source ^ byte_swap(destination), ports, protocol);
}

}  // namespace gatehouse::parse

#endif  // GATEHOUSE_HW_CORE_PARSE_FLOW_HASH_HH_
