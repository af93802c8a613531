// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/frames/hex.hh"

#include <algorithm>
#include <charconv>

namespace gatehouse::frames {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool separates(char c) { return c == ' ' || c == ':' || c == '-'; }

}  // namespace

std::optional<Frame> parse_frame(std::string_view text) {
  Frame frame;
  int high = -1;
  for (const char c : text) {
    if (separates(c)) continue;
    const int value = digit(c);
    if (value < 0) return std::nullopt;
    if (high < 0) {
      high = value;
    } else {
      frame.push_back(static_cast<uint8_t>(high << 4 | value));
      high = -1;
    }
  }
  if (high >= 0) return std::nullopt;
  return frame;
}

std::string to_hex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    size_t offset = 0;
    if (const size_t equals = part.find('='); equals != std::string_view::npos) {
      const auto [rest, error] = std::from_chars(part.data(), part.data() + equals, offset);
      if (error != std::errc() || rest != part.data() + equals) return std::nullopt;
      part.remove_prefix(equals + 1);
    }
    if (!pattern.add(offset, part)) return std::nullopt;
  }
  return pattern;
}

bool Pattern::add(size_t offset, std::string_view digits) {
  bool high = true;
  for (const char c : digits) {
    if (separates(c)) continue;
    const int value = c == '.' ? 0 : digit(c);
    if (value < 0) return false;
    const int mask = c == '.' ? 0 : 15;
    if (high) {
      bytes_.push_back(
          {offset++, static_cast<uint8_t>(value << 4), static_cast<uint8_t>(mask << 4)});
    } else {
      bytes_.back().value |= static_cast<uint8_t>(value);
      bytes_.back().mask |= static_cast<uint8_t>(mask);
    }
    high = !high;
  }
  return high;
}

bool Pattern::matches(std::span<const uint8_t> frame) const {
  return std::all_of(bytes_.begin(), bytes_.end(), [&](const Byte& byte) {
    return byte.offset < frame.size() && (frame[byte.offset] & byte.mask) == byte.value;
  });
}

}  // namespace gatehouse::frames
