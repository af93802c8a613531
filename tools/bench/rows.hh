// SPDX-License-Identifier: GPL-2.0-or-later
// Figures in pairs: ours and a peer's, from one run.
#ifndef GATEHOUSE_TOOLS_BENCH_ROWS_HH_
#define GATEHOUSE_TOOLS_BENCH_ROWS_HH_

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tools/report/terminal.hh"

namespace gatehouse::bench {

struct Row {
  std::string name{};
  std::string unit{};
  std::string peer_name{};
  double goal = 0;       // of the ratio; 0 = none
  bool at_most = false;  // the ratio shall not exceed the goal; otherwise it shall reach it
  std::function<double()> measure_ours{};
  std::function<double()> measure_peer{};
  // Instead of these two, for what can be measured at once: {ours, peer's}.
  std::function<std::pair<double, double>()> measure_both{};
  std::vector<double> ours{}, peer{};  // one entry for each pair; without a peer, that one is empty

  bool met() const;
};

double median(std::vector<double> values);
// (largest - smallest) / median, of our figures: how noisy the run was.
double spread(const std::vector<double>& values);
// The median of the pairs' ratios: what changes the machine's speed for longer than a pair lasts is
// the same for both. 0 without a peer.
double ratio(const Row& row);

// Ours, peer, peer, ours, ours ...: `pairs` of them for each row; says where it is.
void measure(std::vector<Row>& rows, unsigned pairs);

void print(const std::vector<Row>& rows, report::Terminal& terminal);
// {"bench", "rows": [{"name","unit","ours","peer","peer_name","ratio","goal","at_most","runs",
// "spread", "ours_runs", "peer_runs"}]}
nlohmann::json to_json(const std::string& bench, const std::vector<Row>& rows);

// The first of these parts that is in none of the names; empty: there is no such part.
std::string not_in_any(const std::vector<std::string>& parts,
                       const std::vector<std::string>& names);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_ROWS_HH_
