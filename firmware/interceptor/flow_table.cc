// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/flow_table.hh"

namespace gatehouse::interceptor {
namespace {

constexpr uint32_t kHeaders = 96;  // Ethernet, two tags, IPv6, ports
constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kVlan = 0x8100, kServiceVlan = 0x88a8;
constexpr uint8_t kTcp = 6, kUdp = 17, kSctp = 132;

uint16_t get16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
uint64_t get_number(const uint8_t* at, unsigned octets) {
  uint64_t number = 0;
  while (octets-- != 0) number = number << 8 | *at++;
  return number;
}

uint32_t hash(const FlowKey& key) {
  constexpr uint64_t kOdd = 0x9e37'79b9'7f4a'7c15;
  uint64_t mixed = key.source * kOdd ^ key.destination;
  mixed = (mixed ^ mixed >> 29) * kOdd ^
          (uint64_t{key.source_port} << 40 | uint64_t{key.destination_port} << 24 |
           uint64_t{key.ethertype} << 8 | key.protocol) ^
          static_cast<uint64_t>(key.direction) << 63;
  return static_cast<uint32_t>(mixed * kOdd >> 32);
}

}  // namespace

FlowKey key_of(const Frame& frame) {
  FlowKey key;
  key.direction = frame.direction;
  uint8_t octets[kHeaders];
  const uint32_t length = copy_out(frame, 0, octets, kHeaders);
  uint32_t at = 12;
  if (length < at + 2) return key;
  key.ethertype = get16(octets + at);
  for (unsigned tags = 0; tags < 2 && (key.ethertype == kVlan || key.ethertype == kServiceVlan);
       ++tags) {
    at += 4;
    if (length < at + 2) return key;
    key.ethertype = get16(octets + at);
  }
  at += 2;
  const uint8_t* ip = octets + at;
  if (key.ethertype == kIpv4 && length >= at + 20) {
    key.protocol = ip[9];
    key.source = get_number(ip + 12, 4);
    key.destination = get_number(ip + 16, 4);
    if ((get16(ip + 6) & 0x1fff) != 0) return key;  // a later fragment has no ports
    at += (ip[0] & 15u) * 4;
  } else if (key.ethertype == kIpv6 && length >= at + 40) {
    key.protocol = ip[6];
    key.source = get_number(ip + 8, 8) ^ get_number(ip + 16, 8);
    key.destination = get_number(ip + 24, 8) ^ get_number(ip + 32, 8);
    at += 40;
  } else {
    return key;
  }
  const bool ports = key.protocol == kTcp || key.protocol == kUdp || key.protocol == kSctp;
  if (!ports || length < at + 4) return key;
  key.source_port = get16(octets + at);
  key.destination_port = get16(octets + at + 2);
  return key;
}

void FlowTable::count(const FlowKey& key, uint32_t octets) {
  Flow* const set = &flows_[hash(key) % kSets * kWays];
  Flow* oldest = set;
  ++clock_;
  for (Flow* flow = set; flow != set + kWays; ++flow) {
    if (flow->frames != 0 && flow->key == key) {
      ++flow->frames;
      flow->octets += octets;
      flow->used = clock_;
      return;
    }
    if (flow->used < oldest->used) oldest = flow;
  }
  if (oldest->frames != 0) ++evicted_;
  *oldest = {.key = key, .frames = 1, .octets = octets, .used = clock_};
}

}  // namespace gatehouse::interceptor
