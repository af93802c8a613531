// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the packets of a pcapng file that one of our taps wrote (little-endian sections, Enhanced
// Packet Blocks; draft-ietf-opsawg-pcapng).
#ifndef GATEHOUSE_TOOLS_REPORT_CAPTURE_FILE_HH_
#define GATEHOUSE_TOOLS_REPORT_CAPTURE_FILE_HH_

#include <cstdint>
#include <string>
#include <vector>

namespace gatehouse::report {

struct CapturedFrame {
  uint32_t interface = 0;  // index of the Interface Description Block
  std::string interface_name;
  int64_t time_ns = 0;  // the virtual clock, as our taps write it
  std::vector<uint8_t> octets;
  std::string comment;
};

// Whole blocks only: a file that is still being written ends where its last whole block does.
std::vector<CapturedFrame> read_capture(const std::string& path);

// One line per layer: "Ethernet II  52:54:... -> ...", "IPv4 ...", down to and into a tunnel; then
// the first octets of the payload.
std::string decode_frame(const std::vector<uint8_t>& octets);

}  // namespace gatehouse::report

#endif  // GATEHOUSE_TOOLS_REPORT_CAPTURE_FILE_HH_
