// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/core.hh"

#include <algorithm>
#include <cstdio>
#include <map>

#include "tools/bench/frame.hh"
#include "tools/bench/peers/compare.hh"
#include "tools/bench/peers/own.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

constexpr unsigned kPairs = 5;
constexpr const char* kStages = "time of each stage";

using nlohmann::json;

// Rates that are asked for, in frames per second; other benchmarks are shown without.
const std::map<std::string, double> kAsked = {{"EgressGeneve/1000", 10e6},
                                              {"EgressGeneve/1000000", 5e6}};

// All but those that the comparison runs.
std::vector<std::string> others() {
  return own_names("-^(AllStages|EqualWork|Stages|NewFlows|FlowCost)/");
}

std::vector<std::string> row_names() {
  std::vector<std::string> names = comparison_names(), more = others();
  names.push_back(kStages);
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

// Names are of letters, digits, '_' and '/'.
json run_benchmarks(const std::vector<std::string>& names, unsigned repetitions) {
  std::string any;
  for (const std::string& name : names) any += (any.empty() ? "" : "|") + name;
  return run_own("^(" + any + ")$",
                 {"--benchmark_repetitions=" + std::to_string(repetitions),
                  "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.2"},
                 repetitions);
}

std::vector<Row> rows_of(const json& report) {
  std::vector<Row> rows;
  for (const json& benchmark : report.value("benchmarks", json::array())) {
    if (benchmark.value("run_type", "") != "iteration") continue;
    const bool frames = benchmark.contains("items_per_second");
    const std::string name = benchmark.at("run_name");
    auto row =
        std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.name == name; });
    if (row == rows.end()) {
      const auto asked = kAsked.find(name);
      rows.push_back({.name = name,
                      .unit = frames ? "frames/s" : "octets/s",
                      .peer_name = asked == kAsked.end() ? "" : "what is asked for",
                      .goal = asked == kAsked.end() ? 0 : 1.0});
      row = rows.end() - 1;
    }
    if (const auto asked = kAsked.find(name); asked != kAsked.end())
      row->peer.push_back(asked->second);
    row->ours.push_back(
        benchmark.at(frames ? "items_per_second" : "bytes_per_second").get<double>());
  }
  return rows;
}

// What comes under the table of rows.
struct Appendix {
  report::Terminal::Table costs;
  StageTable stages;
  std::vector<std::string> notes;

  void print(report::Terminal& terminal) const {
    if (!costs.rows.empty()) {
      terminal.line();
      terminal.table(costs);
    }
    if (!stages.table.rows.empty()) {
      terminal.heading("a frame of 64 B, stage by stage");
      terminal.table(stages.table);
      terminal.line(stages.source);
    }
    terminal.line();
    for (const std::string& note : notes) terminal.line(note);
  }
  std::vector<std::string> names() const {
    if (stages.table.rows.empty()) return {};
    return {kStages};
  }
  json to_json() const {
    return {{"stages", stages.json}, {"source", stages.source}, {"notes", notes}};
  }
};

constexpr const char* kNotes[] = {
    "Rates are frames a second of processor time on one core, from a file in memory to a device "
    "that forgets them.",
    "testpmd io hands frames on and csum parses and makes checksums: no tables, no tunnel. Open "
    "vSwitch and Linux do what hw/core does: anti-spoofing, connection tracking, a meter, VXLAN.",
    "Beside peers hw/core has what testpmd and Open vSwitch have: frames of the source in packet "
    "buffers, pages of 4 KiB. Without a peer, frames lie one behind the other and tables have "
    "large pages.",
    "Open vSwitch and hw/core share the core while they are measured; the others come after "
    "hw/core.",
    "Linux: what sending the frames costs (a packet socket into a veth that drops them, measured "
    "beside it) is taken off; a frame at a time, as a packet socket sends them.",
};

}  // namespace

int run_core(const std::vector<std::string>& arguments) {
  Appendix appendix;
  const auto measure_all = [&appendix](const Options& options) {
    std::vector<Row> rows;
    Comparison peers = compare_with_peers(options), alone = measure_alone(options);
    for (Comparison* part : {&peers, &alone}) {
      rows.insert(rows.end(), part->rows.begin(), part->rows.end());
      appendix.notes.insert(appendix.notes.end(), part->notes.begin(), part->notes.end());
    }
    if (!peers.rows.empty())
      appendix.notes.insert(appendix.notes.end(), std::begin(kNotes), std::end(kNotes));
    appendix.costs = frame_costs(peers.rows);
    // What was measured before is not lost.
    const auto attempt = [&](const auto& part) {
      try {
        part();
      } catch (const lab::Failure& failure) {
        appendix.notes.push_back(std::string("the rest is not measured: ") + failure.what());
      }
    };
    if (options.wants(kStages)) attempt([&] { appendix.stages = measure_stages(); });
    std::vector<std::string> wanted = others();
    std::erase_if(wanted, [&](const std::string& name) { return !options.wants(name); });
    if (!wanted.empty()) {
      attempt([&] {
        const std::vector<Row> more = rows_of(run_benchmarks(wanted, options.pairs));
        rows.insert(rows.end(), more.begin(), more.end());
      });
    }
    return rows;
  };
  return run({.name = "core",
              .heading = "hw/core alone and its peers, native, one core (medians)",
              .row_names = row_names,
              .pairs = kPairs,
              .measure = measure_all,
              .print_more = [&](report::Terminal& terminal) { appendix.print(terminal); },
              .add_json = [&](json& file) { file.update(appendix.to_json()); },
              .measured_beside = [&] { return appendix.names(); }},
             arguments);
}

}  // namespace gatehouse::bench
