// SPDX-License-Identifier: GPL-2.0-or-later
// Copy mode's memory: frames wait for room, buffers have the sizes that registers say, rings come
// and go.
#include <algorithm>

#include "tests/unit/firmware/interceptor_copying.hh"

namespace gatehouse::interceptor {
namespace {

TEST_F(CopiedInspection, FramesWaitForRoomAndNoneIsLost) {
  start();
  Driver driver(m, {.transmit_units = kUnits});
  driver.set_up();
  m.settle();
  m.set(reg::TCTL, TCTL_PSP);
  uint32_t number = 0;
  for (; number < 900; ++number) ASSERT_TRUE(driver.send(numbered(number, 1514)));
  driver.doorbell();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(m.interceptor.poll());
  EXPECT_FALSE(m.interceptor.arm()) << "nobody would wake it";
  EXPECT_EQ(m.interceptor.counts().waits, 1u);
  EXPECT_LT(inspector.sent().size(), 900u);
  EXPECT_GT(inspector.sent().size(), 600u);
  // The guest's buffers are its own again only when they have been copied.
  EXPECT_EQ(driver.unfinished(), 900u);
  m.set(reg::TCTL, TCTL_EN | TCTL_PSP);
  for (; number < 3000; ++number) {
    while (!driver.send(numbered(number, 1514))) m.settle();
    if (number % 100 == 0) driver.doorbell();
  }
  driver.doorbell();
  m.settle();
  expect_sent_as_inspected();
  ASSERT_EQ(m.card.sent.size(), 3000u);
  for (uint32_t i = 0; i < 3000; ++i) ASSERT_EQ(m.card.sent[i].bytes, numbered(i, 1514));
  EXPECT_EQ(driver.unfinished(), 0u);
}

// While frames wait for room, the NIC finishes what is under way: its head is ahead of what
// firmware has seen of its reports, and stays so for all that is inspected in one go.
TEST_F(CopiedInspection, AHeadThatLagsBehindFreesNothingAnew) {
  // Every third frame is a large one, of which the NIC's card takes so many at a time.
  constexpr uint32_t kHead = 64, kBody = 14'000, kFrames = 740;
  const auto large = [](uint32_t number) { return number % 3 == 0; };
  start();
  Driver driver(m, {.transmit_units = kUnits});
  driver.set_up();
  m.settle();
  // So that the first mark is not the buffer's begin.
  for (uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(driver.send(numbered(1000 + i, 1514)));
  driver.doorbell();
  m.settle();
  m.card.sent.clear();
  inspector.passed = {};
  m.set(reg::TCTL, TCTL_PSP);
  const uint64_t body = Driver::kTxBuffers + kUnits * 4096;
  std::memset(m.at(body), 0x55, kBody);
  uint32_t unit = 10;
  const auto describe = [&](uint64_t address, uint32_t octets, bool last) {
    uint8_t* d = driver.tx(unit);
    unit = (unit + 1) % kUnits;
    std::memset(d, 0, kRingUnit);
    put<desc::TX_ADDRESS>(d, address);
    put<desc::TX_LENGTH>(d, octets);
    put<desc::TX_COMMAND>(d, TX_CMD_IFCS | (last ? TX_CMD_EOP | TX_CMD_RS : 0));
  };
  for (uint32_t number = 0; number < kFrames; ++number) {
    const uint64_t at = Driver::kTxBuffers + number * 4096;
    std::memcpy(m.at(at), numbered(number, kHead).data(), kHead);
    describe(at, kHead, !large(number));
    if (large(number)) describe(body, kBody, true);
  }
  driver.tail(reg::TDT, unit);
  for (int i = 0; i < 10; ++i) m.interceptor.poll();
  ASSERT_EQ(m.interceptor.counts().waits, 1u);
  ASSERT_LT(inspector.sent().size(), kFrames / 3) << "twice as many wait as are under way";
  // Another CPU of the guest, while firmware asks for the head.
  bool once = true;
  m.on_access = [&] {
    if (std::exchange(once, false)) m.set(reg::TCTL, TCTL_EN | TCTL_PSP);
  };
  m.interceptor.poll();
  m.on_access = nullptr;
  ASSERT_FALSE(once);
  for (int i = 0; i < 20; ++i) {  // the NIC sends so much at a time
    m.settle();
    m.advance(1'000'000);
  }
  expect_sent_as_inspected();
  ASSERT_EQ(m.card.sent.size(), kFrames);
  for (uint32_t i = 0; i < kFrames; ++i) {
    Bytes frame = numbered(i, kHead);
    if (large(i)) frame.resize(kHead + kBody, 0x55);
    ASSERT_EQ(m.card.sent[i].bytes, frame) << i;
  }
}

// Nobody reports, so the NIC's head tells of room.
TEST_F(CopiedInspection, FramesThatReportNothingMakeRoomAsWell) {
  start();
  Driver driver(m, {.transmit_units = kUnits});
  driver.set_up();
  m.settle();
  uint32_t number = 0;
  for (int round = 0; round < 8; ++round) {
    m.set(reg::TCTL, TCTL_PSP);
    for (int i = 0; i < 900; ++i, ++number) {
      const uint64_t at = Driver::kTxBuffers + number % kUnits * 4096;
      std::memcpy(m.at(at), numbered(number, 1514).data(), 1514);
      uint8_t* d = driver.tx(number % kUnits);
      std::memset(d, 0, kRingUnit);
      put<desc::TX_ADDRESS>(d, at);
      put<desc::TX_LENGTH>(d, 1514);
      put<desc::TX_COMMAND>(d, TX_CMD_IFCS | TX_CMD_EOP);
    }
    driver.tail(reg::TDT, number % kUnits);
    m.interceptor.poll();
    EXPECT_EQ(m.interceptor.counts().waits, 1u + round);
    m.set(reg::TCTL, TCTL_EN | TCTL_PSP);
    m.settle();
    ASSERT_EQ(m.card.sent.size(), number);
    ASSERT_EQ(driver.position(reg::TDH), number % kUnits);
  }
  expect_sent_as_inspected();
}

TEST_F(CopiedInspection, CopiesSuperFramesOfManyDescriptors) {
  start();
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  constexpr uint32_t kHeaders = 54, kPart = 4000, kParts = 16;
  uint32_t unit = 0;
  for (uint32_t number = 0; number < 40; ++number) {
    const Bytes frame = numbered(number, kHeaders + kPart * kParts);
    const uint64_t at = Driver::kTxBuffers + number % 3 * 0x20000;
    std::memcpy(m.at(at), frame.data(), frame.size());
    const auto next = [&] {
      uint8_t* d = driver.tx(unit);
      unit = (unit + 1) % 64;
      std::memset(d, 0, kRingUnit);
      return d;
    };
    uint8_t* context = next();
    put<desc::CONTEXT_IPCSS>(context, 14);
    put<desc::CONTEXT_IPCSO>(context, 24);
    put<desc::CONTEXT_IPCSE>(context, 33);
    put<desc::CONTEXT_TUCSS>(context, 34);
    put<desc::CONTEXT_TUCSO>(context, 50);
    put<desc::CONTEXT_TUCMD>(context, TX_CMD_DEXT | TX_TUCMD_TSE | TX_TUCMD_IP | TX_TUCMD_TCP);
    put<desc::CONTEXT_HDRLEN>(context, kHeaders);
    put<desc::CONTEXT_MSS>(context, 1448);
    put<desc::CONTEXT_PAYLEN>(context, kPart * kParts);
    const auto data = [&](uint64_t address, uint32_t octets, uint64_t command) {
      uint8_t* d = next();
      put<desc::TX_ADDRESS>(d, address);
      put<desc::DATA_DTALEN>(d, octets);
      put<desc::DATA_DTYP>(d, 1);
      put<desc::DATA_DCMD>(d, TX_CMD_DEXT | TX_CMD_IFCS | TX_CMD_TSE | command);
    };
    data(at, kHeaders, 0);
    for (uint32_t part = 0; part < kParts; ++part)
      data(at + kHeaders + part * kPart, kPart, part + 1 == kParts ? TX_CMD_EOP | TX_CMD_RS : 0);
    driver.tail(reg::TDT, unit);
    m.interceptor.poll();
    std::memset(m.at(at), kMark, frame.size());
    m.settle();
    ASSERT_EQ(m.card.sent.size(), number + 1) << "the context stayed as it was";
    EXPECT_EQ(m.card.sent[number].bytes, frame);
    EXPECT_TRUE(m.card.sent[number].offload.tso);
    EXPECT_EQ(m.card.sent[number].offload.mss, 1448u);
  }
}

TEST_F(CopiedInspection, AFrameThatIsTooLongIsDropped) {
  start();
  Driver driver(m, {});
  driver.set_up();
  m.settle();
  for (uint32_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(driver.send(numbered(i), 1, true));
    if (i == 0) put<desc::DATA_DTALEN>(driver.tx(1), kCopyOctets + 1);
  }
  driver.doorbell();
  m.settle();
  EXPECT_EQ(m.interceptor.counts().unseen, 1u);
  ASSERT_EQ(m.card.sent.size(), 1u);
  EXPECT_EQ(number_of(m.card.sent[0].bytes), 1u);
}

// Buffers are as long as RCTL and PSRCTL say; a ring for which there is no memory stays off.
TEST_F(CopiedInspection, FollowsTheSizesOfBuffers) {
  start();
  for (const Format format : kFormats) {
    Driver driver(m, {.format = format});
    driver.set_up();
    m.settle();
    uint32_t number = 0;
    const auto expect = [&](uint32_t octets) {
      m.receive(numbered(number, octets));
      m.settle();
      ASSERT_EQ(driver.receive(), std::vector<Bytes>{numbered(number++, octets)});
    };
    const uint32_t rctl = m.get(reg::RCTL);
    expect(1500);
    m.set(reg::RCTL, (rctl & ~RCTL_BSIZE) | 2u << 16);  // 512
    m.settle();
    expect(1500);
    m.set(reg::RCTL, (rctl & ~RCTL_BSIZE) | 3u << 16 | RCTL_BSEX);  // 4096
    m.set(reg::PSRCTL, 8 | 3 << 8);                                 // 1024, 3 KiB
    m.settle();
    expect(1500);
    expect(3500);
    EXPECT_EQ(driver.errors, 0u);
    m.set(reg::RCTL, (rctl & ~RCTL_BSIZE) | 1u << 16 | RCTL_BSEX);
    m.set(reg::PSRCTL, 127 | 63 << 8 | 63 << 16);
    m.settle();
    if (format == Format::kSplit) {
      EXPECT_EQ(m.nic.mmio_read(reg::RDLEN(0), 4), 0u) << "too large";
      EXPECT_GE(m.alerts.count(Alert::kNoBuffers), 1u);
    }
    reset();
  }
  Driver driver(m, {});
  driver.set_up();
  m.receive(numbered(7));
  m.settle();
  EXPECT_EQ(driver.receive().size(), 1u) << "a decent driver after that works";
}

// The NIC takes longer frames at once, firmware learns of it later: what does not fit in a private
// buffer was not inspected, and does not get to the guest; nothing that is sent is touched.
TEST_F(CopiedInspection, AGuestThatMakesBuffersLongerGetsNothingByIt) {
  start();
  uint64_t unseen = 0;
  for (const Format format : kFormats) {
    Driver driver(m, {.format = format});
    driver.set_up();
    m.set(reg::RCTL, (m.get(reg::RCTL) & ~RCTL_BSIZE) | 3u << 16);  // 256
    m.set(reg::PSRCTL, 1 | 1 << 8);
    m.settle();
    m.set(reg::TCTL, TCTL_PSP);
    for (uint32_t number = 0; number < 20; ++number) ASSERT_TRUE(driver.send(numbered(number)));
    driver.doorbell();
    m.settle();
    m.set(reg::RCTL, m.get(reg::RCTL) | RCTL_BSEX);
    m.set(reg::PSRCTL, 127 | 63 << 8);
    Bytes frame = numbered(1, 8000);
    std::fill(frame.begin() + 20, frame.end(), kMark - 1);
    m.receive(frame);
    m.receive(frame);
    m.settle();
    EXPECT_EQ(m.interceptor.counts().unseen - unseen, 2u);
    unseen += 2;
    EXPECT_TRUE(inspector.received().empty());
    for (const Bytes& one : driver.receive())
      EXPECT_EQ(std::count(one.begin(), one.end(), kMark - 1), 0) << "no octet of it";
    EXPECT_EQ(driver.errors, 2u);
    EXPECT_EQ(memmem(m.hidden.memory.get() + kReceiveAt, kReceiveOctets, frame.data() + 40, 200),
              nullptr)
        << "nor stays one, wherever the NIC has put it";
    m.set(reg::TCTL, TCTL_EN | TCTL_PSP);
    driver.doorbell();
    m.settle();
    EXPECT_EQ(m.card.sent.size(), 20u);
    expect_sent_as_inspected();
    reset();
    inspector.passed = {};
    m.card.sent.clear();
  }
}

TEST_F(CopiedInspection, FollowsADriversResetsAndRings) {
  start();
  uint32_t number = 0;
  for (const uint32_t units : {64u, 256u, 8u, 1024u, 64u}) {
    for (const Format format : kFormats) {
      Driver driver(m, {.receive_units = units, .transmit_units = units, .format = format});
      driver.set_up();
      for (int i = 0; i < 20; ++i, ++number) {
        ASSERT_TRUE(driver.send(numbered(number)));
        driver.doorbell();
        m.receive(numbered(number));
        m.settle();
        ASSERT_EQ(driver.receive(), std::vector<Bytes>{numbered(number)}) << units;
        ASSERT_EQ(number_of(m.card.sent.back().bytes), number);
      }
      // In the middle: nothing reaches memory that the driver may have freed.
      m.receive(numbered(number));
      ASSERT_TRUE(driver.send(numbered(number)));
      m.set(reg::CTRL, m.get(reg::CTRL) | CTRL_RST);
      const Bytes before(m.memory.ram.get(), m.memory.ram.get() + vnic::rig::Memory::kRam);
      m.settle();
      ASSERT_EQ(std::memcmp(before.data(), m.memory.ram.get(), before.size()), 0);
      m.link_up();
    }
  }
  EXPECT_EQ(m.interceptor.counts().unusable_rings, 0u);
  m.interceptor.stop();
  EXPECT_EQ(m.memory.octets, 0u) << "the NIC reaches nothing private any more";
}

}  // namespace
}  // namespace gatehouse::interceptor
