// SPDX-License-Identifier: GPL-2.0-or-later
// What both rings need to have frames inspected, and what they count.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTION_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTION_HH_

#include <cstdint>

#include "firmware/interceptor/alerts.hh"
#include "firmware/interceptor/guest_memory.hh"
#include "firmware/interceptor/inspector.hh"
#include "firmware/interceptor/seals.hh"

namespace gatehouse::interceptor {

// X(name, text)
#define GATEHOUSE_INTERCEPTOR_COUNTS(X)                                               \
  X(transmit_descriptors, "descriptors to the NIC")                                   \
  X(receive_descriptors, "buffers to the NIC")                                        \
  X(messages, "interrupts of the device")                                             \
  X(resets, "resets of the device")                                                   \
  X(set_ups, "rings set up or changed")                                               \
  X(unusable_rings, "rings that are too long, or not in memory that the NIC reaches") \
  X(refused_addresses, "buffers in private memory")                                   \
  X(io_accesses, "looks that found writes to registers through the I/O BAR")          \
  X(overruns, "records of the redirection table that were lost")                      \
  X(inspected, "frames inspected")                                                    \
  X(dropped, "frames dropped by the inspector")                                       \
  X(unseen, "frames dropped because not all of them could be looked at")              \
  X(tampered, "frames dropped because the guest had changed what the NIC received")

struct Counts {
#define GATEHOUSE_INTERCEPTOR_COUNT(name, text) uint64_t name = 0;
  GATEHOUSE_INTERCEPTOR_COUNTS(GATEHOUSE_INTERCEPTOR_COUNT)
#undef GATEHOUSE_INTERCEPTOR_COUNT
};

struct Inspection {
  Inspector* inspector = nullptr;  // null: everything passes
  GuestMemory guest{};
  FrameBuilder builder{};
  Seals seals{};
  AlertSink* alerts = nullptr;

  // Of the frame in `builder`.
  Verdict decide(Direction direction, unsigned queue, Counts& counts) {
    if (!builder.whole()) {
      ++counts.unseen;
      return Verdict::kDrop;
    }
    const Frame frame = builder.frame(direction, queue);
    if (seals.used()) return decide_sealed(frame, counts);
    ++counts.inspected;
    const Verdict verdict = inspector->inspect(frame);
    if (verdict == Verdict::kDrop) ++counts.dropped;
    return verdict;
  }

 private:
  Verdict decide_sealed(const Frame& frame, Counts& counts);
  Verdict refuse(Seals::Received why, Counts& counts);
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTION_HH_
