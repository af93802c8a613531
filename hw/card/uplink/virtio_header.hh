// SPDX-License-Identifier: GPL-2.0-or-later
// What stands in front of each frame of a tap with vnet_hdr: virtio's network header, with the two
// fields for tunnels where the tap's kernel has them (Linux 6.17, struct
// virtio_net_hdr_v1_hash_tunnel; virtio 1.4 section 5.1.6). Fields are in the host's byte order,
// which must be little-endian, as the tunnel fields always are. Offsets in octets from the start of
// the frame.
#ifndef GATEHOUSE_HW_CARD_UPLINK_VIRTIO_HEADER_HH_
#define GATEHOUSE_HW_CARD_UPLINK_VIRTIO_HEADER_HH_

#include <array>
#include <cstdint>
#include <span>

#include "hw/card/ports.hh"
#include "hw/card/uplink/super_datagram.hh"
#include "hw/core/base/packet.hh"

namespace gatehouse::uplink {

struct VirtioHeader {
  static constexpr uint32_t kPlain = 10;   // octets, without what came later
  static constexpr uint32_t kTunnel = 24;  // with the tunnel's fields

  // Both begin as zeros: an ordinary frame, complete.
  std::array<uint8_t, kTunnel> octets{};
};

// For a super-frame that the kernel cuts; all of kTunnel octets.
VirtioHeader virtio_header(const SuperFrame& super);
// For a datagram that the kernel cuts; its first kPlain octets.
VirtioHeader virtio_header(const SuperDatagram& datagram);

// What the header of a frame from the tap says. `header` has kPlain or kTunnel octets; whatever
// else it says is an ordinary frame.
card::Arrival arrival(std::span<const uint8_t> header);

}  // namespace gatehouse::uplink

#endif  // GATEHOUSE_HW_CARD_UPLINK_VIRTIO_HEADER_HH_
