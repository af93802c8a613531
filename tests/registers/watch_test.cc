// SPDX-License-Identifier: GPL-2.0-or-later
// firmware/watch counts a driver's doorbells, and the driver does not notice.
#include <gtest/gtest.h>

#include "hw/spec/i82574_registers.hh"
#include "tests/registers/inspector.hh"
#include "tests/registers/partition.hh"
#include "tests/registers/traffic.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;
using partition::Answer, partition::Request;
namespace reg = i82574::reg;

// Its last word to a request.
std::string said(Machine& machine, const Partition& watch, Request what = Request::kReport) {
  const size_t before = watch.console().size();
  EXPECT_EQ(watch.request(machine, what), Answer::kDone);
  return watch.console().substr(before);
}

// A record may be on its way when the question comes.
void expect_counts(Machine& machine, const Partition& watch, unsigned doorbells, unsigned resets) {
  const std::string words =
      "watch: " + std::to_string(doorbells) + " doorbells, " + std::to_string(resets) + " resets\n";
  std::string last;
  EXPECT_TRUE(machine.wait([&] {
    last = said(machine, watch);
    return last == words;
  })) << words
      << last;
}

TEST(Watch, CountsDoorbellsAndChangesNothing) {
  Partition watch("p1", "watch", ",arguments=device=vnic0");
  watch.unit("redirect", "another").unit("redirect", "vnic0");
  Machine machine(watch.options());
  ASSERT_TRUE(watch.prints(machine, "watch: vnic0, result 0\n")) << watch.console();
  expect_counts(machine, watch, 0, 0);

  Rings rings(machine);
  ASSERT_NO_FATAL_FAILURE(start(machine, rings));
  expect_counts(machine, watch, 1, 0);  // the ring's set-up
  for (uint32_t i = 1; i <= 5; ++i) {
    const test::Bytes frame = datagram(100 + i);
    const uint32_t index = rings.send(frame);
    expect_on_wire(machine, frame);
    EXPECT_TRUE(rings.sent(index));
    EXPECT_EQ(machine.reg(reg::TDT(0)), i);
    EXPECT_EQ(machine.reg(reg::TDH(0)), i);
    expect_counts(machine, watch, 1 + i, 0);
  }

  // Other registers are no doorbells of that ring, nor is a look at it.
  machine.set_reg(reg::TDT(1), 0);
  machine.set_reg(reg::RDT(0), Rings::kDescriptors - 1);
  machine.set_reg(reg::FCTTV, 0x1234);
  machine.reg(reg::TDT(0));
  expect_counts(machine, watch, 6, 0);

  machine.config_write(Machine::kSlot, 0xe8, 0x8000, 2);  // device control: initiate FLR
  machine.place_bars();
  expect_counts(machine, watch, 6, 1);
  machine.set_reg(reg::TDT(0), 0);
  expect_counts(machine, watch, 7, 1);

  for (const json& row : machine.qmp().execute("query-gatehouse-redirects")) {
    const bool ours = row.at("device") == "vnic0";
    EXPECT_EQ(row.at("active"), ours);
    EXPECT_EQ(row.at("records"), ours ? 8 : 0);
    EXPECT_EQ(row.at("overruns"), 0);
    if (!ours) continue;
    ASSERT_EQ(row.at("table").size(), 1u);
    const json entry = {{"bar", 0},       {"offset", reg::TDT(0)}, {"length", 4},
                        {"read", "real"}, {"write", "through"},    {"rules", false},
                        {"resets", 0}};
    EXPECT_EQ(row.at("table").at(0), entry);
  }
  EXPECT_EQ(watch.state(machine).at("alerts"), 0);
  EXPECT_TRUE(machine.card()["drops"].empty());
}

TEST(Watch, AnswersWhatItKnows) {
  Partition watch("p1", "watch");
  watch.unit("redirect", "vnic0");
  Machine machine(watch.options());
  ASSERT_TRUE(watch.prints(machine, "watch: vnic0, result 0\n")) << watch.console();
  EXPECT_EQ(said(machine, watch, Request::kStart),
            "watch: vnic0, result 0\nwatch: 0 doorbells, 0 resets\n");
  EXPECT_EQ(watch.request(machine, Request::kStop), Answer::kUnknown);
  expect_counts(machine, watch, 0, 0);
}

TEST(Watch, SaysThatThereIsNothingToWatch) {
  const Partition watch("p1", "watch");
  Machine machine(watch.options({"-S"}));  // until somebody listens
  machine.qmp().execute("cont");
  EXPECT_EQ(watch.alert(machine), "watch: there is no redirection table");
  EXPECT_EQ(watch.console(), "");
  EXPECT_TRUE(
      machine.wait([&] { return watch.state(machine).at("cores").at(0).at("state") == "halted"; }));
}

}  // namespace
}  // namespace gatehouse::registers
