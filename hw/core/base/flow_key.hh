// SPDX-License-Identifier: GPL-2.0-or-later
// The name of a connection, as the vnic at one of its ends sees it: the same for both directions.
#ifndef GATEHOUSE_HW_CORE_BASE_FLOW_KEY_HH_
#define GATEHOUSE_HW_CORE_BASE_FLOW_KEY_HH_

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "hw/core/base/address.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/layers.hh"

namespace gatehouse {

// Which way a frame goes, or who began a connection: from the vnic, or to it.
enum class FlowDirection : uint8_t { kOut, kIn };
constexpr FlowDirection opposite(FlowDirection direction) {
  return direction == FlowDirection::kOut ? FlowDirection::kIn : FlowDirection::kOut;
}

// Addresses in network order; IPv4 in the first four octets, the others zero. Without ports both
// are zero. ICMP echo has the identifier of the end that asks as that end's port; `remote_asks`
// keeps the two ends' questions apart.
struct FlowKey {
  std::array<uint8_t, 16> local{}, remote{};
  uint16_t local_port = 0, remote_port = 0;  // host order
  uint16_t owner = 0;                        // the vnic
  uint8_t protocol = 0;                      // IP protocol, behind all extension headers
  bool v6 : 1 = false;
  bool remote_asks : 1 = false;
  uint8_t spare : 6 = 0;

  bool operator==(const FlowKey& other) const {
    return std::memcmp(this, &other, sizeof *this) == 0;
  }
};
static_assert(sizeof(FlowKey) == 40, "no padding: compared as octets");

// The same as five registers, which is how a key is made and hashed for each frame: written in
// small pieces and read back in large ones, it would have to wait for its own writes.
struct FlowKeyWords {
  uint64_t local[2] = {0, 0}, remote[2] = {0, 0}, rest = 0;

  static FlowKeyWords of(const FlowKey& key) {
    const auto* at = reinterpret_cast<const uint8_t*>(&key);
    return {{load_le<uint64_t>(at), load_le<uint64_t>(at + 8)},
            {load_le<uint64_t>(at + 16), load_le<uint64_t>(at + 24)},
            load_le<uint64_t>(at + 32)};
  }
  bool operator==(const FlowKeyWords& other) const {
    return ((local[0] ^ other.local[0]) | (local[1] ^ other.local[1]) |
            (remote[0] ^ other.remote[0]) | (remote[1] ^ other.remote[1]) | (rest ^ other.rest)) ==
           0;
  }
  void write(FlowKey& key) const {
    auto* at = reinterpret_cast<uint8_t*>(&key);
    store_le(at, local[0]);
    store_le(at + 8, local[1]);
    store_le(at + 16, remote[0]);
    store_le(at + 24, remote[1]);
    store_le(at + 32, rest);
  }
};

inline IpAddress local_of(const FlowKey& key) {
  return key.v6 ? IpAddress::v6(key.local.data()) : IpAddress::v4(key.local.data());
}
inline IpAddress remote_of(const FlowKey& key) {
  return key.v6 ? IpAddress::v6(key.remote.data()) : IpAddress::v4(key.remote.data());
}
constexpr bool has_ports(const FlowKey& key) {
  return key.protocol == static_cast<uint8_t>(IpProtocol::kTcp) ||
         key.protocol == static_cast<uint8_t>(IpProtocol::kUdp);
}

// What a key is made of, as it stands in a frame or in the quotation of an ICMP error.
struct FlowEnds {
  const uint8_t* source = nullptr;  // 4 or 16 octets
  const uint8_t* destination = nullptr;
  const uint8_t* l4 = nullptr;  // null: none known; else 8 octets are there
  bool v6 = false;
  uint8_t protocol = 0;
};

// Of a parsed frame with L3 IPv4 or IPv6.
inline FlowEnds flow_ends(const uint8_t* frame, const Layers& layers) {
  const uint8_t* l3 = frame + layers.l2_length;
  FlowEnds ends;
  ends.v6 = layers.l3 == L3::kIpv6;
  ends.source = ends.v6 ? Ipv6Header(l3).source_octets() : Ipv4Header(l3).source_octets();
  ends.destination =
      ends.v6 ? Ipv6Header(l3).destination_octets() : Ipv4Header(l3).destination_octets();
  ends.protocol = layers.ip_protocol;
  if (layers.l4 != L4::kNone && layers.l4 != L4::kOther) ends.l4 = frame + layers.l4_offset;
  return ends;
}

// `direction`: of the datagram. DHCP's addresses change in mid-conversation: a client has one key
// for all of it, without addresses. ICMP but echo has no ports.
FlowKey flow_key(const FlowEnds& ends, FlowDirection direction, uint16_t owner);

constexpr bool is_dhcp_client(bool v6, uint16_t local_port, uint16_t remote_port) {
  using Bootp = BootpHeader<const uint8_t>;
  return v6 ? local_port == 546 && remote_port == 547  // RFC 8415
            : local_port == Bootp::kClientPort && remote_port == Bootp::kServerPort;
}

// Its addresses are zero.
constexpr bool is_dhcp_client(const FlowKey& key) {
  return key.protocol == static_cast<uint8_t>(IpProtocol::kUdp) &&
         is_dhcp_client(key.v6, key.local_port, key.remote_port);
}

// The same for TCP and UDP whose ports are known.
inline FlowKeyWords flow_key_words(const FlowEnds& ends, FlowDirection direction, uint16_t owner) {
  const bool out = direction == FlowDirection::kOut;
  const uint8_t* local = out ? ends.source : ends.destination;
  const uint8_t* remote = out ? ends.destination : ends.source;
  const uint16_t first = load_be<uint16_t>(ends.l4), second = load_be<uint16_t>(ends.l4 + 2);
  const uint16_t local_port = out ? first : second, remote_port = out ? second : first;
  static_assert(std::endian::native == std::endian::little, "FlowKey's members, lowest first");
  FlowKeyWords words;
  words.rest = local_port | uint64_t{remote_port} << 16 | uint64_t{owner} << 32 |
               uint64_t{ends.protocol} << 48 | uint64_t{ends.v6} << 56;
  if (ends.protocol == static_cast<uint8_t>(IpProtocol::kUdp) &&
      is_dhcp_client(ends.v6, local_port, remote_port)) [[unlikely]]
    return words;
  words.local[0] = ends.v6 ? load_le<uint64_t>(local) : load_le<uint32_t>(local);
  words.local[1] = ends.v6 ? load_le<uint64_t>(local + 8) : 0;
  words.remote[0] = ends.v6 ? load_le<uint64_t>(remote) : load_le<uint32_t>(remote);
  words.remote[1] = ends.v6 ? load_le<uint64_t>(remote + 8) : 0;
  return words;
}

// The same two stations: both MACs of two Ethernet frames.
inline bool same_stations(const uint8_t* one, const uint8_t* other) {
  return same_octets<12>(one, other);
}
// The same addresses and ports, which stand one behind the other: of IP headers without options or
// extension headers, with TCP or UDP behind them.
inline bool same_ends_v4(const uint8_t* one, const uint8_t* other) {
  return same_octets<12>(Ipv4Header(one).source_octets(), Ipv4Header(other).source_octets());
}
inline bool same_ends_v6(const uint8_t* one, const uint8_t* other) {
  return same_octets<36>(Ipv6Header(one).source_octets(), Ipv6Header(other).source_octets());
}

// Whether two parsed frames are of one flow between the same two stations for certain. Of untagged
// TCP and UDP right behind a plain IP header, and no fragments; false for all others.
inline bool same_flow(const uint8_t* one, const Layers& layers, const uint8_t* other,
                      const Layers& others) {
  constexpr uint16_t kL3 = EthernetHeader<const uint8_t>::kLength;
  if (layers.flow_hash != others.flow_hash || layers.l3 != others.l3 || layers.l4 != others.l4 ||
      (layers.l4 != L4::kTcp && layers.l4 != L4::kUdp) || layers.l2_length != kL3 ||
      others.l2_length != kL3 || layers.l4_offset != others.l4_offset || layers.fragment ||
      others.fragment || !same_stations(one, other)) {
    return false;
  }
  const uint32_t header = layers.l4_offset - kL3;
  return layers.l3 == L3::kIpv4
             ? header == Ipv4Header<const uint8_t>::kLength && same_ends_v4(one + kL3, other + kL3)
             : header == Ipv6Header<const uint8_t>::kLength && same_ends_v6(one + kL3, other + kL3);
}

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_FLOW_KEY_HH_
