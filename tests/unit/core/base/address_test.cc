// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/address.hh"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "hw/core/base/icmp.hh"

namespace gatehouse {
namespace {

TEST(Address, MacHasSixPairsAndColons) {
  const auto mac = parse_mac("52:54:00:AB:cd:0f");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->octets, (std::array<uint8_t, 6>{0x52, 0x54, 0, 0xab, 0xcd, 0x0f}));
  EXPECT_EQ(to_string(*mac), "52:54:00:ab:cd:0f");
  for (const char* text : {"", "52:54:00:ab:cd", "52:54:00:ab:cd:0", "52:54:00:ab:cd:0g",
                           "52-54-00-ab-cd-0f", "52:54:00:ab:cd:0f:", "52:54:00:ab:cd:0f:11",
                           "5:254:00:ab:cd:0f", " 52:54:00:ab:cd:0", "525400abcd0f"}) {
    EXPECT_FALSE(parse_mac(text)) << text;
  }
}

TEST(Address, MulticastAndZeroMac) {
  EXPECT_TRUE(parse_mac("ff:ff:ff:ff:ff:ff")->is_multicast());
  EXPECT_TRUE(parse_mac("01:00:5e:00:00:01")->is_multicast());
  EXPECT_FALSE(parse_mac("52:54:00:12:34:56")->is_multicast());
  EXPECT_TRUE(MacAddress{}.is_zero());
}

// The C library is the reference for what is an address.
void expect_like_inet_pton(const std::string& text) {
  uint8_t octets[16] = {};
  const auto ip = parse_ip(text);
  if (inet_pton(AF_INET, text.c_str(), octets) == 1) {
    ASSERT_TRUE(ip && ip->is_v4()) << text;
    EXPECT_EQ(std::memcmp(ip->octets.data(), octets, 4), 0) << text;
  } else if (inet_pton(AF_INET6, text.c_str(), octets) == 1) {
    ASSERT_TRUE(ip && ip->is_v6()) << text;
    EXPECT_EQ(std::memcmp(ip->octets.data(), octets, 16), 0) << text;
  } else {
    EXPECT_FALSE(ip) << text;
  }
}

TEST(Address, TakesWhatInetPtonTakes) {
  for (const char* text : {"10.0.0.1",
                           "255.255.255.255",
                           "0.0.0.0",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1..2.3",
                           "1.2.3.",
                           ".1.2.3",
                           "1.2.3.4a",
                           "0x1.2.3.4",
                           "1.2.3.0004",
                           "::",
                           "::1",
                           "1::",
                           "fe80::1",
                           "2001:db8::8:800:200c:417a",
                           "1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           ":::",
                           ":",
                           ":1",
                           "1:",
                           "::1:",
                           ":1::",
                           "12345::",
                           "g::",
                           "::ffff:1.2.3.4",
                           "::1.2.3.4",
                           "1.2.3.4::",
                           "1:2:3:4:5:6:1.2.3.4",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "1:2:3:4:5:6:7::",
                           "::2:3:4:5:6:7:8",
                           "1::2:3:4:5:6:7:8",
                           "1:2:3::4:5:6:7:8",
                           "fe80::1%eth0",
                           "",
                           "::ffff:1.2.3.400",
                           "0::0",
                           "ABCD:EF01::",
                           "1:2:3:4:5::1.2.3.4",
                           "1:2:3:4:5:6::1.2.3.4"}) {
    expect_like_inet_pton(text);
  }
}

TEST(Address, RandomTextsAreJudgedLikeInetPtonJudgesThem) {
  std::mt19937 random(1);
  const std::string letters = "0123456789abcdef:::...";
  for (int round = 0; round < 100000; ++round) {
    std::string text;
    const size_t length = random() % 24;
    for (size_t i = 0; i < length; ++i) text += letters[random() % letters.size()];
    expect_like_inet_pton(text);
  }
}

// RFC 5952 section 4 and 5, examples and corner cases.
TEST(Address, Ipv6TextIsCanonical) {
  const std::pair<const char*, const char*> rows[] = {
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:DB8::ABCD", "2001:db8::abcd"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
      {"::ffff:c000:201", "::ffff:192.0.2.1"},
      {"fe80:0:0:1:0:0:0:0", "fe80:0:0:1::"},
  };
  for (const auto& [text, canonical] : rows) {
    ASSERT_TRUE(parse_ip(text)) << text;
    EXPECT_EQ(to_string(*parse_ip(text)), canonical);
    EXPECT_EQ(parse_ip(canonical), parse_ip(text));
  }
  EXPECT_EQ(to_string(*parse_ip("10.0.255.1")), "10.0.255.1");
  EXPECT_EQ(to_string(IpAddress{}), "none");
}

TEST(Address, AnyAddressSurvivesItsText) {
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    uint8_t octets[16];
    // Zero groups often, so that "::" is exercised.
    for (uint8_t& octet : octets) octet = random() % 3 == 0 ? static_cast<uint8_t>(random()) : 0;
    const IpAddress ip = IpAddress::v6(octets);
    ASSERT_EQ(parse_ip(to_string(ip)), ip) << to_string(ip);
  }
}

TEST(Address, PrefixHasNoHostBits) {
  for (const char* text : {"10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "192.168.1.128/25",
                           "2001:db8::/32", "::/0", "fd00::1/128", "fd00:0:0:8000::/49"}) {
    ASSERT_TRUE(parse_prefix(text)) << text;
    EXPECT_EQ(to_string(*parse_prefix(text)), text);
  }
  for (const char* text :
       {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1",
        "fd00::1/64", "::/129", "/8", "192.168.1.64/25", "10.0.0.0/8/8", "fd00:0:0:4000::/49"}) {
    EXPECT_FALSE(parse_prefix(text)) << text;
  }
}

TEST(Address, PrefixContainsWhatItsBitsSay) {
  struct Row {
    const char *prefix, *ip;
    bool inside;
  };
  for (const Row& row :
       {Row{"10.0.0.0/8", "10.255.1.2", true}, Row{"10.0.0.0/8", "11.0.0.0", false},
        Row{"192.168.1.128/25", "192.168.1.128", true},
        Row{"192.168.1.128/25", "192.168.1.127", false}, Row{"0.0.0.0/0", "255.1.2.3", true},
        Row{"0.0.0.0/0", "::1", false}, Row{"::/0", "1.2.3.4", false},
        Row{"10.1.2.3/32", "10.1.2.3", true}, Row{"10.1.2.3/32", "10.1.2.2", false},
        Row{"fd00::1/128", "fd00::1", true}, Row{"fd00::1/128", "fd00::2", false},
        Row{"fe80::/10", "febf::1", true}, Row{"fe80::/10", "fec0::1", false}}) {
    EXPECT_EQ(parse_prefix(row.prefix)->contains(*parse_ip(row.ip)), row.inside)
        << row.prefix << " " << row.ip;
  }
  EXPECT_TRUE(parse_prefix("10.1.2.3/32")->is_host());
  EXPECT_FALSE(parse_prefix("fd00::/127")->is_host());
}

TEST(Address, GroupsOfNeighborDiscovery) {
  const IpAddress ip = *parse_ip("fd00::12:3456:789a");
  EXPECT_EQ(solicited_node(ip), *parse_ip("ff02::1:ff56:789a"));
  EXPECT_EQ(multicast_mac(solicited_node(ip)), *parse_mac("33:33:ff:56:78:9a"));
  EXPECT_TRUE(is_link_local_v6(*parse_ip("fe80::1")));
  EXPECT_FALSE(is_link_local_v6(*parse_ip("fec0::1")));
  EXPECT_FALSE(is_link_local_v6(*parse_ip("254.128.0.1")));
  EXPECT_TRUE(is_multicast(*parse_ip("239.1.2.3")));
  EXPECT_FALSE(is_multicast(*parse_ip("240.1.2.3")));
  EXPECT_TRUE(is_unspecified(*parse_ip("::")));
}

}  // namespace
}  // namespace gatehouse
