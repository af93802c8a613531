// SPDX-License-Identifier: GPL-2.0-or-later
// Frames and patterns as people write them: hex digits; spaces, colons and dashes between them do
// not count.
#ifndef GUEST_IMAGES_FRAMES_HEX_HH_
#define GUEST_IMAGES_FRAMES_HEX_HH_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::frames {

using Frame = std::vector<uint8_t>;

std::optional<Frame> parse_frame(std::string_view text);
std::string to_hex(std::span<const uint8_t> bytes);

// Bytes at offsets of the frame, each with a mask.
class Pattern {
 public:
  // "HEX" from the frame's start, or "OFFSET=HEX", several with commas between; "." stands for any
  // digit. OFFSET counts bytes, decimal. "" matches every frame.
  static std::optional<Pattern> parse(std::string_view text);

  bool matches(std::span<const uint8_t> frame) const;

 private:
  struct Byte {
    size_t offset;
    uint8_t value;
    uint8_t mask;
  };
  bool add(size_t offset, std::string_view digits);

  std::vector<Byte> bytes_;
};

}  // namespace gatehouse::frames

#endif  // GUEST_IMAGES_FRAMES_HEX_HH_
