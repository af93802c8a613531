// SPDX-License-Identifier: GPL-2.0-or-later
// The NVM and the flash (data sheet 3.3, chapter 6): words by EERD and EEWR, pins by EEC (EEPROM)
// and FLA (flash), flash octets by FLSWCTL and BAR 1. What the guest writes survives resets and is
// part of the saved state; a new device starts from its identity, with an erased flash.
#ifndef GATEHOUSE_HW_CARD_VNIC_NVM_HH_
#define GATEHOUSE_HW_CARD_VNIC_NVM_HH_

#include <array>
#include <cstdint>
#include <vector>

#include "hw/card/vnic/spi.hh"
#include "hw/core/base/address.hh"
#include "hw/spec/i82574_nvm.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class RegisterFile;

// What a device is made with.
struct Identity {
  MacAddress mac;
  uint16_t subsystem_vendor = 0x8086;
  uint16_t subsystem = 0;
};

class Nvm {
 public:
  Nvm(RegisterFile& registers, const Identity& identity);

  // `address` below i82574::kNvmWords.
  uint16_t word(unsigned address) const { return eeprom_.words[address]; }
  MacAddress mac() const;
  // Words 0 to 3Fh add up to BABAh (chapter 6): what software checks.
  bool checksum_good() const;

  // The guest's accesses; storage is written here.
  void write_eerd(uint32_t value);
  void write_eewr(uint32_t value);
  void write_eec(uint32_t value);
  void write_fla(uint32_t value);
  void write_flswctl(uint32_t value);
  uint32_t read_flswdata();
  void write_flswdata(uint32_t value);
  // Any offset: the flash repeats.
  uint8_t read_flash(uint64_t offset) const;
  void write_flash(uint64_t offset, uint8_t value);

  // The pins, not the content.
  void reset();
  void archive(Archive& archive);

 private:
  struct Eeprom : SpiMemory {
    std::array<uint16_t, i82574::kNvmWords> words{};
    uint32_t size() const override { return i82574::kNvmWords * 2; }
    uint8_t read(uint32_t address) const override;
    void write(uint32_t address, uint8_t value) override;
    void erase(uint32_t address, uint32_t octets) override;
  };
  struct Flash : SpiMemory {
    std::vector<uint8_t> octets;  // empty: all erased
    uint32_t size() const override;
    uint8_t read(uint32_t address) const override;
    void write(uint32_t address, uint8_t value) override;
    void erase(uint32_t address, uint32_t count) override;
  };

  bool flash_writable() const;
  void advance_flash(uint32_t octets);

  RegisterFile& registers_;
  Eeprom eeprom_;
  Flash flash_;
  SpiDevice eeprom_pins_;
  SpiDevice flash_pins_;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_NVM_HH_
