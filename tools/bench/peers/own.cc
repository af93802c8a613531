// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/bench/peers/own.hh"

#include <regex>
#include <sstream>

#include "tools/bench/peers/cpu.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/guest.hh"

namespace gatehouse::bench {

using nlohmann::json;

namespace {

std::string program() { return lab::Build::directory() + "/core/tests/bench_core/bench-core"; }
std::string filtered(const std::string& filter) { return "--benchmark_filter=" + filter; }

}  // namespace

std::vector<std::string> own_names(const std::string& filter) {
  std::istringstream text(
      lab::check_command({program(), "--benchmark_list_tests", filtered(filter)}));
  std::vector<std::string> names;
  for (std::string name; std::getline(text, name);) names.push_back(name);
  return names;
}

json parse_report(const std::string& text) {
  static const std::regex kNoNumber(R"((:\s*)-?(nan|inf|infinity)\b)", std::regex::icase);
  return json::parse(std::regex_replace(text, kNoNumber, "$1null"), nullptr, false);
}

json run_own(const std::string& filter, const std::vector<std::string>& more,
             unsigned repetitions) {
  const auto limit = std::chrono::minutes(10 + repetitions);
  lab::WorkDir work("core");
  const std::string out = work.path("core.json");
  std::vector<std::string> words = {"taskset",
                                    "-c",
                                    std::to_string(bench_core()),
                                    program(),
                                    filtered(filter),
                                    "--benchmark_out=" + out,
                                    "--benchmark_out_format=json"};
  words.insert(words.end(), more.begin(), more.end());
  lab::check_command(words, limit);
  json report = parse_report(lab::read_file(out));
  if (report.is_discarded()) throw lab::Failure("bench-core's report is not JSON");
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
