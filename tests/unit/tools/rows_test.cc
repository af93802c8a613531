// SPDX-License-Identifier: GPL-2.0-or-later
// What a bench takes on its command line, and what it makes of its pairs.
#include "tools/bench/rows.hh"

#include <gtest/gtest.h>

#include "tools/bench/options.hh"
#include "tools/lab/failure.hh"

namespace gatehouse::bench {
namespace {

std::string refusal_of(const std::vector<std::string>& arguments) {
  try {
    require_folders(read_options(arguments, 1));
    return "";
  } catch (const lab::Failure& failure) {
    return failure.what();
  }
}

TEST(BenchOptions, FoldersMustBeThereBeforeItBegins) {
  EXPECT_EQ(refusal_of({"--directory", "/nowhere/x"}),
            "--directory: there is no folder /nowhere/x; make it first");
  EXPECT_EQ(refusal_of({"--json", "/nowhere/x.json"}),
            "--json: there is no folder /nowhere; make it first");
  EXPECT_EQ(refusal_of({"--json", "x.json", "--directory", "/tmp"}), "");
}

TEST(BenchRows, RatioIsThatOfThePairs) {
  Row row;
  row.ours = {100, 220, 300};
  row.peer = {50, 200, 100};
  EXPECT_DOUBLE_EQ(ratio(row), 2.0);
  // The machine became faster in the middle of the run.
  row.ours = {11, 11, 22, 22};
  row.peer = {10, 10, 20, 20};
  EXPECT_DOUBLE_EQ(ratio(row), 1.1);
}

TEST(BenchRows, HasNoRatioWithoutAPeer) {
  Row row;
  row.ours = {1, 2, 3};
  EXPECT_EQ(ratio(row), 0);
  EXPECT_EQ(to_json("core", {row})["rows"][0]["ratio"], 0);
  row.peer = {0, 0, 0};
  EXPECT_EQ(ratio(row), 0);
}

TEST(BenchRows, PrintsNoPeerThatIsNotThere) {
  Row alone;
  alone.name = "alone";
  alone.ours = {7};
  Row paired = alone;
  paired.name = "paired";
  paired.peer = {0};
  testing::internal::CaptureStdout();
  report::Terminal terminal(stdout);
  print({alone}, terminal);
  const std::string one = testing::internal::GetCapturedStdout();
  EXPECT_NE(one.find("7.00"), std::string::npos);
  EXPECT_EQ(one.find("0.00"), one.rfind("0.00")) << "but for the spread\n" << one;
  EXPECT_EQ(one.find("| peer"), std::string::npos) << one;
  testing::internal::CaptureStdout();
  print({paired}, terminal);
  const std::string two = testing::internal::GetCapturedStdout();
  EXPECT_NE(two.find("| peer 0.00"), std::string::npos) << two;
}

TEST(BenchRows, GoalIsALowerOrAnUpperLimit) {
  Row row;
  row.ours = {3};
  row.peer = {2};
  EXPECT_TRUE(row.met()) << "no goal";
  row.goal = 1.5;
  EXPECT_TRUE(row.met());
  row.goal = 1.6;
  EXPECT_FALSE(row.met());
  row.at_most = true;
  EXPECT_TRUE(row.met());
  row.goal = 1.4;
  EXPECT_FALSE(row.met());
}

TEST(BenchRows, PairsChangeTheirOrder) {
  std::string order;
  std::vector<Row> rows(1);
  rows[0].measure_ours = [&] { return order += 'o', 6.0; };
  rows[0].measure_peer = [&] { return order += 'p', 3.0; };
  measure(rows, 3);
  EXPECT_EQ(order, "oppoop");
  EXPECT_EQ(rows[0].ours, (std::vector<double>{6, 6, 6}));
  EXPECT_EQ(rows[0].peer, (std::vector<double>{3, 3, 3}));
  EXPECT_EQ(ratio(rows[0]), 2);
}

TEST(BenchRows, WhatIsMeasuredAtOnceIsAPair) {
  int measured = 0;
  std::vector<Row> rows(1);
  rows[0].measure_both = [&] { return ++measured, std::pair(4.0 * measured, 2.0 * measured); };
  measure(rows, 3);
  EXPECT_EQ(measured, 3);
  EXPECT_EQ(rows[0].ours, (std::vector<double>{4, 8, 12}));
  EXPECT_EQ(rows[0].peer, (std::vector<double>{2, 4, 6}));
}

TEST(BenchRows, APartThatIsInNoNameIsFoundBeforeAnythingIsMeasured) {
  const std::vector<std::string> names = {"TCP out", "TCP in, secured"};
  EXPECT_EQ(not_in_any({}, names), "");
  EXPECT_EQ(not_in_any({"out", "secured"}, names), "");
  EXPECT_EQ(not_in_any({"out", "UDP"}, names), "UDP");
  EXPECT_EQ(not_in_any({"UDP"}, {}), "UDP");
}

}  // namespace
}  // namespace gatehouse::bench
