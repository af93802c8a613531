// SPDX-License-Identifier: GPL-2.0-or-later
// The order of the stages: the only room of hw/core that knows it. Frames come in batches from
// vnics and uplinks and leave through the Sink during the same call. Not thread safe; no heap on
// the packet path; time is passed in.
#ifndef GATEHOUSE_HW_CORE_PIPELINE_PIPELINE_HH_
#define GATEHOUSE_HW_CORE_PIPELINE_PIPELINE_HH_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "hw/core/base/flow_key.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/base/status.hh"
#include "hw/core/coalesce/coalesce.hh"
#include "hw/core/firewall/connection.hh"
#include "hw/core/policy/policy.hh"
#include "hw/spec/counters.hh"
#include "hw/spec/drop_reasons.hh"
#include "hw/spec/stages.hh"

namespace gatehouse {
class Archive;
}
namespace gatehouse::stateless {
struct Loss;
}

namespace gatehouse::pipeline {

inline constexpr unsigned kMaxVnics = 256;
inline constexpr unsigned kMaxUplinks = 2;

// Where a tap sits.
enum class TapPoint : uint8_t { kGuest, kInner, kOuter, kDrops, kCount };
enum class TapDirection : uint8_t { kFromGuest, kToGuest };

// What a rule with `log` decided about a frame. Valid during the call.
struct FirewallLog {
  unsigned vnic = 0;
  const char* firewall = "";
  uint32_t rule = 0;  // its place in the list
  const char* rule_name = "";
  FlowDirection direction = FlowDirection::kIn;  // who begins the connection
  spec::DropReason reason = spec::DropReason::none;
  FlowKey key;                       // its addresses are those of the frame
  std::optional<uint8_t> icmp_type;  // of ICMP
  uint64_t suppressed = 0;  // of the same vnic, about which nothing was said since the last
};

// Out of the pipeline. All memory is valid during the call only. Calls never re-enter the pipeline.
class Sink {
 public:
  virtual ~Sink() = default;
  // A run of frames for one uplink, in order.
  virtual void to_uplink(unsigned uplink, std::span<const OutFrame> frames) = 0;
  // Whether to_uplink_super() may be called now: the wire cuts tunnelled super-frames by itself.
  virtual bool cuts(unsigned uplink) const {
    static_cast<void>(uplink);
    return false;
  }
  // One frame that the wire is to cut.
  virtual void to_uplink_super(unsigned uplink, const OutFrame& frame, const SuperFrame& super) {
    static_cast<void>(uplink), static_cast<void>(frame), static_cast<void>(super);
  }
  // A run of frames for one vnic, in order. `layers` are those of each of the frames: a run ends
  // where they differ, in lengths too. Checksums inside are complete.
  virtual void to_vnic(unsigned vnic, std::span<const OutFrame> frames, const Layers& layers,
                       bool l4_checksum_checked, bool l4_checksum_good) = 0;
  // Octets of the largest frame that the vnic's driver takes now, without FCS.
  virtual uint32_t largest_frame(unsigned vnic) const {
    static_cast<void>(vnic);
    return kStandardFrame;
  }
  // Only called for points that Pipeline::tap() switched on. `port` is the vnic's or uplink's index
  // as `point` implies (drops: where the frame came from); reason is none except at kDrops.
  virtual void tapped(TapPoint point, TapDirection direction, unsigned port, const OutFrame& frame,
                      spec::DropReason reason) = 0;
  // For trace points and rate-limited events; called for each dropped frame. from_vnic: port is a
  // vnic, else an uplink.
  virtual void dropped(bool from_vnic, unsigned port, spec::DropReason reason) = 0;
  // A frame of which TCP-shaped segments are missing, and which.
  virtual void incomplete(const stateless::Loss& loss) { static_cast<void>(loss); }
  // At a bounded rate for each vnic and for the card.
  virtual void firewall_logged(const FirewallLog& log) { static_cast<void>(log); }
  // Only called after Pipeline::trace(true): so many frames of a batch enter a stage. port: vnic
  // (egress) or uplink (ingress).
  virtual void walked(spec::Stage stage, unsigned port, size_t frames) {
    static_cast<void>(stage), static_cast<void>(port), static_cast<void>(frames);
  }
};

// A connection as it goes from card to card, with the vnic it belongs to.
struct MovedConnection {
  FlowKey key;  // whatever its owner is
  firewall::Connection connection = {};
  uint32_t left_ms = 0;  // until it is forgotten, without a frame
};

class Pipeline {
 public:
  // `flow_seed`: makes it unpredictable which connections share a place in the table of flows. Not
  // seen from outside otherwise, and not saved.
  Pipeline(PacketPool& pool, Sink& sink, uint64_t flow_seed = 0);
  ~Pipeline();

  // Replaces all tables, or changes nothing and says why (names that do not exist, two vnics with
  // one address, no room). A vnic of the policy is bound to the attached vnic of the same name, now
  // or when it is attached. `now_ns`: what was held goes on now; 0: as if at the last call.
  Status load(const policy::Policy& policy, int64_t now_ns = 0);

  // `mac` is the device's own; the policy's wins when it names one. A vnic without policy has every
  // frame dropped.
  Status attach_vnic(unsigned vnic, const std::string& name, const MacAddress& mac);
  void detach_vnic(unsigned vnic);
  void set_uplink_present(unsigned uplink, bool link_up);

  // Consume the packets. now_ns: virtual clock.
  void from_vnic(unsigned vnic, std::span<Packet* const> batch, int64_t now_ns);
  // A super-frame that the wire has not cut (Packet::wire_mss) is cut behind decapsulate.
  void from_uplink(unsigned uplink, std::span<Packet* const> batch, int64_t now_ns);

  // Neighbour retries and expiry; frames that were held, or whose segments were waited for, long
  // enough. Returns the next time at which
  // to call, INT64_MAX when nothing waits.
  int64_t tick(int64_t now_ns);
  // The same without doing anything.
  int64_t next_tick() const;

  void tap(TapPoint point, bool on);
  void trace(bool on);

  using Drops = std::array<uint64_t, static_cast<size_t>(spec::DropReason::kCount)>;
  using VnicCounters = std::array<uint64_t, spec::kVnicCounterCount>;
  using UplinkCounters = std::array<uint64_t, spec::kUplinkCounterCount>;
  const Drops& drops() const;               // of the whole card
  const Drops& drops(unsigned vnic) const;  // of frames from and for this vnic
  const VnicCounters& counters(unsigned vnic) const;
  const UplinkCounters& uplink_counters(unsigned uplink) const;
  // For frames that end outside the pipeline (vnic rings, uplink queue): counts as if a stage had
  // dropped them.
  void count_drop(bool from_vnic, unsigned port, spec::DropReason reason);
  // The same where the reason alone does not tell which way the frame went.
  void count_drop(bool from_vnic, unsigned port, spec::DropReason reason, TapDirection direction);
  void count_vnic_rx(unsigned vnic, uint32_t frames, uint64_t octets);
  // Of what Sink::to_uplink() was given, so much was not taken.
  void count_uplink_refused(unsigned uplink, uint32_t frames, uint64_t octets);

  // What the tables hold, for people and tools.
  struct Sizes {
    size_t tenants, vnics, next_hops, host_mappings, prefix_mappings, neighbours, waiting_frames;
    size_t connections, connection_room;  // tracked by firewalls
  };
  Sizes sizes() const;
  struct Neighbour {
    unsigned uplink;
    IpAddress ip;
    MacAddress mac;     // zero: not known
    const char* state;  // "static", "unknown", "asking", "reachable", "probing"
  };
  Neighbour neighbour(size_t index) const;  // index < sizes().neighbours

  // Overlay MTU of the vnic's tenant; 0 when it has none. For the vnic's own information.
  uint32_t overlay_mtu(unsigned vnic) const;

  // What has become of frames that were held to be merged; zeros while the policy wants none.
  coalesce::Counters coalesce_counters() const;
  uint32_t held_frames() const;
  // Frames of which some TCP-shaped segments have come.
  uint32_t incomplete_frames() const;

  // Connections that the vnic's firewall tracks.
  uint32_t connections(unsigned vnic) const;

  // Counters, neighbour table, rate limits, connections, frames held to be merged or put
  // together: what is not in the policy.
  void archive(Archive& archive);
  // Forgets connections whose time is over. Frames do so as they come; this is for who counts while
  // none do. Bounded: of more than some ten thousand that are over, some wait for the next call.
  void forget_expired(int64_t now_ns);
  // The connections of one vnic, for its move to another card. From entry `cursor` on, 0 at first,
  // which is where to go on afterwards; kNoMore: it was all. Connections that come and go in
  // between may be left out. Answers how many.
  static constexpr uint32_t kNoMore = 0xffffffff;
  size_t export_connections(unsigned vnic, int64_t now_ns, uint32_t& cursor,
                            std::span<MovedConnection> to) const;
  // The vnic is attached and has a firewall. All or nothing: an error names the connection that
  // cannot be. What is there already stays; what the vnic's limits, or the table, have no room for
  // is left out. The rules are asked about each one at its next frame.
  struct Imported {
    uint32_t taken = 0, present = 0, no_room = 0;
  };
  Result<Imported> import_connections(unsigned vnic, int64_t now_ns,
                                      std::span<const MovedConnection> from);
  void reset_counters();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::pipeline

#endif  // GATEHOUSE_HW_CORE_PIPELINE_PIPELINE_HH_
