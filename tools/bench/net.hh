// SPDX-License-Identifier: GPL-2.0-or-later
// `./gatehouse bench net`: a guest on a card against a guest on QEMU's stock e1000e.
#ifndef GATEHOUSE_TOOLS_BENCH_NET_HH_
#define GATEHOUSE_TOOLS_BENCH_NET_HH_

#include <string>
#include <vector>

namespace gatehouse::bench {

// `gatehouse-tool bench net [--pairs N] [--rows NAME,...] [--json FILE]`.
int run_net(const std::vector<std::string>& arguments);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_NET_HH_
