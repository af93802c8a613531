// SPDX-License-Identifier: GPL-2.0-or-later
// A guest that writes to its buffers while its frames are inspected, or later.
#include "tests/unit/firmware/interceptor_rig.hh"

namespace gatehouse::interceptor {
namespace {

using spec::DropReason;

// Looks back at the guest's memory never.
class Marks : public Inspector {
 public:
  Verdict inspect(const Frame& frame) override {
    ++seen;
    const Piece& last = frame.pieces.back();
    if (last.data[last.octets - 1] == kMark) return Verdict::kDrop;
    if (on_inspect) on_inspect();
    if (frame.octets < kChanged) return Verdict::kPass;
    frame.pieces[0].data[0] = kChangedFirst;
    return Verdict::kChange;
  }
  unsigned seen = 0;
  std::function<void()> on_inspect;
};

uint8_t* buffer_of(Machine& m, Driver& driver, uint32_t unit) {
  return m.at(get<desc::TX_ADDRESS>(driver.tx(unit)));
}

TEST(SealedInspection, ChangesNothingForAGuestThatPlaysFair) {
  for (const Format format : kFormats) {
    for (const unsigned queue : {0u, 1u}) {
      Marks marks;
      Machine m(&marks, true);
      ASSERT_TRUE(m.interceptor.start());
      expect_fair_play(m, {.queue = queue, .format = format});
      EXPECT_EQ(m.interceptor.counts().tampered, 0u);
      EXPECT_EQ(m.interceptor.seals_broken(), 0u);
      EXPECT_EQ(m.card.drops.count(DropReason::tx_seal_broken), 0u);
    }
  }
}

TEST(SealedInspection, CatchesWhatIsWrittenBetweenInspectionAndFetch) {
  Marks marks;
  Machine m(&marks, true);
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  // In front of the access by which the NIC learns of the frames.
  bool armed = false;
  m.on_access = [&] {
    if (armed && marks.seen == 3) buffer_of(m, driver, 2)[150] ^= 1, armed = false;
  };
  for (uint32_t number = 0; number < 3; ++number) {
    ASSERT_TRUE(driver.send(numbered(number, 400), 2));
  }
  armed = true;
  driver.doorbell();
  m.settle();
  EXPECT_FALSE(armed);
  ASSERT_EQ(m.card.sent.size(), 2u);
  EXPECT_EQ(m.card.sent[0].bytes, numbered(0, 400));
  EXPECT_EQ(m.card.sent[1].bytes, numbered(2, 400));
  EXPECT_EQ(m.card.drops, (std::map<DropReason, unsigned>{{DropReason::tx_seal_broken, 1}}));
  EXPECT_EQ(m.interceptor.seals_broken(), 1u);
  EXPECT_EQ(driver.unfinished(), 0u) << "a guest learns nothing from its ring";
}

TEST(SealedInspection, CatchesWhatIsWrittenDuringInspection) {
  Marks marks;
  Machine m(&marks, true);
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  ASSERT_TRUE(driver.send(numbered(1, 300)));
  marks.on_inspect = [&] { buffer_of(m, driver, 0)[40] = kMark; };
  driver.doorbell();
  m.settle();
  EXPECT_TRUE(m.card.sent.empty());
  // And there and back again: what leaves is what was inspected.
  marks.on_inspect = nullptr;
  ASSERT_TRUE(driver.send(numbered(2, 300)));
  marks.on_inspect = [&] {
    uint8_t& octet = buffer_of(m, driver, 1)[60];
    octet ^= 1;
    octet ^= 1;
  };
  driver.doorbell();
  m.settle();
  ASSERT_EQ(m.card.sent.size(), 1u);
  EXPECT_EQ(m.card.sent[0].bytes, numbered(2, 300));
}

TEST(SealedInspection, CatchesAGuestThatHidesWhatItReceived) {
  for (const Format format : {Format::kLegacy, Format::kExtended, Format::kSplit}) {
    Marks marks;
    Machine m(&marks, true);
    ASSERT_TRUE(m.interceptor.start());
    Driver driver(m, {.format = format});
    driver.set_up();
    m.settle();
    std::vector<std::pair<uint64_t, uint32_t>> written;
    m.memory.on_write = [&](uint64_t address, uint32_t octets) {
      if (octets > 16) written.emplace_back(address, octets);
    };
    Bytes frame = numbered(1, 300);
    m.receive(numbered(0, 300));
    written.clear();
    m.receive(frame);
    ASSERT_FALSE(written.empty());
    m.memory.on_write = nullptr;
    m.at(written.back().first)[written.back().second - 1] ^= 1;
    m.settle();
    const std::vector<Bytes> frames = driver.receive();
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[0], numbered(0, 300));
    EXPECT_EQ(frames[1], Bytes(frame.size(), 0));
    EXPECT_EQ(driver.errors, 1u);
    EXPECT_EQ(m.interceptor.counts().tampered, 1u);
    EXPECT_EQ(m.alerts.count(Alert::kTampered), 1u);
    EXPECT_EQ(marks.seen, 1u);
  }
}

TEST(SealedInspection, TakesOverAndHandsBackUnderTrafficWithoutLoss) {
  Marks marks;
  Machine m(&marks, true);
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  uint32_t sent = 0;
  for (uint32_t round = 0; round < 40; ++round) {
    for (uint32_t i = 0; i < 5; ++i) {
      if (driver.send(numbered(sent, 200))) ++sent;
      m.receive(numbered(i, 100));
    }
    driver.doorbell();
    if (round % 4 == 1) {
      ASSERT_TRUE(m.interceptor.start());
    } else if (round % 4 == 3) {
      m.interceptor.stop();
    }
    m.settle();
    driver.receive();
    driver.clean();
  }
  EXPECT_EQ(m.card.sent.size(), sent);
  EXPECT_EQ(driver.unfinished(), 0u);
  EXPECT_TRUE(m.card.drops.empty());
  EXPECT_EQ(m.nic.seals(), nullptr) << "handed back";
}

TEST(SealedInspection, IsRefusedInFrontOfANicWithoutSeals) {
  Marks marks;
  Machine m(&marks, true);
  m.has_seals = false;
  EXPECT_FALSE(m.interceptor.start());
  EXPECT_EQ(m.interceptor.result(), partition::Result::k_no_seals);
  Driver driver(m, {});
  driver.set_up();
  ASSERT_TRUE(driver.send(numbered(1)));
  driver.doorbell();
  m.settle();
  EXPECT_EQ(m.card.sent.size(), 1u) << "the guest does not notice";
}

}  // namespace
}  // namespace gatehouse::interceptor
