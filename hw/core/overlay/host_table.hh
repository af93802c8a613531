// SPDX-License-Identifier: GPL-2.0-or-later
// Exact mappings: open addressing by cache lines, so that a question costs one line of memory,
// which is asked for ahead. Built once, then only read. IPv4: 16 octets per entry, four to a line.
// IPv6: 32 octets, two to a line. At most half full.
#ifndef GATEHOUSE_HW_CORE_OVERLAY_HOST_TABLE_HH_
#define GATEHOUSE_HW_CORE_OVERLAY_HOST_TABLE_HH_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hw/core/base/bytes.hh"
#include "hw/core/overlay/target.hh"

namespace gatehouse::overlay {

class HostTable {
 public:
  // Questions that are hashed and asked of memory together.
  static constexpr size_t kGroup = 32;

  // Room for so many; empties the table. No insert() may go beyond it.
  void reserve(size_t v4, size_t v6);
  // False: the address is there already.
  bool insert(uint16_t tenant, const IpAddress& ip, const Target& target);

  Target find(const Key& key) const;
  Target find(uint16_t tenant, const IpAddress& ip) const {
    return find(Key{ip.octets.data(), tenant, ip.is_v6()});
  }
  // Any number; targets.size() >= keys.size().
  void find(std::span<const Key> keys, std::span<Target> targets) const;

  size_t size() const { return size_; }
  size_t memory_octets() const;

 private:
  struct V4Entry {
    uint32_t ip = 0;  // as in the frame
    uint16_t tenant = 0;
    MacAddress mac;
    uint32_t way = Way().raw();  // none: the entry is free
  };
  struct V6Entry {
    uint64_t high = 0, low = 0;  // as in the frame
    uint16_t tenant = 0;
    MacAddress mac;
    uint32_t way = Way().raw();
    uint32_t spare = 0;
  };
  template <class Entry>
  struct alignas(64) Line {
    static constexpr size_t kEntries = 64 / sizeof(Entry);
    Entry entries[kEntries];
  };
  static_assert(sizeof(V4Entry) == 16 && sizeof(V6Entry) == 32);
  static_assert(sizeof(Line<V4Entry>) == 64 && sizeof(Line<V6Entry>) == 64);

  static uint64_t hash(const Key& key);
  const void* line_of(const Key& key, uint64_t hash) const;
  // Writes in place: a Target that is returned is put together and taken apart again.
  void find_at(const Key& key, uint64_t hash, Target& target) const;

  std::vector<Line<V4Entry>> v4_ = std::vector<Line<V4Entry>>(1);  // sizes are powers of two
  std::vector<Line<V6Entry>> v6_ = std::vector<Line<V6Entry>>(1);
  size_t size_ = 0;
};

}  // namespace gatehouse::overlay

#endif  // GATEHOUSE_HW_CORE_OVERLAY_HOST_TABLE_HH_
