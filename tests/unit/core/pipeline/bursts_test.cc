// SPDX-License-Identifier: GPL-2.0-or-later
// A batch is its frames one after the other, whatever the pipeline looks up once for a burst of one
// flow: random bursts of good frames, lies and strangers, in one card as batches, in another frame
// by frame.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::test {
namespace {

constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
constexpr unsigned kVnics = 3;

// Card a with rules on vnic 0 and 1, so that connection tracking refuses some frames of a flow and
// not others, room for few connections, and meters that look at colours.
policy::Policy watched() {
  policy::Policy policy = card_a({.broadcast = true});
  policy::Firewall web;
  web.name = "web";
  web.connections = 12;
  web.half_open = 4;
  web.rules = {{.protocol = 17, .ports = {{7, 9}}},
               {.inward = false, .allow = false, .protocol = 17, .ports = {{9, 9}}}};
  policy.firewalls = {web};
  policy.meters = {{.name = "m",
                    .committed_rate = 8,
                    .committed_burst = 3000,
                    .peak_rate = 16,
                    .peak_burst = 6000,
                    .colour_aware = true,
                    .yellow_dscp = 12}};
  policy.connections = 4096;
  for (unsigned vnic : {0, 1}) policy.vnics[vnic].firewall = "web";
  policy.vnics[0].meter = "m";
  policy.tenants[1].meter = "m";
  return policy;
}

class Guests {
 public:
  explicit Guests(uint32_t seed) : random_(seed) {}

  unsigned draw(unsigned below) { return random_() % below; }

  // A batch: bursts whose frames differ in what may differ within a flow, and now and then in a
  // field that makes another flow of them.
  std::vector<Bytes> batch(unsigned vnic) {
    std::vector<Bytes> frames;
    for (unsigned left = 1 + draw(64); left != 0; --left) {
      if (frames.empty() || draw(4) == 0) flow_ = draw(12);
      Bytes frame = one(vnic);
      if (draw(8) == 0) change(frame);
      frames.push_back(std::move(frame));
    }
    return frames;
  }

 private:
  Bytes one(unsigned vnic) {
    const char* own = vnic == 1 ? "10.0.0.3" : "10.0.0.1";
    const char* own6 = vnic == 1 ? "fd00::3" : "fd00::1";
    const char* mac = vnic == 1 ? "52:54:00:00:00:03" : "52:54:00:00:00:01";
    const uint8_t tos = uint8_t(std::array{0, 0x28, 0x30, 0x38}[draw(4)]);  // none, AF11 to AF13
    const auto v4 = [&](const char* to) {
      return Frame().ethernet({.source = mac}).ipv4({.source = own, .destination = to, .tos = tos});
    };
    const auto v6 = [&](const char* to) {
      return Frame().ethernet({.source = mac}).ipv6({.source = own6, .destination = to});
    };
    const uint8_t flags =
        uint8_t(std::array<int, 5>{kSyn, kAck, kAck | kFin, kRst, kSyn | kAck}[draw(5)]);
    const Tcp tcp = {.sequence = draw(2) ? draw(300) : draw(1u << 31),
                     .acknowledgement = draw(9),
                     .flags = flags};
    switch (flow_) {
      case 0:
        return v4("10.0.0.2").udp({.source = 7, .destination = 7}).payload(draw(300)).build();
      case 1:
        return v4("10.0.0.2").udp({.source = 7, .destination = 9}).payload(draw(300)).build();
      case 2:
        return v4("10.0.0.2").tcp(tcp).payload(draw(300)).build();
      case 3:
        return v6("fd00::2").tcp(tcp).payload(draw(300)).build();
      case 4:
        return v4(vnic == 1 ? "10.0.0.1" : "10.0.0.3").udp().payload(draw(300)).build();
      case 5:
        return v4("10.1.2.3").udp().payload(draw(300)).build();
      case 6: {
        Bytes dhcp(240 + draw(20));
        dhcp[0] = uint8_t(1 + draw(2)), dhcp[1] = 1, dhcp[2] = 6;
        const MacAddress claimed = *parse_mac(draw(3) ? mac : "52:54:00:00:00:77");
        std::copy(claimed.octets.begin(), claimed.octets.end(), dhcp.begin() + 28);
        return v4("10.0.0.2").udp({.source = 68, .destination = 67}).payload(dhcp).build();
      }
      case 7:
        return v4("10.9.9.9").udp().payload(draw(300)).build();  // nobody is there
      case 8:
        return v4("10.0.0.2").icmp().payload(draw(60)).build();
      case 9:
        return Frame()
            .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = mac})
            .ipv4({.source = own, .destination = "255.255.255.255"})
            .udp()
            .payload(draw(60))
            .build();
      case 10:
        return Frame().ethernet({.source = mac}).arp({.sender_mac = mac, .sender_ip = own}).build();
      default:
        return v6("fd00::2").udp().payload(draw(1600)).build();  // sometimes too long
    }
  }

  // One bit of Ethernet, IP or ports; an IPv4 header's checksum stays right.
  void change(Bytes& frame) {
    const size_t at = draw(std::min<unsigned>(unsigned(frame.size()), 62));
    frame[at] ^= uint8_t(1u << draw(8));
    if (frame[12] != 8 || frame[13] != 0 || at >= 34) return;
    const Ipv4Header ip(frame.data() + 14);
    ip.set_checksum(0);
    ip.set_checksum(checksum::finish(checksum::sum(ip.at(), ip.kLength)));
  }

  std::mt19937 random_;
  unsigned flow_ = 0;
};

std::vector<Bytes> sent_by(const World& world) {
  std::vector<Bytes> frames;
  for (const SentFrame& sent : world.sink.sent) frames.push_back(sent.frame);
  return frames;
}

// In the order of each vnic; an answer of the card itself may overtake a frame of its batch.
std::vector<Bytes> received_by(const World& world) {
  std::vector<Bytes> frames;
  for (const VnicFrame& got : world.sink.received) {
    frames.push_back(got.frame);
    frames.back().push_back(uint8_t(got.vnic));
  }
  std::sort(frames.begin(), frames.end());
  return frames;
}

TEST(Bursts, AreTheirFramesOneByOne) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    World whole(watched()), single(watched());
    Guests guests(seed);
    for (unsigned n = 0; n < 30; ++n) {
      const unsigned vnic = guests.draw(kVnics);
      const std::vector<Bytes> frames = guests.batch(vnic);
      std::vector<Packet*> packets;
      for (const Bytes& frame : frames) packets.push_back(packet_of(whole.pool, frame, vnic));
      whole.pipeline.from_vnic(vnic, packets, whole.now);
      for (const Bytes& frame : frames) single.from_vnic(vnic, frame);
      ASSERT_EQ(whole.count(), single.count());
      ASSERT_EQ(sent_by(whole), sent_by(single));
      ASSERT_EQ(received_by(whole), received_by(single));
      ASSERT_EQ(whole.pipeline.connections(0), single.pipeline.connections(0));
      whole.sink.clear(), single.sink.clear();
      whole.now = single.now += int64_t(guests.draw(400)) * 1'000'000;
    }
    // Each of what may end a frame in mid-burst has done so.
    const Counts counts = whole.count();
    for (const char* reason :
         {"spoofed_mac", "spoofed_ipv4", "spoofed_dhcp", "no_mapping", "firewall_denied",
          "firewall_bad_flags", "firewall_no_connection", "meter_red"}) {
      EXPECT_NE(counts.find(std::string("drop.") + reason), counts.end()) << reason;
    }
  }
}

}  // namespace
}  // namespace gatehouse::test
