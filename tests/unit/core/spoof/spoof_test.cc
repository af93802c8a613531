// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/spoof/spoof.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/core/parse/parse.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

using spec::DropReason;

const char* const kOther = "52:54:00:00:00:02";

IpPrefix host(const std::string& text) {
  const IpAddress ip = parse_ip(text).value();
  return {ip, static_cast<uint8_t>(ip.is_v4() ? 32 : 128)};
}

policy::Vnic vnic() {
  policy::Vnic vnic;
  vnic.name = "v";
  vnic.addresses = {host("10.0.0.1"), host("fd00::1"), *parse_prefix("10.9.0.0/16"),
                    *parse_prefix("fd09::/64")};
  return vnic;
}

DropReason verdict(const policy::Vnic& policy, const Bytes& frame, const Offload& offload = {}) {
  PacketPool pool({.small_count = 2, .large_count = 2});
  Packet* packet = packet_of(pool, frame);
  packet->offload = offload;
  const DropReason parsed = parse::parse(*packet);
  EXPECT_EQ(parsed, DropReason::none) << "the test's frame must be well-formed: " << to_hex(frame);
  const spoof::Rules rules(policy, *parse_mac("52:54:00:00:00:01"));
  const DropReason reason = rules.check(*packet);
  pool.give(packet);
  return reason;
}

Bytes bootp(const std::string& mac, uint8_t operation = 1, uint8_t type = 1, uint8_t length = 6) {
  Bytes message(240);
  message[0] = operation;
  message[1] = type;
  message[2] = length;
  const auto octets = parse_mac(mac)->octets;
  std::copy(octets.begin(), octets.end(), message.begin() + 28);
  return message;
}
// The same, `ip` at one of its fields.
Bytes bootp_with(size_t at, const std::string& ip) {
  Bytes message = bootp("52:54:00:00:00:01");
  std::copy_n(parse_ip(ip)->octets.begin(), 4, message.begin() + static_cast<ptrdiff_t>(at));
  return message;
}
constexpr size_t kCiaddr = 12, kGiaddr = 24;
Bytes dhcp(const std::string& source, const Bytes& message, uint16_t from = 68, uint16_t to = 67) {
  return Frame()
      .ethernet({.destination = "ff:ff:ff:ff:ff:ff"})
      .ipv4({.source = source, .destination = "255.255.255.255"})
      .udp({.source = from, .destination = to})
      .payload(message)
      .build();
}
Frame nd(const std::string& source, const std::string& destination = "ff02::1:ff00:2") {
  return Frame()
      .ethernet({.destination = "33:33:ff:00:00:02"})
      .ipv6({.source = source, .destination = destination, .hop_limit = 255});
}

struct Row {
  const char* description;
  Bytes frame;
  DropReason verdict;
};

const std::vector<Row>& rows() {
  static const Bytes own_mac = nd_link_option(1, "52:54:00:00:00:01"),
                     other_mac = nd_link_option(1, kOther);
  static const std::vector<Row> kRows = {
      {"IPv4 from the own address", Frame().ethernet().ipv4().udp().build(), DropReason::none},
      {"IPv4 from the own prefix", Frame().ethernet().ipv4({.source = "10.9.255.1"}).udp().build(),
       DropReason::none},
      {"IPv4 from another's address", Frame().ethernet().ipv4({.source = "10.0.0.2"}).udp().build(),
       DropReason::spoofed_ipv4},
      {"IPv4 from beside the prefix",
       Frame().ethernet().ipv4({.source = "10.10.0.1"}).udp().build(), DropReason::spoofed_ipv4},
      {"another's MAC", Frame().ethernet({.source = kOther}).ipv4().udp().build(),
       DropReason::spoofed_mac},
      {"group MAC as source",
       Frame().ethernet({.source = "53:54:00:00:00:01"}).ipv4().udp().build(),
       DropReason::spoofed_mac},
      {"IPv6 with another's home address",
       Frame()
           .ethernet()
           .ipv6()
           .extension(60, from_hex("0102 0000 c910 fd000000 00000000 00000000 00000002"))
           .udp()
           .build(),
       DropReason::spoofed_ipv6},
      {"IPv4 from 0.0.0.0, no DHCP", Frame().ethernet().ipv4({.source = "0.0.0.0"}).udp().build(),
       DropReason::spoofed_ipv4},
      {"IPv4 from 0.0.0.0, TCP",
       Frame()
           .ethernet()
           .ipv4({.source = "0.0.0.0"})
           .tcp({.source = 68, .destination = 67})
           .build(),
       DropReason::spoofed_ipv4},
      {"non-first fragment from another's address",
       Frame().ethernet().ipv4({.source = "10.0.0.2", .fragment_offset = 64}).payload(32).build(),
       DropReason::spoofed_ipv4},
      {"non-first fragment from 0.0.0.0",
       Frame().ethernet().ipv4({.source = "0.0.0.0", .fragment_offset = 64}).payload(32).build(),
       DropReason::spoofed_ipv4},

      {"DHCP request without address", dhcp("0.0.0.0", bootp("52:54:00:00:00:01")),
       DropReason::none},
      {"DHCP request with the own address", dhcp("10.0.0.1", bootp("52:54:00:00:00:01")),
       DropReason::none},
      {"DHCP request from another's address", dhcp("10.0.0.2", bootp("52:54:00:00:00:01")),
       DropReason::spoofed_ipv4},
      {"DHCP request for another's chaddr", dhcp("0.0.0.0", bootp(kOther)),
       DropReason::spoofed_dhcp},
      {"DHCP request with the own address for another's chaddr", dhcp("10.0.0.1", bootp(kOther)),
       DropReason::spoofed_dhcp},
      {"DHCP reply on client ports", dhcp("0.0.0.0", bootp("52:54:00:00:00:01", 2)),
       DropReason::spoofed_dhcp},
      {"DHCP with a strange hardware type", dhcp("0.0.0.0", bootp("52:54:00:00:00:01", 1, 6)),
       DropReason::spoofed_dhcp},
      {"DHCP with a strange hardware length", dhcp("0.0.0.0", bootp("52:54:00:00:00:01", 1, 1, 16)),
       DropReason::spoofed_dhcp},
      {"DHCP cut off", dhcp("0.0.0.0", Bytes(235)), DropReason::spoofed_dhcp},
      {"DHCP request for another's chaddr from a port of no client",
       dhcp("10.0.0.1", bootp(kOther), 1068), DropReason::spoofed_dhcp},
      {"DHCP request for another's chaddr as a relay sends it", dhcp("10.0.0.1", bootp(kOther), 67),
       DropReason::spoofed_dhcp},
      {"DHCP request for the own chaddr from a port of no client",
       dhcp("10.0.0.1", bootp("52:54:00:00:00:01"), 1068), DropReason::none},
      {"DHCP renewal of the own lease", dhcp("10.0.0.1", bootp_with(kCiaddr, "10.0.0.1")),
       DropReason::none},
      {"DHCP release of another's lease", dhcp("10.0.0.1", bootp_with(kCiaddr, "10.0.0.2")),
       DropReason::spoofed_dhcp},
      {"DHCP request whose answer would go to another",
       dhcp("10.0.0.1", bootp_with(kGiaddr, "10.0.0.2")), DropReason::spoofed_dhcp},
      {"DHCP request as the own relay", dhcp("10.0.0.1", bootp_with(kGiaddr, "10.0.0.1")),
       DropReason::spoofed_dhcp},
      {"DHCP reply of a server to a relay", dhcp("10.0.0.1", bootp(kOther, 2), 67),
       DropReason::none},
      {"first fragment to the DHCP port from another port",
       Frame()
           .ethernet()
           .ipv4({.more_fragments = true})
           .udp({.source = 1068, .destination = 67})
           .payload(Bytes(240))
           .build(),
       DropReason::spoofed_dhcp},
      {"0.0.0.0 to the DHCP port from another port",
       dhcp("0.0.0.0", bootp("52:54:00:00:00:01"), 67), DropReason::spoofed_ipv4},
      {"first fragment of a DHCP request",
       Frame()
           .ethernet()
           .ipv4({.source = "0.0.0.0", .more_fragments = true})
           .udp({.source = 68, .destination = 67})
           .payload(Bytes(240))
           .build(),
       DropReason::spoofed_dhcp},

      {"ARP request", Frame().ethernet().arp().build(), DropReason::none},
      {"ARP reply", Frame().ethernet().arp({.operation = 2}).build(), DropReason::none},
      {"ARP probe", Frame().ethernet().arp({.sender_ip = "0.0.0.0"}).build(), DropReason::none},
      {"ARP reply from 0.0.0.0",
       Frame().ethernet().arp({.operation = 2, .sender_ip = "0.0.0.0"}).build(),
       DropReason::spoofed_arp},
      {"ARP with another's sender MAC", Frame().ethernet().arp({.sender_mac = kOther}).build(),
       DropReason::spoofed_arp},
      {"ARP with another's sender IP", Frame().ethernet().arp({.sender_ip = "10.0.0.2"}).build(),
       DropReason::spoofed_arp},
      {"gratuitous ARP for another's address",
       Frame().ethernet().arp({.sender_ip = "10.0.0.2", .target_ip = "10.0.0.2"}).build(),
       DropReason::spoofed_arp},
      {"ARP from another's Ethernet address", Frame().ethernet({.source = kOther}).arp().build(),
       DropReason::spoofed_mac},

      {"IPv6 from the own address", Frame().ethernet().ipv6().udp().build(), DropReason::none},
      {"IPv6 from the own prefix", Frame().ethernet().ipv6({.source = "fd09::abcd"}).udp().build(),
       DropReason::none},
      {"IPv6 from another's address", Frame().ethernet().ipv6({.source = "fd00::2"}).udp().build(),
       DropReason::spoofed_ipv6},
      {"IPv6 behind extension headers from another's address",
       Frame().ethernet().ipv6({.source = "fd00::2"}).extension(60).udp().build(),
       DropReason::spoofed_ipv6},
      {"IPv6 from :: with UDP",
       Frame().ethernet().ipv6({.source = "::", .destination = "ff02::1"}).udp().build(),
       DropReason::spoofed_ipv6},
      {"IPv6 from :: with echo",
       Frame()
           .ethernet()
           .ipv6({.source = "::", .destination = "ff02::1"})
           .icmp({.type = 128})
           .build(),
       DropReason::spoofed_ipv6},
      {"MLDv2 report from ::",
       Frame()
           .ethernet()
           .ipv6({.source = "::", .destination = "ff02::16", .hop_limit = 1})
           .extension(0, {5, 2, 0, 0, 1, 0})
           .icmp({.type = 143})
           .payload(20)
           .build(),
       DropReason::none},
      {"MLDv2 report from :: off the link",
       Frame()
           .ethernet()
           .ipv6({.source = "::", .destination = "fd00::2", .hop_limit = 1})
           .icmp({.type = 143})
           .payload(20)
           .build(),
       DropReason::spoofed_ipv6},
      {"link-local to a link-local address",
       Frame()
           .ethernet()
           .ipv6({.source = "fe80::1234:5678:9abc:def0", .destination = "fe80::1"})
           .udp()
           .build(),
       DropReason::none},
      {"link-local to a link-scope group",
       Frame()
           .ethernet()
           .ipv6({.source = "fe80::5054:ff:fe00:1", .destination = "ff02::1:2"})
           .udp({.source = 546, .destination = 547})
           .build(),
       DropReason::none},
      {"link-local to a global address",
       Frame().ethernet().ipv6({.source = "fe80::1", .destination = "fd00::2"}).udp().build(),
       DropReason::spoofed_ipv6},
      {"link-local to a wider group",
       Frame().ethernet().ipv6({.source = "fe80::1", .destination = "ff05::2"}).udp().build(),
       DropReason::spoofed_ipv6},
      {"fe81:: is no link-local address anybody uses",
       Frame().ethernet().ipv6({.source = "fe81::1", .destination = "fe80::1"}).udp().build(),
       DropReason::spoofed_ipv6},

      {"Neighbor Solicitation", nd("fd00::1").neighbor_solicitation("fd00::2", own_mac).build(),
       DropReason::none},
      {"Neighbor Solicitation with another's MAC",
       nd("fd00::1").neighbor_solicitation("fd00::2", other_mac).build(), DropReason::spoofed_nd},
      {"Neighbor Solicitation, the second option lies",
       nd("fd00::1").neighbor_solicitation("fd00::2", concat({own_mac, other_mac})).build(),
       DropReason::spoofed_nd},
      {"Neighbor Solicitation from another",
       nd("fd00::2").neighbor_solicitation("fd00::3", own_mac).build(), DropReason::spoofed_ipv6},
      {"probe of a global neighbour from a link-local address",
       nd("fe80::1", "fd00::2").neighbor_solicitation("fd00::2", own_mac).build(),
       DropReason::none},
      {"duplicate address detection", nd("::").neighbor_solicitation("fd00::2").build(),
       DropReason::none},
      {"advertisement of the own address",
       nd("fd00::1", "fd00::2")
           .neighbor_advertisement("fd00::1", 0x60000000, nd_link_option(2, "52:54:00:00:00:01"))
           .build(),
       DropReason::none},
      {"advertisement of a link-local address",
       nd("fe80::7", "ff02::1")
           .neighbor_advertisement("fe80::7", 0x20000000, nd_link_option(2, "52:54:00:00:00:01"))
           .build(),
       DropReason::none},
      {"advertisement of another's address",
       nd("fd00::1", "fd00::2")
           .neighbor_advertisement("fd00::2", 0x60000000, nd_link_option(2, "52:54:00:00:00:01"))
           .build(),
       DropReason::spoofed_nd},
      {"advertisement with another's MAC",
       nd("fd00::1", "fd00::2")
           .neighbor_advertisement("fd00::1", 0x60000000, nd_link_option(2, kOther))
           .build(),
       DropReason::spoofed_nd},
      {"Router Solicitation with another's MAC",
       nd("fe80::1", "ff02::2").icmp({.type = 133}).payload(other_mac).build(),
       DropReason::spoofed_nd},
      {"Router Solicitation", nd("fe80::1", "ff02::2").icmp({.type = 133}).payload(own_mac).build(),
       DropReason::none},

      {"LLDP", Frame().ethernet({.type = 0x88cc}).payload(46).build(),
       DropReason::protocol_not_allowed},
      {"LLC (spanning tree)", Frame().ethernet({.type = 38}).payload(46).build(),
       DropReason::protocol_not_allowed},
      {"pause frame", Frame().ethernet({.type = 0x8808}).payload(46).build(),
       DropReason::link_local},
      {"priority tag", Frame().ethernet().vlan(0xe000).ipv4().udp().build(), DropReason::none},
      {"VLAN tag", Frame().ethernet().vlan(100).ipv4().udp().build(), DropReason::vlan_not_allowed},
      {"VLAN tag behind a priority tag",
       Frame().ethernet().vlan(0xe000).vlan(100).ipv4().udp().build(),
       DropReason::vlan_not_allowed},
      {"spoofed source behind a priority tag",
       Frame().ethernet().vlan(0).ipv4({.source = "10.0.0.2"}).udp().build(),
       DropReason::spoofed_ipv4},
  };
  return kRows;
}

TEST(Spoof, ChecksWhatAFrameClaims) {
  for (const Row& row : rows()) {
    const DropReason reason = verdict(vnic(), row.frame);
    EXPECT_EQ(reason, row.verdict)
        << row.description << ": got "
        << (reason == DropReason::none ? "none" : spec::drop_row(reason)->name);
  }
}

TEST(Spoof, WithoutAntiSpoofOnlyVlansAndProtocolsAreChecked) {
  policy::Vnic policy = vnic();
  policy.anti_spoof = false;
  for (const Row& row : rows()) {
    const bool kept = row.verdict == DropReason::vlan_not_allowed ||
                      row.verdict == DropReason::link_local ||
                      row.verdict == DropReason::protocol_not_allowed;
    EXPECT_EQ(verdict(policy, row.frame), kept ? row.verdict : DropReason::none) << row.description;
  }
}

// Each segment would be a request of its own, and only the first one's content can be seen.
TEST(Spoof, ASuperFrameIsNoDhcpRequest) {
  const Offload two{
      .tso = true, .ipv4 = true, .mss = 240, .header_length = 42, .payload_length = 480};
  const Bytes both = concat({bootp("52:54:00:00:00:01"), bootp(kOther)});
  EXPECT_EQ(verdict(vnic(), dhcp("10.0.0.1", both), two), DropReason::spoofed_dhcp);
  EXPECT_EQ(verdict(vnic(), dhcp("10.0.0.1", both, 68, 5000), two), DropReason::none);
}

TEST(Spoof, AllowsTheTagsOfThePolicy) {
  policy::Vnic policy = vnic();
  policy.vlans = {100, 200};
  EXPECT_EQ(verdict(policy, Frame().ethernet().vlan(100).ipv4().udp().build()), DropReason::none);
  EXPECT_EQ(verdict(policy, Frame().ethernet().vlan(0xa000 | 200).ipv4().udp().build()),
            DropReason::none);
  EXPECT_EQ(verdict(policy, Frame().ethernet().ipv4().udp().build()), DropReason::none);
  EXPECT_EQ(verdict(policy, Frame().ethernet().vlan(300).ipv4().udp().build()),
            DropReason::vlan_not_allowed);
  EXPECT_EQ(verdict(policy, Frame().ethernet().vlan(100).vlan(300).ipv4().udp().build()),
            DropReason::none);
  EXPECT_EQ(verdict(policy, Frame().ethernet().vlan(300).vlan(100).ipv4().udp().build()),
            DropReason::vlan_not_allowed);
}

TEST(Spoof, KnowsMoreAddressesThanTheFastOnes) {
  policy::Vnic policy = vnic();
  policy.addresses.clear();
  for (int i = 1; i <= 9; ++i) {
    policy.addresses.push_back(host("10.0.1." + std::to_string(i)));
    policy.addresses.push_back(host("fd01::" + std::to_string(i)));
  }
  for (int i = 0; i <= 10; ++i) {
    const bool own = i >= 1 && i <= 9;
    const std::string n = std::to_string(i);
    EXPECT_EQ(verdict(policy, Frame().ethernet().ipv4({.source = "10.0.1." + n}).udp().build()),
              own ? DropReason::none : DropReason::spoofed_ipv4)
        << n;
    EXPECT_EQ(verdict(policy, Frame().ethernet().ipv6({.source = "fd01::" + n}).udp().build()),
              own ? DropReason::none : DropReason::spoofed_ipv6)
        << n;
  }
}

TEST(Spoof, WithoutAddressesNothingIsOwn) {
  policy::Vnic policy;
  EXPECT_EQ(verdict(policy, Frame().ethernet().ipv4().udp().build()), DropReason::spoofed_ipv4);
  EXPECT_EQ(verdict(policy, Frame().ethernet().ipv4({.source = "0.0.0.0"}).udp().build()),
            DropReason::spoofed_ipv4);
  EXPECT_EQ(verdict(policy, Frame().ethernet().ipv6().udp().build()), DropReason::spoofed_ipv6);
  EXPECT_EQ(verdict(policy, Frame().ethernet().arp().build()), DropReason::spoofed_arp);
}

}  // namespace
}  // namespace gatehouse::test
