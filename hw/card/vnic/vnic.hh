// SPDX-License-Identifier: GPL-2.0-or-later
// An Intel 82574L as its data sheet has it, behind four BARs, seen through Ports. Made of parts
// that share the register file and call each other only through the accessors at the end of this
// class. Not thread safe: QEMU's big lock.
#ifndef GATEHOUSE_HW_CARD_VNIC_VNIC_HH_
#define GATEHOUSE_HW_CARD_VNIC_VNIC_HH_

#include <cstdint>
#include <memory>
#include <span>

#include "hw/card/vnic/interrupts.hh"
#include "hw/card/vnic/link.hh"
#include "hw/card/vnic/nvm.hh"
#include "hw/card/vnic/phy.hh"
#include "hw/card/vnic/ports.hh"
#include "hw/card/vnic/register_file.hh"
#include "hw/card/vnic/statistics.hh"
#include "hw/card/vnic/time_stamp.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::vnic {

class TransmitEngine;
class ReceiveEngine;

enum class ResetKind : uint8_t {
  kPowerOn,   // machine reset, device made
  kFunction,  // FLR, D3hot to D0: like power-on, but the link stays as the PHY has it
  kSoftware,  // CTRL.RST
};

class Vnic {
 public:
  Vnic(const Ports& ports, const Identity& identity);
  ~Vnic();
  Vnic(const Vnic&) = delete;
  Vnic& operator=(const Vnic&) = delete;

  // BAR 0. Any offset and any size of 1, 2, 4, 8: registers are 32 bits wide. A smaller read takes
  // its octets out of the register's value (with the register's read side effects); a smaller write
  // is ignored, as the silicon wants full words (10.1). Eight octets are two registers, lower
  // first.
  uint64_t mmio_read(uint64_t offset, unsigned size);
  void mmio_write(uint64_t offset, uint64_t value, unsigned size);
  // BAR 1: the flash.
  uint64_t flash_read(uint64_t offset, unsigned size);
  void flash_write(uint64_t offset, uint64_t value, unsigned size);
  // BAR 2: IOADDR and IODATA.
  uint32_t io_read(uint64_t offset, unsigned size);
  void io_write(uint64_t offset, uint32_t value, unsigned size);

  void timer_expired(Timer timer);

  // Frames for the guest, in order. Returns how many were dealt with (delivered, or dropped and
  // counted); the card keeps the rest and offers it again after CardPort::receive_ready().
  size_t receive(std::span<const Delivery> frames);
  bool can_receive() const;
  bool crowded() const;  // see ReceiveEngine
  // Octets without FCS that the driver takes as one frame, as RCTL and packet split say.
  uint32_t largest_frame() const;

  // The cable, as QMP set_link or the uplink has it.
  void set_link(bool connected);
  void reset(ResetKind kind);
  // PCI configuration space changed: MSI or MSI-X enable, a vector unmasked.
  void interrupt_mode_changed();
  // Command.BusMaster was set: rings may move again.
  void bus_master_enabled();
  // 0 = D0 ... 3 = D3hot. D3hot to D0 is a reset (kFunction) that the caller asks for.
  void power_state_changed(unsigned d_state);

  // From now on descriptors' data has seals; null: not any more. Stays over resets.
  void set_seals(SealPort* seals) { seals_ = seals; }
  SealPort* seals() const { return seals_; }

  // The address in RAL0/RAH0, as the driver may have changed it.
  MacAddress mac_address() const;
  bool link_up() const;
  // Accesses to offsets that no register has.
  uint64_t reserved_accesses() const { return reserved_accesses_; }

  void archive(Archive& archive);

  // For the parts.
  RegisterFile& registers() { return registers_; }
  const RegisterFile& registers() const { return registers_; }
  const Ports& ports() const { return ports_; }
  Interrupts& interrupts() { return interrupts_; }
  Statistics& statistics() { return statistics_; }
  TimeStamps& time_stamps() { return time_stamps_; }
  Link& link() { return link_; }
  const Link& link() const { return link_; }
  Phy& phy() { return phy_; }
  Nvm& nvm() { return nvm_; }
  TransmitEngine& transmit() { return *transmit_; }
  ReceiveEngine& receive_engine() { return *receive_; }
  // False after CTRL.GIO_MASTER_DISABLE and outside D0: no new DMA. DMA that this allows may still
  // fail at the DmaPort.
  bool dma_allowed() const;
  // A register that Link looks at was written.
  void link_settings_changed();
  // Loads registers from the NVM, as after a reset (chapter 6).
  void load_nvm_defaults();

 private:
  uint32_t read_register(uint32_t offset);
  void write_register(uint32_t offset, uint32_t value);
  void link_may_be_up(bool was_up);

  Ports ports_;
  SealPort* seals_ = nullptr;
  RegisterFile registers_;
  Nvm nvm_;
  Phy phy_;
  Statistics statistics_;
  Interrupts interrupts_;
  TimeStamps time_stamps_;
  Link link_;
  std::unique_ptr<TransmitEngine> transmit_;
  std::unique_ptr<ReceiveEngine> receive_;
  uint32_t io_address_ = 0;
  uint64_t reserved_accesses_ = 0;
  uint8_t d_state_ = 0;
};

}  // namespace gatehouse::vnic

#endif  // GATEHOUSE_HW_CARD_VNIC_VNIC_HH_
