// SPDX-License-Identifier: GPL-2.0-or-later
// A serial EEPROM or flash behind four pins: chip select, clock, data in, data out (SPI mode 0).
// The 82574L lets software drive these pins through EEC and FLA (data
// sheet 3.3.1, 10.2.2.3, 10.2.2.6).
#ifndef GATEHOUSE_HW_CARD_VNIC_SPI_HH_
#define GATEHOUSE_HW_CARD_VNIC_SPI_HH_

#include <cstdint>

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

// The part's cells. Addresses are below size(): SpiDevice wraps them.
class SpiMemory {
 public:
  virtual ~SpiMemory() = default;
  virtual uint32_t size() const = 0;  // octets, a power of two
  virtual uint8_t read(uint32_t address) const = 0;
  virtual void write(uint32_t address, uint8_t value) = 0;
  virtual void erase(uint32_t address, uint32_t octets) = 0;
};

class SpiDevice {
 public:
  struct Kind {
    unsigned address_octets;  // 2: EEPROM, 3: flash
    uint32_t page;            // octets of one write
    bool flash;               // erases, has an identifier, and writes only clear bits
  };
  explicit SpiDevice(const Kind& kind) : kind_(kind) {}

  // The pins as software set them; returns data out. Data in is taken, and data out changes, as
  // mode 0 says.
  bool pins(SpiMemory& memory, bool selected, bool clock, bool data_in);
  void reset();
  // `octets`: the memory's size().
  void archive(Archive& archive, uint32_t octets);

 private:
  void take(SpiMemory& memory, uint8_t octet);
  void finish(SpiMemory& memory);
  uint8_t next_output(const SpiMemory& memory);

  Kind kind_;
  uint32_t address_ = 0;  // below the memory's size()
  uint32_t octets_ = 0;   // complete ones since the part was selected
  uint8_t opcode_ = 0;
  uint8_t in_ = 0;
  uint8_t out_ = 0;
  uint8_t bits_ = 0;  // taken of the octet under way; 8 until the clock falls
  bool selected_ = false;
  bool clock_ = false;
  bool write_enabled_ = false;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_SPI_HH_
