// SPDX-License-Identifier: GPL-2.0-or-later
// What a hostile guest may write into rings and registers.
#include <random>

#include <utility>

#include "tests/unit/firmware/interceptor_rig.hh"

namespace gatehouse::interceptor {
namespace {

class Hostile : public testing::Test {
 protected:
  Hostile() : driver_(m_, {}) {
    EXPECT_TRUE(m_.interceptor.start());
    driver_.set_up();
    m_.settle();
  }
  // The NIC reaches its rings, and nothing else of private memory.
  void expect_sealed() {
    EXPECT_EQ(Bytes(hidden(kSharedAt), hidden(kSharedAt) + 8), seal_);
    EXPECT_EQ(m_.memory.begin, partition::kRamBase + kRealAt);
  }
  uint8_t* hidden(uint64_t at) { return m_.hidden.memory.get() + at; }

  Machine m_;
  Driver driver_;
  Bytes seal_ = Bytes(8, 0);
};

TEST_F(Hostile, ATransmitBufferInPrivateMemoryIsNotSent) {
  for (const uint64_t address :
       {partition::kRamBase, partition::kRamBase + kRealAt, partition::kMmioBase, ~uint64_t{0}}) {
    ASSERT_TRUE(driver_.send(numbered(1)));
    put<desc::TX_ADDRESS>(driver_.tx((driver_.sent() + 63) % 64), address);
    ASSERT_TRUE(driver_.send(numbered(2)));
    driver_.doorbell();
    m_.settle();
    ASSERT_EQ(m_.card.sent.size(), 1u) << std::hex << address;
    EXPECT_EQ(number_of(m_.card.sent[0].bytes), 2u);
    EXPECT_EQ(driver_.unfinished(), 0u) << "reported as the NIC reports an aborted one";
    m_.card.sent.clear();
  }
  EXPECT_EQ(m_.interceptor.counts().refused_addresses, 4u);
  EXPECT_EQ(m_.alerts.count(Alert::kRefusedAddress), 3u) << "first, second, fourth";
  expect_sealed();
}

TEST_F(Hostile, AReceiveBufferInPrivateMemoryGetsNothing) {
  for (const Format format : {Format::kLegacy, Format::kExtended, Format::kSplit}) {
    Driver driver(m_, {.format = format});
    driver.set_up();
    m_.settle();
    const uint32_t step = format == Format::kSplit ? 2 : 1;
    for (uint32_t unit = 0; unit < 64; unit += step)
      put<desc::ADDRESS>(driver.rx(unit), partition::kRamBase + kRealAt + unit * 2048);
    driver.tail(reg::RDT, 0);  // all taken back, and given anew
    m_.settle();
    driver.tail(reg::RDT, 62);
    m_.settle();
    m_.receive(numbered(1));
    m_.settle();
    EXPECT_NE(m_.interceptor.counts().refused_addresses, 0u);
    EXPECT_NE(m_.memory.refused, 0u) << "the bus answers as at an address that nobody has";
    EXPECT_NE(get<desc::STATUS_ERROR>(driver.rx(0)) | get<desc::LEGACY_STATUS>(driver.rx(0)), 0u);
    expect_sealed();
  }
}

TEST_F(Hostile, ABufferThatBeginsBelowPrivateMemoryDoesNotReachIt) {
  ASSERT_TRUE(driver_.send(numbered(1)));
  put<desc::TX_ADDRESS>(driver_.tx(0), partition::kPrivateBase - 16);
  driver_.doorbell();
  m_.settle();
  EXPECT_TRUE(m_.card.sent.empty());
  EXPECT_EQ(driver_.unfinished(), 0u);
}

struct RingRow {
  const char* name;
  uint64_t base;
  uint32_t length;
};
const RingRow kRings[] = {
    {"in private memory", partition::kRamBase, 1024},
    {"on the real rings", partition::kRamBase + kRealAt, 1024},
    {"at the top of the address space", ~uint64_t{0} << 4, 1024},
    {"over the end of memory", vnic::rig::Memory::kRam - 16, 1024},
    {"longer than the real one", Driver::kTxRing, kUnits * 16 + 128},
    {"as long as can be", Driver::kTxRing, 0xfff80},
};

TEST_F(Hostile, ARingThatCannotBeFollowedStaysOff) {
  for (const RingRow& row : kRings) {
    SCOPED_TRACE(row.name);
    for (const uint32_t offset : {uint32_t{reg::RDBAL(0)}, uint32_t{reg::TDBAL(0)}}) {
      m_.set(offset, static_cast<uint32_t>(row.base));
      m_.set(offset + 4, static_cast<uint32_t>(row.base >> 32));
      m_.set(offset + 8, row.length);
      m_.set(offset + 0x18, 7);
      m_.settle();
      EXPECT_EQ(m_.nic.mmio_read(offset + 8, 4), 0u);
    }
    m_.receive(numbered(1));
    m_.settle();
    expect_sealed();
  }
  EXPECT_GE(m_.interceptor.counts().unusable_rings, 12u);
  // And a decent driver after that works.
  m_.set(reg::CTRL, m_.get(reg::CTRL) | CTRL_RST);
  m_.settle();
  m_.link_up();
  Driver driver(m_, {});
  driver.set_up();
  m_.receive(numbered(3));
  ASSERT_TRUE(driver.send(numbered(4)));
  driver.doorbell();
  m_.settle();
  EXPECT_EQ(driver.receive().size(), 1u);
  EXPECT_EQ(m_.card.sent.size(), 1u);
}

// Where NICs differ in what a descriptor is, or one begins in the middle of the ring's units.
TEST_F(Hostile, AReceiveRingWithoutOneMeaningStaysOff) {
  struct Row {
    const char* name;
    uint32_t rfctl, type, head;
    bool on;
  };
  const Row rows[] = {{"legacy", 0, 0, 1, true},
                      {"extended", RFCTL_EXSTEN, 0, 1, true},
                      {"split", RFCTL_EXSTEN, 1, 2, true},
                      {"split, at a half", RFCTL_EXSTEN, 1, 1, false},
                      {"split, but not extended", 0, 1, 0, false},
                      {"reserved", RFCTL_EXSTEN, 3, 0, false},
                      {"legacy again", 0, 0, 1, true}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    m_.set(reg::RFCTL, row.rfctl);
    m_.set(reg::RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC | row.type << 10);
    m_.set(reg::RDH(0), row.head);
    m_.set(reg::RDLEN(0), 1024);
    m_.settle();
    EXPECT_EQ(m_.nic.mmio_read(reg::RDLEN(0), 4), row.on ? 1024u : 0u);
  }
}

// A driver that writes one register, waits, and writes the other.
TEST_F(Hostile, ARingWhoseFormatWasRefusedComesBackWithTheNext) {
  m_.set(reg::RFCTL, 0);
  m_.set(reg::RDH(0), 0);
  m_.set(reg::RDLEN(0), 1024);
  m_.set(reg::RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC | 1 << 10);
  m_.settle();
  EXPECT_EQ(m_.nic.mmio_read(reg::RDLEN(0), 4), 0u);
  m_.set(reg::RFCTL, RFCTL_EXSTEN);
  m_.settle();
  EXPECT_EQ(m_.nic.mmio_read(reg::RDLEN(0), 4), 1024u);
}

TEST_F(Hostile, AHalfOfASplitDescriptorIsNotGiven) {
  Driver driver(m_, {.format = Format::kSplit});
  driver.set_up();
  m_.settle();
  driver.tail(reg::RDT, 63);
  m_.settle();
  EXPECT_EQ(m_.nic.mmio_read(reg::RDT(0), 4), 62u);
}

TEST_F(Hostile, SettingUpWithoutEndDoesNotKeepTheCore) {
  uint32_t writes = 0;
  bool inside = false;
  m_.on_access = [&] {
    if (std::exchange(inside, true)) return;
    m_.set(reg::TDBAL(0), ++writes * 128);
    inside = false;
  };
  m_.set(reg::TDBAL(0), 0);
  EXPECT_TRUE(m_.interceptor.poll()) << "there is more";
  EXPECT_GT(writes, 10u);
  m_.on_access = nullptr;
  m_.settle();
  EXPECT_EQ(m_.get(reg::TDBAL(0)), writes * 128);
}

TEST_F(Hostile, ATailBeyondTheRingStopsItUntilTheNext) {
  for (const uint32_t tail : {64u, 65u, 1024u, 0xffffu, 0xffffffffu}) {
    driver_.tail(reg::TDT, tail);
    driver_.tail(reg::RDT, tail);
    m_.settle();
  }
  ASSERT_TRUE(driver_.send(numbered(9)));
  driver_.doorbell();
  m_.settle();
  EXPECT_EQ(m_.card.sent.size(), 1u);
}

// By way of IOADDR and IODATA a guest reads and writes what it would in BAR 0: its own registers,
// not those that the NIC has by now.
TEST_F(Hostile, TheIoBarLeadsToTheSameRegisters) {
  const auto set = [&](uint32_t offset, uint32_t value) {
    m_.redirect.guest_write(2, kIoAddr, offset, 4);
    m_.redirect.guest_write(2, kIoData, value, 4);
  };
  const auto get = [&](uint32_t offset) {
    m_.redirect.guest_write(2, kIoAddr, offset, 4);
    EXPECT_EQ(m_.redirect.guest_read(2, kIoAddr, 4), offset);
    return m_.redirect.guest_read(2, kIoData, 4);
  };
  for (unsigned ring = 0; ring < interceptor::kRings; ++ring) {
    for (uint32_t word = 0; word < sizeof(RingRegisters); word += 4)
      EXPECT_EQ(get(ring_offset(ring) + word), m_.get(ring_offset(ring) + word)) << ring << word;
  }
  EXPECT_EQ(get(reg::TDBAH(0)), 0u);
  EXPECT_EQ(get(reg::STATUS), m_.nic.mmio_read(reg::STATUS, 4));
  set(reg::TDBAH(1), 0x5a);
  m_.settle();
  EXPECT_EQ(get(reg::TDBAH(1)), 0x5au);
  EXPECT_EQ(m_.nic.mmio_read(reg::TDBAH(0), 4), partition::kPrivateBase >> 32);
  EXPECT_EQ(m_.interceptor.counts().io_accesses, 1u);
  EXPECT_EQ(m_.alerts.count(Alert::kIoBar), 1u);
  // A doorbell, even.
  ASSERT_TRUE(driver_.send(numbered(9)));
  set(reg::TDT(0), driver_.sent());
  m_.settle();
  EXPECT_EQ(m_.card.sent.size(), 1u);
  // A reset, too.
  set(reg::CTRL, CTRL_RST);
  EXPECT_EQ(m_.get(reg::TDT(0)), 0u);
}

// The NIC gets what was copied for it: no ring where the guest's memory begins, no descriptor of a
// former round.
TEST_F(Hostile, AResetWhileRingsAreSetUpGivesTheNicNothingElse) {
  constexpr uint8_t kFormer = 0xf0;
  const auto read = [&](uint32_t offset) {
    return static_cast<uint32_t>(m_.nic.mmio_read(offset, 4));
  };
  const auto expect_copied = [&](unsigned ring) {
    const uint32_t units = read(length_offset(ring)) / kRingUnit;
    const uint32_t head = read(head_offset(ring)), tail = read(tail_offset(ring));
    if (tail >= units || tail == head) return;
    ASSERT_EQ(read(ring_offset(ring) + 4), partition::kRamBase >> 32);
    const uint8_t* real = hidden(kRealAt + ring * interceptor::real_octets(kUnits));
    ASSERT_EQ(read(ring_offset(ring)), (partition::kRamBase + (real - hidden(0))) & 0xffffffff);
    for (uint32_t unit = head; unit != tail; unit = (unit + 1) % units)
      ASSERT_NE(real[unit * kRingUnit + 7], kFormer) << unit;
  };
  bool in_time = true;
  unsigned when = 0;
  for (; in_time; ++when) {
    SCOPED_TRACE(when);
    Driver driver(m_, {});
    driver.set_up();
    for (uint32_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(driver.send(numbered(i)));
      driver.doorbell();
      m_.receive(numbered(i));
      m_.settle();
    }
    std::memset(hidden(kRealAt), kFormer, interceptor::kRings * interceptor::real_octets(kUnits));
    for (const uint32_t length : {reg::RDLEN(0), reg::TDLEN(0)}) m_.set(length, m_.get(length));
    unsigned accesses = 0;
    in_time = false;
    m_.on_access = [&] {
      if (accesses++ == when) {
        in_time = true;
        m_.set(reg::CTRL, m_.get(reg::CTRL) | CTRL_RST);
        for (const uint32_t tail : {reg::RDT(0), reg::TDT(0)}) m_.set(tail, 30);
      }
      for (unsigned ring = 0; in_time && ring < interceptor::kRings; ++ring) expect_copied(ring);
    };
    m_.interceptor.poll();
    m_.on_access = nullptr;
    m_.settle();
    m_.set(reg::CTRL, m_.get(reg::CTRL) | CTRL_RST);
    m_.link_up();
  }
  EXPECT_GT(when, 20u);
}

TEST_F(Hostile, ReservedBitsNeverShowNotEvenWhileTheNicIsHandedBack) {
  bool shown = false;
  unsigned accesses = 0;
  m_.on_access = [&] {
    shown |= m_.get(reg::TDT(1)) >> 16 != 0;
    if (accesses++ % 3 == 0) m_.set(reg::TDT(1), 0xabcd'0000);
  };
  m_.interceptor.stop();
  m_.on_access = nullptr;
  EXPECT_FALSE(shown);
}

TEST_F(Hostile, SetUpsThatOverrunTheRecordsAreReadAnew) {
  for (uint32_t i = 0; i < 3 * kRecords; ++i) m_.set(reg::TDBAL(0), i << 8);
  driver_.set_up();
  m_.settle();
  EXPECT_NE(m_.interceptor.counts().overruns, 0u);
  ASSERT_TRUE(driver_.send(numbered(5)));
  driver_.doorbell();
  m_.settle();
  ASSERT_EQ(m_.card.sent.size(), 1u);
  EXPECT_EQ(number_of(m_.card.sent[0].bytes), 5u);
}

TEST_F(Hostile, GarbageInRegistersAndRings) {
  std::mt19937 random(11);
  for (int step = 0; step < 20000; ++step) {
    const uint32_t bases[] = {reg::RDBAL(0), reg::RDBAL(1),        reg::TDBAL(0),
                              reg::TDBAL(1), alias_of(reg::RDBAL), alias_of(reg::TDBAL)};
    switch (random() % 8) {
      case 0:
        m_.redirect.guest_write(0, bases[random() % 6] + random() % 0x1c, random() % 0x300000,
                                1u << random() % 4);
        break;
      case 1:
        m_.set(bases[random() % 6] + 0x18, random() % 80);
        break;
      case 2:
        m_.set(random() % 2 ? reg::RFCTL : reg::RCTL, random());
        break;
      case 3:
        if (random() % 16 == 0) m_.set(reg::CTRL, random());
        break;
      case 4:
        *m_.at(0x100000 + random() % 0x200000) = static_cast<uint8_t>(random());
        break;
      case 5:
        m_.receive(numbered(1, 60 + random() % 1400));
        break;
      case 6:
        if (random() % 8 == 0) {
          if (m_.interceptor.started()) {
            m_.interceptor.stop();
          } else {
            ASSERT_TRUE(m_.interceptor.start());
          }
        }
        break;
      default:
        m_.interceptor.poll();
        m_.advance(10'000);
        break;
    }
    m_.card.sent.clear();
  }
  if (m_.interceptor.started()) expect_sealed();
}

}  // namespace
}  // namespace gatehouse::interceptor
