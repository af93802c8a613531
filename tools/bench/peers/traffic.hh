// SPDX-License-Identifier: GPL-2.0-or-later
// The frames that hw/core and its peers are given: the same octets, in the same order, for each of
// them.
#ifndef GATEHOUSE_TOOLS_BENCH_PEERS_TRAFFIC_HH_
#define GATEHOUSE_TOOLS_BENCH_PEERS_TRAFFIC_HH_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace gatehouse::bench {

// Octets of a frame, without FCS.
struct FrameSize {
  const char* name;
  uint32_t octets[12];  // one cycle
};
inline constexpr FrameSize kFrameSizes[] = {
    {"64", {64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64}},
    // 7 : 4 : 1
    {"IMIX", {64, 590, 64, 64, 590, 64, 1500, 64, 590, 64, 64, 590}},
    {"1500", {1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500}},
};
inline constexpr uint32_t kFlowCounts[] = {1, 1000, 1'000'000};
// Beside peers: Open vSwitch has 262144 packet buffers for all ports of one MTU (netdev-dpdk.c:
// MAX_NB_MBUF), and a frame of the source stays in one.
inline constexpr uint32_t kPeersFlowCounts[] = {1, 1000, 250'000};

// The ends, as policy, flow rules and routing tables name them.
inline constexpr const char* kSenderMac = "52:54:00:00:00:01";
inline constexpr const char* kReceiverMac = "52:54:00:00:00:02";
inline constexpr const char* kSenderIp = "10.0.0.1";
inline constexpr uint32_t kSubnet = 0x0a000000;  // 10.0.0.0/8
inline constexpr uint32_t kReceivers = 1000;     // 10.0.0.2 and those behind it

// One frame for each flow: UDP from one address to one of 1000, told apart by addresses and ports,
// in a random order that is always the same. UDP checksums are absent, so that nobody verifies
// them.
class Traffic {
 public:
  // In memory: one behind the other, or each in a buffer like DPDK's (rte_mempool's header,
  // rte_mbuf, RTE_MBUF_DEFAULT_BUF_SIZE), in which a peer's source keeps them: the header says
  // where the frame is, and is read first.
  enum class Layout { kPacked, kPacketBuffers };
  static constexpr uint32_t kMbufHeader = 64 + 128, kPacketBuffer = kMbufHeader + 2176;

  Traffic(const FrameSize& size, uint32_t flows, Layout layout = Layout::kPacked);

  size_t count() const { return frames_.size(); }
  std::span<const uint8_t> frame(size_t index) const {
    Place place;
    if (layout_ == Layout::kPacked) {
      place = frames_[index];
    } else {
      std::memcpy(&place, octets_.data() + index * kPacketBuffer, sizeof place);
    }
    return {octets_.data() + place.start, place.length};
  }
  // A libpcap file of them. Says why it can't be written by throwing lab::Failure.
  void write_pcap(const std::string& path) const;

 private:
  struct Place {
    size_t start;
    uint32_t length;
  };
  Layout layout_;
  std::vector<uint8_t> octets_;
  std::vector<Place> frames_;
};

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_PEERS_TRAFFIC_HH_
