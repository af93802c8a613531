// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/uplink/virtio_header.hh"

#include <bit>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::uplink {
namespace {

static_assert(std::endian::native == std::endian::little);

// Where the fields stand, and their values (Linux include/uapi/linux/virtio_net.h).
enum Offset : uint8_t {
  kFlags = 0,
  kGsoType = 1,
  kHeaderLength = 2,
  kGsoSize = 4,
  kChecksumStart = 6,
  kChecksumOffset = 8,
  kOuterTransport = 20,
  kInnerNetwork = 22,
};
enum Flag : uint8_t { kNeedsChecksum = 1, kTunnelChecksum = 8 };
enum Gso : uint8_t {
  kTcpV4 = 1,
  kTcpV6 = 4,
  kUdpL4 = 5,
  kTunnelV4 = 0x20,
  kTunnelV6 = 0x40,
  kEcn = 0x80,
};

void set(VirtioHeader& header, Offset offset, uint32_t value) {
  store_le(&header.octets[offset], static_cast<uint16_t>(value));
}
uint16_t get(std::span<const uint8_t> header, Offset offset) {
  return load_le<uint16_t>(&header[offset]);
}

}  // namespace

VirtioHeader virtio_header(const SuperFrame& super) {
  VirtioHeader header;
  header.octets[kFlags] =
      static_cast<uint8_t>(kNeedsChecksum | (super.outer_checksum ? kTunnelChecksum : 0));
  header.octets[kGsoType] = static_cast<uint8_t>((super.inner_ipv6 ? kTcpV6 : kTcpV4) |
                                                 (super.outer_ipv6 ? kTunnelV6 : kTunnelV4) |
                                                 (super.congestion_reduced ? kEcn : 0));
  set(header, kHeaderLength, super.header_length);
  set(header, kGsoSize, super.mss);
  set(header, kChecksumStart, super.inner_l4);
  set(header, kChecksumOffset, TcpHeader<uint8_t>::checksum_at);
  set(header, kOuterTransport, super.outer_l4);
  set(header, kInnerNetwork, super.inner_l3);
  return header;
}

VirtioHeader virtio_header(const SuperDatagram& datagram) {
  VirtioHeader header;
  header.octets[kFlags] = kNeedsChecksum;
  header.octets[kGsoType] = kUdpL4;
  set(header, kHeaderLength, datagram.header_length);
  set(header, kGsoSize, datagram.segment_octets);
  set(header, kChecksumStart, datagram.udp_offset);
  set(header, kChecksumOffset, UdpHeader<uint8_t>::checksum_at);
  return header;
}

card::Arrival arrival(std::span<const uint8_t> header) {
  card::Arrival arrival;
  const uint8_t type = header[kGsoType] & ~kEcn;
  const bool tunnel = (type & (kTunnelV4 | kTunnelV6)) != 0;
  const uint8_t inner = type & ~(kTunnelV4 | kTunnelV6);
  if (tunnel && (inner == kTcpV4 || inner == kTcpV6)) {
    arrival.mss = get(header, kGsoSize);
    return arrival;
  }
  if (type == kTcpV4 || type == kTcpV6) arrival.merged = get(header, kGsoSize);
  if ((header[kFlags] & kNeedsChecksum) != 0) {
    const uint32_t offset = uint32_t{get(header, kChecksumStart)} + get(header, kChecksumOffset);
    arrival.checksum_start = get(header, kChecksumStart);
    arrival.checksum_offset = offset <= 0xffff ? static_cast<uint16_t>(offset) : uint16_t{0};
  }
  return arrival;
}

}  // namespace gatehouse::uplink
