// SPDX-License-Identifier: GPL-2.0-or-later
// The partition's property arguments=: `key=value,key,...`. A key without a value has an empty one;
// of equal keys the first counts. QEMU's own command line has commas doubled inside of a property:
// `arguments=poll=100,,copy`.
#ifndef GATEHOUSE_FIRMWARE_HAL_ARGUMENTS_HH_
#define GATEHOUSE_FIRMWARE_HAL_ARGUMENTS_HH_

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::hal {

class Arguments {
 public:
  // `text` lives as long as this.
  constexpr explicit Arguments(std::string_view text) : text_(text) {}

  constexpr std::optional<std::string_view> find(std::string_view key) const {
    for (std::string_view rest = text_; !rest.empty();) {
      const std::string_view part = cut(rest, ',');
      std::string_view value = part;
      if (cut(value, '=') == key) return value;
    }
    return std::nullopt;
  }
  constexpr bool has(std::string_view key) const { return find(key).has_value(); }

  // In decimal, or in hexadecimal after 0x. Nothing when the key is not there or is no number of 64
  // bits.
  constexpr std::optional<uint64_t> find_number(std::string_view key) const {
    const std::optional<std::string_view> text = find(key);
    return text ? parse_number(*text) : std::nullopt;
  }
  constexpr uint64_t number(std::string_view key, uint64_t otherwise) const {
    return find_number(key).value_or(otherwise);
  }

 private:
  // Takes what is in front of the first `mark`, and the mark, off the text.
  static constexpr std::string_view cut(std::string_view& text, char mark) {
    size_t octets = 0;
    while (octets < text.size() && text[octets] != mark) ++octets;
    const std::string_view taken = text.substr(0, octets);
    text.remove_prefix(octets < text.size() ? octets + 1 : octets);
    return taken;
  }
  static constexpr std::optional<uint64_t> parse_number(std::string_view text) {
    const bool hexadecimal = text.starts_with("0x");
    if (hexadecimal) text.remove_prefix(2);
    const uint64_t base = hexadecimal ? 16 : 10;
    if (text.empty()) return std::nullopt;
    uint64_t value = 0;
    for (const char c : text) {
      const uint64_t digit = c >= '0' && c <= '9'   ? static_cast<uint64_t>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<uint64_t>(c - 'a' + 10)
                                                    : base;
      if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
          __builtin_add_overflow(value, digit, &value))
        return std::nullopt;
    }
    return value;
  }

  std::string_view text_;
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_ARGUMENTS_HH_
