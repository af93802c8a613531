// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/frame.hh"

#include <algorithm>
#include <cstdio>

#include "tools/lab/apart.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/netns.hh"
#include "tools/lab/process.hh"

namespace gatehouse::bench {

namespace {

// Those of the wanted names of which there is no figure.
std::vector<std::string> missing_of(std::vector<std::string> wanted, const Bench& bench,
                                    const std::vector<Row>& rows) {
  std::vector<std::string> measured;
  if (bench.measured_beside) measured = bench.measured_beside();
  for (const Row& row : rows) measured.push_back(row.name);
  std::erase_if(wanted, [&](const std::string& name) {
    return std::find(measured.begin(), measured.end(), name) != measured.end();
  });
  return wanted;
}

int measure_and_print(const Bench& bench, const std::vector<std::string>& arguments) {
  try {
    const Options options = read_options(arguments, bench.pairs);
    require_rows(options, bench.row_names);
    if (!options.directory.empty()) throw lab::Failure("--directory is for bench loss alone");
    require_folders(options);
    if (std::string why; bench.namespaces && !lab::Netns::available(&why))
      throw lab::Failure(why + " (taps and namespaces)");
    std::vector<std::string> wanted = bench.row_names();
    std::erase_if(wanted, [&](const std::string& name) { return !options.wants(name); });
    const std::vector<Row> rows = bench.measure(options);
    const std::vector<std::string> missing = missing_of(wanted, bench, rows);
    report::Terminal terminal(stdout);
    terminal.heading("bench " + bench.name + ": " + bench.heading);
    if (!rows.empty()) print(rows, terminal);  // else what was wanted could not be measured
    if (bench.print_more) bench.print_more(terminal);
    if (!options.json.empty()) {
      nlohmann::json file = to_json(bench.name, rows);
      if (bench.add_json) bench.add_json(file);
      file["missing"] = missing;
      lab::write_file(options.json, file.dump(2) + "\n");
    }
    if (missing.size() == wanted.size())
      throw lab::Failure("nothing of what was wanted could be measured");
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
