// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fuzz/fuzz_cards.hh"

#include "hw/core/policy/reader.hh"
#include "tests/fuzz/target.hh"

namespace gatehouse::fuzz {
namespace {

constexpr const char* kFormats[kCardKinds][kCardVnics - 1] = {
    {"vxlan", "marked", "gre", "gre-checksum", "slot", "stt"},
    {"vxlan", "marked", "nvgre", "gre-checksum", "stt-redundant", "stt"},
    {"gue", "ipip", "gre-ip", "gre-udp", "stt-redundant", "geneve"}};

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

// Neighbours that need not be asked.
constexpr char kKnown[] = R"({"address": "192.0.2.FAR", "mac": "02:00:00:00:00:0FAR"},
                                 {"address": "2001:db8::FAR", "mac": "02:00:00:00:00:0FAR"})";

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
        (i % 3 == 0 ? R"(, "meter": "gold", "vlans": [7])" : R"(, "coalesce": true)") + "}";
    if (last) break;
    const std::string peer = i % 2 == 0 ? "192.0.2.FAR" : "2001:db8::FAR";
    const bool ipip = std::string_view(kFormats[kind][i]) == "ipip";  // it has no VNI
    tenants += std::string(i == 0 ? "" : ",") + R"({"name": "t)" + n + R"(", "vni": )" +
               std::to_string(ipip ? 0 : 100 + i) + R"(, "format": ")" + kFormats[kind][i] +
               R"(", "broadcast_peer": ")" + peer + "\"" +
               (i == 2 ? R"(, "mtu": 1300, "meter": "gold")" : "") + "}";
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
  replace_all(text, "NEIGHBOURS", version == 0 ? kKnown : "");
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

}  // namespace

std::string card_text(unsigned kind, unsigned version) { return text_of(kind, version, "1", "2"); }

const policy::Policy& card(unsigned kind, unsigned version) {
  static const std::vector<policy::Policy> kCards = [] {
    std::vector<policy::Policy> cards;
    for (unsigned each = 0; each < 2 * kCardKinds; ++each)
      cards.push_back(read(card_text(each / 2, each % 2)));
    return cards;
  }();
  return kCards[kind * 2 + version];
}

policy::Policy peer_card(unsigned kind) { return read(text_of(kind, 0, "2", "1")); }

}  // namespace gatehouse::fuzz
