// SPDX-License-Identifier: GPL-2.0-or-later
// Every register of the 82574L's 128 KiB memory BAR, one row each. Source: Intel 82574 GbE Controller Family Datasheet,
// chapter 10; `section` is of that document. Registers are 32 bits and little-endian. Columns: X(name, offset, count,
// step, mode, mask, reset, section, text)
//   offset  octets from the start of BAR 0; element i of an array lies at offset + i * step
//   mode    how storage behaves where no hook of the model says otherwise, see Access
//   mask    kRw, kWo: bits that a write changes. kW1c: bits that a written one clears. kW0c: bits that a written zero
//   clears reset   value after power-on, before the NVM is loaded
#ifndef GATEHOUSE_HW_SPEC_I82574_REGISTERS_HH_
#define GATEHOUSE_HW_SPEC_I82574_REGISTERS_HH_

#include <cstddef>
#include <cstdint>

#include "hw/spec/i82574_fields.hh"
#include "hw/spec/i82574_rows_general.hh"
#include "hw/spec/i82574_rows_other.hh"
#include "hw/spec/i82574_rows_statistics.hh"
#include "hw/spec/i82574_rows_traffic.hh"

namespace gatehouse::i82574 {

#define GATEHOUSE_I82574_REGISTERS(X)      \
  GATEHOUSE_I82574_GENERAL_REGISTERS(X)    \
  GATEHOUSE_I82574_PCIE_REGISTERS(X)       \
  GATEHOUSE_I82574_INTERRUPT_REGISTERS(X)  \
  GATEHOUSE_I82574_RECEIVE_REGISTERS(X)    \
  GATEHOUSE_I82574_TRANSMIT_REGISTERS(X)   \
  GATEHOUSE_I82574_FIFO_REGISTERS(X)       \
  GATEHOUSE_I82574_STATISTICS_REGISTERS(X) \
  GATEHOUSE_I82574_WAKE_REGISTERS(X)       \
  GATEHOUSE_I82574_MANAGEMENT_REGISTERS(X) \
  GATEHOUSE_I82574_TIME_REGISTERS(X)

inline constexpr uint32_t kMemoryBarOctets = 128 * 1024;  // BAR 0
inline constexpr uint32_t kFlashBarOctets = 128 * 1024;   // BAR 1
inline constexpr uint32_t kIoBarOctets = 32;              // BAR 2
inline constexpr uint32_t kMsixBarOctets = 16 * 1024;     // BAR 3
inline constexpr unsigned kMsixVectors = 5;
// BAR 3: the table, with each entry's message (PCI Local Bus 3.0, 6.8.2.4 to 6), and its pending bits.
inline constexpr uint32_t kMsixTable = 0, kMsixPending = 0x2000;
inline constexpr uint32_t kMsixEntryOctets = 16, kMsixAddressHigh = 4, kMsixData = 8;
inline constexpr unsigned kQueues = 2;

// The I/O BAR's two registers (10.2.1): an address in the memory BAR, and what lies there.
inline constexpr uint32_t kIoAddr = 0;
inline constexpr uint32_t kIoData = 4;

enum class Access : uint8_t {
  kRw,      // reads as written
  kRo,      // writes change nothing
  kWo,      // reads as zero
  kRc,      // a read clears; writes change nothing
  kRcLow,   // lower half of a 64-bit counter: a read of the upper half clears it
  kRcHigh,  // upper half: a read clears both
  kW1c,     // written ones clear
  kW0c,     // written zeros clear
};

// A register's offset. An array's name is called with the element's index, which the caller keeps below count.
namespace reg {
struct Offset {
  uint32_t offset;
  uint32_t step;
  uint32_t count;
  constexpr operator uint32_t() const { return offset; }  // NOLINT: a register is its offset
  constexpr uint32_t operator()(unsigned index) const { return offset + index * step; }
};
#define GATEHOUSE_I82574_OFFSET(name, offset, count, step, mode, mask, reset, section, text) \
  inline constexpr Offset name{offset, step, count};
GATEHOUSE_I82574_REGISTERS(GATEHOUSE_I82574_OFFSET)
#undef GATEHOUSE_I82574_OFFSET
}  // namespace reg

struct RegisterRow {
  const char* name;
  uint32_t offset;
  uint32_t count;
  uint32_t step;
  Access mode;
  uint32_t mask;
  uint32_t reset;
  const char* section;
  const char* text;
};

inline constexpr RegisterRow kRegisters[] = {
#define GATEHOUSE_I82574_ROW(name, offset, count, step, mode, mask, reset, section, text) \
  {#name, offset, count, step, Access::mode, mask, reset, section, text},
    GATEHOUSE_I82574_REGISTERS(GATEHOUSE_I82574_ROW)
#undef GATEHOUSE_I82574_ROW
};
inline constexpr size_t kRegisterRows = sizeof(kRegisters) / sizeof(kRegisters[0]);

struct AliasRow {
  uint32_t offset;
  uint32_t count;
  uint32_t step;
  reg::Offset target;
};

inline constexpr AliasRow kAliases[] = {
#define GATEHOUSE_I82574_ALIAS(offset, count, step, target) {offset, count, step, reg::target},
    GATEHOUSE_I82574_ALIASES(GATEHOUSE_I82574_ALIAS)
#undef GATEHOUSE_I82574_ALIAS
};

// Which rows CTRL.RST leaves alone (4.6.1): the split of the packet buffer, flash pins, and what FLR and power-on alone
// reset.
inline constexpr uint32_t kKeptBySoftwareReset[] = {reg::PBA, reg::PBS, reg::FLA, reg::SWSM, reg::SWSM2};

namespace internal {
constexpr bool rows_are_sound() {
  for (const RegisterRow& row : kRegisters) {
    const uint32_t last = row.offset + (row.count - 1) * row.step;
    if (row.count == 0 || row.step < 4 || row.offset % 4 != 0 || row.step % 4 != 0) return false;
    if (last + 4 > kMemoryBarOctets) return false;
    if (row.mode == Access::kRo && row.mask != 0) return false;
  }
  return true;
}
constexpr bool overlap(uint32_t a, uint32_t a_count, uint32_t a_step, uint32_t b, uint32_t b_count, uint32_t b_step) {
  if (a + (a_count - 1) * a_step < b || b + (b_count - 1) * b_step < a) return false;
  for (uint32_t i = 0; i < a_count; ++i) {
    const uint32_t offset = a + i * a_step;
    if (offset >= b && (offset - b) % b_step == 0 && (offset - b) / b_step < b_count) return true;
  }
  return false;
}
constexpr bool no_overlap() {
  for (size_t i = 0; i < kRegisterRows; ++i) {
    const RegisterRow& a = kRegisters[i];
    for (size_t j = i + 1; j < kRegisterRows; ++j) {
      const RegisterRow& b = kRegisters[j];
      if (overlap(a.offset, a.count, a.step, b.offset, b.count, b.step)) return false;
    }
    for (const AliasRow& b : kAliases) {
      if (overlap(a.offset, a.count, a.step, b.offset, b.count, b.step)) return false;
    }
  }
  return true;
}
static_assert(rows_are_sound(), "a register row is malformed");
static_assert(no_overlap(), "two register rows share an offset");
}  // namespace internal

}  // namespace gatehouse::i82574

#endif  // GATEHOUSE_HW_SPEC_I82574_REGISTERS_HH_
