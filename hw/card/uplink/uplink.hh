// SPDX-License-Identifier: GPL-2.0-or-later
// A port of the card towards the network: both directions of its link, and what happens when the
// wire is down or busy.
#ifndef GATEHOUSE_HW_CARD_UPLINK_UPLINK_HH_
#define GATEHOUSE_HW_CARD_UPLINK_UPLINK_HH_

#include <cstdint>
#include <span>

#include "hw/card/ports.hh"
#include "hw/card/uplink/lane.hh"

namespace gatehouse::uplink {

struct Options {
  bool present = false;    // something is connected
  uint64_t rate = 0;       // bits per second, each direction; 0: unlimited
  int64_t latency_ns = 0;  // of what the card sends: each end of a link adds its own
  uint32_t queue = 1024;   // frames that wait for the link or for a busy netdev
};

// How many frames were not sent, and why.
struct Refused {
  uint32_t down = 0;
  uint32_t full = 0;    // or it has its share of the packet buffer
  uint64_t octets = 0;  // of them all

  uint32_t frames() const { return down + full; }
};

// What was on its way when the link went down.
struct Lost {
  Refused out;
  uint32_t in = 0;  // frames
};

class Uplink {
 public:
  Uplink(PacketPool& pool, card::UplinkPort& port, unsigned index, const Options& options);

  bool present() const { return options_.present; }
  bool up() const { return options_.present && link_up_; }
  Lost set_link(bool up);
  const Options& options() const { return options_; }
  uint32_t queued() const { return out_.size(); }

  Refused send(std::span<const OutFrame> frames, int64_t now_ns);
  // Whether the wire cuts super-frames, and nothing waits in front of it.
  bool cuts() const {
    return up() && out_.immediate() && out_.empty() && !blocked_ && port_.cuts(index_);
  }
  // After cuts() has said so, for all pieces of one super-frame. Where frames wait since then it is
  // refused, as its segments: nothing overtakes.
  Refused send_super(const OutFrame& frame, const SuperFrame& super);
  // The wire takes frames again; run() goes on.
  void unblock() { blocked_ = false; }
  bool blocked() const { return blocked_; }

  // Ingress. A packet from the wire; null result: it waits for the link rate and comes out of
  // arrived().
  bool can_receive() const { return in_.immediate() || !in_.full(); }
  // Whether a packet of `octets` may be given to receive(): after can_receive().
  bool has_room(uint32_t octets) const { return in_.immediate() || in_.has_room(octets); }
  // Packets wait for the link rate.
  bool arriving() const { return !in_.empty(); }
  Packet* receive(Packet* packet, int64_t now_ns);
  Packet* arrived(int64_t now_ns);

  // Sends what is due. Next time at which this is worth while: next_ns().
  void run(int64_t now_ns);
  int64_t next_ns() const;
  void archive(Archive& archive, int64_t now_ns);

 private:
  static constexpr uint32_t kBurst = 64;  // frames handed to the port at once

  PacketPool& pool_;
  card::UplinkPort& port_;
  unsigned index_;
  Options options_;
  Lane out_;
  Lane in_;
  bool link_up_ = true;
  bool blocked_ = false;
};

}  // namespace gatehouse::uplink

#endif  // GATEHOUSE_HW_CARD_UPLINK_UPLINK_HH_
