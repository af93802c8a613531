// SPDX-License-Identifier: GPL-2.0-or-later
// Connection tracking and rules together (pipeline::Guard): nobody comes in by TCP or UDP whom the
// vnic has not asked first, or while it has no connection; what the rules refuse now passes neither
// way; limits hold, of each vnic and of all; and state that was saved is taken.
#include <memory>
#include <set>

#include "hw/core/parse/parse.hh"
#include "hw/core/pipeline/guard.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::fuzz {
namespace {

using spec::DropReason;

constexpr unsigned kFirst = 5, kVnics = 2;
constexpr uint32_t kCapacity = 24, kConnections = 16, kHalfOpen = 4;

class Play {
 public:
  explicit Play(Input& input) : input_(input) {
    closed_.connections = strict_.connections = kConnections;
    closed_.half_open = strict_.half_open = kHalfOpen;
    policy::Firewall firewall;
    policy::Rule rule;
    rule.inward = false;
    rule.allow = false;
    rule.protocol = uint8_t{17};
    firewall.rules.push_back(rule);
    strict_.rules = {firewall, [](const std::string&) { return std::vector<IpPrefix>(); }};
    guard_ = fresh();
  }

  void run() {
    for (unsigned steps = 0; steps < 64 && !input_.empty(); ++steps) {
      switch (input_.below(10)) {
        case 0:
          now_ += int64_t{input_.take<uint16_t>()} * 10'000'000;
          break;
        case 1:
          change_rules(input_.take());
          break;
        case 2:
          save_and_load();
          break;
        default:
          frame();
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
  const pipeline::Watch* watch(unsigned vnic) const {
    return open_ >> (vnic - kFirst) & 1 ? &closed_ : &strict_;
  }
  std::unique_ptr<pipeline::Guard> fresh() const {
    auto guard = std::make_unique<pipeline::Guard>(7);
    require(guard->reserve(kCapacity, kVnics), "there is memory for so few");
    for (unsigned vnic = kFirst; vnic < kFirst + kVnics; ++vnic) guard->set(vnic, watch(vnic));
    return guard;
  }
  // A bit for each vnic: closed_.
  void change_rules(uint8_t open) {
    open_ = open;
    for (unsigned vnic = kFirst; vnic < kFirst + kVnics; ++vnic) guard_->set(vnic, watch(vnic));
    guard_->rules_changed();
  }

  // A connection's frames: few ends and ports, any flags and numbers.
  Bytes take_tcp(bool out) {
    const uint16_t near = static_cast<uint16_t>(1000 + input_.below(4)), far = 80;
    test::Tcp tcp{.source = out ? near : far,
                  .destination = out ? far : near,
                  .sequence = input_.take<uint16_t>(),
                  .acknowledgement = input_.take<uint16_t>(),
                  .flags = input_.take(),
                  .window = input_.take<uint16_t>()};
    if (tcp.flags & 2) tcp.options = {1, 3, 3, input_.take()};
    return test::Frame()
        .ethernet()
        .ipv4(
            {.source = out ? "10.0.0.1" : "10.0.0.2", .destination = out ? "10.0.0.2" : "10.0.0.1"})
        .tcp(tcp)
        .payload(input_.below(32))
        .build();
  }

  void frame() {
    const uint8_t way = input_.take();
    const bool out = way & 1;
    const Bytes frame = input_.flag() ? take_tcp(out) : take_frame(input_);
    Packet* packet = test::packet_of(pool_, frame);
    if (packet == nullptr) return;
    if (parse::parse(*packet) == DropReason::none) {
      packet->port = static_cast<uint16_t>(kFirst + (way >> 1) % kVnics);
      check(*packet, out ? FlowDirection::kOut : FlowDirection::kIn);
    }
    pool_.give(packet);
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
    require(before != 0 || direction == FlowDirection::kOut, "nobody is waited for");
    require(watch(vnic) == &closed_ || layers.l4 != L4::kUdp, "the rules refuse it now");
    const FlowKey key =
        flow_key(flow_ends(packet.data, layers), direction, static_cast<uint16_t>(vnic));
    const Bytes name(reinterpret_cast<const uint8_t*>(&key),
                     reinterpret_cast<const uint8_t*>(&key) + sizeof key);
    if (direction == FlowDirection::kOut) {
      asked_.insert(name);
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

  Input& input_;
  PacketPool pool_{
      {.small_count = 1, .small_octets = 2304, .large_count = 1, .large_octets = 5120}};
  pipeline::Watch closed_, strict_;
  unsigned open_ = (1u << kVnics) - 1;
  std::unique_ptr<pipeline::Guard> guard_;
  pipeline::Guard::Counters counters_{};
  std::set<Bytes> asked_;
  int64_t now_ = 1'000'000'000;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
