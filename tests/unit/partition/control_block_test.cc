// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/control_block.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "hw/core/base/archive.hh"
#include "tests/unit/partition/rig.hh"

namespace gatehouse::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class FakeControl : public ControlPort {
 public:
  int64_t now_ns() override { return now; }
  void console_write(std::span<const uint8_t> octets) override {
    console.append(octets.begin(), octets.end());
  }
  void console_ready() override { ++ready; }
  void answered(uint32_t request, uint32_t answer) override {
    answers.emplace_back(request, answer);
  }
  void alerted(const std::string& text, uint64_t suppressed) override {
    alerts.emplace_back(text, suppressed);
  }

  int64_t now = 5'000'000'000;
  std::string console;
  unsigned ready = 0;
  std::vector<std::pair<uint32_t, uint32_t>> answers;
  std::vector<std::pair<std::string, uint64_t>> alerts;
};

constexpr uint64_t kText = kRamBase + 0x3000;

class ControlBlockTest : public ::testing::Test {
 protected:
  uint64_t read(uint32_t offset, unsigned octets) { return block_.read(offset, octets, 1); }
  void put_text(const std::string& text) {
    std::memcpy(ram_.at(kText, text.size(), 1), text.data(), text.size());
  }
  void alert(uint32_t octets) {
    block_.write(reg::ALERT, kText, 8);
    block_.write(reg::ALERT_LENGTH, octets, 4);
  }

  FakeRam ram_;
  FakeInterrupts interrupts_;
  FakeControl control_;
  ControlBlock block_{{ram_, interrupts_, control_}, FakeRam::kOctets, "inspect=all"};
};

TEST_F(ControlBlockTest, ShowsWhatThePartitionIs) {
  block_.set_images(kRamBase + 0x20'0000, kRamBase + 0x30'0000, 77);
  EXPECT_EQ(read(reg::MAGIC, 8), kMagic);
  EXPECT_EQ(read(reg::CORES, 4), 2u);
  EXPECT_EQ(read(reg::CORE, 4), 1u);
  EXPECT_EQ(read(reg::RAM_OCTETS, 8), FakeRam::kOctets);
  EXPECT_EQ(read(reg::FIRMWARE_END, 8), kRamBase + 0x20'0000);
  EXPECT_EQ(read(reg::DATA, 8), kRamBase + 0x30'0000);
  EXPECT_EQ(read(reg::DATA_OCTETS, 8), 77u);
  EXPECT_EQ(read(reg::CLOCK, 8), 5'000'000'000u);
  EXPECT_EQ(read(reg::UNITS, 4), 0u);
  block_.set_images(kRamBase + 0x20'0000, kRamBase + 0x30'0000, 0);
  EXPECT_EQ(read(reg::DATA, 8), 0u);
}

TEST_F(ControlBlockTest, ArgumentsAndDirectoryAreReadInAnyWidth) {
  block_.set_unit(1, {UnitKind::kSteer, 0x2000, 0x90'0000'0000, 4096, "nic0"});
  EXPECT_EQ(read(kArguments, 1), uint64_t{'i'});
  EXPECT_EQ(read(kArguments + 8, 4), 0x6c'6c'61u);  // "all", then 0
  EXPECT_EQ(read(reg::UNITS, 4), 1u);
  const uint32_t row = kUnitDirectory + sizeof(UnitRow);
  EXPECT_EQ(read(row, 4), 2u);
  EXPECT_EQ(read(row + offsetof(UnitRow, window), 8), 0x90'0000'0000u);
  EXPECT_EQ(read(row + offsetof(UnitRow, device), 4), 0x30'63'69'6eu);
  EXPECT_EQ(read(row + 1, 4), 0u);  // not aligned
  EXPECT_EQ(read(kPage - 8, 8), 0u);
}

TEST_F(ControlBlockTest, EveryRowKeepsToItsWidthAndMode) {
  for (const RegisterRow& row : kPartitionRows) {
    for (const unsigned octets : {1u, 2u, 4u, 8u}) {
      if (octets == row.octets) continue;
      block_.write(row.offset, ~uint64_t{0}, octets);
      EXPECT_EQ(read(row.offset, octets), 0u) << row.name;
    }
    if (row.mode == Access::kWo) {
      EXPECT_EQ(read(row.offset, row.octets), 0u) << row.name;
    }
    if (row.mode != Access::kRo) continue;
    const uint64_t before = read(row.offset, row.octets);
    block_.write(row.offset, ~before, row.octets);
    EXPECT_EQ(read(row.offset, row.octets), before) << row.name;
  }
  EXPECT_THAT(control_.console, IsEmpty());
  EXPECT_THAT(control_.alerts, IsEmpty());
}

TEST_F(ControlBlockTest, PrintsOctetsAndTextFromPrivateRam) {
  block_.write(reg::CONSOLE, 'A', 4);
  put_text("hello");
  block_.write(reg::CONSOLE_TEXT, kText, 8);
  block_.write(reg::CONSOLE_LENGTH, 5, 4);
  EXPECT_EQ(control_.console, "Ahello");
  // Not private RAM, too long, empty.
  block_.write(reg::CONSOLE_TEXT, kRamBase + FakeRam::kOctets - 2, 8);
  block_.write(reg::CONSOLE_LENGTH, 3, 4);
  block_.write(reg::CONSOLE_TEXT, 0x1000, 8);
  block_.write(reg::CONSOLE_LENGTH, 3, 4);
  block_.write(reg::CONSOLE_TEXT, kText, 8);
  block_.write(reg::CONSOLE_LENGTH, 0, 4);
  EXPECT_EQ(control_.console, "Ahello");
  block_.write(reg::CONSOLE_LENGTH, 0xffff'ffff, 4);
  EXPECT_EQ(control_.console.size(), 6 + kMaxConsoleText);
}

TEST_F(ControlBlockTest, ConsoleInputInterruptsAndWaitsInOrder) {
  const std::string text = "abc";
  const std::span<const uint8_t> octets(reinterpret_cast<const uint8_t*>(text.data()), 3);
  EXPECT_EQ(read(reg::CONSOLE, 4), 0xffff'ffffu);
  block_.console_input(octets);
  EXPECT_THAT(interrupts_.raised, IsEmpty());
  block_.write(reg::CONSOLE_VECTOR, 50, 4);
  block_.console_input(octets);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 50), Pair(0, 50)));
  std::string got;
  for (unsigned i = 0; i < 6; ++i) got += static_cast<char>(read(reg::CONSOLE, 4));
  EXPECT_EQ(got, "abcabc");
  EXPECT_EQ(read(reg::CONSOLE, 4), 0xffff'ffffu);
  EXPECT_EQ(control_.ready, 6u);
  while (block_.console_room() > 0) block_.console_input(octets.first(1));
  block_.console_input(octets);  // no room: nothing is written over
  EXPECT_EQ(read(reg::CONSOLE, 4), uint64_t{'a'});
}

TEST_F(ControlBlockTest, OneAnswerForEachRequest) {
  block_.write(reg::REQUEST_VECTOR, 60, 4);
  block_.write(reg::ANSWER, 9, 4);
  EXPECT_THAT(control_.answers, IsEmpty());
  block_.request(3);
  EXPECT_EQ(read(reg::REQUEST, 4), 3u);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 60)));
  block_.write(reg::ANSWER, 1, 4);
  block_.write(reg::ANSWER, 2, 4);
  EXPECT_THAT(control_.answers, ElementsAre(Pair(3, 1)));
  EXPECT_EQ(block_.counters().requests, 1u);
  EXPECT_EQ(block_.counters().answers, 1u);
}

TEST_F(ControlBlockTest, TellsWhatCameBeforeThereWasAVector) {
  const uint8_t input[] = {'x'};
  block_.request(3);
  block_.console_input(input);
  EXPECT_THAT(interrupts_.raised, IsEmpty());
  block_.write(reg::REQUEST_VECTOR, 60, 4);
  block_.write(reg::CONSOLE_VECTOR, 61, 4);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 60), Pair(0, 61)));
  block_.write(reg::ANSWER, 0, 4);
  (void)read(reg::CONSOLE, 4);
  block_.write(reg::REQUEST_VECTOR, 60, 4);
  block_.write(reg::CONSOLE_VECTOR, 61, 4);
  EXPECT_EQ(interrupts_.raised.size(), 2u);
}

TEST_F(ControlBlockTest, VectorsOutOfRangeInterruptNobody) {
  for (const uint32_t vector : {0u, 31u, 255u, 256u + 40u, 0xffff'ffffu}) {
    block_.write(reg::REQUEST_VECTOR, vector, 4);
    block_.request(1);
  }
  EXPECT_THAT(interrupts_.raised, IsEmpty());
}

TEST_F(ControlBlockTest, GuestResetsAreCountedAndTold) {
  block_.write(reg::GUEST_RESET_VECTOR, 33, 4);
  block_.guest_reset();
  block_.guest_reset();
  EXPECT_EQ(read(reg::GUEST_RESETS, 4), 2u);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(0, 33), Pair(0, 33)));
  block_.reset();
  EXPECT_EQ(read(reg::GUEST_RESETS, 4), 0u);
  EXPECT_EQ(read(reg::GUEST_RESET_VECTOR, 4), 0u);
}

TEST_F(ControlBlockTest, AlertsAreBoundedInLengthRateAndCharacters) {
  put_text("a\"\xff\n");
  alert(4);
  EXPECT_THAT(control_.alerts, ElementsAre(Pair("a\"??", 0)));
  for (unsigned i = 0; i < 100; ++i) alert(1);
  EXPECT_EQ(control_.alerts.size(), kAlertsPerSecond);
  control_.now += 1'000'000'000;
  alert(0xffff'ffff);
  ASSERT_EQ(control_.alerts.size(), kAlertsPerSecond + 1);
  EXPECT_EQ(control_.alerts.back().first.size(), kMaxAlertText);
  EXPECT_EQ(control_.alerts.back().second, 101 - kAlertsPerSecond);
  EXPECT_EQ(block_.counters().alerts, 102u);
  EXPECT_EQ(block_.counters().alerts_suppressed, 101 - kAlertsPerSecond);
  block_.write(reg::ALERT, 0xfee0'0000, 8);
  block_.write(reg::ALERT_LENGTH, 4, 4);
  EXPECT_EQ(block_.counters().alerts, 102u);
}

// A guest in a loop of resets is no way round it.
TEST_F(ControlBlockTest, AlertsAreBoundedOverResetsToo) {
  put_text("again");
  for (unsigned i = 0; i < 100; ++i) {
    alert(5);
    block_.reset();
  }
  EXPECT_EQ(control_.alerts.size(), kAlertsPerSecond);
  control_.now += 1'000'000'000;
  alert(5);
  ASSERT_EQ(control_.alerts.size(), kAlertsPerSecond + 1);
  EXPECT_EQ(control_.alerts.back().second, 100 - kAlertsPerSecond);
}

TEST_F(ControlBlockTest, TravelsWithItsState) {
  block_.write(reg::REQUEST_VECTOR, 60, 4);
  block_.request(7);
  block_.guest_reset();
  const uint8_t input[] = {'x', 'y'};
  block_.console_input(input);
  Archive saved;
  block_.archive(saved);

  ControlBlock other({ram_, interrupts_, control_}, FakeRam::kOctets, "");
  Archive loaded{std::span<const uint8_t>(saved.bytes())};
  other.archive(loaded);
  ASSERT_TRUE(loaded.ok() && loaded.at_end()) << loaded.error();
  EXPECT_EQ(other.read(reg::REQUEST, 4, 0), 7u);
  EXPECT_EQ(other.read(reg::GUEST_RESETS, 4, 0), 1u);
  EXPECT_EQ(other.read(reg::CONSOLE, 4, 0), uint64_t{'x'});
  other.write(reg::ANSWER, 0, 4);
  EXPECT_THAT(control_.answers, ElementsAre(Pair(7, 0)));
}

TEST_F(ControlBlockTest, BearsAnySavedState) {
  Archive saved;
  block_.archive(saved);
  std::mt19937 random(2);
  for (unsigned round = 0; round < 20'000; ++round) {
    std::vector<uint8_t> octets = saved.bytes();
    for (unsigned i = 0; i < 4; ++i)
      octets[8 + random() % (octets.size() - 8)] = static_cast<uint8_t>(random());
    ControlBlock other({ram_, interrupts_, control_}, FakeRam::kOctets, "");
    Archive loaded{std::span<const uint8_t>(octets)};
    other.archive(loaded);
    for (unsigned i = 0; i < 300; ++i) other.read(reg::CONSOLE, 4, 0);
    ASSERT_EQ(other.console_room(), 256u);
    alert(8);
  }
}

TEST_F(ControlBlockTest, BearsAnyAccess) {
  std::mt19937_64 random(3);
  for (unsigned round = 0; round < 200'000; ++round) {
    const uint32_t offset = static_cast<uint32_t>(random() % kPage);
    const unsigned octets = 1u << (random() % 4);
    if (random() % 2) {
      block_.read(offset, octets, static_cast<unsigned>(random() % kMaxCores));
    } else {
      block_.write(offset, random() >> (random() % 64), octets);
    }
    control_.console.clear();
  }
  EXPECT_EQ(ram_.outside, 0u);
}

}  // namespace
}  // namespace gatehouse::partition
