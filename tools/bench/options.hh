// SPDX-License-Identifier: GPL-2.0-or-later
// What every bench takes on its command line: the rows of options.inc.
#ifndef GATEHOUSE_TOOLS_BENCH_OPTIONS_HH_
#define GATEHOUSE_TOOLS_BENCH_OPTIONS_HH_

#include <string>
#include <vector>

namespace gatehouse::bench {

struct Options {
  unsigned pairs = 1;
  std::string json;               // a file; empty = none
  std::string directory;          // loss: where its files go; empty = nowhere
  std::vector<std::string> rows;  // parts of row names; empty = all
  bool wants(const std::string& row) const;
};

// The options, one line for each.
std::string usage();

// `pairs`: unless --pairs says otherwise. Throws lab::Failure that names the option and what it
// takes.
Options read_options(const std::vector<std::string>& arguments, unsigned pairs);

// Throws lab::Failure when a folder that is to be written into is not there: a bench runs for
// minutes, so this is said before it begins.
void require_folders(const Options& options);

// Throws lab::Failure when one of `options.rows` is in no row's name; asks for them only then.
void require_rows(const Options& options, std::vector<std::string> (*row_names)());

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_OPTIONS_HH_
