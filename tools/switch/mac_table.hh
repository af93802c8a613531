// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_SWITCH_MAC_TABLE_HH_
#define GATEHOUSE_TOOLS_SWITCH_MAC_TABLE_HH_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "hw/core/base/address.hh"

namespace gatehouse::ethernet_switch {

// MAC address to port. Of fixed size: a flood of sources pushes out the addresses that were silent
// longest, and finding one looks at no more than one bucket.
class MacTable {
 public:
  static constexpr int64_t kAgeingMs = 300'000;  // IEEE 802.1Q, recommended ageing time

  explicit MacTable(unsigned buckets = 1024) : buckets_(buckets) {}
  // Multicast sources are not learned.
  void learn(const MacAddress& mac, unsigned port, int64_t now_ms);
  std::optional<unsigned> find(const MacAddress& mac, int64_t now_ms) const;
  void forget_port(unsigned port);
  unsigned size(int64_t now_ms) const;

 private:
  static constexpr unsigned kWays = 4;
  struct Entry {
    MacAddress mac;
    unsigned port = 0;
    int64_t seen_ms = 0;
    bool used = false;
    bool fresh(int64_t now_ms) const { return used && now_ms - seen_ms < kAgeingMs; }
  };
  using Bucket = std::array<Entry, kWays>;
  size_t bucket_of(const MacAddress& mac) const;

  std::vector<Bucket> buckets_;
};

}  // namespace gatehouse::ethernet_switch

#endif  // GATEHOUSE_TOOLS_SWITCH_MAC_TABLE_HH_
