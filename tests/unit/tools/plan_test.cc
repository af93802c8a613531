// SPDX-License-Identifier: GPL-2.0-or-later
// What the gateway makes of its policy, and its DHCP server.
#include "tools/gateway/plan.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/policy/reader.hh"
#include "tests/unit/core/frames.hh"
#include "tools/gateway/dhcp.hh"

namespace gatehouse::gateway {
namespace {

using test::Bytes;
using test::Frame;

policy::Policy policy_with(const std::string& vnic) {
  const std::string text =
      R"({"uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:01", "addresses": ["10.99.0.254/24"]}],
    "tenants": [{"name": "lab", "vni": 1}, {"name": "other", "vni": 2}],
    "vnics": [{"name": "gw", "tenant": "lab")" +
      vnic + R"(}],
    "mappings": [{"tenant": "other", "destination": "10.0.2.9", "mac": "52:54:00:00:00:09", "peer": "10.99.0.1"},
                 {"tenant": "lab", "destination": "10.0.2.16", "mac": "52:54:00:00:00:16", "peer": "10.99.0.1"},
                 {"tenant": "lab", "destination": "10.0.2.15", "mac": "52:54:00:00:00:15", "peer": "10.99.0.1"},
                 {"tenant": "lab", "destination": "10.0.2.17", "mac": "52:54:00:00:00:15", "peer": "10.99.0.1"},
                 {"tenant": "lab", "destination": "10.8.0.0/16", "mac": "52:54:00:00:00:18", "peer": "10.99.0.1"},
                 {"tenant": "lab", "destination": "fd00::15", "mac": "52:54:00:00:00:19", "peer": "10.99.0.1"}]})";
  Result<policy::Policy> result = policy::read_policy(text, "p");
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result.value());
}

constexpr char kVnic[] =
    R"(, "mac": "52:55:0a:00:02:02", "addresses": ["0.0.0.0/0", "10.0.2.2", "10.0.2.3", "fd00::ff"])";

TEST(Plan, TakesAddressesAndClientsFromThePolicy) {
  const Result<Plan> result = make_plan(policy_with(kVnic), "gw", 24);
  ASSERT_TRUE(result.ok()) << result.status().message();
  const Plan& plan = result.value();
  EXPECT_EQ(to_string(plan.mac), "52:55:0a:00:02:02");
  EXPECT_EQ(to_string(plan.host), "10.0.2.2");
  EXPECT_EQ(to_string(plan.dns), "10.0.2.3");
  EXPECT_EQ(to_string(plan.network), "10.0.2.0/24");
  EXPECT_EQ(to_string(*plan.host_v6), "fd00::ff");
  EXPECT_EQ(to_string(plan.dns_v6), "fd00::100");
  EXPECT_EQ(to_string(plan.first_client), "10.0.2.16");
  ASSERT_EQ(plan.clients.size(), 2u);
  EXPECT_EQ(to_string(plan.clients.at(*parse_mac("52:54:00:00:00:15"))),
            "10.0.2.15");  // the first of its two
  EXPECT_EQ(to_string(plan.clients.at(*parse_mac("52:54:00:00:00:16"))), "10.0.2.16");
}

TEST(Plan, SaysWhatThePolicyLacks) {
  EXPECT_EQ(make_plan(policy_with(kVnic), "nobody", 24).status().message(),
            "the policy has no vnic 'nobody'; --vnic names one of its vnics");
  EXPECT_EQ(make_plan(policy_with(R"(, "addresses": ["10.0.2.2"])"), "gw", 24).status().message(),
            "the policy's vnic 'gw' has no mac; add one");
  EXPECT_EQ(make_plan(policy_with(R"(, "mac": "52:55:0a:00:02:02", "addresses": ["0.0.0.0/0"])"),
                      "gw", 24)
                .status()
                .message(),
            "the policy's vnic 'gw' has no IPv4 address of its own; add one like 10.0.2.2");
}

TEST(Forward, IsReadAsQemuWritesIt) {
  const Plan plan = make_plan(policy_with(kVnic), "gw", 24).value();
  const Result<Forward> whole = parse_forward("tcp:127.0.0.2:2222-10.0.2.15:22", plan);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  EXPECT_FALSE(whole.value().udp);
  EXPECT_EQ(to_string(whole.value().host), "127.0.0.2");
  EXPECT_EQ(whole.value().host_port, 2222);
  EXPECT_EQ(to_string(whole.value().guest), "10.0.2.15");
  EXPECT_EQ(whole.value().guest_port, 22);
  const Result<Forward> brief = parse_forward("udp::53-:5353", plan);
  ASSERT_TRUE(brief.ok());
  EXPECT_TRUE(brief.value().udp);
  EXPECT_EQ(to_string(brief.value().host), "127.0.0.1");
  EXPECT_EQ(to_string(brief.value().guest), "10.0.2.16");
  for (const char* text :
       {"", "tcp", "tcp:", "tcp::22", "tcp:22-22", "tcp::0-:22", "tcp::22-:65536",
        "tcp:localhost:22-:22", "sctp::22-:22", "tcp::22-::22", "tcp:::1:22-:22"}) {
    EXPECT_EQ(parse_forward(text, plan).status().message(),
              std::string("--hostfwd ") + text +
                  ": write it like tcp:127.0.0.1:2222-10.0.2.15:22 or udp::5353-:53");
  }
  EXPECT_EQ(parse_forward("tcp:0.0.0.0:22-:22", plan).status().message(),
            "--hostfwd tcp:0.0.0.0:22-:22: 0.0.0.0 can be reached from elsewhere; take 127.0.0.1");
}

DhcpConfig config() {
  DhcpConfig config;
  config.mac = *parse_mac("52:55:0a:00:02:02");
  config.server = *parse_ip("10.0.2.2");
  config.dns = *parse_ip("10.0.2.3");
  config.mtu = 1450;
  config.leases = {{*parse_mac("52:54:00:00:00:01"), *parse_ip("10.0.2.15")}};
  return config;
}

struct Message {
  uint8_t operation = 1, hardware = 1, hardware_length = 6;
  Bytes client_ip = {0, 0, 0, 0};
  std::string mac = "52:54:00:00:00:01";
  Bytes options = {53, 1, 1, 255};
  Bytes magic = {0x63, 0x82, 0x53, 0x63};
};

Bytes request(const Message& m, uint16_t port = 67) {
  Bytes octets(236);
  octets[0] = m.operation;
  octets[1] = m.hardware;
  octets[2] = m.hardware_length;
  octets[4] = 0xca;
  octets[7] = 0xfe;
  octets[10] = 0x80;  // wants a broadcast
  std::copy(m.client_ip.begin(), m.client_ip.end(), octets.begin() + 12);
  const MacAddress mac = *parse_mac(m.mac);
  std::copy(mac.octets.begin(), mac.octets.end(), octets.begin() + 28);
  std::fill(octets.begin() + 44, octets.end(),
            uint8_t{0xaa});  // the server must not send this back
  octets.insert(octets.end(), m.magic.begin(), m.magic.end());
  octets.insert(octets.end(), m.options.begin(), m.options.end());
  return Frame()
      .ethernet({.destination = "ff:ff:ff:ff:ff:ff", .source = m.mac})
      .ipv4({.source = "0.0.0.0", .destination = "255.255.255.255"})
      .udp({.source = 68, .destination = port})
      .payload(octets)
      .build();
}

Bytes option(const Bytes& frame, uint8_t code) {
  for (size_t at = 42 + 240; at + 1 < frame.size() && frame[at] != 255; at += 2u + frame[at + 1]) {
    if (frame[at] == code)
      return {frame.begin() + static_cast<ptrdiff_t>(at) + 2,
              frame.begin() + static_cast<ptrdiff_t>(at) + 2 + frame[at + 1]};
  }
  return {};
}

TEST(Dhcp, OffersTheLeaseToTheClientAlone) {
  const Bytes frame = DhcpServer(config()).answer(request({}));
  Layers layers;
  ASSERT_EQ(parse::parse(frame, {}, layers), spec::DropReason::none);
  EXPECT_EQ(verify_l4_checksum(frame.data(), layers), ChecksumState::kGood);
  EXPECT_EQ(to_string(MacAddress::from(frame.data())), "52:54:00:00:00:01");
  EXPECT_EQ(to_string(MacAddress::from(frame.data() + 6)), "52:55:0a:00:02:02");
  const Ipv4Header<const uint8_t> ip(frame.data() + 14);
  EXPECT_EQ(to_string(ip.source()), "10.0.2.2");
  EXPECT_EQ(to_string(ip.destination()), "10.0.2.15");
  ASSERT_EQ(layers.payload_offset, 42);
  ASSERT_EQ(frame.size(), 342u);
  const BootpHeader<const uint8_t> bootp(frame.data() + 42);
  EXPECT_EQ(bootp.operation(), 2);
  EXPECT_EQ(bootp.transaction(), 0xca0000feu);
  EXPECT_EQ(to_string(bootp.your_ip()), "10.0.2.15");
  EXPECT_EQ(to_string(bootp.server_ip()), "0.0.0.0");
  EXPECT_TRUE(std::all_of(frame.begin() + 42 + 44, frame.begin() + 42 + 236,
                          [](uint8_t octet) { return octet == 0; }));
  EXPECT_EQ(option(frame, 53), Bytes{2});
  EXPECT_EQ(option(frame, 54), (Bytes{10, 0, 2, 2}));
  EXPECT_EQ(option(frame, 51), (Bytes{0, 1, 0x51, 0x80}));
  EXPECT_EQ(option(frame, 1), (Bytes{255, 255, 255, 0}));
  EXPECT_EQ(option(frame, 3), (Bytes{10, 0, 2, 2}));
  EXPECT_EQ(option(frame, 6), (Bytes{10, 0, 2, 3}));
  EXPECT_EQ(option(frame, 26), (Bytes{5, 0xaa}));
  EXPECT_EQ(option(frame, 67), Bytes{});
}

TEST(Dhcp, TellsTheBootFile) {
  DhcpConfig with_file = config();
  with_file.boot_file = "ipxe.efi";
  const Bytes frame = DhcpServer(with_file).answer(request({}));
  ASSERT_GE(frame.size(), 342u);
  EXPECT_EQ(to_string(BootpHeader<const uint8_t>(frame.data() + 42).server_ip()), "10.0.2.2");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(frame.data()) + 42 + 108), "ipxe.efi");
  EXPECT_EQ(option(frame, 67), (Bytes{'i', 'p', 'x', 'e', '.', 'e', 'f', 'i'}));
}

TEST(Dhcp, AnswersByTheKindOfRequest) {
  const struct {
    const char* what;
    Message message;
    Bytes type;  // of the answer; empty: none
  } kRows[] = {
      {"select, right address",
       {.options = {53, 1, 3, 54, 4, 10, 0, 2, 2, 50, 4, 10, 0, 2, 15, 255}},
       {5}},
      {"select, wrong address",
       {.options = {53, 1, 3, 54, 4, 10, 0, 2, 2, 50, 4, 10, 0, 2, 16, 255}},
       {6}},
      {"select, another server",
       {.options = {53, 1, 3, 54, 4, 10, 0, 2, 9, 50, 4, 10, 0, 2, 15, 255}},
       {}},
      {"reboot", {.options = {53, 1, 3, 50, 4, 10, 0, 2, 15, 255}}, {5}},
      {"renew", {.client_ip = {10, 0, 2, 15}, .options = {53, 1, 3, 255}}, {5}},
      {"renew, wrong address", {.client_ip = {10, 0, 2, 99}, .options = {53, 1, 3, 255}}, {6}},
      {"requested address cut off", {.options = {53, 1, 3, 50, 4, 10, 0}}, {6}},
      {"inform", {.client_ip = {10, 0, 2, 15}, .options = {53, 1, 8, 255}}, {5}},
      {"padding in front", {.options = {0, 0, 0, 53, 1, 1, 255}}, {2}},
      {"no end", {.options = {53, 1, 1}}, {2}},
      {"decline", {.options = {53, 1, 4, 255}}, {}},
      {"release", {.options = {53, 1, 7, 255}}, {}},
      {"unknown client", {.mac = "52:54:00:00:00:02"}, {}},
      {"a reply", {.operation = 2}, {}},
      {"not Ethernet", {.hardware = 6}, {}},
      {"long hardware address", {.hardware_length = 16}, {}},
      {"plain BOOTP", {.options = {}}, {}},
      {"no type", {.options = {12, 1, 'x', 255}}, {}},
      {"type behind the end", {.options = {255, 53, 1, 1}}, {}},
      {"type of two octets", {.options = {53, 2, 1, 1, 255}}, {}},
      {"option cut off", {.options = {12, 200, 1, 53, 1, 1, 255}}, {}},
      {"option without length", {.options = {53}}, {}},
      {"wrong magic number", {.magic = {1, 2, 3, 4}}, {}},
  };
  const DhcpServer server(config());
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.what);
    const Bytes frame = request(row.message);
    EXPECT_TRUE(DhcpServer::is_for_server(frame));
    const Bytes reply = server.answer(frame);
    EXPECT_EQ(reply.empty(), row.type.empty());
    if (!reply.empty()) {
      EXPECT_EQ(option(reply, 53), row.type);
    }
  }
}

TEST(Dhcp, ARefusalAndAnInformationGiveNoAddress) {
  const DhcpServer server(config());
  const Bytes nak = server.answer(request({.options = {53, 1, 3, 50, 4, 10, 0, 2, 16, 255}}));
  ASSERT_FALSE(nak.empty());
  EXPECT_EQ(to_string(BootpHeader<const uint8_t>(nak.data() + 42).your_ip()), "0.0.0.0");
  EXPECT_EQ(option(nak, 3), Bytes{});
  const Bytes inform =
      server.answer(request({.client_ip = {10, 0, 2, 15}, .options = {53, 1, 8, 255}}));
  ASSERT_FALSE(inform.empty());
  EXPECT_EQ(to_string(BootpHeader<const uint8_t>(inform.data() + 42).your_ip()), "0.0.0.0");
  EXPECT_EQ(option(inform, 51), Bytes{});
  EXPECT_EQ(option(inform, 3), (Bytes{10, 0, 2, 2}));
}

TEST(Dhcp, IsForPort67Only) {
  EXPECT_FALSE(DhcpServer::is_for_server(request({}, 68)));
  EXPECT_FALSE(DhcpServer::is_for_server(
      Frame().ethernet().ipv6().udp({.source = 68, .destination = 67}).payload(300).build()));
  EXPECT_FALSE(DhcpServer::is_for_server(
      Frame().ethernet().ipv4().tcp({.destination = 67}).payload(300).build()));
  EXPECT_FALSE(DhcpServer::is_for_server({}));
}

TEST(Dhcp, CutOffAnywhereGetsNoAnswerOrAWholeOne) {
  const DhcpServer server(config());
  const Bytes options = {53, 1, 3, 50, 4, 10, 0, 2, 15, 255};
  for (size_t kept = 0; kept <= options.size(); ++kept) {
    const Bytes reply = server.answer(
        request({.options = {options.begin(), options.begin() + static_cast<ptrdiff_t>(kept)}}));
    EXPECT_TRUE(reply.empty() || reply.size() >= 342u);
  }
  const Bytes whole = request({.options = options});
  for (size_t length = 0; length < whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_TRUE(server.answer(cut).empty()) << length;  // the UDP and IP lengths no longer fit
  }
}

}  // namespace
}  // namespace gatehouse::gateway
