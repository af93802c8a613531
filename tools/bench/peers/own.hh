// SPDX-License-Identifier: GPL-2.0-or-later
// Figures of hw/core by tests/bench_core's program, on the bench's core.
#ifndef GATEHOUSE_TOOLS_BENCH_PEERS_OWN_HH_
#define GATEHOUSE_TOOLS_BENCH_PEERS_OWN_HH_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gatehouse::bench {

// Of the benchmarks whose name matches (with "-" before it: does not match).
std::vector<std::string> own_names(const std::string& filter);
// Google Benchmark's report of those whose name matches; `more` goes to its command line. Throws
// lab::Failure when one of them ended with an error, and says it, or when all of them, with so many
// repetitions, do not end in time.
nlohmann::json run_own(const std::string& filter, const std::vector<std::string>& more = {},
                       unsigned repetitions = 1);
// Google Benchmark's JSON, in which what is no number (a spread of nothing but zeros) is NaN, which
// JSON does not know: null then. Discarded when it is no JSON all the same.
nlohmann::json parse_report(const std::string& text);
// The only benchmark of that name.
nlohmann::json run_one(const std::string& name);

}  // namespace gatehouse::bench

#endif  // GATEHOUSE_TOOLS_BENCH_PEERS_OWN_HH_
