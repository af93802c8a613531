// SPDX-License-Identifier: GPL-2.0-or-later
// A line of text in a buffer of its own. What has no room is cut off.
//   Text<128> line; line.add("core ", 3u, " at ", Hex{rip}, "\n");
#ifndef GATEHOUSE_FIRMWARE_HAL_TEXT_HH_
#define GATEHOUSE_FIRMWARE_HAL_TEXT_HH_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatehouse::hal {

// 0x and at least `digits` digits.
struct Hex {
  uint64_t value;
  unsigned digits = 1;
};

template <size_t kOctets>
class Text {
 public:
  // Text, numbers (in decimal), Hex.
  template <class... Parts>
  Text& add(const Parts&... parts) {
    (append(parts), ...);
    return *this;
  }
  std::string_view view() const { return {octets_, length_}; }
  void clear() { length_ = 0; }

 private:
  void append(char c) {
    if (length_ < kOctets) octets_[length_++] = c;
  }
  void append(std::string_view text) {
    for (const char c : text) append(c);
  }
  void append(const char* text) { append(std::string_view(text)); }
  void append(Hex hex) {
    append("0x");
    unsigned digits = 16;
    while (digits > hex.digits && digits > 1 && hex.value >> (4 * (digits - 1)) == 0) --digits;
    while (digits-- > 0) append("0123456789abcdef"[hex.value >> (4 * digits) & 15]);
  }
  template <std::integral T>
  void append(T number) {
    uint64_t rest = static_cast<uint64_t>(number);
    if constexpr (std::is_signed_v<T>) {
      if (number < 0) {
        append('-');
        rest = 0 - rest;
      }
    }
    char digits[20];
    size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    while (count > 0) append(digits[--count]);
  }

  size_t length_ = 0;
  char octets_[kOctets];
};

}  // namespace gatehouse::hal

#endif  // GATEHOUSE_FIRMWARE_HAL_TEXT_HH_
