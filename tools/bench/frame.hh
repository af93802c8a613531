// SPDX-License-Identifier: GPL-2.0-or-later
// What every bench has around its rows: command line, table, file.
#ifndef GATEHOUSE_TOOLS_BENCH_FRAME_HH_
#define GATEHOUSE_TOOLS_BENCH_FRAME_HH_

#include <functional>
#include <string>
#include <vector>

#include "tools/bench/options.hh"
#include "tools/bench/rows.hh"

namespace gatehouse::bench {

struct Bench {
  std::string name;
  std::string heading;
  // Of all its rows, so that --rows is refused at once where it names none.
  std::vector<std::string> (*row_names)();
  unsigned pairs;           // unless --pairs says otherwise
  bool namespaces = false;  // it needs network namespaces
  std::function<std::vector<Row>(const Options&)> measure;
  std::function<void(report::Terminal&)> print_more = {};  // under the table
  std::function<void(nlohmann::json&)> add_json = {};      // to the file
  // Of the names, those that were measured and are no row.
  std::function<std::vector<std::string>()> measured_beside = {};
};

// Returns the exit status, 1 when nothing of what was wanted could be measured; says what went
// wrong. The file has what could not be measured as "missing".
int run(const Bench& bench, const std::vector<std::string>& arguments);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_FRAME_HH_
