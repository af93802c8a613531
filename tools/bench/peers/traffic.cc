// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/peers/traffic.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <numeric>
#include <random>

#include "hw/core/base/address.hh"
#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

constexpr uint16_t kFirstPort = 1024;
constexpr uint32_t kLargestFrame = 1500;

IpAddress v4(uint32_t ip) {
  uint8_t octets[4];
  store_be(octets, ip);
  return IpAddress::v4(octets);
}

void write_headers(uint8_t* at, uint32_t length, uint32_t flow) {
  static const MacAddress sender = *parse_mac(kSenderMac), receiver = *parse_mac(kReceiverMac);
  const EthernetHeader ethernet(at);
  ethernet.set_destination(receiver);
  ethernet.set_source(sender);
  ethernet.set_ether_type(static_cast<uint16_t>(EtherType::kIpv4));
  at += ethernet.kLength;
  const auto total = static_cast<uint16_t>(length - ethernet.kLength);
  const Ipv4Header ip(at);
  ip.set_version_ihl(0x45);
  ip.set_total_length(total);
  ip.set_ttl(64);
  ip.set_protocol(static_cast<uint8_t>(IpProtocol::kUdp));
  ip.set_source(v4(kSubnet + 1));
  ip.set_destination(v4(kSubnet + 2 + flow % kReceivers));
  ip.set_checksum(checksum::finish(checksum::sum(at, ip.kLength)));
  const UdpHeader udp(at + ip.kLength);
  udp.set_source_port(static_cast<uint16_t>(kFirstPort + flow / kReceivers));
  udp.set_destination_port(7);
  udp.set_length(static_cast<uint16_t>(total - ip.kLength));
}

}  // namespace

Traffic::Traffic(const FrameSize& size, uint32_t flows, Layout layout) : layout_(layout) {
  std::vector<uint32_t> order(flows);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  // A single flow of mixed sizes is a cycle of frames.
  const size_t count = std::max<size_t>(flows, std::size(size.octets));
  frames_.reserve(count);
  size_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t length = size.octets[i % std::size(size.octets)];
    if (layout == Layout::kPacked) {
      frames_.push_back({end, length});
      end += length;
    } else {
      frames_.push_back({end + kMbufHeader, length});
      end += kPacketBuffer;
    }
  }
  octets_.resize(end);
  for (size_t i = 0; i < count; ++i) {
    write_headers(octets_.data() + frames_[i].start, frames_[i].length, order[i % flows]);
    if (layout == Layout::kPacketBuffers)
      std::memcpy(octets_.data() + i * kPacketBuffer, &frames_[i], sizeof frames_[i]);
  }
}

void Traffic::write_pcap(const std::string& path) const {
  const uint32_t header[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, kLargestFrame, 1};  // Ethernet
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(header), sizeof header);
  for (size_t i = 0; i < count(); ++i) {
    const std::span<const uint8_t> octets = frame(i);
    const auto length = static_cast<uint32_t>(octets.size());
    const uint32_t record[] = {0, 0, length, length};
    file.write(reinterpret_cast<const char*>(record), sizeof record);
    file.write(reinterpret_cast<const char*>(octets.data()), length);
  }
  file.close();
  if (!file)
    throw lab::Failure("cannot write " + path + ": " + strerror(errno) +
                       "; set GATEHOUSE_RUN to a folder with 500 MB free");
}

}  // namespace gatehouse::bench
