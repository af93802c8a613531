// SPDX-License-Identifier: GPL-2.0-or-later
// Frames as the tests of this folder need them, with checksums from a reference of their own.
#ifndef GATEHOUSE_TESTS_UNIT_VNIC_VNIC_FRAMES_HH_
#define GATEHOUSE_TESTS_UNIT_VNIC_VNIC_FRAMES_HH_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace gatehouse::vnic::rig {

using Bytes = std::vector<uint8_t>;

inline constexpr std::array<uint8_t, 6> kOwnMac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
inline constexpr std::array<uint8_t, 6> kPeerMac = {0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc};

inline void append(Bytes& to, std::initializer_list<unsigned> octets) {
  for (unsigned octet : octets) to.push_back(static_cast<uint8_t>(octet));
}
inline void append16(Bytes& to, unsigned value) { append(to, {value >> 8 & 255, value & 255}); }
inline void append32(Bytes& to, uint32_t value) {
  append16(to, value >> 16);
  append16(to, value & 0xffff);
}

inline Bytes ethernet(std::span<const uint8_t> destination, unsigned type, uint32_t payload) {
  Bytes frame(destination.begin(), destination.end());
  frame.insert(frame.end(), kPeerMac.begin(), kPeerMac.end());
  append16(frame, type);
  for (uint32_t i = 0; i < payload; ++i) frame.push_back(static_cast<uint8_t>(i * 7 + 3));
  return frame;
}

inline uint16_t reference_checksum(std::span<const uint8_t> octets, uint32_t sum = 0) {
  for (size_t i = 0; i < octets.size(); ++i) sum += i % 2 == 0 ? octets[i] << 8 : octets[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}
inline uint32_t reference_sum(std::span<const uint8_t> octets) {
  return static_cast<uint16_t>(~reference_checksum(octets));
}

struct IpFrame {
  bool v6 = false;
  bool udp = false;
  uint32_t payload = 100;
  bool vlan = false;
  uint16_t tci = 0;
  uint8_t tcp_flags = 0x18;
  bool bad_ip = false, bad_l4 = false, no_udp_checksum = false;
  uint16_t fragment = 0;  // IPv4 flags and offset field
  std::array<uint8_t, 6> destination = kOwnMac;
  uint16_t ip_id = 0x1234;
  std::array<uint8_t, 4> source4{10, 0, 0, 1}, destination4{10, 0, 0, 2};
  uint16_t source_port = 1000, destination_port = 2000;

  Bytes build() const;
};

inline Bytes IpFrame::build() const {
  Bytes l4;
  append16(l4, source_port);
  append16(l4, destination_port);
  if (udp) {
    append16(l4, 8 + payload);
    append16(l4, 0);
  } else {
    append32(l4, 0x01020304);
    append32(l4, 0x05060708);
    append(l4, {0x50, tcp_flags, 0x20, 0x00, 0, 0, 0, 0});
  }
  for (uint32_t i = 0; i < payload; ++i) l4.push_back(static_cast<uint8_t>(i * 13 + 5));
  Bytes addresses;
  if (v6) {
    for (unsigned i = 0; i < 32; ++i) addresses.push_back(static_cast<uint8_t>(0x20 + i));
  } else {
    addresses.insert(addresses.end(), source4.begin(), source4.end());
    addresses.insert(addresses.end(), destination4.begin(), destination4.end());
  }
  const unsigned protocol = udp ? 17 : 6;
  const uint32_t pseudo = reference_sum(addresses) + protocol + static_cast<uint32_t>(l4.size());
  uint16_t checksum = reference_checksum(l4, pseudo);
  if (udp && checksum == 0) checksum = 0xffff;
  if (bad_l4) checksum = static_cast<uint16_t>(checksum ^ 0x5555);
  if (udp && no_udp_checksum) checksum = 0;
  const size_t at = udp ? 6 : 16;
  l4[at] = static_cast<uint8_t>(checksum >> 8);
  l4[at + 1] = static_cast<uint8_t>(checksum);

  Bytes frame(destination.begin(), destination.end());
  frame.insert(frame.end(), kPeerMac.begin(), kPeerMac.end());
  if (vlan) {
    append16(frame, 0x8100);
    append16(frame, tci);
  }
  append16(frame, v6 ? 0x86dd : 0x0800);
  if (v6) {
    append32(frame, 0x60000000);
    append16(frame, static_cast<unsigned>(l4.size()));
    append(frame, {protocol, 64});
  } else {
    Bytes ip;
    append(ip, {0x45, 0});
    append16(ip, 20 + static_cast<unsigned>(l4.size()));
    append16(ip, ip_id);
    append16(ip, fragment);
    append(ip, {64, protocol});
    append16(ip, 0);
    ip.insert(ip.end(), addresses.begin(), addresses.end());
    uint16_t header = reference_checksum(ip);
    if (bad_ip) header = static_cast<uint16_t>(header ^ 0x00ff);
    ip[10] = static_cast<uint8_t>(header >> 8);
    ip[11] = static_cast<uint8_t>(header);
    ip.resize(12);
    frame.insert(frame.end(), ip.begin(), ip.end());
  }
  frame.insert(frame.end(), addresses.begin(), addresses.end());
  frame.insert(frame.end(), l4.begin(), l4.end());
  return frame;
}

}  // namespace gatehouse::vnic::rig

#endif  // GATEHOUSE_TESTS_UNIT_VNIC_VNIC_FRAMES_HH_
