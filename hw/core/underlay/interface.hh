// SPDX-License-Identifier: GPL-2.0-or-later
// The card's own ends on the underlay, and which of them leads to a peer.
#ifndef GATEHOUSE_HW_CORE_UNDERLAY_INTERFACE_HH_
#define GATEHOUSE_HW_CORE_UNDERLAY_INTERFACE_HH_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hw/core/base/address.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::underlay {

// One uplink. Not present: no policy names it.
struct Interface {
  bool present = false;
  MacAddress mac;
  uint16_t vlan = 0;  // 0 = untagged
  uint16_t mtu = 0;
  std::vector<IpPrefix> addresses;  // own, host bits kept
  std::optional<IpAddress> gateway_v4, gateway_v6;

  bool owns(const IpAddress& ip) const;
  // Own address towards `next`: one that shares its link, else the first of its family; null: none.
  const IpAddress* source_for(const IpAddress& next) const;
  // The frame has this interface's VLAN tag, and only that.
  bool takes_tags(const Layers& layers) const;
};

struct Route {
  unsigned uplink = 0;
  IpAddress next;    // the peer, or the gateway
  IpAddress source;  // own address towards it
};

// The interface whose on-link prefix holds the peer (the longest such prefix, then the first), else
// the first with a gateway and an own address of the peer's family. Nullopt: no way there.
std::optional<Route> route(std::span<const Interface> interfaces, const IpAddress& peer);

}  // namespace gatehouse::underlay

#endif  // GATEHOUSE_HW_CORE_UNDERLAY_INTERFACE_HH_
