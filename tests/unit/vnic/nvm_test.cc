// SPDX-License-Identifier: GPL-2.0-or-later
// NVM words by EERD and EEWR, the EEPROM's and the flash's pins, the flash interface and BAR 1.
#include <gtest/gtest.h>

#include "tests/unit/vnic/rig.hh"

namespace gatehouse::vnic::rig {
namespace {

class NvmTest : public ::testing::Test {
 protected:
  uint16_t read(unsigned address) {
    rig_.set(reg::EERD, address << 2 | EERD_START);
    const uint32_t value = rig_.get(reg::EERD);
    EXPECT_EQ(value & (EERD_DONE | EERD_START | EERD_ADDR), EERD_DONE | address << 2);
    return static_cast<uint16_t>(value >> 16);
  }
  void write(unsigned address, uint16_t value) {
    rig_.set(reg::EEWR, uint32_t{value} << 16 | address << 2 | EEWR_START);
    EXPECT_TRUE(rig_.get(reg::EEWR) & EEWR_DONE);
  }
  void enable_flash_writes() { rig_.set(reg::EEC, 2u << 4); }
  Rig rig_;
};

// Drives four pins of EEC or FLA, as drivers shift.
class Pins {
 public:
  Pins(Rig& rig, uint32_t at, uint32_t request, uint32_t grant, uint32_t keep = 0)
      : rig_(rig), at_(at), request_(request | keep) {
    rig_.set(at_, request_);
    EXPECT_TRUE(rig_.get(at_) & grant);
    select(false);
  }
  ~Pins() { rig_.set(at_, 0); }
  void select(bool on) {
    pins_ = on ? 0 : 2;  // active low
    put();
  }
  void out(uint32_t value, unsigned bits) {
    for (unsigned i = bits; i-- > 0;) {
      pins_ = (pins_ & ~4u) | ((value >> i & 1) << 2);
      put();
      clock();
    }
  }
  uint8_t in() {
    uint8_t value = 0;
    for (int i = 0; i < 8; ++i) {
      pins_ |= 1;
      put();
      value = static_cast<uint8_t>(value << 1 | (rig_.get(at_) >> 3 & 1));
      pins_ &= ~1u;
      put();
    }
    return value;
  }

 private:
  void put() { rig_.set(at_, request_ | pins_); }
  void clock() {
    pins_ |= 1;
    put();
    pins_ &= ~1u;
    put();
  }
  Rig& rig_;
  uint32_t at_, request_, pins_ = 2;
};

TEST_F(NvmTest, HoldsIdentityAndChecksum) {
  EXPECT_EQ(read(nvm::kMac0), 0x5452);
  EXPECT_EQ(read(nvm::kMac1), 0x1200);
  EXPECT_EQ(read(nvm::kMac2), 0x5634);
  EXPECT_EQ(read(nvm::kDevice), 0x10d3);
  EXPECT_EQ(read(nvm::kSubsystemVendor), 0x8086);
  uint16_t sum = 0;
  for (unsigned i = 0; i <= nvm::kChecksum; ++i) sum = static_cast<uint16_t>(sum + read(i));
  EXPECT_EQ(sum, kNvmChecksum);
  EXPECT_TRUE(rig_.vnic.nvm().checksum_good());
  EXPECT_EQ(read(kNvmWords - 1), kNvmErased);
  EXPECT_EQ(read(kNvmWords), kNvmErased);
  EXPECT_EQ(read(0x3fff), kNvmErased);
}

TEST_F(NvmTest, ReadWithoutStartIsNotDone) {
  rig_.set(reg::EERD, 3 << 2);
  EXPECT_EQ(rig_.get(reg::EERD), 3u << 2);
}

TEST_F(NvmTest, EecTellsSizeAndPresence) {
  const uint32_t eec = rig_.get(reg::EEC);
  EXPECT_EQ(eec & (EEC_PRES | EEC_AUTO_RD), EEC_PRES | EEC_AUTO_RD);
  EXPECT_EQ(64u << field_get(eec, EEC_NVSIZE), kNvmWords);
  EXPECT_EQ(field_get(eec, EEC_NVADDS), 2u);
}

TEST_F(NvmTest, WritesSurviveResetsAndSavedState) {
  write(nvm::kMac2, 0x9988);
  EXPECT_FALSE(rig_.vnic.nvm().checksum_good());
  write(nvm::kChecksum, static_cast<uint16_t>(read(nvm::kChecksum) - 0x9988 + 0x5634));
  EXPECT_TRUE(rig_.vnic.nvm().checksum_good());
  write(kNvmWords, 0x1111);  // nowhere
  Archive saved;
  rig_.vnic.archive(saved);
  for (const ResetKind kind : {ResetKind::kSoftware, ResetKind::kFunction, ResetKind::kPowerOn}) {
    rig_.vnic.reset(kind);
    EXPECT_EQ(read(nvm::kMac2), 0x9988);
    EXPECT_EQ(rig_.get(reg::RAH(0)), 0x80009988u);
  }
  Rig other;
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_EQ(other.vnic.nvm().word(nvm::kMac2), 0x9988);
}

TEST_F(NvmTest, EepromPinsReadAndWrite) {
  write(0x10, 0xaabb);
  Pins pins(rig_, reg::EEC, EEC_REQ, EEC_GNT);
  pins.select(true);
  pins.out(spi::kRead, 8);
  pins.out(0x10 * 2, 16);
  EXPECT_EQ(pins.in(), 0xbb);
  EXPECT_EQ(pins.in(), 0xaa);
  EXPECT_EQ(pins.in(), 0x01);  // word 11h
  pins.select(false);
  EXPECT_EQ(rig_.get(reg::EEC) & EEC_DO, 0u);
  // Not without write enable.
  pins.select(true);
  pins.out(spi::kWrite, 8);
  pins.out(0x20, 16);
  pins.out(0x11, 8);
  pins.select(false);
  EXPECT_EQ(read(0x10), 0xaabb);
  pins.select(true);
  pins.out(spi::kWriteEnable, 8);
  pins.select(false);
  pins.select(true);
  pins.out(spi::kReadStatus, 8);
  EXPECT_EQ(pins.in(), spi::kStatusWriteEnabled);
  pins.select(false);
  pins.select(true);
  pins.out(spi::kWrite, 8);
  pins.out(0x20, 16);
  pins.out(0x3412, 16);
  pins.select(false);
  EXPECT_EQ(read(0x10), 0x1234);
  pins.select(true);
  pins.out(spi::kReadStatus, 8);
  EXPECT_EQ(pins.in(), 0);
}

TEST_F(NvmTest, EepromReadsWrapAtTheEnd) {
  Pins pins(rig_, reg::EEC, EEC_REQ, EEC_GNT);
  pins.select(true);
  pins.out(spi::kRead, 8);
  pins.out(0xffff, 16);  // beyond the part: wraps too
  EXPECT_EQ(pins.in(), 0xff);
  EXPECT_EQ(pins.in(), 0x52);
}

TEST_F(NvmTest, PinsNeedTheRequest) {
  rig_.set(reg::EEC, EEC_SK | EEC_DI);
  EXPECT_EQ(rig_.get(reg::EEC) & (EEC_SK | EEC_DI | EEC_GNT), 0u);
  rig_.set(reg::EEC, EEC_REQ);
  EXPECT_EQ(rig_.get(reg::EEC) & EEC_GNT, EEC_GNT);
  rig_.set(reg::EEC, 0);
  EXPECT_EQ(rig_.get(reg::EEC) & EEC_GNT, 0u);
}

TEST_F(NvmTest, FlashBarReadsErasedAndWritesOnlyWhenEnabled) {
  EXPECT_EQ(rig_.vnic.flash_read(0x100, 4), 0xffffffffu);
  rig_.vnic.flash_write(0x100, 0x12345678, 4);
  EXPECT_EQ(rig_.vnic.flash_read(0x100, 4), 0xffffffffu);
  enable_flash_writes();
  rig_.vnic.flash_write(0x100, 0x12345678, 4);
  EXPECT_EQ(rig_.vnic.flash_read(0x100, 4), 0x12345678u);
  rig_.vnic.flash_write(0x100, 0xff, 1);  // sets no bits
  EXPECT_EQ(rig_.vnic.flash_read(0x100, 1), 0x78u);
  EXPECT_EQ(rig_.vnic.flash_read(0x102, 2), 0x1234u);
  EXPECT_EQ(rig_.vnic.flash_read(0x100 + kFlashBarOctets, 1), 0x78u);
}

TEST_F(NvmTest, FlashInterface) {
  enable_flash_writes();
  rig_.set(reg::FLSWCNT, 6);
  rig_.set(reg::FLSWCTL, 1u << 24 | 0x2000);
  EXPECT_EQ(rig_.get(reg::FLSWCTL) & (FLSWCTL_DONE | FLSWCTL_GLDONE), FLSWCTL_DONE);
  rig_.set(reg::FLSWDATA, 0x44332211);
  rig_.set(reg::FLSWDATA, 0x88776655);
  EXPECT_TRUE(rig_.get(reg::FLSWCTL) & FLSWCTL_GLDONE);
  EXPECT_EQ(rig_.vnic.flash_read(0x2000, 8), 0xffff665544332211u);
  rig_.set(reg::FLSWCNT, 8);
  rig_.set(reg::FLSWCTL, 0x2000);
  EXPECT_EQ(rig_.get(reg::FLSWDATA), 0x44332211u);
  EXPECT_EQ(rig_.get(reg::FLSWDATA), 0xffff6655u);
  EXPECT_TRUE(rig_.get(reg::FLSWCTL) & FLSWCTL_GLDONE);
  rig_.set(reg::FLSWCTL, 2u << 24 | 0x2fff);
  EXPECT_EQ(rig_.vnic.flash_read(0x2000, 4), 0xffffffffu);
}

TEST_F(NvmTest, FlashPins) {
  enable_flash_writes();
  Pins pins(rig_, reg::FLA, FLA_FL_REQ, FLA_FL_GNT);
  pins.select(true);
  pins.out(spi::kReadId, 8);
  for (const uint8_t octet : spi::kFlashId) EXPECT_EQ(pins.in(), octet);
  pins.select(false);
  pins.select(true);
  pins.out(spi::kWriteEnable, 8);
  pins.select(false);
  pins.select(true);
  pins.out(spi::kWrite, 8);
  pins.out(0x0100ff, 24);  // last of a page: the next wraps to its start
  pins.out(0xabcd, 16);
  pins.select(false);
  EXPECT_EQ(rig_.vnic.flash_read(0x100ff, 1), 0xabu);
  EXPECT_EQ(rig_.vnic.flash_read(0x10000, 1), 0xcdu);
  pins.select(true);
  pins.out(spi::kWriteEnable, 8);
  pins.select(false);
  pins.select(true);
  pins.out(spi::kEraseSector, 8);
  pins.out(0x010abc, 24);
  pins.select(false);
  EXPECT_EQ(rig_.vnic.flash_read(0x10000, 1), 0xffu);
}

// A part whose saved state says an address that it does not have.
class Checked final : public SpiMemory {
 public:
  uint32_t size() const override { return 4096; }
  uint8_t read(uint32_t address) const override {
    EXPECT_LT(address, size());
    return 0;
  }
  void write(uint32_t address, uint8_t) override {
    EXPECT_LT(address, size());
    ++written;
  }
  void erase(uint32_t address, uint32_t octets) override { EXPECT_LE(address + octets, size()); }
  unsigned written = 0;
};

TEST(SpiDevice, AnAddressThatIsLoadedIsInTheMemory) {
  for (const uint8_t opcode : {spi::kRead, spi::kWrite}) {
    Archive saved;
    uint32_t address = 0x7ffff123, octets = 3;
    uint8_t code = opcode, none = 0, bits = 7;
    bool yes = true, no = false;
    saved(address), saved(octets), saved(code), saved(none), saved(none), saved(bits);
    saved(yes), saved(no), saved(yes);  // selected, clock low, writes enabled
    SpiDevice device({.address_octets = 2, .page = 32, .flash = false});
    Checked memory;
    Archive loaded(saved.bytes());
    device.archive(loaded, memory.size());
    ASSERT_TRUE(loaded.ok() && loaded.at_end());
    for (int i = 0; i < 64; ++i) {
      device.pins(memory, true, true, false);
      device.pins(memory, true, false, false);
    }
    device.pins(memory, false, false, false);
    EXPECT_EQ(memory.written, opcode == spi::kWrite ? 8u : 0u);
  }
}

TEST_F(NvmTest, FlashSurvivesSavedState) {
  enable_flash_writes();
  rig_.vnic.flash_write(0x1ffff, 0x42, 1);
  Archive saved;
  rig_.vnic.archive(saved);
  Rig other;
  Archive loaded(saved.bytes());
  other.vnic.archive(loaded);
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_EQ(other.vnic.flash_read(0x1ffff, 1), 0x42u);
}

}  // namespace
}  // namespace gatehouse::vnic::rig
