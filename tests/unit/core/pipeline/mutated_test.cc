// SPDX-License-Identifier: GPL-2.0-or-later
// Hostile guests and a hostile wire: frames that were right once, mutated by fixed seeds. Run under
// the sanitizers they look for memory errors; here they show that whatever is sent, every frame has
// one end, nothing is kept, and nothing leaves that claims to be another.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "hw/core/parse/parse.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

const Bytes kOwnOption = nd_link_option(1, "52:54:00:00:00:01");

std::vector<Bytes> guest_corpus() {
  const auto nd = [](const char* source, const char* to) {
    return Frame().ethernet().ipv6({.source = source, .destination = to, .hop_limit = 255});
  };
  return {
      Frame().ethernet().ipv4().udp().payload(40).build(),
      Frame().ethernet().ipv4().tcp({.options = {2, 4, 5, 0xb4, 1, 1, 1, 0}}).payload(2000).build(),
      Frame()
          .ethernet()
          .ipv4({.more_fragments = true, .options = {1, 1, 1, 0}})
          .udp()
          .payload(1600)
          .build(),
      Frame().ethernet().ipv4({.destination = "10.0.0.3"}).icmp().payload(64).build(),
      Frame()
          .ethernet()
          .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
          .udp({.source = 68, .destination = 67})
          .payload(Bytes(240))
          .build(),
      Frame().ethernet().ipv6().tcp().payload(1800).build(),
      Frame()
          .ethernet()
          .ipv6()
          .extension(0)
          .extension(60)
          .fragment(0, true)
          .udp()
          .payload(72)
          .build(),
      Frame().ethernet().ipv6({.destination = "fd01::9"}).icmp({.type = 128}).payload(64).build(),
      Frame().ethernet().vlan(0).ipv4().udp().payload(9).build(),
      Frame().ethernet().vlan(0).vlan(4).ipv6().udp().payload(9).build(),
      Frame().ethernet().arp().build(),
      Frame().ethernet().arp({.operation = 2}).build(),
      nd("fd00::1", "ff02::1:ff00:2").neighbor_solicitation("fd00::2", kOwnOption).build(),
      nd("::", "ff02::1:ff00:2").neighbor_solicitation("fd00::2").build(),
      nd("fe80::1", "ff02::2").icmp({.type = 133}).payload(kOwnOption).build(),
      nd("fd00::1", "ff02::1")
          .neighbor_advertisement("fd00::1", 0, nd_link_option(2, "52:54:00:00:00:01"))
          .build(),
  };
}

std::vector<Bytes> wire_corpus(const Shape& shape) {
  World b(card_b(shape));
  std::vector<Bytes> frames;
  for (const Bytes& frame : {Frame()
                                 .ethernet({.source = "52:54:00:00:00:02"})
                                 .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
                                 .tcp()
                                 .payload(99)
                                 .build(),
                             Frame()
                                 .ethernet({.source = "52:54:00:00:00:02"})
                                 .ipv6({.source = "fd00::2", .destination = "fd00::3"})
                                 .udp()
                                 .payload(99)
                                 .build(),
                             Frame()
                                 .ethernet({.source = "52:54:00:00:00:02"})
                                 .ipv4({.source = "10.0.0.2", .destination = "255.255.255.255"})
                                 .udp()
                                 .payload(9)
                                 .build()}) {
    b.from_vnic(0, frame);
  }
  for (const SentFrame& sent : b.sink.sent) frames.push_back(sent.frame);
  // The peer's own ARP and solicitation, as a kernel's tunnel device sends them.
  for (const Bytes& inner :
       {Frame()
            .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = "52:54:00:00:00:02"})
            .arp({.sender_mac = "52:54:00:00:00:02",
          .sender_ip = "10.0.0.2",
          .target_ip = "10.0.0.1"})
            .build(),
        Frame()
            .ethernet({.source = "52:54:00:00:00:02"})
            .ipv6({.source = "fd00::2", .destination = "ff02::1:ff00:1", .hop_limit = 255})
            .neighbor_solicitation("fd00::1", nd_link_option(1, "52:54:00:00:00:02"))
            .build()}) {
    const size_t head = frames[0].size() - 153;
    Bytes frame = cut(frames[0], head);
    frames.push_back(concat({frame, inner}));
  }
  frames.push_back(
      Frame()
          .ethernet({.destination = kMacA, .source = kMacB})
          .arp({.sender_mac = kMacB, .sender_ip = "192.0.2.2", .target_ip = "192.0.2.1"})
          .build());
  frames.push_back(
      Frame()
          .ethernet({.destination = kMacA, .source = kMacB})
          .ipv6({.source = "2001:db8::2", .destination = "2001:db8::1", .hop_limit = 255})
          .neighbor_solicitation("2001:db8::1", nd_link_option(1, kMacB))
          .build());
  return frames;
}

void mutate(Bytes& frame, std::mt19937& random) {
  // Mostly little, so that many frames get far.
  for (unsigned n = random() % 4; n > 0 && !frame.empty(); --n) {
    const size_t at = random() % 3 == 0 ? random() % frame.size()
                                        : random() % std::min<size_t>(frame.size(), 130);
    switch (random() % 6) {
      case 0:
        frame[at] ^= uint8_t(1u << (random() % 8));
        break;
      case 1:
        frame[at] = uint8_t(random());
        break;
      case 2:
        frame[at] = uint8_t(std::array{0, 0xff, 0x7f, 0x80, 1, 4, 6, 17, 58, 44}[random() % 10]);
        break;
      case 3:
        frame.resize(at);
        break;
      case 4:
        frame.insert(frame.begin() + ptrdiff_t(at), random() % 16, uint8_t(random()));
        break;
      case 5:
        frame.erase(frame.begin() + ptrdiff_t(at),
                    frame.begin() + ptrdiff_t(std::min(frame.size(), at + random() % 9)));
        break;
    }
  }
}

// Makes right what would end a mutated frame at the first check: the outer or only IPv4 header's
// length and checksum.
void mend(Bytes& frame) {
  if (frame.size() < 34 || frame[12] != 8 || frame[13] != 0 || frame[14] != 0x45) return;
  frame[16] = uint8_t((frame.size() - 14) >> 8);
  frame[17] = uint8_t(frame.size() - 14);
  frame[24] = frame[25] = 0;
  const uint16_t sum = uint16_t(~naive_sum(std::span(frame).subspan(14, 20)));
  frame[24] = uint8_t(sum >> 8);
  frame[25] = uint8_t(sum);
}

Offload random_offload(std::mt19937& random, size_t octets) {
  Offload offload;
  if (random() % 3 != 0) return offload;
  offload.tso = true;
  offload.tcp = random() % 2;
  offload.ipv4 = random() % 2;
  offload.mss = uint16_t(random() % 4 == 0 ? random() : random() % 1500);
  offload.header_length =
      uint16_t(random() % 4 == 0 ? random() : std::array{54, 62, 74, 42, 66}[random() % 5]);
  offload.payload_length = uint32_t(octets) - offload.header_length;
  return offload;
}

uint64_t at(const Counts& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

// Whatever left for the peer claims to be the vnic and nobody else.
void expect_own(const Bytes& inner) {
  ASSERT_GE(inner.size(), 14u);
  EXPECT_EQ(to_hex(Bytes(inner.begin() + 6, inner.begin() + 12)), to_hex(from_hex("525400000001")));
  Layers layers;
  ASSERT_EQ(parse::parse(inner, {.ipv4_checksum = false}, layers), spec::DropReason::none)
      << to_hex(inner);
  const uint8_t* ip = inner.data() + layers.l2_length;
  if (layers.l3 == L3::kIpv4) {
    const std::string source = to_string(IpAddress::v4(ip + 12));
    EXPECT_TRUE(source == "10.0.0.1" || source == "0.0.0.0") << source;
  } else if (layers.l3 == L3::kIpv6) {
    const std::string source = to_string(IpAddress::v6(ip + 8));
    EXPECT_TRUE(source == "fd00::1" || source == "::" || source.starts_with("fe80::")) << source;
  } else {
    ADD_FAILURE() << "neither IPv4 nor IPv6 left: " << to_hex(inner);
  }
}

TEST(Mutated, FramesFromAGuestHaveOneEndAndClaimNothing) {
  const std::vector<Bytes> corpus = guest_corpus();
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    World a(card_a({.broadcast = seed % 2 == 0}));
    for (int i = 0; i < 400; ++i) {
      Bytes frame = corpus[random() % corpus.size()];
      mutate(frame, random);
      if (random() % 2 == 0) mend(frame);
      a.from_vnic(0, frame, random_offload(random, frame.size()));
      a.now += 1'000'000;
      for (const SentFrame& sent : a.sink.sent)
        expect_own(Bytes(sent.frame.begin() + 50, sent.frame.end()));
      ASSERT_FALSE(HasFailure()) << to_hex(frame);
      a.sink.clear();
    }
    const Counts count = a.count();
    EXPECT_EQ(at(count, "vnic0.tx_frames"), 400u);
    EXPECT_EQ(at(count, "vnic0.tx_encapsulated") + at(count, "vnic0.tx_local") +
                  at(count, "vnic0.tx_drops") + at(count, "vnic0.answers"),
              400u);
    EXPECT_GT(at(count, "vnic0.tx_encapsulated"), 20u)
        << "the mutations must not be so coarse that nothing gets far";
    EXPECT_EQ(a.pool.in_use(), 0u);
  }
}

TEST(Mutated, FramesFromTheWireHaveOneEnd) {
  const Shape shapes[] = {{},
                          {.udp_checksum = true},
                          {.v6 = true, .zero_checksum_ipv6 = true},
                          {.kind = "vxlan"},
                          {.options = {1, 2, 3, 1, 9, 9, 9, 9, 1, 2, 0x83, 0}}};
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Shape& shape = shapes[seed % std::size(shapes)];
    const std::vector<Bytes> corpus = wire_corpus(shape);
    World a(card_a(shape));
    for (int i = 0; i < 400; ++i) {
      Bytes frame = corpus[random() % corpus.size()];
      mutate(frame, random);
      if (random() % 2 == 0) mend(frame);
      a.from_wire(frame);
      a.now += 1'000'000;
      for (const VnicFrame& one : a.sink.received) EXPECT_LT(one.vnic, 3u);
      ASSERT_FALSE(HasFailure()) << to_hex(frame);
      a.sink.clear();
    }
    const Counts count = a.count();
    EXPECT_EQ(at(count, "uplink0.rx_frames"), 400u);
    EXPECT_EQ(at(count, "uplink0.rx_decapsulated") + at(count, "uplink0.rx_neighbour") +
                  at(count, "uplink0.rx_drops"),
              400u);
    EXPECT_GT(at(count, "uplink0.rx_decapsulated"), 20u);
    EXPECT_EQ(a.pool.in_use(), 0u);
  }
}

TEST(Mutated, FramesThatWaitAreAllGivenBack) {
  const std::vector<Bytes> corpus = guest_corpus();
  for (uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    World a(card_a({.ask = true, .broadcast = true}));
    for (int i = 0; i < 300; ++i) {
      Bytes frame = corpus[random() % corpus.size()];
      if (random() % 3 == 0) mutate(frame, random);
      a.from_vnic(0, frame, random_offload(random, frame.size()));
      EXPECT_EQ(a.pool.in_use(), a.pipeline.sizes().waiting_frames);
      a.now += random() % 400'000'000;
      if (a.pipeline.next_tick() <= a.now) a.pipeline.tick(a.now);
    }
    while (a.pipeline.next_tick() != INT64_MAX) a.pipeline.tick(a.pipeline.next_tick());
    EXPECT_EQ(a.pool.in_use(), 0u);
    EXPECT_GT(at(a.count(), "drop.neighbour_unresolved"), 10u);
  }
}

}  // namespace
}  // namespace gatehouse::test
