// SPDX-License-Identifier: GPL-2.0-or-later
// hw/core alone, on one core: how many frames a second it parses, polices, maps and encapsulates
// (and back). The copy of each frame into its packet buffer, as DMA would do it, is part of the
// time. items_per_second is frames/s.
//
//   bench_core --benchmark_out=FILE --benchmark_out_format=json --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "hw/core/base/checksum.hh"
#include "hw/core/base/headers.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/policy/shipped_formats.hh"

namespace gatehouse {
namespace {

constexpr size_t kBatch = 64;
constexpr uint32_t kFrame = 64;           // octets without FCS
constexpr uint32_t kSubnet = 0x0a000000;  // 10.0.0.0/8
constexpr uint32_t kPeers = 1000;         // underlay addresses that the mappings spread over
constexpr MacAddress kGuest{{0x52, 0x54, 0, 0, 0, 1}};
constexpr MacAddress kPeer{{0x52, 0x54, 0, 0, 0, 2}};

IpAddress v4(uint32_t ip) {
  uint8_t octets[4];
  store_be(octets, ip);
  return IpAddress::v4(octets);
}
IpAddress v6(uint32_t last) {
  uint8_t octets[16] = {0xfd};
  store_be(octets + 12, last);
  return IpAddress::v6(octets);
}

// What the pipeline sends is looked at, so that no work can be left out, and kept while `keep` is
// on.
class CountingSink final : public pipeline::Sink {
 public:
  void to_uplink(unsigned, std::span<const OutFrame> frames) override {
    sent += frames.size();
    for (const OutFrame& frame : frames) {
      benchmark::DoNotOptimize(frame.head.data);
      if (keep) kept.emplace_back(frame.head.data, frame.head.data + frame.head.length);
    }
  }
  void to_vnic(unsigned, std::span<const OutFrame> frames, const Layers&, bool, bool) override {
    delivered += frames.size();
  }
  void tapped(pipeline::TapPoint, pipeline::TapDirection, unsigned, const OutFrame&,
              spec::DropReason) override {}
  void dropped(bool, unsigned, spec::DropReason) override { ++drops; }

  uint64_t sent = 0, delivered = 0, drops = 0;
  bool keep = false;
  std::vector<std::vector<uint8_t>> kept;
};

enum class Inner : uint8_t { kIpv4, kIpv6 };

policy::Policy make_policy(uint32_t mappings, Inner inner, const char* kind, bool udp_checksum) {
  policy::Policy policy;
  policy::Format format = *policy::shipped_format(kind);
  format.name = "f";
  format.udp_checksum = udp_checksum;
  policy.formats.push_back(format);
  policy::Uplink uplink;
  uplink.name = "uplink0";
  uplink.mac = {{2, 0, 0, 0, 0, 1}};
  uplink.addresses = {{v4(0xc0a80001), 16}};  // 192.168.0.1
  for (uint32_t i = 0; i < kPeers; ++i) {
    uplink.neighbours.push_back({v4(0xc0a80100 + i), {{2, 0, 0, 1, uint8_t(i >> 8), uint8_t(i)}}});
  }
  policy.uplinks.push_back(uplink);
  policy::Tenant tenant;
  tenant.name = "t";
  tenant.vni = 5;
  tenant.format = "f";
  policy.tenants.push_back(tenant);
  policy.vnics.push_back({"v", "t", kGuest, {{v4(kSubnet + 1), 32}, {v6(1), 128}}, true, {}});
  for (uint32_t i = 0; i < mappings; ++i) {
    const uint32_t host = 2 + i;
    const IpPrefix to =
        inner == Inner::kIpv4 ? IpPrefix{v4(kSubnet + host), 32} : IpPrefix{v6(host), 128};
    policy.mappings.push_back({"t", to, kPeer, v4(0xc0a80100 + i % kPeers), {}});
  }
  return policy;
}

// UDP from the guest to 10.0.0.2, or to fd00::2; flow() turns it into that of another destination
// and port.
std::vector<uint8_t> make_frame(Inner inner, uint32_t length) {
  std::vector<uint8_t> frame(length);
  uint8_t* at = frame.data();
  const EthernetHeader ethernet(at);
  ethernet.set_destination(kPeer);
  ethernet.set_source(kGuest);
  at += ethernet.kLength;
  uint8_t* udp = nullptr;
  const auto left = static_cast<uint16_t>(length - ethernet.kLength);
  if (inner == Inner::kIpv4) {
    ethernet.set_ether_type(static_cast<uint16_t>(EtherType::kIpv4));
    const Ipv4Header ip(at);
    ip.set_version_ihl(0x45);
    ip.set_total_length(left);
    ip.set_ttl(64);
    ip.set_protocol(17);
    ip.set_source(v4(kSubnet + 1));
    udp = at + ip.kLength;
  } else {
    ethernet.set_ether_type(static_cast<uint16_t>(EtherType::kIpv6));
    const Ipv6Header ip(at);
    ip.set_version_class_flow(0x60000000);
    ip.set_payload_length(static_cast<uint16_t>(left - ip.kLength));
    ip.set_hop_limit(64);
    ip.set_next_header(17);
    ip.set_source(v6(1));
    ip.set_destination(v6(0));
    udp = at + ip.kLength;
  }
  UdpHeader(udp).set_destination_port(7);
  UdpHeader(udp).set_length(static_cast<uint16_t>(frame.data() + length - udp));
  return frame;
}

struct Flow {
  uint32_t host;
  uint16_t ip_checksum;
  uint16_t port;
};

std::vector<Flow> make_flows(std::vector<uint8_t> frame, uint32_t count) {
  std::vector<Flow> flows(count);
  const Ipv4Header ip(frame.data() + 14);
  for (uint32_t i = 0; i < count; ++i) {
    ip.set_checksum(0);
    ip.set_destination(v4(kSubnet + 2 + i));
    flows[i] = {2 + i, checksum::finish(checksum::sum(ip.at(), 20)),
                static_cast<uint16_t>(1024 + i % 60000)};
  }
  std::shuffle(flows.begin(), flows.end(), std::mt19937(1));
  return flows;
}

class Egress {
 public:
  Egress(uint32_t mappings, Inner inner, const char* kind, bool udp_checksum, uint32_t length)
      : inner_(inner), frame_(make_frame(inner, length)), flows_(make_flows(frame_, mappings)) {
    ok_ = pipeline_.load(make_policy(mappings, inner, kind, udp_checksum)).ok() &&
          pipeline_.attach_vnic(0, "v", kGuest).ok();
    pipeline_.set_uplink_present(0, true);
  }
  bool ok() const { return ok_; }
  CountingSink& sink() { return sink_; }

  void batch() {
    Packet* packets[kBatch];
    for (Packet*& packet : packets) {
      packet = pool_.take(static_cast<uint32_t>(frame_.size()));
      std::memcpy(packet->data, frame_.data(), frame_.size());
      packet->length = static_cast<uint32_t>(frame_.size());
      const Flow& flow = flows_[next_];
      next_ = next_ + 1 == flows_.size() ? 0 : next_ + 1;
      if (inner_ == Inner::kIpv4) {
        store_be<uint32_t>(packet->data + 30, kSubnet + flow.host);
        store_be<uint16_t>(packet->data + 24, flow.ip_checksum);
        store_be<uint16_t>(packet->data + 34, flow.port);
      } else {
        store_be<uint32_t>(packet->data + 50, flow.host);
        store_be<uint16_t>(packet->data + 54, flow.port);
      }
    }
    now_ += 1000;
    pipeline_.from_vnic(0, packets, now_);
  }

 private:
  Inner inner_;
  bool ok_ = false;
  std::vector<uint8_t> frame_;
  std::vector<Flow> flows_;
  size_t next_ = 0;
  int64_t now_ = 0;
  PacketPool pool_{{.small_count = 4 * kBatch, .large_count = 1}};
  CountingSink sink_;
  pipeline::Pipeline pipeline_{pool_, sink_};
};

void run_egress(benchmark::State& state, Inner inner, const char* kind, bool udp_checksum,
                uint32_t length) {
  auto bench = std::make_unique<Egress>(static_cast<uint32_t>(state.range(0)), inner, kind,
                                        udp_checksum, length);
  if (!bench->ok()) return state.SkipWithError("the policy was refused");
  for (auto _ : state) bench->batch();
  const auto frames = static_cast<int64_t>(state.iterations() * kBatch);
  if (bench->sink().sent != static_cast<uint64_t>(frames))
    return state.SkipWithError("frames were lost");
  state.SetItemsProcessed(frames);
}

constexpr const char* kVxlan = "vxlan";
constexpr const char* kGeneve = "geneve";

void EgressGeneve(benchmark::State& state) {
  run_egress(state, Inner::kIpv4, kGeneve, false, kFrame);
}
void EgressVxlan(benchmark::State& state) {
  run_egress(state, Inner::kIpv4, kVxlan, false, kFrame);
}
void EgressGeneveChecksum(benchmark::State& state) {
  run_egress(state, Inner::kIpv4, kGeneve, true, kFrame);
}
void EgressGeneveInnerIpv6(benchmark::State& state) {
  run_egress(state, Inner::kIpv6, kGeneve, false, kFrame);
}
void EgressGeneve1400(benchmark::State& state) {
  run_egress(state, Inner::kIpv4, kGeneve, false, 1400);
}
void EgressGeneve1400Checksum(benchmark::State& state) {
  run_egress(state, Inner::kIpv4, kGeneve, true, 1400);
}

// Goals: 10 M/s with 1 k flows, 5 M/s with 1 M mappings.
BENCHMARK(EgressGeneve)->Arg(1)->Arg(1000)->Arg(60'000)->Arg(1'000'000);
BENCHMARK(EgressVxlan)->Arg(1000)->Arg(1'000'000);
BENCHMARK(EgressGeneveChecksum)->Arg(1000);
BENCHMARK(EgressGeneveInnerIpv6)->Arg(1000)->Arg(1'000'000);
BENCHMARK(EgressGeneve1400)->Arg(1000);
BENCHMARK(EgressGeneve1400Checksum)->Arg(1000);

// From the wire: 1000 flows of one peer, made by the egress side with the ends exchanged.
void IngressGeneve(benchmark::State& state) {
  const auto count = static_cast<uint32_t>(state.range(0));
  auto sender = std::make_unique<Egress>(1, Inner::kIpv4, kGeneve, false, kFrame);
  sender->sink().keep = true;
  sender->batch();
  std::vector<uint8_t> frame = sender->sink().kept[0];

  // The receiver is the peer: it has 10.0.0.2, and 10.0.0.1 is behind the sender.
  policy::Policy policy = make_policy(count, Inner::kIpv4, kGeneve, false);
  policy.uplinks[0].mac = MacAddress::from(frame.data());
  policy.uplinks[0].addresses = {{v4(0xc0a80100), 16}};
  policy.uplinks[0].neighbours.clear();
  policy.vnics[0].mac = kPeer;
  policy.vnics[0].addresses = {{v4(kSubnet + 1'500'000), 32}};
  const MacAddress station = MacAddress::from(frame.data() + frame.size() - kFrame + 6);
  for (auto& mapping : policy.mappings) mapping.peer = v4(0xc0a80001), mapping.mac = station;
  const std::vector<Flow> flows = make_flows(make_frame(Inner::kIpv4, kFrame), count);

  PacketPool pool({.small_count = 4 * kBatch, .large_count = 1});
  CountingSink sink;
  pipeline::Pipeline pipeline(pool, sink);
  if (!pipeline.load(policy).ok() || !pipeline.attach_vnic(0, "v", kPeer).ok()) {
    return state.SkipWithError("the policy was refused");
  }
  pipeline.set_uplink_present(0, true);
  const size_t inner = frame.size() - kFrame;
  size_t next = 0;
  int64_t now = 0;
  for (auto _ : state) {
    Packet* packets[kBatch];
    for (Packet*& packet : packets) {
      packet = pool.take(static_cast<uint32_t>(frame.size()));
      std::memcpy(packet->data, frame.data(), frame.size());
      packet->length = static_cast<uint32_t>(frame.size());
      const Flow& flow = flows[next];
      next = next + 1 == flows.size() ? 0 : next + 1;
      // The flow's destination becomes the source: the IP checksum is the same.
      store_be<uint32_t>(packet->data + inner + 26, kSubnet + flow.host);
      store_be<uint32_t>(packet->data + inner + 30, kSubnet + 1);
      store_be<uint16_t>(packet->data + inner + 24, flow.ip_checksum);
      store_be<uint16_t>(packet->data + inner + 34, flow.port);
    }
    now += 1000;
    pipeline.from_uplink(0, packets, now);
  }
  const auto frames = static_cast<int64_t>(state.iterations() * kBatch);
  if (sink.delivered != static_cast<uint64_t>(frames))
    return state.SkipWithError("frames were lost");
  state.SetItemsProcessed(frames);
}
BENCHMARK(IngressGeneve)->Arg(1000)->Arg(1'000'000);

}  // namespace
}  // namespace gatehouse

BENCHMARK_MAIN();
