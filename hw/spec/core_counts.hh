// SPDX-License-Identifier: GPL-2.0-or-later
// What the counting plugin counts for each core, and how QEMU's side (QMP gatehouse-count-*) reaches it: the plugin
// exports one object of this type under this name. The columns of Ally's Table 2 are made of these.
#ifndef GATEHOUSE_HW_SPEC_CORE_COUNTS_HH_
#define GATEHOUSE_HW_SPEC_CORE_COUNTS_HH_

#include <cstdint>

namespace gatehouse::counting {

// X(name, text)
#define GATEHOUSE_CORE_COUNTS(X)                                      \
  X(instructions, "instructions executed")                            \
  X(bytes_read, "octets loaded from memory, without stack and MMIO")  \
  X(bytes_written, "octets stored to memory, without stack and MMIO") \
  X(mmio_reads, "loads from MMIO")                                    \
  X(mmio_writes, "stores to MMIO")                                    \
  X(interrupts, "returns from interrupts and exceptions (iret)")

struct CoreCounts {
#define GATEHOUSE_CORE_COUNT(name, text) uint64_t name = 0;
  GATEHOUSE_CORE_COUNTS(GATEHOUSE_CORE_COUNT)
#undef GATEHOUSE_CORE_COUNT
};

struct Interface {
  uint32_t version;  // kVersion
  // Counting begins at zero.
  void (*start)();
  void (*stop)();
  bool (*running)();
  // Cores seen so far; a core's number is its cpu-index, partitions' cores come behind the guest's.
  unsigned (*cores)();
  // Since start(), up to stop(). A core that runs goes on counting meanwhile.
  CoreCounts (*read)(unsigned core);
};

inline constexpr uint32_t kVersion = 1;
inline constexpr const char* kFileName = "libgatehouse-count.so";
inline constexpr const char* kSymbol = "gatehouse_count_interface";

}  // namespace gatehouse::counting

#endif  // GATEHOUSE_HW_SPEC_CORE_COUNTS_HH_
