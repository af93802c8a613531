// SPDX-License-Identifier: GPL-2.0-or-later
// Attempts to reach private addresses from outside: counted, and told at a bounded rate, since a
// guest can make millions of them a second.
#ifndef GATEHOUSE_HW_PARTITION_BOUNDARY_HH_
#define GATEHOUSE_HW_PARTITION_BOUNDARY_HH_

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace gatehouse {
class Archive;
}

namespace gatehouse::partition {

enum class Who : uint8_t {
  kCpu,     // id: the CPU's index
  kSmm,     // the same, in system management mode
  kDevice,  // id: PCI requester id
  kOther,   // the machine does not tell: DMA of no PCI device, virtio without an IOMMU; id: 0
};
inline constexpr unsigned kWhos = 4;

struct Attempt {
  Who who;
  uint32_t id;
  uint64_t address;
  bool write;
  uint32_t octets;
};

class Boundary {
 public:
  static constexpr int64_t kPeriodNs = 1'000'000'000;
  static constexpr unsigned kSources = 32;

  struct Counters {
    uint64_t reads = 0;
    uint64_t writes = 0;
  };

  // True when next_ns() may have changed.
  bool count(const Attempt& attempt, int64_t now_ns);
  const Counters& counters(Who who) const { return counters_[static_cast<unsigned>(who)]; }

  int64_t next_ns() const { return due_ns_; }
  // Calls report(attempt, count), with the first attempt of those gathered, for each source for
  // which it is time: at most once a second for each. When there are more than kSources of them at
  // a time, the others of one kind are one source with the id of the first.
  template <class Report>
  void run(int64_t now_ns, Report&& report) {
    if (now_ns < due_ns_) return;
    due_ns_ = kNever;
    for (Source& source : sources_) {
      if (source.gathered == 0) continue;
      const int64_t due = due_of(source, now_ns);
      if (due > now_ns) {
        due_ns_ = std::min(due_ns_, due);
        continue;
      }
      const uint64_t gathered = source.gathered;
      source.gathered = 0;
      source.last_ns = now_ns;
      report(source.first, gathered);
    }
  }

  // Counters only. Loading: the clock jumps, so what gathered is not told any more.
  void archive(Archive& archive);

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kLongAgo = std::numeric_limits<int64_t>::min() / 2;

  struct Source {
    Attempt first{};
    uint64_t gathered = 0;
    int64_t last_ns = kLongAgo;
    bool used = false;
  };

  static int64_t due_of(const Source& source, int64_t now_ns) {
    return std::max(now_ns, source.last_ns + kPeriodNs);
  }
  Source& find(const Attempt& attempt, int64_t now_ns);

  std::array<Counters, kWhos> counters_{};
  // The last kWhos are for those that find no room.
  std::array<Source, kSources + kWhos> sources_{};
  int64_t due_ns_ = kNever;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_BOUNDARY_HH_
