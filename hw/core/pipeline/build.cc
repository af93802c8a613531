// SPDX-License-Identifier: GPL-2.0-or-later
// A policy becomes tables, or a sentence that says why not. Not on the packet path: may allocate.
#include <algorithm>
#include <unordered_map>

#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/pipeline/tables.hh"
#include "hw/core/segment/segment.hh"

namespace gatehouse::pipeline {
namespace {

constexpr uint32_t kEthernet = 14;
constexpr uint32_t kInnerTags = 8;  // two VLAN tags still leave segment::kMinMtu
constexpr uint32_t kMaxVni = 0xffffff;
constexpr size_t kMaxOptions = 252;  // RFC 8926 section 3.4: 6 bits, in units of 4 octets

std::string label(const char* list, size_t index, const std::string& name) {
  std::string text = std::string(list) + "[" + std::to_string(index) + "]";
  return name.empty() ? text : text + " (" + name + ")";
}

bool is_station(const MacAddress& mac) { return !mac.is_zero() && !mac.is_multicast(); }

bool is_prefix(const IpPrefix& prefix) {
  const IpAddress& ip = prefix.address;
  return (ip.is_v4() && prefix.length <= 32) || (ip.is_v6() && prefix.length <= 128);
}

bool options_well_formed(const std::vector<uint8_t>& options) {
  if (options.size() > kMaxOptions || options.size() % 4 != 0) return false;
  size_t at = 0;
  while (at < options.size()) at += 4 + (options[at + 3] & 0x1f) * 4u;
  return at == options.size();
}

class Builder {
 public:
  explicit Builder(const policy::Policy& policy)
      : policy_(policy), tables_(std::make_unique<Tables>()) {}

  Result<std::unique_ptr<Tables>> run() {
    for (Status (Builder::*step)() : {&Builder::formats, &Builder::uplinks, &Builder::tenants,
                                      &Builder::vnics, &Builder::mappings}) {
      if (Status status = (this->*step)(); !status.ok()) return status;
    }
    finish();
    return std::move(tables_);
  }

 private:
  using Names = std::unordered_map<std::string, uint16_t>;
  struct PeerKey {
    uint16_t tenant;
    uint32_t vni;
    IpAddress peer;
    bool operator==(const PeerKey&) const = default;
  };
  struct PeerHash {
    size_t operator()(const PeerKey& key) const {
      uint64_t hash = uint64_t{key.tenant} << 32 | key.vni;
      for (uint8_t octet : key.peer.octets) hash = (hash ^ octet) * 0x100000001b3;
      return static_cast<size_t>(hash ^ hash >> 32);
    }
  };

  Status formats();
  Status uplinks();
  Status uplink(size_t index);
  Status tenants();
  Status vnics();
  Status mappings();
  Status mapping(size_t index, uint16_t tenant);
  Result<uint32_t> next_hop(uint16_t tenant, const IpAddress& peer, uint32_t vni);
  void finish();
  bool is_own(const IpAddress& ip) const {
    return std::any_of(tables_->interfaces.begin(), tables_->interfaces.end(),
                       [&](const auto& interface) { return interface.owns(ip); });
  }

  const policy::Policy& policy_;
  std::unique_ptr<Tables> tables_;
  Names format_names_, tenant_names_, vnic_names_;
  std::unordered_map<PeerKey, uint32_t, PeerHash> hops_;
  std::vector<uint16_t> hop_tenants_;
};

Status Builder::formats() {
  tables_->formats = policy_.formats;
  for (size_t i = 0; i < policy_.formats.size(); ++i) {
    const policy::Format& format = policy_.formats[i];
    const std::string what = label("formats", i, format.name);
    if (i >= kNoTenant || !format_names_.emplace(format.name, static_cast<uint16_t>(i)).second) {
      return Status::error(what + ": the name is there twice");
    }
    if (format.port == 0) return Status::error(what + ": port 0 is no UDP port");
    if (!options_well_formed(format.options)) {
      return Status::error(what + ": options must be whole Geneve options, at most 252 octets");
    }
    auto port = std::find_if(tables_->ports.begin(), tables_->ports.end(),
                             [&](const auto& other) { return other.number == format.port; });
    if (port == tables_->ports.end()) {
      tables_->ports.push_back({format.port, format.kind, false, {}});
      port = std::prev(tables_->ports.end());
    }
    if (port->kind != format.kind) {
      return Status::error(what + ": port " + std::to_string(format.port) +
                           " is used by a format of the other kind");
    }
    port->zero_checksum_ipv6 |= format.zero_checksum_ipv6;
    const auto kinds = decapsulate::option_kinds(format.options);
    port->known_options.insert(port->known_options.end(), kinds.begin(), kinds.end());
  }
  return {};
}

Status Builder::uplinks() {
  tables_->interfaces.resize(kMaxUplinks);
  for (size_t i = 0; i < policy_.uplinks.size(); ++i) {
    if (Status status = uplink(i); !status.ok()) return status;
  }
  tables_->neighbours = underlay::Neighbours(tables_->interfaces);
  for (const policy::Uplink& uplink : policy_.uplinks) {
    const unsigned index = static_cast<unsigned>(uplink.name.back() - '0');
    for (const auto& neighbour : uplink.neighbours) {
      tables_->neighbours.add_static(index, neighbour.address, neighbour.mac);
    }
  }
  return {};
}

Status Builder::uplink(size_t index) {
  const policy::Uplink& from = policy_.uplinks[index];
  const std::string what = label("uplinks", index, from.name);
  unsigned number = 0;
  while (number < kMaxUplinks && from.name != "uplink" + std::to_string(number)) ++number;
  if (number == kMaxUplinks) return Status::error(what + ": the card has uplink0 and uplink1 only");
  underlay::Interface& to = tables_->interfaces[number];
  if (to.present) return Status::error(what + ": the name is there twice");
  if (!is_station(from.mac)) return Status::error(what + ": mac must be a unicast address");
  if (from.vlan > 4094) return Status::error(what + ": vlan must be 0 to 4094");
  for (const IpPrefix& address : from.addresses) {
    if (!is_prefix(address)) return Status::error(what + ": an address is not one");
    if (is_own(address.address)) {
      return Status::error(what + ": address " + to_string(address.address) + " is there twice");
    }
    to.addresses.push_back(address);
  }
  for (const auto& neighbour : from.neighbours) {
    if (!is_station(neighbour.mac)) {
      return Status::error(what + ": neighbour " + to_string(neighbour.address) +
                           " must have a unicast mac");
    }
  }
  to.present = true;
  to.mac = from.mac;
  to.vlan = from.vlan;
  to.mtu = from.mtu;
  to.gateway_v4 = from.gateway_v4;
  to.gateway_v6 = from.gateway_v6;
  return {};
}

Status Builder::tenants() {
  if (policy_.tenants.size() >= kNoTenant) return Status::error("tenants: more than 65534");
  for (size_t i = 0; i < policy_.tenants.size(); ++i) {
    const policy::Tenant& from = policy_.tenants[i];
    const std::string what = label("tenants", i, from.name);
    if (!tenant_names_.emplace(from.name, static_cast<uint16_t>(i)).second) {
      return Status::error(what + ": the name is there twice");
    }
    const auto format = format_names_.find(from.format);
    if (format == format_names_.end()) {
      return Status::error(what + ": no format is named '" + from.format + "'");
    }
    if (from.vni > kMaxVni) return Status::error(what + ": vni must fit 24 bits");
    if (from.mtu != 0 && from.mtu < segment::kMinMtu) {
      return Status::error(what + ": mtu must be at least " + std::to_string(segment::kMinMtu));
    }
    Tenant to;
    to.name = from.name;
    to.vni = from.vni;
    to.format = format->second;
    const uint16_t port = tables_->formats[to.format].port;
    while (tables_->ports[to.port].number != port) ++to.port;
    to.configured_mtu = from.mtu;
    tables_->tenants.push_back(to);
    tables_->vnis.push_back({from.vni, to.port, static_cast<uint16_t>(i)});
    if (!from.broadcast_peer) continue;
    if (is_own(*from.broadcast_peer)) {
      return Status::error(what + ": broadcast_peer is the card's own address");
    }
    const auto hop = next_hop(static_cast<uint16_t>(i), *from.broadcast_peer, from.vni);
    if (!hop.ok()) return Status::error(what + ": " + hop.status().message());
    tables_->tenants[i].broadcast = overlay::Way::next_hop(hop.value());
    tables_->tenants[i].has_broadcast_peer = true;
    tables_->tenants[i].broadcast_peer = *from.broadcast_peer;
  }
  auto& vnis = tables_->vnis;
  std::sort(vnis.begin(), vnis.end());
  for (size_t i = 1; i < vnis.size(); ++i) {
    if (vnis[i].vni == vnis[i - 1].vni && vnis[i].port == vnis[i - 1].port) {
      return Status::error(label("tenants", vnis[i].tenant, tables_->tenants[vnis[i].tenant].name) +
                           ": vni " + std::to_string(vnis[i].vni) + " is tenant " +
                           tables_->tenants[vnis[i - 1].tenant].name + "'s");
    }
  }
  return {};
}

Status Builder::vnics() {
  size_t v4 = 0, v6 = 0, prefixes = 0;
  const auto count = [&](const IpPrefix& prefix) {
    ++(!prefix.is_host() ? prefixes : prefix.address.is_v4() ? v4 : v6);
  };
  for (const auto& vnic : policy_.vnics) {
    for (const IpPrefix& address : vnic.addresses) count(address);
  }
  for (const auto& mapping : policy_.mappings) count(mapping.destination);
  tables_->overlay.reserve(v4, v6, prefixes, policy_.tenants.size());

  for (size_t i = 0; i < policy_.vnics.size(); ++i) {
    const policy::Vnic& from = policy_.vnics[i];
    const std::string what = label("vnics", i, from.name);
    if (!vnic_names_.emplace(from.name, static_cast<uint16_t>(0)).second) {
      return Status::error(what + ": the name is there twice");
    }
    const auto tenant = tenant_names_.find(from.tenant);
    if (tenant == tenant_names_.end()) {
      return Status::error(what + ": no tenant is named '" + from.tenant + "'");
    }
    if (from.mac && !is_station(*from.mac)) {
      return Status::error(what + ": mac must be a unicast address");
    }
    tables_->vnics.push_back({from, tenant->second});
    for (const IpPrefix& address : from.addresses) {
      if (!is_prefix(address)) return Status::error(what + ": an address is not one");
      if (!address.is_host()) continue;
      const overlay::Target target{overlay::Way::vnic(static_cast<uint32_t>(i)), {}};
      if (!tables_->overlay.insert(tenant->second, address, target)) {
        return Status::error(what + ": address " + to_string(address.address) +
                             " is another vnic's of tenant " + from.tenant);
      }
    }
  }
  return {};
}

Status Builder::mappings() {
  for (size_t i = 0; i < policy_.mappings.size(); ++i) {
    const policy::Mapping& from = policy_.mappings[i];
    const auto tenant = tenant_names_.find(from.tenant);
    const Status status = tenant == tenant_names_.end()
                              ? Status::error("no tenant is named '" + from.tenant + "'")
                              : mapping(i, tenant->second);
    if (status.ok()) continue;
    return Status::error(label("mappings", i, from.tenant + " " + to_string(from.destination)) +
                         ": " + status.message());
  }
  return {};
}

Status Builder::mapping(size_t index, uint16_t tenant) {
  const policy::Mapping& from = policy_.mappings[index];
  if (!is_prefix(from.destination)) return Status::error("the destination is no address");
  if (!is_station(from.mac)) return Status::error("mac must be a unicast address");
  if (from.vni && *from.vni > kMaxVni) return Status::error("vni must fit 24 bits");
  overlay::Target target{overlay::Way::vnic_by_mac(), from.mac};
  const bool own = is_own(from.peer);
  if (!own) {
    const auto hop = next_hop(tenant, from.peer, from.vni.value_or(tables_->tenants[tenant].vni));
    if (!hop.ok()) return hop.status();
    target.way = overlay::Way::next_hop(hop.value());
  }
  if (tables_->overlay.insert(tenant, from.destination, target)) return {};
  // The list may be the same for all cards: where the card itself is the peer, its vnic is there
  // already.
  const bool vnic = from.destination.is_host() &&
                    tables_->overlay.find(tenant, from.destination.address).way.is_vnic();
  if (own && vnic) return {};
  return Status::error(vnic ? "a vnic of this card has the address"
                            : "the destination is mapped twice");
}

Result<uint32_t> Builder::next_hop(uint16_t tenant, const IpAddress& peer, uint32_t vni) {
  const auto known = hops_.find({tenant, vni, peer});
  if (known != hops_.end()) return known->second;
  const auto route = underlay::route(tables_->interfaces, peer);
  if (!route) {
    return Status::error("no route to underlay peer " + to_string(peer) +
                         ": no uplink has it on its link, or a gateway for it");
  }
  const underlay::Interface& interface = tables_->interfaces[route->uplink];
  const Tenant& owner = tables_->tenants[tenant];
  const policy::Format& format = tables_->formats[owner.format];
  const uint32_t overhead = encapsulate::mtu_overhead(peer.is_v6(), format) + kEthernet;
  if (interface.mtu < overhead + kInnerTags + segment::kMinMtu) {
    return Status::error("uplink" + std::to_string(route->uplink) + "'s mtu of " +
                         std::to_string(interface.mtu) + " leaves no room for inner frames");
  }
  uint32_t mtu = interface.mtu - overhead;
  if (owner.configured_mtu != 0) mtu = std::min<uint32_t>(mtu, owner.configured_mtu);

  NextHop hop;
  hop.outer = encapsulate::Outer({interface.mac, interface.vlan, route->source, peer, vni}, format);
  hop.neighbour = tables_->neighbours.add(route->uplink, route->next);
  hop.max_frame = mtu + kEthernet;
  hop.uplink = static_cast<uint8_t>(route->uplink);
  hop.peer = peer;
  const auto index = static_cast<uint32_t>(tables_->next_hops.size());
  tables_->next_hops.push_back(hop);
  hop_tenants_.push_back(tenant);
  hops_.emplace(PeerKey{tenant, vni, peer}, index);
  return index;
}

void Builder::finish() {
  size_t v4 = 0, v6 = 0;
  for (const NextHop& hop : tables_->next_hops) ++(hop.peer.is_v4() ? v4 : v6);
  tables_->peers.reserve(v4, v6);
  for (uint32_t i = 0; i < tables_->next_hops.size(); ++i) {
    const NextHop& hop = tables_->next_hops[i];
    // Of several VNIs towards one peer the first stays: any of them shows that the peer is one.
    tables_->peers.insert(hop_tenants_[i], hop.peer, {overlay::Way::next_hop(i), {}});
    uint32_t& mtu = tables_->tenants[hop_tenants_[i]].mtu;
    mtu = mtu == 0 ? hop.max_frame - kEthernet : std::min(mtu, hop.max_frame - kEthernet);
  }
  for (Tenant& tenant : tables_->tenants) {
    if (tenant.mtu == 0) tenant.mtu = tenant.configured_mtu;
  }
}

}  // namespace

uint16_t Tables::tenant_of(uint16_t port, uint32_t vni) const {
  const auto at = std::lower_bound(vnis.begin(), vnis.end(), Vni{vni, port, 0});
  return at != vnis.end() && at->vni == vni && at->port == port ? at->tenant : kNoTenant;
}

Result<std::unique_ptr<Tables>> build(const policy::Policy& policy) {
  return Builder(policy).run();
}

}  // namespace gatehouse::pipeline
