// SPDX-License-Identifier: GPL-2.0-or-later
// Everything by which the card touches the world besides its vnics (hw/card/vnic/ports.hh). A unit
// test puts fakes here; hw/qemu puts netdevs, the virtual clock and a bottom half here. All calls
// happen under one lock (QEMU's big lock); none may call back into the card unless it says so.
#ifndef GATEHOUSE_HW_CARD_PORTS_HH_
#define GATEHOUSE_HW_CARD_PORTS_HH_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "hw/card/vnic/ports.hh"
#include "hw/core/base/packet.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::stateless {
struct Loss;
}
namespace gatehouse::pipeline {
struct FirewallLog;
}

namespace gatehouse::card {

// What the wire says of a frame that it hands in, beside its octets.
struct Arrival {
  uint16_t mss = 0;     // not 0: a tunnelled super-frame that it has not cut, SuperFrame::mss
  uint16_t merged = 0;  // not 0: TCP segments that it has merged or not cut, Packet::merged
  // The sum from this octet to the frame's end is to be completed and stored at `checksum_offset`;
  // 0: the frame is whole.
  uint16_t checksum_start = 0, checksum_offset = 0;
};

// The wire behind an uplink.
class UplinkPort {
 public:
  virtual ~UplinkPort() = default;
  // In order; returns how many were taken (sent, or kept by the wire itself). Fewer than all: the
  // wire is busy until somebody calls Card::uplink_writable or Card::resumed. May call
  // Card::receive.
  virtual size_t send(unsigned uplink, std::span<const OutFrame> frames) = 0;
  // Whether the wire takes, now, a tunnelled super-frame and cuts it by itself.
  virtual bool cuts(unsigned uplink) const {
    static_cast<void>(uplink);
    return false;
  }
  // Only after cuts() has said so, or for a further piece of the frame for which it has. The wire
  // takes it. May call Card::receive.
  virtual void send_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) {
    static_cast<void>(uplink), static_cast<void>(frame), static_cast<void>(super);
  }
  // Card::can_receive was false and is true again: hand in what waits. May call Card::receive.
  virtual void resume(unsigned uplink) = 0;
};

// The virtual clock and one alarm on it, whose expiry calls Card::run.
class ClockPort {
 public:
  virtual ~ClockPort() = default;
  virtual int64_t now_ns() = 0;
  // Replaces the earlier deadline; INT64_MAX: none.
  virtual void arm(int64_t deadline_ns) = 0;
};

class EventPort {
 public:
  virtual ~EventPort() = default;
  // Card::run is to be called soon, outside of any call into the card or one of its vnics.
  virtual void schedule() = 0;
  // False: the machine stands still, and nothing that is scheduled comes before it goes on.
  virtual bool runs() = 0;
  // Whether anybody looks at walked().
  virtual bool tracing() = 0;
  // So many frames of a batch enter a stage. `port` is a vnic on the way out, an uplink on the way
  // in.
  virtual void walked(spec::Stage stage, unsigned port, size_t frames) = 0;
  // Each dropped frame, at once. For trace points.
  virtual void dropped(bool from_vnic, unsigned port, spec::DropReason reason) = 0;
  // At most once a second (virtual clock) for each port and reason, with the number of frames since
  // the last time.
  virtual void drops_reported(bool from_vnic, const std::string& port, spec::DropReason reason,
                              uint64_t count) = 0;
  // What a rule with `log` decided, at a bounded rate.
  virtual void firewall_logged(const std::string& vnic, const pipeline::FirewallLog& log) = 0;
  // A frame of which TCP-shaped segments are missing. For trace points.
  virtual void incomplete(const stateless::Loss& loss) = 0;
};

// The guest's side of an attached vnic, as the card sees it.
class GuestPort {
 public:
  virtual ~GuestPort() = default;
  // How many were dealt with: written to the rings, or dropped and counted. The card keeps the rest
  // and offers it again after vnic::CardPort::receive_ready. May call back into vnic::CardPort of
  // the same vnic.
  virtual size_t receive(std::span<const vnic::Delivery> frames) = 0;
  // Its FIFO fills. When it does no longer, vnic::CardPort::receive_ready follows.
  virtual bool crowded() const { return false; }
  // Octets of the largest frame that the driver takes now, without FCS.
  virtual uint32_t largest_frame() const { return kStandardFrame; }
  // What the driver set up, for people and tools: link, rings, interrupt mode. Changes nothing.
  virtual nlohmann::json state() const = 0;
};

struct Ports {
  UplinkPort& uplink;
  ClockPort& clock;
  EventPort& event;
};

}  // namespace gatehouse::card

#endif  // GATEHOUSE_HW_CARD_PORTS_HH_
