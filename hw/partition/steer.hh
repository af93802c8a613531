// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupt steering: a device's messages (MSI, MSI-X) and its INTx line come to a partition, which
// passes them on, merges or drops them; and how far the device's DMA reaches into private RAM
// ("Ally", section 3). Invariant: what is in force was checked at COMMIT; the guest's line follows
// the device's unless kSteerIntx is in force, and is low when the device is reset or gone.
#ifndef GATEHOUSE_HW_PARTITION_STEER_HH_
#define GATEHOUSE_HW_PARTITION_STEER_HH_

#include <array>
#include <cstdint>
#include <span>

#include "hw/core/base/seal.hh"
#include "hw/partition/ports.hh"
#include "hw/partition/unit.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::partition {

struct Steering {
  uint32_t bits = 0;   // kSteer bits
  uint64_t slots = 0;  // address of SteerSlot[kSteerSlots]; 0 when nothing is steered
  uint64_t dma = 0;    // private RAM that the device's DMA reaches, whole pages
  uint64_t dma_octets = 0;
  uint64_t seals = 0;  // address of uint64_t[kSealRings][seal_units]; 0: none, and the rest is 0
  uint32_t seal_units = 0;
  uint64_t seal_key = 0;
  bool operator==(const Steering&) const = default;
};

// The device whose interrupts are steered.
class SteeredDevice {
 public:
  virtual ~SteeredDevice() = default;
  // Whether its INTx line can be told apart from others.
  virtual bool intx_apart() = 0;
  // Whether it asks seal_holds() and seal_received().
  virtual bool checks_seals() = 0;
  // This is in force from now on, in place of what was before. Default: nothing. Also called while
  // the device is not plugged in, with nothing.
  virtual void use(const Steering& steering) = 0;
  // To the guest, as if it came from the device. Only while it is plugged in.
  virtual void send(uint64_t address, uint32_t data) = 0;
  virtual void set_line(bool level) = 0;  // called for changes only
};

class Steer : public Unit {
 public:
  struct Counters {
    uint64_t messages = 0;    // of the device, taken
    uint64_t lines = 0;       // changes of its INTx line, taken
    uint64_t injections = 0;  // messages to the guest
    uint64_t refused = 0;  // injections of what does not exist, COMMITs that did not come in force
    uint64_t commits = 0;
  };

  // The ports live longer than this.
  Steer(RamPort& ram, InterruptPort& interrupts, SteeredDevice& device);

  // ---- Firmware
  uint64_t read(uint32_t offset, unsigned octets) override;
  void write(uint32_t offset, uint64_t value, unsigned octets) override;
  void reset() override;

  // ---- The device
  // False: it is the guest's, nobody steers it.
  bool message(uint64_t address, uint32_t data);
  void line(bool level);
  // An access to private addresses outside of the window; it reached nothing.
  void dma_denied();
  // While steering().seals is not 0. queue < kSealRings / 2; `octets` can't be changed by anybody
  // else. Whether these are what firmware sealed for a transmit descriptor.
  bool seal_holds(unsigned queue, uint32_t unit, std::span<const uint8_t> octets);
  // What was written for a receive descriptor; null data: not all of it was.
  void seal_received(unsigned queue, uint32_t unit, std::span<const uint8_t> octets);

  // ---- Its life
  void plugged();
  void unplugged();
  void device_reset() { set_guest_line(false); }

  // ---- For those who look
  bool present() const { return block_.present(); }
  bool active() const { return block_.active(); }
  Result result() const { return static_cast<Result>(block_.get(unit::RESULT)); }
  const Steering& steering() const { return steering_; }
  unsigned slots() const { return used_; }
  const Counters& counters() const { return counters_; }
  const UnitBlock::Counters& unit_counters() const { return block_.counters(); }
  uint64_t denied() const { return block_.get(steer::DMA_DENIED); }
  uint64_t seals_broken() const { return block_.get(steer::SEALS_BROKEN); }

  // Loading checks as COMMIT does and puts in force what was. The device is plugged in by then, if
  // it was when the state was saved; it saves the levels of its lines itself.
  void archive(Archive& archive);

 private:
  // Messages have the slots before the line's.
  static constexpr unsigned kMessageSlots = kIntxSlot;

  struct Slot {
    uint64_t address = 0;
    uint32_t data = 0;
    uint32_t count = 0;
  };

  void commit(uint64_t value);
  void stop(Result result);
  Steering written() const;
  Result check(const Steering& steering, bool has_ring);
  Result check_seals(const Steering& steering);
  void use(const Steering& steering);
  uint64_t* seal_at(unsigned ring, uint32_t unit) const;
  void clear_slots();
  void inject(uint64_t address, uint32_t data);
  void inject_slot(uint64_t slot);
  unsigned find(uint64_t address, uint32_t data);
  unsigned reuse();
  // Shows the slot to firmware and tells it.
  void tell(unsigned slot);
  void set_guest_line(bool level);
  void archive_slots(Archive& archive, uint32_t version);

  RamPort& ram_;
  SteeredDevice& device_;
  UnitBlock block_;
  Counters counters_;
  Steering steering_;
  // Of steering_.slots; firmware's cores access what it points to at the same time.
  SteerSlot* shown_ = nullptr;
  uint64_t* seals_ = nullptr;  // of steering_.seals, likewise
  SealKey seal_key_;
  // Ours, so that firmware cannot change what a slot stands for. used_ counts messages' slots.
  std::array<Slot, kSteerSlots> slots_{};
  unsigned used_ = 0;
  unsigned last_ = 0;  // where the last message was found; most come from the same vector
  uint64_t owed_ = 0;  // bits of slots of which firmware was told and has injected none since
  bool level_ = false;
  bool guest_level_ = false;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_STEER_HH_
