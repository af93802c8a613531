// SPDX-License-Identifier: GPL-2.0-or-later
// Connection tracking and rules together (pipeline::Guard): nobody comes in by TCP or UDP whom the
// vnic has not asked first, or its rules invite; what the rules refuse now passes neither way;
// limits hold, of each vnic and of all; and state that was saved or moved is taken.
#include <array>
#include <memory>
#include <set>

#include "hw/core/base/headers.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/pipeline/guard.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::fuzz {
namespace {

using spec::DropReason;
using Flags = TcpHeader<const uint8_t>;

constexpr uint8_t kSynAck = Flags::kSyn | Flags::kAck;
constexpr unsigned kFirst = 5, kVnics = 2;
constexpr unsigned kMostChanges = 6;  // of rules and of the whole state: each takes long
constexpr uint32_t kCapacity = 24, kConnections = 16, kHalfOpen = 4;

// What a vnic's rules may be.
enum Kind : unsigned { kClosed, kStrict, kInviting, kKinds };

// The far end alone is of the group.
firewall::Members members(const std::string& group) {
  require(group == "others", "there is one group");
  return std::vector<IpPrefix>{{*parse_ip("10.0.0.2"), 32}, {*parse_ip("fd00::2"), 128}};
}

firewall::RuleSet rules(Kind kind) {
  policy::Firewall firewall;
  policy::Rule rule;
  rule.log = true;
  if (kind == kStrict) {
    rule.inward = false;
    rule.allow = false;
    rule.protocol = uint8_t{17};
    firewall.rules.push_back(rule);
  } else if (kind == kInviting) {
    rule.protocol = uint8_t{6};
    rule.groups = {"others"};
    firewall.rules.push_back(rule);
  }
  return {firewall, members};
}

struct Listener final : pipeline::Guard::Listener {
  void logged(const pipeline::FirewallLog& log) override {
    require(
        log.rule == 0 && (log.reason == DropReason::none || spec::drop_row(log.reason) != nullptr),
        "of the one rule");
  }
};

// How far the two ends of a connection have come, [0] the near one: what they say next is right
// mostly.
struct Talk {
  uint32_t next[2] = {1000, 5000};
};

class Play {
 public:
  explicit Play(Input& input) : input_(input) {
    for (unsigned kind = 0; kind < kKinds; ++kind) {
      watches_[kind].connections = kConnections;
      watches_[kind].half_open = kHalfOpen;
      watches_[kind].rules = rules(static_cast<Kind>(kind));
    }
    guard_ = fresh();
  }

  void run() {
    for (unsigned steps = 0; steps < 64 && !input_.empty(); ++steps) {
      switch (input_.below(16)) {
        case 0:
          now_ += int64_t{input_.take<uint16_t>()} * 10'000'000;
          break;
        case 1:
          if (changes_++ < kMostChanges) change_rules();
          break;
        case 2:
          if (changes_++ < kMostChanges) save_and_load();
          break;
        case 3:
          move();
          break;
        case 4:
          flood();
          break;
        case 5:
        case 6:
          shake_hands();
          break;
        case 7:
        case 8:
          frame(take_frame(input_));
          break;
        default:
          frame({});
          break;
      }
      require(guard_->connections() <= kCapacity, "no more than there is room for");
      uint32_t all = 0;
      for (unsigned vnic = kFirst; vnic < kFirst + kVnics; ++vnic) {
        require(guard_->connections(vnic) <= kConnections, "no more than the vnic may have");
        all += guard_->connections(vnic);
      }
      require(all == guard_->connections(), "each is a vnic's");
    }
  }

 private:
  Kind kind_of(unsigned vnic) const { return kinds_[vnic - kFirst]; }
  const pipeline::Watch* watch(unsigned vnic) const { return &watches_[kind_of(vnic)]; }
  std::unique_ptr<pipeline::Guard> fresh() {
    auto guard = std::make_unique<pipeline::Guard>(7, &listener_);
    require(guard->reserve(kCapacity, kVnics), "there is memory for so few");
    for (unsigned vnic = kFirst; vnic < kFirst + kVnics; ++vnic) guard->set(vnic, watch(vnic));
    return guard;
  }
  void change_rules() {
    for (unsigned vnic = kFirst; vnic < kFirst + kVnics; ++vnic) {
      kinds_[vnic - kFirst] = static_cast<Kind>(input_.below(kKinds));
      guard_->set(vnic, watch(vnic));
    }
    guard_->rules_changed();
  }

  // What an end of a connection says next, or nearly.
  Bytes take_tcp(bool out) {
    const uint8_t which = input_.take();
    const uint16_t near = static_cast<uint16_t>(1000 + which % 8), far = 80;
    Talk& talk = talks_[which % 8];
    uint32_t& own = talk.next[out ? 0 : 1];
    static constexpr uint8_t kFlags[] = {Flags::kAck,
                                         Flags::kAck,
                                         Flags::kSyn,
                                         Flags::kSyn | Flags::kAck,
                                         Flags::kPsh | Flags::kAck,
                                         Flags::kFin | Flags::kAck,
                                         Flags::kRst,
                                         Flags::kRst | Flags::kAck};
    const uint8_t how = input_.take();
    test::Tcp tcp{.source = out ? near : far,
                  .destination = out ? far : near,
                  .sequence = own,
                  .acknowledgement = talk.next[out ? 1 : 0],
                  .flags = how & 0x80 ? input_.take() : kFlags[how % 8]};
    const uint32_t payload =
        tcp.flags & (Flags::kFin | Flags::kSyn | Flags::kRst) ? 0 : input_.below(32);
    if (how & 0x40) tcp.sequence += static_cast<uint32_t>(static_cast<int8_t>(input_.take()));
    if (how & 0x20)
      tcp.acknowledgement += static_cast<uint32_t>(static_cast<int8_t>(input_.take()));
    if (how & 0x10) tcp.window = input_.take<uint16_t>();
    if (!(how & 0x08)) own += payload + ((tcp.flags & (Flags::kFin | Flags::kSyn)) != 0);
    if (tcp.flags & Flags::kSyn) tcp.options = {1, 3, 3, input_.take()};
    test::Frame frame;
    frame.ethernet();
    if (which & 0x80) {
      frame.ipv6(
          {.source = out ? "fd00::1" : "fd00::2", .destination = out ? "fd00::2" : "fd00::1"});
    } else {
      frame.ipv4({.source = out ? "10.0.0.1" : "10.0.0.2",
                  .destination = out ? "10.0.0.2" : "10.0.0.1",
                  .more_fragments = (which & 0x70) == 0x70});
    }
    return frame.tcp(tcp).payload(payload).build();
  }

  // `octets`, or those of a connection.
  void frame(const Bytes& octets) {
    const uint8_t way = input_.take();
    const bool out = way & 1;
    pass(octets.empty() ? take_tcp(out) : octets, out, kFirst + (way >> 1) % kVnics);
  }

  void pass(const Bytes& frame, bool out, unsigned vnic) {
    Packet* packet = test::packet_of(pool_, frame);
    if (parse::parse(*packet) == DropReason::none) {
      packet->port = static_cast<uint16_t>(vnic);
      check(*packet, out ? FlowDirection::kOut : FlowDirection::kIn);
    }
    pool_.give(packet);
  }

  // A connection as it should begin; others' frames go on with it.
  void shake_hands() {
    const uint8_t how = input_.take();
    const unsigned vnic = kFirst + how % kVnics;
    const uint16_t near = static_cast<uint16_t>(1000 + (how >> 1) % 8);
    const bool by_vnic = how & 0x40;
    Talk& talk = talks_[(how >> 1) % 8];
    for (const uint8_t flags : {Flags::kSyn, kSynAck, Flags::kAck}) {
      const bool out = by_vnic == (flags != kSynAck);
      uint32_t& own = talk.next[out ? 0 : 1];
      const uint32_t other = talk.next[out ? 1 : 0];
      pass(test::Frame()
               .ethernet()
               .ipv4({.source = out ? "10.0.0.1" : "10.0.0.2",
                      .destination = out ? "10.0.0.2" : "10.0.0.1"})
               .tcp({.source = out ? near : uint16_t{80},
                     .destination = out ? uint16_t{80} : near,
                     .sequence = own,
                     .acknowledgement = flags == Flags::kSyn ? 0 : other,
                     .flags = flags})
               .build(),
           out, vnic);
      own += (flags & Flags::kSyn) != 0;
    }
  }

  // Connections to no end, of which some are answered.
  void flood() {
    const uint8_t how = input_.take();
    const unsigned vnic = kFirst + how % kVnics;
    const bool out = how & 2, udp = how & 4, answered = how & 8;
    const uint16_t first = static_cast<uint16_t>(2000 + input_.below(64));
    for (uint32_t left = 1 + input_.below(32), n = 0; n < left; ++n) {
      for (const bool back : {false, true}) {
        if (back && !answered) continue;
        const bool from_vnic = out != back;
        const uint16_t port = static_cast<uint16_t>(first + n);
        test::Frame frame;
        frame.ethernet().ipv4({.source = from_vnic ? "10.0.0.1" : "10.0.0.2",
                               .destination = from_vnic ? "10.0.0.2" : "10.0.0.1"});
        if (udp) {
          frame.udp(
              {.source = back ? uint16_t{53} : port, .destination = back ? port : uint16_t{53}});
        } else {
          frame.tcp({.source = back ? uint16_t{80} : port,
                     .destination = back ? port : uint16_t{80},
                     .sequence = back ? 5000u : 1000u,
                     .acknowledgement = back ? 1001u : 0,
                     .flags = back ? kSynAck : Flags::kSyn});
        }
        pass(frame.build(), from_vnic, vnic);
      }
    }
  }

  void check(const Packet& packet, FlowDirection direction) {
    const unsigned vnic = packet.port;
    guard_->begin_batch(now_);
    pipeline::Guard::Ticket ticket;
    guard_->look_up(vnic, packet, direction, ticket);
    if (guard_->active()) guard_->approach({&ticket, 1});
    const uint32_t before = guard_->connections(vnic), all = guard_->connections();
    const DropReason reason = guard_->check(vnic, packet, direction, ticket, counters_);
    require(reason == DropReason::none || spec::drop_row(reason) != nullptr, "a row's reason");
    require(guard_->connections(vnic) <= before + 1, "a frame begins one connection at most");
    require(guard_->connections() <= all + 1, "of its vnic");
    if (reason != DropReason::none) return;
    const Layers& layers = packet.layers;
    const bool ip = layers.l3 == L3::kIpv4 || layers.l3 == L3::kIpv6;
    if (!ip || (layers.l4 != L4::kTcp && layers.l4 != L4::kUdp)) return;
    const bool invited = kind_of(vnic) == kInviting && layers.l4 == L4::kTcp;
    require(before != 0 || invited || direction == FlowDirection::kOut, "nobody is waited for");
    require(kind_of(vnic) != kStrict || layers.l4 != L4::kUdp, "the rules refuse it now");
    const FlowKey key =
        flow_key(flow_ends(packet.data, layers), direction, static_cast<uint16_t>(vnic));
    const Bytes name(reinterpret_cast<const uint8_t*>(&key),
                     reinterpret_cast<const uint8_t*>(&key) + sizeof key);
    // An answer to who was invited asks nobody: when the rules no longer invite, it has ended.
    const bool begins =
        layers.l4 == L4::kTcp && (layers.tcp_flags & (Flags::kSyn | Flags::kAck)) == Flags::kSyn;
    if (direction == FlowDirection::kOut) {
      if (begins || !invited_.contains(name)) asked_.insert(name);
    } else if (invited) {
      if (!asked_.contains(name)) invited_.insert(name);
    } else {
      require(asked_.contains(name), "who comes in was asked");
    }
  }

  void save_and_load() {
    const Bytes saved = saved_by(*guard_);
    const uint32_t before = guard_->connections();
    std::unique_ptr<pipeline::Guard> other = fresh();
    load(*other, saved);
    guard_ = std::move(other);
    require(guard_->connections() <= before, "nothing else");
    require(saved_by(*guard_).size() == saved.size(), "and all whose time is not up");
  }

  // Those of a vnic go, and come back as from another card.
  void move() {
    const unsigned vnic = kFirst + input_.below(kVnics);
    std::vector<pipeline::MovedConnection> moved(kConnections);
    uint32_t cursor = 0;
    guard_->begin_batch(now_);
    moved.resize(guard_->export_connections(vnic, now_, cursor, moved));
    const uint32_t all = guard_->connections(), own = guard_->connections(vnic);
    require(moved.size() <= own, "no more than are there");
    guard_->forget(pipeline::Guard::Vnics{1u << vnic});
    require(guard_->connections(vnic) == 0 && guard_->connections() == all - own, "they are gone");
    const auto imported = guard_->import_connections(vnic, now_, moved);
    require(imported.taken == guard_->connections(vnic), "and there again");
    require(imported.taken + imported.no_room == moved.size() && imported.present == 0,
            "or had no room");
  }

  Input& input_;
  PacketPool pool_{
      {.small_count = 1, .small_octets = 2304, .large_count = 1, .large_octets = 5120}};
  std::array<pipeline::Watch, kKinds> watches_;
  std::array<Kind, kVnics> kinds_ = {};
  std::array<Talk, 8> talks_;
  unsigned changes_ = 0;
  Listener listener_;
  std::unique_ptr<pipeline::Guard> guard_;
  pipeline::Guard::Counters counters_{};
  std::set<Bytes> asked_, invited_;
  int64_t now_ = 1'000'000'000;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
