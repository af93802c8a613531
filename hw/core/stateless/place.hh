// SPDX-License-Identifier: GPL-2.0-or-later
// A segment's place in its frame, as the TCP-shaped header says it (draft-davie-stt-08 section
// 3.2): the sequence number holds the length of the whole and the offset in it, so that a NIC which
// counts it up while it cuts writes the right one; the acknowledgement is the frame's own.
#ifndef GATEHOUSE_HW_CORE_STATELESS_PLACE_HH_
#define GATEHOUSE_HW_CORE_STATELESS_PLACE_HH_

#include <cstdint>

namespace gatehouse::stateless {

// Octets of the largest frame that a sequence number can hold the length of.
inline constexpr uint32_t kMaxTotal = 0xffff;

struct Place {
  uint16_t total = 0;   // octets of the frame's stream
  uint16_t offset = 0;  // of the segment's first octet in it
  uint32_t id = 0;

  static constexpr Place of(uint32_t sequence, uint32_t acknowledgement) {
    return {static_cast<uint16_t>(sequence >> 16), static_cast<uint16_t>(sequence),
            acknowledgement};
  }
  constexpr uint32_t sequence() const { return uint32_t{total} << 16 | offset; }
  constexpr uint32_t acknowledgement() const { return id; }
  bool operator==(const Place&) const = default;
};

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_PLACE_HH_
