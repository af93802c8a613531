// SPDX-License-Identifier: GPL-2.0-or-later
// Outer headers: prepared once for each (uplink, peer, VNI, format), then copied in front of a
// frame and completed by what differs from frame to frame: lengths, IPv4 identification, DSCP/ECN,
// source port, checksums.
//
//   Ethernet [802.1Q] | IPv4 or IPv6 | UDP | VXLAN (RFC 7348) or Geneve (RFC 8926) [options] |
//   inner frame
#ifndef GATEHOUSE_HW_CORE_ENCAPSULATE_OUTER_HH_
#define GATEHOUSE_HW_CORE_ENCAPSULATE_OUTER_HH_

#include <cstdint>

#include "hw/core/base/address.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/policy/policy.hh"

namespace gatehouse::encapsulate {

// What the outer headers say about the two ends.
struct Ends {
  MacAddress source_mac;
  uint16_t vlan = 0;       // underlay VLAN id, 0 = untagged
  IpAddress source, peer;  // of one family
  uint32_t vni = 0;
};

// Octets that an outer header takes of the underlay's MTU (all but Ethernet and VLAN), and in all.
uint32_t mtu_overhead(bool v6, const policy::Format& format);

class alignas(64) Outer {
 public:
  // Ethernet + VLAN + IPv6 + UDP + tunnel is 74; rounded up so that the copy is a fixed number of
  // wide moves.
  static constexpr uint32_t kTemplate = 80;
  // Octets that push() may write in front of the inner frame.
  static constexpr uint32_t kReserve = kTemplate + 252;
  static_assert(kReserve <= kHeadroom);

  Outer() = default;
  // Keeps a pointer to format.options.
  Outer(const Ends& ends, const policy::Format& format);

  // Headers and options, in octets.
  uint32_t length() const { return length_ + options_length_; }
  // Where the IP header begins in the outer frame.
  uint32_t ip_offset() const { return l2_length_; }
  // Where the UDP header begins.
  uint32_t udp_offset() const;
  bool is_v6() const { return v6_; }

  struct Inner {
    uint8_t traffic_class = 0;  // TOS or traffic class; 0 for what is not IP
    uint32_t hash = 0;          // of the inner flow: picks the UDP source port
  };
  // Writes the headers in front of `inner`, where kReserve octets are free, for an inner frame of
  // `length` octets. Answers where the outer frame begins. Its destination MAC is zero.
  // `identification`: IPv4's.
  uint8_t* push(uint8_t* inner, uint32_t length, Inner about, uint16_t identification) const;

  bool wants_checksum() const { return udp_checksum_; }
  // Puts the UDP checksum into a frame made by push(). `frame.head` begins with the outer headers
  // and is writable by the caller.
  void complete_checksum(uint8_t* head, uint32_t head_length, const Slice& body) const;
  // The same for a frame that the wire cuts: the field gets the sum of the pseudo header alone.
  void begin_checksum(uint8_t* head) const;

 private:
  uint8_t template_[kTemplate] = {};  // ends with the tunnel header
  const uint8_t* options_ = nullptr;
  uint16_t options_length_ = 0;
  uint16_t ip_sum_ = 0;   // IPv4: of the template's header
  uint16_t udp_sum_ = 0;  // of the pseudo header without length
  uint8_t length_ = 0;    // of the used part of template_
  uint8_t l2_length_ = 0;
  bool v6_ = false;
  bool udp_checksum_ = false;
  uint8_t dscp_ = 0;       // already in its place: upper six bits
  uint8_t dscp_mask_ = 0;  // bits of the inner traffic class that are copied
};

// Of the inner frame, for Inner: `ip` is where its IP header begins.
inline uint8_t traffic_class(const uint8_t* ip, L3 l3) {
  if (l3 == L3::kIpv4) return ip[1];
  if (l3 == L3::kIpv6) return static_cast<uint8_t>(ip[0] << 4 | ip[1] >> 4);
  return 0;
}

}  // namespace gatehouse::encapsulate

#endif  // GATEHOUSE_HW_CORE_ENCAPSULATE_OUTER_HH_
