// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/references.hh"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hw/core/policy/schema.hh"
#include "hw/core/policy/values.hh"

namespace gatehouse::policy {
namespace {

constexpr size_t kMaxGeneveOptions = 252;  // octets; the header's length field has 6 bits for words of 4 (RFC 8926 section 3.4)
constexpr uint16_t kMinIpv4Mtu = 68;       // RFC 791
constexpr uint16_t kMinIpv6Mtu = 1280;     // RFC 8200 section 5

using Found = std::optional<Finding>;
using Index = std::unordered_map<std::string_view, size_t>;

Path path_to(std::string_view list, size_t index, std::string_view member) {
  return {Step::to(list), Step::at(index), Step::to(member)};
}

Path path_to(std::string_view list, size_t index, std::string_view member, size_t element) {
  return {Step::to(list), Step::at(index), Step::to(member), Step::at(element)};
}

std::string unknown_name(std::string_view what, std::string_view name, std::string_view list, const std::vector<std::string_view>& known) {
  const std::string_view guess = nearest(name, known);
  std::string words = "no " + std::string(what) + " is called " + in_quotes(name) + "; ";
  if (!guess.empty()) return words + "did you mean \"" + std::string(guess) + "\"?";
  return words + "add it to \"" + std::string(list) + "\"";
}

std::string already(std::string_view value, const Path& other, std::string_view fix) {
  return std::string(value) + " is already taken by " + to_string(other) + "; " + std::string(fix);
}

class Checker {
 public:
  explicit Checker(const Policy& policy) : policy_(policy) {}

  Found run() {
    if (Found found = formats()) return found;
    if (Found found = uplinks()) return found;
    if (Found found = tenants()) return found;
    if (Found found = vnics()) return found;
    return mappings();
  }

 private:
  Found formats();
  Found options_of(size_t index);
  Found uplinks();
  Found uplink(size_t index);
  Found gateway(size_t index, const std::optional<IpAddress>& gateway, std::string_view member);
  Found neighbours(size_t index);
  Found tenants();
  Found tenant(size_t index);
  Found vnics();
  Found vnic(size_t index);
  Found vnic_addresses(size_t index, size_t tenant);
  Found mappings();
  Found mapping(size_t index, size_t& tenant);
  Found duplicate_mapping(std::vector<std::tuple<size_t, IpPrefix, size_t>>& keys);
  Found peer(const IpAddress& peer, Path path);
  Found tenant_exists(const std::string& name, Path path, size_t& index);
  bool on_link(const Uplink& uplink, const IpAddress& ip) const;

  const Policy& policy_;
  std::map<std::string_view, const Format*> formats_;
  Index tenants_;
  std::map<std::pair<size_t, IpPrefix>, Path> vnic_addresses_;  // single addresses of each tenant's vnics
  std::string last_tenant_;  // mappings of one tenant mostly stand together
  size_t last_tenant_index_ = 0;
};

Found Checker::formats() {
  for (const Format& format : builtin_formats()) formats_.emplace(format.name, &format);
  for (size_t i = 0; i < policy_.formats.size(); ++i) {
    const Format& format = policy_.formats[i];
    const bool builtin = std::any_of(builtin_formats().begin(), builtin_formats().end(), [&](const Format& f) { return f.name == format.name; });
    if (builtin) return Finding{path_to("formats", i, "name"), in_quotes(format.name) + " is built in; choose another name"};
    if (!formats_.emplace(format.name, &format).second) {
      return Finding{path_to("formats", i, "name"), "a format before this one is also called " + in_quotes(format.name) + "; choose another name"};
    }
    for (const auto& [name, other] : formats_) {
      if (other->port != format.port || other->kind == format.kind) continue;
      return Finding{path_to("formats", i, "port"), "port " + std::to_string(format.port) + " belongs to " + in_quotes(name) +
                                                        ", which is of another kind; choose another port"};
    }
    if (Found found = options_of(i)) return found;
  }
  return {};
}

Found Checker::options_of(size_t index) {
  const Format& format = policy_.formats[index];
  const Path path = path_to("formats", index, "options");
  const std::vector<uint8_t>& octets = format.options;
  if (octets.empty()) return {};
  if (format.kind == FormatKind::kVxlan) return Finding{path, "VXLAN has no options; remove them or take \"geneve\""};
  if (octets.size() > kMaxGeneveOptions) {
    return Finding{path, std::to_string(octets.size()) + " octets of options do not fit; write at most " + std::to_string(kMaxGeneveOptions)};
  }
  // Class (2 octets), type, then 3 reserved bits and 5 bits of length in words of 4 octets, then that much data.
  constexpr size_t kOptionHeader = 4;
  for (size_t at = 0; at < octets.size();) {
    const size_t length = octets.size() - at < kOptionHeader ? SIZE_MAX : kOptionHeader + size_t{4} * (octets[at + 3] & 0x1fu);
    if (length > octets.size() - at) {
      return Finding{path, "the option at octet " + std::to_string(at) + " is cut off; write whole options: class, type, length, data"};
    }
    at += length;
  }
  return {};
}

Found Checker::uplinks() {
  for (size_t i = 0; i < policy_.uplinks.size(); ++i) {
    for (size_t before = 0; before < i; ++before) {
      if (policy_.uplinks[before].name != policy_.uplinks[i].name) continue;
      return Finding{path_to("uplinks", i, "name"), already(in_quotes(policy_.uplinks[i].name), {Step::to("uplinks"), Step::at(before)}, "join the two entries")};
    }
    if (Found found = uplink(i)) return found;
  }
  return {};
}

bool Checker::on_link(const Uplink& uplink, const IpAddress& ip) const {
  constexpr uint8_t kLinkLocal[] = {0xfe, 0x80};  // fe80::/10 is on every link
  if (ip.is_v6() && ip.octets[0] == kLinkLocal[0] && (ip.octets[1] & 0xc0) == kLinkLocal[1]) return true;
  return std::any_of(uplink.addresses.begin(), uplink.addresses.end(), [&](const IpPrefix& own) {
    if (own.address.family != ip.family) return false;
    for (unsigned bit = 0; bit < own.length; ++bit) {
      const unsigned shift = 7 - bit % 8;
      if (((own.address.octets[bit / 8] ^ ip.octets[bit / 8]) >> shift & 1) != 0) return false;
    }
    return true;
  });
}

Found Checker::uplink(size_t index) {
  const Uplink& uplink = policy_.uplinks[index];
  if (uplink.addresses.empty()) {
    return Finding{path_to("uplinks", index, "addresses"), "the list is empty; write at least one address like \"10.1.0.1/24\""};
  }
  for (size_t i = 0; i < uplink.addresses.size(); ++i) {
    for (size_t other = 0; other <= index; ++other) {
      const std::vector<IpPrefix>& theirs = policy_.uplinks[other].addresses;
      for (size_t j = 0; j < (other == index ? i : theirs.size()); ++j) {
        if (theirs[j].address != uplink.addresses[i].address) continue;
        return Finding{path_to("uplinks", index, "addresses", i),
                       already(to_string(theirs[j].address), path_to("uplinks", other, "addresses", j), "remove one")};
      }
    }
    if (uplink.addresses[i].address.is_v6() && uplink.mtu < kMinIpv6Mtu) {
      return Finding{path_to("uplinks", index, "mtu"), "IPv6 needs an MTU of at least 1280; raise it or remove the IPv6 addresses"};
    }
  }
  if (Found found = gateway(index, uplink.gateway_v4, "gateway")) return found;
  if (Found found = gateway(index, uplink.gateway_v6, "gateway6")) return found;
  return neighbours(index);
}

Found Checker::gateway(size_t index, const std::optional<IpAddress>& gateway, std::string_view member) {
  if (!gateway) return {};
  const Uplink& uplink = policy_.uplinks[index];
  const Path path = path_to("uplinks", index, member);
  for (const IpPrefix& own : uplink.addresses) {
    if (own.address == *gateway) return Finding{path, to_string(*gateway) + " is the uplink's own address; write the next hop's"};
  }
  if (!on_link(uplink, *gateway)) {
    return Finding{path, to_string(*gateway) + " is in none of the uplink's networks; correct it or the lengths in \"addresses\""};
  }
  return {};
}

Found Checker::neighbours(size_t index) {
  const Uplink& uplink = policy_.uplinks[index];
  for (size_t i = 0; i < uplink.neighbours.size(); ++i) {
    const IpAddress& address = uplink.neighbours[i].address;
    Path path = path_to("uplinks", index, "neighbours", i);
    const Path object = path;
    path.push_back(Step::to("address"));
    if (!on_link(uplink, address)) {
      return Finding{path, to_string(address) + " is in none of the uplink's networks; correct it or the lengths in \"addresses\""};
    }
    for (size_t before = 0; before < i; ++before) {
      if (uplink.neighbours[before].address != address) continue;
      return Finding{path, already(to_string(address), path_to("uplinks", index, "neighbours", before), "remove one")};
    }
  }
  return {};
}

Found Checker::tenants() {
  std::unordered_map<uint32_t, size_t> vnis;
  for (size_t i = 0; i < policy_.tenants.size(); ++i) {
    const Tenant& tenant = policy_.tenants[i];
    if (const auto [other, fresh] = tenants_.emplace(tenant.name, i); !fresh) {
      return Finding{path_to("tenants", i, "name"),
                     already(in_quotes(tenant.name), {Step::to("tenants"), Step::at(other->second)}, "choose another name")};
    }
    if (const auto [other, fresh] = vnis.emplace(tenant.vni, i); !fresh) {
      return Finding{path_to("tenants", i, "vni"),
                     already("VNI " + std::to_string(tenant.vni), {Step::to("tenants"), Step::at(other->second)}, "choose another one")};
    }
    if (Found found = this->tenant(i)) return found;
  }
  return {};
}

Found Checker::tenant(size_t index) {
  const Tenant& tenant = policy_.tenants[index];
  if (!formats_.contains(tenant.format)) {
    std::vector<std::string_view> known;
    for (const auto& [name, format] : formats_) known.push_back(name);
    return Finding{path_to("tenants", index, "format"), unknown_name("format", tenant.format, "formats", known)};
  }
  if (tenant.mtu != 0 && tenant.mtu < kMinIpv4Mtu) {
    return Finding{path_to("tenants", index, "mtu"), std::to_string(tenant.mtu) + " is below the 68 octets that IPv4 needs; write more, or 0"};
  }
  if (tenant.broadcast_peer) return peer(*tenant.broadcast_peer, path_to("tenants", index, "broadcast_peer"));
  return {};
}

Found Checker::peer(const IpAddress& peer, Path path) {
  bool has_source = false;
  for (size_t i = 0; i < policy_.uplinks.size(); ++i) {
    for (const IpPrefix& own : policy_.uplinks[i].addresses) {
      if (own.address == peer) {
        return Finding{std::move(path), to_string(peer) + " is this card's own address; a local vnic needs no mapping, else write the peer's"};
      }
      has_source |= own.address.family == peer.family;
    }
  }
  if (has_source) return {};
  const std::string family = peer.is_v4() ? "IPv4" : "IPv6";
  return Finding{std::move(path), "no uplink has an " + family + " address to reach " + to_string(peer) + " from; add one to \"uplinks\""};
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
  std::map<std::pair<std::string_view, MacAddress>, size_t> macs;
  for (size_t i = 0; i < policy_.vnics.size(); ++i) {
    const Vnic& vnic = policy_.vnics[i];
    if (const auto [other, fresh] = names.emplace(vnic.name, i); !fresh) {
      return Finding{path_to("vnics", i, "name"), already(in_quotes(vnic.name), {Step::to("vnics"), Step::at(other->second)}, "choose another name")};
    }
    if (vnic.mac) {
      const auto [other, fresh] = macs.emplace(std::pair(std::string_view(vnic.tenant), *vnic.mac), i);
      if (!fresh) {
        return Finding{path_to("vnics", i, "mac"),
                       already(to_string(*vnic.mac), {Step::to("vnics"), Step::at(other->second)}, "give each vnic of a tenant its own")};
      }
    }
    if (Found found = this->vnic(i)) return found;
  }
  return {};
}

Found Checker::vnic(size_t index) {
  const Vnic& vnic = policy_.vnics[index];
  size_t tenant = 0;
  if (Found found = tenant_exists(vnic.tenant, path_to("vnics", index, "tenant"), tenant)) return found;
  if (Found found = vnic_addresses(index, tenant)) return found;
  for (size_t i = 0; i < vnic.vlans.size(); ++i) {
    if (std::find(vnic.vlans.begin(), vnic.vlans.begin() + static_cast<ptrdiff_t>(i), vnic.vlans[i]) !=
        vnic.vlans.begin() + static_cast<ptrdiff_t>(i)) {
      return Finding{path_to("vnics", index, "vlans", i), "VLAN " + std::to_string(vnic.vlans[i]) + " stands twice; remove one"};
    }
  }
  return {};
}

Found Checker::vnic_addresses(size_t index, size_t tenant) {
  const std::vector<IpPrefix>& addresses = policy_.vnics[index].addresses;
  for (size_t i = 0; i < addresses.size(); ++i) {
    Path path = path_to("vnics", index, "addresses", i);
    if (!addresses[i].is_host()) continue;  // several vnics may send from one network
    const auto [other, fresh] = vnic_addresses_.emplace(std::pair(tenant, addresses[i]), path);
    if (fresh) continue;
    return Finding{std::move(path), already(to_string(addresses[i].address), other->second, "an address of a tenant belongs to one vnic")};
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
    if (Found found = tenant_exists(mapping.tenant, path_to("mappings", index, "tenant"), tenant)) return found;
    last_tenant_ = mapping.tenant;
    last_tenant_index_ = tenant;
  }
  if (const auto vnic = vnic_addresses_.find(std::pair(tenant, mapping.destination)); vnic != vnic_addresses_.end()) {
    return Finding{path_to("mappings", index, "destination"),
                   already(to_string(mapping.destination.address), vnic->second, "a local vnic needs no mapping, remove one")};
  }
  // Paths are words, and there may be a million mappings: look first, name the place afterwards.
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
                 already(to_string(policy_.mappings[first].destination), {Step::to("mappings"), Step::at(original)}, "remove one of the two")};
}

}  // namespace

std::optional<Finding> check_references(const Policy& policy) { return Checker(policy).run(); }

}  // namespace gatehouse::policy
