// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GUEST_IMAGES_COMMON_NUMBER_HH_
#define GUEST_IMAGES_COMMON_NUMBER_HH_

#include <charconv>
#include <optional>
#include <string_view>

namespace gatehouse {

// A decimal number, up to `most`, and nothing else.
inline std::optional<unsigned long> parse_number(std::string_view text, unsigned long most) {
  unsigned long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

}  // namespace gatehouse

#endif  // GUEST_IMAGES_COMMON_NUMBER_HH_
