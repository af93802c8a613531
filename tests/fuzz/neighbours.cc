// SPDX-License-Identifier: GPL-2.0-or-later
// The underlay's neighbours: whatever ARP and ND say, a MAC is that of somebody who was asked, and
// every frame that waits is released or given up.
#include "hw/core/underlay/neighbours.hh"

#include <algorithm>

#include "hw/core/parse/parse.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::fuzz {
namespace {

using underlay::Neighbours;

struct Outbox final : underlay::Outbox {
  explicit Outbox(PacketPool& packets) : pool(packets) {}
  void send(unsigned uplink, std::span<const uint8_t> frame, bool) override {
    require(uplink == 0, "there is one uplink");
    const Bytes bytes(frame.begin(), frame.end());
    Layers layers;
    std::string why;
    require(parse::parse(bytes, {}, layers) == spec::DropReason::none, "its frames are frames");
    require(test::checksums_right(bytes, &why), why.c_str());
  }
  void release(unsigned, std::span<Packet* const> packets) override { take(packets); }
  void give_up(unsigned, std::span<Packet* const> packets) override { take(packets); }
  void take(std::span<Packet* const> packets) {
    for (Packet* packet : packets) pool.give(packet);
  }
  PacketPool& pool;
};

const std::vector<Bytes>& frames() {
  static const std::vector<Bytes> kFrames = [] {
    std::vector<Bytes> all;
    for (const char* from : {"02:00:00:00:00:0b", "02:00:00:00:00:66"}) {
      for (const uint16_t operation : {1, 2}) {
        all.push_back(test::Frame()
                          .ethernet({.destination = "02:00:00:00:00:0a", .source = from})
                          .arp({.operation = operation,
                                .sender_mac = from,
                                .sender_ip = "192.0.2.2",
                                .target_mac = "02:00:00:00:00:0a",
                                .target_ip = "192.0.2.1"})
                          .build());
      }
      const test::Ipv6 ip = {
          .source = "2001:db8::2", .destination = "2001:db8::1", .hop_limit = 255};
      all.push_back(
          test::Frame()
              .ethernet({.destination = "02:00:00:00:00:0a", .source = from})
              .ipv6(ip)
              .neighbor_advertisement("2001:db8::2", 0x60000000, test::nd_link_option(2, from))
              .build());
      all.push_back(test::Frame()
                        .ethernet({.destination = "02:00:00:00:00:0a", .source = from})
                        .ipv6(ip)
                        .neighbor_solicitation("2001:db8::1", test::nd_link_option(1, from))
                        .build());
    }
    return all;
  }();
  return kFrames;
}

class Play {
 public:
  explicit Play(Input& input) : input_(input) {
    underlay::Interface interface;
    interface.present = true;
    interface.mac = *parse_mac("02:00:00:00:00:0a");
    interface.mtu = 1500;
    interface.addresses = {{*parse_ip("192.0.2.1"), 24}, {*parse_ip("2001:db8::1"), 64}};
    empty_ = table_on(interface);
    interface.vlan = 9;
    elsewhere_ = table_on(interface);
    table_ = empty_;
  }

  void run() {
    for (unsigned steps = 0; steps < 100 && !input_.empty(); ++steps) {
      const std::vector<Neighbours::Seen> before = all();
      heard_.clear();
      step();
      adopted_only_what_was_asked(before);
      require(pool_.in_use() == table_.waiting(), "who waits is counted");
      require(table_.waiting() <= underlay::kWaitInAll, "and bounded");
      for (uint32_t i = 0; i < table_.size(); ++i) {
        const Neighbours::Seen seen = table_.at(i);
        if (seen.state == Neighbours::State::kStatic)
          require(seen.mac == kStatic, "what the policy says is not changed by frames");
      }
    }
    for (unsigned ticks = 0; table_.next_tick() != INT64_MAX; ++ticks) {
      require(ticks < 1000, "the clockwork comes to rest");
      now_ = std::max(now_, table_.next_tick());
      table_.tick(now_, out_);
    }
    require(pool_.in_use() == 0, "nobody waits for ever");
  }

 private:
  static inline const MacAddress kStatic = *parse_mac("02:00:00:00:00:99");

  static Neighbours table_on(const underlay::Interface& interface) {
    Neighbours table({&interface, 1});
    for (const char* ip : {"192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"})
      table.add(0, *parse_ip(ip));
    table.add_static(0, *parse_ip("192.0.2.9"), kStatic);
    return table;
  }

  std::vector<Neighbours::Seen> all() const {
    std::vector<Neighbours::Seen> seen;
    for (uint32_t i = 0; i < table_.size(); ++i) seen.push_back(table_.at(i));
    return seen;
  }

  // A MAC changes by a frame that says so, while the card asks for it; else it is only forgotten.
  void adopted_only_what_was_asked(const std::vector<Neighbours::Seen>& before) const {
    using enum Neighbours::State;
    for (uint32_t i = 0; i < table_.size(); ++i) {
      const MacAddress mac = table_.at(i).mac;
      if (mac == before[i].mac || mac == MacAddress{}) continue;
      require(before[i].state == kAsking || before[i].state == kProbing, "nobody asked for it");
      require(std::search(heard_.begin(), heard_.end(), mac.octets.begin(), mac.octets.end()) !=
                  heard_.end(),
              "somebody has said so");
    }
  }

  // Into a table of the same shape that knows nothing.
  void save_and_load() {
    const std::vector<Neighbours::Seen> before = all();
    Neighbours other = on_ == 0 ? empty_ : elsewhere_;
    load(other, saved_by(table_));
    table_.forget(out_);
    table_ = other;
    const std::vector<Neighbours::Seen> now = all();
    using enum Neighbours::State;
    for (uint32_t i = 0; i < table_.size(); ++i) {
      const Neighbours::State was = before[i].state;
      const bool known = was == kStatic || was == kReachable || was == kProbing;
      require(now[i].state == (was == kStatic ? kStatic
                               : known        ? kReachable
                                              : kUnknown),
              "who was known is known, who was asked is not");
      require(!known || now[i].mac == before[i].mac, "by the same MAC");
    }
  }

  // A new policy: of the same link, or of one where the same addresses are others'.
  void reload() {
    const std::vector<Neighbours::Seen> before = all();
    const uint32_t waiting = table_.waiting();
    const bool other_link = input_.below(4) == 0;
    if (other_link) on_ = 1 - on_;
    Neighbours next = on_ == 0 ? empty_ : elsewhere_;
    next.adopt(table_, out_);
    table_ = next;
    const std::vector<Neighbours::Seen> now = all();
    require(table_.waiting() == (other_link ? 0 : waiting), "who waits goes on, on the same link");
    for (uint32_t i = 0; i < table_.size(); ++i) {
      if (before[i].state == Neighbours::State::kStatic) continue;
      require(now[i].state == (other_link ? Neighbours::State::kUnknown : before[i].state) &&
                  (other_link || now[i].mac == before[i].mac),
              "what is known of a link is known of no other");
    }
  }

  void step() {
    const uint32_t index = input_.below(static_cast<uint32_t>(table_.size()));
    switch (input_.below(10)) {
      case 0:
        now_ += int64_t{input_.take<uint16_t>()} * 10'000'000;
        break;
      case 1:
        table_.tick(now_, out_);
        break;
      case 2:
        if (input_.below(8) == 0) table_.forget(out_);
        break;
      case 3:
        save_and_load();
        break;
      case 4:
        table_.give_up(static_cast<uint16_t>(input_.below(4)), out_);
        break;
      case 5:
      case 6:
        need(index);
        break;
      case 7:
        if (input_.below(4) == 0) reload();
        break;
      default:
        hear();
        break;
    }
  }

  void need(uint32_t index) {
    if (table_.usable(index, now_)) {
      require(table_.mac(index) != MacAddress{}, "a neighbour of use has a MAC");
      return;
    }
    const auto port = static_cast<uint16_t>(index % 4);
    if (table_.need(index, now_, out_) || !table_.may_wait(index, port)) return;
    Packet* packet = test::packet_of(pool_, guest_frames()[0], port);
    require(packet != nullptr, "there is a buffer");
    table_.wait(index, packet);
  }

  void hear() {
    Packet* packet = test::packet_of(pool_, take_frame(input_, frames()));
    if (packet == nullptr) return;
    heard_ = test::bytes_of(*packet);
    const bool good = parse::parse(*packet) == spec::DropReason::none;
    if (good && (packet->layers.l3 == L3::kArp || packet->layers.nd_type != 0))
      static_cast<void>(table_.hear(0, *packet, now_, out_));
    pool_.give(packet);
  }

  Input& input_;
  PacketPool pool_{
      {.small_count = 80, .small_octets = 1024, .large_count = 1, .large_octets = 5120}};
  Outbox out_{pool_};
  Neighbours empty_, elsewhere_, table_;
  unsigned on_ = 0;  // empty_'s link, or elsewhere_'s
  Bytes heard_;
  int64_t now_ = 100 * underlay::kSecond;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
