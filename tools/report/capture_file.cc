// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/report/capture_file.hh"

#include <algorithm>

#include "hw/core/base/bytes.hh"
#include "tools/lab/process.hh"

namespace gatehouse::report {
namespace {

// draft-ietf-opsawg-pcapng sections 4.2, 4.3 and 3.5.
constexpr uint32_t kInterfaceBlock = 1, kPacketBlock = 6;
constexpr uint16_t kOptionEnd = 0, kOptionComment = 1, kOptionInterfaceName = 2;
constexpr size_t kBlockOverhead = 12, kPacketHeader = 20, kInterfaceHeader = 8;

std::string option(const uint8_t* at, const uint8_t* end, uint16_t wanted) {
  while (end - at >= 4) {
    const uint16_t code = load_le<uint16_t>(at), length = load_le<uint16_t>(at + 2);
    at += 4;
    if (code == kOptionEnd || length > end - at) break;
    if (code == wanted) return {reinterpret_cast<const char*>(at), length};
    at += std::min<std::ptrdiff_t>((length + 3) & ~3, end - at);
  }
  return "";
}

}  // namespace

std::vector<CapturedFrame> read_capture(const std::string& path) {
  const std::string file = lab::read_file(path);
  const auto* const base = reinterpret_cast<const uint8_t*>(file.data());
  std::vector<CapturedFrame> frames;
  std::vector<std::string> names;
  for (size_t at = 0; file.size() - at >= kBlockOverhead;) {
    const uint32_t type = load_le<uint32_t>(base + at), length = load_le<uint32_t>(base + at + 4);
    if (length < kBlockOverhead || length > file.size() - at) break;
    const uint8_t* const body = base + at + 8;
    const uint8_t* const end = base + at + length - 4;
    if (type == kInterfaceBlock && end - body >= static_cast<int>(kInterfaceHeader)) {
      names.push_back(option(body + kInterfaceHeader, end, kOptionInterfaceName));
    }
    if (type == kPacketBlock && end - body >= static_cast<int>(kPacketHeader)) {
      const uint32_t captured = load_le<uint32_t>(body + 12);
      if (captured > end - body - kPacketHeader) break;
      CapturedFrame frame;
      frame.interface = load_le<uint32_t>(body);
      frame.time_ns = static_cast<int64_t>(uint64_t{load_le<uint32_t>(body + 4)} << 32 |
                                           load_le<uint32_t>(body + 8));
      if (frame.interface < names.size()) frame.interface_name = names[frame.interface];
      frame.octets.assign(body + kPacketHeader, body + kPacketHeader + captured);
      const uint8_t* options = body + kPacketHeader + ((captured + 3) & ~3u);
      if (options < end) frame.comment = option(options, end, kOptionComment);
      frames.push_back(std::move(frame));
    }
    at += length;
  }
  return frames;
}

}  // namespace gatehouse::report
