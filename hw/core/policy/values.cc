// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/core/policy/values.hh"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "hw/core/policy/places.hh"

namespace gatehouse::policy {
namespace {

constexpr size_t kQuotedCharacters = 48;
constexpr size_t kNameCharacters = 64;
constexpr uint8_t kIpv4Multicast =
    0xe0;  // 224.0.0.0/4, and above it 240.0.0.0/4 with the broadcast address
constexpr uint8_t kIpv6Multicast = 0xff;

bool all_zero(const IpAddress& ip) {
  return std::all_of(ip.octets.begin(), ip.octets.end(), [](uint8_t octet) { return octet == 0; });
}

// Why the address can't be one machine's; null when it can.
const char* why_not_unicast(const IpAddress& ip) {
  if (all_zero(ip)) return "is the unspecified address; write the address of one machine";
  if (ip.is_v4() && ip.octets[0] >= kIpv4Multicast)
    return "is a multicast, broadcast or reserved address; write the address of one machine";
  if (ip.is_v6() && ip.octets[0] == kIpv6Multicast)
    return "is a multicast address; write the address of one machine";
  return nullptr;
}

std::string read_name(const Member& member, std::string_view text, Value& value) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (text.empty() || text.size() > kNameCharacters ||
      !std::all_of(text.begin(), text.end(), fits)) {
    return wrong_value(member, in_quotes(text));
  }
  value.text = text;
  return {};
}

std::string read_keyword(const Member& member, std::string_view text, Value& value) {
  const std::vector<std::string_view> words = keywords(member);
  if (std::find(words.begin(), words.end(), text) == words.end())
    return wrong_value(member, in_quotes(text));
  value.text = text;
  return {};
}

std::string read_mac(const Member& member, std::string_view text, Value& value) {
  const std::optional<MacAddress> mac = parse_mac(text);
  if (!mac) return wrong_value(member, in_quotes(text));
  if (mac->is_multicast())
    return in_quotes(text) + " is a multicast MAC address; write one whose first octet is even";
  if (mac->is_zero())
    return in_quotes(text) + " is the zero MAC address; write the address of one machine";
  value.mac = *mac;
  return {};
}

std::string read_ip(const Member& member, std::string_view text, Value& value) {
  const std::optional<IpAddress> ip = parse_ip(text);
  if (!ip || (member.type == Type::kIpv4 && !ip->is_v4()) ||
      (member.type == Type::kIpv6 && !ip->is_v6())) {
    return wrong_value(member, in_quotes(text));
  }
  if (const char* why = why_not_unicast(*ip)) return in_quotes(text) + " " + why;
  value.ip = *ip;
  return {};
}

IpAddress without_host_bits(IpAddress ip, unsigned length) {
  for (unsigned octet = 0; octet < ip.octets.size(); ++octet) {
    const unsigned kept = length > octet * 8 ? std::min(8u, length - octet * 8) : 0;
    ip.octets[octet] = static_cast<uint8_t>(ip.octets[octet] & (0xff00u >> kept));
  }
  return ip;
}

// "address" or "address/length", host bits kept; false when it is neither.
bool split_prefix(std::string_view text, IpPrefix& prefix, bool& has_length) {
  const size_t slash = text.find('/');
  has_length = slash != std::string_view::npos;
  const std::optional<IpAddress> ip = parse_ip(text.substr(0, slash));
  if (!ip) return false;
  const unsigned bits = ip->is_v4() ? 32 : 128;
  unsigned length = bits;
  if (has_length) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc() || end != digits.data() + digits.size() || length > bits) return false;
    if (digits.size() > 1 && digits[0] == '0') return false;
  }
  prefix.address = *ip;
  prefix.length = static_cast<uint8_t>(length);
  return true;
}

std::string read_interface(const Member& member, std::string_view text, Value& value) {
  bool has_length = false;
  if (!split_prefix(text, value.prefix, has_length) || !has_length)
    return wrong_value(member, in_quotes(text));
  if (const char* why = why_not_unicast(value.prefix.address)) return in_quotes(text) + " " + why;
  return {};
}

std::string read_prefix(const Member& member, std::string_view text, Value& value) {
  bool has_length = false;
  IpPrefix& prefix = value.prefix;
  if (!split_prefix(text, prefix, has_length)) return wrong_value(member, in_quotes(text));
  const IpAddress network = without_host_bits(prefix.address, prefix.length);
  if (network != prefix.address) {
    return in_quotes(text) + " has bits set behind its length; write \"" +
           to_string(IpPrefix{network, prefix.length}) + "\" or \"" + to_string(prefix.address) +
           "\"";
  }
  if (member.type == Type::kAnyPrefix) return {};
  // 0.0.0.0/0 and ::/0 are fine; a single unspecified address is not, nor is a prefix inside the
  // multicast range.
  const char* why =
      all_zero(prefix.address) && !prefix.is_host() ? nullptr : why_not_unicast(prefix.address);
  return why ? in_quotes(text) + " " + why : std::string();
}

std::string read_hex(const Member& member, std::string_view text, Value& value) {
  std::optional<std::vector<uint8_t>> octets = parse_hex(text);
  if (!octets) return wrong_value(member, in_quotes(text));
  value.octets = std::move(*octets);
  return {};
}

// A place in a tunnel header: one of the forms of places.hh.
template <class Place>
std::string read_place(const Member& member, std::string_view text,
                       std::optional<Place> (*parse)(std::string_view), Place& place) {
  const std::optional<Place> parsed = parse(text);
  if (!parsed) return wrong_value(member, in_quotes(text));
  place = *parsed;
  return {};
}

std::string read_ports(const Member& member, std::string_view text, Value& value) {
  const auto number = [](std::string_view digits, uint16_t& port) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc() && end == digits.data() + digits.size() && !digits.empty();
  };
  const size_t dash = text.find('-');
  const std::string_view first = text.substr(0, dash);
  const std::string_view last = dash == std::string_view::npos ? first : text.substr(dash + 1);
  if (!number(first, value.ports.first) || !number(last, value.ports.last)) {
    return wrong_value(member, in_quotes(text));
  }
  if (value.ports.first <= value.ports.last) return {};
  return in_quotes(text) + " ends before it begins; write the smaller port first";
}

std::string read_string(const Member& member, std::string_view text, Value& value) {
  switch (member.type) {
    case Type::kText:
      value.text = text;
      return {};
    case Type::kName:
      return read_name(member, text, value);
    case Type::kKeyword:
      return read_keyword(member, text, value);
    case Type::kMac:
      return read_mac(member, text, value);
    case Type::kIp:
    case Type::kIpv4:
    case Type::kIpv6:
      return read_ip(member, text, value);
    case Type::kInterface:
      return read_interface(member, text, value);
    case Type::kPrefix:
    case Type::kAnyPrefix:
      return read_prefix(member, text, value);
    case Type::kHex:
      return read_hex(member, text, value);
    case Type::kField:
      return read_place(member, text, parse_field, value.field);
    case Type::kLengthRule:
      return read_place(member, text, parse_length_rule, value.length);
    case Type::kMatch:
      return read_place(member, text, parse_match, value.match);
    case Type::kPorts:
      return read_ports(member, text, value);
    case Type::kBoolean:
    case Type::kInteger:
    case Type::kObject:
    case Type::kCount:
      break;
  }
  return wrong_value(member, in_quotes(text));
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string words = "\"";
  size_t characters = 0;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    // Cut between characters only.
    if ((octet & 0xc0) != 0x80 && characters++ == kQuotedCharacters) {
      words += "...";
      break;
    }
    if (octet < 0x20 || octet == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", octet);
      words += escape;
    } else {
      words += c;
    }
  }
  return words + "\"";
}

std::optional<std::vector<uint8_t>> parse_hex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::vector<uint8_t> octets;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    const int high = digit(text[i]);
    const int low = i + 1 < text.size() ? digit(text[i + 1]) : -1;
    if (high < 0 || low < 0) return {};
    octets.push_back(static_cast<uint8_t>(high << 4 | low));
    i += 2;
  }
  return octets;
}

std::string as_written(const Scalar& scalar) {
  switch (scalar.kind) {
    case Scalar::Kind::kNull:
      return "null";
    case Scalar::Kind::kBoolean:
      return scalar.boolean ? "true" : "false";
    case Scalar::Kind::kInteger:
      return std::to_string(scalar.integer);
    case Scalar::Kind::kOtherNumber:
      return std::string(scalar.text.substr(0, kQuotedCharacters));
    case Scalar::Kind::kString:
      break;
  }
  return in_quotes(scalar.text);
}

std::string what_to_write(const Member& member) {
  if (member.type == Type::kInteger) {
    return "a whole number from " + std::to_string(member.minimum) + " to " +
           std::to_string(member.maximum);
  }
  if (member.type == Type::kKeyword) {
    std::string words;
    for (const std::string_view word : keywords(member))
      words += (words.empty() ? "\"" : " or \"") + std::string(word) + "\"";
    return words;
  }
  std::string how = type_row(member.type).how;
  const size_t mark = how.find('%');
  return mark == std::string::npos ? how : how.replace(mark, 1, member.example);
}

std::string wrong_value(const Member& member, std::string_view given) {
  std::string words = std::string(given) + " is not " + type_row(member.type).noun + "; write " +
                      what_to_write(member);
  for (const Member& other : members(member.object)) {
    if (other.instead_of == std::string_view(member.name))
      words += ", or \"" + std::string(other.name) + "\" instead";
  }
  return words;
}

std::string read_value(const Member& member, const Scalar& scalar, Value& value) {
  if (scalar.kind == Scalar::Kind::kString) return read_string(member, scalar.text, value);
  if (scalar.kind == Scalar::Kind::kBoolean && member.type == Type::kBoolean) {
    value.boolean = scalar.boolean;
    return {};
  }
  if (scalar.kind == Scalar::Kind::kInteger && member.type == Type::kInteger) {
    if (scalar.integer < member.minimum || scalar.integer > member.maximum) {
      return as_written(scalar) + " is out of range; write " + what_to_write(member);
    }
    value.integer = static_cast<uint32_t>(scalar.integer);
    return {};
  }
  return wrong_value(member, as_written(scalar));
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  // The distance is quadratic, word and list come from a file, and guests may wait meanwhile.
  constexpr size_t kLongestGuess = 64, kMostKnown = 4096;
  std::string_view best;
  size_t best_distance = 1 + std::max<size_t>(1, word.size() / 3);
  if (word.size() > kLongestGuess || known.size() > kMostKnown) return best;
  for (const std::string_view candidate : known) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace gatehouse::policy
