// SPDX-License-Identifier: GPL-2.0-or-later
// What a guest notices of an interceptor in front of its NIC: nothing.
#include <random>

#include "tests/unit/firmware/interceptor_rig.hh"

namespace gatehouse::interceptor {
namespace {

// Lets everything pass.
class Passing : public Inspector {
 public:
  Verdict inspect(const Frame&) override { return Verdict::kPass; }
};
constexpr uint64_t kReceiveCopies = 0x20'0000;

struct Row {
  const char* name;
  Driver::Settings settings;
};

const Row kRows[] = {
    {"legacy", {.format = Format::kLegacy}},
    {"extended", {}},
    {"split", {.format = Format::kSplit}},
    {"alias", {.alias = true}},
    {"queue 1", {.queue = 1}},
    {"short rings", {.receive_units = 8, .transmit_units = 8}},
};

TEST(Interceptor, MovesFramesBothWaysInEveryFormat) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    Machine m;
    ASSERT_TRUE(m.interceptor.start());
    Driver driver(m, row.settings);
    driver.set_up();
    m.settle();
    for (uint32_t number = 0; number < 300; ++number) {
      const Bytes frame = numbered(number, 60 + number % 1400);
      ASSERT_TRUE(driver.send(frame, 1 + number % 3, number % 2 == 1)) << number;
      driver.doorbell();
      if (row.settings.queue == 0) m.receive(frame);
      m.settle();
      ASSERT_EQ(m.card.sent.size(), 1u);
      EXPECT_EQ(m.card.sent[0].bytes, frame);
      m.card.sent.clear();
      EXPECT_EQ(driver.unfinished(), 0u);
      EXPECT_EQ(driver.position(reg::TDH), driver.sent());
      EXPECT_EQ(driver.position(reg::TDT), driver.sent());
      if (row.settings.queue != 0) continue;
      const std::vector<Bytes> frames = driver.receive();
      ASSERT_EQ(frames.size(), 1u) << number;
      EXPECT_EQ(frames[0], frame);
      EXPECT_EQ(driver.position(reg::RDH), driver.next());
    }
    EXPECT_EQ(m.memory.refused, 0u);
  }
}

TEST(Interceptor, RealRingsAreOutOfTheGuestsMemory) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  for (const uint32_t base : {reg::RDBAH(0), reg::TDBAH(0)}) {
    EXPECT_EQ(m.nic.mmio_read(base, 4), partition::kPrivateBase >> 32);
    EXPECT_EQ(m.get(base), 0u) << "the guest sees its own";
  }
  EXPECT_EQ(m.get(reg::RDBAL(0)), Driver::kRxRing);
  EXPECT_EQ(m.get(alias_of(reg::TDBAL)), Driver::kTxRing);
}

// Two machines, one without interceptor, do the same; whenever all is quiet, their guests' memory
// is the same, octet for octet.
void expect_the_same_memory(const Row& row, Machine& intercepted) {
  Machine direct;
  ASSERT_TRUE(intercepted.interceptor.start());
  Driver drivers[] = {Driver(direct, row.settings), Driver(intercepted, row.settings)};
  for (Driver& driver : drivers) driver.set_up();
  std::mt19937 random(7);
  uint32_t number = 0;
  for (int round = 0; round < 400; ++round) {
    const uint32_t batch = 1 + random() % 8;
    for (uint32_t i = 0; i < batch; ++i, ++number) {
      const unsigned action = random() % 4;
      const Bytes frame = numbered(number, 60 + random() % 1400);
      const unsigned buffers = 1 + random() % 2;
      const bool extended = random() % 2, ring = random() % 2, poll = random() % 3 == 0;
      for (Driver& driver : drivers) {
        if (action != 0) continue;
        ASSERT_TRUE(driver.send(frame, buffers, extended));
        if (ring) driver.doorbell();
      }
      if (action != 0 && row.settings.queue == 0) {
        direct.receive(frame);
        intercepted.receive(frame);
      }
      if (poll) intercepted.interceptor.poll();
    }
    for (Driver& driver : drivers) driver.doorbell();
    direct.settle();
    intercepted.settle();
    ASSERT_EQ(
        std::memcmp(direct.memory.ram.get(), intercepted.memory.ram.get(), vnic::rig::Memory::kRam),
        0)
        << round;
    ASSERT_EQ(direct.card.sent.size(), intercepted.card.sent.size());
    for (size_t i = 0; i < direct.card.sent.size(); ++i)
      ASSERT_EQ(direct.card.sent[i].bytes, intercepted.card.sent[i].bytes);
    direct.card.sent.clear();
    intercepted.card.sent.clear();
    for (const auto& pair : {&reg::RDH, &reg::RDT, &reg::TDH, &reg::TDT})
      ASSERT_EQ(drivers[0].position(*pair), drivers[1].position(*pair));
    if (random() % 2 != 0) continue;
    const std::vector<Bytes> a = drivers[0].receive(), b = drivers[1].receive();
    ASSERT_EQ(a, b);
  }
}

TEST(Interceptor, LeavesTheGuestsMemoryAsTheNicWould) {
  for (const Row& row : kRows) {
    if (row.settings.receive_units < 32) continue;
    SCOPED_TRACE(row.name);
    Machine intercepted;
    expect_the_same_memory(row, intercepted);
    Passing passing;
    Machine copying(&passing, false, kReceiveCopies);
    expect_the_same_memory(row, copying);
  }
}

// Everything at any time; in the end each frame has come once, in order and whole.
enum class Kept { kPlain, kCopied, kSealed };
class Chaos : public testing::TestWithParam<std::tuple<unsigned, Kept>> {};

TEST_P(Chaos, EveryFrameArrivesOnceInOrder) {
  const auto [seed, kept] = GetParam();
  std::mt19937 random(seed);
  const Format format = static_cast<Format>(random() % 3);
  Passing passing;
  Machine m(kept == Kept::kPlain ? nullptr : &passing, kept == Kept::kSealed,
            kept == Kept::kCopied ? kReceiveCopies : 0);
  Driver driver(m, {.receive_units = 32, .transmit_units = 32, .format = format});
  driver.set_up();
  uint32_t to_send = 0, sent = 0, to_come = 0, came = 0;
  const auto check = [&] {
    for (const auto& frame : m.card.sent) ASSERT_EQ(number_of(frame.bytes), sent++);
    m.card.sent.clear();
    for (const Bytes& frame : driver.receive()) {
      ASSERT_EQ(frame, numbered(came, 60 + came % 1400));
      ++came;
    }
  };
  const auto act = [&](unsigned action) {
    switch (action) {
      case 0:
      case 1:
        if (driver.send(numbered(to_send, 60 + to_send % 1400), 1 + random() % 3, random() % 2))
          ++to_send;
        break;
      case 2:
        driver.doorbell();
        break;
      case 3:
      case 4:
        // No more than the NIC's FIFO holds when nobody takes them.
        if (to_come - came < 12) m.receive(numbered(to_come, 60 + to_come % 1400)), ++to_come;
        break;
      default:
        check();
        break;
    }
  };
  m.on_access = [&] {
    if (random() % 4 == 0) act(random() % 6);
  };
  for (int step = 0; step < 4000; ++step) {
    switch (random() % 12) {
      case 0:
        ASSERT_TRUE(m.interceptor.start());
        break;
      case 1:
        if (random() % 4 == 0) m.interceptor.stop();
        break;
      case 2:
        m.advance(1000);
        break;
      case 3:
      case 4:
        m.interceptor.poll();
        break;
      default:
        act(random() % 6);
        break;
    }
    if (HasFatalFailure()) return;
  }
  m.on_access = nullptr;
  driver.doorbell();
  for (int i = 0; i < 8; ++i) {
    m.settle();
    check();
  }
  EXPECT_EQ(sent, to_send);
  EXPECT_EQ(came, to_come);
  EXPECT_GT(came, 100u);
  EXPECT_GT(sent, 100u);
  EXPECT_EQ(driver.unfinished(), 0u);
  EXPECT_EQ(m.memory.refused, 0u);
  EXPECT_TRUE(m.card.drops.empty());
}
INSTANTIATE_TEST_SUITE_P(Seeds, Chaos,
                         testing::Combine(testing::Range(0u, 48u), testing::Values(Kept::kPlain)));
INSTANTIATE_TEST_SUITE_P(Copied, Chaos,
                         testing::Combine(testing::Range(0u, 24u), testing::Values(Kept::kCopied)));
INSTANTIATE_TEST_SUITE_P(Sealed, Chaos,
                         testing::Combine(testing::Range(0u, 24u), testing::Values(Kept::kSealed)));

// QEMU's e1000e takes what RFCTL and PSRCTL say when RCTL is written, and looks at head and tail
// alone to see whether it has buffers then.
TEST(Interceptor, ChangesOfFormatAreToldToANicWhoseRingsStandStill) {
  for (const uint64_t copies : {uint64_t{0}, kReceiveCopies}) {
    Passing passing;
    Machine m(&passing, false, copies);
    Driver driver(m, {.format = Format::kLegacy});
    driver.set_up();
    unsigned told = 0;
    m.on_nic_write = [&](uint32_t offset) {
      if (offset != reg::RCTL) return;
      ++told;
      for (unsigned queue = 0; queue < kReceiveRings; ++queue) {
        EXPECT_EQ(m.nic.registers()[reg::RDLEN(queue)], 0u);
        EXPECT_EQ(m.nic.registers()[reg::RDT(queue)], m.nic.registers()[reg::RDH(queue)]);
      }
    };
    const auto tells = [&](const auto& change) {
      told = 0;
      change();
      m.settle();
      return told > 0;
    };
    EXPECT_TRUE(tells([&] { ASSERT_TRUE(m.interceptor.start()); })) << "what it was before";
    EXPECT_FALSE(tells([&] { m.receive(numbered(0)); }));
    EXPECT_TRUE(tells([&] { m.set(reg::RFCTL, RFCTL_EXSTEN); }));
    EXPECT_TRUE(tells([&] { m.set(reg::RFCTL, 0); }));
    EXPECT_TRUE(tells([&] { m.set(reg::RFCTL, RFCTL_EXSTEN); }));
    m.set(reg::RCTL, m.get(reg::RCTL) | 1u << 10);  // DTYP
    m.settle();
    EXPECT_EQ(tells([&] { m.set(reg::PSRCTL, 2 | 4 << 8); }), copies != 0)
        << "whose buffers have sizes";
  }
}

// The record of it was lost among others.
TEST(Interceptor, ADeviceThatWentUnseenIsTakenOverAnew) {
  Machine m;
  Driver driver(m, {});
  driver.set_up();
  ASSERT_TRUE(m.interceptor.start());
  for (unsigned i = 0; i < 2 * kRecords; ++i) m.set(reg::TDBAL(0), i * 16);
  m.redirect.unplugged();
  m.steer.unplugged();
  m.interceptor.poll();
  EXPECT_FALSE(m.interceptor.started());
  m.redirect.plugged();
  m.steer.plugged();
  ASSERT_TRUE(m.interceptor.start());
  EXPECT_TRUE(m.redirect.active());
}

TEST(Interceptor, TakesOverARunningDriverAndHandsBack) {
  Machine m;
  Driver driver(m, {});
  driver.set_up();
  uint32_t number = 0;
  const auto exchange = [&](uint32_t frames) {
    for (uint32_t i = 0; i < frames; ++i, ++number) {
      ASSERT_TRUE(driver.send(numbered(number)));
      driver.doorbell();
      m.receive(numbered(number));
      m.settle();
      ASSERT_EQ(m.card.sent.size(), 1u);
      m.card.sent.clear();
      const std::vector<Bytes> frames_in = driver.receive();
      ASSERT_EQ(frames_in.size(), 1u);
      ASSERT_EQ(number_of(frames_in[0]), number);
    }
  };
  for (int round = 0; round < 10; ++round) {
    exchange(7);
    ASSERT_TRUE(m.interceptor.start());
    EXPECT_TRUE(m.nic.link_up());
    EXPECT_NE(m.installed, 0u);
    exchange(13);
    m.interceptor.stop();
    EXPECT_EQ(m.installed, 0u);
    EXPECT_EQ(m.nic.mmio_read(reg::RDBAL(0), 4), Driver::kRxRing);
    EXPECT_EQ(m.nic.mmio_read(reg::TDBAH(0), 4), 0u);
    EXPECT_EQ(m.memory.octets, 0u) << "the NIC reaches nothing private any more";
  }
}

TEST(Interceptor, FollowsADriversReset) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  uint32_t number = 0;
  for (const uint32_t units : {64u, 256u, 8u, 1024u, 64u}) {
    Driver driver(m, {.receive_units = units, .transmit_units = units});
    driver.set_up();
    for (int i = 0; i < 20; ++i, ++number) {
      ASSERT_TRUE(driver.send(numbered(number)));
      driver.doorbell();
      m.receive(numbered(number));
      m.settle();
      ASSERT_EQ(driver.receive().size(), 1u);
      ASSERT_EQ(m.card.sent.size(), 1u);
      EXPECT_EQ(number_of(m.card.sent[0].bytes), number);
      m.card.sent.clear();
    }
    // Down in the middle: what has not been passed on yet never reaches memory that the driver may
    // have freed.
    m.receive(numbered(number));
    m.set(reg::CTRL, m.get(reg::CTRL) | CTRL_RST);
    for (unsigned ring = 0; ring < kRings; ++ring) {
      for (uint32_t word = 0; word < sizeof(RingRegisters); word += 4)
        EXPECT_EQ(m.get(ring_offset(ring) + word), 0u) << "at once";
    }
    const Bytes before(m.at(Driver::kRxRing), m.at(Driver::kRxRing) + units * kRingUnit);
    m.settle();
    EXPECT_EQ(before, Bytes(m.at(Driver::kRxRing), m.at(Driver::kRxRing) + units * kRingUnit));
    EXPECT_EQ(m.get(reg::RDLEN(0)), 0u);
    EXPECT_EQ(m.get(reg::RDT(0)), 0u);
    EXPECT_EQ(m.get(reg::TDH(0)), 0u);
    m.link_up();
  }
  EXPECT_EQ(m.interceptor.counts().resets, 5u);
}

// Every word of the rings' registers, by either address, before firmware has looked.
TEST(Interceptor, RingRegistersReadAsTheNicsAtOnce) {
  Machine direct, intercepted;
  ASSERT_TRUE(intercepted.interceptor.start());
  const auto expect_same = [&](uint32_t offset) {
    ASSERT_EQ(intercepted.get(offset), direct.get(offset)) << std::hex << offset;
  };
  const uint32_t bases[] = {ring_offset(0), ring_offset(1),       ring_offset(2),
                            ring_offset(3), alias_of(reg::RDBAL), alias_of(reg::TDBAL)};
  for (const uint32_t value : {0x5a5a'5a5au, 0xa5a5'a5a5u, 0u, ~0u, 0x12345u}) {
    for (const uint32_t base : bases) {
      for (uint32_t word = 0; word < sizeof(RingRegisters); word += 4) {
        for (Machine* machine : {&direct, &intercepted}) {
          machine->set(base + word, value);
          machine->redirect.guest_write(0, base + word, value >> 8, 2);
        }
        expect_same(base + word);
        intercepted.interceptor.poll();
        expect_same(base + word);
      }
    }
    for (Machine* machine : {&direct, &intercepted}) machine->set(reg::CTRL, CTRL_RST);
    for (const uint32_t base : bases) {
      for (uint32_t word = 0; word < sizeof(RingRegisters); word += 4) expect_same(base + word);
    }
  }
}

// Firmware that comes late finds a reset and all that the driver has set up since in one look.
TEST(Interceptor, FollowsAResetAndWhatCameAfterItInOneLook) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  Driver first(m, {});
  first.set_up();
  m.settle();
  m.set(reg::CTRL, m.get(reg::CTRL) | CTRL_RST);
  Driver second(m, {.receive_units = 128});
  second.set_up();
  const uint32_t tail = m.get(reg::RDT(0));
  EXPECT_NE(tail, 0u);
  m.interceptor.poll();
  EXPECT_EQ(m.get(reg::RDT(0)), tail);
  EXPECT_EQ(m.interceptor.counts().resets, 1u);
  m.link_up();
  m.receive(numbered(1));
  m.settle();
  EXPECT_EQ(second.receive().size(), 1u);
}

TEST(Interceptor, FollowsAResetThatNoRegisterTellsOf) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  Driver first(m, {});
  first.set_up();
  m.settle();
  m.nic.reset(vnic::ResetKind::kFunction);
  m.redirect.device_reset();
  EXPECT_EQ(m.get(reg::RDT(0)), 0u);
  m.settle();
  EXPECT_EQ(m.get(reg::TDBAL(0)), 0u);
  m.link_up();
  Driver second(m, {.format = Format::kLegacy});
  second.set_up();
  m.receive(numbered(1));
  m.settle();
  EXPECT_EQ(second.receive().size(), 1u);
}

TEST(Interceptor, InterruptsWhenTheGuestsRingTells) {
  Machine m;
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  size_t seen = 0;
  m.on_interrupt = [&] { seen += (get<desc::STATUS_ERROR>(driver.rx(driver.next())) & 1) != 0; };
  m.vectors = {};
  m.receive(numbered(1));
  EXPECT_EQ(m.vectors[0], 0u);
  m.interceptor.poll();
  EXPECT_EQ(m.vectors[0], 1u);
  EXPECT_EQ(seen, 1u);
}

TEST(Interceptor, PassesTheLevelOfAnInterruptLineOn) {
  Machine m;
  m.current = vnic::InterruptMode::kIntx;
  ASSERT_TRUE(m.interceptor.start());
  m.set(reg::IMS, ICR_LSC);
  m.set(reg::ICS, ICR_LSC);
  m.settle();
  EXPECT_TRUE(m.line);
  m.get(reg::ICR);
  m.settle();
  EXPECT_FALSE(m.line);
}

TEST(Interceptor, DoesWithoutALineThatCannotBeToldApart) {
  Machine m;
  m.intx_is_apart = false;
  ASSERT_TRUE(m.interceptor.start());
  EXPECT_TRUE(m.interceptor.started());
}

TEST(Interceptor, ChangesNothingWhenAUnitRefuses) {
  Machine m;
  m.redirect.unplugged();
  EXPECT_FALSE(m.interceptor.start());
  EXPECT_EQ(m.interceptor.result(), partition::Result::k_no_device);
  EXPECT_FALSE(m.steer.active());
}

}  // namespace
}  // namespace gatehouse::interceptor
