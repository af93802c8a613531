// SPDX-License-Identifier: GPL-2.0-or-later
// What every unit has: the registers of its page (GATEHOUSE_UNIT_REGISTERS and its own rows), what
// of them is in force, and the way it tells firmware (UnitControl, ring, interrupt). A unit holds
// one and gives it its accesses:
//
//   uint64_t read(uint32_t offset, unsigned octets) override { return block_.read(offset, octets);
//   } void write(uint32_t offset, uint64_t value, unsigned octets) override {
//     const RegisterRow* row = block_.write(offset, value, octets);
//     if (row && row->offset == unit::COMMIT) commit(value);
//   }
//
// Invariant: what is in force was valid, and is private RAM, when it came in force; registers that
// firmware writes later count from the next COMMIT on.
#ifndef GATEHOUSE_HW_PARTITION_UNIT_HH_
#define GATEHOUSE_HW_PARTITION_UNIT_HH_

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "hw/partition/ports.hh"
#include "hw/spec/partition.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::partition {

inline constexpr uint64_t kRecordOctets = 16;
inline constexpr uint32_t kMinRingRecords = 16, kMaxRingRecords = 65536;

class UnitBlock {
 public:
  // What firmware cannot change, for those who look.
  struct Counters {
    uint64_t records = 0;
    uint64_t overruns = 0;
    uint64_t interrupts = 0;
  };

  // `rows` (at most kMaxRows) and the ports live longer than this.
  UnitBlock(std::span<const RegisterRow> rows, RamPort& ram, InterruptPort& interrupts);
  ~UnitBlock() { interrupts_.forget(*this); }
  UnitBlock(const UnitBlock&) = delete;
  UnitBlock& operator=(const UnitBlock&) = delete;

  // ---- Registers. Firmware's side: any offset and width.
  uint64_t read(uint32_t offset, unsigned octets) const;
  // The row that was written, for what else the write means, or null when nothing was. A kRw row
  // has the value by now; a kWo row keeps none.
  const RegisterRow* write(uint32_t offset, uint64_t value, unsigned octets);
  // The unit's side: `offset` is that of a row.
  uint64_t get(uint32_t offset) const;
  void set(uint32_t offset, uint64_t value);

  // ---- COMMIT
  // What is wrong with CONTROL, ARMED, RING, RING_RECORDS, VECTOR and TARGET; k_ok: nothing.
  Result check() const;
  // They come in force. Only after check() said k_ok.
  void enforce();
  // RESULT and RESULT_ENTRY.
  void finish(Result result, uint32_t entry = 0);
  // Nothing is in force any more; the registers stay.
  void stop() { active_ = false; }
  // Everything as after power on, but for whether the device is there.
  void reset();
  bool active() const { return active_; }
  void set_present(bool present) { present_ = present; }
  bool present() const { return present_; }
  // What is in force has a ring; RING says what the next COMMIT would bring.
  bool has_ring() const { return active_ && in_force_.ring != 0; }

  // ---- Telling firmware. Does nothing while nothing is in force.
  // A record; when there is no room (or no ring), an overrun.
  template <class Record>
  void post(const Record& record) {
    static_assert(sizeof(Record) == kRecordOctets && std::is_trivially_copyable_v<Record>);
    std::array<uint8_t, kRecordOctets> octets;
    std::memcpy(octets.data(), &record, kRecordOctets);
    post_octets(octets);
  }
  // True: no bit was pending.
  bool pend(uint64_t bits);
  // Those that firmware has not taken. Only while something is in force.
  uint64_t pending() const;
  // Bits that mean something else from now on can't wait, until firmware says so anew. Likewise.
  void forget_patience(uint64_t bits);
  void overrun();
  // After post(), pend() or overrun(): interrupts if firmware armed.
  void notify();
  // After nothing but pend(bits), which returned `first`: the same, later if the bits can wait.
  void notify_pended(uint64_t bits, bool first);
  // InterruptPort's, as look_later() said: of what could wait nobody has taken notice.
  void look_again();
  const Counters& counters() const { return counters_; }

  // Saves registers and what is in force. Loading checks them as COMMIT does.
  void archive(Archive& archive);

 private:
  static constexpr unsigned kMaxRows = 24;

  struct Settings {
    uint64_t control = 0;
    uint64_t armed = 0;  // 0: UnitControl's
    uint64_t ring = 0;   // 0: none
    uint32_t records = 0;
    uint32_t vector = 0;  // 0: none
    uint32_t target = 0;
  };

  int find(uint32_t offset) const;
  Settings written() const;
  Result check(const Settings& settings) const;
  void use(const Settings& settings);
  void post_octets(const std::array<uint8_t, kRecordOctets>& octets);
  bool can_wait(uint64_t bits) const;
  bool is_finished() const;

  const std::span<const RegisterRow> rows_;
  RamPort& ram_;
  InterruptPort& interrupts_;
  std::array<uint64_t, kMaxRows> values_{};
  bool present_ = false;
  bool active_ = false;
  Counters counters_;
  Settings in_force_;
  // Of in_force_. Firmware's cores access what they point to at the same time.
  UnitControl* control_ = nullptr;
  uint32_t* armed_ = nullptr;
  uint8_t* ring_ = nullptr;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_UNIT_HH_
