// SPDX-License-Identifier: GPL-2.0-or-later
// What every bench takes on its command line.
#ifndef GATEHOUSE_TOOLS_BENCH_OPTIONS_HH_
#define GATEHOUSE_TOOLS_BENCH_OPTIONS_HH_

#include <string>
#include <vector>

namespace gatehouse::bench {

struct Options {
  unsigned pairs = 5;             // --pairs N: 1 to 100
  std::string json;               // --json FILE: empty = none
  std::vector<std::string> rows;  // --rows A,B: parts of row names; empty = all
  bool wants(const std::string& row) const;
};

// Throws lab::Failure that names the option and what it takes.
Options read_options(const std::vector<std::string>& arguments);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_OPTIONS_HH_
