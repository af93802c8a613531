// SPDX-License-Identifier: GPL-2.0-or-later
// Blocks of a pcapng file, little-endian (draft-ietf-opsawg-pcapng; section numbers are those of
// draft 02). Each function appends one whole block to a buffer. Lengths are multiples of 4.
#ifndef GATEHOUSE_HW_CARD_CAPTURE_PCAPNG_HH_
#define GATEHOUSE_HW_CARD_CAPTURE_PCAPNG_HH_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hw/core/base/packet.hh"

namespace gatehouse::capture::pcapng {

using Buffer = std::vector<uint8_t>;

// Direction bits of an Enhanced Packet Block's flags (section 4.3.1).
enum class Direction : uint32_t { kUnknown = 0, kInbound = 1, kOutbound = 2 };

// Time stamps are nanoseconds since 1970-01-01 UTC.
struct PacketInfo {
  uint32_t interface = 0;
  uint64_t time_ns = 0;
  Direction direction = Direction::kUnknown;
  std::string_view comment;  // empty: none
};

struct InterfaceStatistics {
  uint32_t interface = 0;
  uint64_t time_ns = 0;               // of the statistics
  uint64_t start_ns = 0, end_ns = 0;  // of the capture
  uint64_t received = 0;
  uint64_t not_recorded = 0;
};

void section_header(Buffer& buffer, std::string_view hardware,
                    std::string_view application);  // 4.1
void interface_description(Buffer& buffer, std::string_view name, std::string_view description,
                           uint32_t snap_length);  // 4.2
void enhanced_packet(Buffer& buffer, const PacketInfo& info, const OutFrame& frame,
                     uint32_t snap_length);                                        // 4.3
void interface_statistics(Buffer& buffer, const InterfaceStatistics& statistics);  // 4.6

// Exact sizes, so that a limit can be kept before a block is made.
size_t enhanced_packet_size(const PacketInfo& info, const OutFrame& frame, uint32_t snap_length);
size_t interface_statistics_size();

}  // namespace gatehouse::capture::pcapng

#endif  // GATEHOUSE_HW_CARD_CAPTURE_PCAPNG_HH_
