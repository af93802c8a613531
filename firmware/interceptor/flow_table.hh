// SPDX-License-Identifier: GPL-2.0-or-later
// Frames and octets by flow. Of fixed size: in a set that is full, the flow that was quiet longest
// makes room, and is counted as evicted.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_FLOW_TABLE_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_FLOW_TABLE_HH_

#include <array>
#include <cstdint>

#include "firmware/interceptor/inspector.hh"

namespace gatehouse::interceptor {

struct FlowKey {
  uint64_t source = 0, destination = 0;  // IPv4 address; IPv6: both halves of it, xored
  uint16_t source_port = 0, destination_port = 0;
  uint16_t ethertype = 0;
  uint8_t protocol = 0;
  Direction direction = Direction::kTransmit;
  bool operator==(const FlowKey&) const = default;
};

struct Flow {
  FlowKey key;
  uint64_t frames = 0, octets = 0;
  uint64_t used = 0;  // FlowTable's clock at the last frame
};

class FlowTable {
 public:
  static constexpr uint32_t kSets = 256, kWays = 4;

  void count(const FlowKey& key, uint32_t octets);
  uint64_t evicted() const { return evicted_; }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Flow& flow : flows_) {
      if (flow.frames != 0) visit(flow);
    }
  }

 private:
  std::array<Flow, kSets * kWays> flows_{};
  uint64_t clock_ = 0, evicted_ = 0;
};

// The key of what is in a frame; as much of it as the frame has.
FlowKey key_of(const Frame& frame);

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_FLOW_TABLE_HH_
