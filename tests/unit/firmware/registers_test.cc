// SPDX-License-Identifier: GPL-2.0-or-later
// Views of registers, and what of the partition firmware reads through them.
#include <gtest/gtest.h>

#include <cstring>

#include "firmware/hal/partition.hh"
#include "firmware/hal/unit.hh"
#include "tests/unit/firmware/recorder_bus.hh"

namespace gatehouse::hal {
namespace {

using Write = RecorderBus::Write;

partition::UnitRow unit_row(partition::UnitKind kind, const char* device) {
  partition::UnitRow row{kind, 0x2000, partition::kBarWindowBase, partition::kBarWindowUnit, {}};
  std::strncpy(row.device, device, sizeof row.device);
  return row;
}

void put_unit(const RecorderBus& bus, unsigned unit, const partition::UnitRow& row) {
  bus.put(partition::kUnitDirectory + unit * sizeof row, &row, sizeof row);
}

TEST(View, AccessesWithTheRowsWidth) {
  RecorderBus bus;
  bus.set<uint64_t>(partition::reg::RAM_OCTETS, 0x1'2345'6789);
  const View page{bus};
  EXPECT_EQ(page.read(reg::RAM_OCTETS), 0x1'2345'6789u);
  static_assert(sizeof(page.read(reg::CORES)) == 4 && sizeof(page.read(reg::CLOCK)) == 8);
  page.write(reg::ANSWER, 7);
  page.write(reg::CONSOLE_TEXT, 9);
  EXPECT_EQ(bus.writes(), (std::vector<Write>{{partition::reg::ANSWER, 4, 7},
                                              {partition::reg::CONSOLE_TEXT, 8, 9}}));
}

TEST(NicView, FindsElementsOfArrays) {
  RecorderBus bus;
  const NicView nic{bus};
  nic.write(i82574::reg::TDT, 5);
  nic.write(i82574::reg::RDT, 1, 6);
  EXPECT_EQ(bus.writes(), (std::vector<Write>{{0x3818, 4, 5}, {0x2918, 4, 6}}));
  EXPECT_EQ(nic.read(i82574::reg::RDT, 1), 6u);
}

TEST(Unit, IsSetUpAndCommitted) {
  RecorderBus bus;
  bus.set<uint32_t>(partition::unit::RESULT, 5);
  set_up(View{bus}, {.control = 0x1000, .ring = 0x2000, .records = 64, .vector = 40, .target = 1});
  EXPECT_EQ(commit(View{bus}), partition::Result::k_bad_vector);
  EXPECT_EQ(bus.writes(), (std::vector<Write>{{partition::unit::CONTROL, 8, 0x1000},
                                              {partition::unit::ARMED, 8, 0},
                                              {partition::unit::RING, 8, 0x2000},
                                              {partition::unit::RING_RECORDS, 4, 64},
                                              {partition::unit::VECTOR, 4, 40},
                                              {partition::unit::TARGET, 4, 1},
                                              {partition::unit::COMMIT, 4, 1}}));
}

TEST(Directory, FindsAUnitByKindAndDevice) {
  RecorderBus bus;
  put_unit(bus, 0, unit_row(partition::UnitKind::kRedirect, "nic0"));
  put_unit(bus, 2, unit_row(partition::UnitKind::kSteer, "nic0"));
  put_unit(bus, 3, unit_row(partition::UnitKind::kSteer, "nic1"));
  EXPECT_EQ(find_unit(bus, partition::UnitKind::kRedirect), 0u);
  EXPECT_EQ(find_unit(bus, partition::UnitKind::kSteer), 2u);
  EXPECT_EQ(find_unit(bus, partition::UnitKind::kSteer, "nic1"), 3u);
  EXPECT_EQ(find_unit(bus, partition::UnitKind::kRedirect, "nic1"), kNoUnit);
  EXPECT_EQ(find_unit(bus, partition::UnitKind::kSteer, "nic"), kNoUnit);
  EXPECT_EQ(read_unit(bus, 3).window_octets, partition::kBarWindowUnit);
}

TEST(Directory, DeviceNamesOfFullLengthEnd) {
  const partition::UnitRow row =
      unit_row(partition::UnitKind::kSteer, std::string(99, 'x').c_str());
  EXPECT_EQ(device_of(row), std::string(sizeof row.device, 'x'));
}

TEST(PartitionArguments, EndAtTheFirstZeroOrAtTheBlocksEnd) {
  RecorderBus bus;
  ArgumentsBuffer buffer;
  EXPECT_EQ(read_arguments(bus, buffer), "");
  const std::string text = "poll=3,copy";
  bus.put(partition::kArguments, text.c_str(), text.size() + 1);
  EXPECT_EQ(read_arguments(bus, buffer), text);
  const std::string full(partition::kArgumentsOctets, 'a');
  bus.put(partition::kArguments, full.data(), full.size());
  EXPECT_EQ(read_arguments(bus, buffer), full);
}

struct MemoryCase {
  const char* what;
  uint64_t firmware_end, data, data_octets;
  uint64_t begin, octets;
};

TEST(FreeRam, IsTheLargerPartBesideTheDataImage) {
  constexpr uint64_t kRam = partition::kRamBase, kMib = 1 << 20;
  const MemoryCase cases[] = {
      {"no data", kRam + 2 * kMib, 0, 0, kRam + 2 * kMib, 14 * kMib},
      {"data at the end", kRam + 2 * kMib, kRam + 15 * kMib, kMib, kRam + 2 * kMib, 13 * kMib},
      {"data behind the firmware", kRam + 2 * kMib, kRam + 2 * kMib, 10, kRam + 2 * kMib + 0x1000,
       14 * kMib - 0x1000},
      {"data fills it", kRam + 2 * kMib, kRam + 2 * kMib, 14 * kMib, kRam + 16 * kMib, 0},
  };
  for (const MemoryCase& c : cases) {
    RecorderBus bus;
    bus.set(partition::reg::RAM_OCTETS, 16 * kMib);
    bus.set(partition::reg::FIRMWARE_END, c.firmware_end);
    bus.set(partition::reg::DATA, c.data);
    bus.set(partition::reg::DATA_OCTETS, c.data_octets);
    Arena ram = free_ram(View{bus});
    EXPECT_EQ(ram.left(), c.octets) << c.what;
    EXPECT_EQ(reinterpret_cast<uint64_t>(ram.take(0, 1)), c.begin) << c.what;
  }
}

}  // namespace
}  // namespace gatehouse::hal
