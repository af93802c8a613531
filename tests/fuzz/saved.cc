// SPDX-License-Identifier: GPL-2.0-or-later
// Saved states of a whole card and of a pipeline that lie: refused or taken, the machine goes on,
// and every packet is given back.
#include "hw/core/pipeline/quiet_sink.hh"
#include "tests/fuzz/card_frames.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/fuzz/fuzz_cards.hh"
#include "tests/fuzz/saved_state.hh"
#include "tests/unit/card/world.hh"

namespace gatehouse::fuzz {
namespace {

const uplink::Options kSlow = {.present = true, .rate = 1'000'000};
constexpr PacketPool::Limits kBuffers = {.small_count = 64, .large_count = 2};

// A card in the middle of its work: frames on the cable, for a guest that is slow, for a neighbour.
const Bytes& card_state() {
  static const Bytes kState = [] {
    card::World world(kSlow, 0, kBuffers);
    world.b.room = 0;
    card::World::transmit(world.a, card::World::from_a("10.0.0.11", "52:54:00:00:00:0b"), 2);
    card::World::transmit(world.a, card::World::from_a("10.0.0.2"), 3);
    world.run();
    require(world.receive(card::World::tunnel_to_a()), "the card takes a frame");
    world.events.running = false;
    card::World::transmit(world.a, card::World::from_a("10.0.0.2"), 2);
    return saved_by(world.card);
  }();
  return kState;
}

void load_card(Input& input) {
  card::World world(kSlow, 0, kBuffers);
  const bool spoiled = load_spoiled(world.card, card_state(), input);
  world.card.loaded();
  for (card::FakeGuest* guest : {&world.a, &world.b}) guest->port->receive_ready();
  world.run();
  world.advance(10'000'000'000);
  const size_t sent = world.wire.sent.size();
  card::World::transmit(world.a, card::World::from_a("10.0.0.2"));
  world.run();
  world.advance(10'000'000'000);
  require(spoiled || world.wire.sent.size() == sent + 1, "the card goes on");
  require(world.card.state(false)["packets-in-use"] == 0, "all packets are given back");
}

struct Machine {
  explicit Machine(unsigned kind) {
    pipeline.set_uplink_present(0, true);
    require(pipeline.load(card(kind, 0)).ok(), "the policy fits");
    for (unsigned vnic = 0; vnic < kCardVnics; ++vnic) {
      const policy::Vnic& row = card(kind, 0).vnics[vnic];
      require(pipeline.attach_vnic(vnic, row.name, *row.mac).ok(), "the vnic is known");
    }
  }
  void traffic(unsigned kind) {
    for (const Bytes& frame : guest_frames()) {
      for (unsigned vnic = 0; vnic < 3; ++vnic) {
        Packet* packet = test::packet_of(pool, frame);
        if (packet != nullptr) pipeline.from_vnic(vnic, {&packet, 1}, now);
      }
    }
    for (size_t i = 0; i < wire_frames(kind).size(); i += 5) {
      Packet* packet = test::packet_of(pool, wire_frames(kind)[i].frame);
      if (packet != nullptr) pipeline.from_uplink(0, {&packet, 1}, now);
    }
    now += 1'000'000'000;
  }

  PacketPool pool{
      {.small_count = 64, .small_octets = 2304, .large_count = 2, .large_octets = 5120}};
  pipeline::QuietSink sink;
  pipeline::Pipeline pipeline{pool, sink};
  int64_t now = 1'000'000'000;
};

const Bytes& pipeline_state(unsigned kind) {
  static const std::vector<Bytes> kStates = [] {
    std::vector<Bytes> states;
    for (unsigned each = 0; each < kCardKinds; ++each) {
      Machine machine(each);
      machine.traffic(each);
      require(machine.pipeline.sizes().connections != 0, "there are connections to save");
      states.push_back(saved_by(machine.pipeline));
    }
    return states;
  }();
  return kStates[kind];
}

void load_pipeline(Input& input) {
  const unsigned kind = input.below(kCardKinds);
  Machine machine(kind);
  static_cast<void>(load_spoiled(machine.pipeline, pipeline_state(kind), input));
  machine.traffic(kind);
  for (unsigned ticks = 0; machine.pipeline.next_tick() != INT64_MAX; ++ticks) {
    require(ticks < 10'000, "the clockwork comes to rest");
    machine.now = std::max(machine.now, machine.pipeline.next_tick());
    machine.pipeline.tick(machine.now);
  }
  require(machine.pool.in_use() == 0, "all packets are given back");
}

}  // namespace

void fuzz_one(std::span<const uint8_t> octets) {
  Input input(octets);
  input.below(4) == 0 ? load_card(input) : load_pipeline(input);
}

}  // namespace gatehouse::fuzz
