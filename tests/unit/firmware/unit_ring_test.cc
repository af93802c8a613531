// SPDX-License-Identifier: GPL-2.0-or-later
// Firmware's side of UnitControl against a unit that does as hw/spec/partition.hh says.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "firmware/hal/unit.hh"

namespace gatehouse::hal {
namespace {

constexpr uint32_t kRecords = 16;

// The unit's side, as the model does it.
struct Unit {
  partition::UnitControl control{};
  partition::RedirectRecord ring[kRecords]{};
  std::atomic<uint32_t> interrupts{0};

  bool post(uint64_t value) {
    std::atomic_ref produced(control.produced);
    const uint32_t next = produced.load();
    if (next - std::atomic_ref(control.consumed).load() >= kRecords) {
      std::atomic_ref(control.overruns).fetch_add(1);
      return false;
    }
    ring[next % kRecords].value = value;
    produced.store(next + 1);
    tell();
    return true;
  }
  void set_pending(unsigned bit) {
    std::atomic_ref(control.pending).fetch_or(uint64_t{1} << bit);
    tell();
  }
  void tell() {
    if (std::atomic_ref(control.armed).exchange(0) != 0) interrupts.fetch_add(1);
  }
};

using Ring = UnitRing<partition::RedirectRecord>;

TEST(UnitRing, GivesRecordsInOrderUpToTheWrap) {
  Unit unit;
  Ring ring(unit.control, unit.ring, kRecords);
  EXPECT_TRUE(ring.ready().empty());
  for (uint64_t i = 0; i < 10; ++i) unit.post(i);
  ASSERT_EQ(ring.ready().size(), 10u);
  ring.consume(10);
  for (uint64_t i = 10; i < 22; ++i) ASSERT_TRUE(unit.post(i));
  ASSERT_EQ(ring.ready().size(), 6u);
  EXPECT_EQ(ring.ready().front().value, 10u);
  ring.consume(6);
  ASSERT_EQ(ring.ready().size(), 6u);
  EXPECT_EQ(ring.ready().front().value, 16u);
  ring.consume(2);
  EXPECT_EQ(ring.ready().front().value, 18u);
  EXPECT_EQ(unit.interrupts, 0u);
}

TEST(UnitRing, FollowsTheCountsAcrossTheirWrap) {
  Unit unit;
  unit.control.produced = unit.control.consumed = 0xffff'fffe;
  Ring ring(unit.control, unit.ring, kRecords);
  for (uint64_t i = 0; i < 4; ++i) unit.post(i);
  std::vector<uint64_t> seen;
  while (!ring.ready().empty()) {
    for (const auto& record : ring.ready()) seen.push_back(record.value);
    ring.consume(ring.ready().size());
  }
  EXPECT_EQ(seen, (std::vector<uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(unit.control.consumed, 2u);
}

TEST(UnitRing, NeverGivesMoreThanItsLength) {
  Unit unit;
  unit.control.produced = 1000;
  EXPECT_EQ(Ring(unit.control, unit.ring, kRecords).ready().size(), kRecords);
}

TEST(UnitRing, CountsWhatFoundItFull) {
  Unit unit;
  Ring ring(unit.control, unit.ring, kRecords);
  for (uint64_t i = 0; i < kRecords + 3; ++i) unit.post(i);
  EXPECT_EQ(ring.overruns(), 3u);
}

TEST(UnitSignals, TakesPendingBitsOnce) {
  Unit unit;
  UnitSignals signals(unit.control);
  unit.set_pending(3);
  unit.set_pending(63);
  EXPECT_EQ(signals.take_pending(), uint64_t{1} << 63 | 8);
  EXPECT_EQ(signals.take_pending(), 0u);
}

TEST(UnitSignals, IsToldOnceAfterItArmed) {
  Unit unit;
  UnitSignals signals(unit.control);
  unit.set_pending(0);
  EXPECT_EQ(unit.interrupts, 0u);
  signals.take_pending();
  EXPECT_TRUE(signals.arm());
  unit.set_pending(0);
  unit.set_pending(1);
  EXPECT_EQ(unit.interrupts, 1u);
}

TEST(UnitSignals, DoesNotHaltWhenSomethingCameBeforeItArmed) {
  Unit unit;
  Ring ring(unit.control, unit.ring, kRecords);
  unit.set_pending(0);
  EXPECT_FALSE(ring.arm());
  ring.disarm();
  ring.take_pending();
  unit.post(0);
  EXPECT_FALSE(ring.arm());
  ring.disarm();
  unit.post(0);
  EXPECT_EQ(unit.interrupts, 0u);
}

// A firmware that halts whenever arm() lets it must still see each record: whoever halts is woken.
TEST(UnitRing, NoWakeUpIsLostAmongThreads) {
  constexpr uint64_t kTotal = 100'000;
  Unit unit;
  std::thread device([&] {
    for (uint64_t i = 0; i < kTotal;) {
      if (unit.post(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  Ring ring(unit.control, unit.ring, kRecords);
  uint64_t next = 0;
  uint32_t served = 0;
  while (next < kTotal) {
    const auto records = ring.ready();
    for (const auto& record : records) ASSERT_EQ(record.value, next++);
    ring.consume(records.size());
    if (!records.empty() || !ring.arm()) continue;
    while (unit.interrupts.load() == served) std::this_thread::yield();  // halted
    served = unit.interrupts.load();
  }
  device.join();
}

}  // namespace
}  // namespace gatehouse::hal
