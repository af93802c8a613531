// SPDX-License-Identifier: GPL-2.0-or-later
// A frame inside the card, and the pool that all frames come from. Not thread safe: the card runs
// under QEMU's big lock.
#ifndef GATEHOUSE_HW_CORE_BASE_PACKET_HH_
#define GATEHOUSE_HW_CORE_BASE_PACKET_HH_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hw/core/base/layers.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse {

// Octets kept free in front of a frame that a vnic hands in: outer Ethernet + VLAN + IPv6 + UDP or
// TCP + the longest tunnel header that a format may describe, with options, fit.
inline constexpr uint32_t kHeadroom = 384;
// Largest super-frame (TSO) that the card holds: IPv4/IPv6 datagram of 64 KiB and its L2 header.
inline constexpr uint32_t kMaxSuperFrame = 65536 + 64;
// Octets of the shortest Ethernet frame (IEEE 802.3), without FCS.
inline constexpr uint32_t kMinFrame = 60;
// Octets of an Ethernet frame that every NIC takes: tagged, without FCS.
inline constexpr uint32_t kStandardFrame = 1518;
// Largest frame on a wire, without FCS.
inline constexpr uint32_t kMaxWireFrame = 16128;
// Octets of payload in each segment that a peer may leave to the card to cut, at least: one frame
// of its makes a bounded number for a guest. RFC 879's default is 536, the least path MTU that
// Linux believes 552; below 64 come only connections whose receiver asks for that.
inline constexpr uint16_t kLeastMss = 64;

// What the sender of a frame left to the card. Comes from the guest: a claim that segment checks
// against the parsed headers.
struct Offload {
  bool tso = false;             // segment; mss and header_length are valid
  bool ip_checksum = false;     // insert the IPv4 header checksum (IXSM)
  bool l4_checksum = false;     // insert the TCP or UDP checksum (TXSM)
  bool tcp = false;             // TSO context says TCP (else UDP)
  bool ipv4 = false;            // TSO context says IPv4 (else IPv6)
  bool same_id = false;         // all segments have one IPv4 identification; only coalesce says so
  uint16_t mss = 0;             // octets of L4 payload for each segment
  uint16_t header_length = 0;   // octets of L2 + L3 + L4 header
  uint32_t payload_length = 0;  // PAYLEN: octets behind the headers
  // Checksum context in octets from the start of the frame: start, offset of the field, end
  // (inclusive, 0 = end of frame).
  uint16_t ipcss = 0, ipcso = 0, ipcse = 0, tucss = 0, tucso = 0, tucse = 0;
};

// A tunnelled super-frame whose cutting is the wire's business: the netdev's kernel cuts what the
// card sends so, and hands in what it has not cut. All headers stand once and their lengths are
// those of the whole; the inner TCP checksum, and the outer UDP checksum unless it is zero, hold
// the folded sum of their pseudo headers. Offsets in octets from the start of the outer frame.
struct SuperFrame {
  uint16_t mss = 0;       // octets of inner payload in each segment; 0: an ordinary frame
  uint16_t outer_l4 = 0;  // of the UDP header
  uint16_t inner_l3 = 0, inner_l4 = 0;
  uint16_t header_length = 0;  // all in front of the inner payload
  bool outer_ipv6 = false, inner_ipv6 = false;
  bool outer_checksum = false;      // the UDP checksum is not zero
  bool congestion_reduced = false;  // TCP's CWR, which belongs to the first segment alone

  bool operator==(const SuperFrame&) const = default;
};

struct Packet {
  uint8_t* data = nullptr;  // first octet of the frame
  uint32_t length = 0;      // octets of the frame, without FCS
  uint16_t port = 0;        // index of the vnic or uplink that it came from
  spec::DropReason reason = spec::DropReason::none;  // set by the stage that ends the frame
  bool l4_checksum_good = false;                     // verified, or made by the card itself
  bool l4_checksum_checked = false;
  uint16_t wire_mss = 0;  // from the wire: a tunnelled super-frame, SuperFrame::mss; else 0
  // From the wire: TCP-shaped segments that somebody on the way merged, octets behind each one's
  // TCP header; else 0.
  uint16_t merged = 0;
  Offload offload;
  Layers layers;
  uint64_t cookie = 0;  // the sender's own (vnic: queue and time-stamp request)

  // Storage; owned by the pool.
  uint8_t* buffer = nullptr;
  uint32_t capacity = 0;
  uint8_t pool_class = 0;

  uint32_t headroom() const { return static_cast<uint32_t>(data - buffer); }
  uint32_t tailroom() const { return capacity - headroom() - length; }
  // Callers have checked headroom(), length, tailroom(): these are our own mistakes.
  uint8_t* push(uint32_t octets) {
    assert(octets <= headroom());
    data -= octets;
    length += octets;
    return data;
  }
  void pull(uint32_t octets) {
    assert(octets <= length);
    data += octets;
    length -= octets;
  }
  std::span<uint8_t> bytes() { return {data, length}; }
  std::span<const uint8_t> bytes() const { return {data, length}; }
};

// Two sizes of buffer, allocated once; take() and give() are a pop and a push. When it is empty,
// take() says null and the caller drops with no_packet_buffer.
class PacketPool {
 public:
  // Small ones for a frame of each place of a FIFO or a queue, some times; large ones for what a
  // fast link holds of jumbo frames, and for super-frames. Pages that are never used are not made.
  struct Limits {
    uint32_t small_count = 4096;
    uint32_t small_octets = 2304;  // kHeadroom + a frame of 1518 + spare
    uint32_t large_count = 384;
    uint32_t large_octets = kHeadroom + kMaxSuperFrame + 256;
  };
  PacketPool() : PacketPool(Limits{}) {}
  explicit PacketPool(const Limits& limits);
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // A fresh packet with room for `octets` behind kHeadroom; all other members as after
  // construction. Null: none left.
  Packet* take(uint32_t octets);
  void give(Packet* packet);
  // What stays free of the buffers of one size for frames that move, as a part of all. kWaiting: by
  // those that wait until a guest or a neighbour stirs. kAssembled: by those that wait a short time
  // for their own rest, and have limits of their own.
  enum Reserve : uint32_t { kWaiting = 4, kAssembled = 8 };
  // How many buffers of the size that take() has for `octets` are free beyond the reserve; below
  // zero: so many would have to come back. -INT32_MAX: none is so large.
  int32_t spare(uint32_t octets, Reserve reserve) const;
  bool scarce(uint32_t octets, Reserve reserve = kWaiting) const {
    return spare(octets, reserve) < 0;
  }
  // Packet::pool_class of that size; kClasses: none is so large.
  static constexpr uint8_t kClasses = 2;
  uint8_t class_of(uint32_t octets) const;
  uint32_t in_use() const { return in_use_; }

 private:
  friend class PacketShare;
  struct Class {
    uint32_t octets = 0;
    std::vector<Packet*> free;
    int32_t kept = 0;  // of all PacketShares
    int32_t reserved(Reserve reserve) const {
      return std::max(1, static_cast<int32_t>(free.capacity() / reserve));
    }
  };
  Class classes_[kClasses];
  std::vector<Packet> packets_;
  std::unique_ptr<uint8_t[]> storage_;
  uint32_t in_use_ = 0;
};

// What one holder has of the pool for frames that wait until a guest or a link stirs. It keeps no
// more buffers of a size than it leaves for others to keep: holders that want much come to have
// about the same, one more finds some, and PacketPool::kWaiting stays free. What others move counts
// only where buffers are scarce.
class PacketShare {
 public:
  explicit PacketShare(PacketPool& pool) : pool_(pool) {}
  ~PacketShare() {
    for (uint8_t i = 0; i < PacketPool::kClasses; ++i) pool_.classes_[i].kept -= kept_[i];
  }
  PacketShare(const PacketShare&) = delete;
  PacketShare& operator=(const PacketShare&) = delete;

  // Whether one more packet with room for `octets` may be kept.
  bool has_room(uint32_t octets) const;
  void keep(const Packet& packet) {
    ++kept_[packet.pool_class];
    ++pool_.classes_[packet.pool_class].kept;
  }
  // It moves on, or goes back to the pool.
  void release(const Packet& packet) {
    assert(kept_[packet.pool_class] > 0);
    --kept_[packet.pool_class];
    --pool_.classes_[packet.pool_class].kept;
  }

 private:
  PacketPool& pool_;
  int32_t kept_[PacketPool::kClasses] = {};
};

// A piece of memory that somebody else owns; valid during the call that passes it.
struct Slice {
  const uint8_t* data = nullptr;
  uint32_t length = 0;
};

// A frame on its way out of the pipeline: headers that the card wrote, then octets of the packet
// they belong to, so that segments share the super-frame's payload without a copy. Either may be
// empty.
struct OutFrame {
  Slice head;
  Slice body;
  uint32_t length() const { return head.length + body.length; }
};

}  // namespace gatehouse

#endif  // GATEHOUSE_HW_CORE_BASE_PACKET_HH_
