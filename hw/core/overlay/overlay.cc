// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/overlay/overlay.hh"

#include <algorithm>

namespace gatehouse::overlay {
namespace {

// fe80::/10 means something only on its link: no default route may take it away (RFC 4291
// section 2.5.6).
constexpr unsigned kLinkLocalBits = 10;
bool is_link_local(const Key& key) {
  return key.v6 && key.ip[0] == 0xfe && (key.ip[1] & 0xc0) == 0x80;
}

}  // namespace

void Tables::reserve(size_t hosts_v4, size_t hosts_v6, size_t prefixes, size_t tenants) {
  hosts_.reserve(hosts_v4, hosts_v6);
  prefixes_.reserve(prefixes, tenants);
}

bool Tables::insert(uint16_t tenant, const IpPrefix& destination, const Target& target) {
  return destination.is_host() ? hosts_.insert(tenant, destination.address, target)
                               : prefixes_.insert(tenant, destination, target);
}

Target Tables::find_prefix(const Key& key, unsigned shortest) const {
  return prefixes_.find(key, is_link_local(key) ? std::max(kLinkLocalBits, shortest) : shortest);
}

Target Tables::find(const Key& key, unsigned shortest) const {
  const Target target = hosts_.find(key);
  return target.way.is_none() && prefixes_.size() != 0 ? find_prefix(key, shortest) : target;
}

void Tables::find(std::span<const Key> keys, std::span<Target> targets) const {
  hosts_.find(keys, targets);
  if (prefixes_.size() == 0) return;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (targets[i].way.is_none()) targets[i] = find_prefix(keys[i], 0);
  }
}

}  // namespace gatehouse::overlay
