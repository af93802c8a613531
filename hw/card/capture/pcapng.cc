// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/capture/pcapng.hh"

#include <algorithm>
#include <cassert>

#include "hw/core/base/bytes.hh"

namespace gatehouse::capture::pcapng {
namespace {

enum BlockType : uint32_t {
  kSectionHeader = 0x0a0d0d0a,
  kInterface = 1,
  kStatistics = 5,
  kPacket = 6
};
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint16_t kMajor = 1, kMinor = 0;
constexpr uint16_t kLinkTypeEthernet = 1;
constexpr uint8_t kNanoseconds = 9;  // if_tsresol: 10^-9 s
constexpr size_t kMaxOption = 0xffff;

// Option codes; 0-1 mean the same in every block, the others depend on it.
enum Option : uint16_t {
  kEnd = 0,
  kComment = 1,
  kShbHardware = 2,
  kShbApplication = 4,
  kIfName = 2,
  kIfDescription = 3,
  kIfTsResolution = 9,
  kEpbFlags = 2,
  kIsbStart = 2,
  kIsbEnd = 3,
  kIsbReceived = 4,
  kIsbDropped = 5,
};

constexpr size_t padded(size_t octets) { return (octets + 3) & ~size_t{3}; }
constexpr size_t kOptionHeader = 4;
constexpr size_t kBlockFrame = 12;  // type, length in front, length behind
constexpr size_t kPacketFixed = 20;

template <class T>
void put(Buffer& buffer, T value) {
  const size_t at = buffer.size();
  buffer.resize(at + sizeof value);
  store_le<T>(buffer.data() + at, value);
}

void put_octets(Buffer& buffer, const void* data, size_t octets) {
  const auto* from = static_cast<const uint8_t*>(data);
  buffer.insert(buffer.end(), from, from + octets);
}

void pad(Buffer& buffer, size_t octets) { buffer.resize(buffer.size() + padded(octets) - octets); }

void put_option(Buffer& buffer, uint16_t code, const void* data, size_t octets) {
  octets = std::min(octets, kMaxOption);
  put<uint16_t>(buffer, code);
  put<uint16_t>(buffer, static_cast<uint16_t>(octets));
  put_octets(buffer, data, octets);
  pad(buffer, octets);
}

void put_text(Buffer& buffer, uint16_t code, std::string_view text) {
  if (!text.empty()) put_option(buffer, code, text.data(), text.size());
}

void put_number(Buffer& buffer, uint16_t code, uint64_t value) {
  uint8_t raw[8];
  store_le<uint64_t>(raw, value);
  put_option(buffer, code, raw, sizeof raw);
}

// Time stamps stand as two words, the upper one first, in blocks and in options
// (sections 4.3, 4.6).
void put_time(Buffer& buffer, uint64_t ns) {
  put<uint32_t>(buffer, static_cast<uint32_t>(ns >> 32));
  put<uint32_t>(buffer, static_cast<uint32_t>(ns));
}

void put_time_option(Buffer& buffer, uint16_t code, uint64_t ns) {
  put<uint16_t>(buffer, code);
  put<uint16_t>(buffer, 8);
  put_time(buffer, ns);
}

// Writes type and room for the length; end_block() knows it.
size_t begin_block(Buffer& buffer, BlockType type) {
  const size_t start = buffer.size();
  put<uint32_t>(buffer, type);
  put<uint32_t>(buffer, 0);
  return start;
}

void end_block(Buffer& buffer, size_t start) {
  const auto length = static_cast<uint32_t>(buffer.size() - start + sizeof(uint32_t));
  store_le<uint32_t>(buffer.data() + start + sizeof(uint32_t), length);
  put<uint32_t>(buffer, length);
}

void end_options(Buffer& buffer) { put<uint32_t>(buffer, kEnd); }

void put_slice(Buffer& buffer, const Slice& slice, size_t& room) {
  const size_t octets = std::min<size_t>(slice.length, room);
  put_octets(buffer, slice.data, octets);
  room -= octets;
}

}  // namespace

void section_header(Buffer& buffer, std::string_view hardware, std::string_view application) {
  const size_t start = begin_block(buffer, kSectionHeader);
  put<uint32_t>(buffer, kByteOrderMagic);
  put<uint16_t>(buffer, kMajor);
  put<uint16_t>(buffer, kMinor);
  put<uint64_t>(buffer, UINT64_MAX);  // section length: not told
  put_text(buffer, kShbHardware, hardware);
  put_text(buffer, kShbApplication, application);
  end_options(buffer);
  end_block(buffer, start);
}

void interface_description(Buffer& buffer, std::string_view name, std::string_view description,
                           uint32_t snap_length) {
  const size_t start = begin_block(buffer, kInterface);
  put<uint16_t>(buffer, kLinkTypeEthernet);
  put<uint16_t>(buffer, 0);
  put<uint32_t>(buffer, snap_length);
  put_text(buffer, kIfName, name);
  put_text(buffer, kIfDescription, description);
  put_option(buffer, kIfTsResolution, &kNanoseconds, sizeof kNanoseconds);
  end_options(buffer);
  end_block(buffer, start);
}

size_t enhanced_packet_size(const PacketInfo& info, const OutFrame& frame, uint32_t snap_length) {
  const size_t comment = std::min(info.comment.size(), kMaxOption);
  return kBlockFrame + kPacketFixed + padded(std::min(frame.length(), snap_length)) +
         (comment ? kOptionHeader + padded(comment) : 0) + kOptionHeader + sizeof(uint32_t) +
         kOptionHeader;
}

void enhanced_packet(Buffer& buffer, const PacketInfo& info, const OutFrame& frame,
                     uint32_t snap_length) {
  const size_t start = begin_block(buffer, kPacket);
  const uint32_t length = std::min(frame.length(), snap_length);
  put<uint32_t>(buffer, info.interface);
  put_time(buffer, info.time_ns);
  put<uint32_t>(buffer, length);
  put<uint32_t>(buffer, frame.length());
  size_t room = length;
  put_slice(buffer, frame.head, room);
  put_slice(buffer, frame.body, room);
  pad(buffer, length);
  put_text(buffer, kComment, info.comment);
  uint8_t flags[4];
  store_le<uint32_t>(flags, static_cast<uint32_t>(info.direction));
  put_option(buffer, kEpbFlags, flags, sizeof flags);
  end_options(buffer);
  end_block(buffer, start);
  assert(buffer.size() - start == enhanced_packet_size(info, frame, snap_length));
}

size_t interface_statistics_size() {
  return kBlockFrame + 3 * sizeof(uint32_t) + 4 * (kOptionHeader + sizeof(uint64_t)) +
         kOptionHeader;
}

void interface_statistics(Buffer& buffer, const InterfaceStatistics& statistics) {
  const size_t start = begin_block(buffer, kStatistics);
  put<uint32_t>(buffer, statistics.interface);
  put_time(buffer, statistics.time_ns);
  put_time_option(buffer, kIsbStart, statistics.start_ns);
  put_time_option(buffer, kIsbEnd, statistics.end_ns);
  put_number(buffer, kIsbReceived, statistics.received);
  put_number(buffer, kIsbDropped, statistics.not_recorded);
  end_options(buffer);
  end_block(buffer, start);
  assert(buffer.size() - start == interface_statistics_size());
}

}  // namespace gatehouse::capture::pcapng
