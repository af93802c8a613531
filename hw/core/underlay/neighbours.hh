// SPDX-License-Identifier: GPL-2.0-or-later
// Whose MAC has the next hop: ARP and Neighbor Discovery on the underlay. The table holds exactly
// the next hops that the policy leads to, so a stranger can't fill it. A MAC is adopted only from
// whoever was asked; an unsolicited change makes the card ask anew.
#ifndef GATEHOUSE_HW_CORE_UNDERLAY_NEIGHBOURS_HH_
#define GATEHOUSE_HW_CORE_UNDERLAY_NEIGHBOURS_HH_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "hw/core/base/address.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/underlay/interface.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::underlay {

inline constexpr int64_t kSecond = 1'000'000'000;  // of the virtual clock, in ns
inline constexpr int64_t kRetry = kSecond;
inline constexpr unsigned kTries = 3;
inline constexpr int64_t kReachable = 60 * kSecond;
inline constexpr unsigned kWaitPerNeighbour = 16;  // frames
inline constexpr unsigned kWaitPerPort = 64;       // frames of one vnic
inline constexpr unsigned kWaitInAll = 256;        // frames

// What the table wants done. Calls don't re-enter the table; memory is valid during the call.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // A question or an answer of the card itself.
  virtual void send(unsigned uplink, std::span<const uint8_t> frame, bool question) = 0;
  // Frames that waited: the destination MAC is filled in. The packets are the callee's.
  virtual void release(unsigned uplink, std::span<Packet* const> packets) = 0;
  // Frames whose next hop did not answer. The packets are the callee's.
  virtual void give_up(unsigned uplink, std::span<Packet* const> packets) = 0;
};

enum class Heard : uint8_t {
  kNothing,   // not for the card: another's business
  kAnswered,  // a question for an own address
  kNoted,     // an answer, or a claim that made the card ask
};

class Neighbours {
 public:
  static constexpr unsigned kPorts = 257;  // whose frames wait: 256 vnics', and the card's own
  enum class State : uint8_t { kStatic, kUnknown, kAsking, kReachable, kProbing };

  explicit Neighbours(std::span<const Interface> interfaces = {});

  // While the table is built. The same pair gets the same index.
  uint32_t add(unsigned uplink, const IpAddress& ip);
  void add_static(unsigned uplink, const IpAddress& ip, const MacAddress& mac);
  // Takes over what `old` knows of the entries that both have, and its waiting frames; gives up the
  // rest.
  void adopt(Neighbours& old, Outbox& outbox);

  // Whether frames may be sent to mac() now.
  bool usable(uint32_t index, int64_t now_ns) const { return now_ns < fast_[index].until_ns; }
  const MacAddress& mac(uint32_t index) const { return fast_[index].mac; }

  // Back to knowing nothing but the static entries; waiting frames are given up.
  void forget(Outbox& outbox);

  // Not usable: starts asking unless that runs. True: it has become usable after all (known, only
  // to be verified).
  bool need(uint32_t index, int64_t now_ns, Outbox& outbox);
  // Room for so many more frames of that port that wait? `port`: below kPorts.
  bool may_wait(uint32_t index, uint16_t port, uint32_t frames = 1) const;
  // Keeps the packet, which is of Packet::port, until the neighbour answers or is given up; only
  // when may_wait().
  void wait(uint32_t index, Packet* packet);

  // Gives up the waiting frames of a port that goes away.
  void give_up(uint16_t port, Outbox& outbox);

  // A parsed ARP or ND frame from the wire.
  Heard hear(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox);

  int64_t next_tick() const;
  void tick(int64_t now_ns, Outbox& outbox);

  size_t size() const { return entries_.size(); }
  size_t waiting() const { return waiting_; }
  // Frames that wait for this one.
  size_t waiting(uint32_t index) const { return entries_[index].waiting; }
  struct Seen {
    unsigned uplink;
    IpAddress ip;
    MacAddress mac;  // zero: not known
    State state;
  };
  Seen at(uint32_t index) const;

  // Entries by (uplink, address); frames that wait are not saved. Loading keeps the table's shape.
  void archive(Archive& archive);

 private:
  struct Fast {
    int64_t until_ns = INT64_MIN;
    MacAddress mac;
  };
  static constexpr uint16_t kEnd = 0xffff;
  static constexpr uint32_t kFree = 0xffffffff;
  struct Entry {
    IpAddress ip;
    uint8_t uplink = 0;
    State state = State::kUnknown;
    uint8_t tries = 0;
    bool to_all = false;                 // ask everybody, not the known MAC
    bool doubted = false;                // another MAC claimed it: the next question is to all
    int64_t deadline_ns = 0;             // no question before; kAsking, kProbing: what happens then
    uint16_t first = kEnd, last = kEnd;  // waiting frames
    uint8_t waiting = 0;
    uint32_t earlier = kFree, later = kFree;  // kAsking, kProbing: of those whose deadline is next
    bool asked() const { return state == State::kAsking || state == State::kProbing; }
  };
  struct Waiting {
    Packet* packet = nullptr;
    uint16_t next = kEnd;
  };

  // kFree: not there.
  uint32_t find(unsigned uplink, const IpAddress& ip) const { return index_[slot(uplink, ip)]; }
  Heard hear_arp(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox);
  Heard hear_nd(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox);
  Heard hear_solicitation(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox);
  Heard hear_advertisement(unsigned uplink, const Packet& packet, int64_t now_ns, Outbox& outbox);
  // Somebody says that `ip` is at `mac`; `for_us`: said to the card's own address. Not
  // `may_replace` (a proxy, for example): another MAC that is known stays (RFC 4861
  // section 7.2.5).
  Heard claimed(unsigned uplink, const IpAddress& ip, const MacAddress& mac, bool for_us,
                bool may_replace, int64_t now_ns, Outbox& outbox);
  void start(uint32_t index, State state, bool to_all, int64_t now_ns, Outbox& outbox);
  void ask(uint32_t index, Outbox& outbox);
  void resolved(uint32_t index, const MacAddress& mac, int64_t now_ns, Outbox& outbox);
  void lost(uint32_t index, Outbox& outbox);
  size_t take_waiting(uint32_t index, std::span<Packet*, kWaitPerNeighbour> packets);
  size_t slot(unsigned uplink, const IpAddress& ip) const;
  void grow_index();
  void adopt(Neighbours& old, uint32_t from);
  void put_in(uint32_t index);
  void take_out(uint32_t index);

  std::vector<Interface> interfaces_;
  std::vector<Fast> fast_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> index_;  // hash of (uplink, ip) -> entry, at most half full
  // Entry::asked(), in the order of their deadlines.
  uint32_t earliest_ = kFree, latest_ = kFree;
  std::array<Waiting, kWaitInAll> slots_;
  uint16_t free_ = kEnd;
  unsigned waiting_ = 0;
  std::array<uint8_t, kPorts> waiting_of_port_{};
};

}  // namespace gatehouse::underlay

#endif  // GATEHOUSE_HW_CORE_UNDERLAY_NEIGHBOURS_HH_
