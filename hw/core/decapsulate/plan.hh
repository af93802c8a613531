// SPDX-License-Identifier: GPL-2.0-or-later
// A format, ready to be recognised and opened: its description, which policy::check_format() has
// passed, as places. Reads nothing behind the room that it is told of.
#ifndef GATEHOUSE_HW_CORE_DECAPSULATE_PLAN_HH_
#define GATEHOUSE_HW_CORE_DECAPSULATE_PLAN_HH_

#include <array>
#include <cstdint>
#include <vector>

#include "hw/core/base/bits.hh"
#include "hw/core/policy/policy.hh"
#include "hw/spec/drop_reasons.hh"

namespace gatehouse::decapsulate {

// Where a tunnel ends: outer IP protocol, and for UDP and TCP the destination port.
constexpr uint32_t end_of(uint8_t protocol, uint16_t port) {
  return uint32_t{protocol} << 16 | port;
}

// What STT's header leaves to the receiver.
struct Left {
  bool checksum = false;  // the inner TCP or UDP checksum is not made
  uint16_t mss = 0;       // of a TCP super-frame; 0: the inner frame is none
};

class Plan {
 public:
  explicit Plan(const policy::Format& format);

  // Another format that is read alike (policy::Likeness::kSame): what only one of them has is
  // allowed in both.
  void join(const policy::Format& format);

  uint32_t end() const { return end_; }
  // `header`: what stands behind the outer headers, `room` octets.
  bool recognises(const uint8_t* header, uint32_t room) const {
    if (room < header_) return false;
    for (unsigned i = 0; i < id_count_; ++i) {
      if (!id_[i].matches(header)) return false;
    }
    return true;
  }

  // Lengths in octets from the tunnel header's start.
  struct Found {
    uint64_t vni = 0;
    uint32_t inner = 0;  // where the inner frame or datagram begins
    uint32_t end = 0;    // and ends
  };
  // A header that is recognised.
  //   bad_tunnel, bad_options, critical_option, bad_outer_checksum
  spec::DropReason open(const uint8_t* header, uint32_t room, Found& found) const {
    const uint32_t length = length_.read(header);  // of a header of one length: that one
    if (length < header_ || length > room) return spec::DropReason::bad_tunnel;
    found = {tenant_.read(header), length, room};
    if (length == header_ && plain_) [[likely]]
      return spec::DropReason::none;
    return open_rest(header, found);
  }

  // Behind the header stands an IP datagram, of the version that its first octet tells.
  bool carries_ip() const { return inside_ != policy::Inside::kEthernet; }
  bool zero_checksum_ipv6() const { return zero_checksum_ipv6_; }
  // Frames of several TCP-shaped segments are redundant ones, not streams.
  bool is_redundant() const { return redundant_; }
  // What a header that was opened leaves to the receiver.
  Left left(const uint8_t* header) const;

 private:
  struct Id {
    uint64_t mask = 0, value = 0;
    int16_t at = 0;  // of eight octets, from the header's start
    bool matches(const uint8_t* header) const {
      return (load_be<uint64_t>(header + at) & mask) == value;
    }
  };
  struct Length {
    Bits field;
    uint32_t unit = 1, addend = 0;
    uint32_t read(const uint8_t* header) const {
      return static_cast<uint32_t>(field.read(header)) * unit + addend;
    }
  };
  static Length length_of(const policy::LengthRule& rule);

  void make_id(const policy::Format& format);
  void know_options(const policy::Format& format);
  // Options, total length, checksum, the inner datagram's version.
  spec::DropReason open_rest(const uint8_t* header, Found& found) const;
  bool version_agrees(const uint8_t* header, const Found& found) const;
  spec::DropReason check_options(const uint8_t* options, uint32_t length) const;

  uint32_t end_ = 0;
  uint32_t header_ = 0;  // octets without options
  unsigned id_count_ = 0;
  std::array<Id, (policy::Format::kMaxHeader + 7) / 8> id_;
  Bits tenant_, ether_type_;
  policy::Inside inside_ = policy::Inside::kEthernet;
  Length length_, total_length_, option_length_;
  Bits option_kind_, option_critical_;
  uint32_t option_header_ = 0;
  bool checksum_ = false;
  bool plain_ = false;  // no total length, no checksum, Ethernet inside
  bool redundant_ = false;
  static constexpr uint8_t kNoOffload = 0xff;
  uint8_t offload_at_ = kNoOffload;  // octets from the header's start
  bool zero_checksum_ipv6_ = false;  // accept UDP over IPv6 without checksum (RFC 6935)
  // Kinds that are not refused when they are critical: those that the card sends itself.
  std::vector<uint32_t> known_options_;
};

}  // namespace gatehouse::decapsulate

#endif  // GATEHOUSE_HW_CORE_DECAPSULATE_PLAN_HH_
