// SPDX-License-Identifier: GPL-2.0-or-later
// Descriptors on their way between the guest's ring and the real one: the loops that each frame
// pays for. Runs lie in one piece, on a 16-byte boundary. Addresses that a NIC must not see
// (hw/spec/partition.hh: everything from kPrivateBase on) never reach the real ring but for
// kAbortAddress: a transfer to it is refused by the boundary.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_DESCRIPTORS_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_DESCRIPTORS_HH_

#include <cstdint>

#include "hw/spec/i82574_descriptors.hh"
#include "hw/spec/i82574_receive.hh"
#include "hw/spec/partition.hh"

namespace gatehouse::interceptor {

using i82574::ReceiveFormat;

inline constexpr unsigned kPrivateShift = 39;
static_assert(uint64_t{1} << kPrivateShift == partition::kPrivateBase);
// The boundary stands in front of it, whatever is behind: below, a guest may have an IOMMU map what
// it likes, or a device's BAR. No buffer from here on reaches what the DMA window opens: it is
// shorter than 1 MiB, and firmware's first MiB is never in the window.
// In no format it says DD: as a word of a descriptor it is no report either.
inline constexpr uint64_t kAbortAddress = partition::kPrivateBase;
static_assert(kAbortAddress == partition::kRamBase);
static_assert((kAbortAddress & i82574::RX_STATUS_DD) == 0 &&
              (kAbortAddress >> i82574::desc::LEGACY_STATUS.low & i82574::RX_STATUS_DD) == 0);
static_assert(partition::kFirmwareOffset >= i82574::desc::DATA_DTALEN.mask() + 1);

using Vector [[gnu::may_alias, gnu::vector_size(16)]] = uint64_t;
using Word [[gnu::may_alias]] = uint64_t;
using Octet [[gnu::may_alias]] = uint8_t;

inline Vector& vector_at(uint8_t* ring, uint32_t unit) {
  return reinterpret_cast<Vector*>(ring)[unit];
}
inline Word load(const uint8_t* descriptor, uint32_t offset) {
  return __atomic_load_n(reinterpret_cast<const Word*>(descriptor + offset), __ATOMIC_ACQUIRE);
}
// After everything that was stored before.
inline void publish(uint8_t* descriptor, uint32_t offset, uint64_t word) {
  __atomic_store_n(reinterpret_cast<Word*>(descriptor + offset), word, __ATOMIC_RELEASE);
}
inline constexpr bool is_private(uint64_t address) { return address >> kPrivateShift != 0; }

// ---- Transmit

inline bool is_context(const uint8_t* descriptor) {
  using namespace i82574;  // NOLINT: descriptor fields
  return (get<desc::TX_COMMAND>(descriptor) & TX_CMD_DEXT) != 0 &&
         get<desc::CONTEXT_DTYP>(descriptor) == static_cast<uint64_t>(TxType::kContext);
}

// Data descriptors among `units` of the real ring that point to private memory get kAbortAddress.
// Returns how many. A context's first word, which is no address, looks private as well.
uint32_t refuse_transmit(uint8_t* real, uint32_t units);

// RS or RPS in the second word, and DD there.
inline constexpr uint64_t kReportMask = uint64_t{i82574::TX_CMD_RS | i82574::TX_CMD_RPS}
                                        << i82574::desc::TX_COMMAND.low;
inline constexpr uint64_t kTransmitDone = uint64_t{i82574::TX_STATUS_DD}
                                          << i82574::desc::TX_STATUS.low;
inline constexpr unsigned kTransmitWord = i82574::desc::TX_STATUS.word;
static_assert(i82574::desc::TX_COMMAND.word == kTransmitWord);

// DD is the NIC's alone to set: a guest that sets it before would have firmware believe that its
// frames have been sent. Returns what refuse_transmit() says of a run in which something looked
// private. `all`: whatever bits any of the units' second words has.
inline uint32_t copy_transmit(uint8_t* real, const uint8_t* guest, uint32_t units, uint64_t& all) {
  const auto* from = reinterpret_cast<const Vector*>(guest);
  auto* to = reinterpret_cast<Vector*>(real);
  static_assert(kTransmitWord == sizeof(uint64_t));
  constexpr Vector kMask{~uint64_t{0}, ~kTransmitDone};
  Vector any{};
  uint32_t left = units;
  for (; left >= 4; left -= 4, from += 4, to += 4) {
    const Vector a = from[0] & kMask, b = from[1] & kMask, c = from[2] & kMask, d = from[3] & kMask;
    to[0] = a;
    to[1] = b;
    to[2] = c;
    to[3] = d;
    any |= a | b | c | d;
  }
  for (; left != 0; --left, ++from, ++to) {
    const Vector one = *from & kMask;
    *to = one;
    any |= one;
  }
  all = any[1];
  return is_private(any[0]) ? refuse_transmit(real, units) : 0;
}

// False: it reports, and is not finished.
inline bool may_be_done(const uint8_t* real) {
  const uint64_t word = load(real, kTransmitWord);
  return (word & kReportMask) == 0 || (word & kTransmitDone) != 0;
}

// Passes finished descriptors that report on to the guest. Returns how many units it has seen:
// those that do not report, and those that do and are finished. `done`: how many of them the last
// report covers.
inline uint32_t complete_transmit(uint8_t* guest, const uint8_t* real, uint32_t units,
                                  uint32_t& done) {
  const uint8_t* at = real;
  const uint8_t* const end = real + units * i82574::kRingUnit;
  const uint8_t* reported = real;
  for (; at != end; at += i82574::kRingUnit) {
    const uint64_t word = load(at, kTransmitWord);
    if ((word & kReportMask) == 0) continue;
    if ((word & kTransmitDone) == 0) break;
    *reinterpret_cast<volatile Octet*>(guest + (at - real) + i82574::kTxStatusOctet) =
        static_cast<uint8_t>(word >> i82574::desc::TX_STATUS.low);
    reported = at + i82574::kRingUnit;
  }
  done = static_cast<uint32_t>(reported - real) / i82574::kRingUnit;
  return static_cast<uint32_t>(at - real) / i82574::kRingUnit;
}

// ---- Receive

// Addresses among `units` of the real ring that are private become kAbortAddress. Returns how many.
// `knows_none`: the NIC takes all ones for no buffer. QEMU's e1000e takes it for an address: it
// gets kAbortAddress for it, which does not count.
uint32_t refuse_receive(uint8_t* real, uint32_t units);
uint32_t refuse_split(uint8_t* real, uint32_t units, bool knows_none);

// Legacy and extended: the address, and no DD in the octet `status`. What else is there the NIC
// does not read, and writes anew.
inline uint32_t copy_receive(uint8_t* real, const uint8_t* guest, uint32_t units, uint32_t status) {
  const auto* from = reinterpret_cast<const Word*>(guest);
  auto* to = reinterpret_cast<Word*>(real);
  uint8_t* octet = real + status;
  uint64_t any = 0;
  for (uint32_t left = units; left != 0; --left) {
    const uint64_t address = *from;
    *to = address;
    *octet = 0;
    any |= address;
    from += i82574::kRingUnit / sizeof(Word);
    to += i82574::kRingUnit / sizeof(Word);
    octet += i82574::kRingUnit;
  }
  return is_private(any) ? refuse_receive(real, units) : 0;
}

// Packet split: four addresses in two units. `given` keeps what the NIC gets, since its write-back
// is told from an address only by the difference.
inline uint32_t copy_split(uint8_t* real, uint8_t* given, const uint8_t* guest, uint32_t units,
                           bool knows_none) {
  const auto* from = reinterpret_cast<const Vector*>(guest);
  for (uint32_t unit = 0; unit < units; ++unit) vector_at(real, unit) = from[unit];
  const uint32_t refused = refuse_split(real, units, knows_none);
  for (uint32_t unit = 0; unit < units; ++unit) vector_at(given, unit) = vector_at(real, unit);
  return refused;
}

// What the NIC has finished, to the guest, status last. Returns how many units.
inline uint32_t complete_extended(uint8_t* guest, const uint8_t* real, uint32_t units) {
  constexpr uint32_t kStatus = i82574::desc::STATUS_ERROR.word;
  uint32_t unit = 0;
  for (; unit != units; ++unit, real += i82574::kRingUnit, guest += i82574::kRingUnit) {
    const uint64_t status = load(real, kStatus);
    if ((status & i82574::RX_STATUS_DD) == 0) break;
    *reinterpret_cast<Word*>(guest) = *reinterpret_cast<const Word*>(real);
    publish(guest, kStatus, status);
  }
  return unit;
}

// The legacy write-back leaves the address alone, and the guest's is still there.
inline uint32_t complete_legacy(uint8_t* guest, const uint8_t* real, uint32_t units) {
  constexpr uint32_t kStatus = i82574::desc::LEGACY_STATUS.word;
  constexpr uint64_t kDone = uint64_t{i82574::RX_STATUS_DD} << i82574::desc::LEGACY_STATUS.low;
  uint32_t unit = 0;
  for (; unit != units; ++unit, real += i82574::kRingUnit, guest += i82574::kRingUnit) {
    const uint64_t status = load(real, kStatus);
    if ((status & kDone) == 0) break;
    publish(guest, kStatus, status);
  }
  return unit;
}

// Whether the split descriptor that begins at `real` is finished; `address` is what the NIC was
// given where it reports. It writes all of a report, and then DD.
inline bool split_done(const uint8_t* real, uint64_t address) {
  const uint64_t word = load(real, i82574::desc::STATUS_ERROR.word);
  return word != address && (word & i82574::RX_STATUS_DD) != 0;
}

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_DESCRIPTORS_HH_
