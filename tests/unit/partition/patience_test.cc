// SPDX-License-Identifier: GPL-2.0-or-later
// What can wait (UnitControl::patient), and who is called when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <span>

#include "hw/core/base/archive.hh"
#include "hw/partition/reminders.hh"
#include "hw/partition/unit.hh"
#include "tests/unit/partition/steer_rig.hh"

namespace gatehouse::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using PatienceTest = SteerTest;

TEST_F(PatienceTest, WhatCanWaitIsLookedAtLater) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  unit_.message(kMessageAddress, 33);
  unit_.message(kMessageAddress, 34);
  control() = {.patient = 1, .patience = 500};
  unit_.message(kMessageAddress, 33);
  EXPECT_THAT(interrupts_.look_in, IsEmpty()) << "firmware has not armed";
  control().armed = 1;
  unit_.message(kMessageAddress, 33);
  EXPECT_THAT(interrupts_.raised, IsEmpty());
  EXPECT_THAT(interrupts_.look_in, ElementsAre(Pair(500u, false)));
  EXPECT_EQ(control().pending, 1u);
  EXPECT_EQ(control().armed, 1u);

  interrupts_.looking->look_again();
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(kTargetCore, kVectorRaised)));
  EXPECT_EQ(control().armed, 0u);
}

TEST_F(PatienceTest, WhatCannotWaitTakesTheRestWith) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  unit_.message(kMessageAddress, 33);
  unit_.message(kMessageAddress, 34);
  control() = {.armed = 1, .patient = 1, .patience = 500};
  unit_.message(kMessageAddress, 33);
  unit_.message(kMessageAddress, 34);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(kTargetCore, kVectorRaised)));
  EXPECT_EQ(control().pending, 3u);

  // Firmware has taken both, and waits again.
  control().pending = 0;
  control().armed = 1;
  interrupts_.looking->look_again();
  EXPECT_EQ(interrupts_.raised.size(), 1u);
  EXPECT_EQ(control().armed, 1u);
}

TEST_F(PatienceTest, NothingWaitsWithoutPatienceOrWithARing) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  control() = {.armed = 1, .patient = 1, .patience = 0};
  unit_.message(kMessageAddress, 33);
  EXPECT_EQ(interrupts_.raised.size(), 1u);
  ASSERT_EQ(steer(kSteerMsi | kSteerRing), Result::k_ok);
  control() = {.armed = 1, .patient = 1, .patience = 500};
  unit_.message(kMessageAddress, 33);
  EXPECT_EQ(interrupts_.raised.size(), 2u);
  EXPECT_THAT(interrupts_.look_in, IsEmpty());
}

TEST_F(PatienceTest, TheFirstOfSomeSaysWhen) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  control() = {.armed = 1, .patient = 3, .patience = 500};
  unit_.message(kMessageAddress, 33);
  unit_.message(kMessageAddress, 34);
  control().pending = 0;
  unit_.message(kMessageAddress, 33);
  EXPECT_THAT(interrupts_.look_in,
              ElementsAre(Pair(500u, true), Pair(500u, false), Pair(500u, true)));
}

// A ring of four, of which the third is the next to be finished.
class WatchTest : public SteerTest {
 protected:
  static constexpr uint64_t kOctet = kShadowAt + 12, kIndex = kShadowAt + 0x100;
  WatchTest() {
    EXPECT_EQ(steer(kSteerMsi), Result::k_ok);
    ram_.put(kIndex, uint32_t{2});
  }
  void arm(uint64_t octet = kOctet, uint64_t index = kIndex) {
    control() = {
        .armed = 1, .watched = 1, .octet = octet, .index = index, .octet_mask = 1, .patience = 500};
  }
};

TEST_F(WatchTest, WhatTellsOfNothingNewCanWait) {
  for (const unsigned other : {0u, 1u, 3u}) ram_.put(kOctet + 16 * other, uint8_t{0xff});
  ram_.put(kOctet + 16 * 2, uint8_t{0xfe});
  arm();
  unit_.message(kMessageAddress, 33);
  EXPECT_THAT(interrupts_.raised, IsEmpty());
  EXPECT_THAT(interrupts_.look_in, ElementsAre(Pair(500u, true)));
  interrupts_.looking->look_again();
  EXPECT_EQ(interrupts_.raised.size(), 1u);
}

TEST_F(WatchTest, WhatTellsOfSomethingNewCannot) {
  ram_.put(kOctet + 16 * 2, uint8_t{1});
  arm();
  unit_.message(kMessageAddress, 33);
  EXPECT_EQ(interrupts_.raised.size(), 1u);
  EXPECT_THAT(interrupts_.look_in, IsEmpty());
}

TEST_F(WatchTest, OtherMessagesAreNotWatched) {
  unit_.message(kMessageAddress, 33);
  arm();
  unit_.message(kMessageAddress, 34);
  EXPECT_EQ(interrupts_.raised.size(), 1u);
}

TEST_F(WatchTest, WhatLiesElsewhereIsFinished) {
  constexpr uint64_t kOutside = kRamBase - 0x100, kEnd = ~uint64_t{0};
  unsigned times = 0;
  for (const auto& [octet, index] :
       {std::pair{kOutside, kIndex}, {kEnd, kIndex}, {kOctet, kOutside}, {kOctet, kIndex + 1}}) {
    arm(octet, index);
    unit_.message(kMessageAddress, 33);
    EXPECT_EQ(interrupts_.raised.size(), ++times) << octet << " " << index;
  }
  ram_.put(kIndex, ~uint32_t{0});
  arm();
  unit_.message(kMessageAddress, 33);
  EXPECT_EQ(interrupts_.raised.size(), ++times) << "index";
}

TEST_F(PatienceTest, WhatWaitedWaitsAnewAfterLoading) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  control() = {.armed = 1, .patient = 1, .patience = 500};
  unit_.message(kMessageAddress, 33);
  interrupts_.look_in.clear();
  Archive saved;
  unit_.archive(saved);
  Archive loading{std::span<const uint8_t>(saved.bytes())};
  unit_.archive(loading);
  ASSERT_TRUE(loading.ok());
  EXPECT_THAT(interrupts_.look_in, ElementsAre(Pair(0u, true)));
  unit_.reset();
  interrupts_.looking->look_again();
  EXPECT_THAT(interrupts_.raised, IsEmpty()) << "nothing is in force";
}

class RemindersTest : public ::testing::Test {
 protected:
  // Armed, in force, with one bit pending.
  struct Waiting {
    Waiting() {
      unit.set(unit::CONTROL, kControlAt);
      unit.set(unit::VECTOR, kVectorRaised);
      unit.set_present(true);
      EXPECT_EQ(unit.check(), Result::k_ok);
      unit.enforce();
      arm();
      unit.pend(1);
    }
    void arm() { ram.control(kControlAt).armed = kArmedAtOnce; }
    FakeRam ram;
    FakeInterrupts interrupts;
    UnitBlock unit{kSteerRows, ram, interrupts};
    size_t raised() const { return interrupts.raised.size(); }
  };
  Waiting a_, b_;
  Reminders reminders_;
};

TEST_F(RemindersTest, CallsEachInItsTimeOnce) {
  EXPECT_EQ(reminders_.next_deadline(), Reminders::kNever);
  reminders_.set(a_.unit, 200, false);
  reminders_.set(b_.unit, 100, true);
  EXPECT_EQ(reminders_.next_deadline(), 100);
  reminders_.tick(99);
  EXPECT_EQ(b_.raised(), 0u);
  reminders_.tick(100);
  EXPECT_EQ(b_.raised(), 1u);
  EXPECT_EQ(a_.raised(), 0u);
  EXPECT_EQ(reminders_.next_deadline(), 200);
  reminders_.tick(1000);
  EXPECT_EQ(a_.raised(), 1u);
  EXPECT_EQ(reminders_.next_deadline(), Reminders::kNever);
}

TEST_F(RemindersTest, TheSoonestCountsOrTheLast) {
  reminders_.set(a_.unit, 200, true);
  reminders_.set(a_.unit, 300, false);
  EXPECT_EQ(reminders_.next_deadline(), 200);
  reminders_.set(a_.unit, 150, false);
  EXPECT_EQ(reminders_.next_deadline(), 150);
  reminders_.set(a_.unit, 300, true);
  reminders_.tick(200);
  EXPECT_EQ(a_.raised(), 0u);
  EXPECT_EQ(reminders_.next_deadline(), 300);
}

TEST_F(RemindersTest, AUnitThatIsGoneIsNotCalled) {
  reminders_.set(a_.unit, 100, true);
  reminders_.set(b_.unit, 100, true);
  reminders_.forget(a_.unit);
  reminders_.forget(a_.unit);
  reminders_.tick(100);
  EXPECT_EQ(a_.raised(), 0u);
  EXPECT_EQ(b_.raised(), 1u);
}

TEST_F(RemindersTest, HasRoomForAllUnitsOfAPartition) {
  std::array<Waiting, kMaxUnits> all;
  for (Waiting& one : all) reminders_.set(one.unit, 100, false);
  reminders_.reset();
  EXPECT_EQ(reminders_.next_deadline(), Reminders::kNever);
  for (Waiting& one : all) reminders_.set(one.unit, 100, false);
  reminders_.tick(100);
  for (Waiting& one : all) EXPECT_EQ(one.raised(), 1u);
}

}  // namespace
}  // namespace gatehouse::partition
