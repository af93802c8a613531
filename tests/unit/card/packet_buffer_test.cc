// SPDX-License-Identifier: GPL-2.0-or-later
// Whose guest takes nothing, or whose link is slow, leaves the others their packet buffers.
#include "hw/card/vnic/vnic.hh"
#include "tests/unit/card/world.hh"
#include "tests/unit/vnic/rig.hh"

namespace gatehouse::card {
namespace {

using spec::DropReason;
using namespace i82574;  // NOLINT: register names

constexpr uint32_t kBuffers = PacketPool::Limits{}.small_count;
constexpr uint32_t kLargeBuffers = PacketPool::Limits{}.large_count;
constexpr uint32_t kSuperFrame = 60'000;

// An 82574L with its receiver on and a ring without a descriptor: its FIFO keeps what comes.
class IdleGuest final : public GuestPort {
 public:
  void connect(VnicPort* port) {
    identity_.mac = MacAddress::from(vnic::rig::kOwnMac.data());
    vnic = std::make_unique<vnic::Vnic>(vnic::Ports{memory_, clock_, interrupt_, *port}, identity_);
    vnic->mmio_write(reg::RDLEN(0), 64 * kRingUnit, 4);
    vnic->mmio_write(reg::RCTL, RCTL_EN | RCTL_UPE, 4);
    EXPECT_TRUE(vnic->can_receive());
  }
  size_t receive(std::span<const vnic::Delivery> frames) override { return vnic->receive(frames); }
  bool crowded() const override { return vnic->crowded(); }
  nlohmann::json state() const override { return nlohmann::json::object(); }
  uint32_t waiting() const { return vnic->receive_engine().fifo_frames(); }
  uint64_t missed() { return vnic->mmio_read(reg::MPC, 4); }

  std::unique_ptr<vnic::Vnic> vnic;

 private:
  vnic::rig::Memory memory_;
  vnic::rig::Clock clock_;
  vnic::rig::Interrupt interrupt_;
  vnic::Identity identity_;
};

constexpr unsigned kIdle = 6;

std::string name_of(unsigned guest) { return "idle" + std::to_string(guest); }
std::string mac_of(unsigned guest) { return "52:54:00:00:00:2" + std::to_string(guest); }
std::string address_of(unsigned guest) { return "10.0.0.2" + std::to_string(guest); }

// World's, and the idle ones.
policy::Policy policy_with_idle_vnics() {
  std::string text = kPolicy, rows;
  for (unsigned i = 0; i < kIdle; ++i) {
    rows += R"({"name": ")" + name_of(i) + R"(", "tenant": "red", "mac": ")" + mac_of(i) +
            R"(", "addresses": [")" + address_of(i) + R"("]}, )";
  }
  const std::string vnics = R"("vnics": [)";
  text.insert(text.find(vnics) + vnics.size(), rows);
  Result<policy::Policy> policy = policy::read_policy(text, "policy.json");
  EXPECT_TRUE(policy.ok()) << policy.status().message();
  return policy.value();
}

class IdleVnics : public testing::Test {
 protected:
  IdleVnics() {
    const Status loaded = world_.card.load_policy(policy_with_idle_vnics());
    EXPECT_TRUE(loaded.ok()) << loaded.message();
    for (unsigned i = 0; i < kIdle; ++i) {
      Result<VnicPort*> port = world_.card.attach(name_of(i), *parse_mac(mac_of(i)), idle_[i]);
      EXPECT_TRUE(port.ok());
      idle_[i].connect(port.value());
    }
  }
  void send(unsigned guest, uint32_t frames) {
    const test::Bytes frame = World::from_a(address_of(guest), mac_of(guest), 20);
    for (uint32_t i = 0; i < frames; ++i) World::transmit(world_.a, frame);
    world_.run();
  }
  uint32_t in_use() { return world_.card.state(false)["packets-in-use"]; }

  World world_;
  std::array<IdleGuest, kIdle> idle_;
};

TEST_F(IdleVnics, LeaveTheOthersWhatTheySendWith) {
  constexpr uint32_t kFrames = 1100;
  for (unsigned i = 0; i + 1 < kIdle; ++i) send(i, kFrames);
  EXPECT_LE(in_use(), 3 * kBuffers / 4);
  Packet* frame = world_.b.port->take_packet(1514);
  Packet* super_frame = world_.b.port->take_packet(kSuperFrame);
  ASSERT_NE(frame, nullptr);
  ASSERT_NE(super_frame, nullptr);
  world_.b.port->give_packet(frame);
  world_.b.port->give_packet(super_frame);

  uint64_t waiting = 0, missed = 0;
  for (IdleGuest& guest : idle_) {
    waiting += guest.waiting();
    missed += guest.missed();
  }
  EXPECT_EQ(in_use(), waiting);
  EXPECT_EQ(missed, (kIdle - 1) * kFrames - waiting) << "a FIFO that is full misses frames";
  EXPECT_EQ(world_.drops(DropReason::vnic_no_descriptors), missed);
  EXPECT_EQ(world_.drops(DropReason::no_packet_buffer), 0u);
}

TEST_F(IdleVnics, LeaveAnotherOneAFifo) {
  for (unsigned i = 0; i + 1 < kIdle; ++i) send(i, 1100);
  EXPECT_EQ(idle_[0].waiting(), 1024u) << "one alone has all of its FIFO";
  send(kIdle - 1, 50);
  EXPECT_EQ(idle_[kIdle - 1].waiting(), 50u);
  EXPECT_EQ(idle_[kIdle - 1].missed(), 0u);
}

TEST_F(IdleVnics, GiveBackWhatTheyKept) {
  for (unsigned i = 0; i < kIdle; ++i) send(i, 1100);
  for (IdleGuest& guest : idle_) guest.vnic->mmio_write(reg::CTRL, CTRL_RST, 4);
  EXPECT_EQ(in_use(), 0u);
  for (IdleGuest& guest : idle_) guest.vnic->mmio_write(reg::RCTL, RCTL_EN | RCTL_UPE, 4);
  send(1, 1100);
  EXPECT_EQ(idle_[1].waiting(), 1024u);
}

// Frames that the card itself holds for a vnic count as the vnic's.
TEST(PacketBuffer, VnicsThatTakeNothingHaveSharesOfWhatTheCardHolds) {
  World world({.present = true}, 0, {.small_count = 256, .large_count = 16});
  world.a.room = world.b.room = 0;
  const auto send_to = [&](bool to_a) {
    if (to_a) {
      World::transmit(world.b, World::from_b("10.0.0.10", "52:54:00:00:00:0a"));
    } else {
      World::transmit(world.a, World::from_a("10.0.0.11", "52:54:00:00:00:0b"));
    }
    world.run();
  };
  for (int i = 0; i < 300; ++i) send_to(true);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 96);
  for (int i = 0; i < 300; ++i) send_to(false);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 96 + 48);
  world.card.detach(world.a.port);
  EXPECT_EQ(world.card.state(false)["packets-in-use"], 48);
  EXPECT_EQ(world.drops(DropReason::vnic_no_descriptors), 600u - 96 - 48);
}

constexpr uplink::Options kSlow = {.present = true, .rate = 1'000'000};

TEST(PacketBuffer, ASlowLinkLeavesTheOthersLargeBuffers) {
  World world(kSlow);
  std::string text = kPolicy;
  const std::string uplink = R"("name": "uplink0", )";
  text.insert(text.find(uplink) + uplink.size(), R"("mtu": 9100, )");
  Result<policy::Policy> policy = policy::read_policy(text, "policy.json");
  ASSERT_TRUE(policy.ok()) << policy.status().message();
  ASSERT_TRUE(world.card.load_policy(policy.value()).ok());
  constexpr uint64_t kFrames = 300;
  const test::Bytes frame = World::from_a("10.0.0.2", "52:54:00:00:00:02", 8900);
  for (uint64_t i = 0; i < kFrames; ++i) World::transmit(world.a, frame);
  const uint64_t kept = world.card.state(false)["packets-in-use"];
  EXPECT_GE(kept, kLargeBuffers / 4);
  EXPECT_LE(kept, 3 * kLargeBuffers / 4);
  EXPECT_EQ(world.drops(DropReason::uplink_queue_full), kFrames - kept);
  EXPECT_EQ(world.drops(DropReason::no_packet_buffer), 0u);
  EXPECT_EQ(world.card.state(false)["uplinks"][0]["counters"]["tx_frames"], kept);
  Packet* super_frame = world.b.port->take_packet(kSuperFrame);
  ASSERT_NE(super_frame, nullptr);
  world.b.port->give_packet(super_frame);
}

TEST(PacketBuffer, ASlowLinkLetsTheWireWaitForLargeBuffers) {
  World world(kSlow);
  const test::Bytes frame = World::tunnel_to_a(8900);
  uint64_t kept = 0;
  while (world.receive(frame)) ASSERT_LE(++kept, 3 * kLargeBuffers / 4);
  EXPECT_GE(kept, kLargeBuffers / 4);
  EXPECT_EQ(world.drops(DropReason::no_packet_buffer), 0u);
  Packet* super_frame = world.b.port->take_packet(kSuperFrame);
  ASSERT_NE(super_frame, nullptr);
  world.b.port->give_packet(super_frame);
  EXPECT_TRUE(world.wire.resumed.empty());
  world.advance(1'000'000'000);
  EXPECT_FALSE(world.wire.resumed.empty());
  EXPECT_TRUE(world.receive(frame));
}

// Nothing on the cable will make room, so that the wire would wait for ever.
TEST(PacketBuffer, WhatASlowLinkCannotKeepAtAllIsDropped) {
  World world(kSlow);
  std::vector<Packet*> moving;
  for (uint32_t i = 0; i < 3 * kLargeBuffers / 4; ++i)
    moving.push_back(world.b.port->take_packet(kSuperFrame));
  EXPECT_TRUE(world.receive(World::tunnel_to_a(8900)));
  EXPECT_EQ(world.drops(DropReason::no_packet_buffer), 1u);
  EXPECT_TRUE(world.receive(World::tunnel_to_a()));
  EXPECT_EQ(world.drops(DropReason::no_packet_buffer), 1u) << "small ones are left";
  for (Packet* packet : moving) world.b.port->give_packet(packet);
}

}  // namespace
}  // namespace gatehouse::card
