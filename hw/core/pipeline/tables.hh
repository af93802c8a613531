// SPDX-License-Identifier: GPL-2.0-or-later
// Everything that a policy becomes. Built aside by build(), then swapped in whole.
#ifndef GATEHOUSE_HW_CORE_PIPELINE_TABLES_HH_
#define GATEHOUSE_HW_CORE_PIPELINE_TABLES_HH_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hw/core/base/headers.hh"
#include "hw/core/base/status.hh"
#include "hw/core/coalesce/envelope.hh"
#include "hw/core/decapsulate/tunnel.hh"
#include "hw/core/encapsulate/outer.hh"
#include "hw/core/meter/two_rate.hh"
#include "hw/core/overlay/overlay.hh"
#include "hw/core/pipeline/guard.hh"
#include "hw/core/policy/policy.hh"
#include "hw/core/underlay/interface.hh"
#include "hw/core/underlay/neighbours.hh"

namespace gatehouse::pipeline {

inline constexpr uint16_t kNoTenant =
    0xffff;  // as index: also the most tenants that a policy may have
inline constexpr uint32_t kNoRow = 0xffffffff;

// A peer as a tenant reaches it.
struct alignas(64) NextHop {
  encapsulate::Outer outer;
  uint32_t neighbour = 0;  // index into Tables::neighbours
  // Octets of an inner Ethernet frame without FCS. Without a tag it is within the tenant's MTU too;
  // tags count into what the underlay carries, not into the tenant's datagrams.
  uint32_t max_frame = 0;
  uint32_t underlay_frame = 0;  // fits the underlay, tags included
  uint16_t segment_room = 0;    // octets behind the TCP-shaped header of a segment; 0: has none
  uint8_t uplink = 0;
  uint32_t vni = 0;
  IpAddress peer;
  uint16_t tenant = 0;  // index into Tables::tenants
};
static_assert(sizeof(NextHop) == 192, "three cache lines, which are asked for together");

// A meter with its buckets.
struct Metered {
  std::optional<policy::Meter> policy;
  meter::TwoRate rate;
  // Buckets go on where the policy stays the same. Null: no meter.
  void set(const policy::Meter* to) {
    if (to == nullptr) {
      *this = {};
    } else if (!policy || *policy != *to) {
      *this = {*to, meter::TwoRate(*to)};
    }
  }
};

struct Tenant {
  std::string name;
  uint32_t vni = 0;
  uint16_t format = 0;          // index into Tables::formats
  uint16_t reception = 0;       // index into Tables::receptions
  uint16_t configured_mtu = 0;  // the policy's; 0: none
  uint32_t mtu = 0;             // overlay MTU that every peer of the tenant takes
  overlay::Way broadcast;       // next hop, or none
  bool has_broadcast_peer = false;
  IpAddress broadcast_peer;
  Metered meter;
  // Octets of an inner datagram, wherever it goes.
  uint32_t largest_datagram() const {
    return configured_mtu != 0 ? configured_mtu : kLargestDatagram;
  }
};

// A vnic of the policy, attached or not.
struct VnicRow {
  policy::Vnic policy;
  uint16_t tenant = 0;
  uint32_t watch = kNoRow;   // index into Tables::watches
  uint32_t mirror = kNoRow;  // index into Tables::mirrors
  std::optional<policy::Meter> meter;
};

struct Tables {
  std::vector<policy::Format> formats;
  std::vector<encapsulate::Plan> sending;  // of each format; next_hops point to them
  std::vector<decapsulate::Plan> receptions;
  std::vector<coalesce::Envelope> envelopes;  // of each reception
  std::vector<uint16_t> reception_of;  // of each format; formats that are read alike share one
  std::vector<underlay::Interface> interfaces;  // kMaxUplinks
  std::vector<Tenant> tenants;
  std::vector<VnicRow> vnics;
  std::unordered_map<std::string_view, uint32_t> vnic_rows;  // by their names, which vnics has
  std::vector<NextHop> next_hops;
  overlay::Tables overlay;
  // (tenant, underlay address) -> next hop. kNoTenant: of any tenant whose format has TCP-shaped
  // segments.
  overlay::HostTable peers;
  // MAC addresses that mappings to other cards have, sorted.
  std::vector<std::pair<uint16_t, MacAddress>> mapped_macs;
  underlay::Neighbours neighbours;
  std::vector<Watch> watches;
  std::vector<NextHop> mirrors;
  bool segments = false;     // a format has TCP-shaped ones
  uint32_t connections = 0;  // that the card tracks

  struct Vni {
    uint32_t vni = 0;
    uint16_t reception = 0;
    uint16_t tenant = 0;
    auto operator<=>(const Vni&) const = default;
  };
  std::vector<Vni> vnis;  // sorted

  // kNoTenant: none.
  uint16_t tenant_of(uint32_t reception, uint64_t vni) const;
};

// Octets of the largest inner frame that one stream of TCP-shaped segments holds.
uint32_t largest_stream(const encapsulate::Outer& outer);

// Tables::formats, sending, receptions, envelopes, reception_of and segments.
Status build_formats(const policy::Policy& policy, Tables& tables);

// Errors name the object: `tenants[1] (blue): ...`.
Result<std::unique_ptr<Tables>> build(const policy::Policy& policy);
// Its part for firewalls and meters; tenants and vnics are there.
Status build_guards(const policy::Policy& policy, Tables& tables);

}  // namespace gatehouse::pipeline

#endif  // GATEHOUSE_HW_CORE_PIPELINE_TABLES_HH_
