// SPDX-License-Identifier: GPL-2.0-or-later
// What the keeper (main.cc) and the tests agree on: what its RAM holds, what it can be asked for
// (QMP gatehouse-partition-request), what it answers.
#ifndef GATEHOUSE_TESTS_ISOLATION_KEEPER_KEEPER_HH_
#define GATEHOUSE_TESTS_ISOLATION_KEEPER_KEEPER_HH_

#include <cstdint>

#include "hw/spec/partition.hh"

namespace gatehouse::isolation {

// The word at this address of its free RAM, from here to the end (splitmix64's finalizer).
inline constexpr uint64_t kTreasure = partition::kRamBase + 0x20'0000;
inline constexpr uint64_t kMemory = 0x40'0000;
constexpr uint64_t treasure(uint64_t address) {
  uint64_t z = address * 0x9e37'79b9'7f4a'7c15;
  z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
  return z ^ z >> 31;
}

// Of its treasure, what a steered device's DMA may reach after kSteer or kOpenWindow.
inline constexpr uint64_t kWindow = kTreasure + 0x8'0000;
inline constexpr uint64_t kWindowOctets = 0x1'0000;

enum Ask : uint32_t {
  // Whether the treasure is whole, each core answers, nothing has interrupted one: an Answer.
  kReport = static_cast<uint32_t>(partition::Request::kReport),
  // What a core must not be able to do to the guest. Answer: kWhole.
  kPorts = 0x10,  // OUT to the ports that reset, switch A20, raise an SMI; IN from the PCI ports
  kIpis,          // INIT, start-up, SMI, NMI and fixed interrupts to all but itself
  kMessages,      // stores to the addresses of interrupt messages, also through its unit's view
  kFlood,         // a MiB of text, and as many alerts as it can
  kMemoryAll,     // loads from each GiB of its address map
  kSpoil,         // changes a word of the treasure; once more: changes it back
  kHostileUnits,  // all registers of all its pages, with hostile values
  kUnsafeUnits,  // its units' settings, one after the other, not private RAM. Answer: how many were
                 // taken
  kSteer,        // its steering unit takes messages, the device has a window. Answer: Result
  kOpenWindow,   // the same without messages
  kInject,       // every message that came goes on to the guest
  kUnsteer,      // nothing is in force any more
  kTripleFault,  // of its last core, and of no other. That one answers no kReport any more
};

// Bits of the answer to kReport.
enum Answer : uint32_t { kWhole = 0, kChanged = 1, kInterrupted = 2, kCoreSilent = 4 };

}  // namespace gatehouse::isolation

#endif  // GATEHOUSE_TESTS_ISOLATION_KEEPER_KEEPER_HH_
