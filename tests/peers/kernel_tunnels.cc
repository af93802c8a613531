// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's vxlan and geneve devices accept what the card sends and the card accepts what they
// send; streams arrive as they were sent.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "tests/peers/kernel_peer.hh"
#include "tests/peers/streams.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::peers {
namespace {

using std::chrono::seconds;

#define GATEHOUSE_NEEDS_ROOT() \
  if (std::string why; !lab::Netns::available(&why)) GTEST_SKIP() << "skipped: " << why

struct Case {
  const char* name;
  const char* format;
  bool ipv6_underlay;
  const char* kernel;
};

class KernelTunnel : public testing::TestWithParam<Case> {};

void stream_out(KernelPeer& bed, const std::string& address) {
  stream_to_peer(bed.guest(), bed.peer(), bed.work(), address);
}

void stream_in(KernelPeer& bed, const std::string& address) {
  stream_to_guest(bed.guest(), bed.peer(), bed.work(), address);
}

// As much as goes: iperf3 does not look at what arrives.
void load_out(KernelPeer& bed, const std::string& address) {
  std::unique_ptr<lab::Process> sink =
      bed.peer().start({"sh", "-c", "iperf3 -s -1 --forceflush"}, bed.work().path("sink.log"));
  bed.guest().agent().wait_for(
      "iperf3 -c " + address + " -n 16M -l 64K >/tmp/out 2>&1 || ! cat /tmp/out", seconds(60));
  EXPECT_EQ(sink->wait(seconds(20)), 0) << sink->log();
}

void load_in(KernelPeer& bed, const std::string& address) {
  lab::Agent& agent = bed.guest().agent();
  const lab::Agent::Job server = agent.start("iperf3 -s -1 --forceflush");
  agent.expect(server, "listening", seconds(20));
  bed.peer().sh("iperf3 -c " + address + " -n 16M", seconds(60));
  EXPECT_EQ(agent.finish(server, seconds(20)).exit_status, 0);
}

// What QEMU itself says for the uplink, after a migration as a rule, is a frame and nothing else.
void expect_announcement(KernelPeer& bed) {
  const int seen = bed.peer().open_socket(AF_PACKET, SOCK_RAW, 0);
  sockaddr_ll here{};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETH_P_ALL);
  here.sll_ifindex = std::stoi(bed.peer().sh("cat /sys/class/net/tap0/ifindex"));
  ASSERT_EQ(bind(seen, reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
  bed.guest().qmp().execute("announce-self",
                            {{"initial", 50}, {"max", 50}, {"rounds", 1}, {"step", 0}});
  constexpr std::array<uint8_t, 6> kAll = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  bool announced = false;
  std::array<uint8_t, 2048> frame;
  for (pollfd ready{seen, POLLIN, 0}; !announced && poll(&ready, 1, 20'000) == 1;) {
    const ssize_t octets = read(seen, frame.data(), frame.size());
    ASSERT_GE(octets, ETH_HLEN);
    const int type = frame[12] << 8 | frame[13];
    EXPECT_TRUE(type == ETH_P_RARP || type == ETH_P_IP || type == ETH_P_IPV6 || type == ETH_P_ARP)
        << std::hex << type;
    // Its hardware address, as the sender's and as the one asked about.
    announced = type == ETH_P_RARP && std::equal(kAll.begin(), kAll.end(), frame.begin()) &&
                std::equal(&frame[6], &frame[12], &frame[22]) &&
                std::equal(&frame[6], &frame[12], &frame[32]);
  }
  close(seen);
  EXPECT_TRUE(announced);
}

// Neither the peer's stack nor the guest's has found one.
void expect_no_bad_checksums(KernelPeer& bed) {
  const std::string count =
      "nstat -asz TcpInCsumErrors UdpInCsumErrors Udp6InCsumErrors IcmpInCsumErrors | awk 'NR>1 "
      "{s+=$2} END {print s+0}'";
  EXPECT_EQ(bed.peer().sh(count), "0\n");
  EXPECT_EQ(bed.guest().agent().check("awk '/^Tcp:/ {n = $NF} END {print n}' /proc/net/snmp"),
            "0\n");
}

nlohmann::json card_of(KernelPeer& bed) {
  return bed.guest().qmp().execute("query-gatehouse").at(0);
}

uint64_t sent_whole(const nlohmann::json& card) {
  return card.at("vnics").at(0).at("counters").at("tx_super_frames");
}

TEST_P(KernelTunnel, PingsStreamsAndFragmentsBothWays) {
  GATEHOUSE_NEEDS_ROOT();
  const Case& which = GetParam();
  if (std::string(which.format) == "geneve") {
    RecordProperty("judge", lab::kernel_has_link_type("geneve")
                                ? "kernel geneve"
                                : "kernel vxlan, header word rewritten by nftables");
  }
  PeerOptions options;
  options.format = which.format;
  options.ipv6_underlay = which.ipv6_underlay;
  options.kernel = which.kernel;
  KernelPeer bed(options);
  lab::Agent& agent = bed.guest().agent();
  agent.check("ping -c 3 -i 0.1 -W 2 " + std::string(kPeer4));
  agent.check("ping -6 -c 3 -i 0.1 -W 2 " + std::string(kPeer6));
  agent.check("ping -c 3 -i 0.1 -W 2 -s 6000 " + std::string(kPeer4));
  bed.peer().sh("ping -c 3 -i 0.1 -W 2 " + std::string(kGuest4));
  bed.peer().sh("ping -6 -c 3 -i 0.1 -W 2 " + std::string(kGuest6));
  bed.peer().sh("ping -c 3 -i 0.1 -W 2 -s 6000 " + std::string(kGuest4));
  stream_out(bed, kPeer4);
  stream_out(bed, kPeer6);
  stream_in(bed, kGuest4);
  expect_no_bad_checksums(bed);
  const nlohmann::json card = card_of(bed);
  for (const nlohmann::json& drop : card.at("drops")) {
    const std::string reason = drop.at("reason");
    EXPECT_TRUE(reason == "answered" || reason == "no_broadcast_peer" || reason == "link_local" ||
                reason == "not_forwarded" ||
                // The peer's own link-local address speaks over the tunnel; its burst may meet a
                // guest that is not up yet, or slow.
                reason == "remote_spoof" || reason == "vnic_link_down" ||
                // Multicast that the peer's kernel speaks and the guest has not asked for.
                reason == "vnic_filtered" || reason == "vnic_no_descriptors" ||
                reason == "unknown_nd_target" || reason == "not_a_tunnel" ||
                reason == "not_for_card")
        << drop.dump();
  }
}

TEST_P(KernelTunnel, JumboFrames) {
  GATEHOUSE_NEEDS_ROOT();
  PeerOptions options;
  options.format = GetParam().format;
  options.ipv6_underlay = GetParam().ipv6_underlay;
  options.kernel = GetParam().kernel;
  options.underlay_mtu = 9200;
  options.overlay_mtu = 9000;
  KernelPeer bed(options);
  bed.guest().agent().check("ping -c 3 -i 0.1 -W 2 -M do -s 8972 " + std::string(kPeer4));
  bed.peer().sh("ping -c 3 -i 0.1 -W 2 -M do -s 8972 " + std::string(kGuest4));
  stream_out(bed, kPeer4);
}

// With offload=on, super-frames cross the tap whole both ways, where its kernel can; elsewhere the
// same streams go in pieces.
TEST_P(KernelTunnel, StreamsCrossTheTapWhole) {
  GATEHOUSE_NEEDS_ROOT();
  PeerOptions options;
  options.format = GetParam().format;
  options.ipv6_underlay = GetParam().ipv6_underlay;
  options.kernel = GetParam().kernel;
  options.offload = true;
  KernelPeer bed(options);
  expect_announcement(bed);
  for (const char* address : {kPeer4, kPeer6}) {
    load_out(bed, address);
    load_in(bed, address == kPeer4 ? kGuest4 : kGuest6);
  }
  const nlohmann::json card = card_of(bed);
  const nlohmann::json& uplink = card.at("uplinks").at(0).at("counters");
  // Frames that the tap's device saw: its kernel counts a super-frame as one.
  const uint64_t taken =
      std::stoull(bed.peer().sh("cat /sys/class/net/tap0/statistics/rx_packets"));
  if (bed.tap_cuts()) {
    EXPECT_LT(2 * taken, uplink.at("tx_frames").get<uint64_t>());
  }
  const uint64_t uncut = uplink.at("rx_super_frames");
  EXPECT_EQ(uncut > 0, bed.tap_gives_uncut());
  EXPECT_GE(uplink.at("rx_segments"), 2 * uncut);
  // So do streams whose octets are compared.
  for (const char* address : {kPeer4, kPeer6}) {
    stream_out(bed, address);
    stream_in(bed, address == kPeer4 ? kGuest4 : kGuest6);
  }
  expect_no_bad_checksums(bed);
  const nlohmann::json after = card_of(bed);
  EXPECT_GT(sent_whole(after), sent_whole(card));
  const uint64_t came = after.at("uplinks").at(0).at("counters").at("rx_super_frames");
  EXPECT_EQ(came > uncut, bed.tap_gives_uncut());
}

INSTANTIATE_TEST_SUITE_P(Formats, KernelTunnel,
                         testing::Values(Case{"VxlanOverIpv4", "vxlan", false, "6.1"},
                                         Case{"VxlanOverIpv6", "vxlan", true, "6.12"},
                                         Case{"GeneveOverIpv4", "geneve", false, "6.12"},
                                         Case{"GeneveOverIpv6", "geneve", true, "6.1"}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatehouse::peers
