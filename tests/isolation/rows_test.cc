// SPDX-License-Identifier: GPL-2.0-or-later
// Each row of attacks.inc is a test of one of the programs, and each of their tests is a row.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/isolation/attacks.hh"
#include "tools/lab/process.hh"

namespace gatehouse::isolation {
namespace {

// What a GoogleTest program has, as SUITE.NAME.
void add_tests(const std::string& program, std::vector<std::string>& tests) {
  std::istringstream lines(lab::check_command({program, "--gtest_list_tests"}));
  std::string suite;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ")) {
      tests.push_back(suite + line.substr(2));
    } else {
      suite = line;
    }
  }
}

TEST(AttackRows, AreTheTestsOfAllPrograms) {
  std::vector<std::string> rows, tests;
  for_each_attack(
      [&](const Attack& attack) { rows.push_back(std::string(attack.suite) + "." + attack.name); });
  std::istringstream programs(GATEHOUSE_ATTACKERS);
  for (std::string program; std::getline(programs, program, ':');) add_tests(program, tests);
  std::sort(rows.begin(), rows.end());
  std::sort(tests.begin(), tests.end());
  EXPECT_EQ(tests, rows);
}

}  // namespace
}  // namespace gatehouse::isolation
