// SPDX-License-Identifier: GPL-2.0-or-later
// The mapping: tenant + inner destination address -> where it is and which inner MAC it has. Exact
// entries win over prefixes, longer prefixes over shorter ones.
#ifndef GATEHOUSE_HW_CORE_OVERLAY_OVERLAY_HH_
#define GATEHOUSE_HW_CORE_OVERLAY_OVERLAY_HH_

#include <cstddef>
#include <cstdint>
#include <span>

#include "hw/core/overlay/host_table.hh"
#include "hw/core/overlay/prefix_table.hh"
#include "hw/core/overlay/target.hh"

namespace gatehouse::overlay {

class Tables {
 public:
  // Empties them. Tenants are 0 ... tenants - 1.
  void reserve(size_t hosts_v4, size_t hosts_v6, size_t prefixes, size_t tenants);
  // False: (tenant, prefix) is there already. No more than was reserved.
  bool insert(uint16_t tenant, const IpPrefix& destination, const Target& target);

  // `shortest`: prefixes of fewer bits are passed over; kHostsOnly: all.
  static constexpr unsigned kHostsOnly = 129;
  Target find(const Key& key, unsigned shortest = 0) const;
  Target find(uint16_t tenant, const IpAddress& ip, unsigned shortest = 0) const {
    return find(Key{ip.octets.data(), tenant, ip.is_v6()}, shortest);
  }
  // Any number; targets.size() >= keys.size().
  void find(std::span<const Key> keys, std::span<Target> targets) const;

  size_t hosts() const { return hosts_.size(); }
  size_t prefixes() const { return prefixes_.size(); }

 private:
  Target find_prefix(const Key& key, unsigned shortest) const;

  HostTable hosts_;
  PrefixTable prefixes_;
};

}  // namespace gatehouse::overlay

#endif  // GATEHOUSE_HW_CORE_OVERLAY_OVERLAY_HH_
