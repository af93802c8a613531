// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/rss.hh"

#include <algorithm>
#include <cstring>

#include "hw/core/base/ipv6_options.hh"

namespace gatehouse::vnic {
namespace {

using i82574::RssType;

constexpr uint32_t kIpv4Source = 12, kIpv4Addresses = 8, kIpv4Header = 20;
constexpr uint32_t kIpv6Source = 8, kIpv6Destination = 24, kIpv6Addresses = 32, kIpv6Header = 40;
constexpr uint32_t kIpv6NextHeader = 6;
constexpr uint32_t kPorts = 4;
constexpr unsigned kMaxExtensionHeaders = 8;
constexpr uint8_t kRoutingType2 = 2;  // RFC 6275 section 6.4

// Addresses that Mobile IPv6 puts in place of those of the fixed header; null: none.
struct MobileAddresses {
  const uint8_t* source = nullptr;
  const uint8_t* destination = nullptr;
};

MobileAddresses mobile_addresses(std::span<const uint8_t> packet) {
  MobileAddresses found;
  uint8_t next = packet[kIpv6NextHeader];
  size_t at = kIpv6Header;
  for (unsigned i = 0; i < kMaxExtensionHeaders && at + 8 <= packet.size(); ++i) {
    const uint8_t* header = packet.data() + at;
    const size_t length = (size_t{header[1]} + 1) * 8;
    if (at + length > packet.size()) break;
    switch (static_cast<IpProtocol>(next)) {
      case IpProtocol::kHopByHop:
        break;
      case IpProtocol::kDestination:
        if (const uint8_t* home = home_address(header + 2, static_cast<uint32_t>(length - 2))) {
          found.source = home;
        }
        break;
      case IpProtocol::kRouting:
        if (header[2] == kRoutingType2 && length >= 24) found.destination = header + 8;
        break;
      default:
        return found;
    }
    next = header[0];
    at += length;
  }
  return found;
}

void put_addresses(RssInput& input, const uint8_t* source, const uint8_t* destination,
                   uint32_t octets) {
  std::memcpy(input.octets.data(), source, octets);
  std::memcpy(input.octets.data() + octets, destination, octets);
  input.length = static_cast<uint8_t>(2 * octets);
}

void put_ports(RssInput& input, const uint8_t* l4) {
  std::memcpy(input.octets.data() + input.length, l4, kPorts);
  input.length = static_cast<uint8_t>(input.length + kPorts);
}

RssInput ipv6_input(const RssControl& control, std::span<const uint8_t> packet,
                    const uint8_t* ports, bool has_extensions) {
  RssInput input;
  const uint8_t* source = packet.data() + kIpv6Source;
  const uint8_t* destination = packet.data() + kIpv6Destination;
  const MobileAddresses mobile = has_extensions ? mobile_addresses(packet) : MobileAddresses{};
  const bool replaced = mobile.source != nullptr || mobile.destination != nullptr;
  const bool extended =
      !(control.ipv6_ex_disabled && has_extensions) && !(control.new_ipv6_ext_disabled && replaced);
  if (extended && ((control.tcp_ipv6 && ports != nullptr) || control.ipv6_ex)) {
    put_addresses(input, mobile.source ? mobile.source : source,
                  mobile.destination ? mobile.destination : destination, kIpv6Addresses / 2);
    if (control.tcp_ipv6 && ports != nullptr) {
      put_ports(input, ports);
      input.type = RssType::kTcpIpv6;
    } else {
      input.type = RssType::kIpv6Ex;
    }
  } else if (control.ipv6) {
    put_addresses(input, source, destination, kIpv6Addresses / 2);
    input.type = RssType::kIpv6;
  }
  return input;
}

}  // namespace

void Toeplitz::set_key(std::span<const uint8_t, kRssKeyOctets> key) {
  for (uint32_t position = 0; position < nibbles_.size(); ++position) {
    // The 35 bits of the key that meet this nibble's four bits.
    uint64_t window = 0;
    for (uint32_t i = 0; i < 5; ++i) {
      const uint32_t octet = position / 2 + i;
      window = window << 8 | (octet < kRssKeyOctets ? key[octet] : 0);
    }
    window <<= 24;  // the octet's first bit is now bit 63
    if (position % 2 != 0) window <<= 4;
    for (uint32_t nibble = 0; nibble < 16; ++nibble) {
      uint32_t sum = 0;
      for (uint32_t bit = 0; bit < 4; ++bit) {
        if ((nibble & (8u >> bit)) != 0) sum ^= static_cast<uint32_t>(window << bit >> 32);
      }
      nibbles_[position][nibble] = sum;
    }
  }
}

uint32_t Toeplitz::hash(std::span<const uint8_t> input) const {
  uint32_t sum = 0;
  const size_t length = std::min<size_t>(input.size(), kRssInputOctets);
  for (size_t i = 0; i < length; ++i) {
    sum ^= nibbles_[2 * i][input[i] >> 4] ^ nibbles_[2 * i + 1][input[i] & 15];
  }
  return sum;
}

RssInput rss_input(const RssControl& control, std::span<const uint8_t> frame,
                   const Layers& layers) {
  RssInput input;
  if (layers.l2_length > frame.size()) return input;
  const std::span<const uint8_t> packet = frame.subspan(layers.l2_length);
  const bool tcp = layers.l4 == L4::kTcp && !layers.fragment && layers.l4_offset != 0 &&
                   layers.l4_offset + kPorts <= frame.size();
  const uint8_t* ports = tcp ? frame.data() + layers.l4_offset : nullptr;
  if (layers.l3 == L3::kIpv4 && packet.size() >= kIpv4Header) {
    if (!(control.tcp_ipv4 && tcp) && !control.ipv4) return input;
    const uint8_t* source = packet.data() + kIpv4Source;
    put_addresses(input, source, source + kIpv4Addresses / 2, kIpv4Addresses / 2);
    input.type = RssType::kIpv4;
    if (control.tcp_ipv4 && tcp) {
      put_ports(input, ports);
      input.type = RssType::kTcpIpv4;
    }
  } else if (layers.l3 == L3::kIpv6 && packet.size() >= kIpv6Header) {
    input = ipv6_input(control, packet, ports, layers.ip_options);
  }
  return input;
}

}  // namespace gatehouse::vnic
