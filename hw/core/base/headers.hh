// SPDX-License-Identifier: GPL-2.0-or-later
// Headers on the wire as views over octets at any alignment: fields are read and written in host
// order, one row per field. A view does not check: its maker has checked that kLength octets are
// there. `Ipv4Header ip(pointer)` reads, and writes too when the pointer is not to const.
#ifndef GATEHOUSE_HW_CORE_BASE_HEADERS_HH_
#define GATEHOUSE_HW_CORE_BASE_HEADERS_HH_

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "hw/core/base/address.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/layers.hh"

#define GATEHOUSE_WIRE_VIEW(Name, octets)     \
 public:                                      \
  static constexpr uint32_t kLength = octets; \
  explicit Name(Byte* at) : at_(at) {}        \
  Byte* at() const { return at_; }            \
                                              \
 private:                                     \
  Byte* at_;                                  \
                                              \
 public:

// An integer of network order. `name_at` is the field's place in the header, for who must point at
// it.
#define GATEHOUSE_WIRE_FIELD(Type, name, offset)                       \
  static constexpr uint32_t name##_at = offset;                        \
  Type name() const { return load_be<Type>(at_ + (offset)); }          \
  void set_##name(Type value) const requires(!std::is_const_v<Byte>) { \
    store_be<Type>(at_ + (offset), value);                             \
  }

// An address; `name_octets()` points at it inside the frame.
#define GATEHOUSE_WIRE_ADDRESS(Type, name, offset, maker, octet_count)        \
  Byte* name##_octets() const { return at_ + (offset); }                      \
  Type name() const { return Type::maker(at_ + (offset)); }                   \
  void set_##name(const Type& value) const requires(!std::is_const_v<Byte>) { \
    std::memcpy(at_ + (offset), value.octets.data(), octet_count);            \
  }
#define GATEHOUSE_WIRE_MAC(name, offset) GATEHOUSE_WIRE_ADDRESS(MacAddress, name, offset, from, 6)
#define GATEHOUSE_WIRE_IPV4(name, offset) GATEHOUSE_WIRE_ADDRESS(IpAddress, name, offset, v4, 4)
#define GATEHOUSE_WIRE_IPV6(name, offset) GATEHOUSE_WIRE_ADDRESS(IpAddress, name, offset, v6, 16)

namespace gatehouse {

// Below this, the field behind the addresses is a length (IEEE 802.3), not an EtherType.
inline constexpr uint16_t kFirstEtherType = 0x0600;
// Octets of the largest IP datagram: IPv4's total length; IPv6's payload length is held to it too.
inline constexpr uint32_t kLargestDatagram = 65535;
inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

constexpr bool is_vlan_type(uint16_t ether_type) {
  return ether_type == static_cast<uint16_t>(EtherType::kVlan) ||
         ether_type == static_cast<uint16_t>(EtherType::kQinq);
}

template <class Byte>
class EthernetHeader {
  GATEHOUSE_WIRE_VIEW(EthernetHeader, 14)
  GATEHOUSE_WIRE_MAC(destination, 0)
  GATEHOUSE_WIRE_MAC(source, 6)
  GATEHOUSE_WIRE_FIELD(uint16_t, ether_type, 12)
};

// IEEE 802.1Q: what follows the TPID. The view begins behind the EtherType that announces the tag.
template <class Byte>
class VlanTag {
  GATEHOUSE_WIRE_VIEW(VlanTag, 4)
  GATEHOUSE_WIRE_FIELD(uint16_t, tci, 0)
  GATEHOUSE_WIRE_FIELD(uint16_t, ether_type, 2)
  uint16_t id() const { return tci() & 0x0fff; }
};

// A MAC control frame with a PAUSE (IEEE 802.3 clause 31, annex 31B), from the destination address
// on. Time is in quanta of 512 bit times.
template <class Byte>
class PauseFrame {
  GATEHOUSE_WIRE_VIEW(PauseFrame, 18)
  static constexpr MacAddress kGroup{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x01}};
  static constexpr uint16_t kPause = 1;
  static constexpr int64_t kGigabitQuantumNs = 512;
  GATEHOUSE_WIRE_MAC(destination, 0)
  GATEHOUSE_WIRE_MAC(source, 6)
  GATEHOUSE_WIRE_FIELD(uint16_t, ether_type, 12)
  GATEHOUSE_WIRE_FIELD(uint16_t, opcode, 14)
  GATEHOUSE_WIRE_FIELD(uint16_t, quanta, 16)
};

// RFC 826, for Ethernet and IPv4 only.
template <class Byte>
class ArpHeader {
  GATEHOUSE_WIRE_VIEW(ArpHeader, 28)
  static constexpr uint16_t kEthernet = 1;
  static constexpr uint16_t kRequest = 1;
  static constexpr uint16_t kReply = 2;
  GATEHOUSE_WIRE_FIELD(uint16_t, hardware_type, 0)
  GATEHOUSE_WIRE_FIELD(uint16_t, protocol_type, 2)
  GATEHOUSE_WIRE_FIELD(uint8_t, hardware_length, 4)
  GATEHOUSE_WIRE_FIELD(uint8_t, protocol_length, 5)
  GATEHOUSE_WIRE_FIELD(uint16_t, operation, 6)
  GATEHOUSE_WIRE_MAC(sender_mac, 8)
  GATEHOUSE_WIRE_IPV4(sender_ip, 14)
  GATEHOUSE_WIRE_MAC(target_mac, 18)
  GATEHOUSE_WIRE_IPV4(target_ip, 24)
};

// RFC 791; kLength without options.
template <class Byte>
class Ipv4Header {
  GATEHOUSE_WIRE_VIEW(Ipv4Header, 20)
  static constexpr uint16_t kDontFragment = 0x4000;
  static constexpr uint16_t kMoreFragments = 0x2000;
  static constexpr uint16_t kOffsetMask = 0x1fff;  // in units of 8 octets
  GATEHOUSE_WIRE_FIELD(uint8_t, version_ihl, 0)
  GATEHOUSE_WIRE_FIELD(uint8_t, tos, 1)
  GATEHOUSE_WIRE_FIELD(uint16_t, total_length, 2)
  GATEHOUSE_WIRE_FIELD(uint16_t, identification, 4)
  GATEHOUSE_WIRE_FIELD(uint16_t, fragment, 6)  // flags and offset
  GATEHOUSE_WIRE_FIELD(uint8_t, ttl, 8)
  GATEHOUSE_WIRE_FIELD(uint8_t, protocol, 9)
  GATEHOUSE_WIRE_FIELD(uint16_t, checksum, 10)
  GATEHOUSE_WIRE_IPV4(source, 12)
  GATEHOUSE_WIRE_IPV4(destination, 16)
  uint8_t version() const { return version_ihl() >> 4; }
  uint32_t header_length() const { return (version_ihl() & 0x0fu) * 4; }  // octets, with options
  bool dont_fragment() const { return (fragment() & kDontFragment) != 0; }
  bool more_fragments() const { return (fragment() & kMoreFragments) != 0; }
  uint32_t fragment_offset() const { return (fragment() & kOffsetMask) * 8u; }  // octets
};

// RFC 8200 section 3.
template <class Byte>
class Ipv6Header {
  GATEHOUSE_WIRE_VIEW(Ipv6Header, 40)
  GATEHOUSE_WIRE_FIELD(uint32_t, version_class_flow, 0)
  GATEHOUSE_WIRE_FIELD(uint16_t, payload_length, 4)
  GATEHOUSE_WIRE_FIELD(uint8_t, next_header, 6)
  GATEHOUSE_WIRE_FIELD(uint8_t, hop_limit, 7)
  GATEHOUSE_WIRE_IPV6(source, 8)
  GATEHOUSE_WIRE_IPV6(destination, 24)
  uint8_t version() const { return static_cast<uint8_t>(version_class_flow() >> 28); }
  uint8_t traffic_class() const { return static_cast<uint8_t>(version_class_flow() >> 20); }
  uint32_t flow_label() const { return version_class_flow() & 0xfffff; }
};

// RFC 8200 sections 4.3, 4.4, 4.6: hop-by-hop, routing, destination options, and others of RFC
// 6564's form.
template <class Byte>
class Ipv6Extension {
  GATEHOUSE_WIRE_VIEW(Ipv6Extension, 8)
  GATEHOUSE_WIRE_FIELD(uint8_t, next_header, 0)
  GATEHOUSE_WIRE_FIELD(uint8_t, length, 1)
  GATEHOUSE_WIRE_FIELD(uint8_t, segments_left, 3)  // routing headers only
  uint32_t octets() const { return (length() + 1u) * 8; }
  uint32_t auth_octets() const {
    return (length() + 2u) * 4;
  }  // Authentication Header, RFC 4302 section 2.2
};

// RFC 8200 section 4.5.
template <class Byte>
class Ipv6Fragment {
  GATEHOUSE_WIRE_VIEW(Ipv6Fragment, 8)
  GATEHOUSE_WIRE_FIELD(uint8_t, next_header, 0)
  GATEHOUSE_WIRE_FIELD(uint16_t, offset_flags, 2)
  GATEHOUSE_WIRE_FIELD(uint32_t, identification, 4)
  uint32_t offset() const { return offset_flags() & 0xfff8u; }  // octets
  bool more_fragments() const { return (offset_flags() & 1) != 0; }
};

// RFC 9293 section 3.1; kLength without options.
template <class Byte>
class TcpHeader {
  GATEHOUSE_WIRE_VIEW(TcpHeader, 20)
  static constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10,
                           kUrg = 0x20, kEce = 0x40, kCwr = 0x80;
  GATEHOUSE_WIRE_FIELD(uint16_t, source_port, 0)
  GATEHOUSE_WIRE_FIELD(uint16_t, destination_port, 2)
  GATEHOUSE_WIRE_FIELD(uint32_t, sequence, 4)
  GATEHOUSE_WIRE_FIELD(uint32_t, acknowledgement, 8)
  GATEHOUSE_WIRE_FIELD(uint8_t, data_offset, 12)
  GATEHOUSE_WIRE_FIELD(uint8_t, flags, 13)
  GATEHOUSE_WIRE_FIELD(uint16_t, window, 14)
  GATEHOUSE_WIRE_FIELD(uint16_t, checksum, 16)
  GATEHOUSE_WIRE_FIELD(uint16_t, urgent, 18)
  uint32_t header_length() const { return (data_offset() >> 4) * 4u; }  // octets, with options
};

// RFC 768.
template <class Byte>
class UdpHeader {
  GATEHOUSE_WIRE_VIEW(UdpHeader, 8)
  GATEHOUSE_WIRE_FIELD(uint16_t, source_port, 0)
  GATEHOUSE_WIRE_FIELD(uint16_t, destination_port, 2)
  GATEHOUSE_WIRE_FIELD(uint16_t, length, 4)
  GATEHOUSE_WIRE_FIELD(uint16_t, checksum, 6)
};

// The part of a tunnel header in which STT tells of offloads (draft-davie-stt-08 section 3.1).
template <class Byte>
class SttOffload {
  GATEHOUSE_WIRE_VIEW(SttOffload, 5)
  static constexpr uint8_t kVerified = 0x01, kPartial = 0x02, kIpv4 = 0x04, kTcp = 0x08;
  GATEHOUSE_WIRE_FIELD(uint8_t, flags, 0)
  GATEHOUSE_WIRE_FIELD(uint8_t, l4_offset, 1)  // octets from the inner frame's start
  GATEHOUSE_WIRE_FIELD(uint16_t, mss, 3)
};

// BOOTP and DHCP (RFC 951, RFC 2131): the fixed part, without options.
template <class Byte>
class BootpHeader {
  GATEHOUSE_WIRE_VIEW(BootpHeader, 236)
  static constexpr uint16_t kServerPort = 67, kClientPort = 68;
  static constexpr uint8_t kRequest = 1, kReply = 2;
  GATEHOUSE_WIRE_FIELD(uint8_t, operation, 0)
  GATEHOUSE_WIRE_FIELD(uint8_t, hardware_type, 1)  // as in ARP
  GATEHOUSE_WIRE_FIELD(uint8_t, hardware_length, 2)
  GATEHOUSE_WIRE_FIELD(uint32_t, transaction, 4)
  GATEHOUSE_WIRE_FIELD(uint16_t, flags, 10)
  GATEHOUSE_WIRE_IPV4(client_ip, 12)
  GATEHOUSE_WIRE_IPV4(your_ip, 16)
  GATEHOUSE_WIRE_IPV4(server_ip, 20)
  GATEHOUSE_WIRE_IPV4(relay_ip, 24)
  GATEHOUSE_WIRE_MAC(client_mac, 28)  // chaddr's first six octets: all of it for Ethernet
};

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_HEADERS_HH_
