// SPDX-License-Identifier: GPL-2.0-or-later
// A partition without QEMU: private RAM, interrupts that are only written down, and firmware's view
// of a unit.
#ifndef GATEHOUSE_TESTS_UNIT_PARTITION_RIG_HH_
#define GATEHOUSE_TESTS_UNIT_PARTITION_RIG_HH_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "hw/partition/ports.hh"
#include "hw/spec/partition.hh"
#include "tests/unit/zero_pages.hh"

namespace gatehouse::partition {

class FakeRam : public RamPort {
 public:
  static constexpr uint64_t kOctets = 0x10'0000;

  uint8_t* at(uint64_t address, uint64_t octets, uint64_t alignment) override {
    if (octets == 0 || address % alignment != 0) return nullptr;
    if (address < kRamBase || octets > kOctets || address - kRamBase > kOctets - octets)
      return nullptr;
    return octets_.get() + (address - kRamBase);
  }
  void written(uint64_t address, uint64_t octets) override {
    outside += at(address, octets, 1) == nullptr;
    changed.emplace_back(address, octets);
  }

  template <class T>
  T get(uint64_t address) {
    T value;
    std::memcpy(&value, octets_.get() + (address - kRamBase), sizeof value);
    return value;
  }
  template <class T>
  void put(uint64_t address, const T& value) {
    std::memcpy(octets_.get() + (address - kRamBase), &value, sizeof value);
  }
  UnitControl& control(uint64_t address) {
    return *reinterpret_cast<UnitControl*>(octets_.get() + (address - kRamBase));
  }

  std::vector<std::pair<uint64_t, uint64_t>> changed;
  unsigned outside = 0;  // calls of written() for what is no private RAM

 private:
  test::ZeroPages<kOctets> octets_ = test::zero_pages<kOctets>();
};

class FakeInterrupts : public InterruptPort {
 public:
  void raise(unsigned core, uint8_t vector) override { raised.emplace_back(core, vector); }
  void raise_apart(unsigned core, uint8_t vector, uint32_t apart_ns) override {
    raise(core, vector);
    apart.push_back(apart_ns);
  }
  void look_later(UnitBlock& unit, uint32_t in_ns, bool anew) override {
    EXPECT_TRUE(looking == nullptr || looking == &unit);
    looking = &unit;
    look_in.emplace_back(in_ns, anew);
  }
  void forget(UnitBlock& unit) override {
    if (looking == &unit) looking = nullptr;
  }
  unsigned cores() const override { return 2; }

  std::vector<std::pair<unsigned, unsigned>> raised;
  std::vector<uint32_t> apart;  // of units' interrupts
  UnitBlock* looking = nullptr;
  std::vector<std::pair<uint32_t, bool>> look_in;
};

// Where the tests' firmware keeps its things.
inline constexpr uint64_t kControlAt = kRamBase + 0x1000;
inline constexpr uint64_t kRingAt = kRamBase + 0x2000;
inline constexpr uint32_t kRingLength = 16;
inline constexpr uint64_t kTableAt = kRamBase + 0x4000;
inline constexpr uint64_t kShadowAt = kRamBase + 0x8000;
inline constexpr uint32_t kVectorRaised = 40, kTargetCore = 1;

// Registers of every unit, so that COMMIT finds them in order.
inline void set_up(Unit& unit) {
  unit.write(unit::CONTROL, kControlAt, 8);
  unit.write(unit::RING, kRingAt, 8);
  unit.write(unit::RING_RECORDS, kRingLength, 4);
  unit.write(unit::VECTOR, kVectorRaised, 4);
  unit.write(unit::TARGET, kTargetCore, 4);
}

inline Result commit(Unit& unit, uint32_t value = 1) {
  unit.write(unit::COMMIT, value, 4);
  return static_cast<Result>(unit.read(unit::RESULT, 4));
}

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_TESTS_UNIT_PARTITION_RIG_HH_
