// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/core.hh"

#include <algorithm>
#include <cstdio>
#include <map>

#include "tools/bench/frame.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::bench {
namespace {

constexpr unsigned kPairs = 5;

using nlohmann::json;

// Rates that are asked for, in frames per second; other benchmarks are shown without.
const std::map<std::string, double> kAsked = {{"EgressGeneve/1000", 10e6},
                                              {"EgressGeneve/1000000", 5e6}};
constexpr auto kLimit = std::chrono::minutes(10);

json run_benchmarks(unsigned repetitions) {
  lab::WorkDir work("core");
  const std::string out = work.path("core.json");
  lab::check_command(
      {lab::Build::directory() + "/core/tests/bench_core/bench-core", "--benchmark_out=" + out,
       "--benchmark_out_format=json", "--benchmark_repetitions=" + std::to_string(repetitions),
       "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.2"},
      kLimit);
  return json::parse(lab::read_file(out), nullptr, false);
}

std::vector<Row> rows_of(const json& report, const Options& options) {
  std::vector<Row> rows;
  for (const json& benchmark : report.value("benchmarks", json::array())) {
    if (benchmark.value("run_type", "") != "iteration" || !benchmark.contains("items_per_second"))
      continue;
    const std::string name = benchmark.at("run_name");
    if (!options.wants(name)) continue;
    auto row =
        std::find_if(rows.begin(), rows.end(), [&](const Row& one) { return one.name == name; });
    if (row == rows.end()) {
      const auto asked = kAsked.find(name);
      rows.push_back({.name = name,
                      .unit = "frames/s",
                      .peer_name = asked == kAsked.end() ? "" : "what is asked for",
                      .goal = asked == kAsked.end() ? 0 : 1.0});
      row = rows.end() - 1;
    }
    if (const auto asked = kAsked.find(name); asked != kAsked.end())
      row->peer.push_back(asked->second);
    row->ours.push_back(benchmark.at("items_per_second").get<double>());
  }
  return rows;
}

}  // namespace

int run_core(const std::vector<std::string>& arguments) {
  const auto measure = [](const Options& options) {
    return rows_of(run_benchmarks(options.pairs), options);
  };
  return run({.name = "core",
              .heading = "hw/core alone, native, one core (medians)",
              .pairs = kPairs,
              .measure = measure},
             arguments);
}

}  // namespace gatehouse::bench
