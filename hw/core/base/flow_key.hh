// SPDX-License-Identifier: GPL-2.0-or-later
// The name of a connection, as the vnic at one of its ends sees it: the same for both directions.
#ifndef GATEHOUSE_HW_CORE_BASE_FLOW_KEY_HH_
#define GATEHOUSE_HW_CORE_BASE_FLOW_KEY_HH_

#include <array>
#include <cstdint>
#include <cstring>

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

// What a key is made of, as it stands in a frame or in the quotation of an ICMP error.
struct FlowEnds {
  const uint8_t* source = nullptr;  // 4 or 16 octets
  const uint8_t* destination = nullptr;
  const uint8_t* l4 = nullptr;  // null: none known; else 8 octets are there
  bool v6 = false;
  uint8_t protocol = 0;
};

// Of a parsed frame with L3 IPv4 or IPv6.
FlowEnds flow_ends(const uint8_t* frame, const Layers& layers);

// `direction`: of the datagram. DHCP's addresses change in mid-conversation: a client has one key
// for all of it, without addresses. ICMP but echo has no ports.
FlowKey flow_key(const FlowEnds& ends, FlowDirection direction, uint16_t owner);

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_FLOW_KEY_HH_
