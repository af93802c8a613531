// SPDX-License-Identifier: GPL-2.0-or-later
// VXLAN with a group policy (draft-smith-vxlan-group-policy), which the card has only as a
// description, and the kernel's own `vxlan ... gbp` device: its mark is the group.
#include <gtest/gtest.h>

#include "hw/core/policy/reader.hh"
#include "tests/peers/native_bed.hh"

namespace gatehouse::peers {
namespace {

using std::chrono::seconds;

// The G bit, and group 7; docs/formats.md shows it.
constexpr char kFormats[] =
    R"({"formats": [{"name": "f", "kind": "vxlan", "header": "88000007 00000000"}]})";

policy::Policy card(bool v6) {
  policy::Policy policy = test::card_a({.kind = "vxlan", .v6 = v6, .mtu = 1700});
  policy.formats = policy::read_policy(kFormats, "formats").value().formats;
  return policy;
}

std::string device(bool v6, const std::string& extension) {
  return std::string("ip link add tun0 address 52:54:00:00:00:02 type vxlan id 100 dstport 4789 ") +
         (v6 ? "local 2001:db8::2 remote 2001:db8::1 " : "local 192.0.2.2 remote 192.0.2.1 ") +
         extension +
         "; ip link set tun0 mtu 1500 up; ip addr add 10.0.0.2/24 dev tun0; "
         "ip addr add fd00::2/64 dev tun0 nodad; ";
}

// What the peer says is of group 9; counted are frames of the guest's group, 7, and those that
// leave with 9 in their headers.
constexpr char kRules[] = R"(nft -f - <<'END'
table inet group {
  counter from7 {}
  counter other {}
  counter sent9 {}
  counter came7 {}
  chain in {
    type filter hook input priority 0;
    iifname wire0 udp dport 4789 @th,64,32 0x88000007 counter name came7
    iifname tun0 meta mark 7 counter name from7
    iifname tun0 meta mark != 7 counter name other
  }
  chain out {
    type filter hook output priority 0;
    oifname tun0 meta mark set 9
    oifname wire0 udp dport 4789 @th,64,32 0x88000009 counter name sent9
  }
}
END
)";

uint64_t counted(NativeBed& bed, const std::string& name) {
  return std::stoull(bed.peer().sh("nft list counter inet group " + name +
                                   " | sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'"));
}

void stream(lab::Netns& from, lab::Netns& to, const std::string& address) {
  lab::WorkDir work("group");
  std::unique_ptr<lab::Process> sink =
      to.start({"iperf3", "-s", "-1", "--forceflush"}, work.path("sink.log"));
  to.sh("for i in $(seq 1000); do ss -ltnH sport = 5201 | grep -q . && exit 0; done; exit 1",
        seconds(30));
  from.sh("iperf3 -c " + address + " -n 4M", seconds(60));
  EXPECT_EQ(sink->wait(seconds(20)), 0) << sink->log();
}

#define GATEHOUSE_NEEDS_GBP()                                                            \
  if (std::string why; !lab::Netns::available(&why)) GTEST_SKIP() << "skipped: " << why; \
  if (!lab::kernel_has_link_type("vxlan")) GTEST_SKIP() << "skipped: needs the kernel's vxlan"

class GroupPolicy : public testing::TestWithParam<bool> {};

TEST_P(GroupPolicy, TheKernelTakesAndSendsIt) {
  GATEHOUSE_NEEDS_GBP();
  NativeBed bed(card(GetParam()));
  bed.peer().sh(device(GetParam(), "gbp"));
  bed.peer().sh(kRules);
  bed.guest().sh("ping -c 3 -i 0.1 -W 2 10.0.0.2; ping -c 3 -i 0.1 -W 2 fd00::2");
  bed.peer().sh("ping -c 3 -i 0.1 -W 2 10.0.0.1; ping -c 3 -i 0.1 -W 2 fd00::1");
  stream(bed.guest(), bed.peer(), "10.0.0.2");
  stream(bed.peer(), bed.guest(), "fd00::1");
  EXPECT_GT(counted(bed, "from7"), 100u);
  EXPECT_EQ(counted(bed, "other"), 0u);
  EXPECT_GT(counted(bed, "sent9"), 100u);
  const std::string bad =
      "nstat -asz TcpInCsumErrors UdpInCsumErrors | awk '{s += $2} END {print s + 0}'";
  EXPECT_EQ(bed.peer().sh(bad), "0\n");
  EXPECT_EQ(bed.guest().sh(bad), "0\n");
}

// Which shows that the bit was there.
TEST_P(GroupPolicy, ADeviceWithoutGroupsRefusesIt) {
  GATEHOUSE_NEEDS_GBP();
  NativeBed bed(card(GetParam()));
  bed.peer().sh(device(GetParam(), ""));
  bed.peer().sh(kRules);
  const lab::CommandResult echo = bed.guest().run({"ping", "-c", "1", "-W", "1", "10.0.0.2"});
  EXPECT_NE(echo.output.find("1 packets transmitted, 0 received"), std::string::npos)
      << echo.output;
  EXPECT_GT(counted(bed, "came7"), 0u) << "it came so far";
  EXPECT_EQ(counted(bed, "from7") + counted(bed, "other"), 0u);
}

INSTANTIATE_TEST_SUITE_P(Outer, GroupPolicy, testing::Bool(),
                         [](const auto& row) { return row.param ? "Ipv6" : "Ipv4"; });

}  // namespace
}  // namespace gatehouse::peers
