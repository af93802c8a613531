// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/frame.hh"

#include <cstdio>

#include "tools/lab/apart.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/netns.hh"
#include "tools/lab/process.hh"

namespace gatehouse::bench {

namespace {

int measure_and_print(const Bench& bench, const std::vector<std::string>& arguments) {
  try {
    const Options options = read_options(arguments, bench.pairs);
    require_rows(options, bench.row_names);
    if (!options.directory.empty()) throw lab::Failure("--directory is for bench loss alone");
    require_folders(options);
    if (std::string why; bench.namespaces && !lab::Netns::available(&why))
      throw lab::Failure(why + " (taps and namespaces)");
    const std::vector<Row> rows = bench.measure(options);
    report::Terminal terminal(stdout);
    terminal.heading("bench " + bench.name + ": " + bench.heading);
    if (!rows.empty()) print(rows, terminal);  // else what was wanted could not be measured
    if (bench.print_more) bench.print_more(terminal);
    if (!options.json.empty()) {
      nlohmann::json file = to_json(bench.name, rows);
      if (bench.add_json) bench.add_json(file);
      lab::write_file(options.json, file.dump(2) + "\n");
    }
    return 0;
  } catch (const lab::Failure& failure) {
    std::fprintf(stderr, "gatehouse bench %s: %s\n", bench.name.c_str(), failure.what());
    return 1;
  }
}

}  // namespace

int run(const Bench& bench, const std::vector<std::string>& arguments) {
  // The measuring process's children end with it; this one stays and clears away after it, however
  // it ended.
  try {
    const lab::WorkDir work("run");
    return lab::run_apart(work, [&] { return measure_and_print(bench, arguments); });
  } catch (const lab::Failure& failure) {
    std::fprintf(stderr, "gatehouse bench %s: %s\n", bench.name.c_str(), failure.what());
    return 1;
  }
}

}  // namespace gatehouse::bench
