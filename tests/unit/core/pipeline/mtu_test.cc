// SPDX-License-Identifier: GPL-2.0-or-later
// What is larger than the overlay takes: segmented, fragmented, or refused with a word to the
// sender.
#include <gtest/gtest.h>

#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

constexpr uint32_t kOverhead4 = 50, kOverhead6 = 70;  // outer Ethernet, IP, UDP, Geneve

Offload tso(bool ipv4, uint16_t headers, uint16_t mss, uint32_t payload) {
  Offload offload;
  offload.tso = offload.ip_checksum = offload.l4_checksum = offload.tcp = true;
  offload.ipv4 = ipv4;
  offload.mss = mss;
  offload.header_length = headers;
  offload.payload_length = payload;
  offload.ipcss = 14;
  offload.ipcso = 24;
  offload.ipcse = 33;
  offload.tucss = ipv4 ? 34 : 54;
  offload.tucso = ipv4 ? 50 : 70;
  return offload;
}

Bytes super_frame(bool ipv4, uint32_t payload) {
  Frame frame = Frame().ethernet();
  // Linux's e1000e leaves the IPv4 length zero, and the pseudo header's sum in the TCP checksum.
  ipv4 ? frame.ipv4({.dont_fragment = true, .total_length = 0, .checksum = 0})
       : frame.ipv6({.payload_length = 0});
  return frame.tcp({.checksum = 0x1234}).payload(payload).build();
}

// TCP payload of inner frames, put together again; checks each of them.
Bytes payload_of(const std::vector<Bytes>& frames, bool ipv4, uint32_t mtu) {
  Bytes all;
  for (const Bytes& frame : frames) {
    EXPECT_LE(frame.size(), mtu + 14);
    std::string why;
    EXPECT_TRUE(checksums_right(frame, &why)) << why;
    all.insert(all.end(), frame.begin() + (ipv4 ? 54 : 74), frame.end());
  }
  return all;
}

TEST(Mtu, CutsSuperFramesBeforeEncapsulation) {
  for (bool ipv4 : {true, false}) {
    for (bool underlay_v6 : {false, true}) {
      for (uint32_t payload : {5000u, 64000u}) {
        SCOPED_TRACE(testing::Message() << ipv4 << underlay_v6 << payload);
        World a(card_a({.v6 = underlay_v6})), b(card_b({.v6 = underlay_v6}));
        const auto headers = static_cast<uint16_t>(ipv4 ? 54 : 74);
        const Bytes frame = super_frame(ipv4, payload);
        a.from_vnic(0, frame, tso(ipv4, headers, 1460, payload));
        // The driver's MSS is for its own MTU of 1500: the card's segments are as large as the
        // overlay takes.
        const uint32_t overhead = (underlay_v6 ? kOverhead6 : kOverhead4), mtu = 1500 - overhead;
        const uint32_t segment = mtu - (headers - 14), count = (payload + segment - 1) / segment;
        ASSERT_EQ(a.sink.sent.size(), count);
        uint64_t octets = 0;
        for (const SentFrame& sent : a.sink.sent) {
          std::string why;
          EXPECT_TRUE(checksums_right(sent.frame, &why)) << why;
          EXPECT_LE(sent.frame.size(), 1514u);
          octets += sent.frame.size();
          b.from_wire(sent.frame);
        }
        std::vector<Bytes> received;
        for (const VnicFrame& one : b.sink.received) {
          received.push_back(one.frame);
          EXPECT_TRUE(one.checked && one.good);
        }
        ASSERT_EQ(received.size(), count);
        EXPECT_EQ(payload_of(received, ipv4, mtu), Bytes(frame.begin() + headers, frame.end()));
        EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                                     {"vnic0.tx_bytes", frame.size()},
                                     {"vnic0.tx_super_frames", 1},
                                     {"vnic0.tx_segments", count},
                                     {"vnic0.tx_encapsulated", 1},
                                     {"uplink0.tx_frames", count},
                                     {"uplink0.tx_bytes", octets}}));
        EXPECT_EQ(a.pool.in_use(), 0u);
      }
    }
  }
}

TEST(Mtu, CutsSuperFramesForAVnicOfTheCardToo) {
  World a(card_a());
  Frame build = Frame().ethernet();
  const Bytes frame =
      build
          .ipv4(
              {.destination = "10.0.0.3", .dont_fragment = true, .total_length = 0, .checksum = 0})
          .tcp({.checksum = 0})
          .payload(20000)
          .build();
  a.from_vnic(0, frame, tso(true, 54, 1460, 20000));
  std::vector<Bytes> received;
  for (const VnicFrame& one : a.sink.received) {
    EXPECT_EQ(one.vnic, 1u);
    EXPECT_TRUE(one.checked && one.good);
    received.push_back(one.frame);
  }
  ASSERT_EQ(received.size(), 14u);
  EXPECT_EQ(payload_of(received, true, 1500), Bytes(frame.begin() + 54, frame.end()));
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", frame.size()},
                               {"vnic0.tx_super_frames", 1},
                               {"vnic0.tx_segments", 14},
                               {"vnic0.tx_local", 1}}));
}

TEST(Mtu, KeepsSegmentsThatWaitForTheNeighbour) {
  World a(card_a({.ask = true})), b(card_b());
  const Bytes frame = super_frame(true, 5000);
  a.from_vnic(0, frame, tso(true, 54, 1000, 5000));
  EXPECT_EQ(a.sink.sent.size(), 1u);
  a.from_wire(Frame()
                  .ethernet({.destination = kMacA, .source = kMacB})
                  .arp({.operation = 2,
                        .sender_mac = kMacB,
                        .sender_ip = "192.0.2.2",
                        .target_mac = kMacA,
                        .target_ip = "192.0.2.1"})
                  .build());
  ASSERT_EQ(a.sink.sent.size(), 6u);
  std::vector<Bytes> received;
  for (size_t i = 1; i < 6; ++i) b.from_wire(a.sink.sent[i].frame);
  for (const VnicFrame& one : b.sink.received) received.push_back(one.frame);
  EXPECT_EQ(payload_of(received, true, 1450), Bytes(frame.begin() + 54, frame.end()));
}

TEST(Mtu, LetsThroughWhatFitsExactly) {
  for (bool v6 : {false, true}) {
    const uint32_t mtu = 1500 - (v6 ? kOverhead6 : kOverhead4);
    World a(card_a({.v6 = v6}));
    EXPECT_EQ(a.pipeline.overlay_mtu(0), mtu);
    a.from_vnic(0,
                Frame().ethernet().ipv4({.dont_fragment = true}).udp().payload(mtu - 28).build());
    ASSERT_EQ(a.sink.sent.size(), 1u);
    EXPECT_EQ(a.sink.sent[0].frame.size(), 1514u);
    a.from_vnic(0,
                Frame().ethernet().ipv4({.dont_fragment = true}).udp().payload(mtu - 27).build());
    EXPECT_EQ(a.sink.sent.size(), 1u);
  }
}

TEST(Mtu, TellsTheSender) {
  World a(card_a());
  const Bytes v4 = Frame().ethernet().ipv4({.dont_fragment = true}).udp().payload(1423).build();
  a.from_vnic(0, v4);
  ASSERT_EQ(a.sink.received.size(), 1u);
  const Bytes& need = a.sink.received[0].frame;
  EXPECT_EQ(a.sink.received[0].vnic, 0u);
  std::string why;
  EXPECT_TRUE(checksums_right(need, &why)) << why;
  EXPECT_EQ(to_hex(cut(need, 12)), to_hex(from_hex("525400000001 525400000002")));
  EXPECT_EQ(Bytes(need.begin() + 26, need.begin() + 34), (Bytes{10, 0, 0, 2, 10, 0, 0, 1}))
      << "from whom it did not reach";
  EXPECT_EQ(need[34], 3);
  EXPECT_EQ(need[35], 4);
  EXPECT_EQ(need[40] << 8 | need[41], 1450);
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", v4.size()},
                               {"vnic0.icmp_too_big", 1},
                               {"vnic0.tx_drops", 1},
                               {"drop.exceeds_mtu", 1},
                               {"vnic0.drop.exceeds_mtu", 1}}));

  a.from_vnic(0, Frame().ethernet().ipv6().udp().payload(1500).build());
  ASSERT_EQ(a.sink.received.size(), 2u);
  const Bytes& too_big = a.sink.received[1].frame;
  EXPECT_TRUE(checksums_right(too_big, &why)) << why;
  EXPECT_EQ(too_big[54], 2);
  EXPECT_EQ(too_big[60] << 8 | too_big[61], 1450);
  EXPECT_EQ(a.pool.in_use(), 0u);
}

TEST(Mtu, TellsOnlySoOften) {
  World a(card_a());
  for (int i = 0; i < 100; ++i)
    a.from_vnic(0, Frame().ethernet().ipv6().udp().payload(1500).build());
  EXPECT_EQ(a.count()["vnic0.icmp_too_big"], 32u);
  EXPECT_EQ(a.count()["drop.exceeds_mtu"], 100u);
}

TEST(Mtu, FragmentsWhereTheSenderAllowsIt) {
  World a(card_a()), b(card_b());
  const Bytes frame = Frame().ethernet().ipv4().udp().payload(3000).build();
  a.from_vnic(0, frame);
  ASSERT_EQ(a.sink.sent.size(), 3u);
  for (const SentFrame& sent : a.sink.sent) b.from_wire(sent.frame);
  ASSERT_EQ(b.sink.received.size(), 3u);
  Bytes datagram;
  for (const VnicFrame& one : b.sink.received) {
    EXPECT_TRUE(checksums_right(one.frame));
    EXPECT_FALSE(one.checked) << "a fragment's checksum can't be verified";
    EXPECT_LE(one.frame.size(), 1464u);
    datagram.insert(datagram.end(), one.frame.begin() + 34, one.frame.end());
  }
  EXPECT_EQ(datagram, Bytes(frame.begin() + 34, frame.end()));
  EXPECT_EQ(a.count()["vnic0.fragments"], 3u);
  EXPECT_EQ(a.count()["vnic0.tx_encapsulated"], 1u);
}

TEST(Mtu, TheTenantsOwnMtuHoldsEverywhere) {
  World a(card_a({.tenant_mtu = 1000}));
  EXPECT_EQ(a.pipeline.overlay_mtu(0), 1000u);
  for (const char* to : {"10.0.0.2", "10.0.0.3"}) {
    a.sink.clear();
    a.from_vnic(0, Frame()
                       .ethernet()
                       .ipv4({.destination = to, .dont_fragment = true})
                       .udp()
                       .payload(1000 - 28)
                       .build());
    EXPECT_EQ(a.sink.sent.size() + a.sink.received.size(), 1u) << to;
    EXPECT_TRUE(a.sink.drops.empty()) << to;
    a.from_vnic(0, Frame()
                       .ethernet()
                       .ipv4({.destination = to, .dont_fragment = true})
                       .udp()
                       .payload(1000 - 27)
                       .build());
    EXPECT_EQ(a.sink.drops, (std::vector<Dropped>{{true, 0, spec::DropReason::exceeds_mtu}})) << to;
  }
  World jumbo(card_a({.mtu = 9000}));
  EXPECT_EQ(jumbo.pipeline.overlay_mtu(0), 8950u);
  World small(card_a({.mtu = 1500, .tenant_mtu = 9000}));
  EXPECT_EQ(small.pipeline.overlay_mtu(0), 1450u) << "the uplink can't carry more";
}

TEST(Mtu, FragmentsBetweenTwoVnicsToo) {
  World a(card_a({.tenant_mtu = 600}));
  const Bytes frame = Frame()
                          .ethernet({.destination = "52:54:00:00:00:03"})
                          .ipv4({.destination = "10.0.0.3"})
                          .udp()
                          .payload(1000)
                          .build();
  a.from_vnic(0, frame);
  ASSERT_EQ(a.sink.received.size(), 2u);
  for (const VnicFrame& one : a.sink.received) {
    EXPECT_EQ(one.vnic, 1u);
    EXPECT_TRUE(one.layers.fragment);
    EXPECT_FALSE(one.checked);
    EXPECT_TRUE(checksums_right(one.frame));
  }
}

// Its driver's MSS is larger than the tenant's MTU takes, but all that there is fits.
TEST(Mtu, AnIpv6UdpSuperFrameThatFitsIsNoFragment) {
  World a(card_a({.tenant_mtu = 1400}));
  Offload offload = tso(false, 62, 1460, 1000);
  offload.tcp = false;
  const Bytes frame = Frame()
                          .ethernet({.destination = "52:54:00:00:00:03"})
                          .ipv6({.destination = "fd00::3"})
                          .udp()
                          .payload(1000)
                          .build();
  a.from_vnic(0, frame, offload);  // the sink holds its layers against the frame
  ASSERT_EQ(a.sink.received.size(), 1u);
  EXPECT_TRUE(a.sink.received[0].checked && a.sink.received[0].good);
  EXPECT_EQ(to_hex(a.sink.received[0].frame), to_hex(frame));
}

TEST(Mtu, SegmentsThatAreFragmentedCountAsBoth) {
  World a(card_a());
  Offload offload = tso(true, 42, 2000, 4000);
  offload.tcp = false;
  a.from_vnic(0, Frame().ethernet().ipv4().udp().payload(4000).build(), offload);
  ASSERT_EQ(a.sink.sent.size(), 4u);
  Counts count = a.count();
  EXPECT_EQ(count["vnic0.tx_segments"], 4u);
  EXPECT_EQ(count["vnic0.fragments"], 4u);
}

TEST(Mtu, PaddingIsNoReasonToRefuse) {
  World a(card_a());
  const Bytes frame = Frame().ethernet().ipv4({.dont_fragment = true}).udp().payload(100).build();
  a.from_vnic(0, concat({frame, Bytes(1400)}));
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(a.sink.sent[0].frame.size(), frame.size() + 50);
}

TEST(Mtu, ATagTakesItsPart) {
  World a(card_a());
  a.from_vnic(
      0, Frame().ethernet().vlan(0).ipv4({.dont_fragment = true}).udp().payload(1446 - 28).build());
  ASSERT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(a.sink.sent[0].frame.size(), 1514u);
  a.from_vnic(
      0, Frame().ethernet().vlan(0).ipv4({.dont_fragment = true}).udp().payload(1447 - 28).build());
  EXPECT_EQ(a.sink.sent.size(), 1u);
  EXPECT_EQ(a.sink.received.size(), 1u);
}

// The tenant's MTU is that of datagrams: what the underlay has room for takes no part of it.
TEST(Mtu, ATagIsNoPartOfTheTenantsMtu) {
  for (const bool v6 : {false, true}) {
    World a(card_a({.tenant_mtu = 1280}));
    const auto tagged = [&](uint32_t datagram) {
      Frame frame = Frame().ethernet().vlan(0);
      v6 ? frame.ipv6() : frame.ipv4({.dont_fragment = true});
      return frame.udp().payload(datagram - (v6 ? 48 : 28)).build();
    };
    const Bytes largest = tagged(1280);
    a.from_vnic(0, largest);
    ASSERT_EQ(a.sink.sent.size(), 1u);
    EXPECT_EQ(a.sink.sent[0].frame.size(), largest.size() + kOverhead4);
    const Counts before = a.count();
    a.from_vnic(0, tagged(1281));
    EXPECT_EQ(a.sink.sent.size(), 1u);
    ASSERT_EQ(a.sink.received.size(), 1u);
    const Bytes& told = a.sink.received[0].frame;
    const size_t at = v6 ? 4 + 60 : 4 + 40;
    EXPECT_EQ(told[at] << 8 | told[at + 1], 1280);
    EXPECT_EQ(moved(before, a.count()).at("drop.exceeds_mtu"), 1u);
  }
}

// What a meter refuses was never encapsulated, whatever stands behind its datagram.
TEST(Mtu, WhatIsTooLongByItsPaddingAndRedIsADropAlone) {
  policy::Policy policy = card_a();
  policy.meters = {{.name = "m",
                    .committed_rate = 8,
                    .committed_burst = 100,
                    .peak_rate = 8,
                    .peak_burst = 100}};
  policy.vnics[0].meter = "m";
  World a(policy);
  const Bytes frame = Frame().ethernet().ipv4({.dont_fragment = true}).udp().payload(200).build();
  a.from_vnic(0, concat({frame, Bytes(1400)}));
  EXPECT_EQ(a.count(), (Counts{{"vnic0.tx_frames", 1},
                               {"vnic0.tx_bytes", frame.size() + 1400},
                               {"vnic0.tx_drops", 1},
                               {"drop.meter_red", 1},
                               {"vnic0.drop.meter_red", 1}}));
}

TEST(Mtu, RefusesContextsThatLie) {
  World a(card_a());
  const Bytes frame = super_frame(true, 5000);
  a.from_vnic(0, frame, tso(true, 53, 1460, 5000));
  a.from_vnic(0, frame, tso(true, 54, 0, 5000));
  a.from_vnic(0, frame, tso(false, 54, 1460, 5000));
  a.from_vnic(0, super_frame(true, 60000), tso(true, 54, 1, 60000));
  EXPECT_TRUE(a.sink.sent.empty());
  EXPECT_EQ(a.count()["drop.bad_tso_context"], 3u);
  EXPECT_EQ(a.count()["drop.too_many_segments"], 1u);
  EXPECT_EQ(a.count()["vnic0.tx_drops"], 4u);
}

}  // namespace
}  // namespace gatehouse::test
