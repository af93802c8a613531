// SPDX-License-Identifier: GPL-2.0-or-later
// Open vSwitch as the peer, both directions: echoes, fragments, streams compared octet for octet,
// tenants apart, and what only it can say: Geneve options by its tunnel metadata.
#include <gtest/gtest.h>

#include "tests/peers/ovs_peer.hh"

namespace gatehouse::peers {
namespace {

#define GATEHOUSE_NEEDS_OVS() \
  if (const std::string why = OvsPeer::missing(); !why.empty()) GTEST_SKIP() << "skipped: " << why

struct Case {
  const char* name;
  OvsOptions options;
  friend void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
};

class OvsTunnel : public testing::TestWithParam<Case> {};

void expect_good(const std::string& what, const lab::CommandResult& result) {
  EXPECT_EQ(result.exit_status, 0) << what << "\n" << result.output;
}

TEST_P(OvsTunnel, CarriesAllBothWaysAndKeepsTenantsApart) {
  GATEHOUSE_NEEDS_OVS();
  OvsPeer bed(GetParam().options);
  ASSERT_EQ(bed.refusal(), "");
  bed.meet();
  lab::Agent& agent = bed.guest().agent();
  for (const std::string size : {"56", "1472", "6000"}) {
    const std::string echo = "ping -c 3 -i 0.1 -W 2 -s " + size + " ";
    expect_good("out " + size, agent.run(echo + kPeer4));
    expect_good("out " + size, agent.run(echo + kPeer6));
    expect_good("in " + size, bed.peer().run({"sh", "-c", echo + kGuest4}));
    expect_good("in " + size, bed.peer().run({"sh", "-c", echo + kGuest6}));
  }
  bed.stream_to_peer(kPeer4);
  bed.stream_to_peer(kPeer6);
  bed.stream_to_guest(kGuest4);
  bed.stream_to_guest(kGuest6);
  for (const char* reason : {"bad_tunnel", "bad_outer_checksum", "bad_options", "outer_fragment"}) {
    EXPECT_EQ(bed.drops(reason), 0u) << reason;
  }

  const uint64_t refused = bed.drops("unknown_vni");
  const std::string answers = "awk '$1 == \"Icmp:\" {print $0}' /proc/net/snmp";
  const std::string before = agent.check(answers);
  bed.other().sh("ip neigh replace " + std::string(kGuest4) +
                 " lladdr 52:54:00:00:00:01 dev st-blue");
  const auto echo = bed.other().run({"ping", "-c", "3", "-i", "0.1", "-W", "1", kGuest4});
  EXPECT_NE(echo.output.find("3 packets transmitted, 0 received"), std::string::npos)
      << echo.output;
  EXPECT_GE(bed.drops("unknown_vni"), refused + 3);
  EXPECT_EQ(agent.check(answers), before);
}

constexpr char kSums[] = R"([
  {"name": "vxlan-sum", "kind": "vxlan", "udp_checksum": true},
  {"name": "geneve-sum", "kind": "geneve", "udp_checksum": true}])";

INSTANTIATE_TEST_SUITE_P(
    Ports, OvsTunnel,
    testing::Values(
        Case{"VxlanOverIpv4", {.format = "vxlan", .type = "vxlan"}},
        Case{"VxlanOverIpv4Sum",
             {.format = "vxlan-sum",
              .formats = kSums,
              .type = "vxlan",
              .port_options = {"csum=true"},
              .kernel = "6.12"}},
        Case{"VxlanOverIpv6", {.format = "vxlan", .outer_v6 = true, .type = "vxlan"}},
        Case{"GeneveOverIpv4", {.format = "geneve", .type = "geneve", .kernel = "6.12"}},
        Case{"GeneveOverIpv4Sum",
             {.format = "geneve-sum",
              .formats = kSums,
              .type = "geneve",
              .port_options = {"csum=true"}}},
        Case{"GeneveOverIpv6",
             {.format = "geneve", .outer_v6 = true, .type = "geneve", .kernel = "6.12"}},
        Case{"GreOverIpv4", {.format = "gre", .type = "gre"}},
        Case{"GreOverIpv4Sum",
             {.format = "gre-checksum",
              .type = "gre",
              .port_options = {"csum=true"},
              .kernel = "6.12"}},
        Case{"GreOverIpv6", {.format = "gre", .outer_v6 = true, .type = "gre"}}),
    [](const auto& row) { return row.param.name; });

// Two bridges' worth of flows: what the station sends gets `actions`, what comes with `match` is
// counted on its way.
void set_flows(OvsPeer& bed, const std::string& actions, const std::string& match) {
  bed.ovs("ovs-ofctl add-flow red 'cookie=1,priority=20,in_port=st-red,actions=" + actions +
          ",output:tun-red'");
  bed.ovs("ovs-ofctl add-flow red 'cookie=2,priority=20,in_port=tun-red," + match +
          ",actions=output:st-red'");
}

TEST(OvsGeneve, OptionsAreWhatBothSidesSayTheyAre) {
  GATEHOUSE_NEEDS_OVS();
  OvsPeer bed({.format = "geneve-told",
               .formats = R"([{"name": "geneve-told", "kind": "geneve",
                               "options": "0102 8001 deadbeef 0102 0302 0123456789abcdef"}])",
               .type = "geneve"});
  ASSERT_EQ(bed.refusal(), "");
  bed.ovs(
      "ovs-ofctl add-tlv-map red '{class=0x102,type=0x80,len=4}->tun_metadata0,"
      "{class=0x102,type=0x3,len=8}->tun_metadata1,"
      "{class=0x102,type=0x81,len=4}->tun_metadata2,"
      "{class=0x102,type=0x5,len=4}->tun_metadata3'");
  set_flows(bed, "set_field:0xfeedf00d->tun_metadata0",
            "tun_metadata0=0xdeadbeef,tun_metadata1=0x0123456789abcdef");
  lab::Agent& agent = bed.guest().agent();
  const std::string echo = "ping -c 3 -i 0.1 -W 2 " + std::string(kPeer4);
  bed.meet();
  // Critical, and known, as the card sends it itself.
  agent.check(echo);
  EXPECT_GE(bed.taken_by_flow(2), 3u);
  EXPECT_EQ(bed.drops("critical_option"), 0u);
  bed.stream_to_peer(kPeer4);
  bed.stream_to_guest(kGuest4);
  // Not critical, and unknown.
  set_flows(bed, "set_field:1->tun_metadata3", "tun_metadata0=0xdeadbeef");
  agent.check(echo);
  EXPECT_EQ(bed.drops("critical_option"), 0u);
  // Critical and unknown.
  set_flows(bed, "set_field:1->tun_metadata2", "tun_metadata0=0xdeadbeef");
  EXPECT_NE(agent.run(echo).exit_status, 0);
  EXPECT_GE(bed.drops("critical_option"), 3u);
}

TEST(OvsGre, SequenceNumbersAreRefused) {
  GATEHOUSE_NEEDS_OVS();
  OvsPeer bed({.format = "gre", .type = "gre"});
  ASSERT_EQ(bed.refusal(), "");
  bed.meet();
  bed.ovs("ovs-vsctl --timeout=30 set interface tun-red options:seq=true");
  EXPECT_NE(bed.peer().run({"ping", "-c", "3", "-i", "0.1", "-W", "1", kGuest4}).exit_status, 0);
  EXPECT_GE(bed.drops("bad_tunnel"), 3u);
}

}  // namespace
}  // namespace gatehouse::peers
