// SPDX-License-Identifier: GPL-2.0-or-later
// A policy becomes tables, or a sentence that says why not. Not on the packet path: may allocate.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/pipeline/tables.hh"
#include "hw/core/segment/segment.hh"

namespace gatehouse::pipeline {
namespace {

constexpr uint32_t kEthernet = 14;
constexpr uint32_t kInnerTags = 8;  // two VLAN tags still leave segment::kMinMtu
constexpr unsigned kVniBits = 24;

std::string label(const char* list, size_t index, const std::string& name) {
  std::string text = std::string(list) + "[" + std::to_string(index) + "]";
  return name.empty() ? text : text + " (" + name + ")";
}

bool is_station(const MacAddress& mac) { return !mac.is_zero() && !mac.is_multicast(); }

bool is_prefix(const IpPrefix& prefix) {
  const IpAddress& ip = prefix.address;
  return (ip.is_v4() && prefix.length <= 32) || (ip.is_v6() && prefix.length <= 128);
}

class Builder {
 public:
  explicit Builder(const policy::Policy& policy)
      : policy_(policy), tables_(std::make_unique<Tables>()) {}

  Result<std::unique_ptr<Tables>> run() {
    for (Status (Builder::*step)() : {&Builder::formats, &Builder::uplinks, &Builder::tenants,
                                      &Builder::mirrors, &Builder::vnics, &Builder::mappings}) {
      if (Status status = (this->*step)(); !status.ok()) return status;
    }
    if (Status status = build_guards(policy_, *tables_); !status.ok()) return status;
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
  Status mirrors();
  Status vnics();
  Status mappings();
  Status mapping(size_t index, uint16_t tenant);
  Status has_room_for_ipv6(const NextHop& hop) const;
  Result<uint32_t> next_hop(uint16_t tenant, const IpAddress& peer, uint32_t vni);
  Result<NextHop> make_hop(uint16_t tenant, const IpAddress& peer, uint32_t vni);
  void finish();
  unsigned vni_bits(uint16_t format) const {
    return std::min<unsigned>(kVniBits, tables_->formats[format].tenant.bits);
  }
  bool vni_fits(uint32_t vni, uint16_t format) const { return vni >> vni_bits(format) == 0; }
  std::string vni_room(uint16_t format) const { return std::to_string(vni_bits(format)) + " bits"; }
  bool is_own(const IpAddress& ip) const {
    return std::any_of(tables_->interfaces.begin(), tables_->interfaces.end(),
                       [&](const auto& interface) { return interface.owns(ip); });
  }

  const policy::Policy& policy_;
  std::unique_ptr<Tables> tables_;
  Names format_names_, tenant_names_, vnic_names_;
  std::unordered_map<std::string, uint32_t> mirror_names_;  // there may be more than of the others
  std::unordered_map<PeerKey, uint32_t, PeerHash> hops_;
  std::set<uint16_t> tagged_;  // tenants with a vnic that may send into VLANs
};

Status Builder::formats() {
  for (size_t i = 0; i < policy_.formats.size(); ++i) {
    const std::string& name = policy_.formats[i].name;
    if (i >= kNoTenant || !format_names_.emplace(name, static_cast<uint16_t>(i)).second) {
      return Status::error(label("formats", i, name) + ": the name is there twice");
    }
  }
  return build_formats(policy_, *tables_);
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
    if (!vni_fits(from.vni, format->second)) {
      return Status::error(what + ": vni must fit " + vni_room(format->second));
    }
    if (from.mtu != 0 && from.mtu < segment::kMinMtu) {
      return Status::error(what + ": mtu must be at least " + std::to_string(segment::kMinMtu));
    }
    Tenant to;
    to.name = from.name;
    to.vni = from.vni;
    to.format = format->second;
    to.reception = tables_->reception_of[to.format];
    to.configured_mtu = from.mtu;
    tables_->tenants.push_back(to);
    tables_->vnis.push_back({from.vni, to.reception, static_cast<uint16_t>(i)});
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
    if (vnis[i].vni == vnis[i - 1].vni && vnis[i].reception == vnis[i - 1].reception) {
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
    if (!from.vlans.empty()) tagged_.insert(tenant->second);
    if (!from.mirror.empty()) {
      const auto mirror = mirror_names_.find(from.mirror);
      if (mirror == mirror_names_.end()) {
        return Status::error(what + ": no mirror is named '" + from.mirror + "'");
      }
      tables_->vnics.back().mirror = mirror->second;
    }
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

// A sender would not believe that so little gets through (RFC 8201 section 4). A vnic that may send
// into VLANs may put a tag behind theirs; one that may not has room for a priority tag or sends
// none.
Status Builder::has_room_for_ipv6(const NextHop& hop) const {
  if (hop.segment_room != 0 && !hop.outer.is_redundant()) return {};  // any size, in segments
  const uint32_t tag = !hop.outer.carries_ip() && tagged_.contains(hop.tenant) ? kInnerTags : 0;
  const uint32_t uplink_mtu = tables_->interfaces[hop.uplink].mtu;
  const uint32_t most = hop.underlay_frame - kEthernet - tag;
  if (most >= policy::kMinIpv6Mtu) return {};
  return Status::error("uplink" + std::to_string(hop.uplink) + "'s mtu of " +
                       std::to_string(uplink_mtu) + " leaves " + std::to_string(most) + " octets" +
                       (tag != 0 ? " behind two VLAN tags" : "") + ", and IPv6 needs " +
                       std::to_string(policy::kMinIpv6Mtu) + "; write at least " +
                       std::to_string(uplink_mtu + policy::kMinIpv6Mtu - most));
}

Status Builder::mapping(size_t index, uint16_t tenant) {
  const policy::Mapping& from = policy_.mappings[index];
  if (!is_prefix(from.destination)) return Status::error("the destination is no address");
  if (!is_station(from.mac)) return Status::error("mac must be a unicast address");
  const uint16_t format = tables_->tenants[tenant].format;
  if (from.vni && !vni_fits(*from.vni, format)) {
    return Status::error("vni must fit " + vni_room(format));
  }
  overlay::Target target{overlay::Way::vnic_by_mac(), from.mac};
  const bool own = is_own(from.peer);
  if (!own) {
    const auto hop = next_hop(tenant, from.peer, from.vni.value_or(tables_->tenants[tenant].vni));
    if (!hop.ok()) return hop.status();
    if (from.destination.address.is_v6()) {
      if (Status status = has_room_for_ipv6(tables_->next_hops[hop.value()]); !status.ok())
        return status;
    }
    target.way = overlay::Way::next_hop(hop.value());
    tables_->mapped_macs.emplace_back(tenant, from.mac);
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

// Mirror sessions are no peers: nothing of a tenant comes from there.
Status Builder::mirrors() {
  for (size_t i = 0; i < policy_.mirrors.size(); ++i) {
    const policy::Mirror& from = policy_.mirrors[i];
    const std::string what = label("mirrors", i, from.name);
    const auto tenant = tenant_names_.find(from.tenant);
    if (tenant == tenant_names_.end()) {
      return Status::error(what + ": no tenant is named '" + from.tenant + "'");
    }
    if (!mirror_names_.emplace(from.name, static_cast<uint32_t>(i)).second) {
      return Status::error(what + ": the name is there twice");
    }
    if (is_own(from.peer)) return Status::error(what + ": peer is the card's own address");
    if (!vni_fits(from.vni, tables_->tenants[tenant->second].format)) {
      return Status::error(what + ": vni does not fit the format");
    }
    auto hop = make_hop(tenant->second, from.peer, from.vni);
    if (!hop.ok()) return Status::error(what + ": " + hop.status().message());
    tables_->mirrors.push_back(hop.value());
  }
  return {};
}

Result<uint32_t> Builder::next_hop(uint16_t tenant, const IpAddress& peer, uint32_t vni) {
  const auto known = hops_.find({tenant, vni, peer});
  if (known != hops_.end()) return known->second;
  auto hop = make_hop(tenant, peer, vni);
  if (!hop.ok()) return hop.status();
  const auto index = static_cast<uint32_t>(tables_->next_hops.size());
  tables_->next_hops.push_back(hop.value());
  hops_.emplace(PeerKey{tenant, vni, peer}, index);
  return index;
}

Result<NextHop> Builder::make_hop(uint16_t tenant, const IpAddress& peer, uint32_t vni) {
  const auto route = underlay::route(tables_->interfaces, peer);
  if (!route) {
    return Status::error("no route to underlay peer " + to_string(peer) +
                         ": no uplink has it on its link, or a gateway for it");
  }
  const underlay::Interface& interface = tables_->interfaces[route->uplink];
  const Tenant& owner = tables_->tenants[tenant];
  const encapsulate::Plan& plan = tables_->sending[owner.format];
  const uint32_t overhead = plan.mtu_overhead(peer.is_v6()) + (plan.carries_ip() ? 0 : kEthernet);
  if (interface.mtu < overhead + kInnerTags + segment::kMinMtu) {
    return Status::error("uplink" + std::to_string(route->uplink) + "'s mtu of " +
                         std::to_string(interface.mtu) +
                         " leaves no room for inner frames; write " +
                         std::to_string(overhead + kInnerTags + segment::kMinMtu) + " or more");
  }
  const uint32_t room = interface.mtu - overhead;

  NextHop hop;
  hop.outer = encapsulate::Outer({interface.mac, interface.vlan, route->source, peer, vni}, plan);
  hop.neighbour = tables_->neighbours.add(route->uplink, route->next);
  hop.underlay_frame = room + kEthernet;
  hop.max_frame = std::min(room, owner.largest_datagram()) + kEthernet;
  hop.vni = vni;
  if (plan.segments()) {
    hop.segment_room = static_cast<uint16_t>(interface.mtu -
                                             (hop.outer.segment_headers() - hop.outer.ip_offset()));
  }
  hop.uplink = static_cast<uint8_t>(route->uplink);
  hop.peer = peer;
  hop.tenant = tenant;
  return hop;
}

void Builder::finish() {
  auto& macs = tables_->mapped_macs;
  std::sort(macs.begin(), macs.end());
  macs.erase(std::unique(macs.begin(), macs.end()), macs.end());
  size_t v4 = 0, v6 = 0;
  for (const NextHop& hop : tables_->next_hops) {
    (hop.peer.is_v4() ? v4 : v6) += hop.segment_room != 0 ? 2 : 1;
  }
  tables_->peers.reserve(v4, v6);
  for (uint32_t i = 0; i < tables_->next_hops.size(); ++i) {
    const NextHop& hop = tables_->next_hops[i];
    // Of several VNIs towards one peer the first stays: any of them shows that the peer is one.
    tables_->peers.insert(hop.tenant, hop.peer, {overlay::Way::next_hop(i), {}});
    if (hop.segment_room != 0)
      tables_->peers.insert(kNoTenant, hop.peer, {overlay::Way::next_hop(i), {}});
    uint32_t& mtu = tables_->tenants[hop.tenant].mtu;
    mtu = mtu == 0 ? hop.max_frame - kEthernet : std::min(mtu, hop.max_frame - kEthernet);
  }
  for (uint32_t row = 0; row < tables_->vnics.size(); ++row)
    tables_->vnic_rows.emplace(tables_->vnics[row].policy.name, row);
  for (Tenant& tenant : tables_->tenants) {
    if (tenant.mtu == 0) tenant.mtu = tenant.configured_mtu;
  }
}

}  // namespace

uint16_t Tables::tenant_of(uint32_t reception, uint64_t vni) const {
  if (vni > UINT32_MAX) return kNoTenant;
  const Vni wanted{static_cast<uint32_t>(vni), static_cast<uint16_t>(reception), 0};
  const auto at = std::lower_bound(vnis.begin(), vnis.end(), wanted);
  const bool found = at != vnis.end() && at->vni == wanted.vni && at->reception == reception;
  return found ? at->tenant : kNoTenant;
}

Result<std::unique_ptr<Tables>> build(const policy::Policy& policy) {
  return Builder(policy).run();
}

}  // namespace gatehouse::pipeline
