// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef GATEHOUSE_TOOLS_BENCH_CORE_HH_
#define GATEHOUSE_TOOLS_BENCH_CORE_HH_

#include <string>
#include <vector>

namespace gatehouse::bench {

// `gatehouse-tool bench core`: hw/core alone, native, one core; each row against the rate that the
// project asks of it.
int run_core(const std::vector<std::string>& arguments);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_CORE_HH_
