// SPDX-License-Identifier: GPL-2.0-or-later
#include "hw/card/vnic/spi.hh"

#include "hw/core/base/archive.hh"
#include "hw/spec/i82574_nvm.hh"

namespace gatehouse::vnic {

namespace spi = i82574::spi;

bool SpiDevice::pins(SpiMemory& memory, bool selected, bool clock, bool data_in) {
  if (!selected) {
    if (selected_) finish(memory);
    selected_ = false;
    clock_ = clock;
    return false;
  }
  if (!selected_) {
    selected_ = true;
    octets_ = 0;
    bits_ = 0;
    in_ = out_ = opcode_ = 0;
  }
  if (clock && !clock_) {  // rising: the part takes a bit
    in_ = static_cast<uint8_t>(in_ << 1 | (data_in ? 1 : 0));
    if (++bits_ == 8) {
      take(memory, in_);
      // Counts no further than anything depends on, so that it can't wrap.
      if (octets_ <= kind_.address_octets + 3) ++octets_;
    }
  } else if (!clock && clock_) {  // falling: the part puts out the next one
    out_ = static_cast<uint8_t>(out_ << 1);
    if (bits_ == 8) {
      bits_ = 0;
      out_ = next_output(memory);
    }
  }
  clock_ = clock;
  return (out_ & 0x80) != 0;
}

void SpiDevice::take(SpiMemory& memory, uint8_t octet) {
  if (octets_ == 0) {
    opcode_ = octet;
    address_ = 0;
    return;
  }
  if (octets_ <= kind_.address_octets) {
    address_ = (address_ << 8 | octet) & (memory.size() - 1);
    return;
  }
  if (opcode_ == spi::kWrite && write_enabled_) {
    memory.write(address_, kind_.flash ? memory.read(address_) & octet : octet);
    // Inside its page the address wraps.
    address_ = (address_ & ~(kind_.page - 1)) | ((address_ + 1) & (kind_.page - 1));
  }
}

// What the part shifts out during the octet that begins now.
uint8_t SpiDevice::next_output(const SpiMemory& memory) {
  if (opcode_ == spi::kReadStatus) return write_enabled_ ? spi::kStatusWriteEnabled : 0;
  if (opcode_ == spi::kReadId && kind_.flash) return spi::kFlashId[(octets_ - 1) % 3];
  if (opcode_ == spi::kRead && octets_ > kind_.address_octets) {
    const uint8_t value = memory.read(address_);
    address_ = (address_ + 1) & (memory.size() - 1);
    return value;
  }
  return 0;
}

// Instructions take effect when the part is deselected.
void SpiDevice::finish(SpiMemory& memory) {
  if (octets_ == 0) return;
  const bool addressed = octets_ > kind_.address_octets;
  switch (opcode_) {
    case spi::kWriteEnable:
      write_enabled_ = true;
      return;
    case spi::kRead:
    case spi::kReadStatus:
    case spi::kReadId:
      return;
    case spi::kEraseSector:
      if (kind_.flash && write_enabled_ && addressed) {
        memory.erase(address_ & ~(spi::kFlashSector - 1), spi::kFlashSector);
      }
      break;
    case spi::kEraseBlock:
      if (kind_.flash && write_enabled_ && addressed) {
        memory.erase(address_ & ~(spi::kFlashBlock - 1), spi::kFlashBlock);
      }
      break;
    case spi::kEraseChip:
      if (kind_.flash && write_enabled_) memory.erase(0, memory.size());
      break;
    default:
      break;
  }
  write_enabled_ = false;
}

void SpiDevice::reset() {
  const Kind kind = kind_;
  *this = SpiDevice(kind);
}

void SpiDevice::archive(Archive& archive, uint32_t octets) {
  archive(address_);
  archive(octets_);
  archive(opcode_);
  archive(in_);
  archive(out_);
  archive(bits_);
  archive(selected_);
  archive(clock_);
  archive(write_enabled_);
  if (!archive.loading()) return;
  if (bits_ > 8) bits_ = 0;
  address_ &= octets - 1;
}

}  // namespace gatehouse::vnic
