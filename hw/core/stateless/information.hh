// SPDX-License-Identifier: GPL-2.0-or-later
// What the pieces of a redundant frame are of: the network, where the inner headers are, and these
// themselves. Of the 59 octets of a TCP/IPv4 frame without options 23 are virtual addresses and
// their VNI; the rest is what a receiver needs to accept a segment that came alone.
//
//   octet 0       3     4     5
//         | VNI  | L3  | L4  | Ethernet, IP and TCP header of the super-frame, lengths of the whole
//
// A segment of a redundant frame, behind its TCP-shaped header:
//
//   octet 0      1          2          3             4
//         | 0x11 | number x | segments | information | piece x | payload
//                                        (octets)
#ifndef GATEHOUSE_HW_CORE_STATELESS_INFORMATION_HH_
#define GATEHOUSE_HW_CORE_STATELESS_INFORMATION_HH_

#include <array>
#include <cstdint>
#include <span>

#include "hw/core/base/packet.hh"
#include "hw/core/stateless/coding.hh"

namespace gatehouse::stateless {

inline constexpr uint8_t kPieceMark = 0x11;
inline constexpr uint32_t kPieceHeader = 4;
inline constexpr uint32_t kMaxSegments = 255;  // of a redundant frame: their number has an octet

class Information {
 public:
  static constexpr uint32_t kPrefix = 5;
  static constexpr uint32_t kMax = 255;
  static constexpr uint32_t kMaxHeaders = kMax - kPrefix;

  // `head`: the headers of an inner TCP frame, `layers` theirs. false: they are too long.
  [[nodiscard]] bool set(uint32_t vni, const uint8_t* head, const Layers& layers);
  // From two pieces, with all that they may not be: false when the headers in it are none of TCP
  // over IPv4 or IPv6.
  [[nodiscard]] bool set(uint32_t octets, uint8_t x, const uint8_t* piece, uint8_t other_x,
                         const uint8_t* other_piece);

  std::span<const uint8_t> octets() const { return {octets_.data(), length_}; }
  uint32_t vni() const { return uint32_t{octets_[0]} << 16 | octets_[1] << 8 | octets_[2]; }
  std::span<const uint8_t> headers() const { return octets().subspan(kPrefix); }
  // Octets from the inner frame's start.
  uint16_t l3() const { return octets_[3]; }
  uint16_t l4() const { return octets_[4]; }
  uint32_t sequence() const;  // of the inner TCP header

  // A part of the super-frame: the segments from number `first` on, with `payload` octets of `mss`
  // each. `last`: the super-frame's last one is among them. Writes the inner headers: lengths, IPv4
  // identification, sequence and flags as segmentation would have left them; the TCP checksum is
  // the sum of the pseudo header, as in a super-frame that the wire has not cut.
  void write_part(uint8_t* head, uint32_t first, uint32_t payload, uint32_t mss, bool last) const;

 private:
  bool is_sound() const;

  std::array<uint8_t, kMax> octets_;
  uint32_t length_ = 0;
};

}  // namespace gatehouse::stateless

#endif  // GATEHOUSE_HW_CORE_STATELESS_INFORMATION_HH_
