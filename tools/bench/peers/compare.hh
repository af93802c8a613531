// SPDX-License-Identifier: GPL-2.0-or-later
// hw/core's way out with every stage on, beside its peers.
#ifndef GATEHOUSE_TOOLS_BENCH_PEERS_COMPARE_HH_
#define GATEHOUSE_TOOLS_BENCH_PEERS_COMPARE_HH_

#include <vector>

#include "tools/bench/options.hh"
#include "tools/bench/rows.hh"

namespace gatehouse::bench {

struct Comparison {
  std::vector<Row> rows;
  std::vector<std::string> notes;  // what could not be measured and why; how figures came about
};

// Of the rows that the next two can make.
std::vector<std::string> comparison_names();

// Rows "SIZE B/N flows/PEER": frames a second of processor time, one core.
Comparison compare_with_peers(const Options& options);

// Rows that need no peer: what a million flows cost, the heap, the slowest batch.
Comparison measure_alone(const Options& options);

// Cycles (and cache misses) of a frame in each stage.
struct StageTable {
  report::Terminal::Table table;
  std::string source;
  nlohmann::json json;
};
StageTable measure_stages();

// ns a frame: a row for each size and number of flows, a column for each who was measured.
report::Terminal::Table frame_costs(const std::vector<Row>& rows);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_PEERS_COMPARE_HH_
