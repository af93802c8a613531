// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/owners.hh"

#include <algorithm>

#include "hw/core/base/bytes.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/parse/parse.hh"

namespace gatehouse::fuzz {
namespace {

using policy::Format;

template <class Row>
const Row& named(const std::vector<Row>& rows, const std::string& name) {
  return *std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
}

// 0 where the octets end.
uint64_t bits_at(std::span<const uint8_t> octets, const policy::Field& field) {
  uint64_t value = 0;
  for (size_t bit = size_t{field.octet} * 8 + field.bit, left = field.bits; left != 0;
       ++bit, --left) {
    const uint8_t octet = bit / 8 < octets.size() ? octets[bit / 8] : 0;
    value = value << 1 | (octet >> (7 - bit % 8) & 1);
  }
  return value;
}

bool in_tunnel(std::span<const uint8_t> frame, const Layers& layers, const Format& format,
               uint32_t vni) {
  if (layers.l4_offset == 0 || layers.ip_protocol != format.protocol) return false;
  if (format.has_ports()) {
    if (layers.payload_offset == 0) return false;
    if (load_be<uint16_t>(&frame[layers.l4_offset + 2]) != format.port) return false;
  }
  if (format.protocol == Format::kTcp) return true;
  const size_t header = format.has_ports() ? layers.payload_offset : layers.l4_offset;
  return bits_at(frame.subspan(header), format.tenant) == vni;
}

}  // namespace

Owners owners_of(const policy::Policy& policy, std::span<const uint8_t> frame) {
  Layers layers;
  static_cast<void>(parse::parse(frame, {.ipv4_checksum = false, .super_frame = true}, layers));
  Owners owners{.neighbour = layers.l3 == L3::kArp || layers.l4 == L4::kIcmpv6};
  for (size_t i = 0; i < policy.vnics.size(); ++i) {
    const policy::Tenant& tenant = named(policy.tenants, policy.vnics[i].tenant);
    if (in_tunnel(frame, layers, named(policy.formats, tenant.format), tenant.vni))
      owners.vnics |= 1u << i;
  }
  for (const policy::Mirror& mirror : policy.mirrors) {
    const Format& format = named(policy.formats, named(policy.tenants, mirror.tenant).format);
    owners.copy |= in_tunnel(frame, layers, format, mirror.vni);
  }
  return owners;
}

uint32_t tenants_vnics(const policy::Policy& policy, unsigned vnic) {
  uint32_t vnics = 0;
  for (size_t i = 0; i < policy.vnics.size(); ++i)
    if (policy.vnics[i].tenant == policy.vnics[vnic].tenant) vnics |= 1u << i;
  return vnics;
}

}  // namespace gatehouse::fuzz
