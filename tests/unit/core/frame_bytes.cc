// SPDX-License-Identifier: GPL-2.0-or-later
// Octets, packets and the checksums of frames; the builder is in frames.cc.
#include <cctype>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "hw/core/base/address.hh"
#include "tests/unit/core/frames.hh"

namespace gatehouse::test {
namespace {

unsigned get16(std::span<const uint8_t> from, size_t at) {
  return static_cast<unsigned>(from[at] << 8 | from[at + 1]);
}

}  // namespace

Bytes nd_link_option(uint8_t type, const std::string& mac) {
  const auto octets = parse_mac(mac);
  if (!octets) throw std::invalid_argument("not a MAC address: " + mac);
  Bytes b{type, 1};
  b.insert(b.end(), octets->octets.begin(), octets->octets.end());
  return b;
}

Bytes pattern(uint32_t octets, uint32_t seed) {
  Bytes b(octets);
  uint32_t state = seed * 2654435761u + 12345;
  for (uint8_t& octet : b) {
    state = state * 1664525 + 1013904223;
    octet = static_cast<uint8_t>(state >> 24);
  }
  return b;
}

Bytes concat(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes patch(Bytes frame, size_t offset, const Bytes& octets) {
  for (size_t i = 0; i < octets.size(); ++i) frame.at(offset + i) = octets[i];
  return frame;
}

Bytes cut(Bytes frame, size_t octets) {
  if (octets > frame.size()) throw std::invalid_argument("cut: frame is shorter");
  frame.resize(octets);
  return frame;
}

Bytes from_hex(const std::string& hex) {
  Bytes b;
  int high = -1;
  for (char c : hex) {
    if (c == ' ' || c == '\n' || c == ':') continue;
    const std::string digits = "0123456789abcdef";
    const size_t value = digits.find(static_cast<char>(std::tolower(c)));
    if (value == std::string::npos) throw std::invalid_argument("not hexadecimal: " + hex);
    if (high < 0) {
      high = static_cast<int>(value);
    } else {
      b.push_back(static_cast<uint8_t>(high * 16 + static_cast<int>(value)));
      high = -1;
    }
  }
  if (high >= 0) throw std::invalid_argument("half an octet: " + hex);
  return b;
}

std::string to_hex(std::span<const uint8_t> octets) {
  std::string text;
  char pair[4];
  for (size_t i = 0; i < octets.size(); ++i) {
    std::snprintf(pair, sizeof pair, "%02x", octets[i]);
    text += pair;
    if (i % 16 == 15)
      text += '\n';
    else if (i % 2 == 1)
      text += ' ';
  }
  return text;
}

Packet* packet_of(PacketPool& pool, const Bytes& frame, uint16_t port) {
  Packet* packet = pool.take(static_cast<uint32_t>(frame.size()));
  if (packet == nullptr) throw std::length_error("packet_of: no packet so large is left");
  if (!frame.empty()) std::memcpy(packet->data, frame.data(), frame.size());
  packet->length = static_cast<uint32_t>(frame.size());
  packet->port = port;
  return packet;
}

Bytes bytes_of(const Packet& packet) { return {packet.data, packet.data + packet.length}; }
Bytes bytes_of(const OutFrame& frame) {
  Bytes b(frame.head.data, frame.head.data + frame.head.length);
  b.insert(b.end(), frame.body.data, frame.body.data + frame.body.length);
  return b;
}

uint16_t naive_sum(std::span<const uint8_t> octets, uint32_t initial) {
  uint64_t sum = initial;
  for (size_t i = 0; i < octets.size(); ++i) {
    sum += i % 2 == 0 ? uint64_t{octets[i]} << 8 : octets[i];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

namespace {

bool wrong(std::string* why, const char* what) {
  if (why != nullptr) *why = what;
  return false;
}

// `datagram` begins at the IP header, `at` is the L4 header's place in it.
bool transport_right(const Bytes& datagram, size_t at, uint8_t protocol, std::string* why) {
  const bool v6 = datagram[0] >> 4 == 6;
  const std::span<const uint8_t> l4 = std::span(datagram).subspan(at);
  const bool udp = protocol == 17;
  const bool checked = udp || protocol == 6 || (v6 ? protocol == 58 : protocol == 1);
  if (!checked) return true;
  if (udp && get16(l4, 6) == 0) return v6 ? wrong(why, "UDP over IPv6 without checksum") : true;
  const size_t length = udp ? get16(l4, 4) : l4.size();
  if (length > l4.size()) return wrong(why, "UDP length");
  const bool with_pseudo = protocol != 1;
  uint32_t seed = 0;
  if (with_pseudo) {
    seed = naive_sum(std::span(datagram).subspan(v6 ? 8 : 12, v6 ? 32 : 8),
                     static_cast<uint32_t>(protocol + length));
  }
  return naive_sum(l4.first(length), seed) == 0xffff ? true : wrong(why, "L4 checksum");
}

}  // namespace

bool checksums_right(const Bytes& frame, std::string* why) {
  size_t l3 = 12;
  while (get16(frame, l3) == 0x8100 || get16(frame, l3) == 0x88a8) l3 += 4;
  const unsigned type = get16(frame, l3);
  l3 += 2;
  if (type == 0x0800) {
    const size_t header = (frame[l3] & 15u) * 4;
    const Bytes datagram(frame.begin() + static_cast<long>(l3),
                         frame.begin() + static_cast<long>(l3 + get16(frame, l3 + 2)));
    if (naive_sum(std::span(datagram).first(header)) != 0xffff) {
      return wrong(why, "IPv4 header checksum");
    }
    if ((get16(datagram, 6) & 0x3fff) != 0) return true;  // a fragment
    return transport_right(datagram, header, datagram[9], why);
  }
  if (type != 0x86dd) return true;
  const Bytes datagram(frame.begin() + static_cast<long>(l3),
                       frame.begin() + static_cast<long>(l3 + 40 + get16(frame, l3 + 4)));
  uint8_t next = datagram[6];
  size_t at = 40;
  while (next == 0 || next == 43 || next == 60 || next == 44 || next == 51) {
    if (next == 44 && (get16(datagram, at + 2) & 0xfff9) != 0) return true;
    const size_t octets = next == 44   ? 8
                          : next == 51 ? (datagram[at + 1] + 2u) * 4
                                       : (datagram[at + 1] + 1u) * 8;
    next = datagram[at];
    at += octets;
  }
  return transport_right(datagram, at, next, why);
}

}  // namespace gatehouse::test
