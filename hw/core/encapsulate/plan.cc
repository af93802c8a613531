// SPDX-License-Identifier: GPL-2.0-or-later
// What a format's description says about sending, as places.
#include <algorithm>

#include "hw/core/base/headers.hh"
#include "hw/core/encapsulate/outer.hh"

namespace gatehouse::encapsulate {
namespace {

using policy::Entropy;
using policy::Format;

Bits bits(const policy::Field& field) { return {field.octet, field.bit, field.bits}; }

bool bit_of(const std::vector<uint8_t>& octets, size_t bit) {
  return bit / 8 < octets.size() && (octets[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

// Length of the option at `at`; 0 when it is none, which policy::check_format() has excluded.
size_t option_length(const Format& format, size_t at) {
  const policy::Field& field = format.option_length.field;
  size_t value = 0;
  for (size_t i = 0; i < field.bits; ++i) {
    value = value << 1 | bit_of(format.options, (at + field.octet) * 8 + field.bit + i);
  }
  return value * format.option_length.unit + format.option_length.addend;
}

bool has_critical_option(const Format& format) {
  const policy::Field& critical = format.option_critical;
  if (!critical) return false;
  for (size_t at = 0; at < format.options.size();) {
    if (bit_of(format.options, (at + critical.octet) * 8 + critical.bit)) return true;
    const size_t length = option_length(format, at);
    if (length == 0) return false;
    at += length;
  }
  return false;
}

}  // namespace

Plan::Plan(const Format& format) : format_(&format) {
  l4_ = format.protocol;
  header_ = static_cast<uint8_t>(format.header.size());
  options_length_ = static_cast<uint16_t>(format.options.size());
  inside_ = format.inner;
  ether_type_ = bits(format.ether_type);
  checksum_ = static_cast<bool>(format.checksum);
  checksum_at_ = static_cast<uint8_t>(format.checksum.octet);
  total_length_ = bits(format.total_length.field);
  total_addend_ = format.total_length.addend;
  Entropy entropy = format.entropy;
  if (entropy == Entropy::kUsual) {
    entropy = format.flow          ? Entropy::kFlow
              : format.has_ports() ? Entropy::kSourcePort
                                   : Entropy::kNone;
  }
  port_by_flow_ = entropy == Entropy::kSourcePort;
  if (entropy == Entropy::kFlow) {
    flow_ = bits(format.flow);
    flow_bits_ = format.flow.bits;
  }
  redundant_ = format.is_redundant();
  offload_ = static_cast<bool>(format.offload);
  offload_at_ = static_cast<uint8_t>(format.offload.octet);
  plain_ = l4_ == Format::kUdp && port_by_flow_ && !total_length_;
}

bool Plan::carries(const Layers& layers) const {
  if (!carries_ip()) return true;
  if (layers.l2_length != EthernetHeader<uint8_t>::kLength) return false;
  if (layers.l3 == L3::kIpv4) return inside_ != policy::Inside::kIpv6;
  return layers.l3 == L3::kIpv6 && inside_ != policy::Inside::kIpv4;
}

uint32_t Plan::l4_length() const {
  if (l4_ == Format::kUdp) return UdpHeader<uint8_t>::kLength;
  return l4_ == Format::kTcp ? TcpHeader<uint8_t>::kLength : 0;
}

uint32_t Plan::mtu_overhead(bool v6) const {
  const uint32_t ip = v6 ? Ipv6Header<uint8_t>::kLength : Ipv4Header<uint8_t>::kLength;
  return ip + l4_length() + header_ + options_length_;
}

void Plan::write_header(uint8_t* header, uint32_t vni) const {
  const Format& format = *format_;
  std::copy(format.header.begin(), format.header.end(), header);
  bits(format.tenant).write(header, vni);
  if (format.length.field) {
    const uint32_t octets = header_ + options_length_ - format.length.addend;
    bits(format.length.field).write(header, octets / format.length.unit);
  }
  if (format.any_critical) bits(format.any_critical).write(header, has_critical_option(format));
}

}  // namespace gatehouse::encapsulate
