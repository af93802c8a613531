// SPDX-License-Identifier: GPL-2.0-or-later
// How many partitions, how many units, how much memory: README.md. (cores= and what else is out of
// range: tests/isolation/start_test.cc.)
#include <gtest/gtest.h>

#include <set>

#include "hw/spec/i82574_registers.hh"
#include "tests/registers/partition.hh"
#include "tests/registers/probe.hh"

namespace gatehouse::registers {
namespace {

using nlohmann::json;
using partition::UnitKind, partition::UnitRow;
namespace unit = partition::unit;

// A unit of p0. Its device need not be there.
void add_unit(std::vector<std::string>& words, const std::string& kind, const std::string& device) {
  words.insert(words.end(), {"-device", "gatehouse-" + kind + ",id=" + kind + "-" + device +
                                            ",partition=p0,device=" + device});
}

TEST(Limits, ASeventhUnitIsRefused) {
  const char* const kKinds[][2] = {
      {"redirect", "redirect"}, {"steer", "steer"}, {"redirect", "steer"}, {"steer", "redirect"}};
  for (const auto& [kind, last] : kKinds) {
    SCOPED_TRACE(std::string(kind) + ", then " + last);
    std::vector<std::string> words;
    for (unsigned i = 0; i < partition::kMaxUnits; ++i)
      add_unit(words, kind, "nic" + std::to_string(i));
    add_unit(words, last, "one-more");
    const std::string answer = refusal(words);
    EXPECT_NE(answer.find(std::string("gatehouse-") + last + ": partition p0 has 6 units already"),
              std::string::npos)
        << answer;
  }
}

TEST(Limits, SixUnitsWork) {
  const struct {
    const char* kind;
    const char* device;
  } rows[] = {{"redirect", "later"}, {"steer", "later"}, {"redirect", "stock"},
              {"steer", "stock"},    {"steer", "vnic0"}, {"redirect", "vnic0"}};
  static_assert(std::size(rows) == partition::kMaxUnits);
  MachineOptions options{.more = {"-device", "e1000e,id=stock,addr=6,romfile="}, .partition = true};
  for (const auto& row : rows) add_unit(options.more, row.kind, row.device);
  Machine machine(options);
  Probe probe(machine);
  EXPECT_EQ(probe.read(partition::kMmioBase + partition::reg::UNITS, 4), std::size(rows));
  const json units = machine.qmp().execute("query-gatehouse-partitions").at(0).at("units");
  ASSERT_EQ(units.size(), std::size(rows));
  for (unsigned i = 0; i < std::size(rows); ++i) {
    const auto& row = rows[i];
    EXPECT_EQ(units[i], (json{{"number", i}, {"kind", row.kind}, {"device", row.device}}));
    const UnitRow seen =
        probe.get<UnitRow>(partition::kMmioBase + partition::kUnitDirectory + i * sizeof(UnitRow));
    EXPECT_STREQ(seen.device, row.device);
    EXPECT_EQ(seen.kind == UnitKind::kSteer, std::string(row.kind) == "steer");
    const bool there = std::string(row.device) != "later";
    EXPECT_EQ(probe.read(Probe::unit_register(i, unit::STATUS), 4),
              there ? partition::kStatusPresent : 0u);
  }
  // The last one's window leads to its device.
  const uint64_t window = partition::kBarWindowBase + 5 * partition::kBarWindowUnit;
  machine.place_bars();
  machine.set_reg(i82574::reg::FCTTV, 0x1234);
  EXPECT_EQ(probe.read(window + i82574::reg::FCTTV, 4), 0x1234u);
}

TEST(Limits, FourPartitionsRunAtOnce) {
  const Partition others[] = {{"p1", "hello"}, {"p2", "hello", ",cores=2"}, {"p3", "hello"}};
  MachineOptions options{.partition = true, .partition_more = ",memory=4M"};
  for (const Partition& other : others)
    options.more.insert(options.more.end(), other.words().begin(), other.words().end());
  Machine machine(options);
  Probe probe(machine);

  std::set<int> cpus;
  size_t cores = 0;
  const json partitions = machine.qmp().execute("query-gatehouse-partitions");
  ASSERT_EQ(partitions.size(), partition::kMaxPartitions);
  for (size_t i = 0; i < partitions.size(); ++i) {
    EXPECT_EQ(partitions[i].at("id"), "p" + std::to_string(i));
    EXPECT_EQ(partitions[i].at("ram"), partition::kMinRam);
    for (const json& core : partitions[i].at("cores")) cpus.insert(core.at("cpu-index").get<int>());
    cores += partitions[i].at("cores").size();
  }
  EXPECT_EQ(cpus.size(), cores) << "no two cores are one";
  EXPECT_EQ(cores, 5u);

  for (const Partition& other : others)
    ASSERT_TRUE(other.prints(machine, "hello from core 0 of ")) << other.console();
  ASSERT_TRUE(others[1].prints(machine, "hello from core 1 of 2\n")) << others[1].console();
  // Each has registers, requests and a console of its own.
  for (const Partition& other : others) {
    std::vector<std::string> before;
    for (const Partition& one : others) before.push_back(one.console());
    EXPECT_EQ(other.request(machine, partition::Request::kReport), partition::Answer::kDone);
    for (size_t i = 0; i < std::size(others); ++i)
      EXPECT_EQ(others[i].console(), before[i] + (&others[i] == &other ? "request 3\n" : ""));
    EXPECT_EQ(other.state(machine).at("requests"), 1);
    EXPECT_EQ(other.state(machine).at("answers"), 1);
    EXPECT_EQ(probe.read(partition::kMmioBase, 8), partition::kMagic) << "p0 runs as well";
  }
  EXPECT_EQ(probe.read(partition::kMmioBase + partition::reg::REQUEST, 4), 0u);
}

TEST(Limits, AGibibyteOfMemoryIsThere) {
  constexpr uint64_t kGib = uint64_t{1} << 30, kEnd = partition::kRamBase + kGib;
  // More than the probe's partition has otherwise, and up to the end.
  constexpr uint64_t kPlaces[] = {partition::kRamBase + (20u << 20), kEnd - kGib / 2, kEnd - 8};
  Machine machine({.partition = true, .partition_more = ",memory=1G"});
  Probe probe(machine);
  EXPECT_EQ(probe.read(partition::kMmioBase + partition::reg::RAM_OCTETS, 8), kGib);
  EXPECT_EQ(machine.qmp().execute("query-gatehouse-partitions").at(0).at("ram"), kGib);
  for (const uint64_t place : kPlaces) EXPECT_EQ(probe.read(place, 8), 0u) << "all of it is 0";
  for (const uint64_t place : kPlaces) probe.write(place, ~place, 8);
  for (const uint64_t place : kPlaces) EXPECT_EQ(probe.read(place, 8), ~place);
  probe.write(kEnd, 1, 8);
  EXPECT_EQ(probe.read(kEnd, 8), 0u) << "behind it is nothing";
}

}  // namespace
}  // namespace gatehouse::registers
