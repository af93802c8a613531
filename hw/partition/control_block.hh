// SPDX-License-Identifier: GPL-2.0-or-later
// The control block: page 0 of a partition's private registers (GATEHOUSE_PARTITION_REGISTERS), the
// unit directory and the arguments. What firmware writes is hostile: bounded, never more work than
// one line of console text for a write.
#ifndef GATEHOUSE_HW_PARTITION_CONTROL_BLOCK_HH_
#define GATEHOUSE_HW_PARTITION_CONTROL_BLOCK_HH_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "hw/partition/ports.hh"
#include "hw/spec/partition.hh"

namespace gatehouse {
class Archive;
}

namespace gatehouse::partition {

inline constexpr uint32_t kMaxConsoleText = 4096, kMaxAlertText = 1024;
// Alerts that become events in a second of virtual time; the others are counted.
inline constexpr unsigned kAlertsPerSecond = 20;

// What the control block needs of the world besides RAM and interrupts.
class ControlPort {
 public:
  virtual ~ControlPort() = default;
  virtual int64_t now_ns() = 0;  // virtual clock
  virtual void console_write(std::span<const uint8_t> octets) = 0;
  // There is room for input again.
  virtual void console_ready() = 0;
  // The firmware answered a request.
  virtual void answered(uint32_t request, uint32_t answer) = 0;
  // Printable ASCII; `suppressed`: alerts since the last one that were not passed on.
  virtual void alerted(const std::string& text, uint64_t suppressed) = 0;
};

struct ControlCounters {
  uint64_t requests = 0;
  uint64_t answers = 0;
  uint64_t alerts = 0;
  uint64_t alerts_suppressed = 0;
};

class ControlBlock {
 public:
  struct Ports {
    RamPort& ram;
    InterruptPort& interrupts;
    ControlPort& control;
  };
  // `arguments` beyond kArgumentsOctets - 1 octets are cut off.
  ControlBlock(Ports ports, uint64_t ram_octets, const std::string& arguments);
  ControlBlock(const ControlBlock&) = delete;
  ControlBlock& operator=(const ControlBlock&) = delete;

  // ---- Firmware's side: core < kMaxCores, any offset below kPage, octets 1, 2, 4 or 8.
  uint64_t read(uint32_t offset, unsigned octets, unsigned core);
  void write(uint32_t offset, uint64_t value, unsigned octets);

  // ---- The machine's side
  // What was put in private RAM; data_octets 0: no data image.
  void set_images(uint64_t firmware_end, uint64_t data, uint64_t data_octets);
  void set_unit(unsigned unit, const UnitRow& row);  // unit < kMaxUnits
  const UnitRow& unit(unsigned unit) const { return units_[unit]; }
  // The partition starts anew: registers as after power on. Units and images stay.
  void reset();
  void guest_reset();
  void request(uint32_t request);
  // How many octets of console input it takes now.
  size_t console_room() const { return console_.size() - console_count_; }
  void console_input(std::span<const uint8_t> octets);  // at most console_room()

  uint32_t guest_resets() const { return guest_resets_; }
  uint32_t last_request() const { return request_; }
  uint32_t last_answer() const { return answer_; }
  const ControlCounters& counters() const { return counters_; }
  void archive(Archive& archive);

 private:
  uint64_t* find_stored(uint32_t offset);
  uint64_t value(const RegisterRow& row, unsigned core);
  void written(const RegisterRow& row, uint64_t value);
  uint64_t read_area(uint32_t offset, unsigned octets) const;
  void interrupt(uint64_t vector);
  uint32_t take_input();
  void alert(uint32_t octets);

  const Ports ports_;
  const uint64_t ram_octets_;
  std::array<uint8_t, kArgumentsOctets> arguments_{};
  uint64_t firmware_end_ = 0, data_ = 0, data_octets_ = 0;
  std::array<UnitRow, kMaxUnits> units_{};

  // Registers that firmware writes.
  uint64_t guest_reset_vector_ = 0, console_vector_ = 0, request_vector_ = 0;
  uint64_t console_text_ = 0, alert_ = 0;
  uint32_t guest_resets_ = 0, request_ = 0, answer_ = 0;
  bool request_open_ = false;  // no answer yet
  // Console input: console_count_ octets from console_first_ on.
  std::array<uint8_t, 256> console_{};
  uint32_t console_first_ = 0, console_count_ = 0;
  // Alerts of the current second.
  int64_t alert_second_ns_ = 0;
  uint32_t alerts_in_second_ = 0;
  uint64_t suppressed_ = 0;
  ControlCounters counters_;
};

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_PARTITION_CONTROL_BLOCK_HH_
