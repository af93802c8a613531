// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_DEMO_DEMO_HH_
#define GATEHOUSE_TOOLS_DEMO_DEMO_HH_

#include <string>
#include <vector>

namespace gatehouse::demo {

// `gatehouse-tool demo`. Returns 0 when every claim held.
int run(const std::vector<std::string>& arguments);

}  // namespace gatehouse::demo

#endif  // GATEHOUSE_TOOLS_DEMO_DEMO_HH_
