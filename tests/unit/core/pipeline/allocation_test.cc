// SPDX-License-Identifier: GPL-2.0-or-later
// The packet path takes no memory from the heap: proven by counting every `new` of the program
// while frames of all kinds pass.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/unit/core/pipeline/world.hh"

namespace {
uint64_t allocations = 0;

void* counted(std::size_t octets, std::size_t alignment = alignof(std::max_align_t)) {
  ++allocations;
  const std::size_t rounded = (octets + alignment - 1) / alignment * alignment;
  void* memory = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, rounded)
                                                       : std::malloc(octets);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t octets) { return counted(octets); }
void* operator new[](std::size_t octets) { return counted(octets); }
void* operator new(std::size_t octets, std::align_val_t alignment) {
  return counted(octets, std::size_t(alignment));
}
void* operator new[](std::size_t octets, std::align_val_t alignment) {
  return counted(octets, std::size_t(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace gatehouse::test {
namespace {

struct Nothing final : pipeline::Sink {
  void to_uplink(unsigned, std::span<const OutFrame> frames) override { sent += frames.size(); }
  void to_vnic(unsigned, std::span<const OutFrame> frames, const Layers&, bool, bool) override {
    received += frames.size();
  }
  void tapped(pipeline::TapPoint, pipeline::TapDirection, unsigned, const OutFrame&,
              spec::DropReason) override {
    ++taps;
  }
  void dropped(bool, unsigned, spec::DropReason) override { ++drops; }
  uint64_t sent = 0, received = 0, taps = 0, drops = 0;
};

TEST(Allocation, TheCounterCounts) {
  const uint64_t before = allocations;
  delete new int(1);
  EXPECT_EQ(allocations, before + 1);
}

class AllStages : public testing::TestWithParam<bool> {};

TEST_P(AllStages, NoFrameTakesMemoryFromTheHeap) {
  const bool guarded = GetParam();
  PacketPool pool({.small_count = 600, .small_octets = 2304, .large_count = 8});
  Nothing sink;
  pipeline::Pipeline pipeline(pool, sink);
  pipeline.set_uplink_present(0, true);
  policy::Policy policy = card_a({.ask = true, .broadcast = true});
  // One connection makes room for the next.
  policy.firewalls.emplace_back();
  policy.firewalls[0] = {
      .name = "f", .connections = 40, .half_open = 3, .rules = {{.protocol = 17}}};
  policy.meters = {{.name = "m",
                    .committed_rate = 1,
                    .committed_burst = 5000,
                    .peak_rate = 1'000'000,
                    .peak_burst = 1'000'000,
                    .yellow_dscp = 12}};
  policy.connections = 1000;
  for (policy::Vnic& vnic : policy.vnics) {
    if (guarded) vnic.firewall = "f", vnic.meter = "m";
  }
  ASSERT_TRUE(pipeline.load(policy).ok());
  for (unsigned i = 0; i < policy.vnics.size(); ++i) {
    ASSERT_TRUE(pipeline.attach_vnic(i, policy.vnics[i].name, *policy.vnics[i].mac).ok());
  }
  for (unsigned i = 0; i < unsigned(pipeline::TapPoint::kCount); ++i)
    pipeline.tap(pipeline::TapPoint(i), true);

  const Bytes header = {0, 0, 0x65, 0x58, 0, 0, 100, 0};
  const auto tunnel = [&](const Bytes& inner) {
    return Frame()
        .ethernet({.destination = kMacA, .source = kMacB})
        .ipv4({.source = "192.0.2.2", .destination = "192.0.2.1"})
        .udp({.destination = 6081, .checksum = 0})
        .payload(concat({header, inner}))
        .build();
  };
  const Bytes super_frame = Frame()
                                .ethernet()
                                .ipv4({.dont_fragment = true, .total_length = 0, .checksum = 0})
                                .tcp()
                                .payload(30000)
                                .build();
  const std::vector<Bytes> from_guest = {
      Frame().ethernet().ipv4().udp().payload(30).build(),
      Frame().ethernet().ipv4().udp().payload(3000).build(),
      Frame().ethernet().ipv6().udp().payload(3000).build(),
      Frame().ethernet().ipv4({.destination = "10.0.0.3"}).udp().build(),
      Frame().ethernet().ipv4({.destination = "10.0.0.99"}).udp().build(),
      Frame().ethernet().ipv4({.destination = "255.255.255.255"}).udp().build(),
      Frame().ethernet().arp().build(),
      Frame()
          .ethernet()
          .ipv6({.destination = "ff02::1:ff00:2", .hop_limit = 255})
          .neighbor_solicitation("fd00::2", nd_link_option(1, "52:54:00:00:00:01"))
          .build(),
      Bytes(5),
      super_frame};
  const std::vector<Bytes> from_wire = {
      neighbours_answer(),
      tunnel(Frame()
                 .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
                 .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                 .udp()
                 .build()),
      tunnel(Frame()
                 .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = "52:54:00:00:00:02"})
                 .arp({.sender_mac = "52:54:00:00:00:02",
                       .sender_ip = "10.0.0.2",
                       .target_ip = "10.0.0.1"})
                 .build()),
      Bytes(60)};

  int64_t now = 0;
  uint64_t during = 0;
  for (int round = 0; round < 20; ++round) {
    for (const bool guest : {true, false}) {
      std::vector<Packet*> batch;
      for (const Bytes& frame : guest ? from_guest : from_wire) {
        batch.push_back(packet_of(pool, frame));
        if (frame.size() > 20000) {
          Offload& offload = batch.back()->offload;
          offload.tso = offload.tcp = offload.ipv4 = true;
          offload.mss = 1400;
          offload.header_length = 54;
          offload.payload_length = 30000;
        }
      }
      const uint64_t before = allocations;
      guest ? pipeline.from_vnic(0, batch, now) : pipeline.from_uplink(0, batch, now);
      pipeline.tick(now);
      during += allocations - before;
    }
    now += 20'000'000'000;  // neighbours expire and are asked again
  }
  EXPECT_EQ(during, 0u);
  EXPECT_GT(sink.sent, guarded ? 100u : 400u);
  EXPECT_GE(sink.received, 100u);
  EXPECT_GT(sink.drops, 20u);
  EXPECT_GT(sink.taps, 400u);
}

// Cutting, keeping, putting together, and giving up.
TEST(Allocation, SegmentsOfLargerFramesTakeNoneEither) {
  for (const char* kind : {"stt", "stt-redundant"}) {
    PacketPool pool({.small_count = 600, .small_octets = 2304, .large_count = 8});
    Nothing nothing;
    pipeline::Pipeline a(pool, nothing), b(pool, nothing);
    const policy::Policy near = card_a({.kind = kind}), far = card_b({.kind = kind});
    ASSERT_TRUE(a.load(near).ok() && b.load(far).ok());
    for (pipeline::Pipeline* card : {&a, &b}) card->set_uplink_present(0, true);
    ASSERT_TRUE(a.attach_vnic(0, "a0", *near.vnics[0].mac).ok());
    ASSERT_TRUE(b.attach_vnic(0, "b0", *far.vnics[0].mac).ok());
    World model(near);
    const Bytes frame =
        Frame().ethernet().ipv4({.dont_fragment = true}).tcp().payload(20000).build();
    const Offload offload{.tso = true,
                          .tcp = true,
                          .ipv4 = true,
                          .mss = 1300,
                          .header_length = 54,
                          .payload_length = 20000};
    model.from_vnic(0, frame, offload);
    std::vector<Packet*> segments;
    for (const SentFrame& sent : model.sink.sent) segments.push_back(packet_of(pool, sent.frame));
    std::vector<Packet*> some;
    for (size_t i = 1; i < model.sink.sent.size(); ++i)
      some.push_back(packet_of(pool, model.sink.sent[i].frame));
    Packet* whole = packet_of(pool, frame);
    whole->offload = offload;
    const uint64_t before = allocations;
    a.from_vnic(0, {&whole, 1}, 0);
    b.from_uplink(0, segments, 0);
    b.from_uplink(0, some, stateless::Limits{}.time_ns);  // the same frame, later
    b.tick(1'000'000'000);
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(nothing.sent, segments.size());
    EXPECT_GE(nothing.received, 16u);
    EXPECT_EQ(nothing.drops, 1u);
    EXPECT_EQ(pool.in_use(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(GuardedOrNot, AllStages, testing::Bool());

}  // namespace
}  // namespace gatehouse::test
