// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/underlay/interface.hh"

#include <algorithm>

namespace gatehouse::underlay {
bool Interface::owns(const IpAddress& ip) const {
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const IpPrefix& own) { return own.address == ip; });
}

const IpAddress* Interface::source_for(const IpAddress& next) const {
  const IpAddress* found = nullptr;
  for (const IpPrefix& own : addresses) {
    if (own.address.family != next.family) continue;
    if (own.contains(next)) return &own.address;
    if (found == nullptr) found = &own.address;
  }
  return found;
}

bool Interface::takes_tags(const Layers& layers) const {
  const uint16_t vid = layers.vlan_tci & 0x0fff;
  if (vlan != 0) return layers.vlan_tags == 1 && vid == vlan;
  return layers.vlan_tags == 0 || (layers.vlan_tags == 1 && vid == 0);  // priority tag
}

std::optional<Route> route(std::span<const Interface> interfaces, const IpAddress& peer) {
  std::optional<Route> best;
  int longest = -1;
  for (unsigned i = 0; i < interfaces.size(); ++i) {
    for (const IpPrefix& own : interfaces[i].addresses) {
      if (!own.contains(peer) || own.length <= longest) continue;
      longest = own.length;
      best = Route{i, peer, own.address};
    }
  }
  if (best) return best;
  for (unsigned i = 0; i < interfaces.size(); ++i) {
    const auto& gateway = peer.is_v4() ? interfaces[i].gateway_v4 : interfaces[i].gateway_v6;
    const IpAddress* own = gateway ? interfaces[i].source_for(*gateway) : nullptr;
    if (own != nullptr) return Route{i, *gateway, *own};
  }
  return std::nullopt;
}

}  // namespace gatehouse::underlay
