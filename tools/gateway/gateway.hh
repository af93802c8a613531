// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_GATEWAY_GATEWAY_HH_
#define GATEHOUSE_TOOLS_GATEWAY_GATEWAY_HH_

#include <string>
#include <vector>

namespace gatehouse::gateway {

// `gatehouse-tool gateway`. Prints "gateway: ready on ADDRESS" when it answers; ends with 0 on
// SIGTERM or SIGINT, and when the underlay that it connected to ends.
int run(const std::vector<std::string>& arguments);

}  // namespace gatehouse::gateway

#endif  // GATEHOUSE_TOOLS_GATEWAY_GATEWAY_HH_
