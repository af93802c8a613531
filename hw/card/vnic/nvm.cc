// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/nvm.hh"

#include <algorithm>

#include "hw/card/vnic/register_file.hh"
#include "hw/core/base/archive.hh"

namespace gatehouse::vnic {

using namespace i82574;  // NOLINT: register and field names

namespace {

constexpr uint8_t kErasedOctet = 0xff;
constexpr uint32_t kFlashWriteEnabled = 2;  // EEC.FWE
// FLSWCTL.CMD
enum FlashCommand : uint32_t {
  kReadFlash = 0,
  kWriteFlash = 1,
  kEraseSector = 2,
  kEraseDevice = 3
};

uint16_t word_of(const MacAddress& mac, unsigned i) {
  return static_cast<uint16_t>(mac.octets[2 * i] | mac.octets[2 * i + 1] << 8);
}

}  // namespace

uint8_t Nvm::Eeprom::read(uint32_t address) const {
  return static_cast<uint8_t>(words[address / 2] >> (address % 2 * 8));
}
void Nvm::Eeprom::write(uint32_t address, uint8_t value) {
  const unsigned shift = address % 2 * 8;
  words[address / 2] =
      static_cast<uint16_t>((words[address / 2] & ~(0xff << shift)) | value << shift);
}
void Nvm::Eeprom::erase(uint32_t, uint32_t) {}

uint32_t Nvm::Flash::size() const { return kFlashBarOctets; }
uint8_t Nvm::Flash::read(uint32_t address) const {
  return octets.empty() ? kErasedOctet : octets[address];
}
void Nvm::Flash::write(uint32_t address, uint8_t value) {
  if (octets.empty()) octets.assign(kFlashBarOctets, kErasedOctet);
  octets[address] = value;
}
void Nvm::Flash::erase(uint32_t address, uint32_t count) {
  if (octets.empty()) return;
  std::fill_n(octets.begin() + address, count, kErasedOctet);
}

Nvm::Nvm(RegisterFile& registers, const Identity& identity)
    : registers_(registers),
      eeprom_pins_({.address_octets = 2, .page = spi::kEepromPage, .flash = false}),
      flash_pins_({.address_octets = 3, .page = spi::kFlashPage, .flash = true}) {
  auto& words = eeprom_.words;
  words.fill(kNvmErased);
  for (const NvmWordRow& row : kNvmWordRows) words[row.word] = row.value;
  for (unsigned i = 0; i < 3; ++i) words[nvm::kMac0 + i] = word_of(identity.mac, i);
  words[nvm::kSubsystem] = identity.subsystem;
  words[nvm::kSubsystemVendor] = identity.subsystem_vendor;
  uint16_t sum = 0;
  for (unsigned i = 0; i < nvm::kChecksum; ++i) sum = static_cast<uint16_t>(sum + words[i]);
  words[nvm::kChecksum] = static_cast<uint16_t>(kNvmChecksum - sum);
}

MacAddress Nvm::mac() const {
  MacAddress mac;
  for (unsigned i = 0; i < 6; ++i) mac.octets[i] = eeprom_.read(2 * nvm::kMac0 + i);
  return mac;
}

bool Nvm::checksum_good() const {
  uint16_t sum = 0;
  for (unsigned i = 0; i < nvm::kChecksummedWords; ++i) sum = static_cast<uint16_t>(sum + word(i));
  return sum == kNvmChecksum;
}

// An address that the part does not have reads as erased; DONE comes either way, or a driver would
// wait for ever.
void Nvm::write_eerd(uint32_t value) {
  uint32_t& eerd = registers_[reg::EERD];
  const uint32_t address = field_get(value, EERD_ADDR);
  eerd = value & EERD_ADDR;
  if (!(value & EERD_START)) return;
  eerd |= EERD_DONE;
  eerd = field_set(eerd, EERD_DATA, address < kNvmWords ? word(address) : kNvmErased);
}

void Nvm::write_eewr(uint32_t value) {
  uint32_t& eewr = registers_[reg::EEWR];
  eewr = value & (EEWR_ADDR | EEWR_DATA);
  if (!(value & EEWR_START)) return;
  const uint32_t address = field_get(value, EEWR_ADDR);
  if (address < kNvmWords)
    eeprom_.words[address] = static_cast<uint16_t>(field_get(value, EEWR_DATA));
  eewr |= EEWR_DONE;
}

// The pins are software's once it asked (REQ) and was granted (GNT): at once, as no one else uses
// them.
void Nvm::write_eec(uint32_t value) {
  constexpr uint32_t kPins = EEC_SK | EEC_CS | EEC_DI;
  uint32_t& eec = registers_[reg::EEC];
  eec &= ~(kPins | EEC_DO | EEC_REQ | EEC_GNT | EEC_FWE | EEC_AUPDEN);
  eec |= value & (EEC_REQ | EEC_FWE | EEC_AUPDEN);
  if (!(value & EEC_REQ)) {
    eeprom_pins_.pins(eeprom_, false, false, false);
    return;
  }
  eec |= EEC_GNT | (value & kPins);
  // Software asserts the part's active-low select by writing CS = 0.
  const bool selected = !(value & EEC_CS);
  if (eeprom_pins_.pins(eeprom_, selected, value & EEC_SK, value & EEC_DI)) eec |= EEC_DO;
}

bool Nvm::flash_writable() const {
  return registers_.field(reg::EEC, EEC_FWE) == kFlashWriteEnabled;
}

void Nvm::write_fla(uint32_t value) {
  constexpr uint32_t kPins = FLA_FL_SK | FLA_FL_CE | FLA_FL_SI;
  uint32_t& fla = registers_[reg::FLA];
  fla &= ~(kPins | FLA_FL_SO | FLA_FL_REQ | FLA_FL_GNT);
  fla |= value & FLA_FL_REQ;
  if ((value & FLA_FL_ER) && flash_writable()) flash_.erase(0, flash_.size());
  if (!(value & FLA_FL_REQ)) {
    flash_pins_.pins(flash_, false, false, false);
    return;
  }
  fla |= FLA_FL_GNT | (value & kPins);
  const bool selected = !(value & FLA_FL_CE);
  if (flash_pins_.pins(flash_, selected, value & FLA_FL_SK, value & FLA_FL_SI)) fla |= FLA_FL_SO;
}

// Cycles take no time here: DONE stands whenever software looks; GLDONE once FLSWCNT octets went
// through FLSWDATA.
void Nvm::write_flswctl(uint32_t value) {
  uint32_t& control = registers_[reg::FLSWCTL];
  control = (value & (FLSWCTL_ADDR | FLSWCTL_CMD)) | FLSWCTL_DONE | FLSWCTL_GLDONE;
  const uint32_t address = field_get(value, FLSWCTL_ADDR) & (flash_.size() - 1);
  switch (field_get(value, FLSWCTL_CMD)) {
    case kReadFlash:
    case kWriteFlash:
      if (registers_[reg::FLSWCNT] != 0) control &= ~FLSWCTL_GLDONE;
      break;
    case kEraseSector:
      if (flash_writable()) flash_.erase(address & ~(spi::kFlashSector - 1), spi::kFlashSector);
      break;
    case kEraseDevice:
      if (flash_writable()) flash_.erase(0, flash_.size());
      break;
    default:
      break;
  }
}

void Nvm::advance_flash(uint32_t octets) {
  uint32_t& control = registers_[reg::FLSWCTL];
  uint32_t& count = registers_[reg::FLSWCNT];
  control = field_set(control, FLSWCTL_ADDR, field_get(control, FLSWCTL_ADDR) + octets);
  count -= std::min(count, octets);
  if (count == 0) control |= FLSWCTL_GLDONE;
}

uint32_t Nvm::read_flswdata() {
  if (registers_.field(reg::FLSWCTL, FLSWCTL_CMD) != kReadFlash || registers_[reg::FLSWCNT] == 0) {
    return registers_[reg::FLSWDATA];
  }
  const uint32_t address = registers_.field(reg::FLSWCTL, FLSWCTL_ADDR);
  uint32_t value = 0;
  for (uint32_t i = 0; i < 4; ++i) value |= static_cast<uint32_t>(read_flash(address + i)) << 8 * i;
  registers_[reg::FLSWDATA] = value;
  advance_flash(4);
  return value;
}

void Nvm::write_flswdata(uint32_t value) {
  registers_[reg::FLSWDATA] = value;
  const uint32_t count = std::min<uint32_t>(registers_[reg::FLSWCNT], 4);
  if (registers_.field(reg::FLSWCTL, FLSWCTL_CMD) != kWriteFlash || count == 0) return;
  const uint32_t address = registers_.field(reg::FLSWCTL, FLSWCTL_ADDR);
  for (uint32_t i = 0; i < count; ++i)
    write_flash(address + i, static_cast<uint8_t>(value >> 8 * i));
  advance_flash(4);
}

uint8_t Nvm::read_flash(uint64_t offset) const {
  return flash_.read(static_cast<uint32_t>(offset & (flash_.size() - 1)));
}

// As a flash does: a write clears bits, only an erase sets them.
void Nvm::write_flash(uint64_t offset, uint8_t value) {
  if (!flash_writable()) return;
  const uint32_t address = static_cast<uint32_t>(offset & (flash_.size() - 1));
  flash_.write(address, flash_.read(address) & value);
}

void Nvm::reset() {
  eeprom_pins_.reset();
  flash_pins_.reset();
}

void Nvm::archive(Archive& archive) {
  archive.section("nvm", 1);
  archive(eeprom_.words);
  archive(flash_.octets, kFlashBarOctets);
  if (archive.loading() && !flash_.octets.empty() && flash_.octets.size() != kFlashBarOctets) {
    archive.fail("saved state: flash of another size");
    flash_.octets.clear();
  }
  eeprom_pins_.archive(archive, eeprom_.size());
  flash_pins_.archive(archive, flash_.size());
}

}  // namespace gatehouse::vnic
