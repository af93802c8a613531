// SPDX-License-Identifier: GPL-2.0-or-later
// Internet checksums (RFC 1071). A `sum` here is the ones' complement sum of 16-bit words of
// network order, folded to 16 bits, in host order and not inverted, so that sums of parts can be
// added. A `checksum` is what stands in a header: the inverted sum.
#ifndef GATEHOUSE_HW_CORE_BASE_CHECKSUM_HH_
#define GATEHOUSE_HW_CORE_BASE_CHECKSUM_HH_

#include <cstddef>
#include <cstdint>
#include <span>

#include "hw/core/base/bytes.hh"

namespace gatehouse::checksum {

constexpr uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

constexpr uint16_t add(uint16_t a, uint16_t b) {
  const uint32_t both = uint32_t{a} + b;
  return static_cast<uint16_t>((both & 0xffff) + (both >> 16));
}

// Adds the sum of a part that begins `offset` octets behind the start of the whole: at an odd
// offset its octets change places (RFC 1071 section 2 B).
constexpr uint16_t add_at(uint16_t whole, uint16_t part, size_t offset) {
  return add(whole, (offset & 1) != 0 ? byte_swap(part) : part);
}

// What takes `part` out of `whole` again. Ones' complement has two zeros: the result may be the
// other one.
constexpr uint16_t subtract(uint16_t whole, uint16_t part) {
  return add(whole, static_cast<uint16_t>(~part));
}

// The sum of any number of octets at any alignment; an odd last octet is padded with a zero one.
uint16_t sum(const void* octets, size_t length);

constexpr uint16_t finish(uint16_t sum) { return static_cast<uint16_t>(~sum); }
// UDP says "no checksum" by zero, so a computed zero is sent as its other form (RFC 768). Right for
// UDP over IPv6 as well.
constexpr uint16_t finish_udp(uint16_t sum) {
  const uint16_t checksum = finish(sum);
  return checksum == 0 ? 0xffff : checksum;
}

// A header's checksum after one of its words changed (RFC 1624, equation 3). Host order.
constexpr uint16_t update(uint16_t checksum, uint16_t old_word, uint16_t new_word) {
  return finish(add(add(finish(checksum), finish(old_word)), new_word));
}

// Sums of pseudo headers (RFC 793, RFC 8200 section 8.1). Addresses: octets in network order.
// `length`: L4 header and payload.
uint16_t pseudo_v4(const uint8_t* source, const uint8_t* destination, uint8_t protocol,
                   uint16_t length);
uint16_t pseudo_v6(const uint8_t* source, const uint8_t* destination, uint8_t protocol,
                   uint32_t length);

enum class Zero : uint8_t { kStays, kBecomesOnes };

// What the 82574L's checksum contexts and the legacy descriptor do (data sheet 7.2):
// sums the octets `start` ... `end`, the seed that the driver left in the field included, and
// stores the inverted sum at `offset`. `end` is inclusive, 0 = end of the frame. False, and nothing
// changed, when a part of this lies outside the frame: the caller's bad_checksum_context.
[[nodiscard]] bool insert(std::span<uint8_t> frame, uint32_t start, uint32_t offset, uint32_t end,
                          Zero zero);

}  // namespace gatehouse::checksum

#endif  // GATEHOUSE_HW_CORE_BASE_CHECKSUM_HH_
