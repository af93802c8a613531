// SPDX-License-Identifier: GPL-2.0-or-later
// A reader of frames for people; independent of hw/core/parse on purpose, so that the two check
// each other in the demo.
#include <algorithm>
#include <cstdio>

#include "hw/core/base/address.hh"
#include "hw/core/base/bytes.hh"
#include "hw/core/base/layers.hh"
#include "tools/report/capture_file.hh"

namespace gatehouse::report {
namespace {

constexpr uint16_t kVxlanPort = 4789, kGenevePort = 6081;
constexpr unsigned kPayloadShown = 16;
constexpr unsigned kMostLayers = 16;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

enum class Next { kEthernet, kIpv4, kIpv6, kArp, kTcp, kUdp, kIcmp, kVxlan, kGeneve, kPayload };

// One step: reads the layer `next` at `at`, appends its line, moves on.
class Decoder {
 public:
  explicit Decoder(const std::vector<uint8_t>& octets)
      : at_(octets.data()), end_(octets.data() + octets.size()) {}

  std::string run() {
    for (unsigned layer = 0; layer < kMostLayers && next_ != Next::kPayload; ++layer) step();
    if (at_ < end_) {
      std::string hex;
      const auto shown = std::min<std::ptrdiff_t>(end_ - at_, kPayloadShown);
      for (int i = 0; i < shown; ++i) hex += format("%02x ", at_[i]);
      add(format("payload   %td octets: ", end_ - at_) + hex + (end_ - at_ > shown ? "..." : ""));
    }
    return text_;
  }

 private:
  bool has(std::ptrdiff_t octets) {
    if (end_ - at_ >= octets) return true;
    add("cut off");
    next_ = Next::kPayload;
    return false;
  }
  void add(const std::string& line) { text_ += line + "\n"; }

  void step() {
    switch (next_) {
      case Next::kEthernet:
        return ethernet();
      case Next::kIpv4:
        return ipv4();
      case Next::kIpv6:
        return ipv6();
      case Next::kArp:
        return arp();
      case Next::kTcp:
        return tcp();
      case Next::kUdp:
        return udp();
      case Next::kIcmp:
        return icmp();
      case Next::kVxlan:
        return vxlan();
      case Next::kGeneve:
        return geneve();
      case Next::kPayload:
        return;
    }
  }

  void by_ether_type(uint16_t type) {
    next_ = type == static_cast<uint16_t>(EtherType::kIpv4)   ? Next::kIpv4
            : type == static_cast<uint16_t>(EtherType::kIpv6) ? Next::kIpv6
            : type == static_cast<uint16_t>(EtherType::kArp)  ? Next::kArp
                                                              : Next::kPayload;
  }
  void by_protocol(uint8_t protocol) {
    next_ = protocol == static_cast<uint8_t>(IpProtocol::kTcp)   ? Next::kTcp
            : protocol == static_cast<uint8_t>(IpProtocol::kUdp) ? Next::kUdp
            : protocol == static_cast<uint8_t>(IpProtocol::kIcmp) ||
                    protocol == static_cast<uint8_t>(IpProtocol::kIcmpv6)
                ? Next::kIcmp
                : Next::kPayload;
  }

  void ethernet() {
    if (!has(14)) return;
    const uint16_t type = load_be<uint16_t>(at_ + 12);
    add("Ethernet  " + to_string(MacAddress::from(at_ + 6)) + " > " +
        to_string(MacAddress::from(at_)) + format("  type 0x%04x", type));
    at_ += 14;
    by_ether_type(type);
  }

  void ipv4() {
    if (!has(20)) return;
    const unsigned header = (at_[0] & 15) * 4u, total = load_be<uint16_t>(at_ + 2);
    if (header < 20 || !has(header)) return;
    const unsigned fragment = load_be<uint16_t>(at_ + 6);
    add("IPv4      " + to_string(IpAddress::v4(at_ + 12)) + " > " +
        to_string(IpAddress::v4(at_ + 16)) +
        format("  proto %u  len %u  ttl %u  tos 0x%02x  id 0x%04x%s%s", at_[9], total, at_[8],
               at_[1], load_be<uint16_t>(at_ + 4), fragment & 0x4000 ? "  DF" : "",
               fragment & 0x3fff ? "  fragment" : ""));
    by_protocol(fragment & 0x1fff ? static_cast<uint8_t>(IpProtocol::kNoNext) : at_[9]);
    if (total >= header && total <= end_ - at_) end_ = at_ + total;
    at_ += header;
  }

  void ipv6() {
    if (!has(40)) return;
    add("IPv6      " + to_string(IpAddress::v6(at_ + 8)) + " > " +
        to_string(IpAddress::v6(at_ + 24)) +
        format("  next %u  len %u  hop limit %u", at_[6], load_be<uint16_t>(at_ + 4), at_[7]));
    by_protocol(at_[6]);
    at_ += 40;
  }

  void arp() {
    if (!has(28)) return;
    add(format("ARP       operation %u  ", load_be<uint16_t>(at_ + 6)) +
        to_string(IpAddress::v4(at_ + 14)) + " (" + to_string(MacAddress::from(at_ + 8)) +
        ") asks/tells " + to_string(IpAddress::v4(at_ + 24)));
    at_ += 28;
    next_ = Next::kPayload;
  }

  void tcp() {
    if (!has(20)) return;
    const unsigned header = (at_[12] >> 4) * 4u;
    add(format("TCP       %u > %u  seq %u  ack %u  flags 0x%02x  window %u", load_be<uint16_t>(at_),
               load_be<uint16_t>(at_ + 2), load_be<uint32_t>(at_ + 4), load_be<uint32_t>(at_ + 8),
               at_[13], load_be<uint16_t>(at_ + 14)));
    next_ = Next::kPayload;
    if (header >= 20 && has(header)) at_ += header;
  }

  void udp() {
    if (!has(8)) return;
    const uint16_t port = load_be<uint16_t>(at_ + 2), checksum = load_be<uint16_t>(at_ + 6);
    add(format("UDP       %u > %u  len %u  checksum 0x%04x", load_be<uint16_t>(at_), port,
               load_be<uint16_t>(at_ + 4), checksum));
    next_ = port == kVxlanPort    ? Next::kVxlan
            : port == kGenevePort ? Next::kGeneve
                                  : Next::kPayload;
    at_ += 8;
  }

  void icmp() {
    if (!has(8)) return;
    add(format("ICMP      type %u  code %u  id %u  seq %u", at_[0], at_[1],
               load_be<uint16_t>(at_ + 4), load_be<uint16_t>(at_ + 6)));
    at_ += 8;
    next_ = Next::kPayload;
  }

  void vxlan() {
    if (!has(8)) return;
    add(format("VXLAN     VNI %u  flags 0x%02x", load_be<uint32_t>(at_ + 4) >> 8, at_[0]));
    at_ += 8;
    next_ = Next::kEthernet;
  }

  void geneve() {
    if (!has(8)) return;
    const unsigned options = (at_[0] & 0x3f) * 4u;
    add(format("Geneve    VNI %u  version %u  options %u octets  protocol 0x%04x",
               load_be<uint32_t>(at_ + 4) >> 8, at_[0] >> 6, options, load_be<uint16_t>(at_ + 2)));
    if (!has(8 + static_cast<std::ptrdiff_t>(options))) return;
    at_ += 8 + options;
    next_ = Next::kEthernet;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  Next next_ = Next::kEthernet;
  std::string text_;
};

}  // namespace

std::string decode_frame(const std::vector<uint8_t>& octets) { return Decoder(octets).run(); }

}  // namespace gatehouse::report
