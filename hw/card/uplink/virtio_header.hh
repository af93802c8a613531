// SPDX-License-Identifier: GPL-2.0-or-later
// What stands in front of each frame of a tap with vnet_hdr: virtio's network header, with the two
// fields for tunnels where the tap's kernel has them (struct virtio_net_hdr_v1_hash_tunnel; Linux
// 6.18 does). Fields are in the host's byte order,
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

// For TUNSETOFFLOAD: what a tap must bear to take and give tunnelled super-frames. TUN_F_CSUM,
// _TSO4, _TSO6, _UDP_TUNNEL_GSO, _UDP_TUNNEL_GSO_CSUM of linux/if_tun.h, whose last two are recent.
inline constexpr unsigned kTunnelOffloads = 0x001 | 0x002 | 0x004 | 0x080 | 0x100;

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
