// SPDX-License-Identifier: GPL-2.0-or-later
// The guest's CPU attacks: ring 0, 64-bit mode, SMM, without an operating system in its way.
#include "hw/spec/partition.hh"
#include "tests/isolation/fort.hh"

namespace gatehouse::isolation {
namespace {

using partition::kBarWindowBase;
using partition::kBarWindowUnit;
using partition::kDeviceView;
using partition::kDeviceViewBase;
using partition::kMaxUnits;
using partition::kMmioBase;
using partition::kPage;
using partition::kPrivateBase;
using partition::kPrivateEnd;
using partition::kRamBase;

constexpr unsigned kWidths[] = {1, 2, 4, 8};
// Nothing was ever here.
constexpr uint64_t kNothing = kPrivateBase - 0x1000;

class Cpu : public AttackTest {
 protected:
  static void SetUpTestSuite() {
    expect_all_rows_tested("Cpu");
    fort_ = std::make_unique<Fort>();
  }
  static void TearDownTestSuite() { fort_.reset(); }
  void SetUp() override {
    AttackTest::SetUp();
    ASSERT_TRUE(fort_);
    before_ = fort_->refused();
  }
  void TearDown() override {
    if (fort_) fort_->expect_held();
  }

  // Finds there what it finds where nothing is; one access, so at least one refusal.
  void expect_nothing_at(uint64_t address, bool smm = false) {
    for (const unsigned octets : kWidths) {
      EXPECT_EQ(fort_->load(address, octets, smm), fort_->load(kNothing, octets, smm))
          << std::hex << address << " " << octets;
    }
  }
  void store_at(uint64_t address, bool smm = false) {
    for (const unsigned octets : kWidths) fort_->store(address, 0x6666666666666666, octets, smm);
  }
  void expect_refused(const char* who, uint64_t reads, uint64_t writes) {
    const auto after = fort_->refused();
    for (const char* row : {"cpu", "smm", "device", "other"}) {
      const bool mine = std::string(row) == who;
      EXPECT_EQ(after.at(row).reads - before_.at(row).reads, mine ? reads : 0) << row;
      EXPECT_EQ(after.at(row).writes - before_.at(row).writes, mine ? writes : 0) << row;
    }
  }

  static std::unique_ptr<Fort> fort_;
  std::map<std::string, Fort::Refused> before_;
};
std::unique_ptr<Fort> Cpu::fort_;

constexpr uint64_t kInRam[] = {kRamBase,  kRamBase + 0x1000,  kRamBase + partition::kFirmwareOffset,
                               kTreasure, kTreasure + 0x1238, kRamBase + kMemory - 8};

TEST_F(Cpu, ReadsPrivateRam) {
  for (const uint64_t address : kInRam) expect_nothing_at(address);
  expect_refused("cpu", 4 * std::size(kInRam), 0);
  fort_->expect_told("cpu", 0);
}

TEST_F(Cpu, WritesPrivateRam) {
  for (const uint64_t address : kInRam) store_at(address);
  expect_refused("cpu", 0, 4 * std::size(kInRam));
}

TEST_F(Cpu, ReachesPrivateRegisters) {
  const uint64_t answers = fort_->count("answers"), alerts = fort_->count("alerts");
  unsigned words = 0;
  for (uint64_t page = 0; page <= kMaxUnits; ++page) {
    for (uint64_t at = 0; at < 0x80; at += 8, ++words) {
      expect_nothing_at(kMmioBase + page * kPage + at);
      store_at(kMmioBase + page * kPage + at);
    }
  }
  expect_refused("cpu", 4 * words, 4 * words);
  EXPECT_EQ(fort_->count("answers"), answers);
  EXPECT_EQ(fort_->count("alerts"), alerts);
}

TEST_F(Cpu, ReachesWindows) {
  for (unsigned unit = 0; unit < kMaxUnits; ++unit) {
    for (const uint64_t at : {kBarWindowBase + unit * kBarWindowUnit,
                              kBarWindowBase + unit * kBarWindowUnit + 5 * partition::kBarWindow,
                              kDeviceViewBase + unit * kDeviceView,
                              kDeviceViewBase + unit * kDeviceView + 0x100'0000}) {
      expect_nothing_at(at);
      store_at(at);
    }
  }
  expect_refused("cpu", 16 * kMaxUnits, 16 * kMaxUnits);
}

TEST_F(Cpu, StraddlesTheBoundary) {
  for (const uint64_t edge : {kPrivateBase, kPrivateEnd}) {
    for (const uint64_t distance : {1, 3, 4, 7}) {
      EXPECT_EQ(fort_->load(edge - distance, 8), fort_->load(kNothing, 8));
      fort_->store(edge - distance, ~uint64_t{0}, 8);
    }
  }
  EXPECT_GT(fort_->refused().at("cpu").writes, before_.at("cpu").writes);
}

TEST_F(Cpu, AttacksFromSmm) {
  for (const uint64_t address : kInRam) {
    expect_nothing_at(address, true);
    store_at(address, true);
  }
  expect_nothing_at(kMmioBase, true);
  expect_refused("smm", 4 * std::size(kInRam) + 4, 4 * std::size(kInRam));
  fort_->expect_told("smm", 0);
}

TEST_F(Cpu, MovesItsApicThere) {
  const uint64_t resets = fort_->count("guest-resets");
  // A general protection fault, which the intruder does not survive.
  fort_->try_write_msr(0x1b, kTreasure | 0x900);
  EXPECT_TRUE(eventually([&] { return fort_->count("guest-resets") > resets; }));
}

TEST_F(Cpu, TurnsMemoryTypesOver) {
  // Uncached, then write-back, by the default type and by a range over private RAM.
  constexpr uint32_t kDefault = 0x2ff, kBase = 0x200, kMask = 0x201;
  for (const uint64_t type : {0u, 6u}) {
    fort_->write_msr(kBase, kRamBase | type);
    fort_->write_msr(kMask, 0xff'ffc0'0800);
    fort_->write_msr(kDefault, 0x800 | type);
    expect_nothing_at(kTreasure);
    store_at(kTreasure);
  }
  expect_refused("cpu", 8, 8);
}

TEST_F(Cpu, RunsPrivateCode) {
  fort_->jump(kRamBase + partition::kFirmwareOffset);
  EXPECT_TRUE(
      eventually([&] { return fort_->refused().at("cpu").reads > before_.at("cpu").reads; }));
  fort_->qmp().execute("system_reset");
  EXPECT_TRUE(fort_->guest_lives());
}

TEST_F(Cpu, TripleFaults) {
  for (unsigned i = 0; i < 5; ++i) {
    const uint64_t resets = fort_->count("guest-resets");
    fort_->jump(0x8000'0000'0000'0000);
    EXPECT_TRUE(eventually([&] { return fort_->count("guest-resets") > resets; }));
    fort_->expect_held();
  }
}

TEST_F(Cpu, ResetsByEveryPort) {
  const struct {
    uint16_t port;
    std::vector<uint8_t> values;
  } rows[] = {{0xcf9, {2, 6}}, {0xcf9, {0xe}}, {0x92, {3}}, {0x64, {0xfe}}};
  for (const auto& row : rows) {
    const uint64_t resets = fort_->count("guest-resets");
    for (const uint8_t value : row.values) fort_->try_out(row.port, value);
    EXPECT_TRUE(eventually([&] { return fort_->count("guest-resets") > resets; })) << row.port;
    fort_->expect_held();
  }
}

}  // namespace
}  // namespace gatehouse::isolation
