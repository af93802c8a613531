// SPDX-License-Identifier: GPL-2.0-or-later
// A redirection table: what the guest reads and writes in ranges of a device's BARs goes to a
// partition ("Ally", section 3: Remapping Table). Firmware keeps the table in private RAM; COMMIT
// copies it, so that nobody changes it under this. Invariant: what is installed at the device are
// the ranges of the table in force, each inside its BAR, without overlap, with a valid shadow.
#ifndef GATEHOUSE_HW_PARTITION_REDIRECT_HH_
#define GATEHOUSE_HW_PARTITION_REDIRECT_HH_

#include <array>
#include <cstdint>
#include <span>

#include "hw/partition/ports.hh"
#include "hw/partition/shadow.hh"
#include "hw/partition/unit.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::partition {

inline constexpr unsigned kBars = 6;

struct BarRange {
  unsigned bar;
  uint64_t offset;
  uint64_t length;
  bool operator==(const BarRange&) const = default;
};

// The device whose registers are redirected.
class RedirectedDevice {
 public:
  virtual ~RedirectedDevice() = default;
  // 0: it has no such BAR, or is not plugged in. bar < kBars.
  virtual uint64_t bar_octets(unsigned bar) = 0;
  // Its own register, past all redirection. Naturally aligned, octets 1, 2, 4 or 8, inside the BAR.
  virtual uint64_t read(unsigned bar, uint64_t offset, unsigned octets) = 0;
  virtual void write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets) = 0;
  // From now on the guest's accesses to these ranges, and to no others, come to Redirect. They take
  // the place of what was installed before, in one step for the guest. Also called while the
  // device is not plugged in, with nothing.
  virtual void install(std::span<const BarRange> ranges) = 0;
};

class Redirect : public Unit {
 public:
  struct Counters {
    uint64_t reads = 0;    // accesses of the guest that an entry took
    uint64_t writes = 0;   //
    uint64_t commits = 0;  // COMMITs that came in force
    uint64_t refused = 0;  // COMMITs that did not
  };

  // The ports live longer than this.
  Redirect(RamPort& ram, InterruptPort& interrupts, RedirectedDevice& device);

  // ---- Firmware
  uint64_t read(uint32_t offset, unsigned octets) override;
  void write(uint32_t offset, uint64_t value, unsigned octets) override;
  void reset() override;

  // ---- The guest: any offset, 1 to 8 octets. What reaches over several entries is cut into
  // naturally aligned pieces, each of which has its own entry's treatment; what no entry has (any
  // more) goes to the device. The device is plugged in.
  uint64_t guest_read(unsigned bar, uint64_t offset, unsigned octets);
  void guest_write(unsigned bar, uint64_t offset, uint64_t value, unsigned octets);

  // ---- The device's life
  void plugged();
  void unplugged();     // while its BARs are still there
  void device_reset();  // its registers have their reset values

  // ---- For those who look
  bool present() const { return block_.present(); }
  bool active() const { return block_.active(); }
  Result result() const { return static_cast<Result>(block_.get(unit::RESULT)); }
  unsigned result_entry() const { return static_cast<unsigned>(block_.get(unit::RESULT_ENTRY)); }
  // The table in force; entry i of the firmware's table is entry(i).
  unsigned entries() const { return count_; }
  const RedirectEntry& entry(unsigned index) const { return table_[index]; }
  const Counters& counters() const { return counters_; }
  const UnitBlock::Counters& unit_counters() const { return block_.counters(); }

  // Loading checks the table as COMMIT does and installs it. The device is plugged in by then, if
  // it was when the state was saved.
  void archive(Archive& archive);

 private:
  using Table = std::array<RedirectEntry, kMaxRedirectEntries>;

  void commit(uint64_t value);
  void stop(Result result);
  Result read_table(Table& table, unsigned& count);
  // `entry`: which one the result is about.
  Result check_table(const Table& table, unsigned count, uint32_t& entry);
  Result check_entry(const RedirectEntry& entry);
  Shadow shadow_of(const RedirectEntry& entry);
  void use_table(const Table& table, unsigned count);
  void archive_table(Archive& archive);

  int find(unsigned bar, uint64_t offset) const;
  unsigned piece(unsigned bar, uint64_t offset, unsigned octets) const;
  uint64_t read_entry(unsigned index, uint64_t offset, unsigned octets);
  uint64_t indirect_target(unsigned bar, uint64_t offset);
  // Whether firmware has something to look at.
  bool write_pieces(unsigned bar, uint64_t offset, uint64_t value, unsigned octets);
  bool write_entry(unsigned index, uint64_t offset, uint64_t value, unsigned octets);
  bool write_indirect(unsigned index, uint64_t offset, uint64_t value, unsigned octets);
  void post_write(unsigned index, uint64_t offset, uint64_t value, unsigned octets);
  void put_reset_values();
  void post(RedirectRecordKind kind);

  RamPort& ram_;
  RedirectedDevice& device_;
  UnitBlock block_;
  Counters counters_;
  Table table_{};
  unsigned count_ = 0;
  // Numbers of entries by BAR and offset, for find(); each entry's shadow.
  std::array<uint8_t, kMaxRedirectEntries> order_{};
  std::array<Shadow, kMaxRedirectEntries> shadows_{};
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_REDIRECT_HH_
