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
  const Piece copy = seals.copy(frame);
  const bool received = frame.direction == Direction::kReceive;
  if (received) {
    const Seals::Received check = seals.check(frame);
    if (check != Seals::Received::kAsStored) return refuse(check, counts);
  }
  ++counts.inspected;
  const Verdict verdict =
      inspector->inspect({frame.direction, frame.queue, frame.octets, {&copy, 1}});
  if (verdict == Verdict::kDrop) {
    ++counts.dropped;
    return verdict;
  }
  if (verdict == Verdict::kChange) seals.copy_back(frame);
  if (!received) seals.seal(frame);
  return verdict;
}

}  // namespace gatehouse::interceptor
