// SPDX-License-Identifier: GPL-2.0-or-later
// Shadows that behave as the device's registers do, and registers that lead to others.
#include <gmock/gmock.h>

#include "tests/unit/partition/redirect_rig.hh"

namespace gatehouse::partition {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;

class RedirectRules : public RedirectTest {
 protected:
  // Three words: read-only, a register, reserved.
  static constexpr RedirectRule kRules[] = {{0, 0x1234'5678}, {0x00ff'ff00, 0x0000'4200}, {0, 0}};
  RedirectEntry ruled(W write, uint8_t flags = 0) {
    for (size_t i = 0; i < std::size(kRules); ++i) ram_.put(kRulesAt + 8 * i, kRules[i]);
    RedirectEntry made = entry(0x100, 12, kReadShadow, write, kShadowAt, flags);
    made.rules = kRulesAt;
    return made;
  }
  uint64_t word(unsigned number) { return unit_.guest_read(0, 0x100 + 4 * number, 4); }
};

TEST_F(RedirectRules, AShadowKeepsWhatTheDeviceWould) {
  for (const auto& [write, flags] : {std::pair{W::kLast, uint8_t{0}},
                                     {W::kPost, kRedirectStore},
                                     {W::kThrough, kRedirectStore}}) {
    for (unsigned i = 0; i < 3; ++i) ram_.put(kShadowAt + 4 * i, kRules[i].reset);
    ASSERT_EQ(commit_table({ruled(write, flags)}), Result::k_ok);
    for (unsigned i = 0; i < 3; ++i) unit_.guest_write(0, 0x100 + 4 * i, 0xffff'ffff, 4);
    EXPECT_EQ(word(0), 0x1234'5678u);
    EXPECT_EQ(word(1), 0x00ff'ff00u);
    EXPECT_EQ(word(2), 0u);
    ram_.put<uint32_t>(kShadowAt + 4, 0xab00'00cd);  // bits of firmware's
    unit_.guest_write(0, 0x104, 0x0012'3456, 4);
    EXPECT_EQ(word(1), 0xab12'34cdu);
    unit_.guest_write(0, 0x100, 0x0065'4321'8765'4321, 8);
    EXPECT_EQ(unit_.guest_read(0, 0x100, 8), 0xab65'43cd'1234'5678u);
    EXPECT_EQ(unit_.guest_read(0, 0x105, 1), 0x43u);
  }
}

TEST_F(RedirectRules, RecordsHaveAllThatWasWritten) {
  ASSERT_EQ(commit_table({ruled(W::kPost, kRedirectStore)}), Result::k_ok);
  unit_.guest_write(0, 0x108, 0xffff'ffff, 4);
  const std::vector<RedirectRecord> records = take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].value, 0xffff'ffffu);
}

TEST_F(RedirectRules, LessThanAWordWritesNothing) {
  for (const auto& [write, flags] : {std::pair{W::kLast, uint8_t{0}},
                                     {W::kPost, kRedirectStore},
                                     {W::kThrough, kRedirectStore},
                                     {W::kReal, uint8_t{0}}}) {
    control() = {};
    ASSERT_EQ(commit_table({ruled(write, flags)}), Result::k_ok);
    ram_.put<uint64_t>(kShadowAt, 0);
    unit_.guest_write(0, 0x104, 0xffff, 2);
    unit_.guest_write(0, 0x105, 0xff, 1);
    EXPECT_EQ(word(1), 0u);
    EXPECT_EQ(control().pending, 0u);
    EXPECT_THAT(take(), IsEmpty());
    EXPECT_THAT(device_.writes, IsEmpty());
  }
}

TEST_F(RedirectRules, FirmwareMayChangeThem) {
  ASSERT_EQ(commit_table({ruled(W::kLast)}), Result::k_ok);
  ram_.put(kRulesAt + 8, RedirectRule{0xff, 0x99});
  unit_.guest_write(0, 0x104, 0xffff'ffff, 4);
  EXPECT_EQ(word(1), 0xffu);
  unit_.device_reset();
  EXPECT_EQ(word(1), 0x99u);
}

TEST_F(RedirectRules, AResetOfTheDeviceResetsTheShadow) {
  RedirectEntry plain = entry(0x200, 4, kReadShadow, W::kLast, kShadowAt + 0x100);
  ASSERT_EQ(commit_table({plain, ruled(W::kLast)}), Result::k_ok);
  unit_.guest_write(0, 0x200, 0x77, 4);
  ram_.put<uint64_t>(kShadowAt, ~uint64_t{0});
  ram_.changed.clear();
  control().armed = 1;
  unit_.device_reset();
  EXPECT_EQ(word(0), 0x1234'5678u);
  EXPECT_EQ(word(1), 0x4200u);
  EXPECT_EQ(word(2), 0u);
  EXPECT_EQ(unit_.guest_read(0, 0x200, 4), 0x77u) << "without rules";
  EXPECT_THAT(ram_.changed, ::testing::Contains(Pair(kShadowAt, 12)));
  EXPECT_EQ(interrupts_.raised.size(), 1u);
  const std::vector<RedirectRecord> records = take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].kind, RedirectRecordKind::kReset);
}

TEST_F(RedirectRules, SoDoesAWriteThatResetsTheDevice) {
  for (const W write : {W::kThrough, W::kReal}) {
    SCOPED_TRACE(static_cast<int>(write));
    control() = {};
    device_.writes.clear();
    RedirectEntry control_register = entry(0x300, 8, kReadReal, write);
    control_register.resets = 0x400'0000;
    ASSERT_EQ(commit_table({ruled(W::kLast), control_register}), Result::k_ok);
    const auto told = [&](uint32_t offset, uint64_t value, unsigned octets) {
      unit_.guest_write(0, 0x104, 0x0077'0000, 4);
      control().armed = 1;
      interrupts_.raised.clear();
      unit_.guest_write(0, offset, value, octets);
      std::vector<RedirectRecordKind> kinds;
      for (const RedirectRecord& record : take()) kinds.push_back(record.kind);
      EXPECT_EQ(device_.writes.back(), (FakeDevice::Write{0, offset, octets, value}));
      const bool reset = !kinds.empty() && kinds.back() == RedirectRecordKind::kReset;
      EXPECT_EQ(word(1), reset ? 0x4200u : 0x0077'0000u | (word(1) & 0xff0000ff));
      EXPECT_EQ(interrupts_.raised.size(), kinds.empty() ? 0u : 1u);
      EXPECT_EQ(kinds.size(), (write == W::kThrough ? 1u : 0u) + (reset ? 1u : 0u));
      return reset;
    };
    EXPECT_TRUE(told(0x300, 0x400'0000, 4));
    EXPECT_FALSE(told(0x300, 0xfbff'ffff, 4));
    EXPECT_TRUE(told(0x304, 0xffff'ffff, 4));
    EXPECT_TRUE(told(0x300, 0x0400'0000'0000'0000, 8));
    EXPECT_TRUE(told(0x300, 0x0400'0000, 8));
    EXPECT_FALSE(told(0x302, 0x400, 2)) << "no register of 32 bits";
  }
}

TEST_F(RedirectRules, AResetIsNotLostWhenTheWriteEndsInACommit) {
  RedirectEntry control_register = entry(0x300, 4, kReadReal, W::kReal);
  control_register.resets = 1;
  ASSERT_EQ(commit_table({ruled(W::kLast), control_register}), Result::k_ok);
  unit_.guest_write(0, 0x104, 0x0077'0000, 4);
  device_.on_write = [&] { ASSERT_EQ(commit_table({ruled(W::kLast)}), Result::k_ok); };
  unit_.guest_write(0, 0x300, 1, 4);
  EXPECT_EQ(word(1), 0x4200u);
  EXPECT_EQ(take().size(), 1u);
}

// ---- A data register and its address

class RedirectIndirect : public RedirectTest {
 protected:
  static constexpr uint64_t kAddress = 0x10, kData = 0x14;
  void commit_with(std::vector<RedirectEntry> entries) {
    entries.push_back(entry(kData, 4, kReadIndirect, W::kIndirect, 0, 0, 2));
    ASSERT_EQ(commit_table(entries), Result::k_ok);
  }
  void select(uint32_t address) { unit_.guest_write(2, kAddress, address, 4); }
};

TEST_F(RedirectIndirect, LeadsToTheEntriesOfBar0) {
  ram_.put<uint32_t>(kShadowAt, 0x5a5a);
  commit_with({entry(0x100, 4, kReadShadow, W::kLast, kShadowAt),
               entry(0x104, 4, kReadReal, W::kPost), entry(0x108, 4, kReadReal, W::kDrop)});
  select(0x100);
  EXPECT_EQ(unit_.guest_read(2, kAddress, 4), 0x100u);
  EXPECT_EQ(unit_.guest_read(2, kData, 4), 0x5a5au);
  device_.writes.clear();
  control().armed = 1;
  unit_.guest_write(2, kData, 0x77, 4);
  EXPECT_EQ(ram_.get<uint32_t>(kShadowAt), 0x77u);
  EXPECT_EQ(control().pending, 0b1001u) << "the register's, and the data register's";
  EXPECT_EQ(interrupts_.raised.size(), 1u);
  EXPECT_THAT(device_.writes, IsEmpty());
  select(0x106);  // of 0x104
  unit_.guest_write(2, kData, 0x88, 4);
  const std::vector<RedirectRecord> records = take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].bar, 0u);
  EXPECT_EQ(records[0].offset, 0x104u);
  EXPECT_EQ(records[0].value, 0x88u);
  select(0x108);
  device_.writes.clear();
  unit_.guest_write(2, kData, 0x99, 4);
  EXPECT_THAT(device_.writes, IsEmpty());
}

TEST_F(RedirectIndirect, WhatNoEntryHasIsTheDevices) {
  commit_with({});
  select(0x200);
  unit_.guest_write(2, kData, 0x1234, 4);
  EXPECT_EQ(device_.writes.back(), (FakeDevice::Write{0, 0x200, 4, 0x1234}));
  EXPECT_EQ(unit_.guest_read(2, kData, 4), 0x1234u);
  for (const uint32_t beyond : {0x1000u, 0x80000u, 0xffff'ffffu}) {
    select(beyond);
    unit_.guest_write(2, kData, beyond + 1, 4);
    EXPECT_EQ(device_.writes.back(), (FakeDevice::Write{2, kData, 4, beyond + 1}));
    EXPECT_EQ(unit_.guest_read(2, kData, 4), beyond + 1);
  }
}

TEST_F(RedirectIndirect, OtherWidthsReachNothing) {
  commit_with({entry(0x100, 4, kReadShadow, W::kLast, kShadowAt)});
  select(0x100);
  device_.writes.clear();
  unit_.guest_write(2, kData, 0x77, 2);
  unit_.guest_write(2, kData + 3, 0x77, 1);
  EXPECT_EQ(unit_.guest_read(2, kData, 1), 0u);
  EXPECT_EQ(control().pending, 0u);
  EXPECT_THAT(device_.writes, IsEmpty());
  // Both at once: the address first.
  unit_.guest_write(2, kAddress, 0x99'0000'0100, 8);
  EXPECT_EQ(unit_.guest_read(0, 0x100, 4), 0x99u);
}

}  // namespace
}  // namespace gatehouse::partition
