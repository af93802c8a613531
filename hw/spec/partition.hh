// SPDX-License-Identifier: GPL-2.0-or-later
// What a sequestered partition's firmware finds: its address map, its control block, and the units (redirection tables,
// interrupt steering) that belong to it. Model, firmware and tests compile against these rows. Everything is
// little-endian. Idea: "Ally: OS-Transparent Packet Inspection Using Sequestered Cores", sections 3 and 4.
//
// Register rows: X(name, offset, octets, mode, text)
//   offset  from the start of the block's page
//   octets  width; an access has exactly this width and is aligned, everything else reads 0 and writes nothing
//   mode    kRw, kRo (writes change nothing), kWo (reads 0)
#ifndef GATEHOUSE_HW_SPEC_PARTITION_HH_
#define GATEHOUSE_HW_SPEC_PARTITION_HH_

#include <cstddef>
#include <cstdint>

namespace gatehouse::partition {

enum class Access : uint8_t { kRw, kRo, kWo };

struct RegisterRow {
  const char* name;
  uint32_t offset;
  uint8_t octets;
  Access mode;
  const char* text;
};

// Address map of a partition's cores. Below kPrivateBase lies the guest's physical address space as its CPUs see it.
inline constexpr uint64_t kPrivateBase = 0x80'0000'0000;  // 512 GiB: no guest here is that large
inline constexpr uint64_t kGuestEnd = 0x7d'0000'0000;     // 500 GiB: what is plugged in lies below, or is refused
inline constexpr uint64_t kRamBase = 0x80'0000'0000;      // private RAM
inline constexpr uint64_t kMaxRam = 0x1'0000'0000;        // 4 GiB
inline constexpr uint64_t kMmioBase = 0x81'0000'0000;     // private registers: page 0 is the control block
inline constexpr uint64_t kMmioOctets = 0x10'0000;        // 1 MiB
inline constexpr uint64_t kPage = 0x1000;
inline constexpr uint64_t kBarWindowBase = 0x82'0000'0000;   // unit u's BAR b at + u * kBarWindowUnit + b * kBarWindow
inline constexpr uint64_t kBarWindow = 0x100'0000;           // 16 MiB; what a BAR has beyond is not in the window
inline constexpr uint64_t kBarWindowUnit = 0x800'0000;       // 128 MiB
inline constexpr uint64_t kDeviceViewBase = 0x90'0000'0000;  // unit u: memory as the steered device's DMA sees it
inline constexpr uint64_t kDeviceView = 0xc'0000'0000;       // 48 GiB
inline constexpr unsigned kMaxUnits = 6;
// Behind all of it. The guest's firmware puts large BARs into the last eighth of the CPU's 40 address bits.
inline constexpr uint64_t kPrivateEnd = kDeviceViewBase + kMaxUnits * kDeviceView;
static_assert(kPrivateEnd <= 0xe0'0000'0000);
inline constexpr unsigned kMaxCores = 8;
inline constexpr unsigned kMaxPartitions = 4;
// The core's start: 64-bit mode, all of the first TiB mapped to itself, interrupts off, rdi = core index, rsp = top of
// a stack of kStackOctets of its own. All cores start at the ELF entry. CR4 has PAE alone (no SSE yet), the IDT is
// empty: an exception before there is one shuts the core down (event GATEHOUSE_PARTITION_FAULT) until the partition
// starts anew. Each core has a local APIC at 0xfee00000 whose ID is the core's index; it is disabled at the start. Its
// ICR reaches the cores of the same partition: fixed, lowest priority and NMI, physical or flat logical destination,
// all shorthands; anything else (INIT, start-up) is refused and counted. So are stores to the range of interrupt
// messages beside the APIC's page: INJECT of a steering unit is the way to the guest's interrupts. I/O ports read all
// ones and write nothing; a write to kYieldPort tells the host that the core waits for others.
inline constexpr uint16_t kYieldPort = 0x80;  // where PCs have an I/O delay
inline constexpr uint64_t kStackOctets = 0x1'0000;
// Firmware is an ELF64 x86-64 executable (ET_EXEC) whose segments lie in [kRamBase + kFirmwareOffset, end of RAM).
// Below: page tables and stacks, made by the model.
inline constexpr uint64_t kFirmwareOffset = 0x10'0000;  // 1 MiB
inline constexpr uint64_t kMinRam = 0x40'0000;          // 4 MiB

inline constexpr uint64_t kMagic = 0x3130'5452'4150'4847;  // "GHPART01"
inline constexpr uint32_t kFirstVector = 32, kLastVector = 254;

// Control block: page 0 of the private registers.
#define GATEHOUSE_PARTITION_REGISTERS(X)                                                                    \
  X(MAGIC, 0x000, 8, kRo, "kMagic")                                                                         \
  X(CORES, 0x008, 4, kRo, "cores of this partition")                                                        \
  X(CORE, 0x00c, 4, kRo, "index of the core that reads")                                                    \
  X(RAM_OCTETS, 0x010, 8, kRo, "size of the private RAM")                                                   \
  X(FIRMWARE_END, 0x018, 8, kRo, "address behind the firmware's last segment, on a page boundary")          \
  X(DATA, 0x020, 8, kRo, "address of the data image (property data=), at the end of private RAM; 0: none")  \
  X(DATA_OCTETS, 0x028, 8, kRo, "its size")                                                                 \
  X(UNITS, 0x030, 4, kRo, "rows of the unit directory")                                                     \
  X(GUEST_RESETS, 0x034, 4, kRo, "resets of the guest since the partition started")                         \
  X(GUEST_RESET_VECTOR, 0x038, 4, kRw, "interrupt on core 0 at a reset of the guest (persist=on); 0: none") \
  X(CLOCK, 0x040, 8, kRo, "virtual clock, nanoseconds")                                                     \
  X(CONSOLE, 0x048, 4, kRw,                                                                                 \
    "write: one octet to the console; read: one octet from it, or all ones when there is none")             \
  X(CONSOLE_VECTOR, 0x04c, 4, kRw,                                                                          \
    "interrupt on core 0 when the console has input, also what waits when this is written; 0: none")        \
  X(CONSOLE_TEXT, 0x050, 8, kRw, "address in private RAM of text for CONSOLE_LENGTH")                       \
  X(CONSOLE_LENGTH, 0x058, 4, kWo, "writes so many octets of CONSOLE_TEXT, at most 4096, to the console")   \
  X(REQUEST, 0x060, 4, kRo, "the manager's last request (QMP gatehouse-partition-request)")                 \
  X(REQUEST_VECTOR, 0x064, 4, kRw,                                                                          \
    "interrupt on core 0 with each request, also an unanswered one when this is written; 0: none")          \
  X(ANSWER, 0x068, 4, kRw, "what the firmware answers; written: the request is done")                       \
  X(ALERT, 0x070, 8, kRw, "address in private RAM of an alert's text, for ALERT_LENGTH")                    \
  X(ALERT_LENGTH, 0x078, 4, kWo, "so many octets, at most 1024, become an event GATEHOUSE_PARTITION_ALERT")

// What follows in the control block.
inline constexpr uint32_t kUnitDirectory = 0x400;  // UnitRow[kMaxUnits]
inline constexpr uint32_t kArguments = 0x800;      // text of the property arguments=, ends with 0
inline constexpr uint32_t kArgumentsOctets = 0x400;

enum class UnitKind : uint32_t { kNone = 0, kRedirect = 1, kSteer = 2 };

struct UnitRow {
  UnitKind kind;
  uint32_t registers;  // offset of the unit's page from kMmioBase
  uint64_t window;     // kRedirect: BAR 0 of the real device, kBarWindow for each BAR. kSteer: the device view
  uint64_t window_octets;
  char device[40];  // the device's id, ends with 0
};
static_assert(sizeof(UnitRow) == 64);

// What requests mean to the firmware that comes with Gatehouse; another's may differ.
enum class Request : uint32_t { kNone = 0, kStart = 1, kStop = 2, kReport = 3 };
enum class Answer : uint32_t { kDone = 0, kUnknown = 1, kFailed = 2 };

// In private RAM, between a unit and firmware; both sides access the words atomically.
//   The unit sets a bit of `pending` or advances `produced`, then exchanges `armed` with 0 and raises its interrupt
//   when it was not 0: at once when it was kArmedAtOnce, else not before so many ns of virtual time have passed since
//   the last interrupt of a unit on that core (what a NIC's EITR does: firmware chooses how many it wants). Firmware
//   that wants to halt sets `armed`, then looks at `pending` and `produced` once more. While `armed` is 0 nothing
//   interrupts anew, however much happens; an interrupt that waits for its time comes all the same, also when its unit
//   is no longer in force. Units whose ARMED is the same word interrupt once for all of them: a core that waits for
//   several arms them by one store. Firmware clears it before the first COMMIT; later ones go on with the counts that
//   they find.
//   Bits of `patient` can wait for others to interrupt; so can those of `watched` while the descriptor that they tell
//   of is not finished (a NIC may repeat itself): the octet at `octet` + kWatchStep * the word at `index` has no bit of
//   `octet_mask`. Where nothing else comes, they interrupt `patience` ns of virtual time later, if they are still
//   pending; what waits at a migration does at once.
inline constexpr uint32_t kArmedAtOnce = 1;
inline constexpr uint32_t kWatchStep = 16;
struct alignas(64) UnitControl {
  uint64_t pending;  // unit sets (or), firmware takes (exchanges all or a half with 0). Redirection: bit e, entry e was
                     // written. Steering: bit s, message slot s has come
  uint32_t produced;  // records that the unit has put on the ring, modulo 2^32
  uint32_t overruns;  // records that found the ring full and are lost (redirection: the shadow has the last value)
  uint32_t armed;
  uint32_t consumed;  // records that firmware has taken
  // Firmware's, but for bits that the unit clears (kIntxSlot).
  uint64_t patient, watched;  // bits of `pending`
  uint64_t octet, index;      // addresses in private RAM; what is none is finished
  uint32_t octet_mask;
  uint32_t patience;  // ns; 0: nothing waits
};
static_assert(sizeof(UnitControl) == 64);

// Every unit's page begins alike.
#define GATEHOUSE_UNIT_REGISTERS(X)                                                                                 \
  X(STATUS, 0x000, 4, kRo, "bit 0: the device is there; bit 1: in force")                                           \
  X(CONTROL, 0x008, 8, kRw, "address of UnitControl in private RAM; 0: the unit does nothing")                      \
  X(RING, 0x010, 8, kRw, "address of the ring of records in private RAM; 0: none, records are overruns")            \
  X(RING_RECORDS, 0x018, 4, kRw, "its length: a power of two from 16 to 65536")                                     \
  X(VECTOR, 0x01c, 4, kRw, "interrupt vector, 32..254; 0: none")                                                    \
  X(TARGET, 0x020, 4, kRw, "core that it interrupts")                                                               \
  X(COMMIT, 0x024, 4, kWo,                                                                                          \
    "1: what has been set up comes in force, if it is valid, else what was in force stays; 0: nothing is in force") \
  X(RESULT, 0x028, 4, kRo, "Result of the last COMMIT")                                                             \
  X(RESULT_ENTRY, 0x02c, 4, kRo, "entry that RESULT is about, where it is about one")                               \
  X(ARMED, 0x030, 8, kRw, "address of a word in private RAM to use as UnitControl's `armed`; 0: that one")

inline constexpr uint32_t kStatusPresent = 1, kStatusActive = 2;

// X(number, name, text)
#define GATEHOUSE_UNIT_RESULTS(X)                                                                             \
  X(0, ok, "in force")                                                                                        \
  X(1, off, "nothing is in force")                                                                            \
  X(2, no_device, "the device is not plugged in")                                                             \
  X(3, bad_control, "CONTROL is not 64-byte aligned private RAM, or ARMED not a word of it")                  \
  X(4, bad_ring, "RING or RING_RECORDS: not private RAM, not aligned or not a power of two from 16 to 65536") \
  X(5, bad_vector, "VECTOR or TARGET out of range")                                                           \
  X(6, bad_table, "TABLE, TABLE_ENTRIES or SLOTS: not private RAM, not aligned or too many")                  \
  X(7, bad_bar, "an entry names a BAR that the device does not have")                                         \
  X(8, bad_range, "an entry is empty, unaligned or reaches beyond its BAR")                                   \
  X(9, overlap, "two entries overlap")                                                                        \
  X(10, bad_mode, "an entry's mode or flags are unknown, or reserved octets are not 0")                       \
  X(11, bad_shadow, "an entry's shadow is not private RAM or not aligned")                                    \
  X(12, bad_dma, "DMA or DMA_OCTETS: not page-aligned private RAM above the firmware's start")                \
  X(13, bad_steering, "STEER has unknown bits, or INTx cannot be told apart on this bus")                     \
  X(14, bad_seals, "SEALS, SEAL_UNITS or SEAL_KEY: not private RAM, not aligned or out of range")             \
  X(15, no_seals, "SEALS: the device does not check seals (only gatehouse-vnic does)")                        \
  X(16, bad_rules, "an entry's rules are not private RAM, not aligned or without a shadow")

enum class Result : uint32_t {
#define GATEHOUSE_UNIT_RESULT(number, name, text) k_##name = number,
  GATEHOUSE_UNIT_RESULTS(GATEHOUSE_UNIT_RESULT)
#undef GATEHOUSE_UNIT_RESULT
};

// ---- gatehouse-redirect -------------------------------------------------------------------------------------------

#define GATEHOUSE_REDIRECT_REGISTERS(X)                                \
  X(TABLE, 0x040, 8, kRw, "address of RedirectEntry[] in private RAM") \
  X(TABLE_ENTRIES, 0x048, 4, kRw, "entries, at most 64. COMMIT reads the table; edits need another COMMIT")

inline constexpr unsigned kMaxRedirectEntries = 64;

enum class RedirectRead : uint8_t {
  kReal = 0,      // the device's register
  kShadow = 1,    // private RAM
  kIndirect = 2,  // see below
};
enum class RedirectWrite : uint8_t {
  kLast = 0,      // stored in the shadow, sets the entry's pending bit: for registers of which the last value counts
  kPost = 1,      // a record on the ring
  kThrough = 2,   // to the device first, then a record on the ring
  kReal = 3,      // to the device, nobody is told
  kDrop = 4,      // nowhere
  kIndirect = 5,  // see below
};
// Flags
inline constexpr uint8_t kRedirectStore = 1;  // kPost, kThrough: the shadow stores what was written, too
// An access is cut into naturally aligned pieces of 1, 2, 4 or 8 octets, none of which reaches over the end of an
// entry; each has its entry's treatment and its own record, the lowest address first. What no entry has goes to the
// device.
//
// kIndirect, for reads and writes of 4 octets in another BAR than 0: a data register, whose address register is the
// device's own in the 4 octets before (82574L: IODATA and IOADDR). The access is made to BAR 0 where the address
// register says, as if the guest had made it there, under the same table; beyond BAR 0 it goes to the device's data
// register. A write sets the entry's pending bit besides. Smaller accesses read 0 and write nothing.

// What a word of a shadow is when its entry has rules: a register of 32 bits. Writes of fewer than 4 octets to such an
// entry do nothing at all.
struct RedirectRule {
  uint32_t writable;  // the other bits stay as they are in the shadow; a record has all that was written
  uint32_t reset;     // in the shadow at once when the device is reset
};
static_assert(sizeof(RedirectRule) == 8);

struct RedirectEntry {
  uint32_t offset;  // in the BAR, multiple of 4
  uint32_t length;  // octets, multiple of 4
  uint8_t bar;
  RedirectRead read;
  RedirectWrite write;
  uint8_t flags;
  uint32_t resets;  // kThrough, kReal: a written word of 32 bits that has one of these resets the device; 0: none does
  uint64_t shadow;  // address of `length` octets of private RAM, multiple of 8; 0: none (needed by kShadow, kLast,
                    // kRedirectStore)
  uint64_t rules;   // address of RedirectRule[length / 4] in private RAM, multiple of 8; 0: none, the shadow stores
                    // octets. Firmware may change them at any time
};
static_assert(sizeof(RedirectEntry) == 32);

enum class RedirectRecordKind : uint8_t {
  kWrite = 0,
  kReset = 1,      // the device was reset (machine, bus, function level, an entry's `resets`): its registers have
                   // their reset values, and so have shadows with rules
  kUnplugged = 2,  // the device is gone, the table is not in force any more
};
struct RedirectRecord {
  uint32_t offset;
  uint8_t bar;
  uint8_t octets;  // of the access, or of this piece: 1, 2, 4, 8
  uint8_t entry;
  RedirectRecordKind kind;
  uint64_t value;
};
static_assert(sizeof(RedirectRecord) == 16);

// ---- gatehouse-steer ----------------------------------------------------------------------------------------------

// STEER bits
inline constexpr uint32_t kSteerMsi = 1;     // MSI and MSI-X messages
inline constexpr uint32_t kSteerIntx = 2;    // INTx, where the bus can tell this device's line apart
inline constexpr uint32_t kSteerRing = 4;    // every message is a record on the ring, besides its slot's pending bit
inline constexpr uint32_t kSteerSealed = 8;  // data without a seal is not sent. Needs SEALS

#define GATEHOUSE_STEER_REGISTERS(X)                                                                               \
  X(STEER, 0x040, 4, kRw, "kSteer bits")                                                                           \
  X(SLOTS, 0x048, 8, kRw, "address of SteerSlot[64] in private RAM: the unit writes a slot for each new message")  \
  X(DMA, 0x050, 8, kRw, "address in private RAM from which on the device's DMA may reach it, at the same address") \
  X(DMA_OCTETS, 0x058, 8, kRw, "so many octets; 0: none")                                                          \
  X(INJECT_SLOT, 0x060, 4, kWo, "sends slot's message to the guest as if the device had")                          \
  X(INJECT_ADDRESS, 0x068, 8, kRw, "address for INJECT_DATA")                                                      \
  X(INJECT_DATA, 0x070, 4, kWo, "sends this message to the guest as if the device had")                            \
  X(INJECT_INTX, 0x074, 4, kWo, "level of the device's INTx line towards the guest")                               \
  X(DMA_DENIED, 0x078, 8, kRo, "DMA accesses of the device to private addresses outside of the window")            \
  X(SEALS, 0x080, 8, kRw, "address in private RAM of uint64_t[kSealRings][SEAL_UNITS]; 0: none")                   \
  X(SEAL_UNITS, 0x088, 4, kRw, "seals of each ring, at most kMaxSealUnits")                                        \
  X(SEAL_KEY, 0x090, 8, kRw, "key of the seals, 1 .. kMaxSealKey: secret from the guest")                          \
  X(SEALS_BROKEN, 0x098, 8, kRo, "frames that were not sent since their data did not have its seal")

inline constexpr unsigned kSteerSlots = 64;
// Messages use 0..62. A 64th takes the slot of one that is not pending and was injected since it came, and that bit of
// `patient` and `watched` is cleared; where all are on their way, it shares slot 62 and is an overrun.
inline constexpr unsigned kIntxSlot = 63;

struct SteerSlot {
  uint64_t address;  // of the message; kIntxSlot: level of the line
  uint32_t data;
  uint32_t count;  // since COMMIT, modulo 2^32
};
static_assert(sizeof(SteerSlot) == 16);

// A seal is kSealed and the seal() of hw/core/base/seal.hh over the octets that a descriptor carries. A table has one
// for each position of a ring (a packet split descriptor's is that of its first unit), the rings in this order:
//   receive 0, receive 1: the card stores what it has written to the guest's buffers, before it writes the descriptor
//     back; 0 when it could not write them.
//   transmit 0, transmit 1: the card compares what it has read with what firmware stored before it moved the tail;
//     other data does not leave (drop reason tx_seal_broken). 0: not sealed, see kSteerSealed.
// A COMMIT that changes nothing of messages' and the line's steering leaves slots as they are.
inline constexpr unsigned kSealRings = 4;
inline constexpr uint32_t kMaxSealUnits = 65536;
inline constexpr uint64_t kSealed = uint64_t{1} << 63;
inline constexpr uint64_t kMaxSealKey = (uint64_t{1} << 61) - 2;

struct SteerRecord {
  uint64_t address;
  uint32_t data;
  uint32_t slot;
};
static_assert(sizeof(SteerRecord) == 16);

// ---- Register names ------------------------------------------------------------------------------------------------

#define GATEHOUSE_PARTITION_OFFSET(name, offset, octets, mode, text) inline constexpr uint32_t name = offset;
#define GATEHOUSE_PARTITION_ROW(name, offset, octets, mode, text) {#name, offset, octets, Access::mode, text},
namespace reg {
GATEHOUSE_PARTITION_REGISTERS(GATEHOUSE_PARTITION_OFFSET)
}
namespace unit {
GATEHOUSE_UNIT_REGISTERS(GATEHOUSE_PARTITION_OFFSET)
}
namespace redirect {
GATEHOUSE_REDIRECT_REGISTERS(GATEHOUSE_PARTITION_OFFSET)
}
namespace steer {
GATEHOUSE_STEER_REGISTERS(GATEHOUSE_PARTITION_OFFSET)
}
inline constexpr RegisterRow kPartitionRows[] = {GATEHOUSE_PARTITION_REGISTERS(GATEHOUSE_PARTITION_ROW)};
inline constexpr RegisterRow kRedirectRows[] = {GATEHOUSE_UNIT_REGISTERS(GATEHOUSE_PARTITION_ROW)
                                                    GATEHOUSE_REDIRECT_REGISTERS(GATEHOUSE_PARTITION_ROW)};
inline constexpr RegisterRow kSteerRows[] = {GATEHOUSE_UNIT_REGISTERS(GATEHOUSE_PARTITION_ROW)
                                                 GATEHOUSE_STEER_REGISTERS(GATEHOUSE_PARTITION_ROW)};
#undef GATEHOUSE_PARTITION_OFFSET
#undef GATEHOUSE_PARTITION_ROW

}  // namespace gatehouse::partition

#endif  // GATEHOUSE_HW_SPEC_PARTITION_HH_
