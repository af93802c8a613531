// SPDX-License-Identifier: GPL-2.0-or-later
// Mutated frames: whatever parse accepts keeps its promises (parse.hh), and nothing is read outside
// the frame. Each frame is on the heap in its exact size, so that a run under a sanitizer sees the
// first octet too many.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "hw/core/base/flow_key.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/icmp.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::parse {
namespace {

using spec::DropReason;
using test::Bytes;
using test::Frame;

std::vector<Bytes> seeds() {
  return {
      Frame().ethernet().ipv4().tcp({.options = Bytes(12, 1)}).payload(40).build(),
      Frame()
          .ethernet()
          .vlan(5)
          .ipv4({.options = test::from_hex("8303 0101 4404 0000")})
          .udp()
          .payload(30)
          .build(),
      Frame()
          .ethernet()
          .ipv4({.more_fragments = true, .fragment_offset = 1480})
          .udp()
          .payload(32)
          .build(),
      Frame()
          .ethernet()
          .vlan(1, 0x88a8)
          .vlan(2)
          .ipv6()
          .extension(0)
          .extension(43)
          .fragment(0, true)
          .extension(60)
          .tcp()
          .payload(12)
          .build(),
      Frame().ethernet().ipv6().udp().payload(18).build(),
      Frame()
          .ethernet()
          .ipv6()
          .extension(51, test::from_hex("0000 00000001 00000002 00000000"))
          .icmp({.type = 128})
          .payload(9)
          .build(),
      Frame()
          .ethernet()
          .ipv6({.hop_limit = 255})
          .neighbor_solicitation("fd00::2", test::nd_link_option(1, "52:54:00:00:00:01"))
          .build(),
      Frame().ethernet().arp().append(Bytes(18, 0)).build(),
      Frame().ethernet({.type = 40}).payload(46).build(),
  };
}

void expect_promises(const Bytes& frame, const Layers& layers, bool super_frame) {
  ASSERT_GE(layers.l2_length, 14);
  ASSERT_LE(layers.l2_length, layers.l3_end);
  ASSERT_LE(layers.l3_end, frame.size());
  ASSERT_LE(layers.vlan_tags, kMaxVlanTags);
  const uint32_t datagram = layers.l3_end - layers.l2_length;
  if (layers.l3 == L3::kArp) {
    ASSERT_GE(datagram, 28u);
  } else if (layers.l3 == L3::kIpv4) {
    ASSERT_GE(datagram, Ipv4Header(frame.data() + layers.l2_length).header_length());
  } else if (layers.l3 == L3::kIpv6) {
    ASSERT_GE(datagram, 40u);
  } else {
    ASSERT_EQ(layers.l3, L3::kOther);
    ASSERT_EQ(layers.l4, L4::kNone);
  }
  if (layers.l4 == L4::kNone) {
    ASSERT_EQ(layers.l4_offset, 0);
    ASSERT_EQ(layers.payload_offset, 0);
    return;
  }
  ASSERT_GT(layers.l4_offset, layers.l2_length);
  ASSERT_LE(layers.l4_offset, layers.l3_end);
  ASSERT_TRUE(!layers.fragment || layers.first_fragment);
  if (layers.l4 == L4::kOther) {
    ASSERT_EQ(layers.payload_offset, 0);
    return;
  }
  ASSERT_GE(layers.payload_offset, layers.l4_offset + 8);
  ASSERT_LE(layers.payload_offset, layers.l3_end);
  if (layers.l4 == L4::kUdp && !layers.fragment && !super_frame) {
    ASSERT_LE(layers.l4_offset + uint32_t{UdpHeader(frame.data() + layers.l4_offset).length()},
              layers.l3_end);
  }
  if (layers.nd_type != 0) {
    ASSERT_EQ(verify_l4_checksum(frame.data(), layers), ChecksumState::kGood);
    NdOptions options = nd_options(frame.data(), layers);
    while (options.next()) {
    }
    ASSERT_FALSE(options.bad());
  }
  if (!super_frame) (void)verify_l4_checksum(frame.data(), layers);
}

class Mutation {
 public:
  explicit Mutation(uint32_t seed) : random_(seed) {}
  Bytes operator()(Bytes frame) {
    const unsigned changes = 1 + random_() % 4;
    for (unsigned i = 0; i < changes && !frame.empty(); ++i) {
      const size_t at = random_() % 8 == 0 ? random_() % frame.size()
                                           : random_() % std::min<size_t>(frame.size(), 80);
      switch (random_() % 4) {
        case 0:
          frame[at] = static_cast<uint8_t>(random_());
          break;
        case 1:
          frame[at] ^= static_cast<uint8_t>(1u << random_() % 8);
          break;
        case 2:
          frame[at] = random_() % 2 == 0 ? 0 : 0xff;
          break;
        default:
          frame[at] = static_cast<uint8_t>(frame[at] + random_() % 3 - 1);
          break;
      }
    }
    if (random_() % 4 == 0) frame.resize(random_() % (frame.size() + 1));
    frame.shrink_to_fit();
    return frame;
  }

 private:
  std::mt19937 random_;
};

TEST(ParseMutation, AcceptedFramesKeepTheirPromises) {
  Mutation mutate(20240607);
  uint64_t accepted = 0, refused = 0;
  const std::vector<Bytes> all = seeds();
  for (int round = 0; round < 40000; ++round) {
    for (const Bytes& seed : all) {
      const Bytes frame = mutate(seed);
      // Without the header checksum most mutations reach the deeper checks.
      const Rules rules{.ipv4_checksum = round % 4 == 0, .super_frame = round % 8 == 1};
      Layers layers;
      if (parse(frame, rules, layers) == DropReason::none) {
        ++accepted;
        ASSERT_NO_FATAL_FAILURE(expect_promises(frame, layers, rules.super_frame))
            << test::to_hex(frame);
      } else {
        ++refused;
      }
    }
  }
  // The loop reaches both ends.
  EXPECT_GT(accepted, 20000u);
  EXPECT_GT(refused, 20000u);
}

// The short way of parse() and the general walk agree on every mutation: a tag in front forces the
// latter.
TEST(ParseMutation, TheShortWayAgreesWithTheGeneralWalk) {
  Mutation mutate(42);
  const Bytes seeds[] = {
      Frame().ethernet().ipv4().tcp({.options = Bytes(4, 1)}).payload(20).build(),
      Frame().ethernet().ipv4().udp().payload(18).build()};
  for (int round = 0; round < 60000; ++round) {
    for (const Bytes& seed : seeds) {
      const Bytes frame = mutate(seed);
      if (frame.size() < 14 || (frame[12] == 0x81 && frame[13] == 0) ||
          (frame[12] == 0x88 && frame[13] == 0xa8)) {
        continue;
      }
      Bytes tagged = frame;
      const uint8_t tag[] = {0x81, 0, 0, 0};
      tagged.insert(tagged.begin() + 12, tag, tag + 4);
      Layers a, b;
      const Rules rules{.ipv4_checksum = round % 2 == 0};
      ASSERT_EQ(parse(frame, rules, a), parse(tagged, rules, b)) << test::to_hex(frame);
      ASSERT_EQ(a.l4, b.l4);
      ASSERT_EQ(a.flow_hash, b.flow_hash);
      ASSERT_EQ(a.l3_end + 4, b.l3_end);
      ASSERT_EQ(a.payload_offset == 0 ? 0 : a.payload_offset + 4, b.payload_offset);
      ASSERT_EQ(a.tcp_flags, b.tcp_flags);
      ASSERT_EQ(a.fragment, b.fragment);
    }
  }
}

// A batch in which frames follow others of their flow, or of one that is nearly theirs: what it
// says of each is what parse() and same_flow() say of them alone.
TEST(ParseMutation, ABatchFindsWhatRepeats) {
  Mutation mutate(7);
  std::mt19937 random(7);
  PacketPool pool({.small_count = 64, .large_count = 1});
  const Bytes seeds[] = {Frame().ethernet().ipv4().tcp().payload(20).build(),
                         Frame().ethernet().ipv4().udp().payload(18).build(),
                         Frame().ethernet().ipv6().udp().payload(18).build(),
                         Frame().ethernet().vlan(4).ipv4().udp().payload(18).build()};
  uint64_t repeating = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<Packet*> batch;
    const Bytes* seed = seeds;
    for (unsigned i = 0; i < 16; ++i) {
      if (random() % 4 == 0) seed = &seeds[random() % std::size(seeds)];
      batch.push_back(test::packet_of(pool, random() % 3 == 0 ? mutate(*seed) : *seed));
      batch.back()->offload.tso = random() % 16 == 0;
    }
    bool repeats[16];
    const Rules rules{.ipv4_checksum = round % 2 == 0};
    const uint32_t good = parse(batch, repeats, rules);
    uint32_t alone = 0;
    for (size_t i = 0; i < batch.size(); ++i) {
      Layers layers;
      const Rules own{rules.ipv4_checksum, batch[i]->offload.tso};
      ASSERT_EQ(batch[i]->reason, parse(batch[i]->bytes(), own, layers));
      ASSERT_EQ(batch[i]->layers, layers);
      const bool both = i != 0 && batch[i]->reason == DropReason::none &&
                        batch[i - 1]->reason == DropReason::none;
      ASSERT_EQ(repeats[i],
                both && same_flow(batch[i]->data, layers, batch[i - 1]->data, batch[i - 1]->layers))
          << i << " " << test::to_hex(test::bytes_of(*batch[i]));
      alone += batch[i]->reason == DropReason::none;
      repeating += repeats[i];
      refused += batch[i]->reason != DropReason::none;
    }
    ASSERT_EQ(good, alone);
    for (Packet* packet : batch) pool.give(packet);
  }
  EXPECT_GT(repeating, 50000u);
  EXPECT_GT(refused, 10000u);
}

}  // namespace
}  // namespace gatehouse::parse
