// SPDX-License-Identifier: GPL-2.0-or-later
// A redirection table in front of a device of plain octets.
#ifndef GATEHOUSE_TESTS_UNIT_PARTITION_REDIRECT_RIG_HH_
#define GATEHOUSE_TESTS_UNIT_PARTITION_REDIRECT_RIG_HH_

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "hw/partition/redirect.hh"
#include "tests/unit/partition/rig.hh"

namespace gatehouse::partition {

// A device of plain octets, with a BAR 0 of 4 KiB and a BAR 2 of 64 octets.
class FakeDevice : public RedirectedDevice {
 public:
  uint64_t bar_octets(unsigned bar) override {
    return !plugged ? 0 : bar == 0 ? 4096 : bar == 2 ? 64 : 0;
  }
  uint64_t read(unsigned bar, uint64_t offset, unsigned octets) override {
    check(bar, offset, octets);
    uint64_t value = 0;
    std::memcpy(&value, &registers[bar][offset], octets);
    return value;
  }
  void write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) override {
    check(bar, offset, octets);
    writes.push_back({bar, offset, octets, value});
    std::memcpy(&registers[bar][offset], &value, octets);
    if (on_write) on_write();
  }
  void install(std::span<const BarRange> now) override {
    ranges.assign(now.begin(), now.end());
    ++installs;
  }

  struct Write {
    unsigned bar;
    uint64_t offset;
    unsigned octets;
    uint64_t value;
    bool operator==(const Write&) const = default;
  };
  bool plugged = true;
  uint8_t registers[kBars][4096] = {};
  std::vector<Write> writes;
  std::function<void()> on_write;
  std::vector<BarRange> ranges;
  unsigned installs = 0;

 private:
  void check(unsigned bar, uint64_t offset, unsigned octets) {
    EXPECT_TRUE(octets == 1 || octets == 2 || octets == 4 || octets == 8);
    EXPECT_EQ(offset % octets, 0u);
    EXPECT_LE(offset + octets, bar_octets(bar));
  }
};

class RedirectTest : public ::testing::Test {
 protected:
  RedirectTest() { unit_.plugged(); }

  Result commit_table(const std::vector<RedirectEntry>& entries) {
    set_up(unit_);
    for (size_t i = 0; i < entries.size(); ++i)
      ram_.put(kTableAt + i * sizeof(RedirectEntry), entries[i]);
    unit_.write(redirect::TABLE, kTableAt, 8);
    unit_.write(redirect::TABLE_ENTRIES, entries.size(), 4);
    return commit(unit_);
  }
  uint32_t result_entry() { return static_cast<uint32_t>(unit_.read(unit::RESULT_ENTRY, 4)); }
  UnitControl& control() { return ram_.control(kControlAt); }
  std::vector<RedirectRecord> take() {
    std::vector<RedirectRecord> records;
    for (; control().consumed != control().produced; ++control().consumed) {
      records.push_back(ram_.get<RedirectRecord>(kRingAt + (control().consumed % kRingLength) *
                                                               sizeof(RedirectRecord)));
    }
    return records;
  }

  FakeRam ram_;
  FakeInterrupts interrupts_;
  FakeDevice device_;
  Redirect unit_{ram_, interrupts_, device_};
};

inline RedirectEntry entry(uint32_t offset, uint32_t length, RedirectRead read, RedirectWrite write,
                           uint64_t shadow = 0, uint8_t flags = 0, uint8_t bar = 0) {
  return {offset, length, bar, read, write, flags, 0, shadow, 0};
}

inline constexpr auto kReadReal = RedirectRead::kReal;
inline constexpr auto kReadShadow = RedirectRead::kShadow;
inline constexpr auto kReadIndirect = RedirectRead::kIndirect;
inline constexpr uint64_t kRulesAt = kShadowAt + 0x4000;
using W = RedirectWrite;

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_TESTS_UNIT_PARTITION_REDIRECT_RIG_HH_
