// SPDX-License-Identifier: GPL-2.0-or-later
// Coalescing alone: frames with 1448 octets of TCP payload, parsed before, from any number of flows
// that send in bursts of 16. Checksums are verified, payloads copied into super-frames. items/s are
// frames that go in; `merged` is the part that became super-frames, of `segments` on average.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "hw/core/base/headers.hh"
#include "hw/core/base/l4_checksum.hh"
#include "hw/core/coalesce/coalesce.hh"
#include "hw/core/parse/parse.hh"

namespace gatehouse {
namespace {

constexpr uint32_t kBatch = 64, kBurst = 16, kPayload = 1448, kFrame = 14 + 20 + 32 + kPayload;

// Takes what comes out, and gives it back.
class Exit final : public coalesce::Outlet {
 public:
  explicit Exit(PacketPool& pool) : pool_(pool) {}
  void coalesced(Packet& packet, const coalesce::Origin&) override {
    ++outs;
    benchmark::DoNotOptimize(packet.data);
    pool_.give(&packet);
  }
  bool restored(Packet&, const coalesce::Origin&) override { return false; }
  uint64_t outs = 0;

 private:
  PacketPool& pool_;
};

struct Stream {
  uint32_t sequence = 0;
  uint16_t id = 0;
};

std::vector<uint8_t> make_frame() {
  std::vector<uint8_t> frame(kFrame, 0x5a);
  EthernetHeader(frame.data()).set_ether_type(static_cast<uint16_t>(EtherType::kIpv4));
  frame[0] = 2;
  const Ipv4Header ip(frame.data() + 14);
  ip.set_version_ihl(0x45);
  ip.set_tos(0);
  ip.set_total_length(kFrame - 14);
  ip.set_fragment(ip.kDontFragment);
  ip.set_ttl(64);
  ip.set_protocol(6);
  const TcpHeader tcp(frame.data() + 34);
  tcp.set_data_offset(8 << 4);
  tcp.set_flags(tcp.kAck);
  std::memcpy(frame.data() + 54, "\x01\x01\x08\x0a\0\0\0\1\0\0\0\2", 12);
  return frame;
}

// `parsed` only: what a batch costs without coalescing, checksums included.
void run(benchmark::State& state, bool coalesces) {
  const auto flows = static_cast<uint32_t>(state.range(0));
  PacketPool pool({.small_count = 65536, .large_count = 8});
  Exit exit(pool);
  coalesce::Coalescer coalescer(pool, exit,
                                {.flows = 16384, .frames = 32768, .hold_ns = 1'000'000'000});
  std::vector<uint8_t> frame = make_frame();
  std::vector<Stream> streams(flows);
  const Ipv4Header ip(frame.data() + 14);
  const TcpHeader tcp(frame.data() + 34);
  Layers layers;
  if (parse::parse(frame, {.ipv4_checksum = false}, layers) != spec::DropReason::none)
    return state.SkipWithError("the frame is malformed");
  uint32_t burst = 0, flow = 0;
  int64_t now = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Packet* packets[kBatch];
    for (Packet*& packet : packets) {
      Stream& stream = streams[flow];
      ip.set_identification(stream.id++);
      tcp.set_sequence(stream.sequence);
      stream.sequence += kPayload;
      tcp.set_source_port(static_cast<uint16_t>(flow));
      complete_checksums(frame.data(), layers);
      packet = pool.take(kFrame);
      std::memcpy(packet->data, frame.data(), kFrame);
      packet->length = kFrame;
      static_cast<void>(parse::parse(*packet));
      if (++burst == kBurst) {
        burst = 0;
        flow = (flow + 1) % flows;
      }
    }
    now += 100'000;
    state.ResumeTiming();
    for (Packet* packet : packets) {
      if (coalesces) {
        coalescer.add(*packet, {.owner = 1, .flow = 5, .opaque = 16}, now);
      } else {
        benchmark::DoNotOptimize(verify_l4_checksum(*packet));
        exit.coalesced(*packet, {});
      }
    }
  }
  coalescer.flush();
  const coalesce::Counters& counters = coalescer.counters();
  const auto frames = static_cast<double>(state.iterations() * kBatch);
  state.SetItemsProcessed(static_cast<int64_t>(frames));
  state.counters["merged"] = static_cast<double>(counters.frames) / frames;
  if (counters.super_frames != 0) {
    state.counters["segments"] =
        static_cast<double>(counters.frames) / static_cast<double>(counters.super_frames);
  }
}

void Coalesce1500(benchmark::State& state) { run(state, true); }
void ChecksumOnly1500(benchmark::State& state) { run(state, false); }
BENCHMARK(Coalesce1500)->Arg(1)->Arg(100)->Arg(10'000);
BENCHMARK(ChecksumOnly1500)->Arg(1);

}  // namespace
}  // namespace gatehouse
