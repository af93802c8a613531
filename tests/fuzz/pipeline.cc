// SPDX-License-Identifier: GPL-2.0-or-later
// The whole pipeline with everything on: vnics in tenants of all shipped formats, underlay
// neighbours that must be asked, firewall, meters, mirrors, taps. An input is a sequence of frames
// from guests and from the wire, of time that passes, and of what a card goes through meanwhile.
#include "hw/core/pipeline/pipeline.hh"

#include <cstring>
#include <memory>
#include <numeric>

#include "tests/fuzz/card_frames.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/fuzz_cards.hh"
#include "tests/fuzz/owners.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/fuzz/target.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::fuzz {
namespace {

constexpr unsigned kMostSteps = 48;
constexpr unsigned kMostLoads = 3;   // of policies and states: each takes as long as many frames
constexpr uint32_t kMostMoved = 24;  // as many as a vnic of the cards has
constexpr uint32_t kAllVnics = (1u << kCardVnics) - 1;

// As test::World, but small: it is made for each input.
struct SmallWorld {
  explicit SmallWorld(const policy::Policy& policy) {
    pipeline.set_uplink_present(0, true);
    require(pipeline.load(policy).ok(), "the policy fits");
    for (unsigned vnic = 0; vnic < policy.vnics.size(); ++vnic) {
      const policy::Vnic& row = policy.vnics[vnic];
      require(pipeline.attach_vnic(vnic, row.name, *row.mac).ok(), "the vnic is known");
    }
  }

  PacketPool pool{
      {.small_count = 72, .small_octets = 2304, .large_count = 4, .large_octets = 5120}};
  test::Recorder sink;
  pipeline::Pipeline pipeline{pool, sink};
  int64_t now = 1'000'000'000;
};

class Play {
 public:
  explicit Play(Input& input)
      : input_(input),
        kind_(input.below(kCardKinds)),
        world_(std::make_unique<SmallWorld>(card(kind_, 0))) {}

  void run() {
    for (unsigned steps = 0; steps < kMostSteps && !input_.empty(); ++steps) {
      may_receive_ = kAllVnics;
      step();
      look();
    }
    rest();
  }

 private:
  void step() {
    switch (input_.below(16)) {
      case 0:
        world_->now += input_.take<uint32_t>();
        tick();
        break;
      case 1:
        world_->now += int64_t{input_.take<uint16_t>()} * 10'000'000;
        tick();
        break;
      case 2:
        if (loads_++ < kMostLoads) load(input_.below(2));
        break;
      case 3:
        if (loads_++ < kMostLoads) save_and_load();
        break;
      case 4:
        switch_vnic(input_.below(kCardVnics));
        break;
      case 5:
        present_ = input_.flag();
        world_->pipeline.set_uplink_present(0, present_);
        break;
      case 6:
        world_->pipeline.tap(static_cast<pipeline::TapPoint>(
                                 input_.below(static_cast<uint32_t>(pipeline::TapPoint::kCount))),
                             input_.flag());
        break;
      case 7:
        world_->sink.wire_cuts = input_.flag();
        world_->sink.largest = input_.flag() ? 9000 : kStandardFrame;
        world_->pipeline.trace(input_.flag());
        break;
      case 8:
        move_connections();
        break;
      case 9:
      case 10:
      case 11:
        from_wire();
        break;
      case 12:
        converse();
        break;
      case 13:
        flood();
        break;
      default:
        from_vnic();
        break;
    }
  }

  void tick() {
    if (world_->pipeline.next_tick() <= world_->now) world_->pipeline.tick(world_->now);
  }

  void load(unsigned version) {
    version_ = version;
    const Status status = world_->pipeline.load(card(kind_, version));
    require(status.ok(), status.message().c_str());
  }

  // A card that is moved: another one, of the same policy and with the same vnics, takes what was
  // saved, and saves as much. What waits in the card that is given up goes with it.
  void save_and_load() {
    const Bytes saved = saved_by(world_->pipeline);
    auto other = std::make_unique<SmallWorld>(card(kind_, version_));
    other->pipeline.set_uplink_present(0, present_);
    for (unsigned vnic = 0; vnic < kCardVnics; ++vnic) {
      if (!(attached_ & 1u << vnic)) other->pipeline.detach_vnic(vnic);
    }
    other->now = world_->now;
    other->sink.wire_cuts = world_->sink.wire_cuts;
    other->sink.largest = world_->sink.largest;
    fuzz::load(other->pipeline, saved);
    world_ = std::move(other);
    look();
    require(saved_by(world_->pipeline).size() == saved.size(), "what was loaded is there");
  }

  void switch_vnic(unsigned vnic) {
    if (attached_ & 1u << vnic) {
      world_->pipeline.detach_vnic(vnic);
    } else {
      const policy::Vnic& row = card(kind_, 0).vnics[vnic];
      require(world_->pipeline.attach_vnic(vnic, row.name, *row.mac).ok(), "a vnic comes back");
    }
    attached_ ^= 1u << vnic;
  }

  // Several at a time, so that stages see batches; as many as there is room for.
  std::vector<Packet*> packets_of(std::span<const Bytes> frames) {
    std::vector<Packet*> packets;
    for (const Bytes& frame : frames) {
      Packet* room = world_->pool.take(static_cast<uint32_t>(frame.size()));
      if (room == nullptr) continue;
      world_->pool.give(room);
      packets.push_back(test::packet_of(world_->pool, frame));
    }
    return packets;
  }

  void send(unsigned vnic, std::span<const Bytes> frames, bool offloads) {
    if (!(attached_ & 1u << vnic)) return;
    const std::vector<Packet*> packets = packets_of(frames);
    for (Packet* packet : packets) {
      packet->port = static_cast<uint16_t>(vnic);
      if (offloads) packet->offload = take_offload(input_, test::bytes_of(*packet));
    }
    speaker_ = vnic;
    may_receive_ = tenants_vnics(policy(), vnic);
    world_->pipeline.from_vnic(vnic, packets, world_->now);
    look();
    speaker_ = kNobody;
  }

  void receive(std::span<const Bytes> frames) {
    may_receive_ = merging_;
    for (const Bytes& frame : frames) may_receive_ |= owners_of(policy(), frame).vnics;
    const std::vector<Packet*> packets = packets_of(frames);
    if (input_.below(4) == 3)
      for (Packet* packet : packets) packet->wire_mss = input_.take<uint16_t>();
    world_->pipeline.from_uplink(0, packets, world_->now);
    look();
    for (unsigned vnic = 0; vnic < kCardVnics; ++vnic)
      if (policy().vnics[vnic].coalesce) merging_ |= may_receive_ & 1u << vnic;
  }

  void from_vnic() {
    const unsigned vnic = input_.below(kCardVnics);
    std::vector<Bytes> frames(1 + input_.below(4));
    for (Bytes& frame : frames) frame = take_vnic_frame(input_, vnic);
    send(vnic, frames, true);
  }

  void from_wire() {
    if (input_.flag()) return receive(take_wire_run(input_, kind_));
    std::vector<Bytes> frames(1 + input_.below(4));
    for (Bytes& frame : frames) frame = take_wire_frame(input_, kind_);
    receive(frames);
  }

  void flood() {
    const unsigned vnic = input_.below(kCardVnics);
    const bool wire = input_.flag();
    const std::vector<Bytes> frames = take_flood(input_, kind_, vnic, wire);
    wire ? receive(frames) : send(vnic, frames, false);
  }

  void converse() {
    const unsigned vnic = input_.below(kCardVnics);
    const auto& turns = conversation(kind_, vnic, input_.below(kConversations));
    size_t at = input_.below(2) == 0 ? 0 : input_.below(static_cast<uint32_t>(turns.size()));
    for (uint32_t left = 1 + input_.below(16); left != 0 && at < turns.size(); --left, ++at) {
      std::vector<Bytes> frames = turns[at].frames;
      for (Bytes& frame : frames) change_some(frame, input_);
      turns[at].from_vnic ? send(vnic, frames, false) : receive(frames);
    }
  }

  // A vnic goes, and comes back with what it had; one connection is spoilt, maybe, as a management
  // client could.
  void move_connections() {
    const unsigned vnic = input_.below(kCardVnics);
    if (!(attached_ & 1u << vnic)) return;
    std::vector<pipeline::MovedConnection> moved(kMostMoved);
    uint32_t cursor = 0;
    moved.resize(world_->pipeline.export_connections(vnic, world_->now, cursor, moved));
    require(moved.size() <= world_->pipeline.connections(vnic), "no more than are there");
    if (!moved.empty() && input_.flag()) spoil(moved[input_.below(kMostMoved) % moved.size()]);
    switch_vnic(vnic);
    switch_vnic(vnic);
    const uint32_t before = world_->pipeline.connections(vnic);
    const auto imported = world_->pipeline.import_connections(vnic, world_->now, moved);
    const uint32_t more = world_->pipeline.connections(vnic) - before;
    if (imported.ok()) {
      const pipeline::Pipeline::Imported& counts = imported.value();
      require(counts.taken + counts.present + counts.no_room == moved.size(), "each is told of");
      require(counts.taken == more, "those that were taken are there");
    } else {
      require(more == 0 && !imported.status().message().empty(), "all or nothing, and why");
    }
  }

  void spoil(pipeline::MovedConnection& moved) {
    FlowKey& key = moved.key;
    firewall::Connection& connection = moved.connection;
    switch (input_.below(8)) {
      case 0:
        key.protocol = input_.take();
        break;
      case 1:
        (input_.flag() ? key.local : key.remote)[input_.below(16)] = input_.take();
        break;
      case 2:
        (input_.flag() ? key.local_port : key.remote_port) = input_.take<uint16_t>();
        break;
      case 3:
        connection.state = static_cast<firewall::State>(
            input_.below(static_cast<uint32_t>(firewall::State::kCount)));
        break;
      case 4:
        connection.icmp_type = input_.take();
        break;
      case 5:
        moved.left_ms = input_.take<uint32_t>();
        break;
      case 6:
        connection.began = input_.flag() ? FlowDirection::kIn : FlowDirection::kOut;
        break;
      default:
        reinterpret_cast<uint8_t*>(connection.ends)[input_.below(sizeof connection.ends)] =
            input_.take();
        break;
    }
  }

  // A guest's frame goes into its own tenant's tunnel. What waits for neighbours leaves when these
  // are heard of, not now.
  void look_whose(const Bytes& frame) {
    const Owners owners = owners_of(policy(), frame);
    const bool own = owners.vnics & 1u << speaker_;
    const bool copy = owners.copy && !policy().vnics[speaker_].mirror.empty();
    if (!own && !copy && !owners.neighbour)
      fail("in no tunnel of its tenant: " + test::to_hex(frame), __FILE__, __LINE__);
  }

  // What has left is what others bear, and nobody's but theirs.
  void look() {
    for (const test::SentFrame& sent : world_->sink.sent) {
      if (speaker_ != kNobody) look_whose(sent.frame);
      require(sent.uplink == 0, "there is one uplink");
      std::string why;
      if (sent.super.mss == 0 && !test::checksums_right(sent.frame, &why))
        fail(why + " " + test::to_hex(sent.frame), __FILE__, __LINE__);
      require(sent.super.mss != 0 || sent.frame.size() <= kLongest, "a frame that the wire bears");
    }
    for (const test::VnicFrame& got : world_->sink.received)
      require(got.vnic < kCardVnics && (attached_ & may_receive_ & 1u << got.vnic),
              "a vnic that is there, of the frame's tenant");
    for (const test::Dropped& drop : world_->sink.drops)
      require(spec::drop_row(drop.reason) != nullptr, "a reason that has a row");
    drops_ += world_->sink.drops.size();
    const bool cuts = world_->sink.wire_cuts;
    const uint32_t largest = world_->sink.largest;
    world_->sink.clear();
    world_->sink.wire_cuts = cuts;
    world_->sink.largest = largest;
  }

  // Nothing is kept for ever, and each frame is counted once.
  void rest() {
    may_receive_ = kAllVnics;
    for (unsigned ticks = 0; world_->pipeline.next_tick() != INT64_MAX; ++ticks) {
      require(ticks < 10'000, "the clockwork comes to rest");
      world_->now = std::max(world_->now, world_->pipeline.next_tick());
      world_->pipeline.tick(world_->now);
      look();
    }
    require(world_->pool.in_use() == 0, "all packets are given back");
    require(in_all(world_->pipeline.drops()) == drops_, "each drop is counted, and told, once");
    for (unsigned vnic = 0; vnic < kCardVnics; ++vnic) {
      const auto& counters = world_->pipeline.counters(vnic);
      require(in_all(world_->pipeline.drops(vnic)) ==
                  counters[static_cast<size_t>(spec::VnicCounter::tx_drops)] +
                      counters[static_cast<size_t>(spec::VnicCounter::rx_drops)],
              "a vnic's drops are of one direction or the other");
    }
    const auto& uplink = world_->pipeline.uplink_counters(0);
    const auto count = [&](spec::UplinkCounter which) {
      return uplink[static_cast<size_t>(which)];
    };
    using U = spec::UplinkCounter;
    // A kept segment is an end, too; what is made of such begins anew, or ends incomplete.
    const uint64_t incomplete =
        world_->pipeline.drops()[static_cast<size_t>(spec::DropReason::frame_incomplete)];
    require(count(U::rx_frames) + count(U::rx_reassembled) + count(U::rx_recovered) + incomplete ==
                count(U::rx_decapsulated) + count(U::rx_neighbour) + count(U::rx_drops) +
                    count(U::rx_shaped),
            "a frame from the wire has one end");
  }

  // A question that the card answers has an end of its own, and is no loss.
  static uint64_t in_all(const pipeline::Pipeline::Drops& drops) {
    return std::accumulate(drops.begin(), drops.end(), uint64_t{0}) -
           drops[static_cast<size_t>(spec::DropReason::answered)];
  }

  const policy::Policy& policy() const { return card(kind_, version_); }

  static constexpr unsigned kNobody = kCardVnics;
  static constexpr size_t kLongest = 14 + 4 + 1500;  // of an untagged or tagged uplink's MTU

  Input& input_;
  unsigned kind_, version_ = 0, loads_ = 0;
  bool present_ = true;
  std::unique_ptr<SmallWorld> world_;
  uint32_t attached_ = kAllVnics;
  // Of the step: who sends, whom frames may reach; since the beginning: for whom frames may wait
  // to be merged.
  unsigned speaker_ = kNobody;
  uint32_t may_receive_ = kAllVnics, merging_ = 0;
  uint64_t drops_ = 0;
};

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  Play(input).run();
}

}  // namespace gatehouse::fuzz
