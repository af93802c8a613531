// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/base/address.hh"

#include "hw/core/base/bytes.hh"

namespace gatehouse {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char kHex[] = "0123456789abcdef";

// 0 ... `limit` without leading zeros; -1: no such number.
int parse_decimal(std::string_view text, int limit) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return -1;
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value <= limit ? value : -1;
}

bool parse_v4(std::string_view text, uint8_t* octets) {
  for (int i = 0; i < 4; ++i) {
    const size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return false;
    const int value = parse_decimal(text.substr(0, dot), 255);
    if (value < 0) return false;
    octets[i] = static_cast<uint8_t>(value);
    if (i < 3) text.remove_prefix(dot + 1);
  }
  return true;
}

// Colon-separated groups, the last one possibly an IPv4 address. Answers how many octets they make,
// -1: malformed.
int parse_groups(std::string_view text, uint8_t* octets, int room) {
  int count = 0;
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      if (count + 4 > room || !parse_v4(group, octets + count)) return -1;
      return count + 4;
    }
    if (group.empty() || group.size() > 4 || count + 2 > room) return -1;
    unsigned value = 0;
    for (char c : group) {
      const int digit = hex_digit(c);
      if (digit < 0) return -1;
      value = value * 16 + static_cast<unsigned>(digit);
    }
    store_be<uint16_t>(octets + count, static_cast<uint16_t>(value));
    count += 2;
    if (colon == std::string_view::npos) return count;
    text.remove_prefix(colon + 1);
    if (text.empty()) return -1;  // a colon at the end
  }
  return count;
}

bool parse_v6(std::string_view text, uint8_t* octets) {
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) return parse_groups(text, octets, 16) == 16;
  const std::string_view front = text.substr(0, gap);
  if (front.find('.') != std::string_view::npos) return false;
  uint8_t back_octets[16];
  // "::" stands for at least one group (RFC 4291 section 2.2).
  const int front_count = parse_groups(front, octets, 14);
  const int back_count = parse_groups(text.substr(gap + 2), back_octets, 14);
  if (front_count < 0 || back_count < 0 || front_count + back_count > 14) return false;
  std::memset(octets + front_count, 0, static_cast<size_t>(16 - front_count - back_count));
  std::memcpy(octets + 16 - back_count, back_octets, static_cast<size_t>(back_count));
  return true;
}

std::string v4_text(const uint8_t* octets) {
  std::string text;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) text += '.';
    text += std::to_string(octets[i]);
  }
  return text;
}

void append_group(std::string& text, unsigned group) {
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = (group >> shift) & 15;
    started = started || digit != 0 || shift == 0;
    if (started) text += kHex[digit];
  }
}

// RFC 5952: no leading zeros, lower case, the longest run of two or more zero groups (the first of
// equals) as "::"; an IPv4-mapped address (::ffff:0:0/96) in mixed form (section 5).
std::string v6_text(const uint8_t* octets) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(octets, kMapped, sizeof kMapped) == 0) return "::ffff:" + v4_text(octets + 12);
  unsigned groups[8];
  for (int i = 0; i < 8; ++i) groups[i] = load_be<uint16_t>(octets + 2 * i);
  int best = -1, best_length = 1;
  for (int i = 0; i < 8;) {
    int length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) best = i, best_length = length;
    i += length > 0 ? length : 1;
  }
  std::string text;
  for (int i = 0; i < 8;) {
    if (i == best) {
      text += "::";
      i += best_length;
      continue;
    }
    if (i > 0 && text.back() != ':') text += ':';
    append_group(text, groups[i++]);
  }
  return text;
}

// True when all bits behind the first `length` ones are zero.
bool host_bits_clear(const IpAddress& ip, unsigned length) {
  const unsigned octet_count = ip.is_v4() ? 4 : 16;
  for (unsigned i = 0; i < octet_count; ++i) {
    const unsigned kept = length >= 8 * (i + 1) ? 8 : length > 8 * i ? length - 8 * i : 0;
    if ((ip.octets[i] & (0xffu >> kept)) != 0) return false;
  }
  return true;
}

}  // namespace

bool IpPrefix::contains(const IpAddress& ip) const {
  if (ip.family != address.family) return false;
  const size_t whole = length / 8;
  if (std::memcmp(ip.octets.data(), address.octets.data(), whole) != 0) return false;
  const unsigned rest = length % 8;
  if (rest == 0) return true;
  return ((ip.octets[whole] ^ address.octets[whole]) >> (8 - rest)) == 0;
}

std::optional<MacAddress> parse_mac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress mac;
  for (size_t i = 0; i < 6; ++i) {
    const int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return std::nullopt;
    mac.octets[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return mac;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  IpAddress ip;
  if (text.find(':') == std::string_view::npos) {
    if (!parse_v4(text, ip.octets.data())) return std::nullopt;
    ip.family = IpAddress::Family::kIpv4;
  } else {
    if (!parse_v6(text, ip.octets.data())) return std::nullopt;
    ip.family = IpAddress::Family::kIpv6;
  }
  return ip;
}

std::optional<IpPrefix> parse_prefix(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<IpAddress> ip = parse_ip(text.substr(0, slash));
  if (!ip) return std::nullopt;
  const int length = parse_decimal(text.substr(slash + 1), ip->is_v4() ? 32 : 128);
  if (length < 0 || !host_bits_clear(*ip, static_cast<unsigned>(length))) return std::nullopt;
  return IpPrefix{*ip, static_cast<uint8_t>(length)};
}

std::string to_string(const MacAddress& mac) {
  std::string text;
  for (uint8_t octet : mac.octets) {
    if (!text.empty()) text += ':';
    text += kHex[octet >> 4];
    text += kHex[octet & 15];
  }
  return text;
}

std::string to_string(const IpAddress& ip) {
  switch (ip.family) {
    case IpAddress::Family::kIpv4:
      return v4_text(ip.octets.data());
    case IpAddress::Family::kIpv6:
      return v6_text(ip.octets.data());
    case IpAddress::Family::kNone:
      break;
  }
  return "none";
}

std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

}  // namespace gatehouse
