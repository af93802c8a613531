// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/unit.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hw/core/base/archive.hh"
#include "tests/unit/partition/rig.hh"

namespace gatehouse::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Record {
  uint64_t a, b;
};

class UnitBlockTest : public ::testing::Test {
 protected:
  void set_up() {
    block_.write(unit::CONTROL, kControlAt, 8);
    block_.write(unit::ARMED, 0, 8);
    block_.write(unit::RING, kRingAt, 8);
    block_.write(unit::RING_RECORDS, kRingLength, 4);
    block_.write(unit::VECTOR, kVectorRaised, 4);
    block_.write(unit::TARGET, kTargetCore, 4);
  }
  void start() {
    set_up();
    block_.set_present(true);
    ASSERT_EQ(block_.check(), Result::k_ok);
    block_.enforce();
  }
  UnitControl& control() { return ram_.control(kControlAt); }

  FakeRam ram_;
  FakeInterrupts interrupts_;
  UnitBlock block_{kRedirectRows, ram_, interrupts_};
};

TEST_F(UnitBlockTest, RowsKeepWhatTheirModeLetsThem) {
  for (const RegisterRow& row : kRedirectRows) {
    for (unsigned octets : {1u, 2u, 4u, 8u}) {
      SCOPED_TRACE(row.name);
      block_.reset();
      const uint64_t before = block_.get(row.offset);
      const RegisterRow* written = block_.write(row.offset, ~uint64_t{0}, octets);
      const bool taken = octets == row.octets && row.mode != Access::kRo;
      EXPECT_EQ(written, taken ? &row : nullptr);
      const uint64_t ones = row.octets == 8 ? ~uint64_t{0} : 0xffff'ffff;
      const uint64_t kept = taken && row.mode == Access::kRw ? ones : before;
      EXPECT_EQ(block_.read(row.offset, row.octets), row.mode == Access::kWo ? 0 : kept);
      if (octets != row.octets) {
        EXPECT_EQ(block_.read(row.offset, octets), 0u);
      }
    }
  }
}

TEST_F(UnitBlockTest, WhatIsNoRegisterReadsZeroAndTakesNothing) {
  for (uint32_t offset = 0; offset < kPage; ++offset) {
    bool row = false;
    for (const RegisterRow& known : kRedirectRows) row |= known.offset == offset;
    if (row) continue;
    for (unsigned octets : {1u, 2u, 4u, 8u}) {
      EXPECT_EQ(block_.write(offset, ~uint64_t{0}, octets), nullptr) << offset;
      EXPECT_EQ(block_.read(offset, octets), 0u) << offset;
    }
  }
}

TEST_F(UnitBlockTest, StartsWithTheResultOff) {
  EXPECT_EQ(block_.read(unit::RESULT, 4), static_cast<uint32_t>(Result::k_off));
  EXPECT_EQ(block_.read(unit::STATUS, 4), 0u);
}

TEST_F(UnitBlockTest, StatusTellsPresenceAndForce) {
  block_.set_present(true);
  EXPECT_EQ(block_.read(unit::STATUS, 4), kStatusPresent);
  start();
  EXPECT_EQ(block_.read(unit::STATUS, 4), kStatusPresent | kStatusActive);
  block_.stop();
  EXPECT_EQ(block_.read(unit::STATUS, 4), kStatusPresent);
}

TEST_F(UnitBlockTest, ChecksWhatFirmwareSetUp) {
  struct {
    const char* what;
    uint32_t offset;
    uint64_t value;
    Result result;
  } const rows[] = {
      {"as set up", unit::TARGET, 1, Result::k_ok},
      {"no control", unit::CONTROL, 0, Result::k_bad_control},
      {"control in the guest's memory", unit::CONTROL, 0x1000, Result::k_bad_control},
      {"control not aligned", unit::CONTROL, kControlAt + 8, Result::k_bad_control},
      {"control at the end", unit::CONTROL, kRamBase + FakeRam::kOctets - 64, Result::k_ok},
      {"control behind the end", unit::CONTROL, kRamBase + FakeRam::kOctets, Result::k_bad_control},
      {"control at the end of all", unit::CONTROL, ~uint64_t{63}, Result::k_bad_control},
      {"armed elsewhere", unit::ARMED, kRamBase + FakeRam::kOctets - 4, Result::k_ok},
      {"armed not aligned", unit::ARMED, kRamBase + 2, Result::k_bad_control},
      {"armed behind the end", unit::ARMED, kRamBase + FakeRam::kOctets, Result::k_bad_control},
      {"armed in the guest's memory", unit::ARMED, 0x2000, Result::k_bad_control},
      {"no ring", unit::RING, 0, Result::k_ok},
      {"ring not aligned", unit::RING, kRingAt + 8, Result::k_bad_ring},
      {"ring in the guest's memory", unit::RING, 0x2000, Result::k_bad_ring},
      {"ring reaches over the end", unit::RING, kRamBase + FakeRam::kOctets - 16,
       Result::k_bad_ring},
      {"ring too short", unit::RING_RECORDS, 8, Result::k_bad_ring},
      {"ring no power of two", unit::RING_RECORDS, 24, Result::k_bad_ring},
      {"ring without length", unit::RING_RECORDS, 0, Result::k_bad_ring},
      {"ring too long", unit::RING_RECORDS, 131072, Result::k_bad_ring},
      {"ring longer than RAM", unit::RING_RECORDS, 65536, Result::k_bad_ring},
      {"no vector", unit::VECTOR, 0, Result::k_ok},
      {"exception's vector", unit::VECTOR, 31, Result::k_bad_vector},
      {"spurious vector", unit::VECTOR, 255, Result::k_bad_vector},
      {"vector beyond an octet", unit::VECTOR, 0x128, Result::k_bad_vector},
      {"core that is not there", unit::TARGET, 2, Result::k_bad_vector},
      {"core far away", unit::TARGET, 0xffff'ffff, Result::k_bad_vector},
  };
  for (const auto& row : rows) {
    set_up();
    for (const RegisterRow& known : kRedirectRows) {
      if (known.offset == row.offset) block_.write(row.offset, row.value, known.octets);
    }
    EXPECT_EQ(block_.check(), row.result) << row.what;
  }
}

TEST_F(UnitBlockTest, TellsNothingWhileNothingIsInForce) {
  set_up();
  control().armed = 1;
  block_.post(Record{1, 2});
  block_.pend(1);
  block_.overrun();
  block_.notify();
  EXPECT_EQ(control().produced, 0u);
  EXPECT_EQ(control().pending, 0u);
  EXPECT_EQ(control().overruns, 0u);
  EXPECT_EQ(control().armed, 1u);
  EXPECT_THAT(ram_.changed, IsEmpty());
  EXPECT_THAT(interrupts_.raised, IsEmpty());
}

TEST_F(UnitBlockTest, FillsTheRingAndCountsWhatFindsNoPlace) {
  start();
  for (uint64_t i = 0; i < kRingLength + 3; ++i) block_.post(Record{i, ~i});
  EXPECT_EQ(control().produced, kRingLength);
  EXPECT_EQ(control().overruns, 3u);
  EXPECT_EQ(ram_.get<Record>(kRingAt + 15 * kRecordOctets).a, 15u);
  control().consumed = 1;
  block_.post(Record{77, 0});
  EXPECT_EQ(ram_.get<Record>(kRingAt).a, 77u);
  EXPECT_EQ(control().produced, kRingLength + 1);
  EXPECT_EQ(control().overruns, 3u);
  EXPECT_EQ(block_.counters().records, kRingLength + 1);
  EXPECT_EQ(block_.counters().overruns, 3u);
  EXPECT_EQ(ram_.outside, 0u);
}

TEST_F(UnitBlockTest, CountsRunOverTheEndOfTheirRange) {
  start();
  control().produced = control().consumed = 0xffff'fffe;
  for (uint64_t i = 0; i < 4; ++i) block_.post(Record{i, 0});
  EXPECT_EQ(control().produced, 2u);
  EXPECT_EQ(control().overruns, 0u);
  EXPECT_EQ(ram_.get<Record>(kRingAt + 14 * kRecordOctets).a, 0u);
  EXPECT_EQ(ram_.get<Record>(kRingAt).a, 2u);
}

TEST_F(UnitBlockTest, HostileCountsStayInTheRing) {
  start();
  for (uint32_t produced : {0u, 17u, 0x8000'0000u, 0xffff'ffffu}) {
    for (uint32_t consumed : {0u, 1u, 0x7fff'ffffu, 0xffff'ffffu}) {
      control().produced = produced;
      control().consumed = consumed;
      ram_.changed.clear();
      block_.post(Record{1, 1});
      for (const auto& [address, octets] : ram_.changed) {
        EXPECT_TRUE(
            address == kControlAt ||
            (address >= kRingAt && address + octets <= kRingAt + kRingLength * kRecordOctets));
      }
    }
  }
}

TEST_F(UnitBlockTest, WithoutARingARecordIsAnOverrun) {
  start();
  block_.write(unit::RING, 0, 8);
  block_.enforce();
  block_.post(Record{1, 2});
  EXPECT_EQ(control().overruns, 1u);
  EXPECT_EQ(control().produced, 0u);
}

TEST_F(UnitBlockTest, ArmingSaysHowFarApartInterruptsAre) {
  start();
  for (const uint32_t armed : {kArmedAtOnce, 2u, 250'000u, 0xffff'ffffu}) {
    control().armed = armed;
    block_.pend(1);
    block_.notify();
    EXPECT_EQ(control().armed, 0u);
    EXPECT_EQ(interrupts_.apart.back(), armed == kArmedAtOnce ? 0 : armed);
  }
  EXPECT_EQ(interrupts_.apart.size(), 4u);
}

TEST_F(UnitBlockTest, InterruptsOnceForEachArming) {
  start();
  block_.pend(1);
  block_.notify();
  EXPECT_THAT(interrupts_.raised, IsEmpty());
  control().armed = 1;
  block_.pend(2);
  block_.pend(4);
  block_.notify();
  block_.notify();
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(kTargetCore, kVectorRaised)));
  EXPECT_EQ(control().armed, 0u);
  EXPECT_EQ(control().pending, 7u);
  EXPECT_EQ(block_.counters().interrupts, 1u);
}

TEST_F(UnitBlockTest, UnitsThatShareAnArmedWordInterruptOnceForAllOfThem) {
  constexpr uint64_t kShared = kRamBase + FakeRam::kOctets - 4;
  UnitBlock other(kSteerRows, ram_, interrupts_);
  set_up();
  other.write(unit::CONTROL, kControlAt + sizeof(UnitControl), 8);
  other.write(unit::VECTOR, kVectorRaised, 4);
  for (UnitBlock* block : {&block_, &other}) {
    block->write(unit::ARMED, kShared, 8);
    ASSERT_EQ(block->check(), Result::k_ok);
    block->enforce();
  }
  uint32_t& armed = *reinterpret_cast<uint32_t*>(ram_.at(kShared, 4, 4));
  control().armed = 1;  // means nothing now
  for (UnitBlock* first : {&block_, &other}) {
    interrupts_.raised.clear();
    ram_.changed.clear();
    armed = 1;
    first->notify();
    block_.notify();
    other.notify();
    EXPECT_EQ(interrupts_.raised.size(), 1u);
    EXPECT_EQ(armed, 0u);
    EXPECT_EQ(control().armed, 1u);
    EXPECT_THAT(ram_.changed, ElementsAre(Pair(kShared, 4u)));
  }
}

TEST_F(UnitBlockTest, WithoutAVectorArmingIsTakenSilently) {
  start();
  block_.write(unit::VECTOR, 0, 4);
  block_.enforce();
  control().armed = 1;
  block_.notify();
  EXPECT_EQ(control().armed, 0u);
  EXPECT_THAT(interrupts_.raised, IsEmpty());
}

TEST_F(UnitBlockTest, RegistersWrittenLaterCountFromTheNextCommit) {
  start();
  block_.write(unit::CONTROL, 0x666, 8);
  block_.write(unit::VECTOR, 999, 4);
  control().armed = 1;
  block_.pend(1);
  block_.notify();
  EXPECT_EQ(control().pending, 1u);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(kTargetCore, kVectorRaised)));
}

TEST_F(UnitBlockTest, TellsMigrationWhatItWrote) {
  start();
  block_.post(Record{1, 2});
  EXPECT_THAT(ram_.changed,
              ElementsAre(Pair(kRingAt, kRecordOctets), Pair(kControlAt, sizeof(UnitControl))));
  ram_.changed.clear();
  control().armed = 1;
  block_.notify();
  EXPECT_THAT(ram_.changed, ElementsAre(Pair(kControlAt, sizeof(UnitControl))));
  ram_.changed.clear();
  block_.notify();
  EXPECT_THAT(ram_.changed, IsEmpty());
}

TEST_F(UnitBlockTest, SavedAndLoadedItIsTheSame) {
  start();
  block_.finish(Result::k_overlap, 5);
  block_.write(unit::CONTROL, 0x1234, 8);
  Archive saved;
  block_.archive(saved);

  UnitBlock other{kRedirectRows, ram_, interrupts_};
  other.set_present(true);
  Archive loaded{std::span<const uint8_t>(saved.bytes())};
  other.archive(loaded);
  ASSERT_TRUE(loaded.ok() && loaded.at_end()) << loaded.error();
  for (const RegisterRow& row : kRedirectRows)
    EXPECT_EQ(other.read(row.offset, row.octets), block_.read(row.offset, row.octets)) << row.name;
  other.pend(8);
  EXPECT_EQ(control().pending, 8u);
}

TEST_F(UnitBlockTest, LoadingRefusesWhatCommitWould) {
  start();
  Archive saved;
  block_.archive(saved);
  const auto load = [&](const std::vector<uint8_t>& octets, bool present) {
    UnitBlock other{kRedirectRows, ram_, interrupts_};
    other.set_present(present);
    Archive loaded{std::span<const uint8_t>(octets)};
    other.archive(loaded);
    if (!loaded.ok()) {
      EXPECT_FALSE(other.active());
    }
    return loaded.ok();
  };
  EXPECT_TRUE(load(saved.bytes(), true));
  EXPECT_FALSE(load(saved.bytes(), false));
  // Each octet of what is in force, which stands at the end: control, ring, records, vector, core.
  const size_t end = saved.bytes().size();
  for (size_t back : {28, 26, 23, 20, 18, 12, 11, 7, 4, 3}) {
    std::vector<uint8_t> octets = saved.bytes();
    octets[end - back] ^= 0xff;
    EXPECT_FALSE(load(octets, true)) << back;
  }
  for (size_t length = 0; length < end; ++length) {
    EXPECT_FALSE(
        load({saved.bytes().begin(), saved.bytes().begin() + static_cast<long>(length)}, true))
        << length;
  }
}

TEST_F(UnitBlockTest, ResetForgetsRegistersButNotTheDevice) {
  start();
  block_.reset();
  EXPECT_EQ(block_.read(unit::STATUS, 4), kStatusPresent);
  EXPECT_EQ(block_.read(unit::CONTROL, 8), 0u);
  EXPECT_EQ(block_.read(unit::RESULT, 4), static_cast<uint32_t>(Result::k_off));
}

}  // namespace
}  // namespace gatehouse::partition
