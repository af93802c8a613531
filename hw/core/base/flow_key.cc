// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/flow_key.hh"

#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"

namespace gatehouse {
namespace {

bool is_echo(uint8_t protocol, uint8_t type, bool& asks) {
  if (protocol == static_cast<uint8_t>(IpProtocol::kIcmp)) {
    asks = type == static_cast<uint8_t>(IcmpType::kEchoRequest);
    return asks || type == static_cast<uint8_t>(IcmpType::kEchoReply);
  }
  asks = type == static_cast<uint8_t>(Icmpv6Type::kEchoRequest);
  return asks || type == static_cast<uint8_t>(Icmpv6Type::kEchoReply);
}

}  // namespace

FlowKey flow_key(const FlowEnds& ends, FlowDirection direction, uint16_t owner) {
  const bool out = direction == FlowDirection::kOut;
  FlowKey key;
  key.owner = owner;
  key.protocol = ends.protocol;
  key.v6 = ends.v6;
  const uint8_t* local = out ? ends.source : ends.destination;
  const uint8_t* remote = out ? ends.destination : ends.source;
  if (ends.v6) {
    std::memcpy(key.local.data(), local, 16);
    std::memcpy(key.remote.data(), remote, 16);
  } else {
    std::memcpy(key.local.data(), local, 4);
    std::memcpy(key.remote.data(), remote, 4);
  }
  if (ends.l4 == nullptr) return key;
  const auto protocol = static_cast<IpProtocol>(ends.protocol);
  if (protocol == IpProtocol::kTcp || protocol == IpProtocol::kUdp) {
    flow_key_words(ends, direction, owner).write(key);
    return key;
  }
  const bool icmp = protocol == IpProtocol::kIcmp || protocol == IpProtocol::kIcmpv6;
  bool asks = false;
  if (icmp && is_echo(ends.protocol, ends.l4[0], asks)) {
    const uint16_t identifier = load_be<uint16_t>(ends.l4 + 4);
    key.remote_asks = asks != out;
    (key.remote_asks ? key.remote_port : key.local_port) = identifier;
  }
  return key;
}

}  // namespace gatehouse
