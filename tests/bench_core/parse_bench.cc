// SPDX-License-Identifier: GPL-2.0-or-later
// Parse, checksum, segment and the packet pool alone. items/s are frames (segment: frames that come
// out).
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/base/packet.hh"
#include "hw/core/parse/parse.hh"
#include "hw/core/segment/segment.hh"

namespace gatehouse {
namespace {

constexpr size_t kBatch = 64;

// Ethernet, IP, UDP or TCP with `payload` octets behind it. `flow` makes frames of a batch differ.
uint32_t write_frame(uint8_t* at, bool v6, bool tcp, uint32_t payload, uint16_t flow) {
  const uint32_t l3 = v6 ? Ipv6Header<uint8_t>::kLength : Ipv4Header<uint8_t>::kLength;
  const uint32_t l4 = tcp ? TcpHeader<uint8_t>::kLength : UdpHeader<uint8_t>::kLength;
  const uint32_t length = EthernetHeader<uint8_t>::kLength + l3 + l4 + payload;
  std::memset(at, 0, length);
  const auto type = v6 ? EtherType::kIpv6 : EtherType::kIpv4;
  const auto protocol = static_cast<uint8_t>(tcp ? IpProtocol::kTcp : IpProtocol::kUdp);
  EthernetHeader(at).set_ether_type(static_cast<uint16_t>(type));
  at += EthernetHeader<uint8_t>::kLength;
  if (v6) {
    const Ipv6Header ip(at);
    ip.set_version_class_flow(6u << 28);
    ip.set_next_header(protocol);
    ip.set_payload_length(static_cast<uint16_t>(l4 + payload));
  } else {
    const Ipv4Header ip(at);
    ip.set_version_ihl(0x45);
    ip.set_protocol(protocol);
    ip.set_total_length(static_cast<uint16_t>(l3 + l4 + payload));
    ip.set_checksum(checksum::finish(checksum::sum(at, l3)));
  }
  at += l3;
  if (tcp) {
    const TcpHeader header(at);
    header.set_source_port(flow);
    header.set_data_offset(5 << 4);
  } else {
    const UdpHeader header(at);
    header.set_source_port(flow);
    header.set_length(static_cast<uint16_t>(l4 + payload));
  }
  return length;
}

void parse_batch(benchmark::State& state, bool v6, bool tcp) {
  PacketPool pool;
  std::vector<Packet*> batch;
  for (uint16_t i = 0; i < kBatch; ++i) {
    Packet* packet = pool.take(64);
    packet->length = write_frame(packet->data, v6, tcp, v6 ? 2 : 10, i);
    batch.push_back(packet);
  }
  for (auto _ : state) {
    const uint32_t good = parse::parse(batch);
    if (good != kBatch) state.SkipWithError("a frame was refused");
    benchmark::DoNotOptimize(batch.data());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBatch));
}
BENCHMARK_CAPTURE(parse_batch, ipv4_udp, false, false);
BENCHMARK_CAPTURE(parse_batch, ipv4_tcp, false, true);
BENCHMARK_CAPTURE(parse_batch, ipv6_udp, true, false);

void checksum_sum(benchmark::State& state) {
  const auto length = static_cast<size_t>(state.range(0));
  std::vector<uint8_t> octets(length + 1, 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(checksum::sum(octets.data() + 1, length));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * length));
}
BENCHMARK(checksum_sum)->Arg(20)->Arg(64)->Arg(256)->Arg(1448)->Arg(9000)->Arg(65536);

void segment_super_frame(benchmark::State& state) {
  PacketPool pool;
  Packet* packet = pool.take(kMaxSuperFrame);
  packet->length = write_frame(packet->data, false, true, 62000, 1);
  packet->offload.tso = true;
  const bool parsed = parse::parse(*packet) == spec::DropReason::none;
  packet->offload.tcp = packet->offload.ipv4 = true;
  packet->offload.mss = static_cast<uint16_t>(state.range(0));
  packet->offload.header_length = packet->layers.payload_offset;
  packet->offload.payload_length = packet->length - packet->layers.payload_offset;
  segment::HeaderArena arena(segment::kArenaOctets);
  segment::Segment segments[segment::kRun];
  segment::Segmenter segmenter;
  int64_t frames = 0;
  for (auto _ : state) {
    if (!parsed || segmenter.begin(*packet, 9000) != spec::DropReason::none) {
      state.SkipWithError("the super-frame was refused");
      break;
    }
    while (!segmenter.done()) {
      arena.reset(64);
      frames += segmenter.next(arena, segments);
      benchmark::DoNotOptimize(segments);
    }
  }
  state.SetItemsProcessed(frames);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * packet->length));
}
BENCHMARK(segment_super_frame)->Arg(536)->Arg(1400)->Arg(8900);

void pool_take_give(benchmark::State& state) {
  PacketPool pool;
  Packet* batch[kBatch];
  for (auto _ : state) {
    for (Packet*& packet : batch) packet = pool.take(64);
    benchmark::DoNotOptimize(batch);
    for (Packet* packet : batch) pool.give(packet);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBatch));
}
BENCHMARK(pool_take_give);

}  // namespace
}  // namespace gatehouse
