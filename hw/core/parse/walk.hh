// SPDX-License-Identifier: GPL-2.0-or-later
// What the parts of parse hand to each other. Not for other rooms.
#ifndef GATEHOUSE_HW_CORE_PARSE_WALK_HH_
#define GATEHOUSE_HW_CORE_PARSE_WALK_HH_

#include <cstdint>
#include <cstring>

#include "hw/core/base/layers.hh"
#include "hw/core/parse/parse.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::parse {

struct Walk {
  const uint8_t* frame;
  uint32_t length;
  Rules rules;
  Layers& layers;
};

// The checksum of an IPv4 header without options, in host words: cheaper here than a call for so
// few octets. A ones' complement sum of words that are not all zero is right (0xffff) when the
// plain sum is a multiple of 0xffff.
inline bool plain_header_right(const uint8_t* header) {
  uint32_t words[5];
  std::memcpy(words, header, sizeof words);
  const uint64_t sum = uint64_t{words[0]} + words[1] + words[2] + words[3] + words[4];
  return sum % 0xffff == 0;
}

// Both begin at layers.l2_length and fill everything from there on.
spec::DropReason parse_ipv4(const Walk& walk);
spec::DropReason parse_ipv6(const Walk& walk);

// The L4 header of layers.ip_protocol at layers.l4_offset; layers.l3_end and the fragment members
// are set.
spec::DropReason parse_l4(const Walk& walk);

// The two ports for the flow hash; 0 when there are none or the datagram is in fragments.
uint32_t hash_ports(const Walk& walk);

// A fragment's place: `offset` and `octets` of its part of the datagram, whose headers that stand
// in every fragment have `header_octets`.
spec::DropReason check_fragment(uint32_t offset, uint32_t octets, bool more,
                                uint32_t header_octets);

// An ND message (layers.nd_type) against RFC 4861. `fragment_header`: there was one, of whatever
// kind (RFC 6980).
spec::DropReason check_nd(const Walk& walk, bool fragment_header);

}  // namespace gatehouse::parse

#endif  // GATEHOUSE_HW_CORE_PARSE_WALK_HH_
