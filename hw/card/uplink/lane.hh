// SPDX-License-Identifier: GPL-2.0-or-later
// One direction of a link: a bounded queue in which frames wait for the serializer (rate) and for
// the cable (latency), both on the virtual clock, or merely for a netdev that is busy.
#ifndef GATEHOUSE_HW_CARD_UPLINK_LANE_HH_
#define GATEHOUSE_HW_CARD_UPLINK_LANE_HH_

#include <cstdint>
#include <vector>

#include "hw/core/base/archive.hh"
#include "hw/core/base/packet.hh"

namespace gatehouse::uplink {

// Octets that a frame takes on an Ethernet wire besides those that the card sees: preamble and
// start delimiter 8, FCS 4, inter-packet gap 12 (IEEE 802.3 clause 4.4.2).
inline constexpr uint32_t kWireOverhead = 24;

struct LaneOptions {
  uint64_t rate = 0;         // bits per second; 0: unlimited
  int64_t latency_ns = 0;    // from a frame's last bit sent to its arrival
  uint32_t capacity = 1024;  // frames
};

// Packets in the queue belong to the lane until pop(); clear() gives them back to the pool, and the
// serializer is free again.
class Lane {
 public:
  Lane(PacketPool& pool, const LaneOptions& options);
  ~Lane() { clear(); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Frames need not wait for the clock.
  bool immediate() const { return options_.rate == 0 && options_.latency_ns == 0; }
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == options_.capacity; }
  // Whether one more frame of `octets` may wait: neither is the queue full, nor does it have its
  // share of the packet buffer.
  bool has_room(uint32_t octets) const { return !full() && share_.has_room(octets); }
  uint32_t size() const { return count_; }
  uint64_t octets() const;  // of all frames
  const LaneOptions& options() const { return options_; }

  // The caller has checked full().
  void push(Packet* packet, int64_t now_ns);
  // The frame at this position of the queue when it has arrived by now_ns, else null. Stays in the
  // queue.
  Packet* peek(uint32_t position, int64_t now_ns) const;
  Packet* pop();
  // When the first frame arrives; INT64_MAX when the queue is empty.
  int64_t next_ns() const;
  void clear();
  void archive(Archive& archive, int64_t now_ns);

 private:
  struct Entry {
    Packet* packet = nullptr;
    int64_t due_ns = 0;
  };
  // How long a frame occupies the serializer.
  int64_t wire_ns(uint32_t octets) const;
  uint32_t slot(uint32_t position) const { return (head_ + position) % options_.capacity; }

  PacketPool& pool_;
  PacketShare share_;
  LaneOptions options_;
  std::vector<Entry> ring_;
  uint32_t head_ = 0;
  uint32_t count_ = 0;
  int64_t busy_until_ns_ = 0;
};

}  // namespace gatehouse::uplink

#endif  // GATEHOUSE_HW_CARD_UPLINK_LANE_HH_
