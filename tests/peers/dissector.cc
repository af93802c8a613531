// SPDX-License-Identifier: GPL-2.0-or-later
// tshark reads what left the card: each field that we wrote is what it should be, and nothing is
// called malformed.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/peers/kernel_peer.hh"

namespace gatehouse::peers {
namespace {

using std::chrono::seconds;

#define GATEHOUSE_NEEDS_ROOT() \
  if (std::string why; !lab::Netns::available(&why)) GTEST_SKIP() << "skipped: " << why

// One string for each packet that the filter lets through: the fields, joined by '|'.
std::vector<std::string> dissect(const std::string& file, const std::string& filter,
                                 const std::vector<std::string>& fields) {
  std::vector<std::string> command = {"tshark",
                                      "-r",
                                      file,
                                      "-o",
                                      "ip.check_checksum:TRUE",
                                      "-o",
                                      "udp.check_checksum:TRUE",
                                      "-o",
                                      "tcp.check_checksum:TRUE",
                                      "-Y",
                                      filter,
                                      "-T",
                                      "fields",
                                      "-E",
                                      "separator=|",
                                      "-E",
                                      "occurrence=a"};
  for (const std::string& field : fields) command.insert(command.end(), {"-e", field});
  std::istringstream output(lab::check_command(command, seconds(60)));
  std::vector<std::string> rows;
  for (std::string row; std::getline(output, row);) {
    if (row.starts_with("Running as user")) continue;  // tshark's warning to root
    if (row.find('|') != std::string::npos || fields.size() == 1) rows.push_back(row);
  }
  return rows;
}

struct Case {
  const char* name;
  const char* format;
  bool ipv6_underlay;
};

class Dissector : public testing::TestWithParam<Case> {};

TEST_P(Dissector, AgreesWithEachFieldWeWrote) {
  GATEHOUSE_NEEDS_ROOT();
  if (lab::run_command({"tshark", "--version"}).exit_status != 0)
    GTEST_SKIP() << "skipped: needs tshark";
  PeerOptions options;
  options.format = GetParam().format;
  options.ipv6_underlay = GetParam().ipv6_underlay;
  KernelPeer bed(options);
  const std::string file = bed.work().path("outer.pcapng");
  bed.guest().qmp().execute("gatehouse-tap-start",
                            {{"card", "card0"}, {"points", {"outer"}}, {"file", file}});
  std::unique_ptr<lab::Process> sink =
      bed.peer().start({"iperf3", "-s", "-1"}, bed.work().path("sink.log"));
  bed.guest().agent().check("ping -c 2 -i 0.1 -W 2 -Q 0xb8 " + std::string(kPeer4));
  // What iperf3 has written last does not leave before both ends close.
  bed.guest().agent().wait_for(
      "iperf3 -c " + std::string(kPeer4) + " -n 4M >/tmp/out 2>&1 || ! cat /tmp/out", seconds(60));
  bed.guest().qmp().execute("gatehouse-tap-stop", {{"card", "card0"}});

  const bool geneve = std::string(GetParam().format) == "geneve";
  const std::string tunnel = geneve ? "geneve" : "vxlan";
  const std::string ours = "eth.src == 02:00:00:00:00:01 && " + tunnel;
  ASSERT_GT(dissect(file, ours + " && tcp.len > 1000", {"frame.number"}).size(), 1000u);
  EXPECT_EQ(dissect(file, "_ws.malformed", {"frame.number"}).size(), 0u);
  EXPECT_EQ(dissect(file,
                    ours + " && (ip.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\" "
                           "|| tcp.checksum.status == \"Bad\" || icmp.checksum.status == \"Bad\")",
                    {"frame.number"})
                .size(),
            0u);

  const std::vector<std::string> echo =
      dissect(file, ours + " && icmp.type == 8",
              {"eth.dst", options.ipv6_underlay ? "ipv6.dst" : "ip.dst", "udp.dstport",
               geneve ? "geneve.vni" : "vxlan.vni", geneve ? "geneve.proto_type" : "vxlan.flags",
               options.ipv6_underlay ? "ipv6.tclass.dscp" : "ip.dsfield.dscp",
               options.ipv6_underlay ? "ipv6.hlim" : "ip.ttl"});
  ASSERT_EQ(echo.size(), 2u);
  for (const std::string& row : echo) {
    EXPECT_NE(row.find("52:54:00:00:00:02"), std::string::npos) << row;  // inner destination
    EXPECT_NE(row.find(options.ipv6_underlay ? "fd99::2" : "10.99.0.2"), std::string::npos) << row;
    EXPECT_NE(row.find(geneve ? "|6081|" : "|4789|"), std::string::npos) << row;
    EXPECT_NE(row.find(geneve ? "|0x0abcde|" : "|703710|"), std::string::npos) << row;
    EXPECT_NE(row.find(geneve ? "0x6558" : "0x0800"), std::string::npos) << row;
    EXPECT_NE(row.find("|46"), std::string::npos) << "DSCP EF was not copied out: " << row;
  }
  // Entropy: one flow keeps its source port, in the dynamic range.
  const std::vector<std::string> ports =
      dissect(file, ours + " && tcp.len > 1000", {"udp.srcport"});
  for (const std::string& port : ports) EXPECT_EQ(port, ports[0]);
  EXPECT_GE(std::stoi(ports[0]), 49152);
}

INSTANTIATE_TEST_SUITE_P(Formats, Dissector,
                         testing::Values(Case{"VxlanOverIpv4", "vxlan", false},
                                         Case{"GeneveOverIpv4", "geneve", false},
                                         Case{"VxlanOverIpv6", "vxlan", true},
                                         Case{"GeneveOverIpv6", "geneve", true}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatehouse::peers
