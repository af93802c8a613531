// SPDX-License-Identifier: GPL-2.0-or-later
#include "firmware/interceptor/inspection.hh"

#include <bit>

namespace gatehouse::interceptor {

Verdict Inspection::refuse(Seals::Received why, Counts& counts) {
  if (why == Seals::Received::kUnknown) {
    ++counts.unseen;
    return Verdict::kDrop;
  }
  ++counts.tampered;
  if (std::bit_floor(counts.tampered) == counts.tampered)
    alerts->alert(Alert::kTampered, counts.tampered);
  return Verdict::kDrop;
}

Verdict Inspection::decide_sealed(const Frame& frame, Counts& counts) {
  if (frame.octets > kCopyOctets) {
    ++counts.unseen;
    return Verdict::kDrop;
  }
  gather(frame, seals.copy());
  const bool received = frame.direction == Direction::kReceive;
  if (received) {
    const Seals::Received check = seals.check(frame);
    if (check != Seals::Received::kAsStored) return refuse(check, counts);
  }
  const Verdict verdict = inspect_copy(frame, seals.copy(), counts);
  if (verdict == Verdict::kDrop) return verdict;
  if (verdict == Verdict::kChange) scatter(frame, seals.copy());
  if (!received) seals.seal(frame);
  return verdict;
}

// What the NIC has written goes to the guest when it has passed.
Verdict Inspection::decide_received(const Frame& frame, Counts& counts) {
  const FrameBuilder& received = copies.received();
  if (!received.whole() || frame.octets > kCopyOctets) {
    ++counts.unseen;
    return Verdict::kDrop;
  }
  gather(received.frame(frame.direction, frame.queue), copies.frame());
  const Verdict verdict = inspect_copy(frame, copies.frame(), counts);
  if (verdict != Verdict::kDrop) scatter(frame, copies.frame());
  return verdict;
}

}  // namespace gatehouse::interceptor
