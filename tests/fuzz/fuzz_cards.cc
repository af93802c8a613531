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
constexpr char kKnowsOne[] = R"({"address": "192.0.2.FAR", "mac": "02:00:00:00:00:0FAR"})";
constexpr char kKnowsBoth[] = R"({"address": "192.0.2.FAR", "mac": "02:00:00:00:00:0FAR"},
                                 {"address": "2001:db8::FAR", "mac": "02:00:00:00:00:0FAR"})";

std::string text_of(unsigned kind, unsigned version, const char* neighbours, const char* own,
                    const char* far) {
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
  replace_all(text, "NEIGHBOURS", neighbours);
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

// From the far guest to the near one.
std::vector<Bytes> make_far_frames() {
  std::vector<Bytes> frames = guest_frames();
  // A stream, in order.
  for (uint32_t i = 0; i < 3; ++i) {
    frames.push_back(Frame()
                         .ethernet()
                         .ipv4({.id = static_cast<uint16_t>(i), .dont_fragment = true})
                         .tcp({.sequence = 1000 + i * 100})
                         .payload(test::pattern(100, i))
                         .build());
  }
  for (Bytes& frame : frames) {
    std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
    for (size_t at = 14; at + 4 <= std::min<size_t>(frame.size(), 80); ++at) {
      if (frame[at] == 10 && frame[at + 1] == 0 && frame[at + 2] == 0 && frame[at + 3] <= 2)
        frame[at + 3] ^= 3;
      const bool v6 = at + 16 <= frame.size() && frame[at] == 0xfd && frame[at + 1] == 0;
      if (v6 && frame[at + 15] <= 2 && frame[at + 15] > 0) frame[at + 15] ^= 3;
    }
  }
  return frames;
}
const std::vector<Bytes>& far_frames() {
  static const std::vector<Bytes> kFrames = make_far_frames();
  return kFrames;
}

WireFrame wire_frame(const Bytes& frame, const Bytes& inside) {
  for (const size_t ethernet : {0, 14}) {
    if (inside.size() - ethernet > frame.size()) continue;
    const size_t at = frame.size() - (inside.size() - ethernet);
    if (std::equal(inside.begin() + static_cast<ptrdiff_t>(ethernet), inside.end(),
                   frame.begin() + static_cast<ptrdiff_t>(at)))
      return {frame, static_cast<uint16_t>(at), ethernet == 0};
  }
  return {frame};
}

std::vector<WireFrame> make_wire_frames(unsigned kind) {
  test::World peer(read(text_of(kind, 0, kKnowsBoth, "2", "1")));
  std::vector<WireFrame> frames;
  const auto keep = [&](const Bytes& inside) {
    for (const test::SentFrame& sent : peer.sink.sent)
      frames.push_back(wire_frame(sent.frame, inside));
    peer.sink.sent.clear();
  };
  for (const Bytes& frame : far_frames()) {
    for (unsigned vnic = 0; vnic < kCardVnics - 1; ++vnic) {
      peer.from_vnic(vnic, frame);
      keep(frame);
    }
    peer.now += 10'000'000'000;
    keep({});  // what the neighbours' clockwork sends
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
    for (const test::SentFrame& sent : peer.sink.sent) frames.push_back({sent.frame});
    peer.sink.sent.clear();
  }
  const uint16_t vlan = kind == 0 ? 0 : 9;
  const auto from_peer = [&](const char* to) {
    Frame frame;
    frame.ethernet({.destination = to, .source = "02:00:00:00:00:02"});
    if (vlan != 0) frame.vlan(vlan);
    return frame;
  };
  for (const uint16_t operation : {1, 2}) {
    for (const char* sender : {"192.0.2.2", "192.0.2.254"}) {
      frames.push_back({from_peer("02:00:00:00:00:01")
                            .arp({.operation = operation,
                                  .sender_mac = "02:00:00:00:00:02",
                                  .sender_ip = sender,
                                  .target_mac = "02:00:00:00:00:01",
                                  .target_ip = "192.0.2.1"})
                            .build()});
    }
  }
  const test::Ipv6 ip = {.source = "2001:db8::2", .destination = "2001:db8::1", .hop_limit = 255};
  frames.push_back(
      {from_peer("02:00:00:00:00:01")
           .ipv6(ip)
           .neighbor_solicitation("2001:db8::1", test::nd_link_option(1, "02:00:00:00:00:02"))
           .build()});
  frames.push_back({from_peer("02:00:00:00:00:01")
                        .ipv6(ip)
                        .neighbor_advertisement("2001:db8::2", 0x60000000,
                                                test::nd_link_option(2, "02:00:00:00:00:02"))
                        .build()});
  return frames;
}

}  // namespace

std::string card_text(unsigned kind, unsigned version) {
  return text_of(kind, version, version == 0 ? kKnowsOne : "", "1", "2");
}

const policy::Policy& card(unsigned kind, unsigned version) {
  static const std::vector<policy::Policy> kCards = [] {
    std::vector<policy::Policy> cards;
    for (unsigned each = 0; each < 2 * kCardKinds; ++each)
      cards.push_back(read(card_text(each / 2, each % 2)));
    return cards;
  }();
  return kCards[kind * 2 + version];
}

const std::vector<WireFrame>& wire_frames(unsigned kind) {
  static const std::vector<std::vector<WireFrame>> kFrames = [] {
    std::vector<std::vector<WireFrame>> frames;
    for (unsigned each = 0; each < kCardKinds; ++each) frames.push_back(make_wire_frames(each));
    return frames;
  }();
  return kFrames[kind];
}

Bytes take_wire_frame(Input& input, unsigned kind) {
  const auto& known = wire_frames(kind);
  const uint32_t which = input.below(static_cast<uint32_t>(known.size()) + 1);
  if (which == known.size()) return input.octets(input.below(kMostFrame));
  const WireFrame& wire = known[which];
  const uint8_t how = input.take();
  Bytes frame = wire.frame;
  if ((how & 4) && wire.inner != 0) {
    const Bytes inner = take_frame(input, far_frames());
    frame.resize(wire.inner);
    const size_t left_out = wire.ethernet ? 0 : std::min<size_t>(14, inner.size());
    frame.insert(frame.end(), inner.begin() + static_cast<ptrdiff_t>(left_out), inner.end());
  } else {
    change(frame, input);
  }
  if (how & 3) mend_sums(frame);
  frame.shrink_to_fit();
  return frame;
}

}  // namespace gatehouse::fuzz
