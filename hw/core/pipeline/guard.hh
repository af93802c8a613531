// SPDX-License-Identifier: GPL-2.0-or-later
// The stages flow and firewall together: which frames of a vnic pass, by its rules and by what its
// connections have become. Vnics without a firewall cost nothing and keep nothing.
#ifndef GATEHOUSE_HW_CORE_PIPELINE_GUARD_HH_
#define GATEHOUSE_HW_CORE_PIPELINE_GUARD_HH_

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "hw/core/base/flow_key.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/firewall/rules.hh"
#include "hw/core/firewall/track.hh"
#include "hw/core/flow/table.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/spec/counters.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::pipeline {

// A firewall of the policy as the vnics of one tenant have it.
struct Watch {
  firewall::RuleSet rules;
  uint32_t connections = 0;  // of one vnic
  uint32_t half_open = 0;    // per direction
};

class Guard {
 public:
  // Datagrams of one vnic and direction whose later fragments may follow. All vnics' fit.
  static constexpr uint32_t kFragments = 128;
  static constexpr uint32_t kFragmentSeconds = 30;  // RFC 791's and RFC 8200's are no longer
  // Entries that a batch looks at for their age: more than it can make.
  static constexpr unsigned kAgeing = 128;

  using Counters = std::array<uint64_t, spec::kVnicCounterCount>;
  // The place in the table of a frame, and of those of its flow right behind it (same_flow()), made
  // and asked of memory ahead.
  struct Ticket {
    static constexpr uint16_t kNoOwner = 0xffff;
    FlowKey key{.owner = kNoOwner};
    uint32_t hash = 0;
    uint32_t guess = flow::Table::kNone;
    firewall::Kind kind = firewall::Kind::kExempt;
    bool repeats = false;  // the key of the ticket before it
  };

  // Hears what rules with `log` decide, each time. FirewallLog::suppressed is 0.
  class Listener {
   public:
    virtual void logged(const FirewallLog& log) = 0;

   protected:
    ~Listener() = default;
  };

  // `listener`: may be null.
  explicit Guard(uint64_t seed, Listener* listener = nullptr) : seed_(seed), listener_(listener) {}

  // Not on the packet path. Room for so many connections, and for the fragments of so many vnics;
  // what is there stays, connections as far as they fit. False: the system has no such memory, and
  // nothing has changed.
  [[nodiscard]] bool reserve(uint32_t connections, uint32_t vnics);
  // The vnic's rules from now on, which must live until the next call; null: none. Its connections
  // are the caller's to forget() then.
  void set(unsigned vnic, const Watch* watch);
  // Forgets the connections of these vnics. Looks at all: one call for many vnics.
  using Vnics = flow::Table::Owners;
  void forget(const Vnics& vnics);
  void forget(unsigned vnic) = delete;  // a number is no set
  // Connections are held against the rules again, each when its next frame comes. Fragments that
  // come later find nothing to follow.
  void rules_changed();

  bool guards(unsigned vnic) const { return watches_[vnic] != nullptr; }
  bool active() const { return active_ != 0; }

  void begin_batch(int64_t now_ns);
  // The same without frames, for who counts connections: looks at kIdleAgeing at most.
  static constexpr unsigned kIdleAgeing = 1u << 16;
  void forget_expired(int64_t now_ns) { age(now_ns, kIdleAgeing); }
  // For a batch: look_up() each frame, or the first one of each burst, then approach() each ticket,
  // then check() each frame. active(). A ticket as it was made is of no frame.
  // `before`: the ticket before this one, when there is one.
  void look_up(unsigned vnic, const Packet& packet, FlowDirection direction, Ticket& ticket,
               const Ticket* before = nullptr) const;
  void approach(std::span<Ticket> tickets) const;
  // guards(vnic). `counters`: the vnic's own.
  spec::DropReason check(unsigned vnic, const Packet& packet, FlowDirection direction,
                         Ticket& ticket, Counters& counters);
  spec::DropReason check(unsigned vnic, const Packet& packet, FlowDirection direction,
                         Counters& counters);

  uint32_t connections() const { return table_ ? table_->size() : 0; }
  uint32_t connections(unsigned vnic) const {
    return table_ ? table_->size(static_cast<uint16_t>(vnic)) : 0;
  }
  uint32_t capacity() const { return table_ ? table_->capacity() : 0; }

  // All connections; no more than kMostSaved are saved. Loading leaves out what no vnic guards or
  // has room for. Fragments are not saved: senders repeat them. Time stands still meanwhile, and
  // whatever time it was: nothing lives longer than its state does.
  static constexpr uint32_t kMostSaved = 1u << 22;
  void archive(Archive& archive);
  // As Pipeline's. Those of `from` are sane.
  size_t export_connections(unsigned vnic, int64_t now_ns, uint32_t& cursor,
                            std::span<MovedConnection> to) const;
  Pipeline::Imported import_connections(unsigned vnic, int64_t now_ns,
                                        std::span<const MovedConnection> from);

 private:
  struct FragmentState {
    uint32_t headers;  // octets that the first fragment's headers take
  };

  spec::DropReason check_whole(const Packet& packet, FlowDirection direction, Ticket& ticket,
                               Counters& counters);
  spec::DropReason check_special(unsigned vnic, const Packet& packet, FlowDirection direction,
                                 Ticket& ticket, Counters& counters);
  spec::DropReason check_known(uint32_t number, const Packet& packet, FlowDirection direction,
                               const Ticket& ticket, Counters& counters, bool& restart);
  spec::DropReason check_first(const Packet& packet, FlowDirection direction, const Ticket& ticket,
                               Counters& counters);
  spec::DropReason check_alone(const Packet& packet, FlowDirection direction, const Ticket& ticket,
                               Counters& counters);
  spec::DropReason check_error(unsigned vnic, const Packet& packet, FlowDirection direction,
                               Counters& counters);
  spec::DropReason check_later(unsigned vnic, const Packet& packet, FlowDirection direction);
  void remember_fragments(unsigned vnic, const Packet& packet, FlowDirection direction);
  bool still_allowed(uint32_t number, FlowDirection direction, const uint8_t* local,
                     const uint8_t* remote, Counters& counters);
  firewall::Verdict judge(const FlowKey& key, FlowDirection began, uint8_t icmp_type,
                          const uint8_t* local, const uint8_t* remote) const;
  spec::DropReason admit(const Ticket& ticket, FlowDirection direction,
                         const firewall::Connection& fresh, Counters& counters);
  void log(const firewall::Verdict& verdict, const FlowKey& key, FlowDirection began,
           uint8_t icmp_type, const uint8_t* local, const uint8_t* remote, spec::DropReason reason,
           Counters& counters) const;
  spec::DropReason make_room(uint16_t vnic, FlowDirection direction, Counters& counters);
  uint32_t one_to_spare(uint16_t vnic, FlowDirection direction);
  uint32_t one_of_the_richest(uint16_t vnic, FlowDirection direction);
  void settle(uint32_t number, bool answered);
  uint32_t epoch_of(const FlowKey& key) const { return is_dhcp_client(key) ? kAlwaysAsk : epoch_; }
  firewall::Connection& connection(uint32_t number) const {
    return table_->state<firewall::Connection>(number);
  }
  flow::Tick deadline(uint32_t seconds) const { return now_ + flow::ticks_of_seconds(seconds); }
  void set_clock(int64_t now_ns);
  void age(int64_t now_ns, unsigned steps);
  void save(Archive& archive) const;
  void load(Archive& archive);
  enum class Taken { kTaken, kPresent, kNoRoom };
  Taken take_in(const FlowKey& key, const firewall::Connection& from, flow::Tick left);

  uint64_t seed_;
  Listener* listener_;
  static constexpr uint32_t kAlwaysAsk = 0;  // of no rules: they are asked at the next frame
  uint32_t epoch_ = 1;
  unsigned active_ = 0;
  flow::Tick now_ = 0;
  flow::Tick ahead_ = 0;       // of the clock: as far as a saved state was
  bool clock_loaded_ = false;  // `now_` is a saved state's
  std::array<const Watch*, kMaxVnics> watches_{};
  std::unique_ptr<flow::Table> table_, fragments_;
};

}  // namespace gatehouse::pipeline

#endif  // GATEHOUSE_HW_CORE_PIPELINE_GUARD_HH_
