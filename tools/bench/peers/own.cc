// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/peers/own.hh"

#include "tools/bench/peers/cpu.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::bench {

using nlohmann::json;

json run_own(const std::string& filter, const std::vector<std::string>& more) {
  constexpr auto kLimit = std::chrono::minutes(10);
  lab::WorkDir work("core");
  const std::string out = work.path("core.json");
  std::vector<std::string> words = {"taskset",
                                    "-c",
                                    std::to_string(bench_core()),
                                    lab::Build::directory() + "/core/tests/bench_core/bench-core",
                                    "--benchmark_filter=" + filter,
                                    "--benchmark_out=" + out,
                                    "--benchmark_out_format=json"};
  words.insert(words.end(), more.begin(), more.end());
  lab::check_command(words, kLimit);
  json report = json::parse(lab::read_file(out), nullptr, false);
  if (!report.contains("benchmarks"))
    throw lab::Failure("bench-core has no benchmark that matches " + filter);
  for (const json& one : report["benchmarks"]) {
    if (one.value("error_occurred", false))
      throw lab::Failure(one.value("name", filter) + ": " + one.value("error_message", ""));
  }
  return report;
}

json run_one(const std::string& name) {
  return run_own("^" + name + "(/|$)", {"--benchmark_min_time=0.5"})["benchmarks"].at(0);
}

}  // namespace gatehouse::bench
