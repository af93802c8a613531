// SPDX-License-Identifier: GPL-2.0-or-later
// Outer headers: prepared once for each (uplink, peer, VNI, format), then copied in front of a
// frame and completed by what differs from frame to frame: lengths, IPv4 identification, DSCP/ECN,
// IPv6 flow label, source port or flow field, checksums.
//
//   Ethernet [802.1Q] | IPv4 or IPv6 | UDP, TCP-shaped or nothing | tunnel header [options] |
//   inner frame
#ifndef GATEHOUSE_HW_CORE_ENCAPSULATE_OUTER_HH_
#define GATEHOUSE_HW_CORE_ENCAPSULATE_OUTER_HH_

#include <cstdint>
#include <cstring>

#include "hw/core/base/address.hh"
#include "hw/core/base/bits.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
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

// A format, ready to be sent: its description, which policy::check_format() has passed, as places.
class Plan {
 public:
  // Keeps a pointer to the format.
  explicit Plan(const policy::Format& format);

  // Octets that the outer headers take of the underlay's MTU (all but Ethernet and VLAN).
  uint32_t mtu_overhead(bool v6) const;
  // Whether a wire that cuts tunnelled super-frames can do so: it knows UDP, and lengths and
  // checksums of IP and UDP only.
  bool wire_cuts() const {
    return l4_ == policy::Format::kUdp && !checksum_ && !total_length_ && !carries_ip();
  }
  // What is sent has no inner Ethernet header.
  bool carries_ip() const { return inside_ != policy::Inside::kEthernet; }
  // Whether an inner frame with these layers can be sent: for IP the right version, without tags,
  // of which nothing would be left.
  bool carries(const Layers& layers) const;
  // Frames that one segment does not hold travel in several TCP-shaped ones. A stream's tunnel
  // header has no checksum: it would be that of all of them.
  bool segments() const { return l4_ == policy::Format::kTcp && (redundant_ || !checksum_); }
  bool is_redundant() const { return redundant_; }

 private:
  friend class Outer;

  void write_header(uint8_t* header, uint32_t vni) const;
  uint32_t l4_length() const;

  const policy::Format* format_;
  Bits flow_, total_length_, ether_type_;
  policy::Inside inside_ = policy::Inside::kEthernet;
  int32_t total_addend_ = 0;
  uint16_t options_length_ = 0;
  uint8_t l4_ = 0;      // IP protocol
  uint8_t header_ = 0;  // octets without options
  uint8_t flow_bits_ = 0;
  uint8_t checksum_at_ = 0;
  bool checksum_ = false;
  bool plain_ = false;  // UDP with a source port by the flow, and no length of its own
  bool port_by_flow_ = false;
  bool redundant_ = false;
  bool offload_ = false;  // at offload_at_, octets from the tunnel header's start
  uint8_t offload_at_ = 0;
};

class Outer {
 public:
  // Ethernet + VLAN + IPv6 + TCP + the longest header; those that need no more than half of it are
  // copied as one cache line.
  static constexpr uint32_t kTemplate = 128;
  static constexpr uint32_t kShort = kTemplate / 2;
  static_assert(14 + 4 + 40 + 20 + policy::Format::kMaxHeader <= kTemplate);
  // Octets that push() may write in front of the inner frame.
  static constexpr uint32_t kReserve = kTemplate + policy::Format::kMaxOptions;
  static_assert(kReserve <= kHeadroom);

  Outer() = default;
  // Keeps a pointer to the plan.
  Outer(const Ends& ends, const Plan& plan);

  // Headers and options, in octets.
  uint32_t length() const { return length_ + plan_->options_length_; }
  // Where the IP header begins in the outer frame.
  uint32_t ip_offset() const { return l2_length_; }
  // Where what stands behind the IP header begins.
  uint32_t l4_offset() const { return l4_offset_; }
  bool is_v6() const { return v6_; }
  bool wire_cuts() const { return plan_->wire_cuts(); }
  bool carries_ip() const { return plan_->carries_ip(); }
  bool carries(const Layers& layers) const { return plan_->carries(layers); }
  bool is_redundant() const { return plan_->is_redundant(); }
  // The tunnel header can say that the inner frame is a TCP super-frame.
  bool tells_super_frames() const { return plan_->offload_; }
  // Octets of the tunnel header with its options.
  uint32_t header_length() const { return uint32_t{plan_->header_} + plan_->options_length_; }

  struct Inner {
    uint8_t traffic_class = 0;  // TOS or traffic class; 0 for what is not IP
    uint32_t hash = 0;          // of the inner flow: picks flow label, source port or flow field
    bool v6 = false;            // for formats that carry IP
  };
  // Writes the headers in front of `inner`, an Ethernet frame or, if carries_ip(), a datagram,
  // where kReserve octets are free, for an inner frame of `length` octets. Answers where the outer
  // frame begins. Its destination MAC is zero. `identification`: IPv4's, and that of a TCP-shaped
  // header.
  uint8_t* push(uint8_t* inner, uint32_t length, Inner about, uint16_t identification) const {
    if (!is_usual_) return push_any(inner, length, about, identification);
    std::memcpy(inner - kShort, template_ + kTemplate - kShort, kShort);
    uint8_t* start = inner - length_;
    const UdpHeader udp(start + l4_offset_);
    const auto l4_length = static_cast<uint16_t>(inner + length - udp.at());
    finish_ipv4(start + l2_length_, l4_length, about.traffic_class, identification);
    udp.set_source_port(source_port(about.hash));
    udp.set_length(l4_length);
    return start;
  }

  // A segment's place in its frame: what the TCP-shaped header says as sequence and
  // acknowledgement.
  struct Place {
    uint32_t sequence = 0, acknowledgement = 0;
  };
  // Octets that push_segment() writes.
  uint32_t segment_headers() const { return length_ - uint32_t{plan_->header_}; }
  // Writes Ethernet, IP and TCP-shaped header in front of a segment's `length` octets, of which
  // `head_length` stand at `head`, where kTemplate octets are free, and the rest is `body`.
  // Checksums are complete, the destination MAC is zero. Answers where the frame begins.
  uint8_t* push_segment(uint8_t* head, uint32_t head_length, const Slice& body, Inner about,
                        uint16_t identification, const Place& place) const;
  // Writes into a tunnel header (draft-davie-stt-08 section 3.1) that the inner frame, of which
  // `layers` are (from its Ethernet header on, sent or not), is a TCP super-frame whose TCP
  // checksum is the sum of the pseudo header.
  void tell_super_frame(uint8_t* header, const Layers& layers, uint16_t mss) const;

  // What it writes is what the other one writes.
  bool writes_as(const Outer& other) const;

  // push() is all that is to be done, for an Ethernet frame of any kind.
  bool is_usual() const { return is_usual_ && !wants_checksum_; }
  bool wants_checksum() const { return wants_checksum_; }
  // Puts UDP's, TCP's and the tunnel header's checksum into a frame made by push(). `head` begins
  // with the outer headers and is writable by the caller.
  void complete_checksum(uint8_t* head, uint32_t head_length, const Slice& body) const;
  // UDP's for a frame that the wire cuts: the field gets the sum of the pseudo header alone.
  void begin_checksum(uint8_t* head) const;

 private:
  // RFC 7348 section 5, RFC 8926 section 3.3: entropy in the dynamic range of RFC 6335.
  static uint16_t source_port(uint32_t hash) {
    return static_cast<uint16_t>(0xc000 | (hash ^ hash >> 16) >> 2);
  }
  // RFC 6438 section 3: the only entropy that routers see of a tunnel without ports.
  static uint32_t flow_label(uint32_t hash) { return spread(hash, 20); }
  // The flow's hash for a field of so many bits.
  static uint32_t spread(uint32_t hash, unsigned bits) { return hash * 0x9e3779b1u >> (32 - bits); }
  // RFC 6040 section 4.1, normal mode: ECN is copied. DSCP by the format (RFC 2983).
  uint8_t tos_of(uint8_t inner) const { return static_cast<uint8_t>(dscp_ | (inner & dscp_mask_)); }
  void finish_ipv4(uint8_t* ip, uint16_t l4_length, uint8_t traffic_class,
                   uint16_t identification) const {
    const Ipv4Header header(ip);
    const uint8_t tos = tos_of(traffic_class);
    const auto total = static_cast<uint16_t>(l4_length + header.kLength);
    header.set_tos(tos);
    header.set_total_length(total);
    header.set_identification(identification);
    header.set_checksum(
        checksum::finish(checksum::fold(uint64_t{ip_sum_} + tos + total + identification)));
  }

  uint8_t* write_ip(const Ends& ends, uint8_t* at);
  void write_l4(uint8_t* at) const;
  uint8_t* push_any(uint8_t* inner, uint32_t length, Inner about, uint16_t identification) const;
  void finish_ip(uint8_t* ip, uint16_t l4_length, Inner about, uint16_t identification) const;
  void finish(uint8_t* l4, uint16_t l4_length, uint32_t hash, uint16_t identification) const;
  void complete_l4(uint8_t* head, uint32_t head_length, uint16_t body_sum,
                   uint32_t body_length) const;

  uint8_t template_[kTemplate] = {};  // ends with the tunnel header
  const Plan* plan_ = nullptr;
  uint16_t ip_sum_ = 0;  // IPv4: of the template's header
  uint16_t l4_sum_ = 0;  // of the pseudo header without length
  uint8_t length_ = 0;   // of the used part of template_
  uint8_t l2_length_ = 0;
  uint8_t l4_offset_ = 0;
  bool v6_ = false;
  bool l4_checksum_ = false;
  bool wants_checksum_ = false;
  // Over IPv4, a Plan::plain_ without options or EtherType, an Ethernet frame inside, and short.
  bool is_usual_ = false;
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
