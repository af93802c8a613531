// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/partition/steer.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <span>
#include <utility>
#include <vector>

#include "hw/core/base/archive.hh"
#include "tests/unit/partition/steer_rig.hh"

namespace gatehouse::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST_F(SteerTest, LeavesMessagesToTheGuestUntilSteered) {
  EXPECT_FALSE(unit_.message(kMessageAddress, 33));
  unit_.line(true);
  EXPECT_TRUE(device_.line);
  EXPECT_EQ(steer(kSteerIntx), Result::k_ok);
  EXPECT_FALSE(unit_.message(kMessageAddress, 33));
  EXPECT_EQ(unit_.counters().messages, 0u);
}

TEST_F(SteerTest, GivesEachMessageItsSlotAndPendingBit) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  EXPECT_TRUE(unit_.message(kMessageAddress, 33));
  EXPECT_TRUE(unit_.message(kMessageAddress, 34));
  EXPECT_TRUE(unit_.message(kMessageAddress + 0x1000, 33));
  EXPECT_TRUE(unit_.message(kMessageAddress, 33));
  EXPECT_EQ(control().pending, 0b111u);
  EXPECT_EQ(control().produced, 0u);
  EXPECT_EQ(slot(0).count, 2u);
  EXPECT_EQ(slot(1).data, 34u);
  EXPECT_EQ(slot(2).address, kMessageAddress + 0x1000);
  EXPECT_EQ(unit_.slots(), 3u);
  EXPECT_EQ(unit_.counters().messages, 4u);
  EXPECT_EQ(ram_.outside, 0u);
}

TEST_F(SteerTest, InterruptsOnlyWhenArmed) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  unit_.message(kMessageAddress, 33);
  EXPECT_THAT(interrupts_.raised, IsEmpty());
  control().armed = 1;
  unit_.message(kMessageAddress, 33);
  unit_.message(kMessageAddress, 33);
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(kTargetCore, kVectorRaised)));
  EXPECT_EQ(control().armed, 0u);
}

TEST_F(SteerTest, PutsEachMessageOnTheRing) {
  ASSERT_EQ(steer(kSteerMsi | kSteerRing), Result::k_ok);
  for (uint32_t i = 0; i < kRingLength + 3; ++i) unit_.message(kMessageAddress, i % 2);
  EXPECT_EQ(control().produced, kRingLength);
  EXPECT_EQ(control().overruns, 3u);
  EXPECT_EQ(record(1).slot, 1u);
  EXPECT_EQ(record(1).data, 1u);
  EXPECT_EQ(record(2).address, kMessageAddress);
  EXPECT_EQ(slot(0).count, (kRingLength + 4) / 2);  // nothing is lost there
}

TEST_F(SteerTest, SharesTheLastSlotWhenThereAreTooMany) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  for (uint32_t data = 0; data < 63; ++data) unit_.message(kMessageAddress, data);
  EXPECT_EQ(control().overruns, 0u);
  EXPECT_EQ(control().pending, (uint64_t{1} << 63) - 1);
  unit_.message(kMessageAddress, 1000);
  EXPECT_EQ(control().overruns, 1u);
  EXPECT_EQ(slot(62).data, 1000u);
  EXPECT_EQ(slot(62).count, 2u);
  unit_.message(kMessageAddress, 61);
  EXPECT_EQ(slot(61).count, 2u);
  EXPECT_EQ(control().overruns, 1u);
  EXPECT_EQ(control().pending, (uint64_t{1} << 63) - 1);
}

TEST_F(SteerTest, ReusesASlotWhoseMessageWasPassedOn) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  for (uint32_t data = 0; data < 63; ++data) unit_.message(kMessageAddress, data);
  control().patient = control().watched = ~uint64_t{0};
  const uint64_t pending = std::exchange(control().pending, 0);
  EXPECT_EQ(pending, (uint64_t{1} << 63) - 1);
  for (uint32_t slot : {5u, 20u, 21u}) unit_.write(steer::INJECT_SLOT, slot, 4);
  unit_.message(kMessageAddress, 20);  // told anew
  device_.sent.clear();

  for (uint32_t data : {1000u, 1001u}) unit_.message(kMessageAddress, data);
  EXPECT_EQ(control().overruns, 0u);
  EXPECT_EQ(slot(21).data, 1000u);
  EXPECT_EQ(slot(21).count, 2u) << "of all its messages";
  EXPECT_EQ(slot(5).data, 1001u);
  EXPECT_EQ(slot(20).data, 20u);
  constexpr uint64_t kReused = 1 << 5 | 1 << 21;
  EXPECT_EQ(control().pending, kReused | 1 << 20);
  EXPECT_EQ(control().patient, ~kReused);
  EXPECT_EQ(control().watched, ~kReused);
  unit_.write(steer::INJECT_SLOT, 21, 4);
  EXPECT_THAT(device_.sent, ElementsAre(Pair(kMessageAddress, 1000u)));
  // That firmware has not taken it from `pending` yet.
  unit_.message(kMessageAddress, 1002);
  EXPECT_EQ(control().overruns, 1u);
  EXPECT_EQ(slot(21).data, 1000u);
  EXPECT_EQ(slot(62).data, 1002u);
}

// Firmware takes what is pending, and injects later: what came in between is another message.
TEST_F(SteerTest, ASlotIsNotReusedWhileItsSecondMessageIsInHand) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  for (uint32_t data = 0; data < 63; ++data) unit_.message(kMessageAddress, data);
  control().pending = 0;  // taken
  for (uint32_t slot = 0; slot < 63; ++slot) unit_.write(steer::INJECT_SLOT, slot, 4);
  unit_.message(kMessageAddress, 30);
  control().pending = 0;
  unit_.message(kMessageAddress, 30);
  unit_.write(steer::INJECT_SLOT, 30, 4);  // the first one
  control().pending = 0;                   // the second is in hand
  unit_.message(kMessageAddress, 29);      // so that the search begins behind it
  unit_.message(kMessageAddress, 1000);
  EXPECT_EQ(slot(30).data, 30u);
  EXPECT_EQ(slot(31).data, 1000u);
  device_.sent.clear();
  unit_.write(steer::INJECT_SLOT, 30, 4);
  EXPECT_THAT(device_.sent, ElementsAre(Pair(kMessageAddress, 30u)));
  for (uint32_t data = 1001; data < 1062; ++data) unit_.message(kMessageAddress, data);
  EXPECT_EQ(slot(30).data, 1061u) << "free now, and the last one that is";
  EXPECT_EQ(control().overruns, 0u);
}

TEST_F(SteerTest, InjectsWhatASlotStandsFor) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  unit_.message(kMessageAddress, 33);
  ram_.put(kSlotsAt, SteerSlot{0x1000, 1, 1});  // firmware scribbles; the slot stands as it was
  unit_.write(steer::INJECT_SLOT, 0, 4);
  unit_.write(steer::INJECT_ADDRESS, kMessageAddress + 8, 8);
  unit_.write(steer::INJECT_DATA, 99, 4);
  EXPECT_THAT(device_.sent,
              ElementsAre(Pair(kMessageAddress, 33u), Pair(kMessageAddress + 8, 99u)));
  for (uint32_t none : {1u, 62u, 63u, 64u, ~0u}) unit_.write(steer::INJECT_SLOT, none, 4);
  unit_.write(steer::INJECT_SLOT, 0, 8);
  EXPECT_EQ(device_.sent.size(), 2u);
  EXPECT_EQ(unit_.counters().injections, 2u);
  EXPECT_EQ(unit_.counters().refused, 5u);
}

TEST_F(SteerTest, StillInjectsWhatWasPendingWhenFirmwareHandsBack) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  unit_.message(kMessageAddress, 33);
  EXPECT_EQ(commit(unit_, 0), Result::k_off);
  unit_.write(steer::INJECT_SLOT, 0, 4);
  EXPECT_THAT(device_.sent, ElementsAre(Pair(kMessageAddress, 33u)));
  unit_.unplugged();
  unit_.write(steer::INJECT_SLOT, 0, 4);
  unit_.write(steer::INJECT_DATA, 1, 4);
  EXPECT_EQ(device_.sent.size(), 1u);
}

TEST_F(SteerTest, HoldsTheLineThatTheFirmwareSets) {
  unit_.line(true);
  ASSERT_EQ(steer(kSteerIntx), Result::k_ok);
  EXPECT_TRUE(device_.line);
  EXPECT_EQ(control().pending, uint64_t{1} << kIntxSlot);  // it is high already
  EXPECT_EQ(slot(kIntxSlot).address, 1u);
  unit_.write(steer::INJECT_INTX, 0, 4);
  EXPECT_FALSE(device_.line);
  unit_.line(false);
  unit_.line(true);
  EXPECT_FALSE(device_.line);
  EXPECT_EQ(slot(kIntxSlot).address, 1u);
  EXPECT_EQ(slot(kIntxSlot).count, 2u);
  EXPECT_EQ(unit_.counters().lines, 2u);
  unit_.write(steer::INJECT_INTX, 1, 4);
  EXPECT_TRUE(device_.line);
  unit_.device_reset();
  EXPECT_FALSE(device_.line);
  EXPECT_EQ(commit(unit_, 0), Result::k_off);
  EXPECT_TRUE(device_.line);  // the device's own
  unit_.write(steer::INJECT_INTX, 0, 4);
  EXPECT_TRUE(device_.line);
  unit_.unplugged();
  EXPECT_FALSE(device_.line);
}

TEST_F(SteerTest, RefusesWithItsReason) {
  const uint64_t end = kDmaAt + FakeRam::kOctets;
  struct {
    const char* what;
    uint32_t offset;
    uint64_t value;
    unsigned octets;
    Result result;
  } const rows[] = {
      {"unknown bit", steer::STEER, 16, 4, Result::k_bad_steering},
      {"sealed without seals", steer::STEER, kSteerMsi | kSteerSealed, 4, Result::k_bad_seals},
      {"seals without units", steer::SEALS, kSealsAt, 8, Result::k_bad_seals},
      {"slots outside", steer::SLOTS, kRamBase + FakeRam::kOctets - 1008, 8, Result::k_bad_table},
      {"slots not aligned", steer::SLOTS, kSlotsAt + 8, 8, Result::k_bad_table},
      {"no slots", steer::SLOTS, 0, 8, Result::k_bad_table},
      {"guest memory", steer::DMA, 0x10'0000, 8, Result::k_bad_dma},
      {"page tables", steer::DMA, kRamBase, 8, Result::k_bad_dma},
      {"not a page", steer::DMA, kDmaAt + 0x800, 8, Result::k_bad_dma},
      {"over the end", steer::DMA, end - kPage, 8, Result::k_bad_dma},
      {"wraps", steer::DMA, ~uint64_t{0xfff}, 8, Result::k_bad_dma},
      {"odd size", steer::DMA_OCTETS, kPage + 1, 8, Result::k_bad_dma},
      {"huge", steer::DMA_OCTETS, ~uint64_t{0xfff}, 8, Result::k_bad_dma},
      {"no control", unit::CONTROL, 0, 8, Result::k_bad_control},
      {"vector", unit::VECTOR, 31, 4, Result::k_bad_vector},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    set_up(unit_);
    unit_.write(steer::SLOTS, kSlotsAt, 8);
    unit_.write(steer::STEER, kSteerMsi, 4);
    unit_.write(steer::SEALS, 0, 8);
    unit_.write(steer::DMA, kDmaAt, 8);
    unit_.write(steer::DMA_OCTETS, 2 * kPage, 8);
    ASSERT_EQ(commit(unit_), Result::k_ok);
    const Steering before = device_.used;
    EXPECT_EQ(before.dma_octets, 2 * kPage);
    unit_.write(row.offset, row.value, row.octets);
    EXPECT_EQ(commit(unit_), row.result);
    EXPECT_EQ(device_.used, before);  // what was in force stays
  }
  unit_.write(unit::VECTOR, kVectorRaised, 4);
  unit_.write(unit::RING, 0, 8);
  unit_.write(steer::STEER, kSteerMsi | kSteerRing, 4);
  EXPECT_EQ(commit(unit_), Result::k_bad_ring);
  device_.apart = false;
  EXPECT_EQ(steer(kSteerIntx), Result::k_bad_steering);
  unit_.unplugged();
  EXPECT_EQ(steer(kSteerMsi), Result::k_no_device);
}

constexpr uint8_t kData[] = "what has been inspected";

uint64_t seal_of(std::span<const uint8_t> octets) { return kSealed | SealKey(kKey).seal(octets); }

class SealTest : public SteerTest {
 protected:
  Result seal(uint32_t bits = 0, uint64_t key = kKey, uint32_t units = kSealUnits) {
    set_up(unit_);
    unit_.write(steer::SLOTS, kSlotsAt, 8);
    unit_.write(steer::SEALS, kSealsAt, 8);
    unit_.write(steer::SEAL_UNITS, units, 4);
    unit_.write(steer::SEAL_KEY, key, 8);
    unit_.write(steer::STEER, kSteerMsi | bits, 4);
    return commit(unit_);
  }
  static uint64_t at(unsigned ring, uint32_t unit) {
    return kSealsAt + (ring * kSealUnits + unit) * sizeof(uint64_t);
  }
};

TEST_F(SealTest, RefusesTablesAndKeysThatAreNotValid) {
  EXPECT_EQ(seal(0, 0), Result::k_bad_seals);
  EXPECT_EQ(seal(0, kMaxSealKey + 1), Result::k_bad_seals);
  EXPECT_EQ(seal(0, ~uint64_t{0}), Result::k_bad_seals);
  EXPECT_EQ(seal(0, kKey, 0), Result::k_bad_seals);
  EXPECT_EQ(seal(0, kKey, kMaxSealUnits + 1), Result::k_bad_seals);
  EXPECT_EQ(seal(0, kKey, kMaxSealUnits), Result::k_bad_seals) << "beyond the RAM";
  EXPECT_FALSE(unit_.active());
  device_.seals = false;
  EXPECT_EQ(seal(), Result::k_no_seals);
  device_.seals = true;
  EXPECT_EQ(seal(0, kMaxSealKey), Result::k_ok);
  EXPECT_EQ(device_.used.seals, kSealsAt);
}

TEST_F(SealTest, HoldForTheSameOctetsOnly) {
  ASSERT_EQ(seal(), Result::k_ok);
  EXPECT_TRUE(unit_.seal_holds(0, 3, kData)) << "not sealed, and need not be";
  ram_.put(at(3, 15), seal_of(kData));
  EXPECT_TRUE(unit_.seal_holds(1, 15, kData));
  std::vector<uint8_t> other(std::begin(kData), std::end(kData));
  other[7] ^= 1;
  EXPECT_FALSE(unit_.seal_holds(1, 15, other));
  EXPECT_FALSE(unit_.seal_holds(1, 15, std::span(kData).first(5)));
  EXPECT_EQ(unit_.read(steer::SEALS_BROKEN, 8), 2u);
  ASSERT_EQ(seal(kSteerSealed), Result::k_ok);
  EXPECT_FALSE(unit_.seal_holds(0, 3, kData));
  EXPECT_FALSE(unit_.seal_holds(0, kSealUnits, kData)) << "a ring longer than the table";
  EXPECT_TRUE(unit_.seal_holds(1, 15, kData));
  EXPECT_EQ(unit_.seals_broken(), 4u);
}

TEST_F(SealTest, TellWhatTheCardHasWritten) {
  ASSERT_EQ(seal(), Result::k_ok);
  ram_.changed.clear();
  unit_.seal_received(1, 2, kData);
  EXPECT_EQ(ram_.get<uint64_t>(at(1, 2)), seal_of(kData));
  EXPECT_THAT(ram_.changed, ElementsAre(Pair(at(1, 2), sizeof(uint64_t))));
  unit_.seal_received(1, 2, {});
  EXPECT_EQ(ram_.get<uint64_t>(at(1, 2)), 0u);
  unit_.seal_received(1, kSealUnits, kData);
  unit_.seal_received(0, ~0u, kData);
  EXPECT_EQ(ram_.changed.size(), 2u);
  EXPECT_EQ(ram_.outside, 0u);
}

TEST_F(SealTest, ComeAndGoWithoutTouchingSlots) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  unit_.message(kMessageAddress, 33);
  ASSERT_EQ(seal(kSteerSealed), Result::k_ok);
  EXPECT_EQ(unit_.slots(), 1u);
  EXPECT_EQ(slot(0).count, 1u);
  unit_.write(steer::INJECT_SLOT, 0, 4);
  EXPECT_EQ(device_.sent.size(), 1u);
  Loaded loaded(*this, saved());
  auto& [device, other] = loaded;
  EXPECT_EQ(device.used, device_.used);
  ram_.put(at(2, 0), seal_of(kData));
  EXPECT_TRUE(other.seal_holds(0, 0, kData));
  EXPECT_FALSE(other.seal_holds(0, 0, std::span(kData).first(9)));
  other.reset();
  EXPECT_EQ(device.used, Steering{});
}

TEST_F(SteerTest, NeedsNoSlotsForAWindowAlone) {
  unit_.write(unit::CONTROL, kControlAt, 8);
  unit_.write(steer::DMA, kDmaAt, 8);
  unit_.write(steer::DMA_OCTETS, kPage, 8);
  EXPECT_EQ(commit(unit_), Result::k_ok);
  EXPECT_EQ(device_.used.dma, kDmaAt);
  EXPECT_FALSE(unit_.message(kMessageAddress, 33));
  unit_.dma_denied();
  unit_.dma_denied();
  EXPECT_EQ(unit_.read(steer::DMA_DENIED, 8), 2u);
  unit_.reset();
  EXPECT_EQ(device_.used, Steering{});
  EXPECT_EQ(unit_.read(steer::DMA_DENIED, 8), 0u);
}

TEST_F(SteerTest, GoesOnFromSavedState) {
  ASSERT_EQ(steer(kSteerMsi | kSteerIntx), Result::k_ok);
  unit_.message(kMessageAddress, 33);
  unit_.message(kMessageAddress, 34);
  unit_.line(true);
  unit_.write(steer::INJECT_INTX, 1, 4);
  Loaded loaded(*this, saved());
  auto& [device, other] = loaded;
  ASSERT_TRUE(device.line);
  EXPECT_EQ(device.used, device_.used);
  EXPECT_TRUE(other.message(kMessageAddress, 34));
  EXPECT_EQ(slot(1).count, 2u);
  other.write(steer::INJECT_SLOT, 0, 4);
  EXPECT_THAT(device.sent, ElementsAre(Pair(kMessageAddress, 33u)));
  EXPECT_EQ(commit(other, 0), Result::k_off);
  EXPECT_TRUE(device.line);
  other.line(false);
  EXPECT_FALSE(device.line);
}

// Registers say what the next commit would bring: what is in force goes on without them.
TEST_F(SteerTest, GoesOnThoughFirmwareHasPreparedAnotherCommit) {
  ASSERT_EQ(steer(kSteerMsi | kSteerRing), Result::k_ok);
  unit_.write(unit::RING, 0, 8);
  const auto octets = saved();
  Loaded loaded(*this, octets);
  Steer& other = loaded.unit;
  EXPECT_TRUE(other.message(kMessageAddress, 34));
  EXPECT_EQ(record(0).data, 34u);
  EXPECT_EQ(commit(other), Result::k_bad_ring);
  EXPECT_TRUE(other.message(kMessageAddress, 35));
}

// What was on its way when the state was saved is the guest's still.
TEST_F(SteerTest, ReusesNoSlotOfAMessageOnItsWayAfterLoading) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  for (uint32_t data = 0; data < 63; ++data) unit_.message(kMessageAddress, data);
  control().pending = 0;
  unit_.write(steer::INJECT_SLOT, 30, 4);
  Loaded loaded(*this, saved());
  Steer& other = loaded.unit;
  other.message(kMessageAddress, 1000);
  EXPECT_EQ(slot(30).data, 1000u);
  EXPECT_EQ(control().overruns, 0u);
  other.message(kMessageAddress, 1001);
  EXPECT_EQ(slot(62).data, 1001u);
  EXPECT_EQ(control().overruns, 1u);
}

// Version 1 did not say what was on its way: it may be any.
TEST_F(SteerTest, ReusesNoSlotOfAnOlderSavedState) {
  ASSERT_EQ(steer(kSteerMsi), Result::k_ok);
  for (uint32_t data = 0; data < 63; ++data) {
    unit_.message(kMessageAddress, data);
    unit_.write(steer::INJECT_SLOT, data, 4);
  }
  control().pending = 0;
  std::vector<uint8_t> octets = saved();
  ASSERT_EQ(octets[4], 2u) << "behind the section's tag";
  octets[4] = 1;
  octets.resize(octets.size() - sizeof(uint64_t));
  Loaded loaded(*this, octets);
  Steer& other = loaded.unit;
  other.message(kMessageAddress, 1000);
  EXPECT_EQ(slot(62).data, 1000u);
  EXPECT_EQ(control().overruns, 1u);
  other.write(steer::INJECT_SLOT, 7, 4);
  other.message(kMessageAddress, 1001);
  EXPECT_EQ(slot(7).data, 1001u);
  EXPECT_EQ(control().overruns, 1u);
}

TEST_F(SealTest, RefusesSavedStateThatIsNotValid) {
  ASSERT_EQ(seal(kSteerSealed), Result::k_ok);
  const std::vector<uint8_t> before = saved();
  std::mt19937 random(1);
  for (unsigned round = 0; round < 4000; ++round) {
    std::vector<uint8_t> octets = before;
    for (unsigned i = 0; i <= round % 4; ++i)
      octets[random() % octets.size()] = static_cast<uint8_t>(random());
    octets.resize(octets.size() - (round % 8 == 7 ? random() % octets.size() : 0));
    FakeSteeredDevice device;
    device.apart = round % 2;
    device.hostile = true;
    Steer other(ram_, interrupts_, device);
    if (round % 3) other.plugged();
    Archive loaded{std::span<const uint8_t>(octets)};
    other.archive(loaded);
    EXPECT_TRUE(loaded.ok() || !other.active());
    other.message(kMessageAddress, 5);
    other.seal_holds(round % 2, random() % 100, kData);
    other.seal_received(round % 2, random() % 100, kData);
    other.line(true);
    if (other.present()) other.write(steer::INJECT_SLOT, 0, 4);
  }
  EXPECT_EQ(ram_.outside, 0u);
}

TEST_F(SteerTest, SurvivesWhateverFirmwareDoes) {
  std::mt19937 random(2);
  constexpr uint64_t kValues[] = {0,     1,       3,        7,      16,       40,
                                  kPage, kRingAt, kSlotsAt, kDmaAt, kSealsAt, kControlAt};
  for (unsigned round = 0; round < 200'000; ++round) {
    const RegisterRow& row = kSteerRows[random() % std::size(kSteerRows)];
    uint64_t value = kValues[random() % std::size(kValues)];
    if (random() % 16 == 0) value = uint64_t{random()} << 32 | random();
    unit_.write(row.offset, value, random() % 8 ? row.octets : 1u << random() % 4);
    if (round % 64 == 0) steer(random() % 16);
    unit_.seal_holds(round % 2, random() % 64, kData);
    unit_.seal_received(round % 2, random() % 64, kData);
    switch (random() % 6) {
      case 0:
        unit_.message(kMessageAddress, random() % 80);
        break;
      case 1:
        unit_.line(random() % 2);
        break;
      case 2:
        unit_.plugged();
        break;
      case 3:
        if (random() % 64 == 0) unit_.unplugged();
        break;
      case 4:
        control().consumed = random();
        control().armed = random() % 2;
        break;
      default:
        unit_.read(random() % kPage, 1u << random() % 4);
        break;
    }
  }
  EXPECT_GT(unit_.counters().commits, 10u);
  EXPECT_EQ(ram_.outside, 0u);
}

}  // namespace
}  // namespace gatehouse::partition
