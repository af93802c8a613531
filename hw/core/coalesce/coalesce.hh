// SPDX-License-Identifier: GPL-2.0-or-later
// TCP segments that follow one another become super-frames, as US 9,385,912 has it for tunnelled
// frames. Frames come in with their outer headers taken off, and go on through an Outlet: at once,
// or when the flow's super-frame is finished. Nothing is lost, nothing overtakes within a flow, and
// a super-frame, cut by segment::Segmenter, is octet for octet what came in.
//
//   Coalescer coalescer(pool, outlet, limits);
//   coalescer.add(packet, origin, now);  // for each frame
//   coalescer.end_batch();
//   if (coalescer.next_deadline() <= now) coalescer.tick(now);
//
// What is held is a chain of the packets as they came; they are copied, once, when the super-frame
// is made. No heap after construction, no clock: `now` is in ns of the virtual clock.
#ifndef GATEHOUSE_HW_CORE_COALESCE_COALESCE_HH_
#define GATEHOUSE_HW_CORE_COALESCE_COALESCE_HH_

#include <array>
#include <cstdint>
#include <vector>

#include "hw/core/base/packet.hh"
#include "hw/core/coalesce/flow_index.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::coalesce {

struct CauseRow {
  const char* name;
  const char* text;
};
#define GATEHOUSE_COALESCE_ROW(name, text) {#name, text},
inline constexpr CauseRow kCauses[] = {GATEHOUSE_COALESCE_CAUSES(GATEHOUSE_COALESCE_ROW)};
#undef GATEHOUSE_COALESCE_ROW
inline constexpr size_t kCauseCount = static_cast<size_t>(Cause::none);

// Where frames go on. Does not call the coalescer.
class Outlet {
 public:
  virtual ~Outlet() = default;
  // The packet is the outlet's from now on: a frame as it came, or a super-frame (Offload::tso) of
  // frames whose packets the coalescer gives back. Its TCP checksum is right, and known to be.
  // `origin`: of its first segment.
  virtual void coalesced(Packet& packet, const Origin& origin) = 0;
  // A frame that was saved: fill in its layers and see that origin's numbers exist.
  // false: it is malformed, or from nowhere.
  virtual bool restored(Packet& packet, const Origin& origin) = 0;
};

struct Limits {
  uint32_t flows = 1024;   // of which something is held
  uint32_t frames = 1024;  // held, of all flows together
  Chain::Limits chain;
  // How long a frame is held at most; 0: until end_batch().
  int64_t hold_ns = 0;
};

struct Counters {
  uint64_t frames = 0;                         // that became part of super-frames
  uint64_t super_frames = 0;                   // made of these
  uint64_t unmerged = 0;                       // held, and gone on as they came
  uint64_t no_buffer = 0;                      // of these: no packet buffer for the super-frame
  std::array<uint64_t, kCauseCount> causes{};  // why what was held went on

  uint64_t& operator[](Cause cause) { return causes[static_cast<size_t>(cause)]; }
  uint64_t operator[](Cause cause) const { return causes[static_cast<size_t>(cause)]; }
  Counters& operator+=(const Counters& others);
  void archive(Archive& archive);
};

class Coalescer {
 public:
  Coalescer(PacketPool& pool, Outlet& outlet, const Limits& limits);
  ~Coalescer() { forget(); }
  Coalescer(const Coalescer&) = delete;
  Coalescer& operator=(const Coalescer&) = delete;

  // `packet`: an inner frame, parsed and good, with origin.opaque octets of tunnel header in front;
  // the coalescer's until it comes out again.
  void add(Packet& packet, const Origin& origin, int64_t now);
  // Lets go what may be of a frame's flow, which will not be added: nothing overtakes. As add()
  // wants it, but for the tunnel header.
  void pass_by(const Packet& packet, uint16_t owner);
  // The caller has no more frames for now. Lets go what is not held for a time.
  void end_batch();
  // Lets go what has been held long enough.
  void tick(int64_t now);
  // When tick() has something to do; INT64_MAX: nothing is held.
  int64_t next_deadline() const;
  // Lets everything go: before a policy is loaded.
  void flush(Cause cause = Cause::asked);
  // What is this owner's, which is going. Not on the packet path: looks at all flows.
  void flush_owner(uint16_t owner);
  // Gives everything back to the pool: reset.
  void forget();

  uint32_t held_frames() const { return held_; }
  uint32_t held_flows() const { return flows_.size(); }
  const Counters& counters() const { return counters_; }
  void reset_counters() { counters_ = {}; }

  // What is held, not the counters. Saving changes nothing. Loading adds the frames again, under
  // the limits of now.
  void archive(Archive& archive);

 private:
  struct Held {
    Packet* packet = nullptr;
    uint32_t next = kNone;  // of the flow; or free
    uint32_t flow = kNone;
    uint32_t older = kNone, newer = kNone;  // of the packets in buffers of one size
  };
  // Packets in buffers of one size, by age.
  struct Ages {
    uint32_t oldest = kNone, newest = kNone;
  };

  void begin(Packet& packet, const Origin& origin, uint16_t payload_sum, uint32_t hash,
             uint32_t pair, int64_t now);
  void hold(uint32_t number, Packet& packet);
  Packet* release(uint32_t& held);
  bool make_room(const Packet& packet);
  void flush_pair(uint32_t pair);
  void flush(uint32_t number, Cause cause);
  bool pass_super(Flow& flow);
  void save(Archive& archive);
  void load(Archive& archive);

  PacketPool& pool_;
  Outlet& outlet_;
  Limits limits_;
  FlowIndex flows_;
  std::vector<Held> store_;
  std::array<Ages, PacketPool::kClasses> ages_;
  uint32_t free_ = kNone;
  uint32_t held_ = 0;
  Counters counters_;
};

}  // namespace gatehouse::coalesce

#endif  // GATEHOUSE_HW_CORE_COALESCE_COALESCE_HH_
