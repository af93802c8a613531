// SPDX-License-Identifier: GPL-2.0-or-later
// What a bench says when it could not measure all that was wanted.
#include "tools/bench/frame.hh"

#include <gtest/gtest.h>

#include "tools/bench/peers/generator.hh"
#include "tools/lab/failure.hh"
#include "tools/lab/process.hh"

namespace gatehouse::bench {
namespace {

class BenchFrame : public ::testing::Test {
 protected:
  // Of the rows "one" and "two", those in `measured`, and "two" beside the table.
  int run_with(const std::vector<std::string>& measured, bool beside,
               std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.end(), {"--json", work_.path("json")});
    Bench bench{.name = "test",
                .heading = "rows that are or are not there",
                .row_names =
                    [] {
                      return std::vector<std::string>{"one", "two"};
                    },
                .pairs = 1,
                .measure =
                    [&](const Options&) {
                      std::vector<Row> rows;
                      for (const std::string& name : measured)
                        rows.push_back({.name = name, .unit = "m", .ours = {1}});
                      return rows;
                    }};
    if (beside) bench.measured_beside = [] { return std::vector<std::string>{"two"}; };
    return run(bench, arguments);
  }
  std::vector<std::string> missing() const {
    return nlohmann::json::parse(lab::read_file(work_.path("json"))).at("missing");
  }
  const lab::WorkDir work_{"frame"};
};

TEST_F(BenchFrame, NothingMeasuredIsAFailure) {
  EXPECT_EQ(run_with({}, false), 1);
  EXPECT_EQ(missing(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(run_with({}, false, {"--rows", "two"}), 1);
  EXPECT_EQ(missing(), std::vector<std::string>{"two"});
}

TEST_F(BenchFrame, APartIsMeasuredAndTheRestIsNamed) {
  EXPECT_EQ(run_with({"one"}, false), 0);
  EXPECT_EQ(missing(), std::vector<std::string>{"two"});
  EXPECT_EQ(run_with({"one", "two"}, false), 0);
  EXPECT_EQ(missing(), std::vector<std::string>{});
}

TEST_F(BenchFrame, WhatIsBesideTheTableIsMeasuredToo) {
  EXPECT_EQ(run_with({}, true, {"--rows", "two"}), 0);
  EXPECT_EQ(missing(), std::vector<std::string>{});
}

TEST(FrameGenerator, AllThatWasSentMustComeThrough) {
  const Sending sending{.frames = 1000, .seconds = 1, .all = 3000};
  EXPECT_NO_THROW(require_through(sending, 3000));
  EXPECT_NO_THROW(require_through(sending, 2970));
  EXPECT_THROW(require_through(sending, 2969), lab::Failure);
  EXPECT_THROW(require_through(sending, 1000), lab::Failure);
}

}  // namespace
}  // namespace gatehouse::bench
