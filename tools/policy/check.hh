// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_POLICY_CHECK_HH_
#define GATEHOUSE_TOOLS_POLICY_CHECK_HH_

#include <string>
#include <vector>

#include "hw/core/base/status.hh"

namespace gatehouse::policy_check {

// What is in a policy file that a card takes, in words; or why it does not take it, with the file's
// name and the place in it.
Result<std::string> check(const std::string& path);

// `gatehouse-tool policy FILE...`. A line for each file; 1 if a card refuses one of them.
int run(const std::vector<std::string>& arguments);

}  // namespace gatehouse::policy_check

#endif  // GATEHOUSE_TOOLS_POLICY_CHECK_HH_
