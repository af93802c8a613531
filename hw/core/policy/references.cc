// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/references.hh"

#include <algorithm>
#include <bitset>

#include "hw/core/policy/checker.hh"
#include "hw/core/policy/format_rules.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "hw/core/policy/values.hh"

namespace gatehouse::policy {
namespace {

constexpr uint16_t kMinIpv4Mtu = 68;  // RFC 791

}  // namespace

std::string unknown_name(std::string_view what, std::string_view name, std::string_view list,
                         const std::vector<std::string_view>& known) {
  const std::string_view guess = nearest(name, known);
  std::string words = "no " + std::string(what) + " is called " + in_quotes(name) + "; ";
  if (!guess.empty()) return words + "did you mean \"" + std::string(guess) + "\"?";
  return words + "add it to \"" + std::string(list) + "\"";
}

bool uses_shipped(const Policy& policy, std::string_view name) {
  const auto called = [&](const Format& format) { return format.name == name; };
  const auto names = [&](const Tenant& tenant) { return tenant.format == name; };
  return std::any_of(policy.tenants.begin(), policy.tenants.end(), names) &&
         std::none_of(policy.formats.begin(), policy.formats.end(), called);
}

Found Checker::tenants() {
  std::unordered_map<uint32_t, size_t> vnis;
  std::vector<size_t> alone;
  for (size_t i = 0; i < policy_.tenants.size(); ++i) {
    const Tenant& tenant = policy_.tenants[i];
    if (const auto [other, fresh] = tenants_.emplace(tenant.name, i); !fresh) {
      return Finding{path_to("tenants", i, "name"),
                     already(in_quotes(tenant.name), {Step::to("tenants"), Step::at(other->second)},
                             "choose another name")};
    }
    if (Found found = this->tenant(i)) return found;
    if (!formats_.at(tenant.format)->tenant) {
      if (Found found = only_network(i, alone)) return found;
      alone.push_back(i);
    } else if (const auto [other, fresh] = vnis.emplace(tenant.vni, i); !fresh) {
      return Finding{path_to("tenants", i, "vni"),
                     already("VNI " + std::to_string(tenant.vni),
                             {Step::to("tenants"), Step::at(other->second)}, "choose another one")};
    }
  }
  return {};
}

// A format without a place for the VNI has one network.
Found Checker::only_network(size_t index, const std::vector<size_t>& others) {
  const Format& format = *formats_.at(policy_.tenants[index].format);
  for (const size_t other : others) {
    if (likeness(format, *formats_.at(policy_.tenants[other].format)) != Likeness::kSame) continue;
    return Finding{path_to("tenants", index, "format"),
                   "format " + in_quotes(format.name) + " has one network, which is " +
                       to_string({Step::to("tenants"), Step::at(other)}) +
                       "'s; take another format, or one with \"tenant\""};
  }
  return {};
}

// A format that is there, tells its frames from other tenants', and has room for the VNI.
Found Checker::tenant_format(size_t index) {
  const Tenant& tenant = policy_.tenants[index];
  const auto named = formats_.find(tenant.format);
  if (named == formats_.end()) {
    std::vector<std::string_view> known;
    for (const auto& [name, format] : formats_) known.push_back(name);
    for (const Format& format : shipped_formats()) known.emplace_back(format.name);
    return Finding{path_to("tenants", index, "format"),
                   unknown_name("format", tenant.format, "formats", known)};
  }
  const Format& format = *named->second;
  if (used_formats_.emplace(named->first, index).second) {
    for (const auto& [other, user] : used_formats_) {
      if (likeness(format, *formats_.at(other)) != Likeness::kConfusing) continue;
      return Finding{path_to("tenants", index, "format"),
                     "frames of " + in_quotes(tenant.format) + " can't be told from those of " +
                         in_quotes(other) + ", which " +
                         to_string({Step::to("tenants"), Step::at(user)}) +
                         " has; take one for both"};
    }
  }
  return vni_fits(tenant.vni, format, path_to("tenants", index, "vni"));
}

Found Checker::vni_fits(uint32_t vni, const Format& format, Path path) {
  const unsigned bits = format.tenant.bits;
  if (bits >= 32 || vni >> bits == 0) return {};
  if (bits == 0) {
    return Finding{std::move(path), "format " + in_quotes(format.name) + " has no place for VNI " +
                                        std::to_string(vni) +
                                        "; write 0, or take a format with \"tenant\""};
  }
  return Finding{std::move(path), "VNI " + std::to_string(vni) + " does not fit the " +
                                      std::to_string(bits) + " bits that format " +
                                      in_quotes(format.name) + " has for it; write at most " +
                                      std::to_string((1u << bits) - 1)};
}

Found Checker::tenant(size_t index) {
  const Tenant& tenant = policy_.tenants[index];
  if (Found found = tenant_format(index)) return found;
  if (tenant.mtu != 0 && tenant.mtu < kMinIpv4Mtu) {
    return Finding{
        path_to("tenants", index, "mtu"),
        std::to_string(tenant.mtu) + " is below the 68 octets that IPv4 needs; write more, or 0"};
  }
  if (Found found = known(meters_, "meter", tenant.meter, path_to("tenants", index, "meter")))
    return found;
  if (tenant.broadcast_peer)
    return peer(*tenant.broadcast_peer, path_to("tenants", index, "broadcast_peer"));
  return {};
}

Found Checker::peer(const IpAddress& peer, Path path) {
  bool has_source = false, is_reached = false;
  for (size_t i = 0; i < policy_.uplinks.size(); ++i) {
    for (const IpPrefix& own : policy_.uplinks[i].addresses) {
      if (own.address == peer) {
        return Finding{std::move(path), to_string(peer) +
                                            " is this card's own address; a local vnic needs no "
                                            "mapping, else write the peer's"};
      }
      has_source |= own.address.family == peer.family;
      is_reached |= own.contains(peer);
    }
    const Uplink& uplink = policy_.uplinks[i];
    is_reached |= (peer.is_v4() ? uplink.gateway_v4 : uplink.gateway_v6).has_value();
  }
  if (has_source && is_reached) return {};
  if (has_source) {
    return Finding{std::move(path),
                   to_string(peer) + " is in no uplink's network; add \"gateway" +
                       (peer.is_v4() ? "" : "6") +
                       "\" to the uplink, or correct the lengths in its \"addresses\""};
  }
  const std::string family = peer.is_v4() ? "IPv4" : "IPv6";
  return Finding{std::move(path), "no uplink has an " + family + " address to reach " +
                                      to_string(peer) + " from; add one to \"uplinks\""};
}

Found Checker::tenant_exists(const std::string& name, Path path, size_t& index) {
  const auto found = tenants_.find(name);
  if (found != tenants_.end()) {
    index = found->second;
    return {};
  }
  std::vector<std::string_view> known;
  for (const Tenant& tenant : policy_.tenants) known.emplace_back(tenant.name);
  return Finding{std::move(path), unknown_name("tenant", name, "tenants", known)};
}

Found Checker::vnics() {
  Index names;
  for (size_t i = 0; i < policy_.vnics.size(); ++i) {
    const Vnic& vnic = policy_.vnics[i];
    if (const auto [other, fresh] = names.emplace(vnic.name, i); !fresh) {
      return Finding{path_to("vnics", i, "name"),
                     already(in_quotes(vnic.name), {Step::to("vnics"), Step::at(other->second)},
                             "choose another name")};
    }
    if (Found found = this->vnic(i)) return found;
    if (!vnic.mac) continue;
    const auto [other, fresh] =
        vnic_macs_.emplace(std::pair(tenants_.at(vnic.tenant), *vnic.mac), i);
    if (fresh) continue;
    return Finding{path_to("vnics", i, "mac"),
                   already(to_string(*vnic.mac), {Step::to("vnics"), Step::at(other->second)},
                           "give each vnic of a tenant its own")};
  }
  return {};
}

Found Checker::vnic(size_t index) {
  const Vnic& vnic = policy_.vnics[index];
  size_t tenant = 0;
  if (Found found = tenant_exists(vnic.tenant, path_to("vnics", index, "tenant"), tenant))
    return found;
  if (Found found = vnic_addresses(index, tenant)) return found;
  if (Found found = vnic_guards(index)) return found;
  if (vnic.vlans.empty()) return {};
  std::bitset<0x10000> vlans;
  for (size_t i = 0; i < vnic.vlans.size(); ++i) {
    if (vlans[vnic.vlans[i]]) {
      return Finding{path_to("vnics", index, "vlans", i),
                     "VLAN " + std::to_string(vnic.vlans[i]) + " stands twice; remove one"};
    }
    vlans.set(vnic.vlans[i]);
  }
  return {};
}

// A sender would not believe that so little gets through (RFC 8201 section 4).
Found Checker::ipv6_fits(const IpAddress& ip, size_t tenant, Path path) {
  const uint16_t mtu = policy_.tenants[tenant].mtu;
  if (ip.is_v4() || mtu == 0 || mtu >= kMinIpv6Mtu) return {};
  return Finding{path_to("tenants", tenant, "mtu"),
                 std::to_string(mtu) + " is below the " + std::to_string(kMinIpv6Mtu) +
                     " octets that IPv6 needs, which " + to_string(path) +
                     " is of; write more, or 0"};
}

Found Checker::vnic_addresses(size_t index, size_t tenant) {
  const std::vector<IpPrefix>& addresses = policy_.vnics[index].addresses;
  for (size_t i = 0; i < addresses.size(); ++i) {
    Path path = path_to("vnics", index, "addresses", i);
    if (Found found = ipv6_fits(addresses[i].address, tenant, path)) return found;
    if (!addresses[i].is_host()) continue;  // several vnics may send from one network
    const auto [other, fresh] = vnic_addresses_.emplace(std::pair(tenant, addresses[i]), path);
    if (fresh) continue;
    return Finding{std::move(path), already(to_string(addresses[i].address), other->second,
                                            "an address of a tenant belongs to one vnic")};
  }
  return {};
}

Found Checker::mappings() {
  std::vector<std::tuple<size_t, IpPrefix, size_t>> keys;
  keys.reserve(policy_.mappings.size());
  for (size_t i = 0; i < policy_.mappings.size(); ++i) {
    size_t tenant = 0;
    if (Found found = mapping(i, tenant)) return found;
    keys.emplace_back(tenant, policy_.mappings[i].destination, i);
  }
  return duplicate_mapping(keys);
}

Found Checker::mapping(size_t index, size_t& tenant) {
  const Mapping& mapping = policy_.mappings[index];
  if (index > 0 && mapping.tenant == last_tenant_) {
    tenant = last_tenant_index_;
  } else {
    if (Found found = tenant_exists(mapping.tenant, path_to("mappings", index, "tenant"), tenant))
      return found;
    last_tenant_ = mapping.tenant;
    last_tenant_index_ = tenant;
  }
  if (const auto vnic = vnic_addresses_.find(std::pair(tenant, mapping.destination));
      vnic != vnic_addresses_.end()) {
    return Finding{path_to("mappings", index, "destination"),
                   already(to_string(mapping.destination.address), vnic->second,
                           "a local vnic needs no mapping, remove one")};
  }
  // What such a station sends would be taken for the vnic's, and refused.
  if (const auto vnic = vnic_macs_.find(std::pair(tenant, mapping.mac)); vnic != vnic_macs_.end()) {
    return Finding{path_to("mappings", index, "mac"),
                   already(to_string(mapping.mac), {Step::to("vnics"), Step::at(vnic->second)},
                           "write the station's own")};
  }
  // Paths are words, and there may be a million mappings: look first, name the place afterwards.
  if (mapping.vni) {
    const Format& format = *formats_.at(policy_.tenants[tenant].format);
    if (vni_fits(*mapping.vni, format, {}))
      return vni_fits(*mapping.vni, format, path_to("mappings", index, "vni"));
  }
  if (ipv6_fits(mapping.destination.address, tenant, {}))
    return ipv6_fits(mapping.destination.address, tenant,
                     path_to("mappings", index, "destination"));
  if (!peer(mapping.peer, {})) return {};
  return peer(mapping.peer, path_to("mappings", index, "peer"));
}

Found Checker::duplicate_mapping(std::vector<std::tuple<size_t, IpPrefix, size_t>>& keys) {
  std::sort(keys.begin(), keys.end());
  size_t first = SIZE_MAX;  // in the file's order
  size_t original = 0;
  for (size_t i = 1; i < keys.size(); ++i) {
    const auto& [tenant, prefix, index] = keys[i];
    const auto& [tenant_before, prefix_before, index_before] = keys[i - 1];
    if (tenant != tenant_before || prefix != prefix_before || index >= first) continue;
    first = index;
    original = index_before;
  }
  if (first == SIZE_MAX) return {};
  return Finding{path_to("mappings", first, "destination"),
                 already(to_string(policy_.mappings[first].destination),
                         {Step::to("mappings"), Step::at(original)}, "remove one of the two")};
}

std::optional<Finding> check_references(const Policy& policy) { return Checker(policy).run(); }

}  // namespace gatehouse::policy
