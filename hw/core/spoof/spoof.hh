// SPDX-License-Identifier: GPL-2.0-or-later
// A frame from a vnic may carry only that vnic's own addresses, in the headers and in what ARP,
// Neighbor Discovery and DHCP say.
#ifndef GATEHOUSE_HW_CORE_SPOOF_SPOOF_HH_
#define GATEHOUSE_HW_CORE_SPOOF_SPOOF_HH_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hw/core/base/address.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/policy/policy.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::spoof {

// One vnic's rules, laid out for the usual case of few host addresses. Default: nothing may be
// sent.
class Rules {
 public:
  Rules() = default;
  // `mac`: the one that holds after policy and device agreed.
  Rules(const policy::Vnic& vnic, const MacAddress& mac);

  // none: may pass. `packet` parsed, with reason none.
  //   vlan_not_allowed, protocol_not_allowed    whether anti_spoof is on or not
  //   spoofed_mac, spoofed_ipv4, spoofed_ipv6, spoofed_arp, spoofed_nd, spoofed_dhcp    only with
  //   anti_spoof
  spec::DropReason check(const Packet& packet) const;

  // Whether the vnic may call the address its own. Link-local IPv6 addresses (fe80::/64) are,
  // whatever their identifier: RFC 7217 makes them unpredictable.
  bool owns_v4(const uint8_t* octets) const;
  bool owns_v6(const uint8_t* octets) const;
  // Bits of the longest of its addresses and networks that holds `ip`, link-local ones only if they
  // are named; nullopt: none does.
  std::optional<unsigned> own_prefix(const IpAddress& ip) const;
  bool anti_spoof() const { return anti_spoof_; }

  // Whether the vnic may send, and be given, a frame with these tags.
  bool takes_tags(const Layers& layers) const {
    return layers.vlan_tags == 0 || check_vlan(layers) == spec::DropReason::none;
  }
  const MacAddress& mac() const { return mac_; }

 private:
  struct V6Bits {
    uint64_t high, low;  // as in the frame
  };
  static constexpr size_t kFast = 4;

  bool vlan_allowed(uint16_t vid) const;
  spec::DropReason check_vlan(const Layers& layers) const;
  spec::DropReason check_arp(const Packet& packet) const;
  spec::DropReason check_ipv4(const Packet& packet) const;
  spec::DropReason check_ipv6(const Packet& packet) const;
  spec::DropReason check_nd(const Packet& packet, bool source_unspecified) const;
  spec::DropReason check_dhcp(const Packet& packet, bool client) const;

  MacAddress mac_;
  bool anti_spoof_ = true;
  uint8_t v4_count_ = 0, v6_count_ = 0;
  std::array<uint32_t, kFast> v4_{};  // as in the frame
  std::array<V6Bits, kFast> v6_{};
  std::vector<IpPrefix> others_;  // host addresses beyond kFast, and prefixes
  std::vector<uint16_t> vlans_;
};

// check() for each packet; sets packet->reason where one may not pass. Answers how many may.
// `repeats[i]`: packet i is of the flow of the one before it (same_flow()), which is judged
// alike unless its payload counts.
size_t check(const Rules& rules, std::span<Packet* const> batch, std::span<const bool> repeats);

}  // namespace gatehouse::spoof

#endif  // GATEHOUSE_HW_CORE_SPOOF_SPOOF_HH_
