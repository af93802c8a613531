// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/test/test.hh"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tools/lab/apart.hh"
#include "tools/lab/deadline.hh"
#include "tools/lab/guest.hh"
#include "tools/lab/process.hh"
#include "tools/lab/run_lock.hh"
#include "tools/test/skips.hh"

namespace gatehouse::test {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kGroups[] = {
#include "tools/test/groups.inc"
};
// A limit for one program, far above what any needs: it ends a hang.
constexpr auto kProgramLimit = std::chrono::minutes(45);

struct Tally {
  unsigned passed = 0, failed = 0, skipped = 0;
  std::vector<std::string> failures;
  // Of the tests that have a property "attack": lines of the score card.
  struct Attack {
    std::string name, tried;
    bool held;
  };
  std::vector<Attack> attacks;

  void operator+=(const Tally& other) {
    passed += other.passed;
    failed += other.failed;
    skipped += other.skipped;
    failures.insert(failures.end(), other.failures.begin(), other.failures.end());
    attacks.insert(attacks.end(), other.attacks.begin(), other.attacks.end());
  }
};

std::vector<fs::path> programs_of(const std::string& group) {
  std::vector<fs::path> programs;
  const fs::path folder = fs::path(lab::Build::directory()) / "core/tests" / group;
  std::error_code missing;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, missing)) {
    if (entry.is_regular_file() && entry.path().filename().string().starts_with("test-") &&
        !entry.path().has_extension()) {
      programs.push_back(entry.path());
    }
  }
  std::sort(programs.begin(), programs.end());
  return programs;
}

// GoogleTest's filter for the names that are not groups; a bare word matches anywhere in a test's
// name.
std::string filter_of(const std::vector<std::string>& patterns) {
  std::string filter;
  for (const std::string& pattern : patterns) {
    if (!filter.empty()) filter += ":";
    filter += pattern.find_first_of("*?") == std::string::npos ? "*" + pattern + "*" : pattern;
  }
  return filter.empty() ? "*" : filter;
}

Tally read_report(const json& report) {
  Tally tally;
  for (const json& suite : report.value("testsuites", json::array())) {
    for (const json& test : suite.value("testsuite", json::array())) {
      const std::string name = suite.value("name", "") + "." + test.value("name", "");
      if (test.contains("attack") && test.value("result", "") != "SKIPPED")
        tally.attacks.push_back({name, test.value("attack", ""), !test.contains("failures")});
      if (test.contains("failures")) {
        ++tally.failed;
        tally.failures.push_back(name);
      } else if (test.value("result", "") == "SKIPPED") {
        ++tally.skipped;
      } else if (test.value("status", "") == "RUN") {
        ++tally.passed;
      }
    }
  }
  return tally;
}

void print_score_card(const std::vector<Tally::Attack>& attacks) {
  if (attacks.empty()) return;
  size_t names = 0, tried = 0;
  for (const Tally::Attack& attack : attacks) {
    names = std::max(names, attack.name.size());
    tried = std::max(tried, attack.tried.size());
  }
  for (const Tally::Attack& attack : attacks) {
    std::printf("    %-*s  %-*s  %s\n", static_cast<int>(names), attack.name.c_str(),
                static_cast<int>(tried), attack.tried.c_str(), attack.held ? "held" : "BROKEN");
  }
}

Tally run_program(const fs::path& program, const std::string& filter, const std::string& log) {
  const std::string report_path = log + ".json";
  fs::remove(report_path);
  const auto start = lab::Deadline::Clock::now();
  lab::Process process({program.string(), "--gtest_output=json:" + report_path,
                        "--gtest_filter=" + filter, "--gtest_color=no", "--gtest_brief=0"},
                       log);
  const int status = process.wait(kProgramLimit);
  process.terminate();  // does nothing to one that has ended
  lab::remove_namespaces_of_the_dead();
  const json report = json::parse(lab::read_file(report_path), nullptr, false);
  Tally tally = report.is_object() ? read_report(report) : Tally{};
  const std::string name = program.filename().string();
  const bool unexplained = !report.is_object() || (status != 0 && tally.failed == 0);
  if (unexplained) {
    ++tally.failed;
    tally.failures.push_back(name + (status < 0 ? " did not end in time"
                                                : " ended with status " + std::to_string(status)));
  }
  if (tally.passed + tally.failed + tally.skipped == 0) return tally;
  std::printf("  %-28s %4u passed %3u failed %3u skipped  %6.1f s\n", name.c_str(), tally.passed,
              tally.failed, tally.skipped, lab::seconds_since(start));
  print_score_card(tally.attacks);
  for (const Skip& skip : read_skips(lab::read_file(log)))
    std::printf("    %u skipped: %s (%s)\n", skip.tests, skip.reason.c_str(), skip.first.c_str());
  if (tally.failed > 0) {
    std::printf("%s\n    (log: %s)\n", process.log().c_str(), log.c_str());
  }
  std::fflush(stdout);
  return tally;
}

Tally run_source_check() {
  Tally tally;
  const auto start = lab::Deadline::Clock::now();
  const lab::CommandResult result =
      lab::run_command({lab::Build::root() + "/tools/check"}, std::chrono::minutes(5));
  (result.exit_status == 0 ? tally.passed : tally.failed) = 1;
  if (tally.failed) tally.failures.push_back("tools/check");
  std::string skips;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("skipped: ")) continue;
    ++tally.skipped;
    skips += "    1 " + line + "\n";
  }
  std::printf("  %-28s %4u passed %3u failed %3u skipped  %6.1f s\n%s", "tools/check", tally.passed,
              tally.failed, tally.skipped, lab::seconds_since(start), skips.c_str());
  if (tally.failed) std::printf("%s\n", result.output.c_str());
  return tally;
}

int run_groups(const std::vector<std::string>& groups, const std::vector<std::string>& patterns) {
  const std::string filter = filter_of(patterns);
  const fs::path logs = fs::path(lab::Build::directory()) / "logs/test";
  fs::create_directories(logs);

  Tally total;
  for (const char* group : kGroups) {
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) continue;
    std::printf("%s\n", group);
    std::fflush(stdout);
    if (patterns.empty() && std::string(group) == "unit") total += run_source_check();
    const std::vector<fs::path> programs = programs_of(group);
    if (programs.empty()) std::printf("  (no programs built for this group)\n");
    for (const fs::path& program : programs) {
      total += run_program(program, filter, (logs / program.filename()).string() + ".log");
    }
  }
  if (total.passed + total.failed + total.skipped == 0) {
    std::fprintf(stderr,
                 "gatehouse test: no test matches %s; ./gatehouse test --help names the groups\n",
                 filter.c_str());
    return 2;
  }
  if (!total.attacks.empty()) {
    const auto held = std::count_if(total.attacks.begin(), total.attacks.end(),
                                    [](const Tally::Attack& attack) { return attack.held; });
    std::printf("%zu attacks: %td held, %td broken\n", total.attacks.size(), held,
                static_cast<ptrdiff_t>(total.attacks.size()) - held);
  }
  for (const std::string& failure : total.failures) std::printf("FAILED %s\n", failure.c_str());
  std::printf("%u passed, %u failed, %u skipped\n", total.passed, total.failed, total.skipped);
  return total.failed == 0 && total.passed > 0 ? 0 : 1;
}

}  // namespace

int run(const std::vector<std::string>& names) {
  std::vector<std::string> groups, patterns;
  for (const std::string& name : names) {
    const bool group = std::find(std::begin(kGroups), std::end(kGroups), name) != std::end(kGroups);
    (group ? groups : patterns).push_back(name);
  }
  if (groups.empty()) groups.assign(std::begin(kGroups), std::end(kGroups));
  const lab::RunLock lock("test");
  const lab::WorkDir work("run");
  return lab::run_apart(work, [&] { return run_groups(groups, patterns); });
}

}  // namespace gatehouse::test
