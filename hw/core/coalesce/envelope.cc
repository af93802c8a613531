// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/coalesce/envelope.hh"

#include "hw/core/base/headers.hh"

namespace gatehouse::coalesce {
namespace {

using policy::Entropy;

Bits bits_of(const policy::Field& field) { return Bits(field.octet, field.bit, field.bits); }

// What GRO compares in an outer header: its class and hop limit, DF, the flow label, and whether
// there is a UDP checksum. The identification is of no use to anybody once the header is gone.
uint64_t outer_of(const Packet& packet) {
  constexpr unsigned kHops = 32, kVersion = 40, kChecksum = 41;
  const Layers& layers = packet.layers;
  const uint8_t* l3 = packet.data + layers.l2_length;
  uint64_t outer = 0;
  if (layers.l3 == L3::kIpv6) {
    const Ipv6Header ip(l3);
    outer = uint64_t{1} << kVersion | uint64_t{ip.hop_limit()} << kHops | ip.version_class_flow();
  } else {
    const Ipv4Header ip(l3);
    outer = uint64_t{ip.ttl()} << kHops | uint32_t{ip.fragment()} << 16 | ip.tos();
  }
  if (layers.l4 == L4::kUdp) {
    const UdpHeader udp(static_cast<const uint8_t*>(packet.data + layers.l4_offset));
    outer |= uint64_t{udp.checksum() != 0} << kChecksum;
  }
  return outer;
}

}  // namespace

Envelope::Envelope(const policy::Format& format)
    : has_ports_(format.has_ports()),
      flow_(bits_of(format.flow)),
      total_length_(bits_of(format.total_length.field)),
      checksum_(bits_of(format.checksum)) {}

uint64_t Envelope::names(const policy::Format& format) {
  constexpr uint64_t kPort = (uint64_t{1} << kPortBits) - 1;
  if (format.entropy == Entropy::kNone) return 0;
  if (format.flow && format.entropy != Entropy::kSourcePort) return ~kPort;
  return format.has_ports() && format.entropy != Entropy::kFlow ? kPort : 0;
}

bool Envelope::read(Packet& outer, uint32_t inner_offset, uint32_t length, Origin& origin) const {
  if (length > kMaxOpaque) return false;
  // As GRO: IPv4's options stand for one datagram. (Linux's ip6gre has an extension header in
  // each.)
  if (outer.layers.l3 == L3::kIpv4 && outer.layers.ip_options) return false;
  uint8_t* header = outer.data + inner_offset - length;
  origin.opaque = length;
  origin.outer = outer_of(outer);
  origin.flow = 0;
  if (flow_) origin.flow = flow_.read(header) << kPortBits;
  if (has_ports_) {
    // UDP and TCP begin alike.
    const uint8_t* l4 = outer.data + outer.layers.l4_offset;
    origin.flow |= UdpHeader(l4).source_port();
  }
  if (total_length_) total_length_.write(header, 0);
  if (checksum_) checksum_.write(header, 0);
  return true;
}

}  // namespace gatehouse::coalesce
