// SPDX-License-Identifier: GPL-2.0-or-later
// The way out with every stage on: parse, anti-spoofing, flow table, firewall with connection
// tracking, meters of vnic and tenant, mapping, VXLAN. The frames are those that the peers of
// `./gatehouse bench core` are given, and are copied into packet buffers, as by DMA. Names are
// AllStages/OCTETS/FLOWS; EqualWork has what these peers have: one meter, one underlay peer, frames
// in buffers far apart, pages of 4 KiB.
#include <benchmark/benchmark.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <tuple>
#include <vector>

#include "hw/core/base/bytes.hh"
#include "hw/core/pipeline/pipeline.hh"
#include "hw/core/policy/shipped_formats.hh"
#include "tests/bench_core/allocations.hh"
#include "tests/bench_core/stage_clock.hh"
#include "tools/bench/peers/traffic.hh"

namespace gatehouse {
namespace {

constexpr size_t kBatch = 64, kPeersBatch = 32;  // Open vSwitch's NETDEV_MAX_BURST
constexpr int64_t kFrameNs = 100;                // of virtual time
constexpr uint32_t kUnderlayPeers = 1000;
enum class Work { kAllStages, kEqual };
constexpr uint32_t kConnections = 1u << 20;

IpAddress v4(uint32_t ip) {
  uint8_t octets[4];
  store_be(octets, ip);
  return IpAddress::v4(octets);
}

policy::Policy policy_of(Work work) {
  const uint32_t peers = work == Work::kEqual ? 1 : kUnderlayPeers;
  policy::Policy policy;
  policy::Format format = *policy::shipped_format("vxlan");
  format.name = "f";
  policy.formats.push_back(format);
  policy::Uplink uplink;
  uplink.name = "uplink0";
  uplink.mac = {{2, 0, 0, 0, 0, 1}};
  uplink.mtu = 1600;
  uplink.addresses = {{v4(0xc0a80001), 16}};  // 192.168.0.1
  for (uint32_t i = 0; i < peers; ++i)
    uplink.neighbours.push_back({v4(0xc0a80100 + i), {{2, 0, 0, 1, uint8_t(i >> 8), uint8_t(i)}}});
  policy.uplinks.push_back(uplink);
  // Terabits: every frame is metered, none is dropped.
  policy::Meter meter{.name = "m",
                      .committed_rate = 4'000'000'000,
                      .committed_burst = 1u << 30,
                      .peak_rate = 4'000'000'000,
                      .peak_burst = 1u << 30};
  policy.meters.push_back(meter);
  policy::Rule web{.inward = true, .allow = true};
  web.protocol = 6;
  web.ports = {{80, 80}, {443, 443}};
  policy::Rule mail{.inward = false, .allow = false};
  mail.protocol = 6;
  mail.ports = {{25, 25}};
  policy::Firewall firewall{
      .name = "w", .connections = kConnections, .half_open = kConnections, .rules = {web, mail}};
  policy.firewalls.push_back(firewall);
  policy::Tenant tenant;
  tenant.name = "t";
  tenant.vni = 5;
  tenant.format = "f";
  if (work == Work::kAllStages) tenant.meter = "m";
  policy.tenants.push_back(tenant);
  policy::Vnic vnic;
  vnic.name = "v";
  vnic.tenant = "t";
  vnic.mac = parse_mac(bench::kSenderMac);
  vnic.addresses = {{v4(bench::kSubnet + 1), 32}};
  vnic.firewall = "w";
  vnic.meter = "m";
  policy.vnics.push_back(vnic);
  for (uint32_t i = 0; i < bench::kReceivers; ++i)
    policy.mappings.push_back({"t",
                               {v4(bench::kSubnet + 2 + i), 32},
                               *parse_mac(bench::kReceiverMac),
                               v4(0xc0a80100 + i % peers),
                               {}});
  policy.connections = kConnections;
  return policy;
}

// Peers of `./gatehouse bench core` are given no large pages.
class SmallPages {
 public:
  explicit SmallPages(bool wanted) : wanted_(wanted) {
    if (wanted_) set(true);
  }
  ~SmallPages() {
    if (wanted_) set(false);
  }
  SmallPages(const SmallPages&) = delete;
  SmallPages& operator=(const SmallPages&) = delete;
  bool ok() const { return ok_; }

 private:
  void set(bool on) { ok_ = prctl(PR_SET_THP_DISABLE, on ? 1UL : 0UL, 0UL, 0UL, 0UL) == 0; }
  bool wanted_, ok_ = true;
};

// Looks at what is sent; with a clock, says where the time goes. Steps are the pipeline's stages;
// those from segment to underlay are one, because the pipeline takes frame by frame through them.
class Measure final : public pipeline::Sink {
 public:
  static constexpr size_t kSource = static_cast<size_t>(spec::Stage::kCount);
  struct Step {
    uint64_t cycles = 0, misses = 0;
  };

  void to_uplink(unsigned, std::span<const OutFrame> frames) override {
    sent += frames.size();
    for (const OutFrame& frame : frames) benchmark::DoNotOptimize(frame.head.data);
  }
  void to_vnic(unsigned, std::span<const OutFrame>, const Layers&, bool, bool) override {}
  void tapped(pipeline::TapPoint, pipeline::TapDirection, unsigned, const OutFrame&,
              spec::DropReason) override {}
  void dropped(bool, unsigned, spec::DropReason) override {}
  void walked(spec::Stage stage, unsigned, size_t) override { enter(static_cast<size_t>(stage)); }

  void enter(size_t step) {
    const StageClock::Reading now = clock_->read();
    steps[at_].cycles += now.cycles - before_.cycles;
    steps[at_].misses += now.misses - before_.misses;
    before_ = now;
    at_ = step;
  }
  void start(const StageClock& clock) {
    clock_ = &clock;
    before_ = clock.read();
    at_ = kSource;
  }

  uint64_t sent = 0;
  std::array<Step, kSource + 1> steps{};

 private:
  const StageClock* clock_ = nullptr;
  StageClock::Reading before_;
  size_t at_ = kSource;
};

class AllStages {
 public:
  AllStages(Work work, const bench::FrameSize& size, uint32_t flows)
      : traffic_(size, flows,
                 work == Work::kEqual ? bench::Traffic::Layout::kPacketBuffers
                                      : bench::Traffic::Layout::kPacked),
        batch_(packets_, work == Work::kEqual ? kPeersBatch : kBatch) {
    ok_ = pipeline_.load(policy_of(work)).ok() &&
          pipeline_.attach_vnic(0, "v", *parse_mac(bench::kSenderMac)).ok();
    pipeline_.set_uplink_present(0, true);
  }
  bool ok() const { return ok_; }
  size_t batch_size() const { return batch_.size(); }
  Measure& sink() { return sink_; }
  pipeline::Pipeline& pipeline() { return pipeline_; }

  void fill() {
    for (Packet*& packet : batch_) {
      const std::span<const uint8_t> frame = traffic_.frame(next_);
      next_ = next_ + 1 == traffic_.count() ? 0 : next_ + 1;
      packet = pool_.take(static_cast<uint32_t>(frame.size()));
      std::memcpy(packet->data, frame.data(), frame.size());
      packet->length = static_cast<uint32_t>(frame.size());
    }
  }
  void send() {
    now_ += static_cast<int64_t>(batch_.size()) * kFrameNs;
    pipeline_.from_vnic(0, batch_, now_);
  }
  void batch() {
    fill();
    send();
  }
  // Every flow has begun.
  void warm() {
    for (size_t i = 0; i < traffic_.count(); i += batch_.size()) batch();
    batch();
  }

 private:
  bench::Traffic traffic_;
  bool ok_ = false;
  size_t next_ = 0;
  int64_t now_ = 0;
  Packet* packets_[kBatch];
  const std::span<Packet*> batch_;
  PacketPool pool_{{.small_count = 4 * kBatch, .large_count = 1}};
  Measure sink_;
  pipeline::Pipeline pipeline_{pool_, sink_};
};

uint64_t metered(AllStages& bench) {
  return bench.pipeline().counters(0)[static_cast<size_t>(spec::VnicCounter::meter_green)];
}

void all_stages_bench(benchmark::State& state, Work work, const bench::FrameSize& size,
                      uint32_t flows) {
  const SmallPages pages(work == Work::kEqual);
  if (!pages.ok()) return state.SkipWithError("large pages can't be turned off (Linux 3.15)");
  // Called again until the time is long enough: with 1 M flows most of it would be spent here.
  static std::unique_ptr<AllStages> bench;
  static std::tuple<Work, const bench::FrameSize*, uint32_t> benchs;
  if (benchs != std::tuple(work, &size, flows)) {
    bench.reset();
    bench = std::make_unique<AllStages>(work, size, flows);
    benchs = {work, &size, flows};
    if (bench->ok()) bench->warm();
  }
  if (!bench->ok()) return state.SkipWithError("the policy was refused");
  Measure& sink = bench->sink();
  sink.sent = 0;
  const uint64_t metered_before = metered(*bench);
  const uint64_t before = allocations();
  for (auto _ : state) bench->batch();
  const uint64_t taken = allocations() - before;
  const auto frames = static_cast<uint64_t>(state.iterations()) * bench->batch_size();
  if (sink.sent != frames) return state.SkipWithError("frames were lost");
  if (bench->pipeline().connections(0) != flows)
    return state.SkipWithError("not every flow is tracked");
  if (metered(*bench) - metered_before != frames)
    return state.SkipWithError("frames were not metered");
  if (taken != 0) state.SkipWithError("memory was taken from the heap on the packet path");
  state.counters["allocations"] = static_cast<double>(taken);
  state.SetItemsProcessed(static_cast<int64_t>(frames));
}

// Where the time goes, in cycles and cache misses of a frame.
void stages_bench(benchmark::State& state, const bench::FrameSize& size, uint32_t flows) {
  auto bench = std::make_unique<AllStages>(Work::kAllStages, size, flows);
  if (!bench->ok()) return state.SkipWithError("the policy was refused");
  bench->warm();
  Measure& sink = bench->sink();
  sink.sent = 0;
  const StageClock clock;
  bench->pipeline().trace(true);
  sink.start(clock);
  for (auto _ : state) {
    sink.enter(Measure::kSource);
    bench->batch();
  }
  sink.enter(Measure::kSource);
  bench->pipeline().trace(false);
  const auto frames = static_cast<double>(sink.sent);
  for (size_t i = 0; i < sink.steps.size(); ++i) {
    if (sink.steps[i].cycles == 0) continue;
    const std::string name =
        i == Measure::kSource ? "source" : spec::stage_name(static_cast<spec::Stage>(i));
    state.counters["cycles:" + name] = static_cast<double>(sink.steps[i].cycles) / frames;
    if (clock.counts_misses())
      state.counters["misses:" + name] = static_cast<double>(sink.steps[i].misses) / frames;
  }
  state.SetLabel(clock.source());
}

double thread_us() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// From an empty table to a million connections: each batch is 64 first frames. Processor time of
// the batch that took longest, in microseconds.
void new_flows_bench(benchmark::State& state) {
  double worst = 0, all = 0;
  std::vector<double> batches;
  for (auto _ : state) {
    auto bench = std::make_unique<AllStages>(Work::kAllStages, bench::kFrameSizes[0], 1'000'000);
    if (!bench->ok()) return state.SkipWithError("the policy was refused");
    batches.clear();
    batches.reserve(1'000'000 / kBatch);
    for (size_t i = 0; i < 1'000'000 / kBatch; ++i) {
      bench->fill();
      const double before = thread_us();
      bench->send();
      batches.push_back(thread_us() - before);
    }
    if (bench->pipeline().connections(0) != 1'000'000)
      return state.SkipWithError("not every flow is tracked");
    for (double one : batches) all += one, worst = std::max(worst, one);
  }
  std::sort(batches.begin(), batches.end());
  state.counters["worst_us"] = worst;
  state.counters["median_us"] = batches[batches.size() / 2];
  state.counters["p999_us"] = batches[batches.size() * 999 / 1000];
  state.counters["mean_us"] = all / static_cast<double>(batches.size() * state.iterations());
}
BENCHMARK(new_flows_bench)->Name("NewFlows/1000000")->Iterations(1);

// What a frame costs with 1 k and with 1 M flows, in nanoseconds of processor time: by turns of
// some milliseconds, so that a machine whose speed changes does so for both. `sent_`: without the
// copy of the frame out of the memory in which so many lie.
void flow_cost_bench(benchmark::State& state, const bench::FrameSize& size) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  constexpr size_t kTurn = 500;  // batches
  struct Side {
    AllStages bench;
    double spent_us = 0;
    Seconds all{}, source{};
    double ns(double frames) const { return spent_us * 1e3 / frames; }
    double sent_ns(double frames) const { return ns(frames) * (1 - source / all); }
  };
  Side few{AllStages(Work::kAllStages, size, 1000)};
  Side many{AllStages(Work::kAllStages, size, 1'000'000)};
  if (!few.bench.ok() || !many.bench.ok()) return state.SkipWithError("the policy was refused");
  for (Side* side : {&few, &many}) side->bench.warm();
  for (auto _ : state) {
    for (Side* side : {&few, &many}) {
      const double before = thread_us();
      const auto begin = Clock::now();
      for (size_t i = 0; i < kTurn; ++i) {
        const auto filling = Clock::now();
        side->bench.fill();
        side->source += Clock::now() - filling;
        side->bench.send();
      }
      side->all += Clock::now() - begin;
      side->spent_us += thread_us() - before;
    }
  }
  if (few.bench.pipeline().connections(0) != 1000 ||
      many.bench.pipeline().connections(0) != 1'000'000)
    return state.SkipWithError("not every flow is tracked");
  const auto frames = static_cast<double>(state.iterations() * kTurn * kBatch);
  state.counters["few_ns"] = few.ns(frames);
  state.counters["many_ns"] = many.ns(frames);
  state.counters["sent_few_ns"] = few.sent_ns(frames);
  state.counters["sent_many_ns"] = many.sent_ns(frames);
}

[[maybe_unused]] const bool registered = [] {
  for (const bench::FrameSize& size : bench::kFrameSizes) {
    benchmark::RegisterBenchmark((std::string("FlowCost/") + size.name).c_str(), flow_cost_bench,
                                 size)
        ->Iterations(100);
    const auto rest_of = [&](uint32_t flows) {
      return std::string("/") + size.name + "/" + std::to_string(flows);
    };
    for (uint32_t flows : bench::kPeersFlowCounts)
      benchmark::RegisterBenchmark(("EqualWork" + rest_of(flows)).c_str(), all_stages_bench,
                                   Work::kEqual, size, flows);
    for (uint32_t flows : bench::kFlowCounts) {
      const std::string rest = rest_of(flows);
      benchmark::RegisterBenchmark(("AllStages" + rest).c_str(), all_stages_bench, Work::kAllStages,
                                   size, flows);
      benchmark::RegisterBenchmark(("Stages" + rest).c_str(), stages_bench, size, flows);
    }
  }
  return true;
}();

}  // namespace
}  // namespace gatehouse
