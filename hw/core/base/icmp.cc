// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/icmp.hh"

namespace gatehouse {

std::optional<NdOptions::Option> NdOptions::next() {
  if (rest_.empty() || bad_) return std::nullopt;
  const size_t octets = rest_.size() < 2 ? 0 : rest_[1] * size_t{8};
  if (octets == 0 || octets > rest_.size()) {
    bad_ = true;
    return std::nullopt;
  }
  const Option option{rest_[0], rest_.first(octets)};
  rest_ = rest_.subspan(octets);
  return option;
}

uint32_t NdOptions::fixed_length(uint8_t nd_type) {
  using Message = NeighborMessage<const uint8_t>;
  switch (static_cast<Icmpv6Type>(nd_type)) {
    case Icmpv6Type::kRouterSolicitation:
      return Message::kRouterSolicitationLength;
    case Icmpv6Type::kRouterAdvertisement:
      return Message::kRouterAdvertisementLength;
    case Icmpv6Type::kNeighborSolicitation:
    case Icmpv6Type::kNeighborAdvertisement:
      return Message::kLength;
    case Icmpv6Type::kNdRedirect:
      return Message::kRedirectLength;
    default:
      return 0;
  }
}

IpAddress solicited_node(const IpAddress& ip) {
  IpAddress group;
  group.family = IpAddress::Family::kIpv6;
  group.octets = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff};
  std::memcpy(group.octets.data() + 13, ip.octets.data() + 13, 3);
  return group;
}

MacAddress multicast_mac(const IpAddress& ip) {
  MacAddress mac{{0x33, 0x33}};
  std::memcpy(mac.octets.data() + 2, ip.octets.data() + 12, 4);
  return mac;
}

}  // namespace gatehouse
