// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses as values. All octets are in network order, so that memcmp orders them as people do.
#ifndef GATEHOUSE_HW_CORE_BASE_ADDRESS_HH_
#define GATEHOUSE_HW_CORE_BASE_ADDRESS_HH_

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

struct MacAddress {
  std::array<uint8_t, 6> octets{};
  auto operator<=>(const MacAddress&) const = default;
  bool is_multicast() const { return (octets[0] & 1) != 0; }  // broadcast included
  bool is_zero() const { return *this == MacAddress{}; }
  static MacAddress from(const uint8_t* octets) {
    MacAddress mac;
    std::memcpy(mac.octets.data(), octets, 6);
    return mac;
  }
};

// IPv4 or IPv6. An IPv4 address stands in octets 0-3, the other twelve are zero.
struct IpAddress {
  enum class Family : uint8_t { kNone = 0, kIpv4 = 4, kIpv6 = 6 };
  std::array<uint8_t, 16> octets{};
  Family family = Family::kNone;
  auto operator<=>(const IpAddress&) const = default;
  bool is_v4() const { return family == Family::kIpv4; }
  bool is_v6() const { return family == Family::kIpv6; }
  static IpAddress v4(const uint8_t* octets) {
    IpAddress ip;
    std::memcpy(ip.octets.data(), octets, 4);
    ip.family = Family::kIpv4;
    return ip;
  }
  static IpAddress v6(const uint8_t* octets) {
    IpAddress ip;
    std::memcpy(ip.octets.data(), octets, 16);
    ip.family = Family::kIpv6;
    return ip;
  }
};

// `length` in bits: 0-32 or 0-128. Octets behind the prefix are zero.
struct IpPrefix {
  IpAddress address;
  uint8_t length = 0;
  auto operator<=>(const IpPrefix&) const = default;
  bool is_host() const { return length == (address.is_v4() ? 32 : 128); }
  bool contains(const IpAddress& ip) const;
};

// Text forms: "52:54:00:12:34:56", RFC 5952 for IPv6, "10.0.0.0/8". Parsing takes what inet_pton
// takes and nothing else; nullopt when it is not an address (for a prefix also: when host bits are
// set).
std::optional<MacAddress> parse_mac(std::string_view text);
std::optional<IpAddress> parse_ip(std::string_view text);
std::optional<IpPrefix> parse_prefix(std::string_view text);
std::string to_string(const MacAddress& mac);
std::string to_string(const IpAddress& ip);
std::string to_string(const IpPrefix& prefix);

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_ADDRESS_HH_
