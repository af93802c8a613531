// SPDX-License-Identifier: GPL-2.0-or-later
// Google Benchmark's reports, as bench core reads them.
#include <gtest/gtest.h>

#include "tools/bench/peers/own.hh"

namespace gatehouse::bench {
namespace {

TEST(BenchReport, HasNullWhereThereIsNoNumber) {
  const nlohmann::json report = parse_report(R"({"benchmarks": [
      {"name": "a/1_cv", "real_time": 1.5e-01, "merged": NaN, "segments": -nan},
      {"name": "b", "real_time": Infinity,
       "merged": 0.0}]})");
  ASSERT_FALSE(report.is_discarded());
  EXPECT_EQ(
      report["benchmarks"][0],
      (nlohmann::json{
          {"name", "a/1_cv"}, {"real_time", 0.15}, {"merged", nullptr}, {"segments", nullptr}}));
  EXPECT_EQ(report["benchmarks"][1]["real_time"], nullptr);
  EXPECT_EQ(report["benchmarks"][1]["merged"], 0.0);
}

TEST(BenchReport, IsRefusedWhenItIsCutShort) {
  EXPECT_TRUE(parse_report(R"({"benchmarks": [)").is_discarded());
  EXPECT_TRUE(parse_report("").is_discarded());
}

// Long enough to see that each does what it says; a million flows are left to the bench.
TEST(BenchCore, EveryBenchmarkRuns) {
  const std::string large = "1000000$|250000$|^NewFlows|^FlowCost";
  const nlohmann::json report = run_own("-" + large, {"--benchmark_min_time=0.001"});
  EXPECT_EQ(report.at("benchmarks").size(), own_names("-" + large).size());
  EXPECT_GT(report.at("benchmarks").size(), 40u);
}

}  // namespace
}  // namespace gatehouse::bench
