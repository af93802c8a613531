// SPDX-License-Identifier: GPL-2.0-or-later
#include <gmock/gmock.h>

#include <map>
#include <random>
#include <string>

#include "hw/core/base/archive.hh"
#include "tests/unit/partition/redirect_rig.hh"

namespace gatehouse::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST_F(RedirectTest, InstallsTheRangesOfItsTable) {
  EXPECT_EQ(commit_table({entry(0x818, 4, kReadReal, W::kPost),
                          entry(0x10, 8, kReadReal, W::kDrop, 0, 0, 2)}),
            Result::k_ok);
  EXPECT_EQ(unit_.read(unit::STATUS, 4), kStatusPresent | kStatusActive);
  ASSERT_EQ(device_.ranges.size(), 2u);
  EXPECT_EQ(device_.ranges[0].bar, 0u);
  EXPECT_EQ(device_.ranges[0].offset, 0x818u);
  EXPECT_EQ(device_.ranges[0].length, 4u);
  EXPECT_EQ(device_.ranges[1].bar, 2u);
  EXPECT_EQ(unit_.counters().commits, 1u);
}

TEST_F(RedirectTest, RefusesATableWithItsReasonAndEntry) {
  const uint64_t outside = kRamBase + FakeRam::kOctets;
  const RedirectEntry good = entry(0x100, 16, kReadShadow, W::kLast, kShadowAt);
  const auto with = [](RedirectEntry changed, uint32_t resets, uint64_t rules) {
    changed.resets = resets;
    changed.rules = rules;
    return changed;
  };
  const RedirectEntry shadowed = entry(0x200, 8, kReadShadow, W::kLast, kShadowAt + 0x100);
  const auto indirect = [](uint32_t offset, uint32_t length, RedirectRead read, W write,
                           uint8_t bar = 2) {
    return entry(offset, length, read, write, 0, 0, bar);
  };
  struct {
    const char* what;
    RedirectEntry entry;
    Result result;
  } const rows[] = {
      {"BAR 1", entry(0, 4, kReadReal, W::kDrop, 0, 0, 1), Result::k_bad_bar},
      {"BAR 6", entry(0, 4, kReadReal, W::kDrop, 0, 0, 6), Result::k_bad_bar},
      {"BAR 255", entry(0, 4, kReadReal, W::kDrop, 0, 0, 255), Result::k_bad_bar},
      {"empty", entry(0, 0, kReadReal, W::kDrop), Result::k_bad_range},
      {"offset", entry(2, 4, kReadReal, W::kDrop), Result::k_bad_range},
      {"length", entry(0, 6, kReadReal, W::kDrop), Result::k_bad_range},
      {"one word beyond", entry(4096, 4, kReadReal, W::kDrop), Result::k_bad_range},
      {"over the end", entry(4092, 8, kReadReal, W::kDrop), Result::k_bad_range},
      {"wraps", entry(0xffff'fffc, 8, kReadReal, W::kDrop), Result::k_bad_range},
      {"all", entry(0, 0xffff'fffc, kReadReal, W::kDrop), Result::k_bad_range},
      {"read mode", entry(0, 4, RedirectRead{3}, W::kDrop), Result::k_bad_mode},
      {"write mode", entry(0, 4, kReadReal, RedirectWrite{6}), Result::k_bad_mode},
      {"flags", entry(0, 4, kReadReal, W::kPost, kShadowAt, 2), Result::k_bad_mode},
      {"store where it has no meaning", entry(0, 4, kReadReal, W::kDrop, kShadowAt, 1),
       Result::k_bad_mode},
      {"resets what the device does not get", with(shadowed, 1, 0), Result::k_bad_mode},
      {"resets the device", with(entry(0, 8, kReadReal, W::kReal), 1, 0), Result::k_ok},
      {"resets the device and tells", with(entry(0, 8, kReadReal, W::kThrough), ~0u, 0),
       Result::k_ok},
      {"rules", with(shadowed, 0, kRulesAt), Result::k_ok},
      {"rules without shadow", with(entry(0, 4, kReadReal, W::kDrop), 0, kRulesAt),
       Result::k_bad_rules},
      {"rules not aligned", with(shadowed, 0, kRulesAt + 4), Result::k_bad_rules},
      {"rules are the guest's", with(shadowed, 0, 0x8000), Result::k_bad_rules},
      {"rules anywhere", with(shadowed, 0, uint64_t{1} << 63), Result::k_bad_rules},
      {"rules at the end", with(shadowed, 0, outside - 16), Result::k_ok},
      {"rules over the end", with(shadowed, 0, outside - 8), Result::k_bad_rules},
      {"indirect", indirect(4, 4, kReadIndirect, W::kIndirect), Result::k_ok},
      {"indirect in BAR 0", indirect(4, 4, kReadIndirect, W::kIndirect, 0), Result::k_bad_mode},
      {"indirect without address", indirect(0, 4, kReadIndirect, W::kIndirect), Result::k_bad_mode},
      {"indirect, too long", indirect(8, 8, kReadIndirect, W::kIndirect), Result::k_bad_mode},
      {"only reads are indirect", indirect(4, 4, kReadIndirect, W::kDrop), Result::k_bad_mode},
      {"only writes are indirect", indirect(4, 4, kReadReal, W::kIndirect), Result::k_bad_mode},
      {"indirect with resets", with(indirect(4, 4, kReadIndirect, W::kIndirect), 1, 0),
       Result::k_bad_mode},
      {"read without shadow", entry(0, 4, kReadShadow, W::kDrop), Result::k_bad_shadow},
      {"last without shadow", entry(0, 4, kReadReal, W::kLast), Result::k_bad_shadow},
      {"store without shadow", entry(0, 4, kReadReal, W::kPost, 0, 1), Result::k_bad_shadow},
      {"shadow not aligned", entry(0, 4, kReadShadow, W::kDrop, kShadowAt + 4),
       Result::k_bad_shadow},
      {"shadow is the guest's", entry(0, 4, kReadShadow, W::kDrop, 0x8000), Result::k_bad_shadow},
      {"shadow outside", entry(0, 4, kReadReal, W::kDrop, outside), Result::k_bad_shadow},
      {"shadow over the end", entry(0, 16, kReadShadow, W::kDrop, outside - 8),
       Result::k_bad_shadow},
      {"same range twice", good, Result::k_overlap},
      {"inside", entry(0x104, 4, kReadReal, W::kDrop), Result::k_overlap},
      {"around", entry(0xf0, 0x40, kReadReal, W::kDrop), Result::k_overlap},
      {"one word", entry(0x10c, 4, kReadReal, W::kDrop), Result::k_overlap},
      {"behind", entry(0x110, 4, kReadReal, W::kDrop), Result::k_ok},
      {"before", entry(0xfc, 4, kReadReal, W::kDrop), Result::k_ok},
      {"other BAR", entry(0, 64, kReadReal, W::kDrop, 0, 0, 2), Result::k_ok},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    commit(unit_, 0);
    ASSERT_EQ(commit_table({good}), Result::k_ok);
    EXPECT_EQ(commit_table({good, row.entry}), row.result);
    EXPECT_EQ(result_entry(), row.result == Result::k_ok ? 0u : 1u);
    // What was in force stays.
    EXPECT_EQ(device_.ranges.size(), row.result == Result::k_ok ? 2u : 1u);
    EXPECT_TRUE(unit_.active());
  }
}

TEST_F(RedirectTest, RefusesATableThatItCannotRead) {
  set_up(unit_);
  struct {
    uint64_t table, entries;
    Result result;
  } const rows[] = {
      {0, 1, Result::k_bad_table},
      {0x1000, 1, Result::k_bad_table},
      {kTableAt + 4, 1, Result::k_bad_table},
      {kTableAt, 65, Result::k_bad_table},
      {kTableAt, 0xffff'ffff, Result::k_bad_table},
      {kRamBase + FakeRam::kOctets - 32, 2, Result::k_bad_table},
      {~uint64_t{7}, 64, Result::k_bad_table},
      {0, 0, Result::k_ok},
  };
  for (const auto& row : rows) {
    unit_.write(redirect::TABLE, row.table, 8);
    unit_.write(redirect::TABLE_ENTRIES, row.entries, 4);
    EXPECT_EQ(commit(unit_), row.result) << row.table << " " << row.entries;
  }
  EXPECT_EQ(unit_.counters().refused, 7u);
}

TEST_F(RedirectTest, WithoutItsDeviceItRefuses) {
  unit_.unplugged();
  EXPECT_EQ(commit_table({}), Result::k_no_device);
  EXPECT_EQ(unit_.read(unit::STATUS, 4), 0u);
  unit_.plugged();
  EXPECT_EQ(commit(unit_), Result::k_ok);
}

TEST_F(RedirectTest, ReadsComeFromShadowOrDevice) {
  device_.registers[0][0x100] = 0x11;
  device_.registers[0][0x104] = 0x22;
  ram_.put<uint32_t>(kShadowAt, 0xaabb'ccdd);
  ASSERT_EQ(commit_table({entry(0x100, 4, kReadShadow, W::kDrop, kShadowAt),
                          entry(0x104, 4, kReadReal, W::kDrop)}),
            Result::k_ok);
  EXPECT_EQ(unit_.guest_read(0, 0x100, 4), 0xaabb'ccddu);
  EXPECT_EQ(unit_.guest_read(0, 0x101, 1), 0xccu);
  EXPECT_EQ(unit_.guest_read(0, 0x102, 2), 0xaabbu);
  EXPECT_EQ(unit_.guest_read(0, 0x104, 4), 0x22u);
  EXPECT_EQ(unit_.guest_read(0, 0x100, 8), 0x22'aabb'ccddu);
  EXPECT_EQ(unit_.counters().reads, 6u);
}

TEST_F(RedirectTest, EachWriteModeDoesWhatItSays) {
  struct {
    const char* what;
    W write;
    uint8_t flags;
    bool shadow, pending, record, device;
  } const rows[] = {
      {"last", W::kLast, 0, true, true, false, false},
      {"post", W::kPost, 0, false, false, true, false},
      {"post and store", W::kPost, kRedirectStore, true, false, true, false},
      {"through", W::kThrough, 0, false, false, true, true},
      {"through and store", W::kThrough, kRedirectStore, true, false, true, true},
      {"real", W::kReal, 0, false, false, false, true},
      {"drop", W::kDrop, 0, false, false, false, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    device_.writes.clear();
    control() = {};
    ram_.put<uint64_t>(kShadowAt, 0);
    ASSERT_EQ(commit_table({entry(0x200, 4, kReadReal, W::kDrop),
                            entry(0x100, 8, kReadReal, row.write, kShadowAt, row.flags)}),
              Result::k_ok);
    control().armed = 1;
    interrupts_.raised.clear();
    unit_.guest_write(0, 0x104, 0x1234'5678, 4);
    EXPECT_EQ(ram_.get<uint32_t>(kShadowAt + 4), row.shadow ? 0x1234'5678u : 0u);
    EXPECT_EQ(control().pending, row.pending ? 2u : 0u);
    EXPECT_EQ(interrupts_.raised.size(), row.record || row.pending ? 1u : 0u);
    const std::vector<RedirectRecord> records = take();
    ASSERT_EQ(records.size(), row.record ? 1u : 0u);
    if (row.record) {
      EXPECT_EQ(records[0].kind, RedirectRecordKind::kWrite);
      EXPECT_EQ(records[0].offset, 0x104u);
      EXPECT_EQ(records[0].bar, 0u);
      EXPECT_EQ(records[0].octets, 4u);
      EXPECT_EQ(records[0].entry, 1u);
      EXPECT_EQ(records[0].value, 0x1234'5678u);
    }
    if (row.device) {
      EXPECT_THAT(device_.writes, ElementsAre(FakeDevice::Write{0, 0x104, 4, 0x1234'5678}));
    } else {
      EXPECT_THAT(device_.writes, IsEmpty());
    }
  }
}

TEST_F(RedirectTest, AWriteOverSeveralEntriesIsCut) {
  ASSERT_EQ(
      commit_table({entry(0x100, 4, kReadReal, W::kPost), entry(0x104, 4, kReadReal, W::kDrop),
                    entry(0x108, 8, kReadReal, W::kPost)}),
      Result::k_ok);
  unit_.guest_write(0, 0x100, 0x8877'6655'4433'2211, 8);  // posted, dropped
  unit_.guest_write(0, 0x0f8, 0x8877'6655'4433'2211, 8);  // no entry's any more
  unit_.guest_write(0, 0x108, 0x8877'6655'4433'2211, 8);  // in one
  unit_.guest_write(0, 0x10e, 0x4433'2211, 4);            // not aligned, the end goes on
  const std::vector<RedirectRecord> records = take();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].value, 0x4433'2211u);
  EXPECT_EQ(records[0].octets, 4u);
  EXPECT_EQ(records[1].value, 0x8877'6655'4433'2211u);
  EXPECT_EQ(records[1].octets, 8u);
  EXPECT_EQ(records[2].offset, 0x10eu);
  EXPECT_EQ(records[2].octets, 2u);
  EXPECT_EQ(records[2].value, 0x2211u);
  EXPECT_THAT(device_.writes, ElementsAre(FakeDevice::Write{0, 0xf8, 8, 0x8877'6655'4433'2211},
                                          FakeDevice::Write{0, 0x110, 2, 0x4433}));
}

TEST_F(RedirectTest, FirmwareThatEditsItsTableChangesNothingBeforeCommit) {
  ASSERT_EQ(commit_table({entry(0x100, 4, kReadReal, W::kPost)}), Result::k_ok);
  ram_.put(kTableAt, entry(0x100, 0xffff'fffc, kReadShadow, W::kLast, 0x666));
  unit_.guest_write(0, 0x100, 7, 4);
  EXPECT_EQ(take().size(), 1u);
  EXPECT_EQ(unit_.guest_read(0, 0x100, 4), 0u);
}

TEST_F(RedirectTest, CommitAgainKeepsRecordsThatWait) {
  ASSERT_EQ(commit_table({entry(0x100, 4, kReadReal, W::kPost)}), Result::k_ok);
  unit_.guest_write(0, 0x100, 7, 4);
  ASSERT_EQ(commit_table({entry(0x200, 4, kReadReal, W::kPost)}), Result::k_ok);
  unit_.guest_write(0, 0x200, 8, 4);
  unit_.guest_write(0, 0x100, 9, 4);
  const std::vector<RedirectRecord> records = take();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].value, 7u);
  EXPECT_EQ(records[1].value, 8u);
  EXPECT_THAT(device_.writes, ElementsAre(FakeDevice::Write{0, 0x100, 4, 9}));
}

TEST_F(RedirectTest, CommitOfZeroTakesEverythingAway) {
  ASSERT_EQ(commit_table({entry(0x100, 4, kReadReal, W::kDrop)}), Result::k_ok);
  EXPECT_EQ(commit(unit_, 0), Result::k_off);
  EXPECT_THAT(device_.ranges, IsEmpty());
  unit_.guest_write(0, 0x100, 5, 4);
  EXPECT_EQ(device_.writes.size(), 1u);
  EXPECT_EQ(unit_.read(unit::STATUS, 4), kStatusPresent);
}

TEST_F(RedirectTest, AnotherValueOfCommitMeansNothing) {
  ASSERT_EQ(commit_table({entry(0x100, 4, kReadReal, W::kDrop)}), Result::k_ok);
  EXPECT_EQ(commit(unit_, 2), Result::k_ok);
  EXPECT_EQ(device_.installs, 1u);
}

TEST_F(RedirectTest, TellsOfResetAndUnplug) {
  ASSERT_EQ(commit_table({entry(0x100, 4, kReadReal, W::kDrop)}), Result::k_ok);
  control().armed = 1;
  unit_.device_reset();
  EXPECT_THAT(interrupts_.raised, ElementsAre(Pair(kTargetCore, kVectorRaised)));
  EXPECT_EQ(device_.ranges.size(), 1u);
  unit_.unplugged();
  EXPECT_THAT(device_.ranges, IsEmpty());
  const std::vector<RedirectRecord> records = take();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].kind, RedirectRecordKind::kReset);
  EXPECT_EQ(records[1].kind, RedirectRecordKind::kUnplugged);
  EXPECT_EQ(unit_.read(unit::STATUS, 4), 0u);
  EXPECT_EQ(unit_.result(), Result::k_no_device);
}

TEST_F(RedirectTest, ThePartitionsResetTakesEverythingAway) {
  ASSERT_EQ(commit_table({entry(0x100, 4, kReadReal, W::kDrop)}), Result::k_ok);
  unit_.reset();
  EXPECT_THAT(device_.ranges, IsEmpty());
  EXPECT_EQ(unit_.read(redirect::TABLE, 8), 0u);
  EXPECT_EQ(unit_.read(unit::STATUS, 4), kStatusPresent);
  unit_.device_reset();
  EXPECT_THAT(take(), IsEmpty());
}

// ---- Random tables against a model that looks at each octet.

class RandomTables : public RedirectTest {
 protected:
  RedirectEntry random_entry(unsigned number) {
    const auto pick = [&](unsigned range) { return static_cast<unsigned>(random_() % range); };
    RedirectEntry made = entry(pick(1020) * 4, (1 + pick(8)) * 4, RedirectRead(pick(2)),
                               RedirectWrite(pick(5)), kShadowAt + number * 0x100);
    if (pick(4) == 0) made.bar = 2, made.offset %= 64;
    if (made.write == W::kPost || made.write == W::kThrough) made.flags = pick(2) != 0;
    if (pick(30) == 0)
      reinterpret_cast<uint8_t*>(&made)[pick(32)] = static_cast<uint8_t>(random_());
    return made;
  }

  std::mt19937 random_{20090};
};

TEST_F(RandomTables, AgreeWithALookAtEachOctet) {
  unsigned accepted = 0;
  for (unsigned round = 0; round < 2000; ++round) {
    std::vector<RedirectEntry> table;
    for (unsigned i = 0, count = static_cast<unsigned>(random_() % 12); i < count; ++i)
      table.push_back(random_entry(i));
    commit(unit_, 0);
    if (commit_table(table) != Result::k_ok) {
      EXPECT_LT(result_entry(), table.size());
      EXPECT_THAT(device_.ranges, IsEmpty());
      continue;
    }
    ++accepted;
    std::map<std::pair<unsigned, uint64_t>, unsigned> owner;
    for (unsigned i = 0; i < table.size(); ++i) {
      for (uint32_t at = 0; at < table[i].length; ++at) {
        EXPECT_TRUE(owner.emplace(std::pair{table[i].bar, table[i].offset + at}, i).second);
        device_.registers[table[i].bar][table[i].offset + at] = static_cast<uint8_t>(random_());
        if (table[i].shadow) ram_.put(table[i].shadow + at, static_cast<uint8_t>(random_()));
      }
    }
    for (unsigned access = 0; access < 50; ++access) {
      const unsigned bar = random_() % 4 == 0 ? 2 : 0;
      const unsigned octets = 1 + static_cast<unsigned>(random_() % 8);
      const uint64_t offset = random_() % (device_.bar_octets(bar) - 8);
      uint64_t expected = 0;
      for (unsigned i = 0; i < octets; ++i) {
        const auto found = owner.find({bar, offset + i});
        uint8_t octet = device_.registers[bar][offset + i];
        if (found != owner.end() && table[found->second].read == kReadShadow)
          octet = ram_.get<uint8_t>(table[found->second].shadow + offset + i -
                                    table[found->second].offset);
        expected |= uint64_t{octet} << (8 * i);
      }
      EXPECT_EQ(unit_.guest_read(bar, offset, octets), expected);

      const uint64_t value = random_() * 0x1'0000'0001u;
      unit_.guest_write(bar, offset, value, octets);
      for (unsigned i = 0; i < octets; ++i) {
        const auto found = owner.find({bar, offset + i});
        const RedirectEntry* row = found == owner.end() ? nullptr : &table[found->second];
        const uint8_t octet = static_cast<uint8_t>(value >> (8 * i));
        if (!row || row->write == W::kReal || row->write == W::kThrough) {
          EXPECT_EQ(device_.registers[bar][offset + i], octet);
        }
        if (row && (row->write == W::kLast || row->flags)) {
          EXPECT_EQ(ram_.get<uint8_t>(row->shadow + offset + i - row->offset), octet);
        }
        if (row && row->write == W::kLast) {
          EXPECT_TRUE(control().pending & uint64_t{1} << found->second);
        }
      }
    }
  }
  EXPECT_GT(accepted, 200u);
  EXPECT_EQ(ram_.outside, 0u);
}

TEST_F(RandomTables, HostileTablesAreRefusedOrHarmless) {
  for (unsigned round = 0; round < 3000; ++round) {
    for (unsigned i = 0; i < 64 * sizeof(RedirectEntry); i += 4)
      ram_.put(kTableAt + i, random_() % 3 ? 0 : static_cast<uint32_t>(random_()));
    set_up(unit_);
    unit_.write(redirect::TABLE, random_() % 2 ? kTableAt : random_() * uint64_t{random_()}, 8);
    unit_.write(redirect::TABLE_ENTRIES, random_() % 70, 4);
    commit(unit_);
    unit_.guest_write(0, random_() % 4088, random_(), 8);
    unit_.guest_read(0, random_() % 4088, 8);
  }
  EXPECT_EQ(ram_.outside, 0u);
}

// ---- Saved state

TEST_F(RedirectTest, SavedAndLoadedItIsInForceAgain) {
  RedirectEntry ruled = entry(0x100, 8, kReadShadow, W::kLast, kShadowAt);
  ruled.rules = kRulesAt;
  ram_.put(kRulesAt + 8, RedirectRule{0xff, 0x42});
  RedirectEntry control_register = entry(0x300, 4, kReadReal, W::kReal);
  control_register.resets = 8;
  ASSERT_EQ(commit_table({entry(0x200, 4, kReadReal, W::kPost), ruled, control_register,
                          entry(4, 4, kReadIndirect, W::kIndirect, 0, 0, 2)}),
            Result::k_ok);
  unit_.guest_write(0, 0x104, 0x1155, 4);
  Archive saved;
  unit_.archive(saved);
  // The table itself may have changed since.
  ram_.put(kTableAt, entry(0, 0, RedirectRead{7}, W::kDrop));

  FakeDevice device;
  Redirect other{ram_, interrupts_, device};
  other.plugged();
  Archive loaded{std::span<const uint8_t>(saved.bytes())};
  other.archive(loaded);
  ASSERT_TRUE(loaded.ok() && loaded.at_end()) << loaded.error();
  ASSERT_EQ(device.ranges.size(), 4u);
  EXPECT_EQ(other.guest_read(0, 0x104, 4), 0x55u);
  EXPECT_EQ(other.counters().writes, 1u);
  other.guest_write(0, 0x200, 3, 4);
  EXPECT_EQ(take().size(), 1u);
  other.guest_write(0, 0x300, 8, 4);
  EXPECT_EQ(take().size(), 1u);
  EXPECT_EQ(other.guest_read(0, 0x104, 4), 0x42u);
  for (const RegisterRow& row : kRedirectRows)
    EXPECT_EQ(other.read(row.offset, row.octets), unit_.read(row.offset, row.octets)) << row.name;
}

TEST_F(RedirectTest, LoadingIsHostile) {
  ASSERT_EQ(commit_table({entry(0x200, 4, kReadReal, W::kPost),
                          entry(0x100, 8, kReadShadow, W::kLast, kShadowAt)}),
            Result::k_ok);
  Archive saved;
  unit_.archive(saved);
  const auto load = [&](const std::vector<uint8_t>& octets) {
    FakeDevice device;
    Redirect other{ram_, interrupts_, device};
    other.plugged();
    Archive loaded{std::span<const uint8_t>(octets)};
    other.archive(loaded);
    if (!loaded.ok()) {
      EXPECT_FALSE(other.active());
      EXPECT_THAT(device.ranges, IsEmpty());
    }
    other.guest_read(0, 0x100, 8);
    other.guest_write(0, 0x100, 1, 8);
    return loaded.ok();
  };
  for (size_t length = 0; length < saved.bytes().size(); ++length)
    EXPECT_FALSE(load({saved.bytes().begin(), saved.bytes().begin() + static_cast<long>(length)}));
  std::mt19937 random(7);
  for (size_t at = 0; at < saved.bytes().size(); ++at) {
    for (unsigned round = 0; round < 8; ++round) {
      std::vector<uint8_t> octets = saved.bytes();
      octets[at] ^= static_cast<uint8_t>(1u << round);
      load(octets);
    }
  }
  EXPECT_EQ(ram_.outside, 0u);
}

}  // namespace
}  // namespace gatehouse::partition
