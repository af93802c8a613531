// SPDX-License-Identifier: GPL-2.0-or-later
// Why tests were skipped. GoogleTest 1.12's JSON does not say; what it prints does.
#ifndef GATEHOUSE_TOOLS_TEST_SKIPS_HH_
#define GATEHOUSE_TOOLS_TEST_SKIPS_HH_

#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::test {

struct Skip {
  std::string reason;
  unsigned tests = 0;
  std::string first;  // of their names
};

// `printed`: a program's whole output, with --gtest_brief=0. In the order of the first of each
// reason.
std::vector<Skip> read_skips(std::string_view printed);

}  // namespace gatehouse::test

#endif  // GATEHOUSE_TOOLS_TEST_SKIPS_HH_
