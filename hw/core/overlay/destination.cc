// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/overlay/destination.hh"

#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"

namespace gatehouse::overlay {
namespace {

constexpr uint8_t kIgmp = 2;  // IANA protocol number, RFC 3376

// 01-80-C2-00-00-00 ... -0F
bool is_reserved_group(const uint8_t* mac) {
  constexpr uint8_t kReserved[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};
  return std::memcmp(mac, kReserved, sizeof kReserved) == 0 && mac[5] < 0x10;
}

bool is_mld(const uint8_t* frame, const Layers& layers) {
  if (layers.l4 != L4::kIcmpv6) return false;
  const auto type = static_cast<Icmpv6Type>(IcmpHeader(frame + layers.l4_offset).type());
  return type == Icmpv6Type::kMldQuery || type == Icmpv6Type::kMldReport ||
         type == Icmpv6Type::kMldDone || type == Icmpv6Type::kMldv2Report;
}

}  // namespace

Destination classify(const uint8_t* frame, const Layers& layers) {
  if (layers.l3 != L3::kIpv4 && layers.l3 != L3::kIpv6) return Destination::kLink;
  if (is_reserved_group(frame)) return Destination::kLink;
  const uint8_t* ip = destination_ip(frame, layers);
  const bool v6 = layers.l3 == L3::kIpv6;
  if (v6 ? is_mld(frame, layers) : layers.ip_protocol == kIgmp) return Destination::kLink;
  return is_many(ip, v6) ? Destination::kMany : Destination::kUnicast;
}

MacAddress group_mac(const uint8_t* ip, bool v6) {
  if (v6) return {{0x33, 0x33, ip[12], ip[13], ip[14], ip[15]}};
  if ((ip[0] & 0xf0) != 0xe0) return kBroadcastMac;
  return {{0x01, 0x00, 0x5e, static_cast<uint8_t>(ip[1] & 0x7f), ip[2], ip[3]}};
}

}  // namespace gatehouse::overlay
