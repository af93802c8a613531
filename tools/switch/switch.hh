// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_SWITCH_SWITCH_HH_
#define GATEHOUSE_TOOLS_SWITCH_SWITCH_HH_

#include <string>
#include <vector>

namespace gatehouse::ethernet_switch {

// `gatehouse-tool switch`. Prints "switch: listening on ADDRESS" when QEMUs may connect; ends with
// 0 on SIGTERM or SIGINT.
int run(const std::vector<std::string>& arguments);

}  // namespace gatehouse::ethernet_switch

#endif  // GATEHOUSE_TOOLS_SWITCH_SWITCH_HH_
