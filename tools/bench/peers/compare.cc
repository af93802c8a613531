// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/peers/compare.hh"

#include <algorithm>
#include <cstdio>
#include <map>
#include <span>

#include "hw/spec/stages.hh"
#include "tools/bench/peers/cpu.hh"
#include "tools/bench/peers/own.hh"
#include "tools/bench/peers/peer.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

using nlohmann::json;

constexpr const char* kUnit = "M frames/s";
constexpr const char* kCost = "cost of a frame 1 M flows over 1 k";
constexpr const char* kCopied = "the same, with its copy from memory";
constexpr const char* kHeap = "allocations on the way";
constexpr const char* kBatch = "slowest batch of 64 new flows to 1 M";

struct PeerRow {
  const char* name;
  double goal;  // at equal work; 0: its work is less
  std::unique_ptr<Peer> (*start)(const lab::WorkDir&, unsigned core);
};
constexpr PeerRow kPeers[] = {
    {"testpmd io", 0, start_testpmd_io},
    {"testpmd csum", 0, start_testpmd_csum},
    {"Open vSwitch", 3, start_open_vswitch},
    {"Linux", 3, start_kernel},
};

std::string flows_name(uint32_t flows) {
  if (flows >= 1'000'000) return std::to_string(flows / 1'000'000) + " M";
  if (flows >= 1000) return std::to_string(flows / 1000) + " k";
  return std::to_string(flows);
}

std::string load_name(const FrameSize& size, uint32_t flows) {
  return std::string(size.name) + " B/" + flows_name(flows) + (flows == 1 ? " flow" : " flows");
}

std::string benchmark_name(const char* what, const FrameSize& size, uint32_t flows) {
  return std::string(what) + "/" + size.name + "/" + std::to_string(flows);
}

double own_rate(const std::string& name) {
  return run_one(name).at("items_per_second").get<double>() / 1e6;
}

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f" : "%.0f", value);
  return text;
}

struct Load {
  const FrameSize& size;
  uint32_t flows;
};

std::vector<Load> loads_of(std::span<const uint32_t> counts) {
  std::vector<Load> loads;
  for (const FrameSize& size : kFrameSizes) {
    for (uint32_t flows : counts) loads.push_back({size, flows});
  }
  return loads;
}

std::string row_name(const Load& load, const PeerRow& peer) {
  return load_name(load.size, load.flows) + "/" + peer.name;
}
std::string alone_name(const Load& load) {
  return load_name(load.size, load.flows) + "/all stages, no peer";
}
std::string cost_name(const char* which, const FrameSize& size) {
  return std::string(which) + "/" + size.name + " B";
}

Row measure_with(Peer& peer, const PeerRow& about, const Load& load, unsigned pairs) {
  const uint32_t given = std::min(load.flows, peer.most_flows());
  peer.give(load.size, given);
  const std::string own = benchmark_name("EqualWork", load.size, load.flows);
  const std::string limit = " with " + flows_name(given) + " flows, its limit here";
  std::vector<Row> rows{{.name = row_name(load, about),
                         .unit = kUnit,
                         .peer_name = given == load.flows ? about.name : about.name + limit,
                         .goal = about.goal,
                         .measure_both = [&] {
                           const auto [ours, theirs] = peer.beside([&] { return own_rate(own); });
                           return std::pair(ours, theirs / 1e6);
                         }}};
  measure(rows, pairs);
  rows[0].measure_both = nullptr;
  return rows[0];
}

// Both come from one run.
void add_flow_costs(Comparison& result, const Options& options, const FrameSize& size) {
  const std::string cost = cost_name(kCost, size), copied = cost_name(kCopied, size);
  if (!options.wants(cost) && !options.wants(copied)) return;
  Row alone{.name = cost, .unit = "ns", .peer_name = "1 k flows", .goal = 1.5, .at_most = true};
  Row whole = alone;
  whole.name = copied;
  for (unsigned i = 0; i < options.pairs; ++i) {
    const json one = run_one(std::string("FlowCost/") + size.name);
    alone.ours.push_back(one.at("sent_many_ns"));
    alone.peer.push_back(one.at("sent_few_ns"));
    whole.ours.push_back(one.at("many_ns"));
    whole.peer.push_back(one.at("few_ns"));
  }
  if (options.wants(cost)) result.rows.push_back(alone);
  if (options.wants(copied)) result.rows.push_back(whole);
}

void add_alone(Comparison& result, const Options& options) {
  for (const Load& load : loads_of(kFlowCounts)) {
    if (!options.wants(alone_name(load))) continue;
    Row row{.name = alone_name(load), .unit = kUnit};
    for (unsigned i = 0; i < options.pairs; ++i)
      row.ours.push_back(own_rate(benchmark_name("AllStages", load.size, load.flows)));
    result.rows.push_back(row);
  }
  for (const FrameSize& size : kFrameSizes) add_flow_costs(result, options, size);
  if (options.wants(kHeap)) {
    Row row{.name = kHeap, .unit = "malloc, new"};
    for (const FrameSize& size : kFrameSizes)
      row.ours.push_back(run_one(benchmark_name("AllStages", size, 1000)).at("allocations"));
    result.rows.push_back(row);
  }
  if (options.wants(kBatch)) {
    Row row{.name = kBatch, .unit = "us"},
        usual{.name = "the median of those batches", .unit = "us"};
    for (unsigned i = 0; i < options.pairs; ++i) {
      const json one = run_one("NewFlows/1000000");
      row.ours.push_back(one.at("worst_us"));
      usual.ours.push_back(one.at("median_us"));
    }
    result.rows.push_back(row);
    result.rows.push_back(usual);
  }
}

}  // namespace

std::vector<std::string> comparison_names() {
  std::vector<std::string> names = {kHeap, kBatch};
  for (const FrameSize& size : kFrameSizes) {
    for (const char* which : {kCost, kCopied}) names.push_back(cost_name(which, size));
  }
  for (const Load& load : loads_of(kFlowCounts)) names.push_back(alone_name(load));
  for (const PeerRow& peer : kPeers) {
    for (const Load& load : loads_of(kPeersFlowCounts)) names.push_back(row_name(load, peer));
  }
  return names;
}

Comparison compare_with_peers(const Options& options) {
  Comparison result;
  lab::WorkDir work("peers");
  for (const PeerRow& about : kPeers) {
    std::vector<Load> loads;
    for (const Load& load : loads_of(kPeersFlowCounts)) {
      if (options.wants(row_name(load, about))) loads.push_back(load);
    }
    if (loads.empty()) continue;
    std::fprintf(stderr, "  starting %s\n", about.name);
    try {
      const std::unique_ptr<Peer> peer = about.start(work, bench_core());
      for (const Load& load : loads)
        result.rows.push_back(measure_with(*peer, about, load, options.pairs));
    } catch (const lab::Failure& failure) {
      result.notes.push_back(std::string(about.name) +
                             " is not measured (further): " + failure.what());
    }
  }
  return result;
}

Comparison measure_alone(const Options& options) {
  Comparison result;
  try {
    add_alone(result, options);
  } catch (const lab::Failure& failure) {
    result.notes.push_back(std::string("hw/core alone is not measured (further): ") +
                           failure.what());
  }
  return result;
}

StageTable measure_stages() {
  StageTable result;
  const FrameSize& small = kFrameSizes[0];
  std::vector<std::string> steps = {"source"};
  for (int i = 0; i < static_cast<int>(spec::Stage::kCount); ++i)
    steps.push_back(spec::stage_name(static_cast<spec::Stage>(i)));
  result.table.header = {"stage"};
  std::map<std::string, std::vector<std::string>> cells;
  for (const char* what : {"cycles", "misses"}) {
    for (uint32_t flows : kFlowCounts) {
      const json one = run_one(benchmark_name("Stages", small, flows));
      result.source = one.value("label", "");
      if (!one.contains(std::string(what) + ":parse")) continue;
      // Cache misses and the processor's cycles come together.
      const std::string unit = one.contains("misses:parse") ? what : "ticks";
      result.table.header.push_back(unit + ", " + flows_name(flows));
      double sum = 0;
      // The pipeline takes each frame through these in one go.
      double together = 0;
      for (const std::string& step : steps) {
        const double value = one.value(std::string(what) + ":" + step, 0.0);
        sum += value;
        const bool part = step == "segment" || step == "meter" || step == "encapsulate";
        if (part || step == "underlay") together += value;
        if (part || !one.contains(std::string(what) + ":" + step)) continue;
        const std::string name = step == "underlay" ? "segment, meter, encapsulate, underlay"
                                 : step == "source" ? "frame into its buffer"
                                                    : step;
        const double shown = step == "underlay" ? together : value;
        cells[name].push_back(figure(shown));
        result.json[unit][flows_name(flows)][name] = shown;
      }
      cells["all"].push_back(figure(sum));
    }
  }
  for (const char* first :
       {"frame into its buffer", "parse", "spoof", "resolve", "flow", "firewall", "overlay",
        "segment, meter, encapsulate, underlay", "uplink", "all"}) {
    std::vector<std::string> row = {first};
    row.insert(row.end(), cells[first].begin(), cells[first].end());
    result.table.rows.push_back(row);
  }
  return result;
}

report::Terminal::Table frame_costs(const std::vector<Row>& rows) {
  report::Terminal::Table table{{"ns a frame", "hw/core"}, {}};
  for (const PeerRow& peer : kPeers) table.header.push_back(peer.name);
  for (const Load& load : loads_of(kPeersFlowCounts)) {
    std::vector<double> ours;
    std::vector<std::string> cells;
    for (const PeerRow& peer : kPeers) {
      const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) {
        return one.name == row_name(load, peer);
      });
      cells.push_back(row == rows.end() ? "-" : figure(1e3 / median(row->peer)));
      if (row != rows.end()) ours.insert(ours.end(), row->ours.begin(), row->ours.end());
    }
    if (ours.empty()) continue;
    cells.insert(cells.begin(), {load_name(load.size, load.flows), figure(1e3 / median(ours))});
    table.rows.push_back(cells);
  }
  return table;
}

}  // namespace gatehouse::bench
