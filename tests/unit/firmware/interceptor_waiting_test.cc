// SPDX-License-Identifier: GPL-2.0-or-later
// When an interceptor that has halted is interrupted: at once, with others, or a little later.
#include <cstdint>

#include "tests/unit/firmware/interceptor_rig.hh"

namespace gatehouse::interceptor {
namespace {

TEST(Interceptor, OneInterruptForManyDoorbells) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  m.cores.raised = 0;
  ASSERT_TRUE(m.interceptor.arm());
  for (uint32_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(driver.send(numbered(i)));
    driver.doorbell();
  }
  EXPECT_EQ(m.cores.raised, 1u);
  EXPECT_TRUE(m.interceptor.poll());
  EXPECT_EQ(m.card.sent.size(), 10u);
  EXPECT_EQ(m.interceptor.counts().transmit_descriptors, 10u);
}

// Super-frames come in bulk; an answer to a single frame is waited for.
TEST(Interceptor, WantsFewInterruptsWhileABulkIsSent) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  const auto apart_after = [&](uint32_t octets, bool extended) {
    m.settle();
    EXPECT_TRUE(driver.send(numbered(0, octets), 1, extended));
    driver.doorbell();
    m.interceptor.poll();
    m.advance(1'000'000);
    m.interceptor.poll();
    EXPECT_TRUE(m.interceptor.arm());
    EXPECT_TRUE(driver.send(numbered(1), 1, extended));
    driver.doorbell();
    m.interceptor.disarm();
    const uint32_t apart = m.cores.apart;
    m.interceptor.poll();
    return apart;
  };
  for (const bool extended : {true, false}) {
    EXPECT_EQ(apart_after(1500, extended), 0u);
    EXPECT_EQ(apart_after(4095, extended), 0u);
    EXPECT_EQ(apart_after(4096, extended), kBulkApart);
    EXPECT_EQ(apart_after(9000, extended), kBulkApart);
    EXPECT_EQ(apart_after(60, extended), 0u);
  }
}

TEST(Interceptor, KnowsADriverThatIsToldNothing) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  m.set(reg::IMC, ~0u);
  EXPECT_FALSE(m.interceptor.unannounced()) << "no ring";
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  m.set(reg::IMC, ~0u);
  EXPECT_TRUE(m.interceptor.unannounced());
  m.set(reg::IMS, ICR_RXT0 | ICR_LSC);
  EXPECT_TRUE(m.interceptor.unannounced()) << "of what it sends";
  m.set(reg::IMS, ICR_TXDW);
  EXPECT_FALSE(m.interceptor.unannounced());
  m.set(reg::IMC, ICR_RXT0);
  EXPECT_TRUE(m.interceptor.unannounced()) << "of what it receives";
  m.set(reg::IMC, ~0u);
  m.set(reg::IMS, ICR_RXQ0 | ICR_TXQ0);
  EXPECT_FALSE(m.interceptor.unannounced());
  m.set(reg::IMC, ~0u);
  m.interceptor.stop();
  EXPECT_FALSE(m.interceptor.unannounced());
}

// A frame alone is answered at once; of many one interrupt tells.
TEST(Interceptor, WantsFewInterruptsWhileManyFramesCome) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  const auto apart_after = [&](unsigned frames) {
    m.settle();
    driver.receive();
    m.settle();
    for (unsigned i = 0; i < frames; ++i) m.receive(numbered(i));
    m.interceptor.poll();
    m.cores.raised = 0;
    EXPECT_TRUE(m.interceptor.arm());
    EXPECT_TRUE(driver.send(numbered(1)));
    driver.doorbell();
    EXPECT_EQ(m.cores.raised, 1u);
    m.interceptor.disarm();
    return m.cores.apart;
  };
  EXPECT_EQ(apart_after(1), 0u);
  EXPECT_EQ(apart_after(3), 0u);
  EXPECT_EQ(apart_after(4), kBulkApart);
  EXPECT_EQ(apart_after(30), kBulkApart);
  EXPECT_EQ(apart_after(2), 0u);
}

// A NIC whose driver has a vector for what was received, one for what was sent, one for the rest.
class PatientTest : public ::testing::Test {
 protected:
  PatientTest() {
    EXPECT_TRUE(m.interceptor.start());
    driver.set_up();
    m.set(reg::IVAR, kApart);
    m.set(reg::EIAC, 0x01f0'0000);  // a message clears its cause and masks it
    EXPECT_TRUE(driver.send(numbered(0)));
    driver.doorbell();
    m.receive(numbered(1));
    m.settle();
    driver.receive();
    m.settle();
    m.interceptor.look_at_vectors();
    m.set(reg::IMS, 0x01f0'0000);
    m.cores = {};
    m.vectors = {};
  }
  // Received 0, sent 1, other 2.
  static constexpr uint32_t kApart = 0x000a'0908;
  // Bits of slots whose message can wait.
  uint64_t patient() { return m.shared().steer.patient; }
  uint64_t watched() { return m.shared().steer.watched; }
  uint64_t slot_of(unsigned vector) {
    for (unsigned slot = 0; slot < partition::kSteerSlots; ++slot) {
      const partition::SteerSlot& row = m.shared().slots[slot];
      if (row.count != 0 && row.address == m.messages[vector].address) return 1u << slot;
    }
    return 0;
  }

  Machine m;
  Driver driver{m, {}};
};

TEST_F(PatientTest, WhatTellsOfSentFramesAloneCanWait) {
  EXPECT_NE(slot_of(1), 0u);
  EXPECT_EQ(patient(), slot_of(1));
  EXPECT_EQ(watched(), slot_of(0));
  ASSERT_TRUE(m.interceptor.arm());
  m.set(reg::ICS, ICR_TXQ0);
  EXPECT_EQ(m.cores.raised, 0u);
  EXPECT_EQ(m.cores.look_in, kPatience);
  ASSERT_NE(m.cores.looking, nullptr);
  m.cores.looking->look_again();
  EXPECT_EQ(m.cores.raised, 1u);
  m.interceptor.disarm();
  m.interceptor.poll();
  EXPECT_EQ(m.vectors[1], 1u);
}

TEST_F(PatientTest, AnAnswerTakesItWith) {
  ASSERT_TRUE(m.interceptor.arm());
  m.set(reg::ICS, ICR_TXQ0);
  m.receive(numbered(2));
  EXPECT_EQ(m.cores.raised, 1u);
  m.interceptor.disarm();
  m.interceptor.poll();
  EXPECT_EQ(m.vectors[0], 1u);
  EXPECT_EQ(m.vectors[1], 1u);
  ASSERT_TRUE(m.interceptor.arm());
  m.cores.looking->look_again();
  EXPECT_EQ(m.cores.raised, 1u) << "there is nothing left";
}

TEST_F(PatientTest, ANicThatRepeatsItselfInterruptsOnce) {
  ASSERT_TRUE(m.interceptor.arm());
  m.receive(numbered(2));
  EXPECT_EQ(m.cores.raised, 1u);
  m.interceptor.disarm();
  m.interceptor.poll();
  EXPECT_EQ(m.vectors[0], 1u);

  m.set(reg::IMS, 0x01f0'0000);
  ASSERT_TRUE(m.interceptor.arm());
  m.set(reg::ICS, ICR_RXQ0);
  EXPECT_EQ(m.cores.raised, 1u);
  EXPECT_EQ(m.cores.look_in, kPatience);
  EXPECT_TRUE(driver.send(numbered(3)));
  driver.doorbell();
  EXPECT_EQ(m.cores.raised, 2u);
  m.interceptor.disarm();
  m.interceptor.poll();
  EXPECT_EQ(m.vectors[0], 2u);
}

// All round the ring.
TEST_F(PatientTest, EachFrameInterruptsWhereverItLies) {
  for (unsigned i = 0; i < 200; ++i) {
    m.set(reg::IMS, 0x01f0'0000);
    m.settle();
    m.cores.raised = 0;
    ASSERT_TRUE(m.interceptor.arm());
    m.receive(numbered(i));
    ASSERT_EQ(m.cores.raised, 1u) << i;
    m.interceptor.disarm();
    m.interceptor.poll();
    ASSERT_EQ(driver.receive().size(), 1u);
  }
}

// EITR may hold a frame's message back until something else has woken the interceptor.
TEST_F(PatientTest, AFramesMessageInterruptsAlsoWhenItsFrameWasPassedOnBefore) {
  m.set(reg::IMS, 0x01f0'0000);
  m.set(reg::EITR(0), 500);  // 128 us
  m.receive(numbered(2));
  m.settle();
  ASSERT_EQ(driver.receive().size(), 1u);
  m.interceptor.poll();
  m.set(reg::IMS, 0x01f0'0000);
  m.set(reg::ICS, ICR_RXQ0);  // from here on EITR counts
  m.interceptor.poll();
  m.set(reg::IMS, 0x01f0'0000);
  m.vectors = {};
  m.cores = {};
  ASSERT_TRUE(m.interceptor.arm());
  m.receive(numbered(3));
  EXPECT_EQ(m.cores.raised, 0u) << "EITR has not passed";
  EXPECT_TRUE(driver.send(numbered(4)));
  driver.doorbell();
  EXPECT_EQ(m.cores.raised, 1u);
  m.interceptor.disarm();
  m.interceptor.poll();
  m.interceptor.poll();  // what tells of the frame that was sent
  EXPECT_EQ(m.vectors, (std::array<unsigned, 5>{0, 1, 0, 0, 0}));
  EXPECT_EQ(driver.receive().size(), 1u);
  m.interceptor.poll();
  ASSERT_TRUE(m.interceptor.arm());
  m.advance(200'000);
  EXPECT_EQ(m.cores.raised, 2u) << "at once";
  m.interceptor.disarm();
  m.interceptor.poll();
  EXPECT_EQ(m.vectors[0], 1u);
  // From here on what comes without a frame is a repetition again.
  m.set(reg::IMS, 0x01f0'0000);
  m.advance(200'000);
  ASSERT_TRUE(m.interceptor.arm());
  m.set(reg::ICS, ICR_RXQ0);
  EXPECT_EQ(m.cores.raised, 2u);
}

// What the guest writes to RDH must not choose which private octet decides.
TEST_F(PatientTest, TheHeadThatIsWatchedIsNotTheGuests) {
  m.receive(numbered(2));
  m.settle();
  const uint32_t head = m.get(reg::RDH);
  EXPECT_EQ(m.shared().head, head);
  m.set(reg::RDH, 17);
  EXPECT_EQ(m.get(reg::RDH), 17u);
  EXPECT_EQ(m.shared().head, head);
  const uint64_t index = m.shared().steer.index - partition::kRamBase - kSharedAt;
  EXPECT_EQ(index, offsetof(Shared, head));
}

TEST_F(PatientTest, ARingThatIsSetUpAnewIsWatchedAnew) {
  Driver other(m, {.format = Format::kLegacy});
  other.set_up();
  m.settle();
  EXPECT_EQ(patient(), 0u);
  EXPECT_EQ(watched(), 0u);
  m.set(reg::IVAR, kApart);
  m.interceptor.look_at_vectors();
  EXPECT_EQ(watched(), slot_of(0));
  Driver split(m, {.format = Format::kSplit});
  split.set_up();
  m.settle();
  m.set(reg::IVAR, kApart);
  m.interceptor.look_at_vectors();
  EXPECT_EQ(patient(), slot_of(1));
  EXPECT_EQ(watched(), 0u) << "no octet tells";
}

TEST_F(PatientTest, WhatTellsOfReceivedFramesTooCannot) {
  m.messages[1] = m.messages[0];
  m.interceptor.look_at_vectors();
  EXPECT_EQ(patient(), 0u);
  EXPECT_EQ(watched(), 0u);
  m.messages[1] = {0xfee0'1000, 1};
  m.interceptor.look_at_vectors();
  EXPECT_EQ(patient(), slot_of(1));
  m.set(reg::IVAR, kApart & ~IVAR_TXQ0);
  m.interceptor.look_at_vectors();
  EXPECT_EQ(patient(), 0u) << "no vector";
  EXPECT_EQ(watched(), slot_of(0));
}

TEST_F(PatientTest, VectorsThatTheNicDoesNotHaveAreNone) {
  m.set(reg::IVAR, kApart | IVAR_TXQ0 | IVAR_TXQ1);  // vector 7
  m.interceptor.look_at_vectors();
  EXPECT_EQ(patient(), 0u);
}

// A line that is low looks like a message to address 0.
TEST_F(PatientTest, TheLineIsNoVectorsMessage) {
  m.set(reg::IMS, ICR_LSC);
  m.shared().slots[partition::kIntxSlot] = {0, 0, 5};
  m.messages[1] = {0, 0};
  m.interceptor.look_at_vectors();
  EXPECT_EQ(patient(), 0u);
}

// The NIC has masked the message's cause by then, so that it would never be told again.
TEST_F(PatientTest, AMessageThatComesWhileTheNicIsHandedBackIsTheGuests) {
  unsigned accesses = 0;
  for (unsigned when = 0; when <= accesses; ++when) {
    ASSERT_TRUE(m.interceptor.start());
    m.settle();
    m.set(reg::IMS, 0x01f0'0000);
    m.vectors = {};
    accesses = 0;
    m.on_access = [&] {
      if (accesses++ == when) m.set(reg::ICS, ICR_RXQ0);
    };
    m.interceptor.stop();
    m.on_access = nullptr;
    if (accesses <= when) break;
    EXPECT_GE(m.vectors[0], 1u) << when;
    EXPECT_EQ(m.vectors[1], 0u) << when;
  }
  EXPECT_GT(accesses, 20u);
}

TEST_F(PatientTest, SlotsThatBeginAnewHaveNoPatience) {
  m.interceptor.stop();
  ASSERT_TRUE(m.interceptor.start());
  EXPECT_EQ(patient(), 0u);
  EXPECT_EQ(watched(), 0u);
}

}  // namespace
}  // namespace gatehouse::interceptor
