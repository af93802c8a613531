// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/meter/two_rate.hh"

#include "hw/core/base/bytes.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"

namespace gatehouse::meter {
namespace {

constexpr uint64_t kOctetsPerKilobit = 125;

Bucket bucket(uint32_t kilobits, uint32_t burst) {
  return {std::max(kilobits, 1u) * kOctetsPerKilobit, burst};
}

}  // namespace

TwoRate::TwoRate(const policy::Meter& meter)
    : active_(true),
      colour_aware_(meter.colour_aware),
      committed_(bucket(meter.committed_rate, meter.committed_burst)),
      peak_(bucket(meter.peak_rate, meter.peak_burst)) {}

Colour colour_of_dscp(uint8_t dscp) {
  const uint8_t forwarding_class = dscp >> 3, precedence = dscp & 7;
  if (forwarding_class < 1 || forwarding_class > 4) return Colour::kGreen;
  if (precedence == 4) return Colour::kYellow;
  return precedence == 6 ? Colour::kRed : Colour::kGreen;
}

uint8_t dscp_of(const uint8_t* l3, L3 kind) {
  if (kind == L3::kIpv4) return Ipv4Header(l3).tos() >> 2;
  return kind == L3::kIpv6 ? Ipv6Header(l3).traffic_class() >> 2 : 0;
}

void set_dscp(uint8_t* l3, L3 kind, uint8_t dscp) {
  if (kind == L3::kIpv4) {
    const Ipv4Header ip(l3);
    const uint16_t before = load_be<uint16_t>(l3);
    ip.set_tos(static_cast<uint8_t>(dscp << 2 | (ip.tos() & 3)));
    ip.set_checksum(checksum::update(ip.checksum(), before, load_be<uint16_t>(l3)));
  } else if (kind == L3::kIpv6) {
    const Ipv6Header ip(l3);
    constexpr uint32_t kDscp = 0x0fc00000;
    ip.set_version_class_flow((ip.version_class_flow() & ~kDscp) | uint32_t{dscp} << 22);
  }
}

}  // namespace gatehouse::meter
