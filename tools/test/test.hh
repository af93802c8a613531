// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_TEST_TEST_HH_
#define GATEHOUSE_TOOLS_TEST_TEST_HH_

#include <string>
#include <vector>

namespace gatehouse::test {

// `gatehouse-tool test [NAME...]`. Returns the process's exit status: 0 when something passed and
// nothing failed.
int run(const std::vector<std::string>& names);

}  // namespace gatehouse::test

#endif  // GATEHOUSE_TOOLS_TEST_TEST_HH_
