// SPDX-License-Identifier: GPL-2.0-or-later
// Tunnel frames of one flow as one large UDP datagram that the host's kernel cuts again, where it
// offers to (UDP segmentation offload of a tap): one system call for a super-frame instead of one
// for each segment.
#ifndef GATEHOUSE_HW_CARD_UPLINK_SUPER_DATAGRAM_HH_
#define GATEHOUSE_HW_CARD_UPLINK_SUPER_DATAGRAM_HH_

#include <cstddef>
#include <cstdint>
#include <span>

#include "hw/core/base/packet.hh"

namespace gatehouse::uplink {

struct SuperDatagram {
  // Ethernet with at most one tag, IPv6, UDP.
  static constexpr uint32_t kMaxHeader = 14 + 4 + 40 + 8;

  size_t frames =
      0;  // how many of the given ones it is made of; below 2: send the first one as it is
  bool ipv4 = false;
  uint8_t header[kMaxHeader];   // outer headers for the whole; UDP checksum = sum of the pseudo
                                // header, to be completed
  uint32_t header_length = 0;   // octets; as many are to be left out of each frame
  uint32_t udp_offset = 0;      // of the UDP header
  uint32_t segment_octets = 0;  // UDP payload of each datagram but the last, which may be shorter
};

// Takes frames from the front while they differ in nothing but what the cutting makes anew
// (lengths, IPv4 identification, checksums) and the whole fits one IP datagram.
SuperDatagram join(std::span<const OutFrame> frames);

}  // namespace gatehouse::uplink

#endif  // GATEHOUSE_HW_CARD_UPLINK_SUPER_DATAGRAM_HH_
