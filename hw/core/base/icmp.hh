// SPDX-License-Identifier: GPL-2.0-or-later
// ICMP (RFC 792), ICMPv6 (RFC 4443) and Neighbor Discovery (RFC 4861) as views; see headers.hh for
// how views work.
#ifndef GATEHOUSE_HW_CORE_BASE_ICMP_HH_
#define GATEHOUSE_HW_CORE_BASE_ICMP_HH_

#include <cstdint>
#include <optional>
#include <span>

#include "hw/core/base/headers.hh"

namespace gatehouse {

enum class IcmpType : uint8_t {
  kEchoReply = 0,
  kUnreachable = 3,
  kSourceQuench = 4,
  kRedirect = 5,
  kEchoRequest = 8,
  kTimeExceeded = 11,
  kParameterProblem = 12,
};
inline constexpr uint8_t kIcmpFragmentationNeeded = 4;  // code of kUnreachable

enum class Icmpv6Type : uint8_t {
  kUnreachable = 1,
  kPacketTooBig = 2,
  kTimeExceeded = 3,
  kParameterProblem = 4,
  kFirstInformational = 128,  // smaller ones are errors
  kEchoRequest = 128,
  kEchoReply = 129,
  kMldQuery = 130,
  kMldReport = 131,
  kMldDone = 132,
  kMldv2Report = 143,
  kRouterSolicitation = 133,
  kRouterAdvertisement = 134,
  kNeighborSolicitation = 135,
  kNeighborAdvertisement = 136,
  kNdRedirect = 137,
};

constexpr bool is_nd_type(uint8_t type) {
  return type >= static_cast<uint8_t>(Icmpv6Type::kRouterSolicitation) &&
         type <= static_cast<uint8_t>(Icmpv6Type::kNdRedirect);
}

// ICMP and ICMPv6 alike.
template <class Byte>
class IcmpHeader {
  GATEHOUSE_WIRE_VIEW(IcmpHeader, 8)
  GATEHOUSE_WIRE_FIELD(uint8_t, type, 0)
  GATEHOUSE_WIRE_FIELD(uint8_t, code, 1)
  GATEHOUSE_WIRE_FIELD(uint16_t, checksum, 2)
  GATEHOUSE_WIRE_FIELD(uint32_t, rest, 4)          // by type; ICMPv6 Packet Too Big: the MTU
  GATEHOUSE_WIRE_FIELD(uint16_t, next_hop_mtu, 6)  // Fragmentation Needed (RFC 1191 section 4)
};

// Neighbor Solicitation and Advertisement (RFC 4861 sections 4.3, 4.4), from the ICMPv6 header on,
// without options. Redirect (4.5) has `target` at the same place and `redirected` behind it.
template <class Byte>
class NeighborMessage {
  GATEHOUSE_WIRE_VIEW(NeighborMessage, 24)
  static constexpr uint32_t kRouterFlag = 0x80000000, kSolicitedFlag = 0x40000000,
                            kOverrideFlag = 0x20000000;
  static constexpr uint32_t kRedirectLength = 40;
  static constexpr uint32_t kRouterSolicitationLength = 8;
  static constexpr uint32_t kRouterAdvertisementLength = 16;
  GATEHOUSE_WIRE_FIELD(uint8_t, type, 0)
  GATEHOUSE_WIRE_FIELD(uint8_t, code, 1)
  GATEHOUSE_WIRE_FIELD(uint16_t, checksum, 2)
  GATEHOUSE_WIRE_FIELD(uint32_t, flags, 4)
  GATEHOUSE_WIRE_IPV6(target, 8)
  GATEHOUSE_WIRE_IPV6(redirected, 24)
  bool solicited() const { return (flags() & kSolicitedFlag) != 0; }
  bool override_flag() const { return (flags() & kOverrideFlag) != 0; }
};

// Options of an ND message (RFC 4861 section 4.6). next() is nullopt at the end, and when an
// option's length is zero or runs out of the message: then bad() says so.
class NdOptions {
 public:
  static constexpr uint8_t kSourceLinkLayer = 1, kTargetLinkLayer = 2, kPrefix = 3, kRedirected = 4,
                           kMtu = 5, kNonce = 14;
  static constexpr uint32_t kLinkLayerOctets = 8;  // a link-layer address option for Ethernet
  struct Option {
    uint8_t type;
    std::span<const uint8_t> octets;  // the whole option, type and length included
    // Only for the link-layer address options, and only when octets.size() == kLinkLayerOctets.
    MacAddress mac() const { return MacAddress::from(octets.data() + 2); }
    bool is_mac() const {
      return (type == kSourceLinkLayer || type == kTargetLinkLayer) &&
             octets.size() == kLinkLayerOctets;
    }
  };
  // `from`: what follows the fixed part of the message up to the end of the datagram.
  explicit NdOptions(std::span<const uint8_t> from) : rest_(from) {}
  std::optional<Option> next();
  bool bad() const { return bad_; }
  // Octets of the fixed part, by type; 0 when it is not Neighbor Discovery.
  static uint32_t fixed_length(uint8_t nd_type);

 private:
  std::span<const uint8_t> rest_;
  bool bad_ = false;
};

// The options of the ND message in a parsed frame (layers.nd_type != 0): parse has seen that they
// are well-formed.
inline NdOptions nd_options(const uint8_t* frame, const Layers& layers) {
  const uint32_t start = layers.l4_offset + NdOptions::fixed_length(layers.nd_type);
  return NdOptions({frame + start, layers.l3_end - start});
}

// RFC 4291 section 2.7.1: ff02::1:ffXX:XXXX of an address, and the Ethernet address of an IPv6
// multicast address (RFC 2464).
IpAddress solicited_node(const IpAddress& ip);
MacAddress multicast_mac(const IpAddress& ip);

inline bool is_unspecified(const IpAddress& ip) { return ip.octets == std::array<uint8_t, 16>{}; }
// IPv4: 224.0.0.0/4, not the broadcast addresses.
inline bool is_multicast(const IpAddress& ip) {
  return ip.is_v6() ? ip.octets[0] == 0xff : (ip.octets[0] & 0xf0) == 0xe0;
}
inline bool is_link_local_v6(const IpAddress& ip) {  // fe80::/10
  return ip.is_v6() && ip.octets[0] == 0xfe && (ip.octets[1] & 0xc0) == 0x80;
}

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_ICMP_HH_
