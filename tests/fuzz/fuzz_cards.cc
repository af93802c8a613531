// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/fuzz_cards.hh"

#include "hw/core/policy/reader.hh"
#include "tests/fuzz/frame_input.hh"
#include "tests/unit/core/pipeline/world.hh"

namespace gatehouse::fuzz {
namespace {

using test::Frame;

constexpr const char* kFormats[kCardKinds][kCardVnics - 1] = {
    {"vxlan", "marked", "gre", "gre-checksum", "slot", "stt"},
    {"vxlan", "marked", "nvgre", "gre-checksum", "stt-redundant", "stt"}};

// The two ends of the overlay and the underlay are one policy with the names turned round: OWN and
// FAR stand for the last octet of each address.
constexpr char kHead[] = R"({
  "formats": [{"name": "marked", "kind": "geneve", "udp_checksum": true, "options": "0104 8001 0a0b0c0d"}],
  "uplinks": [{"name": "uplink0", "mac": "02:00:00:00:00:0OWN", "vlan": VLAN,
               "addresses": ["192.0.2.OWN/24", "2001:db8::OWN/64"], "gateway": "192.0.2.254",
               "neighbours": [NEIGHBOURS]}],
  "groups": [{"name": "others", "addresses": ["10.0.0.FAR", "fd00::FAR"]}],
  "firewalls": [{"name": "web", "connections": 24, "half_open": 8, "rules": [
      {"direction": "in", "protocol": "tcp", "ports": ["80", "5000"], "groups": ["others"], "log": true},
      {"direction": "in", "protocol": "icmp", "icmp_types": [8]},
      {"direction": "in", "protocol": "RULED", "source_ports": ["5000-60000"]},
      {"direction": "out", "action": "deny", "protocol_number": 132}]}],
  "meters": [{"name": "gold", "committed_rate": RATE, "committed_burst": 2000, "peak_rate": 3000,
              "peak_burst": 4000, "colour_aware": true, "yellow_dscp": 12}],
  "mirrors": [{"name": "watch", "tenant": "t0", "peer": "192.0.2.FAR", "vni": 77}],
  "connections": 64)";

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string text_of(unsigned kind, unsigned version, const char* own, const char* far) {
  std::string text = kHead, tenants, vnics, mappings;
  for (unsigned i = 0; i < kCardVnics; ++i) {
    const std::string n = std::to_string(i);
    const bool last = i == kCardVnics - 1;
    const std::string tenant = last ? "t0" : "t" + n;
    const std::string octet = last ? "3" : "OWN";
    vnics +=
        std::string(i == 0 ? "" : ",") + R"({"name": "v)" + n + R"(", "tenant": ")" + tenant +
        R"(", "mac": "52:54:00:00:00:0)" + octet + R"(", "addresses": ["10.0.0.)" + octet +
        R"(", "fd00::)" + octet + R"("])" +
        (i % 2 == 0 ? R"(, "firewall": "web", "groups": ["others"])" : R"(, "mirror": "watch")") +
        (i % 3 == 0 ? R"(, "meter": "gold", "vlans": [7])" : "") + "}";
    if (last) break;
    const std::string peer = i % 2 == 0 ? "192.0.2.FAR" : "2001:db8::FAR";
    tenants += std::string(i == 0 ? "" : ",") + R"({"name": "t)" + n + R"(", "vni": )" +
               std::to_string(100 + i) + R"(, "format": ")" + kFormats[kind][i] +
               R"(", "broadcast_peer": ")" + peer + "\"" +
               (i == 2 ? R"(, "mtu": 600, "meter": "gold")" : "") + "}";
    const auto map = [&](const char* to, const std::string& mac, const std::string& by) {
      mappings += std::string(mappings.empty() ? "" : ",") + R"({"tenant": ")" + tenant +
                  R"(", "destination": ")" + to + R"(", "mac": ")" + mac + R"(", "peer": ")" + by +
                  "\"}";
    };
    map("10.0.0.FAR", "52:54:00:00:00:0FAR", peer);
    map("fd00::FAR", "52:54:00:00:00:0FAR", peer);
    map("10.1.0.0/16", "52:54:00:00:00:99", "198.51.100.9");
  }
  text += ", \"tenants\": [" + tenants + "], \"vnics\": [" + vnics + "], \"mappings\": [" +
          mappings + "]}";
  replace_all(text, "NEIGHBOURS",
              version == 0 ? R"({"address": "192.0.2.FAR", "mac": "02:00:00:00:00:0FAR"})" : "");
  replace_all(text, "RATE", version == 0 ? "1000" : "1");
  replace_all(text, "RULED", version == 0 ? "udp" : "tcp");
  replace_all(text, "VLAN", kind == 0 ? "0" : "9");
  replace_all(text, "OWN", own);
  replace_all(text, "FAR", far);
  return text;
}

policy::Policy read(const std::string& text) {
  Result<policy::Policy> policy = policy::read_policy(text, "card");
  require(policy.ok(), policy.status().message().c_str());
  return std::move(policy.value());
}

std::vector<Bytes> make_wire_frames(unsigned kind) {
  test::World peer(read(text_of(kind, 0, "2", "1")));
  for (const Bytes& frame : guest_frames()) {
    // From the far guest to the near one.
    Bytes turned = frame;
    std::swap_ranges(turned.begin(), turned.begin() + 6, turned.begin() + 6);
    for (size_t at = 14; at + 4 <= std::min<size_t>(turned.size(), 80); ++at) {
      if (turned[at] == 10 && turned[at + 1] == 0 && turned[at + 2] == 0 && turned[at + 3] <= 2)
        turned[at + 3] ^= 3;
      const bool v6 = at + 16 <= turned.size() && turned[at] == 0xfd && turned[at + 1] == 0;
      if (v6 && turned[at + 15] <= 2 && turned[at + 15] > 0) turned[at + 15] ^= 3;
    }
    for (unsigned vnic = 0; vnic < kCardVnics - 1; ++vnic) peer.from_vnic(vnic, turned);
    peer.now += 10'000'000'000;
  }
  // In several segments where the format has such.
  const Bytes super =
      Frame()
          .ethernet({.destination = "52:54:00:00:00:01", .source = "52:54:00:00:00:02"})
          .ipv4({.source = "10.0.0.2", .destination = "10.0.0.1"})
          .tcp()
          .payload(3000)
          .build();
  for (const unsigned vnic : {4, 5}) {
    peer.from_vnic(vnic, super,
                   {.tso = true,
                    .tcp = true,
                    .ipv4 = true,
                    .mss = 1000,
                    .header_length = 54,
                    .payload_length = 3000});
  }
  std::vector<Bytes> frames;
  for (const test::SentFrame& sent : peer.sink.sent) frames.push_back(sent.frame);
  const uint16_t vlan = kind == 0 ? 0 : 9;
  const auto from_peer = [&](const char* to) {
    Frame frame;
    frame.ethernet({.destination = to, .source = "02:00:00:00:00:02"});
    if (vlan != 0) frame.vlan(vlan);
    return frame;
  };
  for (const uint16_t operation : {1, 2}) {
    for (const char* sender : {"192.0.2.2", "192.0.2.254"}) {
      frames.push_back(from_peer("02:00:00:00:00:01")
                           .arp({.operation = operation,
                                 .sender_mac = "02:00:00:00:00:02",
                                 .sender_ip = sender,
                                 .target_mac = "02:00:00:00:00:01",
                                 .target_ip = "192.0.2.1"})
                           .build());
    }
  }
  const test::Ipv6 ip = {.source = "2001:db8::2", .destination = "2001:db8::1", .hop_limit = 255};
  frames.push_back(
      from_peer("02:00:00:00:00:01")
          .ipv6(ip)
          .neighbor_solicitation("2001:db8::1", test::nd_link_option(1, "02:00:00:00:00:02"))
          .build());
  frames.push_back(from_peer("02:00:00:00:00:01")
                       .ipv6(ip)
                       .neighbor_advertisement("2001:db8::2", 0x60000000,
                                               test::nd_link_option(2, "02:00:00:00:00:02"))
                       .build());
  return frames;
}

}  // namespace

std::string card_text(unsigned kind, unsigned version) { return text_of(kind, version, "1", "2"); }

const policy::Policy& card(unsigned kind, unsigned version) {
  static const policy::Policy kCards[kCardKinds][2] = {
      {read(card_text(0, 0)), read(card_text(0, 1))},
      {read(card_text(1, 0)), read(card_text(1, 1))}};
  return kCards[kind][version];
}

const std::vector<Bytes>& wire_frames(unsigned kind) {
  static const std::vector<Bytes> kFrames[kCardKinds] = {make_wire_frames(0), make_wire_frames(1)};
  return kFrames[kind];
}

}  // namespace gatehouse::fuzz
