// SPDX-License-Identifier: GPL-2.0-or-later
// Copy mode, in front of a NIC that checks no seals: a guest that writes to its buffers, at
// whatever time, changes nothing that has been inspected.
#include <random>

#include "tests/unit/firmware/interceptor_copying.hh"

namespace gatehouse::interceptor {
namespace {

TEST_F(CopiedInspection, ChangesNothingForAGuestThatPlaysFair) {
  inspector.choosy = true;
  start();
  for (const Format format : kFormats) {
    for (const unsigned queue : {0u, 1u}) {
      expect_fair_play(m, {.queue = queue, .format = format});
      reset();
    }
  }
  EXPECT_EQ(m.interceptor.counts().unseen, 0u);
  EXPECT_EQ(m.interceptor.counts().waits, 0u);
}

TEST_F(CopiedInspection, SendsWhatWasInspectedWhateverTheGuestWrites) {
  start();
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  // In front of the access by which the NIC learns of the frames.
  bool written = false;
  m.on_access = [&] {
    if (inspector.sent().size() != 3) return;
    written = true;
    for (uint32_t unit = 0; unit < 6; ++unit) std::memset(buffer_of(driver, unit), kMark, 200);
  };
  for (uint32_t number = 0; number < 3; ++number)
    ASSERT_TRUE(driver.send(numbered(number, 400), 2));
  driver.doorbell();
  m.settle();
  EXPECT_TRUE(written);
  ASSERT_EQ(m.card.sent.size(), 3u);
  for (uint32_t number = 0; number < 3; ++number)
    EXPECT_EQ(m.card.sent[number].bytes, numbered(number, 400));
  EXPECT_EQ(driver.unfinished(), 0u);
  // During inspection.
  m.on_access = nullptr;
  inspector.on_inspect = [&] { buffer_of(driver, 6)[40] = kMark; };
  ASSERT_TRUE(driver.send(numbered(3, 300)));
  driver.doorbell();
  m.settle();
  ASSERT_EQ(m.card.sent.size(), 4u);
  EXPECT_EQ(m.card.sent[3].bytes, numbered(3, 300));
}

TEST_F(CopiedInspection, TheGuestGetsNothingBeforeItWasInspected) {
  for (const Format format : kFormats) {
    start();
    Driver driver(m, {.format = format});
    driver.set_up();
    m.settle();
    const Bytes before(m.memory.ram.get(), m.memory.ram.get() + vnic::rig::Memory::kRam);
    m.receive(numbered(0, 300));
    m.receive(numbered(1, 1400));
    unsigned seen = 0;
    inspector.on_inspect = [&] {
      ++seen;
      if (seen != 1) return;
      EXPECT_EQ(std::memcmp(before.data(), m.memory.ram.get(), before.size()), 0)
          << "the NIC wrote nothing to the guest's memory";
      // Nor does it read there.
      std::memset(m.at(vnic::rig::kBuffers), kMark, 0x10000);
    };
    m.settle();
    inspector.on_inspect = nullptr;
    EXPECT_EQ(seen, 2u);
    EXPECT_EQ(driver.receive(), (std::vector<Bytes>{numbered(0, 300), numbered(1, 1400)}));
    EXPECT_EQ(driver.errors, 0u);
    reset();
  }
}

// A later report that speaks of octets which the NIC has not written, as the guest's registers can
// make it do, finds none of what was refused.
TEST_F(CopiedInspection, NothingStaysOfWhatWasRefused) {
  inspector.choosy = true;
  for (const Format format : kFormats) {
    start();
    Driver driver(m, {.format = format});
    driver.set_up();
    m.settle();
    Bytes frame = numbered(7, 1400);
    frame.back() = kMark;
    m.receive(frame);
    m.receive(numbered(8, 200));
    m.settle();
    driver.receive();
    EXPECT_EQ(driver.errors, 1u);
    const uint8_t* buffers = m.hidden.memory.get() + kReceiveAt;
    EXPECT_EQ(memmem(buffers, kReceiveOctets, frame.data() + 600, 700), nullptr);
    EXPECT_EQ(memmem(buffers, kReceiveOctets, frame.data(), 60), nullptr);
    reset();
  }
}

// What a reset finds in the buffers is nobody's to look at.
TEST_F(CopiedInspection, NothingStaysBehindAReset) {
  for (const Format format : kFormats) {
    start();
    {
      Driver driver(m, {.format = format});
      driver.set_up();
      m.settle();
      m.receive(numbered(7, 1400));
    }
    reset();
    Driver driver(m, {.receive_units = 32, .format = format});
    driver.set_up();
    m.settle();
    const Bytes frame = numbered(7, 1400);
    EXPECT_EQ(memmem(m.hidden.memory.get() + kReceiveAt, kReceiveOctets, frame.data() + 100, 300),
              nullptr);
    EXPECT_TRUE(inspector.received().empty());
    reset();
  }
}

// 7.1.5: in a split descriptor all ones say that there is no buffer; 0 is an address.
TEST_F(CopiedInspection, AnAddressOfZeroIsABufferOfASplitDescriptor) {
  start();
  Driver driver(m, {.format = Format::kSplit});
  driver.set_up();
  put<desc::SPLIT_ADDRESS1>(driver.rx(0), 0);
  m.settle();
  const Bytes before(m.memory.ram.get(), m.memory.ram.get() + vnic::rig::Memory::kRam);
  const Bytes frame = numbered(0, 700);
  m.receive(frame);
  inspector.on_inspect = [&] {
    EXPECT_EQ(std::memcmp(before.data(), m.memory.ram.get(), before.size()), 0);
  };
  m.settle();
  EXPECT_EQ(inspector.received(), std::vector<Bytes>{frame}) << "all of it";
}

// A null descriptor in the middle of a frame: what firmware puts there ends none.
TEST_F(CopiedInspection, AFrameGoesOnBehindADescriptorWithoutABuffer) {
  for (const Format format : {Format::kLegacy, Format::kExtended}) {
    inspector.passed = {};
    start();
    Driver driver(m, {.format = format});
    driver.set_up();
    m.set(reg::RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC | RCTL_UPE | 3u << 16);  // 256 octets
    put<desc::ADDRESS>(driver.rx(1), 0);
    m.settle();
    const Bytes frame = numbered(0, 400);
    m.receive(frame);
    m.settle();
    EXPECT_EQ(inspector.received(), std::vector<Bytes>{frame});
    reset();
  }
}

// The NIC gets addresses of private buffers alone.
TEST_F(CopiedInspection, TheNicHasNoAddressOfTheGuests) {
  for (const Format format : kFormats) {
    start();
    Driver driver(m, {.format = format});
    driver.set_up();
    for (uint32_t number = 0; number < 40; ++number) ASSERT_TRUE(driver.send(numbered(number)));
    driver.doorbell();
    m.settle();
    const auto* real = reinterpret_cast<const uint64_t*>(m.hidden.memory.get() + kRealAt);
    const auto within = [](uint64_t address, uint64_t from, uint64_t octets) {
      return address - partition::kRamBase - from < octets;
    };
    for (uint32_t unit = 0; unit < 62; ++unit) {
      const uint64_t* words = real + unit * 2;
      // Not even the address that says "none": QEMU's e1000e takes it for one.
      EXPECT_TRUE(within(words[0], kReceiveAt, kReceiveOctets) ||
                  (format == Format::kSplit && words[0] == kAbortAddress));
      if (format == Format::kSplit) continue;
      EXPECT_EQ(words[1], kAbortAddress) << "nothing that leads anywhere as an address";
    }
    const uint64_t* transmit = real + kReceiveRings * real_octets(kUnits) / sizeof(uint64_t);
    for (uint32_t unit = 0; unit < 40; ++unit)
      EXPECT_TRUE(within(transmit[unit * 2], kSendAt, kSendOctets));
    reset();
  }
}

TEST_F(CopiedInspection, RefusesBuffersInPrivateMemory) {
  start();
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  for (const uint64_t address : {partition::kRamBase + kSendAt, partition::kRamBase + kReceiveAt,
                                 partition::kRamBase + kCopyAt, ~uint64_t{0}}) {
    ASSERT_TRUE(driver.send(numbered(1)));
    put<desc::TX_ADDRESS>(driver.tx((driver.sent() + 63) % 64), address);
    ASSERT_TRUE(driver.send(numbered(2)));
    driver.doorbell();
    m.settle();
    ASSERT_EQ(m.card.sent.size(), 1u) << std::hex << address;
    EXPECT_EQ(number_of(m.card.sent[0].bytes), 2u);
    EXPECT_EQ(driver.unfinished(), 0u);
    m.card.sent.clear();
  }
  EXPECT_EQ(m.interceptor.counts().refused_addresses, 4u);
  EXPECT_EQ(m.interceptor.counts().unseen, 4u);
  for (const Format format : kFormats) {
    Driver other(m, {.format = format});
    other.set_up();
    m.settle();
    const Bytes window(m.hidden.memory.get() + kSendAt, m.hidden.memory.get() + kReceiveAt);
    for (uint32_t unit = 0; unit < 64; unit += format == Format::kSplit ? 2 : 1)
      put<desc::ADDRESS>(other.rx(unit), partition::kRamBase + kSendAt + unit * 2048);
    other.tail(reg::RDT, 0);
    m.settle();
    other.tail(reg::RDT, 62);
    m.settle();
    const uint64_t refused = m.memory.refused;
    m.receive(numbered(1));
    m.settle();
    EXPECT_GT(m.memory.refused, refused) << "the bus answers as at an address that nobody has";
    EXPECT_EQ(window, Bytes(m.hidden.memory.get() + kSendAt, m.hidden.memory.get() + kReceiveAt));
  }
}

// A tail behind the NIC's head makes the NIC go round: what it finds there was copied anew, and is
// not what was there the last time.
TEST_F(CopiedInspection, ATailThatGoesBackSendsNothingUninspected) {
  start();
  Driver driver(m, {});
  driver.set_up();
  uint32_t number = 0;
  for (; number < 70; ++number) {
    ASSERT_TRUE(driver.send(numbered(number, 400)));
    driver.doorbell();
    m.settle();
  }
  for (; number < 74; ++number) {
    ASSERT_TRUE(driver.send(numbered(number, 400)));
    // Nothing tells how far the NIC is.
    put<desc::TX_COMMAND>(driver.tx(number % 64), TX_CMD_IFCS | TX_CMD_EOP);
  }
  driver.doorbell();
  m.interceptor.poll();
  m.advance(1'000'000);
  ASSERT_EQ(m.card.sent.size(), 74u);
  // The last round's, so that it is told apart.
  for (uint32_t unit = 0; unit < 64; ++unit) buffer_of(driver, unit)[20] = kMark - 1;
  driver.tail(reg::TDT, 8);
  m.settle();
  expect_sent_as_inspected();
  EXPECT_EQ(m.card.sent.size(), 74u + 62u);
  for (size_t i = 74; i < m.card.sent.size(); ++i)
    EXPECT_EQ(m.card.sent[i].bytes[20], kMark - 1) << i;
  EXPECT_EQ(driver.position(reg::TDH), 8u);
}

TEST_F(CopiedInspection, ATailThatGoesBackGivesTheNicPrivateBuffersAlone) {
  start();
  for (const Format format : kFormats) {
    Driver driver(m, {.format = format});
    driver.set_up();
    uint32_t number = 0;
    for (; number < 70; ++number) {
      m.receive(numbered(number));
      m.settle();
      ASSERT_EQ(driver.receive().size(), 1u);
    }
    // Firmware does not know yet how far the NIC is.
    for (; number < 74; ++number) m.receive(numbered(number));
    m.advance(1'000'000);
    const uint32_t head = m.nic.mmio_read(reg::RDH(0), 4);
    driver.tail(reg::RDT, (head + 62) % 64);
    m.settle();
    const auto* real = reinterpret_cast<const uint64_t*>(m.hidden.memory.get() + kRealAt);
    const uint32_t tail = m.nic.mmio_read(reg::RDT(0), 4);
    uint32_t units = 0;
    for (uint32_t unit = m.nic.mmio_read(reg::RDH(0), 4); unit != tail; unit = (unit + 1) % 64) {
      ++units;
      const uint64_t address = real[unit * 2];
      EXPECT_TRUE(address - partition::kRamBase - kReceiveAt < kReceiveOctets ||
                  address == kAbortAddress)
          << unit << " has " << std::hex << address;
      if (format == Format::kSplit) continue;
      EXPECT_EQ(real[unit * 2 + 1], kAbortAddress) << unit;
    }
    EXPECT_EQ(units, 62u);
    reset();
  }
}

// A guest that scribbles over buffers it has handed over, and over its descriptors, at any time.
class Tampering : public testing::TestWithParam<unsigned> {};

TEST_P(Tampering, EveryFrameLeavesAsItWasInspected) {
  std::mt19937 random(GetParam());
  Memory inspector;
  Machine m(&inspector, false, kReceiveOctets);
  ASSERT_TRUE(m.interceptor.start());
  Driver driver(m, {.receive_units = 32,
                    .transmit_units = 32,
                    .format = kFormats[random() % std::size(kFormats)]});
  driver.set_up();
  m.settle();
  const auto scribble = [&] {
    uint8_t* const at = random() % 8 == 0 ? driver.tx(random() % 32)
                                          : m.at(Driver::kTxBuffers + random() % (32 * 4096));
    at[random() % 8] = static_cast<uint8_t>(random());
  };
  m.on_access = scribble;
  inspector.on_inspect = [&] {
    for (int i = 0; i < 20; ++i) scribble();
  };
  uint32_t number = 0, came = 0;
  for (int step = 0; step < 3000; ++step) {
    switch (random() % 8) {
      case 0:
      case 1:
        driver.send(numbered(number++, 60 + random() % 1400), 1 + random() % 3, random() % 2);
        break;
      case 2:
        driver.doorbell();
        break;
      case 3:
        m.receive(numbered(number++, 60 + random() % 1400));
        break;
      case 4:
        m.interceptor.poll();
        break;
      case 5:
        m.advance(1000);
        break;
      case 6:
        for (const Bytes& frame : driver.receive()) {
          ASSERT_LT(came, inspector.received().size());
          ASSERT_EQ(frame, inspector.received()[came++]);
        }
        break;
      default:
        scribble();
        break;
    }
  }
  for (int i = 0; i < 4; ++i) m.settle();
  ASSERT_EQ(m.card.sent.size(), inspector.sent().size());
  for (size_t i = 0; i < m.card.sent.size(); ++i)
    ASSERT_EQ(m.card.sent[i].bytes, inspector.sent()[i]) << i;
  EXPECT_GT(m.card.sent.size(), 100u);
  EXPECT_GT(came, 50u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, Tampering, testing::Range(0u, 16u));

}  // namespace
}  // namespace gatehouse::interceptor
