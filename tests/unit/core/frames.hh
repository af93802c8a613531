// SPDX-License-Identifier: GPL-2.0-or-later
// Frames for tests, written as a sentence:
//   Frame().ethernet({.source = "52:54:00:00:00:01"}).vlan(100).ipv4({.source =
//   "10.0.0.1"}).udp({.destination = 53}).payload(100).build()
// build() fills in what was not given: EtherTypes, next headers, lengths and checksums, with code
// of its own, not the card's. A layer below which nothing follows has payload only. Use patch() on
// the result, or the `optional` members, for frames that are wrong.
#ifndef GATEHOUSE_TESTS_UNIT_CORE_FRAMES_HH_
#define GATEHOUSE_TESTS_UNIT_CORE_FRAMES_HH_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hw/core/base/packet.hh"

namespace gatehouse::test {

using Bytes = std::vector<uint8_t>;

// Defaults are one guest (…01, 10.0.0.1, fd00::1) that talks to another (…02, 10.0.0.2, fd00::2).
struct Ethernet {
  std::string destination = "52:54:00:00:00:02";
  std::string source = "52:54:00:00:00:01";
  std::optional<uint16_t> type = {};  // by what follows; nothing: IEEE experimental 0x88b5
};
struct Ipv4 {
  std::string source = "10.0.0.1";
  std::string destination = "10.0.0.2";
  uint8_t tos = 0;
  uint16_t id = 0x1234;
  bool dont_fragment = false;
  bool more_fragments = false;
  uint32_t fragment_offset = 0;  // octets
  uint8_t ttl = 64;
  Bytes options = {};  // length a multiple of 4
  std::optional<uint8_t> protocol = {};
  std::optional<uint16_t> total_length = {};
  std::optional<uint16_t> checksum = {};
};
struct Ipv6 {
  std::string source = "fd00::1";
  std::string destination = "fd00::2";
  uint8_t traffic_class = 0;
  uint32_t flow_label = 0;
  uint8_t hop_limit = 64;
  std::optional<uint8_t> next_header = {};
  std::optional<uint16_t> payload_length = {};
};
struct Tcp {
  uint16_t source = 40000;
  uint16_t destination = 80;
  uint32_t sequence = 1000;
  uint32_t acknowledgement = 2000;
  uint8_t flags = 0x10;  // ACK
  uint16_t window = 512;
  Bytes options = {};  // length a multiple of 4
  std::optional<uint16_t> checksum = {};
};
struct Udp {
  uint16_t source = 40000;
  uint16_t destination = 5000;
  std::optional<uint16_t> length = {};
  std::optional<uint16_t> checksum = {};
};
struct Icmp {  // ICMP over IPv4, ICMPv6 over IPv6
  uint8_t type = 8;
  uint8_t code = 0;
  uint32_t rest = 0;  // the second word
  std::optional<uint16_t> checksum = {};
};
struct Arp {
  uint16_t operation = 1;
  std::string sender_mac = "52:54:00:00:00:01";
  std::string sender_ip = "10.0.0.1";
  std::string target_mac = "00:00:00:00:00:00";
  std::string target_ip = "10.0.0.2";
};

class Frame {
 public:
  Frame& ethernet(const Ethernet& fields = {});
  // A tag behind the Ethernet header or another tag. `tpid` is what announces it.
  Frame& vlan(uint16_t tci, uint16_t tpid = 0x8100);
  Frame& arp(const Arp& fields = {});
  Frame& ipv4(const Ipv4& fields = {});
  Frame& ipv6(const Ipv6& fields = {});
  // An extension header of RFC 6564's form: hop-by-hop 0, routing 43, destination 60. `body`: what
  // follows next header and length, 6 + 8n octets; padded with PadN when shorter than 6.
  Frame& extension(uint8_t type, Bytes body = {});
  Frame& fragment(uint32_t offset, bool more, uint32_t id = 0x12345678);
  Frame& tcp(const Tcp& fields = {});
  Frame& udp(const Udp& fields = {});
  Frame& icmp(const Icmp& fields = {});
  // Neighbor Discovery. `options` are whole ones. Use over ipv6({.hop_limit = 255}).
  Frame& neighbor_solicitation(const std::string& target, const Bytes& options = {});
  Frame& neighbor_advertisement(const std::string& target, uint32_t flags,
                                const Bytes& options = {});
  Frame& payload(uint32_t octets);  // a pattern that differs everywhere
  Frame& payload(const Bytes& octets);
  Frame& append(
      const Bytes& octets);  // behind everything: not counted in any length (Ethernet padding)
  Bytes build() const;

 private:
  enum class Kind : uint8_t {
    kEthernet,
    kVlan,
    kArp,
    kIpv4,
    kIpv6,
    kExtension,
    kFragment,
    kTcp,
    kUdp,
    kIcmp,
    kPayload
  };
  struct Layer {
    Kind kind;
    Bytes octets;
    uint8_t number = 0;  // extension's own number
    uint16_t type = 0;   // VLAN: TPID
    // Fields that were given and are not computed.
    bool fixed_next = false, fixed_length = false, fixed_checksum = false;
  };
  Frame& add(Kind kind, Bytes octets);
  static const Bytes* ip_header(const std::vector<Layer>& layers, size_t index);
  static void fill_next(std::vector<Layer>& layers, size_t index);
  static void fill_lengths(Layer& layer, size_t below);
  static void fill_checksum(std::vector<Layer>& layers, size_t index, const Bytes& below);
  std::vector<Layer> layers_;
  Bytes trailer_;
};

// A link-layer address option of ND: type 1 (source) or 2 (target).
Bytes nd_link_option(uint8_t type, const std::string& mac);
Bytes pattern(uint32_t octets, uint32_t seed = 1);
Bytes concat(std::initializer_list<Bytes> parts);
// A copy of `frame` with octets at `offset` replaced.
Bytes patch(Bytes frame, size_t offset, const Bytes& octets);
Bytes cut(Bytes frame, size_t octets);
Bytes from_hex(const std::string& hex);  // blanks allowed
std::string to_hex(std::span<const uint8_t> octets);

// The frame that a vnic or an uplink would hand in. The packet is the pool's.
Packet* packet_of(PacketPool& pool, const Bytes& frame, uint16_t port = 0);
Bytes bytes_of(const Packet& packet);
Bytes bytes_of(const OutFrame& frame);

// The Internet checksum as RFC 1071 defines it, octet by octet: the reference for the card's own.
uint16_t naive_sum(std::span<const uint8_t> octets, uint32_t initial = 0);
// True when the IPv4 header checksum (if IPv4) and the TCP, UDP, ICMP or ICMPv6 checksum (if there
// is one and no fragment) of a frame are right. An own walk over the frame, independent of parse.
// `why` says which one is wrong.
bool checksums_right(const Bytes& frame, std::string* why = nullptr);

}  // namespace gatehouse::test

#endif  // GATEHOUSE_TESTS_UNIT_CORE_FRAMES_HH_
