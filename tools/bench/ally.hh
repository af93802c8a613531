// SPDX-License-Identifier: GPL-2.0-or-later
// `./gatehouse bench ally`: what interception by a sequestered partition costs. Table 2 of "Ally:
// OS-Transparent Packet Inspection Using Sequestered Cores", and throughput with interception on
// over off.
#ifndef GATEHOUSE_TOOLS_BENCH_ALLY_HH_
#define GATEHOUSE_TOOLS_BENCH_ALLY_HH_

#include <string>
#include <vector>

namespace gatehouse::bench {

int run_ally(const std::vector<std::string>& arguments);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_ALLY_HH_
