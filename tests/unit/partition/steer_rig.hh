// SPDX-License-Identifier: GPL-2.0-or-later
// A steering unit with a device and RAM that tests look into.
#ifndef GATEHOUSE_TESTS_UNIT_PARTITION_STEER_RIG_HH_
#define GATEHOUSE_TESTS_UNIT_PARTITION_STEER_RIG_HH_

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "hw/core/base/archive.hh"
#include "hw/partition/steer.hh"
#include "tests/unit/partition/rig.hh"

namespace gatehouse::partition {

inline constexpr uint64_t kSlotsAt = kTableAt;
inline constexpr uint64_t kMessageAddress = 0xfee0'0000;
inline constexpr uint64_t kDmaAt = kRamBase + 0x80'0000;
inline constexpr uint64_t kSealsAt = kRamBase + 0xc000;
inline constexpr uint32_t kSealUnits = 16;
inline constexpr uint64_t kKey = 0x0123'4567'89ab'cdef;

// More than the rig's, so that there is RAM above the firmware's start.
class LargeRam : public FakeRam {
 public:
  uint8_t* at(uint64_t address, uint64_t octets, uint64_t alignment) override {
    if (uint8_t* small = FakeRam::at(address, octets, alignment)) return small;
    if (octets == 0 || address % alignment || address < kDmaAt || octets > kOctets ||
        address - kDmaAt > kOctets - octets)
      return nullptr;
    return window_ + (address - kDmaAt);
  }

 private:
  alignas(4096) uint8_t window_[kOctets] = {};
};

class FakeSteeredDevice : public SteeredDevice {
 public:
  bool intx_apart() override { return apart; }
  bool checks_seals() override { return seals; }
  void use(const Steering& steering) override { used = steering; }
  void send(uint64_t address, uint32_t data) override { sent.emplace_back(address, data); }
  void set_line(bool level) override {
    EXPECT_TRUE(level != line || hostile);
    line = level;
  }

  bool apart = true;
  bool seals = true;
  bool line = false;
  bool hostile = false;  // saved state may say that the line is high when it is not
  Steering used;
  std::vector<std::pair<uint64_t, uint32_t>> sent;
};

class SteerTest : public ::testing::Test {
 protected:
  SteerTest() { unit_.plugged(); }

  Result steer(uint32_t bits) {
    set_up(unit_);
    unit_.write(steer::SLOTS, kSlotsAt, 8);
    unit_.write(steer::STEER, bits, 4);
    return commit(unit_);
  }
  UnitControl& control() { return ram_.control(kControlAt); }
  SteerSlot slot(unsigned number) {
    return ram_.get<SteerSlot>(kSlotsAt + number * sizeof(SteerSlot));
  }
  SteerRecord record(unsigned number) {
    return ram_.get<SteerRecord>(kRingAt + number * sizeof(SteerRecord));
  }

  // What the unit has saved, or an older one, in another one that goes on from there.
  struct Loaded {
    Loaded(SteerTest& test, std::span<const uint8_t> octets)
        : unit(test.ram_, test.interrupts_, device) {
      device.line = test.device_.line;  // saved with its bus
      unit.plugged();
      Archive archive{octets};
      unit.archive(archive);
      EXPECT_TRUE(archive.ok() && archive.at_end()) << archive.error();
    }
    FakeSteeredDevice device;
    Steer unit;
  };
  std::vector<uint8_t> saved() {
    Archive archive;
    unit_.archive(archive);
    return archive.bytes();
  }

  LargeRam ram_;
  FakeInterrupts interrupts_;
  FakeSteeredDevice device_;
  Steer unit_{ram_, interrupts_, device_};
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_TESTS_UNIT_PARTITION_STEER_RIG_HH_
