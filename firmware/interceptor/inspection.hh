// SPDX-License-Identifier: GPL-2.0-or-later
// What both rings need to have frames inspected, and what they count.
#ifndef GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTION_HH_
#define GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTION_HH_

#include <cstdint>

#include "firmware/interceptor/alerts.hh"
#include "firmware/interceptor/copies.hh"
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
  X(tampered, "frames dropped because the guest had changed what the NIC received")   \
  X(waits, "times that frames waited for room in private memory")

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
  Copies copies{};
  AlertSink* alerts = nullptr;

  // Of the frame in `builder`; one that copies.hh is about: received ones only.
  Verdict decide(Direction direction, unsigned queue, Counts& counts) {
    if (!builder.whole()) {
      ++counts.unseen;
      return Verdict::kDrop;
    }
    const Frame frame = builder.frame(direction, queue);
    if (seals.used()) return decide_sealed(frame, counts);
    if (copies.used()) return decide_received(frame, counts);
    return inspect(frame, counts);
  }
  Verdict inspect(const Frame& frame, Counts& counts) {
    ++counts.inspected;
    const Verdict verdict = inspector->inspect(frame);
    if (verdict == Verdict::kDrop) ++counts.dropped;
    return verdict;
  }
  // Of `frame`, whose octets lie in `copy` as well.
  Verdict inspect_copy(const Frame& frame, uint8_t* copy, Counts& counts) {
    const Piece piece{copy, frame.octets};
    return inspect({frame.direction, frame.queue, frame.octets, {&piece, frame.octets != 0}},
                   counts);
  }

 private:
  Verdict decide_received(const Frame& frame, Counts& counts);
  Verdict decide_sealed(const Frame& frame, Counts& counts);
  Verdict refuse(Seals::Received why, Counts& counts);
};

}  // namespace gatehouse::interceptor

#endif  // GATEHOUSE_FIRMWARE_INTERCEPTOR_INSPECTION_HH_
