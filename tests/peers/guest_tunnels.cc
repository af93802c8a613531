// SPDX-License-Identifier: GPL-2.0-or-later
// The tunnel devices of Debian's kernels as peers, in both directions: echoes, fragments, streams
// compared octet for octet, checksums, and what belongs to another tenant.
#include <gtest/gtest.h>

#include <set>

#include "tests/peers/tunnel_bed.hh"
#include "tools/lab/deadline.hh"

namespace gatehouse::peers {
namespace {

struct Case {
  const char* name;
  TunnelOptions options;
  friend void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
};

// Formats that differ from shipped ones in their checksums, and one of the reader's own.
constexpr char kFormats[] = R"([
  {"name": "vxlan-sum", "kind": "vxlan", "udp_checksum": true},
  {"name": "vxlan-zero", "kind": "vxlan", "zero_checksum_ipv6": true},
  {"name": "geneve-sum", "kind": "geneve", "udp_checksum": true},
  {"name": "geneve-zero", "kind": "geneve", "zero_checksum_ipv6": true},
  {"name": "gre-udp-sum", "kind": "gre-udp", "udp_checksum": true},
  {"name": "gre-udp-zero", "kind": "gre-udp", "zero_checksum_ipv6": true},
  {"name": "ipip-udp", "port": 4755, "header": "", "inner": "ipv4", "udp_checksum": true},
  {"name": "gue-zero", "kind": "gue", "zero_checksum_ipv6": true}])";

// Of GRE within UDP, Debian's kernels lose a part of what their GRO merges: of a stream to the peer
// 40 % of the segments were sent again with it, none without.
#define GATEHOUSE_FOU "ethtool -K wire gro off\nmodprobe -a fou fou6\nip "
constexpr char kFou[] = GATEHOUSE_FOU "fou add port 4754 ipproto 47";
constexpr char kFou6[] = GATEHOUSE_FOU "-6 fou add port 4754 ipproto 47";
constexpr char kGue[] = GATEHOUSE_FOU "fou add port 6080 gue";
constexpr char kGue6[] = GATEHOUSE_FOU "-6 fou add port 6080 gue";

std::string formats_of(const std::string& name) {
  nlohmann::json found = nlohmann::json::array();
  for (const nlohmann::json& format : nlohmann::json::parse(kFormats)) {
    if (format.at("name") == name) found.push_back(format);
  }
  return found.dump();
}

std::vector<Case> cases() {
  std::vector<Case> rows;
  const auto add = [&](const char* name, const char* format, bool outer_v6, const char* link,
                       const char* before = "") {
    rows.push_back({name,
                    {.format = format,
                     .formats = formats_of(format),
                     .outer_v6 = outer_v6,
                     .before = before,
                     .link = link,
                     .kernel = rows.size() % 2 == 0 ? "6.1" : "6.12"}});
  };
  add("VxlanOverIpv4", "vxlan", false, "vxlan id @V remote @R dstport 4789 noudpcsum");
  add("VxlanOverIpv4Sum", "vxlan-sum", false, "vxlan id @V remote @R dstport 4789 udpcsum");
  add("VxlanOverIpv6", "vxlan", true, "vxlan id @V remote @R dstport 4789");
  add("VxlanOverIpv6NoSum", "vxlan-zero", true,
      "vxlan id @V remote @R dstport 4789 udp6zerocsumtx udp6zerocsumrx");
  add("GeneveOverIpv4", "geneve", false, "geneve id @V remote @R noudpcsum");
  add("GeneveOverIpv4Sum", "geneve-sum", false, "geneve id @V remote @R udpcsum");
  add("GeneveOverIpv6", "geneve", true, "geneve id @V remote @R");
  add("GeneveOverIpv6NoSum", "geneve-zero", true,
      "geneve id @V remote @R udp6zerocsumtx udp6zerocsumrx");
  add("Gretap", "gre", false, "gretap local @L remote @R key @V");
  add("GretapSum", "gre-checksum", false, "gretap local @L remote @R key @V csum");
  add("Ip6gretap", "gre", true, "ip6gretap local @L remote @R key @V");
  add("Ip6gretapSum", "gre-checksum", true,
      "ip6gretap local @L remote @R key @V csum encaplimit none");
  add("GretapInFou", "gre-udp", false,
      "gretap local @L remote @R key @V encap fou encap-sport auto encap-dport 4754", kFou);
  add("GretapInFouSum", "gre-udp-sum", false,
      "gretap local @L remote @R key @V encap fou encap-sport auto encap-dport 4754 encap-csum",
      kFou);
  add("Ip6gretapInFou", "gre-udp", true,
      "ip6gretap local @L remote @R key @V encaplimit none encap fou encap-sport auto encap-dport "
      "4754 encap-udp6-csum",
      kFou6);
  add("Ip6gretapInFouNoSum", "gre-udp-zero", true,
      "ip6gretap local @L remote @R key @V encaplimit none encap fou encap-sport auto encap-dport "
      "4754",
      kFou6);
  add("GretapInGue", "gue", false,
      "gretap local @L remote @R key @V encap gue encap-sport auto encap-dport 6080", kGue);
  add("Ip6gretapInGue", "gue-zero", true,
      "ip6gretap local @L remote @R key @V encaplimit none encap gue encap-sport auto encap-dport "
      "6080",
      kGue6);
  // These have no tenant, and one version of IP.
  add("IpIp", "ipip", false, "ipip local @L remote @R");
  rows.back().options.vni = 0;
  add("IpIpInFou", "ipip-udp", false,
      "ipip local @L remote @R encap fou encap-sport auto encap-dport 4755 encap-csum",
      "modprobe fou\nip fou add port 4755 ipproto 4");
  rows.back().options.vni = 0;
  add("Gre", "gre-ip", false, "gre local @L remote @R key @V");
  add("Ip6gre", "gre-ip", true, "ip6gre local @L remote @R key @V");
  return rows;
}

class GuestTunnel : public testing::TestWithParam<Case> {};

// What the two stacks found of wrong checksums.
std::string bad_checksums() {
  return "cat /proc/net/snmp /proc/net/snmp6 | awk '"
         "$1 ~ /:$/ {for (i = 2; i <= NF; ++i) if ($1 != name) words[i] = $i; "
         "else if (words[i] ~ /CsumErrors/) bad += $i; name = $1} "
         "$1 ~ /CsumErrors/ {bad += $2} END {print bad + 0}'";
}

// Nothing else may be lost between two that speak the same.
void expect_nothing_lost(TunnelBed& bed) {
  const std::set<std::string> own_talk = {
      "answered", "no_broadcast_peer", "link_local", "not_forwarded", "remote_spoof",
      "vnic_link_down", "vnic_filtered", "vnic_no_descriptors", "not_a_tunnel", "not_for_card",
      "unknown_nd_target", "unknown_vni",
      // A router solicitation with ip6gre's own kind of address.
      "bad_nd"};
  const nlohmann::json card = bed.card();
  for (const nlohmann::json& drop : card.at("drops")) {
    EXPECT_TRUE(own_talk.contains(drop.at("reason"))) << drop.dump();
  }
}

TEST_P(GuestTunnel, CarriesAllBothWaysAndKeepsTenantsApart) {
  TunnelBed bed(GetParam().options);
  const bool tenants = GetParam().options.vni != 0;
  for (const char* size : {"56", "1472", "6000"}) {
    bed.station(std::string("ping -c 3 -i 0.1 -W 2 -s ") + size + " " + kPeer4);
    bed.peer(std::string("ping -c 3 -i 0.1 -W 2 -s ") + size + " " + kGuest4);
    if (!tenants) continue;
    bed.station(std::string("ping -6 -c 3 -i 0.1 -W 2 -s ") + size + " " + kPeer6);
    bed.peer(std::string("ping -6 -c 3 -i 0.1 -W 2 -s ") + size + " " + kGuest6);
  }
  bed.stream_to_peer(kPeer4);
  bed.stream_to_station(kGuest4);
  if (tenants) {
    bed.stream_to_peer(kPeer6);
    bed.stream_to_station(kGuest6);
  }
  EXPECT_EQ(bed.station(bad_checksums()), "0\n");
  EXPECT_EQ(bed.peer(bad_checksums()), "0\n");
  expect_nothing_lost(bed);
  if (!tenants) return;

  // Another tenant's station, with the peer's own addresses, reaches nobody.
  const uint64_t refused = bed.drops("unknown_vni");
  const std::string answers = "awk '$1 == \"Icmp:\" {print $0}' /proc/net/snmp";
  const std::string before = bed.station(answers);
  const auto echo = bed.try_other("ping -c 3 -i 0.1 -W 1 " + std::string(kGuest4));
  EXPECT_NE(echo.output.find("3 packets transmitted, 0 received"), std::string::npos)
      << echo.output;
  EXPECT_GE(bed.drops("unknown_vni"), refused + 3);
  EXPECT_EQ(bed.station(answers), before);
  EXPECT_EQ(bed.try_other("cat /sys/class/net/tun1/statistics/rx_packets").output, "0\n");
}

INSTANTIATE_TEST_SUITE_P(Kernel, GuestTunnel, testing::ValuesIn(cases()),
                         [](const auto& row) { return row.param.name; });

class GuestMirror : public testing::TestWithParam<Case> {};

// What the station sends and is given, out of the kernel's own tunnel device.
TEST_P(GuestMirror, AKernelsDeviceTakesTheSession) {
  TunnelOptions options = GetParam().options;
  options.mirrored = true;
  TunnelBed bed(options);
  const auto mirrored = [&] {
    return bed.card().at("vnics").at(0).at("counters").at("mirrored").get<uint64_t>();
  };
  const auto taken = [&] {
    return std::stoull(bed.peer("cat /sys/class/net/mir0/statistics/rx_packets"));
  };
  // What the station said before the device was there has gone.
  const uint64_t came = taken(), early = mirrored() - came;
  const auto icmp = [](const char* type, const char* to, const char* from, const char* last,
                       const char* first) {
    return std::string("0=") + to + ",6=" + from + ",12=080045,23=01,26=c0a800" + first +
           ",30=c0a800" + last + ",34=" + type + ",60=5a5a5a5a5a5a5a5a";
  };
  const std::string asked = icmp("08", "525400000002", "525400000001", "02", "01");
  const std::string answered = icmp("00", "525400000001", "525400000002", "01", "02");
  bed.peer("gh-frames expect mir0 20000 --count 3 --promiscuous " + asked +
           " & asked=$!\n"
           "gh-frames expect mir0 20000 --count 3 --promiscuous " +
           answered +
           " & answered=$!\n"
           "ip netns exec station ping -q -c 50 -i 0.1 -W 2 -p 5a " +
           kPeer4 + "\nwait $asked\nwait $answered");
  // All of it, and nothing that is not.
  bed.station("ping -q -c 5 -i 0.1 -W 2 -s 6000 " + std::string(kPeer4));
  bed.peer("ping -6 -q -c 5 -i 0.1 -W 2 -s 6000 " + std::string(kGuest6));
  const lab::Deadline deadline(std::chrono::seconds(20));
  bool all = false;
  while (!all && !deadline.expired()) {
    const uint64_t wanted = mirrored();
    all = taken() + early >= wanted;
  }
  EXPECT_TRUE(all);
  const uint64_t copies = taken();
  EXPECT_LE(copies, mirrored());
  EXPECT_GE(copies, 2u * 50 + 2 * 2 * 5 * 5);
  EXPECT_EQ(bed.peer("cat /sys/class/net/mir0/statistics/rx_errors"), "0\n");
  EXPECT_EQ(bed.station(bad_checksums()), "0\n");
  EXPECT_EQ(bed.peer(bad_checksums()), "0\n");
}

std::vector<Case> mirror_cases() {
  std::vector<Case> rows;
  for (const Case& row : cases()) {
    for (const char* name : {"VxlanOverIpv4", "GeneveOverIpv6", "GretapSum"}) {
      if (row.name == std::string(name)) rows.push_back(row);
    }
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Kernel, GuestMirror, testing::ValuesIn(mirror_cases()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatehouse::peers
