// SPDX-License-Identifier: GPL-2.0-or-later
// Which registers of the 82574L an interceptor takes over (Ally: Remapping Table), and the memory
// that it shares with its units.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_REDIRECTION_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_REDIRECTION_HH_

#include <array>
#include <cstddef>
#include <cstdint>

#include "hw/spec/i82574_registers.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::interceptor {

// Rings by number: receive 0, receive 1, transmit 0, transmit 1.
inline constexpr unsigned kRings = 4;
inline constexpr unsigned kReceiveRings = i82574::kQueues;
inline constexpr bool receives(unsigned ring) { return ring < kReceiveRings; }
inline constexpr unsigned queue_of(unsigned ring) { return ring % i82574::kQueues; }

// A ring's registers, where they lie from its base register on; the same in the alias of queue 0.
struct RingRegisters {
  uint32_t base_low, base_high, length, reserved0, head, reserved1, tail, reserved2;
};
static_assert(sizeof(RingRegisters) == 32);
inline constexpr uint32_t kSetUpOctets = offsetof(RingRegisters, reserved1);

// What the NIC keeps of a word that is written there, and what a reset makes of it.
constexpr partition::RedirectRule rule_of(uint32_t offset) {
  for (const i82574::RegisterRow& row : i82574::kRegisters) {
    const uint32_t from = offset - row.offset;  // beyond all rows when it lies before this one
    if (from % row.step == 0 && from / row.step < row.count) return {row.mask, row.reset};
  }
  return {0, 0};
}

inline constexpr uint32_t ring_offset(unsigned ring) {
  return receives(ring) ? i82574::reg::RDBAL(queue_of(ring)) : i82574::reg::TDBAL(queue_of(ring));
}
inline constexpr uint32_t length_offset(unsigned ring) {
  return ring_offset(ring) + offsetof(RingRegisters, length);
}
inline constexpr uint32_t head_offset(unsigned ring) {
  return ring_offset(ring) + offsetof(RingRegisters, head);
}
inline constexpr uint32_t tail_offset(unsigned ring) {
  return ring_offset(ring) + offsetof(RingRegisters, tail);
}
// Where else a register of queue 0 answers.
constexpr uint32_t alias_of(uint32_t offset) {
  for (const i82574::AliasRow& alias : i82574::kAliases) {
    if (alias.target == offset && alias.count == 1) return alias.offset;
  }
  return 0;
}
constexpr bool laid_out(uint32_t base, uint32_t high, uint32_t length, uint32_t head,
                        uint32_t tail) {
  return high == base + offsetof(RingRegisters, base_high) &&
         length == base + offsetof(RingRegisters, length) &&
         head == base + offsetof(RingRegisters, head) &&
         tail == base + offsetof(RingRegisters, tail);
}
// Rows of all four rings alike.
inline constexpr uint32_t kBaseMask = rule_of(ring_offset(0)).writable;
inline constexpr uint32_t kLengthMask = rule_of(length_offset(0)).writable;
inline constexpr uint32_t kPositionMask = rule_of(tail_offset(0)).writable;

using RingRules = std::array<partition::RedirectRule, sizeof(RingRegisters) / 4>;
inline constexpr std::array<RingRules, kRings> kRingRules = [] {
  std::array<RingRules, kRings> rules{};
  for (unsigned ring = 0; ring < kRings; ++ring) {
    for (uint32_t word = 0; word < rules[ring].size(); ++word)
      rules[ring][word] = rule_of(ring_offset(ring) + 4 * word);
  }
  return rules;
}();
constexpr bool rules_agree() {
  for (unsigned ring = 0; ring < kRings; ++ring) {
    if (rule_of(ring_offset(ring)).writable != kBaseMask ||
        rule_of(length_offset(ring)).writable != kLengthMask ||
        rule_of(head_offset(ring)).writable != kPositionMask ||
        rule_of(tail_offset(ring)).writable != kPositionMask)
      return false;
    for (const partition::RedirectRule& rule : kRingRules[ring]) {
      if (rule.reset != 0) return false;
    }
  }
  return true;
}
namespace internal {
using namespace i82574;  // NOLINT: register names
static_assert(rules_agree(), "what the interceptor takes for granted");
static_assert(laid_out(reg::RDBAL(0), reg::RDBAH(0), reg::RDLEN(0), reg::RDH(0), reg::RDT(0)));
static_assert(laid_out(reg::RDBAL(1), reg::RDBAH(1), reg::RDLEN(1), reg::RDH(1), reg::RDT(1)));
static_assert(laid_out(reg::TDBAL(0), reg::TDBAH(0), reg::TDLEN(0), reg::TDH(0), reg::TDT(0)));
static_assert(laid_out(reg::TDBAL(1), reg::TDBAH(1), reg::TDLEN(1), reg::TDH(1), reg::TDT(1)));
static_assert(laid_out(alias_of(reg::RDBAL), alias_of(reg::RDBAH), alias_of(reg::RDLEN),
                       alias_of(reg::RDH), alias_of(reg::RDT)));
static_assert(laid_out(alias_of(reg::TDBAL), alias_of(reg::TDBAH), alias_of(reg::TDLEN),
                       alias_of(reg::TDH), alias_of(reg::TDT)));
static_assert(alias_of(reg::CTRL) == reg::CTRL + 4);
}  // namespace internal

// Entries by number. A tail's entry has its ring's number, its alias's kRings more: pending bits
// become rings by one shift. The two numbers of queue 1, which has no alias, are others' that set
// no pending bit.
enum Entry : uint8_t {
  kTailAliasReceive = kRings,
  kControl,  // CTRL, for its reset
  kTailAliasTransmit,
  kReceiveControl,  // RCTL and RFCTL: the format of receive descriptors
  kReceiveFilter,
  kTransmitControl,
  kSplitControl,  // PSRCTL: the sizes of buffers
  kSetUp,         // base, length and head of each ring
  kSetUpAliasReceive = kSetUp + kRings,
  kSetUpAliasTransmit,
  kIoBar,  // IODATA: reaches every register by another way
  kEntries
};
static_assert(kTailAliasReceive - kRings == 0 && kTailAliasTransmit - kRings == 2);
inline constexpr uint64_t kTailEntries = (1u << kRings) - 1;
inline constexpr uint64_t kTailAliases = 1u << kTailAliasReceive | 1u << kTailAliasTransmit;
inline constexpr unsigned kIoBarNumber = 2;

inline constexpr uint32_t kRecords = 256;

// In private RAM, out of the NIC's reach.
struct alignas(64) Shared {
  partition::UnitControl redirect;
  partition::UnitControl steer;
  std::array<RingRegisters, kRings> shadows;
  std::array<partition::SteerSlot, partition::kSteerSlots> slots;
  std::array<partition::RedirectRecord, kRecords> records;
  std::array<partition::RedirectEntry, kEntries> table;
  std::array<RingRules, kRings> rules;
  uint32_t armed;  // of both units
  // Of receive queue 0, which the guest can't write; kUntold while the guest has a frame, but
  // whose message has not come.
  uint32_t head;
};
// No descriptor, far behind private RAM: UnitControl's `index` then names what is finished.
inline constexpr uint32_t kUntold = ~0u;

// How the guest's writes are treated.
enum class Mode : uint8_t {
  kIntercepted,
  kLeaving,  // on their way back: the device has a tail at once, and we are told
};

// `bias`: an address in private RAM less the pointer to it.
void fill_table(Shared& shared, uint64_t bias, Mode mode);

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_REDIRECTION_HH_
