// SPDX-License-Identifier: GPL-2.0-or-later
// A guest that lies: each lie ends with its own reason, is counted once, told by an event, and
// reaches nobody.
#include <gtest/gtest.h>

#include "tests/scenarios/pair.hh"

namespace gatehouse::scenarios {
namespace {

using std::chrono::seconds;
using Counts = std::map<std::string, uint64_t>;

struct Lie {
  const char* description;
  const char* frame;  // hex
  const char* reason;
};

// From vnic0 of `left`: 52:54:00:00:00:01, 192.168.0.1, fd00::1.
constexpr Lie kLies[] = {
    {"another's MAC address",
     "525400000002 5254000000ee 0800 4500001c000040004011b97dc0a80001c0a80002 1000100000080000",
     "spoofed_mac"},
    {"another's IPv4 address",
     "525400000002 525400000001 0800 4500001c000040004011b93cc0a80042c0a80002 1000100000080000",
     "spoofed_ipv4"},
    {"another's IPv6 address",
     "525400000002 525400000001 86dd 6000000000083b40 fd000000000000000000000000000042"
     "fd000000000000000000000000000002 0000000000000000",
     "spoofed_ipv6"},
    {"ARP reply that claims the peer's address",
     "525400000002 525400000001 0806 0001080006040002 525400000001 c0a80002 525400000002 c0a80002",
     "spoofed_arp"},
    {"ARP with another's hardware address inside",
     "ffffffffffff 525400000001 0806 0001080006040001 5254000000ee c0a80001 000000000000 c0a80002",
     "spoofed_arp"},
    {"EtherType that is not allowed", "525400000002 525400000001 88cc 0207040102030405060000",
     "protocol_not_allowed"},
    {"VLAN tag that is not allowed",
     "525400000002 525400000001 8100 0064 0800 4500001c000040004011b97dc0a80001c0a80002 "
     "1000100000080000",
     "vlan_not_allowed"},
    {"IPv4 header length beyond the frame",
     "525400000002 525400000001 0800 4f00001c000040004011b97ec0a80001c0a80002 1000100000080000",
     "bad_ipv4_header"},
    {"destination that the tenant does not have",
     "525400000002 525400000001 0800 4500001c000040004011b92ec0a80001c0a80051 1000100000080000",
     "no_mapping"},
    {"ARP for an address that the tenant does not have",
     "ffffffffffff 525400000001 0806 0001080006040001 525400000001 c0a80001 000000000000 c0a80051",
     "unknown_arp_target"},
};

std::string without_spaces(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c != ' ') result += c;
  }
  return result;
}

TEST(Spoofing, EachLieEndsWithItsReasonAndReachesNobody) {
  Pair pair;
  lab::Agent& left = pair.left().agent();
  left.wait_for("ping -c 1 -W 1 " + std::string(kRight4), seconds(30));
  // From here on only our own frames: no router solicitations, no MLD, no neighbour probes.
  const std::string quiet =
      "ip link set eth0 arp off; ip -6 addr flush dev eth0; sysctl -qw "
      "net.ipv6.conf.eth0.disable_ipv6=1";
  left.check(quiet);
  pair.right().agent().check(quiet);
  for (const Lie& lie : kLies) {
    SCOPED_TRACE(lie.description);
    const Counts before = drops_of(pair.left()), right_before = drops_of(pair.right());
    const uint64_t received = vnic_counter(pair.right(), "vnic0", "rx_frames");
    const uint64_t sent = vnic_counter(pair.left(), "vnic0", "tx_encapsulated");
    left.check("gh-frames send eth0 " + without_spaces(lie.frame));
    EXPECT_TRUE(eventually([&] { return !difference(before, drops_of(pair.left())).empty(); }));
    EXPECT_EQ(difference(before, drops_of(pair.left())), (Counts{{lie.reason, 1}}));
    EXPECT_EQ(vnic_counter(pair.left(), "vnic0", "tx_encapsulated"), sent);
    EXPECT_EQ(vnic_counter(pair.right(), "vnic0", "rx_frames"), received);
    EXPECT_EQ(difference(right_before, drops_of(pair.right())), Counts{});
  }
}

TEST(Spoofing, EventsTellAndAreRateLimited) {
  Pair pair;
  lab::Agent& left = pair.left().agent();
  left.check(
      "for i in $(seq 200); do echo "
      "5254000000025254000000ee08004500001c000040004011b97dc0a80001c0a800021000100000080000; done "
      ">/tmp/lies; "
      "gh-frames send eth0 $(cat /tmp/lies)");
  EXPECT_TRUE(eventually([&] { return drops_of(pair.left())["spoofed_mac"] == 200; }))
      << card_of(pair.left()).dump(1);
  unsigned events = 0;
  uint64_t told = 0;
  while (told < 200) {
    const std::optional<nlohmann::json> event =
        pair.left().qmp().wait_event("GATEHOUSE_DROP", seconds(10));
    ASSERT_TRUE(event.has_value()) << "events told of " << told << " of 200 drops";
    const nlohmann::json& data = event->at("data");
    if (data.at("reason") != "spoofed_mac") continue;
    EXPECT_EQ(data.at("card"), "card0");
    EXPECT_EQ(data.at("port"), "vnic");
    EXPECT_EQ(data.at("name"), "vnic0");
    told += data.at("count").get<uint64_t>();
    ++events;
  }
  EXPECT_EQ(told, 200u);
  EXPECT_LE(events, 5u) << "one drop, one event: not rate-limited";
}

}  // namespace
}  // namespace gatehouse::scenarios
