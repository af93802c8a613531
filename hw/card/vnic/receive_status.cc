// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/receive_status.hh"

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/spec/i82574_descriptors.hh"

namespace gatehouse::vnic {
namespace {

using namespace i82574;  // NOLINT: descriptor names

constexpr uint16_t kGoodSum = 0xffff;
constexpr unsigned kRetaQueueBit = 7;

bool is_udp_or_tcp(const Layers& layers) { return layers.l4 == L4::kTcp || layers.l4 == L4::kUdp; }

uint32_t packet_type(const ReceiveSettings& settings, const ReceiveFrame& frame) {
  const Layers& layers = frame.layers;
  PacketType type = PacketType::kMac;
  if (frame.time_stamped) {
    type = layers.l4 == L4::kUdp ? PacketType::kTimeSyncUdp : PacketType::kTimeSyncEthernet;
  } else if (layers.l3 == L3::kIpv4) {
    type = is_udp_or_tcp(layers) && !layers.fragment ? PacketType::kIpv4TcpUdp : PacketType::kIpv4;
  } else if (layers.l3 == L3::kIpv6 && settings.ipv6) {
    type = is_udp_or_tcp(layers) && !layers.fragment ? PacketType::kIpv6TcpUdp : PacketType::kIpv6;
  }
  return static_cast<uint32_t>(type) << RX_STATUS_PKTTYPE_SHIFT;
}

// 7.1.10: IPv4 header.
uint32_t ip_checksum_status(const uint8_t* ip) {
  const uint32_t octets = Ipv4Header(ip).header_length();
  return RX_STATUS_IPCS | (checksum::sum(ip, octets) == kGoodSum ? 0 : RX_ERROR_IPE);
}

// 7.1.10: TCP and UDP of whole datagrams. Where another address than the header's is in the pseudo
// header (IPv6: routing headers, home address option) the NIC computes nothing.
uint32_t l4_checksum_status(const ReceiveSettings& settings, const ReceiveFrame& frame) {
  const Layers& layers = frame.layers;
  if (!is_udp_or_tcp(layers) || layers.fragment || layers.source_route) return 0;
  if (layers.l3 == L3::kIpv6 && !(settings.ipv6 && settings.ipv6_checksum)) return 0;
  const uint8_t* data = frame.bytes.data();
  if (layers.l4 == L4::kUdp && layers.l3 == L3::kIpv4 &&
      UdpHeader(data + layers.l4_offset).checksum() == 0) {
    return 0;
  }
  const bool good = frame.l4_checksum_checked
                        ? frame.l4_checksum_good
                        : verify_l4_checksum(data, layers) == ChecksumState::kGood;
  return RX_STATUS_TCPCS | (layers.l4 == L4::kUdp ? RX_STATUS_UDPCS : 0) |
         (good ? 0 : RX_ERROR_TCPE);
}

// 7.1.10.2: the sum over a UDP fragment's IP payload, for the driver to add up.
void fragment_status(const ReceiveFrame& frame, ReceiveStatus& status) {
  const Layers& layers = frame.layers;
  if (layers.l3 != L3::kIpv4 || !layers.fragment ||
      layers.ip_protocol != static_cast<uint8_t>(IpProtocol::kUdp)) {
    return;
  }
  const uint8_t* ip = frame.bytes.data() + layers.l2_length;
  const uint32_t payload = layers.l2_length + Ipv4Header(ip).header_length();
  if (payload > layers.l3_end) return;
  if (layers.first_fragment && layers.l4 == L4::kUdp &&
      UdpHeader(frame.bytes.data() + layers.l4_offset).checksum() == 0) {
    return;
  }
  status.fragment_checksum =
      checksum::finish(checksum::sum(frame.bytes.data() + payload, layers.l3_end - payload));
  status.status_error |= RX_STATUS_UDPV | RX_STATUS_UDPCS;
}

// 7.1.5.2: IP header, and with it the whole header of TCP or UDP.
uint32_t header_length(const ReceiveSettings& settings, const Layers& layers) {
  if (layers.l3 != L3::kIpv4 && !(layers.l3 == L3::kIpv6 && settings.ipv6)) return 0;
  if (layers.fragment && !settings.split_fragments) return 0;
  if (is_udp_or_tcp(layers) && !layers.fragment) return layers.payload_offset;
  return layers.l4_offset;
}

bool is_ack(const ReceiveSettings& settings, const Layers& layers) {
  if (layers.l4 != L4::kTcp || layers.fragment) return false;
  if ((layers.tcp_flags & TcpHeader<const uint8_t>::kAck) == 0) return false;
  return !settings.ack_without_data || layers.payload_offset >= layers.l3_end;
}

void rss_status(const ReceiveSettings& settings, const ReceiveFrame& frame,
                const Toeplitz& toeplitz, const uint32_t* reta, ReceiveStatus& status) {
  const RssInput input = rss_input(settings.rss_control, frame.bytes, frame.layers);
  status.rss_type = input.type;
  if (input.type == RssType::kNone) return;
  status.rss_hash = toeplitz.hash({input.octets.data(), input.length});
  const uint32_t entry = status.rss_hash % kRetaEntries;
  status.queue = reta[entry / 4] >> (8 * (entry % 4) + kRetaQueueBit) & 1;
}

}  // namespace

bool has_vlan_tag(const ReceiveSettings& settings, std::span<const uint8_t> frame, uint16_t& tci) {
  if (frame.size() < kMacAddresses + kVlanTagOctets) return false;
  if (load_be<uint16_t>(frame.data() + kMacAddresses) != settings.vlan_type) return false;
  tci = load_be<uint16_t>(frame.data() + kMacAddresses + 2);
  return true;
}

ReceiveStatus receive_status(const ReceiveSettings& settings, const ReceiveFrame& frame,
                             const Toeplitz& toeplitz, const uint32_t* reta) {
  ReceiveStatus status;
  const Layers& layers = frame.layers;
  status.status_error = packet_type(settings, frame);
  if (frame.inexact) status.status_error |= RX_STATUS_PIF;
  if (frame.time_stamped) status.status_error |= RX_STATUS_TST;
  if (settings.strip_vlan && has_vlan_tag(settings, frame.bytes, status.vlan_tci)) {
    status.vlan_stripped = true;
    status.status_error |= RX_STATUS_VP;
  }
  const uint8_t* ip = frame.bytes.data() + layers.l2_length;
  if (!settings.ip_checksum && !settings.l4_checksum) status.status_error |= RX_STATUS_IXSM;
  if (settings.ip_checksum && layers.l3 == L3::kIpv4) status.status_error |= ip_checksum_status(ip);
  if (settings.l4_checksum) status.status_error |= l4_checksum_status(settings, frame);
  if (!settings.hash_reported) {
    if (layers.l3 == L3::kIpv4) {
      status.ip_id = Ipv4Header(ip).identification();
      status.status_error |= RX_STATUS_IPIDV;
    }
    if (settings.fragment_checksum) fragment_status(frame, status);
  }
  if (settings.rss) rss_status(settings, frame, toeplitz, reta, status);
  status.ack = is_ack(settings, layers);
  if (status.ack) status.status_error |= RX_STATUS_ACK;
  if (settings.format == ReceiveFormat::kSplit) {
    status.header_length = header_length(settings, layers);
    if (status.header_length != 0 && status.vlan_stripped) status.header_length -= kVlanTagOctets;
  }
  return status;
}

}  // namespace gatehouse::vnic
