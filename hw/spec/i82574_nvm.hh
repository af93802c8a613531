// SPDX-License-Identifier: GPL-2.0-or-later
// The NVM's words (82574 data sheet, chapter 6) as a card leaves the factory, and the instructions of the serial parts
// behind EEC and FLA. Words 0 to 3Fh add up to 0xBABA.
#ifndef GATEHOUSE_HW_SPEC_I82574_NVM_HH_
#define GATEHOUSE_HW_SPEC_I82574_NVM_HH_

#include <cstdint>

namespace gatehouse::i82574 {

inline constexpr unsigned kNvmWords = 2048;  // a 32 Kbit SPI EEPROM with 16-bit addresses
inline constexpr uint16_t kNvmChecksum = 0xbaba;
inline constexpr uint16_t kNvmErased = 0xffff;  // all words that no row names

// X(word, name, value, text)
#define GATEHOUSE_I82574_NVM_WORDS(X)                                                                \
  X(0x00, kMac0, 0x0000, "MAC address, octets 0 (low) and 1")                                        \
  X(0x01, kMac1, 0x0000, "octets 2 and 3")                                                           \
  X(0x02, kMac2, 0x0000, "octets 4 and 5")                                                           \
  X(0x03, kCompatibility, 0x0420, "compatibility: LOM, server card bits")                            \
  X(0x04, kLedDefault, 0xf746, "LED modes: the value that means default")                            \
  X(0x05, kVersion, 0x2010, "image version 2.1.0")                                                   \
  X(0x06, kOem0, 0xffff, "OEM")                                                                      \
  X(0x07, kOem1, 0xffff, "OEM")                                                                      \
  X(0x08, kPba0, 0x0000, "printed board assembly number")                                            \
  X(0x09, kPba1, 0x0000, "printed board assembly number")                                            \
  X(0x0a, kInitControl1, 0x026b, "initialization control 1: load device and subsystem ids")          \
  X(0x0b, kSubsystem, 0x0000, "subsystem id")                                                        \
  X(0x0c, kSubsystemVendor, 0x8086, "subsystem vendor id")                                           \
  X(0x0d, kDevice, 0x10d3, "device id")                                                              \
  X(0x0e, kReserved0e, 0x0000, "reserved")                                                           \
  X(0x0f, kInitControl2, 0x8058, "initialization control 2")                                         \
  X(0x10, kNvmWord0, 0x0000, "NVM protection word 0")                                                \
  X(0x11, kNvmWord1, 0x2001, "NVM protection word 1")                                                \
  X(0x12, kNvmWord2, 0x7e7c, "NVM sizes and protection")                                             \
  X(0x13, kReserved13, 0xffff, "reserved")                                                           \
  X(0x14, kReserved14, 0x1000, "reserved")                                                           \
  X(0x15, kReserved15, 0x00c8, "reserved")                                                           \
  X(0x16, kReserved16, 0x0000, "reserved")                                                           \
  X(0x17, kPcieElectricalIdle, 0x2704, "PCIe electrical idle delay")                                 \
  X(0x18, kPcieInit1, 0x6cc9, "PCIe initial configuration 1")                                        \
  X(0x19, kPcieInit2, 0x3150, "PCIe initial configuration 2")                                        \
  X(0x1a, kPcieInit3, 0x070e, "PCIe initial configuration 3")                                        \
  X(0x1b, kPcieControl, 0x460b, "PCIe control")                                                      \
  X(0x1c, kLed1, 0x2d84, "PHY configuration, LED 1")                                                 \
  X(0x1d, kReserved1d, 0x0100, "reserved")                                                           \
  X(0x1e, kDeviceRevision, 0xf000, "device revision")                                                \
  X(0x1f, kLed02, 0x0706, "LED 0 and 2")                                                             \
  X(0x20, kFlashParameters, 0x6000, "flash parameters")                                              \
  X(0x21, kFlashLanAddress, 0x0080, "flash LAN address")                                             \
  X(0x22, kLanPower, 0x0f04, "LAN power consumption")                                                \
  X(0x23, kFlashVendor, 0x7fff, "flash vendor detection")                                            \
  X(0x24, kInitControl3, 0x4b01, "initialization control 3: no wake-up by advance power management") \
  X(0x2f, kVpd, 0xffff, "vital product data pointer: none")                                          \
  X(0x30, kBootSetup, 0x0100, "boot agent set-up")                                                   \
  X(0x31, kBootCustom, 0xc000, "boot agent customization")                                           \
  X(0x32, kBootVersion, 0x121c, "boot agent version")                                                \
  X(0x33, kBootCapabilities, 0xc007, "boot agent capabilities")                                      \
  X(0x3f, kChecksum, 0x0000, "makes words 0-3Fh add up to 0xBABA")

namespace nvm {
enum Word : uint16_t {
#define GATEHOUSE_I82574_NVM_ENUM(word, name, value, text) name = word,
  GATEHOUSE_I82574_NVM_WORDS(GATEHOUSE_I82574_NVM_ENUM)
#undef GATEHOUSE_I82574_NVM_ENUM
};
inline constexpr unsigned kChecksummedWords = 0x40;
}  // namespace nvm

struct NvmWordRow {
  uint16_t word;
  uint16_t value;
  const char* text;
};
inline constexpr NvmWordRow kNvmWordRows[] = {
#define GATEHOUSE_I82574_NVM_ROW(word, name, value, text) {word, value, text},
    GATEHOUSE_I82574_NVM_WORDS(GATEHOUSE_I82574_NVM_ROW)
#undef GATEHOUSE_I82574_NVM_ROW
};

// Instructions of SPI EEPROMs and flashes (data sheet 3.3.1, and the parts' own).
namespace spi {
inline constexpr uint8_t kWriteStatus = 0x01;
inline constexpr uint8_t kWrite = 0x02;  // flash: page program
inline constexpr uint8_t kRead = 0x03;
inline constexpr uint8_t kWriteDisable = 0x04;
inline constexpr uint8_t kReadStatus = 0x05;
inline constexpr uint8_t kWriteEnable = 0x06;
inline constexpr uint8_t kEraseSector = 0x20;  // flash: 4 KiB
inline constexpr uint8_t kEraseBlock = 0xd8;   // flash: 64 KiB
inline constexpr uint8_t kEraseChip = 0xc7;
inline constexpr uint8_t kReadId = 0x9f;
inline constexpr uint8_t kStatusWriteEnabled = 0x02;
inline constexpr uint32_t kEepromPage = 32;  // octets that one write command may cover; the address wraps inside
inline constexpr uint32_t kFlashPage = 256;
inline constexpr uint32_t kFlashSector = 4096;
inline constexpr uint32_t kFlashBlock = 65536;
inline constexpr uint8_t kFlashId[3] = {0xbf, 0x25, 0x8c};  // manufacturer, type, capacity (a 1 Mbit part)
}  // namespace spi

}  // namespace gatehouse::i82574

#endif  // GATEHOUSE_HW_SPEC_I82574_NVM_HH_
